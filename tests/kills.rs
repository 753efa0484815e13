//! The built program killed at each call that changes the disk: every entry is whole or gone, and one command repairs.
//!
//! `strace` ends it before the call is carried out; skipped, with the reason, where that cannot be.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use cachescope_core::clear::{self, How, Plan, QUARANTINE, undo};
use cachescope_core::model::{Cancel, Progress, Snapshot};
use cachescope_core::stores::{Store, open_all};
use tempfile::TempDir;

use crate::support::fixtures;
use crate::support::program;
use crate::support::strace;
use crate::support::work;

/// Kills at one call by one command; where there are more such calls they are picked evenly.
///
/// `KILLS=all` kills at each of them, which takes an hour; `KILL_CASE=dumb` takes one store only.
const KILLS: usize = 4;

/// A store, and what is cleared of it: a handful of entries.
struct Case {
    fixture: &'static str,
    choice: &'static [&'static str],
    /// With every second entry gone there is dead space.
    can_compact: bool,
}

const CASES: [Case; 6] = [
    Case {
        fixture: "joblib/1.6.0",
        choice: &["--query", "group:plain*"],
        can_compact: false,
    },
    Case {
        fixture: "shelve/dumb-3.13/shelf",
        choice: &["--all"],
        can_compact: true,
    },
    Case {
        fixture: "shelve/gnu/shelf",
        choice: &["--all"],
        can_compact: true,
    },
    Case {
        fixture: "shelve/sqlite3-3.13/shelf",
        choice: &["--all"],
        can_compact: true,
    },
    Case {
        fixture: "sqlite/sqlitedict-2.1/two-tables.sqlite",
        choice: &["--all"],
        can_compact: false,
    },
    Case {
        fixture: "sqlite/diskcache-5.6",
        choice: &["--larger-than", "1k"],
        can_compact: true,
    },
];

/// Stored bytes of each entry, by group and key.
type Entries = BTreeMap<(Vec<u8>, Vec<u8>), Vec<u8>>;

struct Bench {
    temp: TempDir,
    path: PathBuf,
}

impl Bench {
    fn new(case: &Case) -> Self {
        let all = fixtures::all();
        let fixture = all.iter().find(|f| f.opened().ends_with(case.fixture));
        let (temp, path) = fixture.expect("the fixture").copy();
        Self { temp, path }
    }

    fn words(&self, command: &str, choice: &[&str]) -> Vec<String> {
        let state = self.temp.path().join("state");
        let mut words = vec![command.to_owned(), text(&self.path)];
        words.extend(choice.iter().map(|word| (*word).to_owned()));
        words.extend(["--json".to_owned(), "--state-dir".to_owned(), text(&state)]);
        words
    }

    /// Where strace writes.
    fn log(&self) -> PathBuf {
        self.temp.path().join("calls")
    }

    /// Every entry and the bytes of its value.
    fn entries(&self) -> Entries {
        let mut entries = Entries::new();
        let Ok(stores) = open_all(&self.path) else {
            return entries;
        };
        for info in stores {
            let store = Store::open(&info).expect("it opens");
            let snapshot = Snapshot::read(&store, &Cancel::default(), &Progress::default());
            for (_, record) in snapshot.expect("it is read").records() {
                if record.role != cachescope_core::model::Role::Entry {
                    continue;
                }
                let key = record.entry_key();
                // An entry whose computation crashed has none.
                let mut bytes = b"no value".to_vec();
                if let Ok(reader) = store.open_value(&key) {
                    bytes = vec![0; usize::try_from(reader.bytes.len()).expect("it is small")];
                    let read = reader.bytes.read_full_at(0, &mut bytes);
                    read.expect("its value is read");
                }
                entries.insert((key.group.to_vec(), key.key.to_vec()), bytes);
            }
        }
        entries
    }

