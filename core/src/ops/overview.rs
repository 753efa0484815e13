//! A snapshot to what its overview shows: sums, distributions, conditions, the largest groups.

use std::collections::HashMap;
use std::sync::Arc;

use super::RowSet;
use crate::model::{Condition, Group, Overlay, Record, Role, Row, Snapshot, Time, Verdict};

const HOUR: f64 = 3600.0;
const DAY: f64 = 24.0 * HOUR;

/// Lower edges of the bins by size, in bytes; the last one has no upper edge. Two bins a decade.
pub const SIZE_EDGES: [u64; 21] = [
    0,
    1,
    3,
    10,
    30,
    100,
    300,
    1_000,
    3_000,
    10_000,
    30_000,
    100_000,
    300_000,
    1_000_000,
    3_000_000,
    10_000_000,
    30_000_000,
    100_000_000,
    300_000_000,
    1_000_000_000,
    10_000_000_000,
];

/// Lower edges of the bins by age, in seconds; the last one has no upper edge.
pub const AGE_EDGES: [f64; 14] = [
    0.0,
    HOUR,
    6.0 * HOUR,
    DAY,
    2.0 * DAY,
    4.0 * DAY,
    7.0 * DAY,
    14.0 * DAY,
    30.0 * DAY,
    60.0 * DAY,
    90.0 * DAY,
    180.0 * DAY,
    365.0 * DAY,
    730.0 * DAY,
];

/// Entries not used for this long count as idle, in seconds.
pub const IDLE_S: f64 = 30.0 * DAY;

/// A count over some entries.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Tally {
    /// Number of entries.
    pub entries: u64,
    /// Their stored bytes.
    pub bytes: u64,
    /// Seconds to compute them again, as far as recorded.
    pub duration_s: Option<f64>,
}

impl Tally {
    fn add(&mut self, record: &Record<'_>) {
        self.entries += 1;
        self.bytes = self.bytes.saturating_add(record.bytes);
        if let Some(seconds) = record.duration_s {
            self.duration_s = Some(self.duration_s.unwrap_or(0.0) + seconds);
        }
    }
}

/// A bin of a histogram: all entries, and those that a query found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Bin {
    /// Entries in it.
    pub all: u64,
    /// Those of them that were found.
    pub found: u64,
}

/// What the overview of a store shows.
#[derive(Debug, Clone, Default)]
pub struct Overview {
    /// All entries.
    pub all: Tally,
    /// Entries not used for [`IDLE_S`]; `None` if no entry's last use is known.
    pub idle: Option<Tally>,
    /// Entries of each condition, in the order of [`Condition::ALL`].
    pub conditions: [u64; Condition::ALL.len()],
    /// Entries that no check looked at.
    pub unchecked: u64,
    /// By [`SIZE_EDGES`].
    pub by_size: Vec<Bin>,
    /// By [`AGE_EDGES`], counted from the last use; empty if no entry's last use is known.
    pub by_last_use: Vec<Bin>,
    /// By [`AGE_EDGES`], counted from storing; empty if no entry's time is known.
    pub by_age: Vec<Bin>,
    /// Every group, the one with the most bytes first.
    pub groups: Vec<(Arc<Group>, Tally)>,
}

impl Overview {
    /// Sums up a snapshot; `found` are the rows that a query left.
    pub fn new(snapshot: &Snapshot, verdicts: &Overlay<Verdict>, found: &[Row], now: Time) -> Self {
        let mut overview = Self {
            by_size: vec![Bin::default(); SIZE_EDGES.len()],
            ..Self::default()
        };
        let mut by_last_use = vec![Bin::default(); AGE_EDGES.len()];
        let mut by_age = vec![Bin::default(); AGE_EDGES.len()];
        let mut has_ages = false;
        let mut groups: HashMap<Arc<Group>, Tally> = HashMap::new();
        let found = RowSet::new(found);
        for (row, record) in snapshot.records() {
            overview.count_condition(&record, verdicts);
            if record.role == Role::Orphan {
                continue;
            }
            let is_found = found.contains(row);
            overview.all.add(&record);
            groups
                .entry(Arc::clone(record.group))
                .or_default()
                .add(&record);
            let at = SIZE_EDGES.partition_point(|edge| *edge <= record.bytes);
            count(&mut overview.by_size, at, is_found);
            if let Some(stored) = record.created.or(record.modified) {
                let age = stored.age_secs(now).max(0.0);
                let at = AGE_EDGES.partition_point(|edge| *edge <= age);
                count(&mut by_age, at, is_found);
                has_ages = true;
            }
            if let Some(used) = record.accessed {
                let age = used.age_secs(now).max(0.0);
                let at = AGE_EDGES.partition_point(|edge| *edge <= age);
                count(&mut by_last_use, at, is_found);
                let idle = overview.idle.get_or_insert_default();
                if age > IDLE_S {
                    idle.add(&record);
                }
            }
        }
        if overview.idle.is_some() {
            overview.by_last_use = by_last_use;
        }
        if has_ages {
            overview.by_age = by_age;
        }
        overview.groups = groups.into_iter().collect();
        let by_bytes = |a: &(Arc<Group>, Tally), b: &(Arc<Group>, Tally)| {
            b.1.bytes.cmp(&a.1.bytes).then_with(|| a.0.cmp(&b.0))
        };
        overview.groups.sort_by(by_bytes);
        overview
    }

