//! One row of `Cache`: what its columns mean, and how keys are told apart.

use std::borrow::Cow;

use rusqlite::types::ValueRef;

use super::json;
use crate::formats::repr::str_key_label;
use crate::formats::{Carrier, pickle};
use crate::model::{Time, text};
use crate::sqlite::{self, Cell, RowAt, Table};
use crate::stores::NativeKey;
use crate::stores::rows::TimeForm;

/// What [`Row::read`] reads.
pub(super) const SELECT: &str = "rowid, access_time, access_count, size, mode, filename, tag";

/// How a value is stored (`core.py: MODE_…`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// In the row, as SQLite's own type.
    Raw,
    /// Bytes in a file.
    Binary,
    /// UTF-8 text in a file.
    Text,
    /// A pickle, in the row or in a file.
    Pickle,
    /// None of these.
    Unknown,
}

impl Mode {
    fn of(number: i64) -> Self {
        match number {
            1 => Self::Raw,
            2 => Self::Binary,
            3 => Self::Text,
            4 => Self::Pickle,
            _ => Self::Unknown,
        }
    }

    /// How the bytes are to be read.
    pub(super) fn carrier(self) -> Carrier {
        match self {
            Self::Raw | Self::Binary => Carrier::Bytes,
            // Only files are of this mode (`core.py: Disk.store, fetch`).
            Self::Text => Carrier::TextFile,
            Self::Pickle => Carrier::Pickle,
            Self::Unknown => Carrier::Unknown,
        }
    }
}

/// Python's type and the codec of values that SQLite or a text file holds as they are.
///
/// Bytes may be compressed JSON, and pickles may hold anything: those take a look at the value.
pub(super) fn native(mode: i64, stored_as: &str) -> Option<(&'static str, &'static str)> {
    match (Mode::of(mode), stored_as) {
        (Mode::Text, _) | (Mode::Raw, "text") => Some(("str", "text")),
        (Mode::Raw, "integer") => Some(("int", "native")),
        (Mode::Raw, "real") => Some(("float", "native")),
        (Mode::Raw, "null") => Some(("NoneType", "native")),
        _ => None,
    }
}

/// A row without its key and value.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) rowid: i64,
    accessed: Option<Time>,
    access_count: i64,
    pub(super) size: i64,
    pub(super) mode: Mode,
    /// Path of the value file below the cache.
    pub(super) filename: Option<Vec<u8>>,
    tag: Cell,
}

impl Row {
    pub(super) fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            rowid: row.get(0)?,
            accessed: time(row.get_ref(1)?),
            access_count: integer(row.get_ref(2)?),
            size: integer(row.get_ref(3)?),
            mode: Mode::of(integer(row.get_ref(4)?)),
            filename: filename(row.get_ref(5)?).map(<[u8]>::to_vec),
            tag: row.get_ref(6)?.into(),
        })
    }

    /// The row's columns in diskcache's words.
    pub(super) fn facts(&self, policy: &str) -> Vec<(Cow<'static, str>, String)> {
        let mut facts: Vec<(Cow<'static, str>, String)> = Vec::new();
        let mut add = |name: &'static str, fact: String| facts.push((name.into(), fact));
        add("mode", format!("{:?}", self.mode).to_lowercase());
        if self.tag != Cell::Null {
            let tag = sqlite::repr(self.tag.as_ref());
            add("tag", text::shown(&tag).into_owned());
        }
        add("eviction policy", text::shown(policy).into_owned());
        // Every other policy leaves these as they were when the entry was stored.
        match policy {
            LEAST_USED => add("gets", self.access_count.to_string()),
            LEAST_RECENTLY_USED => {
                if let Some(accessed) = self.accessed {
                    add("last get", accessed.rfc3339());
                }
            }
            _ => {}
        }
        if let Some(name) = &self.filename {
            add(
                "value file",
                text::shown(&text::from_bytes(name)).into_owned(),
            );
        }
        facts
    }
}

/// The policy that keeps `access_count`.
pub(super) const LEAST_USED: &str = "least-frequently-used";
/// The policy that keeps `access_time`.
pub(super) const LEAST_RECENTLY_USED: &str = "least-recently-used";

/// Seconds since 1970; NULL is never.
pub(super) fn time(value: ValueRef<'_>) -> Option<Time> {
    match value {
        ValueRef::Integer(_) | ValueRef::Real(_) => TimeForm::UnixSeconds.read(&value.into()),
        _ => None,
    }
}

pub(super) fn integer(value: ValueRef<'_>) -> i64 {
    match value {
        ValueRef::Integer(n) => n,
        _ => 0,
    }
}

pub(super) fn filename(value: ValueRef<'_>) -> Option<&[u8]> {
    match value {
        ValueRef::Text(name) | ValueRef::Blob(name) => Some(name),
        _ => None,
    }
}

/// Marks a key that is a pickle, in the manner of [`sqlite::write_key`].
const PICKLED: &[u8] = b"\0p";

/// Writes the identity of a key: its stored form with its type.
pub(super) fn write_key(key: ValueRef<'_>, is_raw: bool, out: &mut Vec<u8>) {
    match (key, is_raw) {
        (ValueRef::Blob(bytes), false) => {
            out.extend(PICKLED);
            out.extend(bytes);
        }
        (native, _) => sqlite::write_key(native, out),
    }
}

/// Writes how a key is shown, where that differs from its identity.
pub(super) fn write_label(key: ValueRef<'_>, is_raw: bool, out: &mut Vec<u8>) {
    match (key, is_raw) {
        (ValueRef::Text(bytes), _) => match std::str::from_utf8(bytes) {
            Ok(text) => {
                if let Cow::Owned(quoted) = str_key_label(text) {
                    out.extend(quoted.into_bytes());
                } else if bytes.first() == Some(&0) {
                    out.extend(bytes);
                }
            }
            Err(_) => out.extend(text::from_bytes(bytes).bytes()),
        },
        (ValueRef::Blob(bytes), false) => {
            let decoded = pickle::decode_bytes(bytes);
            if decoded.problems.is_empty() {
                out.extend(decoded.value.key_label(decoded.value.root()).into_bytes());
            } else {
                out.extend(sqlite::repr(key).into_bytes());
            }
        }
        (ValueRef::Blob(bytes), true) => match json::key_label(bytes) {
            Some(label) => out.extend(label.into_bytes()),
            None => out.extend(sqlite::repr(key).into_bytes()),
        },
        (native, _) => out.extend(sqlite::repr(native).into_bytes()),
    }
}

/// The key that [`write_key`] wrote, with its Python type.
pub(super) fn native_key(key: &[u8]) -> Option<NativeKey> {
    match key.strip_prefix(PICKLED) {
        Some(pickle) => Some(NativeKey::Pickled(pickle.to_vec())),
        None => match Cell::from_key(key)? {
            Cell::Blob(bytes) => Some(match json::key_pickle(&bytes) {
                Some(pickle) => NativeKey::of_pickle(pickle),
                None => NativeKey::Bytes(bytes),
            }),
            cell => NativeKey::of_cell(cell),
        },
    }
}

/// Where the row of a key is.
pub(super) fn at(table: &Table, key: &[u8]) -> Option<RowAt> {
    let (cell, raw) = match key.strip_prefix(PICKLED) {
        Some(pickle) => (Cell::Blob(pickle.to_vec()), 0),
        None => (Cell::from_key(key)?, 1),
    };
    Some(RowAt::Columns(vec![
        (table.column("key")?, cell),
        (table.column("raw")?, Cell::Integer(raw)),
    ]))
}
