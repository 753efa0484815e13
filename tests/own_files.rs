//! What a person keeps beside a cache, and what is left of a broken cache, is no entry: neither listed nor cleared.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::support::fixtures::{self, Fixture};
use crate::support::program::{self, Ran};

/// Names that people give files, and one that is almost a response's.
const OWN: [&str; 6] = [
    "pyproject.toml",
    "w.py",
    "package.json",
    "README",
    "sub/notes.txt",
    "0123456789abcdef.bak",
];

fn named(end: &str) -> Fixture {
    let all = fixtures::all().into_iter();
    let mut found = all.filter(|fixture| fixture.opened().ends_with(end));
    found.next().expect("such a fixture")
}

fn write_own(folder: &Path) {
    for name in OWN {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "mine").unwrap();
    }
}

fn assert_own_stays(folder: &Path) {
    for name in OWN {
        assert_eq!(fs::read(folder.join(name)).unwrap(), b"mine", "{name}");
    }
}

fn run(command: &str, path: &Path, more: &[&str], temp: &TempDir) -> Ran {
    let state = temp.path().join("state");
    let mut words = vec![command, path.to_str().unwrap()];
    words.extend(more);
    words.extend(["--state-dir", state.to_str().unwrap()]);
    program::run(words)
}

fn keys(ran: &Ran) -> BTreeSet<String> {
    let entries = ran.of_type("entry");
    entries
        .map(|line| line["key"].as_str().unwrap_or_default().to_owned())
        .collect()
}

#[test]
fn files_beside_responses_of_requests_cache_stay() {
    let folders = fixtures::all()
        .into_iter()
        .filter(|fixture| fixture.kind == "requests-cache" && fixture.opened().is_dir());
    let mut n_folders = 0;
    for fixture in folders {
        n_folders += 1;
        let (temp, path) = fixture.copy();
        write_own(&path);
        let reported: BTreeSet<String> = fixture
            .entries
            .iter()
            .map(|entry| entry.entry["key"].as_str().unwrap().to_owned())
            .collect();
        let listed = run("ls", &path, &[], &temp);
        assert_eq!(keys(&listed), reported, "{fixture:?}: {}", listed.said);
        let cleared = run("clear", &path, &["--all", "--yes"], &temp);
        assert_eq!(cleared.code, 0, "{}", cleared.said);
        assert_own_stays(&path);
        // Redirects are left, whose database is none of a kind once nothing else is the library's.
        let after = run("ls", &path, &[], &temp);
        let mut left = after.of_type("entry").filter(|line| {
            let store = line["store"].as_str().unwrap_or_default();
            !store.ends_with("redirects.sqlite")
        });
        assert_eq!(left.next(), None);
    }
    assert!(n_folders >= 8, "{n_folders}");
}

/// requests-cache 0.7.0 keeps the redirects beside its folder: in the project.
#[test]
fn a_project_with_redirects_in_it_is_no_cache() {
    let fixture = named("requests-cache-0.7/pickle-filesystem");
    let (temp, cache) = fixture.copy();
    let project = temp.path();
    let redirects = "redirects.sqlite";
    let from = fixture.opened().with_file_name(redirects);
    fs::copy(from, project.join(redirects)).unwrap();
    write_own(project);
    let state = TempDir::new().unwrap();
    let listed = run("ls", project, &[], &state);
    let stores: BTreeSet<(String, PathBuf)> = listed
        .of_type("store")
        .map(|line| {
            let text = |member: &str| line[member].as_str().unwrap().to_owned();
            (text("kind"), text("path").into())
        })
        .collect();
    let expected = [
        ("requests-cache".to_owned(), cache.clone()),
        ("sqlite".to_owned(), project.join(redirects)),
    ];
    assert_eq!(stores, BTreeSet::from(expected), "{}", listed.said);
    for key in keys(&run("ls", &cache, &[], &state)) {
        let shown = format!("{:?}", run("show", &cache, &[&key], &state).lines);
        assert!(shown.contains("CachedResponse") && !shown.contains("top-secret"));
    }
    let cleared = run("clear", project, &["--all", "--yes"], &state);
    assert_eq!(cleared.code, 0, "{}", cleared.said);
    assert_own_stays(project);
    assert_eq!(run("ls", &cache, &[], &state).code, 3);
}

/// What became of a cache's database.
fn broken(n: usize, database: &Path) -> bool {
    let whole = fs::read(database).unwrap();
    fs::remove_file(database).unwrap();
    match n {
        0 => fs::write(database, b"").unwrap(),
        1 => fs::write(database, b"nothing that SQLite wrote").unwrap(),
        // The header alone.
        2 => fs::write(database, whole.get(..100).unwrap_or_default()).unwrap(),
        // A link, which is not followed.
        3 => {
            let aside = database.with_file_name("aside.db");
            fs::write(&aside, whole).unwrap();
            std::os::unix::fs::symlink(aside, database).unwrap();
        }
        4 => {}
        _ => return false,
    }
    true
}

fn values(folder: &Path) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    let mut waiting = vec![folder.to_owned()];
    while let Some(folder) = waiting.pop() {
        for item in fs::read_dir(folder).unwrap() {
            let path = item.unwrap().path();
            if path.is_dir() {
                waiting.push(path);
            } else if path.extension().is_some_and(|end| end == "val") {
                found.insert(path);
            }
        }
    }
    found
}

#[test]
fn values_of_a_cache_without_its_database_are_no_stores() {
    for n in 0.. {
        let (temp, path) = named("sqlite/diskcache-5.6").copy();
        if !broken(n, &path.join("cache.db")) {
            break;
        }
        let before = values(&path);
        assert!(!before.is_empty());
        for command in [&["ls"][..], &["clear", "--all", "--yes"]] {
            let ran = run(command[0], &path, &command[1..], &temp);
            assert_eq!(ran.code, 3, "{n}: {ran:?}");
            assert_eq!(keys(&ran), BTreeSet::new());
            assert!(ran.said.contains("cache.db"), "{n}: {}", ran.said);
        }
        assert_eq!(values(&path), before, "{n}");
    }
}

#[test]
fn values_below_a_sound_cache_are_no_stores_either() {
    let (temp, path) = named("sqlite/diskcache-5.6").copy();
    let value = values(&path).into_iter().next().unwrap();
    let folder = value.parent().and_then(Path::parent).unwrap();
    assert_eq!(run("ls", folder, &[], &temp).code, 3);
    let cleared = run("clear", folder, &["--all", "--yes"], &temp);
    assert_eq!((cleared.code, value.exists()), (3, true));
}

#[test]
fn values_of_a_shard_without_its_database_are_no_stores() {
    for n in 0..4 {
        let (temp, path) = named("sqlite/diskcache-5.6-fanout").copy();
        let shard = path.join("000");
        let made = shard.join("ab/cd/0123456789abcdef0123456789ab.val");
        fs::create_dir_all(made.parent().unwrap()).unwrap();
        fs::write(&made, b"\x80\x04K\x01.").unwrap();
        assert!(broken(n, &shard.join("cache.db")));
        let listed = run("ls", &path, &[], &temp);
        let kinds: BTreeSet<&str> = listed
            .of_type("store")
            .filter_map(|line| line["kind"].as_str())
            .collect();
        assert_eq!(kinds, BTreeSet::from(["diskcache-fanout"]), "{n}");
        run("clear", &path, &["--all", "--yes"], &temp);
        assert!(made.exists(), "{n}");
    }
}
