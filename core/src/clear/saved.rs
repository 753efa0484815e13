//! Rows (or keys) that are taken out of a file, kept whole in a database of our own on the shelf: the undo database.
//!
//! Each is saved and synced before it goes from its store. A batch that was saved may or may not have gone when
//! its owner ended: until it is marked gone its rows are *undecided*, and the store itself tells which it was.

use std::collections::BTreeSet;
use std::path::PathBuf;

use rusqlite::{Connection, OptionalExtension as _, Row, ToSql, params};

use super::disk;
use crate::source::{Dir, path_from_bytes};
use crate::sqlite::{self, Cell};
use crate::{Error, Result};

/// Its name on the shelf.
pub(super) const NAME: &str = "rows.sqlite";
/// The names that SQLite gives its own files beside it.
pub(super) const NAMES: [&str; 2] = [NAME, "rows.sqlite-journal"];

/// A row may not be larger: on its way it is held in memory three times, two of them by SQLite, whose memory is limited.
pub(super) const MAX_ROW_BYTES: u64 = 128 << 20;

/// Where rows of one kind were, and what their cells are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// The file, relative to the folder that paths of entries are relative to.
    pub(super) file: PathBuf,
    /// The table in it.
    pub(super) table: String,
    /// Names of the columns.
    pub(super) columns: Vec<String>,
}

/// One row.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct SavedRow {
    /// Number of its entry.
    pub(super) n: usize,
    /// 0 for the entry's own row; the others go with it.
    pub(super) part: usize,
    pub(super) place: Place,
    /// Its number in the table, where it has one.
    pub(super) rowid: Option<i64>,
    pub(super) cells: Vec<Cell>,
}

/// Numbers of the entries that rows are saved of.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Numbers {
    /// Certainly out of the store.
    pub(super) gone: BTreeSet<usize>,
    /// Out of it or not, as the store tells.
    pub(super) undecided: BTreeSet<usize>,
}

/// The undo database of one shelf.
#[derive(Debug)]
pub(super) struct Saved {
    connection: Connection,
    path: PathBuf,
    /// The batch saved last, if it is gone and not marked so yet.
    batch: Option<i64>,
    /// Entries that were saved and stayed in the store after all.
    stayed: Vec<usize>,
}

const SAVING: &str = "Cannot save the entries for undo";
const MARKING: &str = "Cannot mark what became of the entries that are held for undo";
const READING: &str = "Cannot read what was saved for undo";

impl Saved {
    /// A new one on a shelf of our own.
    ///
    /// # Errors
    /// If it cannot be made.
    pub(super) fn create(shelf: &Dir) -> Result<Self> {
        let path = shelf.path().join(NAME);
        let io = |e| Error::io(SAVING, &path, e);
        disk::create(shelf, NAME.as_ref()).map_err(io)?;
        let saved = Self::at(path.clone(), SAVING)?;
        saved.run(SAVING, |connection| {
            connection.execute_batch(
                "BEGIN; \
                 CREATE TABLE places (id INTEGER PRIMARY KEY, file BLOB, \"table\" TEXT, columns TEXT); \
                 CREATE TABLE batches (id INTEGER PRIMARY KEY, is_gone INTEGER); \
                 CREATE TABLE entries (n INTEGER PRIMARY KEY, batch INTEGER); \
                 COMMIT",
            )
        })?;
        disk::sync_dir(shelf).map_err(io)?;
        Ok(saved)
    }

