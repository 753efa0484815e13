//! Two Cachescopes at one store at the same time: nothing is lost, nothing is held twice, and each gives one clear answer.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use cachescope_core::clear::QUARANTINE;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::fixtures;
use crate::support::program::{self, Ran};

/// One store of each way of clearing: folders, rows with and without files, keys of each container.
const STORES: [&str; 6] = [
    "joblib/1.6.0",
    "sqlite/diskcache-5.6",
    "sqlite/sqlitedict-2.1/two-tables.sqlite",
    "shelve/dumb-3.13/shelf",
    "shelve/gnu/shelf",
    "shelve/ndbm/shelf",
];
/// Rounds for each store, one by default; each meets at other places.
fn rounds() -> std::ops::Range<usize> {
    let n = std::env::var("ROUNDS").map_or(1, |n| n.parse().expect("ROUNDS is a number"));
    0..n
}

struct Bench {
    temp: TempDir,
    path: PathBuf,
}

/// Key and stored bytes of each entry, by its group.
type Entries = BTreeMap<(String, String), u64>;

impl Bench {
    fn new(fixture: &str) -> Self {
        let all = fixtures::all();
        let made = all.iter().find(|f| f.opened().ends_with(fixture));
        let (temp, path) = made.expect("the fixture").copy();
        Self { temp, path }
    }

    fn words(&self, words: &[&str]) -> Vec<String> {
        let (command, more) = words.split_first().expect("a command");
        let state = self.temp.path().join("state");
        let mut all = vec![(*command).to_owned(), text(&self.path)];
        all.extend(more.iter().map(|word| (*word).to_owned()));
        all.extend(["--state-dir".to_owned(), text(&state)]);
        all
    }

    fn run(&self, words: &[&str]) -> Ran {
        program::run(self.words(words))
    }

    /// Runs two commands at once.
    fn both(&self, one: &[&str], other: &[&str]) -> [Ran; 2] {
        let started = [one, other].map(|words| program::start(self.words(words)));
        started.map(program::end)
    }

    fn entries(&self) -> Entries {
        let listed = self.run(&["ls"]);
        let name = |line: &Value, member| line[member].as_str().unwrap_or_default().to_owned();
        let entries = listed.of_type("entry");
        entries
            .map(|line| {
                let key = (name(line, "group"), name(line, "key"));
                (key, line["bytes"].as_u64().unwrap_or_default())
            })
            .collect()
    }

    /// Brings everything back, and looks that nothing of ours stays.
    fn undo_all(&self, at: &str) {
        let held = || self.run(&["undo"]).of_type("undo").count();
        let mut n = held();
        while n > 0 {
            let undone = self.run(&["undo", "--last"]);
            assert_eq!(undone.code, 0, "{at}: {} {:?}", undone.said, undone.lines);
            let left = held();
            assert!(left < n, "{at}: {left} of {n} are still held");
            n = left;
        }
        let place = self.path.parent().expect("it lies in a folder");
        assert!(!place.join(QUARANTINE).exists(), "{at}");
    }
}

fn text(path: &Path) -> String {
    path.to_str().expect("a test's path is text").to_owned()
}

fn outcomes(ran: &Ran, outcome: &str) -> usize {
    ran.outcomes("removal", outcome) + ran.outcomes("restore", outcome)
}

fn clear(ran: &Ran, at: &str) -> usize {
    assert!(
        [0, 1, 4].contains(&ran.code),
        "{at}: {} {}",
        ran.code,
        ran.said
    );
    assert_eq!(outcomes(ran, "failed"), 0, "{at}: {:?}", ran.lines);
    for line in ran.of_type("removal") {
        let is_told = line["reason"].is_string();
        assert_eq!(is_told, line["outcome"] != "removed", "{at}: {line}");
    }
    // The other one has the file open, as any program might, or has emptied the store already.
    let is_refused = ran.of_type("removal").next().is_none() && ran.code != 0;
    assert!(
        !is_refused || ran.code == 4 && ran.said.contains("error: "),
        "{at}: {}",
        ran.said
    );
    outcomes(ran, "removed")
}

