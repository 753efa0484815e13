//! Writes diskcache's folders (`core.py: Cache.__init__`, `Disk.store` of 5.6.3): rows, value files, triggers.

use std::path::{Path, PathBuf};

use rusqlite::types::Null;

use super::rows::Rows;
use super::{Entry, Holds, ReadBy, Target, Writer, itself, stage, unfit};
use crate::formats::compress::Codec;
use crate::model::Time;
use crate::sqlite::Cell;
use crate::stores::{KeyTypes, NativeKey, Payload};
use crate::{Error, Result};

pub(super) const TARGET: Target = Target {
    kind: "diskcache",
    codec: None,
    holds: Holds::Objects,
    key_types: KeyTypes::Apart,
    keeps_expiry: true,
    has_groups: false,
    is_folder_each: false,
    read_by: ReadBy::Caller,
    in_python: None,
    names: itself,
    create,
};

const DATABASE: &str = "cache.db";
/// Bytes, or characters of a text, from which on a value is a file (`disk_min_file_size`).
const MIN_FILE_SIZE: usize = 1 << 15;
/// What the library lets a cache grow to before it throws away (`size_limit`).
const SIZE_LIMIT: u64 = 1 << 30;

const SETUP: &str = "PRAGMA auto_vacuum = 1;
PRAGMA cache_size = 8192;
PRAGMA journal_mode = wal;
PRAGMA synchronous = 1;
CREATE TABLE IF NOT EXISTS Settings ( key TEXT NOT NULL UNIQUE, value);
INSERT INTO Settings VALUES ('statistics', 0), ('tag_index', 0), ('eviction_policy', 'least-recently-stored'),
 ('size_limit', 1073741824), ('cull_limit', 10), ('sqlite_auto_vacuum', 1), ('sqlite_cache_size', 8192),
 ('sqlite_journal_mode', 'wal'), ('sqlite_mmap_size', 67108864), ('sqlite_synchronous', 1),
 ('disk_min_file_size', 32768), ('disk_pickle_protocol', 5), ('count', 0), ('size', 0), ('hits', 0), ('misses', 0);
CREATE TABLE IF NOT EXISTS Cache ( rowid INTEGER PRIMARY KEY, key BLOB, raw INTEGER, store_time REAL, \
 expire_time REAL, access_time REAL, access_count INTEGER DEFAULT 0, tag BLOB, size INTEGER DEFAULT 0, \
 mode INTEGER DEFAULT 0, filename TEXT, value BLOB);
CREATE UNIQUE INDEX IF NOT EXISTS Cache_key_raw ON Cache(key, raw);
CREATE INDEX IF NOT EXISTS Cache_expire_time ON Cache (expire_time);
CREATE INDEX IF NOT EXISTS Cache_store_time ON Cache (store_time);
CREATE TRIGGER IF NOT EXISTS Settings_count_insert AFTER INSERT ON Cache FOR EACH ROW BEGIN \
 UPDATE Settings SET value = value + 1 WHERE key = \"count\"; END;
CREATE TRIGGER IF NOT EXISTS Settings_count_delete AFTER DELETE ON Cache FOR EACH ROW BEGIN \
 UPDATE Settings SET value = value - 1 WHERE key = \"count\"; END;
CREATE TRIGGER IF NOT EXISTS Settings_size_insert AFTER INSERT ON Cache FOR EACH ROW BEGIN \
 UPDATE Settings SET value = value + NEW.size WHERE key = \"size\"; END;
CREATE TRIGGER IF NOT EXISTS Settings_size_update AFTER UPDATE ON Cache FOR EACH ROW BEGIN \
 UPDATE Settings SET value = value + NEW.size - OLD.size WHERE key = \"size\"; END;
CREATE TRIGGER IF NOT EXISTS Settings_size_delete AFTER DELETE ON Cache FOR EACH ROW BEGIN \
 UPDATE Settings SET value = value - OLD.size WHERE key = \"size\"; END;";

