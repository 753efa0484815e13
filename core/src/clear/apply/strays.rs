//! What arrived on a shelf without having been chosen, because a program put it there at the very moment of the move.
//!
//! It is nobody's to free: it is held on a shelf of its own, each thing as an entry that undo puts back.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::io;
use std::path::PathBuf;

use super::super::disk;
use super::super::journal::{self, By, Entry, Manifest};
use super::super::quarantine::{self, Purpose, Shelf};
use crate::source::Dir;
use crate::{Error, Result};

/// Names on a shelf of what a mechanism knows to be no part of its entries, and where below the base it belongs.
pub(super) type Strays = BTreeMap<OsString, PathBuf>;

/// Names of what lies on a shelf and is no part of the entries `out`, which were checked after they had arrived.
pub(super) fn on(shelf: &Shelf, out: &BTreeSet<usize>, known: &Strays) -> Result<Vec<OsString>> {
    let names = journal::held_names(&shelf.dir)
        .map_err(|e| Error::io("Cannot list what was moved aside", shelf.dir.path(), e))?;
    let is_stray = |name: &OsString| {
        known.contains_key(name) || journal::entry_of(name).is_none_or(|n| !out.contains(&n))
    };
    Ok(names
        .into_iter()
        .map(|(name, _)| name)
        .filter(is_stray)
        .collect())
}

/// Moves `names` from a shelf onto a new one, whose journal is written first.
///
/// # Errors
/// If they cannot be moved: some may be on either shelf then, and none is lost.
pub(super) fn set_aside(
    parent: &Dir,
    from: &Shelf,
    names: &[OsString],
    known: &Strays,
) -> Result<Shelf> {
    let fail = |e| {
        Error::io(
            "What came between cannot be set apart from what is to be freed",
            from.dir.path(),
            e,
        )
    };
    let manifest = Manifest::read(&from.manifest)
        .and_then(|manifest| manifest.ok_or_else(|| io::ErrorKind::UnexpectedEof.into()))
        .map_err(fail)?;
    let (_, aside) = quarantine::new_shelf(parent, &manifest.head.id, Purpose::Undo)?;
    let entries: Vec<(&OsString, Entry)> = names
        .iter()
        .enumerate()
        .filter_map(|(n, name)| Some((name, stray(&manifest, name, n, known)?)))
        .collect();
    let moved = (|| {
        let mut journal = journal::Writer::new(&aside.manifest);
        journal.head(journal::Head {
            id: aside.name.clone(),
            ..manifest.head.clone()
        })?;
        for group in manifest.groups.values() {
            journal.group(group.clone())?;
        }
        for (_, entry) in &entries {
            journal.entry(entry.clone())?;
        }
        journal.sync()?;
        for (name, entry) in &entries {
            let held = journal::part_name(entry.n, entry.is_folder, 0);
            disk::rename(&from.dir, name, &aside.dir, &held)?;
        }
        // Off the one shelf for good before that is doomed.
        disk::sync_dir(&aside.dir)?;
        disk::sync_dir(&from.dir)
    })();
    moved.map_err(fail)?;
    if entries.len() < names.len() {
        return Err(fail(io::ErrorKind::InvalidData.into()));
    }
    Ok(aside)
}

/// A thing that is held under `name` as entry `n` of its own: it belongs where that part of the entry lay.
fn stray(manifest: &Manifest, name: &OsString, n: usize, known: &Strays) -> Option<Entry> {
    let of = journal::entry_of(name)?;
    let entry = manifest.entries.iter().find(|entry| entry.n == of)?;
    let of_entry = || entry.parts().find(|(part, _)| part == name);
    let path = match known.get(name) {
        Some(path) => path.clone(),
        None => of_entry()?.1.to_owned(),
    };
    Some(Entry {
        n,
        by: By::Files,
        goes_with: None,
        // What it is nobody knows, so its bytes are not counted among the entry's.
        bytes: 0,
        is_folder: true,
        paths: vec![path],
        ..entry.clone()
    })
}
