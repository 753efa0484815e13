//! The command line as scripts and people meet it: lines, tables, sentences, exit codes.

mod paths;
mod sums;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::fixtures;
use crate::support::program::{self, Ran, Said};

/// A copy of the store that joblib 1.6 wrote, in a folder that goes with it.
fn joblib() -> (TempDir, PathBuf) {
    let made = fixtures::all()
        .into_iter()
        .find(|fixture| fixture.opened().ends_with("joblib/1.6.0"));
    made.expect("a store of joblib 1.6").copy()
}

/// A store of joblib 1.6 without the entries that the writer broke on purpose.
fn fresh_joblib() -> (TempDir, PathBuf) {
    let (temp, path) = joblib();
    let checked = json(&["check"], &path);
    for entry in checked.of_type("entry") {
        let store = Path::new(entry["store"].as_str().unwrap());
        let key = entry["key"].as_str().unwrap();
        let group = entry["group"].as_str().unwrap().replace('.', "/");
        let folder = store.join(group).join(key);
        // A left-over file may be gone with its entry's folder.
        fs::remove_file(store.join(key)).ok();
        fs::remove_dir_all(folder).ok();
    }
    (temp, path)
}

/// The folder of the first entry, by path.
fn an_entry(store: &Path) -> PathBuf {
    let mut found = Vec::new();
    let mut waiting = vec![store.to_owned()];
    while let Some(folder) = waiting.pop() {
        if folder.join("output.pkl").exists() {
            found.push(folder);
        } else {
            let inside = fs::read_dir(folder)
                .unwrap()
                .map(|item| item.unwrap().path());
            waiting.extend(inside.filter(|path| path.is_dir()));
        }
    }
    found.sort();
    found.remove(0)
}

