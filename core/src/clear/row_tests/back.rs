//! Rows that come back although their number, their table's columns or its rules are not what they were.

use std::cell::Cell as Shared;
use std::rc::Rc;

use rusqlite::config::DbConfig;

use super::*;

/// Rows of diskcache's table without the column that only numbers them.
fn without_numbers(content: &Content) -> Content {
    let mut content = content.clone();
    for (name, rows) in &mut content {
        if name.ends_with(":Cache") {
            for row in rows.iter_mut() {
                *row = row.split_once(" | ").unwrap().1.to_owned();
            }
            rows.sort();
        }
    }
    content
}

/// A bench of diskcache whose program has stored something new under the numbers of what was cleared.
fn with_taken_numbers() -> (Bench, Content) {
    let bench = Bench::new(STORES[0]);
    let before = without_numbers(&bench.content());
    bench.clear(How::Keep);
    let connection = Connection::open(bench.opened.join("cache.db")).unwrap();
    // Its triggers name their keys in double quotes.
    connection
        .set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, true)
        .unwrap();
    for number in 1..4 {
        connection
            .execute(
                "INSERT INTO Cache (rowid, key, raw, size, mode, value) VALUES (?1, 'new ' || ?1, 1, 0, 1, 'new')",
                [number],
            )
            .unwrap();
    }
    (bench, before)
}

fn check_beside_new_ones(bench: &Bench, mut before: Content) {
    let mut now = without_numbers(&bench.content());
    let is_new = |row: &String| row.contains("'new ");
    let rows = now.get_mut("x/cache.db:Cache").unwrap();
    assert_eq!(rows.iter().filter(|row| is_new(row)).count(), 3);
    rows.retain(|row| !is_new(row));
    for content in [&mut now, &mut before] {
        // Its count of entries, with the new ones.
        content.retain(|name, _| !name.ends_with(":Settings"));
    }
    assert_eq!(now, before);
    assert!(!bench.has_quarantine());
}

#[test]
fn a_row_whose_number_was_taken_comes_back_under_another() {
    let (bench, before) = with_taken_numbers();
    let done = bench.undo_all();
    assert_eq!((done[0].0.skipped, done[0].0.failed), (0, 0), "{done:?}");
    check_beside_new_ones(&bench, before);
}

#[test]
fn an_undo_that_gave_new_numbers_and_was_cut_short_is_finished_by_the_next() {
    cut_short_around_commit(with_taken_numbers, check_beside_new_ones);
}

/// Undo killed right before its commit and right behind it, and run again.
fn cut_short_around_commit(make: impl Fn() -> (Bench, Content), check: impl Fn(&Bench, Content)) {
    let (bench, _) = make();
    fault::clear();
    bench.restore();
    let calls = fault::calls();
    let commit = calls.iter().position(|call| *call == "commit").unwrap();
    for n in [commit, commit + 1] {
        let (bench, before) = make();
        fault::kill_at(n);
        bench.restore();
        fault::clear();
        let done = bench.undo_all();
        assert!(done.iter().all(|(done, _)| done.skipped == 0), "{done:?}");
        check(&bench, before);
    }
}

/// What is made of the other columns may be made otherwise by another SQLite: 3.40 prints fewer digits of a float.
#[test]
fn a_row_whose_generated_column_is_computed_otherwise_comes_back() {
    let bench = Bench::of(
        "CREATE TABLE t (k TEXT UNIQUE, v, g AS (length(v)) STORED); INSERT INTO t VALUES ('a', 1.5), ('b', 'c')",
    );
    bench.clear(How::Keep);
    bench.rewrite_schema("length(v)", "length(v) + 1");
    let done = bench.undo_all();
    assert_eq!(done[0].0.restored, 2, "{done:?}");
    assert_eq!(
        bench.content()["x/made.db:t"],
        ["'a' | real 1.5 | integer 4", "'b' | 'c' | integer 2"]
    );
}

#[test]
fn rows_come_back_whatever_a_check_asks_of_new_ones() {
    for check in ["fx(v)", "v > 100"] {
        let bench = Bench::of(
            "CREATE TABLE p (k TEXT PRIMARY KEY, v CHECK (v > 0)); INSERT INTO p VALUES ('a', 1), ('b', 2)",
        );
        bench.rewrite_schema("v > 0", check);
        assert_eq!(bench.plan(|_| true).notes, Vec::<String>::new(), "{check}");
        assert_eq!(bench.clear(How::Keep).removed, 2);
        let done = bench.undo_all();
        assert_eq!(done[0].0.restored, 2, "{check}: {done:?}");
        let connection = Connection::open(&bench.opened).unwrap();
        let sql = "SELECT group_concat(k || v) FROM p";
        let rows: String = connection.query_row(sql, [], |row| row.get(0)).unwrap();
        assert_eq!(rows, "a1,b2");
    }
}

