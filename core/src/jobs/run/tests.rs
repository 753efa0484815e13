//! Jobs wait, follow, stop and fail as their owner relies on.

use super::*;
use std::sync::atomic::{AtomicUsize, Ordering};

const LONG: Duration = Duration::from_mins(1);

fn jobs() -> (Jobs, Arc<AtomicUsize>) {
    let woken = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&woken);
    let wake: Wake = Arc::new(move || {
        count.fetch_add(1, Ordering::SeqCst);
    });
    (Jobs::new(wake), woken)
}

fn spawn(jobs: &mut Jobs, work: impl FnOnce(&Context) -> Result<()> + Send + 'static) -> JobId {
    let id = jobs.new_id();
    let running = Running {
        title: "Testing".to_owned(),
        store: None,
        started: Instant::now(),
        progress: Arc::default(),
        cancel: Cancel::default(),
        stage: Stage::Working(None),
    };
    jobs.running.insert(id, running);
    jobs.spawn(id, "test", work);
    id
}

/// Something to report.
fn news() -> Outcome {
    let (stores, issues) = (Vec::new(), Vec::new());
    Outcome::Opened { stores, issues }
}

fn next(jobs: &mut Jobs) -> Report {
    let report = jobs.receive.recv_timeout(LONG).unwrap();
    jobs.forget_ended(std::slice::from_ref(&report));
    report
}

#[test]
fn a_panic_ends_the_job_with_a_sentence_and_nothing_else() {
    let (mut jobs, _) = jobs();
    let id = spawn(&mut jobs, |_| panic!("slot 7 of 3"));
    let report = next(&mut jobs);
    assert_eq!(report.job, id);
    let Outcome::Ended(Err(error)) = report.outcome else {
        panic!("not an end: {:?}", report.outcome);
    };
    assert_eq!(
        error.message(),
        "Testing failed inside Cachescope: slot 7 of 3 (please report this; everything else goes on)"
    );
    assert_eq!(jobs.running().count(), 0);
}

#[test]
fn each_report_wakes_the_owner_once_and_silence_not_at_all() {
    let (mut jobs, woken) = jobs();
    spawn(&mut jobs, |context| context.report(news()));
    assert!(matches!(next(&mut jobs).outcome, Outcome::Opened { .. }));
    assert!(matches!(next(&mut jobs).outcome, Outcome::Ended(Ok(()))));
    // The wake follows the report: closing waits until the thread has nothing more to say.
    let deadline = Instant::now() + LONG;
    while woken.load(Ordering::SeqCst) < 2 && Instant::now() < deadline {
        std::thread::yield_now();
    }
    assert!(jobs.poll().is_empty());
    assert_eq!(woken.load(Ordering::SeqCst), 2);
}

#[test]
fn closing_stops_jobs_at_work_even_those_that_wait_to_report() {
    let (mut jobs, _) = jobs();
    for _ in 0..4 {
        spawn(&mut jobs, |context| {
            loop {
                context.cancel.check()?;
                context.report(news())?;
            }
        });
    }
    next(&mut jobs);
    assert!(jobs.close(LONG));
    assert_eq!(jobs.running().count(), 0);
}

#[test]
fn of_jobs_that_follow_quickly_only_the_last_starts_and_only_when_the_first_has_ended() {
    let (mut jobs, _) = jobs();
    let (go, gone) = sync_channel::<()>(1);
    let stubborn = move |_: &Context| -> Result<()> {
        gone.recv_timeout(LONG).unwrap();
        Err(Error::cancelled())
    };
    let first = spawn(&mut jobs, stubborn);
    let mut slot = Some(first);
    for n in 0..3 {
        let path = std::path::PathBuf::from(format!("/nowhere/{n}"));
        jobs.replace(&mut slot, Job::Open { path });
    }
    // Two gave way before they began; the third waits for the first.
    let ends = jobs.poll();
    assert_eq!(ends.len(), 2);
    assert!(ends.iter().all(|r| r.job != first && Some(r.job) != slot));
    assert_eq!(jobs.running().count(), 2);
    go.send(()).unwrap();
    assert_eq!(next(&mut jobs).job, first);
    assert_eq!(Some(next(&mut jobs).job), slot);
    assert_eq!(jobs.running().count(), 0);
}

