//! Dbm files that real libraries write, and what those say of them later.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use super::program::{self, Ran};
use super::python::{Python, Running};

/// Everything that the tests ask of a library; each answer is one line.
const PROGRAM: &str = r#"
import binascii, fcntl, json, os, random, sys, time
command, kind, path = sys.argv[1:4]
if kind == "dumb":
    try:
        import dbm.dumb as library
    except ImportError:
        import dumbdbm as library
elif kind == "gnu":
    import _gdbm as library
else:
    import _dbm as library

def text(b):
    return binascii.hexlify(b).decode("ascii")

def key(n):
    if n % 4 == 0: return b"key %d" % n if sys.version_info[0] > 2 else "key %d" % n
    if n % 4 == 1: return ("caf\u00e9 %d" % n if sys.version_info[0] > 2 else u"caf\u00e9 %d" % n).encode("utf-8")
    if n % 4 == 2: return bytes(bytearray([n % 256, 0, 255, 39, 34, 92, n // 256]))
    return b"long " * (n % 60) + str(n).encode("ascii")

def value(n):
    return str(n).encode("ascii") * (1 + n % 7) if n % 10 else os.urandom(1) * (700 * (n % 30 + 1))

if command == "fill":
    db = library.open(path, "c")
    for n in range(int(sys.argv[4])):
        db[key(n)] = value(n)
    db.close()
elif command == "judge":
    db = library.open(path, "r")
    print(json.dumps({text(k): text(db[k]) for k in db.keys()}))
elif command == "use":
    db = library.open(path, "w")
    for n in range(40):
        db[b"fresh %d" % n if sys.version_info[0] > 2 else "fresh %d" % n] = b"f" * n * 60
    for n in range(40):
        del db[b"fresh %d" % n if sys.version_info[0] > 2 else "fresh %d" % n]
    if kind == "gnu":
        db.reorganize()
    db.close()
elif command == "store":
    db = library.open(path, "w")
    db[binascii.unhexlify(sys.argv[4])] = b"newer"
    db.close()
elif command == "thin":
    db = library.open(path, "w")
    for k in sorted(db.keys())[::2]:
        del db[k]
    db.close()
elif command == "hold":
    db = library.open(path, "r")
    print("ready")
    sys.stdout.flush()
    sys.stdin.readline()
elif command == "work":
    # A writer that opens and closes, as scripts do; what another process's lock gives it, it gives itself too.
    print("ready")
    sys.stdout.flush()
    n, lock = 0, os.path.join(os.path.dirname(path), "lock")
    # Where there is one, it is this program's own.
    lock = open(lock, "w") if os.path.exists(lock) else None
    while not os.path.exists(sys.argv[4]):
        n += 1
        if lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            db = library.open(path, "w")
        except library.error as e:
            if kind == "gnu" and e.args[0] == 11:
                time.sleep(0.002)
                continue
            raise
        for k in range(5):
            name = b"work %d" % random.randrange(30)
            if name in db:
                found = db[name]
                assert found.startswith(name + b"=") and found[len(name) + 1:-1].strip(b"x").isdigit(), (name, found)
            db[name] = name + b"=" + str(n).encode() + b"x" * (n % 9 * 300) + b"."
            assert db[name].startswith(name + b"=" + str(n).encode())
        db.close()
        if lock:
            fcntl.flock(lock, fcntl.LOCK_UN)
        time.sleep({"dumb": 0.15, "ndbm": 0.15}.get(kind, 0.002))
    print(n)
"#;

/// Keys and values in hexadecimal.
pub(crate) type Entries = BTreeMap<String, String>;

/// One dbm file, or several of one name.
pub(crate) struct Bench<'p> {
    python: &'p Python,
    pub(crate) kind: &'static str,
    pub(crate) temp: TempDir,
}

impl<'p> Bench<'p> {
    /// A file of `n` keys of every sort, with values small and large.
    pub(crate) fn filled(python: &'p Python, kind: &'static str, n: usize) -> Self {
        let temp = TempDir::new().expect("a temporary folder");
        let bench = Self { python, kind, temp };
        bench.ask("fill", &[&n.to_string()]);
        bench
    }

    /// The name that the library is given.
    pub(crate) fn path(&self) -> PathBuf {
        self.temp.path().join("cache")
    }

    /// Starts the program above with a command.
    pub(crate) fn spawn(&self, command: &str, more: &[&str]) -> Running {
        let path = self.path();
        let mut words = vec![command, self.kind, path.to_str().expect("text")];
        words.extend(more);
        self.python.spawn(PROGRAM, words)
    }

    /// Runs it to its end.
    pub(crate) fn ask(&self, command: &str, more: &[&str]) -> String {
        self.spawn(command, more).finish()
    }

    /// Every key and value as the library reads them, in hexadecimal.
    pub(crate) fn judge(&self) -> Entries {
        self.verify();
        self.read()
    }

    /// As [`Bench::judge`], where pages may be lost.
    pub(crate) fn read(&self) -> Entries {
        serde_json::from_str(&self.ask("judge", &[])).expect("the program prints JSON")
    }

    /// Starts a program that writes until it is told to [`stop`](Bench::stop).
    pub(crate) fn writer(&self) -> Running {
        let stop = self.temp.path().join("stop");
        self.spawn("work", &[stop.to_str().expect("text")])
    }

    /// Tells the writers to stop.
    pub(crate) fn stop(&self) {
        std::fs::write(self.temp.path().join("stop"), "").expect("it is written");
    }

    /// Berkeley DB's own check of every page, where it is installed.
    fn verify(&self) {
        let file = self.path().with_extension("db");
        if self.kind == "ndbm"
            && let Ok(checked) = Command::new("db5.3_verify").arg(file).output()
        {
            assert!(
                checked.status.success(),
                "{}",
                String::from_utf8_lossy(&checked.stderr)
            );
        }
    }

    /// Runs `cachescope` on the file.
    pub(crate) fn run(&self, words: &[&str]) -> Ran {
        let path = self.path();
        let state = self.temp.path().join("state");
        let (command, more) = words.split_first().expect("a command");
        let mut all = vec![*command, path.to_str().expect("text")];
        all.extend(more);
        all.extend(["--state-dir", state.to_str().expect("text")]);
        program::run(all)
    }

    /// Bytes of the file that holds the values.
    pub(crate) fn bytes(&self) -> u64 {
        let files = std::fs::read_dir(self.temp.path()).expect("our folder");
        let is_data = |name: &str| !["cache.dir", "cache.bak"].contains(&name);
        files
            .map(|file| file.expect("our file"))
            .filter(|file| {
                file.file_name()
                    .to_str()
                    .is_some_and(|n| n.starts_with("cache") && is_data(n))
            })
            .map(|file| file.metadata().expect("our file").len())
            .sum()
    }
}

/// A test for each library that is there.
pub(crate) fn with_each(test: impl Fn(&Bench<'_>)) {
    for (env, kinds, n) in [
        ("gdbm", &["gnu", "ndbm", "dumb"][..], 400),
        ("python-3.13", &["dumb"], 120),
        ("python-3.8", &["dumb"], 120),
        ("python-2.7", &["dumb"], 120),
    ] {
        let Some(python) = Python::env(env) else {
            continue;
        };
        for kind in kinds {
            test(&Bench::filled(&python, kind, n));
        }
    }
}
