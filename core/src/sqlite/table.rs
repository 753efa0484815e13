//! What a database says of its tables: names, columns, and how a row is found again.

use rusqlite::Connection;

use super::Failure;

/// Tables looked at; a database with more is no cache, and is listed as far as this.
const TABLES: usize = 10_000;

/// A table with rows of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Table {
    pub(crate) name: String,
    /// Columns that hold something: virtual generated ones are left out.
    pub(crate) columns: Vec<Column>,
    pub(crate) handle: Handle,
    /// The declared primary key's columns, in its order; empty without one.
    pub(crate) primary_key: Vec<usize>,
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Column {
    pub(crate) name: String,
    /// The type as declared; often empty.
    pub(crate) declared: String,
    /// False for a stored generated column.
    pub(crate) is_written: bool,
    /// True if no row can have NULL here.
    is_filled: bool,
}

/// How SQL names a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Handle {
    /// By rowid, under a name that no column has taken.
    Rowid(&'static str),
    /// By columns that are unique together: a table without rowid, or one whose names for it are taken.
    Columns(Vec<usize>),
    /// Not at all: only its place in the table tells a row from others.
    Place,
}

impl Table {
    /// The column of that name, without regard to case.
    pub(crate) fn column(&self, name: &str) -> Option<usize> {
        let is_it = |column: &Column| column.name.eq_ignore_ascii_case(name);
        self.columns.iter().position(is_it)
    }

    /// True if it has every one of these columns.
    pub(crate) fn has(&self, names: &[&str]) -> bool {
        names.iter().all(|name| self.column(name).is_some())
    }

    /// True if these columns hold a value in every row, so that rows can be told apart by them.
    fn is_filled(&self, columns: &[usize]) -> bool {
        let is_rowid =
            |c: &Column| columns.len() == 1 && c.declared.eq_ignore_ascii_case("integer");
        columns.iter().all(|at| {
            self.columns
                .get(*at)
                .is_some_and(|c| c.is_filled || is_rowid(c))
        })
    }

    /// A column as SQL writes it.
    pub(crate) fn quoted(&self, column: usize) -> String {
        self.columns
            .get(column)
            .map_or_else(|| "NULL".to_owned(), |c| quote(&c.name))
    }
}

/// A name as SQL writes it.
pub(crate) fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// The names of the tables with rows of their own: no views, no virtual tables and none of their
/// hidden tables, none of SQLite's own.
pub(crate) fn table_names(connection: &Connection) -> Result<Vec<String>, Failure> {
    let mut statement = connection.prepare(
        "SELECT name, rootpage = 0 OR rootpage IS NULL FROM sqlite_schema WHERE type = 'table' LIMIT ?1",
    )?;
    let (mut names, mut virtuals) = (Vec::new(), Vec::new());
    let mut rows = statement.query([i64::try_from(TABLES).unwrap_or(i64::MAX)])?;
    while let Some(row) = rows.next()? {
        // A name that is no text cannot be named in SQL.
        let Some(name) = row.get_ref(0)?.as_str().ok().map(str::to_owned) else {
            continue;
        };
        if row.get::<_, bool>(1)? {
            virtuals.push(name);
        } else {
            names.push(name);
        }
    }
    names.retain(|name| !is_internal(name) && !virtuals.iter().any(|v| is_shadow(name, v)));
    Ok(names)
}

/// The names of the virtual tables and of the views, whose rows are made by code when somebody asks for them.
pub(crate) fn made_by_code(connection: &Connection) -> Result<[Vec<String>; 2], Failure> {
    let names = |of: &str| -> Result<Vec<String>, Failure> {
        let sql = format!("SELECT name FROM sqlite_schema WHERE {of} ORDER BY name LIMIT ?1");
        let mut statement = connection.prepare(&sql)?;
        let mut rows = statement.query([i64::try_from(TABLES).unwrap_or(i64::MAX)])?;
        let mut names = Vec::new();
        while let Some(row) = rows.next()? {
            names.extend(row.get_ref(0)?.as_str().ok().map(str::to_owned));
        }
        Ok(names)
    };
    let tables = names("type = 'table' AND (rootpage = 0 OR rootpage IS NULL)")?;
    Ok([tables, names("type = 'view'")?])
}

