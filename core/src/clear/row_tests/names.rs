//! Rows that name files which are none of their own: neither goes.

use super::*;

/// A value file that diskcache itself made, of the fixture's first row with one.
const FIRST: &str = "SELECT filename FROM Cache WHERE filename IS NOT NULL ORDER BY rowid LIMIT 1";

#[expect(clippy::disallowed_methods, reason = "tests make their own files")]
fn write(path: &Path) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, "keep").unwrap();
}

/// A copy of a cache whose last row without a value file names another file.
fn naming(sql: &str) -> (Bench, i64) {
    let bench = Bench::new(STORES[0]);
    for own in ["notes.txt", "ab/cd/own.val"] {
        write(&bench.opened.join(own));
    }
    let database = Connection::open(bench.opened.join("cache.db")).unwrap();
    let sql = format!(
        "UPDATE Cache SET filename = ({sql}), mode = 2, size = 4, value = NULL \
         WHERE rowid = (SELECT max(rowid) FROM Cache WHERE filename IS NULL) RETURNING rowid"
    );
    let rowid = database.query_row(&sql, [], |row| row.get(0)).unwrap();
    (bench, rowid)
}

/// What is on the disk once all was cleared that could be, and how many rows stayed.
fn stays(bench: &Bench, how: How) -> (Vec<String>, i64) {
    let before = super::super::tests::tree(bench.temp.path());
    let (applied, heard) = Bench::apply(&bench.plan(|_| true), how);
    let reasons = heard.iter().filter_map(|(_, outcome)| match outcome {
        Outcome::Skipped(reason) => Some(reason.to_string()),
        _ => None,
    });
    let reasons: Vec<String> = reasons.collect();
    let applied = applied.unwrap();
    assert_eq!(applied.failed, 0, "{heard:?}");
    if how == How::Check {
        assert_eq!(super::super::tests::tree(bench.temp.path()), before);
    }
    let database = Connection::open(bench.opened.join("cache.db")).unwrap();
    let sql = "SELECT count(*) FROM Cache";
    let left = database.query_row(sql, [], |row| row.get(0)).unwrap();
    (reasons, left)
}

#[test]
fn a_file_that_is_no_value_file_stays_with_its_row() {
    for name in [
        "cache.db",
        "cache.db-wal",
        "notes.txt",
        "ab/cd/own.val",
        "../x/notes.txt",
        "ab/../notes.txt",
        "",
    ] {
        for how in [How::Check, How::Keep, How::Free] {
            let (bench, _) = naming(&format!("'{name}'"));
            let (reasons, left) = stays(&bench, how);
            assert_eq!(reasons.len(), 1, "{name}: {reasons:?}");
            assert!(reasons[0].contains("none of the cache's"), "{reasons:?}");
            if how != How::Check {
                assert_eq!(left, 1, "{name}");
            }
            for own in ["notes.txt", "ab/cd/own.val"] {
                let path = bench.opened.join(own);
                assert_eq!(fs::read(path).unwrap(), b"keep", "{name}");
            }
            bench.undo_all();
        }
    }
}

#[test]
fn a_value_file_of_two_rows_stays_with_both() {
    for how in [How::Check, How::Keep, How::Free] {
        let (bench, rowid) = naming(FIRST);
        let (reasons, left) = stays(&bench, how);
        assert_eq!(reasons.len(), 2, "{reasons:?}");
        assert!(reasons.iter().all(|why| why.contains("another row")));
        assert!(how == How::Check || left == 2);
        // Of the two, one alone neither.
        let one = bench.plan(|record| record.ident == rowid.cast_unsigned());
        assert_eq!(one.removals.len(), 1);
        assert_eq!(Bench::apply(&one, how).0.unwrap().skipped, 1);
        let database = Connection::open(bench.opened.join("cache.db")).unwrap();
        let name: String = database.query_row(FIRST, [], |row| row.get(0)).unwrap();
        assert!(bench.opened.join(name).exists());
    }
}
