//! One open store as the window keeps it: snapshot, what was learned of its entries, and how it is looked at.

use std::sync::Arc;

use cachescope_core::jobs::{Advised, JobId, StoreFacts};
use cachescope_core::model::{Overlay, Record, Snapshot, StoreInfo, Time, Verdict};
use cachescope_core::watch::{Coverage, Observed, Watcher};

use super::activity::rate;
use super::{Activity, Comparing, Entries, Overviewing, Previewing, Rate, Tally};

/// How far a store's snapshot is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Phase {
    /// The first scan is running.
    Loading,
    /// Read to the end.
    Whole,
    /// A scan was cut short: why. What was read is shown.
    Partial(String),
}

/// What there is to say of the store as a whole.
#[derive(Default)]
pub(crate) struct Advising {
    pub(crate) found: Option<Advised>,
    /// Generation of the snapshot that was asked about last.
    pub(crate) asked: Option<u64>,
    pub(crate) job: Option<JobId>,
}

/// A store on the rail.
pub(crate) struct OpenStore {
    pub(crate) info: Arc<StoreInfo>,
    pub(crate) snapshot: Arc<Snapshot>,
    pub(crate) phase: Phase,
    /// The scan was cut short because it takes a private copy that is made only when asked for.
    pub(crate) failed_for_copy: bool,
    /// Sees changes as they happen; runs once the store was read.
    pub(crate) watcher: Option<Watcher>,
    /// How much of the store is in sight; `None` while nothing watches.
    pub(crate) coverage: Option<Coverage>,
    /// How often its own file was seen to be written.
    pub(crate) n_writes: u64,
    /// Look-ups seen since watching began.
    pub(crate) observed: Observed,
    /// The check at work.
    pub(crate) check: Option<JobId>,
    /// What it has found so far.
    pub(crate) tally: Tally,
    /// The scan at work.
    pub(crate) scan: Option<JobId>,
    /// What holds for the store as a whole; `None` before its first scan.
    pub(crate) facts: Option<Box<StoreFacts>>,
    /// What checks found.
    pub(crate) verdicts: Arc<Overlay<Verdict>>,
    /// One line about each value that was looked at; `None` where it could not be read.
    pub(crate) glances: Overlay<Option<String>>,
    /// The job that looks at values on screen.
    pub(crate) glancing: Option<JobId>,
    pub(crate) entries: Entries,
    pub(crate) preview: Previewing,
    pub(crate) overview: Overviewing,
    /// What happens in it.
    pub(crate) activity: Activity,
    /// The job that reads what is kept of earlier runs.
    pub(crate) remembering: Option<JobId>,
    pub(crate) advice: Advising,
    pub(crate) compare: Comparing,
}

impl OpenStore {
    /// The snapshot that the rows on screen are of; a newer one may have come since.
    pub(crate) fn on_screen(&self) -> Option<&Arc<Snapshot>> {
        self.entries
            .arranged
            .as_ref()
            .map(|arranged| &arranged.snapshot)
    }

    /// The one selected entry; `None` where it is none or several.
    pub(crate) fn selected(&self) -> Option<Record<'_>> {
        self.on_screen()?.record(self.entries.selection.only()?)
    }

    /// Forgets what was found out about values that may be others by now, as the store does not record when they were
    /// written; true if conditions were among it.
    pub(crate) fn forget_undated(&mut self) -> bool {
        self.glances.forget_undated();
        self.preview.forget_undated();
        Arc::make_mut(&mut self.verdicts).forget_undated()
    }

    /// True where a private copy would show more, and is too large to be made unasked.
    pub(crate) fn wants_copy(&self) -> bool {
        self.failed_for_copy || self.snapshot.issues.iter().any(|issue| issue.wants_copy)
    }

    /// A store about which nothing is known yet.
    pub(crate) fn new(info: Arc<StoreInfo>) -> Self {
        Self {
            snapshot: Arc::new(Snapshot::empty(Arc::clone(&info))),
            info,
            phase: Phase::Loading,
            failed_for_copy: false,
            watcher: None,
            coverage: None,
            n_writes: 0,
            observed: Observed::default(),
            check: None,
            tally: Tally::default(),
            scan: None,
            facts: None,
            verdicts: Arc::default(),
            glances: Overlay::default(),
            glancing: None,
            entries: Entries::default(),
            preview: Previewing::default(),
            overview: Overviewing::default(),
            activity: Activity::default(),
            remembering: None,
            advice: Advising::default(),
            compare: Comparing::default(),
        }
    }

    /// True if a hit of any of its entries was seen, in this run or before.
    pub(crate) fn is_observed(&self) -> bool {
        !self.activity.earned.is_empty()
    }

    /// Hits and misses by the best source there is; `None` where nothing was counted.
    pub(crate) fn rate(&self, now: Time) -> Option<Rate> {
        let recorded = self.facts.as_ref().map_or(&[][..], |f| &f.counters);
        rate(
            &self.activity,
            &self.observed,
            self.coverage.as_ref(),
            recorded,
            now,
        )
    }

    /// The slots of its jobs, each of which holds one at most.
    pub(crate) fn slots(&mut self) -> [&mut Option<JobId>; 13] {
        [
            &mut self.scan,
            &mut self.check,
            &mut self.entries.job,
            &mut self.preview.job,
            &mut self.preview.array.job,
            &mut self.preview.hex.job,
            &mut self.preview.hex.search.job,
            &mut self.preview.body.job,
            &mut self.glancing,
            &mut self.overview.job,
            &mut self.remembering,
            &mut self.advice.job,
            &mut self.compare.job,
        ]
    }
}
