//! Starts jobs on threads of their own, collects what they report, and stops them in time.

use std::collections::{BTreeMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use super::{Crowd, Job, JobId, Outcome, Report};
use crate::model::StoreId;
use crate::scan::{Cancel, Progress};
use crate::{Error, Result};

/// Called from a job's thread when there is something to collect; must not block.
pub type Wake = Arc<dyn Fn() + Send + Sync>;

/// Reports that wait; beyond it a job waits for its owner, so memory stays bounded.
const WAITING: usize = 64;

/// Jobs of one [`Crowd`] that are at work at once: a folder of a thousand stores must not take a thousand threads, nor
/// every file that the process may hold open.
const AT_ONCE: usize = 8;

/// A job at work, as its owner sees it.
#[derive(Debug)]
pub struct Running {
    /// What it does: "Reading features".
    pub title: String,
    /// The store it works on; `None` where that is not known yet.
    pub store: Option<StoreId>,
    /// When it was asked for.
    pub started: Instant,
    /// How far it is.
    pub progress: Arc<Progress>,
    cancel: Cancel,
    stage: Stage,
}

/// What a job that is not over does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// It has no thread yet.
    Waiting,
    /// It is at work, and counted as one of many if it is.
    Working(Option<Crowd>),
}

impl Running {
    /// True while it waits for others to end.
    pub fn is_waiting(&self) -> bool {
        self.stage == Stage::Waiting
    }

    /// True once it was asked to stop.
    pub fn is_stopping(&self) -> bool {
        self.cancel.is_cancelled()
    }
}

/// A job that is to begin later.
struct Waiting {
    id: JobId,
    job: Job,
    /// The one whose place it takes, while that one has not ended.
    after: Option<JobId>,
}

/// The jobs at work and the reports they sent.
pub struct Jobs {
    send: SyncSender<Report>,
    receive: Receiver<Report>,
    wake: Wake,
    n_started: u64,
    running: BTreeMap<JobId, Running>,
    /// Jobs that begin later, in their order.
    waiting: VecDeque<Waiting>,
    /// Jobs of this store never wait for those of others.
    preferred: Option<StoreId>,
    /// Ends of jobs that were never started.
    stillborn: Vec<Report>,
}

impl Jobs {
    /// No job yet; `wake` is called whenever [`Jobs::poll`] has something new.
    pub fn new(wake: Wake) -> Self {
        let (send, receive) = sync_channel(WAITING);
        Self {
            send,
            receive,
            wake,
            n_started: 0,
            running: BTreeMap::new(),
            waiting: VecDeque::new(),
            preferred: None,
            stillborn: Vec::new(),
        }
    }

    /// Starts a job on a thread of its own; where many of its sort are at work, when there is room for it.
    pub fn start(&mut self, job: Job) -> JobId {
        let id = self.announce(&job);
        if self.has_room(&job) {
            self.launch(id, job);
        } else {
            let after = None;
            self.waiting.push_back(Waiting { id, job, after });
        }
        id
    }

    /// Lets the jobs of one store, that on show, pass by those of the others.
    pub fn prefer(&mut self, store: Option<StoreId>) {
        if self.preferred != store {
            self.preferred = store;
            self.launch_waiting();
        }
    }

    /// Gives a job its id and shows it as at work.
    fn announce(&mut self, job: &Job) -> JobId {
        let id = self.new_id();
        let running = Running {
            title: job.title(),
            store: job.store(),
            started: Instant::now(),
            progress: Arc::default(),
            cancel: Cancel::default(),
            stage: Stage::Waiting,
        };
        self.running.insert(id, running);
        id
    }

    fn new_id(&mut self) -> JobId {
        self.n_started += 1;
        JobId(self.n_started)
    }

    /// True if a job may begin now.
    fn has_room(&self, job: &Job) -> bool {
        let Some(crowd) = job.crowd() else {
            return true;
        };
        let is_preferred = self.preferred.is_some() && job.store() == self.preferred;
        let stage = Stage::Working(Some(crowd));
        // The oldest are at work, as a rule: few are looked at.
        let mut at_work = self.running.values().filter(|job| job.stage == stage);
        is_preferred || at_work.nth(AT_ONCE - 1).is_none()
    }

    /// Puts those that wait to work, as far as there is room.
    fn launch_waiting(&mut self) {
        let may_begin = |jobs: &Self, one: &Waiting| one.after.is_none() && jobs.has_room(&one.job);
        while let Some(at) = self.waiting.iter().position(|one| may_begin(self, one)) {
            let Some(Waiting { id, job, .. }) = self.waiting.remove(at) else {
                return;
            };
            self.launch(id, job);
        }
    }

    fn launch(&mut self, id: JobId, job: Job) {
        if let Some(running) = self.running.get_mut(&id) {
            running.stage = Stage::Working(job.crowd());
        }
        self.spawn(id, job.thread_name(), |context| job.run(context));
    }

