//! Every committed fixture, listed and compared with what the library that wrote it says; no kind by name.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use cachescope_core::stores::kinds;
use serde_json::Value;

use crate::support::fixtures::{self, Fixture, Reported};
use crate::support::program::{self, Ran};

/// Compares every member that the manifest states with the entry's line.
fn compare(path: &Path, reported: &Reported, line: &Value) {
    let Value::Object(expected) = &reported.entry else {
        return;
    };
    let names = ["key", "group"];
    for (member, expected) in expected
        .iter()
        .filter(|(m, _)| !names.contains(&m.as_str()))
    {
        let found = &line[member];
        let is_same = match (expected.as_f64(), figure(found)) {
            // Times are kept to the microsecond.
            (Some(expected), Some(found)) => (expected - found).abs() < 1e-6,
            // The library has no value: none is stored.
            (None, Some(found)) => member == "bytes" && expected.is_null() && found == 0.0,
            _ => expected == found,
        };
        assert!(
            is_same,
            "{}\n{}: {member} is {found}, and {expected} for its library",
            path.display(),
            line["key"]
        );
    }
}

/// A number, or a time as seconds since 1970.
fn figure(value: &Value) -> Option<f64> {
    let time = || value.as_str()?.parse::<jiff::Timestamp>().ok();
    let seconds = || time().map(|t| t.as_duration().as_secs_f64());
    value.as_f64().or_else(seconds)
}

/// True if the line is of the entry that the manifest calls so: by its key, or by a path below what was opened.
fn is_called(line: &Value, opened: &Path, group: Option<&str>, key: &str) -> bool {
    let text = |member: &str| line[member].as_str().unwrap_or_default();
    // A manifest names functions by their folder.
    let is_group = |group: &str| text("group") == group || text("group") == group.replace('/', ".");
    let below = Path::new(text("store"))
        .strip_prefix(opened)
        .unwrap_or("".as_ref());
    let names = [
        PathBuf::from(text("key")),
        below.join(text("key")),
        below.to_owned(),
    ];
    group.is_none_or(is_group)
        && (text("key") == key || (!key.is_empty() && names.contains(&key.into())))
}

/// The path without links; dbm files are opened by a name that no file has.
fn real(path: &Path) -> PathBuf {
    let folder = path.parent().expect("a fixture lies in a folder");
    let folder = folder.canonicalize().expect("a fixture's folder is there");
    folder.join(path.file_name().expect("a fixture has a name"))
}

fn check(fixture: &Fixture) {
    let opened = real(&fixture.opened());
    let path = opened.display();
    let listed = program::run(["ls".as_ref(), opened.as_os_str()]);
    assert_eq!(listed.code, 0, "{path}: {}", listed.said);
    let stores: Vec<_> = listed.of_type("store").collect();
    for store in &stores {
        assert_eq!(store["kind"], fixture.kind, "{path}");
    }
    let entries: Vec<_> = listed.of_type("entry").collect();
    if let [store] = stores.as_slice() {
        let store = Path::new(store["path"].as_str().expect("a store has a path"));
        // A dbm's file has its flavour's ending.
        let stem = store.with_extension("");
        let named = real(&fixture.store());
        assert!(
            [store, &stem].contains(&&*named),
            "{path}: {}",
            store.display()
        );
        assert_eq!(entries.len(), fixture.n_entries(), "{path}");
    }
    check_sums(&listed, &path.to_string());
    for reported in &fixture.entries {
        let member = |name: &str| reported.entry.get(name).and_then(Value::as_str);
        let Some(key) = member("key") else {
            continue;
        };
        let line = entries
            .iter()
            .find(|line| is_called(line, &opened, member("group"), key));
        let line = line.unwrap_or_else(|| panic!("{path} lists no {key:?}"));
        compare(&opened, reported, line);
    }
}

/// The last line adds up what stands above it.
fn check_sums(listed: &Ran, path: &str) {
    let summary = listed.lines.last().expect("a listing has lines");
    assert_eq!(summary["type"], "summary", "{path}");
    let n_lines = |name| listed.of_type(name).count() as u64;
    assert_eq!(summary["entries"], n_lines("entry"), "{path}");
    assert_eq!(summary["issues"], n_lines("issue"), "{path}");
    let bytes: u64 = listed
        .of_type("entry")
        .filter_map(|line| line["bytes"].as_u64())
        .sum();
    assert_eq!(summary["bytes"], bytes, "{path}");
}

#[test]
fn each_fixture_lists_as_its_library_reports_it() {
    let known: BTreeSet<_> = kinds().collect();
    let fixtures = fixtures::all();
    let is_known = |fixture: &&Fixture| known.contains(&*fixture.kind);
    fixtures.iter().filter(is_known).for_each(check);
    let tested: BTreeSet<_> = fixtures.iter().filter(is_known).map(|f| &*f.kind).collect();
    assert_eq!(tested, known, "a kind without a fixture");
}

#[test]
fn values_that_nothing_announces_show_as_python_has_them() {
    let mut n_checked = 0;
    for fixture in fixtures::all() {
        let path = fixture.opened();
        // Small libraries, and encodings that programs gave to sqlitedict.
        let is_one = |part: &str| part == "small" || part == "sqlitedict-2.1-json";
        if !path.iter().any(|part| part.to_str().is_some_and(is_one)) {
            continue;
        }
        for reported in &fixture.entries {
            let text =
                |of: &Value, name: &str| of.get(name).and_then(Value::as_str).map(str::to_owned);
            let (key, repr) = (text(&reported.entry, "key"), text(&reported.value, "repr"));
            let (Some(mut key), Some(repr)) = (key, repr) else {
                continue;
            };
            if let Some(group) = text(&reported.entry, "group") {
                key = format!("{group}/{key}");
            }
            let shown = program::run(["show".as_ref(), path.as_os_str(), key.as_ref()]);
            let line = shown.lines.first().expect("a value line");
            assert_eq!(text(line, "repr"), Some(repr), "{} {key}", path.display());
            n_checked += 1;
        }
    }
    assert!(n_checked >= 16, "{n_checked}");
}
