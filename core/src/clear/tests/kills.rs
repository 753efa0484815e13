//! Clear, undo and purge of folders, cut short or refused at every single call.

use super::*;

/// Runs `act` killed at its 1st, 2nd, … changing call until it runs through; `check` sees each result.
fn killed_at_each_call(
    prepare: impl Fn(&Bench),
    act: impl Fn(&Bench),
    check: impl Fn(&Bench, bool),
) {
    for n in 0..1000 {
        let bench = Bench::new();
        prepare(&bench);
        fault::kill_at(n);
        act(&bench);
        let calls = fault::calls().len();
        fault::clear();
        check(&bench, calls <= n);
        if calls <= n {
            assert!(n > 3, "the faults do not reach it");
            return;
        }
    }
    panic!("it never ends");
}

#[test]
fn a_clear_killed_at_any_call_is_undone_by_one_command() {
    killed_at_each_call(
        |_| {},
        |bench| drop(Bench::apply(&bench.plan(), How::Keep)),
        |bench, _| {
            bench.entries();
            bench.undo_all();
            assert_eq!(bench.tree(), bench.before);
        },
    );
}

#[test]
fn a_clear_killed_at_any_call_is_finished_by_the_next() {
    killed_at_each_call(
        |_| {},
        |bench| drop(Bench::apply(&bench.plan(), How::Keep)),
        |bench, _| {
            let left = bench.entries();
            let applied = Bench::apply(&bench.plan(), How::Keep).0.unwrap();
            assert_eq!((applied.removed, bench.entries()), (left, 0));
            bench.undo_all();
            assert_eq!(bench.tree(), bench.before);
        },
    );
}

#[test]
fn a_permanent_clear_killed_at_any_call_is_finished_by_one_command() {
    killed_at_each_call(
        |_| {},
        |bench| drop(Bench::apply(&bench.plan(), How::Free)),
        |bench, ran_through| {
            let left = bench.entries();
            assert!(!ran_through || left == 0);
            bench.undo_all();
            // Before the shelf was doomed all of it comes back, after that what was freed stays so.
            assert!([left, 5].contains(&bench.entries()));
            assert!(!bench.temp.path().join(QUARANTINE).exists());
        },
    );
}

#[test]
fn a_clear_that_frees_in_place_killed_at_any_call_leaves_each_entry_whole_or_gone() {
    killed_at_each_call(
        Bench::let_nothing_lie_beside,
        |bench| drop(Bench::apply(&bench.plan(), How::Free)),
        |bench, ran_through| {
            assert!(!ran_through || bench.entries() == 0);
            bench.undo_all();
            bench.entries();
            let is_ours = |path: &&PathBuf| path.to_string_lossy().contains("/.cachescope");
            assert_eq!(bench.tree().keys().find(is_ours), None);
            let function = |path: &PathBuf| path.parent().is_some_and(|p| p.ends_with("embed"));
            let n_names = |tree: &Tree| tree.keys().filter(|path| function(path)).count();
            assert!(n_names(&bench.tree()) <= n_names(&bench.before));
        },
    );
}

#[test]
fn an_undo_killed_at_any_call_is_finished_by_the_next() {
    killed_at_each_call(
        |bench| drop(Bench::apply(&bench.plan(), How::Keep)),
        |bench| {
            for held in undo::list(&[bench.opened()], None) {
                drop(undo::restore(
                    &held,
                    &Cancel::default(),
                    &Progress::default(),
                    &mut |_, _| {},
                ));
            }
        },
        |bench, ran_through| {
            assert!(bench.entries() == 5 || !ran_through);
            bench.undo_all();
            assert_eq!(bench.tree(), bench.before);
        },
    );
}

#[test]
fn an_undo_killed_at_any_call_makes_wiped_folders_again() {
    killed_at_each_call(
        |bench| {
            drop(Bench::apply(&bench.plan(), How::Keep));
            fs::remove_dir_all(bench.opened()).unwrap();
        },
        |bench| {
            for held in undo::list(&[bench.opened()], None) {
                drop(undo::restore(
                    &held,
                    &Cancel::default(),
                    &Progress::default(),
                    &mut |_, _| {},
                ));
            }
        },
        |bench, _| {
            bench.undo_all();
            assert_eq!(bench.tree(), bench.before);
        },
    );
}

#[test]
fn a_purge_killed_at_any_call_is_finished_by_the_next_command() {
    killed_at_each_call(
        |bench| drop(Bench::apply(&bench.plan(), How::Keep)),
        |bench| {
            for held in undo::list(&[bench.opened()], None) {
                drop(undo::purge(&held, &Cancel::default(), &Progress::default()));
            }
        },
        |bench, _| {
            bench.undo_all();
            // Before the shelf was doomed all of it came back, after that nothing.
            assert!([0, 5].contains(&bench.entries()));
            assert!(!bench.temp.path().join(QUARANTINE).exists());
        },
    );
}

#[test]
fn a_call_that_fails_leaves_each_entry_whole_and_says_so() {
    for how in [How::Keep, How::Free] {
        for n in 0..1000 {
            let bench = Bench::new();
            let plan = bench.plan();
            fault::fail_at(n, NO_DISK);
            let (applied, heard) = Bench::apply(&plan, how);
            let calls = fault::calls().len();
            fault::clear();
            let left = bench.entries();
            match &applied {
                Ok(applied) => {
                    let out = heard
                        .iter()
                        .filter(|(_, o)| matches!(o, Outcome::Done))
                        .count();
                    assert_eq!((applied.removed, 5 - left), (out, out), "call {n}");
                    assert_eq!(applied.removed + applied.failed + applied.skipped, 5);
                }
                Err(error) => assert!(left == 5 || how == How::Keep, "{error}"),
            }
            bench.undo_all();
            if how == How::Keep {
                assert_eq!(bench.tree(), bench.before, "call {n}");
            }
            assert!(!bench.temp.path().join(QUARANTINE).exists(), "call {n}");
            if calls <= n {
                break;
            }
        }
    }
}
