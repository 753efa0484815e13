//! Entries to sums: counts, bytes, groups and histograms of a store, from a scan or from a snapshot.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::Result;
use crate::model::{Group, Issue, Record, Role, Snapshot, Time};
use crate::stores::{Collector, Counters, Detail, Scan, Store, threads};

use super::each::Control;

const HOUR: f64 = 3600.0;
const DAY: f64 = 24.0 * HOUR;

/// Upper bounds of the age histogram's bins, in seconds; the last bin has none.
const AGES: [f64; 9] = [
    HOUR,
    DAY,
    7.0 * DAY,
    30.0 * DAY,
    90.0 * DAY,
    180.0 * DAY,
    365.0 * DAY,
    730.0 * DAY,
    1825.0 * DAY,
];

/// What a store holds, summed.
#[derive(Debug, Clone, Default)]
pub struct Stats {
    /// Number of entries.
    pub entries: u64,
    /// Stored value bytes.
    pub bytes: u64,
    /// Bytes on the disk, those that belong to no entry included.
    pub disk_bytes: u64,
    /// Sums of each group, largest first; empty in stores without groups.
    pub groups: Vec<GroupStats>,
    /// Entries by stored size.
    pub sizes: Vec<Bin>,
    /// Entries by age, from storing until now, in seconds.
    pub ages: Vec<Bin>,
    /// When the oldest entry was stored.
    pub oldest: Option<Time>,
    /// When the newest entry was stored.
    pub newest: Option<Time>,
    /// Hits and misses, each with its source; empty where nothing was counted.
    pub counters: Vec<Counters>,
    /// Problems met on the way.
    pub issues: Vec<Issue>,
}

impl Stats {
    /// Bytes on the disk that hold no value: metadata, unused parts of blocks and pages, sources.
    pub fn overhead_bytes(&self) -> u64 {
        self.disk_bytes.saturating_sub(self.bytes)
    }

    /// Forgets compute times, which are sums of some entries only where metadata were not read for all.
    pub fn leave_out_durations(&mut self) {
        for group in &mut self.groups {
            group.duration_s = None;
        }
    }
}

/// Sums of one group.
#[derive(Debug, Clone, PartialEq)]
pub struct GroupStats {
    /// The group's label.
    pub group: Arc<Group>,
    /// Number of entries.
    pub entries: u64,
    /// Stored value bytes.
    pub bytes: u64,
    /// Seconds of computing; `None` where none was recorded or metadata was not read.
    pub duration_s: Option<f64>,
}

/// One bar of a histogram.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bin {
    /// Smallest value that belongs to it.
    pub from: f64,
    /// Smallest value that no longer does; infinite for the last.
    pub to: f64,
    /// Number of entries.
    pub entries: u64,
    /// Stored value bytes.
    pub bytes: u64,
}

/// Reads a store's sums without keeping its entries.
///
/// # Errors
/// If the store as a whole cannot be read, or it was cancelled.
pub fn read(store: &Store, has_durations: bool, control: Control<'_>) -> Result<Stats> {
    let now = Time::now();
    let sum = Mutex::new(Sums::new(now));
    let collector = || -> Box<dyn Collector> {
        Box::new(Part {
            sums: Sums::new(now),
            whole: &sum,
        })
    };
    store.scan(&Scan {
        detail: if has_durations {
            Detail::Full
        } else {
            Detail::Sizes
        },
        cancel: control.cancel,
        progress: control.progress,
        threads: threads(),
        collector: &collector,
    })?;
    let mut stats = sum
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner)
        .finish();
    if !has_durations {
        stats.leave_out_durations();
    }
    match store.counters() {
        Ok(counters) => stats.counters = counters,
        Err(error) => stats
            .issues
            .push(Issue::from_error(&error, &store.info.path)),
    }
    Ok(stats)
}

/// The sums of what a snapshot holds; it has no counters.
pub fn of_snapshot(snapshot: &Snapshot, now: Time) -> Stats {
    let mut sums = Sums::new(now);
    for (_, record) in snapshot.records() {
        sums.add(&record);
    }
    sums.disk_bytes = snapshot.disk_bytes();
    sums.issues.clone_from(&snapshot.issues);
    sums.finish()
}

/// The sums of some entries alone: nothing that belongs to none of them, and no counters.
pub fn of_records<'a>(records: impl Iterator<Item = Record<'a>>, now: Time) -> Stats {
    let mut sums = Sums::new(now);
    records.for_each(|record| sums.add(&record));
    sums.finish()
}

/// One thread's share of a scan.
struct Part<'a> {
    sums: Sums,
    whole: &'a Mutex<Sums>,
}

impl Collector for Part<'_> {
    fn record(&mut self, record: &Record<'_>) {
        self.sums.add(record);
    }

    fn issue(&mut self, issue: Issue) {
        self.sums.issues.push(issue);
    }

    fn overhead(&mut self, disk_bytes: u64) {
        self.sums.disk_bytes = self.sums.disk_bytes.saturating_add(disk_bytes);
    }
}

