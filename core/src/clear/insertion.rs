//! A saved row put back into its table, value for value; and whether a table would take its rows back at all.

use rusqlite::{Connection, ToSql, ffi};

use super::rows::alias;
use super::saved::SavedRow;
use crate::sqlite::{Failure, Table, quote};
use crate::stores::RowRules;

type Result<T, E = Failure> = std::result::Result<T, E>;

/// What became of a row that was to be put back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Put {
    Done,
    /// A row with its key is there.
    Taken,
}

const UNIQUE: [i32; 2] = [
    ffi::SQLITE_CONSTRAINT_UNIQUE,
    ffi::SQLITE_CONSTRAINT_PRIMARYKEY,
];

/// Puts a row back, under its number where that is free; `number` is the column that holds nothing but the number.
pub(super) fn insert(
    connection: &Connection,
    table: &Table,
    number: Option<usize>,
    row: &SavedRow,
) -> Result<Put> {
    let rowid = row.rowid.filter(|_| alias(table).is_some());
    // What SQLite says of a number that another row has depends on whether a column is called by it.
    let is_number_taken = |error: &rusqlite::Error| {
        is_constraint(error, &[ffi::SQLITE_CONSTRAINT_ROWID])
            || number.is_some() && is_constraint(error, &[ffi::SQLITE_CONSTRAINT_PRIMARYKEY])
    };
    let mut put = try_insert(connection, table, rowid, None, row);
    if put.as_ref().is_err_and(is_number_taken) {
        // Another row has the number now; what names this one is its key.
        put = try_insert(connection, table, None, number, row);
    }
    match put {
        Err(error) if is_constraint(&error, &UNIQUE) => Ok(Put::Taken),
        other => Ok(other.map(|()| Put::Done)?),
    }
}

/// What SQLite says against bringing back rows of a table, or what goes with them; `None` where undo could.
///
/// Taking a row out asks less of a table than putting it in: not what makes its generated columns, say, which may be a
/// function of the program.
///
/// # Errors
/// If the database cannot be asked.
pub(super) fn cannot_come_back(
    connection: &Connection,
    rules: &RowRules,
) -> Result<Option<String>> {
    let others = rules.dependents.iter().map(|dependent| &dependent.table);
    for table in std::iter::once(&rules.table).chain(others) {
        let rowid = alias(table);
        match connection.prepare(&statement(table, rowid, None)) {
            Ok(_) => {}
            Err(error)
                if error.sqlite_error().map(|e| e.extended_code) == Some(ffi::SQLITE_ERROR) =>
            {
                return Ok(Some(said(&error)));
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(None)
}

/// SQLite's own words, without the statement.
fn said(error: &rusqlite::Error) -> String {
    match error {
        rusqlite::Error::SqlInputError { msg, .. } => msg.clone(),
        rusqlite::Error::SqliteFailure(_, Some(text)) => text.clone(),
        other => other.to_string(),
    }
}

fn is_constraint(error: &rusqlite::Error, codes: &[i32]) -> bool {
    error
        .sqlite_error()
        .is_some_and(|e| codes.contains(&e.extended_code))
}

fn try_insert(
    connection: &Connection,
    table: &Table,
    rowid: Option<i64>,
    left_out: Option<usize>,
    row: &SavedRow,
) -> rusqlite::Result<()> {
    let alias = alias(table).filter(|_| rowid.is_some());
    let mut values: Vec<&dyn ToSql> = Vec::new();
    if let (Some(rowid), Some(_)) = (&rowid, alias) {
        values.push(rowid);
    }
    let cells = written(table, left_out).filter_map(|at| row.cells.get(at));
    values.extend(cells.map(|cell| cell as &dyn ToSql));
    connection
        .prepare_cached(&statement(table, alias, left_out))?
        .execute(&*values)
        .map(|_| ())
}

/// `OR ABORT` overrules what the table says of conflicts: a newer row is never replaced.
fn statement(table: &Table, rowid: Option<&str>, left_out: Option<usize>) -> String {
    let mut names: Vec<String> = rowid.map(str::to_owned).into_iter().collect();
    names.extend(written(table, left_out).map(|at| table.quoted(at)));
    let marks = vec!["?"; names.len()].join(", ");
    format!(
        "INSERT OR ABORT INTO {} ({}) VALUES ({marks})",
        quote(&table.name),
        names.join(", ")
    )
}

/// The columns that are given a value.
fn written(table: &Table, left_out: Option<usize>) -> impl Iterator<Item = usize> {
    let columns = table.columns.iter().enumerate();
    columns
        .filter_map(move |(at, column)| (column.is_written && Some(at) != left_out).then_some(at))
}
