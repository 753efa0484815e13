//! Entries that are rows: what all stores on SQLite have in common. Each kind says which columns mean what.

mod removal;

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

use rusqlite::types::ValueRef;

use super::advice::of_slack;
use super::http;
use super::{
    Advice, Backend, Candidate, CheckOptions, Compaction, Confidence, Dependent, Details, Expiry,
    KeyScope, LibraryPolicy, NativeKey, PolicyChoice, PolicyLimits, Recognised, Removal, RowRules,
    Store, ValueReader, policy,
};
use crate::formats::pickle::emit;
use crate::formats::plain::Pickler;
use crate::formats::{Carrier, Options};
use crate::model::{Condition, EntryKey, Finding, Group, Issue, Record, Role, Time, Value, text};
use crate::scan::{Cancel, Collector, Scan};
use crate::source::{MemoryReader, ReadAt};
use crate::sqlite::{
    self, Cell, Database, Failure, Handle, Held, PageBuffer, Pages, RowAt, Shape, Table, View,
};
use crate::{Error, Result};

/// A kind of store whose entries are rows of one database.
pub(super) trait RowKind: Send + Sync {
    /// Its name in queries and JSON.
    const KIND: &'static [&'static str];

    /// True for the one kind that a database is taken for while it cannot be read.
    const TAKES_UNREADABLE: bool = false;

    /// Whether the database is of this kind, and who wrote it.
    fn recognise(&self, shape: &Shape) -> Option<(Confidence, Option<String>)>;

    /// See [`Backend::policies`]. All of them choose what is past its time, by whole seconds.
    const POLICIES: &'static [LibraryPolicy] = &[];

    /// True where values hold credentials that are shown only when asked for.
    const HIDES_SECRETS: bool = false;

    /// A value that stands in more than one cell, as a pickle, and the word for what it was; `None` where one column
    /// holds it.
    ///
    /// # Errors
    /// If it cannot be read.
    fn assembled(
        &self,
        _database: &Database,
        _table: &RowTable,
        _at: &RowAt,
    ) -> Result<Option<(Vec<u8>, &'static str)>> {
        Ok(None)
    }

    /// True where tables keep an expiry that a person may set.
    const KEEPS_EXPIRY: bool = false;

    /// True where [`Self::facts`] has something to say of a table's values.
    const KNOWS_VALUES: bool = false;

    /// What the decoded value tells of the entry.
    fn facts(&self, _value: &Value) -> Vec<(Cow<'static, str>, String)> {
        Vec::new()
    }

    /// When the entry expires by its value, where no column says so.
    fn expires(&self, _value: &Value) -> Option<Time> {
        None
    }

    /// The tables whose rows are entries.
    ///
    /// # Errors
    /// If the schema cannot be read.
    fn tables(&self, view: &View<'_>) -> Result<Vec<RowTable>, Failure>;
}

/// How the rows of a table are entries.
#[derive(Debug, Clone)]
pub(super) struct RowTable {
    pub(super) table: Arc<Table>,
    pub(super) group: Arc<Group>,
    pub(super) key: KeyForm,
    pub(super) value: ValueForm,
    /// When a row expires.
    pub(super) expires: Option<(usize, TimeForm)>,
    /// When a row was stored, and when it was last read.
    pub(super) created: Option<(usize, TimeForm)>,
    pub(super) accessed: Option<(usize, TimeForm)>,
    /// SQL for the key as people read it, where the key columns do not say it.
    pub(super) label: Option<String>,
    /// SQL for the bytes of the value, where it is more than one cell.
    pub(super) size: Option<String>,
    /// SQL that holds for rows that the library has given up and not yet deleted.
    pub(super) left_over: Option<String>,
    /// Rows that are no entries, as an SQL condition that holds for the others.
    pub(super) filter: Option<String>,
    /// When a row expires, if a person may say that anew.
    pub(super) keeps: Option<Expiry>,
    /// Columns that change when a program reads the row.
    pub(super) volatile: Vec<usize>,
    /// Rows of other tables that go with a row.
    pub(super) dependents: Vec<Dependent>,
}

