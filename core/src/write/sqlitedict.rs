//! Writes `sqlitedict` (`sqlitedict.py: MAKE_TABLE` of 2.1): tables of text keys and pickled values.
//!
//! Its `SqliteMultithread` runs each statement in one thread for all that ask.

use std::path::Path;

use super::rows::{self, Tables};
use super::{Entry, Holds, ReadBy, Target, Writer, text_key};
use crate::Result;
use crate::formats::compress::Codec;
use crate::stores::KeyTypes;

pub(super) const TARGET: Target = Target {
    kind: "sqlitedict",
    codec: None,
    holds: Holds::Objects,
    key_types: KeyTypes::Apart,
    keeps_expiry: false,
    has_groups: true,
    is_folder_each: false,
    read_by: ReadBy::Thread,
    in_python: None,
    names: rows::names,
    create,
};

/// The name that the library gives a dict without one.
const DEFAULT_TABLE: &str = "unnamed";

const COLUMNS: &str = "key TEXT PRIMARY KEY, value BLOB";

struct SqliteDict(Tables);

fn create(path: &Path, _codec: Option<Codec>) -> Result<Box<dyn Writer>> {
    Ok(Box::new(SqliteDict(Tables::create(
        path,
        DEFAULT_TABLE,
        COLUMNS,
    )?)))
}

impl Writer for SqliteDict {
    fn add(&mut self, entry: &Entry<'_>) -> Result<()> {
        let key = text_key(entry, "sqlitedict takes text only")?;
        let row = (key, &*entry.value.pickled());
        self.0.put("REPLACE", entry.group, row)
    }

    fn finish(self: Box<Self>) -> Result<()> {
        self.0.finish()
    }
}
