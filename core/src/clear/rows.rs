//! One row in SQL: found again, compared with what was planned, read whole, put back value for value.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension as _, ToSql};
use xxhash_rust::xxh3::Xxh3;

use super::saved::{MAX_ROW_BYTES, Place, SavedRow};
use crate::Error;
use crate::model::{Fingerprint, Time, text};
use crate::source::path_from_bytes;
use crate::sqlite::{Cell, Failure, Handle, RowAt, Table, quote};
use crate::stores::{Dependent, RowRemoval, RowRules};

type Result<T, E = Failure> = std::result::Result<T, E>;

/// A row of a table, by its key and its number.
#[derive(Debug, Clone, Copy)]
pub(super) struct Which<'r> {
    pub(super) removal: &'r RowRemoval,
    /// `None` where the table has none.
    pub(super) rowid: Option<i64>,
}

/// What of a row says whether it is the one that was planned, and where its value file is.
#[derive(Debug)]
pub(super) struct Look {
    size: Option<i64>,
    stored: Option<Time>,
    /// The path of its value file, or why the row stays.
    pub(super) file: Result<Option<PathBuf>, &'static str>,
}

impl<'r> Which<'r> {
    /// The row that a plan means.
    pub(super) fn planned(removal: &'r RowRemoval, fingerprint: &Fingerprint) -> Self {
        let has_rowid = matches!(removal.rules.table.handle, Handle::Rowid(_));
        Self {
            removal,
            rowid: has_rowid.then(|| fingerprint.ident.cast_signed()),
        }
    }

    fn rules(&self) -> &'r RowRules {
        &self.removal.rules
    }

    fn table(&self) -> &'r Table {
        &self.rules().table
    }

    /// The condition that finds it, and what is bound to it.
    fn condition(&self) -> (String, Vec<Cell>) {
        let (condition, mut cells) = self.removal.at.condition(self.table());
        match (self.rowid, alias(self.table()), &self.removal.at) {
            (Some(rowid), Some(alias), RowAt::Columns(_)) => {
                cells.push(Cell::Integer(rowid));
                (format!("{condition} AND {alias} = ?"), cells)
            }
            _ => (condition, cells),
        }
    }

    /// Looks at the row; `None` if it is gone.
    pub(super) fn look(&self, connection: &Connection) -> Result<Option<Look>> {
        let rules = self.rules();
        let column = |at: Option<usize>| at.map_or("NULL".to_owned(), |c| self.table().quoted(c));
        let select = [
            rules.size.clone().unwrap_or_else(|| "NULL".to_owned()),
            column(rules.stored.map(|(c, _)| c)),
            column(rules.file.map(|files| files.column)),
        ];
        let (condition, cells) = self.condition();
        let sql = format!(
            "SELECT {} FROM {} {condition}",
            select.join(", "),
            quote(&self.table().name)
        );
        let mut statement = connection.prepare_cached(&sql)?;
        let look = statement.query_row(&*bound(&cells), |row| {
            let stored = Cell::from(row.get_ref(1)?);
            Ok(Look {
                size: row.get(0)?,
                stored: rules.stored.and_then(|(_, form)| form.read(&stored)),
                file: own_file(rules, &Cell::from(row.get_ref(2)?)),
            })
        });
        Ok(look.optional()?)
    }

    /// The row with all its cells; `None` if it is gone.
    pub(super) fn load(&self, connection: &Connection) -> Result<Option<(Option<i64>, Vec<Cell>)>> {
        let (condition, cells) = self.condition();
        Ok(load_all(connection, self.table(), &condition, &cells)?.pop())
    }

    /// When it expires, as the table keeps it, and when it was stored; `None` if it is gone.
    pub(super) fn expiry(&self, connection: &Connection) -> Result<Option<[Cell; 2]>> {
        let rules = self.rules();
        let column = |at: Option<usize>| at.map_or("NULL".to_owned(), |c| self.table().quoted(c));
        let (condition, cells) = self.condition();
        let sql = format!(
            "SELECT {}, {} FROM {} {condition}",
            column(rules.expires.map(|expiry| expiry.column)),
            column(rules.stored.map(|(c, _)| c)),
            quote(&self.table().name)
        );
        let mut statement = connection.prepare_cached(&sql)?;
        let cells = statement.query_row(&*bound(&cells), |row| {
            Ok([row.get_ref(0)?.into(), row.get_ref(1)?.into()])
        });
        Ok(cells.optional()?)
    }

    /// Gives the row another expiry.
    pub(super) fn set_expiry(&self, connection: &Connection, expires: &Cell) -> Result<()> {
        let Some(expiry) = self.rules().expires else {
            return Ok(());
        };
        let (condition, mut cells) = self.condition();
        let sql = format!(
            "UPDATE {} SET {} = ? {condition}",
            quote(&self.table().name),
            self.table().quoted(expiry.column)
        );
        cells.insert(0, expires.clone());
        connection.prepare_cached(&sql)?.execute(&*bound(&cells))?;
        Ok(())
    }

    /// True if its own key or its number says that it is this row and no other.
    pub(super) fn is_named(&self) -> bool {
        self.removal.at.is_of_columns() && self.rowid.is_none()
    }

    /// The column that holds nothing but the row's number, where others name the entry: diskcache's `rowid`. The row may
    /// come back under another number. It is an `INTEGER PRIMARY KEY` (<https://sqlite.org/lang_createtable.html#rowid>).
    pub(super) fn number(&self) -> Option<usize> {
        let (RowAt::Columns(named), Handle::Rowid(_), [column]) = (
            &self.removal.at,
            &self.table().handle,
            &*self.table().primary_key,
        ) else {
            return None;
        };
        let declared = &self.table().columns.get(*column)?.declared;
        let is_meant = named.iter().any(|(at, _)| at == column)
            || self.rules().dependents.iter().any(|d| d.of == *column);
        (declared.eq_ignore_ascii_case("integer") && !is_meant).then_some(*column)
    }

    /// True if the row, as it is `now`, is the one that was saved, whatever its number.
    pub(super) fn is_as_saved(&self, saved: &[Cell], now: &[Cell]) -> bool {
        is_same_but(self.rules(), self.number(), saved, now)
    }

    /// Takes the row out; false if it is not there.
    pub(super) fn delete(&self, connection: &Connection) -> Result<bool> {
        let (condition, cells) = self.condition();
        let sql = format!("DELETE FROM {} {condition}", quote(&self.table().name));
        Ok(connection.prepare_cached(&sql)?.execute(&*bound(&cells))? > 0)
    }
}

