//! Is a folder a joblib store? Told by what lies in it, since only `Memory("x")` gives its folder a name.
//!
//! `Memory(Path("x"))` keeps modules right in `x`, so a folder of several stores and a store of several modules
//! look alike from above: marks that only a root has decide between them.

use std::collections::VecDeque;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::code;
use super::metadata;
use super::names::{ARGS, CODE, METADATA, OUTPUT, STORE, is_entry_name, is_temporary};
use super::walk::METADATA_BYTES;
use crate::source::{Dir, FileType};
use crate::stores::Confidence;

/// Folders listed at most before it is given up that one is a store.
const LISTED: usize = 1024;
/// Folders listed breadth first: marks of other roots stand high up. Then depth first: entries lie deep.
const BREADTH_FIRST: usize = 64;
/// Entry folders looked into, in one function's folder.
const ENTRIES_OPENED: usize = 16;

/// Writers that record a time, by the ends of their names.
pub(super) const NEW_WRITERS: [&str; 2] = ["1.3 or newer", "1.5 or newer"];

/// What a folder was found to be.
pub(super) struct Shape {
    pub(super) confidence: Confidence,
    pub(super) writer: String,
}

/// Looks for joblib's shape in and below a folder that is called `name`.
pub(super) fn of(dir: &Dir, name: &OsStr, is_in_marked_folder: bool) -> Option<Shape> {
    let is_marked = has_mark(dir);
    // `Memory("x")` marks x and keeps its store in x/joblib, also where x is called `joblib`; a module of that name lies
    // among others.
    let has_store_inside = || {
        dir.stat(STORE.as_ref())
            .is_ok_and(|m| m.file_type == FileType::Dir)
    };
    let is_root = match (name == STORE, is_marked) {
        (true, true) => !has_store_inside() || has_other_folders(dir),
        (true, false) => true,
        (false, is_marked) => is_marked && !has_store_inside(),
    };
    let found = evidence(dir, is_root);
    match found {
        Found::Entries { mut writer } => {
            if is_marked || (is_in_marked_folder && name == STORE) {
                writer = "joblib 1.5 or newer";
            }
            Some(Shape {
                confidence: Confidence::Certain,
                writer: writer.to_owned(),
            })
        }
        // `Memory` makes its folder before the first call.
        Found::Empty if is_root => {
            let is_sure = is_marked || is_in_marked_folder;
            Some(Shape {
                confidence: if is_sure {
                    Confidence::Likely
                } else {
                    Confidence::Possible
                },
                writer: STORE.to_owned(),
            })
        }
        _ => None,
    }
}

/// joblib 1.5 and newer mark `x` for `Memory("x")` and for `Memory(Path("x"))` (`_store_backends.py: configure`).
pub(super) fn has_mark(dir: &Dir) -> bool {
    const MARK: &[u8] = b"# Created by joblib automatically.";
    let mut text = Vec::new();
    dir.read_small(".gitignore".as_ref(), MARK.len(), &mut text)
        .is_ok()
        && text == MARK
}

/// True for folders beside the one called as a store is.
fn has_other_folders(dir: &Dir) -> bool {
    let mut has_others = false;
    let listed = dir.list(|name, file_type| {
        has_others |= file_type == FileType::Dir && name != STORE;
    });
    has_others || listed.is_err()
}

