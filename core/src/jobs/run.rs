//! Starts jobs on threads of their own, collects what they report, and stops them in time.

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use super::context::{Context, Wake};
use super::{Crowd, Job, JobId, Outcome, Report};
use crate::model::{Cancel, Progress, StoreId};
use crate::{Error, Result};

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

#[cfg(test)]
mod tests;
