//! Writes `dbm.sqlite3` (`Lib/dbm/sqlite3.py` of CPython 3.13: `BUILD_TABLE`, WAL mode).

use std::path::Path;

use super::rows::{self, Rows};
use super::{Entry, Holds, ReadBy, Target, Writer, dbm_key};
use crate::Result;
use crate::formats::compress::Codec;
use crate::stores::KeyTypes;

pub(super) const TARGET: Target = Target {
    kind: "dbm-sqlite3",
    codec: None,
    holds: Holds::Bytes,
    key_types: KeyTypes::Alike,
    keeps_expiry: false,
    has_groups: false,
    is_folder_each: false,
    read_by: ReadBy::Caller,
    in_python: None,
    names: rows::names,
    create,
};

const SETUP: &str = "PRAGMA journal_mode = wal;
CREATE TABLE IF NOT EXISTS Dict (
    key BLOB UNIQUE NOT NULL,
    value BLOB NOT NULL
  )";

struct DbmSqlite(Rows);

fn create(path: &Path, _codec: Option<Codec>) -> Result<Box<dyn Writer>> {
    Ok(Box::new(DbmSqlite(Rows::create(path, SETUP)?)))
}

impl Writer for DbmSqlite {
    fn add(&mut self, entry: &Entry<'_>) -> Result<()> {
        let sql = "REPLACE INTO Dict (key, value) VALUES (?1, ?2)";
        self.0
            .insert(sql, (dbm_key(entry)?, &*entry.value.stored()))
    }

    fn finish(self: Box<Self>) -> Result<()> {
        self.0.finish()
    }
}
