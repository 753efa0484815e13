//! Programs that write, or swap whole files in, between a plan and its clear, as fast as they can: none of it goes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::support::program::{self, Ran};
use crate::support::python::Python;

/// Entries of one round.
const ENTRIES: usize = 125;

/// Longer than a store that was just written has to rest on any machine.
const GIVEN_UP: Duration = Duration::from_mins(2);

/// Entries that are cleared in all for each program; `TRIES=1000` is the long run.
fn tries() -> usize {
    std::env::var("TRIES").map_or(2 * ENTRIES, |n| n.parse().expect("TRIES is a number"))
}

/// What every program has: it fills, tells what is there, and swaps until told to stop, then tells what it wrote last.
const PRELUDE: &str = r#"
import json, os, random, sys, time
command, root, n_entries = sys.argv[1], sys.argv[2], int(sys.argv[3])
store = os.path.join(root, "x")
mine = os.path.join(root, "mine")
for folder in (store, mine):
    os.makedirs(folder, exist_ok=True)

def planned(n):
    return "planned %07d" % n

def goes_on():
    return not os.path.exists(os.path.join(root, "stop"))
"#;

/// Commands of the programs.
const RUN: &str = r#"
if command == "fill":
    fill()
elif command == "tell":
    print(json.dumps(tell()))
else:
    print("ready", flush=True)
    last, n_swaps = swap()
    print(json.dumps({"last": last, "n_swaps": n_swaps}))
"#;

/// Rows of a plain table, each written anew under the same number and with the same length.
const ROWS: &str = r#"
import sqlite3
db = sqlite3.connect(os.path.join(store, "cache.db"), timeout=60, isolation_level=None)
db.execute("PRAGMA synchronous = 0")

def fill():
    db.execute("CREATE TABLE t (key TEXT PRIMARY KEY, value TEXT)")
    db.executemany("INSERT INTO t VALUES (?, ?)", (("key %d" % n, planned(n)) for n in range(n_entries)))

def tell():
    return dict(db.execute("SELECT key, value FROM t"))

def swap():
    last, n = {}, 0
    while goes_on():
        n += 1
        key, value = "key %d" % random.randrange(n_entries), "swapped %07d" % n
        if n % 3 == 0:
            db.execute("INSERT OR REPLACE INTO t VALUES (?, ?)", (key, value))
        elif not db.execute("UPDATE t SET value = ? WHERE key = ?", (value, key)).rowcount:
            continue
        last[key] = value
    return last, n
"#;

/// diskcache at work with values in rows and in files.
const DISKCACHE: &str = r#"
import diskcache
cache = diskcache.Cache(store, cull_limit=0, sqlite_synchronous=0, disk_min_file_size=1000)

def sized(text, n):
    return text + "." * (2000 if n % 2 else 10)

def fill():
    with cache.transact():
        for n in range(n_entries):
            cache.set("key %d" % n, sized(planned(n), n))

def tell():
    assert cache.check() == [], cache.check()
    return {key: cache[key] for key in cache}

def swap():
    last, n = {}, 0
    while goes_on():
        n += 1
        key = random.randrange(n_entries)
        value = sized("swapped %07d" % n, key)
        cache.set("key %d" % key, value)
        last["key %d" % key] = value
    return last, n
"#;

/// Value files that trade their names with others.
const VALUE_FILES: &str = r#"
import diskcache, sqlite3
cache = diskcache.Cache(store, cull_limit=0, sqlite_synchronous=0, disk_min_file_size=100)

def fill():
    with cache.transact():
        for n in range(n_entries):
            cache.set("key %d" % n, planned(n) + "." * 200)

def tell():
    found = {}
    for folder, _, names in os.walk(root):
        for name in names:
            if os.path.splitext(name)[1] in (".val", ".old", ".0", ""):
                with open(os.path.join(folder, name), "rb") as file:
                    text = file.read(15)
                if text.startswith(b"swapped "):
                    found[text.decode()] = "whole"
    return found

def swap():
    names = [os.path.join(store, name) for (name,) in cache._sql("SELECT filename FROM Cache WHERE filename NOT NULL")]
    made, n = {}, 0
    while goes_on():
        n += 1
        name, away = random.choice(names), os.path.join(mine, "%d.old" % n)
        fresh = os.path.join(mine, "fresh")
        with open(fresh, "w") as file:
            file.write("swapped %07d" % n)
        try:
            os.rename(name, away)
        except OSError:
            pass
        try:
            # Never over another one: what is lost was lost by the clear.
            os.link(fresh, name)
            made["swapped %07d" % n] = "whole"
        except OSError:
            pass
        os.unlink(fresh)
    return made, n
"#;

/// gdbm at work under its own lock.
const GDBM: &str = r#"
import _gdbm
path = os.path.join(store, "cache")

def fill():
    db = _gdbm.open(path, "n")
    for n in range(n_entries):
        db["key %d" % n] = planned(n)
    db.close()

