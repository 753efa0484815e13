//! What the mechanisms for rows and keys share: what is saved of entries, and the store that these go back to.

use std::collections::BTreeSet;
use std::path::Path;

use super::super::journal::Entry;
use super::super::recover::store_of;
use super::super::saved::{Saved, SavedRow};
use super::Way;
use crate::source::Dir;
use crate::stores::{Removal, Store};
use crate::{Error, Result};

/// The undo database of a shelf and the store that it is of, each opened at its first use.
pub(super) struct HeldRows<'a> {
    pub(super) way: Way<'a>,
    store: Option<Store>,
    saved: Option<Saved>,
}

impl<'a> HeldRows<'a> {
    pub(super) fn new(way: Way<'a>) -> Self {
        Self {
            way,
            store: None,
            saved: None,
        }
    }

    /// What is saved of an entry, its own row first.
    pub(super) fn rows(&mut self, entry: &Entry) -> Result<Vec<SavedRow>> {
        self.saved()?.rows(entry.n)
    }

    /// Marks entries that are brought back next.
    pub(super) fn begin(&mut self, numbers: &[usize]) -> Result<()> {
        self.saved()?.begin(numbers)
    }

    /// Entries that an undo before had begun to bring back.
    pub(super) fn begun(&mut self) -> Result<BTreeSet<usize>> {
        self.saved()?.begun()
    }

    /// Lets go of entries that are back in the store.
    pub(super) fn forget(&mut self, numbers: &[usize]) -> Result<()> {
        self.saved()?.forget(numbers)
    }

    /// How an entry would be taken out again, which tells where it belongs.
    pub(super) fn removal(&mut self, entry: &Entry) -> Result<Removal> {
        let store = match &mut self.store {
            Some(store) => store,
            none => none.insert(store_of(self.way.parent, self.way.manifest)?),
        };
        store.removal(&entry.key)
    }

    /// A folder below the one that paths of entries are relative to.
    pub(super) fn folder(&self, below: &Path) -> Result<Dir> {
        let path = self.way.manifest.head.base.join(below);
        self.way.parent.open_below(&path).map_err(|e| {
            let path = self.way.parent.path().join(&path);
            Error::io("Cannot open the store", &path, e)
        })
    }

    fn saved(&mut self) -> Result<&Saved> {
        let shelf = &self.way.shelf.dir;
        match &mut self.saved {
            Some(saved) => Ok(saved),
            none => {
                let found = Saved::find(shelf)?.ok_or_else(|| {
                    Error::not_found("Cannot read what was saved", "it is gone").at(shelf.path())
                })?;
                Ok(none.insert(found))
            }
        }
    }
}
