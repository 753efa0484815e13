//! One row on its way out: compared with what was planned, then deleted or given another expiry.

use std::path::PathBuf;
use std::sync::Arc;

use rusqlite::Connection;

use super::super::super::insertion;
use super::super::super::plan::Act;
use super::super::super::rows::{self, Look, Which};
use super::super::super::saved::{MAX_ROW_BYTES, SavedRow};
use super::super::super::value_file::ValueFile;
use super::super::seen::changed;
use super::super::{Job, Stays};
use super::{Result, step};
use crate::model::Time;
use crate::source::Dir;
use crate::sqlite::{Cell, Failure};
use crate::stores::{Removal, RowRemoval, RowRules};

/// One row of a batch.
pub(super) struct Row<'j> {
    /// Its place in the batch.
    pub(super) at: usize,
    pub(super) job: &'j Job<'j>,
    pub(super) removal: &'j RowRemoval,
    /// The row and what goes with it, where they are saved.
    pub(super) saved: Vec<SavedRow>,
    pub(super) file: Option<ValueFile>,
}

/// What else changes to tables would set off and whether undo could put rows back, asked once a transaction.
#[derive(Default)]
pub(super) struct Guards {
    beyond: Answers,
    back: Answers,
}

/// Why rows of a table stay, if they do.
#[derive(Default)]
struct Answers(Vec<(Arc<RowRules>, Option<String>)>);

impl Answers {
    fn get(
        &mut self,
        rules: &Arc<RowRules>,
        ask: impl FnOnce() -> Result<Option<String>, Failure>,
    ) -> Result<Option<String>, Failure> {
        let known = self.0.iter().find(|(known, _)| Arc::ptr_eq(known, rules));
        if let Some((_, why)) = known {
            return Ok(why.clone());
        }
        let why = ask()?;
        self.0.push((Arc::clone(rules), why.clone()));
        Ok(why)
    }
}

impl Guards {
    /// Refuses a row that undo could not put back.
    pub(super) fn come_back(
        &mut self,
        connection: &Connection,
        row: &Row<'_>,
    ) -> Result<Result, Failure> {
        let why = self.no_return(connection, row)?;
        Ok(why.map_or(Ok(()), |why| {
            Err(Stays::because(format!(
                "its table would not take it back ({why}), so that undo could not bring it back: --permanent clears it \
                 without undo"
            )))
        }))
    }

    /// What SQLite says against putting a row back, if anything.
    pub(super) fn no_return(
        &mut self,
        connection: &Connection,
        row: &Row<'_>,
    ) -> Result<Option<String>, Failure> {
        let rules = &row.removal.rules;
        self.back
            .get(rules, || insertion::cannot_come_back(connection, rules))
    }

    /// The check of identity: the path of the value file, or why the row stays.
    pub(super) fn look(
        &mut self,
        connection: &Connection,
        row: &Row<'_>,
    ) -> Result<Result<Option<PathBuf>>, Failure> {
        let rules = &row.removal.rules;
        let beyond = self.beyond.get(rules, || rules.reaches_beyond(connection));
        if let Some(why) = beyond? {
            return Ok(Err(Stays::because(why)));
        }
        Ok(match row.which().look(connection)? {
            None => Err(gone()),
            Some(look) if !look.is(rules, &row.job.planned.fingerprint) => Err(changed()),
            // The values themselves, where neither a time nor a size would tell.
            Some(_) if !row.is_pinned(connection)? => Err(changed()),
            Some(look) => look.file.map_err(Stays::because),
        })
    }
}

impl<'j> Row<'j> {
    /// The row that a job is about, if it is about one.
    pub(super) fn of((at, job): (usize, &'j Job<'j>)) -> Option<Self> {
        let Removal::Row(removal) = &job.removal else {
            return None;
        };
        Some(Self {
            at,
            job,
            removal,
            saved: Vec::new(),
            file: None,
        })
    }

