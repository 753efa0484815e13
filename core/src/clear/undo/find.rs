//! Where something may be held: beside a path, above it, below it, and where our own folder remembers one.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::super::QUARANTINE;
use super::super::apart;
use super::super::plan;
use super::super::quarantine::Quarantine;
use super::{Held, look, unreadable};
use crate::Result;
use crate::model::Cancel;
use crate::own::StateDir;
use crate::source::{Dir, FileType};

/// Folders looked into below a path.
const SEARCH_FOLDERS: usize = 4096;
/// Levels below a path.
const SEARCH_DEPTH: usize = 5;
/// Links that lead to a link; Linux follows as many (`path_resolution(7)`).
const LINKS: usize = 40;

/// What is held for stores at, above or below these paths, oldest first; without paths, all that is remembered.
///
/// The paths need not exist any more, and `state` is only one more hint: a quarantine describes itself.
pub fn list(paths: &[PathBuf], state: Option<&StateDir>) -> Vec<Held> {
    let real: Vec<PathBuf> = paths.iter().map(|p| real_path(p)).collect();
    let mut held: Vec<Held> = Vec::new();
    for place in places(&real, state) {
        let (quarantine, names) = match open_and_list(&place) {
            Ok(Some(found)) => found,
            Ok(None) => continue,
            Err(error) => {
                let path = place.join(QUARANTINE);
                held.push(unreadable(QUARANTINE, &path, &place, error.message()));
                continue;
            }
        };
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
    for path in &real {
        finish_in_place(path);
    }
    for place in places(&real, state) {
        match open(&place) {
            Ok(Some(quarantine)) => quarantine.tidy(cancel)?,
            Ok(None) => {}
            // It is listed as what cannot be read.
            Err(error) => log::warn!("{error}"),
        }
        if let Some(state) = state
            && is_certainly_gone(&place)
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

/// The quarantine of a place; a place that is gone, or nobody may look into, has none.
fn open(place: &Path) -> Result<Option<Quarantine>> {
    Dir::open_exact(place).map_or(Ok(None), Quarantine::find)
}

fn open_and_list(place: &Path) -> Result<Option<(Quarantine, Vec<String>)>> {
    let Some(quarantine) = open(place)? else {
        return Ok(None);
    };
    let names = quarantine.shelf_names()?;
    Ok(Some((quarantine, names)))
}

/// True if there is no quarantine; where a disk is not mounted nobody can say.
fn is_certainly_gone(place: &Path) -> bool {
    let found = std::fs::symlink_metadata(place.join(QUARANTINE));
    let is_missing = found.is_err_and(|e| e.kind() == std::io::ErrorKind::NotFound);
    let is_empty = || std::fs::read_dir(place).map_or(true, |mut list| list.next().is_none());
    is_missing && !is_empty()
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

/// Finishes clears that were cut short while they freed things in their place: in a folder and below it, or a file.
fn finish_in_place(path: &Path) {
    let mut folders = BTreeSet::new();
    let is_folder = walk(path, |below, name| {
        if apart::is_ours(name) {
            folders.insert(below.to_owned());
        }
    });
    let outer = path.parent().filter(|_| !is_folder);
    let Ok(root) = Dir::open_exact(outer.unwrap_or(path)) else {
        return;
    };
    if !is_folder {
        folders.insert(PathBuf::new());
    }
    for folder in folders {
        if let Ok(dir) = root.open_below(&folder) {
            apart::tidy(&dir);
        }
    }
}

/// Quarantines of stores below a folder.
fn search(path: &Path, places: &mut BTreeSet<PathBuf>) {
    walk(path, |below, name| {
        if name == QUARANTINE {
            places.insert(path.join(below));
        }
    });
}

/// Tells the names below a folder, each with the path of its folder, within a bounded look; false if it is no folder.
fn walk(path: &Path, mut each: impl FnMut(&Path, &OsStr)) -> bool {
    let Ok(root) = Dir::open_exact(path) else {
        return false;
    };
    let mut waiting = std::collections::VecDeque::from([(PathBuf::new(), 0)]);
    let mut left = SEARCH_FOLDERS;
    while let Some((below, depth)) = waiting.pop_front() {
        let Some(rest) = left.checked_sub(1) else {
            break;
        };
        left = rest;
        let Ok(dir) = root.open_below(&below) else {
            continue;
        };
        // A listing that fails half-way tells as much as it told.
        dir.list(|name, file_type| {
            each(&below, name);
            if name != QUARANTINE
                && file_type == FileType::Dir
                && depth < SEARCH_DEPTH
                && waiting.len() < SEARCH_FOLDERS
            {
                waiting.push_back((below.join(name), depth + 1));
            }
        })
        .ok();
    }
    true
}

/// Links resolved, also where what the last part leads to is gone (it may be what was moved aside).
fn real_path(path: &Path) -> PathBuf {
    let mut path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    for _ in 0..LINKS {
        path = resolved(&path);
        // Whole paths hold no links any more; this one leads nowhere.
        match std::fs::read_link(&path) {
            Ok(to) => path = path.parent().unwrap_or(Path::new("/")).join(to),
            Err(_) => break,
        }
    }
    path
}

/// A path with the links of all of it that is there resolved.
fn resolved(path: &Path) -> PathBuf {
    for outer in path.ancestors() {
        if let Ok(real) = std::fs::canonicalize(outer) {
            return match path.strip_prefix(outer) {
                Ok(rest) if !rest.as_os_str().is_empty() => real.join(rest),
                _ => real,
            };
        }
    }
    path.to_owned()
}