enum Found {
    /// A function with its source, or an entry with a file of joblib's.
    Entries { writer: &'static str },
    /// Folders and nothing else.
    Empty,
    /// Another store's root below this folder, or no sign of joblib.
    Nothing,
}

/// One folder's names, sorted out.
#[derive(Default)]
struct Listing {
    entries: Vec<PathBuf>,
    folders: Vec<PathBuf>,
    has_code: bool,
    has_foreign_files: bool,
}

fn listing(dir: &Dir) -> Option<Listing> {
    let mut listing = Listing::default();
    dir.list(|name, file_type| {
        let bytes = name.as_encoded_bytes();
        match file_type {
            FileType::Dir if is_entry_name(bytes) => {
                if listing.entries.len() < ENTRIES_OPENED {
                    listing.entries.push(name.into());
                }
            }
            FileType::Dir => listing.folders.push(name.into()),
            FileType::File if name == CODE => listing.has_code = true,
            // Hidden files are the desktop's and version control's, and say nothing of whose folder it is.
            FileType::File if is_temporary(bytes) || bytes.starts_with(b".") => {}
            FileType::Link => {}
            _ => listing.has_foreign_files = true,
        }
    })
    .ok()?;
    Some(listing)
}

/// Searches below `root` for a function or an entry. Where the root itself is in question (`is_root` false),
/// marks of another root further down decide against it.
fn evidence(root: &Dir, is_root: bool) -> Found {
    let mut waiting = VecDeque::from([Place::default()]);
    let mut is_empty = true;
    for n_listed in 0..LISTED {
        let next = if n_listed < BREADTH_FIRST {
            waiting.pop_front()
        } else {
            waiting.pop_back()
        };
        let Some(place) = next else {
            break;
        };
        let Some((dir, listing)) = open_listed(root, &place.below) else {
            continue;
        };
        if !is_root && is_other_root(&dir, &place) {
            return Found::Nothing;
        }
        if let Some(writer) = writer_of(&dir, &listing) {
            // `x/module/function` lies at depth 2 in a root: then strangers' files on the way are only visitors.
            let is_likely = !place.is_among_foreign || place.depth <= 2;
            let is_other = |place: &Place| {
                let dir = root.open_below(&place.below);
                dir.is_ok_and(|dir| is_other_root(&dir, place))
            };
            let mut near = waiting.iter().take(BREADTH_FIRST);
            return if is_root || (is_likely && !near.any(is_other)) {
                Found::Entries { writer }
            } else {
                Found::Nothing
            };
        }
        is_empty &= !listing.has_foreign_files && listing.entries.is_empty();
        if listing.has_foreign_files && place.depth >= 2 && !is_root {
            continue;
        }
        let of_interest = |name: &PathBuf| is_root || place.depth > 0 || name != Path::new(STORE);
        let is_among_foreign = place.is_among_foreign || listing.has_foreign_files;
        let folders = listing.folders.into_iter().filter(of_interest);
        waiting.extend(folders.map(|name| Place {
            below: place.below.join(name),
            depth: place.depth + 1,
            is_among_foreign,
        }));
    }
    if is_empty {
        Found::Empty
    } else {
        Found::Nothing
    }
}

/// A folder that waits to be looked into.
#[derive(Default)]
struct Place {
    below: PathBuf,
    depth: usize,
    /// A file that is not joblib's lies in a folder above it.
    is_among_foreign: bool,
}

fn open_listed(root: &Dir, below: &Path) -> Option<(Dir, Listing)> {
    let dir = root.open_below(below).ok()?;
    let listing = listing(&dir)?;
    Some((dir, listing))
}

/// True for what can only be a root, or lie right in one: `joblib`, a marked folder, `__main__-…` in a deeper place.
fn is_other_root(dir: &Dir, place: &Place) -> bool {
    let name = place.below.file_name().unwrap_or_default();
    let is_main = name.as_encoded_bytes().starts_with(b"__main__-");
    place.depth > 0 && ((is_main && place.depth > 1) || name == STORE || has_mark(dir))
}

/// Which joblib wrote a function's folder, as far as an entry tells; `None` if it is no such folder.
fn writer_of(dir: &Dir, listing: &Listing) -> Option<&'static str> {
    let of_entry = listing.entries.iter().find_map(|name| {
        let entry = dir.open_dir(name.as_os_str()).ok()?;
        let has = |file: &str| {
            entry
                .stat(file.as_ref())
                .is_ok_and(|m| m.file_type == FileType::File)
        };
        if has(METADATA) {
            return Some(writer_of_metadata(&entry));
        }
        match (has(ARGS), has(OUTPUT)) {
            (true, _) => Some("joblib 0.7"),
            (false, true) => Some(STORE),
            (false, false) => None,
        }
    });
    of_entry.or_else(|| (listing.has_code && has_code(dir)).then_some(STORE))
}

fn writer_of_metadata(entry: &Dir) -> &'static str {
    let mut text = Vec::new();
    let read = entry.read_small(METADATA.as_ref(), METADATA_BYTES, &mut text);
    match read
        .ok()
        .and_then(|()| metadata::parse(METADATA, &text).ok())
    {
        Some(metadata) if metadata.time.is_some() => "joblib 1.3 or newer",
        Some(_) => "joblib 0.8 to 1.2",
        None => STORE,
    }
}

fn has_code(dir: &Dir) -> bool {
    let mut head = Vec::new();
    dir.read_small(CODE.as_ref(), 16, &mut head).is_ok() && code::has_first_line(&head)
}
