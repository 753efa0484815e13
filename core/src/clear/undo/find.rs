//! Where something may be held: beside a path, above it, below it, and where our own folder remembers one.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::super::QUARANTINE;
use super::super::plan;
use super::super::quarantine::Quarantine;
use super::{Held, look};
use crate::Result;
use crate::own::StateDir;
use crate::scan::Cancel;
use crate::source::{Dir, FileType};

/// Folders looked into below a path.
const SEARCH_FOLDERS: usize = 4096;
/// Levels below a path.
const SEARCH_DEPTH: usize = 5;

/// What is held for stores at, above or below these paths, oldest first; without paths, all that is remembered.
///
/// The paths need not exist any more, and `state` is only one more hint: a quarantine describes itself.
pub fn list(paths: &[PathBuf], state: Option<&StateDir>) -> Vec<Held> {
    let real: Vec<PathBuf> = paths.iter().map(|p| real_path(p)).collect();
    let mut held: Vec<Held> = Vec::new();
    for place in places(&real, state) {
        let Some(quarantine) = open(&place) else {
            continue;
        };
        let names = quarantine.shelf_names().unwrap_or_default();
        let found = names.iter().filter_map(|name| look(&quarantine, name));
        held.extend(found.filter(|h| real.is_empty() || real.iter().any(|path| concerns(h, path))));
    }
    held.sort_by(|a, b| (a.time, &a.id).cmp(&(b.time, &b.id)));
    held
}

/// Finishes what was cut short there and removes what is left of an empty quarantine; what is held stays held.
///
/// # Errors
/// If something of ours cannot be removed, or it was cancelled.
pub fn tidy(paths: &[PathBuf], state: Option<&StateDir>, cancel: &Cancel) -> Result<()> {
    let real: Vec<PathBuf> = paths.iter().map(|p| real_path(p)).collect();
    for place in places(&real, state) {
        if let Some(quarantine) = open(&place) {
            quarantine.tidy(cancel)?;
        }
        if let Some(state) = state
            && place.is_dir()
            && !place.join(QUARANTINE).exists()
        {
            state.forget_quarantine(&place.join(QUARANTINE))?;
        }
    }
    Ok(())
}

/// True for a text of the form of an id under which something is held.
pub fn is_id(text: &str) -> bool {
    plan::is_id(text)
}

fn open(place: &Path) -> Option<Quarantine> {
    Quarantine::find(Dir::open_exact(place).ok()?)
}

/// True if the path names the store, something in it, or something that it lies in.
fn concerns(held: &Held, path: &Path) -> bool {
    held.store.starts_with(path)
        || path.starts_with(&held.store)
        || [&held.store, &held.opened_as]
            .into_iter()
            .any(|store| stem(store) == stem(path))
}

/// A shelf goes by its name, and by that of each of its files.
fn stem(path: &Path) -> PathBuf {
    let is_file_of_shelf = path.extension().is_some_and(|e| {
        ["dir", "dat", "bak", "db", "pag"]
            .iter()
            .any(|known| e == *known)
    });
    if is_file_of_shelf {
        path.with_extension("")
    } else {
        path.to_owned()
    }
}

/// Folders in which a quarantine may lie.
fn places(real: &[PathBuf], state: Option<&StateDir>) -> BTreeSet<PathBuf> {
    let remembered = state.map(StateDir::quarantines).unwrap_or_default();
    let mut places: BTreeSet<PathBuf> = remembered
        .iter()
        .filter_map(|q| Some(q.parent()?.to_owned()))
        .collect();
    for path in real {
        // It lies beside whatever was opened, and that may have been a folder far above.
        places.extend(path.ancestors().map(Path::to_owned));
        search(path, &mut places);
    }
    places
}

/// Quarantines of stores below a folder, within a bounded look.
fn search(path: &Path, places: &mut BTreeSet<PathBuf>) {
    let Ok(root) = Dir::open_exact(path) else {
        return;
    };
    let mut waiting = std::collections::VecDeque::from([(PathBuf::new(), 0)]);
    let mut left = SEARCH_FOLDERS;
    while let Some((below, depth)) = waiting.pop_front() {
        let Some(rest) = left.checked_sub(1) else {
            return;
        };
        left = rest;
        let Ok(dir) = root.open_below(&below) else {
            continue;
        };
        // A listing that fails half-way tells as much as it told.
        dir.list(|name, file_type| {
            if name == QUARANTINE {
                places.insert(path.join(&below));
            } else if file_type == FileType::Dir
                && depth < SEARCH_DEPTH
                && waiting.len() < SEARCH_FOLDERS
            {
                waiting.push_back((below.join(name), depth + 1));
            }
        })
        .ok();
    }
}

/// Links resolved, also where the last part is gone (it may be what was moved aside).
fn real_path(path: &Path) -> PathBuf {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    for outer in absolute.ancestors() {
        if let Ok(real) = std::fs::canonicalize(outer) {
            return match absolute.strip_prefix(outer) {
                Ok(rest) if !rest.as_os_str().is_empty() => real.join(rest),
                _ => real,
            };
        }
    }
    absolute
}
