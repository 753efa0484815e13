//! What is learned of entries after the listing, kept beside snapshots and joined when drawn or queried.

use std::collections::HashMap;

use super::{EntryId, Fingerprint, Record};

/// A column keyed by entry: conditions, value summaries, observed hits.
///
/// A value counts only while the entry's fingerprint is the one it was learned from,
/// so a rescan keeps what is still true and hides the rest.
#[derive(Debug, Clone)]
pub struct Overlay<T> {
    values: HashMap<EntryId, (Fingerprint, T)>,
}

impl<T> Default for Overlay<T> {
    fn default() -> Self {
        Self {
            values: HashMap::new(),
        }
    }
}

impl<T> Overlay<T> {
    /// Remembers what was learned of the entry as it was at `fingerprint`.
    pub fn insert(&mut self, id: EntryId, fingerprint: Fingerprint, value: T) {
        self.values.insert(id, (fingerprint, value));
    }

    /// What is known of the record as it is now.
    pub fn of(&self, record: &Record<'_>) -> Option<&T> {
        let (fingerprint, value) = self.values.get(&record.id())?;
        (*fingerprint == record.fingerprint()).then_some(value)
    }

    /// True if nothing was learned yet.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.values.clear();
    }
}