/// A store that is no longer there.
fn store(n: usize) -> Arc<crate::model::StoreInfo> {
    let path = std::path::PathBuf::from(format!("/nowhere/{n}"));
    Arc::new(crate::model::StoreInfo::new(&path, &path, "pickle", None))
}

fn scan(n: usize) -> Job {
    Job::Scan {
        store: store(n),
        generation: 1,
        is_refresh: false,
    }
}

/// As many at work as may be, each until its sender is dropped.
fn crowd(jobs: &mut Jobs) -> Vec<SyncSender<()>> {
    let hold = || {
        let (go, gone) = sync_channel::<()>(1);
        let id = spawn(jobs, move |_| {
            gone.recv().map_err(|_gone| Error::cancelled())
        });
        jobs.running.get_mut(&id).unwrap().stage = Stage::Working(Some(Crowd::Reading));
        go
    };
    std::iter::repeat_with(hold).take(AT_ONCE).collect()
}

fn n_waiting(jobs: &Jobs) -> usize {
    jobs.running().filter(|(_, job)| job.is_waiting()).count()
}

#[test]
fn of_a_crowd_so_many_are_at_work_and_the_others_follow() {
    let (mut jobs, _) = jobs();
    let mut held = crowd(&mut jobs);
    let ids: Vec<_> = (0..50).map(|n| jobs.start(scan(n))).collect();
    assert_eq!(n_waiting(&jobs), 50);
    // Another sort does not wait.
    let path = std::path::PathBuf::from("/nowhere/at/all");
    let open = jobs.start(Job::Open { path });
    assert_eq!(next(&mut jobs).job, open);
    assert_eq!(n_waiting(&jobs), 50);
    // With one place free, they go through it in their order.
    held.pop();
    next(&mut jobs);
    assert_eq!(n_waiting(&jobs), 49);
    for id in ids {
        assert_eq!(next(&mut jobs).job, id);
    }
    drop(held);
    assert!(jobs.close(LONG));
}

#[test]
fn the_store_on_show_does_not_wait_for_others() {
    let (mut jobs, _) = jobs();
    let held = crowd(&mut jobs);
    let ids: Vec<_> = (0..3).map(|n| jobs.start(scan(n))).collect();
    jobs.prefer(Some(store(1).id));
    assert_eq!(Some(&next(&mut jobs).job), ids.get(1));
    let again = jobs.start(scan(1));
    assert_eq!(next(&mut jobs).job, again);
    assert_eq!(n_waiting(&jobs), 2);
    drop(held);
    assert!(jobs.close(LONG));
    assert_eq!(jobs.running().count(), 0);
}

#[test]
fn one_that_waits_is_cancelled_or_replaced_at_once() {
    let (mut jobs, _) = jobs();
    let held = crowd(&mut jobs);
    let (first, second) = (jobs.start(scan(1)), jobs.start(scan(2)));
    jobs.cancel(first);
    assert!(jobs.is_over(first));
    let mut slot = Some(second);
    jobs.replace(&mut slot, scan(3));
    let ends: Vec<_> = jobs.poll().iter().map(|report| report.job).collect();
    assert_eq!(ends, [first, second]);
    drop(held);
    while next(&mut jobs).job != slot.unwrap() {}
    assert_eq!(n_waiting(&jobs), 0);
    assert!(jobs.close(LONG));
}

#[test]
fn a_job_that_is_replaced_is_told_to_stop() {
    let (mut jobs, _) = jobs();
    let waiting = |context: &Context| -> Result<()> {
        loop {
            context.cancel.check()?;
            std::thread::yield_now();
        }
    };
    let mut slot = Some(spawn(&mut jobs, waiting));
    let first = slot.unwrap();
    let path = std::path::PathBuf::from("/nowhere/at/all");
    jobs.replace(&mut slot, Job::Open { path });
    assert!(jobs.is_over(first));
    assert_ne!(slot, Some(first));
    let ends: Vec<_> = (0..2).map(|_| next(&mut jobs)).collect();
    let end_of = |id| {
        ends.iter().find_map(|r| match &r.outcome {
            Outcome::Ended(Err(error)) if r.job == id => Some(error),
            _ => None,
        })
    };
    assert!(end_of(first).unwrap().is_cancelled());
    assert!(end_of(slot.unwrap()).unwrap().is_not_found());
}
