//! The probe in real Pythons: it counts exactly, changes nothing that a program shows, and opens as a store.

mod manners;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::program::{program, run, say};
use crate::support::python::Python;

/// The cached functions; in a module, as worker processes import them.
const CACHED: &str = r#"
import functools, os
import joblib
memory = joblib.Memory(os.environ["CACHE"], verbose=0)

@memory.cache
def load(n):
    return n * 2

@memory.cache
def fails(n):
    raise ValueError(n)

@functools.lru_cache(maxsize=7, typed=True)
def inner(n):
    return n

def work(first):
    # 50 look-ups of 20 values, of which the first ten are there already.
    for n in range(50):
        load(n % 10 if n % 5 else first + n)
"#;

/// 200 look-ups of 10 known values and 4 x 10 new ones, in one process or in four at once.
const PROGRAM: &str = r#"
import sys, multiprocessing
import cached
if __name__ == "__main__":
    for n in range(10): cached.load(n)
    how, firsts = sys.argv[1], [1000, 2000, 3000, 4000]
    if how == "one":
        for first in firsts: cached.work(first)
    elif how == "loky":
        joblib = cached.joblib
        joblib.Parallel(n_jobs=4)(joblib.delayed(cached.work)(first) for first in firsts)
    else:
        with multiprocessing.get_context(how).Pool(4) as pool:
            pool.map(cached.work, firsts, chunksize=1)
    print("done")
"#;

/// A folder with the program, and what it is to be started with.
struct Stage {
    folder: TempDir,
    python: Python,
}