    /// One command: all that is held comes back.
    fn undo(&self) {
        let paths = [self.path.clone()];
        for held in undo::list(&paths, None) {
            let restored = undo::restore(
                &held,
                &Cancel::default(),
                &Progress::default(),
                &mut |_, _| {},
            );
            restored.expect("it is brought back");
        }
        undo::tidy(&paths, None, &Cancel::default()).expect("it is tidied up");
    }

    /// Bytes of the store's files.
    fn bytes(&self) -> u64 {
        let files = std::fs::read_dir(self.path.parent().expect("a folder")).expect("it is listed");
        let files = files.map(|file| file.expect("it is listed"));
        let own = files.filter(|file| file.file_name() != "calls");
        // A store may be a folder of its own.
        let inner = std::fs::read_dir(&self.path)
            .into_iter()
            .flatten()
            .flatten();
        let is_file = |meta: &std::fs::Metadata| meta.is_file();
        let metas = own.chain(inner).filter_map(|file| file.metadata().ok());
        metas.filter(is_file).map(|meta| meta.len()).sum()
    }

    fn is_tidy(&self) -> bool {
        !self.temp.path().join(QUARANTINE).exists()
    }
}

fn text(path: &Path) -> String {
    path.to_str().expect("a test's path is text").to_owned()
}

/// A command that is killed.
struct Run<'c> {
    command: &'static str,
    options: Vec<&'c str>,
    first: First,
    then: Then,
}

/// What is done before.
#[derive(Clone, Copy, PartialEq)]
enum First {
    Nothing,
    /// Entries are cleared, so that there is something to bring back.
    Clear,
    /// Every second entry is freed, so that there is dead space.
    Thin,
}

/// What one command must make of what a kill left behind.
#[derive(Clone, Copy)]
enum Then {
    /// All entries are back.
    AllBack,
    /// Each that is there is whole.
    Whole,
    /// All of them are back, or none.
    AllOrNone,
    /// Compacting again is done.
    Compacted,
}

impl Case {
    fn runs(&self) -> Vec<Run<'_>> {
        let run = |command, options: &[&'static str], first, then| Run {
            command,
            options: options.to_vec(),
            first,
            then,
        };
        let chosen = |more: &[&'static str]| [self.choice, more].concat();
        let mut runs = vec![
            run("clear", &chosen(&["--yes"]), First::Nothing, Then::AllBack),
            run(
                "clear",
                &chosen(&["--yes", "--permanent"]),
                First::Nothing,
                Then::Whole,
            ),
            run("undo", &["--last"], First::Clear, Then::AllBack),
            run("purge", &["--yes"], First::Clear, Then::AllOrNone),
        ];
        if self.can_compact {
            runs.push(run("compact", &COMPACT, First::Thin, Then::Compacted));
        }
        runs
    }
}

const COMPACT: [&str; 2] = ["--yes", "--no-program-uses-it"];

/// Kills a command at each of its calls, and judges what is left each time; how many kills that were.
fn killed(case: &Case, run: &Run<'_>, whole: &Entries) -> usize {
    let prepared = || {
        let bench = Bench::new(case);
        match run.first {
            First::Nothing => {}
            First::Clear => clear_chosen(&bench, case),
            First::Thin => thin(&bench),
        }
        bench
    };
    let bench = prepared();
    let thinned = (run.first == First::Thin).then(|| bench.entries());
    let (before, n_bytes) = (thinned.as_ref().unwrap_or(whole), bench.bytes());
    let calls = strace::calls(&bench.words(run.command, &run.options), &bench.log());
    run.assert_done(&bench, before, n_bytes);
    let mut n_kills = 0;
    for (call, n_calls) in calls {
        let step = n_calls.div_ceil(strace::kills(KILLS));
        for n in (1..=n_calls).step_by(step) {
            let bench = prepared();
            let words = bench.words(run.command, &run.options);
            strace::run_killed(&words, &bench.log(), &call, n);
            let at = format!("{}: {} killed at {call} {n}", case.fixture, run.command);
            run.then.judge(&bench, before, &at);
            n_kills += 1;
        }
    }
    n_kills
}

