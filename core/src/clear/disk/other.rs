//! Where nothing that is wanted here is at hand: caches are looked at, and not changed.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::path::Path;

use crate::source::Dir;

fn cannot<T>() -> io::Result<T> {
    let why = "Cachescope changes no cache on this system";
    Err(io::Error::new(io::ErrorKind::Unsupported, why))
}

/// Bytes that may still be written where `path` lies; `None` if the system does not say.
pub fn free_bytes(_path: &Path) -> Option<u64> {
    None
}

/// Makes a folder.
pub(in super::super) fn make_dir(_dir: &Dir, _name: &OsStr, _mode: u32) -> io::Result<()> {
    cannot()
}

/// Makes a file that nobody else may read; "already exists" if something has that name.
pub(in super::super) fn create(_dir: &Dir, _name: &OsStr) -> io::Result<File> {
    cannot()
}

/// Opens a file of ours, and makes it if it is missing.
pub(in super::super) fn open_or_create(_dir: &Dir, _name: &OsStr) -> io::Result<File> {
    cannot()
}

/// Opens a file of ours for reading, appending and locking.
pub(in super::super) fn open_existing(_dir: &Dir, _name: &OsStr) -> io::Result<File> {
    cannot()
}

/// Opens a store's file to change parts of it where they lie.
pub(in super::super) fn open_to_change(_dir: &Dir, _name: &OsStr) -> io::Result<File> {
    cannot()
}

/// Writes over a part of a file, in one call where the system takes it so.
pub(in super::super) fn write_at(_file: &File, _offset: u64, _bytes: &[u8]) -> io::Result<()> {
    cannot()
}

/// Gives a file of ours the rights and the owner of the one that it is to stand for.
pub(in super::super) fn take_after(_file: &File, _dir: &Dir, _name: &OsStr) -> io::Result<()> {
    cannot()
}

/// Gives a file of ours the rights of the one that it stands for.
pub(in super::super) fn set_mode(_file: &File, _mode: u32) -> io::Result<()> {
    cannot()
}

/// True if a link, or something else that is no folder, stood where a folder was to be opened.
pub(in super::super) fn is_no_folder(_error: &io::Error) -> bool {
    false
}

/// Waits until the names in a folder are on the disk, where the file system can tell.
pub(in super::super) fn sync_dir(_dir: &Dir) -> io::Result<()> {
    cannot()
}

/// Moves a name, never over another: "already exists" if the new name is taken.
pub(crate) fn rename(_from: &Dir, _old: &OsStr, _to: &Dir, _new: &OsStr) -> io::Result<()> {
    cannot()
}

/// Moves a file over another, which is gone then.
pub(in super::super) fn replace(
    _from: &Dir,
    _old: &OsStr,
    _to: &Dir,
    _new: &OsStr,
) -> io::Result<()> {
    cannot()
}

/// Two files trade their names in one step; "unsupported" where the system cannot do that.
pub(in super::super) fn exchange(
    _a_in: &Dir,
    _a: &OsStr,
    _b_in: &Dir,
    _b: &OsStr,
) -> io::Result<()> {
    cannot()
}

/// Removes a name that is no folder.
pub(in super::super) fn remove_file(_dir: &Dir, _name: &OsStr) -> io::Result<()> {
    cannot()
}

/// Removes an empty folder.
pub(in super::super) fn remove_dir(_dir: &Dir, _name: &OsStr) -> io::Result<()> {
    cannot()
}

/// Whether names in the folder may be made and removed by us.
pub(in super::super) fn may_write(_dir: &Dir) -> io::Result<()> {
    cannot()
}

/// True if what is called `name` in the folder belongs to us.
pub(in super::super) fn is_own(_parent: &Dir, _name: &OsStr) -> io::Result<bool> {
    cannot()
}

/// True if nobody but us may change what is in the folder.
pub(in super::super) fn is_ours(_dir: &Dir, _parent: &Dir) -> io::Result<bool> {
    cannot()
}

/// True if the open file is the one that stands under `name`.
pub(in super::super) fn is_named(_file: &File, _dir: &Dir, _name: &OsStr) -> bool {
    false
}

/// Fills `buf` with the bytes of a file from `offset` on.
pub(in super::super) fn read_exact_at(
    _file: &File,
    _buf: &mut [u8],
    _offset: u64,
) -> io::Result<()> {
    cannot()
}

/// Reads up to as many bytes of a file as `buf` takes.
pub(in super::super) fn read_at(_file: &File, _buf: &mut [u8], _offset: u64) -> io::Result<usize> {
    cannot()
}

/// Device and inode of an open file, and how many names it has.
pub(in super::super) fn identity(_file: &File) -> io::Result<((u64, u64), u64)> {
    cannot()
}