def tell():
    db = _gdbm.open(path, "r")
    return {key.decode(): db[key].decode() for key in db.keys()}

def swap():
    last, n = {}, 0
    while goes_on():
        try:
            db = _gdbm.open(path, "w")
        except _gdbm.error:
            continue
        for _ in range(3):
            n += 1
            key = "key %d" % random.randrange(n_entries)
            db[key] = last[key] = "swapped %07d" % n
        db.close()
        time.sleep(0.01)
    return last, n
"#;

/// `dbm.dumb` at work: no lock, every write and every close a new index; a shelf that never rests is not changed.
const DUMB: &str = r#"
import dbm.dumb
path = os.path.join(store, "cache")

def fill():
    with dbm.dumb.open(path, "n") as db:
        for n in range(n_entries):
            db["key %d" % n] = planned(n)
    # As if it had been filled a while ago.
    for suffix in (".dir", ".dat"):
        os.utime(path + suffix, (time.time() - 3600,) * 2)

def tell():
    with dbm.dumb.open(path, "r") as db:
        return {key.decode(): db[key].decode() for key in db.keys()}

def swap():
    last, n = {}, 0
    while goes_on():
        with dbm.dumb.open(path, "w") as db:
            for _ in range(3):
                n += 1
                key = "key %d" % random.randrange(n_entries)
                # In place, or behind all others.
                db[key] = last[key] = "swapped %07d" % n + "." * random.choice((0, 1000))
        time.sleep(random.choice((0.0, 0.07, 0.15)))
    return last, n
"#;

/// Whole files of keys that trade their names: one of them is nobody's plan.
const WHOLE_FILES: &str = r#"
other = os.path.join(mine, "other")

def write(path, text):
    db = library.open(path, "n")
    for n in range(n_entries):
        db["key %d" % n] = text % n
    db.close()

def fill():
    write(os.path.join(store, "cache"), "planned %07d")
    write(other, "swapped %07d")

def tell():
    found = {}
    for path in (os.path.join(store, "cache"), other):
        db = library.open(path, "r")
        values = [db[key].decode() for key in db.keys()]
        found.update({value: "whole" for value in values if value.startswith("swapped")})
        db.close()
    return found

def swap():
    one, two, aside = os.path.join(store, "cache" + suffix), other + suffix, os.path.join(mine, "aside")
    n_swaps = 0
    while goes_on():
        os.rename(one, aside)
        os.rename(two, one)
        os.rename(aside, two)
        n_swaps += 1
    return {"swapped %07d" % n: "whole" for n in range(n_entries)}, n_swaps
"#;

struct Case {
    env: &'static str,
    name: &'static str,
    program: &'static [&'static str],
    opened: &'static str,
}

const CASES: [Case; 7] = [
    Case {
        env: "diskcache-5.6",
        name: "rows",
        program: &[ROWS],
        opened: "x/cache.db",
    },
    Case {
        env: "diskcache-5.6",
        name: "diskcache",
        program: &[DISKCACHE],
        opened: "x",
    },
    Case {
        env: "diskcache-5.6",
        name: "value files",
        program: &[VALUE_FILES],
        opened: "x",
    },
    Case {
        env: "gdbm",
        name: "gdbm",
        program: &[GDBM],
        opened: "x/cache",
    },
    Case {
        env: "gdbm",
        name: "dumb",
        program: &[DUMB],
        opened: "x/cache",
    },
    Case {
        env: "gdbm",
        name: "whole gdbm files",
        program: &["import _gdbm as library\nsuffix = ''\n", WHOLE_FILES],
        opened: "x/cache",
    },
    Case {
        env: "gdbm",
        name: "whole ndbm files",
        program: &["import _dbm as library\nsuffix = '.db'\n", WHOLE_FILES],
        opened: "x/cache",
    },
];

/// Values by their keys.
type Values = BTreeMap<String, String>;

/// What a program tells of its swapping.
#[derive(serde::Deserialize)]
struct Swapped {
    /// What it wrote last.
    last: Values,
    n_swaps: usize,
}

struct Bench<'p> {
    python: &'p Python,
    _temp: TempDir,
    root: PathBuf,
    opened: PathBuf,
}

impl<'p> Bench<'p> {
    fn filled(python: &'p Python, case: &Case) -> Self {
        let temp = TempDir::new().expect("a temporary folder");
        let root = temp.path().canonicalize().expect("it is there");
        let program = [&[PRELUDE], case.program, &[RUN]].concat().concat();
        fs::write(root.join("program.py"), program).expect("it is written");
        let bench = Self {
            python,
            opened: root.join(case.opened),
            _temp: temp,
            root,
        };
        bench.python.run_file(&bench.program(), bench.words("fill"));
        bench
    }

    fn program(&self) -> PathBuf {
        self.root.join("program.py")
    }

    fn words(&self, command: &str) -> [String; 3] {
        let root = text(&self.root);
        [command.to_owned(), root, ENTRIES.to_string()]
    }