/// `sqlite_sequence` and its like (sqlite.org/fileformat2.html 2.6).
fn is_internal(name: &str) -> bool {
    name.get(..7)
        .is_some_and(|head| head.eq_ignore_ascii_case("sqlite_"))
}

/// Tables in which the virtual tables of FTS3, 4, 5 and R-Tree keep their data.
fn is_shadow(name: &str, of: &str) -> bool {
    const SUFFIXES: [&str; 11] = [
        "data", "idx", "content", "docsize", "config", "segments", "segdir", "stat", "node",
        "rowid", "parent",
    ];
    name.strip_prefix(of)
        .and_then(|rest| rest.strip_prefix('_'))
        .is_some_and(|suffix| SUFFIXES.contains(&suffix))
}

/// What the database says of one table.
pub(crate) fn describe(connection: &Connection, name: &str) -> Result<Table, Failure> {
    let mut statement = connection
        .prepare("SELECT name, type, pk, hidden, \"notnull\" FROM pragma_table_xinfo(?1)")?;
    let mut rows = statement.query([name])?;
    let (mut columns, mut keyed) = (Vec::new(), Vec::new());
    while let Some(row) = rows.next()? {
        let hidden: i64 = row.get(3)?;
        // 1: hidden column of a virtual table; 2: virtual generated column (pragma.html, table_xinfo).
        if hidden == 1 || hidden == 2 {
            continue;
        }
        let place: i64 = row.get(2)?;
        if place > 0 {
            keyed.push((place, columns.len()));
        }
        columns.push(Column {
            name: row.get(0)?,
            declared: row.get(1)?,
            is_written: hidden == 0,
            is_filled: row.get(4)?,
        });
    }
    keyed.sort_unstable();
    let mut table = Table {
        name: name.to_owned(),
        columns,
        handle: Handle::Place,
        primary_key: keyed.into_iter().map(|(_, column)| column).collect(),
    };
    table.handle = handle(connection, &table)?;
    Ok(table)
}

fn handle(connection: &Connection, table: &Table) -> Result<Handle, Failure> {
    let free = ["rowid", "_rowid_", "oid"]
        .into_iter()
        .find(|alias| table.column(alias).is_none());
    let has_rowid = |alias: &str| {
        let sql = format!("SELECT {alias} FROM {} LIMIT 0", quote(&table.name));
        connection.prepare(&sql).is_ok()
    };
    if let Some(alias) = free.filter(|alias| has_rowid(alias)) {
        return Ok(Handle::Rowid(alias));
    }
    if !table.primary_key.is_empty() && table.is_filled(&table.primary_key) {
        return Ok(Handle::Columns(table.primary_key.clone()));
    }
    let unique = unique_columns(connection, table)?.filter(|columns| table.is_filled(columns));
    Ok(unique.map_or(Handle::Place, Handle::Columns))
}

/// The columns of the first unique index over whole columns.
fn unique_columns(connection: &Connection, table: &Table) -> Result<Option<Vec<usize>>, Failure> {
    let mut statement = connection.prepare(
        "SELECT l.name, i.name FROM pragma_index_list(?1) l, pragma_index_info(l.name) i \
         WHERE l.\"unique\" AND NOT l.partial ORDER BY l.seq DESC, i.seqno",
    )?;
    let mut rows = statement.query([&table.name])?;
    let mut found: Option<(String, Vec<usize>)> = None;
    while let Some(row) = rows.next()? {
        let index: String = row.get(0)?;
        let column: Option<String> = row.get(1)?;
        let Some(column) = column.and_then(|name| table.column(&name)) else {
            return Ok(None);
        };
        match &mut found {
            Some((first, columns)) if *first == index => columns.push(column),
            Some(_) => break,
            None => found = Some((index, vec![column])),
        }
    }
    Ok(found.map(|(_, columns)| columns))
}
