//! The overview's own state: what was surveyed, for which rows and at what size.

use std::sync::Arc;

use cachescope_core::jobs::{JobId, Surveyed, Zoom};
use cachescope_core::model::{Overlay, Row, Verdict};
use cachescope_core::ops::Layout;

use crate::gui::widgets::mosaic::Painted;

/// What the overview knows.
#[derive(Default)]
pub(crate) struct Overviewing {
    /// The newest survey.
    pub(crate) surveyed: Option<Box<Surveyed>>,
    /// What the newest survey, finished or not, was asked for.
    pub(crate) asked: Option<Asked>,
    pub(crate) job: Option<JobId>,
    /// The part of the store that the treemap shows.
    pub(crate) zoom: Option<Zoom>,
    pub(crate) painted: Painted,
}

/// What a survey depends on; compared by identity.
pub(crate) struct Asked {
    pub(crate) found: Arc<[Row]>,
    pub(crate) verdicts: Arc<Overlay<Verdict>>,
    pub(crate) layout: Layout,
    pub(crate) zoom: Option<Zoom>,
}

impl Asked {
    /// True if a survey for the one serves for the other.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.found, &other.found)
            && Arc::ptr_eq(&self.verdicts, &other.verdicts)
            && self.layout == other.layout
            && self.zoom == other.zoom
    }
}