impl Stage {
    fn new(environment: &str) -> Option<Self> {
        let python = Python::env(environment)?;
        let folder = TempDir::new().expect("a temporary folder");
        fs::write(folder.path().join("cached.py"), CACHED).expect("written");
        fs::write(folder.path().join("program.py"), PROGRAM).expect("written");
        Some(Self { folder, python })
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    /// `cachescope run [OPTIONS] -- python ARGS…`.
    fn command(&self, options: &[&str], args: &[&str]) -> Command {
        let mut command = program();
        command
            .args(["run", "--state-dir"])
            .arg(self.path("own"))
            .arg("--snapshots")
            .arg(self.path("told"))
            .args(options)
            .arg("--")
            .arg(self.python.program())
            .args(args);
        self.at_home(&mut command);
        command
    }

    fn at_home(&self, command: &mut Command) {
        command
            .current_dir(self.folder.path())
            .env("CACHE", self.path("cache"))
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env_remove("PYTHONPATH");
    }

    fn told(&self) -> std::path::PathBuf {
        self.path("told")
    }
}

/// Hits and misses that all processes together told of the functions of that name.
fn told(folder: &Path, name: &str) -> (u64, u64) {
    let ran = run(["ls".as_ref(), folder.as_os_str()]);
    let lines = ran.of_type("entry").filter(|line| line["key"] == name);
    lines.fold((0, 0), |(hits, misses), line| {
        let n = |value: &Value| value.as_u64().expect("a number");
        let told = line.pointer("/args/misses").and_then(Value::as_str);
        let told = told.expect("misses");
        (
            hits + n(line.get("hits").expect("hits")),
            misses + told.parse::<u64>().expect("a number"),
        )
    })
}

#[test]
fn look_ups_are_counted_exactly_in_one_process_and_in_four() {
    let ways: [(&str, &[&str]); 3] = [
        ("joblib-new", &["one", "loky", "fork", "spawn"]),
        ("joblib-1.2", &["one", "loky"]),
        ("joblib-old", &["one", "fork"]),
    ];
    for (environment, ways) in ways {
        for how in ways {
            let Some(stage) = Stage::new(environment) else {
                break;
            };
            // New folders, then existing ones.
            for expected in [(160, 50), (210, 0)] {
                let output = stage.command(&[], &["program.py", how]).output();
                let output = output.expect("the program starts");
                let said = String::from_utf8_lossy(&output.stderr);
                assert!(output.status.success(), "{environment} {how}: {said}");
                assert_eq!(output.stdout, b"done\n");
                let counted = told(&stage.told(), "load");
                assert_eq!(counted, expected, "{environment} {how}");
                fs::remove_dir_all(stage.told()).expect("our own folder");
            }
        }
    }
}

#[test]
fn a_program_ends_and_speaks_as_it_would_without() {
    let Some(stage) = Stage::new("joblib-new") else {
        return;
    };
    let programs = [
        "import sys, cached; print(sys.argv, file=sys.stderr); print(sys.path, 'sitecustomize' in sys.modules); sys.exit(7)",
        "import cached; cached.load(1); cached.fails(2)",
        "import sys; print(sys.stdin.read().upper())",
        "import os, signal; os.kill(os.getpid(), signal.SIGTERM)",
        "import warnings; warnings.simplefilter('error'); import os; pid = os.fork(); pid or os._exit(3); print(os.waitpid(pid, 0)[1])",
        "import threading; print(threading.active_count(), [one.name for one in threading.enumerate()])",
    ];
    for program in programs {
        let ran = |mut command: Command| {
            let mut child = command
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .expect("the program starts");
            let mut stdin = child.stdin.take().expect("piped");
            std::io::Write::write_all(&mut stdin, b"said\n").ok();
            drop(stdin);
            let output = child.wait_with_output().expect("it ends");
            let text = |bytes| String::from_utf8(bytes).expect("text");
            let own = stage.path("own").display().to_string();
            let stdout = text(output.stdout).replace(&format!("'{own}/python', "), "");
            (output.status, stdout, text(output.stderr))
        };
        let mut alone = Command::new(stage.python.program());
        alone.args(["-c", program]);
        stage.at_home(&mut alone);
        let with_probe = ran(stage.command(&[], &["-c", program]));
        let mut without = ran(alone);
        // The module that starts the probe stays known where nobody else has one of its name.
        without.1 = without.1.replace("] False", "] True");
        assert_eq!(with_probe, without, "{program}");
    }
}

#[test]
fn the_place_of_another_sitecustomize_stays_its_own() {
    let Some(stage) = Stage::new("joblib-new") else {
        return;
    };
    fs::create_dir(stage.path("site")).expect("a folder");
    fs::write(
        stage.path("site/sitecustomize.py"),
        "import builtins; builtins.theirs = 1",
    )
    .expect("written");
    let program = "import sitecustomize; print(theirs, sitecustomize.__file__)";
    let mut command = stage.command(&[], &["-c", program]);
    let output = command.env("PYTHONPATH", stage.path("site")).output();
    let output = output.expect("the program starts");
    let expected = format!("1 {}\n", stage.path("site/sitecustomize.py").display());
    assert_eq!(String::from_utf8_lossy(&output.stdout), expected);
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert!(fs::read_dir(stage.told()).expect("snapshots").count() > 0);
}

#[test]
fn what_a_program_tells_is_a_store() {
    for environment in ["joblib-new", "joblib-old"] {
        let Some(stage) = Stage::new(environment) else {
            continue;
        };
        let program = "import cached, weakref\n\
            for n in range(12): cached.inner(n % 4); cached.inner(float(n % 4))\n\
            class Box: pass\n\
            kept, lost = Box(), weakref.WeakValueDictionary()\n\
            lost['a'] = kept\n\
            import functools\n\
            whole = getattr(functools, 'cached_property', property)(lambda self: 1)\n\
            Own = type('Own', (), {'whole': whole})\n\
            owns = [Own(), Own(), Own()]\n\
            owns[0].whole, owns[1].whole\n\
            print(cached.inner.cache_info())";
        let output = stage
            .command(&[], &["-c", program])
            .output()
            .expect("it starts");
        let info = String::from_utf8(output.stdout).expect("text");
        assert_eq!(
            info,
            "CacheInfo(hits=0, misses=24, maxsize=7, currsize=7)\n"
        );

        let ran = run(["ls".as_ref(), stage.told().as_os_str()]);
        assert_eq!(ran.code, 0, "{}", ran.said);
        let store = ran.of_type("store").next().expect("a store");
        assert_eq!(store["kind"], "probe");
        let find = |key: &str| {
            let found = ran.of_type("entry").find(|line| line["key"] == key);
            found.unwrap_or_else(|| panic!("no entry {key}")).clone()
        };
        let inner = find("inner");
        assert_eq!(
            (&inner["group"], &inner["hits"]),
            (&"cached".into(), &0.into())
        );
        assert_eq!(inner["args"]["misses"], "24");
        assert_eq!(
            (&inner["args"]["maxsize"], &inner["args"]["currsize"]),
            (&"7".into(), &"7".into())
        );
        if environment == "joblib-new" {
            assert_eq!(inner["args"]["typed"], "True");
            assert_eq!(find("Own.whole")["args"]["owners"], "2");
        }
        let lost = find("lost");
        assert_eq!(
            (&lost["args"]["live"], &lost["args"]["dead"]),
            (&"1".into(), &"0".into())
        );
        assert_eq!(lost["hits"], Value::Null);

        let path = store["path"].as_str().expect("a path");
        let shown = say(["show", path, "cached/inner"]);
        assert_eq!(shown.code, 0, "{}", shown.stderr);
        assert!(shown.stdout.contains("misses=24"), "{}", shown.stdout);
        let stats = run(["stats", path]);
        let counters = &stats.lines[0]["counters"];
        assert_eq!(counters[0]["source"], "reported");
        assert_eq!(counters[0]["lower_bound"], false);
    }
}

#[test]
fn events_are_one_line_each_for_all_processes() {
    let Some(stage) = Stage::new("joblib-new") else {
        return;
    };
    let events = stage.path("events.jsonl");
    let options = ["--events", events.to_str().expect("text")];
    let output = stage.command(&options, &["program.py", "loky"]).output();
    assert!(output.expect("it starts").status.success());
    let text = fs::read_to_string(events).expect("events");
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let n = |event: &str| {
        let of = |line: &&Value| line["type"] == "event" && line["event"] == event;
        lines.iter().filter(of).count()
    };
    assert_eq!((n("hit"), n("stored")), (160, 50));
    let hit = lines
        .iter()
        .find(|line| line["event"] == "hit")
        .expect("a hit");
    assert_eq!(hit["group"], "cached.load");
    assert_eq!(hit["key"].as_str().map(str::len), Some(32));
}
