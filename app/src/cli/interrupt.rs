//! Ctrl+C and a polite kill, where a command has something to finish first.

use cachescope_core::model::{Cancel, Progress};
use cachescope_core::write::Leftovers;

use super::Global;
use super::out::{Failure, tell};
use super::progress::Meter;

/// Calls `end` at SIGINT and SIGTERM instead of dying of them.
///
/// # Errors
/// If the system does not let us listen.
#[cfg(unix)]
pub(super) fn then(end: impl Fn() + Send + 'static) -> Result<(), Failure> {
    use signal_hook::consts::{SIGINT, SIGTERM};
    let fail = |e| Failure::unread(format!("Cannot listen for Ctrl+C: {e}"));
    let mut signals = signal_hook::iterator::Signals::new([SIGINT, SIGTERM]).map_err(fail)?;
    std::thread::Builder::new()
        .name("interrupt".to_owned())
        .spawn(move || signals.forever().for_each(|_| end()))
        .map_err(fail)?;
    Ok(())
}

/// Elsewhere the system's own way of ending stays.
#[cfg(not(unix))]
pub(super) fn then(_end: impl Fn() + Send + 'static) -> Result<(), Failure> {
    Ok(())
}

/// A flag that Ctrl+C sets.
///
/// # Errors
/// As [`then`].
pub(super) fn cancel() -> Result<Cancel, Failure> {
    let cancel = Cancel::default();
    let flag = cancel.clone();
    then(move || flag.cancel())?;
    Ok(cancel)
}

/// What Ctrl+C says to a command that writes: once to stop, twice to leave what was written to the next run.
pub(super) struct Writing {
    pub(super) cancel: Cancel,
    leave: Cancel,
    pub(super) leftovers: Leftovers,
}

impl Writing {
    /// Listens from now on, and removes what runs left that were killed.
    ///
    /// # Errors
    /// As [`then`].
    pub(super) fn begin(global: &Global) -> Result<Self, Failure> {
        let (cancel, leave) = (Cancel::default(), Cancel::default());
        let flags = (cancel.clone(), leave.clone());
        then(move || {
            let (cancel, leave) = &flags;
            if cancel.is_cancelled() {
                return leave.cancel();
            }
            cancel.cancel();
            tell!("Interrupted: removing what was written (again to leave it to the next run)");
        })?;
        let state = global.state();
        if let Some(state) = &state {
            Leftovers::sweep(state);
        }
        let leftovers = Leftovers::remembered_in(state);
        Ok(Self {
            cancel,
            leave,
            leftovers,
        })
    }

    /// Removes what writing left behind; what stays is said, and where it is.
    pub(super) fn tidy(self, progress: &Progress) {
        let removed = Meter::new("names removed", progress)
            .during(|| self.leftovers.remove(&self.leave, progress));
        if let Err(error) = removed {
            tell!("warning: {error}");
        }
    }
}
