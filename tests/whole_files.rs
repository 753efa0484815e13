//! Caches of whole files: real programs write and read them while they are cleared and brought back, and every value
//! that is read is one that was written.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::support::python::{Python, Running};
use crate::support::work;
use crate::support::{fixtures, program};

/// Programs at work on one cache.
const WORKERS: usize = 2;

/// Longer than it takes on any machine.
const GIVEN_UP: Duration = Duration::from_mins(2);

/// What every program has: it writes and reads until told to stop, then tells how often, and how much was missing.
const PRELUDE: &str = r#"
import os, pickle, random, sys, time
root, me = sys.argv[1], sys.argv[2]
store = os.path.join(root, "x")
os.makedirs(store, exist_ok=True)

def value(n):
    return {"n": n, "x": "y" * (n * 1500)}

def replaced(path, write):
    write(path + ".new" + me)
    os.replace(path + ".new" + me, path)
"#;

const RUN: &str = r#"
for n in range(8):
    put(n)
print("ready", flush=True)
puts = hits = misses = 0
# On a busy machine some go on for a moment behind the others.
while not os.path.exists(os.path.join(root, "stop")) or puts < 4 or hits < 4:
    n = random.randrange(8)
    found = get(n)
    if found is None:
        misses += 1
    else:
        assert found == value(found["n"]), (n, found["n"], len(found["x"]))
        hits += 1
    # What is missing is stored, and at times something else is.
    if found is None or random.randrange(50) == 0:
        put(n)
        puts += 1
    time.sleep(0.001)
print(puts, hits, misses)
"#;

const PICKLE: &str = r#"
path = os.path.join(store, "cache.pkl")

def put(n):
    def write(name):
        with open(name, "wb") as file:
            pickle.dump(value(n), file)
    replaced(path, write)

def get(n):
    try:
        with open(path, "rb") as file:
            return pickle.load(file)
    except FileNotFoundError:
        return None
"#;

const JOBLIB: &str = r#"
import joblib
path = os.path.join(store, "cache.joblib")

def put(n):
    replaced(path, lambda name: joblib.dump(value(n), name, compress=("zlib", 1)))

def get(n):
    try:
        return joblib.load(path)
    except FileNotFoundError:
        return None
"#;

const DJANGO: &str = r#"
from django.conf import settings
settings.configure()
from django.core.cache.backends.filebased import FileBasedCache
cache = FileBasedCache(store, {})

def put(n):
    cache.set("key %d" % n, value(n))

def get(n):
    return cache.get("key %d" % n)
"#;

const CACHELIB: &str = r#"
from cachelib.file import FileSystemCache
cache = FileSystemCache(store)

def put(n):
    # It sets the mode of what it wrote, and says that it failed where that was removed in between.
    assert any(cache.set("key %d" % n, value(n)) for _ in range(5))

def get(n):
    return cache.get("key %d" % n)
"#;

/// What `import` does: it reads the code if it is there, and writes it anew if it is not.
const PYC: &str = r#"
import importlib.machinery, importlib.util
sys.dont_write_bytecode = False
for n in range(8):
    source = os.path.join(store, "module%d.py" % n)
    if not os.path.exists(source):
        with open(source + me, "w") as file:
            file.write("value = {'n': %d, 'x': 'y' * %d}\n" % (n, n * 1500))
        os.replace(source + me, source)

def load(n):
    source = os.path.join(store, "module%d.py" % n)
    loader = importlib.machinery.SourceFileLoader("module%d" % n, source)
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("module%d" % n, loader))
    loader.exec_module(module)
    return module.value

def put(n):
    load(n)

def get(n):
    return load(n)
"#;

