//! The immutable state of a store at one moment: shared chunks, tombstones, issues.

use std::sync::Arc;

use super::chunk::{CHUNK_ROWS, Chunk, ChunkBuilder};
use super::entry::{Record, Role};
use super::{Issue, StoreInfo};

/// Handle of a row in one snapshot: chunk number and slot.
///
/// Valid for the generation it came from; [`Merged`](super::Merged) says which rows a delta took away and which it gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
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

    /// A number below `4096 × chunks`, for sets of rows.
    pub(crate) fn index(self) -> usize {
        self.0 as usize
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
    /// Bytes on the disk that belong to the store and to none of its entries, as the last full scan found them.
    pub overhead_bytes: u64,
    parts: Vec<Part>,
    /// Place of the chunk that the next rows go into, as far as it has room.
    tail: usize,
}

type Tombstones = Arc<[u64; CHUNK_ROWS / 64]>;

/// Chunks that one delta may rewrite to drop their tombstones, so that no delta takes long.
const COMPACTED_AT_ONCE: usize = 4;

#[derive(Debug, Clone)]
pub(super) struct Part {
    chunk: Arc<Chunk>,
    dead: Option<Tombstones>,
}

impl Part {
    fn is_dead(&self, slot: usize) -> bool {
        let word = self.dead.as_ref().and_then(|d| d.get(slot / 64));
        word.is_some_and(|w| w >> (slot % 64) & 1 == 1)
    }

    fn n_living(&self) -> usize {
        let dead = self.dead.iter().flat_map(|words| words.iter());
        self.chunk.len() - dead.map(|word| word.count_ones() as usize).sum::<usize>()
    }

    /// Slots of the living rows.
    fn slots(&self) -> impl Iterator<Item = usize> {
        (0..self.chunk.len()).filter(|slot| !self.is_dead(*slot))
    }

    /// The living rows of the part at place `at`.
    pub(super) fn records(&self, at: usize) -> impl Iterator<Item = (Row, Record<'_>)> {
        self.slots()
            .filter_map(move |slot| Some((Row::new(at, slot), self.chunk.record(slot)?)))
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
            overhead_bytes: 0,
            parts: Vec::new(),
            tail: 0,
        }
    }

    /// Bytes that the store takes on the disk, entries and all else.
    pub fn disk_bytes(&self) -> u64 {
        self.totals.disk_bytes.saturating_add(self.overhead_bytes)
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
        next.tail = next.parts.len().saturating_sub(1);
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
        self.parts
            .iter()
            .enumerate()
            .flat_map(|(at, part)| part.slots().map(move |slot| Row::new(at, slot)))
    }

    /// Living records with their rows.
    pub fn records(&self) -> impl Iterator<Item = (Row, Record<'_>)> {
        self.rows().filter_map(|row| Some((row, self.record(row)?)))
    }

    /// Chunks that hold rows.
    pub fn n_chunks(&self) -> usize {
        self.parts.iter().filter(|p| !p.chunk.is_empty()).count()
    }

    /// Chunks that this generation has in common with another: their memory counts once.
    pub fn n_chunks_shared_with(&self, other: &Self) -> usize {
        let is_shared =
            |(a, b): &(&Part, &Part)| !a.chunk.is_empty() && Arc::ptr_eq(&a.chunk, &b.chunk);
        self.parts
            .iter()
            .zip(&other.parts)
            .filter(is_shared)
            .count()
    }

    /// Memory that the chunks take, in bytes.
    pub fn heap_bytes(&self) -> usize {
        self.parts
            .iter()
            .map(|p| p.chunk.heap_bytes() + p.dead.as_ref().map_or(0, |_| CHUNK_ROWS / 8))
            .sum()
    }

    pub(super) fn kill(&mut self, row: Row) -> bool {
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

    /// Appends rows, refilling the tail chunk where it has room; returns the rows they got.
    pub(super) fn append<'a>(&mut self, added: impl IntoIterator<Item = Record<'a>>) -> Vec<Row> {
        let mut rows = Vec::new();
        let mut filling: Option<Filling> = None;
        for record in added {
            let mut tail = filling.take().unwrap_or_else(|| self.refill());
            if tail.builder.is_full() {
                self.place(tail);
                tail = Filling::at(self.first_vacant());
            }
            rows.push(Row::new(tail.at, tail.builder.len()));
            self.totals.add(&record);
            tail.builder.push(&record);
            filling = Some(tail);
        }
        if let Some(tail) = filling {
            self.place(tail);
        }
        rows
    }

    /// The tail chunk opened again, its rows in their old slots.
    fn refill(&self) -> Filling {
        let Some(part) = self
            .parts
            .get(self.tail)
            .filter(|p| p.chunk.len() < CHUNK_ROWS)
        else {
            return Filling::at(self.first_vacant());
        };
        let mut filling = Filling::at(self.tail);
        part.chunk.records().for_each(|r| filling.builder.push(&r));
        filling.dead.clone_from(&part.dead);
        filling
    }

    fn first_vacant(&self) -> usize {
        let vacant = self.parts.iter().position(|p| p.chunk.is_empty());
        vacant.unwrap_or(self.parts.len())
    }

    fn place(&mut self, filled: Filling) {
        self.tail = filled.at;
        let part = Part {
            chunk: Arc::new(filled.builder.finish()),
            dead: filled.dead,
        };
        match self.parts.get_mut(filled.at) {
            Some(place) => *place = part,
            None => self.parts.push(part),
        }
    }

    /// Takes out chunks that are mostly tombstones, a few at a time; what lives in them is to be appended again.
    pub(super) fn take_sparse(&mut self) -> Vec<(usize, Part)> {
        let mut taken = Vec::new();
        for (at, part) in self.parts.iter_mut().enumerate() {
            let is_sparse = !part.chunk.is_empty() && part.n_living() * 2 <= part.chunk.len();
            if is_sparse && taken.len() < COMPACTED_AT_ONCE {
                let vacant = Part {
                    chunk: Arc::default(),
                    dead: None,
                };
                let sparse = std::mem::replace(part, vacant);
                sparse
                    .records(at)
                    .for_each(|(_, record)| self.totals.subtract(&record));
                taken.push((at, sparse));
            }
        }
        taken
    }
}

/// A chunk in the making and the place it will have.
struct Filling {
    at: usize,
    builder: ChunkBuilder,
    dead: Option<Tombstones>,
}

impl Filling {
    fn at(at: usize) -> Self {
        Self {
            at,
            builder: ChunkBuilder::default(),
            dead: None,
        }
    }
}
