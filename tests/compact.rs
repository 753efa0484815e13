//! Dead space given back, judged by the library that wrote the file.

use std::fs;

use crate::support::dbm::{Bench, with_each};
use crate::support::program::{self, Ran};
use crate::support::python::Python;

fn line(ran: &Ran) -> &serde_json::Value {
    ran.of_type("compact").next().expect("a line")
}

#[test]
fn compacting_keeps_every_key_and_gives_back_what_it_said() {
    with_each(|bench| {
        let kind = bench.kind;
        bench.ask("thin", &[]);
        let (left, before) = (bench.judge(), bench.bytes());
        let planned = bench.run(&["compact"]);
        if kind == "ndbm" {
            assert_eq!(planned.code, 4, "{}", planned.said);
            return;
        }
        assert_eq!(
            (planned.code, bench.bytes()),
            (0, before),
            "{kind}: {}",
            planned.said
        );
        let done = bench.run(&["compact", "--yes", "--no-program-uses-it"]);
        assert_eq!(done.code, 0, "{kind}: {}", done.said);
        assert_eq!(bench.judge(), left, "{kind}");
        let (planned, done) = (line(&planned), line(&done));
        assert_eq!(
            (&planned["outcome"], &done["outcome"]),
            (&"planned".into(), &"compacted".into())
        );
        assert_eq!(done["bytes_after"], bench.bytes(), "{kind}");
        assert_eq!(done["bytes_before"], before, "{kind}");
        let gain = |line: &serde_json::Value| line["bytes_gained"].as_f64().expect("a number");
        let (said, gained) = (gain(planned), gain(done));
        assert!(
            gained > 0.0 && (said - gained).abs() <= gained * 0.25,
            "{kind}: said {said}, gained {gained}"
        );
        bench.ask("use", &[]);
        assert_eq!(bench.judge(), left, "{kind}: the library goes on writing");
        let again = bench.run(&["compact", "--yes", "--no-program-uses-it"]);
        assert_eq!(
            (again.code, bench.judge()),
            (0, left),
            "{kind}: {}",
            again.said
        );
        let names = fs::read_dir(bench.temp.path())
            .expect("our folder")
            .map(|item| item.expect("our folder"));
        let ours = names.filter(|item| !item.file_name().to_string_lossy().starts_with("cache"));
        assert_eq!(ours.count(), 0, "{kind}: something of ours is left behind");
    });
}

#[test]
fn a_shelf_is_compacted_only_on_the_word_that_no_program_uses_it() {
    let Some(python) = Python::env("python-3.13") else {
        return;
    };
    let bench = Bench::filled(&python, "dumb", 40);
    bench.ask("thin", &[]);
    let (left, before) = (bench.judge(), bench.bytes());
    let refused = bench.run(&["compact", "--yes"]);
    assert_eq!((refused.code, bench.bytes()), (4, before));
    assert!(
        refused.said.contains("--no-program-uses-it"),
        "{}",
        refused.said
    );
    assert_eq!(bench.judge(), left);
}

#[test]
fn a_gdbm_file_that_a_program_has_open_is_not_compacted() {
    let Some(python) = Python::env("gdbm") else {
        return;
    };
    let bench = Bench::filled(&python, "gnu", 40);
    bench.ask("thin", &[]);
    let before = bench.bytes();
    let mut holder = bench.spawn("hold", &[]);
    assert_eq!(holder.line().as_deref(), Some("ready"));
    let refused = bench.run(&["compact", "--yes"]);
    assert_eq!((refused.code, bench.bytes()), (4, before));
    assert!(
        refused.said.contains("python3 (process "),
        "{}",
        refused.said
    );
    holder.send("");
    holder.finish();
    assert_eq!(bench.run(&["compact", "--yes"]).code, 0);
    assert!(bench.bytes() < before);
}

#[test]
fn stores_without_dead_space_are_refused_with_the_reason() {
    for fixture in crate::support::fixtures::all() {
        if ["joblib", "pyc", "marshal", "pickle"].contains(&fixture.kind.as_str()) {
            let path = fixture.opened();
            let refused = program::run(["compact", path.to_str().expect("text"), "--yes"]);
            assert_eq!(refused.code, 4, "{fixture:?}: {}", refused.said);
            assert!(refused.said.contains("no dead space"), "{}", refused.said);
        }
    }
}

