//! How entries are taken out of stores, as data: described by a backend, done by `clear`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::rows::TimeForm;
use crate::sqlite::{Handle, Own, RowAt, Table};

/// How an entry is taken out of its store: described by a backend, done by `clear`.
#[derive(Debug, Clone)]
pub enum Removal {
    /// A folder that belongs to the entry alone, moved whole.
    Folder {
        /// The folder, relative to the store's own folder.
        path: PathBuf,
        /// The file in it whose identity is checked again; where it is missing, the folder's own is.
        witness: OsString,
        /// What the folder may hold; anything else makes the entry stay.
        owned: fn(&std::ffi::OsStr) -> bool,
        /// Which of these exist only while a program writes; a fresh one makes the entry stay.
        temporary: fn(&std::ffi::OsStr) -> bool,
        /// The file that is written last: temporary files from before it belong to nobody any more.
        last: OsString,
        /// What the entry's worth depends on; undo puts it back only where that still holds.
        guard: Option<Guard>,
    },
    /// Files that belong to the entry alone; the first one's identity is checked again.
    Files {
        /// The files, relative to the store's own folder (or its parent, where the store is a file).
        paths: Vec<PathBuf>,
        /// Levels of folders above that go too once they are empty.
        folders: usize,
    },
    /// One of several entries in the same files: they go together or not at all.
    Shared {
        /// The files, as in [`Removal::Files`].
        paths: Vec<PathBuf>,
    },
    /// A row of a database, with what goes when it goes.
    Row(RowRemoval),
    /// A key of a dbm file.
    Key(KeyRemoval),
}

/// The file that a key is taken out of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRemoval {
    /// The file, relative to the store's own folder (or its parent, where the store is a file); of a `dbm.dumb` shelf
    /// the name that the suffixes of its files are added to.
    pub file: PathBuf,
    /// What it is.
    pub form: KeyForm,
}

/// A container of keys and values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyForm {
    /// `dbm.dumb`: an index of text and a file of values.
    Dumb,
    /// GNU dbm.
    Gdbm,
    /// A hash file of Berkeley DB, as `dbm.ndbm` writes it.
    BerkeleyHash,
}

/// A row and the rules of its table.
#[derive(Debug, Clone)]
pub struct RowRemoval {
    /// The database, relative to the store's own folder (or its parent, where the store is a file).
    pub database: PathBuf,
    pub(crate) at: RowAt,
    pub(crate) rules: Arc<RowRules>,
}

/// What has to be known of a table for its rows to be taken out and put back.
#[derive(Debug)]
pub(crate) struct RowRules {
    pub(crate) table: Arc<Table>,
    /// The size of a row's fingerprint, as an SQL expression; `None` where the row does not tell it.
    pub(crate) size: Option<String>,
    /// The time of a row's fingerprint.
    pub(crate) stored: Option<(usize, TimeForm)>,
    /// When a row expires, if a person may say that anew.
    pub(crate) expires: Option<Expiry>,
    /// Columns that change when a program reads the row.
    pub(crate) volatile: Vec<usize>,
    /// Where rows name files that hold their values.
    pub(crate) file: Option<ValueFiles>,
    /// Texts of the triggers that the library itself made.
    pub(crate) triggers: &'static [&'static str],
    /// Rows of other tables that go with a row.
    pub(crate) dependents: Vec<Dependent>,
}

/// The files beside a database that hold values of its rows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ValueFiles {
    /// The column that holds a file's path below the database's folder.
    pub(crate) column: usize,
    /// True for a path as the library makes it. Whatever else a row names is somebody's own, or the database itself.
    pub(crate) is_own: fn(&[u8]) -> bool,
}

/// Where a table keeps when its rows expire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Expiry {
    pub(crate) column: usize,
    pub(crate) form: TimeForm,
    /// What a new time there does not reach.
    pub(crate) note: Option<&'static str>,
}

/// Rows that hold a value of an entry's row, and mean nothing without it.
#[derive(Debug, Clone)]
pub(crate) struct Dependent {
    pub(crate) table: Arc<Table>,
    /// Its column that holds the value.
    pub(crate) column: usize,
    /// The column of the entry's table that the value is of.
    pub(crate) of: usize,
    /// What one and what several are called.
    pub(crate) words: (&'static str, &'static str),
}

impl RowRules {
    /// What of the table's surroundings its library made itself.
    pub(crate) fn reaches_beyond(
        &self,
        connection: &rusqlite::Connection,
    ) -> Result<Option<String>, crate::sqlite::Failure> {
        let dependents: Vec<&str> = self.dependents.iter().map(|d| &*d.table.name).collect();
        let own = Own {
            triggers: self.triggers,
            dependents: &dependents,
        };
        if matches!(self.table.handle, Handle::Place) {
            return Ok(Some("nothing tells the row from others like it".to_owned()));
        }
        if let Some(why) = crate::sqlite::reaches_beyond(connection, &self.table.name, own)? {
            return Ok(Some(why));
        }
        for dependent in &self.dependents {
            let name = &dependent.table.name;
            if let Some(why) = crate::sqlite::reaches_beyond(connection, name, Own::default())? {
                return Ok(Some(why));
            }
        }
        Ok(None)
    }
}

/// A file that says what a group's entries were computed by (joblib's `func_code.py`).
#[derive(Debug, Clone)]
pub struct Guard {
    /// The file, relative to the store's own folder.
    pub path: PathBuf,
    /// True if two contents of it mean the same to the library.
    pub same: fn(&[u8], &[u8]) -> bool,
}

impl Removal {
    /// What goes: the entry's own folder, or the first of its files, relative to the store's folder.
    pub fn path(&self) -> Option<&Path> {
        self.paths().first().map(PathBuf::as_path)
    }

    /// The folder or the files that belong to the entry alone; none for what is a part of a file.
    pub fn paths(&self) -> &[PathBuf] {
        match self {
            Self::Folder { path, .. } => std::slice::from_ref(path),
            Self::Files { paths, .. } | Self::Shared { paths } => paths,
            Self::Row(_) | Self::Key(_) => &[],
        }
    }
}
