//! A store opened for one job, and what its backend answers about it.

use std::any::Any;
use std::ffi::OsString;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use super::kinds::{backend_for, no_backend};
use super::{
    Advice, Backend, CheckOptions, Compaction, Counters, Details, Follow, KeyScope, LibraryPolicy,
    NativeKey, Payload, PolicyChoice, PolicyLimits, Removal, Scan, SourceToday, ValueReader,
    policy,
};
use crate::formats::Preview;
use crate::model::{Cancel, EntryKey, Finding, StoreInfo, Time};
use crate::source::{AccessTimes, Dir, FileType, Reading, access_times};
use crate::{Error, Result};

/// A store opened for one job: its description, its backend and the folder it lies in.
pub struct Store {
    /// What recognition found.
    pub info: Arc<StoreInfo>,
    /// The folder that the store's own file or folder lies in.
    pub parent: Dir,
    /// Its name there.
    pub name: OsString,
    /// Ends the reading of what takes long, once the job is asked to stop.
    pub(crate) cancel: Cancel,
    backend: &'static dyn Backend,
    /// Watchers in other processes of this program count no open of ours; `None` where nobody counts opens.
    _reading: Option<Reading>,
    kept: Mutex<Option<Arc<dyn Any + Send + Sync>>>,
}

impl Store {
    /// Opens a recognised store again, for one job, and tells watchers in other processes that it is read.
    ///
    /// # Errors
    /// If it is gone, or no backend answers for its kind.
    pub fn open(info: &Arc<StoreInfo>) -> Result<Self> {
        Self::opened(info, true)
    }

    /// As [`Store::open`], for a watcher: it looks often and opens no value, and others would count nothing beside it.
    pub(crate) fn open_untold(info: &Arc<StoreInfo>) -> Result<Self> {
        Self::opened(info, false)
    }

    fn opened(info: &Arc<StoreInfo>, is_told: bool) -> Result<Self> {
        let (parent, name) = split(&info.path)?;
        let is_folder = || {
            let meta = parent.stat(&name);
            meta.is_ok_and(|meta| meta.file_type == FileType::Dir)
        };
        let backend = backend_for(info.kind, is_folder).ok_or_else(|| no_backend(info.kind))?;
        let is_counted = is_told && backend.follow().has_entry_folders();
        Ok(Self {
            info: Arc::clone(info),
            parent,
            name,
            cancel: Cancel::default(),
            backend,
            _reading: is_counted.then(|| Reading::of(&info.path)).flatten(),
            kept: Mutex::default(),
        })
    }

    /// The same, for a job that may be asked to stop.
    #[must_use]
    pub fn until(mut self, cancel: &Cancel) -> Self {
        self.cancel = cancel.clone();
        self
    }

