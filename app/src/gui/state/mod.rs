//! What is open, selected and filtered. Panels read it; only commands and finished jobs change it.

mod activity;
mod array;
mod body;
mod checked;
mod clearing;
mod code;
mod compare;
mod completion;
mod copied;
mod entries;
mod hex;
mod inside;
mod json;
pub(crate) mod naming;
mod overview;
mod preview;
mod query;
mod saved;
mod selection;
mod store;
mod toast;
mod tree;

pub(crate) use activity::{
    Activity, BAR_S, BARS, Bar, Bars, Function, Rate, SPARKS, bar_of, observed,
};
pub(crate) use array::{ArrayCommand, Arraying, PAGE_COLUMNS, Plot};
pub(crate) use body::Bodying;
pub(crate) use checked::Tally;
pub(crate) use clearing::{
    Asked as AskedFor, Clearing, CompactStage, Compacting, Dialog, Everywhere, Exporting, KeepForm,
    Opening, Palette, Picturing, PolicyForm, Request, Rules, Saving, Scope, Stage,
};
pub(crate) use code::{Coded, Coding};
pub(crate) use compare::{ComparePage, Comparing, Converting, Differing};
pub(crate) use completion::{group_term, offers};
pub(crate) use entries::{Entries, Line, Lines};
pub(crate) use hex::{Hex, Layer};
pub(crate) use inside::Insiding;
pub(crate) use json::Json;
pub(crate) use naming::Naming;
pub(crate) use overview::{Asked, Neighbour, Overviewing};
pub(crate) use preview::{EntryTab, Previewing};
pub(crate) use query::QueryField;
pub(crate) use saved::{FunctionsBy, Pinned, Saved};
pub(crate) use selection::{Pick, Selection};
pub(crate) use store::{OpenStore, Phase};
pub(crate) use toast::{STAYS_S, Toast};
pub(crate) use tree::{Branch, LineState, Opens, TreeLine};

use std::path::PathBuf;
use std::sync::Arc;

use cachescope_core::clear::undo::Held;
use cachescope_core::jobs::JobId;
use cachescope_core::model::{Issue, StoreId, StoreInfo};

/// What a search of this computer found.
#[derive(Debug, Default)]
pub(crate) struct FoundCaches {
    pub(crate) stores: Vec<Arc<StoreInfo>>,
    /// Places that were not looked into, and why.
    pub(crate) passed_over: Vec<Issue>,
}

/// The pages of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub(crate) enum Tab {
    /// Sums, treemap, histograms.
    Overview,
    /// The table.
    #[default]
    Entries,
    /// Hits, misses and changes as they happen.
    Activity,
    /// Conditions and problems.
    Health,
    /// Stores against each other.
    Compare,
}

/// All that the window shows.
#[derive(Default)]
pub(crate) struct State {
    /// In the order of the rail.
    pub(crate) stores: Vec<OpenStore>,
    /// The one on show.
    pub(crate) shown: Option<StoreId>,
    /// Paths being looked at.
    pub(crate) opening: Vec<(JobId, PathBuf)>,
    /// Paths in the order in which they were asked for, which is that of the rail.
    pub(crate) asked: Vec<PathBuf>,
    /// Of several paths that are opened together, the one that shows.
    pub(crate) first: Option<PathBuf>,
    /// Of the stores of that path the one that shows, by its own path; `None` for the first.
    pub(crate) first_store: Option<PathBuf>,
    /// True if more or less may be held aside than was found last.
    pub(crate) is_held_old: bool,
    /// What could not be done, newest last.
    pub(crate) notices: Vec<String>,
    /// What was just done, and how to take it back.
    pub(crate) toast: Option<Toast>,
    /// True while the treemap shows every open store rather than the one on show.
    pub(crate) is_across: bool,
    /// The query field.
    pub(crate) query: QueryField,
    /// The path field of the start page.
    pub(crate) typed_path: String,
    /// Caches found on this computer; `None` before anybody looked.
    pub(crate) caches: Option<FoundCaches>,
    /// The job that looks for them.
    pub(crate) finding: Option<JobId>,
    /// The jobs that bring something back, and the name under which it is held.
    pub(crate) restoring: Vec<(JobId, String)>,
    /// What is held aside for the open stores, oldest first.
    pub(crate) held: Vec<Held>,
    /// The job that looks for it.
    pub(crate) holding: Option<JobId>,
    /// What is brought back once that job has found it.
    pub(crate) bring_next: Option<String>,
    /// What is held aside of all stores.
    pub(crate) everywhere: Everywhere,
    /// The window over the window.
    pub(crate) dialog: Option<Dialog>,
    /// What survives a restart.
    pub(crate) saved: Saved,
}

impl State {
    /// Says what was just done; what failed before is no longer the news.
    pub(crate) fn say(&mut self, toast: Toast) {
        self.notices.clear();
        self.toast = Some(toast);
    }

    /// The store on show.
    pub(crate) fn shown(&self) -> Option<&OpenStore> {
        self.store(self.shown?)
    }

    /// The store on show, to change it.
    pub(crate) fn shown_mut(&mut self) -> Option<&mut OpenStore> {
        self.store_mut(self.shown?)
    }

    /// Puts the stores into the order in which they were asked for, however long each took to open.
    pub(crate) fn put_in_order(&mut self) {
        let asked = &self.asked;
        let place = |path: &PathBuf| asked.iter().position(|p| p == path);
        // A stable sort: the stores of one path keep their order.
        self.stores
            .sort_by_key(|s| place(&s.info.opened_as).unwrap_or(usize::MAX));
    }

    /// What revalidating the store on show asks for.
    pub(crate) fn rules(&self) -> Rules {
        let store = self.shown().map(|s| &s.info.path);
        store.map_or_else(Rules::default, |store| self.saved.rules_of(store))
    }

    /// Other rules; the folder of functions and the lifetime hold for the store on show alone.
    pub(crate) fn set_rules(&mut self, mut rules: Rules) {
        let source = std::mem::take(&mut rules.source);
        let lifetime = std::mem::take(&mut rules.expires_after);
        if let Some(store) = self.shown().map(|s| s.info.path.clone()) {
            self.saved.sources.set(&store, source);
            self.saved.lifetimes.set(&store, lifetime);
        }
        self.saved.rules = rules;
    }

    /// True while something that is held aside is on its way back.
    pub(crate) fn is_restoring(&self, held: &Held) -> bool {
        self.restoring.iter().any(|(_, id)| *id == held.id)
    }

    /// What is held aside for the store on show, oldest first.
    pub(crate) fn held(&self) -> impl DoubleEndedIterator<Item = &Held> {
        let path = self.shown().map(|s| &s.info.path);
        let is_there = move |h: &&Held| Some(&h.store) == path && !self.is_restoring(h);
        self.held.iter().filter(is_there)
    }

    /// What is held aside of every store that is remembered or open, oldest first.
    pub(crate) fn held_everywhere(&self) -> Vec<Held> {
        let mut all = self.held.clone();
        for held in &self.everywhere.remembered {
            // Of the open stores the other list is newer, and of one just closed it still tells.
            let is_open = self.stores.iter().any(|s| s.info.path == held.store);
            if !is_open && self.held.iter().all(|h| h.id != held.id) {
                all.push(held.clone());
            }
        }
        all.sort_by(|a, b| (a.time, &a.id).cmp(&(b.time, &b.id)));
        all
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
