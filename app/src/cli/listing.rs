//! The chosen entries of one store, with what a check or a glance at their values found out about them.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::Arc;

use cachescope_core::model::{EntryKey, Record, Role, Row, Snapshot, Time, Verdict};
use cachescope_core::ops::query::{Needs, Query};
use cachescope_core::ops::{Control, Identity, Rows, check, identify};
use cachescope_core::scan::{Cancel, Progress};
use cachescope_core::stores::{CheckOptions, Store};

use super::out::Failure;

/// What is wanted of a store.
#[derive(Default)]
pub(super) struct Wish<'a> {
    /// Entries that match.
    pub(super) query: Query,
    /// Of these, only the ones that are called so.
    pub(super) only: Option<&'a (dyn Fn(&Record<'_>) -> bool + 'a)>,
    /// A condition for each, and orphans too.
    pub(super) check: Option<CheckOptions>,
    /// Type and codec of each, even where that means opening its value.
    pub(super) has_types: bool,
}

/// Rows of a snapshot and what is known beyond it.
pub(super) struct Listing {
    pub(super) store: Store,
    pub(super) snapshot: Arc<Snapshot>,
    /// By group and key.
    pub(super) rows: Vec<Row>,
    verdicts: HashMap<Row, Verdict>,
    identities: HashMap<Row, Identity>,
}

impl Listing {
    /// Reads a store and finds out what the wish asks for.
    ///
    /// # Errors
    /// If the store as a whole cannot be read.
    pub(super) fn read(store: Store, wish: &Wish<'_>) -> Result<Self, Failure> {
        let snapshot = Snapshot::read(&store, &Cancel::default(), &Progress::default())?;
        let mut listing = Self {
            store,
            rows: snapshot.rows().collect(),
            snapshot,
            verdicts: HashMap::new(),
            identities: HashMap::new(),
        };
        let needs = wish.query.needs();
        let has_check = wish.check.is_some() || needs.conditions;
        let mut unknown = Needs {
            conditions: true,
            types: true,
            args: false,
        };
        listing.retain(|listing, row, record| {
            (has_check || record.role == Role::Entry)
                && wish.only.is_none_or(|only| only(record))
                && listing.matches(&wish.query.without(unknown), row, record)
        });
        if wish.has_types || needs.types {
            listing.identify()?;
            unknown.types = false;
            listing.retain(|listing, row, record| {
                listing.matches(&wish.query.without(unknown), row, record)
            });
        }
        if has_check {
            listing.check(&wish.check.clone().unwrap_or_default())?;
            listing.retain(|listing, row, record| listing.matches(&wish.query, row, record));
        }
        listing.sort();
        Ok(listing)
    }

    fn retain(&mut self, is_wanted: impl Fn(&Self, Row, &Record<'_>) -> bool) {
        let rows = std::mem::take(&mut self.rows);
        self.rows = rows
            .into_iter()
            .filter(|row| {
                self.record(*row)
                    .is_some_and(|record| is_wanted(self, *row, &record))
            })
            .collect();
    }

    fn matches(&self, query: &Query, row: Row, record: &Record<'_>) -> bool {
        query.matches_whole(record, self.verdict(row), Time::now(), || {
            Some(self.store.details(&record.entry_key()).ok()?.args)
        })
    }

    fn identify(&mut self) -> Result<(), Failure> {
        let unknown = |row: &Row| {
            let record = self.snapshot.record(*row);
            record.is_some_and(|r| r.value_type.is_none() || r.codec.is_none())
        };
        let rows: Vec<Row> = self.rows.iter().copied().filter(unknown).collect();
        let identities = &mut self.identities;
        identify(
            &self.store,
            Rows {
                snapshot: &self.snapshot,
                rows: &rows,
            },
            quiet(&Cancel::default(), &Progress::default()),
            &mut |row, identity| {
                identities.insert(row, identity);
            },
        )?;
        Ok(())
    }

    fn check(&mut self, options: &CheckOptions) -> Result<(), Failure> {
        let verdicts = &mut self.verdicts;
        check::run(
            &self.store,
            Rows {
                snapshot: &self.snapshot,
                rows: &self.rows,
            },
            options,
            quiet(&Cancel::default(), &Progress::default()),
            &mut |row, verdict| {
                verdicts.insert(row, verdict);
            },
        )?;
        // What is gone since it was listed has no verdict, and no line.
        let verdicts = &self.verdicts;
        self.rows.retain(|row| verdicts.contains_key(row));
        Ok(())
    }

    fn sort(&mut self) {
        let snapshot = &self.snapshot;
        self.rows
            .sort_by(|a, b| match (snapshot.record(*a), snapshot.record(*b)) {
                (Some(a), Some(b)) => in_order(&a, &b),
                _ => Ordering::Equal,
            });
    }

    /// What was found out about a row.
    pub(super) fn verdict(&self, row: Row) -> Option<&Verdict> {
        self.verdicts.get(&row)
    }

    /// The row's record, with type and codec where those were looked up.
    pub(super) fn record(&self, row: Row) -> Option<Record<'_>> {
        let mut record = self.snapshot.record(row)?;
        if let Some(identity) = self.identities.get(&row) {
            record.value_type = identity.value_type.as_deref().or(record.value_type);
            record.codec = identity.codec.as_deref().or(record.codec);
        }
        Some(record)
    }

    /// The chosen records in order, each with its verdict.
    pub(super) fn records(&self) -> impl Iterator<Item = (Record<'_>, Option<&Verdict>)> {
        self.rows
            .iter()
            .filter_map(|row| Some((self.record(*row)?, self.verdict(*row))))
    }

    /// The arguments of an entry that a snapshot keeps only in part.
    pub(super) fn whole_args(&self, key: &EntryKey) -> Option<Vec<(String, String)>> {
        Some(self.store.details(key).ok()?.args)
    }
}

fn quiet<'a>(cancel: &'a Cancel, progress: &'a Progress) -> Control<'a> {
    Control { cancel, progress }
}

/// By group, then key (numbers by their value), then place in the file.
fn in_order(a: &Record<'_>, b: &Record<'_>) -> Ordering {
    let number = |key: &[u8]| {
        let is_number = !key.is_empty() && key.iter().all(u8::is_ascii_digit);
        // Digits without leading zeros compare by length first.
        is_number.then_some(key.len())
    };
    let group = a.group.label.cmp(&b.group.label);
    let key = match (number(a.key), number(b.key)) {
        (Some(a_len), Some(b_len)) => a_len.cmp(&b_len).then_with(|| a.key.cmp(b.key)),
        _ => a.key.cmp(b.key),
    };
    group.then(key).then(a.ordinal.cmp(&b.ordinal))
}
