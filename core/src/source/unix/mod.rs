//! Folder and file handles on Unix: `openat`, `statx`, `getdents`, `pread`.

mod file;
#[cfg(target_os = "linux")]
mod linux;
#[cfg(not(target_os = "linux"))]
mod posix;

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use super::ledger::Opened;
use super::{FileType, Meta, Tally};
use crate::{Error, Result};
pub use file::FileReader;
use file::close;
#[cfg(target_os = "linux")]
use linux as system;
#[cfg(not(target_os = "linux"))]
use posix as system;

/// An open folder: everything in it is reached relative to this handle.
#[derive(Debug)]
pub struct Dir {
    fd: OwnedFd,
    path: PathBuf,
    tally: Arc<Tally>,
    /// Listing goes on where the last one stopped; a fresh handle needs no rewinding.
    was_listed: AtomicBool,
}

/// A folder in an open one, for walks over very many: it knows its path only when asked.
#[derive(Debug)]
pub struct Leaf<'a> {
    fd: OwnedFd,
    parent: &'a Dir,
    name: &'a OsStr,
}

/// Never wait on a FIFO, never follow a link, never leak into a child.
const SAFELY: OFlags = OFlags::NOFOLLOW
    .union(OFlags::NONBLOCK)
    .union(OFlags::CLOEXEC)
    .union(OFlags::RDONLY);

/// `O_NOATIME` is only for the file's owner and root (EPERM otherwise): then it is opened without.
fn open_quietly(dir: BorrowedFd<'_>, name: &OsStr, flags: OFlags) -> io::Result<OwnedFd> {
    let open = |flags| rustix::fs::openat(dir, name, flags, Mode::empty());
    match open(flags | system::NO_TRACE) {
        Err(Errno::PERM) => open(flags),
        other => other,
    }
    .map_err(io::Error::from)
}

impl Dir {
    /// Opens a folder that a person named: links in the path are followed.
    ///
    /// # Errors
    /// If it is no folder or may not be listed.
    pub fn open(path: &Path) -> Result<Self> {
        let real = std::fs::canonicalize(path)
            .map_err(|e| Error::io("Cannot open the folder", path, e))?;
        let fd = open_quietly(
            rustix::fs::CWD,
            real.as_os_str(),
            SAFELY | OFlags::DIRECTORY,
        )
        .map_err(|e| Error::io("Cannot open the folder", path, e))?;
        Ok(Self {
            fd,
            path: real,
            tally: Arc::default(),
            was_listed: AtomicBool::new(false),
        })
    }

    /// Opens a folder by its real path: no part of it may be a link.
    ///
    /// # Errors
    /// What the system said; a link in the path is "not a directory" or "too many levels of symbolic links".
    pub fn open_exact(path: &Path) -> io::Result<Self> {
        use std::path::Component;
        let step = system::STEP | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut at = rustix::fs::open("/", step, Mode::empty())?;
        for part in path.components() {
            match part {
                Component::Normal(name) => {
                    at = rustix::fs::openat(&at, name, step, Mode::empty())?;
                }
                Component::RootDir | Component::CurDir => {}
                _ => return Err(io::ErrorKind::InvalidInput.into()),
            }
        }
        Ok(Self {
            fd: open_quietly(at.as_fd(), ".".as_ref(), SAFELY | OFlags::DIRECTORY)?,
            path: path.to_owned(),
            tally: Arc::default(),
            was_listed: AtomicBool::new(false),
        })
    }

    /// Where it was when it was opened; for messages, never for opening.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Counts of what was done through this handle and all that came from it.
    pub fn tally(&self) -> &Arc<Tally> {
        &self.tally
    }

    /// Opens a folder in this one.
    ///
    /// # Errors
    /// What the system said; a link is "too many levels of symbolic links" or "not a directory".
    pub fn open_dir(&self, name: &OsStr) -> io::Result<Self> {
        self.tally.opened();
        Ok(Self {
            fd: open_quietly(self.fd.as_fd(), name, SAFELY | OFlags::DIRECTORY)?,
            path: self.path.join(name),
            tally: Arc::clone(&self.tally),
            was_listed: AtomicBool::new(false),
        })
    }