/// Clears with nobody else at work; how many entries went.
fn clear_alone(bench: &Bench, choice: &[&str], at: &str) -> usize {
    let n_gone = clear(&bench.run(&[&["clear", "--yes"], choice].concat()), at);
    assert!(n_gone > 0, "{at}: nothing went");
    n_gone
}

#[test]
fn two_clears_take_each_entry_once_and_undo_brings_all_back() {
    for fixture in STORES {
        for round in rounds() {
            let bench = Bench::new(fixture);
            let before = bench.entries();
            let at = format!("{fixture}, round {round}");
            let all = ["clear", "--all", "--yes"];
            let [one, other] = bench.both(&all, &all).map(|ran| clear(&ran, &at));
            let n_left = bench.entries().len();
            assert_eq!(
                one + other + n_left,
                before.len(),
                "{at}: {one} and {other}"
            );
            // Of an ndbm file each may have found the other at it, and left it alone.
            let rest = clear(&bench.run(&all), &at);
            assert!(one + other + rest > 0, "{at}: nothing went");
            assert_eq!(rest + bench.entries().len(), n_left, "{at}");
            bench.undo_all(&at);
            assert_eq!(bench.entries(), before, "{at}");
        }
    }
}

#[test]
fn two_undos_bring_each_entry_back_once() {
    for fixture in STORES {
        let bench = Bench::new(fixture);
        let before = bench.entries();
        for round in rounds() {
            let at = format!("{fixture}, round {round}");
            let n_gone = clear_alone(&bench, &["--all"], &at);
            let undo = ["undo", "--last"];
            let mut n_back = 0;
            for ran in bench.both(&undo, &undo) {
                // The other one has it, or had it: one of the two says so.
                assert!([0, 1, 2, 3, 4].contains(&ran.code), "{at}: {}", ran.said);
                assert_eq!(outcomes(&ran, "failed"), 0, "{at}: {:?}", ran.lines);
                n_back += outcomes(&ran, "restored");
            }
            assert_eq!(n_back, n_gone, "{at}");
            bench.undo_all(&at);
            assert_eq!(bench.entries(), before, "{at}");
        }
    }
}

#[test]
fn an_undo_and_a_purge_give_all_of_it_back_or_none() {
    for fixture in STORES {
        for round in rounds() {
            let bench = Bench::new(fixture);
            let before = bench.entries();
            let at = format!("{fixture}, round {round}");
            clear_alone(&bench, &["--all"], &at);
            let left = bench.entries();
            let [undo, purge] = bench.both(&["undo", "--last"], &["purge", "--yes"]);
            for ran in [&undo, &purge] {
                assert!([0, 1, 2, 3, 4].contains(&ran.code), "{at}: {}", ran.said);
            }
            bench.undo_all(&at);
            let now = bench.entries();
            assert!(
                now == before || now == left,
                "{at}: {} {}",
                undo.said,
                purge.said
            );
            if now == before {
                assert_eq!(undo.code, 0, "{at}: {}", undo.said);
            }
        }
    }
}

#[test]
fn a_clear_and_an_undo_of_another_meet_without_loss() {
    for fixture in STORES {
        let bench = Bench::new(fixture);
        let before = bench.entries();
        for round in rounds() {
            let at = format!("{fixture}, round {round}");
            clear_alone(&bench, &["--larger-than", "30"], &at);
            let [cleared, undone] = bench.both(&["clear", "--all", "--yes"], &["undo", "--last"]);
            clear(&cleared, &at);
            assert!(
                [0, 1, 2, 3, 4].contains(&undone.code),
                "{at}: {}",
                undone.said
            );
            bench.undo_all(&at);
            assert_eq!(bench.entries(), before, "{at}");
        }
    }
}
