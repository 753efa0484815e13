//! Any SQLite database: each table a group, each row an entry, named by its primary key or its rowid.

use super::Confidence;
use super::rows::{RowKind, RowStore, RowTable, ValueForm};
use crate::formats::Carrier;
use crate::sqlite::{Failure, Shape, Table, View, describe, table_names};

pub(super) static SQLITE: RowStore<Plain> = RowStore(Plain);

/// A database that no library's schema is known of.
pub(super) struct Plain;

/// What people call the column that holds the cached value, where a table has others beside it.
const VALUE_NAMES: [&str; 9] = [
    "value", "data", "blob", "pickle", "payload", "content", "body", "response", "result",
];

impl RowKind for Plain {
    const KIND: &'static [&'static str] = &["sqlite"];

    const TAKES_UNREADABLE: bool = true;

    fn recognise(&self, _shape: &Shape) -> Option<(Confidence, Option<String>)> {
        Some((Confidence::Likely, None))
    }

    fn tables(&self, view: &View<'_>) -> Result<Vec<RowTable>, Failure> {
        let mut tables = Vec::new();
        for name in table_names(view.connection)? {
            let table = describe(view.connection, &name)?;
            let value = value_column(&table);
            let mut rows = RowTable::plain(table);
            if let Some(column) = value {
                rows.value = ValueForm::Column(column, Carrier::Unknown);
            }
            tables.push(rows);
        }
        Ok(tables)
    }
}

/// The column that is the value: the only one beside the key, or the one that is called so.
fn value_column(table: &Table) -> Option<usize> {
    let beside: Vec<usize> = (0..table.columns.len())
        .filter(|c| !table.primary_key.contains(c))
        .collect();
    match *beside {
        [only] if !table.primary_key.is_empty() => Some(only),
        _ => VALUE_NAMES
            .iter()
            .filter_map(|name| table.column(name))
            .find(|column| beside.contains(column)),
    }
}
