//! Rows of SQLite databases: saved whole, then taken out in short transactions that a program at work hardly notices.
//!
//! A batch is read and saved before the write lock is taken. Under the lock each row is compared once more, unless
//! SQLite tells that nobody has written meanwhile. The value file of a row, where it has one, follows once the row
//! is certainly out.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use std::{io, thread};

use rusqlite::Connection;

use super::super::disk;
use super::super::journal::{self, By};
use super::super::plan::Act;
use super::super::quarantine::{Purpose, Shelf};
use super::super::rows::{self, Which};
use super::super::saved::{Saved, SavedRow};
use super::super::value_file::ValueFile;
use super::{Job, Mechanism, Site, Stays, To};
use crate::Error;
use crate::model::Time;
use crate::scan::Cancel;
use crate::source::Dir;
use crate::sqlite::{Cell, Changing, CopyRule, Database, Failure, Locked};
use crate::stores::{Removal, RowRemoval, RowRules};

type Result<T = (), E = Stays> = std::result::Result<T, E>;

/// A transaction ends behind the row at which it is as old as this; the commit comes on top.
const SLICE: Duration = Duration::from_millis(50);
/// A batch whose lock was held longer than this was too large.
const LONG: Duration = Duration::from_millis(100);
/// One whose lock was held shorter could have been larger.
const SHORT: Duration = Duration::from_millis(25);
/// Rows in the first batch and in the largest.
const ROWS: (usize, usize) = (64, 4096);
/// Bytes that a batch of several rows holds at most, as planned.
const BATCH_BYTES: u64 = 8 << 20;

/// The mechanism for [`Removal::Row`].
pub(super) struct Rows<'a> {
    site: &'a Site,
    act: Act,
    open: Option<(PathBuf, Changing)>,
    /// Databases that nothing more is tried on, with the reason.
    given_up: BTreeMap<PathBuf, Error>,
    saved: Option<Saved>,
    pace: Pace,
    longest: Option<Duration>,
}

/// One row of a batch.
struct Row<'j> {
    /// Its place in the batch.
    at: usize,
    job: &'j Job<'j>,
    removal: &'j RowRemoval,
    /// The row and what goes with it, where they are saved.
    saved: Vec<SavedRow>,
    file: Option<ValueFile>,
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
        self.pace.rows
    }

    fn take(&mut self, jobs: &[Job<'_>], to: To<'_>) -> Vec<Result> {
        let mut outcomes: Vec<Result> = Vec::new();
        outcomes.resize_with(jobs.len(), || Err(Stays::because("it is no row")));
        let mut databases: BTreeMap<&Path, Vec<Row<'_>>> = BTreeMap::new();
        for (at, job) in jobs.iter().enumerate() {
            if let Removal::Row(removal) = &job.removal {
                databases.entry(&removal.database).or_default().push(Row {
                    at,
                    job,
                    removal,
                    saved: Vec::new(),
                    file: None,
                });
            }
        }
        for (database, rows) in databases {
            for (at, outcome) in self.take_from(database, rows, to) {
                if let Some(place) = outcomes.get_mut(at) {
                    *place = outcome;
                }
            }
        }
        outcomes
    }

    fn sync(&mut self) -> io::Result<()> {
        match &mut self.saved {
            Some(saved) => saved.finish().map_err(io::Error::other),
            None => Ok(()),
        }
    }

    fn longest_lock(&self) -> Option<Duration> {
        self.longest
    }
}

/// Outcomes by place in the batch.
type Outcomes = Vec<(usize, Result)>;

