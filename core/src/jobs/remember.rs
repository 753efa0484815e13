//! What is kept between runs of a store's look-ups, read once when it is opened.

use std::sync::Arc;

use super::Outcome;
use super::context::Context;
use crate::Result;
use crate::model::{StoreId, StoreInfo};
use crate::own::StateDir;
use crate::stores::Counters;
use crate::watch::History;

/// What Cachescope's own folder knows of a store.
#[derive(Debug)]
pub struct Remembered {
    /// The store.
    pub store: StoreId,
    /// What was observed by watchers that have ended.
    pub history: History,
    /// What probes told.
    pub reported: Option<Counters>,
}

pub(super) fn run(info: &Arc<StoreInfo>, state: &StateDir, context: &Context) -> Result<()> {
    context.report(Outcome::Remembered(Box::new(Remembered {
        store: info.id,
        history: History::read(state, &info.path),
        reported: state.reported(info),
    })))
}
