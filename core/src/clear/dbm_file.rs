//! A dbm file that is changed where it lies: locked as its library locks it, and read anew before each change.

use std::ffi::OsStr;
use std::fs::{File, TryLockError};
use std::io;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use super::{disk, holders};
use crate::formats::dbm::{Patch, Stop};
use crate::source::{Dir, ReadAt};
use crate::{Error, Result};

/// An open dbm file; its lock ends with it.
pub(super) struct DbmFile {
    file: File,
    path: PathBuf,
}

impl DbmFile {
    /// Opens it to be changed.
    ///
    /// # Errors
    /// [`Error::is_refused`] if it has other names, which may be somebody else's.
    pub(super) fn open(dir: &Dir, name: &OsStr) -> Result<Self> {
        let path = dir.path().join(name);
        let fail = |e| Error::io("Cannot change the file", &path, e);
        let file = disk::open_to_change(dir, name).map_err(fail)?;
        let meta = file.metadata().map_err(fail)?;
        // Of gdbm's own pair older releases made one file with two names.
        let twin = Path::new(name).with_extension("dir");
        let is_pair = dir
            .stat(twin.as_os_str())
            .is_ok_and(|twin| (twin.dev, twin.ino) == (meta.dev(), meta.ino()));
        if meta.nlink() > 1 + u64::from(is_pair) {
            return Err(Error::refused(
                "The file is not changed",
                "it has a second name, under which somebody else may use it",
            )
            .at(&path));
        }
        Ok(Self { file, path })
    }

    /// Takes gdbm's own lock for writers; readers hold it too.
    ///
    /// # Errors
    /// [`Error::is_refused`] if a program holds it.
    pub(super) fn lock(&self) -> Result<()> {
        match self.file.try_lock() {
            Ok(()) => Ok(()),
            Err(TryLockError::WouldBlock) => Err(self.in_use("has locked it")),
            Err(TryLockError::Error(e)) => Err(Error::io("Cannot lock the file", &self.path, e)),
        }
    }

    /// The other programs that have it open, as far as they can be seen.
    pub(super) fn holders(&self) -> Result<Vec<String>> {
        holders::of(&self.file).map_err(|e| self.fail(e))
    }

    fn in_use(&self, why: &str) -> Error {
        let holders = self.holders().unwrap_or_default();
        let who = holders::named(&holders).unwrap_or_else(|| "a program".to_owned());
        Error::refused(
            "Nothing was changed",
            format!("{who} has the file open and {why}"),
        )
        .at(&self.path)
        .hint("Close it there, then try again")
    }

    /// Does these writes, in this order.
    pub(super) fn write(&self, patches: &[Patch]) -> Result<()> {
        let file = &self.file;
        let mut writes = patches
            .iter()
            .map(|patch| disk::write_at(file, patch.offset, &patch.bytes));
        writes
            .try_for_each(|written| written)
            .map_err(|e| self.fail(e))
    }

    /// Waits until what was written is on the disk.
    pub(super) fn sync(&self) -> Result<()> {
        disk::sync_file(&self.file).map_err(|e| self.fail(e))
    }

    /// Exactly the bytes at a place.
    pub(super) fn bytes(&self, offset: u64, len: u64) -> io::Result<Vec<u8>> {
        let len = usize::try_from(len).map_err(io::Error::other)?;
        if offset.saturating_add(len as u64) > self.len() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let mut bytes = vec![0; len];
        if self.read_full_at(offset, &mut bytes)? < len {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(bytes)
    }

    /// The open file.
    pub(super) fn file(&self) -> &File {
        &self.file
    }

    /// The system would not do it.
    pub(super) fn fail(&self, error: io::Error) -> Error {
        Error::io("Cannot change the file", &self.path, error)
    }

    /// What stopped a look-up or a change.
    pub(super) fn stopped(&self, stop: Stop) -> Error {
        match stop {
            Stop::Io(e) => self.fail(e),
            Stop::Damaged(problem) => {
                Error::refused("The file is not changed", problem.to_string()).at(&self.path)
            }
        }
    }
}

impl ReadAt for DbmFile {
    /// It grows under our own hands.
    fn len(&self) -> u64 {
        self.file.metadata().map_or(0, |meta| meta.len())
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        self.file.read_at(buf, offset)
    }
}
