//! What is learned of entries after the listing, kept beside snapshots and joined when drawn or queried.

use std::collections::HashMap;
use std::sync::Arc;

use super::{EntryId, Record, Version};

/// A column keyed by entry: conditions, value summaries, observed hits.
///
/// A value counts only while the entry's version is the one it was learned from,
/// so a rescan keeps what is still true and hides the rest.
///
/// A clone costs next to nothing, and so does learning more of a column that was cloned: jobs that look at what was
/// known a moment ago hold up nobody.
#[derive(Debug, Clone)]
pub struct Overlay<T> {
    /// Oldest first, each more than twice as large as the next.
    layers: Vec<Arc<Layer<T>>>,
}

type Layer<T> = HashMap<EntryId, (Version, T)>;

impl<T> Default for Overlay<T> {
    fn default() -> Self {
        Self { layers: Vec::new() }
    }
}

impl<T: Clone> Overlay<T> {
    /// Remembers what was learned of the entry as it was listed.
    pub fn insert(&mut self, id: EntryId, version: Version, value: T) {
        self.extend([(id, version, value)]);
    }

    /// Remembers what was learned of many entries.
    pub fn extend(&mut self, learned: impl IntoIterator<Item = (EntryId, Version, T)>) {
        let learned = learned
            .into_iter()
            .map(|(id, version, value)| (id, (version, value)));
        let mut newest: Layer<T> = learned.collect();
        // So that there are few layers, and each value is copied a few times only.
        while let Some(below) = self.layers.pop_if(|below| below.len() <= 2 * newest.len()) {
            let mut below = Arc::unwrap_or_clone(below);
            below.extend(newest);
            newest = below;
        }
        if !newest.is_empty() {
            self.layers.push(Arc::new(newest));
        }
    }

    /// Forgets what another value of the same length would not show; true if there was any.
    pub fn forget_undated(&mut self) -> bool {
        let mut has_any = false;
        for layer in &mut self.layers {
            if layer.values().any(|(version, _)| !version.is_dated()) {
                has_any = true;
                Arc::make_mut(layer).retain(|_, (version, _)| version.is_dated());
            }
        }
        self.layers.retain(|layer| !layer.is_empty());
        has_any
    }
}

impl<T> Overlay<T> {
    /// What is known of the record as it is now.
    pub fn of(&self, record: &Record<'_>) -> Option<&T> {
        let id = record.id();
        let mut newest_first = self.layers.iter().rev();
        let (version, value) = newest_first.find_map(|layer| layer.get(&id))?;
        (*version == record.version()).then_some(value)
    }

    /// True if nothing was learned yet.
    pub fn is_empty(&self) -> bool {
        self.layers.is_empty()
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.layers.clear();
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
        assert!(overlay.forget_undated() && overlay.is_empty());
        assert_eq!(overlay.of(&record), None);
    }

    #[test]
    fn what_was_learned_last_counts_and_layers_stay_few() {
        let group = Group::named("g");
        let keys: Vec<String> = (0..1000).map(|n| n.to_string()).collect();
        let record = |key: &String| Record::new(&group, key.as_bytes()).entry_key();
        let ids: Vec<EntryId> = keys.iter().map(|key| record(key).id()).collect();
        let version = Record::new(&group, b"k").version();
        let mut overlay = Overlay::default();
        for round in 0..3 {
            for id in &ids {
                overlay.insert(*id, version, round);
            }
        }
        assert!(overlay.layers.len() <= 12, "{}", overlay.layers.len());
        for key in &keys {
            assert_eq!(overlay.of(&Record::new(&group, key.as_bytes())), Some(&2));
        }
        // Whoever holds a clone keeps what was known then.
        let before = overlay.clone();
        overlay.insert(ids[0], version, 9);
        let first = Record::new(&group, keys[0].as_bytes());
        assert_eq!(
            (before.of(&first), overlay.of(&first)),
            (Some(&2), Some(&9))
        );
    }
}
