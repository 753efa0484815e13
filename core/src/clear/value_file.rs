//! The file beside a database that holds the value of one row: moved after its row, and back before it.

use std::io;
use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::xxh3_64;

use super::apply::{Stays, seen};
use super::disk;
use super::journal::part_name;
use super::undo::make_below;
use crate::Error;
use crate::source::{Dir, FileType, Meta};

/// A value file as it was when its row was read.
#[derive(Debug)]
pub(super) struct ValueFile {
    path: PathBuf,
    meta: Meta,
}

/// What became of a value file that was to be moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moved {
    /// It lies on the shelf.
    Whole,
    /// Another one stood in its place, and stands there still.
    Not,
    /// Another one stood in its place, and lies on the shelf.
    Stray,
}

impl ValueFile {
    /// Looks at the file `path` below `dir`, which must be a plain one on the device `dev`; `None` if it is not there.
    pub(super) fn look(dir: &Dir, path: &Path, dev: u64) -> Result<Option<Self>, Stays> {
        let whole = dir.path().join(path);
        let (folder, name) = match open(dir, path) {
            Ok(opened) => opened,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(seen::failed(e, &whole)),
        };
        let meta = match folder.stat(name) {
            Ok(meta) => meta,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(seen::failed(e, &whole)),
        };
        if meta.file_type != FileType::File || meta.is_mount_root || meta.dev != dev {
            return Err(Stays::because(
                "its value file is no plain file of the cache's own file system",
            ));
        }
        disk::may_write(&folder).map_err(|e| {
            Stays::Failed(Error::io("Cannot move the value file", folder.path(), e))
        })?;
        Ok(Some(Self {
            path: path.to_owned(),
            meta,
        }))
    }

    /// A hash of which file it was, and when it was written; one of its own where there was none.
    pub(super) fn pin(file: Option<&Self>) -> u64 {
        let words = file.map(|file| {
            let meta = &file.meta;
            [meta.dev, meta.ino, meta.size, meta.modified.packed()]
        });
        let bytes: Vec<u8> = words
            .into_iter()
            .flatten()
            .flat_map(u64::to_le_bytes)
            .collect();
        xxh3_64(&bytes)
    }

    /// Where it lies, below the database's folder.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Moves it onto a shelf as part of entry `n`; what a program put in its place meanwhile stays, or is a stray.
    pub(super) fn move_to(&self, dir: &Dir, shelf: &Dir, n: usize) -> io::Result<Moved> {
        let (folder, name) = open(dir, &self.path)?;
        let held = part_name(n, false, 0);
        disk::rename(&folder, name, shelf, &held)?;
        if shelf
            .stat(&held)
            .is_ok_and(|now| seen::is_same(&now, &self.meta))
        {
            drop(folder);
            self.prune(dir);
            return Ok(Moved::Whole);
        }
        // Something stands there again, so that it cannot go back: it lies on the shelf.
        let back = disk::rename(shelf, &held, &folder, name);
        Ok(back.map_or(Moved::Stray, |()| Moved::Not))
    }

    /// Frees it where it lies.
    pub(super) fn free(&self, dir: &Dir) -> io::Result<()> {
        let (folder, name) = open(dir, &self.path)?;
        if !folder
            .stat(name)
            .is_ok_and(|now| seen::is_same(&now, &self.meta))
        {
            return Ok(());
        }
        disk::remove_file(&folder, name)?;
        drop(folder);
        self.prune(dir);
        Ok(())
    }

    /// Throws away the folders that it left empty, as diskcache does.
    fn prune(&self, dir: &Dir) {
        prune(dir, self.path.parent().unwrap_or(Path::new("")), usize::MAX);
    }
}

/// Moves the value file that is held as part of entry `n` back to `path` below `dir`, whose folders are made.
///
/// # Errors
/// "Not found" if none is held, "already exists" if something stands in its place.
pub(super) fn put_back(shelf: &Dir, n: usize, dir: &Dir, path: &Path) -> io::Result<()> {
    let outer = path.parent().unwrap_or(Path::new(""));
    let folder = make_below(dir, outer, None)?;
    let name = path.file_name().unwrap_or_default();
    let put = disk::rename(shelf, &part_name(n, false, 0), &folder, name);
    if put.is_err() {
        // The folder may have been made for it.
        drop(folder);
        prune(dir, outer, usize::MAX);
    }
    put
}

/// Throws away `path` below `dir` and up to `levels` folders in all upwards, as far as they are empty.
pub(super) fn prune(dir: &Dir, path: &Path, levels: usize) {
    for path in path.ancestors().take(levels) {
        let Some(name) = path.file_name() else { return };
        let outer = dir.open_below(path.parent().unwrap_or(Path::new("")));
        // "Not empty" is the rule, not an error.
        if outer
            .and_then(|outer| disk::remove_dir(&outer, name))
            .is_err()
        {
            return;
        }
    }
}

/// The folder of a file below `dir`, no part of its path being a link, and its name there.
pub(super) fn open<'p>(dir: &Dir, path: &'p Path) -> io::Result<(Dir, &'p std::ffi::OsStr)> {
    let folder = dir.open_below(path.parent().unwrap_or(Path::new("")))?;
    Ok((folder, path.file_name().unwrap_or_default()))
}
