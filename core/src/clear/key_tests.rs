//! Keys of dbm files cleared and brought back, refused at every single step, on files that the libraries wrote.
#![expect(
    clippy::disallowed_methods,
    reason = "the tests play the program and the person"
)]

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::SystemTime;

use super::apply::Site;
use super::disk::fault;
use super::keys::{self, For};
use super::undo;
use super::{Applied, How, Outcome, Plan, QUARANTINE, apply};
use crate::model::{Cancel, Progress, Snapshot};
use crate::stores::{Removal, Store, open_all};

const IO_ERROR: i32 = 5;

/// One file of each container, below the folder of fixtures, and its suffixes.
const FILES: [(&str, &[&str]); 3] = [
    ("gnu/numsync.gdbm", &[""]),
    ("dumb-3.13/shelf", &[".dir", ".dat", ".bak"]),
    ("ndbm/shelf.db", &[""]),
];

/// A copy of a file in a folder of its own, as if written long ago.
struct Bench {
    temp: tempfile::TempDir,
    opened: PathBuf,
}

type Content = BTreeMap<Vec<u8>, Vec<u8>>;

impl Bench {
    fn new((file, suffixes): (&str, &[&str])) -> Self {
        let temp = tempfile::tempdir().unwrap();
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/shelve");
        let name = Path::new(file).file_name().unwrap().to_str().unwrap();
        for suffix in suffixes {
            let to = temp.path().join(format!("{name}{suffix}"));
            fs::copy(from.join(format!("{file}{suffix}")), &to).unwrap();
            let copy = File::options().write(true).open(&to).unwrap();
            copy.set_modified(SystemTime::UNIX_EPOCH).unwrap();
        }
        let opened = temp.path().join(name);
        Self { temp, opened }
    }

    fn store(&self) -> Store {
        Store::open(&open_all(&self.opened).unwrap().remove(0)).unwrap()
    }

    fn plan_for_all(&self) -> Plan {
        let store = self.store();
        let snapshot = Snapshot::read(&store, &Cancel::default(), &Progress::default()).unwrap();
        Plan::new(&store, snapshot.records().map(|(_, record)| record)).unwrap()
    }

    /// Two keys, each of which is a batch of its own, because its value is said to be large.
    fn plan(&self) -> Plan {
        let mut plan = self.plan_for_all();
        plan.removals.truncate(2);
        for planned in &mut plan.removals {
            planned.bytes = 32 << 20;
        }
        plan
    }

    fn content(&self) -> Content {
        let store = self.store();
        let site = Site::find(&store.info).unwrap();
        let value = |key: &crate::model::EntryKey| {
            let Removal::Key(removal) = store.removal(key).unwrap() else {
                panic!("it is no key");
            };
            let mut file = keys::open(&site.base, &removal, For::Looking).unwrap();
            let found = file.find(&key.key).unwrap().unwrap();
            (key.key.to_vec(), file.value(&key.key, &found).unwrap())
        };
        let all = self.plan_for_all().removals;
        all.iter().map(|planned| value(&planned.key)).collect()
    }

    fn undo_all(&self) {
        let paths = [self.opened.clone()];
        for held in undo::list(&paths, None) {
            let (cancel, progress) = (Cancel::default(), Progress::default());
            undo::restore(&held, &cancel, &progress, &mut |_, _| {}).unwrap();
        }
        undo::tidy(&paths, None, &Cancel::default()).unwrap();
    }
}

fn run(plan: &Plan, how: How) -> (crate::Result<Applied>, usize) {
    let mut n_done = 0;
    let (cancel, progress) = (Cancel::default(), Progress::default());
    let mut each = |_: &_, outcome| n_done += usize::from(matches!(outcome, Outcome::Done));
    let applied = apply(plan, how, None, &cancel, &progress, &mut each);
    (applied, n_done)
}

