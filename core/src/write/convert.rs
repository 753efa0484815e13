//! One store to another kind: entry by entry, refused where something would be lost, kept only when verified.

use std::collections::{HashMap, HashSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::equal_keys::EqualKeys;
use super::joblib::{self, Companions};
use super::loss::{Unreadable, losses};
use super::shelf::Shelf;
use super::stage::{self, Stage};
use super::{Entry, Holds, Leftovers, Target, Writer, pickle};
use crate::model::{EntryId, EntryKey, Record, Role, Row, Snapshot, StoreInfo, text};
use crate::ops::Control;
use crate::ops::compare::{Keys, Sameness, identity, is_empty_dict, same_value};
use crate::stores::{KeyTypes, NativeKey, Payload, Store, cache_with, open_all};
use crate::{Error, Result};

/// How a store is converted.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Goes on where expiry, tags, further columns or unreadable entries would be lost.
    pub accepts_loss: bool,
    /// Only these entries; `None` for all.
    pub only: Option<HashSet<EntryId>>,
}

impl Options {
    /// True for an entry that is to be carried over.
    pub(super) fn takes(&self, record: &Record<'_>) -> bool {
        let is_chosen = |only: &HashSet<EntryId>| only.contains(&record.id());
        record.role == Role::Entry && self.only.as_ref().is_none_or(is_chosen)
    }
}

/// What became of it.
#[derive(Debug, Clone)]
pub struct Converted {
    /// The new store, as it is recognised.
    pub store: Arc<StoreInfo>,
    /// Entries written and compared with their source.
    pub entries: u64,
    /// What the new store does not say any more.
    pub losses: Vec<String>,
}

/// Writes the entries of `source` to a new store at `path`, which must not exist.
///
/// # Errors
/// [`Error::is_refused`] if the path is taken, or something cannot be carried; else what could not be read or written.
/// Whatever the error, nothing is left at `path`, and what was written beside it is the caller's to remove.
pub fn convert(
    source: &Store,
    target: &'static Target,
    path: &Path,
    options: &Options,
    leftovers: &mut Leftovers,
    control: Control<'_>,
) -> Result<Converted> {
    let done = carry(source, target, path, options, leftovers, control);
    control.ended(done.map_err(|error| leftovers.named(error, path)))
}

fn carry(
    source: &Store,
    target: &'static Target,
    path: &Path,
    options: &Options,
    leftovers: &mut Leftovers,
    control: Control<'_>,
) -> Result<Converted> {
    let place = Destination::new(source, target, path)?;
    refuse_kind(source, target)?;
    let snapshot = Snapshot::read(source, control.cancel, &crate::model::Progress::default())?;
    let mut losses = losses(source, &snapshot, target, options)?;
    let mut carried = Carried::of(source, target, &snapshot, options)?;
    control.progress.set_total(2 * carried.rows.len() as u64);
    let stage = leftovers.hold(Stage::new_in(&place.parent)?);
    let made = stage.path().join(&place.name);
    carried.write(&made, control)?;
    let written = carried.verify(&made, control)?;
    losses.extend(carried.unreadable.told());
    stage.place(&(target.names)(&place.name))?;
    let path = place.parent.join(&place.name);
    let inside = written.path.strip_prefix(&made).unwrap_or(Path::new(""));
    let inside = if inside.as_os_str().is_empty() {
        path.clone()
    } else {
        path.join(inside)
    };
    Ok(Converted {
        store: Arc::new(StoreInfo::new(
            &inside,
            &path,
            written.kind,
            written.writer.clone(),
        )),
        entries: carried.rows.len() as u64,
        losses,
    })
}

/// Where the new store goes.
struct Destination {
    parent: PathBuf,
    name: OsString,
}

impl Destination {
    fn new(source: &Store, target: &Target, path: &Path) -> Result<Self> {
        let name = path.file_name().ok_or_else(|| {
            Error::usage("Cannot write the new store", "its path ends in no name").at(path)
        })?;
        let parent = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let parent = std::fs::canonicalize(parent)
            .map_err(|e| Error::io("Cannot write the new store", parent, e))?;
        // Half a store of a run that was killed is no reason to refuse.
        stage::sweep(&parent);
        // What it would replace is told before what lies beside.
        let mut names = vec![name.to_owned()];
        names.extend((target.names)(name).into_iter().rev());
        for made in names {
            let path = parent.join(&made);
            if path.symlink_metadata().is_ok() {
                let error = if made == name {
                    stage::exists
                } else {
                    stage::left_there
                };
                return Err(error(&path));
            }
            if let Some(cache) = cache_with(&path)? {
                let why = format!("that name belongs to the cache {}", text::path(&cache));
                return Err(Error::refused("Cannot write the new store", why)
                    .hint("Give a path outside of it")
                    .at(&path));
            }
        }
        if parent.starts_with(&source.info.path) {
            let why = "that is inside the store that is read";
            return Err(Error::refused("Cannot write the new store", why).at(path));
        }
        Ok(Self {
            parent,
            name: name.to_owned(),
        })
    }
}

