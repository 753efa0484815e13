//! Saved rows: written back in short transactions, unless the program has stored them anew.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::super::apply::Stays;
use super::super::disk;
use super::super::insertion::{self, Put};
use super::super::journal::{Entry, part_name};
use super::super::pace::{Pace, Patience};
use super::super::plan::Act;
use super::super::rows::{self, Which};
use super::super::saved::SavedRow;
use super::super::value_file;
use super::held_rows::HeldRows;
use super::{Mechanism, Way};
use crate::Error;
use crate::source::Dir;
use crate::sqlite::{Changing, Failure, Table};
use crate::stores::{Removal, RowRemoval};

type Result<T = (), E = Stays> = std::result::Result<T, E>;

/// Entries that are let go of at a time: until then an undo that is cut short finds them in the store again.
const FORGOTTEN: usize = 1024;

/// The mechanism for [`Removal::Row`].
pub(super) struct Rows<'a> {
    held: HeldRows<'a>,
    open: BTreeMap<PathBuf, Changing>,
    /// Numbers of entries that are back in the store, and not let go of yet.
    back: Vec<usize>,
    /// Of those that only their number names, the ones that an undo before may have brought back; once it is asked for.
    begun: Option<BTreeSet<usize>>,
    /// How many rows are put back in one transaction.
    pace: Pace,
}

/// One entry on its way back.
struct Row<'e> {
    at: usize,
    entry: &'e Entry,
    removal: RowRemoval,
    saved: Vec<SavedRow>,
}

impl Mechanism for Rows<'_> {
    fn batch(&self, _n_held: usize) -> usize {
        self.pace.rows()
    }

    fn put(&mut self, entries: &[&Entry]) -> Vec<Result> {
        let mut outcomes: Vec<Result> = Vec::new();
        let mut databases: BTreeMap<PathBuf, Vec<Row<'_>>> = BTreeMap::new();
        for (at, entry) in entries.iter().enumerate() {
            match self.load(at, entry) {
                Ok(row) => {
                    outcomes.push(Ok(()));
                    let database = row.removal.database.clone();
                    databases.entry(database).or_default().push(row);
                }
                Err(error) => outcomes.push(Err(stays(error))),
            }
        }
        for (database, rows) in databases {
            let put = self.put_into(&database, &rows);
            for (row, outcome) in rows.iter().zip(put) {
                if let Some(place) = outcomes.get_mut(row.at) {
                    *place = outcome;
                }
            }
        }
        outcomes
    }

    fn sync(&mut self) -> io::Result<()> {
        self.forget();
        Ok(())
    }
}

impl<'a> Rows<'a> {
    pub(super) fn new(way: Way<'a>) -> Self {
        Self {
            held: HeldRows::new(way),
            open: BTreeMap::new(),
            back: Vec::new(),
            begun: None,
            pace: Pace::default(),
        }
    }