/// What names an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum KeyForm {
    /// These columns; empty for the row's own number.
    Columns(Vec<usize>),
    /// Bytes in one column, whatever type SQLite gives them.
    Bytes(usize),
}

/// What an entry's value is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum ValueForm {
    /// One column; blobs in it are read as the carrier says.
    Column(usize, Carrier),
    /// The whole row, as a dict of its columns.
    Row,
}

/// How a table writes down a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TimeForm {
    /// Seconds since 1970.
    UnixSeconds,
    /// `YYYY-MM-DD HH:MM:SS[.ffffff]` in UTC; the year 9999 is never (Django).
    UtcText,
}

/// A backend over a [`RowKind`].
pub(super) struct RowStore<K>(pub(super) K);

/// What is kept while a job lasts.
struct Opened {
    database: Arc<Database>,
    tables: Vec<RowTable>,
    /// For each table how its rows are taken out, or why they cannot be; looked up when first asked for.
    rules: Vec<OnceLock<Result<Arc<RowRules>, String>>>,
}

impl<K: RowKind> RowStore<K> {
    fn opened(&self, store: &Store) -> Result<Arc<Opened>> {
        store.kept(|| {
            let dir = store
                .parent
                .open_below("".as_ref())
                .map_err(|e| Error::io("Cannot open the store", &store.info.path, e))?;
            let database = Database::new(dir, &store.name, store.copy_rule);
            let tables = database.read(&crate::scan::Cancel::default(), |v| self.0.tables(v))?;
            Ok(Opened {
                database: Arc::new(database),
                rules: tables.iter().map(|_| OnceLock::new()).collect(),
                tables,
            })
        })
    }
}

impl Opened {
    /// The table of the entry's group, and where its row is.
    fn find(&self, entry: &EntryKey) -> Result<(&RowTable, RowAt)> {
        let (_, table, at) = self.find_numbered(entry)?;
        Ok((table, at))
    }

    /// As [`Opened::find`], with the table's place in the list.
    fn find_numbered(&self, entry: &EntryKey) -> Result<(usize, &RowTable, RowAt)> {
        let fail = |why: &str| {
            Error::not_found("Cannot find the entry", why.to_owned()).at(&self.database.path())
        };
        let (number, table) = self
            .tables
            .iter()
            .enumerate()
            .find(|(_, t)| t.group.locator == entry.group)
            .ok_or_else(|| fail("its table is gone"))?;
        let at = table
            .row_at(entry)
            .ok_or_else(|| fail("its key is none of this table"))?;
        Ok((number, table, at))
    }
}

impl RowTable {
    /// A table whose rows are named by its primary key, in a group of its name.
    pub(super) fn plain(table: Table) -> Self {
        Self {
            group: Group::named(&table.name),
            key: KeyForm::Columns(table.primary_key.clone()),
            value: ValueForm::Row,
            expires: None,
            created: None,
            accessed: None,
            label: None,
            size: None,
            left_over: None,
            filter: None,
            keeps: None,
            volatile: Vec::new(),
            dependents: Vec::new(),
            table: Arc::new(table),
        }
    }

    /// The columns whose text a key is made of; `None` for the row's number.
    fn key_columns(&self) -> &[usize] {
        match &self.key {
            KeyForm::Columns(columns) if !columns.is_empty() => columns,
            KeyForm::Bytes(column) => std::slice::from_ref(column),
            KeyForm::Columns(_) => match &self.table.handle {
                Handle::Columns(columns) => columns,
                Handle::Rowid(_) | Handle::Place => &[],
            },
        }
    }

