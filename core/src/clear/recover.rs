//! What a clear or an undo of rows left half done when its process ended, brought to one side or the other.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::sync::Arc;

use super::disk;
use super::journal::{self, By, Entry, Manifest, part_name};
use super::keys::{self, For, Keys};
use super::plan::Act;
use super::rows::{self, Which};
use super::saved::Saved;
use super::value_file::{self, ValueFile};
use crate::Result;
use crate::model::{Cancel, StoreInfo, text};
use crate::source::Dir;
use crate::sqlite::{Cell, Database, RowAt};
use crate::stores::{Removal, RowRemoval, Store};

/// Opens the store that a manifest is of, where it lies today.
pub(super) fn store_of(parent: &Dir, manifest: &Manifest) -> Result<Store> {
    let head = &manifest.head;
    let path = |below: &Path| parent.path().join(below);
    let kind = crate::stores::kinds()
        .find(|kind| *kind == head.kind)
        .ok_or_else(|| {
            crate::Error::usage(
                "Cannot open the store",
                format!("no backend is called {}", text::quoted(&head.kind)),
            )
        })?;
    Store::open(&Arc::new(StoreInfo::new(
        &path(&head.store),
        &path(&head.opened),
        kind,
        None,
    )))
}

/// Of the undecided entries, those that never left their store.
///
/// The same row under the same key tells it: a clear that was cut short had saved it and not deleted it.
pub(super) fn in_store(
    parent: &Dir,
    manifest: &Manifest,
    saved: &Saved,
    undecided: &BTreeSet<usize>,
) -> Result<Vec<usize>> {
    if undecided.is_empty() {
        return Ok(Vec::new());
    }
    let store = store_of(parent, manifest)?;
    let base = parent
        .open_below(&manifest.head.base)
        .map_err(|e| crate::Error::io("Cannot open the store", parent.path(), e))?;
    let mut found = Vec::new();
    let mut files = BTreeMap::new();
    for entry in manifest
        .entries
        .iter()
        .filter(|entry| undecided.contains(&entry.n))
    {
        let is_there = match store.removal(&entry.key) {
            Ok(Removal::Row(removal)) => {
                is_there(&base, &removal, saved, entry.n, manifest.head.act)?
            }
            Ok(Removal::Key(removal)) => {
                let file = match files.entry(removal.file.clone()) {
                    std::collections::btree_map::Entry::Occupied(file) => file.into_mut(),
                    std::collections::btree_map::Entry::Vacant(place) => {
                        place.insert(keys::open(&base, &removal, For::Looking)?)
                    }
                };
                key_is_there(&mut **file, saved, entry.n)?
            }
            _ => false,
        };
        if is_there {
            found.push(entry.n);
        }
    }
    Ok(found)
}

/// True if the key stands in its file with the value that was saved of it.
fn key_is_there(file: &mut dyn Keys, saved: &Saved, n: usize) -> Result<bool> {
    let rows = saved.rows(n)?;
    let Some([Cell::Blob(key), Cell::Blob(value), _]) = rows.first().map(|row| &*row.cells) else {
        return Ok(true);
    };
    match file.find(key)? {
        Some(found) => Ok(file.value(key, &found)? == *value),
        None => Ok(false),
    }
}

fn is_there(base: &Dir, removal: &RowRemoval, saved: &Saved, n: usize, act: Act) -> Result<bool> {
    let saved = saved.rows(n)?;
    let Some(row) = saved.first() else {
        return Ok(true);
    };
    let which = Which {
        removal,
        rowid: row.rowid,
    };
    if let Act::Expire(_) = act {
        // Only the new expiry says that it was written.
        let now = view(base, &removal.database)?
            .read(&Cancel::default(), |view| which.expiry(view.connection))?;
        return Ok(now.is_none_or(|[expires, _]| row.cells.get(1) != Some(&expires)));
    }
    let now = view(base, &removal.database)?
        .read(&Cancel::default(), |view| which.load(view.connection))?;
    Ok(now.is_some_and(|(_, now)| rows::is_same(&removal.rules, &row.cells, &now)))
}

fn view(base: &Dir, database: &Path) -> Result<Database> {
    let (dir, name) = value_file::open(base, database).map_err(|e| {
        crate::Error::io("Cannot open the database", &base.path().join(database), e)
    })?;
    Ok(Database::new(dir, name))
}

