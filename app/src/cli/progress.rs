//! How far a long command is, on stderr where a person looks on.

use std::io::{IsTerminal as _, Write as _};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::Duration;

use cachescope_core::model::Progress;

use crate::text as figures;

/// Pause between two looks at the counters.
const STEP: Duration = Duration::from_millis(250);

/// Shows a job's counters while it runs; draws nothing where stderr is no terminal.
pub(super) struct Meter<'a> {
    verb: &'static str,
    progress: &'a Progress,
}

impl<'a> Meter<'a> {
    /// A meter that says `12 of 40 VERB`.
    pub(super) fn new(verb: &'static str, progress: &'a Progress) -> Self {
        Self { verb, progress }
    }

    /// Does the work while the counters are shown.
    pub(super) fn during<T>(&self, work: impl FnOnce() -> T) -> T {
        if !std::io::stderr().is_terminal() {
            return work();
        }
        std::thread::scope(|scope| {
            let (done, is_done) = sync_channel::<()>(0);
            // Without a thread the work is done all the same, unseen.
            std::thread::Builder::new()
                .name("progress".to_owned())
                .spawn_scoped(scope, move || {
                    while is_done.recv_timeout(STEP) == Err(RecvTimeoutError::Timeout) {
                        self.draw();
                    }
                    write!(std::io::stderr(), "\r\x1b[K").ok();
                })
                .ok();
            let outcome = work();
            drop(done);
            outcome
        })
    }

    fn draw(&self) {
        let done = figures::count(self.progress.done());
        let line = match self.progress.total() {
            Some(total) => format!("{done} of {} {}", figures::count(total), self.verb),
            None => format!("{done} {}", self.verb),
        };
        // A terminal that went away stops nothing.
        let mut stderr = std::io::stderr().lock();
        write!(stderr, "\r\x1b[K{line}").ok();
        stderr.flush().ok();
    }
}
