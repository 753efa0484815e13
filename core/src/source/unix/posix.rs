//! The same as on Linux, for systems that have no more than POSIX: macOS and the BSDs.

use std::ffi::OsStr;
use std::io;
use std::os::fd::BorrowedFd;
use std::os::unix::ffi::OsStrExt as _;

use rustix::fs::{AtFlags, Dir, FileType as Kind, OFlags, Stat};

use super::file_type;
use crate::source::{Meta, Time};

/// Nothing keeps the access time as it is.
pub(super) const NO_TRACE: OFlags = OFlags::empty();

/// Opens a folder to go through.
pub(super) const STEP: OFlags = OFlags::RDONLY;

/// Hands each name in a folder to `each`, with its type.
pub(super) fn each_name(dir: BorrowedFd<'_>, mut each: impl FnMut(&OsStr, Kind)) -> io::Result<()> {
    for entry in Dir::read_from(dir)? {
        let entry = entry?;
        let name = OsStr::from_bytes(entry.file_name().to_bytes());
        each(name, entry.file_type());
    }
    Ok(())
}

/// What is open.
pub(super) fn stat_open(fd: BorrowedFd<'_>) -> io::Result<Meta> {
    Ok(meta(&rustix::fs::fstat(fd)?))
}

/// What stands under a name, without following a link.
pub(super) fn stat(dir: BorrowedFd<'_>, name: &OsStr) -> io::Result<Meta> {
    let stat = rustix::fs::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW)?;
    Ok(meta(&stat))
}

#[expect(
    clippy::cast_sign_loss,
    clippy::useless_conversion,
    reason = "field types differ between systems"
)]
fn meta(s: &Stat) -> Meta {
    let time = |secs: i64, nanos: i64| Time::from_unix(secs, u32::try_from(nanos).unwrap_or(0));
    Meta {
        file_type: file_type(Kind::from_raw_mode(s.st_mode)),
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
    }
}
