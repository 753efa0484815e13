//! Rows cleared and brought back, cut short at every step and refused at every step, on databases of real libraries.

mod back;
mod changes;
mod expiry;
mod kills;
mod names;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use rusqlite::types::ValueRef;

use super::disk::fault;
use super::undo::{self, HeldState, Restored};
use super::{Applied, How, Outcome, Plan, Planned, QUARANTINE, apply};
use crate::model::{Cancel, Progress, Record, Snapshot, Time};
use crate::stores::{Store, open_all};

const NO_DISK: i32 = 28;

/// Fixtures, each opened by this path below its folder.
const STORES: [(&str, &str); 5] = [
    ("diskcache-5.6", ""),
    ("diskcache-5.6-fanout", ""),
    ("requests-cache-1.3", "pickle.sqlite"),
    ("sqlitedict-2.1", "two-tables.sqlite"),
    ("plain", "tables.db"),
];

/// Of these, one with value files and one whose rows bring others with them.
const SOME: [(&str, &str); 2] = [STORES[0], STORES[2]];

/// A copy of a fixture in a folder of its own.
struct Bench {
    temp: tempfile::TempDir,
    opened: PathBuf,
}

/// Every table's rows (each with the type of each value), and every value file's length.
type Content = BTreeMap<String, Vec<String>>;

impl Bench {
    fn new(store: (&str, &str)) -> Self {
        let temp = tempfile::tempdir().unwrap();
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/sqlite");
        super::tests::copy(&from.join(store.0), &temp.path().join("x"));
        let opened = match store.1 {
            "" => temp.path().join("x"),
            name => temp.path().join("x").join(name),
        };
        Self { temp, opened }
    }

    /// A database that these statements make.
    fn of(sql: &str) -> Self {
        let temp = tempfile::tempdir().unwrap();
        let opened = temp.path().join("x").join("made.db");
        fs::create_dir(temp.path().join("x")).unwrap();
        Connection::open(&opened)
            .unwrap()
            .execute_batch(sql)
            .unwrap();
        Self { temp, opened }
    }

    fn run(&self, sql: &str) {
        Connection::open(&self.opened)
            .unwrap()
            .execute_batch(sql)
            .unwrap();
    }

    fn plan(&self, is_chosen: impl Fn(&Record<'_>) -> bool) -> Plan {
        let info = open_all(&self.opened).unwrap().remove(0);
        let store = Store::open(&info).unwrap();
        let snapshot = Snapshot::read(&store, &Cancel::default(), &Progress::default()).unwrap();
        let records = snapshot.records().map(|(_, record)| record);
        let mut plan = Plan::new(&store, records.filter(is_chosen)).unwrap();
        plan.pin(&Cancel::default());
        plan
    }

    /// A plan for a few entries, those with value files first: tests that are cut short at each step have fewer.
    fn few(&self) -> Plan {
        let mut plan = self.plan(|_| true);
        plan.removals.sort_by_key(|p| p.disk_bytes == 0);
        plan.removals.truncate(4);
        plan
    }

    fn apply(plan: &Plan, how: How) -> (crate::Result<Applied>, Vec<(Planned, Outcome)>) {
        let mut heard = Vec::new();
        let (cancel, progress) = (Cancel::default(), Progress::default());
        let applied = apply(
            plan,
            how,
            None,
            &cancel,
            &progress,
            &mut |planned, outcome| {
                heard.push((planned.clone(), outcome));
            },
        );
        (applied, heard)
    }

    /// Clears all that can be cleared, and hands back what became of it.
    fn clear(&self, how: How) -> Applied {
        Self::apply(&self.plan(|_| true), how).0.unwrap()
    }

    /// One command that repairs whatever was cut short: brings back all that is held.
    fn undo_all(&self) -> Vec<(Restored, Vec<String>)> {
        let paths = [self.opened.clone()];
        let mut done = Vec::new();
        for held in undo::list(&paths, None) {
            let mut reasons = Vec::new();
            let mut each = |_: &undo::HeldEntry, outcome: Outcome| match outcome {
                Outcome::Skipped(reason) => reasons.push(reason.to_string()),
                Outcome::Failed(error) => reasons.push(error.to_string()),
                _ => {}
            };
            let restored =
                undo::restore(&held, &Cancel::default(), &Progress::default(), &mut each);
            done.push((restored.unwrap(), reasons));
        }
        undo::tidy(&paths, None, &Cancel::default()).unwrap();
        done
    }

    fn held(&self) -> Vec<undo::Held> {
        undo::list(std::slice::from_ref(&self.opened), None)
    }

    fn has_quarantine(&self) -> bool {
        self.opened.parent().unwrap().join(QUARANTINE).exists()
    }

    fn content(&self) -> Content {
        let mut content = Content::new();
        let mut waiting = vec![self.temp.path().join("x")];
        while let Some(folder) = waiting.pop() {
            for item in fs::read_dir(folder).unwrap().map(Result::unwrap) {
                let path = item.path();
                if path.is_dir() && !path.ends_with(QUARANTINE) {
                    waiting.push(path);
                    continue;
                }
                // The look at a database before tidied its log away.
                let Ok(bytes) = fs::read(&path) else { continue };
                let name = path
                    .strip_prefix(self.temp.path())
                    .unwrap()
                    .display()
                    .to_string();
                if bytes.starts_with(b"SQLite format 3\0") {
                    tables(&path, &name, &mut content);
                } else if is_value_file(&name) {
                    content.insert(name, vec![format!("{} bytes", bytes.len())]);
                }
            }
        }
        content
    }

    /// Entries in the store; panics if one is half or another than before.
    fn entries(&self, before: &Content) -> usize {
        let now = self.content();
        let mut n = 0;
        for (name, rows) in now.iter().filter(|(name, _)| !name.contains(":Settings")) {
            let was = &before[name];
            assert!(rows.iter().all(|row| was.contains(row)), "{name}: {rows:?}");
            if !is_value_file(name) && !name.contains(":redirects") {
                n += rows.len();
            }
            for file in rows.iter().filter_map(|row| value_file(row)) {
                let folder = Path::new(name.split(':').next().unwrap()).parent().unwrap();
                let file = folder.join(file).display().to_string();
                assert!(now.contains_key(&file), "{file} is missing");
            }
        }
        n
    }
}

fn is_value_file(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|end| end == "val")
}

