//! Converted stores, judged by the libraries that own their kinds: every key, every value, and writing goes on.

mod keys;
mod stores;

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use cachescope_core::formats::compress::Codec;
use cachescope_core::model::{Cancel, Progress};
use cachescope_core::ops::Control;
use cachescope_core::stores::{Store, open_all};
use cachescope_core::write::{self, Converted, Leftovers, Options};
use serde_json::json;
use tempfile::TempDir;

use crate::support::fixtures;
use crate::support::program::{self, Ran};
use crate::support::python::Python;

const SOURCES: &str = include_str!("scripts/sources.py");
const JUDGE: &str = include_str!("scripts/judge.py");

fn convert(
    from: &Path,
    kind: &str,
    codec: Option<&str>,
    to: &Path,
) -> cachescope_core::Result<Converted> {
    let found = open_all(from)?;
    let source = Store::open(found.first().expect("at least one store"))?;
    let control = Control {
        cancel: &Cancel::default(),
        progress: &Progress::default(),
    };
    write::convert(
        &source,
        write::target(kind, codec)?,
        to,
        &Options::default(),
        &mut Leftovers::default(),
        control,
    )
}

/// What the command line makes of it.
fn by_command(from: &Path, kind: &str, to: &Path, more: &[&str]) -> Ran {
    let words = [from.as_os_str(), to.as_os_str()];
    let given = ["convert", "--to", kind];
    let options = given.iter().chain(more);
    program::run(options.map(AsRef::as_ref).chain(words))
}

/// Arrays of many sorts in joblib's own form.
const ARRAYS: &str = r#"
import sys, joblib, numpy as np
values = {
    "c": np.arange(12.0).reshape(3, 4),
    "f": np.asfortranarray(np.arange(12, dtype="i2").reshape(3, 4)),
    "big": np.arange(5, dtype=">f8"),
    "nothing": np.zeros((0, 3)),
    "single": np.array(5.0),
    "matrix": np.matrix([[1, 2], [3, 4]]),
    "objects": np.array([1, None, "x", {"k": [1, 2]}], dtype=object),
    "records": np.array([(1, 2.5, "a")], dtype=[("n", "i4"), ("x", ">f8"), ("s", "U3")]),
    "when": np.array(["2024-01-01", "NaT"], dtype="M8[s]"),
    "several": [np.arange(3), {"inner": np.ones(2)}, np.arange(3)],
}
memory = joblib.Memory(sys.argv[1] + "/store", verbose=0, compress=True)
load = memory.cache(lambda name: values[name])
for name in values:
    load(name)
"#;