    fn row_at(&self, entry: &EntryKey) -> Option<RowAt> {
        let columns = self.key_columns();
        if let KeyForm::Bytes(column) = &self.key {
            return Some(RowAt::Columns(vec![(
                *column,
                Cell::Blob(entry.key.to_vec()),
            )]));
        }
        if columns.is_empty() || entry.key.starts_with(ROW_NUMBER) {
            let number = entry.key.strip_prefix(ROW_NUMBER)?;
            let number = std::str::from_utf8(number).ok()?.parse().ok()?;
            return Some(match self.table.handle {
                Handle::Place => RowAt::Place(number - 1),
                _ => RowAt::Rowid(number),
            });
        }
        let cells = if columns.len() == 1 {
            vec![Cell::from_key(&entry.key)?]
        } else {
            Cell::all_from_key(&entry.key)?
        };
        (cells.len() == columns.len())
            .then(|| RowAt::Columns(columns.iter().copied().zip(cells).collect()))
    }

    /// What the listing selects: key columns, size, times, label, whether the row is left over.
    fn selection(&self) -> String {
        let null = || "NULL".to_owned();
        let time = |form: Option<(usize, TimeForm)>| {
            form.map_or_else(null, |(column, _)| self.table.quoted(column))
        };
        let keys = self.key_columns().iter().map(|c| self.table.quoted(*c));
        let others = [
            self.size(),
            time(self.expires),
            time(self.created),
            time(self.accessed),
            self.label.clone().unwrap_or_else(null),
            self.left_over.clone().unwrap_or_else(null),
        ];
        keys.chain(others).collect::<Vec<String>>().join(", ")
    }

    /// Bytes of the value as SQLite's `octet_length` counts them: numbers as text.
    fn size(&self) -> String {
        let of = |column: usize| format!("ifnull(octet_length({}), 0)", self.table.quoted(column));
        if let Some(size) = &self.size {
            return size.clone();
        }
        match self.value {
            ValueForm::Column(column, _) => of(column),
            ValueForm::Row => balanced_sum((0..self.table.columns.len()).map(of).collect()),
        }
    }
}

/// Before the number of a row that nothing else names.
const ROW_NUMBER: &[u8] = b"\0#";

/// `a + b + …` without the deep nesting that thousands of columns would make.
fn balanced_sum(mut terms: Vec<String>) -> String {
    while terms.len() > 1 {
        terms = terms
            .chunks(2)
            .map(|pair| match pair {
                [a, b] => format!("({a}+{b})"),
                other => other.concat(),
            })
            .collect();
    }
    terms.pop().unwrap_or_else(|| "0".to_owned())
}

