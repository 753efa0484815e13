//! How rows are taken out of their tables, as data, and what goes with them.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;

use super::{Opened, RowTable};
use crate::model::{Cancel, EntryKey};
use crate::sqlite::{self, Cell, RowAt, quote, write_key};
use crate::stores::{Dependent, Removal, RowRemoval, RowRules, Store};
use crate::{Error, Result};

impl RowTable {
    fn rules(&self) -> RowRules {
        RowRules {
            table: Arc::clone(&self.table),
            size: Some(self.size()),
            stored: None,
            expires: self.keeps,
            volatile: self.volatile.clone(),
            file: None,
            triggers: &[],
            dependents: self.dependents.clone(),
        }
    }
}

impl Opened {
    /// How an entry is taken out.
    pub(super) fn removal(&self, store: &Store, entry: &EntryKey) -> Result<Removal> {
        let (number, table, at) = self.find_numbered(entry)?;
        Ok(Removal::Row(RowRemoval {
            database: PathBuf::from(&store.name),
            at,
            rules: self.rules(number, table)?,
        }))
    }

    /// How rows of a table are taken out.
    fn rules(&self, number: usize, table: &RowTable) -> Result<Arc<RowRules>> {
        let refuse = |why: &str| Err(Error::refused("Cannot clear the entry", why.to_owned()));
        let Some(kept) = self.rules.get(number) else {
            return refuse("its table is gone");
        };
        let known = if let Some(known) = kept.get() {
            known
        } else {
            let rules = Arc::new(table.rules());
            let beyond = self.database.read(&Cancel::default(), |view| {
                rules.reaches_beyond(view.connection)
            })?;
            kept.get_or_init(|| beyond.map_or(Ok(rules), Err))
        };
        known.clone().or_else(|why| refuse(&why))
    }

    /// What goes with these entries, in words.
    pub(super) fn notes(&self, entries: &[&EntryKey]) -> Result<Vec<String>> {
        let mut notes = Vec::new();
        for table in self.tables.iter().filter(|t| !t.dependents.is_empty()) {
            let own = entries.iter().filter(|e| e.group == table.group.locator);
            let rows: Vec<RowAt> = own.filter_map(|entry| table.row_at(entry)).collect();
            for dependent in &table.dependents {
                let n = self.count_dependents(table, dependent, &rows)?;
                if n > 0 {
                    let (one, several) = dependent.words;
                    let (words, go) = if n == 1 {
                        (one, "goes")
                    } else {
                        (several, "go")
                    };
                    notes.push(format!("{n} {words} to the chosen entries {go} with them"));
                }
            }
        }
        Ok(notes)
    }

    fn count_dependents(
        &self,
        table: &RowTable,
        dependent: &Dependent,
        rows: &[RowAt],
    ) -> Result<usize> {
        self.database.read(&Cancel::default(), |view| {
            let mut values: HashSet<Vec<u8>> = HashSet::new();
            for at in rows {
                let known = match at {
                    RowAt::Columns(columns) => columns.iter().find(|(c, _)| *c == dependent.of),
                    _ => None,
                };
                let value = if let Some((_, cell)) = known {
                    Some(cell.clone())
                } else {
                    let column = table.table.quoted(dependent.of);
                    sqlite::row_of(view.connection, &table.table, at, &column, |row| {
                        Ok(Cell::from(row.get_ref(0)?))
                    })?
                };
                if let Some(cell) = value.filter(|cell| *cell != Cell::Null) {
                    let mut key = Vec::new();
                    write_key(cell.as_ref(), &mut key);
                    values.insert(key);
                }
            }
            let mut statement = view.connection.prepare_cached(&format!(
                "SELECT {} FROM {}",
                dependent.table.quoted(dependent.column),
                quote(&dependent.table.name)
            ))?;
            let mut rows = statement.query([])?;
            let (mut n, mut key) = (0, Vec::new());
            while let Some(row) = rows.next()? {
                key.clear();
                write_key(row.get_ref(0)?, &mut key);
                n += usize::from(values.contains(&key));
            }
            Ok(n)
        })
    }
}
