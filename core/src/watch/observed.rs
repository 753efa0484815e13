//! Hits and misses as seen from outside, summed per entry, group and store.

use std::collections::HashMap;

use super::{Event, EventKind};
use crate::model::{EntryId, EntryKey, Record, Time};
use crate::stores::{Counted, Counters};

/// Look-ups seen of one entry or group.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Seen {
    /// Look-ups that found a value.
    pub hits: u64,
    /// Look-ups that did not.
    pub misses: u64,
    /// The newest hit.
    pub last_hit: Option<Time>,
    /// Seconds of computing that hits spared at most: what loading took is not known from outside.
    pub saved_s: f64,
    /// Hits of values whose compute time is not recorded; what they saved is not in the sum.
    pub n_untimed: u64,
}

impl Seen {
    fn count(&mut self, event: &Event) {
        if event.kind != EventKind::Hit {
            self.misses += event.n;
            return;
        }
        self.hits += event.n;
        self.last_hit = Some(event.time);
        match event.saved_s() {
            Some(saved) => self.saved_s += saved,
            None => self.n_untimed += event.n,
        }
    }
}

/// What the events of a watched store add up to since watching began.
#[derive(Debug, Clone, Default)]
pub struct Observed {
    total: Seen,
    groups: HashMap<Box<[u8]>, Seen>,
    entries: HashMap<EntryId, Seen>,
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
    pub fn total(&self) -> Seen {
        self.total
    }

    /// Of the group with this locator.
    pub fn of_group(&self, locator: &[u8]) -> Seen {
        self.groups.get(locator).copied().unwrap_or_default()
    }

    /// Every group that was looked up, by its locator.
    pub fn groups(&self) -> impl Iterator<Item = (&[u8], Seen)> {
        self.groups
            .iter()
            .map(|(locator, seen)| (&**locator, *seen))
    }

    /// Of an entry.
    pub fn of(&self, record: &Record<'_>) -> Seen {
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
