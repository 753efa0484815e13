//! joblib's names: what a file or folder in its store is, and what a function is called.
//!
//! Rules from `joblib/_store_backends.py` and `joblib/func_inspect.py: get_func_name`, checked with joblib 0.7.1 to 1.6.0.

use std::ffi::OsStr;

use crate::model::text;

/// The value.
pub(super) const OUTPUT: &str = "output.pkl";
/// Arguments, duration and time, since joblib 0.8.
pub(super) const METADATA: &str = "metadata.json";
/// The arguments alone, in joblib 0.7.
pub(super) const ARGS: &str = "input_args.json";
/// The function's source, in its folder.
pub(super) const CODE: &str = "func_code.py";
/// The folder that `Memory("x")` makes in `x`.
pub(super) const STORE: &str = "joblib";

/// `joblib.hash` of the arguments: an MD5 in lower-case hex.
const HASH_DIGITS: usize = 32;

/// What a file in an entry's folder is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FileRole {
    /// `output.pkl`.
    Output,
    /// An array that joblib before 0.10 kept beside it: `output.pkl_01.npy`, `output.pkl_01.npy.z`.
    SideFile,
    /// `metadata.json`.
    Metadata,
    /// `input_args.json`.
    Args,
    /// Written under this name and renamed when whole; left behind by a crash.
    Temporary,
    /// Nothing that joblib writes there.
    Foreign,
}

impl FileRole {
    pub(super) fn of(name: &OsStr) -> Self {
        let name = name.as_encoded_bytes();
        if name == OUTPUT.as_bytes() {
            Self::Output
        } else if name == METADATA.as_bytes() {
            Self::Metadata
        } else if name == ARGS.as_bytes() {
            Self::Args
        } else if is_side_file(name) {
            Self::SideFile
        } else if is_temporary(name) {
            Self::Temporary
        } else {
            Self::Foreign
        }
    }
}