impl Look {
    /// True if it is what was planned.
    pub(super) fn is(&self, rules: &RowRules, planned: &Fingerprint) -> bool {
        let time = self.stored.map_or(0, Time::packed);
        let is_size = rules.size.is_none()
            || self.size.and_then(|n| u64::try_from(n).ok()) == Some(planned.size);
        is_size && (rules.stored.is_none() || time == planned.modified)
    }
}

/// The file that a row names, where the library itself can have named it.
fn own_file(rules: &RowRules, cell: &Cell) -> Result<Option<PathBuf>, &'static str> {
    match (&rules.file, cell) {
        (None, _) | (_, Cell::Null) => Ok(None),
        (Some(files), Cell::Text(name) | Cell::Blob(name)) if (files.is_own)(name) => {
            Ok(plain_path(name))
        }
        _ => Err(
            "it names a file that is none of the cache's value files, and may be somebody's own",
        ),
    }
}

/// A path below the store, in plain names; anything else is no file of the store's.
fn plain_path(name: &[u8]) -> Option<PathBuf> {
    let path = path_from_bytes(name);
    let is_plain = !name.is_empty()
        && !name.contains(&0)
        && path
            .components()
            .all(|part| matches!(part, std::path::Component::Normal(_)));
    is_plain.then_some(path)
}

/// The value file that a saved row names.
pub(super) fn file_of(rules: &RowRules, cells: &[Cell]) -> Option<PathBuf> {
    match cells.get(rules.file?.column)? {
        Cell::Text(name) | Cell::Blob(name) => plain_path(name),
        _ => None,
    }
}

/// Rows that go with an entry's row, with all their cells.
pub(super) fn dependents(
    connection: &Connection,
    dependent: &Dependent,
    cells: &[Cell],
) -> Result<Vec<(Option<i64>, Vec<Cell>)>> {
    let Some(value) = cells.get(dependent.of) else {
        return Ok(Vec::new());
    };
    let condition = format!("WHERE {} IS ?", dependent.table.quoted(dependent.column));
    load_all(
        connection,
        &dependent.table,
        &condition,
        std::slice::from_ref(value),
    )
}

/// True if the row that was put in last came out as it went in.
pub(super) fn is_as_put(connection: &Connection, which: Which<'_>, cells: &[Cell]) -> Result<bool> {
    let now = match alias(which.table()) {
        Some(alias) => {
            let rowid = Cell::Integer(connection.last_insert_rowid());
            let condition = format!("WHERE {alias} = ?");
            load_all(connection, which.table(), &condition, &[rowid])?.pop()
        }
        None => which.load(connection)?,
    };
    let Some((rowid, now)) = now else {
        return Ok(false);
    };
    let number = which.number().map(|column| now.get(column));
    let is_numbered = number.is_none_or(|cell| cell == rowid.map(Cell::Integer).as_ref());
    Ok(is_numbered && which.is_as_saved(cells, &now))
}

/// Takes out the rows that go with an entry's row; those that came since go too, as their entry is gone.
pub(super) fn delete_dependents(
    connection: &Connection,
    dependent: &Dependent,
    value: &Cell,
) -> Result<()> {
    let sql = format!(
        "DELETE FROM {} WHERE {} IS ?",
        quote(&dependent.table.name),
        dependent.table.quoted(dependent.column)
    );
    connection.prepare_cached(&sql)?.execute([value])?;
    Ok(())
}

