//! Policies choose what the libraries would delete: entry by entry, with the libraries as judges on the same stores.

use std::collections::{BTreeMap, BTreeSet};

use tempfile::TempDir;

use crate::support::program;
use crate::support::python::Python;

/// Runs a judge: our choice for each of its cases first, then the library's own deletion on the same store.
///
/// A judge prints `CASE STORE OPTIONS…`, then `ready`; told to go on, `CASE KEY…` with the keys that are gone.
fn check(python: &Python, judge: &str, options: &[&str], n_cases: usize) {
    let temp = TempDir::new().expect("a temporary folder");
    let root = temp.path().canonicalize().expect("it is there");
    let mut judge = python.spawn(judge, [&root]);
    let mut ours = BTreeMap::new();
    while let Some(line) = judge.line().filter(|line| line != "ready") {
        let mut words = line.split(' ');
        let case = words.next().expect("a case").to_owned();
        let words: Vec<&str> = ["clear"]
            .into_iter()
            .chain(words)
            .chain(options.iter().copied())
            .collect();
        let ran = program::run(&words);
        assert!(
            matches!(ran.code, 0 | 4),
            "{words:?}: {} {:?}",
            ran.said,
            ran.lines
        );
        let key = |line: &serde_json::Value| line["key"].as_str().expect("a key").to_owned();
        let chosen: BTreeSet<String> = ran.of_type("removal").map(key).collect();
        ours.insert(case, (chosen, words.join(" ")));
    }
    assert_eq!(ours.len(), n_cases);
    judge.send("go");
    let mut n_gone = 0;
    for line in judge.finish().lines() {
        let mut words = line.split(' ').map(str::to_owned);
        let case = words.next().expect("a case");
        let gone: BTreeSet<String> = words.collect();
        let (chosen, asked) = ours.get(&case).expect("one of our cases");
        assert_eq!(chosen, &gone, "{case}: cachescope {asked}");
        n_gone += gone.len();
    }
    assert!(
        n_gone > n_cases / 2,
        "the judge deletes something: {n_gone}"
    );
}

#[test]
fn reduce_size_chooses_what_joblib_deletes() {
    let judge = include_str!("judges/reduce_size.py");
    for version in ["joblib-1.2", "joblib-new"] {
        if let Some(python) = Python::env(version) {
            check(&python, judge, &["--policy", "joblib:reduce_size"], 24);
        }
    }
}

#[test]
fn cull_expire_and_evict_choose_what_diskcache_deletes() {
    if let Some(python) = Python::env("diskcache-5.6") {
        let judge = include_str!("judges/diskcache_policies.py");
        check(&python, judge, &[], 66);
    }
}

#[test]
fn expired_chooses_what_requests_cache_deletes() {
    if let Some(python) = Python::env("requests-cache-1.3") {
        let judge = include_str!("judges/requests_cache_expired.py");
        check(&python, judge, &[], 22);
    }
}

#[test]
fn newest_and_cheapest_choose_by_joblibs_metadata() {
    if let Some(python) = Python::env("joblib-new") {
        let judge = include_str!("judges/own_policies.py");
        check(&python, judge, &[], 44);
    }
}

/// What a policy cannot choose in, or lacks, is said; nothing is chosen instead.
#[test]
fn a_policy_out_of_place_is_refused() {
    let store = crate::support::fixtures::all()
        .into_iter()
        .find(|fixture| fixture.opened().ends_with("joblib/1.6.0"))
        .expect("a store of joblib 1.6");
    let path = store.opened();
    let path = path.to_str().expect("a path of ours");
    for (words, said) in [
        (&["--policy", "diskcache:cull"][..], "not for joblib stores"),
        (&["--tag", "a"], "not for joblib stores"),
        (
            &["--policy", "joblib:reduce_size"],
            "--to-size, --to-count or --older-than",
        ),
        (&["--policy", "lru"], "newest:N"),
        (&["--policy", "newest:x"], "no whole number"),
    ] {
        let ran = program::run(["clear", path].iter().chain(words));
        assert_eq!(ran.code, 2, "{words:?}: {}", ran.said);
        assert!(ran.said.contains(said), "{words:?}: {}", ran.said);
        assert_eq!(ran.of_type("removal").count(), 0);
    }
    let ran = program::run(["clear", path, "--policy", "newest:1"]);
    let kept = program::run(["ls", path]);
    let groups: BTreeSet<&str> = kept
        .of_type("entry")
        .filter_map(|e| e["group"].as_str())
        .collect();
    let n_timed = kept.of_type("entry").count();
    let n_chosen = ran.of_type("removal").count();
    assert_eq!(ran.code, 0, "{}", ran.said);
    assert_eq!(n_chosen, n_timed - groups.len());
}

/// joblib leaves metadata and a temporary file behind where it cannot pickle a result, and computes it at each call.
#[test]
fn an_unpicklable_result_is_no_work_in_progress() {
    let script = "import joblib, sys\n\
                  def numbers(n): return (i for i in range(n))\n\
                  joblib.Memory(sys.argv[1], verbose=0).cache(numbers)(3)\n";
    for version in ["joblib-1.2", "joblib-new"] {
        let Some(python) = Python::env(version) else {
            continue;
        };
        let temp = TempDir::new().expect("a temporary folder");
        let store = temp.path().join("cache");
        python.run(script, [&store]);
        let path = store.to_str().expect("a path of ours");
        let clear = |extra: &[&str]| {
            let words = ["clear", path, "--condition", "incomplete"];
            let ran = program::run(words.iter().chain(extra));
            let outcome = |line: &serde_json::Value| line["outcome"].as_str().map(str::to_owned);
            let outcomes: Vec<_> = ran.of_type("removal").filter_map(outcome).collect();
            (outcomes, ran)
        };
        // A moment ago a program may still have been at it: the reason says how to overrule that.
        let (outcomes, ran) = clear(&[]);
        assert_eq!(outcomes, ["skipped"], "{:?}", ran.lines);
        let reason = ran.of_type("removal").next().expect("one line")["reason"].to_string();
        assert!(reason.contains("--in-progress"), "{reason}");
        assert_eq!(clear(&["--in-progress"]).0, ["planned"]);
        // Two minutes later nobody is: the metadata was written after the temporary file.
        age(&store);
        assert_eq!(clear(&["--yes"]).0, ["removed"], "{version}");
        assert_eq!(program::run(["ls", path]).of_type("entry").count(), 0);
    }
}

/// Makes every file two minutes older.
fn age(folder: &std::path::Path) {
    for item in std::fs::read_dir(folder).expect("our own folder") {
        let path = item.expect("an item").path();
        if path.is_dir() {
            age(&path);
            continue;
        }
        let file = std::fs::File::options()
            .write(true)
            .open(&path)
            .expect("our own file");
        let then = file.metadata().and_then(|m| m.modified()).expect("a time");
        file.set_modified(then - std::time::Duration::from_mins(2))
            .expect("a new time");
    }
}
