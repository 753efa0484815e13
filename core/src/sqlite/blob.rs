//! One cell of one row: small ones whole, large ones read piece by piece without being loaded.

use std::io;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::{Connection, OptionalExtension as _, ToSql};

use super::table::{Handle, Table, quote};
use super::{Cell, Database, Failure};
use crate::model::{Cancel, text};
use crate::source::{MemoryReader, ReadAt};
use crate::{Error, Result};

/// Largest value that is read at once, in bytes.
const WHOLE_BYTES: i64 = 4 << 20;
/// Bytes of a larger one that are read at a time, at first and, where one piece follows another, at most: SQLite comes
/// to each by reading all pages before it, so that a value in small pieces would take its length squared.
const WINDOW: u64 = 1 << 20;
const LONGEST_WINDOW: u64 = 64 << 20;

/// Where a row is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum RowAt {
    /// By its rowid.
    Rowid(i64),
    /// By columns with these values.
    Columns(Vec<(usize, Cell)>),
    /// By its place in the table.
    Place(i64),
}

/// What a cell holds.
#[derive(Clone)]
pub(crate) enum Held {
    /// A number, or nothing.
    Plain(Cell),
    /// Text, in UTF-8 as a rule.
    Text(Arc<dyn ReadAt>),
    /// Bytes.
    Blob(Arc<dyn ReadAt>),
}

impl RowAt {
    /// True if what the row holds names it, and not only where it stands.
    pub(crate) fn is_of_columns(&self) -> bool {
        matches!(self, Self::Columns(_))
    }

    /// The condition that finds it, and what is bound to it.
    pub(crate) fn condition(&self, table: &Table) -> (String, Vec<Cell>) {
        match self {
            Self::Rowid(rowid) => {
                let alias = match table.handle {
                    Handle::Rowid(alias) => alias,
                    _ => "rowid",
                };
                (format!("WHERE {alias} = ?"), vec![Cell::Integer(*rowid)])
            }
            Self::Columns(columns) => {
                let named = |(at, _): &(usize, Cell)| format!("{} IS ?", table.quoted(*at));
                let conditions: Vec<String> = columns.iter().map(named).collect();
                let cells = columns.iter().map(|(_, cell)| cell.clone()).collect();
                (format!("WHERE {}", conditions.join(" AND ")), cells)
            }
            Self::Place(place) => (
                String::from("LIMIT 1 OFFSET ?"),
                vec![Cell::Integer(*place)],
            ),
        }
    }
}

