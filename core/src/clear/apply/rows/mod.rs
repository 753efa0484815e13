//! Rows of SQLite databases: saved whole, then taken out in short transactions that a program at work hardly notices.
//!
//! A batch is read and saved before the write lock is taken. Under the lock each row is compared once more, unless
//! SQLite tells that nobody has written meanwhile. The value file of a row, where it has one, follows once the row
//! is certainly out.

mod row;
mod shared;

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rusqlite::Connection;

use super::super::disk;
use super::super::journal::{self, By};
use super::super::pace::{self, Pace, Patience};
use super::super::plan::Act;
use super::super::quarantine::{Purpose, Shelf};
use super::super::saved::Saved;
use super::super::value_file::{Moved, ValueFile};
use super::foresee::Foreseen;
use super::strays::Strays;
use super::{Job, Mechanism, Site, Stays, To, UNCONFIRMED};
use crate::Error;
use crate::scan::Cancel;
use crate::source::Dir;
use crate::sqlite::{Changing, Database, Failure, Locked};
use crate::stores::RowRules;
use row::{Guards, Row};
use shared::SharedFiles;

type Result<T = (), E = Stays> = std::result::Result<T, E>;

/// A transaction ends behind the row at which it is as old as this; the commit comes on top.
const SLICE: Duration = Duration::from_millis(50);
/// Rows and bytes, as planned, that are read and saved at a time; one transaction takes fewer, see [`Pace`].
const BATCH_ROWS: usize = 2 * pace::MOST;
const BATCH_BYTES: u64 = 8 << 20;

/// The mechanism for [`crate::stores::Removal::Row`].
pub(super) struct Rows<'a> {
    site: &'a Site,
    act: Act,
    open: Option<(PathBuf, Changing)>,
    /// The database looked at last, without changing it.
    viewed: Option<(PathBuf, Database)>,
    /// Databases that nothing more is tried on, with the reason.
    given_up: BTreeMap<PathBuf, Error>,
    saved: Option<Saved>,
    /// Why it is not known whether what is out is so on the disk, or what of it stays behind.
    unconfirmed: Option<Error>,
    pace: Pace,
    longest: Option<Duration>,
    strays: Strays,
    /// By database, once asked for.
    shared: BTreeMap<PathBuf, Arc<SharedFiles>>,
}

