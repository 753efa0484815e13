//! Entries that are rows: what all stores on SQLite have in common. Each kind says which columns mean what.

mod page;
mod removal;
mod table;
#[cfg(test)]
pub(super) mod tests;
mod value;

pub(super) use table::{Incomplete, KeyForm, Past, RowTable, TimeForm, ValueForm};

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

use super::advice::of_slack;
use super::python::Script;
use super::{
    Advice, Backend, Candidate, CheckOptions, Compaction, Confidence, Detail, Details, KeyScope,
    LibraryPolicy, NativeKey, PolicyChoice, PolicyLimits, Recognised, Removal, RowRules, Scan,
    Store, ValueReader, ValueTimes, policy,
};
use crate::formats::{Carrier, Options, Preview};
use crate::model::{Cancel, Condition, EntryKey, Finding, GroupWord, Issue, Severity, Time, text};
use crate::source::MemoryReader;
use crate::sqlite::{self, Cell, Database, Failure, Held, Pages, RowAt, Shape, Table, View};
use crate::{Error, Result};
use page::RowPage;
use value::{cells_of, native_key_of, reader, whole_row};

/// A kind of store whose entries are rows of one database.
pub(super) trait RowKind: Send + Sync {
    /// Its name in queries and JSON.
    const KIND: &'static [&'static str];

    /// True for the one kind that a database is taken for while it cannot be read.
    const TAKES_UNREADABLE: bool = false;

    /// Whether the database is of this kind, and who wrote it.
    fn recognise(&self, shape: &Shape) -> Option<(Confidence, Option<String>)>;

    /// Tables that anybody could have made so: whether they are this kind's, their rows have to tell.
    fn doubtful<'s>(&self, _shape: &'s Shape) -> Vec<&'s Table> {
        Vec::new()
    }

    /// Whether the rows of the doubtful tables tell that they are this kind's.
    ///
    /// # Errors
    /// If they cannot be read.
    fn is_borne_out(&self, _doubtful: &[&Table], _view: &View<'_>) -> Result<bool, Failure> {
        Ok(true)
    }

    /// What text in a column of values is that are said to be anything.
    const TEXT: Carrier = Carrier::Text;

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

    /// Python by the library that wrote the store; `None` where its row is read as any other row.
    fn python(
        &self,
        _store: &Store,
        _table: &RowTable,
        _key: &NativeKey,
        _codec: &[String],
    ) -> Option<String> {
        None
    }

    /// True where other columns than those of keys, values and times may hold anything.
    const HAS_OTHER_COLUMNS: bool = false;

    /// True where tables keep an expiry that a person may set.
    const KEEPS_EXPIRY: bool = false;

    /// True where [`Self::facts`] has something to say of a table's values.
    const KNOWS_VALUES: bool = false;

    /// What the decoded value tells of the entry.
    fn facts(&self, _preview: &Preview) -> Vec<(Cow<'static, str>, String)> {
        Vec::new()
    }

    /// See [`Backend::glance`].
    fn glance(&self, _preview: &Preview) -> Option<String> {
        None
    }

    /// When the entry was stored and when it expires by its value, where columns do not say so.
    fn times(&self, _preview: &Preview) -> ValueTimes {
        ValueTimes::default()
    }

    /// The tables whose rows are entries.
    ///
    /// # Errors
    /// If the schema cannot be read.
    fn tables(&self, view: &View<'_>) -> Result<Vec<RowTable>, Failure>;

    /// What the database holds that is none of these tables, where a person may look for it among the entries.
    ///
    /// # Errors
    /// If the schema cannot be read.
    fn left_out(&self, _view: &View<'_>) -> Result<Option<String>, Failure> {
        Ok(None)
    }
}

/// A backend over a [`RowKind`].
pub(super) struct RowStore<K>(pub(super) K);

