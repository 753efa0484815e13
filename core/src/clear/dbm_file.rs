//! A dbm file that is changed where it lies: locked as its library locks it, and read anew before each change.

use std::ffi::OsStr;
use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use super::disk;
use super::holders::{self, Doorbell};
use crate::formats::dbm::{Patch, Stop};
use crate::source::{Dir, FileReader, ReadAt};
use crate::{Error, Result};

/// A program that opens the file to write a key or two gives its lock back within this time.
const PATIENCE: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(5);

/// Looks for who opens a file before it is left to them.
const LOOKS: usize = 5;

/// An open dbm file; its lock ends with it.
pub(super) struct DbmFile {
    handle: Handle,
    path: PathBuf,
    /// Where nothing locks the file: tells of programs that open it after its holders were counted.
    bell: OnceLock<Doorbell>,
}

enum Handle {
    Look(FileReader),
    Change(File),
}

impl DbmFile {
    /// Opens it to look: nothing of it changes, not even the time of its last reading.
    pub(super) fn open_to_look(dir: &Dir, name: &OsStr) -> Result<Self> {
        let path = dir.path().join(name);
        match dir.open_file(name) {
            Ok(file) => Ok(Self {
                handle: Handle::Look(file),
                path,
                bell: OnceLock::new(),
            }),
            Err(e) => Err(Error::io("Cannot open the file", &path, e)),
        }
    }

    /// Opens it to be changed.
    ///
    /// # Errors
    /// [`Error::is_refused`] if it has other names, which may be somebody else's.
    pub(super) fn open(dir: &Dir, name: &OsStr) -> Result<Self> {
        let path = dir.path().join(name);
        let fail = |e: io::Error| match e.kind() {
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                Error::refused("The file is not changed", "it may not be written")
                    .at(&path)
                    .hint("Check the permissions, or do it as its owner")
            }
            _ => Error::io("Cannot change the file", &path, e),
        };
        let file = disk::open_to_change(dir, name).map_err(fail)?;
        let (id, n_names) = disk::identity(&file).map_err(fail)?;
        // Of gdbm's own pair older releases made one file with two names.
        let twin = Path::new(name).with_extension("dir");
        let is_pair = dir
            .stat(twin.as_os_str())
            .is_ok_and(|twin| (twin.dev, twin.ino) == id);
        if n_names > 1 + u64::from(is_pair) {
            return Err(Error::refused(
                "The file is not changed",
                "it has a second name, under which somebody else may use it",
            )
            .at(&path));
        }
        Ok(Self {
            handle: Handle::Change(file),
            path,
            bell: OnceLock::new(),
        })
    }

    /// Opens it to be changed, under gdbm's own lock.
    ///
    /// # Errors
    /// As [`DbmFile::open`] and [`DbmFile::lock`].
    pub(super) fn open_locked(dir: &Dir, name: &OsStr) -> Result<Self> {
        let start = Instant::now();
        loop {
            let file = Self::open(dir, name)?;
            file.lock()?;
            // A program that reorganizes puts a new file in this one's place, and only then gives its lock back.
            if disk::is_named(file.file()?, dir, name) {
                return Ok(file);
            }
            if start.elapsed() > PATIENCE {
                return Err(file.in_use("writes it anew all the time"));
            }
        }
    }

    /// Takes gdbm's own lock for writers; readers hold it too. Programs that open the file for a moment are waited for.
    ///
    /// # Errors
    /// [`Error::is_refused`] if a program holds it.
    pub(super) fn lock(&self) -> Result<()> {
        let start = Instant::now();
        loop {
            match self.file()?.try_lock() {
                Ok(()) => return Ok(()),
                Err(TryLockError::WouldBlock) if start.elapsed() < PATIENCE => {
                    std::thread::sleep(PAUSE);
                }
                Err(TryLockError::WouldBlock) => return Err(self.in_use("has locked it")),
                Err(TryLockError::Error(e)) => {
                    return Err(Error::io("Cannot lock the file", &self.path, e));
                }
            }
        }
    }

    /// For files that are used without a lock.
    ///
    /// # Errors
    /// [`Error::is_refused`] if a program is seen to have it open.
    pub(super) fn refuse_if_open(&self) -> Result<()> {
        if self.bell.get().is_none() {
            let bell = Doorbell::at(self.file()?).map_err(|e| self.fail(e))?;
            self.bell.set(bell).ok();
        }
        if self.holders()?.is_empty() {
            return Ok(());
        }
        Err(self.open_elsewhere())
    }

    /// The last look before a write, once [`DbmFile::refuse_if_open`] found nobody.
    ///
    /// # Errors
    /// [`Error::is_refused`] if a program has opened it since.
    pub(super) fn refuse_if_opened_since(&self) -> Result<()> {
        let Some(bell) = self.bell.get() else {
            return Ok(());
        };
        // Readers of our own ring too, and others may be gone again.
        for _ in 0..LOOKS {
            if !bell.has_rung() {
                return Ok(());
            }
            self.refuse_if_open()?;
        }
        Err(self.open_elsewhere())
    }

    fn open_elsewhere(&self) -> Error {
        self.in_use("would write what it remembers over the change")
    }

    /// The other programs that have it open, as far as they can be seen.
    pub(super) fn holders(&self) -> Result<Vec<String>> {
        holders::of(self.file()?).map_err(|e| self.fail(e))
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

    /// A program wrote to it between our reading and our writing.
    pub(super) fn changed_meanwhile(&self) -> Error {
        Error::refused(
            "The key is not brought back",
            "a program changed the file at the same moment",
        )
        .at(&self.path)
        .hint("Close it there, then try again")
    }

    /// Does these writes, in this order.
    pub(super) fn write(&self, patches: &[Patch]) -> Result<()> {
        let file = self.file()?;
        let mut writes = patches
            .iter()
            .map(|patch| disk::write_at(file, patch.offset, &patch.bytes));
        writes
            .try_for_each(|written| written)
            .map_err(|e| self.fail(e))
    }

    /// Does these writes, of which the last makes the others count: it waits until they are on the disk.
    pub(super) fn write_in_order(&self, patches: &[Patch]) -> Result<()> {
        let Some((last, before)) = patches.split_last() else {
            return Ok(());
        };
        if !before.is_empty() {
            self.write(before)?;
            self.sync()?;
        }
        self.write(std::slice::from_ref(last))
    }

    /// Waits until what was written is on the disk.
    pub(super) fn sync(&self) -> Result<()> {
        let synced = disk::sync_file(self.file()?);
        synced.map_err(|e| Error::io("Cannot wait for the disk", &self.path, e))
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

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The open file, if it may be changed.
    pub(super) fn file(&self) -> Result<&File> {
        match &self.handle {
            Handle::Change(file) => Ok(file),
            Handle::Look(_) => Err(self.fail(io::ErrorKind::ReadOnlyFilesystem.into())),
        }
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
    fn len(&self) -> u64 {
        match &self.handle {
            Handle::Look(file) => file.len(),
            // It grows under our own hands.
            Handle::Change(file) => file.metadata().map_or(0, |meta| meta.len()),
        }
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        match &self.handle {
            Handle::Look(file) => file.read_at(offset, buf),
            Handle::Change(file) => disk::read_at(file, buf, offset),
        }
    }
}
