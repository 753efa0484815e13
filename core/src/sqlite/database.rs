//! A database opened for one job: pages of reading, each from a rung of the ladder that holds at that time.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError, Weak};
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::connect::{self, Watchdog};
use super::copy::{self, PrivateCopy};
use super::failure::{Failure, Tries};
use super::scratch::Scratch;
use super::state::{Rung, State, beside_name};
use super::viewers;
use crate::model::{Cancel, Issue, Severity, text};
use crate::source::gate::Pass;
use crate::source::{Dir, FileReader};
use crate::{Error, Result};

/// Longest that a lock of ours may stand in a writer's way, with room for the page that is being read.
pub(super) const LOCK_TIME: Duration = Duration::from_millis(40);
/// Time for one page of reading; a healthy one takes a hundredth of it.
const PAGE_TIME: Duration = Duration::from_secs(20);
/// Pause before such a look, longer each time, up to so many times as long.
const PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: u32 = 20;

/// A database that is read page by page.
#[derive(Debug)]
pub(crate) struct Database {
    dir: Dir,
    name: OsString,
    dog: Watchdog,
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug, Default)]
struct Inner {
    open: Option<Open>,
    /// What is being opened, in case that fails.
    climbing: Option<State>,
    /// A state of the files that only a private copy can be read from.
    needs_copy: Option<State>,
    /// A state of the files in which damage was met and outlived a second look.
    damaged: Option<State>,
    /// The state that was about to be copied at the look before.
    to_copy: Option<State>,
    note: Option<Issue>,
    /// When the last reading ended.
    read: Option<Instant>,
}

/// A connection and what must outlive it; the fields are dropped in this order.
#[derive(Debug)]
struct Open {
    connection: Connection,
    _copy: Option<Arc<PrivateCopy>>,
    _pass: Option<Pass>,
    main: FileReader,
    rung: Rung,
    seen: State,
    /// When opening began, and when it had ended.
    asked: Instant,
    opened: Instant,
}

impl viewers::View for Mutex<Inner> {
    fn give_way(&self) {
        lock(self)
            .open
            .take_if(|open| open.rung == Rung::SharedIndex);
    }

    fn close_if_over(&self) -> bool {
        let mut inner = match self.try_lock() {
            Ok(inner) => inner,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return true,
        };
        let is_shared = |open: &Open| open.rung == Rung::SharedIndex;
        let is_over = |open: &mut Open| is_shared(open) && Instant::now() >= open.until();
        inner.open.take_if(is_over);
        inner.open.as_ref().is_some_and(is_shared)
    }
}

fn lock(inner: &Mutex<Inner>) -> MutexGuard<'_, Inner> {
    inner.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Open {
    /// When it is to be closed for the sake of a program that ends, which would leave its log behind.
    ///
    /// A log that no program has open is read whole by each opening: that may not take more time than the reading.
    fn until(&self) -> Instant {
        self.opened + LOCK_TIME.max(self.opened.duration_since(self.asked))
    }
}

/// What of a database is no row.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Slack {
    /// Bytes of the write-ahead log.
    pub(crate) log_bytes: u64,
    /// Bytes of pages that hold nothing.
    pub(crate) free_bytes: u64,
    /// Bytes of all pages.
    pub(crate) bytes: u64,
}

/// What one page of reading sees.
#[derive(Debug)]
pub(crate) struct View<'a> {
    /// The connection: for this page only.
    pub(crate) connection: &'a Connection,
    until: Option<Instant>,
}

impl View<'_> {
    /// True once the page should end, so that no writer waits for it.
    pub(crate) fn is_over(&self) -> bool {
        self.until.is_some_and(|until| Instant::now() > until)
    }
}

/// What becomes of the connection after a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum After {
    /// More pages follow at once.
    Keep,
    /// Nothing may follow for a while.
    Release,
}

impl Database {
    /// The database called `name` in `dir`; nothing is opened yet.
    pub(crate) fn new(dir: Dir, name: &OsStr) -> Self {
        Self {
            dir,
            name: name.to_owned(),
            dog: Watchdog::default(),
            inner: Arc::default(),
        }
    }