/// True if stores of a kind can be converted to a target at all: joblib's keys are known to joblib alone.
pub fn can_convert(kind: &str, target: &Target) -> bool {
    target.kind != joblib::KIND || kind == joblib::KIND
}

fn refuse_kind(source: &Store, target: &Target) -> Result<()> {
    if !can_convert(source.info.kind, target) {
        let why = format!(
            "its keys are hashes of a function's arguments, which {} does not know",
            source.info.kind
        );
        return Err(Error::refused("Cannot write a joblib store", why)
            .hint("Choose another kind")
            .at(&source.info.path));
    }
    Ok(())
}

/// The entries on their way.
struct Carried<'a> {
    source: &'a Store,
    target: &'static Target,
    snapshot: &'a Snapshot,
    keys: Keys<'a>,
    /// In stored order, each key once.
    rows: Vec<(Row, EntryKey)>,
    types: KeyTypes,
    unreadable: Unreadable,
}

impl<'a> Carried<'a> {
    fn of(
        source: &'a Store,
        target: &'static Target,
        snapshot: &'a Snapshot,
        options: &Options,
    ) -> Result<Self> {
        let keys = Keys::of(source, snapshot);
        let mut carried = Self {
            source,
            target,
            snapshot,
            keys,
            rows: Vec::new(),
            types: match (target.key_types, keys.types) {
                (KeyTypes::Apart, KeyTypes::Apart) => KeyTypes::Apart,
                _ => KeyTypes::Alike,
            },
            unreadable: Unreadable::new(options),
        };
        if !is_empty_dict(source, snapshot)? {
            carried.keep_last(options)?;
        }
        Ok(carried)
    }

    /// Of keys that stand twice Python has the last; two keys that would become one are refused.
    fn keep_last(&mut self, options: &Options) -> Result<()> {
        let mut places: HashMap<u128, usize> = HashMap::new();
        let mut equal = EqualKeys::default();
        let mut rows: Vec<Option<(Row, EntryKey)>> = Vec::new();
        let records = self.snapshot.records();
        for (row, record) in records.filter(|(_, record)| options.takes(record)) {
            let entry = record.entry_key();
            let (group, key) = match self.name(&entry) {
                Ok(name) => name,
                Err(error) => {
                    self.lose(error, row)?;
                    continue;
                }
            };
            let id = identity(&group, &key, self.types);
            let old = places
                .insert(id, rows.len())
                .and_then(|at| rows.get_mut(at)?.take());
            if let Some((_, old)) = old
                && (&old.group, &old.key) != (&entry.group, &entry.key)
            {
                let what = format!("Cannot convert to {}", self.target.kind);
                let why = format!("two entries would have the key {}", key.shown());
                return Err(Error::refused(what, why).at(&self.source.info.path));
            }
            if self.target.kind == pickle::KIND
                && let Some(other) = equal.add(&key, rows.len())
                && let Some(Some((_, other))) = rows.get(other)
            {
                return Err(self.would_be_one(&key, &self.name(other)?.1));
            }
            rows.push(Some((row, entry)));
        }
        self.rows = rows.into_iter().flatten().collect();
        Ok(())
    }

    fn would_be_one(&self, key: &NativeKey, other: &NativeKey) -> Error {
        let what = format!("Cannot convert to {}", self.target.kind);
        let (key, other) = (key.shown(), other.shown());
        let why = format!("a dict of Python's takes the keys {other} and {key} for one");
        Error::refused(what, why)
            .hint("Choose another kind, or convert them apart with --query")
            .at(&self.source.info.path)
    }

    /// Group and key as they are written.
    fn name(&self, entry: &EntryKey) -> Result<(String, NativeKey)> {
        self.keys.name(entry, self.target.has_groups)
    }

    /// Writes every entry; those that are lost are none of the rows any more.
    fn write(&mut self, path: &Path, control: Control<'_>) -> Result<()> {
        let mut writer = (self.target.create)(path, self.target.codec)?;
        writer.set(&self.source.settings()?)?;
        let mut shelf = Shelf::default();
        let rows = std::mem::take(&mut self.rows);
        for (row, entry) in rows {
            control.cancel.check()?;
            match self.read(&entry, &mut shelf) {
                Ok((value, companions)) => {
                    self.write_one(row, &entry, (&value, companions), &mut *writer)
                        .map_err(|e| self.named(e, row))?;
                    self.rows.push((row, entry));
                }
                Err(error) if error.is_refused() => return Err(self.named(error, row)),
                Err(error) => {
                    self.lose(error, row)?;
                }
            }
            control.progress.add(1);
        }
        writer.finish()
    }