/// What failed after its change is out all the same: it is said to be, and it is held.
#[test]
fn a_step_that_fails_loses_no_key_and_says_what_is_out() {
    for file in FILES {
        for how in [How::Keep, How::Free] {
            for n in 0..1000 {
                let bench = Bench::new(file);
                let before = bench.content();
                let plan = bench.plan();
                fault::fail_at(n, IO_ERROR);
                let (applied, n_done) = run(&plan, how);
                let calls = fault::calls();
                fault::clear();
                let gone = before.len() - bench.content().len();
                if let Err(error) = &applied {
                    assert_eq!(gone, 0);
                    assert!(error.to_string().contains("nput/output"), "{error}");
                }
                if let Ok(applied) = &applied {
                    assert_eq!((applied.removed, gone), (n_done, n_done), "{file:?} {n}");
                    assert_eq!(applied.removed + applied.failed, 2, "{file:?} {n}");
                    let is_told = applied.failed > 0 || applied.unfinished.is_some();
                    assert!(is_told || calls.len() <= n || gone == 2, "{file:?} {n}");
                    assert_eq!(applied.undo_id.is_some(), how == How::Keep && gone > 0);
                }
                bench.undo_all();
                if how == How::Keep {
                    assert_eq!(bench.content(), before, "{file:?} {n} {calls:?}");
                }
                assert!(!bench.temp.path().join(QUARANTINE).exists(), "{file:?} {n}");
                if calls.len() <= n {
                    assert!(n > 10, "the faults do not reach it");
                    break;
                }
            }
        }
    }
}

/// One of many that were saved is damaged: it is told, stays held, and keeps no other back.
#[test]
fn a_saved_key_that_cannot_be_read_keeps_no_other_back() {
    for file in FILES {
        let bench = Bench::new(file);
        let before = bench.content();
        let (applied, _) = run(&bench.plan_for_all(), How::Keep);
        let id = applied.unwrap().undo_id.unwrap();
        let shelf = bench.temp.path().join(QUARANTINE).join(id);
        let saved = rusqlite::Connection::open(shelf.join("rows.sqlite")).unwrap();
        let spoil = "UPDATE rows_1 SET c1 = 'no bytes' WHERE n = 1";
        assert_eq!(saved.execute(spoil, []).unwrap(), 1);
        drop(saved);
        let held = undo::list(std::slice::from_ref(&bench.opened), None).remove(0);
        let (cancel, progress) = (Cancel::default(), Progress::default());
        let restored = undo::restore(&held, &cancel, &progress, &mut |_, _| {}).unwrap();
        assert_eq!(restored.restored, before.len() - 1, "{file:?}");
        assert_eq!(restored.failed + restored.skipped, 1, "{file:?}");
        let after = bench.content();
        assert_eq!(after.len(), before.len() - 1, "{file:?}");
        assert!(
            after
                .iter()
                .all(|(key, value)| before.get(key) == Some(value))
        );
        let left = undo::list(std::slice::from_ref(&bench.opened), None);
        assert_eq!(left.iter().map(|held| held.entries).sum::<usize>(), 1);
    }
}

/// A disk that does not confirm what was written makes none of it undone.
#[test]
fn an_undo_of_which_a_step_fails_tells_the_keys_that_are_back() {
    for file in FILES {
        for n in 0..1000 {
            let bench = Bench::new(file);
            let before = bench.content();
            let mut plan = bench.plan();
            plan.removals.truncate(1);
            run(&plan, How::Keep).0.unwrap();
            let n_left = bench.content().len();
            let held = undo::list(std::slice::from_ref(&bench.opened), None).remove(0);
            let mut n_done = 0;
            let mut each = |_: &_, outcome| n_done += usize::from(matches!(outcome, Outcome::Done));
            fault::fail_at(n, IO_ERROR);
            let (cancel, progress) = (Cancel::default(), Progress::default());
            let restored = undo::restore(&held, &cancel, &progress, &mut each);
            let calls = fault::calls();
            fault::clear();
            assert_eq!(
                bench.content().len() - n_left,
                n_done,
                "{file:?} {n} {calls:?} {restored:?}"
            );
            bench.undo_all();
            assert_eq!(bench.content(), before, "{file:?} {n}");
            assert!(!bench.temp.path().join(QUARANTINE).exists(), "{file:?} {n}");
            if calls.len() <= n {
                assert!(n > 3, "the faults do not reach it");
                break;
            }
        }
    }
}