/// joblib's own test, `re.match("[a-f0-9]{32}", name)`: a *prefix*, so longer names and functions that
/// happen to be named so count as entries too (`_store_backends.py: get_items`).
pub(super) fn is_entry_name(name: &[u8]) -> bool {
    name.get(..HASH_DIGITS)
        .is_some_and(|hash| hash.iter().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')))
}

/// True for what joblib puts into an entry's folder itself, temporary files included.
pub(super) fn is_own_file(name: &OsStr) -> bool {
    FileRole::of(name) != FileRole::Foreign
}

/// True for what is renamed when it is whole.
pub(super) fn is_temporary_file(name: &OsStr) -> bool {
    is_temporary(name.as_encoded_bytes())
}

fn is_side_file(name: &[u8]) -> bool {
    let Some(rest) = name.strip_prefix(b"output.pkl_") else {
        return false;
    };
    let n_digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
    n_digits > 0 && matches!(rest.get(n_digits..), Some(b".npy" | b".npy.z"))
}

/// `NAME.thread-<id>-pid-<pid>` (0.11 to 1.5) or `NAME.<uuid>-<pid>-<thread id>` (since 1.5.3).
pub(super) fn is_temporary(name: &[u8]) -> bool {
    let suffix = [OUTPUT, METADATA, CODE]
        .iter()
        .find_map(|base| name.strip_prefix(base.as_bytes())?.strip_prefix(b"."));
    let Some(Ok(suffix)) = suffix.map(std::str::from_utf8) else {
        return false;
    };
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let parts: Vec<_> = suffix.split('-').collect();
    match *parts.as_slice() {
        ["thread", thread, "pid", pid] => is_number(thread) && is_number(pid),
        [uuid, pid, thread] => {
            uuid.len() == HASH_DIGITS
                && is_entry_name(uuid.as_bytes())
                && is_number(pid)
                && is_number(thread)
        }
        _ => false,
    }
}

/// A function's name in listings and queries: the parts of its folder's path joined with dots, one for each folder.
///
/// joblib splits modules at every dot, so that no part has one; where some other hand made a folder with a
/// dot in its name, the slashes stay, or two folders would share a label. `store` names the function whose
/// own folder was opened as the store.
pub(super) fn label(locator: &[u8], store: &OsStr) -> String {
    let path = text::from_bytes(locator);
    if path.is_empty() {
        return text::from_bytes(store.as_encoded_bytes()).into_owned();
    }
    let has_dots = path.contains('.');
    match (path.contains('/'), has_dots) {
        (_, false) => path.replace('/', "."),
        (true, true) => path.into_owned(),
        (false, true) => format!("./{path}"),
    }
}

/// A function as the person who wrote it knows it: `train: fit` for `__main__--home-ana-train/fit`.
///
/// What joblib's mangling lost (whether a dash was a slash) is not guessed at; two functions may share a title.
pub(super) fn title(locator: &[u8]) -> String {
    let path = unquoted(&text::from_bytes(locator));
    let path = path.strip_prefix('/').unwrap_or(&path);
    if path == "functools/unknown" {
        return "a functools.partial".to_owned();
    }
    let Some(mangled) = path.strip_prefix("__main__-") else {
        return path.replace("/<locals>/", " › ").replace('/', ".");
    };
    // Every '.' in the script's path began a new folder; the function's qualified name follows.
    let parts: Vec<_> = mangled.split('/').collect();
    let is_of_path = |part: &&str| !part.starts_with('<') && part.contains([' ', '-']);
    let n_of_script = parts
        .iter()
        .rposition(is_of_path)
        .map_or(1, |last| last + 1);
    let (script, name) = parts.split_at(n_of_script);
    let script = script.join(".");
    let name = name
        .join("/")
        .replace("/<locals>/", " › ")
        .replace('/', ".");
    let place = if let Some((_, cell)) = script.split_once("<ipython-input") {
        notebook_cell(cell.trim_matches(|c| matches!(c, '-' | '_' | '>')))
    } else if let Some((_, cell)) = script.rsplit_once("-ipykernel") {
        notebook_cell(cell.rsplit(['-', '_']).next().unwrap_or_default())
    } else if script.contains("__ipython-input__") {
        notebook_cell("")
    } else {
        script.rsplit('-').next().unwrap_or_default().to_owned()
    };
    if name.is_empty() {
        place
    } else {
        format!("{place}: {name}")
    }
}

fn notebook_cell(hash: &str) -> String {
    match hash.get(..8).unwrap_or(hash) {
        "" => "notebook".to_owned(),
        head => format!("notebook cell {head}"),
    }
}

/// Undoes what joblib does to `< > ! : \` on Windows (`func_inspect.py: _clean_win_chars`).
pub(super) fn unquoted(path: &str) -> String {
    let quoted = [
        ("%3C", "<"),
        ("%3E", ">"),
        ("%21", "!"),
        ("%3A", ":"),
        ("%5C", "\\"),
    ];
    quoted
        .iter()
        .fold(path.to_owned(), |path, (from, to)| path.replace(from, to))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entry_folders_begin_with_32_lower_case_hex_digits() {
        let hash = "0123456789abcdef0123456789abcdef";
        for (name, expected) in [
            (hash.to_owned(), true),
            (format!("{hash}0"), true),
            (format!("{hash}.old"), true),
            (hash.to_uppercase(), false),
            (hash.replacen('0', "", 1), false),
            (format!("K_{hash}"), false),
        ] {
            assert_eq!(is_entry_name(name.as_bytes()), expected, "{name}");
        }
    }

    #[test]
    fn files_are_told_by_their_exact_names() {
        use FileRole as Role;
        for (name, role) in [
            ("output.pkl", Role::Output),
            ("metadata.json", Role::Metadata),
            ("input_args.json", Role::Args),
            ("output.pkl_01.npy", Role::SideFile),
            ("output.pkl_112.npy.z", Role::SideFile),
            ("output.pkl_.npy", Role::Foreign),
            ("output.pkl_01.npy~", Role::Foreign),
            (
                "output.pkl.thread-140343243390640-pid-9260",
                Role::Temporary,
            ),
            (
                "output.pkl.eb90112d8eb146bd9204024a4368e832-9327-139631469774560",
                Role::Temporary,
            ),
            (
                "metadata.json.eb90112d8eb146bd9204024a4368e832-9327-1",
                Role::Temporary,
            ),
            ("func_code.py.thread-1-pid-2", Role::Temporary),
            ("output.pkl.bak", Role::Foreign),
            ("output.pkl.thread-1-pid-", Role::Foreign),
            ("output.pkl.thread--pid-3", Role::Foreign),
            ("func_code.py", Role::Foreign),
            ("notes.txt", Role::Foreign),
        ] {
            assert_eq!(FileRole::of(name.as_ref()), role, "{name}");
        }
    }

    #[test]
    fn labels_are_dotted_paths_and_never_shared() {
        for (locator, expected) in [
            ("pkg/sub/mod/f", "pkg.sub.mod.f"),
            ("mod/outer/<locals>/inner", "mod.outer.<locals>.inner"),
            ("mod/<lambda>", "mod.<lambda>"),
            ("a/b", "a.b"),
            ("a.b", "./a.b"),
            ("mod/my.func", "mod/my.func"),
            ("", "fit"),
        ] {
            assert_eq!(label(locator.as_bytes(), "fit".as_ref()), expected);
        }
        assert_eq!(label(b"m\xff/f", "".as_ref()), "m\\xff.f");
    }

    #[test]
    fn titles_read_as_people_know_their_functions() {
        for (locator, expected) in [
            ("pkg/mod/f", "pkg.mod.f"),
            ("features/Scaler/scale", "features.Scaler.scale"),
            ("mod/outer/<locals>/inner", "mod.outer › inner"),
            ("mod/outer/%3Clocals%3E/inner", "mod.outer › inner"),
            ("functools/unknown", "a functools.partial"),
            ("__main__--home-ana-train/fit", "train: fit"),
            ("__main__--w-my/project v1/2-sub-dir-run/func", "run: func"),
            (
                "__main__--tmp-project-<ipython-input-0a1b2c3d4e5f>/explore",
                "notebook cell 0a1b2c3d: explore",
            ),
            ("__main__--home-ana-__ipython-input__/f", "notebook: f"),
            (
                "__main__--tmp-ipykernel-1234567890/explore",
                "notebook cell 12345678: explore",
            ),
            (
                "__main__--tmp-ipykernel_31337-123/explore",
                "notebook cell 123: explore",
            ),
            (
                "__main__-C%3A-Users-ana-AppData-Local-Temp-ipykernel-3812067945/f",
                "notebook cell 38120679: f",
            ),
        ] {
            assert_eq!(title(locator.as_bytes()), expected, "{locator}");
        }
    }

    /// Folders that `get_func_name` of joblib 0.11, 1.2 and 1.6 makes of functions of `__main__` on Windows (its `os`
    /// replaced by one with that name and separator).
    #[test]
    fn windows_folders_read_as_people_know_their_functions() {
        for (locator, expected) in [
            // C:\Users\ana\train.py
            ("__main__-C%3A-Users-ana-train/fit", "train: fit"),
            // C:\Users\ana.b\my-run.py
            ("__main__-C%3A-Users-ana/b-my-run/fit", "run: fit"),
            (
                "__main__-C%3A-Users-ana/b-my-run/Model/fit",
                "run: Model.fit",
            ),
            // D:\x\<ipython-input-3-0a1b2c3d4e5f>
            (
                "__main__-D%3A-x-%3Cipython-input-0a1b2c3d4e5f%3E/explore",
                "notebook cell 0a1b2c3d: explore",
            ),
            (
                "__main__-D%3A-x-__ipython-input__/explore",
                "notebook: explore",
            ),
            // C:\Users\ana\AppData\Local\Temp\ipykernel_4242\3812067945.py
            (
                "__main__-C%3A-Users-ana-AppData-Local-Temp-ipykernel-3812067945/f",
                "notebook cell 38120679: f",
            ),
            (
                "__main__-C%3A-Users-ana-AppData-Local-Temp-ipykernel_4242-3812067945/f",
                "notebook cell 38120679: f",
            ),
            (
                "__main__-C%3A-Users-ana-train/outer/%3Clocals%3E/%3Clambda%3E",
                "train: outer › <lambda>",
            ),
            (
                "__main__-C%3A-Users-ana-train/%3Clambda%3E",
                "train: <lambda>",
            ),
        ] {
            assert_eq!(title(locator.as_bytes()), expected, "{locator}");
        }
    }
}
