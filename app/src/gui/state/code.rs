//! What the entry panel knows of the function behind an entry as it stands today.

use cachescope_core::jobs::JobId;
use cachescope_core::stores::SourceToday;

use crate::difference::Row;

/// A comparison, from being asked for to being shown.
#[derive(Default)]
pub(crate) struct Coding {
    /// The folder that was looked into, as typed; `None` before the first look.
    pub(crate) asked: Option<String>,
    pub(crate) job: Option<JobId>,
    /// What was found, or why nothing could be read.
    pub(crate) found: Option<Result<Coded, String>>,
}

/// The function today, and its lines beside the cached ones.
pub(crate) struct Coded {
    pub(crate) today: SourceToday,
    /// Empty where there is nothing to compare.
    pub(crate) rows: Vec<Row>,
}

impl Coding {
    /// Begins to look into a folder.
    pub(crate) fn new(folder: &str, job: JobId) -> Self {
        Self {
            asked: Some(folder.to_owned()),
            job: Some(job),
            found: None,
        }
    }
}
