//! The immutable state of a store at one moment: shared chunks, tombstones, issues.

use std::collections::HashMap;
use std::sync::Arc;

use super::chunk::{CHUNK_ROWS, Chunk, ChunkBuilder};
use super::entry::{EntryKey, Record, Role};
use super::{Issue, StoreInfo};

/// Handle of a row in one snapshot: chunk number and slot. Valid for the generation it came from
/// and, until a compaction, for later ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Row(u32);

const SLOT_BITS: u32 = CHUNK_ROWS.trailing_zeros();

impl Row {
    fn new(chunk: usize, slot: usize) -> Self {
        let packed = (chunk << SLOT_BITS) | slot;
        Self(u32::try_from(packed).unwrap_or(u32::MAX))
    }

    fn chunk(self) -> usize {
        (self.0 >> SLOT_BITS) as usize
    }

    fn slot(self) -> usize {
        self.0 as usize & (CHUNK_ROWS - 1)
    }
}

/// What a store holds, as it was when the generation was made.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// The store it belongs to.
    pub store: Arc<StoreInfo>,
    /// Counts up with each change; results remember the generation they were made from.
    pub generation: u64,
    /// Problems met while reading.
    pub issues: Arc<Vec<Issue>>,
    /// False while a scan is still adding rows, or where it was cut short.
    pub is_complete: bool,
    /// Counts and sums of the entries (orphans are not counted).
    pub totals: Totals,
    parts: Vec<Part>,
}

#[derive(Debug, Clone)]
struct Part {
    chunk: Arc<Chunk>,
    dead: Option<Arc<[u64; CHUNK_ROWS / 64]>>,
}

impl Part {
    fn is_dead(&self, slot: usize) -> bool {
        let word = self.dead.as_ref().and_then(|d| d.get(slot / 64));
        word.is_some_and(|w| w >> (slot % 64) & 1 == 1)
    }
}

/// Counts and sums of the living entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// Number of entries.
    pub entries: u64,
    /// Stored value bytes.
    pub bytes: u64,
    /// Bytes on the disk.
    pub disk_bytes: u64,
}

impl Totals {
    fn add(&mut self, record: &Record<'_>) {
        if record.role == Role::Entry {
            self.entries += 1;
            self.bytes = self.bytes.saturating_add(record.bytes);
            self.disk_bytes = self.disk_bytes.saturating_add(record.disk_bytes);
        }
    }

    fn subtract(&mut self, record: &Record<'_>) {
        if record.role == Role::Entry {
            self.entries = self.entries.saturating_sub(1);
            self.bytes = self.bytes.saturating_sub(record.bytes);
            self.disk_bytes = self.disk_bytes.saturating_sub(record.disk_bytes);
        }
    }
}

impl Snapshot {
    /// Nothing read yet.
    pub fn empty(store: Arc<StoreInfo>) -> Self {
        Self {
            store,
            generation: 0,
            issues: Arc::default(),
            is_complete: false,
            totals: Totals::default(),
            parts: Vec::new(),
        }
    }

    /// The next generation, with more chunks and issues of the same scan.
    #[must_use]
    pub fn extended(&self, chunks: Vec<Chunk>, issues: Vec<Issue>, is_complete: bool) -> Self {
        let mut next = self.clone();
        next.generation += 1;
        next.is_complete = is_complete;
        for chunk in chunks {
            chunk.records().for_each(|record| next.totals.add(&record));
            next.parts.push(Part {
                chunk: Arc::new(chunk),
                dead: None,
            });
        }
        if !issues.is_empty() {
            Arc::make_mut(&mut next.issues).extend(issues);
        }
        next
    }

    /// The row's record; `None` for a row that was removed or never was.
    pub fn record(&self, row: Row) -> Option<Record<'_>> {
        let part = self.parts.get(row.chunk())?;
        if part.is_dead(row.slot()) {
            return None;
        }
        part.chunk.record(row.slot())
    }

    /// Living rows, orphans included, in stored order.
    pub fn rows(&self) -> impl Iterator<Item = Row> {
        self.parts.iter().enumerate().flat_map(|(at, part)| {
            (0..part.chunk.len())
                .filter(|slot| !part.is_dead(*slot))
                .map(move |slot| Row::new(at, slot))
        })
    }

    /// Living records with their rows.
    pub fn records(&self) -> impl Iterator<Item = (Row, Record<'_>)> {
        self.rows().filter_map(|row| Some((row, self.record(row)?)))
    }

    /// Rows that were removed since the last compaction still take room; this many.
    fn n_dead(&self) -> usize {
        let ones = |part: &Part| {
            part.dead
                .as_ref()
                .map_or(0, |d| d.iter().map(|w| w.count_ones() as usize).sum())
        };
        self.parts.iter().map(ones).sum()
    }

    /// Memory that the chunks take, in bytes.
    pub fn heap_bytes(&self) -> usize {
        self.parts
            .iter()
            .map(|p| p.chunk.heap_bytes() + p.dead.as_ref().map_or(0, |_| CHUNK_ROWS / 8))
            .sum()
    }

    fn kill(&mut self, row: Row) -> bool {
        let Some(part) = self.parts.get_mut(row.chunk()) else {
            return false;
        };
        if part.is_dead(row.slot()) {
            return false;
        }
        if let Some(record) = part.chunk.record(row.slot()) {
            self.totals.subtract(&record);
        }
        let dead = Arc::make_mut(
            part.dead
                .get_or_insert_with(|| Arc::new([0; CHUNK_ROWS / 64])),
        );
        if let Some(word) = dead.get_mut(row.slot() / 64) {
            *word |= 1 << (row.slot() % 64);
        }
        true
    }

    /// Appends rows, refilling the last chunk where it has room; returns the rows they got.
    fn append(&mut self, added: &Chunk) -> Vec<Row> {
        let mut rows = Vec::with_capacity(added.len());
        let mut builder = ChunkBuilder::default();
        let mut dead = None;
        if let Some(last) = self
            .parts
            .pop_if(|p| p.chunk.len() + added.len() <= CHUNK_ROWS)
        {
            last.chunk
                .records()
                .for_each(|record| builder.push(&record));
            dead = last.dead;
        }
        for record in added.records() {
            if builder.is_full() {
                self.push_part(std::mem::take(&mut builder), dead.take());
            }
            rows.push(Row::new(self.parts.len(), builder.len()));
            self.totals.add(&record);
            builder.push(&record);
        }
        self.push_part(builder, dead);
        rows
    }

    fn push_part(&mut self, builder: ChunkBuilder, dead: Option<Arc<[u64; CHUNK_ROWS / 64]>>) {
        if !builder.is_empty() {
            let chunk = Arc::new(builder.finish());
            self.parts.push(Part { chunk, dead });
        }
    }
}