    /// The one on a shelf, or none.
    ///
    /// # Errors
    /// If it is there and cannot be read.
    pub(super) fn find(shelf: &Dir) -> Result<Option<Self>> {
        match shelf.stat(NAME.as_ref()) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(Error::io(READING, shelf.path(), e)),
            Ok(_) => {}
        }
        let saved = Self::at(shelf.path().join(NAME), READING)?;
        // Made a moment before its maker ended: it holds nothing.
        let is_whole = saved.run(READING, |connection| {
            connection.query_row(
                "SELECT count(*) FROM sqlite_schema WHERE name = 'entries'",
                [],
                |row| row.get::<_, bool>(0),
            )
        })?;
        Ok(is_whole.then_some(saved))
    }

    fn at(path: PathBuf, what: &'static str) -> Result<Self> {
        let connection = sqlite::to_own(&path).map_err(|e| sqlite::explain_as(what, &e, &path))?;
        Ok(Self {
            connection,
            path,
            batch: None,
            stayed: Vec::new(),
        })
    }

    /// Saves a batch, on the disk when it returns. The batch before it is marked gone by the same step.
    ///
    /// # Errors
    /// If it cannot be written: then nothing of this batch is saved.
    pub(super) fn save<'r>(&mut self, rows: impl IntoIterator<Item = &'r SavedRow>) -> Result<()> {
        let stayed = std::mem::take(&mut self.stayed);
        let before = self.batch.take();
        let made = self.run(SAVING, |connection| {
            let change = connection.unchecked_transaction()?;
            mark(&change, before, &stayed)?;
            change.execute("INSERT INTO batches (is_gone) VALUES (0)", [])?;
            let batch = change.last_insert_rowid();
            let mut last: Option<(&Place, i64)> = None;
            for row in rows {
                if row.part == 0 {
                    change
                        .prepare_cached("INSERT INTO entries VALUES (?1, ?2)")?
                        .execute(params![sql_id(row.n), batch])?;
                }
                let place = match last {
                    Some((place, id)) if *place == row.place => id,
                    _ => place_id(&change, &row.place)?,
                };
                last = Some((&row.place, place));
                insert(&change, place, row)?;
            }
            change.commit()?;
            Ok(batch)
        });
        match made {
            Ok(batch) => {
                self.batch = Some(batch);
                Ok(())
            }
            Err(error) => {
                self.batch = before;
                self.stayed = stayed;
                Err(error)
            }
        }
    }

    /// An entry of the batch saved last is in its store still.
    pub(super) fn stays(&mut self, n: usize) {
        self.stayed.push(n);
    }

    /// Whether entries of the batch saved last are gone is not known: the store tells, when it is asked.
    pub(super) fn leave_undecided(&mut self) {
        self.batch = None;
    }

    /// Marks the last batch gone.
    ///
    /// # Errors
    /// If it cannot be written: its rows stay undecided.
    pub(super) fn finish(&mut self) -> Result<()> {
        let (batch, stayed) = (self.batch.take(), std::mem::take(&mut self.stayed));
        self.run(MARKING, |connection| {
            let change = connection.unchecked_transaction()?;
            mark(&change, batch, &stayed)?;
            change.commit()
        })
    }

    /// Which entries rows are saved of.
    ///
    /// # Errors
    /// If it cannot be read.
    pub(super) fn numbers(&self) -> Result<Numbers> {
        self.run(READING, |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT n, is_gone FROM entries JOIN batches ON batches.id = batch",
            )?;
            let mut rows = statement.query([])?;
            let mut numbers = Numbers::default();
            while let Some(row) = rows.next()? {
                let n = usize::try_from(row.get::<_, i64>(0)?).unwrap_or(usize::MAX);
                let set = if row.get(1)? {
                    &mut numbers.gone
                } else {
                    &mut numbers.undecided
                };
                set.insert(n);
            }
            Ok(numbers)
        })
    }

    /// Decides on what was undecided: these entries are out of the store, those are in it.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(super) fn decide(&self, in_store: &[usize]) -> Result<()> {
        self.run(MARKING, |connection| {
            let change = connection.unchecked_transaction()?;
            forget(&change, in_store)?;
            change.execute("UPDATE batches SET is_gone = 1", [])?;
            change.commit()
        })
    }

    /// The rows of one entry, its own first.
    ///
    /// # Errors
    /// If they cannot be read.
    pub(super) fn rows(&self, n: usize) -> Result<Vec<SavedRow>> {
        self.run(READING, |connection| {
            let mut found = Vec::new();
            for (id, place) in places(connection)? {
                let sql = format!("SELECT * FROM rows_{id} WHERE n = ?1");
                let mut statement = connection.prepare_cached(&sql)?;
                let mut rows = statement.query([sql_id(n)])?;
                while let Some(row) = rows.next()? {
                    found.push(saved_row(row, n, &place)?);
                }
            }
            found.sort_by_key(|row| row.part);
            Ok(found)
        })
    }

    /// Marks entries that are brought back next, on the disk when it returns.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(super) fn begin(&self, numbers: &[usize]) -> Result<()> {
        self.run(MARKING, |connection| {
            let change = connection.unchecked_transaction()?;
            change.execute_batch("CREATE TABLE IF NOT EXISTS begun (n INTEGER PRIMARY KEY)")?;
            for n in numbers {
                change
                    .prepare_cached("INSERT OR IGNORE INTO begun VALUES (?1)")?
                    .execute([sql_id(*n)])?;
            }
            change.commit()
        })
    }

    /// Entries that an undo before had begun to bring back: it may have been cut short behind its last step.
    ///
    /// # Errors
    /// If it cannot be read.
    pub(super) fn begun(&self) -> Result<BTreeSet<usize>> {
        self.run(READING, |connection| {
            let has_marks = "SELECT count(*) FROM sqlite_schema WHERE name = 'begun'";
            if !connection.query_row(has_marks, [], |row| row.get::<_, bool>(0))? {
                return Ok(BTreeSet::new());
            }
            let mut statement = connection.prepare("SELECT n FROM begun")?;
            let numbers = statement.query_map([], |row| row.get::<_, i64>(0))?;
            numbers
                .map(|n| Ok(usize::try_from(n?).unwrap_or(usize::MAX)))
                .collect()
        })
    }

    /// Lets go of entries that are back in the store.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(super) fn forget(&self, numbers: &[usize]) -> Result<()> {
        self.run(MARKING, |connection| {
            let change = connection.unchecked_transaction()?;
            forget(&change, numbers)?;
            change.commit()
        })
    }

    /// True if nothing is saved.
    ///
    /// # Errors
    /// If it cannot be read.
    pub(super) fn is_empty(&self) -> Result<bool> {
        self.run(READING, |connection| {
            connection.query_row("SELECT NOT EXISTS (SELECT 1 FROM entries)", [], |row| {
                row.get(0)
            })
        })
    }

    fn run<T>(
        &self,
        what: &'static str,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T> {
        if what != READING {
            disk::point("save").map_err(|e| Error::io(what, &self.path, e))?;
        }
        work(&self.connection).map_err(|e| sqlite::explain_as(what, &e, &self.path))
    }
}

