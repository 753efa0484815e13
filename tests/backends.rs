//! Every committed fixture, listed and compared with what the library that wrote it says; no kind by name.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use cachescope_core::model::{Args, Record, Snapshot};
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
        ("created", json!(record.created.map(|t| t.unix_f64()))),
        ("expires", json!(record.expires.map(|t| t.unix_f64()))),
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

fn check(fixture: &Fixture) {
    let path = fixture.opened();
    let snapshots = snapshots(&path);
    let path = path.display();
    let [snapshot] = snapshots.as_slice() else {
        panic!("{} stores in {path}", snapshots.len());
    };
    let info = &snapshot.store;
    assert_eq!(info.kind, fixture.kind, "{path}");
    assert_eq!(
        info.path,
        fixture.store().canonicalize().expect("it is there"),
        "{path}"
    );
    assert_eq!(
        snapshot.totals.entries as usize,
        fixture.n_entries(),
        "{path}"
    );
    let name = |group: &str, key: &str| (group.to_owned(), key.to_owned());
    let records: BTreeMap<_, _> = snapshot
        .records()
        .map(|(_, record)| {
            let group = String::from_utf8_lossy(&record.group.locator);
            (name(&group, &record.key_text()), record)
        })
        .collect();
    for reported in &fixture.entries {
        let member = |name: &str| reported.entry.get(name).and_then(Value::as_str);
        let Some(key) = member("key") else {
            continue;
        };
        let named = name(member("group").unwrap_or_default(), key);
        let record = records
            .get(&named)
            .unwrap_or_else(|| panic!("{path} lists no {named:?}"));
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
