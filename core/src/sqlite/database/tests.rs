//! Openings counted, damage met twice, and views that give way.
#![expect(clippy::disallowed_methods, reason = "tests damage their own files")]

use std::path::Path;

use rusqlite::config::DbConfig;

use super::super::Changing;
use super::*;

/// A database with 50 large rows, all of them in a log that nobody has open.
fn with_log(path: &Path) {
    let connection = Connection::open(path).unwrap();
    connection
        .execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0; CREATE TABLE t (k INTEGER PRIMARY KEY, v); \
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50) INSERT INTO t SELECT i, \
             randomblob(200000) FROM n;",
        )
        .unwrap();
    let no_checkpoint = DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE;
    connection.set_db_config(no_checkpoint, true).unwrap();
}

fn length(view: &View<'_>, row: i64) -> Result<i64, Failure> {
    let sql = "SELECT length(v) FROM t WHERE k = ?1";
    Ok(view.connection.query_row(sql, [row], |row| row.get(0))?)
}

#[test]
fn a_log_is_not_read_again_for_each_row() {
    let temp = tempfile::TempDir::new().unwrap();
    with_log(&temp.path().join("a.db"));
    let dir = Dir::open(temp.path()).unwrap();
    let tally = Arc::clone(dir.tally());
    let database = Database::new(dir, "a.db".as_ref());
    for row in 1..=50 {
        let found = database.read(&Cancel::default(), |view| length(view, row));
        assert_eq!(found.unwrap(), 200_000);
    }
    let n_opens = tally.work().opens;
    assert!(n_opens < 25, "opened {n_opens} times for 50 rows");
}

#[test]
fn a_view_that_is_read_no_more_is_closed() {
    let temp = tempfile::TempDir::new().unwrap();
    with_log(&temp.path().join("a.db"));
    let database = Database::new(Dir::open(temp.path()).unwrap(), "a.db".as_ref());
    let is_open = || database.lock().open.is_some();
    let mut was_open = false;
    for row in 1..=50 {
        let found = database.read(&Cancel::default(), |view| length(view, row));
        assert_eq!(found.unwrap(), 200_000);
        was_open |= is_open();
    }
    assert!(was_open);
    let given_up = Instant::now() + Duration::from_mins(1);
    while is_open() {
        assert!(Instant::now() < given_up, "it stays open");
        std::thread::sleep(PAUSE);
    }
}

/// SQLite would share a view's index, which cannot be written, with every connection of the process.
#[test]
fn a_view_gives_way_to_a_change() {
    let temp = tempfile::TempDir::new().unwrap();
    with_log(&temp.path().join("a.db"));
    let dir = || Dir::open(temp.path()).unwrap();
    let database = Database::new(dir(), "a.db".as_ref());
    let look = |row| database.page(&Cancel::default(), |view| length(view, row));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..500 {
                assert_eq!(look(50).unwrap(), 200_000);
            }
        });
        for row in 1..=20 {
            assert_eq!(look(row).unwrap(), 200_000);
            let changing = Changing::open(&dir(), "a.db".as_ref()).unwrap();
            let locked = changing.lock().unwrap();
            let gone = locked
                .connection()
                .execute("DELETE FROM t WHERE k = ?1", [row]);
            assert_eq!(gone.unwrap(), 1, "row {row}");
            locked.commit().unwrap();
        }
    });
}

#[test]
fn damage_is_looked_at_twice_once() {
    let temp = tempfile::TempDir::new().unwrap();
    let path = temp.path().join("a.db");
    let connection = Connection::open(&path).unwrap();
    connection
        .execute_batch(
            "CREATE TABLE t (k TEXT PRIMARY KEY, v); WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 \
             FROM n WHERE i < 2000) INSERT INTO t SELECT 'key number ' || i, i FROM n;",
        )
        .unwrap();
    drop(connection);
    // The root of the index, page 3: no page begins so.
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[2 * 4096..2 * 4096 + 8].fill(0xff);
    std::fs::write(&path, bytes).unwrap();
    let database = Database::new(Dir::open(temp.path()).unwrap(), "a.db".as_ref());
    let mut n_reads = 0;
    let mut look = || {
        let found = database.page(&Cancel::default(), |view| {
            n_reads += 1;
            let sql = "SELECT v FROM t WHERE k = 'key number 7'";
            Ok(view
                .connection
                .query_row(sql, [], |row| row.get::<_, i64>(0))?)
        });
        assert!(found.unwrap_err().is_damaged());
    };
    look();
    for _ in 0..10 {
        look();
    }
    assert!((12..=14).contains(&n_reads), "{n_reads}");
}