    /// An entry's value, and what joblib keeps beside it.
    fn read(&self, entry: &EntryKey, shelf: &mut Shelf) -> Result<(Payload, Option<Companions>)> {
        let stored = self.source.open_value(entry)?;
        if self.target.kind == joblib::KIND {
            let companions = Companions::read(self.source, entry)?;
            return Ok((Payload::read_as_joblib(&stored)?, Some(companions)));
        }
        let value = Payload::read(&stored)?;
        let value = match self.target.holds {
            Holds::Objects => shelf.object(value)?,
            Holds::Bytes => value,
        };
        Ok((value, None))
    }

    fn write_one(
        &self,
        row: Row,
        entry: &EntryKey,
        (value, companions): (&Payload, Option<Companions>),
        writer: &mut dyn Writer,
    ) -> Result<()> {
        let Some(record) = self.snapshot.record(row) else {
            return Ok(());
        };
        let (group, key) = self.name(entry)?;
        writer.add(&Entry {
            group: &group,
            key: &key,
            value,
            created: record.created.or(record.modified),
            expires: record.expires,
            tag: self.source.tag(entry)?,
            companions: companions.as_ref(),
        })
    }

    /// Names the entry that an error is of.
    fn named(&self, error: Error, row: Row) -> Error {
        if error.is_cancelled() {
            return error;
        }
        let key = self.shown(row);
        error
            .while_doing(format!("Cannot convert the entry \"{key}\""))
            .at(&self.source.info.path)
    }

    /// Counts an entry that cannot be read, or refuses to go on without it.
    fn lose(&mut self, error: Error, row: Row) -> Result<()> {
        let key = self.shown(row);
        let lost = self.unreadable.lose(error, &key, self.target);
        lost.map_err(|e| e.at(&self.source.info.path))
    }

    /// An entry's key as listings have it.
    fn shown(&self, row: Row) -> String {
        let record = self.snapshot.record(row);
        record.map_or_else(String::new, |record| {
            text::short(&text::shown(&record.key_text())).into_owned()
        })
    }

    /// Reads the new store as any other and compares each value with its source.
    fn verify(&self, path: &Path, control: Control<'_>) -> Result<Arc<StoreInfo>> {
        let broken = |why: String| {
            Error::damaged("The new store was not kept", why).at(&self.source.info.path)
        };
        let mut found = open_all(path).map_err(|e| broken(e.message()))?;
        let info = found.pop().filter(|info| info.kind == self.target.kind);
        let Some(info) = info.filter(|_| found.is_empty()) else {
            return Err(broken(format!("it does not read as {}", self.target.kind)));
        };
        // An empty dict in a pickle is a value of its own to a listing.
        if self.rows.is_empty() {
            return Ok(info);
        }
        let written = Store::open(&info)?;
        let mut by_identity: HashMap<u128, &EntryKey> = HashMap::new();
        for (_, entry) in &self.rows {
            let (group, key) = self.name(entry)?;
            by_identity.insert(identity(&group, &key, self.types), entry);
        }
        let snapshot =
            Snapshot::read(&written, control.cancel, &crate::model::Progress::default())?;
        let n_written = snapshot.totals.entries;
        if n_written != self.rows.len() as u64 {
            return Err(broken(format!(
                "{n_written} of {} entries are in it",
                self.rows.len()
            )));
        }
        for (_, record) in snapshot.records().filter(|(_, r)| r.role == Role::Entry) {
            control.cancel.check()?;
            let theirs = record.entry_key();
            let key = written.native_key(&theirs)?;
            let is_grouped = self.target.has_groups && self.keys.needs_groups;
            let group = if is_grouped { &*theirs.group } else { b"" };
            let id = identity(&String::from_utf8_lossy(group), &key, self.types);
            let entry = by_identity.remove(&id);
            let Some(entry) = entry else {
                return Err(broken(format!(
                    "its key {} is none of the source",
                    key.shown()
                )));
            };
            if self.target.keeps_expiry && self.source.tag(entry)? != written.tag(&theirs)? {
                return Err(broken(format!("its tag of {} differs", key.shown())));
            }
            let (old, new) = (self.source.open_value(entry)?, written.open_value(&theirs)?);
            match same_value(&old, &new)? {
                Sameness::Same => {}
                Sameness::Different => {
                    return Err(broken(format!("its value of {} differs", key.shown())));
                }
                Sameness::Unknown(why) => {
                    return Err(broken(format!(
                        "its value of {} could not be compared: {why}",
                        key.shown()
                    )));
                }
            }
            control.progress.add(1);
        }
        Ok(info)
    }
}