impl<'a> Rows<'a> {
    pub(super) fn new(site: &'a Site, act: Act) -> Self {
        Self {
            site,
            act,
            open: None,
            given_up: BTreeMap::new(),
            saved: None,
            pace: Pace::default(),
            longest: None,
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

    /// Looks only, by the door that changes nothing.
    fn check(&self, database: &Path, rows: &[Row<'_>]) -> Outcomes {
        let view = || {
            let (dir, name) = self.place(database)?;
            let view = Database::new(dir, &name, CopyRule::Unasked);
            view.read(&Cancel::default(), |view| {
                let mut guards = Guards::default();
                rows.iter()
                    .map(|row| Ok((row.at, guards.look(view.connection, row)?.map(|_| ()))))
                    .collect::<Result<Outcomes, Failure>>()
            })
        };
        view().unwrap_or_else(|error| all_fail(rows, &error))
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
        let version = match read.and_then(|version| self.save(shelf, &batch).map(|()| version)) {
            Ok(version) => version,
            Err(error) => {
                outcomes.extend(all_fail(&batch, &error));
                self.open = Some((database.to_owned(), changing));
                return outcomes;
            }
        };
        let n = batch.len();
        let mut left = batch.into_iter();
        while left.len() > 0 {
            self.pace.wait();
            match self.slice(&changing, version, &mut left, &dir, to) {
                Ok(done) => outcomes.extend(done),
                Err((failed, error)) => {
                    let is_locked = failed.is_empty();
                    let stays: Vec<Row<'_>> = failed.into_iter().chain(left.by_ref()).collect();
                    for row in &stays {
                        self.stays(row);
                    }
                    outcomes.extend(all_fail(&stays, &error));
                    if is_locked {
                        // Each further batch would wait as long, and in vain.
                        self.given_up.insert(database.to_owned(), error);
                    }
                }
            }
        }
        self.pace.learn(n);
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
        let whole = std::mem::take(batch);
        changing.read(|connection| {
            let version = Changing::version(connection)?;
            let mut guards = Guards::default();
            for mut row in whole {
                let look = guards.look(connection, &row)?;
                match self.read_row(connection, dir, &mut row, look, is_saved)? {
                    Ok(()) => batch.push(row),
                    Err(stays) => outcomes.push((row.at, Err(stays))),
                }
            }
            Ok(version)
        })
    }

    fn read_row(
        &self,
        connection: &Connection,
        dir: &Dir,
        row: &mut Row<'_>,
        look: Result<Option<PathBuf>>,
        is_saved: bool,
    ) -> Result<Result, Failure> {
        let file = match look {
            Ok(file) => file,
            Err(stays) => return Ok(Err(stays)),
        };
        if let Act::Expire(expires) = self.act {
            return read_expiry(connection, row, expires);
        }
        match file
            .map(|path| ValueFile::look(dir, &path, self.site.dev))
            .transpose()
        {
            Ok(file) => row.file = file.flatten(),
            Err(stays) => return Ok(Err(stays)),
        }
        if !is_saved && row.removal.rules.dependents.is_empty() {
            return Ok(Ok(()));
        }
        let Some((rowid, cells)) = which(row).load(connection)? else {
            return Ok(Err(gone()));
        };
        let saved = |part, table, (rowid, cells)| SavedRow {
            n: row.job.n,
            part,
            place: rows::place(&row.removal.database, table),
            rowid,
            cells,
        };
        let mut all = Vec::new();
        for dependent in &row.removal.rules.dependents {
            for found in rows::dependents(connection, dependent, &cells)? {
                all.push(saved(all.len() + 1, &dependent.table, found));
            }
        }
        all.insert(0, saved(0, &row.removal.rules.table, (rowid, cells)));
        if is_saved && let Err(error) = rows::check_size(&all) {
            return Ok(Err(Stays::Failed(error)));
        }
        row.saved = all;
        Ok(Ok(()))
    }

    fn save(&mut self, shelf: Option<&Shelf>, batch: &[Row<'_>]) -> crate::Result<()> {
        let (Some(shelf), false) = (shelf, batch.is_empty()) else {
            return Ok(());
        };
        let saved = match &mut self.saved {
            Some(saved) => saved,
            none => none.insert(Saved::create(&shelf.dir)?),
        };
        let rows: Vec<SavedRow> = batch.iter().flat_map(|row| row.saved.clone()).collect();
        saved
            .save(&rows)
            .map_err(|e| e.hint("--permanent clears without undo"))
    }

    /// One transaction: as many rows as fit into its time. Fails with the rows that it had tried.
    fn slice<'j>(
        &mut self,
        changing: &Changing,
        version: i64,
        left: &mut std::vec::IntoIter<Row<'j>>,
        dir: &Dir,
        to: To<'_>,
    ) -> Result<Outcomes, (Vec<Row<'j>>, Error)> {
        let mut tried: Vec<(Row<'j>, Result)> = Vec::new();
        let (locked, deleted);
        {
            let begun = step("begin").and_then(|()| changing.lock());
            locked = begun.map_err(|e| (Vec::new(), e))?;
            deleted = take_some(&locked, version, left, &mut tried, self.act);
        }
        let committed = deleted
            .map_err(|failure| changing.explain_failure(failure))
            .and_then(|()| step("commit"))
            .and_then(|()| locked.commit());
        match committed {
            Ok(held) => {
                self.pace.note(held);
                self.longest = self.longest.max(Some(held));
            }
            Err(error) => return Err((tried.into_iter().map(|(row, _)| row).collect(), error)),
        }
        let mut outcomes = Outcomes::new();
        for (row, outcome) in tried {
            match (&outcome, &row.file) {
                (Ok(()), Some(file)) => move_file(file, row.job.n, dir, to),
                (Ok(()), None) => {}
                (Err(_), _) => self.stays(&row),
            }
            outcomes.push((row.at, outcome));
        }
        Ok(outcomes)
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
                Ok((dir, changing))
            }
        }
    }
}

/// What else changes to tables would set off, asked once a transaction.
#[derive(Default)]
struct Guards(Vec<(Arc<RowRules>, Option<String>)>);

impl Guards {
    /// The check of identity: the path of the value file, or why the row stays.
    fn look(
        &mut self,
        connection: &Connection,
        row: &Row<'_>,
    ) -> Result<Result<Option<PathBuf>>, Failure> {
        let rules = &row.removal.rules;
        if let Some(why) = self.forbids(connection, rules)? {
            return Ok(Err(Stays::because(why)));
        }
        Ok(match which(row).look(connection)? {
            None => Err(gone()),
            Some(look) if !look.is(rules, &row.job.planned.fingerprint) => Err(changed()),
            Some(look) => Ok(look.file),
        })
    }

    fn forbids(
        &mut self,
        connection: &Connection,
        rules: &Arc<RowRules>,
    ) -> Result<Option<String>, Failure> {
        if let Some((_, why)) = self.0.iter().find(|(known, _)| Arc::ptr_eq(known, rules)) {
            return Ok(why.clone());
        }
        let why = rules.reaches_beyond(connection)?;
        self.0.push((Arc::clone(rules), why.clone()));
        Ok(why)
    }
}

fn which<'j>(row: &Row<'j>) -> Which<'j> {
    Which::planned(row.removal, &row.job.planned.fingerprint)
}

