//! Watching stores while real programs write to them: what shows, how soon, and that nothing is missed.

mod command_line;

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, Instant};

use cachescope_core::model::{Cancel, Progress, Record, Snapshot, StoreInfo};
use cachescope_core::stores::{Counted, Counters, Store, open_all};
use cachescope_core::watch::{Coverage, Event, EventKind, Observed, Update, View, Watcher};
use tempfile::TempDir;

use crate::support::fixtures;
use crate::support::python::{Python, Running};

/// Nothing that is waited for takes longer, also on a busy machine.
const DEADLINE: Duration = Duration::from_mins(3);

/// A program that does what it is told, line by line, in a process of its own.
const JOBLIB: &str = r#"
import os, shutil, sys
import joblib
memory = joblib.Memory(sys.argv[1], verbose=0)

@memory.cache
def load(n, size=10):
    return b"x" * size

@memory.cache
def other(n):
    return n

for line in sys.stdin:
    exec(line)
    print("done", flush=True)
"#;

fn read(info: &Arc<StoreInfo>) -> Arc<Snapshot> {
    let store = Store::open(info).expect("the store opens");
    Snapshot::read(&store, &Cancel::default(), &Progress::default()).expect("the store is read")
}

/// A watched store with what came of it so far.
struct Watched {
    watcher: Watcher,
    woken: Receiver<()>,
    snapshot: Arc<Snapshot>,
    events: Vec<Event>,
    observed: Observed,
    coverage: Option<Coverage>,
    counters: Arc<[Counters]>,
}

impl Watched {
    fn start(path: &Path) -> Self {
        let info = open_all(path).expect("a store").remove(0);
        let snapshot = read(&info);
        let (wake, woken) = sync_channel(1);
        let wake = Arc::new(move || {
            // A wake that waits already says it all.
            wake.try_send(()).ok();
        });
        let watcher = Watcher::start(Arc::clone(&snapshot), wake).expect("the store is watched");
        let mut watched = Self {
            watcher,
            woken,
            snapshot,
            events: Vec::new(),
            observed: Observed::default(),
            coverage: None,
            counters: Arc::new([]),
        };
        watched.until("it is in sight", |w| w.coverage.is_some());
        watched
    }

    fn take(&mut self) {
        for update in self.watcher.drain() {
            let Update {
                snapshot,
                events,
                coverage,
                counters,
                ..
            } = update;
            self.counters = counters;
            self.snapshot = snapshot;
            for event in &events {
                self.observed.count(event);
            }
            self.events.extend(events);
            self.coverage = Some(coverage);
        }
    }

