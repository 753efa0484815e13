//! An entry to a few lines of Python that load exactly it, with the library that wrote it.

use std::borrow::Cow;
use std::path::Path;

use crate::formats::repr::{bytes_repr, reads_like_repr, str_repr};
use crate::model::CallClass;
use crate::model::text;
use crate::model::value::Call;

/// What is known of the entry that a snippet loads.
#[derive(Debug, Clone, Copy)]
pub struct Loadable<'a> {
    /// Kind of its store.
    pub kind: &'a str,
    /// The store's own path.
    pub store: &'a Path,
    /// The file that holds the value.
    pub file: &'a Path,
    /// Its group as listed: a table, a tag, a shard.
    pub group: Option<&'a str>,
    /// Its key as listed; `None` for a file's one value.
    pub key: Option<&'a str>,
    /// Its number among the pickles of a file, where the key is that.
    pub number: Option<usize>,
    /// True if the value is pickled, which tells a shelf from a bare dbm.
    pub is_pickle: bool,
    /// What loading it in Python calls.
    pub calls: &'a [Call],
}

impl Loadable<'_> {
    /// Python that leaves the value in `value`; `None` for kinds that no library loads entry by entry.
    ///
    /// Loading a pickle runs what it names, so a snippet for one that calls more than plain constructors says so first.
    ///
    /// ```
    /// use std::path::Path;
    /// use cachescope_core::ops::Loadable;
    ///
    /// let entry = Loadable {
    ///     kind: "diskcache", store: Path::new("/data/cache"), file: Path::new("/data/cache/cache.db"),
    ///     group: None, key: Some("('a', 1)"), number: None, is_pickle: false, calls: &[],
    /// };
    /// assert_eq!(
    ///     entry.snippet().unwrap(),
    ///     "import diskcache\n\nwith diskcache.Cache('/data/cache') as cache:\n    value = cache[('a', 1)]\n"
    /// );
    /// ```
    pub fn snippet(&self) -> Option<String> {
        let (store, file) = (path_literal(self.store), path_literal(self.file));
        let typed = self.key.map(typed_key);
        let text = self.key.map(str_repr);
        let body = match (self.kind, typed, text) {
            ("joblib" | "joblib-dump", _, key) => {
                let at = self.key.filter(|_| self.kind == "joblib-dump").and(key);
                let at = at.map_or_else(String::new, |key| format!("[{key}]"));
                format!("import joblib\n\nvalue = joblib.load({file}){at}\n")
            }
            ("pickle", key, _) => pickle(&file, key.as_deref(), self.number),
            ("diskcache", Some(key), _) => format!(
                "import diskcache\n\nwith diskcache.Cache({store}) as cache:\n    value = cache[{key}]\n"
            ),
            ("diskcache-fanout", Some(key), _) => format!(
                "import diskcache\n\nwith diskcache.FanoutCache({store}) as cache:\n    value = cache[{key}]\n"
            ),
            ("sqlitedict", _, Some(key)) => {
                let table = str_repr(self.group?);
                format!(
                    "import sqlitedict\n\nwith sqlitedict.SqliteDict({store}, tablename={table}, flag='r') as table:\n    value = table[{key}]\n"
                )
            }
            ("requests-cache", _, Some(key)) => format!(
                "from requests_cache import SQLiteCache\n\nvalue = SQLiteCache({store}).responses[{key}]\n"
            ),
            ("dbm-dumb" | "dbm-gnu" | "dbm-ndbm" | "dbm-sqlite3", _, Some(key)) => {
                self.dbm(&key)?
            }
            ("marshal", ..) => {
                format!(
                    "import marshal\n\nwith open({file}, 'rb') as file:\n    value = marshal.load(file)\n"
                )
            }
            ("pyc", ..) => format!(
                "import marshal\n\nwith open({file}, 'rb') as file:\n    file.seek(16)  # 12 before Python 3.7, 8 before 3.3\n    value = marshal.load(file)\n"
            ),
            _ => return None,
        };
        Some(self.warning() + &body)
    }

    /// A shelf, or the bytes of a bare dbm; both opened for reading only.
    fn dbm(&self, key: &str) -> Option<String> {
        let module = match self.kind {
            "dbm-gnu" => "dbm.gnu",
            "dbm-ndbm" => "dbm.ndbm",
            "dbm-sqlite3" => "dbm.sqlite3",
            _ => "dbm.dumb",
        };
        // dumb and ndbm are opened by the name without the suffixes of their files.
        let path = self.store.to_str()?;
        let base = match self.kind {
            "dbm-dumb" => path
                .strip_suffix(".dir")
                .or_else(|| path.strip_suffix(".dat")),
            "dbm-ndbm" => path
                .strip_suffix(".db")
                .or_else(|| path.strip_suffix(".pag")),
            _ => None,
        };
        let base = str_repr(base.unwrap_or(path));
        Some(if self.is_pickle {
            format!(
                "import {module}\nimport shelve\n\nwith shelve.Shelf({module}.open({base}, 'r')) as shelf:\n    value = shelf[{key}]\n"
            )
        } else {
            format!(
                "import {module}\n\nwith {module}.open({base}, 'r') as table:\n    value = table[{key}.encode()]\n"
            )
        })
    }

    fn warning(&self) -> String {
        let mut lines = String::new();
        for class in [CallClass::Code, CallClass::Unknown] {
            let calls = self.calls.iter().filter(|call| call.class == class);
            let names: Vec<Cow<'_, str>> =
                calls.map(|call| text::shown(&call.name)).take(20).collect();
            let does = match class {
                CallClass::Code => "runs code or reaches for files or the network",
                _ => "calls what Cachescope does not know",
            };
            if !names.is_empty() {
                lines.extend([
                    "# Loading this value ",
                    does,
                    ": ",
                    &names.join(", "),
                    "
",
                ]);
            }
        }
        lines
    }
}

