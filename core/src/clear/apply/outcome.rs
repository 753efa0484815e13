//! What is asked for of entries, what became of each, and of a plan as a whole.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

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

/// Why an entry stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Why {
    /// Somebody may be at work on it, as far as this tells; a person who knows better can overrule it.
    InProgress(String),
    /// Anything else.
    Other(String),
}

impl Why {
    /// What is to be said of it, without what a command line could do about it.
    pub fn text(&self) -> &str {
        let (Self::InProgress(text) | Self::Other(text)) = self;
        text
    }

    /// True if it stays because somebody may be at work on it.
    pub fn is_in_progress(&self) -> bool {
        matches!(self, Self::InProgress(_))
    }
}

/// With what a command line can do about it.
impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())?;
        if self.is_in_progress() {
            f.write_str("; --in-progress clears it all the same")?;
        }
        Ok(())
    }
}

/// What became of one entry.
#[derive(Debug)]
pub enum Outcome {
    /// It passed every check; nothing was changed.
    Ready,
    /// It is out of the store (or, by undo, back in it).
    Done,
    /// It stays as it is, for this reason.
    Skipped(Why),
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
    Skipped(Why),
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
            Self::because(error.message())
        } else {
            Self::Failed(error)
        }
    }

    pub(in crate::clear) fn because(reason: impl Into<String>) -> Self {
        Self::Skipped(Why::Other(reason.into()))
    }

    pub(in crate::clear) fn in_progress(seen: impl Into<String>) -> Self {
        Self::Skipped(Why::InProgress(seen.into()))
    }
}
