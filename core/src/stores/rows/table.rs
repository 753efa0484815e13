//! How the rows of a table are entries: which columns are key, value and times, and the SQL that lists them.

use std::sync::Arc;

use crate::formats::Carrier;
use crate::model::{EntryKey, Group, Time};
use crate::sqlite::{self, Cell, Handle, RowAt, Table};
use crate::stores::{Dependent, Expiry, http};

/// How the rows of a table are entries.
#[derive(Debug, Clone)]
pub(in crate::stores) struct RowTable {
    pub(in crate::stores) table: Arc<Table>,
    pub(in crate::stores) group: Arc<Group>,
    pub(in crate::stores) key: KeyForm,
    pub(in crate::stores) value: ValueForm,
    /// When a row expires.
    pub(in crate::stores) expires: Option<(usize, TimeForm)>,
    /// When a row was stored, and when it was last read.
    pub(in crate::stores) created: Option<(usize, TimeForm)>,
    pub(in crate::stores) accessed: Option<(usize, TimeForm)>,
    /// True where created and expires stand in the value alone, which a listing then reads.
    pub(in crate::stores) has_times_in_values: bool,
    /// SQL for the key as people read it, where the key columns do not say it.
    pub(in crate::stores) label: Option<String>,
    /// SQL for the bytes of the value, where it is more than one cell.
    pub(in crate::stores) size: Option<String>,
    /// SQL that holds for rows that the library has given up and not yet deleted.
    pub(in crate::stores) left_over: Option<String>,
    /// Rows whose value is not all there.
    pub(in crate::stores) incomplete: Option<Incomplete>,
    /// Rows that are no entries, as an SQL condition that holds for the others.
    pub(in crate::stores) filter: Option<String>,
    /// When a row expires, if a person may say that anew.
    pub(in crate::stores) keeps: Option<Expiry>,
    /// Columns that change when a program reads the row.
    pub(in crate::stores) volatile: Vec<usize>,
    /// Rows of other tables that go with a row.
    pub(in crate::stores) dependents: Vec<Dependent>,
}

/// Rows whose value is not all there.
#[derive(Debug, Clone)]
pub(in crate::stores) struct Incomplete {
    /// SQL that holds for them.
    pub(in crate::stores) sql: String,
    /// What is missing, and what the library does about it.
    pub(in crate::stores) evidence: &'static str,
    /// Younger ones may be being written.
    pub(in crate::stores) settled_secs: f64,
}

/// What names an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::stores) enum KeyForm {
    /// These columns; empty for the row's own number.
    Columns(Vec<usize>),
    /// Bytes in one column, whatever type SQLite gives them.
    Bytes(usize),
}

/// What an entry's value is.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::stores) enum ValueForm {
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
    /// `YYYY-MM-DD HH:MM:SS[.ffffff]`; the year 9999 is never (Django). In UTC where the project has `USE_TZ`, else in
    /// the project's own zone (`backends/db.py: _base_set`), which nothing in the database tells: read as UTC.
    UtcText,
}

impl RowTable {
    /// A table whose rows are named by its primary key, in a group of its name.
    pub(in crate::stores) fn plain(table: Table) -> Self {
        Self {
            group: Group::named(&table.name),
            key: KeyForm::Columns(table.primary_key.clone()),
            value: ValueForm::Row,
            expires: None,
            created: None,
            accessed: None,
            has_times_in_values: false,
            label: None,
            size: None,
            left_over: None,
            incomplete: None,
            filter: None,
            keeps: None,
            volatile: Vec::new(),
            dependents: Vec::new(),
            table: Arc::new(table),
        }
    }

    /// The columns whose text a key is made of; `None` for the row's number.
    pub(in crate::stores) fn key_columns(&self) -> &[usize] {
        match &self.key {
            KeyForm::Columns(columns) if !columns.is_empty() => columns,
            KeyForm::Bytes(column) => std::slice::from_ref(column),
            KeyForm::Columns(_) => match &self.table.handle {
                Handle::Columns(columns) => columns,
                Handle::Rowid(_) | Handle::Place => &[],
            },
        }
    }