/// A program adds a key to a shelf at the moment when its index is exchanged, and then any step fails.
#[test]
fn a_key_added_while_the_index_is_exchanged_outlives_a_failed_step() {
    const LATE: &[u8] = b"'late', (0, 3)\n";
    let mut n_failed_after = 0;
    for n in 0..1000 {
        let bench = Bench::new(FILES[1]);
        let before = bench.content();
        let plan = bench.plan();
        let index = bench.temp.path().join("shelf.dir");
        let (added, path) = (Rc::new(Cell::new(0)), index.clone());
        fault::meanwhile({
            let (added, mut n_renames) = (Rc::clone(&added), 0);
            move |call| {
                n_renames += usize::from(call == "rename");
                // The first one puts the backup in its place, the second exchanges the index.
                if call == "rename" && n_renames == 2 && added.get() == 0 {
                    let mut file = File::options().append(true).open(&path).unwrap();
                    file.write_all(LATE).unwrap();
                    added.set(1);
                }
            }
        });
        fault::fail_at(n, IO_ERROR);
        let (_, n_done) = run(&plan, How::Keep);
        let calls = fault::calls().len();
        fault::clear();
        let (added, text) = (added.get(), fs::read(&index).unwrap());
        let n_late = text.windows(LATE.len()).filter(|w| *w == LATE).count();
        assert_eq!(n_late, added, "{n}: {}", String::from_utf8_lossy(&text));
        assert_eq!(bench.content().len() + n_done, before.len() + added, "{n}");
        bench.undo_all();
        let after = bench.content();
        assert_eq!(after.len(), before.len() + added, "{n}");
        let is_back = |(key, value)| after.get(key) == Some(value);
        assert!(before.iter().all(is_back), "{n}");
        if calls <= n {
            assert!(n_failed_after > 5, "the faults do not reach it");
            return;
        }
        n_failed_after += added;
    }
    panic!("the faults have no end");
}

/// The program commits before the index is exchanged, and once more before the one that was taken is put back.
#[test]
fn an_index_written_while_another_is_put_back_is_not_lost() {
    let bench = Bench::new(FILES[1]);
    let before = bench.content();
    let plan = bench.plan();
    let index = bench.temp.path().join("shelf.dir");
    fault::meanwhile({
        let (index, new) = (index.clone(), bench.temp.path().join("new"));
        let mut n_renames = 0;
        move |call| {
            n_renames += usize::from(call == "rename");
            let line = match (call, n_renames) {
                ("rename", 2) => "'early', (0, 3)\n",
                ("rename", 3) => "'late', (0, 3)\n",
                _ => return,
            };
            // The library's index is a new file each time, and not the old one with a line more.
            let text = fs::read(&index).unwrap_or_default();
            let base = if line.contains("late") {
                fs::read(new.with_extension("kept")).unwrap()
            } else {
                text
            };
            let whole = [line.as_bytes(), &base].concat();
            fs::write(&new, &whole).unwrap();
            fs::write(new.with_extension("kept"), &whole).unwrap();
            fs::rename(&new, &index).unwrap();
        }
    });
    let (_, n_done) = run(&plan, How::Keep);
    fault::clear();
    let text = String::from_utf8(fs::read(&index).unwrap()).unwrap();
    for key in ["'early'", "'late'"] {
        assert_eq!(text.matches(key).count(), 1, "{key} in {text}");
    }
    assert_eq!(bench.content().len() + n_done, before.len() + 2);
    bench.undo_all();
    assert_eq!(bench.content().len(), before.len() + 2);
}

/// What the journal does not tell of could never come back.
#[test]
fn keys_of_a_file_that_is_away_while_the_journal_is_written_stay() {
    let bench = Bench::new(FILES[2]);
    let before = bench.content();
    let plan = bench.plan_for_all();
    let (file, away) = (bench.opened.clone(), bench.temp.path().join("away"));
    fs::rename(&file, &away).unwrap();
    fault::meanwhile({
        let mut n_made = 0;
        move |call| {
            n_made += usize::from(call == "create");
            // After the lock and the tag the manifest is made; what is written then is the journal.
            if call == "write" && n_made == 3 && away.exists() {
                fs::rename(&away, &file).unwrap();
            }
        }
    });
    let (applied, n_done) = run(&plan, How::Keep);
    fault::clear();
    assert_eq!((applied.unwrap().skipped, n_done), (plan.removals.len(), 0));
    assert_eq!(bench.content(), before);
    assert!(!bench.temp.path().join(QUARANTINE).exists());
}
