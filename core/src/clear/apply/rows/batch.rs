//! One batch of rows: read and saved, then taken out in transactions that end before others notice them.

use std::collections::VecDeque;
use std::path::Path;
use std::time::Duration;

use super::super::super::journal;
use super::super::super::pace::Patience;
use super::super::super::plan::Act;
use super::super::super::quarantine::{Purpose, Shelf};
use super::super::super::saved::Saved;
use super::super::super::value_file::{Moved, ValueFile};
use super::super::{Stays, To, UNCONFIRMED};
use super::row::{Guards, Row};
use super::{Outcomes, Result, Rows, all_fail, fails, step};
use crate::Error;
use crate::source::Dir;
use crate::sqlite::{Changing, Failure, Locked};

/// A transaction ends behind the row at which it is as old as this; the commit comes on top.
const SLICE: Duration = Duration::from_millis(50);

/// An open database, and where goes what leaves it.
#[derive(Clone, Copy)]
struct Way<'b> {
    changing: &'b Changing,
    dir: &'b Dir,
    to: To<'b>,
}

/// Rows whose transaction failed, and why.
type Failed<'j> = (Vec<Row<'j>>, Error);

impl Rows<'_> {
    /// Checks rows of one database and takes them out.
    pub(super) fn take_batch(
        &mut self,
        database: &Path,
        mut batch: Vec<Row<'_>>,
        to: To<'_>,
    ) -> Outcomes {
        if let Some(error) = self.given_up.get(database) {
            return all_fail(&batch, error);
        }
        let (dir, changing) = match self.databases.open(database) {
            Ok(opened) => opened,
            Err(error) => {
                let outcomes = all_fail(&batch, &error);
                self.given_up.insert(database.to_owned(), error);
                return outcomes;
            }
        };
        let way = Way {
            changing: &changing,
            dir: &dir,
            to,
        };
        let mut outcomes = Outcomes::new();
        let failed = match self.prepare(way, &mut batch, &mut outcomes) {
            Ok(version) => self.take_slices(database, way, version, batch, &mut outcomes),
            Err(error) => {
                outcomes.extend(all_fail(&batch, &error));
                None
            }
        };
        match failed {
            Some((rows, error)) => {
                drop(changing);
                outcomes.extend(self.ended(database, rows, &error, to));
            }
            None => self.databases.keep(database, changing),
        }
        outcomes
    }

    /// Drops the rows that stay, and saves the others; the version of the database that they were read from.
    fn prepare(
        &mut self,
        way: Way<'_>,
        batch: &mut Vec<Row<'_>>,
        outcomes: &mut Outcomes,
    ) -> crate::Result<i64> {
        let shelf = match way.to {
            To::Shelf(shelf) if shelf.purpose == Purpose::Undo => Some(shelf),
            _ => None,
        };
        let version = self.read(way, batch, shelf.is_some(), outcomes)?;
        self.drop_shared(way.changing, batch, outcomes)?;
        self.save(shelf, batch)?;
        Ok(version)
    }

    /// Takes rows out, a transaction after the other, until none is left or one fails for good.
    fn take_slices<'j>(
        &mut self,
        database: &Path,
        way: Way<'_>,
        version: i64,
        batch: Vec<Row<'j>>,
        outcomes: &mut Outcomes,
    ) -> Option<Failed<'j>> {
        let mut left = VecDeque::from(batch);
        let mut patience = Patience::default();
        while !left.is_empty() {
            self.pace.wait();
            match self.slice(way, version, &mut left) {
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
                    if failed.is_empty() || error.is_locked() {
                        // Each further batch would wait for the lock as long, and in vain.
                        self.given_up.insert(database.to_owned(), error.repeated());
                    }
                    return (!failed.is_empty()).then_some((failed, error));
                }
            }
        }
        None
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

    /// Drops the rows that are not what was planned, and reads the others whole.
    fn read(
        &self,
        way: Way<'_>,
        batch: &mut Vec<Row<'_>>,
        is_saved: bool,
        outcomes: &mut Outcomes,
    ) -> crate::Result<i64> {
        let (version, read) = way.changing.read(|connection| {
            let version = Changing::version(connection)?;
            let (mut guards, mut read) = (Guards::default(), Vec::new());
            for row in batch.iter_mut() {
                let mut look = guards.look(connection, row)?;
                if is_saved && self.act.is_clear() && look.is_ok() {
                    look = guards.come_back(connection, row)?.and(look);
                }
                let place = (way.dir, self.site.dev);
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
        way: Way<'_>,
        version: i64,
        left: &mut VecDeque<Row<'j>>,
    ) -> Result<Outcomes, Failed<'j>> {
        let mut tried: Vec<(Row<'j>, Result)> = Vec::new();
        let (locked, deleted);
        {
            let begun = step("begin").and_then(|()| way.changing.lock());
            locked = begun.map_err(|e| (Vec::new(), e))?;
            let mut next = std::iter::from_fn(|| left.pop_front()).take(self.pace.rows());
            deleted = take_some(&locked, version, &mut next, &mut tried, self.act);
        }
        let committed = deleted
            .map_err(|failure| way.changing.explain_failure(failure))
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
                (Ok(()), Some(file)) => self.move_file(file, &row, way.dir, way.to),
                (Ok(()), None) => {}
                (Err(_), _) => self.stays(&row),
            }
            outcomes.push((row.at, outcome));
        }
        Ok(outcomes)
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
        let Ok((dir, changing)) = self.databases.open(database) else {
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
        self.databases.keep(database, changing);
        outcomes
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
}

fn without_undo(error: Error) -> Error {
    error.hint("--permanent clears without undo")
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
