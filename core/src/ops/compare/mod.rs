//! Two stores to their difference: entries of one only, of both with the same value, of both with different ones.

mod keys;
mod labels;
mod latency;
#[cfg(test)]
mod tests;
mod value;

use std::collections::HashMap;

pub(crate) use keys::{Index, Keys, identity, is_empty_dict};
pub(crate) use latency::read_whole;
pub use latency::{Latency, latency};
pub use value::{Sameness, same_value};

use super::each::{Control, Rows, each};
use crate::Result;
use crate::model::{EntryKey, Record, Role, Row, Snapshot};
use crate::stores::{KeyTypes, Store};

/// Where an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// In the left store only.
    Left,
    /// In the right store only.
    Right,
    /// In both, with the same value.
    Same,
    /// In both, with different values.
    Different,
}

impl Side {
    /// Each side, in the order of their declaration.
    pub const ALL: [Self; 4] = [Self::Left, Self::Right, Self::Same, Self::Different];

    /// As in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Left => "left",
            Self::Right => "right",
            Self::Same => "same",
            Self::Different => "different",
        }
    }
}

/// One key of either store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pair {
    /// Its row on the left.
    pub left: Option<Row>,
    /// Its row on the right.
    pub right: Option<Row>,
    /// What comparing said.
    pub side: Side,
}

/// Every key of two stores: those of the left one in its stored order, then those of the right one alone.
#[derive(Debug, Clone, Default)]
pub struct Difference {
    /// The keys.
    pub pairs: Vec<Pair>,
    /// Why keys, or values of differing bytes, could not be compared, by place in `pairs`.
    pub reasons: HashMap<usize, String>,
}

impl Difference {
    /// Leaves out the keys that are not wanted.
    pub fn retain(&mut self, is_wanted: impl Fn(&Pair) -> bool) {
        let mut reasons = HashMap::new();
        let mut kept = Vec::new();
        for (at, pair) in std::mem::take(&mut self.pairs).into_iter().enumerate() {
            if is_wanted(&pair) {
                if let Some(why) = self.reasons.remove(&at) {
                    reasons.insert(kept.len(), why);
                }
                kept.push(pair);
            }
        }
        (self.pairs, self.reasons) = (kept, reasons);
    }

    /// Keys of a side.
    pub fn count(&self, side: Side) -> usize {
        self.pairs.iter().filter(|pair| pair.side == side).count()
    }
}

/// A store with its listing.
#[derive(Clone, Copy)]
pub struct Listed<'a> {
    /// The store.
    pub store: &'a Store,
    /// What it holds.
    pub snapshot: &'a Snapshot,
}

/// Compares two stores entry by entry.
///
/// # Errors
/// If a store cannot be read, or it was cancelled.
pub fn difference(left: Listed<'_>, right: Listed<'_>, control: Control<'_>) -> Result<Difference> {
    let names = Names::of(left, right);
    let theirs = entries(right)?;
    let index = Index::of(right.snapshot, &theirs, |entry| {
        names.id(names.right, entry)
    });
    let rows = entries(left)?;
    let places: HashMap<Row, usize> = rows
        .iter()
        .enumerate()
        .map(|(at, row)| (*row, at))
        .collect();
    let mut difference = Difference {
        pairs: rows
            .iter()
            .map(|row| Pair {
                left: Some(*row),
                right: None,
                side: Side::Left,
            })
            .collect(),
        reasons: HashMap::new(),
    };
    let work = |record: &Record<'_>| {
        let entry = record.entry_key();
        let id = match names.id(names.left, &entry) {
            Ok(id) => id,
            // Without a name it is in this store alone.
            Err(error) => return Some((None, Err(error.message()))),
        };
        let row = index.find(id)?;
        Some((Some(row), compared(left.store, &entry, right, row)))
    };
    // Nothing is known of a row whose comparison failed inside.
    let broken = || {
        let why = "comparing it failed: please report this";
        (None, Err(why.to_owned()))
    };
    let chosen = Rows {
        snapshot: left.snapshot,
        rows: &rows,
    };
    each(
        chosen,
        control,
        &work,
        &broken,
        &mut |row, (theirs, side)| {
            let Some(at) = places.get(&row) else {
                return;
            };
            if let Some(pair) = difference.pairs.get_mut(*at)
                && theirs.is_some()
            {
                pair.right = theirs;
                pair.side = *side.as_ref().unwrap_or(&Side::Different);
            }
            if let Err(why) = side {
                difference.reasons.insert(*at, why);
            }
        },
    )?;
    let mut met: Vec<Row> = difference
        .pairs
        .iter()
        .filter_map(|pair| pair.right)
        .collect();
    met.sort_unstable();
    let nameless: HashMap<Row, String> = index.nameless.into_iter().collect();
    for row in theirs {
        if met.binary_search(&row).is_ok() {
            continue;
        }
        if let Some(why) = nameless.get(&row) {
            difference
                .reasons
                .insert(difference.pairs.len(), why.clone());
        }
        difference.pairs.push(Pair {
            left: None,
            right: Some(row),
            side: Side::Right,
        });
    }
    Ok(difference)
}

/// The entries of a store; an empty dict in a file has none, though its listing shows the value.
fn entries(listed: Listed<'_>) -> Result<Vec<Row>> {
    if is_empty_dict(listed.store, listed.snapshot)? {
        return Ok(Vec::new());
    }
    let records = listed.snapshot.records();
    let entries = records.filter(|(_, record)| record.role == Role::Entry);
    Ok(entries.map(|(row, _)| row).collect())
}

/// Whether two entries of one key have one value, or why that cannot be told.
fn compared(left: &Store, ours: &EntryKey, right: Listed<'_>, row: Row) -> Result<Side, String> {
    let theirs = right.snapshot.record(row).map(|record| record.entry_key());
    let theirs = theirs.ok_or("it is gone meanwhile")?;
    let same = left
        .open_value(ours)
        .and_then(|ours| same_value(&ours, &right.store.open_value(&theirs)?));
    match same {
        Ok(Sameness::Same) => Ok(Side::Same),
        Ok(Sameness::Different) => Ok(Side::Different),
        Ok(Sameness::Unknown(why)) => Err(why),
        Err(error) => Err(error.to_string()),
    }
}

/// How two stores name their keys, so that equal names mean one key.
struct Names<'a> {
    left: Keys<'a>,
    right: Keys<'a>,
    in_groups: bool,
    types: KeyTypes,
}

impl<'a> Names<'a> {
    fn of(left: Listed<'a>, right: Listed<'a>) -> Self {
        let (left, right) = (
            Keys::of(left.store, left.snapshot),
            Keys::of(right.store, right.snapshot),
        );
        let is_any_alike = [left.types, right.types].contains(&KeyTypes::Alike);
        Self {
            in_groups: left.needs_groups && right.needs_groups,
            types: if is_any_alike {
                KeyTypes::Alike
            } else {
                KeyTypes::Apart
            },
            left,
            right,
        }
    }

    fn id(&self, keys: Keys<'_>, entry: &EntryKey) -> Result<u128> {
        let (group, key) = keys.name(entry, self.in_groups)?;
        Ok(identity(&group, &key, self.types))
    }
}
