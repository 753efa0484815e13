//! `convert` and `bench` ended in the middle, by a kill or by Ctrl+C: no half-made store, and nothing that stays.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use cachescope_core::model::{Cancel, Progress, Snapshot};
use cachescope_core::stores::{Store, open_all};
use tempfile::TempDir;

use crate::support::{fixtures, program, strace};

/// Kills at one call, see [`strace::kills`].
const KILLS: usize = 2;
/// Longer than anything here takes on a busy machine.
const DEADLINE: Duration = Duration::from_mins(3);

/// A folder with a shelf of real Python's in it, and nothing else.
struct Place {
    /// Holds the folder for as long as it is used.
    _temp: TempDir,
    log: TempDir,
    shelf: PathBuf,
}

impl Place {
    fn new() -> Self {
        let all = fixtures::all();
        let shelf = |f: &&fixtures::Fixture| f.opened().ends_with("shelve/dumb-3.13/shelf");
        let (temp, shelf) = all.iter().find(shelf).expect("the fixture").copy();
        let log = TempDir::new().expect("a temporary folder");
        let place = Self {
            _temp: temp,
            log,
            shelf,
        };
        for name in place.others() {
            fs::remove_file(place.folder().join(name)).expect("a copy is removed");
        }
        place
    }

    fn new_store(&self) -> PathBuf {
        self.shelf.with_file_name("new")
    }

    fn words(&self, command: &str, options: &[&str]) -> Vec<String> {
        let text = |path: &Path| path.to_str().expect("a test's path is text").to_owned();
        let state = text(&self.log.path().join("state"));
        let mut words = vec![command.to_owned(), text(&self.shelf)];
        if command == "convert" {
            words.push(text(&self.new_store()));
        }
        words.extend(options.iter().map(|word| (*word).to_owned()));
        words.extend(["--json".to_owned(), "--state-dir".to_owned(), state]);
        words
    }

    /// The folder that the shelf lies in.
    fn folder(&self) -> &Path {
        self.shelf.parent().expect("a folder")
    }

    /// What lies in that folder beside the shelf.
    fn others(&self) -> Vec<String> {
        let list = fs::read_dir(self.folder()).expect("the folder is listed");
        let names = list.map(|name| name.expect("a name").file_name());
        let names = names.map(|name| name.to_string_lossy().into_owned());
        let mut names: Vec<String> = names.filter(|name| !name.starts_with("shelf.")).collect();
        names.sort();
        names
    }
}

/// How many entries the store at `path` has; `None` where there is none.
fn entries(path: &Path) -> Option<u64> {
    let info = open_all(path).ok()?.pop()?;
    let store = Store::open(&info).expect("it opens");
    let snapshot = Snapshot::read(&store, &Cancel::default(), &Progress::default());
    Some(snapshot.expect("it is read").totals.entries)
}

/// Kills a command at each of its calls and runs it again; how many kills that were.
fn killed(command: &str, options: &[&str]) -> usize {
    let place = Place::new();
    let n_entries = entries(&place.shelf).expect("the fixture is a store");
    let is_convert = command == "convert";
    let calls = strace::calls(
        &place.words(command, options),
        &place.log.path().join("calls"),
    );
    let expected = place.others();
    assert_eq!(is_convert, !expected.is_empty(), "{command} {options:?}");
    let mut n_kills = 0;
    for (call, n_calls) in calls {
        let step = n_calls.div_ceil(strace::kills(KILLS));
        for n in (1..=n_calls).step_by(step) {
            let place = Place::new();
            let log = place.log.path().join("calls");
            strace::run_killed(&place.words(command, options), &log, &call, n);
            let at = format!(
                "{command} {options:?} killed at {call} {n}: {:?}",
                place.others()
            );
            // What has the name is whole, and no store is found in what is left of our own folder.
            let made = entries(&place.new_store());
            assert!(made.is_none_or(|n| n == n_entries), "{at}");
            let found = open_all(place.folder()).map_or(0, |found| found.len());
            assert_eq!(found, 1 + usize::from(made.is_some()), "{at}");
            // The store that was whole already is not written over; half a shelf, which its copy makes readable, is.
            let others = place.others();
            let is_there = is_convert && expected.iter().all(|name| others.contains(name));
            let expected_code = if is_there { 4 } else { 0 };
            let again = program::say(place.words(command, options));
            assert_eq!(again.code, expected_code, "{at}: {}", again.stderr);
            assert_eq!(place.others(), expected, "{at}");
            if is_convert {
                assert_eq!(entries(&place.new_store()), Some(n_entries), "{at}");
            }
            n_kills += 1;
        }
    }
    n_kills
}

#[test]
fn a_kill_at_any_call_leaves_no_half_made_store_and_the_next_run_cleans_up() {
    if !strace::can_trace() {
        return;
    }
    let runs = [
        ("convert", "--to dbm-dumb"),
        ("convert", "--to diskcache"),
        ("bench", "--kinds dbm-dumb,joblib --rounds 1 --reads 3"),
    ];
    std::thread::scope(|scope| {
        for (command, options) in runs {
            std::thread::Builder::new()
                .name(format!("{command} {options}"))
                .spawn_scoped(scope, move || {
                    let options: Vec<&str> = options.split(' ').collect();
                    let n_kills = killed(command, &options);
                    eprintln!("{command} {options:?}: {n_kills} kills");
                    assert!(n_kills >= 6, "{command} {options:?}: {n_kills}");
                })
                .expect("a thread starts");
        }
    });
}

/// A pickled dict of so many short texts, as `pickle.dumps(d, 4)` has it without its memo.
fn many(n: u32) -> Vec<u8> {
    let mut pickle = b"\x80\x04}(".to_vec();
    for key in 0..n {
        let key = format!("{key:06}");
        pickle.extend([0x8c, 6]);
        pickle.extend(key.bytes());
        pickle.extend(b"\x8c\x05value");
    }
    pickle.extend(b"u.");
    pickle
}

#[test]
fn ctrl_c_ends_both_at_once_and_leaves_nothing() {
    for (command, options) in [("convert", &["--to", "dbm-dumb"][..]), ("bench", &[])] {
        let mut place = Place::new();
        place.shelf = place.shelf.with_file_name("shelf.pickle");
        fs::write(&place.shelf, many(20_000)).expect("a file is written");
        let mut child = program::program()
            .args(place.words(command, options))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        // At work: its own folder holds more than its lock.
        let started = Instant::now();
        let is_at_work = || {
            let name = place.others().into_iter().next()?;
            let list = fs::read_dir(place.folder().join(name)).ok()?;
            Some(list.count() > 1)
        };
        while is_at_work() != Some(true) {
            assert!(
                started.elapsed() < DEADLINE,
                "{command} {options:?} does nothing"
            );
            assert!(
                child.try_wait().expect("its state").is_none(),
                "{command} {options:?}"
            );
            std::thread::yield_now();
        }
        let pid = child.id().to_string();
        let sent = Command::new("kill").args(["-INT", &pid]).status();
        assert!(sent.expect("kill runs").success());
        let ran = program::end(child);
        assert_eq!(ran.code, 3, "{command} {options:?}: {}", ran.said);
        assert!(ran.said.contains("Cancelled"), "{}", ran.said);
        assert_eq!(ran.lines.len(), 0, "{command} {options:?}: {:?}", ran.lines);
        assert_eq!(
            place.others(),
            Vec::<String>::new(),
            "{command} {options:?}"
        );
    }
}
