//! What names an entry outside of its store: its key with its type, and its group where the key needs it.

use std::sync::Arc;

use xxhash_rust::xxh3::xxh3_128;

use crate::formats::Options;
use crate::model::value::Tag;
use crate::model::{EntryKey, Role, Row, Snapshot};
use crate::stores::{KeyScope, KeyTypes, NativeKey, Store};
use crate::{Error, Result};

/// How the keys of one store are named.
#[derive(Clone, Copy)]
pub(crate) struct Keys<'a> {
    store: &'a Store,
    /// True where a key means nothing without its group.
    pub(crate) needs_groups: bool,
    /// Whether text and bytes are two keys.
    pub(crate) types: KeyTypes,
}

impl<'a> Keys<'a> {
    /// Looks at what a store holds: the first key that can be read tells the types of all.
    pub(crate) fn of(store: &'a Store, snapshot: &Snapshot) -> Self {
        let entries = || {
            let records = snapshot.records().map(|(_, record)| record);
            records.filter(|record| record.role == Role::Entry)
        };
        let types = entries()
            .find_map(|record| store.native_key(&record.entry_key()).ok())
            .map_or(KeyTypes::Apart, |key| key.types());
        let first = entries().next();
        let has_many = first.is_some_and(|first| {
            entries().any(|record| {
                !Arc::ptr_eq(record.group, first.group) && record.group != first.group
            })
        });
        let needs_groups = match store.key_scope() {
            KeyScope::Store => false,
            KeyScope::Group => has_many,
            KeyScope::Function => true,
        };
        Self {
            store,
            needs_groups,
            types,
        }
    }

    /// Group and key; the group is empty where it tells nothing, and part of the key where `in_groups` is false.
    ///
    /// # Errors
    /// If the key has to be read and cannot be, or is an object that no group could stand before.
    pub(crate) fn name(&self, entry: &EntryKey, in_groups: bool) -> Result<(String, NativeKey)> {
        let key = self.store.native_key(entry)?;
        if !self.needs_groups {
            return Ok((String::new(), key));
        }
        let group = String::from_utf8_lossy(&entry.group).into_owned();
        if in_groups {
            return Ok((group, key));
        }
        let named = key.in_group(&group).ok_or_else(|| {
            let what = format!("Cannot carry the key {}", key.shown());
            Error::refused(what, "without its table it would name nothing")
        })?;
        Ok((String::new(), named))
    }
}

/// True for a file whose one value is an empty dict: it has no entries, though its listing shows the value.
///
/// # Errors
/// If it cannot be read.
pub(crate) fn is_empty_dict(store: &Store, snapshot: &Snapshot) -> Result<bool> {
    if snapshot.totals.entries != 1 {
        return Ok(false);
    }
    let Some(whole) = store.whole()? else {
        return Ok(false);
    };
    let preview = store.open_value(&whole)?.preview(&Options::GLANCE)?;
    let (value, node) = (&preview.value, preview.node);
    Ok(value.tag(node) == Some(Tag::Dict) && value.pairs(node).next().is_none())
}

/// A number for a group and a key, equal for equal ones.
pub(crate) fn identity(group: &str, key: &NativeKey, types: KeyTypes) -> u128 {
    let key = key.identity(types);
    let len = (group.len() as u64).to_le_bytes();
    xxh3_128(&[&len[..], group.as_bytes(), &key].concat())
}

/// Entries by identity, for look-ups.
pub(crate) struct Index {
    /// Sorted by identity.
    rows: Vec<(u128, Row)>,
    /// Entries that nobody can look for, and why.
    pub(crate) nameless: Vec<(Row, String)>,
}

impl Index {
    /// These entries of a snapshot, named as `name` says.
    pub(crate) fn of(
        snapshot: &Snapshot,
        entries: &[Row],
        name: impl Fn(&EntryKey) -> Result<u128>,
    ) -> Self {
        let (mut rows, mut nameless) = (Vec::new(), Vec::new());
        let records = entries
            .iter()
            .filter_map(|row| Some((*row, snapshot.record(*row)?)));
        for (row, record) in records {
            match name(&record.entry_key()) {
                Ok(id) => rows.push((id, row)),
                Err(error) => nameless.push((row, error.message())),
            }
        }
        // Of keys that stand twice the last one counts, as in Python.
        rows.sort_by_key(|(id, _)| *id);
        Self { rows, nameless }
    }

    /// The entry of that identity.
    pub(crate) fn find(&self, id: u128) -> Option<Row> {
        let after = self.rows.partition_point(|(known, _)| *known <= id);
        let (known, row) = self.rows.get(after.checked_sub(1)?)?;
        (*known == id).then_some(*row)
    }
}
