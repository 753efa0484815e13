//! The calls that change the disk, each relative to an open folder and each one step that a crash cannot halve.
//!
//! Tests make them fail one by one through `fault`; nothing else in `clear` changes a store.

pub(super) mod fault;
#[cfg(not(unix))]
mod other;
mod tree;
#[cfg(unix)]
mod unix;

use std::fs::File;
use std::io::{self, Write as _};

#[cfg(not(unix))]
use other as system;
#[cfg(unix)]
use unix as system;

pub use system::free_bytes;
pub(crate) use system::rename;
pub(super) use system::{
    create, exchange, identity, is_named, is_no_folder, is_ours, is_own, make_dir, may_write,
    open_existing, open_or_create, open_to_change, read_at, read_exact_at, remove_dir, remove_file,
    replace, set_mode, sync_dir, take_after, write_at,
};
pub(super) use tree::remove_tree;

/// A step that changes a database, for the faults of tests.
pub(super) fn point(step: &'static str) -> io::Result<()> {
    fault::point(step)
}

/// Appends to a file of ours.
pub(super) fn append(mut file: &File, bytes: &[u8]) -> io::Result<()> {
    fault::point("write")?;
    file.write_all(bytes)
}

/// Cuts a file to `len` bytes.
pub(super) fn truncate(file: &File, len: u64) -> io::Result<()> {
    fault::point("ftruncate")?;
    file.set_len(len)
}

/// Waits until a file of ours is on the disk.
pub(super) fn sync_file(file: &File) -> io::Result<()> {
    fault::point("fsync")?;
    file.sync_all()
}
