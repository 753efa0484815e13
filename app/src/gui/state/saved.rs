//! What survives a restart: recent paths, the tab, the table's order and columns.

use std::path::{Path, PathBuf};

use cachescope_core::ops::{Direction, Sort, SortBy};
use egui::ThemePreference;
use serde::{Deserialize, Serialize};

use super::{Rules, Tab};
use crate::gui::widgets::mosaic::Colour;

/// Recent paths that are kept.
const RECENT: usize = 12;

/// Written by eframe at exit and every 30 seconds.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Saved {
    /// Paths that held a store, newest first.
    pub(crate) recent: Vec<PathBuf>,
    /// The page on show.
    pub(crate) tab: Tab,
    /// What the treemap's colours tell.
    pub(crate) colour: Colour,
    /// Light, dark, or as the system has it.
    pub(crate) theme: ThemePreference,
    /// What revalidating asks for.
    pub(crate) rules: Rules,
    /// The table's order.
    pub(crate) sort: Sort,
    /// Whether the table shows groups.
    pub(crate) is_grouped: bool,
    /// Columns that a person hid.
    pub(crate) hidden: Vec<SortBy>,
    /// Columns that a person widened or narrowed, in points.
    pub(crate) widths: Vec<(SortBy, f32)>,
}

impl Default for Saved {
    fn default() -> Self {
        Self {
            recent: Vec::new(),
            tab: Tab::default(),
            colour: Colour::default(),
            theme: ThemePreference::System,
            rules: Rules::default(),
            sort: Sort {
                by: SortBy::Bytes,
                direction: Direction::Descending,
            },
            is_grouped: true,
            // Last use tells more, and both together crowd a small window.
            hidden: vec![SortBy::Created, SortBy::DiskBytes],
            widths: Vec::new(),
        }
    }
}

impl Saved {
    /// Puts a path first among the recent ones.
    pub(crate) fn remember(&mut self, path: &Path) {
        self.recent.retain(|p| p != path);
        self.recent.insert(0, path.to_owned());
        self.recent.truncate(RECENT);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