/// Nothing in the way of its removal, and all in the way of its return.
#[test]
fn a_row_that_its_table_would_not_take_back_goes_only_for_good() {
    let bench = Bench::of(
        "CREATE TABLE t (k TEXT PRIMARY KEY, v, g AS (length(v)) STORED); \
         INSERT INTO t (k, v) VALUES ('a', 1), ('b', 2); \
         CREATE TABLE u (k TEXT PRIMARY KEY); INSERT INTO u VALUES ('c')",
    );
    bench.rewrite_schema("length(v)", "fx(v)");
    let plan = bench.plan(|_| true);
    let said = "2 entries are of a table that would not take them back (unknown function: fx())";
    assert!(
        plan.notes.iter().any(|note| note.starts_with(said)),
        "{:?}",
        plan.notes
    );
    let (applied, heard) = Bench::apply(&plan, How::Keep);
    let applied = applied.unwrap();
    assert_eq!((applied.removed, applied.skipped), (1, 2), "{heard:?}");
    let is_told = |o: &Outcome| matches!(o, Outcome::Skipped(why) if why.text().contains("fx") && why.text().contains("--permanent"));
    assert_eq!(
        heard.iter().filter(|(_, o)| is_told(o)).count(),
        2,
        "{heard:?}"
    );
    assert_eq!(bench.clear(How::Free).removed, 2);
}

/// VACUUM numbers the rows of such a table anew.
#[test]
fn of_equal_rows_as_many_come_back_as_went() {
    let bench = Bench::of(
        "CREATE TABLE t (k, v); INSERT INTO t VALUES ('a', 1), ('a', 1), ('a', 1), ('b', 2)",
    );
    let before = bench.content();
    let plan = bench.plan(|record| record.ident == 2);
    assert_eq!(Bench::apply(&plan, How::Keep).0.unwrap().removed, 1);
    bench.run("VACUUM");
    assert_eq!(bench.undo_all()[0].0.restored, 1);
    assert_eq!(bench.content(), before);
}

#[test]
fn an_undo_of_equal_rows_cut_short_brings_none_back_twice() {
    let make = || {
        let bench =
            Bench::of("CREATE TABLE t (k, v); INSERT INTO t VALUES ('a', 1), ('a', 1), ('a', 1)");
        let before = bench.content();
        let plan = bench.plan(|record| record.ident != 2);
        assert_eq!(Bench::apply(&plan, How::Keep).0.unwrap().removed, 2);
        (bench, before)
    };
    cut_short_around_commit(make, |bench, before| assert_eq!(bench.content(), before));
}

/// A program stands in a half-read SELECT, and another part of it wants to write: no lock of ours is in its way while
/// the reader is waited for.
#[test]
fn a_reader_that_takes_its_time_keeps_no_writer_out() {
    let bench = Bench::of(
        "CREATE TABLE t (k TEXT PRIMARY KEY, v); INSERT INTO t VALUES ('a', 1), ('b', 2)",
    );
    let before = bench.content();
    let plan = bench.plan(|_| true);
    let tries = bench.with_reader(|| {
        assert_eq!(Bench::apply(&plan, How::Keep).0.unwrap().removed, 2);
    });
    assert_eq!(tries, 3);
    let tries = bench.with_reader(|| assert_eq!(bench.undo_all()[0].0.restored, 2));
    assert_eq!(tries, 3);
    assert_eq!(bench.content(), before);
}

impl Bench {
    /// Undo, as far as the faults let it come, and nothing behind it.
    fn restore(&self) {
        for held in self.held() {
            let (cancel, progress) = (Cancel::default(), Progress::default());
            drop(undo::restore(&held, &cancel, &progress, &mut |_, _| {}));
        }
    }

    /// Runs `act` while somebody reads until the third transaction, and somebody writes before each; their number.
    fn with_reader(&self, act: impl FnOnce()) -> usize {
        let open = || {
            let connection = Connection::open(&self.opened).unwrap();
            connection.busy_timeout(std::time::Duration::ZERO).unwrap();
            connection
        };
        let (reader, writer) = (open(), open());
        reader.execute_batch("BEGIN").unwrap();
        reader
            .query_row("SELECT count(*) FROM t", [], |_| Ok(()))
            .unwrap();
        let tries = Rc::new(Shared::new(0));
        let seen = Rc::clone(&tries);
        fault::meanwhile(move |step| {
            if step == "begin" {
                writer.execute_batch("BEGIN IMMEDIATE; ROLLBACK").unwrap();
                seen.set(seen.get() + 1);
                if seen.get() == 3 {
                    reader.execute_batch("COMMIT").unwrap();
                }
            }
        });
        act();
        fault::clear();
        tries.get()
    }

    /// Edits the text of the schema, as somebody with another SQLite or other functions at hand may have written it.
    fn rewrite_schema(&self, from: &str, to: &str) {
        let connection = Connection::open(&self.opened).unwrap();
        connection
            .set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, false)
            .unwrap();
        connection
            .execute_batch("PRAGMA writable_schema=1")
            .unwrap();
        let sql = "UPDATE sqlite_schema SET sql = replace(sql, ?1, ?2)";
        connection.execute(sql, [from, to]).unwrap();
        connection
            .execute_batch("PRAGMA writable_schema=RESET")
            .unwrap();
    }
}