fn args<'a>(command: &[&'a str], path: &'a Path) -> Vec<&'a std::ffi::OsStr> {
    let words = command.iter().map(|word| std::ffi::OsStr::new(*word));
    let (first, rest): (Vec<_>, Vec<_>) = words.enumerate().partition(|(at, _)| *at == 0);
    let bare = |list: Vec<(usize, &'a std::ffi::OsStr)>| list.into_iter().map(|(_, word)| word);
    bare(first)
        .chain([path.as_os_str()])
        .chain(bare(rest))
        .collect()
}

fn json(command: &[&str], path: &Path) -> Ran {
    program::run(args(command, path))
}

fn human(command: &[&str], path: &Path) -> Said {
    program::say(args(command, path))
}

#[test]
fn a_path_that_cannot_be_opened_keeps_no_other_from_being_read() {
    let (_temp, path) = fresh_joblib();
    let missing = path.join("nothing");
    for command in ["ls", "stats", "check"] {
        let alone = json(&[command], &path);
        let ran = program::run([command.as_ref(), missing.as_os_str(), path.as_os_str()]);
        assert_eq!((ran.code, alone.code), (0, 0), "{command}: {}", ran.said);
        assert_eq!(ran.of_type("store").count(), alone.of_type("store").count());
        let told = |ran: &Ran| {
            ran.of_type("issue")
                .filter(|i| i["severity"] == "error")
                .count()
        };
        assert_eq!((told(&ran), told(&alone)), (1, 0), "{command}");
        let none = program::run([command.as_ref(), missing.as_os_str(), missing.as_os_str()]);
        assert_eq!(none.code, 3, "{command}");
    }
}

#[test]
fn a_query_may_begin_with_a_word_to_leave_out() {
    let (_temp, path) = joblib();
    let all = json(&["ls"], &path).of_type("entry").count();
    let spaced = json(&["ls", "--query", "-size>100"], &path);
    let joined = json(&["ls", "--query=-size>100"], &path);
    let n = spaced.of_type("entry").count();
    assert_eq!(n, joined.of_type("entry").count());
    assert!(n > 0 && n < all, "{n} of {all}");
    let option = program::say([
        "ls".as_ref(),
        path.as_os_str(),
        "--query".as_ref(),
        "--json".as_ref(),
    ]);
    assert_eq!(option.code, 2, "{}", option.stderr);
}

fn members(line: &Value) -> Vec<&str> {
    line.as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect()
}

#[test]
fn ls_prints_store_entries_and_summary_with_every_member_of_the_contract() {
    let (_temp, path) = joblib();
    let ran = json(&["ls"], &path);
    assert_eq!(ran.code, 0, "{}", ran.said);
    let (store, summary) = (ran.lines.first().unwrap(), ran.lines.last().unwrap());
    assert_eq!(
        members(store),
        [
            "bytes",
            "disk_bytes",
            "entries",
            "groups",
            "kind",
            "path",
            "problems",
            "type",
            "writer"
        ]
    );
    assert_eq!(members(summary), ["bytes", "entries", "issues", "type"]);
    let entries: Vec<&Value> = ran.of_type("entry").collect();
    assert_eq!(store["entries"], entries.len());
    assert_eq!(summary["entries"], entries.len());
    let sum: u64 = entries.iter().map(|e| e["bytes"].as_u64().unwrap()).sum();
    assert_eq!(store["bytes"], sum);
    assert_eq!(summary["bytes"], sum);
    for entry in &entries {
        assert_eq!(
            members(entry),
            [
                "accessed",
                "args",
                "bytes",
                "codec",
                "condition",
                "created",
                "disk_bytes",
                "duration_s",
                "evidence",
                "expires",
                "files",
                "group",
                "hits",
                "key",
                "modified",
                "store",
                "type",
                "value_type"
            ]
        );
        assert_eq!(entry["store"], store["path"]);
        for unknown in ["expires", "hits", "value_type", "codec", "condition"] {
            assert!(entry[unknown].is_null(), "{unknown} is not 0: {entry}");
        }
        assert!(entry["modified"].as_str().unwrap().ends_with('Z'));
    }
    let names: BTreeSet<_> = entries
        .iter()
        .map(|e| (e["group"].as_str(), e["key"].as_str()))
        .collect();
    assert_eq!(names.len(), entries.len(), "group and key name one entry");
}

#[test]
fn types_are_null_unless_asked_for() {
    let (_temp, path) = fresh_joblib();
    let ran = json(&["ls", "--types"], &path);
    for entry in ran.of_type("entry") {
        assert!(entry["value_type"].is_string(), "{entry}");
        assert!(
            entry["codec"].as_array().is_some_and(|c| !c.is_empty()),
            "{entry}"
        );
    }
}

#[test]
fn queries_choose_entries_in_every_command_that_lists() {
    let (_temp, path) = fresh_joblib();
    let all = json(&["ls", "--types"], &path);
    let n = |ran: &Ran| ran.of_type("entry").count();
    let count = |query: &str| n(&json(&["ls", "--query", query], &path));
    assert_eq!(count(""), n(&all));
    assert_eq!(count("size>0") + count("-size>0"), n(&all));
    assert_eq!(count("age>1000y"), 0);
    assert_eq!(
        count("hits=0") + count("-hits=0"),
        0,
        "not recorded is neither"
    );
    let group = all.of_type("entry").next().unwrap()["group"]
        .as_str()
        .unwrap()
        .to_owned();
    let in_group = all
        .of_type("entry")
        .filter(|e| e["group"] == group.as_str())
        .count();
    assert_eq!(count(&format!("group:{group}")), in_group);
    let arrays = all
        .of_type("entry")
        .filter(|e| e["value_type"] == "numpy.ndarray")
        .count();
    assert!(arrays > 0);
    assert_eq!(count("type:ndarray"), arrays);
    assert_eq!(count("condition:fresh"), n(&all));
    let checked = json(&["check", "--all", "--query", "type:ndarray"], &path);
    assert_eq!(n(&checked), arrays);
}

#[test]
fn what_lies_in_an_entrys_place_and_is_not_listed_is_told() {
    let folders = [
        "folders/cachelib-0.17",
        "folders/hishel-0.1/json",
        "folders/requests-cache-1.3-named/keys-filesystem",
        "sqlite/django-6.1/files",
    ];
    for name in folders {
        let made = fixtures::all()
            .into_iter()
            .find(|fixture| fixture.opened().ends_with(name));
        let (_temp, path) = made.expect(name).copy();
        let before = json(&["ls"], &path);
        std::os::unix::fs::symlink("/etc/passwd", path.join("linked")).unwrap();
        fs::write(path.join("strange.txt"), "somebody's own").unwrap();
        let ran = json(&["check", "--all"], &path);
        let told = |path_end: &str| {
            let is_of = |issue: &&Value| issue["path"].as_str().unwrap().ends_with(path_end);
            ran.of_type("issue").filter(is_of).count()
        };
        assert_eq!(
            (told("linked"), told("strange.txt")),
            (1, 1),
            "{name}: {}",
            ran.said
        );
        let n = |ran: &Ran| ran.of_type("entry").count();
        assert_eq!(n(&ran), n(&before), "{name}");
    }
}

#[test]
fn responses_beside_a_damaged_database_of_redirects_are_listed() {
    let made = fixtures::all().into_iter().find(|fixture| {
        let opened = fixture.opened();
        opened.ends_with("folders/requests-cache-1.3-named/keys-filesystem")
    });
    let (_temp, path) = made.expect("responses with names of their own").copy();
    let before = json(&["ls"], &path).of_type("entry").count();
    let is_told = |issue: &Value| {
        issue["path"]
            .as_str()
            .unwrap()
            .ends_with("redirects.sqlite")
    };
    assert!(!json(&["ls"], &path).of_type("issue").any(is_told));
    fs::write(path.join("redirects.sqlite"), "no database").unwrap();
    let ran = json(&["ls"], &path);
    assert!(before > 1);
    assert_eq!(ran.of_type("entry").count(), before, "{}", ran.said);
    assert!(ran.of_type("issue").any(is_told), "{}", ran.said);
}

#[test]
fn check_tells_of_rows_that_the_index_of_a_cut_database_does_not_find() {
    let made = fixtures::all()
        .into_iter()
        .find(|fixture| fixture.opened().ends_with("sqlitedict-1.4/named.sqlite"));
    let (_temp, path) = made.expect("a table of sqlitedict 1.4").copy();
    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..whole.len() - 1]).unwrap();
    let listed = json(&["ls"], &path).of_type("entry").count();
    let ran = json(&["check", "--all"], &path);
    assert_eq!(
        (listed, ran.of_type("entry").count()),
        (2, 1),
        "{}",
        ran.said
    );
    let told = "1 listed entry could not be found again";
    let is_told = |issue: &Value| issue["message"].as_str().unwrap().starts_with(told);
    assert!(ran.of_type("issue").any(is_told), "{}", ran.said);
    assert_eq!(ran.code, 1);
}

