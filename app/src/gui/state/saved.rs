//! What survives a restart: recent paths, the tab, the table's order and columns.

use std::path::{Path, PathBuf};

use cachescope_core::ops::{Direction, Sort, SortBy};
use egui::ThemePreference;
use serde::{Deserialize, Serialize};

use super::{Rules, Tab};
use crate::gui::widgets::mosaic::Colour;

/// Recent paths that are kept.
const RECENT: usize = 12;

/// Stores for which something is remembered.
const STORES: usize = 50;

/// Queries that are remembered.
const RECENT_QUERIES: usize = 30;

/// A query that a person keeps on the rail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SavedQuery {
    /// What the rail calls it.
    pub(crate) name: String,
    /// The query as it is typed.
    pub(crate) query: String,
}

/// What the overview orders functions, tables or tags by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum FunctionsBy {
    /// Stored bytes.
    #[default]
    Bytes,
    /// Seconds that computing their entries took.
    Duration,
    /// Seconds that hits saved.
    Saved,
}

/// How the overview counts and orders.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Ways {
    /// Entries by age rather than by last use.
    pub(crate) is_by_age: bool,
    /// What comes first among the functions.
    pub(crate) functions_by: FunctionsBy,
}

/// What was typed for single stores, newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct OfStores(Vec<(PathBuf, String)>);

impl OfStores {
    /// What was typed for a store; empty for nothing.
    pub(crate) fn of(&self, store: &Path) -> &str {
        let named = self.0.iter().find(|(of, _)| of == store);
        named.map_or("", |(_, text)| text)
    }

    /// Remembers it; empty forgets.
    pub(crate) fn set(&mut self, store: &Path, text: String) {
        self.0.retain(|(of, _)| of != store);
        if !text.is_empty() {
            self.0.insert(0, (store.to_owned(), text));
            self.0.truncate(STORES);
        }
    }
}

/// What became of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pinned {
    /// It stands above the recent ones from now on.
    Kept,
    /// It is one of the recent ones again.
    LetGo,
}

/// Written by eframe at exit and every 30 seconds.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Saved {
    /// Paths that held a store, newest first.
    pub(crate) recent: Vec<PathBuf>,
    /// Paths that a person keeps above the recent ones.
    pub(crate) pinned: Vec<PathBuf>,
    /// Paths that were open when the window was closed.
    pub(crate) open: Vec<PathBuf>,
    /// The store that was on show then: the path that was opened, and its own.
    pub(crate) shown: Option<(PathBuf, PathBuf)>,
    /// Queries that found something to look at, newest first.
    pub(crate) recent_queries: Vec<String>,
    /// Queries kept on the rail, in the order in which they were kept.
    pub(crate) queries: Vec<SavedQuery>,
    /// The page on show.
    pub(crate) tab: Tab,
    /// What the treemap's colours tell.
    pub(crate) colour: Colour,
    /// How the overview counts and orders.
    pub(crate) ways: Ways,
    /// Light, dark, or as the system has it.
    pub(crate) theme: ThemePreference,
    /// What revalidating asks for.
    pub(crate) rules: Rules,
    /// Folders of today's functions by store, newest first: one project's would call every other one's gone.
    pub(crate) sources: OfStores,
    /// Lifetimes of entries by store: `7d`. What is old in one cache is young in another.
    pub(crate) lifetimes: OfStores,
    /// The table's order.
    pub(crate) sort: Sort,
    /// Whether the table shows groups.
    pub(crate) is_grouped: bool,
    /// Columns that a person hid.
    pub(crate) hidden: Vec<SortBy>,
    /// Columns in the order that a person gave them; empty for ours.
    pub(crate) order: Vec<SortBy>,
    /// Whether each argument has a column where one function shows.
    pub(crate) has_argument_columns: bool,
    /// Columns that a person widened or narrowed, in points.
    pub(crate) widths: Vec<(SortBy, f32)>,
}

