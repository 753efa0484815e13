//! A database written anew without its free pages, by SQLite itself, while nobody else may use it.
//!
//! VACUUM in place is one transaction: cut short, the next program that opens the database rolls it back. Before it,
//! the same is done into a copy beside, whose every row is compared.

use std::ffi::OsStr;
use std::path::Path;

use rusqlite::Connection;
use rusqlite::limits::Limit;
use rusqlite::types::{ToSqlOutput, ValueRef};
use xxhash_rust::xxh3::Xxh3;

use super::change::Changing;
use super::table::quote;
use super::{Failure, to_own};
use crate::model::Cancel;
use crate::source::Dir;
use crate::{Error, Result};

/// Makes the database as small as its rows need; `copy` is where it is tried first, and must not exist.
///
/// # Errors
/// [`Error::is_refused`] if a program uses it, or a row would not be the same: then nothing was changed.
pub(crate) fn compact(dir: &Dir, name: &OsStr, copy: &Path, cancel: &Cancel) -> Result<()> {
    let path = dir.path().join(name);
    Changing::open(dir, name)?.alone(cancel, |connection| {
        let before = sum(connection)?;
        // A path need not be UTF-8, and SQLite takes it as it comes.
        let target = ValueRef::Text(copy.as_os_str().as_encoded_bytes());
        connection.execute("VACUUM INTO ?1", [ToSqlOutput::Borrowed(target)])?;
        if sum(&to_own(copy)?)? != before {
            let why = "a copy made by SQLite does not hold the same rows";
            return Err(Failure::Final(
                Error::refused("The database was not compacted", why).at(&path),
            ));
        }
        connection.execute_batch("VACUUM")?;
        if sum(connection)? != before {
            let why = "its rows are not the same afterwards";
            return Err(Failure::Final(
                Error::damaged("The database was compacted", why).at(&path),
            ));
        }
        // In a log the pages of before would still stand in the file.
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        Ok(())
    })
}

/// Prepares a connection for [`compact`]: nobody else gets in until it is closed.
pub(super) fn shut_others_out(connection: &Connection) -> rusqlite::Result<()> {
    // SQLite attaches its own new file, and that may be larger than memory.
    connection.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 1)?;
    connection.execute_batch(
        "PRAGMA temp_store=1; PRAGMA locking_mode=EXCLUSIVE; BEGIN EXCLUSIVE; COMMIT",
    )
}

/// A sum over every row of every table, in the order in which they are stored.
fn sum(connection: &Connection) -> Result<u128, Failure> {
    let mut names = connection.prepare(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%' ORDER BY name",
    )?;
    let names: Vec<String> = names
        .query_map([], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    let mut sum = Xxh3::new();
    for name in names {
        sum.update(name.as_bytes());
        let mut statement =
            connection.prepare(&format!("SELECT * FROM {} NOT INDEXED", quote(&name)))?;
        let n_columns = statement.column_count();
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            for column in 0..n_columns {
                add(&mut sum, row.get_ref(column)?);
            }
        }
    }
    Ok(sum.digest128())
}

/// A cell with its type and length, so that no two rows of cells read the same.
fn add(sum: &mut Xxh3, cell: ValueRef<'_>) {
    let (kind, bytes): (u8, &[u8]) = match cell {
        ValueRef::Null => (0, &[]),
        ValueRef::Integer(n) => {
            sum.update(&[1]);
            return sum.update(&n.to_le_bytes());
        }
        ValueRef::Real(x) => {
            sum.update(&[2]);
            return sum.update(&x.to_bits().to_le_bytes());
        }
        ValueRef::Text(text) => (3, text),
        ValueRef::Blob(bytes) => (4, bytes),
    };
    sum.update(&[kind]);
    sum.update(&(bytes.len() as u64).to_le_bytes());
    sum.update(bytes);
}