const INSERT: &str = "INSERT INTO Cache (key, raw, store_time, expire_time, access_time, access_count, tag, size, \
                      mode, filename, value) VALUES (?1, ?2, ?3, ?4, ?3, 0, ?5, ?6, ?7, ?8, ?9)";

/// How a value is stored (`core.py: MODE_…`).
#[derive(Debug, Clone, Copy)]
enum Mode {
    Raw = 1,
    Binary = 2,
    Text = 3,
    Pickle = 4,
}

struct DiskCache {
    path: PathBuf,
    rows: Rows,
    n_files: u64,
    bytes: u64,
    /// True if the limit is one that a program chose.
    has_limit: bool,
    /// True if keys are pickled as another diskcache has them, by the protocol that goes on.
    has_their_keys: bool,
}

/// Where the value is.
struct Stored {
    mode: Mode,
    in_row: Cell,
    filename: Option<String>,
    size: u64,
}

fn create(path: &Path, _codec: Option<Codec>) -> Result<Box<dyn Writer>> {
    stage::make_dirs(path)?;
    Ok(Box::new(DiskCache {
        rows: Rows::create(&path.join(DATABASE), SETUP)?,
        path: path.to_owned(),
        n_files: 0,
        bytes: 0,
        has_limit: false,
        has_their_keys: false,
    }))
}

impl DiskCache {
    fn in_row(mode: Mode, in_row: Cell) -> Stored {
        Stored {
            mode,
            in_row,
            filename: None,
            size: 0,
        }
    }

    fn in_file(&mut self, mode: Mode, bytes: &[u8]) -> Result<Stored> {
        // The library draws 128 bits at random; a mixed counter is as spread out and never the same twice.
        self.n_files += 1;
        let digits = format!(
            "{:032x}",
            xxhash_rust::xxh3::xxh3_128(&self.n_files.to_le_bytes())
        );
        let (folder, name) = digits.split_at_checked(4).unwrap_or_default();
        let (first, second) = folder.split_at_checked(2).unwrap_or_default();
        let filename = format!("{first}/{second}/{name}.val");
        stage::make_dirs(&self.path.join(first).join(second))?;
        stage::write(&self.path.join(&filename), bytes)?;
        Ok(Stored {
            mode,
            in_row: Cell::Null,
            filename: Some(filename),
            size: bytes.len() as u64,
        })
    }

    fn store(&mut self, value: &Payload) -> Result<Stored> {
        let pickled = |bytes: Vec<u8>| Self::in_row(Mode::Pickle, Cell::Blob(bytes));
        Ok(match &*value.native() {
            Payload::Int(n) => Self::in_row(Mode::Raw, Cell::Integer(*n)),
            // SQLite writes NULL for what is not a number, and the library reads None.
            Payload::Float(x) if x.is_nan() => pickled(value.pickled().into_owned()),
            Payload::Float(x) => Self::in_row(Mode::Raw, Cell::Real(*x)),
            Payload::None => pickled(value.pickled().into_owned()),
            Payload::Text(bytes) if is_plain_text(bytes) => {
                let n_characters = bytes.iter().filter(|b| **b & 0xc0 != 0x80).count();
                if n_characters < MIN_FILE_SIZE {
                    Self::in_row(Mode::Raw, Cell::Text(bytes.clone()))
                } else if bytes.contains(&b'\r') {
                    // A text file is read with universal newlines, which would change it.
                    self.pickle(&value.pickled())?
                } else {
                    self.in_file(Mode::Text, bytes)?
                }
            }
            Payload::Text(_) => self.pickle(&value.pickled())?,
            Payload::Bytes(bytes) | Payload::Raw(bytes) | Payload::Foreign(bytes) => {
                if bytes.len() < MIN_FILE_SIZE {
                    Self::in_row(Mode::Raw, Cell::Blob(bytes.clone()))
                } else {
                    self.in_file(Mode::Binary, bytes)?
                }
            }
            Payload::Pickle(bytes) => self.pickle(bytes)?,
        })
    }

