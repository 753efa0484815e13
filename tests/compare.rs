//! Comparing two stores and measuring what if, on stores that Python's own libraries wrote.

mod values;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cachescope_core::model::{Cancel, Progress};
use cachescope_core::ops::Control;
use cachescope_core::stores::{Store, open_all};
use cachescope_core::write::{Leftovers, TARGETS, bench};
use tempfile::TempDir;

use crate::support::program;
use crate::support::python::Python;

/// A shelf, and a diskcache with three of its entries changed, one missing and one more.
const STORES: &str = r#"
import dbm.dumb, shelve, sys, diskcache, os
values = {f"key {n}": {"n": n, "text": "x" * n} for n in range(50)}
with shelve.Shelf(dbm.dumb.open(os.path.join(sys.argv[1], "shelf"), "n"), protocol=2) as shelf:
    shelf.update(values)
with diskcache.Cache(os.path.join(sys.argv[1], "cache")) as cache:
    for key, value in reversed(list(values.items())):
        cache[key] = {"text": value["text"], "n": value["n"]}
    for n in (1, 2, 3):
        cache[f"key {n}"] = {"n": -n, "text": "x" * n}
    del cache["key 4"]
    cache["new"] = 1
"#;

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("the folder is listed");
    let names = entries.map(|entry| entry.expect("a name").file_name());
    let mut names: Vec<String> = names
        .map(|name| name.to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

#[test]
fn keys_of_two_kinds_of_store_are_told_apart_by_their_values() {
    let Some(python) = Python::env("writers") else {
        return;
    };
    let temp = TempDir::new().expect("a temporary folder");
    python.run(STORES, [temp.path()]);
    let (shelf, cache) = (temp.path().join("shelf"), temp.path().join("cache"));
    let ran = program::run(["compare".as_ref(), shelf.as_os_str(), cache.as_os_str()]);
    assert_eq!(ran.code, 0, "{}", ran.said);
    let kinds: Vec<_> = ran
        .of_type("stats")
        .map(|line| line["kind"].clone())
        .collect();
    assert_eq!(kinds, ["dbm-dumb", "diskcache"]);
    let sides: BTreeMap<String, String> = ran
        .of_type("diff")
        .map(|line| {
            let text = |member: &str| line[member].as_str().unwrap_or_default().to_owned();
            (text("key"), text("side"))
        })
        .collect();
    assert_eq!(sides.len(), 51);
    for (key, side) in &sides {
        let expected = match key.as_str() {
            "key 1" | "key 2" | "key 3" => "different",
            "key 4" => "left",
            "new" => "right",
            _ => "same",
        };
        assert_eq!(side, expected, "{key}");
    }
}

/// Values that are the same whatever protocol wrote them, and others that only look so.
const PROTOCOLS: &str = r#"
import collections, pickle, sys
values = {
    "huge": (2**200, 2**200), "huge negative": (-2**200, -2**200), "other huge": (2**200, 2**200 + 1),
    "bytearray": (bytearray(b"x\xff"), bytearray(b"x\xff")), "empty bytearray": (bytearray(), bytearray()),
    "other bytearray": (bytearray(b"x"), bytearray(b"y")), "bytearray or bytes": (bytearray(b"x"), b"x"),
    "ordered": tuple(collections.OrderedDict(pairs) for pairs in ([("a", 1), ("b", 2)], [("b", 2), ("a", 1)])),
    "dict": ({"a": 1, "b": 2}, {"b": 2, "a": 1}), "counter": (collections.Counter("ab"), collections.Counter("ba")),
    "set": (set("abcd"), set("dcba")), "nan": (float("nan"), float("nan")), "one": (1, 1.0), "true": (1, True),
}
for side in (0, 1):
    for protocol in range(6):
        with open(f"{sys.argv[1]}/{'ab'[side]}{protocol}", "wb") as file:
            pickle.dump({key: value[side] for key, value in values.items()}, file, protocol)
print(",".join(sorted(key for key, (a, b) in values.items() if type(a) is type(b) and (a == b or a != a))))
"#;

#[test]
fn values_are_the_same_whatever_protocol_wrote_them() {
    let Some(python) = Python::env("python-3.13") else {
        return;
    };
    let temp = TempDir::new().expect("a temporary folder");
    let same = python.run(PROTOCOLS, [temp.path()]);
    for (left, right) in [
        ("a0", "b5"),
        ("a5", "b2"),
        ("a4", "b1"),
        ("a5", "b4"),
        ("a3", "b3"),
    ] {
        let (a, b) = (temp.path().join(left), temp.path().join(right));
        let ran = program::run(["compare".as_ref(), a.as_os_str(), b.as_os_str()]);
        assert_eq!(ran.code, 0, "{}", ran.said);
        let mut found: Vec<_> = ran
            .of_type("diff")
            .filter(|line| line["side"] == "same")
            .map(|line| line["key"].as_str().unwrap_or_default().trim_matches('\''))
            .collect();
        found.sort_unstable();
        assert_eq!(found.join(","), same.trim(), "{left} and {right}");
    }
}

#[test]
fn every_kind_is_measured_and_nothing_of_it_stays() {
    let Some(python) = Python::env("writers") else {
        return;
    };
    let temp = TempDir::new().expect("a temporary folder");
    python.run(STORES, [temp.path()]);
    // What a run that was killed would have left: a folder whose lock nobody holds.
    let left = temp.path().join(".cachescope-new-killed");
    fs::create_dir(&left).expect("a folder");
    fs::write(left.join("lock"), "").expect("a lock");
    let shelf = temp.path().join("shelf");
    let ran = program::run([
        "bench".as_ref(),
        shelf.as_os_str(),
        "--reads".as_ref(),
        "20".as_ref(),
    ]);
    assert_eq!(ran.code, 0, "{}", ran.said);
    let lines: Vec<_> = ran.of_type("measure").collect();
    assert_eq!(lines.len(), TARGETS.len());
    for line in lines {
        assert!(line["refused"].is_null(), "{line}");
        assert_eq!(line["entries"], 50, "{line}");
        for member in [
            "bytes",
            "disk_bytes",
            "files",
            "write_s",
            "read_p50_us",
            "read_p99_us",
            "list_s",
        ] {
            assert!(
                line[member].as_f64().is_some_and(|value| value > 0.0),
                "{member}: {line}"
            );
        }
    }
    let advice = ran.of_type("summary").next().expect("a summary")["advice"].clone();
    assert!(
        advice
            .as_str()
            .is_some_and(|advice| advice.contains("all 50 entries")),
        "{advice}"
    );
    let before: Vec<String> = ["cache", "shelf.bak", "shelf.dat", "shelf.dir"]
        .map(str::to_owned)
        .to_vec();
    assert_eq!(names(temp.path()), before);

    let sampled = program::run([
        "bench".as_ref(),
        shelf.as_os_str(),
        "--sample".as_ref(),
        "10".as_ref(),
        "--in-folders".as_ref(),
        "4".as_ref(),
        "--kinds".as_ref(),
        "dbm-gnu,joblib".as_ref(),
    ]);
    // joblib in four forms, each of a folder for each entry.
    for line in sampled.of_type("measure") {
        let (entries, of) = match line["kind"].as_str() {
            Some("joblib") => (4, serde_json::json!(10)),
            _ => (10, serde_json::Value::Null),
        };
        assert_eq!(line["entries"], entries, "{line}");
        assert_eq!(line["sampled_from"], of, "{line}");
    }
    assert_eq!(sampled.of_type("measure").count(), 5);
    let one = ["--kinds", "diskcache", "--reads", "2"].map(AsRef::as_ref);
    let one = program::run([&["bench".as_ref(), shelf.as_os_str()], &one[..]].concat());
    let summary = one.of_type("summary").next().expect("a summary");
    let advice = summary["advice"].as_str().expect("advice");
    assert!(advice.contains("nothing to compare"), "{advice}");
    for option in ["--sample", "--rounds", "--reads", "--in-folders"] {
        let none = [
            "bench".as_ref(),
            shelf.as_os_str(),
            option.as_ref(),
            "0".as_ref(),
        ];
        assert_eq!(program::run(none).code, 2, "{option}");
    }
    // pickle.dumps({(1, 2): 3}): what no table can have was not measured, which is not nothing.
    let tuple = temp.path().join("tuple");
    fs::write(&tuple, b"\x80\x04}K\x01K\x02\x86K\x03s.").expect("a pickle");
    let refused = program::run([
        "bench".as_ref(),
        tuple.as_os_str(),
        "--kinds".as_ref(),
        "sqlite".as_ref(),
    ]);
    let line = refused.of_type("measure").next().expect("a line");
    assert!(line["refused"].is_string(), "{line}");
    for member in ["entries", "bytes", "disk_bytes", "files", "write_s"] {
        assert!(line[member].is_null(), "{member}: {line}");
    }
}

/// A diskcache whose first key nobody can look for, one without it, and an empty dict.
const NAMELESS: &str = r#"
import sys, diskcache, pickle
for name, keys in {"nan": [float("nan"), "a"], "plain": ["a", "b"]}.items():
    with diskcache.Cache(f"{sys.argv[1]}/{name}") as cache:
        for key in keys:
            cache[key] = 1
pickle.dump({}, open(f"{sys.argv[1]}/empty", "wb"))
"#;

#[test]
fn a_key_that_cannot_be_read_hides_no_other_and_an_empty_dict_has_none() {
    let Some(python) = Python::env("writers") else {
        return;
    };
    let temp = TempDir::new().expect("a temporary folder");
    python.run(NAMELESS, [temp.path()]);
    let sides = |left: &str, right: &str, more: &[&str]| {
        let (a, b) = (temp.path().join(left), temp.path().join(right));
        let mut words = vec!["compare".as_ref(), a.as_os_str(), b.as_os_str()];
        words.extend(more.iter().map(AsRef::<std::ffi::OsStr>::as_ref));
        let ran = program::run(words);
        assert_eq!(ran.code, 0, "{left} and {right}: {}", ran.said);
        let told = ran.of_type("diff").map(|line| {
            let side = line["side"].as_str().unwrap_or_default().to_owned();
            let is_nameless = line["reason"]
                .as_str()
                .is_some_and(|why| why.contains("key"));
            side + if is_nameless { " nameless" } else { "" }
        });
        let mut told: Vec<String> = told.collect();
        told.sort();
        told
    };
    assert_eq!(
        sides("nan", "plain", &[]),
        ["left nameless", "right", "same"]
    );
    assert_eq!(
        sides("plain", "nan", &[]),
        ["left", "right nameless", "same"]
    );
    assert_eq!(sides("plain", "nan", &["--query", "key:b"]), ["left"]);
    assert_eq!(sides("empty", "plain", &[]), ["right", "right"]);
    assert_eq!(sides("plain", "empty", &[]), ["left", "left"]);
    let run = |words: &[&str], more: &[&str]| {
        let (nan, new) = (temp.path().join("nan"), temp.path().join("new"));
        let mut all = vec![std::ffi::OsStr::new(words[0]), nan.as_os_str()];
        if words[0] == "convert" {
            all.push(new.as_os_str());
        }
        all.extend(more.iter().map(AsRef::<std::ffi::OsStr>::as_ref));
        program::run(all)
    };
    assert_eq!(run(&["convert"], &["--to", "pickle"]).code, 4);
    let done = run(&["convert"], &["--to", "pickle", "--accept-loss"]);
    assert_eq!(done.code, 0, "{}", done.said);
    let measured = run(&["bench"], &["--kinds", "sqlite", "--reads", "2"]);
    assert_eq!(measured.code, 0, "{}", measured.said);
    let summary = measured.of_type("summary").next().expect("a summary");
    assert_eq!(
        (&summary["entries"], &summary["unreadable"]),
        (&1.into(), &1.into())
    );
}

#[test]
fn measuring_stops_when_it_is_told_to_and_leaves_nothing() {
    let Some(python) = Python::env("writers") else {
        return;
    };
    let temp = TempDir::new().expect("a temporary folder");
    python.run(STORES, [temp.path()]);
    let before = names(temp.path());
    let found = open_all(&temp.path().join("shelf")).expect("a shelf");
    let (cancel, progress) = (Cancel::default(), Arc::new(Progress::default()));
    let (stop, seen) = (cancel.clone(), Arc::clone(&progress));
    let stopping = std::thread::spawn(move || {
        let deadline = Instant::now() + Duration::from_mins(2);
        while seen.done() < 60 && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(1));
        }
        stop.cancel();
        seen.done()
    });
    let store = Store::open(&found[0]).expect("it opens");
    let options = bench::Options {
        rounds: 1000,
        ..bench::Options::default()
    };
    let control = Control {
        cancel: &cancel,
        progress: &progress,
    };
    let mut leftovers = Leftovers::default();
    let stopped = bench::bench(&store, &options, &mut leftovers, control);
    let error = stopped.expect_err("it was told to stop");
    let done = stopping.join().expect("the thread that stops it ends");
    assert!(done >= 60, "it was at work: {done} steps");
    assert!(error.is_cancelled(), "{error}");
    let removed = leftovers.remove(&Cancel::default(), &progress);
    removed.expect("what was written is removed");
    assert_eq!(names(temp.path()), before);
}