    fn tell(&self) -> Values {
        let told = self.python.run_file(&self.program(), self.words("tell"));
        serde_json::from_str(&told).expect("the program prints JSON")
    }

    fn save_plan(&self) {
        let saved = program::run([
            "clear",
            &text(&self.opened),
            "--all",
            "--save-plan",
            &self.plan(),
        ]);
        assert_eq!(saved.code, 0, "{}", saved.said);
    }

    fn plan(&self) -> String {
        text(&self.root.join("plan.json"))
    }

    fn state(&self) -> String {
        text(&self.root.join("state"))
    }

    /// Clears by the plan that was saved.
    fn clear(&self, more: &[&str]) -> Ran {
        let (plan, state) = (self.plan(), self.state());
        let apply = ["clear", "--plan", &plan, "--yes", "--state-dir", &state];
        program::run(apply.iter().chain(more))
    }

    fn undo(&self) -> Ran {
        let place = self.opened.parent().expect("it lies in a folder");
        program::run(["undo", &text(place), "--last", "--state-dir", &self.state()])
    }

    /// Clears by a plan made before, while the program swaps; how many entries went, and what the program did.
    fn race(&self, more: &[&str]) -> (usize, Swapped) {
        self.save_plan();
        let words = self.words("swap");
        let mut swapper = self.python.spawn_file(&self.program(), words);
        assert_eq!(swapper.line().as_deref(), Some("ready"));
        let cleared = self.clear(more);
        assert!(
            [0, 1, 3, 4].contains(&cleared.code),
            "{}: {}",
            cleared.code,
            cleared.said
        );
        fs::write(self.root.join("stop"), "").expect("it is written");
        let swapped = serde_json::from_str(&swapper.finish()).expect("the program prints JSON");
        (cleared.outcomes("removal", "removed"), swapped)
    }
}

fn text(path: &Path) -> String {
    path.to_str().expect("a test's path is text").to_owned()
}

/// What was written is there; the program itself replaces what it wrote before.
fn assert_kept(bench: &Bench<'_>, written: &Values, at: &str) {
    let now = bench.tell();
    let lost: BTreeSet<_> = written
        .iter()
        .filter(|(key, value)| now.get(*key) != Some(value))
        .collect();
    assert!(lost.is_empty(), "{at}: {lost:?} of {}", written.len());
}

#[test]
fn nothing_that_a_program_wrote_after_the_plan_goes() {
    for case in &CASES {
        let Some(python) = Python::env(case.env) else {
            continue;
        };
        // The same plan, clear and undo with nobody at work: what is asserted below is not that nothing is done.
        goes_and_comes_back(&Bench::filled(&python, case), case);
        let (mut n_tries, mut n_removed, mut n_swaps) = (0, 0, 0);
        for round in 0.. {
            if n_tries >= tries() {
                break;
            }
            let (removed, swaps) = try_once(&Bench::filled(&python, case), case, round);
            n_tries += ENTRIES;
            n_removed += removed;
            n_swaps += swaps;
        }
        assert!(n_swaps > 0, "{}: the program did nothing", case.name);
        eprintln!(
            "{}: {n_tries} tries, {n_removed} removed, {n_swaps} swaps",
            case.name
        );
    }
}

fn goes_and_comes_back(bench: &Bench<'_>, case: &Case) {
    let before = bench.tell();
    bench.save_plan();
    let start = Instant::now();
    let mut cleared = bench.clear(&[]);
    // What was just written is taken for a shelf at work.
    while cleared.outcomes("removal", "removed") == 0 && start.elapsed() < GIVEN_UP {
        std::thread::sleep(Duration::from_millis(200));
        cleared = bench.clear(&[]);
    }
    let n_removed = cleared.outcomes("removal", "removed");
    assert!(n_removed > 0, "{}: {cleared:?}", case.name);
    let undone = bench.undo();
    let n_back = undone.outcomes("restore", "restored");
    assert_eq!(n_back, n_removed, "{}: {undone:?}", case.name);
    assert_eq!(bench.tell(), before, "{}", case.name);
}

/// How many entries went, and how often the program swapped.
fn try_once(bench: &Bench<'_>, case: &Case, round: usize) -> (usize, usize) {
    let more: &[&str] = if round.is_multiple_of(2) {
        &["--permanent"]
    } else {
        &[]
    };
    let at = format!("{}, round {round}", case.name);
    let (removed, swapped) = bench.race(more);
    assert_kept(bench, &swapped.last, &at);
    if more.is_empty() {
        let undone = bench.undo();
        // What went and was replaced meanwhile stays aside; where nothing went nothing is held.
        let codes: &[i32] = if removed > 0 { &[0, 1] } else { &[0, 1, 2, 4] };
        assert!(
            codes.contains(&undone.code),
            "{at}: {removed} went, {undone:?}"
        );
        assert_kept(bench, &swapped.last, &at);
    }
    (removed, swapped.n_swaps)
}
