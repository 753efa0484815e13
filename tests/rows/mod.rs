//! Rows cleared and brought back, judged by the libraries that own the databases.

mod programs;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use cachescope_core::clear::undo;
use cachescope_core::clear::{self, Applied, How, Outcome, Plan};
use cachescope_core::model::{Cancel, Progress, Record, Snapshot};
use cachescope_core::stores::{Store, open_all};
use serde::Deserialize;
use tempfile::TempDir;

use crate::support::program;
use crate::support::python::Python;
use crate::support::work;
use programs::{Kind, kinds};

#[derive(Debug, Clone, PartialEq, Deserialize)]
struct Told {
    entries: BTreeMap<String, String>,
    rows: BTreeMap<String, Vec<String>>,
}

struct Bench<'p> {
    python: &'p Python,
    temp: TempDir,
    opened: PathBuf,
}

impl<'p> Bench<'p> {
    fn filled(python: &'p Python, kind: &Kind, program: &str) -> Self {
        let temp = TempDir::new().expect("a temporary folder");
        fs::write(temp.path().join("program.py"), program).expect("it is written");
        let opened = temp.path().join(kind.opened);
        let bench = Self {
            python,
            temp,
            opened,
        };
        bench.run("fill");
        bench
    }

    fn run(&self, command: &str) -> String {
        let program = self.temp.path().join("program.py");
        self.python
            .run_file(&program, [command.as_ref(), self.temp.path().as_os_str()])
    }

    /// What the library finds in the store, and every row with the types of its values.
    fn judge(&self) -> Told {
        serde_json::from_str(&self.run("judge")).expect("the program prints JSON")
    }

