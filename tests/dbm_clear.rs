//! Keys of dbm files cleared and brought back, judged by the library that wrote them.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::dbm::{Bench, Entries, with_each};
use crate::support::program::Ran;
use crate::support::python::Python;
use crate::support::work;

/// Longer than it takes on any machine.
const GIVEN_UP: Duration = Duration::from_mins(2);

/// How often a file without locks is cleared beside one writer.
const CLEARS: usize = 8;

fn hex(line: &Value) -> String {
    use base64::Engine as _;
    let bytes = match line["key_base64"].as_str() {
        Some(base64) => base64::prelude::BASE64_STANDARD
            .decode(base64)
            .expect("base64"),
        None => line["key"].as_str().expect("a key").as_bytes().to_vec(),
    };
    bytes
        .iter()
        .fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
}

fn summary(ran: &Ran) -> &Value {
    ran.lines.last().expect("a summary")
}

#[test]
fn the_library_sees_exactly_the_cleared_keys_gone_and_back() {
    with_each(|bench| {
        let kind = bench.kind;
        let whole = bench.judge();
        let listed: Vec<String> = bench.run(&["ls"]).of_type("entry").map(hex).collect();
        assert_eq!(listed.len(), whole.len(), "{kind}");
        for choice in [&["--query", "key:/^key /"][..], &["--all"]] {
            let planned = bench.run(&[&["clear"], choice].concat());
            let n = planned.of_type("removal").count();
            assert!(
                n > 0
                    && planned
                        .of_type("removal")
                        .all(|l| l["outcome"] == "planned"),
                "{kind} {}",
                planned.said
            );
            assert_eq!(bench.judge(), whole, "{kind}: a plan changes nothing");
            let cleared = bench.run(&[&["clear", "--yes"], choice].concat());
            assert_eq!(
                (cleared.code, cleared.of_type("removal").count()),
                (0, n),
                "{kind}: {}",
                cleared.said
            );
            let left: Vec<String> = bench.run(&["ls"]).of_type("entry").map(hex).collect();
            let mut expected = whole.clone();
            expected.retain(|key, _| left.contains(key));
            assert_eq!(expected.len() + n, whole.len(), "{kind}");
            assert_eq!(bench.judge(), expected, "{kind}");
            bench.ask("use", &[]);
            assert_eq!(
                bench.judge(),
                expected,
                "{kind}: the library goes on writing"
            );
            let undone = bench.run(&["undo", "--last"]);
            assert_eq!(undone.code, 0, "{kind}: {:?}", undone.lines.first());
            assert_eq!(bench.judge(), whole, "{kind}");
        }
        let freed = bench.run(&["clear", "--all", "--yes", "--permanent"]);
        assert_eq!(
            (freed.code, &summary(&freed)["bytes_held"]),
            (0, &0.into()),
            "{kind}: {}",
            freed.said
        );
        assert!(bench.judge().is_empty(), "{kind}");
        assert!(!bench.temp.path().join(".cachescope-quarantine").exists());
    });
}

#[test]
fn undo_leaves_a_newer_value_alone() {
    with_each(|bench| {
        let mut whole = bench.judge();
        let key = whole.keys().next().expect("a key").clone();
        let cleared = bench.run(&["clear", "--all", "--yes"]);
        assert_eq!(cleared.code, 0, "{}: {}", bench.kind, cleared.said);
        bench.ask("store", &[&key]);
        let undone = bench.run(&["undo", "--last"]);
        assert_eq!(undone.code, 1, "{}: {}", bench.kind, undone.said);
        whole.insert(key.clone(), "6e65776572".to_owned());
        assert_eq!(bench.judge(), whole, "{}", bench.kind);
    });
}

#[test]
fn a_file_that_a_program_has_open_is_refused_and_the_program_named() {
    let Some(python) = Python::env("gdbm") else {
        return;
    };
    for kind in ["gnu", "ndbm"] {
        let bench = Bench::filled(&python, kind, 40);
        let whole = bench.judge();
        let mut holder = bench.spawn("hold", &[]);
        assert_eq!(holder.line().as_deref(), Some("ready"));
        for more in [&["--yes"][..], &["--yes", "--permanent"]] {
            let refused = bench.run(&[&["clear", "--all"], more].concat());
            assert_eq!(refused.code, 4, "{kind}: {}", refused.said);
            assert!(
                refused.said.contains("python3 (process "),
                "{}",
                refused.said
            );
        }
        assert!(!bench.temp.path().join(".cachescope-quarantine").exists());
        if kind == "gnu" {
            assert_eq!(bench.run(&["compact", "--yes"]).code, 4);
        } else {
            let told = bench.run(&["clear", "--all", "--yes", "--no-program-uses-it"]);
            assert_eq!(told.code, 0, "{}", told.said);
            assert_eq!(
                bench.run(&["undo", "--last"]).code,
                1,
                "undo is no less careful"
            );
        }
        holder.send("");
        holder.finish();
        if kind == "ndbm" {
            assert_eq!(bench.run(&["undo", "--last"]).code, 0);
        }
        // What the holder might have read was not freed.
        assert_eq!(bench.read(), whole, "{kind}");
    }
}

#[test]
fn a_shelf_says_that_an_open_program_may_bring_keys_back() {
    let Some(python) = Python::env("python-3.13") else {
        return;
    };
    let bench = Bench::filled(&python, "dumb", 8);
    let planned = bench.run(&["clear", "--all"]);
    assert!(
        planned.said.contains("bring") && planned.said.contains("10 minutes"),
        "{}",
        planned.said
    );
}