fn mark(change: &Connection, batch: Option<i64>, stayed: &[usize]) -> rusqlite::Result<()> {
    forget(change, stayed)?;
    if let Some(batch) = batch {
        change.execute("UPDATE batches SET is_gone = 1 WHERE id = ?1", [batch])?;
    }
    Ok(())
}

fn forget(change: &Connection, numbers: &[usize]) -> rusqlite::Result<()> {
    if numbers.is_empty() {
        return Ok(());
    }
    let places = places(change)?;
    for n in numbers {
        for (id, _) in &places {
            let sql = format!("DELETE FROM rows_{id} WHERE n = ?1");
            change.prepare_cached(&sql)?.execute([sql_id(*n)])?;
        }
        change
            .prepare_cached("DELETE FROM entries WHERE n = ?1")?
            .execute([sql_id(*n)])?;
    }
    Ok(())
}

fn places(connection: &Connection) -> rusqlite::Result<Vec<(i64, Place)>> {
    let mut statement =
        connection.prepare_cached("SELECT id, file, \"table\", columns FROM places")?;
    let places = statement.query_map([], |row| {
        let file: Vec<u8> = row.get(1)?;
        let columns: String = row.get(3)?;
        let place = Place {
            file: path_from_bytes(&file),
            table: row.get(2)?,
            columns: serde_json::from_str(&columns).unwrap_or_default(),
        };
        Ok((row.get(0)?, place))
    })?;
    places.collect()
}

/// The number of a place; a new one gets a table, whose columns take every type as it comes.
fn place_id(change: &Connection, place: &Place) -> rusqlite::Result<i64> {
    let file = place.file.as_os_str().as_encoded_bytes();
    let columns = serde_json::to_string(&place.columns).unwrap_or_default();
    let known = change
        .prepare_cached(
            "SELECT id FROM places WHERE file = ?1 AND \"table\" = ?2 AND columns = ?3",
        )?
        .query_row(params![file, place.table, columns], |row| row.get(0))
        .optional()?;
    if let Some(id) = known {
        return Ok(id);
    }
    change.execute(
        "INSERT INTO places (file, \"table\", columns) VALUES (?1, ?2, ?3)",
        params![file, place.table, columns],
    )?;
    let id = change.last_insert_rowid();
    let cells: Vec<String> = (0..place.columns.len())
        .map(|c| format!(", c{c}"))
        .collect();
    let cells = cells.concat();
    change.execute_batch(&format!(
        "CREATE TABLE rows_{id} (n INTEGER, part INTEGER, at INTEGER{cells}, PRIMARY KEY (n, part))"
    ))?;
    Ok(id)
}

fn insert(change: &Connection, place: i64, row: &SavedRow) -> rusqlite::Result<()> {
    let marks = ", ?".repeat(row.cells.len());
    let sql = format!("INSERT INTO rows_{place} VALUES (?, ?, ?{marks})");
    let (n, part) = (sql_id(row.n), sql_id(row.part));
    let mut values: Vec<&dyn ToSql> = vec![&n, &part, &row.rowid];
    values.extend(row.cells.iter().map(|cell| cell as &dyn ToSql));
    change.prepare_cached(&sql)?.execute(&*values).map(|_| ())
}

fn saved_row(row: &Row<'_>, n: usize, place: &Place) -> rusqlite::Result<SavedRow> {
    let part: i64 = row.get(1)?;
    let cells = (0..place.columns.len()).map(|c| row.get_ref(c + 3).map(Cell::from));
    Ok(SavedRow {
        n,
        part: usize::try_from(part).unwrap_or(usize::MAX),
        place: place.clone(),
        rowid: row.get(2)?,
        cells: cells.collect::<rusqlite::Result<_>>()?,
    })
}

fn sql_id(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// True if a shelf has an undo database, whatever is in it.
pub(super) fn is_there(shelf: &Dir) -> bool {
    shelf.stat(NAME.as_ref()).is_ok()
}

/// Bytes that the undo database of a shelf takes; 0 where there is none.
pub(super) fn bytes(shelf: &Dir) -> u64 {
    shelf.stat(NAME.as_ref()).map_or(0, |m| m.size)
}