/// Its Python, the program, and what is opened.
type Case = (&'static str, &'static str, &'static str);

const CASES: [Case; 5] = [
    ("joblib-new", PICKLE, "x/cache.pkl"),
    ("joblib-new", JOBLIB, "x/cache.joblib"),
    ("web", DJANGO, "x"),
    ("web", CACHELIB, "x"),
    ("python-3.13", PYC, "x/__pycache__"),
];

#[test]
fn programs_at_work_on_whole_files_read_what_was_written() {
    work::at_once(
        &CASES,
        |(env, _, opened)| format!("{env} {opened}"),
        at_work,
    );
}

fn at_work((env, program, opened): &Case) {
    let Some(python) = Python::env(env) else {
        return;
    };
    let temp = TempDir::new().expect("a temporary folder");
    let root = temp.path().canonicalize().expect("it is there");
    let script = root.join("program.py");
    fs::write(&script, [PRELUDE, program, RUN].concat()).expect("it is written");
    let words = |n: usize| [text(&root), n.to_string()];
    let mut workers: Vec<_> = (0..WORKERS)
        .map(|n| python.spawn_file(&script, words(n)))
        .collect();
    for worker in &mut workers {
        assert_eq!(worker.line().as_deref(), Some("ready"));
    }
    let (n_removed, n_back) = clear_meanwhile(&root, &text(&root.join(opened)));
    fs::write(root.join("stop"), "").expect("it is written");
    let told: Vec<String> = workers.into_iter().map(Running::finish).collect();
    eprintln!("{opened}: {n_removed} removed, {n_back} back; puts, hits and misses {told:?}");
}

/// Clears and brings back all the time, until enough has gone; how many files went, and how many came back: most are
/// written anew before they can.
fn clear_meanwhile(root: &Path, opened: &str) -> (usize, usize) {
    let state = text(&root.join("state"));
    let (start, mut n_rounds, mut n_removed, mut n_back) = (Instant::now(), 0, 0, 0);
    while start.elapsed() < work::time() || n_rounds < 6 || n_removed < 3 {
        let done = start.elapsed();
        assert!(
            done < GIVEN_UP,
            "{opened}: {n_removed} removed, {n_back} back"
        );
        let more: &[&str] = if n_rounds % 3 == 2 {
            &["--permanent"]
        } else {
            &[]
        };
        let clear = ["clear", opened, "--all", "--yes", "--state-dir", &state];
        let cleared = program::run(clear.iter().chain(more));
        // It may be gone at this very moment: brought back later, or written anew.
        assert!([0, 1, 3].contains(&cleared.code), "{}", cleared.said);
        n_removed += cleared.outcomes("removal", "removed");
        let undone = program::run(["undo", opened, "--last", "--state-dir", &state]);
        assert!([0, 1, 2].contains(&undone.code), "{}", undone.said);
        n_back += undone.outcomes("restore", "restored");
        n_rounds += 1;
    }
    (n_removed, n_back)
}

fn text(path: &Path) -> String {
    path.to_str().expect("a test's path is text").to_owned()
}

#[test]
fn a_file_of_cachelib_past_its_time_is_expired() {
    // 2020: the fixtures have one entry of 2017, and others of a far future or without end.
    const LONG_AGO: i64 = 1_577_836_800;
    let mut n_expired = 0;
    for fixture in fixtures::all().iter().filter(|f| f.kind == "cachelib-file") {
        let path = fixture.opened();
        let checked = program::run(["check".as_ref(), "--all".as_ref(), path.as_os_str()]);
        for reported in &fixture.entries {
            let expires = reported.entry["expires"].as_i64();
            let is_expired = expires.is_some_and(|at| at < LONG_AGO);
            let is_it = |line: &&serde_json::Value| line["key"] == reported.entry["key"];
            let line = checked.lines.iter().find(is_it).expect("its line");
            let expected = if is_expired { "expired" } else { "fresh" };
            assert_eq!(line["condition"], expected, "{}: {line}", path.display());
            n_expired += usize::from(is_expired);
        }
    }
    assert_eq!(n_expired, 5, "one in each");
}
