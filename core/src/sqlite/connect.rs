//! One connection with everything that a stranger's file could abuse switched off.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use rusqlite::{Connection, OpenFlags};

use super::state::Rung;
use crate::model::Cancel;

/// How long a lock is waited for.
pub(super) const BUSY: Duration = Duration::from_secs(2);
/// How long a writer waits: as long as Python's `sqlite3` does.
const BUSY_TO_CHANGE: Duration = Duration::from_secs(5);
/// Pause between two looks at a lock.
const BUSY_STEP: Duration = Duration::from_millis(5);
/// Memory that all connections of the process may take together, in bytes: a row that is saved or put back stands in it
/// twice, and no larger one is saved than fits.
const HEAP_BYTES: u64 = 320 << 20;
/// Virtual machine steps between two looks at the clock and the cancel flag.
const STEPS: i32 = 2_000;
/// Longest SQL text, which is also the longest text of a schema entry.
const SQL_BYTES: i32 = 1_000_000;

/// Stops a statement that takes too long or is no longer wanted.
#[derive(Debug, Clone, Default)]
pub(super) struct Watchdog(Arc<Mutex<Leash>>);

#[derive(Debug, Default)]
struct Leash {
    until: Option<Instant>,
    cancel: Cancel,
    /// How long locks are waited for, where that is less than usual.
    busy: Option<Duration>,
}

impl Watchdog {
    /// Gives the statements that follow this much time, and a flag that ends them earlier.
    pub(super) fn allow(&self, time: Duration, cancel: &Cancel) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Leash {
            until: Instant::now().checked_add(time),
            cancel: cancel.clone(),
            busy: None,
        };
    }

    /// Locks are waited for no longer than this, until it is said anew what is allowed.
    pub(super) fn wait_at_most(&self, busy: Duration) {
        let mut leash = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        leash.busy = Some(busy);
    }

    fn busy(&self) -> Option<Duration> {
        let leash = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        leash.busy
    }

    fn is_over(&self) -> bool {
        let leash = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        leash.cancel.is_cancelled() || leash.until.is_some_and(|until| Instant::now() > until)
    }
}

/// Opens `path` (real, without links) to view it as `rung` says.
pub(super) fn to_view(path: &Path, rung: Rung, dog: &Watchdog) -> rusqlite::Result<Connection> {
    let (access, parameters) = match rung {
        Rung::Immutable => (OpenFlags::SQLITE_OPEN_READ_ONLY, "immutable=1"),
        Rung::SharedIndex | Rung::Rollback => {
            (OpenFlags::SQLITE_OPEN_READ_ONLY, "mode=ro&readonly_shm=1")
        }
        // Our own copy: SQLite must be able to roll its journal back.
        Rung::Copy => (OpenFlags::SQLITE_OPEN_READ_WRITE, "mode=rw"),
    };
    let connection = open(path, access, parameters, dog)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)?;
    connection.execute_batch("PRAGMA query_only=1")?;
    Ok(connection)
}

/// Opens `path` (real, without links) to take rows out or to put rows back.
///
/// Triggers run: the caller knows each of them. Double-quoted texts are allowed, because diskcache's triggers hold
/// some. Nothing is checkpointed.
pub(super) fn to_change(path: &Path, dog: &Watchdog) -> rusqlite::Result<Connection> {
    let mut connection = open(path, OpenFlags::SQLITE_OPEN_READ_WRITE, "mode=rw", dog)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, true)?;
    connection.execute_batch("PRAGMA wal_autocheckpoint=0")?;
    watch(&mut connection, dog, BUSY_TO_CHANGE)?;
    Ok(connection)
}

/// Opens or makes a database of our own in a folder that is ours alone.
pub(crate) fn to_own(path: &Path) -> rusqlite::Result<Connection> {
    let access = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
    open(path, access, "mode=rwc", &Watchdog::default())
}

/// Opens a copy that is thrown away, to try on it what a program would write.
pub(super) fn to_try(path: &Path, dog: &Watchdog) -> rusqlite::Result<Connection> {
    let connection = open(path, OpenFlags::SQLITE_OPEN_READ_WRITE, "mode=rw", dog)?;
    // diskcache's triggers name their keys in double quotes.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, true)?;
    connection.execute_batch("PRAGMA synchronous=0")?;
    Ok(connection)
}

