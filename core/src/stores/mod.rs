//! What kind of cache: the trait that every backend answers, and the one list of backends.

mod advice;
mod belongs;
mod compaction;
mod dbm_dumb;
mod dbm_hash;
mod dbm_sqlite;
mod diskcache;
mod django_db;
mod django_file;
mod facts;
mod files;
mod follow;
mod function_source;
mod hishel;
mod hishel_files;
mod http;
mod joblib;
mod kinds;
mod langchain;
mod marshal;
mod native_key;
mod payload;
mod pickle;
mod policy;
mod probe;
mod pyc;
mod python;
mod recognise;
mod removal;
mod requests_cache;
mod requests_files;
mod rows;
mod search;
mod secrets;
mod sqlite;
mod sqlitedict;
mod strangers;
mod value_reader;

pub use advice::{Advice, Topic};
pub use belongs::cache_with;
pub use compaction::Compaction;
pub(crate) use facts::ValueTimes;
pub use facts::{CheckOptions, Counted, Counters, Details};
pub use follow::{EntryFile, Follow, Ground, Part};
pub use function_source::{CachedSource, FoundSource, SourceToday};
pub(crate) use kinds::follow_of;
use kinds::{backend_for, backends, no_backend, own_names};
pub use kinds::{can_compact, can_expire, group_title, group_word, hits_source, kinds};
pub use native_key::{KeyScope, KeyTypes, NativeKey};
pub use payload::Payload;
pub(crate) use payload::is_whole_pickle;
pub use policy::{
    LibraryPolicy, PolicyChoice, PolicyLimits, Takes, policies, policy_of, tag_policy,
};
pub(crate) use probe::reported;
pub use probe::running_programs;
pub use recognise::{Candidate, Confidence, Recognised, open_all, open_all_telling};
pub(crate) use removal::{Dependent, Expiry, RowRules, ValueFiles};
pub use removal::{Guard, KeyForm, KeyRemoval, Removal, RowRemoval};
pub(crate) use search::{Search, Skip};
pub use value_reader::ValueReader;

use std::any::Any;
use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use crate::formats::Preview;
use crate::model::{EntryKey, Finding, Group, GroupWord, StoreInfo, Time};
use crate::scan::{Cancel, Scan};
use crate::source::{AccessTimes, Dir, FileType, Reading, access_times};
use crate::{Error, Result};

/// Every backend; recognition asks them in this order and takes the surest.
static BACKENDS: &[&dyn Backend] = &[
    &joblib::Joblib,
    &probe::Probe,
    &pyc::Pyc,
    &marshal::Marshal,
    &pickle::Pickle,
    &dbm_dumb::DbmDumb,
    &dbm_hash::DbmHash,
    &diskcache::DiskCache,
    &django_file::DJANGO_FILE,
    &dbm_sqlite::DBM_SQLITE,
    &requests_cache::REQUESTS_CACHE,
    &requests_files::REQUESTS_FILES,
    &sqlitedict::SQLITEDICT,
    &django_db::DJANGO_DB,
    &hishel::HISHEL,
    &hishel_files::HISHEL_FILES,
    &langchain::LANGCHAIN,
    &sqlite::SQLITE,
];

/// True for what a store keeps in its folder under that name.
pub type IsOwn = fn(&Dir, &OsStr, FileType) -> bool;

