//! A program that swaps things in under an entry's name at the very moment of its removal: none of them is freed.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use rustix::fs::{CWD, RenameFlags, renameat_with};

use super::*;

/// Entries that one round clears.
const ENTRIES: usize = 50;
/// Entries cleared in all, half of them for good.
const TRIES: usize = 1_000;

/// What is swapped in: each names itself, so that it can be found wherever it went.
fn make(kind: usize, at: &Path, name: &str) {
    match kind % 3 {
        0 => {
            fs::create_dir(at).unwrap();
            fs::write(at.join("output.pkl"), name).unwrap();
        }
        1 => fs::write(at, name).unwrap(),
        _ => symlink(name, at).unwrap(),
    }
}

/// The names of everything swapped in that is still somewhere below `root`.
fn names_below(root: &Path) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut waiting = vec![root.to_owned()];
    while let Some(folder) = waiting.pop() {
        for item in fs::read_dir(&folder).unwrap().map(Result::unwrap) {
            let (path, kind) = (item.path(), item.file_type().unwrap());
            let text = if kind.is_symlink() {
                fs::read_link(&path).unwrap().into_os_string()
            } else if kind.is_file() {
                String::from_utf8_lossy(&fs::read(&path).unwrap())
                    .into_owned()
                    .into()
            } else {
                waiting.push(path);
                continue;
            };
            names.extend(
                text.to_str()
                    .filter(|t| t.starts_with("swapped "))
                    .map(str::to_owned),
            );
        }
    }
    names
}

/// Moves without ever replacing, so that whatever is lost was lost by the clear.
fn swap(from: &Path, to: &Path) -> bool {
    renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE).is_ok()
}

/// A function of `ENTRIES` calls, each a copy of one that joblib stored.
fn fill(bench: &Bench) -> Vec<PathBuf> {
    let function = bench.opened().join("joblib/features/embed");
    let is_entry = |path: &PathBuf| path.file_name().is_some_and(|n: &OsStr| n.len() == 32);
    let list = || {
        fs::read_dir(&function)
            .unwrap()
            .map(|item| item.unwrap().path())
    };
    let model = list().find(is_entry).unwrap();
    for n in 0..ENTRIES {
        copy(&model, &function.join(format!("{n:032x}")));
    }
    list().filter(is_entry).collect()
}

/// Swaps things in and out under the entries' names until told to stop; returns what it made.
fn swap_until(stop: &AtomicBool, mine: &Path, entries: &[PathBuf]) -> BTreeSet<String> {
    let mut made = BTreeSet::new();
    for n in 0.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let entry = &entries[n * 7 % entries.len()];
        let (fresh, away) = (mine.join(format!("{n}.new")), mine.join(format!("{n}.old")));
        let name = format!("swapped {n}");
        make(n, &fresh, &name);
        made.insert(name);
        // Whether either works depends on the race; nothing is replaced and nothing removed.
        swap(entry, &away);
        swap(&fresh, entry);
    }
    made
}

#[test]
fn in_a_thousand_tries_nothing_that_was_swapped_in_is_freed() {
    try_swaps(|_| {});
}

/// Where nothing can lie beside, each thing is looked at under a name that the swapper does not know.
#[test]
fn nor_is_it_where_entries_are_freed_in_their_place() {
    try_swaps(Bench::let_nothing_lie_beside);
}

fn try_swaps(prepare: impl Fn(&Bench)) {
    let mut tries = 0;
    let mut removed = 0;
    while tries < TRIES {
        let bench = Bench::new();
        prepare(&bench);
        let entries = fill(&bench);
        let plan = bench.plan();
        let mine = bench.temp.path().join("mine");
        fs::create_dir(&mine).unwrap();
        let stop = AtomicBool::new(false);
        let how = if (tries / ENTRIES).is_multiple_of(4) {
            How::Keep
        } else {
            How::Free
        };
        let made = thread::scope(|scope| {
            let swapper = thread::Builder::new()
                .name("swapper".to_owned())
                .spawn_scoped(scope, || swap_until(&stop, &mine, &entries))
                .unwrap();
            let (applied, heard) = Bench::apply(&plan, how);
            stop.store(true, Ordering::Relaxed);
            // Where nothing can be moved aside that is refused.
            removed += applied.map_or(0, |applied| {
                assert_eq!(heard.len(), plan.removals.len());
                applied.removed
            });
            swapper.join().unwrap()
        });
        assert_eq!(
            names_below(bench.temp.path()),
            made,
            "{how:?}: something was lost"
        );
        tries += plan.removals.len();
    }
    assert!((1..tries).contains(&removed), "{removed} of {tries}");
}

/// The race that no put-back can win: a second thing stands in the entry's place when the first is to go back.
#[test]
fn what_comes_in_twice_is_held_and_comes_back_by_undo() {
    for how in [How::Keep, How::Free] {
        for kind in 0..3 {
            let bench = Bench::new();
            let plan = bench.plan();
            let entry = bench
                .opened()
                .join("joblib/features/embed")
                .join(plan_key(&plan, "embed"));
            let root = bench.temp.path().to_owned();
            let n = plan
                .removals
                .iter()
                .position(|p| entry.ends_with(&p.key_label))
                .unwrap();
            let place = entry.clone();
            let mut renames = 0;
            fault::meanwhile(move |call| {
                if call != "rename" {
                    return;
                }
                if renames == n {
                    assert!(swap(&place, &root.join("original")));
                    make(kind, &place, "swapped 1");
                } else if renames == n + 1 {
                    make(kind + 1, &place, "swapped 2");
                }
                renames += 1;
            });
            let (applied, heard) = Bench::apply(&plan, how);
            fault::clear();
            let applied = applied.unwrap();
            assert_eq!((applied.removed, applied.failed), (4, 1));
            let Outcome::Failed(error) = &heard[n].1 else {
                panic!("{:?}", heard[n]);
            };
            assert!(error.to_string().contains("undo brings it back"), "{error}");
            assert!(applied.undo_id.is_some());
            assert_eq!(names_below(bench.temp.path()).len(), 2, "{how:?} {kind}");
            // As long as the newer one stands there the other stays held.
            let n_held = |bench: &Bench| -> usize {
                let held = undo::list(&[bench.opened()], None);
                held.iter().map(|held| held.entries).sum()
            };
            bench.undo_all();
            assert_eq!(n_held(&bench), 1);
            swap(&entry, &bench.temp.path().join("second"));
            bench.undo_all();
            assert_eq!(n_held(&bench), 0);
            assert_eq!(names_below(bench.temp.path()).len(), 2);
            assert!(
                fs::symlink_metadata(&entry).is_ok(),
                "the first is in the entry's place"
            );
            assert!(!bench.temp.path().join(QUARANTINE).exists());
        }
    }
}
