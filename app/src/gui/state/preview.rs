//! The entry panel's own state: which entry was read, and which side of it is on show.

use cachescope_core::jobs::{EntryPreview, JobId};
use cachescope_core::model::{EntryId, Fingerprint};

/// What the entry panel knows of the one selected entry.
#[derive(Default)]
pub(crate) struct Previewing {
    /// The entry asked about, as it was then.
    pub(crate) of: Option<(EntryId, Fingerprint)>,
    /// The job that reads it.
    pub(crate) job: Option<JobId>,
    /// What it found.
    pub(crate) found: Option<Box<EntryPreview>>,
    /// Why it failed as a whole.
    pub(crate) failure: Option<String>,
}