/// What is kept while a job lasts.
struct Opened {
    database: Arc<Database>,
    tables: Vec<RowTable>,
    /// See [`RowKind::left_out`].
    left_out: Option<String>,
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
            let database = Database::new(dir, &store.name);
            let (tables, left_out) = database.read(&Cancel::default(), |v| {
                Ok((self.0.tables(v)?, self.0.left_out(v)?))
            })?;
            Ok(Opened {
                database: Arc::new(database),
                rules: tables.iter().map(|_| OnceLock::new()).collect(),
                tables,
                left_out,
            })
        })
    }

    /// A database that cannot be read for now is of no special kind.
    fn is_borne_out(&self, candidate: &Candidate<'_>, shape: &Shape) -> bool {
        let doubtful = self.0.doubtful(shape);
        if doubtful.is_empty() {
            return true;
        }
        let Ok(dir) = candidate.parent.open_below("".as_ref()) else {
            return false;
        };
        let database = Database::new(dir, candidate.name);
        let read = database.read(&Cancel::default(), |v| self.0.is_borne_out(&doubtful, v));
        read.unwrap_or(false)
    }

    /// What the value of an entry says of its times.
    fn times_of(&self, store: &Store, entry: &EntryKey) -> Result<ValueTimes> {
        self.times_in(self.open_value(store, entry)?)
    }

    /// What a value says of its times.
    fn times_in(&self, mut reader: ValueReader) -> Result<ValueTimes> {
        // Times are no secrets, and hiding takes as long as decoding.
        reader.hides_secrets = false;
        Ok(self.0.times(&reader.preview(&Options::GLANCE)?))
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

impl<K: RowKind> Backend for RowStore<K> {
    fn kinds(&self) -> &'static [&'static str] {
        K::KIND
    }

    fn recognise(&self, candidate: &Candidate<'_>) -> Result<Option<Recognised>> {
        let found = match candidate.shape() {
            Some(shape) => self
                .0
                .recognise(shape)
                .filter(|_| self.is_borne_out(candidate, shape)),
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
        if let Some(message) = &opened.left_out {
            collector.issue(Issue::new(Severity::Note, &store.info.path, message));
        }
        // Rows own no blocks of their own: the files of the database hold them all.
        collector.overhead(opened.database.disk_bytes());
        for table in &opened.tables {
            let is_read = table.has_times_in_values && scan.detail == Detail::Full;
            let times_of = |entry: &EntryKey, value: Option<Cell>| {
                let times = match (value.map(Held::from), &table.value) {
                    (Some(held), ValueForm::Column(_, carrier)) => {
                        self.times_in(reader(held, [*carrier, K::TEXT], store))
                    }
                    _ => self.times_of(store, entry),
                };
                // What is wrong with a value is found by checking it.
                times.unwrap_or_default()
            };
            let times_of = is_read.then_some(&times_of as page::TimesOf<'_>);
            let mut buffer = RowPage::new(table, scan, &mut *collector, times_of);
            let select = table.selection(is_read);
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

    fn beside_value(&self, store: &Store, entry: &EntryKey) -> Result<Vec<String>> {
        let opened = self.opened(store)?;
        let (table, _) = opened.find(entry)?;
        Ok(if K::HAS_OTHER_COLUMNS {
            table.other_columns()
        } else {
            Vec::new()
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
                reader(held, [*carrier, K::TEXT], store)
            }
            (None, ValueForm::Row) => rewritten((whole_row(&opened.database, table, &at)?, "row")),
        };
        reader.hides_secrets = K::HIDES_SECRETS;
        Ok(reader)
    }

    fn python(&self, store: &Store, entry: &EntryKey, codec: &[String]) -> Result<Option<String>> {
        let opened = self.opened(store)?;
        let (table, at) = opened.find(entry)?;
        let key = self.native_key(store, entry)?;
        if let Some(script) = self.0.python(store, table, &key, codec) {
            return Ok(Some(script));
        }
        // A value in more than one cell is put together by its library alone.
        if self.0.assembled(&opened.database, table, &at)?.is_some() {
            return Ok(None);
        }
        let column = match table.value {
            ValueForm::Column(column, _) => Some(column),
            ValueForm::Row => None,
        };
        let path = opened.database.path();
        Ok(Script::row(&path, &table.table, &at, column, codec))
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
            let preview = self.open_value(store, entry)?.preview(&Options::GLANCE)?;
            details.facts = self.0.facts(&preview);
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

    fn glance(&self, preview: &Preview) -> Option<String> {
        self.0.glance(preview)
    }

    fn check(
        &self,
        store: &Store,
        entry: &EntryKey,
        options: &CheckOptions,
    ) -> Result<Vec<Finding>> {
        let opened = self.opened(store)?;
        let (table, at) = opened.find(entry)?;
        let select = table.checked();
        let found = opened.database.read(&Cancel::default(), |view| {
            sqlite::row_of(view.connection, &table.table, &at, &select, |row| {
                let time = |at: usize, form: Option<(usize, TimeForm)>| -> rusqlite::Result<_> {
                    let cell = Cell::from(row.get_ref(at)?);
                    Ok(form.and_then(|(_, form)| form.read(&cell)))
                };
                Ok(Checked {
                    expires: time(0, table.expires)?,
                    created: time(1, table.created)?,
                    is_incomplete: row.get(2)?,
                })
            })
        })?;
        let Some(mut found) = found else {
            return Err(sqlite::gone(&opened.database, &table.table));
        };
        if table.has_times_in_values && table.expires.is_none() {
            found.expires = self.times_of(store, entry)?.expires;
        }
        let form = table
            .expires
            .map_or(TimeForm::UnixSeconds, |(_, form)| form);
        let findings = [
            found.incomplete(table, options),
            expired_as(form, found.expires, options),
        ];
        Ok(findings.into_iter().flatten().collect())
    }

    fn judges_expiry(&self) -> bool {
        true
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
        policy::expired(store, now.unix_f64().round_ties_even(), cancel)
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

    fn group_word(&self) -> GroupWord {
        GroupWord::TABLE
    }
}

/// What a check reads of a row.
struct Checked {
    expires: Option<Time>,
    created: Option<Time>,
    is_incomplete: bool,
}

impl Checked {
    fn incomplete(&self, table: &RowTable, options: &CheckOptions) -> Option<Finding> {
        let incomplete = table.incomplete.as_ref().filter(|_| self.is_incomplete)?;
        let age_secs = self
            .created
            .zip(options.now)
            .map(|(t, now)| t.age_secs(now));
        Some(
            if age_secs.is_some_and(|age| age < incomplete.settled_secs) {
                let evidence = "its body has no end yet: a program may be writing it";
                Finding::new(Condition::Fresh, evidence)
            } else {
                Finding::new(Condition::Incomplete, incomplete.evidence)
            },
        )
    }
}

/// Past the store's own expiry.
pub(super) fn expired(expires: Option<Time>, options: &CheckOptions) -> Option<Finding> {
    expired_as(TimeForm::UnixSeconds, expires, options)
}

/// The same, for a time that may be in some zone or other.
fn expired_as(form: TimeForm, expires: Option<Time>, options: &CheckOptions) -> Option<Finding> {
    let (expires, now) = (expires?, options.now?);
    let shown = expires.rfc3339();
    match form.is_past(expires, now) {
        Past::No => None,
        Past::Yes => Some(Finding::new(Condition::Expired, format!("expired {shown}"))),
        Past::ByZone => {
            let is = if expires <= now { "expired" } else { "expires" };
            let evidence = format!(
                "{is} {shown} if the project has USE_TZ; else that is the time of its own zone, which is not recorded"
            );
            Some(Finding::new(Condition::Fresh, evidence))
        }
    }
}
