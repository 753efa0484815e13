//! What Linux does in a way of its own: reads that leave no access time, `getdents` into a buffer, `statx`.

use std::ffi::OsStr;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::BorrowedFd;
use std::os::unix::ffi::OsStrExt as _;

use rustix::fs::{
    AtFlags, FileType as Kind, OFlags, RawDir, StatxAttributes, StatxFlags, StatxTimestamp, makedev,
};

use super::file_type;
use crate::source::{Meta, Time};

/// Opens without a trace.
pub(super) const NO_TRACE: OFlags = OFlags::NOATIME;

/// Opens a folder to go through: it need not be readable, only passable.
pub(super) const STEP: OFlags = OFlags::PATH;

/// Hands each name in a folder to `each`, with its type.
pub(super) fn each_name(dir: BorrowedFd<'_>, mut each: impl FnMut(&OsStr, Kind)) -> io::Result<()> {
    // 8 KiB holds about 100 names of joblib's; a larger buffer costs more to touch than it saves.
    let mut buffer = [MaybeUninit::<u8>::uninit(); 8192];
    let mut names = RawDir::new(dir, &mut buffer);
    while let Some(entry) = names.next() {
        let entry = entry?;
        let name = OsStr::from_bytes(entry.file_name().to_bytes());
        each(name, entry.file_type());
    }
    Ok(())
}

/// What is open.
pub(super) fn stat_open(fd: BorrowedFd<'_>) -> io::Result<Meta> {
    statx(fd, OsStr::new(""), AtFlags::EMPTY_PATH)
}

/// What stands under a name, without following a link.
pub(super) fn stat(dir: BorrowedFd<'_>, name: &OsStr) -> io::Result<Meta> {
    statx(dir, name, AtFlags::SYMLINK_NOFOLLOW)
}

fn statx(dir: BorrowedFd<'_>, name: &OsStr, flags: AtFlags) -> io::Result<Meta> {
    let wanted = StatxFlags::BASIC_STATS | StatxFlags::BTIME;
    let s = rustix::fs::statx(dir, name, flags, wanted)?;
    let time = |t: StatxTimestamp| Time::from_unix(t.tv_sec, t.tv_nsec);
    let has_birth = s.stx_mask & StatxFlags::BTIME.bits() != 0;
    Ok(Meta {
        file_type: file_type(Kind::from_raw_mode(s.stx_mode.into())),
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
