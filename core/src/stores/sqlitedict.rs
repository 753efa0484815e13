//! `sqlitedict`: tables of text keys and pickled values, several dicts to a file.
//!
//! `sqlitedict.py: MAKE_TABLE`, checked with sqlitedict 2.1.

use super::python::{Script, path_literal};
use super::rows::{KeyForm, RowKind, RowStore, RowTable, ValueForm};
use super::{Confidence, NativeKey, Store};
use crate::formats::Carrier;
use crate::formats::repr::str_repr;
use crate::sqlite::{Failure, Shape, Table, View, describe, quote, table_names};

pub(super) static SQLITEDICT: RowStore<SqliteDict> = RowStore(SqliteDict);

/// Dicts in a database.
pub(super) struct SqliteDict;

/// The name that the library gives a dict without one.
const DEFAULT_TABLE: &str = "unnamed";

impl RowKind for SqliteDict {
    const KIND: &'static [&'static str] = &["sqlitedict"];

    /// Anybody can make such a table; the library quotes its name, which people do not.
    fn recognise(&self, shape: &Shape) -> Option<(Confidence, Option<String>)> {
        let is_ours = |(table, sql): &(Table, String)| {
            let made = |name: &str| {
                *sql == format!("CREATE TABLE {name} (key TEXT PRIMARY KEY, value BLOB)")
            };
            made(&quote(&table.name)) || (table.name == DEFAULT_TABLE && made(DEFAULT_TABLE))
        };
        let is_all = !shape.tables.is_empty() && shape.tables.iter().all(is_ours);
        is_all.then(|| (Confidence::Certain, Some("sqlitedict".to_owned())))
    }

    fn python(
        &self,
        store: &Store,
        table: &RowTable,
        key: &NativeKey,
        codec: &[String],
    ) -> Option<String> {
        let mut script = Script::new(&["sqlitedict"]);
        let key = script.key(key)?;
        let file = path_literal(&store.info.path);
        let name = str_repr(&table.table.name);
        // Pickles are what the library reads unasked; other encodings were given to it as functions.
        let is_pickle = matches!(codec, [only] if only.starts_with("pickle"));
        let decode = if is_pickle {
            String::new()
        } else {
            let value = script.decoded(codec, "stored")?;
            format!(", decode=lambda stored: {value}")
        };
        script.line(&format!(
            "with sqlitedict.SqliteDict({file}, tablename={name}, flag='r'{decode}) as table:"
        ));
        script.line(&format!("    value = table[{key}]"));
        Some(script.finish())
    }

    fn tables(&self, view: &View<'_>) -> Result<Vec<RowTable>, Failure> {
        let mut tables = Vec::new();
        for name in table_names(view.connection)? {
            let table = describe(view.connection, &name)?;
            let (Some(key), Some(value)) = (table.column("key"), table.column("value")) else {
                continue;
            };
            tables.push(RowTable {
                key: KeyForm::Columns(vec![key]),
                // Pickles, unless the program gave the dict an encoding of its own.
                value: ValueForm::Column(value, Carrier::Unknown),
                ..RowTable::plain(table)
            });
        }
        Ok(tables)
    }
}
