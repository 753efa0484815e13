//! Stores that joblib makes now, on this machine, compared with what joblib itself says of them.

use std::collections::BTreeMap;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::program;
use crate::support::python::Python;

/// Versions whose stores are of today's layout; 1.2 writes no time.
const VERSIONS: [&str; 2] = ["joblib-1.2", "joblib-new"];

/// Fills two stores and prints a line for each item that joblib finds there.
const SCRIPT: &str = r#"
import functools, json, operator, os, pathlib, sys, warnings
import joblib
warnings.simplefilter("ignore")

class Odd:
    """Its repr is what metadata.json must carry: an unpaired surrogate, quotes, controls."""
    def __init__(self, text): self.text = text
    def __repr__(self): return self.text

class Model:
    def __init__(self, n): self.n = n
    def predict(self, x): return self.n * x

def plain(x, y=2): return [x, y]
def outer():
    def inner(x): return {"x": x}
    return inner
def ignoring(path, verbose=False): return path
def taking(*args, **kwargs): return len(args)
def unpicklable(n): return (lambda: n)
async def later(x): return x
def deadbeefdeadbeefdeadbeefdeadbeef(x): return x

def fill(memory):
    for x in (1, 2.5, float("nan"), float("inf"), "na\u00efve \u2603 \U0001f600 \x00 \n", b"\xff", None, [1, [2]], {"k": (1,)}):
        memory.cache(plain)(x)
    memory.cache(plain)("long " * 100_000)
    memory.cache(plain)(Odd("\ud800 \"quoted\" \\ \x1b \u202e"))
    memory.cache(outer())(3)
    memory.cache(lambda x: -x)(4)
    memory.cache(ignoring, ignore=["verbose"])("a.csv", verbose=True)
    memory.cache(taking)(1, 2, a=3)
    memory.cache(Model(2).predict)(5)
    memory.cache(functools.partial(plain, y=9))(6)
    memory.cache(operator.add)(1, 2)
    memory.cache(deadbeefdeadbeefdeadbeefdeadbeef)(7)
    try: memory.cache(unpicklable)(8)
    except Exception: pass
    backend = memory.store_backend
    one = next(i.path for i in backend.get_items() if "plain" in i.path)
    os.makedirs(one + "0")
    open(one + "0/output.pkl", "wb").write(b"abc")
    os.makedirs(os.path.join(os.path.dirname(one), "0" * 32))
    os.makedirs(os.path.join(os.path.dirname(one), "0" * 31))
    for item in backend.get_items():
        folder = os.path.relpath(item.path, backend.location)
        output = os.path.join(item.path, "output.pkl")
        about = os.stat(output if os.path.exists(output) else item.path)
        print(json.dumps({"root": backend.location, "folder": folder, "last_access": about.st_atime_ns,
                          "bytes": about.st_size if os.path.exists(output) else 0,
                          "metadata": backend.get_metadata([folder])}))

root = pathlib.Path(sys.argv[1])
fill(joblib.Memory(str(root / "by-name"), verbose=0, compress=True))
fill(joblib.Memory(root / "by-path", verbose=0))
"#;

/// Entry lines by their folder below the store: what a group and a key stand for.
fn by_folder(listed: &program::Ran) -> BTreeMap<(String, String), Value> {
    let text = |line: &Value, member: &str| line[member].as_str().unwrap_or_default().to_owned();
    let named = |line: &Value| {
        let group = text(line, "group");
        let folder = format!("{}/{}", group.replace('.', "/"), text(line, "key"));
        ((text(line, "store"), folder), line.clone())
    };
    listed.of_type("entry").map(named).collect()
}

fn check(python: &Python) {
    let temp = TempDir::new().expect("a temporary folder");
    let root = temp.path().canonicalize().expect("it is there");
    let printed = python.run(SCRIPT, [&root]);
    let listed = program::run(["ls".as_ref(), root.as_os_str()]);
    assert_eq!(listed.code, 0, "{}", listed.said);
    assert_eq!(listed.of_type("store").count(), 2);
    assert_eq!(listed.of_type("issue").count(), 0, "{:?}", listed.lines);
    let entries = by_folder(&listed);
    let mut n_items = 0;
    for item in printed.lines() {
        // Python writes half surrogate pairs, which a Rust string cannot hold.
        let item: Value = serde_json::from_str(&item.replace("\\ud800", "\\\\ud800"))
            .unwrap_or_else(|error| panic!("{error}: {item}"));
        let text = |member: &str| item.get(member).and_then(Value::as_str).unwrap_or_default();
        let line = entries
            .get(&(text("root").to_owned(), text("folder").to_owned()))
            .unwrap_or_else(|| panic!("not listed: {item}"));
        compare(&item, line);
        n_items += 1;
    }
    assert_eq!(entries.len(), n_items);
}

fn compare(item: &Value, line: &Value) {
    let metadata = &item["metadata"];
    assert_eq!(line["duration_s"], metadata["duration"], "{item}\n{line}");
    let recorded = metadata.get("input_args").unwrap_or(&Value::Null);
    assert_eq!(&line["args"], recorded, "{item}\n{line}");
    assert_eq!(
        line["created"].is_null(),
        metadata["time"].is_null(),
        "{item}\n{line}"
    );
    assert_eq!(line["bytes"], item["bytes"], "{item}\n{line}");
    // What `reduce_size` goes by.
    let accessed: jiff::Timestamp = line["accessed"]
        .as_str()
        .and_then(|time| time.parse().ok())
        .expect("a time of last use");
    let last_access = item["last_access"].as_i64().expect("nanoseconds");
    assert_eq!(
        accessed.as_nanosecond(),
        last_access.into(),
        "{item}\n{line}"
    );
}

#[test]
fn listings_agree_with_joblib() {
    for version in VERSIONS {
        if let Some(python) = Python::env(version) {
            check(&python);
        }
    }
}
