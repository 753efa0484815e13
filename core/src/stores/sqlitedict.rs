//! `sqlitedict`: tables of text keys and pickled values, several dicts to a file.
//!
//! `sqlitedict.py: MAKE_TABLE`, checked with sqlitedict 1.4.0 and 2.1.

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
/// Rows of a doubtful table that are looked at.
const LOOKED_AT: usize = 16;
/// The highest protocols of Python 2, and of Python 3.8 and later. That of 3.4 to 3.7 is what 3.8 and later use unasked.
const HIGHEST: [u8; 2] = [2, 5];

impl RowKind for SqliteDict {
    const KIND: &'static [&'static str] = &["sqlitedict"];

    /// Pickles are blobs; text is what `encode=json.dumps` leaves, which the library's README gives as an example.
    const TEXT: Carrier = Carrier::Json;

    fn recognise(&self, shape: &Shape) -> Option<(Confidence, Option<String>)> {
        let is_ours = |(table, sql): &(Table, String)| {
            is_made(sql, &quote(&table.name)) || is_made(sql, &table.name)
        };
        let is_all = !shape.tables.is_empty() && shape.tables.iter().all(is_ours);
        is_all.then(|| (Confidence::Certain, Some("sqlitedict".to_owned())))
    }

    /// Anybody can make such a table. The library quotes its name, which people do not, but up to 1.4.0 it did not.
    fn doubtful<'s>(&self, shape: &'s Shape) -> Vec<&'s Table> {
        let is_doubtful = |(table, sql): &&(Table, String)| {
            table.name != DEFAULT_TABLE && is_made(sql, &table.name)
        };
        let doubtful = shape.tables.iter().filter(is_doubtful);
        doubtful.map(|(table, _)| table).collect()
    }

    /// The library pickles by the highest protocol of its Python, which `pickle.dumps` does not do unasked.
    fn is_borne_out(&self, doubtful: &[&Table], view: &View<'_>) -> Result<bool, Failure> {
        let mut n_rows = 0;
        for table in doubtful {
            let sql = format!(
                "SELECT substr(value, 1, 2), substr(value, -1) FROM {} LIMIT {LOOKED_AT}",
                quote(&table.name)
            );
            let mut statement = view.connection.prepare(&sql)?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                let blob = |at: usize| row.get_ref(at).ok()?.as_blob().ok();
                let is_pickle = matches!(blob(0), Some([0x80, protocol]) if HIGHEST.contains(protocol))
                    && blob(1) == Some(b".");
                if !is_pickle {
                    return Ok(false);
                }
                n_rows += 1;
            }
        }
        Ok(n_rows > 0)
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

/// True if the library makes a table of that name so.
fn is_made(sql: &str, name: &str) -> bool {
    sql == format!("CREATE TABLE {name} (key TEXT PRIMARY KEY, value BLOB)")
}

#[cfg(test)]
mod tests {
    use crate::stores::open_all;

    /// Committed stores of the library show the rest.
    #[test]
    fn a_table_that_somebody_else_made_so_is_none_of_the_library() {
        let made = "CREATE TABLE mine (key TEXT PRIMARY KEY, value BLOB)";
        for (rows, kind) in [
            ("", "sqlite"),
            ("('a', x'80024b012e')", "sqlitedict"),
            ("('a', x'80054b012e')", "sqlitedict"),
            // `pickle.dumps` unasked, by Pythons of today.
            ("('a', x'80044b012e')", "sqlite"),
            ("('a', 'text')", "sqlite"),
            ("('a', x'80024b012e'), ('b', NULL)", "sqlite"),
            ("('a', x'80024b01')", "sqlite"),
        ] {
            let temp = tempfile::tempdir().unwrap();
            let path = temp.path().join("made.db");
            let connection = rusqlite::Connection::open(&path).unwrap();
            connection.execute_batch(made).unwrap();
            if !rows.is_empty() {
                let insert = format!("INSERT INTO mine VALUES {rows}");
                connection.execute_batch(&insert).unwrap();
            }
            drop(connection);
            let found = open_all(&path).unwrap();
            assert_eq!(found.first().map(|store| store.kind), Some(kind), "{rows}");
        }
    }
}
