//! What every kind is given: the entries whose values can be read, as that kind takes them.

use crate::model::{EntryKey, Row};
use crate::ops::Control;
use crate::ops::compare::{Keys, identity};
use crate::ops::sample::sample;
use crate::stores::{KeyTypes, NativeKey, Payload, Store};
use crate::write::shelf::Shelf;
use crate::write::{Holds, Target, joblib};
use crate::{Error, Result};

/// Group of entries that were no calls, in joblib's layout.
const GROUP: &str = "bench/entry";

/// Values up to this are kept in memory instead of being read again for each kind.
const KEPT_BYTES: u64 = 256 << 20;

/// What of the store can be written elsewhere.
#[derive(Default)]
pub(super) struct Readable {
    pub(super) rows: Vec<(Row, EntryKey)>,
    /// Their values, in the same order; empty where they are too large to be kept, or some kinds cannot carry one.
    pub(super) values: Vec<Payload>,
}

/// The entries whose keys and values can be read: torn and incomplete ones are left out of every kind, and counted.
pub(super) fn readable(
    source: &Store,
    keys: Keys<'_>,
    drawn: Vec<(Row, EntryKey)>,
    control: Control<'_>,
) -> Result<Readable> {
    control.progress.set_total(drawn.len() as u64);
    let mut readable = Readable::default();
    let mut n_bytes = 0_u64;
    let mut are_kept = true;
    let mut shelf = Shelf::default();
    for (row, entry) in drawn {
        control.cancel.check()?;
        control.progress.add(1);
        let value = keys
            .name(&entry, true)
            .and_then(|_| Payload::read(&source.open_value(&entry)?));
        match value {
            Err(error) if error.is_cancelled() => return Err(error),
            // What a kind cannot carry is said of that kind.
            Err(error) if error.is_refused() => are_kept = false,
            Err(_) => continue,
            // A torn pickle among others; what cannot be told is said of the kinds that have to know.
            Ok(value) if shelf.judge(&value).is_err_and(|error| error.is_damaged()) => continue,
            Ok(value) if are_kept => {
                n_bytes = n_bytes.saturating_add(value.len());
                readable.values.push(value);
            }
            Ok(_) => {}
        }
        readable.rows.push((row, entry));
        if !are_kept || n_bytes > KEPT_BYTES {
            are_kept = false;
            readable.values = Vec::new();
        }
    }
    Ok(readable)
}

/// The entries that the kinds are given.
pub(super) struct Load<'a> {
    source: &'a Store,
    keys: Keys<'a>,
    pub(super) rows: &'a [(Row, EntryKey)],
    /// See [`Readable`].
    values: &'a [Payload],
    /// Places of all rows.
    all: Vec<usize>,
    /// Places of those that kinds are given which make a folder for each entry.
    few: Vec<usize>,
}

impl<'a> Load<'a> {
    /// Of what can be read, `few` entries drawn with `seed` for kinds that make a folder for each.
    pub(super) fn new(
        source: &'a Store,
        keys: Keys<'a>,
        readable: &'a Readable,
        (few, seed): (usize, u64),
    ) -> Self {
        let all: Vec<usize> = (0..readable.rows.len()).collect();
        Self {
            source,
            keys,
            rows: &readable.rows,
            values: &readable.values,
            few: sample(all.clone(), Some(few), seed),
            all,
        }
    }

    /// Places of the rows that a kind is given.
    pub(super) fn places(&self, target: &Target) -> &[usize] {
        if target.is_folder_each {
            &self.few
        } else {
            &self.all
        }
    }

    /// True if groups are part of what names an entry in that kind of store.
    pub(super) fn in_groups(&self, target: &Target) -> bool {
        target.kind == joblib::KIND || (target.has_groups && self.keys.needs_groups)
    }

    /// Group and key in that kind of store.
    pub(super) fn name(&self, target: &Target, entry: &EntryKey) -> Result<(String, NativeKey)> {
        if target.kind != joblib::KIND {
            return self.keys.name(entry, target.has_groups);
        }
        // To joblib a key is a hash: here of the key, since no arguments are known.
        let (group, key) = self.keys.name(entry, true)?;
        let id = identity(&group, &key, KeyTypes::Apart);
        let hash = format!("{id:032x}").into_bytes();
        Ok((GROUP.to_owned(), NativeKey::Text(hash)))
    }

    /// The entry at a place as it is written: group, key, value.
    pub(super) fn entry(
        &self,
        target: &Target,
        at: usize,
        shelf: &mut Shelf,
    ) -> Result<(String, NativeKey, Payload)> {
        let (_, entry) = self.rows.get(at).ok_or_else(|| {
            Error::not_found("Cannot write the entry", "it is none of the drawn ones")
        })?;
        let (group, key) = self.name(target, entry)?;
        let is_joblibs = self.source.info.kind == joblib::KIND && target.kind == joblib::KIND;
        let value = match self.values.get(at) {
            // Arrays in joblib's own form.
            _ if is_joblibs => Payload::read_as_joblib(&self.source.open_value(entry)?)?,
            Some(value) => value.clone(),
            None => Payload::read(&self.source.open_value(entry)?)?,
        };
        let value = match (target.holds, value) {
            // To measure with, bytes are as good as the object that their library would make of them.
            (Holds::Objects, Payload::Foreign(bytes)) => Payload::Bytes(bytes),
            (Holds::Objects, value) => shelf.object(value)?,
            (Holds::Bytes, value) => value,
        };
        Ok((group, key, value))
    }
}
