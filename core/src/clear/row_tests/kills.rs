//! Clear, undo and purge of rows, cut short or refused at every single step.

use super::*;

/// Runs `act` killed at its 1st, 2nd, … changing step until it runs through; `check` sees each result.
pub(super) fn killed_at_each_step(
    store: (&str, &str),
    prepare: impl Fn(&Bench),
    act: impl Fn(&Bench),
    check: impl Fn(&Bench, &Content),
) {
    for n in 0..1000 {
        let bench = Bench::new(store);
        let before = bench.content();
        prepare(&bench);
        fault::kill_at(n);
        act(&bench);
        let calls = fault::calls().len();
        fault::clear();
        check(&bench, &before);
        if calls <= n {
            assert!(n > 8, "the faults do not reach it");
            return;
        }
    }
    panic!("it never ends");
}

#[test]
fn a_clear_of_rows_killed_at_any_step_is_undone_by_one_command() {
    for store in SOME {
        killed_at_each_step(
            store,
            |_| {},
            |bench| drop(Bench::apply(&bench.few(), How::Keep)),
            |bench, before| {
                let there = bench.entries(before);
                let gone = Bench::entries_of(before) - there;
                let held = bench.held();
                let n: usize = held.iter().map(|h| h.entries).sum();
                assert_eq!(n, gone, "held is what is gone");
                bench.undo_all();
                assert_eq!(&bench.content(), before, "{store:?}");
                assert!(!bench.has_quarantine());
            },
        );
    }
}

#[test]
fn a_clear_of_rows_killed_at_any_step_is_finished_by_the_next() {
    for store in SOME {
        killed_at_each_step(
            store,
            |_| {},
            |bench| drop(Bench::apply(&bench.few(), How::Keep)),
            |bench, before| {
                bench.clear(How::Keep);
                let has_files = bench.content().keys().any(|name| is_value_file(name));
                assert!(!has_files, "{store:?}");
                bench.undo_all();
                assert_eq!(&bench.content(), before, "{store:?}");
            },
        );
    }
}

#[test]
fn a_permanent_clear_of_rows_killed_at_any_step_leaves_each_whole_or_gone() {
    for store in SOME {
        killed_at_each_step(
            store,
            |_| {},
            |bench| drop(Bench::apply(&bench.few(), How::Free)),
            |bench, before| {
                let left = bench.entries(before);
                bench.undo_all();
                assert_eq!(bench.entries(before), left);
                assert!(!bench.has_quarantine());
            },
        );
    }
}

#[test]
fn an_undo_of_rows_killed_at_any_step_is_finished_by_the_next() {
    for store in SOME {
        killed_at_each_step(
            store,
            |bench| drop(Bench::apply(&bench.few(), How::Keep)),
            |bench| {
                for held in bench.held() {
                    let (cancel, progress) = (Cancel::default(), Progress::default());
                    drop(undo::restore(&held, &cancel, &progress, &mut |_, _| {}));
                }
            },
            |bench, before| {
                bench.entries(before);
                bench.undo_all();
                assert_eq!(&bench.content(), before, "{store:?}");
                assert!(!bench.has_quarantine());
            },
        );
    }
}

#[test]
fn a_purge_of_rows_killed_at_any_step_is_finished_by_the_next_command() {
    let store = STORES[0];
    killed_at_each_step(
        store,
        |bench| drop(bench.clear(How::Keep)),
        |bench| {
            for held in bench.held() {
                drop(undo::purge(&held, &Cancel::default(), &Progress::default()));
            }
        },
        |bench, before| {
            bench.undo_all();
            let n = bench.entries(before);
            assert!([0, Bench::entries_of(before)].contains(&n));
            assert!(!bench.has_quarantine());
        },
    );
}

#[test]
fn a_step_that_fails_leaves_each_row_whole_and_says_so() {
    for store in SOME {
        for how in [How::Keep, How::Free] {
            for n in 0..1000 {
                let bench = Bench::new(store);
                let before = bench.content();
                let all = bench.entries(&before);
                let plan = bench.few();
                fault::fail_at(n, NO_DISK);
                let (applied, heard) = Bench::apply(&plan, how);
                let calls = fault::calls().len();
                fault::clear();
                let gone = all - bench.entries(&before);
                let out = heard
                    .iter()
                    .filter(|(_, o)| matches!(o, Outcome::Done))
                    .count();
                if let Ok(applied) = &applied {
                    assert_eq!((applied.removed, gone), (out, out), "step {n}");
                    let stayed = applied.failed + applied.skipped;
                    assert_eq!(out + stayed, plan.removals.len());
                }
                bench.undo_all();
                if how == How::Keep {
                    assert_eq!(bench.content(), before, "{store:?} step {n}");
                }
                assert!(!bench.has_quarantine(), "{store:?} step {n}");
                if calls <= n {
                    break;
                }
            }
        }
    }
}
