//! What is open, selected and filtered. Panels read it; only commands and finished jobs change it.

mod entries;
mod preview;
mod saved;
mod selection;
mod store;

pub(crate) use entries::{Entries, Line, Lines};
pub(crate) use preview::Previewing;
pub(crate) use saved::Saved;
pub(crate) use selection::{Pick, Selection};
pub(crate) use store::{OpenStore, Phase};

use std::path::PathBuf;

use cachescope_core::jobs::JobId;
use cachescope_core::model::StoreId;

/// All that the window shows.
#[derive(Default)]
pub(crate) struct State {
    /// In the order of the rail.
    pub(crate) stores: Vec<OpenStore>,
    /// The one on show.
    pub(crate) shown: Option<StoreId>,
    /// Paths being looked at.
    pub(crate) opening: Vec<(JobId, PathBuf)>,
    /// What could not be done, newest last.
    pub(crate) notices: Vec<String>,
    /// The query field.
    pub(crate) query: String,
    /// The path field of the start page.
    pub(crate) typed_path: String,
    /// What survives a restart.
    pub(crate) saved: Saved,
}

impl State {
    /// The store on show.
    pub(crate) fn shown(&self) -> Option<&OpenStore> {
        self.store(self.shown?)
    }

    /// The store on show, to change it.
    pub(crate) fn shown_mut(&mut self) -> Option<&mut OpenStore> {
        self.store_mut(self.shown?)
    }

    /// An open store.
    pub(crate) fn store(&self, id: StoreId) -> Option<&OpenStore> {
        self.stores.iter().find(|s| s.info.id == id)
    }

    /// An open store, to change it.
    pub(crate) fn store_mut(&mut self, id: StoreId) -> Option<&mut OpenStore> {
        self.stores.iter_mut().find(|s| s.info.id == id)
    }
}
