//! Off-thread work: the closed list of jobs, each on a named thread, reporting through one bounded channel.
//!
//! A job never blocks its owner: progress is a pair of counters, results wait in the channel,
//! and a plain callback says that there is something to collect.

mod advise;
mod arrange;
mod bytes;
mod check;
mod chosen;
mod clear;
mod compare;
mod context;
mod find;
mod glance;
mod look;
mod open;
mod outside;
mod preview;
mod remember;
mod run;
mod scan;
mod survey;
mod tidy;

pub use advise::Advised;
pub use arrange::{Arrange, Arranged, GroupSums, Place, Selected, Span, Sums};
pub use bytes::{PAGE, Page};
pub use check::{Check, Checked};
pub use chosen::Chosen;
pub use clear::{BroughtBack, ByPolicy, Cleared, Freed, Planned, Prediction};
pub use compare::{Compared, Comparison, SideFacts};
pub use context::Wake;
pub use find::FoundBytes;
pub use glance::Glances;
pub use look::{Looked, Seen, Sight, Target};
pub use outside::{Answer, Outside, Work};
pub use preview::{EntryPreview, Secrets};
pub use remember::Remembered;
pub use run::{Jobs, Running};
pub use scan::StoreFacts;
pub use survey::{Beside, Survey, Surveyed, Zoom};

use std::path::PathBuf;
use std::sync::Arc;

use crate::clear::compact::{Gain, Word};
use crate::clear::undo::Held;
use crate::clear::{Fresh, How, Plan};
use crate::formats::Content;
use crate::model::{EntryKey, Issue, Snapshot, StoreId, StoreInfo, Time, Version};
use crate::own::StateDir;
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
        /// True where a person asked for the credentials that are left out otherwise.
        shows_secrets: bool,
    },
    /// Reads what is kept between runs of a store's look-ups.
    Remember {
        /// The store.
        store: Arc<StoreInfo>,
        /// Cachescope's own folder.
        state: StateDir,
    },
    /// Reads a line about each of a few values.
    Glance {
        /// The store.
        store: Arc<StoreInfo>,
        /// The entries, and what they were like when they were listed.
        entries: Vec<(EntryKey, Version)>,
    },
    /// Reads a page of a value's bytes.
    Bytes {
        /// The store whose value they are.
        store: StoreId,
        /// The bytes.
        content: Content,
        /// Where the page begins.
        offset: u64,
    },
    /// Looks for a run of bytes.
    Find {
        /// The store whose value they are.
        store: StoreId,
        /// The bytes.
        content: Content,
        /// What is looked for.
        needle: Vec<u8>,
        /// Where to begin.
        from: u64,
    },
    /// Reads what is drawn of an array, a table or a sparse matrix.
    Look {
        /// The store that holds it.
        store: StoreId,
        /// Which one.
        target: Arc<Target>,
        /// What is to be drawn.
        sight: Sight,
    },
    /// Sums up a snapshot and lays out its treemap.
    Survey(Box<Survey>),
    /// Finds out what there is to say of a store as a whole.
    Advise(Arc<Snapshot>),
    /// Checks chosen rows.
    Check(Box<Check>),
    /// Plans to clear chosen rows; nothing changes.
    Plan {
        /// The listing.
        snapshot: Arc<Snapshot>,
        /// Which of its entries.
        chosen: Chosen,
        /// What narrows the choice; `None` to clear all of the chosen ones.
        policy: Option<Box<ByPolicy>>,
        /// What becomes of what may be somebody's work in progress.
        fresh: Fresh,
    },
    /// Plans to give chosen rows a new expiry; nothing changes.
    PlanToKeep {
        /// The listing.
        snapshot: Arc<Snapshot>,
        /// Which of its entries.
        chosen: Chosen,
        /// When they are to expire.
        expires: Time,
    },
    /// Tells what compacting a store would gain, or does it.
    Compact {
        /// The store.
        store: Arc<StoreInfo>,
        /// What is said of the programs that might have it open; `None` to change nothing.
        word: Option<Word>,
    },
    /// Carries a plan out.
    Clear {
        /// What is to go.
        plan: Arc<Plan>,
        /// Moved aside, or freed.
        how: How,
        /// Cachescope's own folder.
        state: Option<StateDir>,
    },
    /// Compares stores, or makes one of another kind.
    Compare(Box<Comparison>),
    /// Finds what is held aside for stores.
    Held {
        /// Paths of the stores.
        paths: Vec<PathBuf>,
        /// Cachescope's own folder.
        state: Option<StateDir>,
    },
    /// Brings back what is held.
    Restore(Held),
    /// Frees what is held, for good, one after the other.
    Purge(Vec<Held>),
    /// Removes what writers left behind that were killed.
    Tidy(StateDir),
    /// Work that only the caller can do.
    Outside(Outside),
}

