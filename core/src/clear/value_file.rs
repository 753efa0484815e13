//! The file beside a database that holds the value of one row: moved after its row, and back before it.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::xxh3_64;

use super::apart::{self, Taken};
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

    /// Frees it where it lies; what a program put in its place meanwhile stays.
    pub(super) fn free(&self, dir: &Dir) -> io::Result<()> {
        let (folder, name) = open(dir, &self.path)?;
        let is_it = |name: &OsStr| {
            let now = folder.stat(name);
            now.is_ok_and(|now| seen::is_same(&now, &self.meta))
        };
        if let Taken::Apart(apart) = apart::take(&folder, name, is_it)? {
            disk::remove_file(&folder, &apart)?;
            drop(folder);
            self.prune(dir);
        }
        Ok(())
    }

    /// Throws away the folders that it left empty, as diskcache does.
    fn prune(&self, dir: &Dir) {
        prune(dir, self.path.parent().unwrap_or(Path::new("")), usize::MAX);
    }
}

/// How often a value file is tried to be put into a folder that the program throws away as soon as it is made.
const TRIES: usize = 100;

/// Moves the value file that is held as part of entry `n` back to `path` below `dir`, whose folders are made; false if
/// none is held.
///
/// # Errors
/// "Already exists" if something stands in its place.
pub(super) fn put_back(shelf: &Dir, n: usize, dir: &Dir, path: &Path) -> io::Result<bool> {
    let held = part_name(n, false, 0);
    let mut tries = 1..=TRIES;
    loop {
        match try_put_back(shelf, &held, dir, path) {
            // A program removes folders that it finds empty, as diskcache does, so it may take each in the moment
            // between its making and its filling. A file that is held is never told as one that is not.
            Err(e) if e.kind() == io::ErrorKind::NotFound => match shelf.stat(&held) {
                Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(false),
                _ if tries.next().is_some() => {}
                _ => return Err(e),
            },
            put => return put.map(|()| true),
        }
    }
}

fn try_put_back(shelf: &Dir, held: &OsStr, dir: &Dir, path: &Path) -> io::Result<()> {
    let outer = path.parent().unwrap_or(Path::new(""));
    let folder = make_below(dir, outer, None)?;
    let name = path.file_name().unwrap_or_default();
    let put = disk::rename(shelf, held, &folder, name);
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
pub(super) fn open<'p>(dir: &Dir, path: &'p Path) -> io::Result<(Dir, &'p OsStr)> {
    let folder = dir.open_below(path.parent().unwrap_or(Path::new("")))?;
    Ok((folder, path.file_name().unwrap_or_default()))
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "plays the program beside us")]
mod tests {
    use std::fs;
    use std::path::Path;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::{part_name, put_back};
    use crate::source::Dir;

    /// As `diskcache.Disk.remove` does it: `os.removedirs`.
    #[test]
    fn a_program_that_removes_empty_folders_all_the_time_never_loses_a_file() {
        let temp = tempfile::tempdir().unwrap();
        let (shelf, cache) = (temp.path().join("shelf"), temp.path().join("cache"));
        fs::create_dir(&shelf).unwrap();
        fs::create_dir(&cache).unwrap();
        let dirs = [&shelf, &cache].map(|path| Dir::open(path).unwrap());
        let (held, path) = (shelf.join(part_name(0, false, 0)), Path::new("c7/25/a.val"));
        let is_over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    for folder in ["c7/25", "c7"] {
                        let _not_empty = fs::remove_dir(cache.join(folder));
                    }
                    std::thread::yield_now();
                }
            });
            for round in 0..2_000 {
                fs::write(&held, b"value").unwrap();
                // Whatever comes of it, the file is in one of the two places, and the answer says in which.
                let put = put_back(&dirs[0], 0, &dirs[1], path);
                assert_eq!(put.is_ok(), cache.join(path).exists(), "{round}: {put:?}");
                assert_eq!(put.is_ok(), !held.exists(), "{round}: {put:?}");
                assert_ne!(put.ok(), Some(false), "{round}");
                let _held_still = fs::remove_file(cache.join(path));
            }
            is_over.store(true, Ordering::Relaxed);
        });
        assert!(!put_back(&dirs[0], 0, &dirs[1], path).unwrap());
    }
}