#[test]
fn check_names_what_is_wrong_and_exits_with_1() {
    let (_temp, path) = fresh_joblib();
    let fresh = json(&["check"], &path);
    assert_eq!(
        (fresh.code, fresh.of_type("entry").count()),
        (0, 0),
        "{}",
        fresh.said
    );

    let torn = an_entry(&path);
    let whole = fs::read(torn.join("output.pkl")).unwrap();
    fs::write(torn.join("output.pkl"), &whole[..whole.len() - 1]).unwrap();
    let ran = json(&["check"], &path);
    assert_eq!(ran.code, 1);
    let entries: Vec<&Value> = ran.of_type("entry").collect();
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0]["condition"], "corrupt");
    assert!(!entries[0]["evidence"].as_array().unwrap().is_empty());
    assert_eq!(
        entries[0]["key"],
        torn.file_name().unwrap().to_str().unwrap()
    );

    fs::write(torn.join("output.pkl"), b"cos\nsystem\n(S'true'\ntR.").unwrap();
    let code = json(&["check"], &path);
    let entry = code.of_type("entry").next().unwrap();
    assert_eq!(entry["condition"], "calls-code");
    assert!(
        entry["evidence"][0].as_str().unwrap().contains("os.system"),
        "{entry}"
    );

    fs::remove_file(torn.join("output.pkl")).unwrap();
    let gone = json(&["check", "--all"], &path);
    assert_eq!(gone.code, 1);
    let mut counted: BTreeMap<String, u64> = BTreeMap::new();
    for entry in gone.of_type("entry") {
        *counted
            .entry(entry["condition"].as_str().unwrap().to_owned())
            .or_default() += 1;
    }
    assert_eq!(counted["incomplete"], 1);
    let summary = &gone.lines.last().unwrap()["conditions"];
    assert_eq!(summary, &serde_json::to_value(&counted).unwrap());

    let expired = json(&["check", "--expires-after", "0"], &path);
    let conditions = &expired.lines.last().unwrap()["conditions"];
    assert_eq!(
        conditions["incomplete"], 1,
        "the worst condition is the one"
    );
    assert!(conditions["expired"].as_u64().unwrap() > 0);
}

