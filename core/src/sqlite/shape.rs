//! What tells the caches that libraries build on SQLite apart: their tables and columns.

use std::ffi::OsStr;

use super::Database;
use super::table::{Table, describe, table_names};
use crate::Result;
use crate::model::Cancel;
use crate::source::Dir;

/// Tables looked at for their columns: a project of Django keeps its cache among hundreds.
const DESCRIBED: usize = 512;

/// A database's tables, as far as recognition needs them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shape {
    /// The first tables, with their columns and the text that made them.
    pub(crate) tables: Vec<(Table, String)>,
    /// How many there are.
    pub(crate) n_tables: usize,
}

impl Shape {
    /// Reads the schema of the database called `name` in `dir`.
    ///
    /// # Errors
    /// If it cannot be read.
    pub(crate) fn read(dir: Dir, name: &OsStr) -> Result<Self> {
        let database = Database::new(dir, name);
        database.read(&Cancel::default(), |view| {
            let names = table_names(view.connection)?;
            let mut tables = Vec::new();
            for name in names.iter().take(DESCRIBED) {
                let table = describe(view.connection, name)?;
                let sql = "SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = ?1";
                let sql = view.connection.query_row(sql, [name], |row| {
                    Ok(row.get_ref(0)?.as_str().unwrap_or_default().to_owned())
                })?;
                tables.push((table, sql));
            }
            Ok(Self {
                tables,
                n_tables: names.len(),
            })
        })
    }

    /// The table of that name, if it has these columns.
    pub(crate) fn table(&self, name: &str, columns: &[&str]) -> Option<&Table> {
        self.tables
            .iter()
            .map(|(table, _)| table)
            .find(|table| table.name == name && table.has(columns))
    }
}