/// Decides what is undecided on a shelf of ours, and moves value files of rows that are out after them.
///
/// # Errors
/// If the store cannot be read: then it stays undecided.
pub(super) fn rows(parent: &Dir, shelf: &Dir, manifest: &Manifest) -> Result<()> {
    let Some(saved) = Saved::find(shelf)? else {
        // One that came to its end holds what could not be told from what was to be freed.
        if manifest.is_finished {
            return Ok(());
        }
        return free_files(shelf, manifest, &BTreeSet::new());
    };
    let numbers = saved.numbers()?;
    if numbers.undecided.is_empty() && manifest.is_finished {
        return Ok(());
    }
    let stayed = in_store(parent, manifest, &saved, &numbers.undecided)?;
    let base = parent.open_below(&manifest.head.base);
    let store = store_of(parent, manifest)?;
    if let Ok(base) = &base {
        let stayed: BTreeSet<usize> = stayed.iter().copied().collect();
        for entry in manifest.entries.iter().filter(|e| stayed.contains(&e.n)) {
            if let Ok(Removal::Row(removal)) = store.removal(&entry.key) {
                put_file_back(base, shelf, &saved, entry.n, &removal)?;
            }
        }
    }
    saved.decide(&stayed)?;
    let Ok(base) = base else {
        return Ok(());
    };
    let mut out = numbers.gone;
    out.extend(numbers.undecided.iter().filter(|n| !stayed.contains(n)));
    for entry in manifest.entries.iter().filter(|e| out.contains(&e.n)) {
        if let Ok(Removal::Row(removal)) = store.removal(&entry.key) {
            move_file(&base, shelf, &saved, entry, &removal)?;
        }
    }
    free_files(shelf, manifest, &out)
}

/// Frees value files whose rows nobody can bring back: a clear without undo was cut short.
fn free_files(shelf: &Dir, manifest: &Manifest, saved: &BTreeSet<usize>) -> Result<()> {
    let rows = manifest.entries.iter().filter(|e| e.by == By::Rows);
    let rows: BTreeSet<usize> = rows.map(|entry| entry.n).collect();
    let fail = |e| super::quarantine::cannot_tidy(e, shelf.path());
    for (name, _) in journal::held_names(shelf).map_err(fail)? {
        if journal::entry_of(&name).is_some_and(|n| rows.contains(&n) && !saved.contains(&n)) {
            disk::remove_file(shelf, &name).map_err(fail)?;
        }
    }
    Ok(())
}

/// Moves a value file back whose row is in the store again, as after a backup of the database was put in its place.
fn put_file_back(
    base: &Dir,
    shelf: &Dir,
    saved: &Saved,
    n: usize,
    removal: &RowRemoval,
) -> Result<()> {
    if shelf.stat(&part_name(n, false, 0)).is_err() {
        return Ok(());
    }
    let rows = saved.rows(n)?;
    let Some(path) = rows
        .first()
        .and_then(|row| rows::file_of(&removal.rules, &row.cells))
    else {
        return Ok(());
    };
    let folder = removal.database.parent().unwrap_or(Path::new(""));
    let put = base
        .open_below(folder)
        .and_then(|dir| value_file::put_back(shelf, n, &dir, &path));
    match put {
        Err(e) if e.kind() != io::ErrorKind::AlreadyExists => {
            let path = base.path().join(folder).join(&path);
            Err(crate::Error::io("Cannot move the value file", &path, e))
        }
        _ => Ok(()),
    }
}

/// Moves the value file of a row that is out onto the shelf, if it is in the store still and no row names it.
fn move_file(
    base: &Dir,
    shelf: &Dir,
    saved: &Saved,
    entry: &Entry,
    removal: &RowRemoval,
) -> Result<()> {
    let rules = &removal.rules;
    let (Some(column), true) = (
        rules.file.map(|files| files.column),
        shelf.stat(&part_name(entry.n, false, 0)).is_err(),
    ) else {
        return Ok(());
    };
    let saved = saved.rows(entry.n)?;
    let Some(cells) = saved.first().map(|row| &row.cells) else {
        return Ok(());
    };
    let (Some(path), Some(name)) = (rows::file_of(rules, cells), cells.get(column)) else {
        return Ok(());
    };
    let folder = removal.database.parent().unwrap_or(Path::new(""));
    let Ok(dir) = base.open_below(folder) else {
        return Ok(());
    };
    let Ok(dev) = dir.stat_self().map(|meta| meta.dev) else {
        return Ok(());
    };
    let Ok(Some(file)) = ValueFile::look(&dir, &path, dev) else {
        return Ok(());
    };
    let names = RowRemoval {
        at: RowAt::Columns(vec![(column, name.clone())]),
        ..removal.clone()
    };
    let is_named = view(base, &removal.database)?.read(&Cancel::default(), |view| {
        let which = Which {
            removal: &names,
            rowid: None,
        };
        Ok(which.look(view.connection)?.is_some())
    })?;
    if is_named {
        return Ok(());
    }
    file.move_to(&dir, shelf, entry.n)
        .map(drop)
        .map_err(|e: io::Error| crate::Error::io("Cannot move the value file", dir.path(), e))
}
