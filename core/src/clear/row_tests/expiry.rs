//! A new expiry, and the old one back.

use super::kills::killed_at_each_step;
use super::*;

/// The first entry gets a new expiry.
fn keep_one(bench: &Bench) -> Applied {
    let info = open_all(&bench.opened).unwrap().remove(0);
    let store = Store::open(&info).unwrap();
    let snapshot = Snapshot::read(&store, &Cancel::default(), &Progress::default()).unwrap();
    let first = snapshot.records().map(|(_, record)| record).take(1);
    let plan = Plan::keep(&store, first, Time::from_unix(2_000_000_000, 0)).unwrap();
    Bench::apply(&plan, How::Keep).0.unwrap()
}

#[test]
fn a_new_expiry_is_written_and_taken_back() {
    for store in [STORES[0], STORES[1], STORES[2]] {
        let bench = Bench::new(store);
        let before = bench.content();
        let applied = keep_one(&bench);
        assert_eq!((applied.removed, applied.bytes_held), (1, 0), "{store:?}");
        let differing = |now: Content| {
            let differs = |(name, rows): (&String, &Vec<String>)| {
                rows.iter().filter(|row| !now[name].contains(row)).count()
            };
            before.iter().map(differs).sum::<usize>()
        };
        assert_eq!(differing(bench.content()), 1);
        assert_eq!((bench.held()[0].entries, bench.held()[0].bytes), (1, 0));
        for (restored, reasons) in bench.undo_all() {
            assert_eq!((restored.restored, restored.skipped), (1, 0), "{reasons:?}");
        }
        assert_eq!(bench.content(), before, "{store:?}");
        assert!(!bench.has_quarantine());
    }
}

#[test]
fn an_expiry_killed_at_any_step_is_taken_back_by_one_command() {
    killed_at_each_step(
        STORES[0],
        |_| {},
        |bench| {
            let info = open_all(&bench.opened).unwrap().remove(0);
            let store = Store::open(&info).unwrap();
            let (cancel, progress) = (Cancel::default(), Progress::default());
            let snapshot = Snapshot::read(&store, &cancel, &progress).unwrap();
            let all = snapshot.records().map(|(_, record)| record).take(3);
            let plan = Plan::keep(&store, all, Time::from_unix(2_000_000_000, 0)).unwrap();
            drop(Bench::apply(&plan, How::Keep));
        },
        |bench, before| {
            bench.undo_all();
            assert_eq!(&bench.content(), before);
            assert!(!bench.has_quarantine());
        },
    );
}
