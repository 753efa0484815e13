//! Folders of joblib's shape and near it, as people and accidents make them.
#![cfg(unix)]
#![expect(clippy::disallowed_methods, reason = "tests make their own files")]

mod entries;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::sync::Mutex;

use super::*;
use crate::clear::{Fresh, Plan};
use crate::model::{Condition, Issue, Progress, Record, Role, Snapshot};
use crate::stores::{Collector, Detail, open_all};

const HASH: &str = "0123456789abcdef0123456789abcdef";
const OTHER: &str = "fedcba9876543210fedcba9876543210";
const META: &str = r#"{"duration": 0.5, "input_args": {"x": "1"}, "time": 1700000000.25}"#;

/// Makes files in a new folder; a name that ends in `/` makes a folder.
fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let temp = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = temp.path().join(name);
        if name.ends_with('/') {
            fs::create_dir_all(path).unwrap();
        } else {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
    }
    temp
}

/// An entry of function `function` (a path below the store), whole.
fn entry(function: &str) -> Vec<(String, &'static str)> {
    let file = |name: &str| format!("{function}/{HASH}/{name}");
    vec![
        (file("output.pkl"), "\u{80}"),
        (file("metadata.json"), META),
        (
            format!("{function}/func_code.py"),
            "# first line: 1\ndef f(x, verbose=0):\n    return x\n",
        ),
    ]
}

fn with_entries(functions: &[&str], more: &[(&str, &str)]) -> tempfile::TempDir {
    let entries: Vec<_> = functions.iter().flat_map(|f| entry(f)).collect();
    let mut files: Vec<_> = entries
        .iter()
        .map(|(name, text)| (&**name, *text))
        .collect();
    files.extend(more);
    folder(&files)
}

fn read(path: &Path) -> Arc<Snapshot> {
    let stores = open_all(path).unwrap();
    assert_eq!(stores.len(), 1, "{stores:?}");
    let store = Store::open(&stores[0]).unwrap();
    Snapshot::read(&store, &Cancel::default(), &Progress::default()).unwrap()
}

fn listed(snapshot: &Snapshot) -> Vec<String> {
    let mut names: Vec<_> = snapshot
        .records()
        .filter(|(_, r)| r.role == Role::Entry)
        .map(|(_, r)| format!("{}/{}", r.group.label, r.key_text()))
        .collect();
    names.sort();
    names
}

/// Paths of the stores that opening a folder gives, relative to it.
fn stores(temp: &tempfile::TempDir) -> Vec<String> {
    let root = temp.path().canonicalize().unwrap();
    let relative = |info: &Arc<crate::model::StoreInfo>| {
        info.path
            .strip_prefix(&root)
            .unwrap()
            .to_str()
            .unwrap()
            .to_owned()
    };
    open_all(temp.path()).map_or(vec![], |found| found.iter().map(relative).collect())
}

#[test]
fn the_store_is_found_wherever_memory_put_it() {
    let marked = (".gitignore", "# Created by joblib automatically.\n*\n");
    let foreign = ("train.py", "import joblib");
    for (functions, more, expected) in [
        // Memory("x"), also in a project folder, also before the first call.
        (vec!["joblib/mod/f"], vec![], vec!["joblib"]),
        (vec!["joblib/mod/f"], vec![marked, foreign], vec!["joblib"]),
        (vec![], vec![marked, ("joblib/", "")], vec!["joblib"]),
        // Memory("joblib"), and Memory(Path("joblib")) with a module of that name.
        (
            vec!["joblib/joblib/mod/f"],
            vec![("joblib/.gitignore", marked.1)],
            vec!["joblib/joblib"],
        ),
        (
            vec!["joblib/joblib/f", "joblib/mod/f"],
            vec![("joblib/.gitignore", marked.1)],
            vec!["joblib"],
        ),
        // Memory(Path("x")), with a stranger's file in it, and before the first call.
        (vec!["mod/f"], vec![], vec![""]),
        (vec!["pkg/sub/mod/f", "mod/g"], vec![], vec![""]),
        (vec!["pkg/sub/mod/f"], vec![marked, foreign], vec![""]),
        (
            vec!["mod/f"],
            vec![("notes.txt", ""), ("mod/notes.txt", "")],
            vec![""],
        ),
        (
            vec!["joblib/pkg/mod/f"],
            vec![("joblib/pkg/notes.txt", "")],
            vec!["joblib"],
        ),
        (vec!["__main__--home-ana-run/f"], vec![foreign], vec![""]),
        (vec![], vec![marked], vec![""]),
        // A module's or a function's folder.
        (vec!["f"], vec![], vec![""]),
        (
            vec!["f/<locals>/g"],
            vec![("func_code.py", "# first line: 2\ndef")],
            vec![""],
        ),
        // Several stores.
        (
            vec!["a/joblib/mod/f", "b/joblib/mod/f"],
            vec![],
            vec!["a/joblib", "b/joblib"],
        ),
        (
            vec!["joblib/mod/f", "b/__main__--x/f"],
            vec![foreign],
            vec!["b", "joblib"],
        ),
        (
            vec!["a/mod/f", "b/mod/f"],
            vec![("a/.gitignore", marked.1), ("b/.gitignore", marked.1)],
            vec!["a", "b"],
        ),
        (
            vec!["p/cache/mod/f", "p/cache/mod/g"],
            vec![("p/run.py", "")],
            vec!["p/cache"],
        ),
        // Look-alikes.
        (vec![], vec![("K_0/output.pkl", "")], vec![]),
        (
            vec![],
            vec![("objects/0123456789abcdef0123456789abcdef/pack", "")],
            vec![],
        ),
        (vec![], vec![("mod/func_code.py", "print('mine')")], vec![]),
        (vec![], vec![("joblib/parallel.py", "import os")], vec![]),
        (vec![], vec![], vec![]),
    ] {
        let temp = with_entries(&functions, &more);
        assert_eq!(stores(&temp), expected, "{functions:?} {more:?}");
    }
}

