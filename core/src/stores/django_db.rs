//! Django's database cache: tables of keys, pickles in base64, and times in UTC.
//!
//! `django/core/cache/backends/db.py` and `createcachetable.py`, checked with Django 4.2 and 6.1.

use super::Confidence;
use super::rows::{KeyForm, RowKind, RowStore, RowTable, TimeForm, ValueForm};
use crate::formats::Carrier;
use crate::sqlite::{Failure, Shape, Table, View, describe, table_names};

pub(super) static DJANGO_DB: RowStore<DjangoDb> = RowStore(DjangoDb);

/// The cache tables of a database, which may hold a whole project besides.
pub(super) struct DjangoDb;

impl RowKind for DjangoDb {
    const KIND: &'static [&'static str] = &["django-db"];

    fn recognise(&self, shape: &Shape) -> Option<(Confidence, Option<String>)> {
        let has_one = shape.tables.iter().any(|(table, _)| is_cache(table));
        has_one.then(|| (Confidence::Certain, Some("Django".to_owned())))
    }

    fn tables(&self, view: &View<'_>) -> Result<Vec<RowTable>, Failure> {
        let mut tables = Vec::new();
        for name in table_names(view.connection)? {
            let table = describe(view.connection, &name)?;
            let [key, value, expires] = ["cache_key", "value", "expires"].map(|c| table.column(c));
            if let (true, Some(key), Some(value)) = (is_cache(&table), key, value) {
                tables.push(RowTable {
                    key: KeyForm::Columns(vec![key]),
                    value: ValueForm::Column(value, Carrier::Base64Pickle),
                    expires: expires.map(|column| (column, TimeForm::UtcText)),
                    ..RowTable::plain(table)
                });
            }
        }
        Ok(tables)
    }
}

/// The three columns that `createcachetable` makes, with their types.
fn is_cache(table: &Table) -> bool {
    let declared = |name: &str, kind: &str| {
        let column = table.column(name).and_then(|at| table.columns.get(at));
        column.is_some_and(|c| c.declared.to_ascii_lowercase().starts_with(kind))
    };
    table.columns.len() == 3
        && declared("cache_key", "varchar")
        && declared("value", "text")
        && declared("expires", "datetime")
}
