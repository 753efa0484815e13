//! Rows cleared and brought back, judged by the libraries that own the databases.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use cachescope_core::clear::undo;
use cachescope_core::clear::{self, Applied, How, Outcome, Plan};
use cachescope_core::model::{Record, Snapshot};
use cachescope_core::scan::{Cancel, Progress};
use cachescope_core::stores::{Store, open_all};
use serde::Deserialize;
use tempfile::TempDir;

use crate::support::program;
use crate::support::python::Python;

/// What every program below has: a list of all rows with the type of each value, and the entries by their labels.
const PRELUDE: &str = r#"
import hashlib, json, os, pickle, random, sqlite3, sys, time, warnings
command, root = sys.argv[1], sys.argv[2]
path = os.path.join(root, "x")

def label(key):
    return key if isinstance(key, str) else repr(key)

def shown(value):
    return hashlib.sha1(repr(value).encode("utf-8", "backslashreplace")).hexdigest()

def rows():
    found = {}
    for folder, _, names in os.walk(path):
        for name in names:
            file = os.path.join(folder, name)
            # The look at a database before tidied its log away.
            if name.endswith(("-wal", "-shm")):
                continue
            with open(file, "rb") as opened:
                if opened.read(16) != b"SQLite format 3\0":
                    continue
            connection = sqlite3.connect(file)
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
            for (table,) in tables:
                columns = [c[1] for c in connection.execute('PRAGMA table_info("%s")' % table)]
                # diskcache writes its settings anew each time that it opens, under new numbers.
                rowid = "0" if table == "Settings" else "rowid"
                select = ", ".join('typeof("%s"), quote("%s")' % (c, c) for c in columns)
                sql = 'SELECT %s, %s FROM "%s"' % (rowid, select, table)
                found[os.path.relpath(file, path) + ":" + table] = sorted(map(repr, connection.execute(sql)))
            connection.close()
    return found

def tell(entries):
    print(json.dumps({"entries": {label(k): shown(v) for k, v in entries}, "rows": rows()}))
"#;

/// One kind of store: its Python, and a program that fills it, tells what is in it, and works on it.
struct Kind {
    env: &'static str,
    program: &'static str,
    /// The path below the folder that is opened.
    opened: &'static str,
}

const DISKCACHE: &str = r#"
import diskcache
def fill(cache):
    for n in range(24):
        cache.set("key %d" % n, {"n": n}, tag="even" if n % 2 == 0 else None)
        cache.set(n, n * 1.5, expire=1e6)
        cache.set(b"\xff%d" % n, b"x" * 50000)
        cache.set((n, "t"), "text " * 9000, tag=7)
def entries(cache):
    warnings.simplefilter("error")
    assert cache.check() == []
    keys = list(cache)
    assert len(cache) == len(keys)
    return [(key, (cache.get(key, expire_time=True, tag=True))) for key in keys]
def work(cache):
    rounds = 0
    while not os.path.exists(os.path.join(root, "stop")):
        n = random.randrange(24)
        choice = random.randrange(4)
        if choice == 0:
            cache.set("key %d" % n, {"n": n})
        elif choice == 1:
            cache.set(b"\xff%d" % n, b"x" * 50000)
        elif choice == 2:
            value = cache.get(b"\xff%d" % n, default=b"x" * 50000)
            assert value == b"x" * 50000, len(value)
        else:
            value = cache.get("key %d" % n, default={"n": n})
            assert value == {"n": n}, value
        rounds += 1
    print(rounds)
"#;

const CACHE: &str = "
cache = diskcache.Cache(path)
";

const FANOUT: &str = "
cache = diskcache.FanoutCache(path, shards=4)
";

const DBM: &str = r#"
import dbm.sqlite3, shelve
os.makedirs(path, exist_ok=True)
file = os.path.join(path, "shelf")
def fill():
    with dbm.sqlite3.open(file, "c") as db:
        for n in range(40):
            db["key %d" % n] = pickle.dumps({"n": n, "x": "y" * (n * 300)})
        db[b"\xff\x00"] = b"\x00\xff"
def entries():
    with dbm.sqlite3.open(file, "r") as db:
        return [(k.decode("utf-8", "backslashreplace"), db[k]) for k in db.keys()]
"#;

const SQLITEDICT: &str = r#"
import sqlitedict
os.makedirs(path, exist_ok=True)
file = os.path.join(path, "dicts.sqlite")
def fill():
    for name in ("a", "b"):
        with sqlitedict.SqliteDict(file, tablename=name, autocommit=True) as d:
            for n in range(20):
                d["key %s %d" % (name, n)] = {"n": n, "x": "y" * (n * 300)}
def entries():
    found = []
    for name in ("a", "b"):
        with sqlitedict.SqliteDict(file, tablename=name, flag="r") as d:
            found += list(d.items())
    return found
