//! One store to another kind: entry by entry, refused where something would be lost, kept only when verified.

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::joblib::{self, Companions};
use super::stage::{self, Stage};
use super::{Entry, Holds, Target, Writer};
use crate::formats::{Content, pickle};
use crate::model::{EntryKey, Limits, Role, Row, Severity, Snapshot, StoreInfo, text};
use crate::ops::Control;
use crate::ops::compare::{Keys, Sameness, identity, same_value};
use crate::stores::{KeyTypes, NativeKey, Payload, Store, cache_with, open_all};
use crate::{Error, Result};

/// How a store is converted.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Goes on where expiry, tags or unreadable entries would be lost.
    pub accepts_loss: bool,
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
/// Whatever the error, nothing is left at `path`.
pub fn convert(
    source: &Store,
    target: &'static Target,
    path: &Path,
    options: Options,
    control: Control<'_>,
) -> Result<Converted> {
    let place = Destination::new(source, target, path)?;
    refuse_kind(source, target)?;
    let snapshot = Snapshot::read(source, control.cancel, &crate::scan::Progress::default())?;
    let losses = losses(source, &snapshot, target, options)?;
    let carried = Carried::of(source, target, &snapshot)?;
    control.progress.set_total(2 * carried.rows.len() as u64);
    let stage = Stage::new_in(&place.parent)?;
    let made = stage.path().join(&place.name);
    carried.write(&made, control)?;
    let written = carried.verify(&made, control)?;
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
        let mut names = (target.names)(name);
        names.push(name.to_owned());
        for name in names {
            let path = parent.join(name);
            if path.symlink_metadata().is_ok() {
                return Err(stage::exists(&path));
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

fn refuse_kind(source: &Store, target: &Target) -> Result<()> {
    let is_joblib = |kind: &str| kind == joblib::KIND;
    if is_joblib(target.kind) && !is_joblib(source.info.kind) {
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

/// What would be lost, as sentences.
fn losses(
    source: &Store,
    snapshot: &Snapshot,
    target: &Target,
    options: Options,
) -> Result<Vec<String>> {
    let mut losses = Vec::new();
    let records = || {
        let records = snapshot.records().map(|(_, record)| record);
        records.filter(|record| record.role == Role::Entry)
    };
    let counted = |n: usize, what: &str| {
        let word = if n == 1 { "entry" } else { "entries" };
        format!("{what} of {n} {word}")
    };
    if !target.keeps_expiry {
        let n_expiring = records().filter(|record| record.expires.is_some()).count();
        if n_expiring > 0 {
            losses.push(counted(n_expiring, "the expiry"));
        }
        let mut n_tagged = 0;
        for record in records() {
            n_tagged += usize::from(source.tag(&record.entry_key())?.is_some());
        }
        if n_tagged > 0 {
            losses.push(counted(n_tagged, "the tag"));
        }
    }
    let is_error = |issue: &&crate::model::Issue| issue.severity == Severity::Error;
    if let Some(issue) = snapshot.issues.iter().find(is_error) {
        losses.push(format!("what could not be read ({})", issue.message));
    }
    if losses.is_empty() || options.accepts_loss {
        // Said, and no reason to refuse: values and keys are whole, and no other kind could keep it.
        let is_joblib = target.kind == joblib::KIND;
        let n_told = records()
            .filter(|record| record.duration_s.is_some() || record.args.iter().next().is_some())
            .count();
        if n_told > 0 && !is_joblib {
            losses.push(counted(n_told, "the arguments and compute times"));
        }
        return Ok(losses);
    }
    let why = format!("it would lose {}", losses.join(" and "));
    Err(
        Error::refused(format!("Cannot convert to {}", target.kind), why)
            .hint("Convert to a kind that keeps it, or go on with --accept-loss")
            .at(&snapshot.store.path),
    )
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
}

impl<'a> Carried<'a> {
    fn of(source: &'a Store, target: &'static Target, snapshot: &'a Snapshot) -> Result<Self> {
        let keys = Keys::of(source, snapshot)?;
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
        };
        carried.keep_last()?;
        Ok(carried)
    }

    /// Of keys that stand twice Python has the last; two keys that would become one are refused.
    fn keep_last(&mut self) -> Result<()> {
        let mut places: HashMap<u128, usize> = HashMap::new();
        let mut rows: Vec<Option<(Row, EntryKey)>> = Vec::new();
        let records = self.snapshot.records();
        for (row, record) in records.filter(|(_, record)| record.role == Role::Entry) {
            let entry = record.entry_key();
            let (group, key) = self.name(&entry)?;
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
            rows.push(Some((row, entry)));
        }
        self.rows = rows.into_iter().flatten().collect();
        Ok(())
    }

    /// Group and key as they are written.
    fn name(&self, entry: &EntryKey) -> Result<(String, NativeKey)> {
        self.keys.name(entry, self.target.has_groups)
    }

    fn write(&self, path: &Path, control: Control<'_>) -> Result<()> {
        let mut writer = (self.target.create)(path, self.target.codec)?;
        let mut shelf = Shelf::default();
        for (row, entry) in &self.rows {
            control.cancel.check()?;
            let written = self.write_one(*row, entry, &mut shelf, &mut *writer);
            written.map_err(|e| self.named(e, entry))?;
            control.progress.add(1);
        }
        writer.finish()
    }

    fn write_one(
        &self,
        row: Row,
        entry: &EntryKey,
        shelf: &mut Shelf,
        writer: &mut dyn Writer,
    ) -> Result<()> {
        let Some(record) = self.snapshot.record(row) else {
            return Ok(());
        };
        let (group, key) = self.name(entry)?;
        let stored = self.source.open_value(entry)?;
        let mut companions = None;
        let value = if self.target.kind == joblib::KIND {
            companions = Some(Companions::read(self.source, entry)?);
            Payload::read_as_joblib(&stored)?
        } else {
            let value = Payload::read(&stored)?;
            match self.target.holds {
                Holds::Objects => shelf.object(value)?,
                Holds::Bytes => value,
            }
        };
        writer.add(&Entry {
            group: &group,
            key: &key,
            value: &value,
            created: record.created.or(record.modified),
            expires: record.expires,
            tag: self.source.tag(entry)?,
            companions: companions.as_ref(),
        })
    }

    /// Names the entry that an error is of.
    fn named(&self, error: Error, entry: &EntryKey) -> Error {
        if error.is_cancelled() {
            return error;
        }
        let key = crate::model::text::from_bytes(&entry.key);
        let key = crate::model::text::shown(&key).into_owned();
        error
            .while_doing(format!("Cannot convert the entry \"{key}\""))
            .at(&self.source.info.path)
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
        let snapshot = Snapshot::read(&written, control.cancel, &crate::scan::Progress::default())?;
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

/// Whether bytes that nobody has named are pickles: the first value decides for all of a store.
#[derive(Debug, Default)]
pub(super) struct Shelf {
    is_shelf: Option<bool>,
}

impl Shelf {
    /// What the bytes of a dbm are to a store of objects.
    pub(super) fn object(&mut self, value: Payload) -> Result<Payload> {
        let Payload::Raw(bytes) = value else {
            return Ok(value);
        };
        if self.is_shelf == Some(false) {
            return Ok(Payload::Bytes(bytes));
        }
        let is_pickle = pickle::is_likely(&bytes) && {
            let checked = pickle::check(&Content::of_bytes(bytes.as_slice()), &Limits::DEEP);
            checked.problems.is_empty() && checked.is_read_to_end && checked.n_pickles == 1
        };
        match (self.is_shelf, is_pickle) {
            (Some(true), false) => {
                let why = "it is no pickle, while the values before it are";
                Err(Error::refused("Cannot tell what the value is", why))
            }
            (_, true) => {
                self.is_shelf = Some(true);
                Ok(Payload::Pickle(bytes))
            }
            (_, false) => {
                self.is_shelf = Some(false);
                Ok(Payload::Bytes(bytes))
            }
        }
    }
}
