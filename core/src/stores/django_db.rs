//! Django's database cache: tables of keys, pickles in base64, and times, in UTC where the project has `USE_TZ`.
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

#[cfg(test)]
mod tests {
    use super::super::rows::tests::checked;
    use crate::model::Condition;

    /// With `USE_TZ = False` (the default before Django 5.0) the times are local, and nothing says so.
    #[test]
    fn an_entry_is_expired_only_where_it_is_so_in_every_zone() {
        let now = 1_800_000_000;
        let rows = [
            (-13, Condition::Expired, "expired "),
            (-11, Condition::Fresh, "if the project has USE_TZ"),
            (1, Condition::Fresh, "if the project has USE_TZ"),
            (15, Condition::Fresh, ""),
        ];
        for (hours, condition, said) in rows {
            let time = now + hours * 3600;
            let sql = format!(
                "UPDATE pages SET expires = datetime({time}, 'unixepoch'); DELETE FROM \"exchange rates\"; \
                 DELETE FROM pages WHERE cache_key > (SELECT min(cache_key) FROM pages)"
            );
            let found = checked("django-4.2/project.sqlite3", &sql, now);
            let (found, evidence) = found.first().unwrap();
            assert_eq!(*found, condition, "{hours}: {evidence}");
            assert!(evidence.contains(said), "{hours}: {evidence}");
            assert_eq!(evidence.is_empty(), said.is_empty(), "{hours}: {evidence}");
        }
    }
}