impl Drop for Part<'_> {
    fn drop(&mut self) {
        let mut whole = self.whole.lock().unwrap_or_else(PoisonError::into_inner);
        let now = whole.now;
        whole.merge(std::mem::replace(&mut self.sums, Sums::new(now)));
    }
}

/// Sums on the way, cheap to add to: bins are counted by index, groups found by the one seen last.
struct Sums {
    now: Time,
    entries: u64,
    bytes: u64,
    disk_bytes: u64,
    groups: Vec<GroupStats>,
    index: HashMap<Arc<Group>, usize>,
    last_group: usize,
    /// Entries and bytes by [`size_bin`].
    sizes: [(u64, u64); N_SIZES],
    /// Entries and bytes by place in [`AGES`].
    ages: [(u64, u64); AGES.len() + 1],
    oldest: Option<Time>,
    newest: Option<Time>,
    issues: Vec<Issue>,
}

impl Sums {
    fn new(now: Time) -> Self {
        Self {
            now,
            entries: 0,
            bytes: 0,
            disk_bytes: 0,
            groups: Vec::new(),
            index: HashMap::new(),
            last_group: 0,
            sizes: [(0, 0); N_SIZES],
            ages: [(0, 0); AGES.len() + 1],
            oldest: None,
            newest: None,
            issues: Vec::new(),
        }
    }

    fn add(&mut self, record: &Record<'_>) {
        if record.role == Role::Orphan {
            return;
        }
        self.entries += 1;
        self.bytes = self.bytes.saturating_add(record.bytes);
        self.disk_bytes = self.disk_bytes.saturating_add(record.disk_bytes);
        count(&mut self.sizes, size_bin(record.bytes), record.bytes);
        if let Some(stored) = record.created.or(record.modified) {
            let age = stored.age_secs(self.now);
            let bin = AGES.iter().position(|bound| age < *bound);
            count(&mut self.ages, bin.unwrap_or(AGES.len()), record.bytes);
            self.oldest = Some(self.oldest.map_or(stored, |t| t.min(stored)));
            self.newest = Some(self.newest.map_or(stored, |t| t.max(stored)));
        }
        if !record.group.label.is_empty() {
            let group = self.group(record.group);
            group.entries += 1;
            group.bytes = group.bytes.saturating_add(record.bytes);
            if let Some(secs) = record.duration_s {
                *group.duration_s.get_or_insert(0.0) += secs;
            }
        }
    }

    fn group(&mut self, group: &Arc<Group>) -> &mut GroupStats {
        let is_last = |g: &GroupStats| Arc::ptr_eq(&g.group, group);
        let at = if self.groups.get(self.last_group).is_some_and(is_last) {
            self.last_group
        } else {
            *self
                .index
                .entry(Arc::clone(group))
                .or_insert(self.groups.len())
        };
        self.last_group = at;
        if at == self.groups.len() {
            self.groups.push(GroupStats {
                group: Arc::clone(group),
                entries: 0,
                bytes: 0,
                duration_s: None,
            });
        }
        #[expect(clippy::indexing_slicing, reason = "pushed above where it was missing")]
        &mut self.groups[at]
    }

    fn merge(&mut self, other: Self) {
        self.entries += other.entries;
        self.bytes = self.bytes.saturating_add(other.bytes);
        self.disk_bytes = self.disk_bytes.saturating_add(other.disk_bytes);
        merge_bins(&mut self.sizes, &other.sizes);
        merge_bins(&mut self.ages, &other.ages);
        for theirs in other.groups {
            let ours = self.group(&theirs.group);
            ours.entries += theirs.entries;
            ours.bytes = ours.bytes.saturating_add(theirs.bytes);
            if let Some(secs) = theirs.duration_s {
                *ours.duration_s.get_or_insert(0.0) += secs;
            }
        }
        self.oldest = self.oldest.into_iter().chain(other.oldest).min();
        self.newest = self.newest.into_iter().chain(other.newest).max();
        self.issues.extend(other.issues);
    }

    fn finish(mut self) -> Stats {
        self.groups
            .sort_by(|a, b| (b.bytes, &a.group.label).cmp(&(a.bytes, &b.group.label)));
        let size_bounds = (0..N_SIZES).map(|bin| (size_bound(bin), size_bound(bin + 1)));
        let age_from = std::iter::once(0.0).chain(AGES);
        let age_bounds = age_from.zip(AGES.into_iter().chain([f64::INFINITY]));
        Stats {
            sizes: bins(&self.sizes, size_bounds),
            ages: bins(&self.ages, age_bounds),
            entries: self.entries,
            bytes: self.bytes,
            disk_bytes: self.disk_bytes,
            groups: self.groups,
            oldest: self.oldest,
            newest: self.newest,
            counters: Vec::new(),
            issues: self.issues,
        }
    }
}

fn count(bins: &mut [(u64, u64)], at: usize, bytes: u64) {
    if let Some((entries, sum)) = bins.get_mut(at) {
        *entries += 1;
        *sum = sum.saturating_add(bytes);
    }
}

