//! A database opened to be changed: short write transactions, and nothing that its owner did not ask for.
//!
//! Never a checkpoint, a VACUUM or another journal mode; a hot journal is rolled back as by any program that opens it.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::connect::{self, Watchdog};
use super::database::{check_is_database, check_place, first_read};
use super::explain::explain_as;
use super::state::{State, beside_name};
use super::{Failure, compact, journal, viewers};
use crate::model::Cancel;
use crate::source::gate::Pass;
use crate::source::{Dir, FileReader};
use crate::{Error, Result};

const WHAT: &str = "Cannot change the database";
/// Longest that one transaction may work; a healthy one takes a hundredth of it.
const WORK_TIME: Duration = Duration::from_mins(1);
/// Longest that a transaction waits for readers: meanwhile it keeps writers out.
const COMMIT_WAIT: Duration = Duration::from_millis(120);

/// A connection that may write; the fields are dropped in this order.
#[derive(Debug)]
pub(crate) struct Changing {
    connection: Connection,
    _pass: Pass,
    _main: FileReader,
    dog: Watchdog,
    path: PathBuf,
}

impl Changing {
    /// Opens the database called `name` in `dir`, which must be there.
    ///
    /// # Errors
    /// [`Error::is_refused`] where it may not be written, or where opening it would touch other files.
    pub(crate) fn open(dir: &Dir, name: &OsStr) -> Result<Self> {
        let path = dir.path().join(name);
        let fail = |e| Error::io(WHAT, &path, e);
        let main = dir.open_file(name).map_err(fail)?;
        let state = State::look(dir, name, &main).map_err(fail)?;
        check_is_database(&state).map_err(|e| e.at(&path))?;
        if state.has_journal()
            && journal::names_a_file(dir, &beside_name(name, "-journal")).map_err(fail)?
        {
            let why = "its journal names another file, which SQLite would delete";
            return Err(Error::refused(WHAT, why)
                .at(&path)
                .hint("Let the program that was writing it finish"));
        }
        let file = (main.meta().dev, main.meta().ino);
        let way = viewers::make_way(file);
        let pass = Pass::enter(file, || ());
        let dog = Watchdog::default();
        dog.allow(WORK_TIME, &Cancel::default());
        let opened = connect::to_change(&path, &dog);
        let connection = opened.map_err(|e| explain_as(WHAT, &e, &path))?;
        check_place(dir, name, &main).map_err(|e| e.explain(&path))?;
        // Now, or a view may be the one who opens the log's index. What fails here does again, where it is told.
        if let Err(error) = first_read(&connection) {
            log::info!("{}: {error}", path.display());
        }
        drop(way);
        let changing = Self {
            connection,
            _pass: pass,
            _main: main,
            dog,
            path,
        };
        match changing.connection.is_readonly("main") {
            Ok(false) => Ok(changing),
            Ok(true) => Err(Error::refused(WHAT, "it may not be written")
                .at(&changing.path)
                .hint("Check the permissions, or do it as its owner")),
            Err(e) => Err(explain_as(WHAT, &e, &changing.path)),
        }
    }

    /// Rows are put in from here on whatever the table's CHECKs say, which may ask functions of the program.
    ///
    /// # Errors
    /// What SQLite said.
    pub(crate) fn ignore_checks(&self) -> Result<()> {
        let done = self
            .connection
            .execute_batch("PRAGMA ignore_check_constraints=1");
        done.map_err(|e| self.explain(&e))
    }

    /// Reads what all belongs to one moment, without keeping writers out.
    ///
    /// # Errors
    /// What SQLite or `read` said.
    pub(crate) fn read<T>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, Failure>,
    ) -> Result<T> {
        self.dog.allow(WORK_TIME, &Cancel::default());
        let moment = Transaction::new_unchecked(&self.connection, TransactionBehavior::Deferred)
            .map_err(|e| self.explain(&e))?;
        // Dropped, it ends; there is nothing to commit.
        read(&moment).map_err(|failure| self.explain_failure(failure))
    }

    /// Works while nobody else can use the database, for as long as it takes.
    ///
    /// # Errors
    /// [`Error::is_refused`] if a program has it open; what SQLite or `work` said.
    pub(super) fn alone<T>(
        self,
        cancel: &Cancel,
        work: impl FnOnce(&Connection) -> Result<T, Failure>,
    ) -> Result<T> {
        self.dog.allow(Duration::MAX, cancel);
        match compact::shut_others_out(&self.connection) {
            Ok(()) => {}
            Err(e) if is_busy(&e) => {
                return Err(Error::refused(WHAT, "a program has it open")
                    .at(&self.path)
                    .hint("Close it there, then try again"));
            }
            Err(e) => return Err(self.explain(&e)),
        }
        work(&self.connection).map_err(|failure| match cancel.check() {
            Err(cancelled) => cancelled,
            Ok(()) => self.explain_failure(failure),
        })
    }

    /// Begins a write transaction, waiting for other writers.
    ///
    /// # Errors
    /// If another program holds the lock for too long, or the system says no.
    pub(crate) fn lock(&self) -> Result<Locked<'_>> {
        self.dog.allow(WORK_TIME, &Cancel::default());
        let transaction =
            Transaction::new_unchecked(&self.connection, TransactionBehavior::Immediate)
                .map_err(|e| self.explain(&e))?;
        self.dog.wait_at_most(COMMIT_WAIT);
        Ok(Locked {
            changing: self,
            transaction,
            since: Instant::now(),
        })
    }

    /// Changes when another connection has changed the database.
    ///
    /// # Errors
    /// What SQLite said.
    pub(crate) fn version(connection: &Connection) -> rusqlite::Result<i64> {
        connection.query_row("PRAGMA data_version", [], |row| row.get(0))
    }

    pub(crate) fn explain_failure(&self, failure: Failure) -> Error {
        match failure {
            Failure::Sqlite(error) => self.explain(&error),
            other => other.explain(&self.path),
        }
    }

    fn explain(&self, error: &rusqlite::Error) -> Error {
        explain_as(WHAT, error, &self.path)
    }
}

/// A write transaction; dropped without [`Locked::commit`] it never happened.
#[derive(Debug)]
pub(crate) struct Locked<'c> {
    changing: &'c Changing,
    transaction: Transaction<'c>,
    since: Instant,
}

impl Locked<'_> {
    /// The connection, inside the transaction.
    pub(crate) fn connection(&self) -> &Connection {
        &self.transaction
    }

    /// How long writers have been kept out.
    pub(crate) fn held(&self) -> Duration {
        self.since.elapsed()
    }

    /// Makes it so, on the disk; how long writers were kept out.
    ///
    /// # Errors
    /// [`Error::is_locked`] if a program did not end reading within a moment; what SQLite said. Then it never happened.
    pub(crate) fn commit(self) -> Result<Duration> {
        let committed = self.transaction.commit();
        committed.map_err(|e| self.changing.explain(&e))?;
        Ok(self.since.elapsed())
    }
}

fn is_busy(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode;
    let code = error.sqlite_error_code();
    matches!(
        code,
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)
    )
}