    /// Opens a folder in this one that is only looked into and left again.
    ///
    /// # Errors
    /// As [`Dir::open_dir`].
    pub fn open_leaf<'a>(&'a self, name: &'a OsStr) -> io::Result<Leaf<'a>> {
        self.tally.opened();
        Ok(Leaf {
            fd: open_quietly(self.fd.as_fd(), name, SAFELY | OFlags::DIRECTORY)?,
            parent: self,
            name,
        })
    }

    /// Opens a folder some levels below, each part by its own handle.
    ///
    /// # Errors
    /// As [`Dir::open_dir`]; `InvalidInput` for `..`.
    pub fn open_below(&self, relative: &Path) -> io::Result<Self> {
        let mut below: Option<Self> = None;
        for part in relative.components() {
            match part {
                std::path::Component::Normal(name) => {
                    below = Some(below.as_ref().unwrap_or(self).open_dir(name)?);
                }
                std::path::Component::CurDir => {}
                _ => return Err(io::ErrorKind::InvalidInput.into()),
            }
        }
        match below {
            Some(dir) => Ok(dir),
            None => Ok(Self {
                path: self.path.clone(),
                ..self.open_dir(".".as_ref())?
            }),
        }
    }

    /// What stands under `name`, without following a link.
    ///
    /// # Errors
    /// What the system said.
    pub fn stat(&self, name: &OsStr) -> io::Result<Meta> {
        self.tally.statted();
        system::stat(self.fd.as_fd(), name)
    }

    /// The folder itself.
    ///
    /// # Errors
    /// What the system said.
    pub fn stat_self(&self) -> io::Result<Meta> {
        self.tally.statted();
        system::stat_open(self.fd.as_fd())
    }

    /// Hands each name in the folder to `each`, in the system's order, without `.` and `..`.
    ///
    /// # Errors
    /// What the system said; what was handed over before stays valid.
    pub fn list(&self, each: impl FnMut(&OsStr, FileType)) -> io::Result<()> {
        if self.was_listed.swap(true, Ordering::Relaxed) {
            rustix::fs::seek(&self.fd, rustix::fs::SeekFrom::Start(0))?;
        }
        list(self.fd.as_fd(), &self.tally, each)
    }

    /// Names and types, sorted by name.
    ///
    /// # Errors
    /// What the system said.
    pub fn names(&self) -> io::Result<Vec<(OsString, FileType)>> {
        let mut names = Vec::new();
        self.list(|name, file_type| names.push((name.to_owned(), file_type)))?;
        names.sort();
        Ok(names)
    }

    /// Opens a regular file.
    ///
    /// # Errors
    /// What the system said; `InvalidInput` if it is no regular file.
    pub fn open_file(&self, name: &OsStr) -> io::Result<FileReader> {
        self.tally.opened();
        let opened = Opened::new(&self.path, name);
        let fd = opened.noted(|| open_quietly(self.fd.as_fd(), name, SAFELY))?;
        self.tally.statted();
        let meta = system::stat_open(fd.as_fd())?;
        if meta.file_type != FileType::File {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "not a regular file",
            ));
        }
        Ok(FileReader {
            fd: Some(fd),
            meta,
            tally: Arc::clone(&self.tally),
        })
    }

    /// Appends up to `limit` bytes of a small file to `out`; one open, one read, one close where it fits.
    ///
    /// # Errors
    /// What the system said; a folder is "is a directory".
    pub fn read_small(&self, name: &OsStr, limit: usize, out: &mut Vec<u8>) -> io::Result<()> {
        self.tally.opened();
        let opened = Opened::new(&self.path, name);
        let fd = opened.noted(|| open_quietly(self.fd.as_fd(), name, SAFELY))?;
        read_small(fd, &self.tally, limit, out)
    }

    /// True for a disk that other computers may write to without this system hearing of it.
    #[cfg(target_os = "linux")]
    pub fn is_on_network(&self) -> bool {
        /// `statfs(2)`: 9p, AFS, Ceph, CIFS, FUSE, GPFS, Lustre, NFS, SMB, SMB2.
        const REMOTE: [u32; 10] = [
            0x0102_1997,
            0x5346_414f,
            0x00c3_6400,
            0xff53_4d42,
            0x6573_5546,
            0x4750_4653,
            0x0bd0_0bd0,
            0x6969,
            0x517b,
            0xfe53_4d42,
        ];
        let magic = rustix::fs::fstatfs(&self.fd).map(|fs| fs.f_type);
        magic.is_ok_and(|magic| {
            REMOTE
                .iter()
                .any(|remote| u64::from(*remote) == magic.cast_unsigned() & 0xffff_ffff)
        })
    }

    /// True for a disk that other computers may write to; not known on this system.
    #[cfg(not(target_os = "linux"))]
    pub fn is_on_network(&self) -> bool {
        false
    }

    /// Where a link points, as written in it.
    ///
    /// # Errors
    /// What the system said.
    pub fn read_link(&self, name: &OsStr) -> io::Result<PathBuf> {
        let target = rustix::fs::readlinkat(&self.fd, name, Vec::new())?;
        Ok(PathBuf::from(OsStr::from_bytes(target.to_bytes())))
    }
}