    /// What the backend keeps while the job lasts, made at its first use.
    pub(super) fn kept<T: Any + Send + Sync>(
        &self,
        make: impl FnOnce() -> Result<T>,
    ) -> Result<Arc<T>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(Ok(ours)) = kept.clone().map(Arc::downcast) {
            return Ok(ours);
        }
        let made = Arc::new(make()?);
        *kept = Some(Arc::clone(&made) as Arc<dyn Any + Send + Sync>);
        Ok(made)
    }

    /// The store's own folder.
    ///
    /// # Errors
    /// If it is gone or may not be listed.
    pub fn dir(&self) -> Result<Dir> {
        self.parent
            .open_dir(&self.name)
            .map_err(|e| Error::io("Cannot open the store", &self.info.path, e))
    }

    /// Names the store in an error that names no file.
    fn placed<T>(&self, result: Result<T>) -> Result<T> {
        result.map_err(|error| {
            if error.is_cancelled() {
                error
            } else {
                error.at(&self.info.path)
            }
        })
    }

    /// See [`Backend::scan`].
    ///
    /// # Errors
    /// If the store as a whole cannot be read, or the scan was cancelled.
    pub fn scan(&self, scan: &Scan<'_>) -> Result<()> {
        self.placed(self.backend.scan(self, scan))
    }

    /// See [`Backend::open_value`].
    ///
    /// # Errors
    /// If it is gone or cannot be read.
    pub fn open_value(&self, entry: &EntryKey) -> Result<ValueReader> {
        self.placed(self.backend.open_value(self, entry))
    }

    /// See [`Backend::native_key`].
    ///
    /// # Errors
    /// If the key has to be read and cannot be.
    pub fn native_key(&self, entry: &EntryKey) -> Result<NativeKey> {
        self.placed(self.backend.native_key(self, entry))
    }

    /// See [`Backend::tag`].
    ///
    /// # Errors
    /// If it has to be read and cannot be.
    pub fn tag(&self, entry: &EntryKey) -> Result<Option<NativeKey>> {
        self.placed(self.backend.tag(self, entry))
    }

    /// See [`Backend::beside_value`].
    ///
    /// # Errors
    /// If its table cannot be found.
    pub(crate) fn beside_value(&self, entry: &EntryKey) -> Result<Vec<String>> {
        self.placed(self.backend.beside_value(self, entry))
    }

    /// See [`Backend::settings`].
    ///
    /// # Errors
    /// If it cannot be read.
    pub(crate) fn settings(&self) -> Result<Vec<(&'static str, Payload)>> {
        self.placed(self.backend.settings(self))
    }

    /// See [`Backend::key_scope`].
    pub fn key_scope(&self) -> KeyScope {
        self.backend.key_scope()
    }

    /// See [`Backend::whole`].
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn whole(&self) -> Result<Option<EntryKey>> {
        self.placed(self.backend.whole(self))
    }

    /// See [`Backend::details`].
    ///
    /// # Errors
    /// If it is gone or cannot be read.
    pub fn details(&self, entry: &EntryKey) -> Result<Details> {
        self.placed(self.backend.details(self, entry))
    }

    /// A line about a value, for people who look over many.
    pub fn glance(&self, preview: Preview) -> String {
        let known = self.backend.glance(&preview);
        known.unwrap_or(preview.summary)
    }

    /// See [`Backend::check`].
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn check(&self, entry: &EntryKey, options: &CheckOptions) -> Result<Vec<Finding>> {
        self.backend.check(self, entry, options)
    }

    /// See [`Backend::judges_expiry`].
    pub(crate) fn judges_expiry(&self) -> bool {
        self.backend.judges_expiry()
    }

    /// See [`Backend::is_read_with_another`].
    pub(crate) fn is_read_with_another(&self, entry: &EntryKey) -> bool {
        self.backend.is_read_with_another(self, entry)
    }

    /// See [`Backend::python`].
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn python(&self, entry: &EntryKey, codec: &[String]) -> Result<Option<String>> {
        self.placed(self.backend.python(self, entry, codec))
    }

    /// See [`Backend::source_today`].
    ///
    /// # Errors
    /// If the store or the folder cannot be read.
    pub fn source_today(
        &self,
        entry: &EntryKey,
        folder: Option<&Path>,
    ) -> Result<Option<SourceToday>> {
        self.placed(self.backend.source_today(self, entry, folder))
    }

    /// See [`Backend::counters`].
    ///
    /// # Errors
    /// If they cannot be read.
    pub fn counters(&self) -> Result<Vec<Counters>> {
        self.placed(self.backend.counters(self))
    }

    /// How far the last uses of its entries are to be believed.
    pub fn access_times(&self) -> AccessTimes {
        if self.backend.goes_by_access_times() {
            access_times(&self.info.path)
        } else {
            AccessTimes::Exact
        }
    }

    /// See [`Backend::follow`].
    pub fn follow(&self) -> &'static dyn Follow {
        self.backend.follow()
    }

    /// See [`Backend::compaction`].
    ///
    /// # Errors
    /// If this kind of store has no dead space.
    pub fn compaction(&self) -> Result<Compaction> {
        self.backend.compaction(self)
    }

    /// See [`Backend::notes`].
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn notes(&self, entries: &[&EntryKey]) -> Result<Vec<String>> {
        self.placed(self.backend.notes(self, entries))
    }

    /// See [`Backend::removal`].
    ///
    /// # Errors
    /// If this kind of store cannot lose single entries.
    pub fn removal(&self, entry: &EntryKey) -> Result<Removal> {
        self.backend.removal(self, entry)
    }

    /// See [`Backend::advice`]; nothing where the store cannot be read, which its listing says.
    pub fn advice(&self) -> Vec<Advice> {
        self.backend.advice(self).unwrap_or_default()
    }

    /// See [`Backend::choose`].
    ///
    /// # Errors
    /// If the store cannot be read, is of a kind that has no such policy, or the policy lacks what it goes by.
    pub fn choose(
        &self,
        policy: &LibraryPolicy,
        limits: &PolicyLimits,
        now: Time,
        cancel: &Cancel,
    ) -> Result<PolicyChoice> {
        if !self.backend.policies().contains(policy) {
            return Err(policy::unknown(self, policy.name));
        }
        self.backend.choose(self, policy, limits, now, cancel)
    }
}

/// The folder a store lies in, and its name there.
fn split(path: &Path) -> Result<(Dir, OsString)> {
    let name = path.file_name().unwrap_or(".".as_ref()).to_owned();
    Ok((Dir::open(path.parent().unwrap_or(path))?, name))
}
