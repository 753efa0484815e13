//! One page of rows on its way to a scan's collector.

use rusqlite::types::ValueRef;

use super::table::ROW_NUMBER;
use super::{KeyForm, RowTable, TimeForm};
use crate::model::{EntryKey, Record, Role, Time};
use crate::sqlite::{self, Cell, Handle, PageBuffer};
use crate::stores::{Collector, Scan, ValueTimes};

/// What an entry's value says of its times; a small value is at hand, any other is looked up.
pub(super) type TimesOf<'a> = &'a dyn Fn(&EntryKey, Option<Cell>) -> ValueTimes;

/// Bytes of values that a page holds until it is known to be sound; values beyond are looked up one by one.
const VALUES_BYTES: usize = 8 << 20;

/// The rows of one page, end to end, until the page is known to be sound.
pub(super) struct RowPage<'a, 's> {
    table: &'a RowTable,
    scan: &'a Scan<'s>,
    collector: &'a mut dyn Collector,
    /// Where times are read from values.
    times_of: Option<TimesOf<'a>>,
    n_keys: usize,
    texts: Vec<u8>,
    rows: Vec<PageRow>,
    /// Bytes of the values among the rows.
    n_value_bytes: usize,
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
    /// The value, where times are read from it and it is small.
    value: Option<Cell>,
}

impl<'a, 's> RowPage<'a, 's> {
    pub(super) fn new(
        table: &'a RowTable,
        scan: &'a Scan<'s>,
        collector: &'a mut dyn Collector,
        times_of: Option<TimesOf<'a>>,
    ) -> Self {
        Self {
            n_keys: table.key_columns().len(),
            table,
            scan,
            collector,
            times_of,
            texts: Vec::new(),
            rows: Vec::new(),
            n_value_bytes: 0,
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

    /// The value that the listing selected, if there is room for it.
    fn value(&mut self, row: &rusqlite::Row<'_>, at: usize) -> rusqlite::Result<Option<Cell>> {
        if self.times_of.is_none() || self.n_value_bytes > VALUES_BYTES {
            return Ok(None);
        }
        let value = row.get_ref(at)?;
        if let ValueRef::Blob(bytes) | ValueRef::Text(bytes) = value {
            self.n_value_bytes += bytes.len();
            return Ok(Some(value.into()));
        }
        Ok(None)
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
        self.n_value_bytes = 0;
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
        let value = self.value(row, behind + 6)?;
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
            value,
        });
        Ok(())
    }

    fn flush(&mut self) {
        let mut start = 0;
        for row in &mut self.rows {
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
            if let Some(times_of) = self.times_of
                && !self.scan.cancel.is_cancelled()
            {
                let times = times_of(&record.entry_key(), row.value.take());
                // A column is what the library goes by, also where it says never.
                if self.table.expires.is_none() {
                    record.expires = times.expires;
                }
                record.created = record.created.or(times.created);
            }
            self.collector.record(&record);
        }
        self.scan.progress.add(self.rows.len() as u64);
        self.n_before += self.rows.len();
    }
}