/// Takes rows until the transaction is old enough.
fn take_some<'j>(
    locked: &Locked<'_>,
    version: i64,
    left: &mut std::vec::IntoIter<Row<'j>>,
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
                Act::Clear => delete(connection, row, guards.as_mut())?,
                Act::Expire(_) => set_expiry(connection, row, guards.as_mut())?,
            };
        }
    }
    Ok(())
}

/// With `guards` somebody has written since the row was read, and it is compared again.
fn delete(
    connection: &Connection,
    row: &Row<'_>,
    guards: Option<&mut Guards>,
) -> Result<Result, Failure> {
    step("delete")?;
    let which = which(row);
    if let Some(guards) = guards {
        if let Err(stays) = guards.look(connection, row)? {
            return Ok(Err(stays));
        }
        if let Some(saved) = row.saved.first() {
            match which.load(connection)? {
                None => return Ok(Err(gone())),
                Some((_, now)) if !rows::is_same(&row.removal.rules, &saved.cells, &now) => {
                    return Ok(Err(changed()));
                }
                Some(_) => {}
            }
        }
    }
    if !which.delete(connection)? {
        return Ok(Err(gone()));
    }
    for dependent in &row.removal.rules.dependents {
        let value = row
            .saved
            .first()
            .and_then(|saved| saved.cells.get(dependent.of));
        if let Some(value) = value.filter(|value| **value != Cell::Null) {
            rows::delete_dependents(connection, dependent, value)?;
        }
    }
    Ok(Ok(()))
}

