//! What is learned of entries after the listing, kept beside snapshots and joined when drawn or queried.

use std::collections::HashMap;

use super::{EntryId, Record, Version};

/// A column keyed by entry: conditions, value summaries, observed hits.
///
/// A value counts only while the entry's version is the one it was learned from,
/// so a rescan keeps what is still true and hides the rest.
#[derive(Debug, Clone)]
pub struct Overlay<T> {
    values: HashMap<EntryId, (Version, T)>,
}

impl<T> Default for Overlay<T> {
    fn default() -> Self {
        Self {
            values: HashMap::new(),
        }
    }
}

impl<T> Overlay<T> {
    /// Remembers what was learned of the entry as it was listed.
    pub fn insert(&mut self, id: EntryId, version: Version, value: T) {
        self.values.insert(id, (version, value));
    }

    /// What is known of the record as it is now.
    pub fn of(&self, record: &Record<'_>) -> Option<&T> {
        let (version, value) = self.values.get(&record.id())?;
        (*version == record.version()).then_some(value)
    }

    /// True if nothing was learned yet.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Forgets what another value of the same length would not show; true if there was any.
    pub fn forget_undated(&mut self) -> bool {
        let before = self.values.len();
        self.values.retain(|_, (version, _)| version.is_dated());
        self.values.len() < before
    }

    /// True if some of it holds only as long as nothing is written to the store.
    pub fn has_undated(&self) -> bool {
        self.values.values().any(|(version, _)| !version.is_dated())
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.values.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Group, Time};

    #[test]
    fn what_was_learned_holds_as_long_as_the_entry_is_listed_as_it_was() {
        let group = Group::named("g");
        let record = Record::new(&group, b"k");
        let mut overlay = Overlay::default();
        overlay.insert(record.id(), record.version(), 7);
        assert_eq!(overlay.of(&record), Some(&7));
        let kept = Record {
            expires: Some(Time::from_unix(9, 0)),
            ..record.clone()
        };
        let whole = Record {
            files: 2,
            ..record.clone()
        };
        assert_eq!((overlay.of(&kept), overlay.of(&whole)), (None, None));
        assert!(overlay.forget_undated());
        assert_eq!(overlay.of(&record), None);
    }
}
