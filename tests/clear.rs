//! Clear and undo, judged by the library that owns the store.

use std::fs;
use std::path::{Path, PathBuf};

use cachescope_core::clear::undo::{self, Restored};
use cachescope_core::clear::{self, Applied, How, Outcome, Plan};
use cachescope_core::model::{Cancel, Progress, Record, Snapshot};
use cachescope_core::stores::{Store, open_all};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::python::Python;

const VERSIONS: [&str; 2] = ["joblib-1.2", "joblib-new"];

/// A program with two memoized functions; each line that it prints is what joblib says now.
const PROGRAM: &str = r#"
import json, os, random, sys, time, warnings
import joblib
import numpy
import features
warnings.simplefilter("ignore")
command, root = sys.argv[1], sys.argv[2]
memory = joblib.Memory(os.path.join(root, "x"), verbose=0)
square, table = memory.cache(features.square), memory.cache(features.table)

if command == "fill":
    for x in range(10):
        square(x), table(x)
elif command == "judge":
    present = {"square": [], "table": []}
    for x in range(10):
        if square.check_call_in_cache(x):
            present["square"].append([x, square(x)])
        if table.check_call_in_cache(x):
            present["table"].append([x, table(x).tolist()])
    present["items"] = len(memory.store_backend.get_items())
    present["computed"] = features.computed
    print(json.dumps(present))
elif command == "work":
    print("ready", flush=True)
    rounds = 0
    while not os.path.exists(os.path.join(root, "stop")):
        x = random.randrange(10)
        assert square(x) == x * x, x
        assert table(x).tolist() == [[x, 2 * x]] * 50, x
        rounds += 1
    print(rounds)
elif command == "wipe":
    memory.clear(warn=False)
"#;

const FEATURES: &str = "
import numpy
computed = 0
def square(x):
    global computed
    computed += 1
    return x * x
def table(x):
    global computed
    computed += 1
    return numpy.array([[x, 2 * x]] * 50)
";

/// A folder with the program and the store `x/joblib` that it fills.
struct Cache<'p> {
    python: &'p Python,
    temp: TempDir,
}

impl<'p> Cache<'p> {
    fn filled(python: &'p Python) -> Self {
        let temp = TempDir::new().expect("a temporary folder");
        fs::write(temp.path().join("features.py"), FEATURES).expect("it is written");
        fs::write(temp.path().join("program.py"), PROGRAM).expect("it is written");
        let cache = Self { python, temp };
        cache.run("fill");
        cache
    }

    fn run(&self, command: &str) -> String {
        let program = self.temp.path().join("program.py");
        let root = self.temp.path().as_os_str();
        self.python.run_file(&program, [command.as_ref(), root])
    }

    /// What joblib finds in the store and loads from it.
    fn judge(&self) -> Value {
        serde_json::from_str(&self.run("judge")).expect("the program prints JSON")
    }

    fn opened(&self) -> PathBuf {
        self.temp.path().join("x")
    }

