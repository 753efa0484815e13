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
    /// Looks at what a store holds.
    ///
    /// # Errors
    /// If its first key cannot be read.
    pub(crate) fn of(store: &'a Store, snapshot: &Snapshot) -> Result<Self> {
        let mut entries = snapshot.records().filter(|(_, r)| r.role == Role::Entry);
        let first = entries.next().map(|(_, record)| record);
        let types = match &first {
            Some(record) => store.native_key(&record.entry_key())?.types(),
            None => KeyTypes::Apart,
        };
        let has_many = first.as_ref().is_some_and(|first| {
            entries.any(|(_, record)| {
                !Arc::ptr_eq(record.group, first.group) && record.group != first.group
            })
        });
        let needs_groups = match store.key_scope() {
            KeyScope::Store => false,
            KeyScope::Group => has_many,
            KeyScope::Function => true,
        };
        Ok(Self {
            store,
            needs_groups,
            types,
        })
    }

    /// Group and key; the group is empty where it tells nothing, and part of the key where `in_groups` is false.
    ///
    /// # Errors
    /// If the key has to be read and cannot be, or is no text that a group could stand before.
    pub(crate) fn name(&self, entry: &EntryKey, in_groups: bool) -> Result<(String, NativeKey)> {
        let key = self.store.native_key(entry)?;
        if !self.needs_groups {
            return Ok((String::new(), key));
        }
        let group = String::from_utf8_lossy(&entry.group).into_owned();
        if in_groups {
            return Ok((group, key));
        }
        // Without groups a key is named as the command line names it.
        let (NativeKey::Text(text) | NativeKey::Untyped(text) | NativeKey::Bytes(text)) = &key
        else {
            let what = format!("Cannot carry the key {}", key.shown());
            return Err(Error::refused(
                what,
                "without its table it would name nothing",
            ));
        };
        let whole = [group.as_bytes(), b"/", text].concat();
        Ok((String::new(), NativeKey::Text(whole)))
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
pub(crate) struct Index(Vec<(u128, Row)>);

impl Index {
    /// Every entry of a snapshot, named as `name` says.
    pub(crate) fn of(
        snapshot: &Snapshot,
        name: impl Fn(&EntryKey) -> Result<u128>,
    ) -> Result<Self> {
        let mut list = Vec::new();
        for (row, record) in snapshot.records().filter(|(_, r)| r.role == Role::Entry) {
            list.push((name(&record.entry_key())?, row));
        }
        // Of keys that stand twice the last one counts, as in Python.
        list.sort_by_key(|(id, _)| *id);
        Ok(Self(list))
    }

    /// The entry of that identity.
    pub(crate) fn find(&self, id: u128) -> Option<Row> {
        let after = self.0.partition_point(|(known, _)| *known <= id);
        let (known, row) = self.0.get(after.checked_sub(1)?)?;
        (*known == id).then_some(*row)
    }
}