#[test]
fn people_get_tables_and_scripts_get_nothing_else_on_stdout() {
    let (_temp, path) = joblib();
    let listed = human(&["ls"], &path);
    let n = json(&["ls"], &path).of_type("entry").count();
    let lines: Vec<&str> = listed.stdout.lines().collect();
    assert!(
        lines[0].contains(&format!(" · joblib · {n} entries · ")),
        "{}",
        lines[0]
    );
    let heads: Vec<&str> = lines[1].split_whitespace().collect();
    assert_eq!(
        heads,
        ["SIZE", "AGE", "USED", "TOOK", "GROUP", "KEY", "ARGUMENTS"]
    );
    let key_at = lines[1].find("KEY").unwrap();
    for line in &lines[2..2 + n] {
        let key: String = line.chars().skip(key_at).take(32).collect();
        assert!(key.bytes().all(|b| b.is_ascii_hexdigit()), "{line}");
    }
    assert_eq!(listed.stderr, "");
}

/// What went wrong, its exit code, and what the sentence must say.
fn refuses(words: &[&std::ffi::OsStr], code: i32, parts: &[&str]) {
    let said = program::say(words);
    assert_eq!(said.code, code, "{words:?}: {}", said.stderr);
    for part in parts {
        assert!(
            said.stderr.contains(part),
            "{words:?} says {part}: {}",
            said.stderr
        );
    }
    assert!(!said.stderr.contains("panicked"), "{}", said.stderr);
}

#[test]
fn what_cannot_be_read_is_said_with_its_path() {
    let temp = TempDir::new().unwrap();
    let at = |name: &str| temp.path().join(name);
    fs::write(at("empty"), b"").unwrap();
    fs::write(at("notes.txt"), b"milk, eggs").unwrap();
    fs::create_dir(at("folder")).unwrap();
    for command in ["ls", "stats", "check"] {
        for (name, why) in [
            ("nowhere", "no such file"),
            ("empty", "the file is empty"),
            ("notes.txt", "no known format"),
            ("folder", "no cache was found"),
        ] {
            let path = at(name);
            refuses(
                &[command.as_ref(), path.as_os_str()],
                3,
                &[why, path.to_str().unwrap()],
            );
        }
    }
}

#[cfg(unix)]
#[test]
fn what_is_no_file_is_called_what_it_is_and_never_waited_for() {
    let temp = TempDir::new().unwrap();
    let (pipe, socket) = (temp.path().join("pipe"), temp.path().join("socket"));
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.expect("mkfifo runs").success());
    let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    for (path, why) in [
        (pipe.as_path(), "a named pipe"),
        (&socket, "a socket"),
        ("/dev/zero".as_ref(), "a device"),
    ] {
        let parts = [why, "only files and folders", path.to_str().unwrap()];
        refuses(&["ls".as_ref(), path.as_os_str()], 3, &parts);
    }
}

