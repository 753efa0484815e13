//! A table row by row, in pages that start behind the last row of the page before.

use rusqlite::{Row, ToSql};

use super::table::{Handle, Table, quote};
use super::{Cell, Database, Failure};
use crate::model::{Cancel, text};
use crate::{Error, Result};

/// Rows in a page: a few milliseconds of reading.
const PAGE_ROWS: usize = 4096;
/// Rows in the first page, so that something shows at once.
const FIRST_ROWS: usize = 256;
/// Rows between two looks at whether the page should end.
const LOOK_ROWS: usize = 64;
/// Times that a page is read before its damage is believed.
const DAMAGE_TRIES: u32 = 3;

/// Takes the rows of a page; kept until the page is known to have been read undisturbed.
pub(crate) trait PageBuffer {
    /// Forgets the rows of a page that has to be read again.
    fn clear(&mut self);

    /// Takes one row; its selected columns begin at index `first`.
    ///
    /// # Errors
    /// What SQLite said of a column.
    fn push(&mut self, row: &Row<'_>, first: usize) -> rusqlite::Result<()>;

    /// Hands the page's rows on.
    fn flush(&mut self);
}

/// What is read of a table.
#[derive(Debug)]
pub(crate) struct Pages<'a> {
    pub(crate) table: &'a Table,
    /// Expressions, separated by commas.
    pub(crate) select: &'a str,
    /// Rows to leave out, as an SQL condition that holds for the others.
    pub(crate) filter: Option<&'a str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    Forward,
    Backward,
}

/// How a page ended.
enum End {
    More(Vec<Cell>),
    Done,
    /// Behind the row of this handle.
    Damaged(rusqlite::Error, Option<Vec<Cell>>),
}

impl Pages<'_> {
    /// Reads the table to its end, and from its end where damage is met on the way.
    ///
    /// # Errors
    /// If it cannot be read, or only in part: what was read has been handed on.
    pub(crate) fn read(
        &self,
        database: &Database,
        cancel: &Cancel,
        buffer: &mut dyn PageBuffer,
    ) -> Result<()> {
        let Some((error, last)) = self.run(database, cancel, buffer, Direction::Forward, None)?
        else {
            return Ok(());
        };
        if !matches!(self.table.handle, Handle::Place) {
            self.run(
                database,
                cancel,
                buffer,
                Direction::Backward,
                last.as_deref(),
            )?;
        }
        let table = text::quoted(&self.table.name);
        Err(super::explain(&error, &database.path())
            .while_doing(format!("Cannot read some rows of the table {table}")))
    }

    /// Reads pages until the end or until damage, which is handed back with the last row's handle.
    fn run(
        &self,
        database: &Database,
        cancel: &Cancel,
        buffer: &mut dyn PageBuffer,
        direction: Direction,
        stop_at: Option<&[Cell]>,
    ) -> Result<Option<(rusqlite::Error, Option<Vec<Cell>>)>> {
        let mut last: Option<Vec<Cell>> = None;
        let mut place = 0_usize;
        let mut wanted = FIRST_ROWS;
        loop {
            let mut tries = 0;
            let (end, n) = database.page(cancel, |view| {
                buffer.clear();
                tries += 1;
                let sql = self.sql(direction, last.is_some(), stop_at.is_some(), wanted, place);
                let mut statement = view.connection.prepare_cached(&sql)?;
                let behind = last.iter().flatten().chain(stop_at.into_iter().flatten());
                let parameters: Vec<&dyn ToSql> = behind.map(|c| c as &dyn ToSql).collect();
                let mut rows = statement.query(&*parameters)?;
                let (mut n, mut reached) = (0, last.clone());
                loop {
                    match rows.next() {
                        Ok(Some(row)) => {
                            buffer.push(row, self.n_handle())?;
                            n += 1;
                            if tries >= DAMAGE_TRIES {
                                reached = Some(self.handle_of(row)?);
                            }
                            if n == wanted || (n % LOOK_ROWS == 0 && view.is_over()) {
                                return Ok((End::More(self.handle_of(row)?), n));
                            }
                        }
                        Ok(None) => return Ok((End::Done, n)),
                        Err(e) if tries >= DAMAGE_TRIES && is_damage(&e) => {
                            return Ok((End::Damaged(e, reached), n));
                        }
                        Err(e) => return Err(Failure::Sqlite(e)),
                    }
                }
            })?;
            buffer.flush();
            place += n;
            wanted = PAGE_ROWS;
            match end {
                End::Done => return Ok(None),
                End::Damaged(error, reached) => return Ok(Some((error, reached))),
                End::More(next) if last.as_ref() == Some(&next) && !next.is_empty() => {
                    let why = "its rows are not in the order of their keys";
                    return Err(Error::damaged("Cannot read the table to its end", why)
                        .at(&database.path()));
                }
                End::More(next) => last = Some(next),
            }
        }
    }

    fn n_handle(&self) -> usize {
        match &self.table.handle {
            Handle::Rowid(_) => 1,
            Handle::Columns(columns) => columns.len(),
            Handle::Place => 0,
        }
    }

    fn handle_of(&self, row: &Row<'_>) -> rusqlite::Result<Vec<Cell>> {
        (0..self.n_handle())
            .map(|at| row.get_ref(at).map(Cell::from))
            .collect()
    }

    fn sql(
        &self,
        direction: Direction,
        has_last: bool,
        has_stop: bool,
        wanted: usize,
        place: usize,
    ) -> String {
        let names: Vec<String> = match &self.table.handle {
            Handle::Rowid(alias) => vec![(*alias).to_owned()],
            Handle::Columns(columns) => columns.iter().map(|c| self.table.quoted(*c)).collect(),
            Handle::Place => Vec::new(),
        };
        let mut conditions: Vec<String> = self.filter.map(str::to_owned).into_iter().collect();
        let key = names.join(", ");
        let marks = vec!["?"; names.len()].join(", ");
        let (beyond, order) = match direction {
            Direction::Forward => (">", ""),
            Direction::Backward => ("<", " DESC"),
        };
        if has_last && !names.is_empty() {
            conditions.push(format!("({key}) {beyond} ({marks})"));
        }
        if has_stop && !names.is_empty() {
            conditions.push(format!("({key}) > ({marks})"));
        }
        let mut sql = String::from("SELECT ");
        for name in &names {
            sql.extend([name, ", "]);
        }
        sql.extend([self.select, " FROM ", &quote(&self.table.name)]);
        if !conditions.is_empty() {
            sql.extend([" WHERE ", &conditions.join(" AND ")]);
        }
        if !names.is_empty() {
            let ordered: Vec<String> = names.iter().map(|n| format!("{n}{order}")).collect();
            sql.extend([" ORDER BY ", &ordered.join(", ")]);
        }
        sql.extend([" LIMIT ", &wanted.to_string()]);
        if names.is_empty() {
            sql.extend([" OFFSET ", &place.to_string()]);
        }
        sql
    }
}

fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(rusqlite::ErrorCode::DatabaseCorrupt | rusqlite::ErrorCode::SystemIoFailure)
    )
}
