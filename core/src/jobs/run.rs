//! Starts jobs on threads of their own, collects what they report, and stops them in time.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use super::{Job, JobId, Outcome, Report};
use crate::model::StoreId;
use crate::scan::{Cancel, Progress};
use crate::{Error, Result};

/// Called from a job's thread when there is something to collect; must not block.
pub type Wake = Arc<dyn Fn() + Send + Sync>;

/// Reports that wait; beyond it a job waits for its owner, so memory stays bounded.
const WAITING: usize = 64;

/// A job at work, as its owner sees it.
#[derive(Debug)]
pub struct Running {
    /// What it does: "Reading features".
    pub title: String,
    /// The store it works on; `None` where that is not known yet.
    pub store: Option<StoreId>,
    /// When it was started.
    pub started: Instant,
    /// How far it is.
    pub progress: Arc<Progress>,
    cancel: Cancel,
}

/// The jobs at work and the reports they sent.
pub struct Jobs {
    send: SyncSender<Report>,
    receive: Receiver<Report>,
    wake: Wake,
    n_started: u64,
    running: BTreeMap<JobId, Running>,
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
        }
    }

    /// Starts a job on a thread of its own.
    pub fn start(&mut self, job: Job) -> JobId {
        self.n_started += 1;
        let id = JobId(self.n_started);
        let running = Running {
            title: job.title(),
            store: job.store(),
            started: Instant::now(),
            progress: Arc::default(),
            cancel: Cancel::default(),
        };
        let context = Context {
            id,
            cancel: running.cancel.clone(),
            progress: Arc::clone(&running.progress),
            send: self.send.clone(),
            wake: Arc::clone(&self.wake),
        };
        self.running.insert(id, running);
        let spawned = thread::Builder::new()
            .name(job.thread_name().to_owned())
            .spawn(move || context.run(job));
        if let Err(cause) = spawned {
            let error = Error::io("Cannot start a thread", Path::new(""), cause);
            // Only a full channel refuses, and then the next poll finds other reports; the job is dropped either way.
            self.running.remove(&id);
            self.send
                .try_send(Report {
                    job: id,
                    outcome: Outcome::Ended(Err(error)),
                })
                .ok();
        }
        id
    }

    /// Starts a job in the place of an older one of its sort, which is told to stop.
    pub fn replace(&mut self, slot: &mut Option<JobId>, job: Job) {
        if let Some(old) = slot.take() {
            self.cancel(old);
        }
        *slot = Some(self.start(job));
    }

    /// Asks a job to stop; it still reports its end.
    pub fn cancel(&self, id: JobId) {
        if let Some(job) = self.running.get(&id) {
            job.cancel.cancel();
        }
    }

    /// What came in since the last call, in order.
    pub fn poll(&mut self) -> Vec<Report> {
        let reports: Vec<_> = self.receive.try_iter().collect();
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
            }
        }
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

    fn run(self, job: Job) {
        let title = job.title();
        let ended = catch_unwind(AssertUnwindSafe(|| job.run(&self))).unwrap_or_else(|panic| {
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