/// Names in the folder, sorted.
fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .expect("the folder is listed")
        .map(|entry| {
            entry
                .expect("a name")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    names.sort();
    names
}

/// What the libraries find different between the pairs.
fn judge(python: &Python, folder: &Path, pairs: &[serde_json::Value]) -> Vec<String> {
    let mut judge = python.spawn(JUDGE, [folder]);
    for pair in pairs {
        judge.send(&pair.to_string());
    }
    let said = judge.finish();
    let mut lines: Vec<String> = said.lines().map(str::to_owned).collect();
    assert_eq!(lines.pop().as_deref(), Some("done"), "{said}");
    lines
}

/// Source folder, how it is read, and whether its values are objects.
fn sources() -> Vec<(&'static str, &'static str)> {
    let mut sources = vec![
        ("shelf-dumb", "dumb0"),
        ("shelf-dumb", "dumb2"),
        ("shelf-dumb", "dumb5"),
        ("dbm-sqlite3", "sqlite3"),
        ("diskcache", "diskcache"),
        ("sqlitedict", "sqlitedict"),
        ("joblib", "joblib-False"),
        ("joblib", "joblib-zlib"),
        ("joblib", "joblib-lz4"),
    ];
    sources.extend(
        [
            "pickle0", "pickle1", "pickle2", "pickle3", "pickle4", "pickle5",
        ]
        .map(|name| ("pickle", name)),
    );
    sources
}

#[test]
fn every_pair_is_read_by_the_libraries_with_equal_keys_and_values() {
    let Some(python) = Python::env("writers") else {
        return;
    };
    let temp = TempDir::new().expect("a temporary folder");
    python.run(SOURCES, [temp.path()]);
    let (mut pairs, mut gnu) = (Vec::new(), Vec::new());
    for (kind, name) in sources() {
        let from = temp.path().join(name);
        let is_joblib = kind == "joblib";
        for target in write::TARGETS {
            if target.kind == "joblib" && !is_joblib {
                continue;
            }
            let title = target.title().replace(' ', "-");
            let to = temp.path().join(format!("{name}-as-{title}"));
            let codec = target.codec.map(Codec::name);
            let converted = convert(&from, target.kind, codec, &to);
            let converted = converted.unwrap_or_else(|e| panic!("{name} to {title}: {e}"));
            let told = "the arguments and compute times of ";
            let is_told = is_joblib && target.kind != "joblib";
            assert!(
                converted.losses.len() == usize::from(is_told)
                    && converted.losses.iter().all(|loss| loss.starts_with(told))
                    && converted.entries > 0,
                "{name} to {title}: {:?}",
                converted.losses
            );
            let reads_as = match target.kind {
                // Plain bytes of a dbm stay plain bytes.
                kind if kind.starts_with("dbm-") && name == "sqlite3" => kind.to_owned(),
                "sqlite" if is_joblib => continue,
                kind => kind.replace("dbm-", "shelf-"),
            };
            let opened = if is_joblib {
                from.join("joblib")
            } else {
                from.clone()
            };
            let made = if target.kind == "joblib" {
                to.join("joblib")
            } else {
                to
            };
            let pair = json!({"from": [kind, opened], "to": [reads_as, made]});
            if target.kind == "dbm-gnu" {
                gnu.push((from.clone(), name, reads_as.clone(), pair));
            } else {
                pairs.push(pair);
            }
        }
    }
    assert!(pairs.len() > 80, "{} pairs", pairs.len());
    assert_eq!(judge(&python, temp.path(), &pairs), Vec::<String>::new());
    assert!(names(temp.path()).iter().all(|name| !name.starts_with('.')));

    // Python's gdbm is the system's: it knows the shelves of dumb, and no numpy.
    let Some(python) = Python::env("gdbm") else {
        return;
    };
    let pairs: Vec<_> = gnu
        .into_iter()
        .filter(|(_, name, ..)| name.starts_with("dumb") || name.starts_with("pickle"))
        .map(|(.., pair)| pair)
        .collect();
    assert_eq!(judge(&python, temp.path(), &pairs), Vec::<String>::new());
}

#[test]
fn arrays_are_loaded_without_joblib_by_both_generations_of_numpy() {
    let (Some(new), Some(old)) = (Python::env("writers"), Python::env("joblib-1.2")) else {
        return;
    };
    let temp = TempDir::new().expect("a temporary folder");
    // What numpy 2 pickles in its ordinary way names modules that numpy 1 has not: the older one writes.
    old.run(ARRAYS, [temp.path()]);
    let store = temp.path().join("store");
    convert(&store, "pickle", None, &temp.path().join("arrays")).expect("it is converted");
    let script = r#"
import json, pickle, sys
values = pickle.load(open(sys.argv[1], "rb"))
assert "joblib" not in sys.modules
import numpy as np
def told(value):
    if isinstance(value, np.ndarray):
        order = "F" if value.ndim > 1 and value.flags.f_contiguous else "C"
        return [type(value).__name__, value.dtype.str, value.shape, order, repr(value.tolist())[:2000]]
    if isinstance(value, list):
        return [told(item) for item in value]
    if isinstance(value, dict):
        return {str(key): told(item) for key, item in value.items()}
    return repr(value)
print(json.dumps({key: told(value) for key, value in values.items()}, sort_keys=True))
"#;
    let arrays = temp.path().join("arrays");
    let (by_new, by_old) = (new.run(script, [&arrays]), old.run(script, [&arrays]));
    assert!(
        by_new.contains("\"F\"") && by_new.contains("matrix"),
        "{by_new}"
    );
    assert_eq!(by_new, by_old);
}

#[test]
fn what_would_be_lost_is_refused_and_leaves_nothing() {
    let Some(python) = Python::env("writers") else {
        return;
    };
    let temp = TempDir::new().expect("a temporary folder");
    python.run(SOURCES, [temp.path()]);
    let before = names(temp.path());
    let at = |name: &str| temp.path().join(name);
    for (from, kind, said) in [
        (
            "expiring",
            "sqlitedict",
            "the expiry of 1 entry and the tag of 1 entry",
        ),
        ("typed", "dbm-dumb", "two entries would have the key \"1\""),
        ("typed", "sqlitedict", "takes text only"),
        ("typed", "sqlite", "no type for such a key"),
        ("nan", "sqlite", "no such number"),
        ("surrogate", "sqlite", "not valid text"),
        ("diskcache", "joblib", "hashes of a function's arguments"),
        ("dumb5", "joblib", "hashes of a function's arguments"),
    ] {
        let error = convert(&at(from), kind, None, &at("new")).expect_err(from);
        assert!(error.is_refused(), "{from} to {kind}: {error}");
        assert!(error.to_string().contains(said), "{error}");
        assert_eq!(names(temp.path()), before, "{from} to {kind}");
    }
    let taken =
        convert(&at("dumb5"), "dbm-dumb", None, &at("dumb0")).expect_err("the name is taken");
    assert!(taken.is_refused(), "{taken}");
    // SQLite would play what is left of an earlier database into the new one, at its first open.
    for (kind, left) in [
        ("sqlite", "-wal"),
        ("sqlitedict", "-journal"),
        ("dbm-sqlite3", "-shm"),
    ] {
        let (new, left) = (at("new.db"), at(&format!("new.db{left}")));
        fs::write(&left, "left").expect("a file is left");
        let error = convert(&at("dumb5"), kind, None, &new).expect_err(kind);
        assert!(
            error.is_refused() && error.to_string().contains("another store"),
            "{error}"
        );
        assert!(!new.exists(), "{kind}");
        fs::remove_file(left).expect("it goes");
    }
    // Types of keys are kept where the new kind has them.
    let pairs = [
        json!({"from": ["diskcache", at("typed")], "to": ["pickle", at("typed.pickle")]}),
        json!({"from": ["pickle", at("keys")], "to": ["diskcache", at("keys.cache")]}),
        json!({"from": ["diskcache", at("expiring")], "to": ["diskcache", at("expiring2")]}),
        json!({"from": ["pickle", at("odd-keys")], "to": ["pickle", at("odd-keys.twice")]}),
        json!({"from": ["pickle", at("empty")], "to": ["diskcache", at("empty.cache")]}),
    ];
    convert(&at("typed"), "pickle", None, &at("typed.pickle")).expect("typed keys to a pickle");
    convert(&at("keys"), "diskcache", None, &at("keys.cache")).expect("typed keys to diskcache");
    convert(&at("expiring"), "diskcache", None, &at("expiring2")).expect("expiry to diskcache");
    convert(&at("odd-keys"), "pickle", None, &at("odd-keys.once")).expect("keys to a pickle");
    convert(&at("odd-keys.once"), "pickle", None, &at("odd-keys.twice")).expect("and again");
    convert(&at("nan"), "pickle", None, &at("nan.pickle")).expect("NaN is a key like others");
    convert(&at("empty"), "diskcache", None, &at("empty.cache")).expect("nothing to diskcache");
    assert_eq!(judge(&python, temp.path(), &pairs), Vec::<String>::new());
}

#[test]
fn entries_that_cannot_be_read_are_refused_or_left_out_by_name() {
    let all = fixtures::all();
    let fixture = all.iter().find(|f| f.opened().ends_with("joblib/1.4.2"));
    let (temp, store) = fixture.expect("the fixture").copy();
    let found = open_all(&store).expect("a store");
    let mut outputs = files(&found[0].path, "output.pkl");
    let n_entries = outputs.len();
    let gone = outputs.pop().expect("an entry");
    fs::remove_file(gone).expect("a value goes");
    let new = temp.path().join("new");
    let run = |more: &[&str]| by_command(&store, "diskcache", &new, more);
    let refused = run(&[]);
    assert_eq!(refused.code, 4, "{}", refused.said);
    assert!(
        refused.said.contains("it would lose what cannot be read"),
        "{}",
        refused.said
    );
    assert!(!new.exists());
    let done = run(&["--accept-loss"]);
    assert_eq!(done.code, 0, "{}", done.said);
    assert!(
        done.said.contains("1 entry that cannot be read"),
        "{}",
        done.said
    );
    let summary = done.of_type("summary").next().expect("a summary line");
    assert_eq!(summary["entries"], n_entries - 1);
}

/// Every file of that name in a folder and those below it.
fn files(folder: &Path, name: &str) -> Vec<PathBuf> {
    let (mut waiting, mut found) = (vec![folder.to_owned()], Vec::new());
    while let Some(path) = waiting.pop() {
        for inside in names(&path).iter().map(|name| path.join(name)) {
            if inside.is_dir() {
                waiting.push(inside);
            } else if inside.ends_with(name) {
                found.push(inside);
            }
        }
    }
    found
}

#[test]
fn tags_of_diskcache_keep_their_types() {
    let Some(python) = Python::env("diskcache-5.6") else {
        return;
    };
    let temp = TempDir::new().expect("a temporary folder");
    let at = |name: &str| temp.path().join(name);
    let write = "import sys, diskcache
with diskcache.Cache(sys.argv[1]) as c:
    for n, tag in enumerate([None, 3, b'z', 2.5, '3', '', \"b'z'\", 'text']): c.set(n, n, tag=tag)";
    python.run(write, [at("tags")]);
    convert(&at("tags"), "diskcache", None, &at("new")).expect("tags to diskcache");
    let read = "import sys, diskcache
with diskcache.Cache(sys.argv[1]) as c:
    print([c.get(n, tag=True)[1] for n in range(8)], c.evict(3), c.evict(b'z'), c.evict(2.5), len(c))";
    let expected = python.run(read, [at("tags")]);
    assert_eq!(
        expected.trim(),
        "[None, 3, b'z', 2.5, '3', '', \"b'z'\", 'text'] 1 1 1 5"
    );
    assert_eq!(python.run(read, [at("new")]), expected);
}

#[test]
fn the_command_line_says_what_it_wrote_and_what_it_refused() {
    let Some(python) = Python::env("python-3.13") else {
        return;
    };
    let temp = TempDir::new().expect("a temporary folder");
    let script = "import dbm.dumb, shelve, sys\nwith shelve.Shelf(dbm.dumb.open(sys.argv[1], 'n')) as s: s.update(a=1, b=[2])";
    let (from, to) = (temp.path().join("shelf"), temp.path().join("new"));
    python.run(script, [&from]);
    let run = |to: &Path, kind: &str| by_command(&from, kind, to, &[]);
    let ran = run(&to, "diskcache");
    assert_eq!(ran.code, 0, "{}", ran.said);
    let store = ran.of_type("store").next().expect("a store line");
    assert_eq!(
        (store["kind"].as_str(), store["entries"].as_u64()),
        (Some("diskcache"), Some(2))
    );
    let summary = ran.of_type("summary").next().expect("a summary line");
    assert_eq!(summary["entries"], 2);
    assert_eq!(run(&to, "pickle").code, 4);
    assert_eq!(run(&temp.path().join("other"), "nonsense").code, 2);
    assert_eq!(run(&temp.path().join("none/other"), "pickle").code, 3);
}

#[test]
fn keys_and_values_of_a_jsondisk_are_the_same_objects_elsewhere() {
    let Some(python) = Python::env("diskcache-5.6") else {
        return;
    };
    let temp = TempDir::new().expect("a temporary folder");
    let at = |name: &str| temp.path().join(name);
    let write = "import sys, diskcache
with diskcache.Cache(sys.argv[1], disk=diskcache.JSONDisk) as c:
    for key, value in {'a': [1, 2.5, None, {'b': True}], 7: 'x' * 40_000, 'empty': {}, None: 2**70}.items():
        c[key] = value";
    python.run(write, [at("json")]);
    convert(&at("json"), "diskcache", None, &at("cache")).expect("to plain objects");
    convert(&at("json"), "pickle", None, &at("pickle")).expect("to a dict of them");
    let read = "import sys, diskcache, pickle
if sys.argv[2] == 'pickle':
    c = pickle.load(open(sys.argv[1], 'rb'))
else:
    c = diskcache.Cache(sys.argv[1], disk=diskcache.JSONDisk if sys.argv[2] == 'json' else diskcache.Disk)
print(sorted((repr(k), repr(c[k])) for k in c))";
    let said = |name: &str| python.run(read, [at(name).as_os_str(), OsStr::new(name)]);
    assert!(said("json").contains("1180591620717411303424"));
    assert_eq!(said("json"), said("cache"));
    assert_eq!(said("json"), said("pickle"));
}

#[test]
fn responses_are_carried_as_the_objects_or_the_bytes_that_they_are() {
    let all = fixtures::all();
    let run = |from: &str, kind: &str, more: &[&str]| {
        let fixture = all.iter().find(|f| f.opened().ends_with(from));
        let (temp, store) = fixture.expect("the fixture").copy();
        let new = temp.path().join("new");
        by_command(&store, kind, &new, more)
    };
    for (from, kind, more, code) in [
        ("requests-cache-1.3/pickle.sqlite", "diskcache", &[][..], 0),
        (
            "requests-cache-1.3/pickle.sqlite",
            "sqlitedict",
            &["--accept-loss"],
            0,
        ),
        // JSON that requests-cache alone makes responses of.
        ("requests-cache-1.3/json.sqlite", "diskcache", &[], 4),
        (
            "requests-cache-1.3/json.sqlite",
            "dbm-dumb",
            &["--accept-loss"],
            0,
        ),
    ] {
        let ran = run(from, kind, more);
        assert_eq!(ran.code, code, "{from} to {kind}: {}", ran.said);
    }
}
