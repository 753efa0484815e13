//! What a library's own clean-up would take away, as choices that a person can ask for.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use super::{Collector, Detail, Scan, Store, backends, threads};
use crate::model::{Cancel, EntryKey, Issue, Progress, Record, Role};
use crate::{Error, Result};

/// A choice that a library makes by itself.
#[derive(Debug, PartialEq, Eq)]
pub struct LibraryPolicy {
    /// As people write it: `joblib:reduce_size`.
    pub name: &'static str,
    /// What it chooses, for a menu.
    pub about: &'static str,
    /// What it goes by beyond the store's own settings.
    pub takes: &'static [Takes],
    /// True if the library counts K, M and G by 1024.
    pub has_binary_sizes: bool,
}

/// Something that a policy is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    /// Bytes that may stay.
    Bytes,
    /// Entries that may stay.
    Entries,
    /// Age of what may stay.
    Age,
    /// The tag of what goes.
    Tag,
}

/// What a policy is told; what it does not take is left out.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PolicyLimits {
    /// Bytes that may stay.
    pub bytes: Option<u64>,
    /// Entries that may stay.
    pub entries: Option<u64>,
    /// Entries last used longer ago than this go, in seconds.
    pub age_s: Option<f64>,
    /// The tag of what goes, as listings show it.
    pub tag: Option<String>,
}

impl PolicyLimits {
    /// True if nothing is told.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

/// What a library would take away, in its order.
#[derive(Debug, Default)]
pub struct PolicyChoice {
    /// The entries.
    pub keys: Vec<EntryKey>,
    /// By which rule, where there are several, and what to know of it.
    pub notes: Vec<String>,
}

/// Every policy with the kinds of store that it is for.
pub fn policies() -> impl Iterator<Item = (&'static LibraryPolicy, &'static [&'static str])> {
    // Stores of one kind have the same policies in files and in folders.
    let first = backends().filter(|backend| !backend.is_of_folders());
    first.flat_map(|backend| {
        let kinds = backend.kinds();
        backend.policies().iter().map(move |policy| (policy, kinds))
    })
}

/// The policy of that name.
pub fn policy_of(name: &str) -> Option<&'static LibraryPolicy> {
    policies()
        .map(|(policy, _)| policy)
        .find(|p| p.name == name)
}

/// The policy of a kind of store that goes by tags.
pub fn tag_policy(kind: &str) -> Option<&'static LibraryPolicy> {
    let of_kind = policies().filter(|(_, kinds)| kinds.contains(&kind));
    of_kind
        .map(|(policy, _)| policy)
        .find(|policy| policy.takes.contains(&Takes::Tag))
}

/// Keys of the entries for which `is_chosen` holds, in stored order.
pub(super) fn keys_where(
    store: &Store,
    cancel: &Cancel,
    is_chosen: &(dyn Fn(&Record<'_>) -> bool + Sync),
) -> Result<Vec<EntryKey>> {
    struct Keys<'a> {
        is_chosen: &'a (dyn Fn(&Record<'_>) -> bool + Sync),
        found: &'a Mutex<Vec<EntryKey>>,
    }
    impl Collector for Keys<'_> {
        fn record(&mut self, record: &Record<'_>) {
            if record.role == Role::Entry && (self.is_chosen)(record) {
                let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
                found.push(record.entry_key());
            }
        }
        fn issue(&mut self, _issue: Issue) {
            // What could not be read is not chosen.
        }
    }
    let found = Mutex::default();
    store.scan(&Scan {
        detail: Detail::Full,
        cancel,
        progress: &Progress::default(),
        threads: threads(),
        collector: &|| {
            Box::new(Keys {
                is_chosen,
                found: &found,
            })
        },
    })?;
    Ok(found.into_inner().unwrap_or_else(PoisonError::into_inner))
}

/// Entries past the store's own expiry, by the library's clock in seconds since 1970.
pub(super) fn expired(store: &Store, now: f64, cancel: &Cancel) -> Result<PolicyChoice> {
    let is_any_recorded = AtomicBool::new(false);
    let is_expired = |record: &Record<'_>| {
        is_any_recorded.fetch_or(record.expires.is_some(), Ordering::Relaxed);
        record.expires.is_some_and(|t| t.unix_f64() <= now)
    };
    let keys = keys_where(store, cancel, &is_expired)?;
    let note =
        "no entry records when it expires, so none is chosen; --older-than goes by their age";
    let notes = (!is_any_recorded.into_inner()).then(|| note.to_owned());
    Ok(PolicyChoice {
        keys,
        notes: notes.into_iter().collect(),
    })
}

pub(super) fn unknown(store: &Store, name: &str) -> Error {
    Error::usage(
        format!("Cannot choose by {name}"),
        format!("it is no policy for {} stores", store.info.kind),
    )
    .at(&store.info.path)
}
