//! New databases: what every writer on SQLite has in common.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, Params};

use crate::model::text;
use crate::sqlite::{explain_as, quote};
use crate::{Error, Result};

/// Rows written before a commit, so that a log does not grow as large as its database.
const BATCH: u32 = 4096;

/// What SQLite looks for beside a database, and plays into it when it is opened.
const BESIDE: [&str; 3] = ["-wal", "-shm", "-journal"];

/// A database is one file, and none of an earlier one may lie beside it.
pub(super) fn names(name: &OsStr) -> Vec<OsString> {
    let beside = BESIDE
        .iter()
        .map(|suffix| [name, OsStr::new(suffix)].into_iter().collect());
    beside.chain([name.to_owned()]).collect()
}

/// A database in the making.
pub(super) struct Rows {
    connection: Connection,
    path: PathBuf,
    n_pending: u32,
}

impl Rows {
    /// Makes an empty database and runs `setup` in it.
    pub(super) fn create(path: &Path, setup: &str) -> Result<Self> {
        let fail = |e| failed(path, &e);
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX
            | OpenFlags::SQLITE_OPEN_NOFOLLOW;
        let connection = Connection::open_with_flags(path, flags).map_err(fail)?;
        // diskcache's triggers write "count" for 'count', and some builds take that for a column.
        for config in [
            DbConfig::SQLITE_DBCONFIG_DQS_DML,
            DbConfig::SQLITE_DBCONFIG_DQS_DDL,
        ] {
            connection.set_db_config(config, true).map_err(fail)?;
        }
        connection.execute_batch(setup).map_err(fail)?;
        Ok(Self {
            connection,
            path: path.to_owned(),
            n_pending: 0,
        })
    }

    /// Writes one row.
    pub(super) fn insert(&mut self, sql: &str, row: impl Params) -> Result<()> {
        if self.n_pending == 0 {
            self.run("BEGIN")?;
        }
        let inserted = self
            .connection
            .prepare_cached(sql)
            .and_then(|mut statement| statement.execute(row));
        inserted.map_err(|e| failed(&self.path, &e))?;
        self.n_pending += 1;
        if self.n_pending == BATCH {
            self.commit()?;
        }
        Ok(())
    }

    /// Runs statements that give no rows.
    pub(super) fn run(&mut self, sql: &str) -> Result<()> {
        self.connection
            .execute_batch(sql)
            .map_err(|e| failed(&self.path, &e))
    }

    /// Ends the transaction, so that a statement may stand outside of one.
    pub(super) fn commit(&mut self) -> Result<()> {
        if self.n_pending > 0 {
            self.run("COMMIT")?;
            self.n_pending = 0;
        }
        Ok(())
    }

    /// Brings all of the log into the database: on a full disk closing would leave it where it is without a word, and
    /// the database with it half made.
    fn merge_log(&self) -> Result<()> {
        let merge = "PRAGMA wal_checkpoint(TRUNCATE)";
        let is_busy = self.connection.query_row(merge, [], |row| row.get(0));
        match is_busy {
            Ok(false) => Ok(()),
            Ok(true) => Err(Error::unavailable(
                "Cannot write the new store",
                "its log is in use by another program",
            )
            .at(&self.path)),
            Err(error) => Err(failed(&self.path, &error)),
        }
    }

    /// Commits and closes; nothing but the database stays.
    pub(super) fn finish(mut self) -> Result<()> {
        self.commit()?;
        self.merge_log()?;
        let path = self.path;
        self.connection
            .close()
            .map_err(|(_, e)| failed(&path, &e))?;
        super::stage::sync(&path)
    }
}

/// A database of which each group is a table of keys and values, made at its first entry.
pub(super) struct Tables {
    rows: Rows,
    /// As they were asked for, by what SQLite takes for one name.
    names: HashMap<String, String>,
    default: &'static str,
    columns: &'static str,
}

impl Tables {
    /// Makes an empty database; entries without a group go to the table `default`.
    pub(super) fn create(
        path: &Path,
        default: &'static str,
        columns: &'static str,
    ) -> Result<Self> {
        Ok(Self {
            rows: Rows::create(path, "")?,
            names: HashMap::new(),
            default,
            columns,
        })
    }

    /// Writes one row; `verb` is INSERT or REPLACE.
    pub(super) fn put(&mut self, verb: &str, group: &str, row: impl Params) -> Result<()> {
        let table = self.table(group)?;
        let sql = format!("{verb} INTO {table} (key, value) VALUES (?1, ?2)");
        self.rows.insert(&sql, row)
    }

    /// Commits and closes; a store without entries has its default table all the same.
    pub(super) fn finish(mut self) -> Result<()> {
        if self.names.is_empty() {
            self.table("")?;
        }
        self.rows.finish()
    }

    fn table(&mut self, group: &str) -> Result<String> {
        let name = if group.is_empty() {
            self.default
        } else {
            group
        };
        let quoted = quote(name);
        let folded = name.to_ascii_lowercase();
        if folded.starts_with("sqlite_") {
            return Err(unnamed(name, "SQLite keeps such names to itself"));
        }
        if let Some(known) = self.names.get(&folded) {
            if known != name {
                let why = format!("SQLite takes it and {} for one", text::quoted(known));
                return Err(unnamed(name, &why));
            }
        } else {
            self.names.insert(folded, name.to_owned());
            let columns = self.columns;
            self.rows
                .run(&format!("CREATE TABLE {quoted} ({columns})"))?;
        }
        Ok(quoted)
    }
}

/// A group that cannot be a table.
fn unnamed(name: &str, why: &str) -> Error {
    let what = format!("Cannot make a table {}", text::quoted(name));
    Error::refused(what, why.to_owned()).hint("Choose another kind")
}

fn failed(path: &Path, error: &rusqlite::Error) -> Error {
    const WHAT: &str = "Cannot write the new store";
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull | ErrorCode::SystemIoFailure) => explain_as(WHAT, error, path),
        _ => Error::unavailable(WHAT, error.to_string()).at(path),
    }
}