impl Job {
    /// Name of its thread, at most 15 bytes as Linux keeps them.
    fn thread_name(&self) -> &'static str {
        match self {
            Self::Open { .. } => "open",
            Self::Scan { .. } => "scan",
            Self::Arrange(_) => "arrange",
            Self::Preview { .. } => "preview",
            Self::Remember { .. } => "remember",
            Self::Glance { .. } => "glance",
            Self::Bytes { .. } => "bytes",
            Self::Find { .. } => "find",
            Self::Look { .. } => "look",
            Self::Survey(_) => "survey",
            Self::Advise(_) => "advise",
            Self::Check(_) => "check",
            Self::Plan { .. } | Self::PlanToKeep { .. } => "plan",
            Self::Compact { .. } => "compact",
            Self::Clear { .. } => "clear",
            Self::Compare(_) => "compare",
            Self::Held { .. } => "held",
            Self::Restore(_) => "restore",
            Self::Purge(_) => "purge",
            Self::Tidy(_) => "tidy",
            Self::Outside(_) => "outside",
        }
    }

    /// What it does, for the jobs line.
    fn title(&self) -> String {
        match self {
            Self::Open { path } => format!("Looking at {}", crate::model::text::path(path)),
            Self::Scan { store, .. } => format!("Reading {}", store.title()),
            Self::Arrange(arrange) => format!("Sorting {}", arrange.snapshot.store.title()),
            Self::Preview { .. } => "Decoding a value".to_owned(),
            Self::Remember { .. } => "Remembering look-ups".to_owned(),
            Self::Glance { .. } => "Looking at values".to_owned(),
            Self::Bytes { .. } => "Reading bytes".to_owned(),
            Self::Find { .. } => "Searching bytes".to_owned(),
            Self::Look { .. } => "Reading a value".to_owned(),
            Self::Survey(survey) => format!("Summing up {}", survey.snapshot.store.title()),
            Self::Advise(snapshot) => format!("Examining {}", snapshot.store.title()),
            Self::Check(check) => format!("Revalidating {}", check.snapshot.store.title()),
            Self::Plan { snapshot, .. } | Self::PlanToKeep { snapshot, .. } => {
                format!("Planning for {}", snapshot.store.title())
            }
            Self::Compact { store, word: None } => format!("Looking at {}", store.title()),
            Self::Compact { store, .. } => format!("Compacting {}", store.title()),
            Self::Clear { .. } => "Clearing".to_owned(),
            Self::Compare(comparison) => comparison.title(),
            Self::Held { .. } => "Looking for what is held aside".to_owned(),
            Self::Restore(_) => "Bringing back".to_owned(),
            Self::Purge(_) => "Freeing".to_owned(),
            Self::Tidy(_) => "Tidying up".to_owned(),
            Self::Outside(outside) => outside.title.clone(),
        }
    }

    /// The store it works on; `None` where that is not known yet.
    fn store(&self) -> Option<StoreId> {
        match self {
            Self::Open { .. }
            | Self::Clear { .. }
            // Taking the store off the list does not stop it half-way.
            | Self::Compact { .. }
            | Self::Compare(_)
            | Self::Held { .. }
            | Self::Restore(_)
            | Self::Purge(_)
            | Self::Tidy(_)
            | Self::Outside(_) => None,
            Self::Scan { store, .. }
            | Self::Preview { store, .. }
            | Self::Remember { store, .. }
            | Self::Glance { store, .. } => Some(store.id),
            Self::Bytes { store, .. } | Self::Look { store, .. } | Self::Find { store, .. } => {
                Some(*store)
            }
            Self::Survey(survey) => Some(survey.snapshot.store.id),
            Self::Check(check) => Some(check.snapshot.store.id),
            Self::Advise(snapshot)
            | Self::Plan { snapshot, .. }
            | Self::PlanToKeep { snapshot, .. } => Some(snapshot.store.id),
            Self::Arrange(arrange) => Some(arrange.snapshot.store.id),
        }
    }

    /// The crowd that it may be one of.
    fn crowd(&self) -> Option<Crowd> {
        match self {
            Self::Open { .. } => Some(Crowd::Opening),
            Self::Scan { .. }
            | Self::Remember { .. }
            | Self::Arrange(_)
            | Self::Survey(_)
            | Self::Advise(_) => Some(Crowd::Reading),
            _ => None,
        }
    }

    fn run(self, context: &context::Context) -> Result<()> {
        match self {
            Self::Open { path } => open::run(&path, context),
            Self::Scan {
                store,
                generation,
                is_refresh,
            } => scan::run(&store, generation, is_refresh, context),
            Self::Arrange(arrange) => arrange::run(&arrange, context),
            Self::Preview {
                store,
                entry,
                shows_secrets,
            } => preview::run(&store, entry, shows_secrets, context),
            Self::Remember { store, state } => remember::run(&store, &state, context),
            Self::Glance { store, entries } => glance::run(&store, entries, context),
            Self::Bytes {
                content, offset, ..
            } => bytes::run(&content, offset, context),
            Self::Find {
                content,
                needle,
                from,
                ..
            } => find::run(&content, needle, from, context),
            Self::Look { target, sight, .. } => look::run(&target, sight, context),
            Self::Survey(survey) => survey::run(*survey, context),
            Self::Advise(snapshot) => advise::run(&snapshot, context),
            Self::Check(check) => check::run(&check, context),
            Self::Plan {
                snapshot,
                chosen,
                policy,
                fresh,
            } => clear::plan(&snapshot, &chosen, policy.as_deref(), fresh, context),
            Self::PlanToKeep {
                snapshot,
                chosen,
                expires,
            } => clear::plan_to_keep(&snapshot, &chosen, expires, context),
            Self::Compact { store, word } => clear::compact(&store, word, context),
            Self::Clear { plan, how, state } => clear::apply(plan, how, state.as_ref(), context),
            Self::Compare(comparison) => comparison.run(context),
            Self::Held { paths, state } => clear::list(&paths, state.as_ref(), context),
            Self::Restore(held) => clear::restore(held, context),
            Self::Purge(held) => clear::purge(&held, context),
            Self::Tidy(state) => {
                tidy::run(&state, context);
                Ok(())
            }
            Self::Outside(outside) => outside::run(outside, context),
        }
    }
}

