//! The overview's own state: what was surveyed, for which rows and at what size.

use std::sync::Arc;

use cachescope_core::jobs::{Beside, JobId, Surveyed, Zoom};
use cachescope_core::model::{Overlay, Row, StoreId, StoreInfo, Verdict};
use cachescope_core::ops::Layout;

use super::State;
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
    pub(crate) beside: Vec<Beside>,
}

impl Asked {
    /// True if a survey for the one serves for the other.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.found, &other.found)
            && Arc::ptr_eq(&self.verdicts, &other.verdicts)
            && self.layout == other.layout
            && self.zoom == other.zoom
            && self.beside.len() == other.beside.len()
            && self
                .beside
                .iter()
                .zip(&other.beside)
                .all(|(a, b)| Arc::ptr_eq(&a.found, &b.found))
    }
}

/// Another open store, as the treemap of all stores needs it.
pub(crate) struct Neighbour {
    pub(crate) info: Arc<StoreInfo>,
    pub(crate) beside: Beside,
    pub(crate) verdicts: Arc<Overlay<Verdict>>,
}

impl State {
    /// The stores that the treemap shows beside the one on show; none unless it shows all of them.
    pub(crate) fn neighbours(&self) -> Vec<Neighbour> {
        let is_other = |id: StoreId| self.is_across && self.shown != Some(id);
        let others = self.stores.iter().filter(|s| is_other(s.info.id));
        others
            .filter_map(|store| {
                let arranged = store.entries.arranged.as_ref()?;
                Some(Neighbour {
                    info: Arc::clone(&store.info),
                    beside: Beside {
                        snapshot: Arc::clone(&arranged.snapshot),
                        found: Arc::clone(&arranged.rows),
                    },
                    verdicts: Arc::clone(&store.verdicts),
                })
            })
            .collect()
    }
}
