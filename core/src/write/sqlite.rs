//! Writes a plain SQLite database: a table of keys and values, each in SQLite's own type where there is one.

use std::path::Path;

use super::rows::{self, Tables};
use super::{Entry, Holds, ReadBy, Target, Writer, text_key, unfit};
use crate::Result;
use crate::formats::compress::Codec;
use crate::sqlite::Cell;
use crate::stores::{KeyTypes, NativeKey, Payload};

pub(super) const TARGET: Target = Target {
    kind: "sqlite",
    codec: None,
    holds: Holds::Bytes,
    key_types: KeyTypes::Apart,
    keeps_expiry: false,
    has_groups: true,
    is_folder_each: false,
    read_by: ReadBy::Caller,
    in_python: None,
    names: rows::names,
    create,
};

/// The table of entries without a group.
const DEFAULT_TABLE: &str = "cache";

/// Columns without a type keep what they are given: 1, '1' and 1.0 stay three keys.
const COLUMNS: &str = "key NOT NULL PRIMARY KEY, value";

struct Sqlite(Tables);

fn create(path: &Path, _codec: Option<Codec>) -> Result<Box<dyn Writer>> {
    Ok(Box::new(Sqlite(Tables::create(
        path,
        DEFAULT_TABLE,
        COLUMNS,
    )?)))
}

impl Writer for Sqlite {
    fn add(&mut self, entry: &Entry<'_>) -> Result<()> {
        let key = match entry.key {
            NativeKey::Text(_) => {
                let text = text_key(entry, "it is no text")?;
                Cell::Text(text.as_bytes().to_vec())
            }
            NativeKey::Untyped(bytes) if std::str::from_utf8(bytes).is_ok() => {
                Cell::Text(bytes.clone())
            }
            NativeKey::Bytes(bytes) | NativeKey::Untyped(bytes) => Cell::Blob(bytes.clone()),
            NativeKey::Int(n) => Cell::Integer(*n),
            NativeKey::Float(x) if x.is_nan() => {
                return Err(unfit(entry, "SQLite has no such number"));
            }
            NativeKey::Float(x) => Cell::Real(*x),
            NativeKey::Pickled(_) => {
                return Err(unfit(entry, "SQLite has no type for such a key"));
            }
        };
        let value = match entry.value {
            Payload::Pickle(bytes)
            | Payload::Raw(bytes)
            | Payload::Foreign(bytes)
            | Payload::Bytes(bytes) => Cell::Blob(bytes.clone()),
            Payload::Text(bytes) => Cell::Text(bytes.clone()),
            Payload::Int(n) => Cell::Integer(*n),
            // SQLite writes NULL for what is not a number.
            Payload::Float(x) if x.is_nan() => {
                return Err(unfit(
                    entry,
                    "SQLite cannot keep its value, which is not a number",
                ));
            }
            Payload::Float(x) => Cell::Real(*x),
            Payload::None => Cell::Null,
        };
        self.0.put("INSERT", entry.group, (key, value))
    }

    fn finish(self: Box<Self>) -> Result<()> {
        self.0.finish()
    }
}
