//! What is asked for of entries, what became of each, and of a plan as a whole.

use std::path::PathBuf;
use std::time::Duration;

use crate::Error;

/// What is to become of the entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// Nothing: each is only checked, as for the other two.
    Check,
    /// Moved aside into the quarantine, for undo.
    Keep,
    /// Gone for good.
    Free,
}

/// What became of one entry.
#[derive(Debug)]
pub enum Outcome {
    /// It passed every check; nothing was changed.
    Ready,
    /// It is out of the store (or, by undo, back in it).
    Done,
    /// It stays as it is, for this reason.
    Skipped(String),
    /// It should have gone and is in the store still, or nobody can say; then it is held aside as well.
    Failed(Error),
}

/// What became of a plan.
#[derive(Debug, Default)]
pub struct Applied {
    /// Names what was moved aside, be it only what came in between; `None` if nothing was.
    pub undo_id: Option<String>,
    /// The quarantine that holds it.
    pub quarantine: Option<PathBuf>,
    /// Entries that passed the checks, where only checks were asked for.
    pub ready: usize,
    /// Entries that are out of the store, or that have their new expiry.
    pub removed: usize,
    /// Entries that stay for a reason.
    pub skipped: usize,
    /// Entries that could not be removed.
    pub failed: usize,
    /// Entries that were not reached before it was cancelled.
    pub not_tried: usize,
    /// Stored bytes moved aside: still on the disk.
    pub bytes_held: u64,
    /// Stored bytes freed on the disk.
    pub bytes_freed: u64,
    /// Stored bytes freed inside a file that keeps its size, such as a database: what is stored next uses them.
    pub bytes_inside: u64,
    /// Longest that the lock of a database kept other writers out; `None` if none was taken.
    pub longest_lock: Option<Duration>,
    /// Why what is out of the store is not freed yet, its journal has no end, or the disk did not confirm that it is
    /// out.
    pub unfinished: Option<Error>,
}

/// Why an entry stays.
#[derive(Debug)]
pub(in crate::clear) enum Stays {
    Skipped(String),
    Failed(Error),
}

impl From<Stays> for Outcome {
    fn from(stays: Stays) -> Self {
        match stays {
            Stays::Skipped(reason) => Self::Skipped(reason),
            Stays::Failed(error) => Self::Failed(error),
        }
    }
}

impl Stays {
    /// The backend cannot say how to take it out.
    pub(super) fn of(error: Error) -> Self {
        if error.is_not_found() {
            Self::because("it is gone already")
        } else if error.is_refused() {
            Self::Skipped(error.message())
        } else {
            Self::Failed(error)
        }
    }

    pub(in crate::clear) fn because(reason: impl Into<String>) -> Self {
        Self::Skipped(reason.into())
    }
}