/// Code for one kind of store. Stateless: everything it needs comes in through [`Store`].
pub trait Backend: Send + Sync {
    /// Kinds of store that it answers for, as in queries and JSON.
    fn kinds(&self) -> &'static [&'static str];

    /// True where another backend answers for the same kind in a file, and this one in a folder.
    fn is_of_folders(&self) -> bool {
        false
    }

    /// Looks at the bytes behind a path; `None` if it is not one of its own.
    ///
    /// # Errors
    /// Only if looking failed (permission); "not mine" is no error.
    fn recognise(&self, candidate: &Candidate<'_>) -> Result<Option<Recognised>>;

    /// Hands each entry, orphan and problem to the scan's collectors.
    ///
    /// # Errors
    /// If the store as a whole cannot be read, or the scan was cancelled.
    fn scan(&self, store: &Store, scan: &Scan<'_>) -> Result<()>;

    /// Opens the stored value of an entry.
    ///
    /// # Errors
    /// If it is gone or cannot be read.
    fn open_value(&self, store: &Store, entry: &EntryKey) -> Result<ValueReader>;

    /// The key of an entry with its Python type, for stores that tell types apart.
    ///
    /// # Errors
    /// If the key has to be read and cannot be.
    fn native_key(&self, _store: &Store, entry: &EntryKey) -> Result<NativeKey> {
        Ok(NativeKey::Untyped(entry.key.to_vec()))
    }

    /// The tag of an entry with its Python type, in diskcache's sense.
    ///
    /// # Errors
    /// If it has to be read and cannot be.
    fn tag(&self, _store: &Store, _entry: &EntryKey) -> Result<Option<NativeKey>> {
        Ok(None)
    }

    /// What is stored with an entry and is neither its key, its value nor a time: columns of a table, by their names.
    ///
    /// # Errors
    /// If its table cannot be found.
    fn beside_value(&self, _store: &Store, _entry: &EntryKey) -> Result<Vec<String>> {
        Ok(Vec::new())
    }

    /// What the program set for the whole store, by the library's own names, where another store of its kind takes it.
    ///
    /// # Errors
    /// If it cannot be read.
    fn settings(&self, _store: &Store) -> Result<Vec<(&'static str, Payload)>> {
        Ok(Vec::new())
    }

    /// Whether a key names an entry without its group.
    fn key_scope(&self) -> KeyScope {
        KeyScope::Store
    }

    /// The store's one value that its entries are parts of (a pickled dict); `None` where entries stand alone.
    ///
    /// # Errors
    /// If it cannot be read.
    fn whole(&self, _store: &Store) -> Result<Option<EntryKey>> {
        Ok(None)
    }

    /// What the listing leaves out because it costs another read.
    ///
    /// # Errors
    /// If it is gone or cannot be read.
    fn details(&self, store: &Store, entry: &EntryKey) -> Result<Details>;

    /// A line about a value for people who look over many, where the kind of store knows a better one than its type.
    fn glance(&self, _preview: &Preview) -> Option<String> {
        None
    }

    /// What only this kind of store can find wrong with an entry; the value's bytes are checked by the formats.
    ///
    /// # Errors
    /// If it cannot be read: the caller makes that `unread`.
    fn check(
        &self,
        store: &Store,
        entry: &EntryKey,
        options: &CheckOptions,
    ) -> Result<Vec<Finding>>;

    /// Python that leaves an entry's value in `value`, by the library that wrote it; `codec` is the value's chain of
    /// codecs. `None` where no library loads single entries.
    ///
    /// # Errors
    /// If the store cannot be read.
    fn python(
        &self,
        _store: &Store,
        _entry: &EntryKey,
        _codec: &[String],
    ) -> Result<Option<String>> {
        Ok(None)
    }

    /// The function that computed an entry, as its source stands today: below `folder`, or without one where the
    /// store itself recorded the file. `None` for stores that keep no source.
    ///
    /// # Errors
    /// If the store or the folder cannot be read.
    fn source_today(
        &self,
        _store: &Store,
        _entry: &EntryKey,
        _folder: Option<&Path>,
    ) -> Result<Option<SourceToday>> {
        Ok(None)
    }

    /// Hits and misses that the store itself keeps.
    ///
    /// # Errors
    /// If they cannot be read.
    fn counters(&self, _store: &Store) -> Result<Vec<Counters>> {
        Ok(Vec::new())
    }

    /// True if the last use of an entry is the access time of its file, and the store keeps none itself.
    fn goes_by_access_times(&self) -> bool {
        false
    }

    /// How a store of this kind is followed while it is watched.
    fn follow(&self) -> &'static dyn Follow {
        &follow::WholeStore
    }

    /// How to take an entry out of the store, as data; nothing is changed here.
    ///
    /// # Errors
    /// [`Error::is_refused`] where this kind of store cannot lose single entries.
    fn removal(&self, store: &Store, entry: &EntryKey) -> Result<Removal>;

    /// How the store is made as small as its entries need, as data; nothing is changed here.
    ///
    /// # Errors
    /// [`Error::is_refused`] where this kind of store has no dead space.
    fn compaction(&self, store: &Store) -> Result<Compaction> {
        Err(Error::refused(
            "Cannot compact the store",
            format!("a store of kind {} keeps no dead space", store.info.kind),
        )
        .at(&store.info.path))
    }

    /// True if stores of this kind may have dead space, see [`Backend::compaction`].
    fn can_compact(&self, _kind: &str) -> bool {
        false
    }

    /// True if stores of this kind may keep when an entry expires, so that a person can say it anew.
    fn can_expire(&self, _kind: &str) -> bool {
        false
    }

    /// What a person should know before these entries are taken out: what goes with them, who may bring them back.
    ///
    /// # Errors
    /// If the store cannot be read.
    fn notes(&self, _store: &Store, _entries: &[&EntryKey]) -> Result<Vec<String>> {
        Ok(Vec::new())
    }

    /// What a person should know of the store as a whole, and only this kind of store can tell.
    ///
    /// # Errors
    /// If it cannot be read.
    fn advice(&self, _store: &Store) -> Result<Vec<Advice>> {
        Ok(Vec::new())
    }

    /// What the library's own clean-up would choose, as policies that people can ask for.
    fn policies(&self) -> &'static [LibraryPolicy] {
        &[]
    }

    /// What one of [`Backend::policies`] would take away now. The disk is read, nothing is changed.
    ///
    /// # Errors
    /// If the store cannot be read, or the policy lacks what it goes by.
    fn choose(
        &self,
        store: &Store,
        policy: &LibraryPolicy,
        _limits: &PolicyLimits,
        _now: Time,
        _cancel: &Cancel,
    ) -> Result<PolicyChoice> {
        Err(policy::unknown(store, policy.name))
    }

    /// True for the name of a file that holds a part of such a store, and is a store of its own only where somebody
    /// names it: its bytes may be those of any other kind.
    fn is_part(&self, _name: &OsStr) -> bool {
        false
    }

    /// What of the things right in the folder of such a store is its own; `None` where all that lies in it is. What is
    /// not may be a store of somebody else's.
    fn own_names(&self, _kind: &str) -> Option<IsOwn> {
        None
    }

    /// True where [`Backend::check`] says of each entry whether it is past its time, which the time that is listed does
    /// not decide alone.
    fn judges_expiry(&self) -> bool {
        false
    }

    /// A group as people know it, where that reads better than its label; not unique.
    fn group_title(&self, group: &Group) -> String {
        group.label.to_string()
    }

    /// What a group of entries is in this kind of store.
    fn group_word(&self) -> GroupWord {
        GroupWord::GROUP
    }
}

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
    fn kept<T: Any + Send + Sync>(&self, make: impl FnOnce() -> Result<T>) -> Result<Arc<T>> {
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

    /// See [`Backend::scan`].
    ///
    /// # Errors
    /// If the store as a whole cannot be read, or the scan was cancelled.
    pub fn scan(&self, scan: &Scan<'_>) -> Result<()> {
        self.backend.scan(self, scan)
    }

    /// See [`Backend::open_value`].
    ///
    /// # Errors
    /// If it is gone or cannot be read.
    pub fn open_value(&self, entry: &EntryKey) -> Result<ValueReader> {
        self.backend.open_value(self, entry)
    }

    /// See [`Backend::native_key`].
    ///
    /// # Errors
    /// If the key has to be read and cannot be.
    pub fn native_key(&self, entry: &EntryKey) -> Result<NativeKey> {
        self.backend.native_key(self, entry)
    }

    /// See [`Backend::tag`].
    ///
    /// # Errors
    /// If it has to be read and cannot be.
    pub fn tag(&self, entry: &EntryKey) -> Result<Option<NativeKey>> {
        self.backend.tag(self, entry)
    }

    /// See [`Backend::beside_value`].
    ///
    /// # Errors
    /// If its table cannot be found.
    pub(crate) fn beside_value(&self, entry: &EntryKey) -> Result<Vec<String>> {
        self.backend.beside_value(self, entry)
    }

    /// See [`Backend::settings`].
    ///
    /// # Errors
    /// If it cannot be read.
    pub(crate) fn settings(&self) -> Result<Vec<(&'static str, Payload)>> {
        self.backend.settings(self)
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
        self.backend.whole(self)
    }

    /// See [`Backend::details`].
    ///
    /// # Errors
    /// If it is gone or cannot be read.
    pub fn details(&self, entry: &EntryKey) -> Result<Details> {
        self.backend.details(self, entry)
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

    /// See [`Backend::python`].
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn python(&self, entry: &EntryKey, codec: &[String]) -> Result<Option<String>> {
        self.backend.python(self, entry, codec)
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
        self.backend.source_today(self, entry, folder)
    }

    /// See [`Backend::counters`].
    ///
    /// # Errors
    /// If they cannot be read.
    pub fn counters(&self) -> Result<Vec<Counters>> {
        self.backend.counters(self)
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
        self.backend.notes(self, entries)
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