/// Jobs that come as many at once as there are paths or stores. Of each crowd only so many are at work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Crowd {
    /// Paths that were named.
    Opening,
    /// What is done of each store unasked.
    Reading,
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
    /// What there is at a path.
    Opened {
        /// The stores, at least one.
        stores: Vec<Arc<StoreInfo>>,
        /// What was not looked into.
        issues: Vec<Issue>,
    },
    /// What holds for a store as a whole.
    Known(Box<StoreFacts>),
    /// A new generation of a store.
    Scanned(Arc<Snapshot>),
    /// Rows in the order asked for.
    Arranged(Box<Arranged>),
    /// What there is to see of an entry.
    Previewed(Box<EntryPreview>),
    /// What is kept between runs of a store's look-ups.
    Remembered(Box<Remembered>),
    /// One line about each of some values.
    Glanced(Box<Glances>),
    /// A page of bytes.
    Bytes(Page),
    /// Where a run of bytes stands.
    FoundBytes(FoundBytes),
    /// What is drawn of an array.
    Looked(Box<Looked>),
    /// The overview of a store.
    Surveyed(Box<Surveyed>),
    /// What there is to say of a store as a whole.
    Advised(Box<Advised>),
    /// Verdicts on some entries; more may follow.
    Checked(Box<Checked>),
    /// A plan, ready to be looked at.
    Planned(Box<Planned>),
    /// What compacting a store would gain.
    Predicted(Prediction),
    /// What compacting a store gained.
    Compacted {
        /// The store.
        store: Arc<StoreInfo>,
        /// The gain.
        gain: Gain,
    },
    /// What became of a plan.
    Cleared(Box<Cleared>),
    /// What a comparison found.
    Compared(Box<Compared>),
    /// What is held aside, oldest first.
    Held(Vec<Held>),
    /// What became of something that was held aside.
    BroughtBack(Box<BroughtBack>),
    /// What became of what was to be freed.
    Purged(Box<Freed>),
    /// What work of the caller's own gave.
    Outside(Answer),
    /// The job is over; nothing of it follows.
    Ended(Result<(), Error>),
}
