//! Programs at work on many kinds of store: for how long, and all kinds at the same time.

use std::time::Duration;

use super::in_ci;

/// How long programs are at work on each kind of store: what `WORK_SECS` says, else ten seconds in CI and two elsewhere.
pub(crate) fn time() -> Duration {
    let otherwise = if in_ci() { 10 } else { 2 };
    let secs = std::env::var("WORK_SECS");
    Duration::from_secs(secs.map_or(otherwise, |n| n.parse().expect("WORK_SECS is a number")))
}

/// Does the same with each of `all` at the same time, in a thread called by its name; each has a store of its own.
///
/// # Panics
/// If it does for one of them.
pub(crate) fn at_once<T: Sync>(all: &[T], name: impl Fn(&T) -> String, each: impl Fn(&T) + Sync) {
    std::thread::scope(|scope| {
        for one in all {
            let each = &each;
            std::thread::Builder::new()
                .name(name(one))
                .spawn_scoped(scope, move || each(one))
                .expect("a thread starts");
        }
    });
}