/// Selects `expressions` of one row; `None` if it is gone.
pub(crate) fn row_of<T>(
    connection: &Connection,
    table: &Table,
    at: &RowAt,
    expressions: &str,
    read: impl FnOnce(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
) -> Result<Option<T>, Failure> {
    let (condition, cells) = at.condition(table);
    let sql = format!(
        "SELECT {expressions} FROM {} {condition}",
        quote(&table.name)
    );
    let parameters: Vec<&dyn ToSql> = cells.iter().map(|c| c as &dyn ToSql).collect();
    let mut statement = connection.prepare_cached(&sql)?;
    Ok(statement.query_row(&*parameters, read).optional()?)
}

/// What the cell in `column` of the row holds.
///
/// # Errors
/// [`Error::is_not_found`] if the row is gone.
pub(crate) fn open_cell(
    database: &Arc<Database>,
    table: &Arc<Table>,
    at: &RowAt,
    column: usize,
) -> Result<Held> {
    let found = database.read(&Cancel::default(), |view| {
        look_at_cell(view.connection, table, at, column)
    })?;
    let found = found.ok_or_else(|| gone(database, table))?;
    Ok(held(found, database, table, at, column))
}

/// A cell's type and length, and a small one's content.
pub(crate) struct SeenCell {
    is_text: bool,
    len: i64,
    cell: Cell,
}

/// The first half of [`open_cell`], for a view that reads more; `None` if the row is gone.
pub(crate) fn look_at_cell(
    connection: &Connection,
    table: &Table,
    at: &RowAt,
    column: usize,
) -> Result<Option<SeenCell>, Failure> {
    let name = table.quoted(column);
    let select = format!(
        "typeof({name}) = 'text', octet_length({name}), \
         CASE WHEN ifnull(octet_length({name}), 0) <= {WHOLE_BYTES} THEN {name} END"
    );
    row_of(connection, table, at, &select, |row| {
        Ok(SeenCell {
            is_text: row.get(0)?,
            len: row.get::<_, Option<i64>>(1)?.unwrap_or(0),
            cell: Cell::from(row.get_ref(2)?),
        })
    })
}

/// The second half of [`open_cell`].
pub(crate) fn held(
    seen: SeenCell,
    database: &Arc<Database>,
    table: &Arc<Table>,
    at: &RowAt,
    column: usize,
) -> Held {
    let SeenCell { is_text, len, cell } = seen;
    match cell {
        Cell::Null if len > WHOLE_BYTES => {
            let large = Arc::new(LargeCell {
                database: Arc::clone(database),
                table: Arc::clone(table),
                at: at.clone(),
                column,
                len: len.unsigned_abs(),
                window: Mutex::default(),
            });
            if is_text {
                Held::Text(large)
            } else {
                Held::Blob(large)
            }
        }
        whole => whole.into(),
    }
}

impl From<Cell> for Held {
    fn from(whole: Cell) -> Self {
        match whole {
            Cell::Text(bytes) => Self::Text(Arc::new(MemoryReader::new(bytes))),
            Cell::Blob(bytes) => Self::Blob(Arc::new(MemoryReader::new(bytes))),
            plain => Self::Plain(plain),
        }
    }
}

/// The error for a row that was listed and is no longer there.
pub(crate) fn gone(database: &Database, table: &Table) -> Error {
    Error::not_found(
        "Cannot read the entry",
        format!("its row in the table {} is gone", text::quoted(&table.name)),
    )
    .at(&database.path())
}

/// A cell too large to be held in memory.
struct LargeCell {
    database: Arc<Database>,
    table: Arc<Table>,
    at: RowAt,
    column: usize,
    len: u64,
    /// The piece read last, and where it begins.
    window: Mutex<(u64, Vec<u8>)>,
}

impl LargeCell {
    fn read_window(&self, offset: u64, len: u64) -> Result<Vec<u8>> {
        self.database.read(&Cancel::default(), |view| {
            match &self.at {
                RowAt::Rowid(rowid) => self.by_handle(view.connection, *rowid, offset, len),
                // SQLite has no handles for such tables: it loads the value and cuts it.
                _ => self.by_cutting(view.connection, offset, len),
            }
        })
    }

    fn by_handle(
        &self,
        connection: &Connection,
        rowid: i64,
        offset: u64,
        len: u64,
    ) -> Result<Vec<u8>, Failure> {
        let column = self.table.columns.get(self.column);
        let column = column.map_or("", |c| &*c.name);
        let blob = connection.blob_open("main", &*self.table.name, column, rowid, true)?;
        if blob.len() as u64 != self.len {
            return Err(self.changed().into());
        }
        let mut bytes = vec![0; usize::try_from(len).unwrap_or(0)];
        blob.read_at_exact(&mut bytes, usize::try_from(offset).unwrap_or(usize::MAX))?;
        Ok(bytes)
    }

    fn by_cutting(
        &self,
        connection: &Connection,
        offset: u64,
        len: u64,
    ) -> Result<Vec<u8>, Failure> {
        let name = self.table.quoted(self.column);
        let select = format!("substr(CAST({name} AS BLOB), {}, {len})", offset + 1);
        let piece = row_of(connection, &self.table, &self.at, &select, |row| {
            Ok(row.get_ref(0)?.as_bytes_or_null()?.map(<[u8]>::to_vec))
        })?;
        match piece.flatten() {
            Some(piece) if piece.len() as u64 == len => Ok(piece),
            _ => Err(self.changed().into()),
        }
    }

    fn changed(&self) -> Error {
        Error::changed(
            "Cannot read the value to its end",
            "a program changed it meanwhile",
        )
        .at(&self.database.path())
    }
}

/// The piece to read for the byte at `offset` after the piece `seen`.
fn next_window(seen: &Range<u64>, offset: u64, len: u64) -> Range<u64> {
    let goes_on = offset == seen.end && !seen.is_empty();
    let (start, n) = if goes_on {
        let n = 2 * (seen.end - seen.start);
        (offset, n.min(LONGEST_WINDOW))
    } else {
        (offset / WINDOW * WINDOW, WINDOW)
    };
    start..len.min(start + n)
}

impl ReadAt for LargeCell {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        if offset >= self.len {
            return Ok(0);
        }
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = window.0..window.0 + window.1.len() as u64;
        if !seen.contains(&offset) {
            let next = next_window(&seen, offset, self.len);
            // One is in memory at a time.
            *window = (next.start, Vec::new());
            let bytes = self.read_window(next.start, next.end - next.start);
            window.1 = bytes.map_err(io::Error::other)?;
        }
        let (start, bytes) = &*window;
        let from = usize::try_from(offset - start).unwrap_or(usize::MAX);
        let piece = bytes.get(from..).unwrap_or_default();
        let n = piece.len().min(buf.len());
        if let (Some(to), Some(from)) = (buf.get_mut(..n), piece.get(..n)) {
            to.copy_from_slice(from);
        }
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_read_from_end_to_end_is_come_to_a_few_times() {
        let len = (1 << 30) + 5;
        let (mut seen, mut n, mut passed_over) = (0..0, 0, 0);
        while seen.end < len {
            let next = next_window(&seen, seen.end, len);
            assert_eq!(next.start, seen.end);
            (n, passed_over) = (n + 1, passed_over + next.start);
            seen = next;
        }
        assert_eq!(seen.end, len);
        // In pieces of a mebibyte: 1,025, and 512 times its length.
        assert!(n <= 23 && passed_over <= 9 * len, "{n}, {passed_over}");
        // Here and there only what is asked for is read.
        let far = next_window(&(0..WINDOW), 500 * WINDOW + 7, len);
        assert_eq!(far, 500 * WINDOW..501 * WINDOW);
    }
}
