//! The calls as Unix has them, each relative to an open folder.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::Path;

use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno;

use super::fault;
use crate::source::{Dir, FileType};

/// Bytes that may still be written where `path` lies; `None` if the system does not say.
pub fn free_bytes(path: &Path) -> Option<u64> {
    // A shelf is called by the stem of its files, where nothing lies.
    let stat = rustix::fs::statvfs(path).or_else(|_| {
        let folder = path.parent().unwrap_or(Path::new("/"));
        rustix::fs::statvfs(folder)
    });
    let stat = stat.ok()?;
    Some(stat.f_bavail.saturating_mul(stat.f_frsize))
}

/// Makes a folder.
pub(in super::super) fn make_dir(dir: &Dir, name: &OsStr, mode: u32) -> io::Result<()> {
    fault::point("mkdir")?;
    // Of a wider mode the umask takes its part, as with any program.
    Ok(rustix::fs::mkdirat(dir, name, rights(mode))?)
}

/// Makes a file that nobody else may read; "already exists" if something has that name.
pub(in super::super) fn create(dir: &Dir, name: &OsStr) -> io::Result<File> {
    open_own(dir, name, OFlags::CREATE | OFlags::EXCL)
}

/// Opens a file of ours, and makes it if it is missing.
pub(in super::super) fn open_or_create(dir: &Dir, name: &OsStr) -> io::Result<File> {
    open_own(dir, name, OFlags::CREATE)
}

/// Opens a file of ours for reading, appending and locking.
pub(in super::super) fn open_existing(dir: &Dir, name: &OsStr) -> io::Result<File> {
    open_own(dir, name, OFlags::empty())
}

/// Opens a store's file to change parts of it where they lie.
pub(in super::super) fn open_to_change(dir: &Dir, name: &OsStr) -> io::Result<File> {
    open_file(dir, name, OFlags::RDWR)
}

fn open_own(dir: &Dir, name: &OsStr, how: OFlags) -> io::Result<File> {
    if !how.is_empty() {
        fault::point("create")?;
    }
    open_file(dir, name, OFlags::RDWR | OFlags::APPEND | how)
}

fn open_file(dir: &Dir, name: &OsStr, how: OFlags) -> io::Result<File> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = File::from(rustix::fs::openat(
        dir,
        name,
        flags | how,
        Mode::RUSR | Mode::WUSR,
    )?);
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "not a regular file",
        ));
    }
    Ok(file)
}

/// Writes over a part of a file, in one call where the system takes it so.
pub(in super::super) fn write_at(file: &File, offset: u64, bytes: &[u8]) -> io::Result<()> {
    fault::point("pwrite")?;
    file.write_all_at(bytes, offset)
}

/// Gives a file of ours the rights and the owner of the one that it is to stand for.
///
/// A group that the owner is no member of cannot be given: whoever is in the group that the file has instead may do no
/// more than everybody may.
pub(in super::super) fn take_after(file: &File, dir: &Dir, name: &OsStr) -> io::Result<()> {
    let theirs = rustix::fs::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW)?;
    let mine = rustix::fs::fstat(file)?;
    if (mine.st_uid, mine.st_gid) != (theirs.st_uid, theirs.st_gid) {
        fault::point("chown")?;
        let (user, group) = (
            rustix::fs::Uid::from_raw(theirs.st_uid),
            rustix::fs::Gid::from_raw(theirs.st_gid),
        );
        match rustix::fs::fchown(file, Some(user), Some(group)) {
            Err(Errno::PERM) if mine.st_uid == theirs.st_uid => {
                let everybody = Mode::from_raw_mode(theirs.st_mode) & Mode::RWXO;
                let members = Mode::from_raw_mode(everybody.as_raw_mode() << 3);
                let rights =
                    Mode::from_raw_mode(theirs.st_mode) & (Mode::RWXU | Mode::RWXO | members);
                return set_rights(file, rights);
            }
            other => other?,
        }
    }
    set_rights(file, Mode::from_raw_mode(theirs.st_mode))
}

/// Gives a file of ours the rights of the one that it stands for.
pub(in super::super) fn set_mode(file: &File, mode: u32) -> io::Result<()> {
    set_rights(file, rights(mode))
}

fn set_rights(file: &File, mode: Mode) -> io::Result<()> {
    fault::point("chmod")?;
    Ok(rustix::fs::fchmod(file, mode & rights(0o777))?)
}

/// The rights in a mode, which has as few as 16 bits on some systems.
fn rights(mode: u32) -> Mode {
    Mode::from_bits_truncate((mode & 0o7777) as rustix::fs::RawMode)
}

/// True if a link, or something else that is no folder, stood where a folder was to be opened.
pub(in super::super) fn is_no_folder(error: &io::Error) -> bool {
    let errno = error.raw_os_error().map(Errno::from_raw_os_error);
    matches!(errno, Some(Errno::LOOP | Errno::NOTDIR | Errno::MLINK))
}

/// Waits until the names in a folder are on the disk, where the file system can tell.
pub(in super::super) fn sync_dir(dir: &Dir) -> io::Result<()> {
    fault::point("fsync")?;
    match rustix::fs::fsync(dir) {
        Err(Errno::INVAL | Errno::NOTSUP | Errno::BADF) => Ok(()),
        other => Ok(other?),
    }
}