impl AsFd for Dir {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl Leaf<'_> {
    /// Its path, for messages.
    pub fn path(&self) -> PathBuf {
        self.parent.path.join(self.name)
    }

    /// Hands each name in the folder to `each`, as [`Dir::list`] does; once.
    ///
    /// # Errors
    /// What the system said; what was handed over before stays valid.
    pub fn list(&self, each: impl FnMut(&OsStr, FileType)) -> io::Result<()> {
        list(self.fd.as_fd(), &self.parent.tally, each)
    }

    /// What stands under `name`, without following a link.
    ///
    /// # Errors
    /// What the system said.
    pub fn stat(&self, name: &OsStr) -> io::Result<Meta> {
        self.parent.tally.statted();
        system::stat(self.fd.as_fd(), name)
    }

    /// The folder itself; its name may stand for something else by now, or for nothing.
    ///
    /// # Errors
    /// What the system said.
    pub fn stat_self(&self) -> io::Result<Meta> {
        self.parent.tally.statted();
        system::stat_open(self.fd.as_fd())
    }

    /// Appends up to `limit` bytes of a small file to `out`, as [`Dir::read_small`] does.
    ///
    /// # Errors
    /// What the system said.
    pub fn read_small(&self, name: &OsStr, limit: usize, out: &mut Vec<u8>) -> io::Result<()> {
        self.parent.tally.opened();
        let opened = Opened::below(&self.parent.path, self.name, name);
        let fd = opened.noted(|| open_quietly(self.fd.as_fd(), name, SAFELY))?;
        read_small(fd, &self.parent.tally, limit, out)
    }
}

fn list(
    dir: BorrowedFd<'_>,
    tally: &Tally,
    mut each: impl FnMut(&OsStr, FileType),
) -> io::Result<()> {
    tally.listed();
    system::each_name(dir, |name, kind| {
        if name == "." || name == ".." {
            return;
        }
        let file_type = match kind {
            // Some file systems do not say; then it takes a stat.
            rustix::fs::FileType::Unknown => {
                tally.statted();
                system::stat(dir, name).map_or(FileType::Other, |m| m.file_type)
            }
            known => file_type(known),
        };
        each(name, file_type);
    })
}

/// Reads what `fd` holds up to `limit`, and closes it.
fn read_small(fd: OwnedFd, tally: &Tally, limit: usize, out: &mut Vec<u8>) -> io::Result<()> {
    let read = read_to_limit(&fd, tally, limit, out);
    close(fd, None);
    read
}

fn read_to_limit(fd: &OwnedFd, tally: &Tally, limit: usize, out: &mut Vec<u8>) -> io::Result<()> {
    let start = out.len();
    let mut step = 4096.min(limit);
    loop {
        let done = out.len() - start;
        out.resize(start + done + step, 0);
        let n = rustix::io::read(fd, out.get_mut(start + done..).unwrap_or_default())?;
        tally.read(n);
        out.truncate(start + done + n);
        if n < step || out.len() - start >= limit {
            return Ok(());
        }
        step = (limit - (out.len() - start)).min(step * 8);
    }
}

fn file_type(of: rustix::fs::FileType) -> FileType {
    match of {
        rustix::fs::FileType::RegularFile => FileType::File,
        rustix::fs::FileType::Directory => FileType::Dir,
        rustix::fs::FileType::Symlink => FileType::Link,
        rustix::fs::FileType::Fifo => FileType::Fifo,
        rustix::fs::FileType::Socket => FileType::Socket,
        rustix::fs::FileType::CharacterDevice | rustix::fs::FileType::BlockDevice => {
            FileType::Device
        }
        rustix::fs::FileType::Unknown => FileType::Other,
    }
}

#[cfg(test)]
mod tests;