    /// The row's `key` and `raw`.
    fn key(&self, entry: &Entry<'_>) -> Result<(Cell, i64)> {
        Ok(match entry.key {
            NativeKey::Text(bytes) | NativeKey::Untyped(bytes) if is_plain_text(bytes) => {
                (Cell::Text(bytes.clone()), 1)
            }
            NativeKey::Text(_) => return Err(unfit(entry, "it is not valid text")),
            NativeKey::Bytes(bytes) | NativeKey::Untyped(bytes) => (Cell::Blob(bytes.clone()), 1),
            NativeKey::Int(n) => (Cell::Integer(*n), 1),
            NativeKey::Float(x) if x.is_nan() => {
                return Err(unfit(entry, "diskcache finds no such key again"));
            }
            NativeKey::Float(x) => (Cell::Real(*x), 1),
            NativeKey::Pickled(bytes) if self.has_their_keys => (Cell::Blob(bytes.clone()), 0),
            NativeKey::Pickled(bytes) => (Cell::Blob(canonical(bytes, entry)?), 0),
        })
    }

    fn pickle(&mut self, bytes: &[u8]) -> Result<Stored> {
        if bytes.len() < MIN_FILE_SIZE {
            Ok(Self::in_row(Mode::Pickle, Cell::Blob(bytes.to_vec())))
        } else {
            self.in_file(Mode::Pickle, bytes)
        }
    }
}

/// Lone surrogates are text to a pickle alone.
fn is_plain_text(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_ok()
}

/// The row's `tag`.
fn tag(entry: &Entry<'_>) -> Result<Cell> {
    Ok(match &entry.tag {
        None => Cell::Null,
        Some(NativeKey::Text(bytes) | NativeKey::Untyped(bytes)) => Cell::Text(bytes.clone()),
        Some(NativeKey::Bytes(bytes)) => Cell::Blob(bytes.clone()),
        Some(NativeKey::Int(n)) => Cell::Integer(*n),
        Some(NativeKey::Float(x)) => Cell::Real(*x),
        Some(NativeKey::Pickled(_)) => {
            return Err(unfit(
                entry,
                "its tag is of a type that SQLite does not have",
            ));
        }
    })
}

/// The very bytes that the library would make of a key: it looks keys up by them.
fn canonical(pickle: &[u8], entry: &Entry<'_>) -> Result<Vec<u8>> {
    crate::formats::pickle::key::canonical(pickle)
        .ok_or_else(|| unfit(entry, "diskcache would look for it under another pickle"))
}

impl Writer for DiskCache {
    fn set(&mut self, settings: &[(&'static str, Payload)]) -> Result<()> {
        for (name, value) in settings {
            self.has_limit |= *name == "size_limit";
            self.has_their_keys |= *name == "disk_pickle_protocol";
            let value = self.store(value)?.in_row;
            let sql = "UPDATE Settings SET value = ?2 WHERE key = ?1";
            self.rows.insert(sql, rusqlite::params![name, value])?;
        }
        Ok(())
    }

    fn add(&mut self, entry: &Entry<'_>) -> Result<()> {
        let (key, raw) = self.key(entry)?;
        let stored = self.store(entry.value)?;
        self.bytes = self.bytes.saturating_add(entry.value.len());
        let size = i64::try_from(stored.size)
            .map_err(|_wide| Error::limit("Cannot write the new store", "a value is too large"))?;
        let created = entry.created.unwrap_or_else(Time::now).unix_f64();
        let expires = entry.expires.map(Time::unix_f64);
        let tag = tag(entry)?;
        let row = rusqlite::params![
            key,
            raw,
            created,
            expires,
            tag,
            size,
            stored.mode as i64,
            stored.filename,
            stored.in_row
        ];
        self.rows.insert(INSERT, row)
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        if self.bytes > SIZE_LIMIT / 2 && !self.has_limit {
            // With its own limit the library would throw entries away at the first write.
            let limit = i64::try_from(self.bytes.saturating_mul(4)).unwrap_or(i64::MAX);
            let sql = "UPDATE Settings SET value = ?1 WHERE key = 'size_limit' AND ?2 IS NULL";
            self.rows.insert(sql, (limit, Null))?;
        }
        self.rows.finish()
    }
}
