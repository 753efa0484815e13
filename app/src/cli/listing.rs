//! The chosen entries of one store, with what a check or a glance at their values found out about them.

use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use cachescope_core::model::{
    Cancel, EntryId, EntryKey, Progress, Record, Role, Row, Snapshot, Time, Verdict,
};
use cachescope_core::ops::query::{Needs, Query};
use cachescope_core::ops::{Control, Identity, Rows, check, identify};
use cachescope_core::source::FileType;
use cachescope_core::stores::{CheckOptions, Store};

use super::Global;
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
    /// For which of them type and codec are looked up.
    pub(super) types: Types,
    /// Stops the reading at the next entry.
    pub(super) cancel: Cancel,
    /// Counts what is read and checked.
    pub(super) progress: Option<&'a Progress>,
}

/// For which entries a type that the listing left out is looked up in the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Types {
    /// None.
    #[default]
    Listed,
    /// Those without files of their own, up to [`UNASKED`] of them: no further file is opened.
    Inside,
    /// All.
    All,
}

/// Values that are opened for their type without being asked to.
pub(super) const UNASKED: usize = 1000;

/// Tells which values lie in the store's own file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Inside {
    is_file: bool,
}

impl Inside {
    pub(super) fn of(store: &Store) -> Self {
        let meta = store.parent.stat(&store.name);
        Self {
            is_file: meta.is_ok_and(|meta| meta.file_type == FileType::File),
        }
    }

    /// True if the type is not known and opening the value opens no further file.
    pub(super) fn has_unknown(self, record: &Record<'_>) -> bool {
        (self.is_file || record.files == 0) && record.value_type.is_none()
    }
}

/// The store, and the entries that the query chooses; `None` where none was given.
///
/// # Errors
/// If the query or the store cannot be read.
pub(super) fn chosen(
    store: Store,
    global: &Global,
    cancel: &Cancel,
) -> Result<(Store, Option<HashSet<EntryId>>), Failure> {
    if global.query.is_none() {
        return Ok((store, None));
    }
    let wish = Wish {
        query: global.query()?,
        cancel: cancel.clone(),
        ..Wish::default()
    };
    let listing = Listing::read(store, &wish)?;
    let ids = listing
        .rows
        .iter()
        .filter_map(|row| Some(listing.record(*row)?.id()));
    let ids = ids.collect();
    Ok((listing.store, Some(ids)))
}

/// Rows of a snapshot and what is known beyond it.
pub(super) struct Listing {
    pub(super) store: Store,
    pub(super) snapshot: Arc<Snapshot>,
    /// By group and key.
    pub(super) rows: Vec<Row>,
    verdicts: HashMap<Row, Verdict>,
    /// Rows that were not found any more when they were checked.
    pub(super) n_gone: usize,
    identities: HashMap<Row, Identity>,
}

impl Listing {
    /// Reads a store and finds out what the wish asks for.
    ///
    /// # Errors
    /// If the store as a whole cannot be read.
    pub(super) fn read(store: Store, wish: &Wish<'_>) -> Result<Self, Failure> {
        let own = Progress::default();
        let control = Control {
            cancel: &wish.cancel,
            progress: wish.progress.unwrap_or(&own),
        };
        let snapshot = Snapshot::read(&store, control.cancel, control.progress)?;
        let mut listing = Self {
            store,
            rows: snapshot.rows().collect(),
            snapshot,
            verdicts: HashMap::new(),
            n_gone: 0,
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
        if needs.types || wish.types != Types::Listed {
            let types = if needs.types { Types::All } else { wish.types };
            listing.identify(types, control)?;
            unknown.types = false;
            listing.retain(|listing, row, record| {
                listing.matches(&wish.query.without(unknown), row, record)
            });
        }
        if has_check {
            listing.check(&wish.check.clone().unwrap_or_default(), control)?;
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

    fn identify(&mut self, types: Types, control: Control<'_>) -> Result<(), Failure> {
        let inside = Inside::of(&self.store);
        let unknown = |row: &Row| {
            self.snapshot
                .record(*row)
                .is_some_and(|record| match types {
                    Types::All => record.value_type.is_none() || record.codec.is_none(),
                    _ => inside.has_unknown(&record),
                })
        };
        let rows: Vec<Row> = self.rows.iter().copied().filter(unknown).collect();
        if types == Types::Inside && rows.len() > UNASKED {
            return Ok(());
        }
        let identities = &mut self.identities;
        identify(
            &self.store,
            Rows {
                snapshot: &self.snapshot,
                rows: &rows,
            },
            control,
            &mut |row, identity| {
                identities.insert(row, identity);
            },
        )?;
        Ok(())
    }

    fn check(&mut self, options: &CheckOptions, control: Control<'_>) -> Result<(), Failure> {
        let verdicts = &mut self.verdicts;
        check::run(
            &self.store,
            Rows {
                snapshot: &self.snapshot,
                rows: &self.rows,
            },
            options,
            control,
            &mut |row, verdict| {
                verdicts.insert(row, verdict);
            },
        )?;
        // What is gone since it was listed has no verdict, and no line.
        let verdicts = &self.verdicts;
        let n_listed = self.rows.len();
        self.rows.retain(|row| verdicts.contains_key(row));
        self.n_gone = n_listed - self.rows.len();
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

/// By group, then key (numbers by their value, before other texts), then place in the file.
fn in_order(a: &Record<'_>, b: &Record<'_>) -> Ordering {
    let group = a.group.label.cmp(&b.group.label);
    let key = || keys_in_order(&a.key_text(), &b.key_text());
    group.then_with(key).then(a.ordinal.cmp(&b.ordinal))
}

fn keys_in_order(a: &str, b: &str) -> Ordering {
    // Digits compare by length first: 9 before 10. Other texts stand behind all numbers, or 9, 10, 5x were a circle.
    let digits = |key: &str| {
        let is_number = !key.is_empty() && key.bytes().all(|b| b.is_ascii_digit());
        if is_number { key.len() } else { usize::MAX }
    };
    digits(a).cmp(&digits(b)).then_with(|| a.cmp(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_numbers_and_texts_have_one_order() {
        let mut keys = ["5x", "10", "", "9", "007", "a", "10x", "9"];
        keys.sort_by(|a, b| keys_in_order(a, b));
        assert_eq!(keys, ["9", "9", "10", "007", "", "10x", "5x", "a"]);
        for a in keys {
            for b in keys {
                assert_eq!(keys_in_order(a, b), keys_in_order(b, a).reverse());
                for c in keys {
                    let is_chain = keys_in_order(a, b).is_le() && keys_in_order(b, c).is_le();
                    assert!(!is_chain || keys_in_order(a, c).is_le(), "{a} {b} {c}");
                }
            }
        }
    }
}
