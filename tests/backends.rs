//! Every committed fixture, listed and compared with what the library that wrote it says; no kind by name.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use cachescope_core::model::{Args, Record, Snapshot, Time};
use cachescope_core::scan::{Cancel, Progress};
use cachescope_core::stores::{Store, kinds, open_all};
use serde_json::{Value, json};

use crate::support::fixtures::{self, Fixture, Reported};

/// Reads all stores that opening a path gives.
fn snapshots(path: &Path) -> Vec<Arc<Snapshot>> {
    let stores = open_all(path).expect("a fixture is recognised");
    let read = |info| {
        let store = Store::open(info).expect("a fixture opens");
        Snapshot::read(&store, &Cancel::default(), &Progress::default()).expect("a fixture reads")
    };
    stores.iter().map(read).collect()
}

/// The members of an entry's line in `ls --json` that a manifest states, as a record has them.
fn stated(record: &Record<'_>) -> BTreeMap<&'static str, Value> {
    let args: serde_json::Map<String, Value> = record
        .args
        .iter()
        .map(|(name, text)| (name.to_owned(), text.into()))
        .collect();
    let args = if matches!(record.args, Args::None) {
        Value::Null
    } else {
        args.into()
    };
    BTreeMap::from([
        ("key", json!(record.key_text())),
        (
            "group",
            json!(String::from_utf8_lossy(&record.group.locator)),
        ),
        ("bytes", json!(record.bytes)),
        ("files", json!(record.files)),
        ("created", json!(record.created.map(Time::unix_f64))),
        ("expires", json!(record.expires.map(Time::unix_f64))),
        ("duration_s", json!(record.duration_s)),
        ("hits", json!(record.hits)),
        ("args", args),
    ])
}

/// Compares every member that the manifest states.
fn compare(fixture: &Fixture, reported: &Reported, record: &Record<'_>) {
    let found = stated(record);
    let Value::Object(expected) = &reported.entry else {
        return;
    };
    for (member, expected) in expected {
        let found = found.get(&**member).unwrap_or(&Value::Null);
        let is_same = match (expected.as_f64(), found.as_f64()) {
            // Times are kept to the microsecond.
            (Some(expected), Some(found)) => (expected - found).abs() < 1e-6,
            // The library has no value: none is stored.
            (None, Some(0.0)) if member == "bytes" => expected.is_null(),
            _ => expected == found,
        };
        // A snapshot keeps the head of long arguments.
        let is_cut = member == "args" && record.args.is_cut();
        assert!(
            is_same || is_cut,
            "{}\n{}: {member} is {found}, and {expected} for its library",
            fixture.opened().display(),
            record.key_text()
        );
    }
}

/// How a manifest names an entry: its group, and its key as it is or as a path below what was opened.
fn names(snapshot: &Snapshot, record: &Record<'_>, opened: &Path) -> [(String, String); 3] {
    let group = String::from_utf8_lossy(&record.group.locator).into_owned();
    let key = record.key_text().into_owned();
    let below = snapshot
        .store
        .path
        .strip_prefix(opened)
        .unwrap_or("".as_ref());
    let long = below.join(&key).to_string_lossy().into_owned();
    let file = below.to_string_lossy().into_owned();
    [key, long, file].map(|key| (group.clone(), key))
}

fn check(fixture: &Fixture) {
    let opened = fixture.opened().canonicalize().expect("a fixture is there");
    let path = opened.display();
    let snapshots = snapshots(&opened);
    for snapshot in &snapshots {
        assert_eq!(snapshot.store.kind, fixture.kind, "{path}");
    }
    if let [snapshot] = snapshots.as_slice() {
        let store = fixture.store().canonicalize().unwrap_or(opened.clone());
        assert_eq!(snapshot.store.path, store, "{path}");
        assert_eq!(
            snapshot.totals.entries,
            fixture.n_entries() as u64,
            "{path}"
        );
    }
    let mut records = BTreeMap::new();
    for snapshot in &snapshots {
        for (_, record) in snapshot.records() {
            let named = names(snapshot, &record, &opened).map(|name| (name, record.clone()));
            records.extend(named);
        }
    }
    for reported in &fixture.entries {
        let member = |name: &str| reported.entry.get(name).and_then(Value::as_str);
        let Some(key) = member("key") else {
            continue;
        };
        let group = member("group");
        let is_it = |name: &(String, String)| name.1 == key && group.is_none_or(|g| name.0 == g);
        let record = records.iter().find(|(name, _)| is_it(name));
        let (_, record) = record
            .unwrap_or_else(|| panic!("{path} lists no {group:?} {key}: {:?}", records.keys()));
        compare(fixture, reported, record);
    }
}

#[test]
fn each_fixture_lists_as_its_library_reports_it() {
    let known: BTreeSet<_> = kinds().collect();
    let fixtures = fixtures::all();
    let of_known_kinds: Vec<_> = fixtures
        .iter()
        .filter(|f| known.contains(&*f.kind))
        .collect();
    for fixture in &of_known_kinds {
        check(fixture);
    }
    let tested: BTreeSet<_> = of_known_kinds.iter().map(|f| &*f.kind).collect();
    assert_eq!(tested, known, "a kind without a fixture");
}
