//! Folders of several caches, one of them broken: each command goes on with the others, and stays out of all of them.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::fixtures;
use crate::support::program::{self, Ran, Said};

/// The database that is there whole and cut short.
const DATABASE: &str = "plain/utf16.db";
/// Entries of a shelf; their lines fill more than one block of output.
const ENTRIES: usize = 200;
/// A key that is a hash, in a cache that names nothing by hashes.
const HASH: &str = "d41d8cd98f00b204e9800998ecf8427e";

/// Two shelves `a` and `b`, a database, and one that is cut short; beside a folder of Cachescope's own.
struct Folder {
    _temp: TempDir,
    path: PathBuf,
    own: PathBuf,
}

impl Folder {
    fn new() -> Self {
        let temp = TempDir::new().unwrap();
        let root = temp.path().canonicalize().unwrap();
        let folder = Self {
            path: root.join("caches"),
            own: root.join("own"),
            _temp: temp,
        };
        fs::create_dir(&folder.path).unwrap();
        for name in ["a", "b"] {
            shelf(&folder.path.join(name), &format!("only {name}"));
        }
        let database = folder.path.join("whole.db");
        let made = fixtures::all();
        let made = made.iter().find(|f| f.store().ends_with(DATABASE));
        let whole = fs::read(made.unwrap().store()).unwrap();
        fs::write(&database, &whole).unwrap();
        fs::write(
            folder.path.join("broken.db"),
            whole.split_at(whole.len() / 2).0,
        )
        .unwrap();
        folder
    }

    fn at(&self, name: &str) -> String {
        text(&self.path.join(name)).to_owned()
    }