    fn count_condition(&mut self, record: &Record<'_>, verdicts: &Overlay<Verdict>) {
        let condition = match (verdicts.of(record), record.role) {
            (Some(verdict), _) => verdict.condition,
            (None, Role::Orphan) => Condition::Orphan,
            (None, Role::Entry) => {
                self.unchecked += 1;
                return;
            }
        };
        if let Some(n) = self.conditions.get_mut(condition as usize) {
            *n += 1;
        }
    }

    /// Entries of one condition.
    pub fn of(&self, condition: Condition) -> u64 {
        self.conditions
            .get(condition as usize)
            .copied()
            .unwrap_or(0)
    }
}

/// `at` is one past the bin, as `partition_point` gives it.
fn count(bins: &mut [Bin], at: usize, is_found: bool) {
    if let Some(bin) = bins.get_mut(at.saturating_sub(1)) {
        bin.all += 1;
        bin.found += u64::from(is_found);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ChunkBuilder, StoreInfo};
    use std::path::Path;

    fn snapshot(records: &[(u64, Option<i64>)]) -> Snapshot {
        let info = Arc::new(StoreInfo::new(
            Path::new("/s"),
            Path::new("/s"),
            "joblib",
            None,
        ));
        let group = Group::named("g");
        let mut builder = ChunkBuilder::default();
        for (n, (bytes, accessed)) in records.iter().enumerate() {
            let key = n.to_le_bytes();
            let mut record = Record::new(&group, &key);
            record.bytes = *bytes;
            record.accessed = accessed.map(|s| Time::from_unix(s, 0));
            record.duration_s = (n == 0).then_some(2.5);
            builder.push(&record);
        }
        Snapshot::empty(info).extended(vec![builder.finish()], vec![], true)
    }

    #[test]
    fn sizes_fall_into_their_bins_and_the_found_ones_are_counted_apart() {
        let snapshot = snapshot(&[
            (0, None),
            (1, None),
            (999, None),
            (1000, None),
            (1 << 40, None),
        ]);
        let found: Vec<_> = snapshot.rows().skip(3).collect();
        let overview = Overview::new(&snapshot, &Overlay::default(), &found, Time::now());
        let filled: Vec<_> = overview
            .by_size
            .iter()
            .zip(SIZE_EDGES)
            .filter(|(bin, _)| bin.all > 0)
            .map(|(bin, edge)| (edge, bin.all, bin.found))
            .collect();
        assert_eq!(
            filled,
            [
                (0, 1, 0),
                (1, 1, 0),
                (300, 1, 0),
                (1_000, 1, 1),
                (10_000_000_000, 1, 1)
            ]
        );
        assert_eq!(overview.unchecked, 5);
    }

    #[test]
    fn last_use_that_nobody_knows_is_not_idleness() {
        let now = Time::from_unix(100 * 86_400, 0);
        let unknown = snapshot(&[(5, None)]);
        let overview = Overview::new(&unknown, &Overlay::default(), &[], now);
        assert_eq!((overview.idle, overview.by_last_use.len()), (None, 0));

        let known = snapshot(&[(5, Some(0)), (7, Some(99 * 86_400))]);
        let overview = Overview::new(&known, &Overlay::default(), &[], now);
        let idle = overview.idle.unwrap();
        assert_eq!(
            (idle.entries, idle.bytes, idle.duration_s),
            (1, 5, Some(2.5))
        );
    }
}
