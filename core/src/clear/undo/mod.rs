//! What was moved aside: found again without any memory of ours, brought back, or freed for good.

mod files;
mod find;
mod held_rows;
mod keys;
mod restore;
mod rows;

pub(super) use files::make_below;
pub use find::{is_id, list, tidy};
pub use restore::{HeldEntry, Restored, restore};
use restore::{Mechanism, Way};

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use super::journal::{self, By, Entry, Manifest};
use super::quarantine::{Quarantine, Shelf};
use super::recover;
use super::saved::{self, Saved};
use crate::error::plain_io;
use crate::model::{Cancel, Progress, Time};
use crate::source::{Dir, FileType};
use crate::{Error, Result};

/// What one clear moved aside and is still held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// Names it: the id that the clear gave back.
    pub id: String,
    /// When it was cleared; `None` if its manifest does not tell.
    pub time: Option<Time>,
    /// The store that it came from.
    pub store: PathBuf,
    /// The path that was opened: a dbm file's name without its suffix.
    pub opened_as: PathBuf,
    /// Kind of that store; empty if its manifest does not tell.
    pub kind: String,
    /// Entries still held.
    pub entries: usize,
    /// Their stored bytes; of a doomed shelf the bytes of its files.
    pub bytes: u64,
    /// How far the clear came.
    pub state: HeldState,
    /// True if nothing was moved: entries got a new expiry, and undo gives the old one back.
    pub is_expiry: bool,
    /// Names what one command cleared in several stores; `None` for one store.
    pub together: Option<String>,
    /// The quarantine that holds it.
    pub quarantine: PathBuf,
}

/// How far a clear came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HeldState {
    /// To its end.
    Whole,
    /// It was cut short; what it had moved is held, the rest never left the store.
    Interrupted,
    /// It is being freed for good; undo and purge finish that.
    Freeing,
    /// Its manifest cannot be read, for this reason; nothing is brought back and nothing freed.
    Unreadable(String),
}

impl Held {
    /// True if one command moved both aside.
    pub fn is_of_one_clear(&self, other: &Self) -> bool {
        let is_same = (&self.id, &self.quarantine) == (&other.id, &other.quarantine);
        is_same || self.together.is_some() && self.together == other.together
    }

    /// Name of its shelf.
    fn shelf_name(&self) -> String {
        if self.state == HeldState::Freeing {
            Quarantine::doomed(&self.id)
        } else {
            self.id.clone()
        }
    }

    /// Takes its shelf for us alone.
    fn open(&self) -> Result<(Quarantine, Shelf)> {
        let gone = || {
            Error::not_found(
                "Nothing is held aside there any more",
                "it was brought back or freed meanwhile",
            )
            .at(&self.quarantine)
        };
        if let HeldState::Unreadable(reason) = &self.state {
            return Err(
                Error::damaged("Cannot read what is held aside", reason.clone())
                    .at(&self.quarantine),
            );
        }
        let parent = self.quarantine.parent().unwrap_or(Path::new("/"));
        let parent = Dir::open_exact(parent)
            .map_err(|e| Error::io("Cannot open what was moved aside", parent, e))?;
        let quarantine = Quarantine::find(parent)?.ok_or_else(gone)?;
        let shelf = quarantine
            .take(&self.shelf_name())
            .map_err(|e| if e.is_not_found() { gone() } else { e })?;
        Ok((quarantine, shelf))
    }
}

/// What was freed for good.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Purged {
    /// Entries.
    pub entries: usize,
    /// Their stored bytes.
    pub bytes: u64,
}

/// Frees what is held, for good. Cut short, it is finished by the next clear, undo or purge.
///
/// `progress` counts its entries on; their total is for the caller to set, who may free several.
///
/// # Errors
/// If it is gone already, or something cannot be removed.
pub fn purge(held: &Held, cancel: &Cancel, progress: &Progress) -> Result<Purged> {
    let (quarantine, mut shelf) = held.open()?;
    // An undo may have brought some back since it was listed.
    let now = look(&quarantine, &held.shelf_name());
    quarantine.doom(&mut shelf)?;
    // An entry of several files is one entry.
    let mut freed = BTreeSet::new();
    quarantine.free(shelf, cancel, |n| {
        if freed.insert(n) {
            progress.add(1);
        }
    })?;
    if let Err(error) = quarantine.tidy(cancel) {
        // All of it is freed, and the next command tidies.
        log::warn!("{error}");
    }
    Ok(now.map_or_else(Purged::default, |now| Purged {
        entries: now.entries,
        bytes: now.bytes,
    }))
}

/// Entries of which something is still held, in the manifest's order.
fn held_entries<'m>(parent: &Dir, dir: &Dir, manifest: &'m Manifest) -> Result<Vec<&'m Entry>> {
    let names = journal::held_names(dir)
        .map_err(|e| Error::io("Cannot read what is held aside", dir.path(), e))?;
    let of_files = manifest.entries.iter().filter(|e| e.by == By::Files);
    let of_files: BTreeSet<usize> = of_files.map(|entry| entry.n).collect();
    // A value file alone is no entry: its row is freed, or in the store.
    let mut held: BTreeSet<usize> = names
        .iter()
        .filter_map(|(name, _)| journal::entry_of(name))
        .filter(|n| of_files.contains(n))
        .collect();
    if let Some(saved) = Saved::find(dir)? {
        let mut numbers = saved.numbers()?;
        for n in recover::in_store(parent, manifest, &saved, &numbers.undecided)? {
            numbers.undecided.remove(&n);
        }
        held.extend(numbers.gone);
        held.extend(numbers.undecided);
    }
    let is_held = |entry: &&Entry| held.contains(&entry.goes_with.unwrap_or(entry.n));
    Ok(manifest.entries.iter().filter(is_held).collect())
}

