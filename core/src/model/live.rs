//! From one generation of a snapshot to the next: deltas, and the index that finds the rows they change.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::Issue;
use super::chunk::{Chunk, ChunkBuilder};
use super::entry::{EntryId, EntryKey, Record};
use super::snapshot::{Row, Snapshot};

/// What changed in a store since a generation.
#[derive(Debug, Default)]
pub struct Delta {
    full: Vec<Chunk>,
    upserted: ChunkBuilder,
    removed: Vec<EntryKey>,
    issues: Option<Vec<Issue>>,
}

impl Delta {
    /// An entry is new, or replaces the one of the same key; the last one of a key counts.
    pub fn upsert(&mut self, record: &Record<'_>) {
        if self.upserted.is_full() {
            let full = std::mem::take(&mut self.upserted);
            self.full.push(full.finish());
        }
        self.upserted.push(record);
    }

    /// An entry is gone.
    pub fn remove(&mut self, key: EntryKey) {
        self.removed.push(key);
    }

    /// The problems of the whole store are these now.
    pub fn set_issues(&mut self, issues: Vec<Issue>) {
        self.issues = Some(issues);
    }

    /// True if it changes nothing.
    pub fn is_empty(&self) -> bool {
        let has_rows = !self.full.is_empty() || !self.upserted.is_empty();
        !has_rows && self.removed.is_empty() && self.issues.is_none()
    }
}

/// What a [`Delta`] did to the rows: take `gone` out of a sorted order, then put `came` in.
///
/// A row number can stand in both: it was given anew. Rows that a compaction moved are among both as well.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Merged {
    /// Rows that are no longer there, sorted.
    pub gone: Vec<Row>,
    /// Rows that came, sorted.
    pub came: Vec<Row>,
}

/// The newest snapshot of a store with the index that applying deltas needs.
#[derive(Debug)]
pub struct Live {
    snapshot: Arc<Snapshot>,
    /// Short id to row; keys are compared afterwards. Several rows of one short id chain in `collisions`.
    index: HashMap<u64, Row>,
    collisions: Vec<(u64, Row)>,
}

impl Live {
    /// Takes a finished snapshot over and indexes its keys.
    pub fn new(snapshot: Arc<Snapshot>) -> Self {
        let mut live = Self {
            index: HashMap::with_capacity(usize::try_from(snapshot.totals.entries).unwrap_or(0)),
            collisions: Vec::new(),
            snapshot,
        };
        let snapshot = Arc::clone(&live.snapshot);
        for (row, record) in snapshot.records() {
            live.remember(record.id().short(), row);
        }
        live
    }

    /// The newest generation.
    pub fn snapshot(&self) -> &Arc<Snapshot> {
        &self.snapshot
    }

    /// The row of an entry.
    pub fn row(&self, key: &EntryKey) -> Option<Row> {
        self.find(&key.group, &key.key, key.ordinal)
    }

    /// The row of the entry that a record from elsewhere is about.
    pub fn row_of(&self, record: &Record<'_>) -> Option<Row> {
        self.find(&record.group.locator, record.key, record.ordinal)
    }

    fn find(&self, group: &[u8], key: &[u8], ordinal: u32) -> Option<Row> {
        let short = EntryId::of(group, key, ordinal).short();
        let chained = self
            .collisions
            .iter()
            .filter(|(id, _)| *id == short)
            .map(|(_, row)| row);
        self.index
            .get(&short)
            .into_iter()
            .chain(chained)
            .copied()
            .find(|row| {
                self.snapshot.record(*row).is_some_and(|r| {
                    r.key == key && r.ordinal == ordinal && *r.group.locator == *group
                })
            })
    }

    /// Makes the next generation; untouched chunks are shared with the one before.
    pub fn apply(&mut self, delta: Delta) -> Merged {
        let mut next = Snapshot::clone(&self.snapshot);
        next.generation += 1;
        if let Some(issues) = delta.issues {
            next.issues = Arc::new(issues);
        }
        let mut added = delta.full;
        added.push(delta.upserted.finish());
        let added = newest_of_each_key(&added);

        let mut gone: Vec<Row> = Vec::new();
        let replaced = added.iter().map(Record::entry_key);
        for key in delta.removed.into_iter().chain(replaced) {
            if let Some(row) = self.row(&key)
                && next.kill(row)
            {
                self.forget(key.id().short(), row);
                gone.push(row);
            }
        }
        let sparse = next.take_sparse();
        let mut moved = Vec::new();
        for (row, record) in sparse.iter().flat_map(|(at, part)| part.records(*at)) {
            self.forget(record.id().short(), row);
            gone.push(row);
            moved.push(record);
        }
        let mut came = next.append(moved.into_iter().chain(added));
        self.snapshot = Arc::new(next);
        let snapshot = Arc::clone(&self.snapshot);
        for row in &came {
            if let Some(record) = snapshot.record(*row) {
                self.remember(record.id().short(), *row);
            }
        }
        gone.sort_unstable();
        came.sort_unstable();
        Merged { gone, came }
    }

    fn remember(&mut self, short: u64, row: Row) {
        if let Some(other) = self.index.insert(short, row) {
            self.collisions.push((short, other));
        }
    }

