//! What a program or a stranger did to rows meanwhile.
#![expect(clippy::disallowed_methods, reason = "the tests play the person")]

use super::*;

/// What a stranger did to a row between the plan and the removal, and the word of the reason why it stays.
#[test]
fn a_row_that_changed_since_the_plan_stays() {
    let made = "CREATE TABLE t (key TEXT PRIMARY KEY, value BLOB); \
                INSERT INTO t VALUES ('a', x'01'), ('b', x'02'), ('c', x'03')";
    for (change, word) in [
        ("UPDATE t SET value = x'0202' WHERE key = 'b'", "changed"),
        // Same rowid, same length: only what is in it tells.
        ("UPDATE t SET value = x'09' WHERE key = 'b'", "changed"),
        ("UPDATE t SET value = '2' WHERE key = 'b'", "changed"),
        ("REPLACE INTO t VALUES ('b', x'09')", "gone"),
        ("DELETE FROM t WHERE key = 'b'", "gone"),
        ("UPDATE t SET key = 'd' WHERE key = 'b'", "gone"),
    ] {
        let bench = Bench::of(made);
        let plan = bench.plan(|_| true);
        bench.run(change);
        let now = bench.content();
        for how in [How::Check, How::Keep] {
            let (applied, heard) = Bench::apply(&plan, how);
            assert_eq!(applied.unwrap().skipped, 1, "{change}");
            let said = heard.iter().any(|(p, o)| {
                p.key_label == "b" && matches!(o, Outcome::Skipped(r) if r.text().contains(word))
            });
            assert!(said, "{change}: {heard:?}");
        }
        bench.undo_all();
        assert_eq!(bench.content(), now);
    }
}

#[test]
fn tables_whose_rows_reach_beyond_are_refused() {
    for (sql, word) in [
        (
            "CREATE TABLE t (k TEXT PRIMARY KEY, v); INSERT INTO t VALUES ('a', 1); \
          CREATE TABLE log (x); CREATE TRIGGER spy AFTER DELETE ON t BEGIN DELETE FROM log; END",
            "spy",
        ),
        (
            "CREATE TABLE t (k TEXT PRIMARY KEY, v); INSERT INTO t VALUES ('a', 1); \
          CREATE TABLE child (p REFERENCES t(k) ON DELETE CASCADE)",
            "child",
        ),
        (
            "CREATE TABLE t (rowid, _rowid_, oid); INSERT INTO t VALUES (1, 2, 3)",
            "tells the row",
        ),
    ] {
        let bench = Bench::of(sql);
        let plan = bench.plan(|_| true);
        let refused: Vec<&str> = plan.refusals.iter().map(|r| r.why.text()).collect();
        assert!(refused.iter().any(|r| r.contains(word)), "{refused:?}");
        let are_told = |r: &super::super::Refusal| r.group_label == "t" && r.bytes > Some(0);
        assert!(plan.refusals.iter().any(are_told), "{:?}", plan.refusals);
        assert!(plan.removals.iter().all(|p| p.group_label != "t"));
    }
}

/// A trigger that came after the plan is found under the lock.
#[test]
fn a_trigger_made_after_the_plan_is_seen() {
    let bench = Bench::of("CREATE TABLE t (k TEXT PRIMARY KEY, v); INSERT INTO t VALUES ('a', 1)");
    let plan = bench.plan(|_| true);
    bench.run("CREATE TRIGGER spy AFTER DELETE ON t BEGIN SELECT 1; END");
    let (applied, _) = Bench::apply(&plan, How::Free);
    assert_eq!(applied.unwrap().skipped, 1);
}

#[test]
fn undo_keeps_what_the_program_stored_anew() {
    let bench = Bench::of(
        "CREATE TABLE t (key TEXT PRIMARY KEY ON CONFLICT REPLACE, value); \
         INSERT INTO t VALUES ('a', 1), ('b', 2), ('c', 3)",
    );
    let before = bench.content();
    bench.clear(How::Keep);
    // The new rows take the old rows' numbers.
    bench.run("INSERT INTO t VALUES ('b', 'newer'), ('d', 4)");
    let done = bench.undo_all();
    assert_eq!((done[0].0.restored, done[0].0.skipped), (2, 1));
    assert!(done[0].1[0].contains("newer"), "{done:?}");
    let held = bench.held().remove(0);
    assert_eq!((held.entries, &held.state), (1, &HeldState::Whole));
    let rows = &bench.content()["x/made.db:t"];
    assert_eq!(
        rows,
        &[
            "'a' | integer 1",
            "'b' | 'newer'",
            "'c' | integer 3",
            "'d' | integer 4"
        ]
    );
    bench.run("DELETE FROM t WHERE key IN ('b', 'd')");
    bench.undo_all();
    assert_eq!(bench.content(), before);
}

