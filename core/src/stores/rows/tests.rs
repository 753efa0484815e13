//! Databases of the fixtures, changed as no library would.

use std::path::Path;
use std::sync::Arc;

use crate::model::{Cancel, Condition, Progress, Snapshot, Time};
use crate::stores::{CheckOptions, Store, open_all};

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures/sqlite");

/// A store that is there, and what a listing reads of it.
pub(in crate::stores) fn opened(path: &Path) -> (Store, Arc<Snapshot>) {
    let info = open_all(path).unwrap().remove(0);
    let store = Store::open(&info).unwrap();
    let snapshot = Snapshot::read(&store, &Cancel::default(), &Progress::default()).unwrap();
    (store, snapshot)
}

/// What a check at a time says of the entries of a fixture's database, after some SQL; sorted.
pub(in crate::stores) fn checked(fixture: &str, sql: &str, now: i64) -> Vec<(Condition, String)> {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("copied.db");
    std::fs::copy(Path::new(FIXTURES).join(fixture), &path).unwrap();
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection.execute_batch(sql).unwrap();
    drop(connection);
    let (store, snapshot) = opened(&path);
    let options = CheckOptions {
        now: Some(Time::from_unix(now, 0)),
        ..CheckOptions::default()
    };
    let mut found: Vec<_> = snapshot
        .records()
        .map(|(_, record)| {
            let verdict = crate::ops::check::entry(&store, &record, &options).unwrap();
            (verdict.condition, verdict.evidence.concat())
        })
        .collect();
    found.sort();
    found
}
