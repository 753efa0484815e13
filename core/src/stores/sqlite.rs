//! Any SQLite database: each table a group, each row an entry, named by its primary key or its rowid.

use super::Confidence;
use super::rows::{RowKind, RowStore, RowTable, ValueForm};
use crate::formats::Carrier;
use crate::model::text::quoted;
use crate::sqlite::{Failure, Shape, Table, View, describe, made_by_code, table_names};

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

    const HAS_OTHER_COLUMNS: bool = true;

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

    fn left_out(&self, view: &View<'_>) -> Result<Option<String>, Failure> {
        let [tables, views] = made_by_code(view.connection)?;
        let both = [
            named(&tables, ["virtual table", "virtual tables"]),
            named(&views, ["view", "views"]),
        ];
        let both: Vec<String> = both.into_iter().flatten().collect();
        Ok((!both.is_empty()).then(|| {
            format!(
                "Not listed: {}. Code makes their rows, and Cachescope runs none; what lies in plain tables is listed",
                both.join(", ")
            )
        }))
    }
}

/// Names that a sentence has room for.
const NAMED: usize = 5;

/// `2 views ("a", "b")`; `None` for none.
fn named(names: &[String], [one, many]: [&str; 2]) -> Option<String> {
    let word = if names.len() == 1 { one } else { many };
    let first = names.iter().take(NAMED);
    let mut first: Vec<String> = first.map(|n| quoted(n)).collect();
    if names.len() > NAMED {
        first.push("…".to_owned());
    }
    let first = first.join(", ");
    (!names.is_empty()).then(|| format!("{} {word} ({first})", names.len()))
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use crate::model::{Issue, Severity};
    use crate::stores::rows::tests::opened;

    fn issues(sql: &str) -> (u64, Vec<Issue>) {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("made.db");
        let connection = rusqlite::Connection::open(&path).unwrap();
        connection.execute_batch(sql).unwrap();
        drop(connection);
        let (_, snapshot) = opened(&path);
        let issues = Arc::unwrap_or_clone(Arc::clone(&snapshot.issues));
        (snapshot.totals.entries, issues)
    }

    #[test]
    fn what_code_would_have_to_make_is_named_and_never_silently_left_out() {
        let (n, told) = issues(
            "CREATE VIRTUAL TABLE docs USING fts5(body); INSERT INTO docs VALUES ('x'); \
             CREATE VIEW v AS SELECT 1",
        );
        assert_eq!((n, told.len()), (0, 1));
        assert_eq!(told[0].severity, Severity::Note);
        let said = "Not listed: 1 virtual table (\"docs\"), 1 view (\"v\")";
        assert!(told[0].message.starts_with(said), "{told:?}");
        let (n, told) = issues("CREATE TABLE t (a); INSERT INTO t VALUES (1)");
        assert_eq!((n, told), (1, Vec::new()));
    }
}