impl<K: RowKind> Backend for RowStore<K> {
    fn kinds(&self) -> &'static [&'static str] {
        K::KIND
    }

    fn recognise(&self, candidate: &Candidate<'_>) -> Result<Option<Recognised>> {
        let found = match candidate.shape() {
            Some(shape) => self.0.recognise(shape),
            None if K::TAKES_UNREADABLE && candidate.head.starts_with(sqlite::MAGIC) => {
                Some((Confidence::Likely, None))
            }
            None => None,
        };
        Ok(found.and_then(|(confidence, writer)| {
            Some(Recognised {
                kind: K::KIND.first()?,
                confidence,
                writer,
                path: candidate.path(),
            })
        }))
    }

    fn scan(&self, store: &Store, scan: &Scan<'_>) -> Result<()> {
        let opened = self.opened(store)?;
        let mut collector = (scan.collector)();
        if let Some(note) = opened.database.note() {
            collector.issue(note);
        }
        // Rows own no blocks of their own: the files of the database hold them all.
        collector.overhead(opened.database.disk_bytes());
        for table in &opened.tables {
            let mut buffer = RowPage::new(table, scan, &mut *collector);
            let select = table.selection();
            let pages = Pages {
                table: &table.table,
                select: &select,
                filter: table.filter.as_deref(),
            };
            let read = pages.read(&opened.database, scan.cancel, &mut buffer);
            match read {
                Ok(()) => {}
                Err(e) if e.is_cancelled() => return Err(e),
                Err(e) => collector.issue(Issue::from_error(&e, &store.info.path)),
            }
        }
        opened.database.close();
        scan.cancel.check()
    }

    fn native_key(&self, store: &Store, entry: &EntryKey) -> Result<NativeKey> {
        let opened = self.opened(store)?;
        let (table, at) = opened.find(entry)?;
        Ok(match (&table.key, at) {
            (KeyForm::Bytes(_), _) => NativeKey::Untyped(entry.key.to_vec()),
            (_, RowAt::Rowid(n) | RowAt::Place(n)) => NativeKey::Int(n),
            (_, RowAt::Columns(columns)) => {
                let cells = columns.into_iter().map(|(_, cell)| cell).collect();
                native_key_of(cells)
            }
        })
    }

    fn key_scope(&self) -> KeyScope {
        KeyScope::Group
    }

    fn open_value(&self, store: &Store, entry: &EntryKey) -> Result<ValueReader> {
        let opened = self.opened(store)?;
        let (table, at) = opened.find(entry)?;
        let rewritten = |(pickle, word): (Vec<u8>, &'static str)| {
            let bytes = Arc::new(MemoryReader::new(pickle));
            ValueReader::new(bytes, Carrier::Rewritten(word), store.info.path.clone())
        };
        let assembled = self.0.assembled(&opened.database, table, &at)?;
        let mut reader = match (assembled, &table.value) {
            (Some(made), _) => rewritten(made),
            (None, ValueForm::Column(column, carrier)) => {
                let held = sqlite::open_cell(&opened.database, &table.table, &at, *column)?;
                reader(held, *carrier, store)
            }
            (None, ValueForm::Row) => rewritten((whole_row(&opened.database, table, &at)?, "row")),
        };
        reader.hides_secrets = K::HIDES_SECRETS;
        Ok(reader)
    }

    fn details(&self, store: &Store, entry: &EntryKey) -> Result<Details> {
        let opened = self.opened(store)?;
        let (table, at) = opened.find(entry)?;
        let cells = cells_of(&opened.database, table, &at)?;
        let mut details = Details {
            paths: vec![store.info.path.clone()],
            ..Details::default()
        };
        if K::KNOWS_VALUES {
            let value = self.open_value(store, entry)?.preview(&Options::GLANCE)?;
            details.facts = self.0.facts(&value.value);
        }
        for (number, (column, cell)) in table.table.columns.iter().zip(cells).enumerate() {
            // The value is shown as what it is, and its bytes may hold secrets.
            if matches!(table.value, ValueForm::Column(value, _) if value == number) {
                continue;
            }
            let shown = text::shown(&sqlite::repr(cell.as_ref())).into_owned();
            details.facts.push((column.name.clone().into(), shown));
        }
        Ok(details)
    }

    fn check(
        &self,
        store: &Store,
        entry: &EntryKey,
        options: &CheckOptions,
    ) -> Result<Vec<Finding>> {
        let opened = self.opened(store)?;
        let (table, at) = opened.find(entry)?;
        let expires = table.expires;
        let column = expires.map_or_else(|| "NULL".to_owned(), |(c, _)| table.table.quoted(c));
        let found = opened
            .database
            .read(&crate::scan::Cancel::default(), |view| {
                sqlite::row_of(view.connection, &table.table, &at, &column, |row| {
                    Ok(Cell::from(row.get_ref(0)?))
                })
            })?;
        let Some(cell) = found else {
            return Err(sqlite::gone(&opened.database, &table.table));
        };
        let mut expires = expires.and_then(|(_, form)| form.read(&cell));
        if expires.is_none() && K::KNOWS_VALUES && table.expires.is_none() {
            let value = self.open_value(store, entry)?.preview(&Options::GLANCE)?;
            expires = self.0.expires(&value.value);
        }
        Ok(expired(expires, options).into_iter().collect())
    }

    fn advice(&self, store: &Store) -> Result<Vec<Advice>> {
        let opened = self.opened(store)?;
        let slack = opened.database.slack(&Cancel::default())?;
        Ok(of_slack(slack, &opened.database.path()))
    }

    fn policies(&self) -> &'static [LibraryPolicy] {
        K::POLICIES
    }

    fn choose(
        &self,
        store: &Store,
        _policy: &LibraryPolicy,
        _limits: &PolicyLimits,
        now: Time,
        cancel: &Cancel,
    ) -> Result<PolicyChoice> {
        policy::expired_by_seconds(store, now, cancel)
    }

    fn can_compact(&self, _kind: &str) -> bool {
        true
    }

    fn can_expire(&self, _kind: &str) -> bool {
        K::KEEPS_EXPIRY
    }

    fn compaction(&self, store: &Store) -> Result<Compaction> {
        Ok(Compaction::Sqlite {
            files: vec![store.name.clone().into()],
        })
    }

    fn removal(&self, store: &Store, entry: &EntryKey) -> Result<Removal> {
        self.opened(store)?.removal(store, entry)
    }

    fn notes(&self, store: &Store, entries: &[&EntryKey]) -> Result<Vec<String>> {
        self.opened(store)?.notes(entries)
    }
}