#[test]
fn a_function_opened_directly_is_called_by_its_name() {
    let temp = with_entries(&["mod/fit"], &[]);
    let snapshot = read(&temp.path().join("mod/fit"));
    assert_eq!(listed(&snapshot), [format!("fit/{HASH}")]);
}

/// `re.match("[a-f0-9]{32}")` takes longer names too, and functions called so.
#[test]
fn entries_are_what_joblib_counts() {
    let longer = format!("mod/f/{HASH}.old/output.pkl");
    let named_so = format!("mod/{OTHER}0");
    let temp = with_entries(
        &["mod/f", &named_so],
        &[
            (&longer, "x"),
            (&format!("mod/f/{OTHER}/"), ""),
            (&format!("mod/f/K{OTHER}/output.pkl"), ""),
        ],
    );
    let mut expected = vec![
        format!("mod.{OTHER}0/{HASH}"),
        format!("mod.f/{HASH}"),
        format!("mod.f/{HASH}.old"),
        format!("mod.f/{OTHER}"),
        format!("mod/{OTHER}0"),
    ];
    expected.sort();
    assert_eq!(listed(&read(temp.path())), expected);
}

#[test]
fn figures_come_from_the_files_that_they_belong_to() {
    let side = format!("mod/f/{HASH}/output.pkl_01.npy");
    let left_over = format!("mod/f/{HASH}/output.pkl.thread-1-pid-2");
    let foreign = format!("mod/f/{HASH}/notes.txt");
    let temp = with_entries(
        &["mod/f"],
        &[
            (&side, "12345"),
            (&left_over, "abc"),
            (&foreign, "mine"),
            ("mod/f/func_code.py.thread-1-pid-2", "1234"),
        ],
    );
    let snapshot = read(temp.path());
    let records: BTreeMap<_, _> = snapshot
        .records()
        .map(|(_, record)| (record.key_text().into_owned(), record))
        .collect();
    let entry = &records[HASH];
    assert_eq!((entry.bytes, entry.side_bytes, entry.files), (2 + 5, 5, 5));
    assert_eq!(entry.created, Time::from_unix_f64(1_700_000_000.25));
    assert_eq!(entry.args.iter().collect::<Vec<_>>(), [("x", "1")]);
    let fingerprint = temp.path().join(format!("mod/f/{HASH}/output.pkl"));
    assert_eq!(
        entry.fingerprint().size,
        fs::metadata(fingerprint).unwrap().len()
    );
    for (name, bytes) in [(&*left_over, 3), ("mod/f/func_code.py.thread-1-pid-2", 4)] {
        assert_eq!(
            (records[name].role, records[name].bytes),
            (Role::Orphan, bytes),
            "{name}"
        );
    }
    assert_eq!(
        (
            records.len(),
            snapshot.totals.entries,
            snapshot.totals.bytes
        ),
        (3, 1, 7)
    );
    assert!(snapshot.issues.is_empty(), "{:?}", snapshot.issues);
}

#[test]
fn links_are_named_and_never_followed() {
    let outside = with_entries(&["mod/g"], &[("secret", "s")]);
    let temp = with_entries(&["mod/f"], &[]);
    let at = |name: &str| temp.path().join(name);
    symlink(outside.path().join("mod/g"), at("mod/g")).unwrap();
    symlink(
        outside.path().join(format!("mod/g/{HASH}")),
        at(&format!("mod/f/{OTHER}")),
    )
    .unwrap();
    fs::remove_file(at(&format!("mod/f/{HASH}/output.pkl"))).unwrap();
    symlink(
        outside.path().join("secret"),
        at(&format!("mod/f/{HASH}/output.pkl")),
    )
    .unwrap();

    let snapshot = read(temp.path());
    assert_eq!(listed(&snapshot), [format!("mod.f/{HASH}")]);
    assert_eq!(snapshot.totals.bytes, 0);
    let linked: Vec<_> = snapshot
        .issues
        .iter()
        .map(|i| i.path.file_name().unwrap())
        .collect();
    assert_eq!(linked.len(), 3, "{:?}", snapshot.issues);
    let key = snapshot.records().next().unwrap().1.entry_key();
    let store = Store::open(&snapshot.store).unwrap();
    assert!(store.open_value(&key).is_err());
    let findings = store.check(&key, &CheckOptions::default()).unwrap();
    assert_eq!(findings[0].condition, Condition::Unread);
}

