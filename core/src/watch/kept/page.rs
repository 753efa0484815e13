//! What one watcher saw of a store on one day, as it is kept; and which of several watchers' pages count.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Earned;
use crate::model::EntryKey;

/// One file: a store, a day, a watcher.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Page {
    /// The store's path, for people who look into the file.
    pub(super) store: String,
    pub(super) kind: String,
    /// `2026-11-26`, by the computer's own time zone.
    pub(super) day: String,
    /// The window, in seconds since 1970.
    pub(super) since: i64,
    pub(super) until: i64,
    pub(super) is_lower_bound: bool,
    pub(super) total: Earned,
    pub(super) groups: BTreeMap<String, Earned>,
    pub(super) entries: Vec<EntryEarned>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct EntryEarned {
    pub(super) entry: EntryKey,
    #[serde(flatten)]
    pub(super) earned: Earned,
}

impl Page {
    pub(super) fn lookups(&self) -> u64 {
        self.total.hits.saturating_add(self.total.misses)
    }

    /// True if its window reaches from before the other's to behind it.
    pub(super) fn spans(&self, other: &Self) -> bool {
        self.since <= other.since && self.until >= other.until
    }
}

/// Of one day's pages those whose windows lie apart and together saw most, and the others.
pub(super) fn apart(mut pages: Vec<Page>) -> (Vec<Page>, Vec<Page>) {
    pages.sort_by_key(|page| page.until);
    let n_before =
        |pages: &[Page], since: i64| pages.partition_point(|before| before.until <= since);
    // For the first n pages: what the best choice among them saw, and whether the last of them is in it.
    let mut best = vec![(0_u64, false)];
    for (at, page) in pages.iter().enumerate() {
        let seen = |n: usize| best.get(n).map_or(0, |(seen, _)| *seen);
        let before = n_before(pages.get(..at).unwrap_or_default(), page.since);
        let with = seen(before).saturating_add(page.lookups());
        let without = seen(at);
        best.push((with.max(without), with > without));
    }
    let (mut chosen, mut others) = (Vec::new(), Vec::new());
    let mut n_free = pages.len();
    while let Some(page) = pages.pop() {
        let n = pages.len() + 1;
        let is_best = best.get(n).is_some_and(|(_, is_in)| *is_in);
        if n <= n_free && is_best {
            n_free = n_before(&pages, page.since);
            chosen.push(page);
        } else {
            others.push(page);
        }
    }
    (chosen, others)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_windows_that_overlap_those_count_that_together_saw_most() {
        for (windows, expected) in [
            (&[(0, 10, 5), (10, 20, 4)][..], 9),
            (&[(0, 10, 5), (0, 10, 5)], 5),
            (&[(0, 10, 5), (5, 15, 7), (10, 20, 4)], 9),
            (&[(0, 10, 2), (5, 15, 7), (10, 20, 4)], 7),
            (&[(0, 100, 3), (10, 20, 5), (30, 40, 5)], 10),
            (&[(0, 100, 11), (10, 20, 5), (30, 40, 5)], 11),
            (&[], 0),
        ] {
            let page = |(since, until, hits): &(i64, i64, u64)| Page {
                since: *since,
                until: *until,
                total: Earned {
                    hits: *hits,
                    ..Earned::default()
                },
                ..Page::default()
            };
            let (chosen, others) = apart(windows.iter().map(page).collect());
            let seen: u64 = chosen.iter().map(Page::lookups).sum();
            assert_eq!(seen, expected, "{windows:?}");
            assert_eq!(chosen.len() + others.len(), windows.len());
        }
    }
}