/// One cell is a key of its own type, several are a tuple.
fn native_key_of(mut cells: Vec<Cell>) -> NativeKey {
    if cells.len() == 1
        && let Some(key) = cells.pop().and_then(NativeKey::of_cell)
    {
        return key;
    }
    NativeKey::Pickled(emit::whole(|out| {
        out.extend(emit::MARK);
        for cell in &cells {
            push_cell(cell, out);
        }
        out.extend(emit::TUPLE);
    }))
}

/// Past the store's own expiry.
pub(super) fn expired(expires: Option<Time>, options: &CheckOptions) -> Option<Finding> {
    let (expires, now) = (expires?, options.now?);
    (expires <= now)
        .then(|| Finding::new(Condition::Expired, format!("expired {}", expires.rfc3339())))
}

impl TimeForm {
    /// The time in a cell; `None` for never, and for what is no time.
    pub(crate) fn read(self, cell: &Cell) -> Option<Time> {
        match (self, cell) {
            (Self::UnixSeconds, Cell::Integer(secs)) => Some(Time::from_unix(*secs, 0)),
            (Self::UnixSeconds, Cell::Real(secs)) => Time::from_unix_f64(*secs),
            (Self::UtcText, Cell::Text(bytes)) if !bytes.starts_with(b"9999-") => {
                http::from_iso(std::str::from_utf8(bytes).ok()?)
            }
            _ => None,
        }
    }

    /// A time as a cell of that column: whole seconds where the column is for integers.
    pub(crate) fn write(self, time: Time, column: &sqlite::Column) -> Cell {
        let is_whole = column.declared.to_ascii_uppercase().contains("INT");
        match self {
            Self::UnixSeconds if is_whole => Cell::Integer(time.secs()),
            Self::UnixSeconds => Cell::Real(time.unix_f64()),
            // Django leaves the microseconds out as well.
            Self::UtcText => {
                let text = Time::from_unix(time.secs(), 0).rfc3339();
                Cell::Text(text.replace('T', " ").replace('Z', "").into_bytes())
            }
        }
    }
}

/// Wraps what a cell holds for the decoders.
fn reader(held: Held, blob: Carrier, store: &Store) -> ValueReader {
    let empty = || -> Arc<dyn ReadAt> { Arc::new(MemoryReader::new(Vec::new())) };
    let (bytes, carrier) = match held {
        Held::Plain(Cell::Integer(n)) => (empty(), Carrier::Int(n)),
        Held::Plain(Cell::Real(x)) => (empty(), Carrier::Float(x)),
        Held::Plain(_) => (empty(), Carrier::Null),
        Held::Text(bytes) if matches!(blob, Carrier::Base64Pickle | Carrier::Json) => (bytes, blob),
        Held::Text(bytes) => (bytes, Carrier::Text),
        Held::Blob(bytes) => (bytes, blob),
    };
    ValueReader::new(bytes, carrier, store.info.path.clone())
}

