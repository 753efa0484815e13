//! Clear and undo, cut short at every single call and refused at every single call, on folders that joblib wrote.
#![expect(
    clippy::disallowed_methods,
    reason = "the tests play the program and the stranger"
)]

mod kills;
#[cfg(target_os = "linux")]
mod swapper;
mod undoing;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::disk::fault;
use super::undo::{self, HeldState};
use super::{Applied, How, Outcome, Plan, Planned, QUARANTINE, apply};
use crate::model::{Cancel, Progress, Snapshot, StoreInfo};
use crate::own::StateDir;
use crate::stores::{Store, open_all};

const FIXTURE: &str = "../tests/fixtures/joblib/1.6.0/joblib/features";
const NO_DISK: i32 = 28;

/// A store of five entries in two functions, `x/joblib` opened as `x`.
struct Bench {
    temp: tempfile::TempDir,
    before: Tree,
}

pub(super) type Tree = BTreeMap<PathBuf, Option<Vec<u8>>>;

impl Bench {
    fn new() -> Self {
        let temp = tempfile::tempdir().unwrap();
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join(FIXTURE);
        for function in ["embed", "counted"] {
            copy(
                &from.join(function),
                &temp.path().join("x/joblib/features").join(function),
            );
        }
        let before = tree(temp.path());
        Self { temp, before }
    }

    fn opened(&self) -> PathBuf {
        self.temp.path().join("x")
    }

    fn info(&self) -> Arc<StoreInfo> {
        open_all(&self.opened()).unwrap().remove(0)
    }

    /// A plan for every entry.
    fn plan(&self) -> Plan {
        let store = Store::open(&self.info()).unwrap();
        let snapshot = Snapshot::read(&store, &Cancel::default(), &Progress::default()).unwrap();
        Plan::new(&store, snapshot.records().map(|(_, record)| record)).unwrap()
    }

    fn apply(plan: &Plan, how: How) -> (crate::Result<Applied>, Vec<(Planned, Outcome)>) {
        let mut heard = Vec::new();
        let applied = apply(
            plan,
            how,
            None,
            &Cancel::default(),
            &Progress::default(),
            &mut |planned, outcome| {
                heard.push((planned.clone(), outcome));
            },
        );
        (applied, heard)
    }

    /// Puts something in the quarantine's place, so that nothing can be moved aside.
    fn let_nothing_lie_beside(&self) {
        fs::write(self.temp.path().join(QUARANTINE), "").unwrap();
    }

    /// One command that repairs whatever was cut short: brings back all that is held.
    fn undo_all(&self) {
        let paths = [self.opened()];
        for held in undo::list(&paths, None) {
            undo::restore(
                &held,
                &Cancel::default(),
                &Progress::default(),
                &mut |_, _| {},
            )
            .unwrap();
        }
        undo::tidy(&paths, None, &Cancel::default()).unwrap();
    }

    fn tree(&self) -> Tree {
        tree(self.temp.path())
    }

    /// Entries in the store, each whole; panics if one is half.
    fn entries(&self) -> usize {
        let now = self.tree();
        let in_store = |tree: &Tree| -> BTreeMap<PathBuf, Vec<PathBuf>> {
            let mut entries: BTreeMap<_, Vec<_>> = BTreeMap::new();
            for path in tree.keys().filter(|p| p.starts_with("x")) {
                let outer = path.parent().unwrap_or(Path::new(""));
                if outer.file_name().is_some_and(|n| n.len() == 32) {
                    entries
                        .entry(outer.to_owned())
                        .or_default()
                        .push(path.clone());
                }
            }
            entries
        };
        let whole = in_store(&self.before);
        let entries = in_store(&now);
        for (entry, files) in &entries {
            assert_eq!(Some(files), whole.get(entry), "half an entry");
        }
        entries.len()
    }
}

pub(super) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for item in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let to = to.join(item.file_name());
        if item.file_type().unwrap().is_dir() {
            copy(&item.path(), &to);
        } else {
            fs::copy(item.path(), to).unwrap();
        }
    }
}