    /// Takes updates until `is_so`.
    fn until(&mut self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + DEADLINE;
        loop {
            self.take();
            if is_so(self) {
                return;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            let woken = self.woken.recv_timeout(left);
            assert!(
                woken.is_ok(),
                "{woken:?}: not so in time: {what}; {:?}, {} entries, {:?}, last event {:?}",
                self.coverage,
                self.snapshot.totals.entries,
                self.observed.total(),
                self.events.last()
            );
        }
    }

    /// More look-ups may have happened than are counted.
    fn is_lower_bound(&self) -> bool {
        self.coverage.as_ref().is_some_and(|c| c.is_lower_bound)
    }

    fn n(&self, kind: EventKind) -> usize {
        self.events
            .iter()
            .filter(|event| event.kind == kind)
            .count()
    }

    fn lookups(&self) -> (u64, u64) {
        (self.observed.total().hits, self.observed.total().misses)
    }

    /// Waits until the watched state is that of a fresh scan.
    fn until_true(&mut self) {
        let info = Arc::clone(&self.snapshot.store);
        self.until("it equals a fresh scan", |watched| {
            listing(&watched.snapshot) == listing(&read(&info))
        });
        let fresh = read(&info);
        assert_eq!(self.snapshot.totals, fresh.totals);
    }
}

/// Everything that a listing shows of each entry, sorted.
fn listing(snapshot: &Snapshot) -> Vec<String> {
    let mut lines: Vec<String> = snapshot
        .records()
        .map(|(_, record)| line(&record))
        .collect();
    lines.sort_unstable();
    lines
}

fn line(record: &Record<'_>) -> String {
    let args: Vec<_> = record.args.iter().collect();
    format!(
        "{} {} {:?} {} {} {} {:?} {:?} {:?} {args:?}",
        record.group.label,
        record.key_text(),
        record.role,
        record.bytes,
        record.disk_bytes,
        record.files,
        record.fingerprint(),
        record.created,
        record.duration_s,
    )
}

/// Runs one line in the program and waits until it has.
fn tell(program: &mut Running, line: &str) {
    program.send(line);
    assert_eq!(program.line().as_deref(), Some("done"), "{line}");
}

fn joblib(name: &str) -> Option<(TempDir, Running)> {
    let python = Python::env(name)?;
    let folder = TempDir::new().expect("a temporary folder");
    let mut program = python.spawn(JOBLIB, [folder.path()]);
    tell(&mut program, "for n in range(5): load(n)");
    Some((folder, program))
}

#[test]
fn joblib_changes_show_with_what_they_are() {
    let Some((folder, mut program)) = joblib("joblib-new") else {
        return;
    };
    let mut watched = Watched::start(folder.path());
    assert_eq!(watched.coverage.as_ref().map(|c| c.view), Some(View::Live));

    tell(&mut program, "load(100, size=2000)");
    watched.until("a stored entry shows", |w| w.snapshot.totals.entries == 6);
    watched.until("it is told", |w| w.n(EventKind::Stored) == 1);
    let stored = watched.events.iter().find(|e| e.kind == EventKind::Stored);
    let stored = stored.expect("just seen").clone();
    assert!(stored.bytes.is_some_and(|bytes| bytes > 2000), "{stored:?}");
    assert!(stored.group.ends_with("load"), "{stored:?}");

    tell(&mut program, "load.call(100, size=2000)");
    watched.until("a value computed again shows", |w| {
        w.n(EventKind::Changed) == 1
    });
    tell(&mut program, "other(1)");
    watched.until("a new function shows", |w| w.snapshot.totals.entries == 7);
    tell(&mut program, "load.clear(warn=False)");
    watched.until("removed entries are gone", |w| {
        w.snapshot.totals.entries == 1
    });
    watched.until("they are told", |w| w.n(EventKind::Removed) == 6);
    tell(&mut program, "load(3)");
    watched.until("a group that came back shows", |w| {
        w.snapshot.totals.entries == 2
    });
    watched.until_true();
    assert_eq!(watched.n(EventKind::Stored), 3);
    assert_eq!(watched.n(EventKind::Rescan), 0);
}

#[test]
fn joblib_hits_and_misses_are_counted_exactly_in_existing_folders() {
    for name in ["joblib-1.2", "joblib-new"] {
        let Some((folder, mut program)) = joblib(name) else {
            continue;
        };
        let mut watched = Watched::start(folder.path());
        tell(
            &mut program,
            "for n in range(200): load(n % 40 if n % 3 else n % 5)",
        );
        watched.until("all look-ups are counted", |w| {
            let (hits, misses) = w.lookups();
            hits + misses >= 200 || w.is_lower_bound()
        });
        tell(&mut program, "load(1)");
        watched.until("the last one is counted", |w| {
            w.lookups().0 + w.lookups().1 >= 201 || w.is_lower_bound()
        });
        if watched.is_lower_bound() {
            // So busy a machine that a value was loaded before its folder was watched.
            eprintln!("{name}: told as a part: {:?}", watched.lookups());
            assert!(watched.lookups().0 <= 166 && watched.lookups().1 <= 35);
        } else {
            assert_eq!(watched.lookups(), (166, 35), "{name}");
        }
        watched.until_true();
    }
}

#[test]
fn our_own_previews_are_no_hits() {
    let Some((folder, mut program)) = joblib("joblib-new") else {
        return;
    };
    let mut watched = Watched::start(folder.path());
    let store = Store::open(&watched.snapshot.store).expect("the store opens");
    let keys: Vec<_> = watched
        .snapshot
        .records()
        .map(|(_, record)| record.entry_key())
        .collect();
    for key in keys.iter().cycle().take(1000) {
        store.details(key).expect("details");
        store.open_value(key).expect("the value opens");
    }
    tell(&mut program, "load(1)");
    watched.until("the program's own hit is counted", |w| {
        w.lookups() != (0, 0)
    });
    assert_eq!(watched.lookups(), (1, 0));
}

#[test]
fn a_burst_of_joblib_changes_ends_as_a_fresh_scan_sees_it() {
    let Some((folder, mut program)) = joblib("joblib-new") else {
        return;
    };
    let mut watched = Watched::start(folder.path());
    // As joblib does it, without its cost per call: folders made, files renamed into place, folders removed.
    let burst = "exec('import hashlib\\nbase = os.path.join(memory.location, \"joblib\", \"burst\", \"f\")\\n\
        def put(n, text):\\n    d = os.path.join(base, hashlib.md5(str(n).encode()).hexdigest())\\n    \
        os.makedirs(d, exist_ok=True)\\n    \
        for name in (\"output.pkl\", \"metadata.json\"):\\n        \
        t = os.path.join(d, name + \".tmp\")\\n        open(t, \"w\").write(text)\\n        \
        os.replace(t, os.path.join(d, name))\\n    return d\\n\
        made = [put(n, \"{}\") for n in range(8000)]\\n\
        [put(n, \"{} \") for n in range(6000)]\\n\
        [shutil.rmtree(d) for d in made[:6000]]')";
    tell(&mut program, burst);
    let quiet = Instant::now();
    watched.until("what is left shows", |w| w.snapshot.totals.entries == 2005);
    watched.until_true();
    eprintln!(
        "20,000 changes: all seen {:?} after the last",
        quiet.elapsed()
    );
}

#[test]
fn a_store_that_is_removed_and_made_anew_is_followed() {
    let Some((folder, mut program)) = joblib("joblib-new") else {
        return;
    };
    let mut watched = Watched::start(folder.path());
    tell(
        &mut program,
        "shutil.rmtree(os.path.join(sys.argv[1], 'joblib'))",
    );
    watched.until("nothing is left", |w| w.snapshot.totals.entries == 0);
    watched.until("it is said", |w| {
        w.coverage.as_ref().is_some_and(|c| c.view == View::Away)
    });
    tell(&mut program, "load(7)");
    watched.until("the new store shows", |w| w.snapshot.totals.entries == 1);
    tell(&mut program, "load(8)");
    watched.until("and goes on showing", |w| w.snapshot.totals.entries == 2);
}

#[test]
fn a_store_whose_folder_is_renamed_and_comes_back_has_no_misses() {
    let all = fixtures::all();
    let fixture = all.iter().find(|f| f.opened().ends_with("joblib/1.6.0"));
    // The store is the folder `joblib` in the one that is renamed.
    let (folder, above) = fixture.expect("a fixture").copy();
    let other = folder.path().join("renamed meanwhile");
    let mut watched = Watched::start(&above);
    let n_entries = watched.snapshot.totals.entries;
    assert!(n_entries > 0);
    std::fs::rename(&above, &other).expect("it is renamed");
    watched.until("it is no longer there", |w| {
        let is_away = |c: &Coverage| c.view == View::Away;
        w.coverage.as_ref().is_some_and(is_away) && w.snapshot.totals.entries == 0
    });
    std::fs::rename(&other, &above).expect("it is renamed back");
    watched.until("it is there again", |w| {
        w.snapshot.totals.entries == n_entries
    });
    assert_eq!(
        (watched.lookups(), watched.n(EventKind::Stored)),
        ((0, 0), 0)
    );
    assert!(watched.n(EventKind::Rescan) > 0);
}

#[test]
fn entries_in_folders_that_are_made_meanwhile_are_followed() {
    let all = fixtures::all();
    let fixture = all
        .iter()
        .find(|f| f.opened().ends_with("sqlite/django-1.4/files"));
    let (_folder, cache) = fixture.expect("a fixture").copy();
    let an_entry = cache.join("47/20/993faefa6c12c92c4b03540e3e17");
    let mut watched = Watched::start(&cache);
    let n_entries = watched.snapshot.totals.entries;
    let inner = cache.join("0a/1b");
    std::fs::create_dir_all(&inner).expect("folders are made");
    for (n, name) in (1..).zip(["00112233445566778899aabbccdd", "ffeeddccbbaa99887766554433"]) {
        let name = format!("{name:0<28}");
        std::fs::copy(&an_entry, inner.join(name)).expect("an entry is stored");
        watched.until("it shows", |w| w.snapshot.totals.entries == n_entries + n);
    }
    std::fs::remove_file(&an_entry).expect("an entry is removed");
    watched.until("it is gone", |w| w.n(EventKind::Removed) == 1);
    watched.until_true();
}

#[test]
fn a_manual_refresh_is_told_and_an_idle_store_leaves_the_watcher_asleep() {
    let Some((folder, _program)) = joblib("joblib-new") else {
        return;
    };
    let mut watched = Watched::start(folder.path());
    watched.watcher.look_again();
    watched.until("the refresh is told", |w| w.n(EventKind::Rescan) == 1);
    // What the refresh itself still tells.
    while watched.woken.recv_timeout(Duration::from_secs(1)).is_ok() {}
    let wakeups = watched.watcher.wakeups();
    // Long enough for any timer of a polling watcher to fire.
    assert!(watched.woken.recv_timeout(Duration::from_secs(3)).is_err());
    assert_eq!(watched.watcher.wakeups(), wakeups);
    watched.watcher.finish();
}

#[test]
fn four_programs_at_once_are_counted_exactly() {
    let Some((folder, mut first)) = joblib("joblib-new") else {
        return;
    };
    let mut watched = Watched::start(folder.path());
    let python = Python::env("joblib-new").expect("it was there just now");
    // Each program is a script of its own folder, so that each has a function of its own name in the store:
    // all look the first one's entries up by their files, as joblib does.
    let function = watched
        .snapshot
        .records()
        .next()
        .map(|(_, r)| r.group.locator.clone());
    let function = String::from_utf8(function.expect("an entry").into()).expect("text");
    let look_up = format!(
        "from joblib.memory import MemorizedResult\n\
         location = os.path.join(sys.argv[1], 'joblib')\n\
         keys = [k for k in os.listdir(os.path.join(location, '{function}')) if len(k) == 32]\n\
         for n in range(50): assert MemorizedResult(location, ('{function}', sorted(keys)[which])).get() == b'x' * 10"
    );
    // An entry each: of two opens of one file within microseconds the system may report one.
    let one_line = |which: usize| format!("which = {which}; exec({look_up:?})");
    let mut others: Vec<_> = (0..3)
        .map(|_| python.spawn(JOBLIB, [folder.path()]))
        .collect();
    for (which, program) in others.iter_mut().chain([&mut first]).enumerate() {
        program.send(&one_line(which));
    }
    for program in others.iter_mut().chain([&mut first]) {
        assert_eq!(program.line().as_deref(), Some("done"));
    }
    watched.until("every look-up is counted", |w| w.lookups().0 >= 200);
    tell(&mut first, "load(1)");
    watched.until("the last one is counted", |w| w.lookups().0 >= 201);
    assert_eq!(watched.lookups(), (201, 0));
}

/// Does what it is told to the store at the path that it is given.
const ANY: &str = r#"
import sys
path = sys.argv[1]
for line in sys.stdin:
    exec(line)
    print("done", flush=True)
"#;

/// Watches a store while a program makes, changes and removes entries; each step must end as a fresh scan sees it.
fn follows(environment: &str, name: &str, begin: &str, steps: &[(&str, u64)]) {
    let Some(python) = Python::env(environment) else {
        return;
    };
    let folder = TempDir::new().expect("a temporary folder");
    let path = folder.path().join(name);
    let mut program = python.spawn(ANY, [&path]);
    tell(&mut program, begin);
    let mut watched = Watched::start(&path);
    for (step, entries) in steps {
        tell(&mut program, step);
        watched.until(step, |w| w.snapshot.totals.entries == *entries);
        watched.until_true();
    }
    assert_eq!(watched.coverage.as_ref().map(|c| c.view), Some(View::Live));
}

#[test]
fn a_table_of_an_open_database_is_followed() {
    for mode in ["delete", "wal"] {
        let begin = format!(
            "import sqlite3; c = sqlite3.connect(path, isolation_level=None); \
             c.execute('pragma journal_mode={mode}'); c.execute('create table t(k text primary key, v)'); \
             c.executemany('insert into t values(?, ?)', [(str(n), n) for n in range(10)])"
        );
        let steps = [
            ("c.execute('insert into t values(\"new\", 1)')", 11),
            (
                "c.execute('update t set v = \"longer\" where k = \"3\"')",
                11,
            ),
            ("c.execute('delete from t where k < \"5\"')", 6),
        ];
        follows("python-3.13", "cache.db", &begin, &steps);
    }
}

#[test]
fn dbm_files_are_followed() {
    let begin = |module: &str| {
        format!(
            "import {module} as dbm; d = dbm.open(path, 'c'); d[b'a'] = b'1'; d[b'b'] = b'2'; getattr(d, 'sync', int)()"
        )
    };
    let steps = [
        ("d[b'c'] = b'333'; getattr(d, 'sync', int)()", 3),
        ("d[b'a'] = b'longer'; getattr(d, 'sync', int)()", 3),
        ("del d[b'b']; d.close()", 2),
    ];
    follows("python-3.13", "shelf", &begin("dbm.sqlite3"), &steps);
    follows("gdbm", "shelf", &begin("dbm.gnu"), &steps);
}

#[test]
fn diskcache_hits_are_those_that_it_records() {
    let Some(python) = Python::env("diskcache-5.6") else {
        return;
    };
    let folder = TempDir::new().expect("a temporary folder");
    let path = folder.path().join("cache");
    let mut program = python.spawn(ANY, [&path]);
    tell(
        &mut program,
        "import diskcache; c = diskcache.Cache(path, statistics=1, eviction_policy='least-frequently-used'); \
         [c.set(n, 'x' * n) for n in range(20)]",
    );
    let mut watched = Watched::start(&path);
    tell(&mut program, "[c.get(n % 25) for n in range(100)]");
    watched.until("its counters show", |w| {
        w.counters.len() == 1 && w.counters[0].hits == 80
    });
    program.send("print(*c.stats(enable=True))");
    assert_eq!(program.line().as_deref(), Some("80 20"));
    assert_eq!(program.line().as_deref(), Some("done"));
    assert_eq!(
        (watched.counters[0].source, watched.counters[0].misses),
        (Counted::Recorded, 20)
    );
    watched.until("each hit is told", |w| {
        let hits = w.events.iter().filter(|e| e.kind == EventKind::Hit);
        hits.map(|e| e.n).sum::<u64>() == 80
    });
    assert!(
        watched
            .events
            .iter()
            .all(|e| e.source == Counted::Recorded || e.kind != EventKind::Hit)
    );
    // What the store counts itself is not counted again from outside.
    assert_eq!(watched.lookups(), (0, 0));
    watched.until_true();
}

#[test]
fn a_burst_of_diskcache_changes_ends_as_a_fresh_scan_sees_it() {
    let Some(python) = Python::env("diskcache-5.6") else {
        return;
    };
    let folder = TempDir::new().expect("a temporary folder");
    let path = folder.path().join("cache");
    let mut program = python.spawn(ANY, [&path]);
    tell(
        &mut program,
        "import diskcache; c = diskcache.Cache(path, size_limit=2**34); c.set('first', 1)",
    );
    let mut watched = Watched::start(&path);
    let burst = "for first in range(0, 20000, 1000): exec('with c.transact():\\n    \
        for n in range(first, first + 1000):\\n        c.set(n % 8000, \"x\" * (n % 700)); n % 3 or c.delete(n % 5000)')";
    tell(&mut program, burst);
    program.send("print(len(c))");
    let n: u64 = program.line().expect("a number").parse().expect("a number");
    assert_eq!(program.line().as_deref(), Some("done"));
    let quiet = Instant::now();
    watched.until("what is left shows", |w| w.snapshot.totals.entries == n);
    watched.until_true();
    eprintln!(
        "26,667 changes: all seen {:?} after the last",
        quiet.elapsed()
    );
}