impl Default for Saved {
    fn default() -> Self {
        Self {
            recent: Vec::new(),
            pinned: Vec::new(),
            open: Vec::new(),
            shown: None,
            recent_queries: Vec::new(),
            queries: Vec::new(),
            tab: Tab::default(),
            colour: Colour::default(),
            ways: Ways::default(),
            theme: ThemePreference::System,
            rules: Rules::default(),
            sources: OfStores::default(),
            lifetimes: OfStores::default(),
            sort: Sort {
                by: SortBy::Bytes,
                direction: Direction::Descending,
            },
            is_grouped: true,
            // Last use tells more, and both together crowd a small window.
            hidden: vec![SortBy::Created, SortBy::DiskBytes, SortBy::LastHit],
            order: Vec::new(),
            has_argument_columns: true,
            widths: Vec::new(),
        }
    }
}

impl Saved {
    /// Gives the table the columns that it had at first.
    pub(crate) fn reset_columns(&mut self) {
        let first = Self::default();
        self.hidden = first.hidden;
        self.order = first.order;
        self.widths = first.widths;
        self.has_argument_columns = first.has_argument_columns;
    }

    /// What revalidating a store asks for.
    pub(crate) fn rules_of(&self, store: &Path) -> Rules {
        Rules {
            source: self.sources.of(store).to_owned(),
            expires_after: self.lifetimes.of(store).to_owned(),
            ..self.rules.clone()
        }
    }

    /// Puts a path first among the recent ones.
    pub(crate) fn remember(&mut self, path: &Path) {
        self.recent.retain(|p| p != path);
        self.recent.insert(0, path.to_owned());
        self.recent.truncate(RECENT);
    }

    /// Keeps a path above the recent ones, or lets go of it.
    pub(crate) fn pin(&mut self, path: &Path) -> Pinned {
        let n_before = self.pinned.len();
        self.pinned.retain(|p| p != path);
        if self.pinned.len() < n_before {
            return Pinned::LetGo;
        }
        self.pinned.push(path.to_owned());
        Pinned::Kept
    }

    /// Paths to open again: the pinned ones, then the others, newest first; each with whether it is pinned.
    pub(crate) fn to_open(&self) -> impl Iterator<Item = (bool, &PathBuf)> {
        let others = self.recent.iter().filter(|p| !self.pinned.contains(p));
        let pinned = self.pinned.iter().map(|path| (true, path));
        pinned.chain(others.map(|path| (false, path)))
    }

    /// Puts a query first among the recent ones.
    pub(crate) fn remember_query(&mut self, query: &str) {
        let query = query.trim();
        if !query.is_empty() {
            self.recent_queries.retain(|q| q != query);
            self.recent_queries.insert(0, query.to_owned());
            self.recent_queries.truncate(RECENT_QUERIES);
        }
    }

    /// Keeps a query on the rail, or lets go of it if it is kept already.
    pub(crate) fn keep_query(&mut self, query: &str) {
        let n_before = self.queries.len();
        self.queries.retain(|saved| saved.query != query);
        if self.queries.len() == n_before && !query.trim().is_empty() {
            self.queries.push(SavedQuery {
                name: query.to_owned(),
                query: query.to_owned(),
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_for_one_store_says_nothing_of_another() {
        let mut lifetimes = OfStores::default();
        let (a, b) = (Path::new("/a"), Path::new("/b"));
        lifetimes.set(a, "7d".to_owned());
        assert_eq!((lifetimes.of(a), lifetimes.of(b)), ("7d", ""));
        lifetimes.set(a, String::new());
        assert_eq!(lifetimes, OfStores::default());
        for n in 0..=STORES {
            lifetimes.set(Path::new(&n.to_string()), "1h".to_owned());
        }
        assert_eq!(lifetimes.of(Path::new("0")), "");
        assert_eq!(lifetimes.of(Path::new("50")), "1h");
    }

    #[test]
    fn recent_paths_are_newest_first_without_doubles() {
        let mut saved = Saved::default();
        for n in 0..20 {
            saved.remember(Path::new(&format!("/{n}")));
        }
        saved.remember(Path::new("/15"));
        assert_eq!(saved.recent.len(), RECENT);
        assert_eq!(saved.recent[0], Path::new("/15"));
        assert_eq!(saved.recent[1], Path::new("/19"));
        assert_eq!(
            saved
                .recent
                .iter()
                .filter(|p| *p == Path::new("/15"))
                .count(),
            1
        );
    }
}