/// The first pickle of a file, one of several by its number, or one key of a dict.
fn pickle(file: &str, key: Option<&str>, number: Option<usize>) -> String {
    let load = "import pickle\n\nwith open(";
    match (key, number) {
        (_, Some(number)) => format!(
            "{load}{file}, 'rb') as file:\n    for _ in range({}):\n        value = pickle.load(file)\n",
            number.saturating_add(1)
        ),
        (None, None) => format!("{load}{file}, 'rb') as file:\n    value = pickle.load(file)\n"),
        (Some(key), None) => {
            format!("{load}{file}, 'rb') as file:\n    value = pickle.load(file)[{key}]\n")
        }
    }
}

/// A listed key is a str, unless it reads like what `repr` prints of something else.
fn typed_key(label: &str) -> String {
    if reads_like_repr(label) {
        label.to_owned()
    } else {
        str_repr(label)
    }
}

fn path_literal(path: &Path) -> String {
    match path.to_str() {
        Some(text) => str_repr(text),
        None => bytes_repr(path.as_os_str().as_encoded_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry<'a>(kind: &'a str, key: Option<&'a str>, calls: &'a [Call]) -> Loadable<'a> {
        Loadable {
            kind,
            store: Path::new("/data/it's/shelf.db"),
            file: Path::new("/data/it's/output.pkl"),
            group: Some("my table"),
            key,
            number: None,
            is_pickle: true,
            calls,
        }
    }

    #[test]
    fn paths_and_keys_are_quoted_as_python_quotes_them() {
        assert_eq!(
            entry("joblib", Some("abc"), &[]).snippet().unwrap(),
            "import joblib\n\nvalue = joblib.load(\"/data/it's/output.pkl\")\n"
        );
        let shelf = entry("dbm-ndbm", Some("a\n'b"), &[]).snippet().unwrap();
        assert!(
            shelf.contains("dbm.ndbm.open(\"/data/it's/shelf\", 'r')"),
            "{shelf}"
        );
        assert!(shelf.contains("shelf[\"a\\n'b\"]"), "{shelf}");
        let one = entry("pickle", None, &[]).snippet().unwrap();
        assert!(one.ends_with("value = pickle.load(file)\n"), "{one}");
        let third = Loadable {
            number: Some(2),
            ..entry("pickle", Some("2"), &[])
        };
        assert!(third.snippet().unwrap().contains("for _ in range(3):"));
        assert_eq!(entry("probe", Some("x"), &[]).snippet(), None);
    }

    #[test]
    fn what_loading_would_run_is_said_first_and_on_one_line() {
        let call = |name: &str, class| Call {
            name: name.to_owned(),
            class,
            count: 1,
            offset: 0,
        };
        let calls = [
            call("builtins.set", CallClass::Data),
            call("shop.Cart", CallClass::Unknown),
            call("os.system\nimport evil", CallClass::Code),
        ];
        let snippet = entry("diskcache", Some("k"), &calls).snippet().unwrap();
        let lines: Vec<&str> = snippet.lines().collect();
        assert!(
            lines[0].starts_with("# Loading this value runs code")
                && lines[0].contains("os.system")
        );
        assert!(
            lines[1].starts_with("# Loading this value calls what")
                && lines[1].contains("shop.Cart")
        );
        assert_eq!(lines[2], "import diskcache");
    }
}