/// A person put an older copy of the database in its place: the rows are back, and undo brings their files.
#[test]
fn undo_puts_value_files_beside_rows_that_came_back_with_a_backup() {
    for is_cut_short in [false, true] {
        let bench = Bench::new(STORES[0]);
        let (before, database) = (bench.content(), bench.opened.join("cache.db"));
        let backup = fs::read(&database).unwrap();
        if is_cut_short {
            // Killed at the last step but one: the batch is not marked gone, its files are on the shelf.
            fault::meanwhile(|_| {});
            bench.clear(How::Keep);
            let n = fault::calls().len();
            bench.undo_all();
            fault::kill_at(n - 6);
            bench.clear(How::Keep);
            fault::clear();
        } else {
            bench.clear(How::Keep);
        }
        assert!(!bench.content().keys().any(|name| is_value_file(name)));
        for name in ["cache.db-wal", "cache.db-shm"] {
            fs::remove_file(bench.opened.join(name)).ok();
        }
        fs::write(&database, &backup).unwrap();
        bench.undo_all();
        assert_eq!(bench.content(), before);
        assert!(!bench.has_quarantine());
    }
}

/// Both halves came back with a backup: what is held is in nobody's way, and is not thrown away unasked.
#[test]
fn undo_keeps_a_value_file_whose_place_is_taken() {
    let bench = Bench::new(STORES[0]);
    let backup = bench.temp.path().join("backup");
    super::super::tests::copy(&bench.opened, &backup);
    bench.clear(How::Keep);
    fs::remove_dir_all(&bench.opened).unwrap();
    super::super::tests::copy(&backup, &bench.opened);
    fs::remove_dir_all(&backup).unwrap();
    let before = bench.content();
    let done = bench.undo_all();
    assert!(done[0].0.skipped > 0 && done[0].1.iter().all(|why| why.contains("purge")));
    assert_eq!(bench.content(), before);
    assert_eq!(bench.held()[0].entries, done[0].0.skipped);
}

#[test]
fn value_files_are_on_the_disk_before_the_rows_that_name_them() {
    let bench = Bench::new(STORES[0]);
    bench.clear(How::Keep);
    fault::meanwhile(|_| {});
    bench.undo_all();
    let calls = fault::calls();
    fault::clear();
    let commit = calls.iter().position(|call| *call == "commit").unwrap();
    let last = |what| calls[..commit].iter().rposition(|call| *call == what);
    assert!(
        last("rename").is_some() && last("fsync") > last("rename"),
        "{calls:?}"
    );
}

#[test]
fn a_locked_database_gives_a_sentence_for_each_entry() {
    let bench = Bench::of(
        "CREATE TABLE t (k TEXT PRIMARY KEY, v); INSERT INTO t VALUES ('a', 1), ('b', 2)",
    );
    let plan = bench.plan(|_| true);
    let other = Connection::open(&bench.opened).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let (applied, heard) = Bench::apply(&plan, How::Keep);
    assert_eq!(
        (applied.unwrap().failed, bench.has_quarantine()),
        (2, false)
    );
    let said = |o: &Outcome| matches!(o, Outcome::Failed(e) if e.to_string().contains("lock"));
    assert!(heard.iter().all(|(_, o)| said(o)), "{heard:?}");
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(Bench::apply(&plan, How::Keep).0.unwrap().removed, 2);
}

/// The plan says what undo cannot hold; without undo it goes.
#[test]
fn a_row_too_large_to_be_saved_is_told_of_beforehand() {
    let bench = Bench::of(
        "CREATE TABLE t (key TEXT PRIMARY KEY, value BLOB); \
         INSERT INTO t VALUES ('small', x'01'), ('large', zeroblob(134217800))",
    );
    let plan = bench.plan(|_| true);
    let told = |note: &String| note.contains("1 entry is larger") && note.contains("--permanent");
    assert!(plan.notes.iter().any(told), "{:?}", plan.notes);
    let (applied, heard) = Bench::apply(&plan, How::Keep);
    let applied = applied.unwrap();
    assert_eq!((applied.removed, applied.failed), (1, 1), "{heard:?}");
    bench.undo_all();
    assert_eq!(bench.clear(How::Free).removed, 2);
}

/// Writers get in between: no transaction takes, or brings back, more rows than it may, however quick the disk is.
#[test]
fn many_rows_go_in_many_transactions() {
    const ROWS: usize = 3000;
    const MOST: usize = 512;
    for how in [How::Keep, How::Free] {
        let bench = Bench::of(&format!(
            "CREATE TABLE t (key INTEGER PRIMARY KEY, value); \
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {ROWS}) \
             INSERT INTO t SELECT i, 'value ' || i FROM n"
        ));
        let plan = bench.plan(|_| true);
        fault::clear();
        let (applied, _) = Bench::apply(&plan, how);
        let calls = fault::calls();
        assert_eq!(applied.unwrap().removed, ROWS);
        let check = |calls: &[&str], step: &str| {
            let rows_of = |calls: &[&str]| calls.iter().filter(|call| **call == step).count();
            let each: Vec<usize> = calls.split(|call| *call == "commit").map(rows_of).collect();
            assert_eq!(each.iter().sum::<usize>(), ROWS, "{each:?}");
            assert!(each.iter().all(|n| *n <= MOST), "{each:?}");
        };
        check(&calls, "delete");
        if how == How::Keep {
            fault::clear();
            bench.undo_all();
            check(&fault::calls(), "insert");
        }
    }
}