    /// Puts an announced job to work on a thread.
    fn spawn(
        &mut self,
        id: JobId,
        name: &str,
        work: impl FnOnce(&Context) -> Result<()> + Send + 'static,
    ) {
        let Some(running) = self.running.get(&id) else {
            return;
        };
        let context = Context {
            id,
            cancel: running.cancel.clone(),
            progress: Arc::clone(&running.progress),
            send: self.send.clone(),
            wake: Arc::clone(&self.wake),
        };
        let title = running.title.clone();
        let spawned = thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || context.run(&title, work));
        if let Err(cause) = spawned {
            let error = Error::io("Cannot start a thread", Path::new(""), cause);
            self.never_started(id, error);
        }
    }

    fn never_started(&mut self, job: JobId, error: Error) {
        self.stillborn.push(Report {
            job,
            outcome: Outcome::Ended(Err(error)),
        });
        (self.wake)();
    }

    /// Puts a job in the place of an older one of its sort, which is told to stop.
    ///
    /// It starts when that one has ended, so that however quickly one follows another, only one is at work.
    pub fn replace(&mut self, slot: &mut Option<JobId>, job: Job) {
        let old = slot.take().filter(|old| self.running.contains_key(old));
        let Some(old) = old else {
            *slot = Some(self.start(job));
            return;
        };
        let id = self.announce(&job);
        *slot = Some(id);
        if let Some(waiting) = self.waiting.iter_mut().find(|one| one.id == old) {
            (waiting.id, waiting.job) = (id, job);
            self.never_started(old, Error::cancelled());
        } else {
            self.cancel(old);
            let after = Some(old);
            self.waiting.push_back(Waiting { id, job, after });
        }
    }

    /// Asks a job to stop; it still reports its end.
    pub fn cancel(&mut self, id: JobId) {
        if let Some(at) = self.waiting.iter().position(|one| one.id == id) {
            self.waiting.remove(at);
            self.never_started(id, Error::cancelled());
        }
        if let Some(job) = self.running.get(&id) {
            job.cancel.cancel();
        }
    }

    /// What came in since the last call, in order.
    pub fn poll(&mut self) -> Vec<Report> {
        let mut reports = std::mem::take(&mut self.stillborn);
        reports.extend(self.receive.try_iter());
        self.forget_ended(&reports);
        reports
    }

    /// The jobs at work, oldest first.
    pub fn running(&self) -> impl Iterator<Item = (JobId, &Running)> {
        self.running.iter().map(|(id, running)| (*id, running))
    }

    /// True if the job was asked to stop or is over.
    pub fn is_over(&self, id: JobId) -> bool {
        self.running
            .get(&id)
            .is_none_or(|job| job.cancel.is_cancelled())
    }

    /// Stops every job and waits for their ends; true if all ended in time.
    pub fn close(&mut self, within: Duration) -> bool {
        for job in self.running.values() {
            job.cancel.cancel();
        }
        for waiting in std::mem::take(&mut self.waiting) {
            self.running.remove(&waiting.id);
        }
        for report in std::mem::take(&mut self.stillborn) {
            self.running.remove(&report.job);
        }
        let deadline = Instant::now() + within;
        while !self.running.is_empty() {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.receive.recv_timeout(left) {
                Ok(report) => self.forget_ended(&[report]),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return false,
            }
        }
        true
    }

    fn forget_ended(&mut self, reports: &[Report]) {
        for report in reports {
            if matches!(report.outcome, Outcome::Ended(_)) {
                self.running.remove(&report.job);
                for waiting in &mut self.waiting {
                    waiting.after = waiting.after.filter(|after| *after != report.job);
                }
            }
        }
        self.launch_waiting();
    }
}

/// What a job is given: when to stop, where to count and whom to tell.
pub(super) struct Context {
    id: JobId,
    pub(super) cancel: Cancel,
    pub(super) progress: Arc<Progress>,
    send: SyncSender<Report>,
    wake: Wake,
}

impl Context {
    /// Hands a result over, waiting while too many wait already.
    ///
    /// # Errors
    /// [`Error::is_cancelled`] once nobody listens any more.
    pub(super) fn report(&self, outcome: Outcome) -> Result<()> {
        let job = self.id;
        self.send
            .send(Report { job, outcome })
            .map_err(|_nobody| Error::cancelled())?;
        (self.wake)();
        Ok(())
    }

    fn run(self, title: &str, work: impl FnOnce(&Self) -> Result<()>) {
        let ended = catch_unwind(AssertUnwindSafe(|| work(&self))).unwrap_or_else(|panic| {
            let said = panic
                .downcast_ref::<String>()
                .map(String::as_str)
                .or_else(|| panic.downcast_ref::<&str>().copied())
                .unwrap_or("no message");
            Err(Error::damaged(
                format!("{title} failed inside Cachescope"),
                format!("{said} (please report this; everything else goes on)"),
            ))
        });
        // Nobody listens once the window is closed.
        self.report(Outcome::Ended(ended)).ok();
    }
}

#[cfg(test)]
mod tests {
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
}
