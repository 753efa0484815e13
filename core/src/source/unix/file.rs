//! An open regular file: read at any place, closed so that no lock of SQLite's is lost.

use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::sync::Arc;

use rustix::io::Errno;

use super::super::{Meta, ReadAt, Tally, gate};
use super::system;

/// An open regular file.
#[derive(Debug)]
pub struct FileReader {
    /// `None` only while it is being dropped.
    pub(super) fd: Option<OwnedFd>,
    pub(super) meta: Meta,
    pub(super) tally: Arc<Tally>,
}

impl FileReader {
    /// The file as it was when it was opened.
    pub fn meta(&self) -> &Meta {
        &self.meta
    }

    /// Takes a shared lock on the whole file without waiting; closing any handle of it gives the lock back.
    ///
    /// # Errors
    /// What the system said; `WouldBlock` where a writer has it.
    pub(crate) fn lock_shared(&self) -> io::Result<()> {
        let fd = self.fd.as_ref().ok_or(Errno::BADF)?;
        let shared = rustix::fs::FlockOperation::NonBlockingLockShared;
        Ok(rustix::fs::fcntl_lock(fd, shared)?)
    }

    /// Makes `target`, an empty file, share the blocks of this one.
    ///
    /// # Errors
    /// What the system said; most file systems cannot.
    #[cfg(target_os = "linux")]
    pub(crate) fn clone_into(&self, target: &std::fs::File) -> io::Result<()> {
        let fd = self.fd.as_ref().ok_or(Errno::BADF)?;
        Ok(rustix::fs::ioctl_ficlone(target, fd)?)
    }

    /// Makes `target`, an empty file, share the blocks of this one.
    ///
    /// # Errors
    /// Always: this system has no call for it.
    #[cfg(not(target_os = "linux"))]
    #[expect(clippy::unused_self, reason = "as on Linux")]
    pub(crate) fn clone_into(&self, _target: &std::fs::File) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

impl Drop for FileReader {
    fn drop(&mut self) {
        if let Some(fd) = self.fd.take() {
            close(fd, Some(&self.meta));
        }
    }
}

/// Closes a handle, or leaves that to [`gate`] where SQLite has the file open.
pub(super) fn close(fd: OwnedFd, known: Option<&Meta>) {
    gate::close(fd, |fd| match known {
        Some(meta) => Some((meta.dev, meta.ino)),
        None => system::stat_open(fd.as_fd())
            .ok()
            .map(|meta| (meta.dev, meta.ino)),
    });
}

impl ReadAt for FileReader {
    fn len(&self) -> u64 {
        self.meta.size
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let fd = self.fd.as_ref().ok_or(Errno::BADF)?;
        let n = rustix::io::pread(fd, buf, offset)?;
        self.tally.read(n);
        Ok(n)
    }
}