/// Every column of one row.
fn cells_of(database: &Database, table: &RowTable, at: &RowAt) -> Result<Vec<Cell>> {
    let columns: Vec<String> = (0..table.table.columns.len())
        .map(|c| table.table.quoted(c))
        .collect();
    let found = database.read(&crate::scan::Cancel::default(), |view| {
        sqlite::row_of(
            view.connection,
            &table.table,
            at,
            &columns.join(", "),
            |row| {
                (0..columns.len())
                    .map(|c| row.get_ref(c).map(Cell::from))
                    .collect::<rusqlite::Result<Vec<Cell>>>()
            },
        )
    })?;
    found.ok_or_else(|| sqlite::gone(database, &table.table))
}

/// One row as a pickled dict of its columns, so that it is shown, searched and saved as any other dict.
fn whole_row(database: &Database, table: &RowTable, at: &RowAt) -> Result<Vec<u8>> {
    let cells = cells_of(database, table, at)?;
    let mut pickle = Pickler::new();
    pickle.begin_dict();
    for (column, cell) in table.table.columns.iter().zip(cells) {
        pickle.str(&column.name);
        match cell {
            Cell::Null => pickle.none(),
            Cell::Integer(n) => pickle.int(n),
            Cell::Real(x) => pickle.float(x),
            Cell::Text(bytes) => pickle.str_or_bytes(&bytes),
            Cell::Blob(bytes) => pickle.bytes(&bytes),
        }
    }
    pickle.end_dict();
    Ok(pickle.finish())
}

/// Appends a cell as Python's `sqlite3` would hand it out; text that is not valid as bytes.
fn push_cell(cell: &Cell, out: &mut Vec<u8>) {
    match cell {
        Cell::Null => emit::none(out),
        Cell::Integer(n) => emit::int(*n, out),
        Cell::Real(x) => emit::float(*x, out),
        Cell::Text(bytes) if std::str::from_utf8(bytes).is_ok() => emit::text(bytes, out),
        Cell::Text(bytes) | Cell::Blob(bytes) => emit::bytes(bytes, out),
    }
}

/// The rows of one page, end to end, until the page is known to be sound.
struct RowPage<'a, 's> {
    table: &'a RowTable,
    scan: &'a Scan<'s>,
    collector: &'a mut dyn Collector,
    n_keys: usize,
    texts: Vec<u8>,
    rows: Vec<PageRow>,
    /// Rows handed on before this page.
    n_before: usize,
}

/// One row; its key and label lie in the page's `texts`, each behind the one before.
struct PageRow {
    key_end: usize,
    label_end: usize,
    bytes: u64,
    rowid: i64,
    expires: Option<Time>,
    created: Option<Time>,
    accessed: Option<Time>,
    role: Role,
}

impl<'a, 's> RowPage<'a, 's> {
    fn new(table: &'a RowTable, scan: &'a Scan<'s>, collector: &'a mut dyn Collector) -> Self {
        Self {
            n_keys: table.key_columns().len(),
            table,
            scan,
            collector,
            texts: Vec::new(),
            rows: Vec::new(),
            n_before: 0,
        }
    }