/// Moves a name, never over another: "already exists" if the new name is taken.
pub(crate) fn rename(from: &Dir, old: &OsStr, to: &Dir, new: &OsStr) -> io::Result<()> {
    fault::point("rename")?;
    #[cfg(any(target_os = "linux", target_vendor = "apple"))]
    match rustix::fs::renameat_with(from, old, to, new, rustix::fs::RenameFlags::NOREPLACE) {
        // File systems that cannot do it in one step.
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {}
        other => return Ok(other?),
    }
    if from.stat(old)?.file_type != FileType::Dir {
        // A second name first, then the first one goes: a crash between leaves both, never none.
        rustix::fs::linkat(from, old, to, new, AtFlags::empty())?;
        return remove_file(from, old);
    }
    match to.stat(new) {
        // A folder can only replace an empty folder, so nothing is lost if one appears meanwhile.
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            Ok(rustix::fs::renameat(from, old, to, new)?)
        }
        Err(e) => Err(e),
        Ok(_) => Err(io::ErrorKind::AlreadyExists.into()),
    }
}

/// Moves a file over another, which is gone then.
pub(in super::super) fn replace(from: &Dir, old: &OsStr, to: &Dir, new: &OsStr) -> io::Result<()> {
    fault::point("rename")?;
    Ok(rustix::fs::renameat(from, old, to, new)?)
}

/// Two files trade their names in one step; "unsupported" where the system cannot do that.
#[cfg(any(target_os = "linux", target_vendor = "apple"))]
pub(in super::super) fn exchange(a_in: &Dir, a: &OsStr, b_in: &Dir, b: &OsStr) -> io::Result<()> {
    fault::point("rename")?;
    match rustix::fs::renameat_with(a_in, a, b_in, b, rustix::fs::RenameFlags::EXCHANGE) {
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => Err(io::ErrorKind::Unsupported.into()),
        other => Ok(other?),
    }
}

/// Two files would trade their names in one step: this system cannot do that.
#[cfg(not(any(target_os = "linux", target_vendor = "apple")))]
pub(in super::super) fn exchange(
    _a_in: &Dir,
    _a: &OsStr,
    _b_in: &Dir,
    _b: &OsStr,
) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Removes a name that is no folder.
pub(in super::super) fn remove_file(dir: &Dir, name: &OsStr) -> io::Result<()> {
    fault::point("unlink")?;
    Ok(rustix::fs::unlinkat(dir, name, AtFlags::empty())?)
}

/// Removes an empty folder.
pub(in super::super) fn remove_dir(dir: &Dir, name: &OsStr) -> io::Result<()> {
    fault::point("rmdir")?;
    Ok(rustix::fs::unlinkat(dir, name, AtFlags::REMOVEDIR)?)
}

/// Whether names in the folder may be made and removed by us.
pub(in super::super) fn may_write(dir: &Dir) -> io::Result<()> {
    use rustix::fs::Access;
    let access = Access::WRITE_OK | Access::EXEC_OK;
    Ok(rustix::fs::accessat(dir, ".", access, AtFlags::EACCESS)?)
}

/// True if what is called `name` in the folder belongs to us.
pub(in super::super) fn is_own(parent: &Dir, name: &OsStr) -> io::Result<bool> {
    let stat = rustix::fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW)?;
    is_owner(stat.st_uid, parent)
}

fn is_owner(owner: u32, parent: &Dir) -> io::Result<bool> {
    let me = rustix::process::geteuid();
    // The administrator may help out where the owner of the place made it.
    let is_helper = || Ok(me.is_root() && owner == rustix::fs::fstat(parent)?.st_uid);
    if owner == me.as_raw() {
        return Ok(true);
    }
    is_helper()
}

/// True if nobody but us may change what is in the folder.
pub(in super::super) fn is_ours(dir: &Dir, parent: &Dir) -> io::Result<bool> {
    let stat = rustix::fs::fstat(dir)?;
    let own = is_owner(stat.st_uid, parent)?;
    let shared = Mode::from_raw_mode(stat.st_mode).intersects(Mode::WGRP | Mode::WOTH);
    Ok(own && !shared)
}

/// True if the open file is the one that stands under `name`.
pub(in super::super) fn is_named(file: &File, dir: &Dir, name: &OsStr) -> bool {
    let (Ok(open), Ok(named)) = (
        rustix::fs::fstat(file),
        rustix::fs::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW),
    ) else {
        return false;
    };
    (open.st_dev, open.st_ino) == (named.st_dev, named.st_ino)
}

/// Fills `buf` with the bytes of a file from `offset` on.
pub(in super::super) fn read_exact_at(file: &File, buf: &mut [u8], offset: u64) -> io::Result<()> {
    file.read_exact_at(buf, offset)
}

/// Reads up to as many bytes of a file as `buf` takes.
pub(in super::super) fn read_at(file: &File, buf: &mut [u8], offset: u64) -> io::Result<usize> {
    file.read_at(buf, offset)
}

/// Device and inode of an open file, and how many names it has.
pub(in super::super) fn identity(file: &File) -> io::Result<((u64, u64), u64)> {
    let meta = file.metadata()?;
    Ok(((meta.dev(), meta.ino()), meta.nlink()))
}
