//! A database to try a change on: a private copy that nobody else looks at and that is thrown away.

use rusqlite::Connection;

use super::Failure;
use super::connect::{self, Watchdog};
use super::copy::{self, PrivateCopy};
use super::state::State;
use crate::model::Cancel;
use crate::source::Dir;
use crate::{Error, Result};

use std::ffi::OsStr;
use std::time::Duration;

/// Time for everything that is tried.
const TIME: Duration = Duration::from_mins(2);
/// Looks at a database that changes all the time before giving up.
const TRIES: u32 = 20;
/// Pause before such a look.
const PAUSE: Duration = Duration::from_millis(20);

/// A copy of a database as it was a moment ago, open for writing; the fields are dropped in this order.
#[derive(Debug)]
pub(crate) struct Scratch {
    connection: Connection,
    _copy: PrivateCopy,
    _dog: Watchdog,
}

impl Scratch {
    /// Copies the database called `name` in `dir`.
    ///
    /// # Errors
    /// If it cannot be read, or is too large to be copied unasked ([`Error::is_limit`]).
    pub(super) fn of(dir: &Dir, name: &OsStr, cancel: &Cancel) -> Result<Self> {
        let path = dir.path().join(name);
        let mut tries = 0;
        let copy = loop {
            let main = dir.open_file(name);
            let main = main.map_err(|e| Error::io("Cannot open the database", &path, e))?;
            let seen = State::look(dir, name, &main)
                .map_err(|e| Error::io("Cannot open the database", &path, e))?;
            // Closed before SQLite opens the copy, and never while SQLite has the database itself open.
            drop(main);
            match copy::make(dir, name, &seen, cancel) {
                Err(error) if error.is_changed() && tries < TRIES => tries += 1,
                other => break other?,
            }
            std::thread::sleep(PAUSE);
        };
        let dog = Watchdog::default();
        dog.allow(TIME, cancel);
        let connection = connect::to_try(&copy.path(), &dog);
        let connection = connection.map_err(|e| Failure::from(e).explain(&path))?;
        Ok(Self {
            connection,
            _copy: copy,
            _dog: dog,
        })
    }

    /// The connection: what is written through it goes with the copy.
    pub(crate) fn connection(&self) -> &Connection {
        &self.connection
    }
}