    /// Appends the key and, where it differs, the label.
    fn push_key(&mut self, row: &rusqlite::Row<'_>, first: usize) -> rusqlite::Result<usize> {
        let cell = |at: usize| row.get_ref(first + at);
        match (&self.table.key, self.n_keys) {
            (KeyForm::Bytes(_), _) => {
                if let ValueRef::Blob(bytes) | ValueRef::Text(bytes) = cell(0)? {
                    self.texts.extend(bytes);
                }
                Ok(self.texts.len())
            }
            (_, 1) if !matches!(cell(0)?, ValueRef::Null) => {
                let value = cell(0)?;
                let start = self.texts.len();
                sqlite::write_key(value, &mut self.texts);
                let end = self.texts.len();
                if self.texts.get(start) == Some(&0) {
                    self.texts.extend(sqlite::plain(value).bytes());
                }
                Ok(end)
            }
            (_, 0 | 1) => {
                // Without a key of its own a row is named by its number.
                let number = self.number(row)?.to_string();
                self.texts.extend(ROW_NUMBER);
                self.texts.extend(number.bytes());
                let end = self.texts.len();
                self.texts.extend(number.bytes());
                Ok(end)
            }
            (_, n) => {
                let values: Vec<_> = (0..n).map(cell).collect::<rusqlite::Result<_>>()?;
                sqlite::write_key_of(values.iter().copied(), &mut self.texts);
                let end = self.texts.len();
                let shown: Vec<_> = values.into_iter().map(sqlite::repr).collect();
                self.texts
                    .extend(format!("({})", shown.join(", ")).into_bytes());
                Ok(end)
            }
        }
    }

    /// The rowid, or the place counted from 1.
    fn number(&self, row: &rusqlite::Row<'_>) -> rusqlite::Result<i64> {
        match self.table.table.handle {
            Handle::Rowid(_) => row.get(0),
            _ => Ok(i64::try_from(self.n_before + self.rows.len()).unwrap_or(0) + 1),
        }
    }
}

impl PageBuffer for RowPage<'_, '_> {
    fn clear(&mut self) {
        self.texts.clear();
        self.rows.clear();
    }

    fn push(&mut self, row: &rusqlite::Row<'_>, first: usize) -> rusqlite::Result<()> {
        let key_end = self.push_key(row, first)?;
        let behind = first + self.n_keys;
        let bytes: i64 = row.get(behind)?;
        let time = |form: Option<(usize, TimeForm)>, at: usize| -> rusqlite::Result<_> {
            let Some((_, form)) = form else {
                return Ok(None);
            };
            Ok(form.read(&row.get_ref(behind + at)?.into()))
        };
        if self.table.label.is_some() {
            self.texts.truncate(key_end);
            self.texts
                .extend(sqlite::plain(row.get_ref(behind + 4)?).bytes());
        }
        let is_left_over = self.table.left_over.is_some()
            && matches!(row.get_ref(behind + 5)?, ValueRef::Integer(n) if n != 0);
        self.rows.push(PageRow {
            key_end,
            label_end: self.texts.len(),
            bytes: bytes.unsigned_abs(),
            rowid: match self.table.table.handle {
                Handle::Rowid(_) => row.get(0)?,
                _ => 0,
            },
            expires: time(self.table.expires, 1)?,
            created: time(self.table.created, 2)?,
            accessed: time(self.table.accessed, 3)?,
            role: if is_left_over {
                Role::Orphan
            } else {
                Role::Entry
            },
        });
        Ok(())
    }

    fn flush(&mut self) {
        let mut start = 0;
        for row in &self.rows {
            let key = self.texts.get(start..row.key_end).unwrap_or_default();
            let label = self.texts.get(row.key_end..row.label_end);
            start = row.label_end;
            let mut record = Record::new(&self.table.group, key);
            record.label = label
                .filter(|l| !l.is_empty())
                .and_then(|l| std::str::from_utf8(l).ok());
            record.bytes = row.bytes;
            record.expires = row.expires;
            record.created = row.created;
            record.accessed = row.accessed;
            record.role = row.role;
            record.ident = row.rowid.cast_unsigned();
            self.collector.record(&record);
        }
        self.scan.progress.add(self.rows.len() as u64);
        self.n_before += self.rows.len();
    }
}