    fn words<'a>(&'a self, words: &[&'a str]) -> Vec<&'a str> {
        [&["--state-dir", text(&self.own)], words].concat()
    }

    fn json(&self, words: &[&str]) -> Ran {
        program::run(self.words(words))
    }

    fn say(&self, words: &[&str]) -> Said {
        program::say(self.words(words))
    }

    fn files(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let items = fs::read_dir(&self.path).unwrap();
        let mut files: Vec<_> = items
            .map(|item| item.unwrap().path())
            .map(|path| (path.clone(), fs::read(path).unwrap()))
            .collect();
        files.sort();
        files
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// As dbm.dumb of `CPython` writes it: an index of Python literals, values at multiples of 512 bytes.
fn shelf(path: &Path, own_key: &str) {
    let mut index = String::new();
    let mut values = Vec::new();
    let numbered = (0..ENTRIES - 2).map(|n| format!("entry number {n}"));
    for key in numbered.chain([HASH.to_owned(), own_key.to_owned()]) {
        let line = format!("'{key}', ({}, 5)\n", values.len());
        index.push_str(&line);
        values.extend(b"\x80\x04K\x01.");
        values.resize(values.len().next_multiple_of(512), 0);
    }
    values.truncate(values.len() - 507);
    fs::write(path.with_extension("dir"), index).unwrap();
    fs::write(path.with_extension("dat"), values).unwrap();
}

#[test]
fn a_broken_cache_is_told_and_hides_no_other() {
    let folder = Folder::new();
    let all = text(&folder.path);
    let told = |ran: &Ran| {
        let is_it = |line: &&Value| line["path"].as_str().unwrap().contains("broken.db");
        ran.of_type("issue").filter(is_it).count()
    };
    for words in [
        &["show", all, "only a"][..],
        &["clear", all, "only a"],
        &["ls", all],
        &["stats", all],
        &["watch", all, "--for", "0s"],
    ] {
        let ran = folder.json(words);
        assert_eq!((ran.code, told(&ran)), (0, 1), "{words:?}: {}", ran.said);
    }
    let alone = folder.at("broken.db");
    for words in [
        &["show", &alone][..],
        &["clear", &alone, "--all"],
        &["watch", &alone, "--for", "0s"],
    ] {
        let ran = folder.json(words);
        assert_eq!(ran.code, 3, "{words:?}: {}", ran.said);
    }
    let done = folder.json(&["clear", all, "only a", "--yes"]);
    assert_eq!((done.code, told(&done)), (1, 1), "{}", done.said);
    let found = folder.json(&["find", "--sizes", all]);
    let line = |name: &str| {
        let mut stores = found.of_type("store");
        stores
            .find(|line| line["path"].as_str().unwrap().ends_with(name))
            .unwrap()
    };
    assert!(line("whole.db")["entries"].is_u64());
    assert!(line("broken.db")["entries"].is_null());
    assert_eq!(told(&found), 1);
}

#[test]
fn a_report_on_stdout_has_it_to_itself() {
    let folder = Folder::new();
    let (all, missing) = (text(&folder.path), folder.at("missing"));
    let csv = folder.say(&["export", all, "--as", "csv", "-o", "-"]);
    assert_eq!(csv.code, 0, "{csv:?}");
    assert!(csv.stderr.contains("broken.db"), "{csv:?}");
    let said = folder.say(&["export", all, &missing, "--as", "json", "-o", "-", "--json"]);
    assert_eq!(said.code, 0, "{said:?}");
    let report: Vec<Value> = serde_json::from_str(&said.stdout).expect("one array");
    let issues = report.iter().filter(|line| line["type"] == "issue");
    assert!(
        issues.count() >= 2 && said.stderr.contains("missing"),
        "{said:?}"
    );
}

#[test]
fn a_key_is_told_apart_by_its_cache_and_cut_short_only_where_it_is_a_hash_of_arguments() {
    let folder = Folder::new();
    let said = folder.say(&["show", text(&folder.path), "entry number 7"]);
    assert_eq!(said.code, 2, "{said:?}");
    for name in ["a", "b"] {
        let line = format!("entry number 7  in {}\n", folder.at(name));
        assert!(format!("{}\n", said.stderr).contains(&line), "{said:?}");
    }
    for words in [&["show"][..], &["clear", "--yes"]] {
        let path = folder.at("a");
        let words = [words, &[&path, "d41d8"]].concat();
        assert_eq!(folder.say(&words).code, 2, "{words:?}");
    }
}

#[test]
fn a_query_narrows_or_is_refused() {
    let folder = Folder::new();
    let (all, a) = (text(&folder.path), folder.at("a"));
    let one = folder.json(&["show", &a, "--query", "key:only*"]);
    assert_eq!(one.code, 0, "{}", one.said);
    assert_eq!(one.of_type("value").next().unwrap()["key"], "only a");
    for words in [
        &["show", &a, "only a", "--query", "size>1k"][..],
        &["find", all, "--query", "size>1k"],
        &["watch", &a, "--for", "0s", "--query", "condition:stale"],
    ] {
        let said = folder.say(words);
        assert_eq!(said.code, 2, "{words:?}: {said:?}");
    }
    let same = folder.say(&["compare", &a, &folder.at("b"), "--side", "same"]);
    assert!(same.stdout.contains("entry number 7"), "{same:?}");
    assert!(!same.stdout.contains("only a"), "{same:?}");
}

#[test]
fn nothing_is_written_over_a_cache_or_under_a_name_of_its_files() {
    let folder = Folder::new();
    let before = folder.files();
    let (shelf, database) = (folder.at("a"), folder.at("whole.db"));
    for name in [
        "a.dir",
        "a.dat",
        "a.bak",
        "whole.db",
        "whole.db-wal",
        "whole.db-journal",
        "b.dir",
    ] {
        let to = folder.at(name);
        for words in [
            &["show", &shelf, "only a", "--as", "raw", "-o", &to][..],
            &["export", &database, "--as", "csv", "-o", &to],
            &["run", "--events", &to, "--", "true"],
        ] {
            let said = folder.say(words);
            assert_eq!(said.code, 4, "{words:?}: {said:?}");
        }
    }
    assert_eq!(folder.files(), before);
    let saved = folder.say(&[
        "show",
        &shelf,
        "only a",
        "--as",
        "raw",
        "-o",
        &folder.at("a.csv"),
    ]);
    assert_eq!(saved.code, 0, "{saved:?}");
}

#[test]
fn a_program_that_does_not_start_leaves_no_folder() {
    let folder = Folder::new();
    let said = folder.say(&["run", "--", "/no/such/program"]);
    assert_eq!(said.code, 3, "{said:?}");
    let runs = fs::read_dir(folder.own.join("probe"));
    assert_eq!(runs.map_or(0, Iterator::count), 0);
}

/// Lines that fill more than a block, and notes on stderr, with nobody at the other end of either.
#[cfg(unix)]
#[test]
fn readers_that_go_away_cut_no_clear_short() {
    let folder = Folder::new();
    fs::remove_file(folder.at("broken.db")).unwrap();
    let all = text(&folder.path);
    let entries = || folder.json(&["ls", all]).of_type("entry").count();
    let n = entries();
    assert!(n > 2 * ENTRIES, "{n}");
    for more in [&["--json"][..], &[]] {
        let words = [&["clear", all, "--all", "--yes"], more].concat();
        let code = program::run_into_nothing(folder.words(&words));
        assert_eq!(code, 0, "{more:?}");
        assert_eq!(entries(), 0, "{more:?}");
        assert_eq!(folder.json(&["undo", all, "--last"]).code, 0);
        assert_eq!(entries(), n, "{more:?}");
    }
}
