//! Paths that are unusual, and paths that cannot be read.

use std::fs;

use tempfile::TempDir;

use super::{an_entry, args, human, joblib, json};
use crate::support::program;

#[cfg(unix)]
#[test]
fn names_that_are_not_text_are_opened_and_escaped() {
    use std::os::unix::ffi::OsStrExt as _;
    let (temp, path) = joblib();
    let odd = temp
        .path()
        .join(std::ffi::OsStr::from_bytes(b"caf\xe9\x1b[31m"));
    fs::rename(&path, &odd).unwrap();
    let ran = json(&["ls"], &odd);
    assert_eq!(ran.code, 0, "{}", ran.said);
    assert!(
        ran.lines[0]["path"]
            .as_str()
            .unwrap()
            .contains("caf\\xe9\u{1b}[31m")
    );
    let said = human(&["ls"], &odd);
    assert!(said.stdout.contains("caf\\xe9\\x1b[31m"), "{}", said.stdout);
}

#[cfg(unix)]
#[test]
fn the_files_of_a_shelf_have_any_name() {
    use std::os::unix::ffi::OsStrExt as _;
    let temp = TempDir::new().expect("a temporary folder");
    let base = temp.path().join(std::ffi::OsStr::from_bytes(b"caf\xe9"));
    // dbm.dumb.open(base, "c")["a"] = b"1", CPython 3.13
    fs::write(base.with_extension("dir"), "'a', (0, 1)\n").unwrap();
    fs::write(base.with_extension("dat"), "1").unwrap();
    for path in [&base, &base.with_extension("dat"), temp.path()] {
        let ran = json(&["ls"], path);
        assert_eq!(ran.code, 0, "{}", ran.said);
        assert_eq!(ran.lines[0]["kind"], "dbm-dumb");
        assert_eq!(ran.lines[1]["key"], "a");
    }
}

#[cfg(unix)]
#[test]
fn a_folder_without_permission_is_an_issue_and_alone_a_failure() {
    use std::os::unix::fs::PermissionsExt as _;
    let (temp, path) = joblib();
    let Some(nobody) = program::as_nobody(temp.path()) else {
        return;
    };
    let entry = an_entry(&path);
    let function = entry.parent().unwrap();
    let lock = |mode: u32| {
        fs::set_permissions(function, fs::Permissions::from_mode(mode)).unwrap();
    };
    lock(0o000);
    let partly = nobody.run(args(&["ls", "--json"], &path));
    assert_eq!(partly.code, 0, "{}", partly.stderr);
    assert!(
        partly.stdout.contains("permission denied"),
        "{}",
        partly.stdout
    );
    assert!(partly.stdout.contains("\"type\":\"entry\""));
    lock(0o755);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
    let said = nobody.run(args(&["ls"], &path));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(said.code, 3, "{}", said.stderr);
    assert!(said.stderr.contains("permission denied"), "{}", said.stderr);
    assert!(
        said.stderr.contains(path.to_str().unwrap()),
        "{}",
        said.stderr
    );
}

#[cfg(unix)]
#[test]
fn what_may_be_a_cache_and_cannot_be_read_is_said_once() {
    use std::os::unix::fs::PermissionsExt as _;
    let temp = TempDir::new().unwrap();
    let Some(nobody) = program::as_nobody(temp.path()) else {
        return;
    };
    let below = temp.path().join("caches");
    fs::create_dir(&below).unwrap();
    fs::write(below.join("open.pkl"), b"\x80\x04]K\x01a.").unwrap();
    for name in ["shut 1.pkl", "shut 2.pkl", "shut 3.pkl"] {
        let shut = below.join(name);
        fs::write(&shut, b"\x80\x04]K\x01a.").unwrap();
        fs::set_permissions(&shut, fs::Permissions::from_mode(0o000)).unwrap();
    }
    let values = below.join("data/lost/ab/cd");
    fs::create_dir_all(&values).unwrap();
    fs::write(values.join(format!("{:028x}.val", 7)), b"bytes").unwrap();
    for command in ["find", "ls"] {
        let said = nobody.run([command, below.to_str().unwrap()]);
        assert_eq!(said.code, 0, "{said:?}");
        let lines = |word: &str| said.stderr.lines().filter(|l| l.contains(word)).count();
        assert_eq!(lines("permission denied"), 1, "{said:?}");
        assert!(
            said.stderr.contains("Nor can 2 other files"),
            "{}",
            said.stderr
        );
        assert_eq!(lines("cache.db"), 1, "{said:?}");
        assert_eq!(lines("data/lost"), 1, "{said:?}");
    }
}

#[test]
fn a_folder_that_is_not_there_is_said_once() {
    let said = program::say(["find", "/nowhere/at/all"]);
    assert_eq!(
        (said.code, said.stderr.matches("/nowhere/at/all").count()),
        (3, 1),
        "{said:?}"
    );
    let one_of_two = program::say(["find", "/nowhere/at/all", env!("CARGO_MANIFEST_DIR")]);
    assert_eq!(one_of_two.code, 0, "{one_of_two:?}");
    assert_eq!(one_of_two.stderr.matches("/nowhere/at/all").count(), 1);
}
