//! Folder and file handles on Unix: `openat`, `statx`, `getdents`, `pread`.

mod file;

use std::ffi::{OsStr, OsString};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno;

use super::ledger::Opened;
use super::{FileType, Meta, Tally, Time};
use crate::{Error, Result};
pub use file::FileReader;
use file::close;

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

#[cfg(target_os = "linux")]
const NO_TRACE: OFlags = OFlags::NOATIME;
#[cfg(not(target_os = "linux"))]
const NO_TRACE: OFlags = OFlags::empty();

/// `O_NOATIME` is only for the file's owner and root (EPERM otherwise): then it is opened without.
fn open_quietly(dir: BorrowedFd<'_>, name: &OsStr, flags: OFlags) -> io::Result<OwnedFd> {
    let open = |flags| rustix::fs::openat(dir, name, flags, Mode::empty());
    match open(flags | NO_TRACE) {
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
        #[cfg(target_os = "linux")]
        // Folders on the way need not be readable, only passable.
        const STEP: OFlags = OFlags::PATH;
        #[cfg(not(target_os = "linux"))]
        const STEP: OFlags = OFlags::RDONLY;
        let step = STEP | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
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
        let mut dir = Self {
            fd: rustix::io::fcntl_dupfd_cloexec(&self.fd, 0)?,
            path: self.path.clone(),
            tally: Arc::clone(&self.tally),
            // The duplicate shares its place in the listing with this handle.
            was_listed: AtomicBool::new(true),
        };
        for part in relative.components() {
            match part {
                std::path::Component::Normal(name) => dir = dir.open_dir(name)?,
                std::path::Component::CurDir => {}
                _ => return Err(io::ErrorKind::InvalidInput.into()),
            }
        }
        Ok(dir)
    }

    /// What stands under `name`, without following a link.
    ///
    /// # Errors
    /// What the system said.
    pub fn stat(&self, name: &OsStr) -> io::Result<Meta> {
        self.tally.statted();
        stat(self.fd.as_fd(), name, AtFlags::SYMLINK_NOFOLLOW)
    }

    /// The folder itself.
    ///
    /// # Errors
    /// What the system said.
    pub fn stat_self(&self) -> io::Result<Meta> {
        self.tally.statted();
        stat(self.fd.as_fd(), OsStr::new(""), AtFlags::EMPTY_PATH)
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
        let meta = stat(fd.as_fd(), OsStr::new(""), AtFlags::EMPTY_PATH)?;
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
        stat(self.fd.as_fd(), name, AtFlags::SYMLINK_NOFOLLOW)
    }

    /// The folder itself; its name may stand for something else by now, or for nothing.
    ///
    /// # Errors
    /// What the system said.
    pub fn stat_self(&self) -> io::Result<Meta> {
        self.parent.tally.statted();
        stat(self.fd.as_fd(), OsStr::new(""), AtFlags::EMPTY_PATH)
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
    // 8 KiB holds about 100 names of joblib's; a larger buffer costs more to touch than it saves.
    let mut buffer = [MaybeUninit::<u8>::uninit(); 8192];
    tally.listed();
    let mut names = rustix::fs::RawDir::new(dir, &mut buffer);
    while let Some(entry) = names.next() {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if name == b"." || name == b".." {
            continue;
        }
        let name = OsStr::from_bytes(name);
        let file_type = match entry.file_type() {
            // Some file systems do not say; then it takes a stat.
            rustix::fs::FileType::Unknown => {
                tally.statted();
                stat(dir, name, AtFlags::SYMLINK_NOFOLLOW).map_or(FileType::Other, |m| m.file_type)
            }
            known => file_type(known),
        };
        each(name, file_type);
    }
    Ok(())
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
        _ => FileType::Other,
    }
}

#[cfg(target_os = "linux")]
fn stat(dir: BorrowedFd<'_>, name: &OsStr, flags: AtFlags) -> io::Result<Meta> {
    use rustix::fs::{StatxAttributes, StatxFlags, StatxTimestamp, makedev};
    let s = rustix::fs::statx(
        dir,
        name,
        flags,
        StatxFlags::BASIC_STATS | StatxFlags::BTIME,
    )?;
    let time = |t: StatxTimestamp| Time::from_unix(t.tv_sec, t.tv_nsec);
    let has_birth = s.stx_mask & StatxFlags::BTIME.bits() != 0;
    Ok(Meta {
        file_type: file_type(rustix::fs::FileType::from_raw_mode(s.stx_mode.into())),
        dev: makedev(s.stx_dev_major, s.stx_dev_minor),
        ino: s.stx_ino,
        size: s.stx_size,
        disk_bytes: s.stx_blocks.saturating_mul(512),
        n_links: s.stx_nlink.into(),
        mode: Some(u32::from(s.stx_mode) & 0o7777),
        modified: time(s.stx_mtime),
        accessed: time(s.stx_atime),
        created: has_birth.then(|| time(s.stx_btime)),
        is_mount_root: s.stx_attributes.contains(StatxAttributes::MOUNT_ROOT),
    })
}

#[cfg(not(target_os = "linux"))]
#[expect(
    clippy::cast_sign_loss,
    clippy::useless_conversion,
    reason = "field types differ between systems"
)]
fn stat(dir: BorrowedFd<'_>, name: &OsStr, flags: AtFlags) -> io::Result<Meta> {
    let s = if name.is_empty() {
        rustix::fs::fstat(dir)?
    } else {
        rustix::fs::statat(dir, name, flags)?
    };
    let time = |secs: i64, nanos: i64| Time::from_unix(secs, u32::try_from(nanos).unwrap_or(0));
    Ok(Meta {
        file_type: file_type(rustix::fs::FileType::from_raw_mode(s.st_mode)),
        dev: s.st_dev as u64,
        ino: s.st_ino.into(),
        size: u64::try_from(s.st_size).unwrap_or(0),
        disk_bytes: u64::try_from(s.st_blocks).unwrap_or(0).saturating_mul(512),
        n_links: s.st_nlink.into(),
        mode: Some(u32::from(s.st_mode) & 0o7777),
        modified: time(s.st_mtime.into(), s.st_mtime_nsec.into()),
        accessed: time(s.st_atime.into(), s.st_atime_nsec.into()),
        created: None,
        is_mount_root: false,
    })
}

#[cfg(test)]
mod tests;