    fn plan(&self, is_chosen: impl Fn(&Record<'_>) -> bool) -> Plan {
        let info = open_all(&self.opened()).expect("it is a store").remove(0);
        let store = Store::open(&info).expect("it opens");
        let snapshot = Snapshot::read(&store, &Cancel::default(), &Progress::default());
        let snapshot = snapshot.expect("it is read");
        let records = snapshot.records().map(|(_, record)| record);
        Plan::new(&store, records.filter(is_chosen)).expect("a plan is made")
    }

    fn clear(&self, how: How, is_chosen: impl Fn(&Record<'_>) -> bool) -> Applied {
        let plan = self.plan(is_chosen);
        let applied = clear::apply(
            &plan,
            how,
            None,
            &Cancel::default(),
            &Progress::default(),
            &mut |planned, outcome| {
                let is_certain = matches!(outcome, Outcome::Done | Outcome::Skipped(_));
                assert!(is_certain, "{}: {outcome:?}", planned.key_label);
            },
        );
        applied.expect("it is applied")
    }

    fn undo(&self) -> Vec<(Restored, Vec<String>)> {
        let held = undo::list(&[self.opened()], None);
        let restore = |held| {
            let mut reasons = Vec::new();
            let mut each = |_: &undo::HeldEntry, outcome: Outcome| {
                if let Outcome::Skipped(reason) = outcome {
                    reasons.push(reason.to_string());
                }
            };
            let restored = undo::restore(held, &Cancel::default(), &Progress::default(), &mut each);
            (restored.expect("it is undone"), reasons)
        };
        held.iter().map(restore).collect()
    }

    fn has_quarantine(&self) -> bool {
        self.temp.path().join(clear::QUARANTINE).exists()
    }
}

/// What joblib must say where these arguments are in the cache and nothing was computed.
fn expected(square: &[u64], table: &[u64]) -> Value {
    let squares: Vec<Value> = square.iter().map(|x| json!([x, x * x])).collect();
    let tables: Vec<Value> = table
        .iter()
        .map(|x| json!([x, vec![json!([x, 2 * x]); 50]]))
        .collect();
    json!({"square": squares, "table": tables, "items": square.len() + table.len(), "computed": 0})
}

fn every() -> Vec<u64> {
    (0..10).collect()
}

fn argument(record: &Record<'_>) -> u64 {
    let mut args = record.args.iter();
    let (_, text) = args.next().expect("an argument is recorded");
    text.parse().expect("it is a number")
}

fn with_each(test: impl Fn(&Python)) {
    for version in VERSIONS {
        if let Some(python) = Python::env(version) {
            test(&python);
        }
    }
}

#[test]
fn joblib_sees_exactly_the_cleared_entries_gone_and_back() {
    with_each(|python| {
        let cache = Cache::filled(python);
        assert_eq!(cache.judge(), expected(&every(), &every()));
        let is_chosen = |r: &Record<'_>| {
            let is_square = r.group.label.ends_with("square");
            (is_square && argument(r).is_multiple_of(2)) || (!is_square && argument(r) < 3)
        };
        assert_eq!(cache.clear(How::Keep, is_chosen).removed, 8);
        let left = expected(&[1, 3, 5, 7, 9], &[3, 4, 5, 6, 7, 8, 9]);
        assert_eq!(cache.judge(), left);
        let undone = cache.undo();
        assert_eq!(
            undone.iter().map(|(r, _)| r.restored).collect::<Vec<_>>(),
            [8]
        );
        assert_eq!(cache.judge(), expected(&every(), &every()));
        assert!(!cache.has_quarantine());
        assert_eq!(cache.clear(How::Free, is_chosen).removed, 8);
        assert_eq!(cache.judge(), left);
        assert!(!cache.has_quarantine());
    });
}

#[test]
fn clearing_everything_leaves_a_store_that_joblib_fills_again() {
    with_each(|python| {
        let cache = Cache::filled(python);
        assert_eq!(cache.clear(How::Keep, |_| true).removed, 20);
        assert_eq!(cache.judge(), expected(&[], &[]));
        cache.run("fill");
        // Everything was stored anew, so nothing comes back and nothing is lost.
        let undone = cache.undo();
        assert_eq!(
            undone
                .iter()
                .map(|(r, _)| (r.restored, r.skipped))
                .collect::<Vec<_>>(),
            [(0, 20)]
        );
        assert_eq!(cache.judge(), expected(&every(), &every()));
        for held in undo::list(&[cache.opened()], None) {
            undo::purge(&held, &Cancel::default(), &Progress::default()).expect("it is freed");
        }
        assert!(!cache.has_quarantine());
    });
}

/// joblib forgets a function's entries when its code changes; undo must not smuggle them back in.
#[test]
fn values_of_old_code_stay_aside_when_the_code_has_changed() {
    with_each(|python| {
        let cache = Cache::filled(python);
        cache.clear(How::Keep, |_| true);
        let source = cache.temp.path().join("features.py");
        fs::write(&source, FEATURES.replace("return x * x", "return x ** 3"))
            .expect("it is written");
        cache.run("fill");
        cache.clear(How::Free, |r| {
            r.group.label.ends_with("square") && argument(r) > 4
        });
        let (restored, reasons) = cache.undo().remove(0);
        // The table's entries were stored anew; the squares' code is another one.
        assert_eq!((restored.restored, restored.skipped), (0, 20));
        assert_eq!(
            reasons
                .iter()
                .filter(|r| r.contains("func_code.py"))
                .count(),
            10
        );
        let cubes: Vec<Value> = (0_u64..5).map(|x| json!([x, x.pow(3)])).collect();
        assert_eq!(cache.judge()["square"], json!(cubes));
        // With the old code back in its place, joblib starts afresh, and the old values are right again.
        fs::write(&source, FEATURES).expect("it is written");
        cache.run("fill");
        cache.clear(How::Free, |_| true);
        cache.undo();
        assert_eq!(cache.judge(), expected(&every(), &every()));
    });
}

#[test]
fn a_store_that_joblib_wiped_meanwhile_comes_back_with_its_code() {
    with_each(|python| {
        let cache = Cache::filled(python);
        cache.clear(How::Keep, |r| argument(r) < 4);
        cache.run("wipe");
        assert_eq!(
            cache
                .undo()
                .iter()
                .map(|(r, _)| r.restored)
                .collect::<Vec<_>>(),
            [8]
        );
        assert_eq!(cache.judge(), expected(&[0, 1, 2, 3], &[0, 1, 2, 3]));
    });
}

#[test]
fn programs_at_work_during_fifty_clears_never_fail() {
    with_each(|python| {
        let cache = Cache::filled(python);
        let program = cache.temp.path().join("program.py");
        let args = ["work".as_ref(), cache.temp.path().as_os_str()];
        let mut workers: Vec<_> = (0..4).map(|_| python.spawn_file(&program, args)).collect();
        for worker in &mut workers {
            assert_eq!(worker.line().as_deref(), Some("ready"));
        }
        let mut removed = 0;
        for round in 0..50 {
            let how = if round % 2 == 0 { How::Keep } else { How::Free };
            removed += cache.clear(how, |_| true).removed;
            if round % 3 == 0 {
                cache.undo();
            }
        }
        fs::write(cache.temp.path().join("stop"), "").expect("it is written");
        let done: Vec<u64> = workers
            .into_iter()
            .map(|worker| worker.finish().trim().parse().expect("a number of rounds"))
            .collect();
        assert!(done.iter().all(|rounds| *rounds > 0), "{done:?}");
        assert!(removed > 50, "{removed} entries were cleared");
        cache.run("fill");
        cache.undo();
        for held in undo::list(&[cache.opened()], None) {
            undo::purge(&held, &Cancel::default(), &Progress::default()).expect("it is freed");
        }
        assert!(!cache.has_quarantine());
        assert_eq!(cache.judge(), expected(&every(), &every()));
        assert_eq!(left_overs(&cache.opened()), Vec::<PathBuf>::new());
    });
}

/// Files in a store that joblib would not have left there itself.
fn left_overs(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for item in fs::read_dir(folder).expect("it is readable") {
        let path = item.expect("it is readable").path();
        if path.is_dir() {
            found.extend(left_overs(&path));
        } else {
            let name = path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            let known = ["output.pkl", "metadata.json", "func_code.py", ".gitignore"];
            if !known.contains(&name.as_str()) {
                found.push(path);
            }
        }
    }
    found
}