fn load_all(
    connection: &Connection,
    table: &Table,
    condition: &str,
    cells: &[Cell],
) -> Result<Vec<(Option<i64>, Vec<Cell>)>> {
    let columns: Vec<String> = (0..table.columns.len()).map(|c| table.quoted(c)).collect();
    let sql = format!(
        "SELECT {}, {} FROM {} {condition}",
        alias(table).unwrap_or("NULL"),
        columns.join(", "),
        quote(&table.name)
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query(&*bound(cells))?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let cells = (0..columns.len()).map(|c| row.get_ref(c + 1).map(Cell::from));
        let cells: Vec<Cell> = cells.collect::<rusqlite::Result<_>>()?;
        found.push((row.get(0)?, cells));
    }
    Ok(found)
}

/// Where rows of a table are saved under.
pub(super) fn place(file: &Path, table: &Table) -> Place {
    Place {
        file: file.to_owned(),
        table: table.name.clone(),
        columns: table.columns.iter().map(|c| c.name.clone()).collect(),
    }
}

/// What is saved of a row that is given another expiry: the old one, the new one, and when it was stored.
pub(super) fn expiry_place(file: &Path, table: &Table) -> Place {
    Place {
        file: file.to_owned(),
        table: table.name.clone(),
        columns: ["old expiry", "new expiry", "stored"]
            .map(str::to_owned)
            .to_vec(),
    }
}

/// Bytes of the cells.
fn bytes_of(cells: &[Cell]) -> u64 {
    let bytes = |cell: &Cell| match cell {
        Cell::Text(bytes) | Cell::Blob(bytes) => bytes.len() as u64,
        _ => 8,
    };
    cells.iter().map(bytes).sum()
}

/// Refuses what is too large to be saved.
pub(super) fn check_size(rows: &[SavedRow]) -> std::result::Result<(), Error> {
    let bytes: u64 = rows.iter().map(|row| bytes_of(&row.cells)).sum();
    if bytes <= MAX_ROW_BYTES {
        return Ok(());
    }
    Err(Error::limit(
        "Cannot save the entry for undo",
        format!(
            "its row has {}, and up to {} can be saved",
            text::size(bytes),
            text::size(MAX_ROW_BYTES)
        ),
    )
    .hint("--permanent clears it without undo"))
}

/// True if two states of a row differ only in columns that do not tell rows apart.
pub(super) fn is_same(rules: &RowRules, a: &[Cell], b: &[Cell]) -> bool {
    is_same_but(rules, None, a, b)
}

fn is_same_but(rules: &RowRules, number: Option<usize>, a: &[Cell], b: &[Cell]) -> bool {
    a.len() == b.len()
        && a.iter()
            .zip(b)
            .enumerate()
            .all(|(at, (a, b))| Some(at) == number || !tells(rules, at) || is_same_cell(a, b))
}

/// False for columns that change when a row is read, and for generated ones: these follow from the others, and not
/// every version of SQLite makes the same of them.
fn tells(rules: &RowRules, column: usize) -> bool {
    let is_written = rules.table.columns.get(column).is_none_or(|c| c.is_written);
    is_written && !rules.volatile.contains(&column)
}

/// The same for two states of a row that [`is_same`] finds to be one.
pub(super) fn digest(rules: &RowRules, cells: &[Cell]) -> u64 {
    let mut hash = Xxh3::new();
    let mut add = |kind: u8, bytes: &[u8]| {
        hash.update(&[kind]);
        hash.update(&(bytes.len() as u64).to_le_bytes());
        hash.update(bytes);
    };
    for (at, cell) in cells.iter().enumerate() {
        match cell {
            _ if !tells(rules, at) => {}
            Cell::Null => add(0, &[]),
            Cell::Integer(number) => add(1, &number.to_le_bytes()),
            Cell::Real(number) => add(2, &number.to_bits().to_le_bytes()),
            Cell::Text(bytes) => add(3, bytes),
            Cell::Blob(bytes) => add(4, bytes),
        }
    }
    hash.digest()
}

/// Bit for bit, as `0.0` and `-0.0` are two values.
fn is_same_cell(a: &Cell, b: &Cell) -> bool {
    match (a, b) {
        (Cell::Real(a), Cell::Real(b)) => a.to_bits() == b.to_bits(),
        (a, b) => a == b,
    }
}

pub(super) fn alias(table: &Table) -> Option<&'static str> {
    match table.handle {
        Handle::Rowid(alias) => Some(alias),
        Handle::Columns(_) | Handle::Place => None,
    }
}

fn bound(cells: &[Cell]) -> Vec<&dyn ToSql> {
    cells.iter().map(|cell| cell as &dyn ToSql).collect()
}
