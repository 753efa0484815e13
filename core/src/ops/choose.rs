//! Which entries have to go for a store to fit: the ones that were not read for longest.

use crate::model::{Record, Time, Totals};

/// What a store is to be brought down to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ceiling {
    /// Stored value bytes at most.
    pub bytes: Option<u64>,
    /// Entries at most.
    pub entries: Option<u64>,
}

impl Ceiling {
    /// True if nothing is asked for.
    pub fn is_none(&self) -> bool {
        self.bytes.is_none() && self.entries.is_none()
    }
}

/// Of `candidates`, those that go so that a store of `totals` fits: as few as need be, the longest unread first.
///
/// The order is that of joblib's `reduce_size` (`_store_backends.py: _get_items_to_delete`). What has no time
/// of reading counts by its time of writing; what has neither goes last, because unknown is never old.
pub fn least_recently_used(
    candidates: &[Record<'_>],
    totals: Totals,
    ceiling: Ceiling,
) -> Vec<usize> {
    let mut bytes_over = totals
        .bytes
        .saturating_sub(ceiling.bytes.unwrap_or(u64::MAX));
    let mut entries_over = totals
        .entries
        .saturating_sub(ceiling.entries.unwrap_or(u64::MAX));
    let mut order: Vec<(bool, Option<Time>, usize)> = candidates
        .iter()
        .enumerate()
        .map(|(at, record)| {
            let used = record.accessed.or(record.modified).or(record.created);
            (used.is_none(), used, at)
        })
        .collect();
    order.sort_unstable();
    let mut chosen = Vec::new();
    for (_, _, at) in order {
        if bytes_over == 0 && entries_over == 0 {
            break;
        }
        chosen.push(at);
        let bytes = candidates.get(at).map_or(0, |record| record.bytes);
        bytes_over = bytes_over.saturating_sub(bytes);
        entries_over = entries_over.saturating_sub(1);
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Group;

    /// Entries of (bytes, seconds of last reading); the indices that go.
    fn check(entries: &[(u64, Option<i64>)], ceiling: Ceiling, expected: &[usize]) {
        let group = Group::named("f");
        let records: Vec<Record<'_>> = entries
            .iter()
            .map(|(bytes, used)| {
                let mut record = Record::new(&group, b"k");
                record.bytes = *bytes;
                record.accessed = used.map(|secs| Time::from_unix(secs, 0));
                record
            })
            .collect();
        let totals = Totals {
            entries: entries.len() as u64,
            bytes: entries.iter().map(|(bytes, _)| bytes).sum(),
            disk_bytes: 0,
        };
        assert_eq!(least_recently_used(&records, totals, ceiling), expected);
    }

    fn bytes(bytes: u64) -> Ceiling {
        Ceiling {
            bytes: Some(bytes),
            entries: None,
        }
    }

    fn entries(entries: u64) -> Ceiling {
        Ceiling {
            bytes: None,
            entries: Some(entries),
        }
    }

    #[test]
    fn the_longest_unread_go_until_the_rest_fits() {
        let store = [(10, Some(3)), (10, Some(1)), (10, Some(2))];
        check(&store, bytes(30), &[]);
        check(&store, bytes(29), &[1]);
        check(&store, bytes(20), &[1]);
        check(&store, bytes(10), &[1, 2]);
        check(&store, bytes(0), &[1, 2, 0]);
        check(&store, entries(2), &[1]);
        check(&store, entries(0), &[1, 2, 0]);
        check(&store, Ceiling::default(), &[]);
        let both = Ceiling {
            bytes: Some(25),
            entries: Some(1),
        };
        check(&store, both, &[1, 2]);
    }

    #[test]
    fn what_was_never_known_to_be_used_goes_last() {
        check(&[(10, None), (10, Some(5))], entries(1), &[1]);
        check(&[(10, None), (10, Some(5))], entries(0), &[1, 0]);
    }
}