    fn load<'e>(&mut self, at: usize, entry: &'e Entry) -> crate::Result<Row<'e>> {
        let saved = self.held.rows(entry)?;
        let Removal::Row(removal) = self.held.removal(entry)? else {
            return Err(Error::damaged(
                "Cannot bring the entry back",
                "it is no row",
            ));
        };
        let is_clear = self.held.way.manifest.head.act.is_clear();
        for row in saved.iter().filter(|_| is_clear) {
            let table = table_of(&removal, row);
            if table.is_none_or(|t| rows::place(&row.place.file, t) != row.place) {
                let why = "its table has other columns now";
                return Err(Error::refused("Cannot bring the entry back", why));
            }
        }
        Ok(Row {
            at,
            entry,
            removal,
            saved,
        })
    }

    fn open(&mut self, database: &Path) -> crate::Result<Dir> {
        let folder = database.parent().unwrap_or(Path::new(""));
        let dir = self.held.folder(folder)?;
        if !self.open.contains_key(database) {
            let name = database.file_name().unwrap_or_default();
            let changing = Changing::open(&dir, name)?;
            // What stood there comes back, whatever is asked of new rows.
            changing.ignore_checks()?;
            self.open.insert(database.to_owned(), changing);
        }
        Ok(dir)
    }

    fn put_into(&mut self, database: &Path, rows: &[Row<'_>]) -> Vec<Result> {
        let patience = Patience::default();
        let tried = loop {
            match self.try_into(database, rows) {
                Err(error) if patience.is_left(&error) => {}
                tried => break tried,
            }
        };
        let outcomes = tried
            .unwrap_or_else(|error| rows.iter().map(|_| Err(stays(error.repeated()))).collect());
        let done = rows
            .iter()
            .zip(&outcomes)
            .filter(|(_, outcome)| outcome.is_ok());
        self.back.extend(done.map(|(row, _)| row.entry.n));
        if self.back.len() >= FORGOTTEN {
            self.forget();
        }
        outcomes
    }

    fn forget(&mut self) {
        let back = std::mem::take(&mut self.back);
        if !back.is_empty()
            && let Err(error) = self.held.forget(&back)
        {
            // They are in the store, and the next undo finds them there.
            log::warn!("{error}");
        }
    }

    fn try_into(&mut self, database: &Path, rows: &[Row<'_>]) -> crate::Result<Vec<Result>> {
        let dir = self.open(database)?;
        let Some(changing) = self.open.get(database) else {
            return Err(Error::not_found("Cannot open the database", "it is gone"));
        };
        if self.held.way.manifest.head.act.is_clear() {
            begin(&mut self.held, &mut self.begun, rows)?;
        }
        self.pace.wait();
        step("begin")?;
        let locked = changing.lock()?;
        let mut files = Files::default();
        let mut put = || -> Result<Vec<Result>, Failure> {
            let mut outcomes = Vec::new();
            for row in rows {
                step("insert")?;
                let connection = locked.connection();
                outcomes.push(match self.held.way.manifest.head.act {
                    Act::Clear => self.put_row(connection, row, &dir, &mut files)?,
                    Act::Expire(_) => put_expiry(connection, row)?,
                });
            }
            Ok(outcomes)
        };
        let done = put()
            .map_err(|failure| changing.explain_failure(failure))
            .and_then(|outcomes| {
                files.sync(&dir)?;
                step("commit")?;
                let held = locked.commit()?;
                self.pace.note(rows.len(), held);
                Ok(outcomes)
            });
        if done.is_err() {
            // The rows are not back, so their files are nobody's in the store.
            for (n, path) in files.of_new_rows {
                self.take_file_again(&dir, n, &path);
            }
        }
        done
    }

    /// The file first, so that the row never names one that is missing.
    fn put_row(
        &self,
        connection: &Connection,
        row: &Row<'_>,
        dir: &Dir,
        files: &mut Files,
    ) -> Result<Result, Failure> {
        let Some((own, others)) = row.saved.split_first() else {
            return Ok(Err(Stays::because("nothing is saved of it")));
        };
        let rules = &row.removal.rules;
        if let Some(why) = rules.reaches_beyond(connection)? {
            return Ok(Err(Stays::because(why)));
        }
        let by_key = Which {
            removal: &row.removal,
            rowid: None,
        };
        let by_number = Which {
            removal: &row.removal,
            rowid: own.rowid,
        };
        let file = rows::file_of(rules, &own.cells);
        let mut put_file = |is_taken: fn() -> Stays| match &file {
            Some(path) => self.put_file(dir, row.entry.n, path, files, is_taken),
            None => Ok(()),
        };
        let may_be_back = row.removal.at.is_of_columns()
            || self
                .begun
                .as_ref()
                .is_some_and(|begun| begun.contains(&row.entry.n));
        for which in [by_number, by_key].into_iter().filter(|_| may_be_back) {
            if let Some((_, now)) = which.load(connection)? {
                // Brought back already, by an undo that was cut short or with a backup, and its file perhaps not.
                if which.is_as_saved(&own.cells, &now) {
                    return Ok(put_file(is_whole));
                }
                if which.is_named() {
                    return Ok(Err(newer()));
                }
            }
        }
        if let Err(stays) = put_file(newer) {
            return Ok(Err(stays));
        }
        connection.execute_batch("SAVEPOINT entry")?;
        let put = insert_all(connection, row, own, others)?;
        if put.is_err() {
            connection.execute_batch("ROLLBACK TO entry")?;
        }
        connection.execute_batch("RELEASE entry")?;
        match (&put, file) {
            (Ok(()), Some(path)) => files.of_new_rows.push((row.entry.n, path)),
            (Err(_), Some(path)) => self.take_file_again(dir, row.entry.n, &path),
            (_, None) => {}
        }
        Ok(put)
    }

    /// Moves the value file back to where its row names it, or will.
    fn put_file(
        &self,
        dir: &Dir,
        n: usize,
        path: &Path,
        files: &mut Files,
        is_taken: fn() -> Stays,
    ) -> Result {
        match value_file::put_back(&self.held.way.shelf.dir, n, dir, path) {
            Ok(true) => {
                let folders = path.ancestors().skip(1).map(Path::to_owned);
                files.folders.extend(folders);
                Ok(())
            }
            // It was missing when the row was taken out, or an undo that was cut short brought it back.
            Ok(false) => Ok(()),
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Err(is_taken()),
            Err(e) => {
                let what = "Cannot bring the value file back";
                Err(stays(Error::io(what, &dir.path().join(path), e)))
            }
        }
    }

    fn take_file_again(&self, dir: &Dir, n: usize, path: &Path) {
        let held = part_name(n, false, 0);
        let moved = value_file::open(dir, path).and_then(|(folder, name)| {
            disk::rename(&folder, name, &self.held.way.shelf.dir, &held)
        });
        match moved {
            Ok(()) => value_file::prune(dir, path.parent().unwrap_or(Path::new("")), usize::MAX),
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            Err(e) => {
                let what =
                    "The value file of an entry that is still held cannot be moved aside again";
                let error = Error::io(what, &dir.path().join(path), e);
                log::warn!("{}", error.hint("The next undo finds it in its place"));
            }
        }
    }
}

/// Value files that were moved back in one transaction.
#[derive(Default)]
struct Files {
    /// Each with the number of its entry, of rows that are back only with the commit.
    of_new_rows: Vec<(usize, PathBuf)>,
    /// Folders below the database's own in which names came.
    folders: BTreeSet<PathBuf>,
}

impl Files {
    /// A row on the disk must find its file there: what is saved of it is thrown away next.
    fn sync(&self, dir: &Dir) -> crate::Result<()> {
        for folder in &self.folders {
            match dir.open_below(folder).and_then(|dir| disk::sync_dir(&dir)) {
                // Its one file could not stay, and it went with it.
                Err(e) if e.kind() == io::ErrorKind::NotFound => {}
                other => other.map_err(|e| {
                    Error::io("Cannot wait for the disk", &dir.path().join(folder), e)
                })?,
            }
        }
        Ok(())
    }
}

/// Marks the rows that only their number names before they are put back.
///
/// A row like one of them may stand under its number because the program's VACUUM has numbered the table anew; only where
/// an undo had begun before can it be the one that is held.
fn begin(
    held: &mut HeldRows<'_>,
    begun: &mut Option<BTreeSet<usize>>,
    rows: &[Row<'_>],
) -> crate::Result<()> {
    let only_numbered = rows.iter().filter(|row| !row.removal.at.is_of_columns());
    let numbers: Vec<usize> = only_numbered.map(|row| row.entry.n).collect();
    if numbers.is_empty() {
        return Ok(());
    }
    if begun.is_none() {
        *begun = Some(held.begun()?);
    }
    held.begin(&numbers)
}

/// Gives a row its old expiry back, if it has the new one still.
fn put_expiry(connection: &Connection, row: &Row<'_>) -> Result<Result, Failure> {
    let saved = row.saved.first().map(|saved| (saved.rowid, &*saved.cells));
    let Some((rowid, [old, new, stored])) = saved else {
        return Ok(Err(Stays::because("nothing is saved of it")));
    };
    let which = Which {
        removal: &row.removal,
        rowid,
    };
    if let Some(why) = row.removal.rules.reaches_beyond(connection)? {
        return Ok(Err(Stays::because(why)));
    }
    Ok(match which.expiry(connection)? {
        None => Err(Stays::because("it is gone")),
        Some(now) if [new, stored] == now.each_ref() => {
            which.set_expiry(connection, old)?;
            Ok(())
        }
        // Given back already, by an undo that was cut short.
        Some(now) if [old, stored] == now.each_ref() => Ok(()),
        Some(_) => Err(Stays::because("the program has changed it since")),
    })
}

fn insert_all(
    connection: &Connection,
    row: &Row<'_>,
    own: &SavedRow,
    others: &[SavedRow],
) -> Result<Result, Failure> {
    let rules = &row.removal.rules;
    let back = Which {
        removal: &row.removal,
        rowid: None,
    };
    if insertion::insert(connection, &rules.table, back.number(), own)? == Put::Taken {
        return Ok(Err(newer()));
    }
    if !rows::is_as_put(connection, back, &own.cells)? {
        let why = "its table would change the values, which are kept as they were";
        return Ok(Err(Stays::because(why)));
    }
    for other in others {
        if let Some(table) = table_of(&row.removal, other) {
            // A newer one in its place is as good.
            insertion::insert(connection, table, None, other)?;
        }
    }
    Ok(Ok(()))
}

/// The table that a saved row belongs to, as it is now.
fn table_of<'r>(removal: &'r RowRemoval, saved: &SavedRow) -> Option<&'r Table> {
    let rules = &removal.rules;
    if saved.part == 0 {
        return Some(&rules.table);
    }
    let mut tables = rules.dependents.iter().map(|d| &*d.table);
    tables.find(|table| table.name == saved.place.table)
}

fn newer() -> Stays {
    Stays::because("the program has stored a newer one since")
}

/// Both came with a backup of the whole folder, say.
fn is_whole() -> Stays {
    Stays::because(
        "it is in the cache again, with a value file of its own: `purge` frees the one that is held",
    )
}

fn step(step: &'static str) -> crate::Result<()> {
    disk::point(step).map_err(|e| Error::io("Cannot change the database", Path::new(""), e))
}

/// Why an entry stays held.
fn stays(error: Error) -> Stays {
    if error.is_refused() || error.is_not_found() {
        Stays::because(error.message())
    } else {
        Stays::Failed(error.hint("It is still held aside"))
    }
}