/// Opens `path` with what viewing and changing have in common.
fn open(
    path: &Path,
    access: OpenFlags,
    parameters: &str,
    dog: &Watchdog,
) -> rusqlite::Result<Connection> {
    let flags = access
        | OpenFlags::SQLITE_OPEN_URI
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_PRIVATE_CACHE
        | OpenFlags::SQLITE_OPEN_NOFOLLOW
        | OpenFlags::SQLITE_OPEN_EXRESCODE;
    let mut connection = Connection::open_with_flags(uri(path, parameters), flags)?;
    for (switch, is_on) in [
        (DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true),
        (DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_FTS3_TOKENIZER, false),
        // The bundled build has it on, and a row's removal would reach into other tables.
        (DbConfig::SQLITE_DBCONFIG_ENABLE_FKEY, false),
        (DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true),
    ] {
        connection.set_db_config(switch, is_on)?;
    }
    for (limit, most) in [
        (Limit::SQLITE_LIMIT_SQL_LENGTH, SQL_BYTES),
        (Limit::SQLITE_LIMIT_EXPR_DEPTH, 100),
        (Limit::SQLITE_LIMIT_COMPOUND_SELECT, 20),
        (Limit::SQLITE_LIMIT_VDBE_OP, 1_000_000),
        (Limit::SQLITE_LIMIT_ATTACHED, 0),
        (Limit::SQLITE_LIMIT_TRIGGER_DEPTH, 10),
        (Limit::SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 100),
        (Limit::SQLITE_LIMIT_WORKER_THREADS, 0),
    ] {
        connection.set_limit(limit, most)?;
    }
    connection.execute_batch(&format!(
        "PRAGMA mmap_size=0; PRAGMA cell_size_check=1; PRAGMA temp_store=2; PRAGMA hard_heap_limit={HEAP_BYTES}"
    ))?;
    watch(&mut connection, dog, BUSY)?;
    Ok(connection)
}

/// Ends statements that run too long, and waits for locks only so long, both at once when cancelled.
fn watch(connection: &mut Connection, dog: &Watchdog, busy: Duration) -> rusqlite::Result<()> {
    let guard = dog.clone();
    connection.progress_handler(STEPS, Some(move || guard.is_over()))?;
    let guard = dog.clone();
    connection.busy_handler(Some(move |tried: i32| {
        let busy = guard.busy().unwrap_or(busy);
        let tries = busy.as_millis() / BUSY_STEP.as_millis();
        let is_patient = u128::try_from(tried).is_ok_and(|n| n < tries) && !guard.is_over();
        if is_patient {
            std::thread::sleep(BUSY_STEP);
        }
        is_patient
    }))
}

/// A `file:` URI, every byte that means something in one escaped (sqlite.org/uri.html).
fn uri(path: &Path, parameters: &str) -> String {
    let mut uri = String::from("file:");
    let bytes = path.as_os_str().as_encoded_bytes();
    if cfg!(windows) {
        uri.push_str("///");
    }
    for byte in bytes {
        match byte {
            b'\\' if cfg!(windows) => uri.push('/'),
            b'/' | b'-' | b'_' | b'.' | b'~' => uri.push(char::from(*byte)),
            b':' if cfg!(windows) => uri.push(':'),
            byte if byte.is_ascii_alphanumeric() => uri.push(char::from(*byte)),
            byte => {
                uri.push('%');
                let digit = |half: u8| char::from_digit(half.into(), 16).unwrap_or('0');
                uri.push(digit(byte >> 4));
                uri.push(digit(byte & 15));
            }
        }
    }
    uri.push('?');
    uri.push_str(parameters);
    uri
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;

    #[test]
    fn names_that_mean_something_in_a_uri_are_escaped() {
        let check = |path: &[u8], expected: &str| {
            assert_eq!(uri(Path::new(OsStr::from_bytes(path)), "a=1"), expected);
        };
        check(b"/a/b.db", "file:/a/b.db?a=1");
        check(b"/a?mode=rw&x#y", "file:/a%3fmode%3drw%26x%23y?a=1");
        check(b"/100%41\xff", "file:/100%2541%ff?a=1");
    }
}