    pub(in crate::stores) fn row_at(&self, entry: &EntryKey) -> Option<RowAt> {
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

    /// What the listing selects: key columns, size, times, label, whether the row is left over, and the value itself
    /// where that is small and `has_values` asks for it.
    pub(in crate::stores) fn selection(&self, has_values: bool) -> String {
        let null = || "NULL".to_owned();
        let time = |form: Option<(usize, TimeForm)>| {
            form.map_or_else(null, |(column, _)| self.table.quoted(column))
        };
        let keys = self.key_columns().iter().map(|c| self.table.quoted(*c));
        let others = [
            self.size(),
            self.expiry(),
            time(self.created),
            time(self.accessed),
            self.label.clone().unwrap_or_else(null),
            self.left_over.clone().unwrap_or_else(null),
            match self.value {
                ValueForm::Column(column, _) if has_values => {
                    let name = self.table.quoted(column);
                    format!("CASE WHEN octet_length({name}) <= {LISTED_BYTES} THEN {name} END")
                }
                _ => null(),
            },
        ];
        keys.chain(others).collect::<Vec<String>>().join(", ")
    }

    /// Names of the columns that neither key, value nor times are made of.
    pub(in crate::stores) fn other_columns(&self) -> Vec<String> {
        let ValueForm::Column(value, _) = self.value else {
            return Vec::new();
        };
        let times = [self.expires, self.created, self.accessed];
        let mut known: Vec<usize> = times.iter().flatten().map(|(column, _)| *column).collect();
        known.extend(self.key_columns());
        known.push(value);
        let columns = self.table.columns.iter().enumerate();
        columns
            .filter(|(at, _)| !known.contains(at))
            .map(|(_, column)| column.name.clone())
            .collect()
    }

    /// What a check selects: when the row expires and was stored, and whether its value is not all there.
    pub(in crate::stores) fn checked(&self) -> String {
        let created = self.created.map(|(column, _)| self.table.quoted(column));
        let created = created.as_deref().unwrap_or("NULL");
        let incomplete = self.incomplete.as_ref().map_or("0", |i| &i.sql);
        format!("{}, {created}, {incomplete}", self.expiry())
    }

    /// When the row expires; one that is left over does so no more.
    fn expiry(&self) -> String {
        match (self.expires, &self.left_over) {
            (None, _) => "NULL".to_owned(),
            (Some((column, _)), None) => self.table.quoted(column),
            (Some((column, _)), Some(left_over)) => {
                let column = self.table.quoted(column);
                format!("CASE WHEN ifnull({left_over}, 0) THEN NULL ELSE {column} END")
            }
        }
    }

    /// Bytes of the value as SQLite's `octet_length` counts them: numbers as text.
    pub(in crate::stores) fn size(&self) -> String {
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

/// Whether a time is past.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::stores) enum Past {
    Yes,
    No,
    /// In some zones it is.
    ByZone,
}

/// The zones that clocks go by lie between 12 hours west and 14 hours east of UTC.
const WESTERNMOST_SECS: i64 = 12 * 3600;
const EASTERNMOST_SECS: i64 = 14 * 3600;

/// Largest value that a listing reads together with its row.
const LISTED_BYTES: usize = 64 << 10;
/// Before the number of a row that nothing else names.
pub(in crate::stores) const ROW_NUMBER: &[u8] = b"\0#";

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

impl TimeForm {
    /// The time in a cell; `None` for never, and for what is no time.
    pub(crate) fn read(self, cell: &Cell) -> Option<Time> {
        match (self, cell) {
            (Self::UnixSeconds, Cell::Integer(secs)) => Time::from_store_secs(*secs),
            (Self::UnixSeconds, Cell::Real(secs)) => Time::from_store(*secs),
            (Self::UtcText, Cell::Text(bytes)) => http::from_iso(std::str::from_utf8(bytes).ok()?),
            _ => None,
        }
    }

    /// Whether it is past: sure only where it is so in every zone that the time may be meant in.
    pub(in crate::stores) fn is_past(self, time: Time, now: Time) -> Past {
        let age_secs = now.secs().saturating_sub(time.secs());
        match self {
            Self::UnixSeconds if time <= now => Past::Yes,
            Self::UtcText if age_secs >= WESTERNMOST_SECS => Past::Yes,
            Self::UtcText if age_secs > -EASTERNMOST_SECS => Past::ByZone,
            _ => Past::No,
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