/// Programs write all the time, four where the library locks and one elsewhere; every few milliseconds some of their
/// keys are cleared and brought back.
#[test]
fn a_program_at_work_never_reads_what_was_not_written() {
    let Some(python) = Python::env("gdbm") else {
        return;
    };
    let name = |(kind, _): &(&str, usize)| (*kind).to_owned();
    work::at_once(
        &[("gnu", 4), ("dumb", 1), ("ndbm", 1)],
        name,
        |(kind, n_writers)| match *kind {
            "ndbm" => ndbm_at_work(&python),
            kind => at_work(&python, kind, *n_writers),
        },
    );
}

fn at_work(python: &Python, kind: &'static str, n_writers: usize) {
    let bench = Bench::filled(python, kind, 4);
    let mut writers: Vec<_> = (0..n_writers).map(|_| bench.writer()).collect();
    for writer in &mut writers {
        assert_eq!(writer.line().as_deref(), Some("ready"));
    }
    let (start, mut sum) = (Instant::now(), Sum::default());
    while start.elapsed() < work::time() || !sum.is_enough() {
        assert!(start.elapsed() < GIVEN_UP, "{kind}: {sum:?}");
        sum.clear_and_undo(&bench);
    }
    bench.stop();
    let rounds: Vec<u32> = writers
        .into_iter()
        .map(|writer| writer.finish().trim().parse().expect("a number"))
        .collect();
    assert!(rounds.iter().all(|n| *n > 0), "{kind}: {rounds:?}");
    eprintln!("{kind}: {rounds:?} rounds, {sum:?}");
    assert_eq!(unwritten(&bench.read()), None, "{kind}");
}

/// Nothing locks these files, so that programs share a lock of their own, and so does whoever clears them: without one
/// the library's own clear beside a writer ends in wrong values, errors and endless loops of both.
fn ndbm_at_work(python: &Python) {
    let (start, mut sum) = (Instant::now(), Sum::default());
    while start.elapsed() < work::time() || !sum.is_enough() {
        assert!(start.elapsed() < GIVEN_UP, "ndbm: {sum:?}");
        let bench = Bench::filled(python, "ndbm", 4);
        let lock = std::fs::File::create(bench.temp.path().join("lock")).expect("a lock is made");
        let mut writer = bench.writer();
        assert_eq!(writer.line().as_deref(), Some("ready"));
        for _ in 0..CLEARS {
            lock.lock().expect("the writer lets go of it");
            sum.clear_and_undo(&bench);
            lock.unlock().expect("we have it");
        }
        bench.stop();
        writer.finish();
        assert_eq!(unwritten(&bench.judge()), None);
    }
    eprintln!("ndbm: {sum:?}");
    assert_eq!(sum.refused, 0, "nobody had it open");
}

/// What clears beside programs at work came to.
#[derive(Debug, Default)]
struct Sum {
    refused: usize,
    removed: usize,
    back: usize,
}

impl Sum {
    /// Keys went and came back.
    fn is_enough(&self) -> bool {
        self.removed > 3 && self.back > 0
    }

    fn clear_and_undo(&mut self, bench: &Bench<'_>) {
        let kind = bench.kind;
        let cleared = bench.run(&["clear", "--query", "key:/^work/", "--yes"]);
        match cleared.code {
            0 | 1 => self.removed += cleared.outcomes("removal", "removed"),
            4 => self.refused += 1,
            code => panic!("{kind}: {code}: {}", cleared.said),
        }
        let undone = bench.run(&["undo", "--last"]);
        let is_told = [0, 1, 2, 4].contains(&undone.code);
        assert!(is_told, "{kind}: {}", undone.said);
        self.back += undone.outcomes("restore", "restored");
    }
}

/// A value of the writers that none of them wrote.
fn unwritten(entries: &Entries) -> Option<String> {
    let ours = entries
        .iter()
        .filter(|(key, _)| key.starts_with("776f726b"));
    let mut bad = ours.filter(|(key, value)| !value.starts_with(&format!("{key}3d")));
    bad.next()
        .map(|(key, value)| format!("{key} has the value {value}"))
}

/// `Lib/dbm/dumb.py: _commit`: the backup goes, the index becomes the backup, a new index is written.
#[test]
fn a_shelf_opens_at_every_moment_of_a_commit() {
    use cachescope_core::stores::{Store, open_all};
    use std::sync::atomic::{AtomicBool, Ordering};
    let all = crate::support::fixtures::all();
    let found = all.iter().find(|f| f.opened().ends_with("dumb-3.13/shelf"));
    let (_temp, path) = found.expect("a shelf").copy();
    let (index, backup) = (path.with_extension("dir"), path.with_extension("bak"));
    let text = std::fs::read(&index).expect("the index");
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let commits = scope.spawn(|| {
            let mut n_commits = 0;
            while !is_over.load(Ordering::Relaxed) {
                std::fs::remove_file(&backup).ok();
                std::fs::rename(&index, &backup).expect("it is renamed");
                std::fs::write(&index, &text).expect("it is written");
                n_commits += 1;
            }
            n_commits
        });
        let looks: Vec<_> = (0..2000)
            .map(|_| {
                let found = open_all(&path).map_err(|e| e.to_string())?;
                let store = Store::open(&found[0]).map_err(|e| e.to_string())?;
                read(&store).map_err(|e| e.to_string())
            })
            .collect();
        is_over.store(true, Ordering::Relaxed);
        assert!(commits.join().expect("it ends") > 100);
        let failed: Vec<_> = looks.into_iter().filter_map(Result::err).collect();
        assert_eq!((failed.len(), failed.first()), (0, None));
    });
}

fn read(store: &cachescope_core::stores::Store) -> cachescope_core::Result<()> {
    use cachescope_core::model::{Cancel, Progress};
    let snapshot =
        cachescope_core::model::Snapshot::read(store, &Cancel::default(), &Progress::default());
    snapshot.map(drop)
}
