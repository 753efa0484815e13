//! Python that Cachescope prints for an entry, run by the real Python with the real library: it loads exactly that entry.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::fixtures::{self, Fixture, Reported};
use crate::support::program;
use crate::support::python::Python;

/// Runs snippets, and compares values with what the manifest says of them.
const RUN: &str = include_str!("scripts/snippets.py");

/// Heads of fixtures' paths, and the environment whose libraries load them.
const ENVIRONMENTS: [(&str, &str); 22] = [
    ("joblib/1.6.0", "joblib-new"),
    ("joblib/0.9.4", "joblib-new"),
    ("joblib/1.2.0", "joblib-1.2"),
    ("joblib-dump/1.6.0", "joblib-new"),
    ("joblib-dump/1.2.0", "joblib-1.2"),
    ("pickle/2.7", "python-2.7"),
    ("pickle/3.8", "python-3.8"),
    ("pickle/3.13", "python-3.13"),
    ("marshal/2.7", "python-2.7"),
    ("marshal/3.13", "python-3.13"),
    ("pyc/2.7", "python-2.7"),
    ("pyc/3.13", "python-3.13"),
    ("shelve/dumb-3.8", "python-3.8"),
    ("shelve/dumb-3.13", "python-3.13"),
    ("shelve/sqlite3-3.13", "python-3.13"),
    // A gdbm file opens on machines of its own word size and byte order alone.
    ("shelve/gnu/", "gdbm"),
    ("shelve/ndbm", "gdbm"),
    ("sqlite/diskcache-5.6", "diskcache-5.6"),
    ("sqlite/diskcache-4.1", "diskcache-4.1"),
    ("sqlite/sqlitedict", "sqlitedict-2.1"),
    ("sqlite/requests-cache-1.3", "requests-cache-1.3"),
    ("sqlite/", "python-3.13"),
];

/// Entries of one store that are tried: each runs our program twice.
const MAX_ENTRIES: usize = 5;

#[test]
fn snippets_load_exactly_their_entry_with_the_library_that_wrote_it() {
    let all = fixtures::all();
    let mut faults = Vec::new();
    let mut n_run = 0;
    for (head, environment) in ENVIRONMENTS {
        let is_first = |f: &&Fixture| {
            let path = path_of(f);
            let of = ENVIRONMENTS.iter().find(|(head, _)| path.starts_with(head));
            of.is_some_and(|(first, _)| *first == head) && is_loaded_alone(&path)
        };
        let chosen: Vec<&Fixture> = all.iter().filter(is_first).collect();
        let Some(python) = Python::env(environment) else {
            continue;
        };
        let mut cases = Vec::new();
        let mut names = Vec::new();
        let mut copies = Vec::new();
        for fixture in chosen {
            let (temp, opened) = fixture.copy();
            for (name, case) in cases_of(fixture, &opened) {
                names.push(format!("{} {name}", path_of(fixture)));
                cases.push(case);
            }
            copies.push(temp);
        }
        let temp = TempDir::new().expect("a temporary folder");
        let file = temp.path().join("cases.json");
        fs::write(&file, json!(cases).to_string()).expect("a file of ours");
        let said = python.run(RUN, [&file]);
        let verdicts: Vec<Value> = said
            .lines()
            .map(|line| serde_json::from_str(line).expect("a line of JSON"))
            .collect();
        assert_eq!(verdicts.len(), cases.len(), "{head}: {said}");
        n_run += cases.len();
        for ((name, case), verdict) in names.iter().zip(&cases).zip(verdicts) {
            if let Some(fault) = verdict.as_str() {
                let snippet = case["snippet"].as_str().expect("text");
                faults.push(format!("{environment} {name}: {fault}\n{snippet}"));
            }
        }
    }
    assert!(
        faults.is_empty(),
        "{} of {n_run}:\n{}",
        faults.len(),
        faults.join("\n")
    );
}

/// The fixture's path below the folder of fixtures.
fn path_of(fixture: &Fixture) -> String {
    let opened = fixture.opened();
    let path = opened.to_str().expect("a path of ours");
    let (_, below) = path.split_once("tests/fixtures/").expect("below it");
    below.to_owned()
}

/// Values of other versions' classes are loaded by those versions alone, which is not what is tried here.
fn is_loaded_alone(path: &str) -> bool {
    let others = [
        "requests-cache-0",
        "aiohttp-client-cache",
        "bson",
        "hishel",
        "yaml",
        "accidents",
        "frames",
        "killed",
        "/filesystem",
        "signed-filesystem",
    ];
    !others.iter().any(|other| path.contains(other))
}

/// Snippet, literal and the library's own word on some entries of a store. Where the manifest has no word on an
/// entry, the literal alone has to be equal to what Python loads.
fn cases_of(fixture: &Fixture, opened: &Path) -> Vec<(String, Value)> {
    let base = opened.to_str().expect("a path of ours");
    let mut cases = Vec::new();
    let listed = program::run(["ls", base]);
    let text = |line: &Value, name: &str| line.get(name).and_then(Value::as_str).map(str::to_owned);
    // No argument of a program holds a NUL.
    let is_text = |line: &&Value| {
        let is_plain = text(line, "key").is_some_and(|key| !key.contains('\0'));
        is_plain && line.get("key_base64").is_none()
    };
    for line in listed.of_type("entry").filter(is_text).take(MAX_ENTRIES) {
        let (group, key) = (text(line, "group"), text(line, "key").expect("a key"));
        let is_it = |reported: &&Reported| {
            let named = text(&reported.entry, "key");
            let named = named
                .as_deref()
                .map(|key| key.rsplit("__pycache__/").next());
            named.flatten() == Some(&*key) || fixture.n_entries() == 1
        };
        let reported = fixture.entries.iter().find(is_it);
        if reported.is_some_and(|r| r.condition.is_some()) {
            continue;
        }
        let named = match &group {
            Some(group) => format!("{group}/{key}"),
            None => key.clone(),
        };
        let show = |option: &str| program::say(["show", base, option, "--", &named]);
        let snippet = show("--snippet");
        let lines = match snippet.code {
            0 => snippet.stdout,
            _ => format!("raise ValueError({:?})", snippet.stderr),
        };
        let literal = show("--literal");
        // Credentials are left out of what is shown of responses.
        let is_whole = literal.code == 0 && fixture.kind != "requests-cache";
        let literal = is_whole.then(|| literal.stdout.trim_end().to_owned());
        let value = reported.map(|r| &r.value);
        let array = value.and_then(|value| value.get("array"));
        cases.push((
            named.clone(),
            json!({
                "snippet": lines,
                "literal": literal,
                "repr": value.and_then(|value| value.get("repr")),
                "array": array.filter(|array| array.is_object()),
                "body_bytes": reported.and_then(|r| r.http.get("body_bytes")),
            }),
        ));
    }
    cases
}
