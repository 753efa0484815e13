//! The disk: open folder handles, reads that leave no trace, counts of what was done.
//!
//! Every name is looked up relative to an open folder and never through a link; files are opened
//! without touching their access time where the system lets us. SQLite has its own door.

#[cfg(not(unix))]
#[path = "other.rs"]
mod system;
#[cfg(unix)]
#[path = "unix/mod.rs"]
mod system;

pub(crate) mod copies;
pub(crate) mod gate;
mod ledger;
mod mounts;
pub(crate) mod own_folder;
mod process;
mod read_at;
mod readers;
mod tally;

use std::path::Path;

use crate::model::{Fingerprint, Time};
use crate::{Error, Result};

pub use copies::{allow_all_copies, allow_copies_of, keep_copies_in};
pub use ledger::Ledger;
pub use mounts::{AccessTimes, access_times};
pub use process::is_running;
pub(crate) use read_at::UntilCancelled;
pub use read_at::{MemoryReader, Range, ReadAt};
pub use readers::tell_readers_in;
pub(crate) use readers::{Readers, Reading};
pub use system::{Dir, FileReader, Leaf};
pub use tally::{Tally, Work};

/// What a name in a folder stands for; links are never followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FileType {
    /// A regular file.
    File,
    /// A folder.
    Dir,
    /// A symbolic link, wherever it points.
    Link,
    /// A named pipe.
    Fifo,
    /// A socket.
    Socket,
    /// A device, of bytes or of blocks.
    Device,
    /// Anything else.
    Other,
}

/// What the file system keeps of a file or folder.
#[derive(Debug, Clone, Copy)]
pub struct Meta {
    /// File, folder, link or other.
    pub file_type: FileType,
    /// Device.
    pub dev: u64,
    /// Inode.
    pub ino: u64,
    /// Length in bytes.
    pub size: u64,
    /// Bytes taken on the disk.
    pub disk_bytes: u64,
    /// Hard links.
    pub n_links: u64,
    /// Permission bits; `None` where the system has none.
    pub mode: Option<u32>,
    /// Last write.
    pub modified: Time,
    /// Last read, as far as the mount keeps it.
    pub accessed: Time,
    /// Birth, where the file system keeps it.
    pub created: Option<Time>,
    /// True if something is mounted here; only Linux tells.
    pub is_mount_root: bool,
}

impl Meta {
    /// "Unchanged" for a file, or for a folder's list of names.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint {
            dev: self.dev,
            ident: self.ino,
            // The length of a folder says nothing of what is in it.
            size: if self.file_type == FileType::Dir {
                0
            } else {
                self.size
            },
            modified: self.modified.packed(),
        }
    }
}

/// The path or name that these bytes are, as [`std::ffi::OsStr::as_encoded_bytes`] gave them.
#[cfg(unix)]
pub fn path_from_bytes(bytes: &[u8]) -> std::path::PathBuf {
    use std::os::unix::ffi::OsStrExt as _;
    std::ffi::OsStr::from_bytes(bytes).into()
}

/// The path or name that these bytes are, as [`std::ffi::OsStr::as_encoded_bytes`] gave them; names that are no Unicode
/// come back with U+FFFD in the place of what is none.
#[cfg(not(unix))]
pub fn path_from_bytes(bytes: &[u8]) -> std::path::PathBuf {
    String::from_utf8_lossy(bytes).into_owned().into()
}

/// Opens the folder that `path` lies in, and returns it with the last part of the path.
///
/// The path is the person's own: links in it are followed, so the result is the real place.
///
/// # Errors
/// If the path does not exist or its folder cannot be opened.
pub fn open_parent(path: &Path) -> Result<(Dir, std::ffi::OsString)> {
    let real = std::fs::canonicalize(path).map_err(|e| Error::io("Cannot open it", path, e))?;
    let name = real.file_name().unwrap_or(".".as_ref()).to_owned();
    Ok((Dir::open(real.parent().unwrap_or(&real))?, name))
}
