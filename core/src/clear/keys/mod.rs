//! Files of keys, open to lose some and take some back: one door for the three containers behind `dbm`.

mod dumb;
mod gdbm;
mod ndbm;

use std::path::Path;

use super::quarantine::Shelf;
use crate::model::Fingerprint;
use crate::source::Dir;
use crate::stores::{KeyForm, KeyRemoval};
use crate::{Error, Result};

/// Larger values are not saved for undo: they would be held in memory several times on their way.
pub(super) const MAX_VALUE_BYTES: u64 = super::saved::MAX_ROW_BYTES;

/// Keys that are taken out or put back at a time, of `n_all`: a lock is not held for longer than that takes.
///
/// A dumb shelf's index is written anew for each batch, however large it is: these are many, or all keys are in few of
/// them. The form is known once a file was opened.
pub(super) fn batch(form: Option<KeyForm>, n_all: usize) -> usize {
    const KEYS: usize = 256;
    const DUMB_KEYS: usize = 8192;
    const DUMB_BATCHES: usize = 32;
    match form {
        Some(KeyForm::Dumb) => DUMB_KEYS.max(n_all / DUMB_BATCHES),
        _ => KEYS,
    }
}

/// A key as it stands in its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    /// Where its value lies, as listings tell it.
    pub(super) at: u64,
    /// Bytes of its value.
    pub(super) len: u64,
    /// What the file needs to know to take it back; means something to the same container only.
    pub(super) mark: i64,
}

impl Found {
    /// True if it is what was planned.
    pub(super) fn is(&self, planned: &Fingerprint) -> bool {
        (self.at, self.len) == (planned.ident, planned.size)
    }
}

/// What became of a key that was to come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Insert {
    /// It is back.
    Done,
    /// The program has stored one of the same name.
    IsThere,
    /// Only the library itself could make room for it.
    NoRoom,
}

/// A file of keys.
pub(super) trait Keys {
    /// Looks a key up.
    fn find(&mut self, key: &[u8]) -> Result<Option<Found>>;

    /// Reads the value of a key that was found.
    fn value(&mut self, key: &[u8], found: &Found) -> Result<Vec<u8>>;

    /// Takes keys out that were found; for each, whether it is out: `false` if it changed since.
    ///
    /// A value that is given must be the one that is there.
    fn remove(&mut self, keys: &[Leaving<'_>]) -> Vec<Result<bool>>;

    /// Takes keys back; for each, what became of it.
    fn insert(&mut self, keys: &[Coming<'_>]) -> Vec<Result<Insert>>;

    /// Waits until all of it is on the disk.
    fn sync(&mut self) -> Result<()>;
}

/// A key on its way back.
pub(super) struct Coming<'a> {
    pub(super) key: &'a [u8],
    pub(super) value: &'a [u8],
    /// [`Found::mark`] of when it left.
    pub(super) mark: i64,
}

/// A key on its way out.
pub(super) struct Leaving<'a> {
    pub(super) key: &'a [u8],
    pub(super) found: &'a Found,
    /// Its value, where it was saved.
    pub(super) value: Option<&'a [u8]>,
}

/// What a file is opened for.
#[derive(Clone, Copy)]
pub(super) enum For<'s> {
    /// To look: nothing is locked and nothing changes.
    Looking,
    /// To be changed, with the library's own lock; new files are written on the shelf first, where there is one.
    Changing {
        shelf: Option<&'s Shelf>,
        /// The person's word that no program has the file open.
        is_unused: bool,
    },
}

/// Opens the file that a removal names, in the folder that its path is relative to.
///
/// # Errors
/// [`Error::is_refused`] where a program is seen to use it, or it is of a form that is not written here.
pub(super) fn open<'a>(
    base: &'a Dir,
    removal: &KeyRemoval,
    purpose: For<'a>,
) -> Result<Box<dyn Keys + 'a>> {
    let path = base.path().join(&removal.file);
    let outer = removal.file.parent().unwrap_or(Path::new(""));
    let name = removal.file.file_name().unwrap_or_default().to_owned();
    let dir = base
        .open_below(outer)
        .map_err(|e| Error::io("Cannot open the file", &path, e))?;
    Ok(match removal.form {
        KeyForm::Dumb => Box::new(dumb::Dumb::new(dir, name, purpose)),
        KeyForm::Gdbm => Box::new(gdbm::Gdbm::open(dir, name, purpose)?),
        KeyForm::BerkeleyHash => Box::new(ndbm::Ndbm::open(&dir, &name, purpose)?),
    })
}
