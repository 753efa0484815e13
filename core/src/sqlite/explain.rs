//! SQLite's error codes as sentences.

use std::io;
use std::path::Path;

use rusqlite::ErrorCode;
use rusqlite::ffi;

use crate::Error;
use crate::error::MAKE_ROOM;
use crate::model::text;

/// The extended result code, where SQLite gave one.
fn code(error: &rusqlite::Error) -> Option<i32> {
    error.sqlite_error().map(|e| e.extended_code)
}

/// True if the database cannot be read in place as it stands, whatever was chosen.
pub(super) fn needs_copy(error: &rusqlite::Error) -> bool {
    matches!(
        code(error),
        Some(
            ffi::SQLITE_READONLY_ROLLBACK
                | ffi::SQLITE_READONLY_RECOVERY
                | ffi::SQLITE_READONLY_CANTINIT
        )
    )
}

/// True if the files may have been exchanged under the connection, so that another look can help.
pub(super) fn may_pass(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(
            ErrorCode::CannotOpen
                | ErrorCode::DatabaseCorrupt
                | ErrorCode::NotADatabase
                | ErrorCode::SystemIoFailure
                | ErrorCode::FileLockingProtocolFailed
        )
    )
}

/// True if a transaction was left half done and nobody has rolled it back.
pub(super) fn is_hot(error: &rusqlite::Error) -> bool {
    code(error) == Some(ffi::SQLITE_READONLY_ROLLBACK)
}

pub(super) const WHAT: &str = "Cannot read the database";

/// Another program keeps everybody out.
pub(super) fn locked(what: &'static str) -> Error {
    Error::locked(what, "another program holds its lock")
        .hint("Try again when that program has finished its work")
}

/// Why a database cannot be read, in words.
pub(crate) fn explain(error: &rusqlite::Error, path: &Path) -> Error {
    explain_as(WHAT, error, path)
}

/// Why `what` (such as "Cannot change the database") is so, in words.
pub(crate) fn explain_as(what: &'static str, error: &rusqlite::Error, path: &Path) -> Error {
    // Names of the schema are part of what SQLite says.
    let said = match error {
        rusqlite::Error::SqliteFailure(_, Some(text)) => text::brief(text),
        other => text::brief(&other.to_string()),
    };
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => locked(what),
        Some(ErrorCode::NotADatabase) => Error::damaged(
            what,
            "its pages are not those of an SQLite database: it is encrypted or damaged",
        ),
        Some(ErrorCode::DatabaseCorrupt) => Error::damaged(what, format!("it is damaged ({said})")),
        Some(ErrorCode::OperationInterrupted) => Error::limit(what, "it took longer than allowed"),
        Some(ErrorCode::OutOfMemory | ErrorCode::TooBig) => {
            Error::limit(what, "a value in it is larger than allowed")
        }
        Some(ErrorCode::DiskFull) => {
            Error::system(what, &io::ErrorKind::StorageFull.into()).hint(MAKE_ROOM)
        }
        Some(ErrorCode::ReadOnly) => Error::unavailable(what, "it may not be written")
            .hint("Check the permissions of the file and of its folder, or do it as its owner"),
        Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => Error::unavailable(what, said).hint(
            "Check the permissions of the file, of its folder, and of its -wal and -shm where it has them",
        ),
        Some(ErrorCode::SystemIoFailure) => Error::unavailable(what, said)
            .hint("The disk, or the network that it lies on, is full or did not do it: the system's log says more"),
        _ => Error::damaged(what, said),
    }
    .at(path)
}
