//! Looking changes nothing: no byte, name, mode or time of a store, whatever command looked at it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, FileTimes};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use cachescope_core::stores::kinds;

use crate::support::fixtures::{self, Fixture};
use crate::support::program;

/// What the file system says of a file or folder.
#[derive(Debug, Clone, PartialEq, Eq)]
struct About {
    len: u64,
    modified: SystemTime,
    /// `None` for what may be opened by others than us: folders are walked, and SQLite opens its own files.
    accessed: Option<SystemTime>,
    permissions: fs::Permissions,
}

/// Before the first relatime update of any day: a fresh access time would prove nothing.
fn year_2001() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_hours(24 * 11_323)
}

fn everything_in(folder: &Path) -> Vec<PathBuf> {
    let mut found = vec![folder.to_owned()];
    let mut at = 0;
    while let Some(path) = found.get(at).cloned() {
        if path.is_dir() {
            let inside = fs::read_dir(&path).expect("a copy is readable");
            found.extend(inside.map(|item| item.expect("a copy is readable").path()));
        }
        at += 1;
    }
    found
}

/// Sets every time back, deepest first, so that no folder is touched after it was set.
fn age(folder: &Path) {
    let past = FileTimes::new()
        .set_accessed(year_2001())
        .set_modified(year_2001());
    for path in everything_in(folder).iter().rev() {
        let file = File::open(path).expect("a copy opens");
        file.set_times(past)
            .expect("the times of a copy can be set");
    }
}

/// Looks without opening a file; `is_sqlite` tells which files are SQLite's own to open.
fn state(folder: &Path, is_sqlite: &dyn Fn(&Path) -> bool) -> BTreeMap<PathBuf, About> {
    let about = |path: PathBuf| {
        let metadata = fs::symlink_metadata(&path).expect("it is there");
        let is_ours = metadata.is_file() && !is_sqlite(&path);
        let about = About {
            len: if metadata.is_file() {
                metadata.len()
            } else {
                0
            },
            modified: metadata.modified().expect("a time"),
            accessed: is_ours.then(|| metadata.accessed().expect("a time")),
            permissions: metadata.permissions(),
        };
        (path, about)
    };
    everything_in(folder).into_iter().map(about).collect()
}

fn bytes(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let files = everything_in(folder)
        .into_iter()
        .filter(|path| path.is_file());
    let read = |path: PathBuf| {
        let bytes = fs::read(&path).expect("a copy is readable");
        let below = path.strip_prefix(folder).expect("it lies in the folder");
        (below.to_owned(), bytes)
    };
    files.map(read).collect()
}

/// Every way of looking that there is on the command line.
fn look(path: &Path) {
    let path = path.as_os_str();
    let listed = program::run(["ls".as_ref(), path]);
    assert_eq!(listed.code, 0, "{}: {}", path.display(), listed.said);
    for args in [
        vec!["ls", "--types"],
        vec!["stats", "--durations"],
        vec!["check", "--deep", "--all"],
    ] {
        let ran = program::run(args.iter().map(AsRef::as_ref).chain([path]));
        assert!(ran.code <= 1, "{args:?} {}: {}", path.display(), ran.said);
    }
    let folder = Path::new(path).parent().expect("a copy lies in a folder");
    let found = program::run(["find".as_ref(), "--sizes".as_ref(), folder.as_os_str()]);
    assert_eq!(found.code, 0, "{}: {}", folder.display(), found.said);
    for line in listed.of_type("entry").take(20) {
        let text = |member: &str| line.get(member).and_then(serde_json::Value::as_str);
        let store = text("store").unwrap_or_default();
        let Some(key) = text("key").filter(|key| !key.contains('\0')) else {
            continue;
        };
        let ran = program::run(["show", store, "--", key]);
        assert!(ran.code <= 3, "show {store} {key}: {}", ran.said);
    }
}

/// The ways that take longer, or write elsewhere.
fn look_closely(path: &Path) {
    let out = tempfile::tempdir().expect("a temporary folder");
    let to = |name: &str| out.path().join(name).display().to_string();
    let (report, saved) = (to("report.html"), to("value"));
    let at = path.to_str().expect("a fixture's path is text");
    let listed = program::run(["ls", at]);
    let member = |line: &serde_json::Value, name: &str| {
        let text = line.get(name).and_then(serde_json::Value::as_str);
        text.unwrap_or_default().to_owned()
    };
    // No argument of a program can hold a NUL.
    let is_sayable = |line: &&serde_json::Value| !member(line, "key").contains('\0');
    let first = listed.of_type("entry").find(is_sayable);
    let first = first.cloned().unwrap_or_default();
    let text = |name: &str| member(&first, name);
    let (store, key) = (text("store"), text("key"));
    for words in [
        &["export", at, "-o", &report][..],
        &["compare", &store, &store],
        &["show", &store, "--as", "raw", "-o", &saved, "--", &key],
        &["show", &store, "--snippet", "--", &key],
        &["watch", at, "--for", "0s"],
        &["clear", at, "--all"],
        &[
            "bench",
            &store,
            "--in",
            out.path().to_str().expect("text"),
            "--kinds",
            "sqlite",
            "--sample",
            "3",
            "--rounds",
            "1",
        ],
    ] {
        let said = program::say(words);
        assert!(said.code <= 4, "{words:?}: {said:?}");
    }
    assert!(Path::new(&report).exists(), "{at}: a report was written");
}

fn check(fixture: &Fixture, is_first: bool) {
    let (temp, path) = fixture.copy();
    let before = bytes(temp.path());
    let of_sqlite: Vec<PathBuf> = before
        .iter()
        .filter(|(_, bytes)| bytes.starts_with(b"SQLite format 3\0"))
        .map(|(path, _)| temp.path().join(path))
        .collect();
    let is_sqlite = |path: &Path| of_sqlite.iter().any(|database| database == path);
    age(temp.path());
    let expected = state(temp.path(), &is_sqlite);
    look(&path);
    if is_first {
        look_closely(&path);
    }
    let found = state(temp.path(), &is_sqlite);
    for (path, about) in &expected {
        assert_eq!(found.get(path), Some(about), "{}", path.display());
    }
    assert_eq!(
        found.len(),
        expected.len(),
        "a file was left behind: {found:?}"
    );
    assert_eq!(bytes(temp.path()), before, "{}", path.display());
}

#[test]
fn looking_at_any_store_leaves_it_as_it_was() {
    let known: Vec<_> = kinds().collect();
    let mut seen = BTreeSet::new();
    for fixture in fixtures::all().iter().filter(|f| known.contains(&&*f.kind)) {
        let is_first = seen.insert(fixture.kind.clone());
        check(fixture, is_first);
    }
}