    fn forget(&mut self, short: u64, row: Row) {
        if self.index.get(&short) == Some(&row) {
            self.index.remove(&short);
        } else {
            self.collisions.retain(|(_, other)| *other != row);
        }
    }
}

/// A burst can name one key several times; the last state is the true one.
fn newest_of_each_key(chunks: &[Chunk]) -> Vec<Record<'_>> {
    let all: Vec<_> = chunks.iter().flat_map(Chunk::records).collect();
    let mut seen = HashSet::new();
    let mut newest: Vec<_> = all
        .into_iter()
        .rev()
        .filter(|record| seen.insert(record.id()))
        .collect();
    newest.reverse();
    newest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Group, StoreInfo};
    use std::path::Path;

    fn store() -> Arc<StoreInfo> {
        Arc::new(StoreInfo::new(
            Path::new("/s"),
            Path::new("/s"),
            "joblib",
            None,
        ))
    }

    fn each_record(keys: std::ops::Range<u32>, bytes: u64, mut f: impl FnMut(&Record<'_>)) {
        let group = Group::named("g");
        for key in keys {
            let text = key.to_string();
            let mut record = Record::new(&group, text.as_bytes());
            record.bytes = bytes;
            f(&record);
        }
    }

    fn chunk(keys: std::ops::Range<u32>) -> Chunk {
        let mut builder = ChunkBuilder::default();
        each_record(keys, 1, |record| builder.push(record));
        builder.finish()
    }

    fn delta(upserted: std::ops::Range<u32>, removed: impl IntoIterator<Item = u32>) -> Delta {
        let mut delta = Delta::default();
        each_record(upserted, 1, |record| delta.upsert(record));
        removed.into_iter().for_each(|n| delta.remove(key(n)));
        delta
    }

    fn keys(snapshot: &Snapshot) -> Vec<String> {
        let mut keys: Vec<_> = snapshot
            .records()
            .map(|(_, r)| r.key_text().into_owned())
            .collect();
        keys.sort_by_key(|k| k.parse::<u32>().unwrap());
        keys
    }

    fn key(n: u32) -> EntryKey {
        EntryKey {
            group: b"g".as_slice().into(),
            key: n.to_string().into_bytes().into(),
            ordinal: 0,
        }
    }

    #[test]
    fn a_delta_replaces_adds_and_removes_and_the_old_generation_stays() {
        let first = Snapshot::empty(store()).extended(vec![chunk(0..10)], vec![], true);
        let mut live = Live::new(Arc::new(first));
        let old = Arc::clone(live.snapshot());
        let merged = live.apply(delta(8..12, [0, 99]));
        assert_eq!((merged.gone.len(), merged.came.len()), (3, 4));
        let now = live.snapshot();
        assert_eq!(
            keys(now),
            (1..12).map(|n| n.to_string()).collect::<Vec<_>>()
        );
        assert_eq!(
            (now.totals.entries, now.totals.bytes, now.generation),
            (11, 11, 2)
        );
        assert_eq!(keys(&old).len(), 10);
        assert!(live.row(&key(11)).is_some() && live.row(&key(0)).is_none());
    }

    #[test]
    fn the_last_state_of_a_key_counts() {
        let mut live = Live::new(Arc::new(Snapshot::empty(store())));
        let mut delta = Delta::default();
        for bytes in [1, 2, 3] {
            each_record(7..8, bytes, |record| delta.upsert(record));
        }
        live.apply(delta);
        let totals = live.snapshot().totals;
        assert_eq!((totals.entries, totals.bytes), (1, 3));
    }

    #[test]
    fn tombstones_are_compacted_and_orders_can_follow() {
        let chunks = (0..10).map(|c| chunk(c * 4096..(c + 1) * 4096)).collect();
        let first = Snapshot::empty(store()).extended(chunks, vec![], true);
        let mut live = Live::new(Arc::new(first));
        let mut order: Vec<Row> = live.snapshot().rows().collect();
        for round in 0..80_u32 {
            let merged = live.apply(delta(round % 40 * 1000..(round % 40 + 1) * 1000, []));
            order.retain(|row| merged.gone.binary_search(row).is_err());
            order.extend(merged.came);
        }
        let now = live.snapshot();
        assert_eq!(now.totals.entries, 40_960);
        assert_eq!(now.totals.bytes, 40_960);
        assert_eq!(keys(now).len(), 40_960);
        assert!((0..40_960).all(|n| live.row(&key(n)).is_some()));
        assert!(now.n_chunks() < 20, "{} chunks", now.n_chunks());
        order.sort_unstable();
        assert_eq!(order, now.rows().collect::<Vec<_>>());
    }

    #[test]
    fn a_store_that_empties_gives_its_memory_back() {
        let first = Snapshot::empty(store()).extended(vec![chunk(0..4096)], vec![], true);
        let mut live = Live::new(Arc::new(first));
        live.apply(delta(0..0, 0..4096));
        assert_eq!(live.snapshot().n_chunks(), 0);
        live.apply(delta(5..6, []));
        assert_eq!(keys(live.snapshot()), ["5"]);
    }
}
