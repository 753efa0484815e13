//! Writes `sqlitedict` (`sqlitedict.py: MAKE_TABLE` of 2.1): tables of text keys and pickled values.

use std::collections::HashSet;
use std::path::Path;

use super::rows::Rows;
use super::{Entry, Holds, Target, Writer, itself, text_key};
use crate::Result;
use crate::formats::compress::Codec;
use crate::sqlite::quote;
use crate::stores::KeyTypes;

pub(super) const TARGET: Target = Target {
    kind: "sqlitedict",
    codec: None,
    holds: Holds::Objects,
    key_types: KeyTypes::Apart,
    keeps_expiry: false,
    has_groups: true,
    in_python: Some("Python hands each read to a thread of its own"),
    names: itself,
    create,
};

/// The name that the library gives a dict without one.
const DEFAULT_TABLE: &str = "unnamed";

struct SqliteDict {
    rows: Rows,
    tables: HashSet<String>,
}

fn create(path: &Path, _codec: Option<Codec>) -> Result<Box<dyn Writer>> {
    Ok(Box::new(SqliteDict {
        rows: Rows::create(path, "")?,
        tables: HashSet::new(),
    }))
}

impl SqliteDict {
    /// The quoted name of a group's table, made at its first entry.
    fn table(&mut self, group: &str) -> Result<String> {
        let name = if group.is_empty() {
            DEFAULT_TABLE
        } else {
            group
        };
        let quoted = quote(name);
        if self.tables.insert(name.to_owned()) {
            self.rows.run(&format!(
                "CREATE TABLE IF NOT EXISTS {quoted} (key TEXT PRIMARY KEY, value BLOB)"
            ))?;
        }
        Ok(quoted)
    }
}

impl Writer for SqliteDict {
    fn add(&mut self, entry: &Entry<'_>) -> Result<()> {
        let key = text_key(entry, "sqlitedict takes text only")?;
        let table = self.table(entry.group)?;
        let sql = format!("REPLACE INTO {table} (key, value) VALUES (?1, ?2)");
        self.rows.insert(&sql, (key, &*entry.value.pickled()))
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        // A dict without entries is a table all the same.
        if self.tables.is_empty() {
            self.table("")?;
        }
        self.rows.finish()
    }
}