#[test]
fn what_was_typed_wrongly_is_marked() {
    let (_temp, path) = joblib();
    let path = path.as_os_str();
    let cases: [(&[&str], &[&str]); 6] = [
        (
            &["--query", "siez>1MB"],
            &["did you mean size?", "  siez>1MB\n  ^^^^"],
        ),
        (&["--query", "size>1XB"], &["no unit of size", "       ^^^"]),
        (&["--query", "age>30"], &["30 needs a unit"]),
        (&["--query", "key:\"a"], &["no end"]),
        (&["--querry", "x"], &["--query"]),
        (&["--expires-after", "7d"], &["--expires-after"]),
    ];
    for (extra, parts) in cases {
        let mut words = vec!["ls".as_ref(), path];
        words.extend(extra.iter().map(|word| std::ffi::OsStr::new(*word)));
        refuses(&words, 2, parts);
    }
    refuses(&["ls".as_ref()], 2, &["<PATH>"]);
    refuses(
        &[
            "check".as_ref(),
            path,
            "--expires-after".as_ref(),
            "soon".as_ref(),
        ],
        2,
        &["soon"],
    );
    refuses(
        &[
            "check".as_ref(),
            path,
            "--source".as_ref(),
            "/nowhere".as_ref(),
        ],
        2,
        &["/nowhere"],
    );
    refuses(&[path, "ls".as_ref()], 3, &["cachescope ls PATH"]);
}

#[test]
fn a_key_that_means_no_entry_or_several_is_refused_with_advice() {
    let (_temp, path) = fresh_joblib();
    let listed = json(&["ls"], &path);
    let entry = listed.of_type("entry").next().unwrap();
    let (group, key) = (
        entry["group"].as_str().unwrap(),
        entry["key"].as_str().unwrap(),
    );
    refuses(
        &["show".as_ref(), path.as_os_str(), "nothing".as_ref()],
        2,
        &["nothing", "`ls`"],
    );
    // Without KEY the candidates are named.
    refuses(&["show".as_ref(), path.as_os_str()], 2, &["name one"]);
    for named in [
        format!("{group}/{key}"),
        format!("{group}/{}", key.get(..12).unwrap()),
    ] {
        let shown = json(&["show", &named], &path);
        assert_eq!(shown.lines[0]["key"], key, "{}", shown.said);
    }
}

#[test]
fn without_a_display_the_window_names_the_sub_commands() {
    let (_temp, path) = joblib();
    refuses(
        &[path.as_os_str()],
        3,
        &[
            "Cannot open the window: there is no display (",
            "ls, stats, show, check",
        ],
    );
    // Of several paths one that is missing keeps no other from being opened.
    refuses(
        &[path.as_os_str(), "/no/such/cache".as_ref()],
        3,
        &["Cannot open the window"],
    );
    refuses(
        &["chekc".as_ref()],
        3,
        &["File: chekc", "ls, stats, show, check"],
    );
}

#[test]
fn a_closed_pipe_ends_quietly() {
    let (_temp, path) = joblib();
    let entry = an_entry(&path);
    let function = entry.parent().unwrap().to_owned();
    for n in 0..400 {
        let copy = function.join(format!("{n:032x}"));
        fs::create_dir(&copy).unwrap();
        for file in ["output.pkl", "metadata.json"] {
            fs::copy(entry.join(file), copy.join(file)).unwrap();
        }
    }
    for words in [
        &["ls", "--json"][..],
        &["ls"],
        &["check", "--all", "--json"],
    ] {
        let said = program::say_into_closed_pipe(args(words, &path));
        assert_eq!((said.code, said.stderr.as_str()), (0, ""), "{words:?}");
    }
}

#[test]
fn options_that_would_be_ignored_are_refused() {
    let (_temp, path) = joblib();
    let path = path.to_str().unwrap();
    for words in [vec![path, "--json"], vec![path, "--query", "size>1"]] {
        let said = program::say(&words);
        assert_eq!(said.code, 2, "{words:?}: {}", said.stderr);
        assert!(said.stderr.contains("go with a command"), "{}", said.stderr);
    }
    for form in ["--literal", "--snippet"] {
        let said = program::say(["show", path, "key", form, "--json"]);
        assert_eq!(said.code, 2, "{form}: {}", said.stderr);
        assert!(said.stderr.contains("leave --json out"), "{}", said.stderr);
    }
}