/// What changed in a store since a generation.
#[derive(Debug, Default)]
pub struct Delta {
    /// Entries that are new, or that replace the one of the same key.
    pub upserted: ChunkBuilder,
    /// Entries that are gone.
    pub removed: Vec<EntryKey>,
}

/// What a [`Delta`] did to a snapshot: what sorted orders need to be merged.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Merged {
    /// Rows that are no longer there, sorted.
    pub gone: Vec<Row>,
    /// Rows that came.
    pub came: Vec<Row>,
    /// True if rows were renumbered: orders must be built anew.
    pub is_renumbered: bool,
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
        let short = key.id().short();
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
                    r.key == &*key.key && r.ordinal == key.ordinal && r.group.locator == key.group
                })
            })
    }

    /// Makes the next generation; untouched chunks are shared with the one before.
    pub fn apply(&mut self, delta: Delta) -> Merged {
        let mut next = Snapshot::clone(&self.snapshot);
        next.generation += 1;
        let added = delta.upserted.finish();
        let replaced = added.records().map(|record| record.entry_key());
        let mut gone: Vec<Row> = Vec::new();
        for key in delta.removed.into_iter().chain(replaced) {
            if let Some(row) = self.row(&key)
                && next.kill(row)
            {
                self.forget(key.id().short(), row);
                gone.push(row);
            }
        }
        gone.sort_unstable();
        let came = next.append(&added);
        let is_renumbered =
            next.n_dead() > 4 * CHUNK_ROWS && next.n_dead() as u64 > next.totals.entries / 4;
        if is_renumbered {
            next = next.compacted();
        }
        self.snapshot = Arc::new(next);
        if is_renumbered {
            *self = Self::new(Arc::clone(&self.snapshot));
        } else {
            for row in &came {
                if let Some(record) = self.snapshot.record(*row) {
                    let short = record.id().short();
                    self.remember(short, *row);
                }
            }
        }
        Merged {
            gone,
            came,
            is_renumbered,
        }
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

impl Snapshot {
    /// The same records without tombstones; rows get new numbers.
    fn compacted(&self) -> Self {
        let mut next = Self {
            parts: Vec::new(),
            ..self.clone()
        };
        let mut builder = ChunkBuilder::default();
        for (_, record) in self.records() {
            if builder.is_full() {
                next.push_part(std::mem::take(&mut builder), None);
            }
            builder.push(&record);
        }
        next.push_part(builder, None);
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Group, Record};
    use std::path::Path;

    fn store() -> Arc<StoreInfo> {
        Arc::new(StoreInfo::new(
            Path::new("/s"),
            Path::new("/s"),
            "joblib",
            None,
        ))
    }

    fn chunk(keys: std::ops::Range<u32>) -> ChunkBuilder {
        let group = Group::named("g");
        let mut builder = ChunkBuilder::default();
        for key in keys {
            let text = key.to_string();
            let mut record = Record::new(&group, text.as_bytes());
            record.bytes = 1;
            builder.push(&record);
        }
        builder
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
        let first = Snapshot::empty(store()).extended(vec![chunk(0..10).finish()], vec![], true);
        let mut live = Live::new(Arc::new(first));
        let old = Arc::clone(live.snapshot());
        let merged = live.apply(Delta {
            upserted: chunk(8..12),
            removed: vec![key(0), key(99)],
        });
        assert_eq!(merged.gone.len(), 3);
        assert_eq!(merged.came.len(), 4);
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
    fn many_deltas_compact_and_lose_nothing() {
        let chunks = (0..10)
            .map(|c| chunk(c * 4096..(c + 1) * 4096).finish())
            .collect();
        let first = Snapshot::empty(store()).extended(chunks, vec![], true);
        let mut live = Live::new(Arc::new(first));
        let mut renumbered = 0;
        for round in 0..40_u32 {
            let upserted = chunk(round * 1000..(round + 1) * 1000);
            renumbered += u32::from(
                live.apply(Delta {
                    upserted,
                    removed: vec![],
                })
                .is_renumbered,
            );
        }
        assert!(renumbered > 0);
        assert_eq!(live.snapshot().totals.entries, 40_960);
        assert_eq!(keys(live.snapshot()).len(), 40_960);
        assert!((0..40_960).all(|n| live.row(&key(n)).is_some()));
    }
}