#[test]
fn a_linked_store_is_not_opened_from_the_folder_around_it() {
    let outside = with_entries(&["joblib/mod/f"], &[]);
    let temp = folder(&[("notes.txt", "")]);
    symlink(outside.path().join("joblib"), temp.path().join("joblib")).unwrap();
    let error = open_all(temp.path()).unwrap_err();
    assert!(
        error.is_not_a_store() && error.to_string().contains("link"),
        "{error}"
    );
    // Named itself, it is what the person meant.
    assert_eq!(open_all(&temp.path().join("joblib")).unwrap().len(), 1);
}

#[test]
fn what_may_not_be_read_is_listed_or_named() {
    if rustix::process::geteuid().is_root() {
        return;
    }
    let temp = with_entries(&["mod/f", "mod/g"], &[]);
    let deny = |name: &str| {
        fs::set_permissions(temp.path().join(name), fs::Permissions::from_mode(0o000)).unwrap();
    };
    deny("mod/g");
    deny(&format!("mod/f/{HASH}"));
    let snapshot = read(temp.path());
    assert_eq!(listed(&snapshot), [format!("mod.f/{HASH}")]);
    assert_eq!(snapshot.issues.len(), 2, "{:?}", snapshot.issues);
    let key = snapshot.records().next().unwrap().1.entry_key();
    assert!(
        Store::open(&snapshot.store)
            .unwrap()
            .check(&key, &CheckOptions::default())
            .is_err()
    );
    for name in ["mod/g", &format!("mod/f/{HASH}")] {
        fs::set_permissions(temp.path().join(name), fs::Permissions::from_mode(0o700)).unwrap();
    }
}

#[test]
fn names_that_are_no_text_are_listed_and_found_again() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;
    let temp = with_entries(&["mod/f"], &[]);
    let name = OsStr::from_bytes(b"mod/\xff\xfe");
    fs::rename(temp.path().join("mod/f"), temp.path().join(name)).unwrap();
    let snapshot = read(temp.path());
    assert_eq!(listed(&snapshot), [format!("mod.\\xff\\xfe/{HASH}")]);
    let key = snapshot.records().next().unwrap().1.entry_key();
    let store = Store::open(&snapshot.store).unwrap();
    assert_eq!(store.open_value(&key).unwrap().bytes.len(), 2);
}

#[test]
fn torn_metadata_is_an_issue_and_the_entry_stays() {
    let temp = with_entries(
        &["mod/f"],
        &[(&format!("mod/f/{HASH}/metadata.json"), "{\"dura")],
    );
    let snapshot = read(temp.path());
    assert_eq!(listed(&snapshot), [format!("mod.f/{HASH}")]);
    assert_eq!(snapshot.issues.len(), 1);
    assert!(snapshot.issues[0].message.contains("metadata.json is torn"));
}

/// Removes the function's folder while its entries are being read.
struct Remover<'a> {
    path: &'a Path,
    found: &'a Mutex<(usize, Vec<Issue>)>,
}

impl Collector for Remover<'_> {
    fn record(&mut self, _: &Record<'_>) {
        fs::remove_dir_all(self.path).ok();
        self.found.lock().unwrap().0 += 1;
    }

    fn issue(&mut self, issue: Issue) {
        self.found.lock().unwrap().1.push(issue);
    }
}

#[test]
fn entries_that_vanish_in_mid_scan_are_dropped_without_a_word() {
    let temp = folder(&[]);
    for n in 0..100_u32 {
        let entry = temp.path().join(format!("mod/f/{n:032x}"));
        fs::create_dir_all(&entry).unwrap();
        fs::write(entry.join("output.pkl"), "x").unwrap();
    }
    let info = open_all(temp.path()).unwrap().remove(0);
    let found = Mutex::new((0, Vec::new()));
    let path = temp.path().join("mod/f");
    Store::open(&info)
        .unwrap()
        .scan(&Scan {
            detail: Detail::Full,
            cancel: &Cancel::default(),
            progress: &Progress::default(),
            threads: 1,
            collector: &|| {
                Box::new(Remover {
                    path: &path,
                    found: &found,
                })
            },
        })
        .unwrap();
    let found = found.into_inner().unwrap();
    assert_eq!(found, (1, vec![]));
}
