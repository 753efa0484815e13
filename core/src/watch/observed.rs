//! Hits and misses as seen from outside, summed per entry, group and store.

use std::collections::HashMap;

use super::{Earned, Event, EventKind};
use crate::model::{EntryId, EntryKey, Record, Time};
use crate::stores::{Counted, Counters};

/// What the events of a watched store add up to since watching began.
#[derive(Debug, Clone, Default)]
pub struct Observed {
    total: Earned,
    groups: HashMap<Box<[u8]>, Earned>,
    entries: HashMap<EntryId, Earned>,
}

impl Observed {
    /// Counts an event, if it is a look-up.
    pub fn count(&mut self, event: &Event) {
        let Some(EntryKey { group, .. }) = &event.entry else {
            return;
        };
        let is_lookup = matches!(event.kind, EventKind::Hit | EventKind::Miss);
        // What others count is never added to what was seen.
        if !is_lookup || event.source != Counted::Observed {
            return;
        }
        self.total.count(event);
        if let Some(seen) = self.groups.get_mut(group) {
            seen.count(event);
        } else {
            self.groups.entry(group.clone()).or_default().count(event);
        }
        if let Some(entry) = &event.entry {
            self.entries.entry(entry.id()).or_default().count(event);
        }
    }

    /// Of the whole store.
    pub fn total(&self) -> Earned {
        self.total
    }

    /// Of the group with this locator.
    pub fn of_group(&self, locator: &[u8]) -> Earned {
        self.groups.get(locator).copied().unwrap_or_default()
    }

    /// Every group that was looked up, by its locator.
    pub fn groups(&self) -> impl Iterator<Item = (&[u8], Earned)> {
        self.groups
            .iter()
            .map(|(locator, seen)| (&**locator, *seen))
    }

    /// Of an entry.
    pub fn of(&self, record: &Record<'_>) -> Earned {
        self.entries.get(&record.id()).copied().unwrap_or_default()
    }

    /// As one of the store's counters, with what is known of its window.
    pub fn counters(&self, since: Time, is_lower_bound: bool) -> Counters {
        Counters {
            source: Counted::Observed,
            since: Some(since),
            hits: self.total.hits,
            misses: self.total.misses,
            is_lower_bound,
        }
    }
}
