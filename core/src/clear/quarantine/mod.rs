//! The place for what was moved aside: one folder beside the store, in it a shelf for each clear.
//!
//! `.cachescope-quarantine/ID/` holds a manifest and the things themselves; `ID.purge/` is a shelf whose
//! things are to be freed and never come back. Two files lock: `.gitignore` while shelves come and go, a shelf's
//! manifest while somebody works on it. A lock ends with its process, so none is ever left over.

mod lock;
mod make;
mod tidy;

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use super::journal::MANIFEST;
use super::{QUARANTINE, disk};
use crate::source::{Dir, FileType, Meta};
use crate::{Error, Result};
use lock::lock;

pub(super) use make::new_shelf;
pub(super) use tidy::{cannot_tidy, is_empty, tidy_in};

const LOCK: &str = ".gitignore";
const TAG: &str = "CACHEDIR.TAG";
/// A file on a shelf that is being written, to be moved to its place when it is whole.
pub(super) const SCRAP: &str = "scrap";
/// What SQLite leaves beside a scrap of its own that it was stopped at.
const SCRAPS: [&str; 4] = [SCRAP, "scrap-journal", "scrap-wal", "scrap-shm"];
/// Ends the name of a shelf whose things are to be freed.
const DOOMED: &str = ".purge";

/// The quarantine of one place.
#[derive(Debug)]
pub(super) struct Quarantine {
    parent: Dir,
    dir: Dir,
}

/// What one clear moved aside, locked by us.
#[derive(Debug)]
pub(super) struct Shelf {
    pub(super) name: String,
    pub(super) dir: Dir,
    pub(super) manifest: File,
    /// What becomes of what lies on it.
    pub(super) purpose: Purpose,
}

/// What a shelf is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// To hold what lies on it for undo.
    Undo,
    /// To hold it until all of it is known to be what was chosen; then it is doomed and freed.
    Free,
}

impl Shelf {
    /// True if what lies on it is being freed and never comes back.
    pub(super) fn is_doomed(&self) -> bool {
        Quarantine::is_doomed(&self.name)
    }
}

impl Quarantine {
    /// Waits until the quarantine and its place are on the disk.
    pub(super) fn sync(&self) -> io::Result<()> {
        disk::sync_dir(&self.dir)?;
        disk::sync_dir(&self.parent)
    }

    /// The quarantine in `parent`; `None` if there is none, or it is somebody else's.
    ///
    /// # Errors
    /// If it is ours, and cannot be opened or trusted.
    pub(super) fn find(parent: Dir) -> Result<Option<Self>> {
        let path = parent.path().join(QUARANTINE);
        let fail = |e| Error::io("Cannot open what was moved aside", &path, e);
        let is_own = match disk::is_own(&parent, QUARANTINE.as_ref()) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other.map_err(fail)?,
        };
        if !is_own {
            return Ok(None);
        }
        let dir = match parent.open_dir(QUARANTINE.as_ref()) {
            Err(e) if disk::is_no_folder(&e) => return Ok(None),
            other => other.map_err(fail)?,
        };
        if !disk::is_ours(&dir, &parent).map_err(fail)? {
            return Err(Error::refused(
                "What was moved aside is not touched",
                "others may write into its folder",
            )
            .at(&path)
            .hint("Look at what is in it, and take their right to write away (chmod go-w)"));
        }
        Ok(Some(Self { parent, dir }))
    }

    /// Where it is.
    pub(super) fn path(&self) -> PathBuf {
        self.dir.path().to_owned()
    }

    /// The folder it lies in.
    pub(super) fn parent(&self) -> &Dir {
        &self.parent
    }

    /// Names of the shelves, oldest first.
    pub(super) fn shelf_names(&self) -> Result<Vec<String>> {
        let fail = |e| Error::io("Cannot list what was moved aside", self.dir.path(), e);
        let mut names = Vec::new();
        self.dir
            .list(|name, file_type| {
                if let (Some(name), FileType::Dir) = (name.to_str(), file_type) {
                    names.push(name.to_owned());
                }
            })
            .map_err(fail)?;
        names.sort();
        Ok(names)
    }

    /// A shelf's folder and its manifest as they are, without a lock: only to look.
    pub(super) fn look(&self, name: &str) -> io::Result<(Dir, File)> {
        let dir = self.dir.open_dir(name.as_ref())?;
        let manifest = disk::open_existing(&dir, MANIFEST.as_ref())?;
        Ok((dir, manifest))
    }

    /// What is on a shelf besides what SQLite leaves there; nothing if it is gone.
    pub(super) fn names_on(&self, name: &str) -> io::Result<Vec<OsString>> {
        let dir = match self.dir.open_dir(name.as_ref()) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            other => other?,
        };
        let mut names: Vec<OsString> = dir.names()?.into_iter().map(|(name, _)| name).collect();
        names.retain(|name| name != MANIFEST && SCRAPS.iter().all(|own| name != own));
        Ok(names)
    }

    /// Takes a shelf for us alone.
    pub(super) fn take(&self, name: &str) -> Result<Shelf> {
        let path = self.dir.path().join(name);
        let fail = |e| Error::io("Cannot open what was moved aside", &path, e);
        let (dir, manifest) = self.look(name).map_err(fail)?;
        lock(&manifest).map_err(|e| busy_or(e, &path))?;
        // Whoever had it before may have emptied it and thrown it away, and a newer one may have its name.
        let now = self.dir.open_dir(name.as_ref());
        if !now.is_ok_and(|now| disk::is_named(&manifest, &now, MANIFEST.as_ref())) {
            return Err(fail(io::ErrorKind::NotFound.into()));
        }
        Ok(Shelf {
            name: name.to_owned(),
            dir,
            manifest,
            purpose: Purpose::Undo,
        })
    }

    /// True if the shelf is to be freed and nothing else.
    pub(super) fn is_doomed(name: &str) -> bool {
        name.ends_with(DOOMED)
    }

    /// Name of a shelf that is to be freed.
    pub(super) fn doomed(id: &str) -> String {
        format!("{id}{DOOMED}")
    }

    /// The id of what lies on a shelf.
    pub(super) fn id_of(name: &str) -> &str {
        name.strip_suffix(DOOMED).unwrap_or(name)
    }

    /// True if both the folder and the lock file that we hold are still the ones that others find by name.
    fn is_in_place(&self, lock_file: &File) -> bool {
        let identity = |meta: io::Result<Meta>| meta.ok().map(|meta| (meta.dev, meta.ino));
        let named = identity(self.parent.stat(QUARANTINE.as_ref()));
        named.is_some()
            && named == identity(self.dir.stat_self())
            && disk::is_named(lock_file, &self.dir, LOCK.as_ref())
    }
}

fn busy_or(error: io::Error, path: &Path) -> Error {
    if error.kind() == io::ErrorKind::WouldBlock {
        Error::refused(
            "Cannot change what was moved aside",
            "another Cachescope is at work on it",
        )
        .at(path)
        .hint("Wait until it is done")
    } else {
        Error::io("Cannot open what was moved aside", path, error)
    }
}