/// The value file that a row of diskcache names.
fn value_file(row: &str) -> Option<&str> {
    row.split('\'').find(|text| is_value_file(text))
}

fn tables(path: &Path, name: &str, content: &mut Content) {
    let connection = Connection::open(path).unwrap();
    let check: String = connection
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(check, "ok", "{name}");
    let sql = "SELECT name FROM sqlite_schema WHERE type = 'table' AND rootpage > 0";
    let mut statement = connection.prepare(sql).unwrap();
    let names = statement
        .query_map([], |row| row.get::<_, String>(0))
        .unwrap();
    for table in names.map(Result::unwrap) {
        let sql = format!("SELECT * FROM \"{}\"", table.replace('"', "\"\""));
        let mut statement = connection.prepare(&sql).unwrap();
        let n = statement.column_count();
        let mut rows = statement.query([]).unwrap();
        let mut all = Vec::new();
        while let Some(row) = rows.next().unwrap() {
            let cells: Vec<String> = (0..n).map(|c| shown(row.get_ref(c).unwrap())).collect();
            all.push(cells.join(" | "));
        }
        all.sort();
        content.insert(format!("{name}:{table}"), all);
    }
}

fn shown(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Null => "NULL".to_owned(),
        ValueRef::Integer(n) => format!("integer {n}"),
        ValueRef::Real(x) => format!("real {x:?}"),
        ValueRef::Text(bytes) => format!("'{}'", String::from_utf8_lossy(bytes)),
        ValueRef::Blob(bytes) => format!(
            "blob {} {:x}",
            bytes.len(),
            xxhash_rust::xxh3::xxh3_64(bytes)
        ),
    }
}

#[test]
fn cleared_rows_come_back_value_for_value() {
    for store in STORES {
        let bench = Bench::new(store);
        let before = bench.content();
        let n = bench.entries(&before);
        let applied = bench.clear(How::Keep);
        assert!(
            applied.removed > 0 && applied.skipped + applied.failed == 0,
            "{store:?}"
        );
        assert!(bench.entries(&before) < n, "{store:?}");
        let held = bench.held();
        assert_eq!(held.len(), 1);
        assert_eq!(
            (held[0].entries, &held[0].state, held[0].bytes),
            (applied.removed, &HeldState::Whole, applied.bytes_held)
        );
        let done = bench.undo_all();
        assert_eq!(
            done[0].0.restored, applied.removed,
            "{store:?}: {:?}",
            done[0].1
        );
        assert_eq!(bench.content(), before, "{store:?}");
        assert!(!bench.has_quarantine());
    }
}

