//! How rows and orphans are taken out of a cache, as data.

use std::path::PathBuf;
use std::sync::Arc;

use super::super::rows::TimeForm;
use super::{DATABASE, Opened, files, listing, row};
use crate::model::EntryKey;
use crate::sqlite::{self, Table};
use crate::stores::{Expiry, Removal, RowRemoval, RowRules, Store, ValueFiles};
use crate::{Error, Result};

/// The triggers that keep `Settings.count` and `Settings.size` (`core.py: Cache.__init__`, the same from 2.9 to 5.6).
const TRIGGERS: [&str; 5] = [
    "CREATE TRIGGER Settings_count_insert AFTER INSERT ON Cache FOR EACH ROW BEGIN \
     UPDATE Settings SET value = value + 1 WHERE key = \"count\"; END",
    "CREATE TRIGGER Settings_count_delete AFTER DELETE ON Cache FOR EACH ROW BEGIN \
     UPDATE Settings SET value = value - 1 WHERE key = \"count\"; END",
    "CREATE TRIGGER Settings_size_insert AFTER INSERT ON Cache FOR EACH ROW BEGIN \
     UPDATE Settings SET value = value + NEW.size WHERE key = \"size\"; END",
    "CREATE TRIGGER Settings_size_update AFTER UPDATE ON Cache FOR EACH ROW BEGIN \
     UPDATE Settings SET value = value + NEW.size - OLD.size WHERE key = \"size\"; END",
    "CREATE TRIGGER Settings_size_delete AFTER DELETE ON Cache FOR EACH ROW BEGIN \
     UPDATE Settings SET value = value - OLD.size WHERE key = \"size\"; END",
];

/// The rules of the table `Cache`.
pub(super) fn rules(table: &Arc<Table>) -> RowRules {
    let time = |name: &str| Some((table.column(name)?, TimeForm::UnixSeconds));
    RowRules {
        table: Arc::clone(table),
        // Of a value in a file the listing has the file's size; the time tells every change.
        size: None,
        stored: time("store_time"),
        expires: table.column("expire_time").map(|column| Expiry {
            column,
            form: TimeForm::UnixSeconds,
            note: None,
        }),
        volatile: ["access_time", "access_count"]
            .iter()
            .filter_map(|name| table.column(name))
            .collect(),
        file: table.column("filename").map(|column| ValueFiles {
            column,
            is_own: files::is_own,
        }),
        triggers: &TRIGGERS,
        dependents: Vec::new(),
    }
}

/// How an entry is taken out: an orphan as a file, anything else as a row.
pub(super) fn of(opened: &Opened, store: &Store, entry: &EntryKey) -> Result<Removal> {
    let shard = opened.shard(entry, store)?;
    let below = |path: PathBuf| PathBuf::from(&shard.name).join(path);
    if let Some(path) = listing::orphan_path(entry, &shard.name) {
        return Ok(Removal::Files {
            paths: vec![below(path)],
            folders: 2,
        });
    }
    let rules = shard.rules.clone();
    Ok(Removal::Row(RowRemoval {
        database: below(DATABASE.into()),
        at: row::at(&shard.table, &entry.key)
            .ok_or_else(|| sqlite::gone(&shard.database, &shard.table))?,
        rules: rules.map_err(|why| Error::refused("Cannot clear the entry", why))?,
    }))
}