"#;

const REQUESTS: &str = r#"
import http.server, threading
import requests_cache
os.makedirs(path, exist_ok=True)
file = os.path.join(path, "http.sqlite")
cache = requests_cache.SQLiteCache(file)
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        is_moved = self.path.startswith("/moved/")
        self.send_response(302 if is_moved else 200)
        body = b"" if is_moved else b"body of " + self.path.encode() * 40
        if is_moved:
            self.send_header("Location", self.path[len("/moved"):])
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *words):
        pass
def fill():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    session = requests_cache.CachedSession(backend=cache, expire_after=3600)
    for n in range(60):
        way = "/moved/%d" if n % 3 == 0 else "/%d"
        session.get("http://127.0.0.1:%d" % server.server_port + way % n)
    server.shutdown()
def entries():
    return [(key, (cache.responses[key].url, cache.responses[key].content)) for key in cache.responses]
"#;

const RUN: &str = r#"
if command == "fill":
    fill(*given)
elif command == "judge":
    tell(entries(*given))
elif command == "work":
    print("ready", flush=True)
    work(*given)
"#;

fn kinds() -> Vec<(Kind, String)> {
    let kind = |env, program, opened| Kind {
        env,
        program,
        opened,
    };
    let whole = |kind: Kind, more: &str| {
        let given = if more.is_empty() {
            "given = ()"
        } else {
            "given = (cache,)"
        };
        let program = [PRELUDE, kind.program, more, given, RUN].concat();
        (kind, program)
    };
    vec![
        whole(kind("diskcache-5.6", DISKCACHE, "x"), CACHE),
        whole(kind("diskcache-5.6", DISKCACHE, "x"), FANOUT),
        whole(kind("diskcache-4.1", DISKCACHE, "x"), CACHE),
        whole(kind("python-3.13", DBM, "x/shelf"), ""),
        whole(kind("sqlitedict-2.1", SQLITEDICT, "x/dicts.sqlite"), ""),
        whole(kind("requests-cache-1.3", REQUESTS, "x/http.sqlite"), ""),
    ]
}

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
        let info = open_all(&self.opened).expect("it is a store").remove(0);
        let store = Store::open(&info).expect("it opens");
        let snapshot = Snapshot::read(&store, &Cancel::default(), &Progress::default());
        let snapshot = snapshot.expect("it is read");
        let records = snapshot.records().map(|(_, record)| record);
        Plan::new(&store, records.filter(is_chosen)).expect("a plan is made")
    }

    fn clear(&self, how: How, is_chosen: impl Fn(&Record<'_>) -> bool) -> Applied {
        let plan = self.plan(is_chosen);
        let (cancel, progress) = (Cancel::default(), Progress::default());
        let mut each = |planned: &clear::Planned, outcome: Outcome| {
            let is_certain = matches!(outcome, Outcome::Done | Outcome::Skipped(_));
            assert!(is_certain, "{}: {outcome:?}", planned.key_label);
        };
        clear::apply(&plan, how, None, &cancel, &progress, &mut each).expect("it is applied")
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
    assert_eq!((ran.code, ran.of_type("removal").count()), (0, 2));
    assert_eq!(bench.judge(), before, "a plan changes nothing");
    let ran = keep(&["--yes"]);
    assert!(ran.of_type("removal").all(|line| line["outcome"] == "kept"));
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
fn diskcache_programs_at_work_notice_nothing() {
    const WORKERS: usize = 4;
    let (kind, program) = kinds().remove(0);
    let Some(python) = Python::env(kind.env) else {
        return;
    };
    let bench = Bench::filled(&python, &kind, &program);
    let script = bench.temp.path().join("program.py");
    let root = bench.temp.path().as_os_str();
    let mut workers: Vec<_> = (0..WORKERS)
        .map(|_| python.spawn_file(&script, ["work".as_ref(), root]))
        .collect();
    for worker in &mut workers {
        assert_eq!(worker.line().as_deref(), Some("ready"));
    }
    let mut longest = None;
    for round in 0..12 {
        let how = if round % 3 == 2 { How::Free } else { How::Keep };
        let applied = bench.clear(how, |_| true);
        longest = longest.max(applied.longest_lock);
        bench.undo();
    }
    fs::write(bench.temp.path().join("stop"), "").expect("it is written");
    let rounds: Vec<usize> = workers
        .into_iter()
        .map(|worker| worker.finish().trim().parse().expect("a number"))
        .collect();
    assert!(rounds.iter().all(|n| *n > 0), "{rounds:?}");
    eprintln!("longest write lock: {longest:?}, rounds of each worker: {rounds:?}");
    // Whole, and its counters right: the judge's check is silent.
    bench.judge();
}
