//! Dead space given back: each store keeps every key and value, and is whole at every moment.

mod dumb;
pub(super) mod gdbm;
mod sqlite;

use std::path::Path;
use std::sync::Arc;

use super::apply::Site;
use super::quarantine::{self, Purpose, Quarantine, Shelf};
use crate::model::{Cancel, StoreInfo};
use crate::stores::{Compaction, Store};
use crate::{Error, Result};

/// What compacting gains, before it is done or after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gain {
    /// Bytes of the store's files as they are, or were.
    pub bytes_before: u64,
    /// Bytes of them afterwards.
    pub bytes_after: u64,
}

impl Gain {
    /// Bytes that are given back.
    pub fn bytes(self) -> u64 {
        self.bytes_before.saturating_sub(self.bytes_after)
    }
}

/// What the person says of the programs that might have the store open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    /// Nothing.
    NotGiven,
    /// None of them does.
    NoProgramUsesIt,
}

/// What compacting a store would gain, from what it says of itself. Nothing is changed.
///
/// # Errors
/// [`Error::is_refused`] where this kind of store cannot be compacted; if it cannot be read.
pub fn predict(info: &Arc<StoreInfo>) -> Result<Gain> {
    let (site, compaction) = open(info)?;
    match compaction {
        Compaction::Dumb { base } => dumb::predict(&site, &base),
        Compaction::Gdbm { file } => gdbm::predict(&site, &file),
        Compaction::Sqlite { files } => sqlite::predict(&site, &files),
    }
}

/// Compacts a store. One that could not be compacted is as it was; cut short, it is whole, and can be compacted again.
///
/// # Errors
/// [`Error::is_refused`] where it would not be safe now; if the store changes meanwhile, or there is no room.
pub fn compact(info: &Arc<StoreInfo>, word: Word, cancel: &Cancel) -> Result<Gain> {
    let (site, compaction) = open(info)?;
    if is_unseen(&compaction) && word == Word::NotGiven {
        return Err(Error::refused(
            "Cannot compact the store",
            "a program that has it open keeps the old places of all values in mind and would hand out wrong ones; \
             nobody can see whether there is one",
        )
        .at(&info.path)
        .hint("If none has, say so: --no-program-uses-it"));
    }
    let (quarantine, shelf) = workbench(&site)?;
    let gain = match compaction {
        Compaction::Dumb { base } => dumb::compact(&site, &base, &shelf, cancel),
        Compaction::Gdbm { file } => gdbm::compact(&site, &file, &shelf, cancel),
        Compaction::Sqlite { files } => sqlite::compact(&site, &files, &shelf, cancel),
    };
    let tidied = quarantine
        .discard(shelf)
        .and_then(|()| quarantine.tidy(&Cancel::default()));
    if let Err(error) = tidied {
        // The next clear, undo or purge does it.
        log::warn!("{error}");
    }
    gain
}

/// True if the store is compacted only on the word that no program has it open.
///
/// # Errors
/// As [`predict`].
pub fn needs_word(info: &Arc<StoreInfo>) -> Result<bool> {
    Ok(is_unseen(&open(info)?.1))
}

/// True where nobody can see whether a program has the files open.
fn is_unseen(compaction: &Compaction) -> bool {
    matches!(compaction, Compaction::Dumb { .. })
}

fn open(info: &Arc<StoreInfo>) -> Result<(Site, Compaction)> {
    let compaction = Store::open(info)?.compaction()?;
    Ok((Site::find(info)?, compaction))
}

/// An empty shelf beside the store, where new files are written before they take an old one's place.
fn workbench(site: &Site) -> Result<(Quarantine, Shelf)> {
    let what = "Cannot compact the store, because nothing can be written beside it";
    let new = || {
        site.can_keep()?;
        quarantine::tidy_in(&site.parent);
        quarantine::new_shelf(&site.parent, "compact", Purpose::Free)
    };
    new().map_err(|e| Error::refused(what, e.message()).at(site.parent.path()))
}

fn cannot(why: impl Into<String>, path: &Path) -> Error {
    Error::refused("The file was not written anew", why).at(path)
}

fn changed(site: &Site) -> Error {
    Error::changed(
        "The store was not compacted",
        "a program changed it meanwhile",
    )
    .at(&site.store.info.path)
    .hint("Try again when no program is at work on it")
}