/// Reads what a shelf tells about itself.
fn look(quarantine: &Quarantine, name: &str) -> Option<Held> {
    let path = quarantine.path();
    let parent = quarantine.parent().path();
    let (dir, manifest) = match quarantine.look(name) {
        Ok(found) => found,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound && holds_nothing(quarantine, name) => {
            return None;
        }
        Err(e) => {
            let why = format!("its manifest cannot be opened: {}", plain_io(&e));
            return Some(unreadable(name, &path, parent, why));
        }
    };
    let names = match journal::held_names(&dir) {
        Ok(names) => names,
        Err(e) => return Some(unreadable(name, &path, parent, plain_io(&e))),
    };
    if names.is_empty() && !saved::is_there(&dir) {
        return None;
    }
    let manifest = match Manifest::read(&manifest) {
        Ok(manifest) => manifest,
        Err(e) => return Some(unreadable(name, &path, parent, plain_io(&e))),
    };
    let is_freeing = Quarantine::is_doomed(name);
    let (entries, bytes) = match &manifest {
        Some(manifest) if !is_freeing => match held_entries(quarantine.parent(), &dir, manifest) {
            Ok(held) => {
                let bytes = held.iter().map(|entry| entry.bytes);
                (held.len(), bytes.fold(0, u64::saturating_add))
            }
            Err(e) => return Some(unreadable(name, &path, parent, e.message())),
        },
        _ => {
            let numbers: BTreeSet<usize> = names
                .iter()
                .filter_map(|(name, _)| journal::entry_of(name))
                .collect();
            let bytes = names.iter().map(|(name, t)| tree_bytes(&dir, name, *t));
            let bytes = bytes.fold(saved::bytes(&dir), u64::saturating_add);
            (numbers.len(), bytes)
        }
    };
    if entries == 0 && !is_freeing {
        let unnamed = manifest
            .as_ref()
            .is_some_and(|manifest| holds_others(&dir, &names, manifest));
        let why = "its manifest does not name what lies there".to_owned();
        return unnamed.then(|| unreadable(name, &path, parent, why));
    }
    let state = match &manifest {
        _ if is_freeing => HeldState::Freeing,
        Some(manifest) if manifest.is_finished => HeldState::Whole,
        Some(_) => HeldState::Interrupted,
        None => {
            let why = "its manifest has no beginning".to_owned();
            return Some(unreadable(name, &path, parent, why));
        }
    };
    let head = manifest.map(|m| m.head);
    Some(Held {
        id: Quarantine::id_of(name).to_owned(),
        time: head.as_ref().map(|h| h.cleared),
        store: head
            .as_ref()
            .map_or_else(|| parent.to_owned(), |h| parent.join(&h.store)),
        opened_as: head
            .as_ref()
            .map_or_else(|| parent.to_owned(), |h| parent.join(&h.opened)),
        is_expiry: head.as_ref().is_some_and(|h| !h.act.is_clear()),
        together: head.as_ref().and_then(|h| h.together.clone()),
        kind: head.map(|h| h.kind).unwrap_or_default(),
        entries,
        bytes,
        state,
        quarantine: path,
    })
}

/// True if something lies on a shelf that its manifest does not name, because that is damaged.
fn holds_others(dir: &Dir, names: &[(OsString, FileType)], manifest: &Manifest) -> bool {
    let named: BTreeSet<usize> = manifest.entries.iter().map(|entry| entry.n).collect();
    let is_other = |n: &usize| !named.contains(n);
    let mut numbers = names.iter().filter_map(|(name, _)| journal::entry_of(name));
    let saved = Saved::find(dir).and_then(|saved| saved.map(|saved| saved.numbers()).transpose());
    numbers.any(|n| is_other(&n))
        || saved.is_ok_and(|saved| saved.is_some_and(|saved| saved.gone.iter().any(is_other)))
}

/// True if nothing lies on a shelf, or it is gone: it is being made or thrown away.
fn holds_nothing(quarantine: &Quarantine, name: &str) -> bool {
    let names = quarantine.names_on(name);
    names.is_ok_and(|names| names.is_empty())
}

fn unreadable(name: &str, quarantine: &Path, parent: &Path, reason: String) -> Held {
    Held {
        id: Quarantine::id_of(name).to_owned(),
        time: None,
        store: parent.to_owned(),
        opened_as: parent.to_owned(),
        kind: String::new(),
        entries: 0,
        bytes: 0,
        state: HeldState::Unreadable(reason),
        is_expiry: false,
        together: None,
        quarantine: quarantine.to_owned(),
    }
}

/// Bytes of a held thing: a file, or a folder of files.
fn tree_bytes(dir: &Dir, name: &OsStr, file_type: FileType) -> u64 {
    if file_type != FileType::Dir {
        return dir.stat(name).map_or(0, |m| m.size);
    }
    let mut bytes = 0_u64;
    if let Ok(folder) = dir.open_dir(name) {
        for (name, _) in folder.names().unwrap_or_default() {
            bytes = bytes.saturating_add(folder.stat(&name).map_or(0, |m| m.size));
        }
    }
    bytes
}