    fn which(&self) -> Which<'j> {
        Which::planned(self.removal, &self.job.planned.fingerprint)
    }

    /// A hash of what nothing else would tell to be another: the value file, or the cells of a row without a time.
    ///
    /// `None` where the row is gone, or its time says enough.
    pub(super) fn pin(
        &self,
        connection: &Connection,
        place: (&Dir, u64),
    ) -> Result<Option<u64>, Failure> {
        let rules = &self.removal.rules;
        if rules.file.is_some() {
            let look = self.which().look(connection)?;
            // What is no plain file is refused when it is looked at again.
            let pin = |look: Look| {
                Some(ValueFile::pin(
                    file_at(place, look.file.ok()?).ok()?.as_ref(),
                ))
            };
            return Ok(look.and_then(pin));
        }
        if rules.stored.is_some() {
            return Ok(None);
        }
        self.digest(connection)
    }

    fn digest(&self, connection: &Connection) -> Result<Option<u64>, Failure> {
        // As large as rows are read at all.
        if self.job.planned.bytes > MAX_ROW_BYTES {
            return Ok(None);
        }
        let found = self.which().load(connection)?;
        Ok(found.map(|(_, cells)| rows::digest(&self.removal.rules, &cells)))
    }

    /// True if its cells are what they were when it was planned, as far as that was remembered.
    fn is_pinned(&self, connection: &Connection) -> Result<bool, Failure> {
        match self.job.planned.content {
            Some(content) if self.removal.rules.file.is_none() => {
                Ok(self.digest(connection)? == Some(content))
            }
            _ => Ok(true),
        }
    }

    /// Its value file, if it is the one that was planned.
    pub(super) fn file(
        &self,
        place: (&Dir, u64),
        path: Option<PathBuf>,
    ) -> Result<Option<ValueFile>> {
        let file = file_at(place, path)?;
        let pin = self.job.planned.content;
        let is_file = self.removal.rules.file.is_some();
        if is_file && pin.is_some_and(|pin| pin != ValueFile::pin(file.as_ref())) {
            return Err(changed());
        }
        Ok(file)
    }

    /// Reads what undo has to know of it, and what goes with it; `look` is what [`Guards::look`] said.
    pub(super) fn read(
        &mut self,
        connection: &Connection,
        place: (&Dir, u64),
        act: Act,
        look: Result<Option<PathBuf>>,
        is_saved: bool,
    ) -> Result<Result, Failure> {
        let file = match look {
            Ok(file) => file,
            Err(stays) => return Ok(Err(stays)),
        };
        if let Act::Expire(expires) = act {
            return self.read_expiry(connection, expires);
        }
        match self.file(place, file) {
            Ok(file) => self.file = file,
            Err(stays) => return Ok(Err(stays)),
        }
        if !is_saved && self.removal.rules.dependents.is_empty() {
            return Ok(Ok(()));
        }
        let Some((rowid, cells)) = self.which().load(connection)? else {
            return Ok(Err(gone()));
        };
        let saved = |part, table, (rowid, cells)| SavedRow {
            n: self.job.n,
            part,
            place: rows::place(&self.removal.database, table),
            rowid,
            cells,
        };
        let mut all = Vec::new();
        for dependent in &self.removal.rules.dependents {
            for found in rows::dependents(connection, dependent, &cells)? {
                all.push(saved(all.len() + 1, &dependent.table, found));
            }
        }
        all.insert(0, saved(0, &self.removal.rules.table, (rowid, cells)));
        if is_saved && let Err(error) = rows::check_size(&all) {
            return Ok(Err(Stays::Failed(error)));
        }
        self.saved = all;
        Ok(Ok(()))
    }

    /// With `guards` somebody has written since the row was read, and it is compared again.
    pub(super) fn delete(
        &self,
        connection: &Connection,
        guards: Option<&mut Guards>,
    ) -> Result<Result, Failure> {
        step("delete")?;
        let which = self.which();
        if let Some(guards) = guards {
            if let Err(stays) = guards.look(connection, self)? {
                return Ok(Err(stays));
            }
            if let Some(saved) = self.saved.first() {
                match which.load(connection)? {
                    None => return Ok(Err(gone())),
                    Some((_, now)) if !rows::is_same(&self.removal.rules, &saved.cells, &now) => {
                        return Ok(Err(changed()));
                    }
                    Some(_) => {}
                }
            }
        }
        if !which.delete(connection)? {
            return Ok(Err(gone()));
        }
        for dependent in &self.removal.rules.dependents {
            let value = self
                .saved
                .first()
                .and_then(|saved| saved.cells.get(dependent.of));
            if let Some(value) = value.filter(|value| **value != Cell::Null) {
                rows::delete_dependents(connection, dependent, value)?;
            }
        }
        Ok(Ok(()))
    }

    /// True if what was to become of it is so.
    pub(super) fn is_done(&self, connection: &Connection, act: Act) -> Result<bool, Failure> {
        if act.is_clear() {
            return Ok(self.which().look(connection)?.is_none());
        }
        let new = self.saved.first().and_then(|saved| saved.cells.get(1));
        let now = self.which().expiry(connection)?;
        Ok(now.is_some_and(|[expires, _]| Some(&expires) == new))
    }

    /// What is to be saved of a row that gets another expiry.
    fn read_expiry(&mut self, connection: &Connection, expires: Time) -> Result<Result, Failure> {
        let rules = &self.removal.rules;
        let table = &rules.table;
        let new = rules.expires.and_then(|expiry| {
            let column = table.columns.get(expiry.column)?;
            Some(expiry.form.write(expires, column))
        });
        let Some(new) = new else {
            return Ok(Err(Stays::because("its table keeps no expiry")));
        };
        let Some([old, stored]) = self.which().expiry(connection)? else {
            return Ok(Err(gone()));
        };
        self.saved = vec![SavedRow {
            n: self.job.n,
            part: 0,
            place: rows::expiry_place(&self.removal.database, table),
            rowid: self.which().rowid,
            cells: vec![old, new, stored],
        }];
        Ok(Ok(()))
    }

    /// As [`Row::delete`], for a row that gets another expiry.
    pub(super) fn set_expiry(
        &self,
        connection: &Connection,
        guards: Option<&mut Guards>,
    ) -> Result<Result, Failure> {
        step("update")?;
        if let Some(guards) = guards
            && let Err(stays) = guards.look(connection, self)?
        {
            return Ok(Err(stays));
        }
        let (which, now) = (self.which(), self.which().expiry(connection)?);
        match (self.saved.first().map(|saved| &*saved.cells), now) {
            (Some([old, new, stored]), Some(now)) if [old, stored] == now.each_ref() => {
                which.set_expiry(connection, new)?;
                Ok(Ok(()))
            }
            (_, None) => Ok(Err(gone())),
            _ => Ok(Err(changed())),
        }
    }
}

fn file_at((dir, dev): (&Dir, u64), path: Option<PathBuf>) -> Result<Option<ValueFile>> {
    let file = path.map(|path| ValueFile::look(dir, &path, dev));
    Ok(file.transpose()?.flatten())
}

fn gone() -> Stays {
    Stays::because("it is gone already")
}
