//! Dead space in stores, as data: described by a backend, given back by `clear`.

use std::ffi::OsString;
use std::path::PathBuf;

/// How a store is made as small as its entries need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Compaction {
    /// A `dbm.dumb` shelf.
    Dumb {
        /// The name that the suffixes of its files are added to, in the store's folder.
        base: OsString,
    },
    /// A gdbm file.
    Gdbm {
        /// Its name in the store's folder.
        file: OsString,
    },
    /// SQLite databases.
    Sqlite {
        /// The files, relative to the store's own folder (or its parent, where the store is a file).
        files: Vec<PathBuf>,
    },
}
