//! What each backend answers about a store of its kind.

use std::ffi::OsStr;
use std::path::Path;

use super::{
    Advice, Candidate, CheckOptions, Compaction, Counters, Details, Follow, KeyScope,
    LibraryPolicy, NativeKey, Payload, PolicyChoice, PolicyLimits, Recognised, Removal, Scan,
    SourceToday, Store, ValueReader, follow, policy,
};
use crate::formats::Preview;
use crate::model::{Cancel, EntryKey, Finding, Group, GroupWord, Time};
use crate::source::{Dir, FileType};
use crate::{Error, Result};

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

    /// True for an entry whose bytes are another one's as well, with which a check reads them: a file may name the same
    /// ones very often.
    fn is_read_with_another(&self, _store: &Store, _entry: &EntryKey) -> bool {
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