pub(super) fn tree(root: &Path) -> Tree {
    fn walk(root: &Path, at: &Path, tree: &mut Tree) {
        for item in fs::read_dir(at).unwrap().map(Result::unwrap) {
            let (path, kind) = (item.path(), item.file_type().unwrap());
            let bytes = kind.is_file().then(|| fs::read(&path).unwrap());
            tree.insert(path.strip_prefix(root).unwrap().to_owned(), bytes);
            if kind.is_dir() {
                walk(root, &path, tree);
            }
        }
    }
    let mut tree = Tree::new();
    walk(root, root, &mut tree);
    tree
}

#[test]
fn cleared_entries_come_back_byte_for_byte() {
    let bench = Bench::new();
    let (applied, heard) = Bench::apply(&bench.plan(), How::Keep);
    let applied = applied.unwrap();
    assert_eq!((applied.removed, heard.len(), bench.entries()), (5, 5, 0));
    assert!(applied.bytes_held > 0 && applied.bytes_freed == 0);
    let held = undo::list(&[bench.opened()], None);
    assert_eq!(
        (held[0].entries, &held[0].state, &held[0].id),
        (5, &HeldState::Whole, &applied.undo_id.unwrap())
    );
    assert_eq!(held[0].bytes, applied.bytes_held);
    bench.undo_all();
    assert_eq!(bench.tree(), bench.before);
}

#[test]
fn a_check_changes_nothing() {
    let bench = Bench::new();
    let (applied, _) = Bench::apply(&bench.plan(), How::Check);
    assert_eq!((applied.unwrap().ready, fault::calls()), (5, vec![]));
    assert_eq!(bench.tree(), bench.before);
}

#[test]
fn freed_entries_leave_nothing_of_ours() {
    let bench = Bench::new();
    let applied = Bench::apply(&bench.plan(), How::Free).0.unwrap();
    assert_eq!(
        (applied.removed, applied.bytes_held, bench.entries()),
        (5, 0, 0)
    );
    assert_eq!(
        applied.bytes_freed,
        bench.plan().totals().bytes + applied.bytes_freed
    );
    assert!(!bench.temp.path().join(QUARANTINE).exists());
    assert!(
        bench
            .tree()
            .contains_key(Path::new("x/joblib/features/embed/func_code.py"))
    );
}

#[test]
fn an_entry_that_changed_since_the_plan_stays() {
    let bench = Bench::new();
    let plan = bench.plan();
    let changed = bench
        .opened()
        .join("joblib/features/embed")
        .join(plan_key(&plan, "embed"));
    fs::write(changed.join("output.pkl"), b"newer").unwrap();
    let (applied, heard) = Bench::apply(&plan, How::Keep);
    assert_eq!(
        (applied.as_ref().unwrap().removed, applied.unwrap().skipped),
        (4, 1)
    );
    let skipped: Vec<_> = heard
        .iter()
        .filter(|(_, o)| matches!(o, Outcome::Skipped(r) if r.text().contains("changed")))
        .collect();
    assert_eq!(skipped.len(), 1);
    assert_eq!(fs::read(changed.join("output.pkl")).unwrap(), b"newer");
}

fn plan_key(plan: &Plan, function: &str) -> String {
    plan.removals
        .iter()
        .find(|p| p.group_label.ends_with(function))
        .unwrap()
        .key_label
        .clone()
}

/// What stands in an entry's folder or place, and a word of the reason why the entry stays.
#[cfg(unix)]
#[test]
fn strangers_things_make_an_entry_stay() {
    use std::os::unix::fs::symlink;
    let check = |disturb: &dyn Fn(&Path), word: &str| {
        let bench = Bench::new();
        let plan = bench.plan();
        let entry = bench
            .opened()
            .join("joblib/features/embed")
            .join(plan_key(&plan, "embed"));
        disturb(&entry);
        let disturbed = bench.tree();
        for how in [How::Check, How::Keep] {
            let (applied, heard) = Bench::apply(&plan, how);
            applied.unwrap();
            let stayed: Vec<String> = heard
                .into_iter()
                .filter_map(|(_, o)| {
                    if let Outcome::Skipped(reason) = o {
                        Some(reason.to_string())
                    } else {
                        None
                    }
                })
                .collect();
            assert_eq!(stayed.len(), 1, "{stayed:?}");
            assert!(stayed[0].contains(word), "{stayed:?} lacks {word:?}");
        }
        bench.undo_all();
        assert_eq!(bench.tree(), disturbed);
    };
    check(
        &|entry| fs::write(entry.join("notes.txt"), "mine").unwrap(),
        "\"notes.txt\"",
    );
    check(
        &|entry| fs::create_dir(entry.join("output.pkl.d")).unwrap(),
        "\"output.pkl.d\"",
    );
    check(
        &|entry| fs::write(entry.join("output.pkl.thread-1-pid-2"), "half").unwrap(),
        "writing",
    );
    check(
        &|entry| {
            fs::rename(
                entry.join("metadata.json"),
                entry.parent().unwrap().join("m"),
            )
            .unwrap();
            symlink("../m", entry.join("metadata.json")).unwrap();
        },
        "\"metadata.json\"",
    );
    check(
        &|entry| {
            let away = entry.with_extension("away");
            fs::rename(entry, &away).unwrap();
            symlink(&away, entry).unwrap();
        },
        "link",
    );
    check(
        &|entry| fs::rename(entry, entry.with_extension("away")).unwrap(),
        "gone",
    );
}

