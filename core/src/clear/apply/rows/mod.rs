//! Rows of SQLite databases: saved whole, then taken out in short transactions that a program at work hardly notices.
//!
//! A batch is read and saved before the write lock is taken. Under the lock each row is compared once more, unless
//! SQLite tells that nobody has written meanwhile. The value file of a row, where it has one, follows once the row
//! is certainly out.

mod batch;
mod databases;
mod row;
mod shared;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::super::disk;
use super::super::journal::{self, By};
use super::super::pace::{self, Pace};
use super::super::plan::Act;
use super::super::saved::Saved;
use super::foresee::Foreseen;
use super::strays::Strays;
use super::{Job, Mechanism, Site, Stays, To};
use crate::Error;
use crate::sqlite::{Changing, Failure};
use crate::stores::RowRules;
use databases::Databases;
use row::{Guards, Row};
use shared::SharedFiles;

type Result<T = (), E = Stays> = std::result::Result<T, E>;

/// Rows and bytes, as planned, that are read and saved at a time; one transaction takes fewer, see [`Pace`].
const BATCH_ROWS: usize = 2 * pace::MOST;
const BATCH_BYTES: u64 = 8 << 20;

/// The mechanism for [`crate::stores::Removal::Row`].
pub(super) struct Rows<'a> {
    site: &'a Site,
    act: Act,
    databases: Databases<'a>,
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

    fn batch(&self, _n_planned: usize) -> usize {
        BATCH_ROWS
    }

    fn pin(&mut self, jobs: &[Job<'_>]) -> Vec<Option<u64>> {
        let mut pins = vec![None; jobs.len()];
        for (database, mut rows) in by_database(jobs) {
            let needs_pin = |rules: &RowRules| rules.stored.is_none() || rules.file.is_some();
            rows.retain(|row| needs_pin(&row.removal.rules));
            let Ok((dir, _)) = self.databases.place(database) else {
                continue;
            };
            let place = (&dir, self.site.dev);
            if rows.is_empty() {
                continue;
            }
            let found = self.databases.view(database, |connection| {
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
            let asked = self.databases.view(database, |connection| {
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
            databases: Databases::new(site, act),
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
        let dir = match self.databases.place(database) {
            Ok((dir, _)) => dir,
            Err(error) => return all_fail(rows, &error),
        };
        let place = (&dir, self.site.dev);
        let looked = self.databases.view(database, |connection| {
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
            None => self
                .databases
                .view(database, |connection| shared::page(connection, rules, from)),
        })?;
        let found = Arc::new(found);
        self.shared.insert(database.clone(), Arc::clone(&found));
        Ok(found)
    }
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