/// A database with rows in tables of every sort, of which half are deleted again.
const DATABASE: &str = r#"
import json, os, sqlite3, sys
command, path, mode = sys.argv[1:4]
db = sqlite3.connect(path, isolation_level=None)
if command == "fill":
    db.execute("PRAGMA journal_mode=" + mode)
    db.executescript("""
        CREATE TABLE plain (a, b BLOB);
        CREATE TABLE keyed (k TEXT PRIMARY KEY, v);
        CREATE TABLE numbered (id INTEGER PRIMARY KEY, v TEXT, w REAL);
        CREATE TABLE bare (k BLOB, v, PRIMARY KEY (k)) WITHOUT ROWID;
        CREATE INDEX by_v ON numbered (v);
        CREATE VIEW seen AS SELECT v FROM keyed;
        CREATE TRIGGER kept AFTER DELETE ON keyed BEGIN UPDATE numbered SET w = w + 1 WHERE id = 1; END;
    """)
    db.execute("BEGIN")
    for n in range(400):
        db.execute("INSERT INTO plain VALUES (?, ?)", (n if n % 3 else None, os.urandom(n)))
        db.execute("INSERT INTO keyed VALUES (?, ?)", ("key %d" % n, b"x" * n * 3))
        db.execute("INSERT INTO numbered VALUES (?, ?, ?)", (n * 7, "caf\u00e9 %d" % n, n / 3))
        db.execute("INSERT INTO bare VALUES (?, ?)", (b"%d" % n, "v" * n))
    for table in ("plain", "keyed", "numbered", "bare"):
        column = {"plain": "a", "numbered": "id"}.get(table, "k")
        for (key,) in db.execute("SELECT %s FROM %s" % (column, table)).fetchall()[::2]:
            db.execute("DELETE FROM %s WHERE %s IS ?" % (table, column), (key,))
    db.execute("COMMIT")
elif command == "judge":
    assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    print(json.dumps([list(db.iterdump()), db.execute("PRAGMA journal_mode").fetchall()]))
elif command == "hold":
    db.execute("BEGIN")
    db.execute("SELECT count(*) FROM plain").fetchall()
    print("ready", flush=True)
    sys.stdin.readline()
"#;

#[test]
fn a_database_is_compacted_by_sqlite_with_every_row_kept() {
    let Some(python) = Python::env("python-3.13") else {
        return;
    };
    for mode in ["delete", "wal"] {
        let temp = tempfile::TempDir::new().expect("a temporary folder");
        let path = temp.path().join("cache.db");
        let text = path.to_str().expect("text");
        let ask = |command| python.run(DATABASE, [command, text, mode]);
        ask("fill");
        let (rows, before) = (
            ask("judge"),
            fs::metadata(&path).expect("it is there").len(),
        );
        let planned = program::run(["compact", text]);
        assert_eq!(planned.code, 0, "{mode}: {}", planned.said);
        assert_eq!(fs::metadata(&path).expect("it is there").len(), before);
        let mut holder = python.spawn(DATABASE, ["hold", text, mode]);
        assert_eq!(holder.line().as_deref(), Some("ready"));
        let refused = program::run(["compact", text, "--yes"]);
        assert_eq!(refused.code, 4, "{mode}: {}", refused.said);
        holder.send("");
        holder.finish();
        let done = program::run(["compact", text, "--yes"]);
        assert_eq!(done.code, 0, "{mode}: {}", done.said);
        let after = fs::metadata(&path).expect("it is there").len();
        assert!(after < before, "{mode}: {before} {after}");
        assert_eq!(
            (&line(&done)["bytes_before"], &line(&done)["bytes_after"]),
            (&before.into(), &after.into())
        );
        let said = line(&planned)["bytes_after"].as_u64().expect("a number");
        assert!(
            after <= said && said < before,
            "{mode}: said {said}, is {after}"
        );
        assert_eq!(ask("judge"), rows, "{mode}");
        let names = fs::read_dir(temp.path()).expect("our folder");
        assert_eq!(names.count(), 1, "{mode}: nothing is left beside it");
    }
}
