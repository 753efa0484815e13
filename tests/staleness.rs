//! Which cached functions are stale, with joblib itself as the judge: does it compute again?

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use tempfile::TempDir;

use crate::support::program;
use crate::support::python::Python;

/// Edits of a function, told apart by name; the judge says what joblib makes of each.
const JUDGE: &str = include_str!("judges/staleness.py");

/// Edits that change no code: told from the others by the evidence.
const COSMETIC: [&str; 11] = [
    "comment_between_decorators",
    "comment_in_body",
    "comment_behind_code",
    "comment_at_the_end_of_the_body",
    "blank_line_inside",
    "spaces",
    "tabs",
    "wider_indentation",
    "into_an_if",
    "line_continued",
    "no_end_of_the_last_line",
];

fn check(version: &str) {
    let Some(python) = Python::env(version) else {
        return;
    };
    let temp = TempDir::new().expect("a temporary folder");
    let root = temp.path().canonicalize().expect("it is there");
    let mut judge = python.spawn(JUDGE, [&root]);
    let mut ours = BTreeMap::new();
    while let Some(line) = judge.line().filter(|line| line != "ready") {
        let mut words = line.split(' ').map(str::to_owned);
        let mut word = || words.next().expect("three words a line");
        let (case, store, source) = (word(), word(), word());
        ours.insert(case, condition(&store, &source));
    }
    judge.send("go");
    let judged = judge.finish();
    assert!(judged.lines().count() >= 40, "{judged}");
    for line in judged.lines() {
        let (case, verdict) = line.split_once(' ').expect("a case and a verdict");
        let expected = match verdict {
            // Its folder names the function alone there, and another one holds it unchanged.
            _ if case == "nested_gone_deeper" && version == "joblib-1.2" => "fresh",
            "kept" => "fresh",
            "computed" => "stale",
            _ => "source-gone",
        };
        let (condition, evidence) = ours.get(case).expect("one of our cases");
        assert_eq!(condition, expected, "{version}, {case}: {evidence}");
        if condition == "stale" {
            let is_cosmetic = evidence.contains("only comments or layout");
            assert_eq!(is_cosmetic, COSMETIC.contains(&case), "{case}: {evidence}");
            let collides = evidence.contains("name collision");
            assert_eq!(collides, case == "hidden_by_another", "{case}: {evidence}");
        }
    }
}

/// The one entry's condition and evidence.
fn condition(store: &str, source: &str) -> (String, String) {
    let ran = program::run(["check", store, "--all", "--source", source]);
    let entries: Vec<_> = ran.of_type("entry").collect();
    let [entry] = entries.as_slice() else {
        panic!("one entry in {store}: {:?} {}", ran.lines, ran.said);
    };
    let condition = entry["condition"].as_str().expect("a condition");
    assert_eq!(ran.code, i32::from(condition != "fresh"), "{store}");
    (condition.to_owned(), entry["evidence"].to_string())
}

#[test]
fn what_joblib_would_compute_again_is_stale() {
    for version in ["joblib-1.2", "joblib-new"] {
        check(version);
    }
}

/// A script's functions are known by its path, in which every dot begins a new folder.
#[test]
fn functions_of_scripts_are_found_by_the_recorded_path() {
    let Some(python) = Python::env("joblib-new") else {
        return;
    };
    let temp = TempDir::new().expect("a temporary folder");
    let root = temp.path().canonicalize().expect("it is there");
    let folder = root.join("my.project v1.2").join("sub-dir");
    fs::create_dir_all(&folder).expect("our own folder");
    let script = folder.join("run.py");
    let text = "import joblib, sys\nmemory = joblib.Memory(sys.argv[1], verbose=0)\n\
                @memory.cache\ndef load(x):\n    return x + 1\n\nload(1)\n";
    fs::write(&script, text).expect("the script is written");
    let store = root.join("cache");
    python.run_file(&script, [&store]);
    let path = |path: &Path| path.to_str().expect("a path of ours").to_owned();
    let judged = |source: &Path| condition(&path(&store), &path(source)).0;
    assert_eq!(judged(&root), "fresh");
    // The project was moved, or copied: the end of the path is the same.
    let moved = root.join("elsewhere");
    fs::create_dir_all(moved.join("sub-dir")).expect("our own folder");
    fs::write(moved.join("sub-dir/run.py"), text.replace("x + 1", "x - 1")).expect("written");
    assert_eq!(judged(&moved), "stale");
    // Nothing of that name below: the script still lies where it lay.
    let empty = root.join("empty");
    fs::create_dir(&empty).expect("our own folder");
    assert_eq!(judged(&empty), "fresh");
    fs::write(&script, text.replace("def load", "def read")).expect("written");
    assert_eq!(judged(&folder), "source-gone");
    fs::remove_file(&script).expect("our own file");
    assert_eq!(judged(&empty), "source-gone");
}