/// What is to be saved of a row that gets another expiry.
fn read_expiry(
    connection: &Connection,
    row: &mut Row<'_>,
    expires: Time,
) -> Result<Result, Failure> {
    let rules = &row.removal.rules;
    let table = &rules.table;
    let new = rules.expires.and_then(|expiry| {
        let column = table.columns.get(expiry.column)?;
        Some(expiry.form.write(expires, column))
    });
    let Some(new) = new else {
        return Ok(Err(Stays::because("its table keeps no expiry")));
    };
    let Some([old, stored]) = which(row).expiry(connection)? else {
        return Ok(Err(gone()));
    };
    row.saved = vec![SavedRow {
        n: row.job.n,
        part: 0,
        place: rows::expiry_place(&row.removal.database, table),
        rowid: which(row).rowid,
        cells: vec![old, new, stored],
    }];
    Ok(Ok(()))
}

/// As [`delete`], for a row that gets another expiry.
fn set_expiry(
    connection: &Connection,
    row: &Row<'_>,
    guards: Option<&mut Guards>,
) -> Result<Result, Failure> {
    step("update")?;
    if let Some(guards) = guards
        && let Err(stays) = guards.look(connection, row)?
    {
        return Ok(Err(stays));
    }
    let (which, now) = (which(row), which(row).expiry(connection)?);
    match (row.saved.first().map(|saved| &*saved.cells), now) {
        (Some([old, new, stored]), Some(now)) if [old, stored] == now.each_ref() => {
            which.set_expiry(connection, new)?;
            Ok(Ok(()))
        }
        (_, None) => Ok(Err(gone())),
        _ => Ok(Err(changed())),
    }
}

/// The row is out, so its file belongs to nobody now: where it cannot be moved it is an orphan.
fn move_file(file: &ValueFile, n: usize, dir: &Dir, to: To<'_>) {
    let moved = match to {
        To::Check => return,
        To::Shelf(shelf) => file.move_to(dir, &shelf.dir, n),
        To::Nowhere => file.free(dir),
    };
    if let Err(error) = moved {
        log::warn!("{}: {error}", dir.path().join(file.path()).display());
    }
}

fn step(step: &'static str) -> crate::Result<()> {
    disk::point(step).map_err(|e| Error::io("Cannot change the database", Path::new(""), e))
}

fn gone() -> Stays {
    Stays::because("it is gone already")
}

fn changed() -> Stays {
    super::seen::changed()
}

fn all_fail(rows: &[Row<'_>], error: &Error) -> Outcomes {
    rows.iter()
        .map(|row| (row.at, Err(Stays::of(error.repeated()))))
        .collect()
}

/// How many rows go at a time, and how long writers get between two batches.
struct Pace {
    rows: usize,
    /// How long the last lock was held, and when it was let go.
    last: Option<(Duration, Instant)>,
    /// The longest lock of this batch.
    longest: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            rows: ROWS.0,
            last: None,
            longest: Duration::ZERO,
        }
    }
}

impl Pace {
    /// Leaves writers as much time as was taken from them: SQLite has no queue, and they look only now and then.
    fn wait(&mut self) {
        if let Some((held, ended)) = self.last.take() {
            thread::sleep(held.min(LONG).saturating_sub(ended.elapsed()));
        }
    }

    fn note(&mut self, held: Duration) {
        self.last = Some((held, Instant::now()));
        self.longest = self.longest.max(held);
    }

    /// Adapts the size of batches to the last one, which had `n` rows.
    fn learn(&mut self, n: usize) {
        let longest = std::mem::take(&mut self.longest);
        if longest > LONG {
            self.rows = (n / 2).max(1);
        } else if longest < SHORT && n >= self.rows {
            self.rows = (self.rows * 2).min(ROWS.1);
        }
    }
}
