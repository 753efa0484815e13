//! Why a page of reading ended early, and whether another look may help.

use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::ErrorCode;

use super::explain::{self, explain, is_hot, may_pass, needs_copy};
use super::state::State;
use crate::Error;

/// Looks at a database that is kept from us before giving up.
const TRIES: u32 = 20;
/// How long one that changes all the time is looked at: the chance of each look is small on a slow disk.
const PATIENCE: Duration = Duration::from_secs(10);

/// Looks that came to nothing.
pub(super) struct Tries {
    pub(super) n: u32,
    /// Those in a row that found the files as they were.
    n_still: u32,
    /// Those that SQLite itself gave up.
    n_failed: u32,
    seen: Option<State>,
    began: Instant,
}

impl Tries {
    pub(super) fn begin() -> Self {
        Self {
            n: 0,
            n_still: 0,
            n_failed: 0,
            seen: None,
            began: Instant::now(),
        }
    }

    pub(super) fn count(&mut self, failure: &Failure, seen: Option<&State>) {
        self.n += 1;
        self.n_failed += u32::from(matches!(failure, Failure::Sqlite(_)));
        self.n_still += 1;
        if self.seen.as_ref() != seen {
            self.n_still = 1;
            self.seen = seen.cloned();
        }
    }
}

/// Why a page of reading ended early.
#[derive(Debug)]
pub(crate) enum Failure {
    /// SQLite said so: another try, or another rung, may help.
    Sqlite(rusqlite::Error),
    /// Nothing helps.
    Final(Error),
    /// The files changed while they were looked at.
    Unsteady,
    /// Another program keeps everybody out.
    Locked,
}

impl Failure {
    /// True if another try may help.
    pub(super) fn may_pass(&self, tries: &Tries) -> bool {
        let is_early = tries.n < TRIES || tries.began.elapsed() < PATIENCE;
        match self {
            // A second look tells damage from a page that was read while it was exchanged.
            Self::Sqlite(error) if needs_copy(error) => tries.n < TRIES,
            Self::Sqlite(error) => may_pass(error) && tries.n_failed < 3,
            Self::Final(_) => false,
            Self::Unsteady => is_early,
            // A lock that outlasts the looks is a long one; many short ones follow each other.
            Self::Locked => is_early && tries.n_still < TRIES,
        }
    }

    /// True if the bytes are wrong, unless they were exchanged while they were read.
    pub(super) fn is_damage(&self) -> bool {
        let is_damage = |error: &rusqlite::Error| {
            let codes = [ErrorCode::DatabaseCorrupt, ErrorCode::NotADatabase];
            error
                .sqlite_error_code()
                .is_some_and(|code| codes.contains(&code))
        };
        matches!(self, Self::Sqlite(error) if is_damage(error))
    }

    /// True if only a private copy can help. A log that its writer is about to recover is waited for.
    pub(super) fn needs_copy(&self, tries: u32) -> bool {
        matches!(self, Self::Sqlite(error) if needs_copy(error) && (is_hot(error) || tries > 4))
    }

    pub(super) fn explain(self, path: &Path) -> Error {
        match self {
            Self::Sqlite(error) => explain(&error, path),
            Self::Final(error) => error,
            Self::Unsteady => Error::unavailable(
                "Cannot read the database",
                "a program changes it faster than it can be read",
            )
            .hint("Try again when that program is quieter")
            .at(path),
            Self::Locked => explain::locked(explain::WHAT).at(path),
        }
    }
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Final(error)
    }
}