/// `show --source` says what changed, and prints both texts as a difference.
#[test]
fn the_difference_to_todays_code_is_shown() {
    let Some(python) = Python::env("joblib-new") else {
        return;
    };
    let temp = TempDir::new().expect("a temporary folder");
    let root = temp.path().canonicalize().expect("it is there");
    let script = root.join("run.py");
    let text = "import joblib, sys\nmemory = joblib.Memory(sys.argv[1], verbose=0)\n\
                @memory.cache\ndef load(x):\n    return x + 1\n\nload(1)\n";
    fs::write(&script, text).expect("the script is written");
    let store = root.join("cache");
    python.run_file(&script, [&store]);
    let path = |path: &Path| path.to_str().expect("a path of ours").to_owned();
    let shown = || {
        let ran = program::run(["show", &path(&store), "--source", &path(&root)]);
        let value = ran.of_type("value").next().expect("one value").clone();
        value["source"].clone()
    };
    assert_eq!(shown()["difference"], "none");
    fs::write(&script, text.replace("x + 1", "x + 1  # one more")).expect("written");
    let layout = shown();
    assert_eq!(layout["difference"], "layout", "{layout}");
    fs::write(&script, text.replace("x + 1", "x - 1")).expect("written");
    let code = shown();
    assert_eq!(
        (&code["difference"], &code["line"]),
        (&"code".into(), &3.into())
    );
    let diff = code["diff"].as_str().expect("a difference");
    assert!(
        diff.contains("\n-    return x + 1\n+    return x - 1\n"),
        "{diff}"
    );
    fs::remove_file(&script).expect("our own file");
    let gone = shown();
    assert!(gone["difference"].is_null(), "{gone}");
    assert!(
        gone["evidence"]
            .as_str()
            .is_some_and(|e| e.contains("no script"))
    );
}

/// Builtins have no source: whatever lies in the folder says nothing of them.
#[test]
fn what_has_no_source_is_never_stale() {
    let Some(python) = Python::env("joblib-new") else {
        return;
    };
    let temp = TempDir::new().expect("a temporary folder");
    let store = temp.path().join("cache");
    let script = "import joblib, operator, sys\n\
                  joblib.Memory(sys.argv[1], verbose=0).cache(operator.add)(1, 2)\n";
    python.run(script, [&store]);
    let store = store.to_str().expect("a path of ours");
    let (condition, evidence) = condition(store, temp.path().to_str().expect("a path of ours"));
    assert_eq!(condition, "fresh");
    assert!(evidence.contains("nothing to compare"), "{evidence}");
}

#[cfg(unix)]
#[test]
fn what_may_stand_where_nobody_can_look_is_not_gone() {
    use std::os::unix::fs::PermissionsExt as _;
    let all = crate::support::fixtures::all();
    let fixture = all.iter().find(|f| f.opened().ends_with("joblib/1.6.0"));
    let (temp, path) = fixture.expect("the fixture of joblib 1.6").copy();
    let source = temp.path().join("source");
    let closed = source.join("closed");
    fs::create_dir_all(&closed).expect("a folder is made");
    let Some(nobody) = program::as_nobody(temp.path()) else {
        return;
    };
    let gone = |nobody: &program::Nobody| {
        let words = ["check".as_ref(), path.as_os_str(), "--json".as_ref()];
        let more = ["--source".as_ref(), source.as_os_str()];
        let own = ["--state-dir".as_ref(), "/nonexistent".as_ref()];
        let said = nobody.run(words.into_iter().chain(more).chain(own));
        (said.stdout.matches("\"source-gone\"").count(), said)
    };
    let (n, said) = gone(&nobody);
    assert!(n > 10, "{said:?}");
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o000)).expect("our own folder");
    let (n, said) = gone(&nobody);
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o755)).expect("our own folder");
    // The summary counts each condition, those that nothing has as well.
    assert!(
        n <= 1 && said.stdout.contains("could be looked into"),
        "{said:?}"
    );
}