    /// Where it lies.
    pub(crate) fn path(&self) -> PathBuf {
        self.dir.path().join(&self.name)
    }

    /// Reads something small: `read` may be called again where a writer got in between.
    ///
    /// Where one such reading follows the other, what is opened for them stays open as long as for pages, and is closed
    /// by itself.
    ///
    /// # Errors
    /// A sentence on why the database cannot be read, or what `read` itself returned.
    pub(crate) fn read<T>(
        &self,
        cancel: &Cancel,
        read: impl FnMut(&View<'_>) -> Result<T, Failure>,
    ) -> Result<T> {
        self.turn(cancel, After::Release, read)
    }

    /// Reads one page of many; the last one is followed by [`Database::close`].
    ///
    /// # Errors
    /// As [`Database::read`].
    pub(crate) fn page<T>(
        &self,
        cancel: &Cancel,
        read: impl FnMut(&View<'_>) -> Result<T, Failure>,
    ) -> Result<T> {
        self.turn(cancel, After::Keep, read)
    }

    /// Bytes in its log, and in pages that hold nothing.
    ///
    /// # Errors
    /// If it cannot be read.
    pub(crate) fn slack(&self, cancel: &Cancel) -> Result<Slack> {
        let wal = self.dir.stat(&beside_name(&self.name, "-wal"));
        self.read(cancel, |view| {
            let pragma = |name: &str| -> rusqlite::Result<u64> {
                let n: i64 = view
                    .connection
                    .pragma_query_value(None, name, |row| row.get(0))?;
                Ok(n.unsigned_abs())
            };
            let page = pragma("page_size")?;
            Ok(Slack {
                log_bytes: wal.as_ref().map_or(0, |meta| meta.size),
                free_bytes: pragma("freelist_count")?.saturating_mul(page),
                bytes: pragma("page_count")?.saturating_mul(page),
            })
        })
    }

    /// A copy of the database as it is now, on which a change can be tried.
    ///
    /// # Errors
    /// If it cannot be read, or is too large to be copied.
    pub(crate) fn scratch(&self, cancel: &Cancel) -> Result<Scratch> {
        // Reading the file beside an open connection of ours would drop that one's locks.
        self.close();
        Scratch::of(&self.dir, &self.name, cancel)
    }

    /// Bytes that the database takes on the disk, with its log, index and journal.
    pub(crate) fn disk_bytes(&self) -> u64 {
        ["", "-wal", "-shm", "-journal"]
            .into_iter()
            .filter_map(|suffix| self.dir.stat(&beside_name(&self.name, suffix)).ok())
            .map(|meta| meta.disk_bytes)
            .sum()
    }

    /// Closes the connection, if one is open.
    pub(crate) fn close(&self) {
        self.lock().open = None;
    }

    /// What of the database was not shown, once it was opened.
    pub(crate) fn note(&self) -> Option<Issue> {
        self.lock().note.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        lock(&self.inner)
    }

    fn turn<T>(
        &self,
        cancel: &Cancel,
        after: After,
        mut read: impl FnMut(&View<'_>) -> Result<T, Failure>,
    ) -> Result<T> {
        let mut inner = self.lock();
        let after = match inner.read.take() {
            Some(read) if read.elapsed() < LOCK_TIME => After::Keep,
            _ => after,
        };
        let mut tries = Tries::begin();
        loop {
            cancel.check()?;
            let failure = match self.attempt(&mut inner, cancel, after, &mut read) {
                Ok(value) => {
                    inner.read = Some(Instant::now());
                    return Ok(value);
                }
                Err(failure) => failure,
            };
            // The next row meets the same damage: one look at files that are as they were is enough.
            let open = inner.open.as_ref();
            let is_known = open.is_some_and(|open| inner.damaged.as_ref() == Some(&open.seen));
            if is_known && failure.is_damage() {
                return Err(failure.explain(&self.path()));
            }
            let seen = inner.open.take().map(|open| open.seen);
            cancel.check()?;
            tries.count(&failure, seen.as_ref().or(inner.climbing.as_ref()));
            if !failure.may_pass(&tries) {
                if failure.is_damage() {
                    inner.damaged = seen;
                }
                return Err(failure.explain(&self.path()));
            }
            if failure.needs_copy(tries.n) {
                inner.needs_copy = seen.or_else(|| inner.climbing.take());
            }
            std::thread::sleep(PAUSE * tries.n.min(LONGEST_PAUSE));
        }
    }

    fn attempt<T>(
        &self,
        inner: &mut Inner,
        cancel: &Cancel,
        after: After,
        read: &mut impl FnMut(&View<'_>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let open = self.open(inner, cancel)?;
        self.dog.allow(PAGE_TIME, cancel);
        let view = View {
            connection: &open.connection,
            until: (open.rung == Rung::SharedIndex).then(|| open.until()),
        };
        let result = read(&view);
        if open.rung == Rung::Immutable && !self.is_as_seen(open) {
            return Err(Failure::Unsteady);
        }
        if open.rung == Rung::SharedIndex && (after == After::Release || view.is_over()) {
            inner.open = None;
        }
        result
    }

    fn is_as_seen(&self, open: &Open) -> bool {
        State::look(&self.dir, &self.name, &open.main).is_ok_and(|now| now == open.seen)
    }

    /// The open connection, if it still fits what is on the disk, or a new one.
    fn open<'a>(&self, inner: &'a mut Inner, cancel: &Cancel) -> Result<&'a Open, Failure> {
        if let Some(open) = inner.open.take_if(|open| !self.still_fits(open)) {
            drop(open);
        }
        if inner.open.is_none() {
            let (open, note) = self.climb(inner, cancel)?;
            inner.open = Some(open);
            inner.note = note;
        }
        inner.open.as_ref().ok_or(Failure::Unsteady)
    }

    /// A rollback database may have got a log since it was opened, for which SQLite would make files.
    fn still_fits(&self, open: &Open) -> bool {
        match open.rung {
            Rung::Rollback => State::look(&self.dir, &self.name, &open.main)
                .is_ok_and(|now| now.rung() == Rung::Rollback),
            Rung::SharedIndex => Instant::now() < open.until(),
            Rung::Immutable | Rung::Copy => self.is_as_seen(open),
        }
    }

    /// Takes the first rung that fits.
    fn climb(&self, inner: &mut Inner, cancel: &Cancel) -> Result<(Open, Option<Issue>), Failure> {
        let path = self.path();
        let fail = |e| Error::io("Cannot open the database", &path, e);
        self.dog.allow(PAGE_TIME, cancel);
        let asked = Instant::now();
        let main = self.dir.open_file(&self.name).map_err(fail)?;
        let seen = State::look(&self.dir, &self.name, &main).map_err(fail)?;
        check_is_database(&seen).map_err(|e| e.at(&path))?;
        inner.climbing = Some(seen.clone());
        let rung = if inner.needs_copy.as_ref() == Some(&seen) {
            Rung::Copy
        } else {
            seen.rung()
        };
        if rung == Rung::Copy {
            // A writer that exits deletes the index a moment before the log: only what lasts is copied.
            let is_lasting = inner.to_copy.replace(seen.clone()).as_ref() == Some(&seen);
            if !is_lasting {
                return Err(Failure::Unsteady);
            }
            return self.by_copy(main, seen, asked, cancel);
        }
        Ok((self.in_place(main, seen, asked, rung)?, None))
    }

    /// Opens the file where it lies.
    fn in_place(
        &self,
        main: FileReader,
        seen: State,
        asked: Instant,
        rung: Rung,
    ) -> Result<Open, Failure> {
        let file = (main.meta().dev, main.meta().ino);
        if rung == Rung::SharedIndex {
            let inner: Weak<Mutex<Inner>> = Arc::downgrade(&self.inner);
            if !viewers::enter(file, &(inner as Weak<dyn viewers::View>)) {
                return Err(Failure::Unsteady);
            }
        }
        let mut is_guarded = true;
        let pass = Pass::enter(file, || {
            // A writer that exits deletes log and index, and SQLite would then make a new log.
            // With a read lock on the database that cannot happen any more, so the look below counts.
            if rung == Rung::SharedIndex {
                is_guarded = main.lock_shared().is_ok();
            }
        });
        if !is_guarded {
            return Err(Failure::Locked);
        }
        let is_steady = match rung {
            Rung::SharedIndex | Rung::Rollback => self.look(&main)?.rung() == rung,
            Rung::Immutable | Rung::Copy => true,
        };
        if !is_steady {
            return Err(Failure::Unsteady);
        }
        let path = self.path();
        let connection = connect::to_view(&path, rung, &self.dog)?;
        first_read(&connection)?;
        check_place(&self.dir, &self.name, &main)?;
        Ok(Open {
            connection,
            _copy: None,
            _pass: Some(pass),
            main,
            rung,
            seen,
            asked,
            opened: Instant::now(),
        })
    }

    fn look(&self, main: &FileReader) -> Result<State> {
        State::look(&self.dir, &self.name, main)
            .map_err(|e| Error::io("Cannot open the database", &self.path(), e))
    }

    /// Opens a private copy, or else the file as of its last checkpoint.
    fn by_copy(
        &self,
        main: FileReader,
        seen: State,
        asked: Instant,
        cancel: &Cancel,
    ) -> Result<(Open, Option<Issue>), Failure> {
        let copy = match copy::of(&self.dir, &self.name, &seen, cancel) {
            Ok(copy) => copy,
            Err(error) if error.is_changed() => return Err(Failure::Unsteady),
            Err(error) if error.is_limit() && !seen.has_journal() => {
                let note = left_out(&seen, &error, self.path());
                return Ok((
                    self.in_place(main, seen, asked, Rung::Immutable)?,
                    Some(note),
                ));
            }
            Err(error) => return Err(error.into()),
        };
        // Copying may have taken its time.
        self.dog.allow(PAGE_TIME, cancel);
        let connection = connect::to_view(&copy.path(), Rung::Copy, &self.dog)?;
        first_read(&connection)?;
        let open = Open {
            connection,
            _copy: Some(copy),
            _pass: None,
            main,
            rung: Rung::Copy,
            seen,
            asked,
            opened: Instant::now(),
        };
        Ok((open, None))
    }
}

/// The note of a partial opening.
fn left_out(seen: &State, why: &Error, path: PathBuf) -> Issue {
    let newer = seen.wal.map_or(0, |wal| wal.size);
    let message = format!(
        "Shown as of the last checkpoint; {} of newer changes are not shown: {}. {}",
        text::size(newer),
        why.message(),
        why.next_step().unwrap_or_default()
    );
    Issue {
        wants_copy: why.wants_copy(),
        ..Issue::new(Severity::Warning, path, message)
    }
}

/// Makes SQLite take its lock and read the schema now, while the files are as they were looked at.
pub(super) fn first_read(connection: &Connection) -> rusqlite::Result<()> {
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))
}

/// SQLite goes by the path: it must still lead to the file that was looked at.
pub(super) fn check_place(dir: &Dir, name: &OsStr, main: &FileReader) -> Result<(), Failure> {
    let there = Dir::open(dir.path())?.stat(name);
    let is_same = there.is_ok_and(|m| (m.dev, m.ino) == (main.meta().dev, main.meta().ino));
    if is_same {
        Ok(())
    } else {
        Err(Failure::Unsteady)
    }
}

/// SQLite is never handed an empty file: beside one it deletes logs and journals.
pub(super) fn check_is_database(state: &State) -> Result<()> {
    const WHAT: &str = "Cannot read the database";
    if state.main.size == 0 {
        return Err(Error::damaged(WHAT, "the file is empty"));
    }
    if !state.has_magic() {
        let why = "it does not begin as an SQLite database does: it is encrypted or something else";
        return Err(Error::damaged(WHAT, why));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