impl Run<'_> {
    /// Where nothing kills it, it does what it is for; the store had `n_bytes` before.
    fn assert_done(&self, bench: &Bench, before: &Entries, n_bytes: u64) {
        let left = bench.entries();
        let is_done = match self.then {
            Then::AllBack if self.first == First::Clear => left == *before,
            Then::AllOrNone => left.len() < before.len() && bench.is_tidy(),
            Then::AllBack | Then::Whole => left.len() < before.len(),
            Then::Compacted => left == *before && bench.bytes() < n_bytes,
        };
        let n = (left.len(), before.len());
        assert!(is_done, "{} {:?}: {n:?}", self.command, self.options);
    }
}

impl Then {
    fn judge(self, bench: &Bench, before: &Entries, at: &str) {
        let left = bench.entries();
        assert_whole(&left, before, at);
        match self {
            Self::AllBack => {
                bench.undo();
                assert_eq!(&bench.entries(), before, "{at}");
            }
            Self::Whole => {
                bench.undo();
                assert_whole(&bench.entries(), before, at);
            }
            Self::AllOrNone => {
                bench.undo();
                // Before the shelf was doomed all of it comes back, after that nothing.
                let now = bench.entries();
                assert!(now == *before || now == left, "{at}");
            }
            Self::Compacted => {
                assert_eq!(&left, before, "{at}");
                let again = program::say(bench.words("compact", &COMPACT));
                assert_eq!(again.code, 0, "{at}: {}", again.stderr);
                assert_eq!(&bench.entries(), before, "{at}");
            }
        }
        assert!(bench.is_tidy(), "{at}");
    }
}

/// Each entry is as it was, or not there.
fn assert_whole(now: &Entries, before: &Entries, at: &str) {
    for (key, value) in now {
        assert_eq!(Some(value), before.get(key), "{at}: {key:?}");
    }
}

fn clear_chosen(bench: &Bench, case: &Case) {
    let mut words = bench.words("clear", case.choice);
    words.push("--yes".to_owned());
    let cleared = program::say(words);
    assert_eq!(cleared.code, 0, "{}", cleared.stderr);
}

fn thin(bench: &Bench) {
    for info in open_all(&bench.path).expect("it is a store") {
        let (cancel, progress) = (Cancel::default(), Progress::default());
        let store = Store::open(&info).expect("it opens");
        let snapshot = Snapshot::read(&store, &cancel, &progress).expect("it is read");
        let records = snapshot.records().map(|(_, record)| record);
        let plan = Plan::new(&store, records.step_by(2)).expect("a plan is made");
        let freed = clear::apply(&plan, How::Free, None, &cancel, &progress, &mut |_, _| {});
        assert!(freed.expect("it is applied").removed > 0);
    }
}

fn try_case(case: &Case) -> usize {
    let before = Bench::new(case).entries();
    assert!(!before.is_empty(), "{}", case.fixture);
    let mut n_kills = 0;
    for run in case.runs() {
        let n = killed(case, &run, &before);
        let options = run.options.join(" ");
        eprintln!("{}: {} {options}: {n} kills", case.fixture, run.command);
        n_kills += n;
    }
    n_kills
}

#[test]
fn a_kill_at_any_call_leaves_each_entry_whole_or_gone_and_one_command_repairs() {
    if !strace::can_trace() {
        return;
    }
    let only = std::env::var("KILL_CASE").unwrap_or_default();
    let cases: Vec<&Case> = CASES
        .iter()
        .filter(|case| case.fixture.contains(&only))
        .collect();
    work::at_once(
        &cases,
        |case| case.fixture.to_owned(),
        |case| {
            let n_kills = try_case(case);
            assert!(n_kills > 30, "{}: {n_kills}", case.fixture);
        },
    );
}