#[test]
fn rows_freed_for_good_leave_nothing_of_ours() {
    for store in STORES {
        let bench = Bench::new(store);
        let applied = bench.clear(How::Free);
        assert!(applied.removed > 0 && applied.unfinished.is_none());
        assert_eq!(applied.bytes_held, 0);
        assert_eq!(bench.held(), []);
        assert!(!bench.has_quarantine());
        assert_eq!(bench.plan(|_| true).removals, []);
    }
}

#[test]
fn a_check_of_rows_changes_no_byte() {
    for store in STORES {
        let bench = Bench::new(store);
        let before = super::tests::tree(bench.temp.path());
        let plan = bench.plan(|_| true);
        let applied = Bench::apply(&plan, How::Check).0.unwrap();
        assert_eq!(
            (applied.ready, fault::calls()),
            (plan.removals.len(), vec![])
        );
        assert_eq!(super::tests::tree(bench.temp.path()), before);
    }
}

impl Bench {
    /// Entries by what was there before.
    fn entries_of(before: &Content) -> usize {
        before
            .iter()
            .filter(|(name, _)| {
                !is_value_file(name) && !name.contains(":Settings") && !name.contains(":redirects")
            })
            .map(|(_, rows)| rows.len())
            .sum()
    }
}

/// Every way in which a row can be named, and every storage class.
#[test]
fn rows_of_all_shapes_come_back_as_they_were() {
    let bench = Bench::of(
        "CREATE TABLE numbered (v); INSERT INTO numbered VALUES (1), (NULL), (x'00ff'), (1.5), ('t'); \
         CREATE TABLE composite (a, b, v, PRIMARY KEY (a, b)); \
         INSERT INTO composite VALUES (1, NULL, 'x'), (NULL, NULL, 'y'), ('1', 2.5, 'z'); \
         CREATE TABLE bare (k TEXT, n INTEGER, v, PRIMARY KEY (k, n)) WITHOUT ROWID; \
         INSERT INTO bare VALUES ('a', 1, -0.0), ('a', 2, 'b'); \
         CREATE TABLE blobs (k BLOB PRIMARY KEY, v); \
         INSERT INTO blobs VALUES (x'ff00', 1), (x'61', 2), ('a', 3), (CAST(x'ff' AS TEXT), CAST(x'fe41' AS TEXT)); \
         CREATE TABLE ids (id INTEGER PRIMARY KEY, v TEXT, twice AS (v || v) STORED); \
         INSERT INTO ids (id, v) VALUES (-5, 'neg'), (9223372036854775807, 'max'); \
         CREATE TABLE taken (rowid TEXT PRIMARY KEY, v); INSERT INTO taken VALUES ('r', 1), ('s', 2)",
    );
    let before = bench.content();
    let applied = bench.clear(How::Keep);
    assert_eq!((applied.removed, bench.entries(&before)), (18, 0));
    bench.undo_all();
    assert_eq!(bench.content(), before);
}

/// As large as a pickled frame in sqlitedict is at times.
#[test]
fn a_row_of_many_megabytes_is_held_and_comes_back() {
    let bench = Bench::of(
        "CREATE TABLE t (k TEXT PRIMARY KEY, v BLOB, w TEXT); \
         INSERT INTO t VALUES ('a', CAST(zeroblob(62000000) || x'01' AS BLOB), 'b')",
    );
    let look = || {
        let connection = Connection::open(&bench.opened).unwrap();
        let sql = "SELECT typeof(v), length(v), substr(v, -2) = x'0001', w FROM t";
        let row = connection.query_row(sql, [], |row| {
            Ok((
                row.get::<_, String>(0)?,
                row.get::<_, i64>(1)?,
                row.get::<_, bool>(2)?,
                row.get::<_, String>(3)?,
            ))
        });
        row.ok()
    };
    let before = look();
    let applied = bench.clear(How::Keep);
    assert_eq!((applied.removed, look()), (1, None));
    bench.undo_all();
    assert!(before.is_some());
    assert_eq!(look(), before);
}
