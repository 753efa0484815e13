//! Off-thread work: the closed list of jobs, each on a named thread, reporting through one bounded channel.
//!
//! A job never blocks its owner: progress is a pair of counters, results wait in the channel,
//! and a plain callback says that there is something to collect.

mod arrange;
mod bytes;
mod glance;
mod open;
mod preview;
mod run;
mod scan;
mod survey;

pub use arrange::{Arrange, Arranged, GroupSums, Place, Selected, Sums};
pub use bytes::{PAGE, Page};
pub use glance::Glances;
pub use preview::EntryPreview;
pub use run::{Jobs, Running, Wake};
pub use scan::StoreFacts;
pub use survey::{Survey, Surveyed};

use std::path::PathBuf;
use std::sync::Arc;

use crate::formats::Content;
use crate::model::{EntryKey, Fingerprint, Snapshot, StoreId, StoreInfo};
use crate::{Error, Result};

/// Names one started job; ids count up and are never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobId(u64);

/// Everything that runs off-thread.
pub enum Job {
    /// Finds the stores at a path.
    Open {
        /// What a person named.
        path: PathBuf,
    },
    /// Reads a store into a snapshot.
    Scan {
        /// The store.
        store: Arc<StoreInfo>,
        /// Generation of the first snapshot that is reported: above every earlier one.
        generation: u64,
        /// True where an older snapshot is on screen: only the finished one is reported.
        is_refresh: bool,
    },
    /// Filters, sorts and groups a snapshot's rows.
    Arrange(Box<Arrange>),
    /// Reads what the entry panel shows of one entry.
    Preview {
        /// The store.
        store: Arc<StoreInfo>,
        /// The entry.
        entry: EntryKey,
    },
    /// Reads a line about each of a few values.
    Glance {
        /// The store.
        store: Arc<StoreInfo>,
        /// The entries, and what they were like when they were listed.
        entries: Vec<(EntryKey, Fingerprint)>,
    },
    /// Reads a page of a value's bytes.
    Bytes {
        /// The bytes.
        content: Content,
        /// Where the page begins.
        offset: u64,
    },
    /// Sums up a snapshot and lays out its treemap.
    Survey(Box<Survey>),
}

impl Job {
    /// Name of its thread, at most 15 bytes as Linux keeps them.
    fn thread_name(&self) -> &'static str {
        match self {
            Self::Open { .. } => "open",
            Self::Scan { .. } => "scan",
            Self::Arrange(_) => "arrange",
            Self::Preview { .. } => "preview",
            Self::Glance { .. } => "glance",
            Self::Bytes { .. } => "bytes",
            Self::Survey(_) => "survey",
        }
    }

    /// What it does, for the jobs line.
    fn title(&self) -> String {
        match self {
            Self::Open { path } => format!("Looking at {}", crate::model::text::path(path)),
            Self::Scan { store, .. } => format!("Reading {}", store.title()),
            Self::Arrange(arrange) => format!("Sorting {}", arrange.snapshot.store.title()),
            Self::Preview { .. } => "Decoding a value".to_owned(),
            Self::Glance { .. } => "Looking at values".to_owned(),
            Self::Bytes { .. } => "Reading bytes".to_owned(),
            Self::Survey(survey) => format!("Summing up {}", survey.snapshot.store.title()),
        }
    }

    /// The store it works on; `None` where that is not known yet.
    fn store(&self) -> Option<StoreId> {
        match self {
            Self::Open { .. } | Self::Bytes { .. } => None,
            Self::Scan { store, .. } | Self::Preview { store, .. } | Self::Glance { store, .. } => {
                Some(store.id)
            }
            Self::Survey(survey) => Some(survey.snapshot.store.id),
            Self::Arrange(arrange) => Some(arrange.snapshot.store.id),
        }
    }

    fn run(self, context: &run::Context) -> Result<()> {
        match self {
            Self::Open { path } => open::run(&path, context),
            Self::Scan {
                store,
                generation,
                is_refresh,
            } => scan::run(&store, generation, is_refresh, context),
            Self::Arrange(arrange) => arrange::run(&arrange, context),
            Self::Preview { store, entry } => preview::run(&store, entry, context),
            Self::Glance { store, entries } => glance::run(&store, entries, context),
            Self::Bytes { content, offset } => bytes::run(&content, offset, context),
            Self::Survey(survey) => survey::run(*survey, context),
        }
    }
}

/// A piece of news from a job.
#[derive(Debug)]
pub struct Report {
    /// Who reports.
    pub job: JobId,
    /// What it found.
    pub outcome: Outcome,
}

/// What a job reports.
#[derive(Debug)]
pub enum Outcome {
    /// The stores at a path, at least one.
    Opened(Vec<Arc<StoreInfo>>),
    /// What holds for a store as a whole.
    Known(Box<StoreFacts>),
    /// A new generation of a store.
    Scanned(Arc<Snapshot>),
    /// Rows in the order asked for.
    Arranged(Box<Arranged>),
    /// What there is to see of an entry.
    Previewed(Box<EntryPreview>),
    /// One line about each of some values.
    Glanced(Box<Glances>),
    /// A page of bytes.
    Bytes(Page),
    /// The overview of a store.
    Surveyed(Box<Surveyed>),
    /// The job is over; nothing of it follows.
    Ended(Result<(), Error>),
}
