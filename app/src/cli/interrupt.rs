//! Ctrl+C and a polite kill, where a command has something to finish first.

use cachescope_core::scan::Cancel;

use super::out::{Failure, tell};

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

/// A flag that Ctrl+C sets for a command that writes: it says that what was written goes, which may take a moment.
///
/// # Errors
/// As [`then`].
pub(super) fn cancel_of_writing() -> Result<Cancel, Failure> {
    let cancel = Cancel::default();
    let flag = cancel.clone();
    then(move || {
        flag.cancel();
        tell!("Interrupted: removing what was written");
    })?;
    Ok(cancel)
}