fn merge_bins(ours: &mut [(u64, u64)], theirs: &[(u64, u64)]) {
    for ((entries, bytes), (more_entries, more_bytes)) in ours.iter_mut().zip(theirs) {
        *entries += more_entries;
        *bytes = bytes.saturating_add(*more_bytes);
    }
}

/// The counted bins with their bounds, empty ones at both ends left out.
fn bins(counted: &[(u64, u64)], bounds: impl Iterator<Item = (f64, f64)>) -> Vec<Bin> {
    let all = bounds
        .zip(counted)
        .map(|((from, to), (entries, bytes))| Bin {
            from,
            to,
            entries: *entries,
            bytes: *bytes,
        });
    let mut kept: Vec<Bin> = all.skip_while(|bin| bin.entries == 0).collect();
    while kept.pop_if(|bin| bin.entries == 0).is_some() {}
    kept
}

/// Bins of size: empty, then two a decade (1, 3, 10, 30, …) up to a petabyte and beyond.
const N_SIZES: usize = 33;

/// Smallest size in a bin, in bytes.
fn size_bound(bin: usize) -> f64 {
    match bin {
        0 => 0.0,
        N_SIZES.. => f64::INFINITY,
        _ => {
            let decade = 10_f64.powi(i32::try_from((bin - 1) / 2).unwrap_or(0));
            if bin % 2 == 1 { decade } else { 3.0 * decade }
        }
    }
}

fn size_bin(bytes: u64) -> usize {
    let Some(decade) = bytes.checked_ilog10() else {
        return 0;
    };
    let bin = 1 + 2 * decade as usize + usize::from(bytes / 10_u64.pow(decade) >= 3);
    bin.min(N_SIZES - 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ChunkBuilder, StoreInfo};
    use std::path::Path;

    const NOW: i64 = 1_800_000_000;

    fn snapshot(rows: &[(&str, u64, i64, Option<f64>)]) -> Snapshot {
        let mut builder = ChunkBuilder::default();
        for (at, (group, bytes, age, duration_s)) in rows.iter().enumerate() {
            let group = Group::named(group);
            let key = at.to_string();
            let mut record = Record::new(&group, key.as_bytes());
            record.bytes = *bytes;
            record.disk_bytes = 4096;
            record.modified = Some(Time::from_unix(NOW - age, 0));
            record.duration_s = *duration_s;
            builder.push(&record);
        }
        let info = StoreInfo::new(Path::new("/s"), Path::new("/s"), "joblib", None);
        Snapshot::empty(Arc::new(info)).extended(vec![builder.finish()], vec![], true)
    }

    #[test]
    fn sums_are_those_of_the_entries() {
        let rows = [
            ("f", 100, 60, Some(1.5)),
            ("g", 5000, 7200, None),
            ("f", 300, 40 * 86_400, Some(2.0)),
        ];
        let stats = of_snapshot(&snapshot(&rows), Time::from_unix(NOW, 0));
        assert_eq!(
            (stats.entries, stats.bytes, stats.disk_bytes),
            (3, 5400, 12_288)
        );
        assert_eq!(stats.overhead_bytes(), 12_288 - 5400);
        let groups: Vec<_> = stats
            .groups
            .iter()
            .map(|g| (&*g.group.label, g.entries, g.bytes, g.duration_s))
            .collect();
        assert_eq!(groups, [("g", 1, 5000, None), ("f", 2, 400, Some(3.5))]);
        assert_eq!(stats.oldest, Some(Time::from_unix(NOW - 40 * 86_400, 0)));
        assert_eq!(stats.newest, Some(Time::from_unix(NOW - 60, 0)));
    }

    #[test]
    fn every_entry_stands_in_one_bin() {
        for (bytes, from, to) in [
            (0, 0.0, 1.0),
            (1, 1.0, 3.0),
            (2, 1.0, 3.0),
            (3, 3.0, 10.0),
            (9_999, 3000.0, 10_000.0),
            (10_000, 10_000.0, 30_000.0),
        ] {
            let stats = of_snapshot(&snapshot(&[("", bytes, 0, None)]), Time::from_unix(NOW, 0));
            let expected = Bin {
                from,
                to,
                entries: 1,
                bytes,
            };
            assert_eq!(stats.sizes, [expected], "{bytes}");
        }
        let stats = of_snapshot(
            &snapshot(&[("", u64::MAX, 0, None)]),
            Time::from_unix(NOW, 0),
        );
        assert_eq!(stats.sizes.first().map(|b| b.to), Some(f64::INFINITY));
        assert!(stats.groups.is_empty());
    }

    #[test]
    fn an_empty_store_has_no_bins_and_no_times() {
        let stats = of_snapshot(&snapshot(&[]), Time::from_unix(NOW, 0));
        assert!(stats.sizes.is_empty() && stats.ages.is_empty());
        assert_eq!((stats.oldest, stats.newest, stats.entries), (None, None, 0));
    }
}
