//! The longest time that clearing 200,000 rows keeps other writers out of a database: moved aside, then freed.
//!
//! `cargo bench -p cachescope-core --bench locks`; goal: 250 ms at most, on a disk that others use too.
#![expect(
    clippy::print_stdout,
    clippy::expect_used,
    reason = "a benchmark prints its figures and stops at what it cannot do"
)]

use std::path::Path;
use std::time::{Duration, Instant};

use cachescope_core::clear::undo;
use cachescope_core::clear::{How, Plan, apply};
use cachescope_core::model::{Cancel, Progress, Snapshot};
use cachescope_core::stores::{Store, open_all};
use rusqlite::Connection;

const ROWS: usize = 200_000;
const GOAL: Duration = Duration::from_millis(250);

fn main() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for journal in ["DELETE", "WAL"] {
        let database = folder.path().join(format!("{journal}.db"));
        fill(&database, journal);
        for how in [How::Keep, How::Free] {
            let start = Instant::now();
            let longest = clear(&database, how);
            println!(
                "{ROWS} rows, journal_mode {journal}, {how:?}: longest write lock {longest:.1?} (goal {GOAL:?}), \
                 all in {:.1?}",
                start.elapsed()
            );
        }
    }
}

/// Clears all rows; the longest that the lock was held. What was moved aside is brought back.
fn clear(database: &Path, how: How) -> Duration {
    let (cancel, progress) = (Cancel::default(), Progress::default());
    let found = open_all(database).expect("it is a store");
    let store = Store::open(found.first().expect("it is a store")).expect("it opens");
    let snapshot = Snapshot::read(&store, &cancel, &progress).expect("it is read");
    let records = snapshot.records().map(|(_, record)| record);
    let plan = Plan::new(&store, records).expect("a plan");
    let applied =
        apply(&plan, how, None, &cancel, &progress, &mut |_, _| {}).expect("it is cleared");
    assert_eq!(applied.removed, ROWS, "all rows go");
    for held in undo::list(&[database.to_owned()], None) {
        let back = undo::restore(&held, &cancel, &progress, &mut |_, _| {}).expect("it is undone");
        assert_eq!(back.restored, ROWS, "all rows are back");
    }
    applied.longest_lock.expect("a lock was taken")
}

fn fill(path: &Path, journal: &str) {
    let connection = Connection::open(path).expect("a new database");
    let sql = format!(
        "PRAGMA journal_mode = {journal};
         CREATE TABLE cache (key TEXT PRIMARY KEY, value BLOB);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {ROWS})
         INSERT INTO cache SELECT 'key ' || (i * 7919 % {ROWS}), randomblob(i % 7 * 300) FROM n;"
    );
    connection.execute_batch(&sql).expect("filled");
}