#[cfg(unix)]
#[test]
fn a_store_reached_through_a_link_or_replaced_since_is_refused() {
    let bench = Bench::new();
    let plan = bench.plan();
    let away = bench.temp.path().join("away");
    fs::rename(bench.opened(), &away).unwrap();
    std::os::unix::fs::symlink(&away, bench.opened()).unwrap();
    let before = bench.tree();
    Bench::apply(&plan, How::Keep).0.unwrap_err();
    fs::remove_file(bench.opened()).unwrap();
    copy(&away, &bench.opened());
    assert!(Bench::apply(&plan, How::Free).0.unwrap_err().is_changed());
    fs::remove_dir_all(bench.opened()).unwrap();
    std::os::unix::fs::symlink(&away, bench.opened()).unwrap();
    assert_eq!(bench.tree(), before);
}

#[test]
fn a_plan_saved_and_loaded_is_the_same_and_names_no_place_of_its_own() {
    let bench = Bench::new();
    let mut plan = bench.plan();
    let file = bench.temp.path().join("plan.json");
    plan.save(&file).unwrap();
    assert_eq!(Plan::load(&file).unwrap(), plan);
    // Keys that would lead out of the store lead nowhere.
    fs::create_dir_all(bench.temp.path().join("victim")).unwrap();
    fs::write(bench.temp.path().join("victim/output.pkl"), "mine").unwrap();
    for (group, key) in [
        ("../..", "victim"),
        ("features/embed", "../../../../victim"),
        ("/", "etc"),
        ("", ".."),
    ] {
        plan.removals.truncate(1);
        plan.removals[0].key.group = group.as_bytes().into();
        plan.removals[0].key.key = key.as_bytes().into();
        plan.removals[0].fingerprint = crate::model::Fingerprint {
            dev: 0,
            ident: 0,
            size: 0,
            modified: 0,
        };
        for how in [How::Keep, How::Free] {
            assert_eq!(Bench::apply(&plan, how).0.unwrap().removed, 0);
        }
    }
    assert!(bench.temp.path().join("victim/output.pkl").exists());
    plan.version = 2;
    plan.save(&file).unwrap();
    assert!(Plan::load(&file).unwrap_err().is_usage());
}

#[test]
fn a_cancelled_clear_keeps_what_it_had_done_and_says_how_much_is_left() {
    let bench = Bench::new();
    let cancel = Cancel::default();
    let mut n = 0;
    let applied = apply(
        &bench.plan(),
        How::Keep,
        None,
        &cancel,
        &Progress::default(),
        &mut |_, _| {
            n += 1;
            if n == 2 {
                cancel.cancel();
            }
        },
    )
    .unwrap();
    assert_eq!(
        (applied.removed, applied.not_tried, bench.entries()),
        (2, 3, 3)
    );
    bench.undo_all();
    assert_eq!(bench.tree(), bench.before);
}

#[test]
fn one_plan_applied_twice_has_two_shelves() {
    let bench = Bench::new();
    let plan = bench.plan();
    let first = Bench::apply(&plan, How::Keep).0.unwrap();
    assert_eq!(
        Bench::apply(&plan, How::Keep).0.unwrap().undo_id,
        None,
        "nothing was left to move"
    );
    bench.undo_all();
    let second = Bench::apply(&plan, How::Keep).0.unwrap();
    assert_eq!((first.removed, second.removed), (5, 5));
    bench.undo_all();
    assert_eq!(bench.tree(), bench.before);
}
