//! One open store as the window keeps it: snapshot, what was learned of its entries, and how it is looked at.

use std::sync::Arc;

use cachescope_core::jobs::JobId;
use cachescope_core::model::{Overlay, Snapshot, StoreInfo, Verdict};

use super::{Entries, Previewing};

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

/// A store on the rail.
pub(crate) struct OpenStore {
    pub(crate) info: Arc<StoreInfo>,
    pub(crate) snapshot: Arc<Snapshot>,
    pub(crate) phase: Phase,
    /// The scan at work.
    pub(crate) scan: Option<JobId>,
    /// What checks found.
    pub(crate) verdicts: Arc<Overlay<Verdict>>,
    pub(crate) entries: Entries,
    pub(crate) preview: Previewing,
}

impl OpenStore {
    /// A store about which nothing is known yet.
    pub(crate) fn new(info: Arc<StoreInfo>) -> Self {
        Self {
            snapshot: Arc::new(Snapshot::empty(Arc::clone(&info))),
            info,
            phase: Phase::Loading,
            scan: None,
            verdicts: Arc::default(),
            entries: Entries::default(),
            preview: Previewing::default(),
        }
    }
}
