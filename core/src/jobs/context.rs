//! What a job is given, and the boundary at which its panic becomes a failure.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::SyncSender;

use super::{JobId, Outcome, Report};
use crate::model::{Cancel, Progress};
use crate::{Error, Result};

/// Called from a job's thread when there is something to collect; must not block.
pub type Wake = Arc<dyn Fn() + Send + Sync>;

/// What a job is given: when to stop, where to count and whom to tell.
pub(super) struct Context {
    pub(super) id: JobId,
    pub(super) cancel: Cancel,
    pub(super) progress: Arc<Progress>,
    pub(super) send: SyncSender<Report>,
    pub(super) wake: Wake,
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

    /// Does the work and reports its end; a panic is a failure of this one job.
    pub(super) fn run(self, title: &str, work: impl FnOnce(&Self) -> Result<()>) {
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