impl Mechanism for Rows<'_> {
    fn note(&mut self, job: &Job<'_>, journal: &mut journal::Writer<'_>) -> io::Result<()> {
        journal.entry(journal::Entry {
            n: job.n,
            by: By::Rows,
            goes_with: None,
            key: job.planned.key.clone(),
            key_label: job.planned.key_label.clone(),
            group_label: job.planned.group_label.clone(),
            // A row that only gets another expiry is not held.
            bytes: if self.act.is_clear() {
                job.planned.bytes
            } else {
                0
            },
            is_folder: false,
            paths: Vec::new(),
        })
    }

    fn batch(&self) -> usize {
        BATCH_ROWS
    }

    fn pin(&mut self, jobs: &[Job<'_>]) -> Vec<Option<u64>> {
        let mut pins = vec![None; jobs.len()];
        for (database, mut rows) in by_database(jobs) {
            let needs_pin = |rules: &RowRules| rules.stored.is_none() || rules.file.is_some();
            rows.retain(|row| needs_pin(&row.removal.rules));
            let Ok((dir, _)) = self.place(database) else {
                continue;
            };
            let place = (&dir, self.site.dev);
            if rows.is_empty() {
                continue;
            }
            let found = self.view(database, |connection| {
                let pin = |row: &Row<'_>| match row.pin(connection, place) {
                    // One that cannot be read hides no other.
                    Err(Failure::Sqlite(_)) => Ok((row.at, None)),
                    pin => Ok((row.at, pin?)),
                };
                rows.iter().map(pin).collect::<Result<Vec<_>, Failure>>()
            });
            for (at, pin) in found.unwrap_or_default() {
                if let Some(place) = pins.get_mut(at) {
                    *place = pin;
                }
            }
        }
        pins
    }

    fn foresee(&mut self, jobs: &[Job<'_>], foreseen: &mut Foreseen) {
        if !self.act.is_clear() {
            return;
        }
        for (database, rows) in by_database(jobs) {
            let asked = self.view(database, |connection| {
                // As undo does, whose means are asked for here.
                connection.execute_batch("PRAGMA ignore_check_constraints=1")?;
                let mut guards = Guards::default();
                let ask = |row| guards.no_return(connection, row);
                rows.iter().map(ask).collect::<Result<Vec<_>, Failure>>()
            });
            // A database that cannot be read is told where its rows are compared.
            for why in asked.unwrap_or_default().into_iter().flatten() {
                *foreseen.no_return.entry(why).or_default() += 1;
            }
        }
    }

    fn take(&mut self, jobs: &[Job<'_>], to: To<'_>) -> Vec<Result> {
        let mut outcomes: Vec<Result> = Vec::new();
        outcomes.resize_with(jobs.len(), || Err(Stays::because("it is no row")));
        for (database, rows) in by_database(jobs) {
            for (at, outcome) in self.take_from(database, rows, to) {
                if let Some(place) = outcomes.get_mut(at) {
                    *place = outcome;
                }
            }
        }
        outcomes
    }

    fn sync(&mut self) -> crate::Result<()> {
        self.saved.as_mut().map_or(Ok(()), Saved::finish)?;
        self.unconfirmed.take().map_or(Ok(()), Err)
    }

    fn longest_lock(&self) -> Option<Duration> {
        self.longest
    }

    fn strays(&mut self) -> Strays {
        std::mem::take(&mut self.strays)
    }
}

fn by_database<'j>(jobs: &'j [Job<'j>]) -> BTreeMap<&'j Path, Vec<Row<'j>>> {
    let mut databases: BTreeMap<&Path, Vec<Row<'_>>> = BTreeMap::new();
    for row in jobs.iter().enumerate().filter_map(Row::of) {
        let database = &row.removal.database;
        databases.entry(database).or_default().push(row);
    }
    databases
}

/// Outcomes by place in the batch.
type Outcomes = Vec<(usize, Result)>;

impl<'a> Rows<'a> {
    pub(super) fn new(site: &'a Site, act: Act) -> Self {
        Self {
            site,
            act,
            open: None,
            viewed: None,
            given_up: BTreeMap::new(),
            saved: None,
            unconfirmed: None,
            pace: Pace::default(),
            longest: None,
            strays: Strays::new(),
            shared: BTreeMap::new(),
        }
    }

    fn take_from(&mut self, database: &Path, rows: Vec<Row<'_>>, to: To<'_>) -> Outcomes {
        if let To::Check = to {
            return self.check(database, &rows);
        }
        let mut outcomes = Outcomes::new();
        let mut waiting = rows.into_iter().peekable();
        while waiting.peek().is_some() {
            let mut bytes = 0_u64;
            let mut batch: Vec<Row<'_>> = Vec::new();
            while let Some(row) = waiting.next_if(|row| {
                bytes = bytes.saturating_add(row.job.planned.bytes);
                batch.is_empty() || bytes <= BATCH_BYTES
            }) {
                batch.push(row);
            }
            outcomes.extend(self.take_batch(database, batch, to));
        }
        outcomes
    }

    /// Looks only.
    fn check(&mut self, database: &Path, rows: &[Row<'_>]) -> Outcomes {
        let dir = match self.place(database) {
            Ok((dir, _)) => dir,
            Err(error) => return all_fail(rows, &error),
        };
        let place = (&dir, self.site.dev);
        let looked = self.view(database, |connection| {
            let mut guards = Guards::default();
            let looked = rows.iter().map(|row| {
                let look = guards.look(connection, row)?;
                Ok(look.and_then(|path| row.file(place, path)))
            });
            looked.collect::<Result<Vec<_>, Failure>>()
        });
        let checked = looked.and_then(|looked| {
            let mut outcomes = Outcomes::new();
            for (row, file) in rows.iter().zip(looked) {
                let outcome = match file {
                    Ok(Some(file)) => self.shared(row, None)?.allow(&file),
                    file => file.map(drop),
                };
                outcomes.push((row.at, outcome));
            }
            Ok(outcomes)
        });
        checked.unwrap_or_else(|error| all_fail(rows, &error))
    }

    /// The files that several rows of the row's table name, read by `changing` or else by the door that changes nothing.
    fn shared(
        &mut self,
        row: &Row<'_>,
        changing: Option<&Changing>,
    ) -> crate::Result<Arc<SharedFiles>> {
        let (database, rules) = (&row.removal.database, &row.removal.rules);
        if let Some(known) = self.shared.get(database) {
            return Ok(Arc::clone(known));
        }
        let found = SharedFiles::find(|from| match changing {
            Some(changing) => changing.read(|connection| shared::page(connection, rules, from)),
            None => self.view(database, |connection| shared::page(connection, rules, from)),
        })?;
        let found = Arc::new(found);
        self.shared.insert(database.clone(), Arc::clone(&found));
        Ok(found)
    }

    /// Drops the rows whose value file another row names too.
    fn drop_shared(
        &mut self,
        changing: &Changing,
        batch: &mut Vec<Row<'_>>,
        outcomes: &mut Outcomes,
    ) -> crate::Result<()> {
        let Some(named) = batch.iter().find(|row| row.file.is_some()) else {
            return Ok(());
        };
        let shared = self.shared(named, Some(changing))?;
        for row in std::mem::take(batch) {
            match row.file.as_ref().map_or(Ok(()), |file| shared.allow(file)) {
                Ok(()) => batch.push(row),
                Err(stays) => outcomes.push((row.at, Err(stays))),
            }
        }
        Ok(())
    }

    /// Reads by the door that changes nothing.
    fn view<T>(
        &mut self,
        database: &Path,
        mut read: impl FnMut(&Connection) -> Result<T, Failure>,
    ) -> crate::Result<T> {
        if self
            .viewed
            .as_ref()
            .is_none_or(|(path, _)| path != database)
        {
            let (dir, name) = self.place(database)?;
            let view = Database::new(dir, &name);
            self.viewed = Some((database.to_owned(), view));
        }
        let Some((_, view)) = &self.viewed else {
            return Err(Error::not_found("Cannot open the database", "it is gone").at(database));
        };
        view.read(&Cancel::default(), |view| read(view.connection))
    }

    fn take_batch(&mut self, database: &Path, mut batch: Vec<Row<'_>>, to: To<'_>) -> Outcomes {
        if let Some(error) = self.given_up.get(database) {
            return all_fail(&batch, error);
        }
        let (dir, changing) = match self.open(database) {
            Ok(opened) => opened,
            Err(error) => {
                let outcomes = all_fail(&batch, &error);
                self.given_up.insert(database.to_owned(), error);
                return outcomes;
            }
        };
        let shelf = match to {
            To::Shelf(shelf) if shelf.purpose == Purpose::Undo => Some(shelf),
            _ => None,
        };
        let mut outcomes = Outcomes::new();
        let read = self.read(&changing, &dir, &mut batch, shelf.is_some(), &mut outcomes);
        let prepared = read.and_then(|version| {
            self.drop_shared(&changing, &mut batch, &mut outcomes)?;
            self.save(shelf, &batch)?;
            Ok(version)
        });
        let version = match prepared {
            Ok(version) => version,
            Err(error) => {
                outcomes.extend(all_fail(&batch, &error));
                self.open = Some((database.to_owned(), changing));
                return outcomes;
            }
        };
        let mut left = VecDeque::from(batch);
        let mut patience = Patience::default();
        while !left.is_empty() {
            self.pace.wait();
            match self.slice(&changing, version, &mut left, &dir, to) {
                Ok(done) => {
                    outcomes.extend(done);
                    patience = Patience::default();
                }
                Err((tried, error)) if !tried.is_empty() && patience.is_left(&error) => {
                    tried.into_iter().rev().for_each(|row| left.push_front(row));
                }
                Err((failed, error)) => {
                    for row in &left {
                        self.stays(row);
                    }
                    outcomes.extend(left.iter().map(|row| fails(row, &error)));
                    left.clear();
                    if failed.is_empty() || error.is_locked() {
                        // Each further batch would wait for the lock as long, and in vain.
                        self.given_up.insert(database.to_owned(), error.repeated());
                    }
                    if !failed.is_empty() {
                        drop(changing);
                        outcomes.extend(self.ended(database, failed, &error, to));
                        return outcomes;
                    }
                }
            }
        }
        self.open = Some((database.to_owned(), changing));
        outcomes
    }

    /// Where rows ended whose transaction failed. What was written of it may be found in the log by whoever opens the
    /// database next, and counts then: so it is opened anew, and asked.
    fn ended(
        &mut self,
        database: &Path,
        failed: Vec<Row<'_>>,
        error: &Error,
        to: To<'_>,
    ) -> Outcomes {
        if let Some(saved) = &mut self.saved {
            saved.leave_undecided();
        }
        let Ok((dir, changing)) = self.open(database) else {
            return all_fail(&failed, error);
        };
        let mut outcomes = Outcomes::new();
        for row in failed {
            let outcome = match changing.read(|connection| row.is_done(connection, self.act)) {
                Ok(true) => {
                    if let Some(file) = &row.file {
                        self.move_file(file, &row, &dir, to);
                    }
                    self.unconfirmed
                        .get_or_insert_with(|| error.repeated().hint_instead(UNCONFIRMED));
                    Ok(())
                }
                _ => Err(Stays::of(error.repeated())),
            };
            outcomes.push((row.at, outcome));
        }
        self.open = Some((database.to_owned(), changing));
        outcomes
    }

    /// Drops the rows that are not what was planned, and reads the others whole.
    fn read(
        &self,
        changing: &Changing,
        dir: &Dir,
        batch: &mut Vec<Row<'_>>,
        is_saved: bool,
        outcomes: &mut Outcomes,
    ) -> crate::Result<i64> {
        let (version, read) = changing.read(|connection| {
            let version = Changing::version(connection)?;
            let (mut guards, mut read) = (Guards::default(), Vec::new());
            for row in batch.iter_mut() {
                let mut look = guards.look(connection, row)?;
                if is_saved && self.act.is_clear() && look.is_ok() {
                    look = guards.come_back(connection, row)?.and(look);
                }
                let place = (dir, self.site.dev);
                read.push(row.read(connection, place, self.act, look, is_saved)?);
            }
            Ok((version, read))
        })?;
        for (row, read) in std::mem::take(batch).into_iter().zip(read) {
            match read {
                Ok(()) => batch.push(row),
                Err(stays) => outcomes.push((row.at, Err(stays))),
            }
        }
        Ok(version)
    }

    fn save(&mut self, shelf: Option<&Shelf>, batch: &[Row<'_>]) -> crate::Result<()> {
        let (Some(shelf), false) = (shelf, batch.is_empty()) else {
            return Ok(());
        };
        let saved = match &mut self.saved {
            Some(saved) => saved,
            none => none.insert(Saved::create(&shelf.dir).map_err(without_undo)?),
        };
        let rows = batch.iter().flat_map(|row| &row.saved);
        saved.save(rows).map_err(without_undo)
    }

    /// One transaction: as many rows as fit into its time. Fails with the rows that it had tried.
    fn slice<'j>(
        &mut self,
        changing: &Changing,
        version: i64,
        left: &mut VecDeque<Row<'j>>,
        dir: &Dir,
        to: To<'_>,
    ) -> Result<Outcomes, (Vec<Row<'j>>, Error)> {
        let mut tried: Vec<(Row<'j>, Result)> = Vec::new();
        let (locked, deleted);
        {
            let begun = step("begin").and_then(|()| changing.lock());
            locked = begun.map_err(|e| (Vec::new(), e))?;
            let mut next = std::iter::from_fn(|| left.pop_front()).take(self.pace.rows());
            deleted = take_some(&locked, version, &mut next, &mut tried, self.act);
        }
        let committed = deleted
            .map_err(|failure| changing.explain_failure(failure))
            .and_then(|()| step("commit"))
            .and_then(|()| locked.commit());
        match committed {
            Ok(held) => {
                self.pace.note(tried.len(), held);
                self.longest = self.longest.max(Some(held));
            }
            Err(error) => return Err((tried.into_iter().map(|(row, _)| row).collect(), error)),
        }
        let mut outcomes = Outcomes::new();
        for (row, outcome) in tried {
            match (&outcome, &row.file) {
                (Ok(()), Some(file)) => self.move_file(file, &row, dir, to),
                (Ok(()), None) => {}
                (Err(_), _) => self.stays(&row),
            }
            outcomes.push((row.at, outcome));
        }
        Ok(outcomes)
    }

    /// The row is out, so its file belongs to nobody now: where it cannot be moved it is an orphan.
    fn move_file(&mut self, file: &ValueFile, row: &Row<'_>, dir: &Dir, to: To<'_>) {
        let moved = match to {
            To::Check => return,
            To::Shelf(shelf) => file.move_to(dir, &shelf.dir, row.job.n),
            To::Nowhere => file.free(dir).map(|()| Moved::Whole),
        };
        match moved {
            Ok(Moved::Stray) => {
                let folder = row.removal.database.parent().unwrap_or(Path::new(""));
                let held = journal::part_name(row.job.n, false, 0);
                self.strays.insert(held, folder.join(file.path()));
            }
            Ok(Moved::Whole | Moved::Not) => {}
            Err(error) => {
                let what = "The row is out, and its value file stays behind";
                let error = Error::io(what, &dir.path().join(file.path()), error);
                let error = error.hint_instead("`check` finds it as an orphan");
                self.unconfirmed.get_or_insert(error);
            }
        }
    }

    fn stays(&mut self, row: &Row<'_>) {
        if let Some(saved) = &mut self.saved {
            saved.stays(row.job.n);
        }
    }

    /// The folder of a database below the store, and its name there.
    fn place(&self, database: &Path) -> crate::Result<(Dir, std::ffi::OsString)> {
        let folder = database.parent().unwrap_or(Path::new(""));
        let base = &self.site.base;
        let dir = base
            .open_below(folder)
            .map_err(|e| Error::io("Cannot open the database", &base.path().join(database), e))?;
        Ok((dir, database.file_name().unwrap_or_default().to_owned()))
    }

    fn open(&mut self, database: &Path) -> crate::Result<(Dir, Changing)> {
        let (dir, name) = self.place(database)?;
        match self.open.take() {
            Some((open, changing)) if open == database => Ok((dir, changing)),
            _ => {
                let changing = Changing::open(&dir, &name)?;
                if self.act.is_clear() {
                    // As undo does, whose means are asked for here.
                    changing.ignore_checks()?;
                }
                Ok((dir, changing))
            }
        }
    }
}

fn without_undo(error: Error) -> Error {
    error.hint("--permanent clears without undo")
}

fn step(step: &'static str) -> crate::Result<()> {
    disk::point(step).map_err(|e| Error::io("Cannot change the database", Path::new(""), e))
}

fn all_fail(rows: &[Row<'_>], error: &Error) -> Outcomes {
    rows.iter().map(|row| fails(row, error)).collect()
}

fn fails(row: &Row<'_>, error: &Error) -> (usize, Result) {
    (row.at, Err(Stays::of(error.repeated())))
}

/// Takes rows until the transaction is old enough.
fn take_some<'j>(
    locked: &Locked<'_>,
    version: i64,
    left: &mut dyn Iterator<Item = Row<'j>>,
    tried: &mut Vec<(Row<'j>, Result)>,
    act: Act,
) -> Result<(), Failure> {
    let connection = locked.connection();
    let mut guards = (Changing::version(connection)? != version).then(Guards::default);
    while tried.is_empty() || locked.held() < SLICE {
        let Some(row) = left.next() else { break };
        tried.push((row, Ok(())));
        if let Some((row, outcome)) = tried.last_mut() {
            *outcome = match act {
                Act::Clear => row.delete(connection, guards.as_mut())?,
                Act::Expire(_) => row.set_expiry(connection, guards.as_mut())?,
            };
        }
    }
    Ok(())
}
