//! Carries out a plan: each entry is checked again against the disk, then moved aside or freed.
//!
//! One file per mechanism; a mechanism knows folders, files or rows, never a kind of cache.

mod files;
mod foresee;
mod keys;
mod mechanism;
mod outcome;
mod rows;
mod run;
pub(super) mod seen;
mod site;
mod strays;

use super::plan::{Plan, Planned};
use crate::Result;
use crate::model::{Cancel, Progress};
use crate::own::StateDir;
use mechanism::{Job, Mechanism, To, UNCONFIRMED};
use run::Run;

pub(super) use files::read_guard;
pub(super) use foresee::foresee;
pub(super) use outcome::Stays;
pub use outcome::{Applied, How, Outcome, Why};
pub(super) use site::Site;

/// Carries out `plan`; `each` hears what became of every entry, in the plan's order.
///
/// With a `state` folder the place of the quarantine is remembered there, so that undo finds it by itself.
/// A cancelled clear ends with what was done so far, as [`Applied::not_tried`] tells.
///
/// # Errors
/// If nothing could be done at all: the store is gone or another one, or nothing can be moved aside there
/// ([`crate::Error::is_refused`]).
pub fn apply(
    plan: &Plan,
    how: How,
    state: Option<&StateDir>,
    cancel: &Cancel,
    progress: &Progress,
    each: &mut dyn FnMut(&Planned, Outcome),
) -> Result<Applied> {
    let site = Site::open(plan)?;
    let mut run = Run::new(&site, plan, cancel, progress, each);
    match how {
        How::Check => run.check(),
        How::Keep => run.keep(state)?,
        How::Free => run.free(state)?,
    }
    Ok(run.applied)
}

/// Says whether entries of this plan can be moved aside at all, without changing anything.
///
/// # Errors
/// [`crate::Error::is_refused`], with the reason, if they cannot.
pub fn can_keep(plan: &Plan) -> Result<()> {
    Site::open(plan)?.can_keep()
}