    fn plan(&self, is_chosen: impl Fn(&Record<'_>) -> bool) -> Plan {
        plan_of(&self.opened, is_chosen)
    }

    fn clear(&self, how: How, is_chosen: impl Fn(&Record<'_>) -> bool) -> Applied {
        apply(&self.plan(is_chosen), how)
    }

    /// Entries that came back.
    fn undo(&self) -> usize {
        let mut n = 0;
        for held in undo::list(std::slice::from_ref(&self.opened), None) {
            let (cancel, progress) = (Cancel::default(), Progress::default());
            let mut each = |_: &undo::HeldEntry, _: Outcome| {};
            let done = undo::restore(&held, &cancel, &progress, &mut each);
            n += done.expect("it is undone").restored;
        }
        n
    }
}

fn plan_of(opened: &Path, is_chosen: impl Fn(&Record<'_>) -> bool) -> Plan {
    let info = open_all(opened).expect("it is a store").remove(0);
    let store = Store::open(&info).expect("it opens");
    let snapshot = Snapshot::read(&store, &Cancel::default(), &Progress::default());
    let snapshot = snapshot.expect("it is read");
    let records = snapshot.records().map(|(_, record)| record);
    Plan::new(&store, records.filter(is_chosen)).expect("a plan is made")
}

fn apply(plan: &Plan, how: How) -> Applied {
    let (cancel, progress) = (Cancel::default(), Progress::default());
    let mut each = |planned: &clear::Planned, outcome: Outcome| {
        let is_certain = matches!(outcome, Outcome::Done | Outcome::Skipped(_));
        assert!(is_certain, "{}: {outcome:?}", planned.key_label);
    };
    clear::apply(plan, how, None, &cancel, &progress, &mut each).expect("it is applied")
}

/// Every third entry, by its label.
fn third(record: &Record<'_>) -> bool {
    let text = record.key_text();
    text.bytes().map(u32::from).sum::<u32>() % 3 == 0
}

#[test]
fn libraries_see_exactly_the_cleared_rows_gone_and_back() {
    for (kind, program) in kinds() {
        let Some(python) = Python::env(kind.env) else {
            continue;
        };
        let bench = Bench::filled(&python, &kind, &program);
        let before = bench.judge();
        let plan = bench.plan(third);
        let gone: Vec<&String> = plan.removals.iter().map(|p| &p.key_label).collect();
        assert!(gone.len() > 5, "{}: {gone:?}", kind.env);
        let mut left = before.entries.clone();
        left.retain(|key, _| !gone.contains(&key));
        assert_eq!(left.len() + gone.len(), before.entries.len());
        for how in [How::Keep, How::Free] {
            let applied = bench.clear(how, third);
            assert_eq!((applied.removed, applied.skipped), (gone.len(), 0));
            assert_eq!(bench.judge().entries, left, "{} {how:?}", kind.env);
            if how == How::Keep {
                assert_eq!(bench.undo(), gone.len());
                assert_eq!(bench.judge(), before, "{}", kind.env);
            }
        }
        let place = bench.opened.parent().expect("it lies in a folder");
        assert!(!place.join(clear::QUARANTINE).exists());
    }
}

/// The library finds the new expiry, and after undo the old one.
#[test]
fn diskcache_goes_by_a_new_expiry_and_by_the_old_one_after_undo() {
    let (kind, program) = kinds().remove(0);
    let Some(python) = Python::env(kind.env) else {
        return;
    };
    let bench = Bench::filled(&python, &kind, &program);
    let before = bench.judge();
    let path = bench.opened.to_str().expect("a plain path");
    let state = bench.temp.path().join("state");
    let state = state.to_str().expect("a plain path");
    let keep = |more: &[&str]| {
        let mut words = vec![
            "keep",
            path,
            "3",
            "key 4",
            "--expires",
            "30d",
            "--state-dir",
            state,
        ];
        words.extend(more);
        program::run(words)
    };
    let ran = keep(&[]);
    assert_eq!((ran.code, ran.outcomes("removal", "planned")), (0, 2));
    assert_eq!(bench.judge(), before, "a plan changes nothing");
    let ran = keep(&["--yes"]);
    assert_eq!((ran.code, ran.outcomes("removal", "removed")), (0, 2));
    assert!(
        ran.of_type("removal")
            .all(|line| line["expires"].is_string())
    );
    let expiry = |key: &str| -> f64 {
        let script = "import sys, diskcache\ncache = diskcache.Cache(sys.argv[1])\n\
                      print(cache.get(eval(sys.argv[2]), expire_time=True)[1] or 0)";
        python
            .run(script, [path, key])
            .trim()
            .parse()
            .expect("a time")
    };
    let now = std::time::SystemTime::UNIX_EPOCH
        .elapsed()
        .expect("a clock")
        .as_secs_f64();
    for key in ["3", "'key 4'"] {
        assert!((expiry(key) - now - 30.0 * 86400.0).abs() < 3600.0, "{key}");
    }
    assert_eq!(bench.undo(), 2);
    assert_eq!(bench.judge(), before);
}

#[test]
fn stores_without_an_expiry_of_their_own_refuse_to_keep() {
    let (kind, program) = kinds().remove(4);
    let Some(python) = Python::env(kind.env) else {
        return;
    };
    let bench = Bench::filled(&python, &kind, &program);
    let path = bench.opened.to_str().expect("a plain path");
    let ran = program::run(["keep", path, "key a 1", "--expires", "1d", "--yes"]);
    let reasons: Vec<_> = ran
        .of_type("removal")
        .map(|line| line["reason"].clone())
        .collect();
    assert_eq!((ran.code, reasons.len()), (4, 1));
    assert!(
        reasons[0].as_str().is_some_and(|r| r.contains("expiry")),
        "{reasons:?}"
    );
}

#[test]
fn four_programs_at_work_notice_nothing() {
    // diskcache 4 leaves empty folders behind by itself, of which its own check complains.
    let is_worked_on = |(kind, program): &(Kind, String)| {
        let is_file = kind.opened.ends_with("files");
        program.contains("def work(") && !is_file && kind.env != "diskcache-4.1"
    };
    let kinds: Vec<_> = kinds().into_iter().filter(is_worked_on).collect();
    let name = |(kind, _): &(Kind, String)| format!("{} {}", kind.env, kind.opened);
    work::at_once(&kinds, name, |(kind, program)| {
        if let Some(python) = Python::env(kind.env) {
            at_work(&python, kind, program);
        }
    });
}

fn at_work(python: &Python, kind: &Kind, program: &str) {
    const WORKERS: usize = 4;
    let bench = Bench::filled(python, kind, program);
    let script = bench.temp.path().join("program.py");
    let root = bench.temp.path().as_os_str();
    let mut workers: Vec<_> = (0..WORKERS)
        .map(|_| python.spawn_file(&script, ["work".as_ref(), root]))
        .collect();
    for worker in &mut workers {
        assert_eq!(worker.line().as_deref(), Some("ready"));
    }
    let (start, mut n_clears, mut longest) = (Instant::now(), 0, None);
    let (mut n_removed, mut n_back) = (0, 0);
    while start.elapsed() < work::time() || n_clears < 4 {
        let how = if n_clears % 3 == 2 {
            How::Free
        } else {
            How::Keep
        };
        let applied = bench.clear(how, |_| true);
        longest = longest.max(applied.longest_lock);
        n_removed += applied.removed;
        n_back += bench.undo();
        n_clears += 1;
    }
    fs::write(bench.temp.path().join("stop"), "").expect("it is written");
    let rounds: Vec<usize> = workers
        .into_iter()
        .map(|worker| worker.finish().trim().parse().expect("a number"))
        .collect();
    let at = format!(
        "{} {}: {n_clears} clears, {n_removed} removed, {n_back} back, longest write lock {longest:?}, rounds of each \
         program {rounds:?}",
        kind.env, kind.opened
    );
    eprintln!("{at}");
    let is_done = rounds.iter().all(|n| *n > 0) && n_removed > n_clears && n_back > 0;
    assert!(is_done, "{at}");
    // Whole, and its counters right: the judge's check is silent.
    bench.judge();
}

/// Many rows go in short transactions: a program that writes all the time gets in between.
///
/// `ROWS=1000000` measures the longest lock on a large table.
#[test]
fn a_clear_of_many_rows_lets_a_writer_in_between() {
    let Some(python) = Python::env("diskcache-5.6") else {
        return;
    };
    let n_rows: usize =
        std::env::var("ROWS").map_or(20_000, |n| n.parse().expect("ROWS is a number"));
    let temp = TempDir::new().expect("a temporary folder");
    let opened = temp.path().join("many.db");
    let script = "import sqlite3, sys, time, os\n\
        path, command, n = sys.argv[1], sys.argv[2], int(sys.argv[3])\n\
        db = sqlite3.connect(path, timeout=60, isolation_level=None)\n\
        if command == 'fill':\n\
        \x20   db.execute('CREATE TABLE cache (key TEXT PRIMARY KEY, value BLOB)')\n\
        \x20   db.execute('CREATE TABLE other (n INTEGER)')\n\
        \x20   db.execute('BEGIN')\n\
        \x20   rows = (('key %d' % i, b'v' * (i % 7 * 300)) for i in range(n))\n\
        \x20   db.executemany('INSERT INTO cache VALUES (?, ?)', rows)\n\
        \x20   db.execute('COMMIT')\n\
        else:\n\
        \x20   print('ready', flush=True)\n\
        \x20   longest = rounds = 0\n\
        \x20   while not os.path.exists(path + '.stop'):\n\
        \x20       start = time.monotonic()\n\
        \x20       db.execute('INSERT INTO other VALUES (1)')\n\
        \x20       longest = max(longest, time.monotonic() - start)\n\
        \x20       rounds += 1\n\
        \x20       time.sleep(0.002)\n\
        \x20   print(rounds, round(longest * 1000))\n";
    let path = opened.to_str().expect("a plain path");
    let n = n_rows.to_string();
    python.run(script, [path, "fill", &n]);
    for how in [How::Keep, How::Free] {
        let plan = plan_of(&opened, |record| record.group.label.starts_with("cache"));
        let mut writer = python.spawn(script, [path, "write", "0"]);
        assert_eq!(writer.line().as_deref(), Some("ready"));
        let applied = apply(&plan, how);
        fs::write(temp.path().join("many.db.stop"), "").expect("it is written");
        let told = writer.finish();
        fs::remove_file(temp.path().join("many.db.stop")).expect("our file");
        let words: Vec<u64> = told
            .split_whitespace()
            .map(|n| n.parse().expect("a number"))
            .collect();
        assert_eq!((applied.removed, applied.failed), (n_rows, 0));
        assert!(words[0] > 0, "{told}");
        eprintln!(
            "{n_rows} rows, {how:?}: longest write lock {:?}; a writer wrote {} times and waited {} ms at most",
            applied.longest_lock, words[0], words[1]
        );
        if how == How::Keep {
            for held in undo::list(std::slice::from_ref(&opened), None) {
                let (cancel, progress) = (Cancel::default(), Progress::default());
                let back = undo::restore(&held, &cancel, &progress, &mut |_, _| {});
                assert_eq!(back.expect("it is undone").restored, n_rows);
            }
        }
    }
}

/// A write-ahead log is no leftover: SQLite itself keeps the cleared rows there until a program next closes the store.
#[test]
fn after_a_clear_of_a_quiet_store_the_log_stays_until_a_program_closes_it() {
    let (kind, program) = kinds().remove(3);
    let Some(python) = Python::env(kind.env) else {
        return;
    };
    let bench = Bench::filled(&python, &kind, &program);
    let beside = |suffix: &str| bench.opened.with_file_name(format!("shelf{suffix}"));
    assert!(!beside("-wal").exists() && !beside("-shm").exists());
    let before = fs::read(&bench.opened).expect("it is read");
    let applied = bench.clear(How::Free, third);
    assert!(applied.removed > 0);
    // Never a checkpoint unasked: the file is as it was, and the log tells what is gone.
    assert_eq!(fs::read(&bench.opened).expect("it is read"), before);
    assert!(beside("-wal").exists());
    let left = bench.judge().entries.len();
    let open =
        "import dbm.sqlite3, sys\nwith dbm.sqlite3.open(sys.argv[1], 'w') as db: db[b'x'] = b'y'";
    python.run(open, [&bench.opened]);
    assert!(!beside("-wal").exists() && !beside("-shm").exists());
    assert_eq!(bench.judge().entries.len(), left + 1);
}
