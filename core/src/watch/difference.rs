//! What was read again against what was known: the delta for the snapshot, and what people are told.

use std::collections::HashSet;
use std::sync::Arc;

use crate::model::{Chunk, Delta, EntryKey, Group, Live, Record, Role, Row};
use crate::stores::{Follow, Part};

/// One entry that is not what it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) kind: Kind,
    pub(super) entry: EntryKey,
    pub(super) group: Arc<Group>,
    pub(super) label: Box<str>,
    pub(super) bytes: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// It has a value now, and had none.
    Stored,
    /// Its value is another.
    Changed,
    /// Its value is gone.
    Removed,
}

impl Change {
    fn of(kind: Kind, record: &Record<'_>) -> Self {
        Self {
            kind,
            entry: record.entry_key(),
            group: Arc::clone(record.group),
            label: record.key_text().into(),
            bytes: record.bytes,
        }
    }
}

/// Compares what `parts` hold now with what they held.
pub(super) fn difference(
    live: &Live,
    follow: &dyn Follow,
    parts: &[Part],
    read: &[Chunk],
) -> (Delta, Vec<Change>) {
    let (mut delta, mut changes) = (Delta::default(), Vec::new());
    let mut seen: HashSet<Row> = HashSet::new();
    let has_value = |record: &Record<'_>| record.role == Role::Entry && follow.is_stored(record);
    for record in read.iter().flat_map(Chunk::records) {
        let row = live.row_of(&record);
        let known = row.and_then(|row| live.snapshot().record(row));
        seen.extend(row);
        let had = known.as_ref().filter(|known| has_value(known));
        let kind = match (had, has_value(&record)) {
            (None, true) => Some(Kind::Stored),
            (Some(had), true) if had.fingerprint() != record.fingerprint() => Some(Kind::Changed),
            (Some(_), false) => Some(Kind::Removed),
            (Some(_), true) | (None, false) => None,
        };
        changes.extend(kind.map(|kind| Change::of(kind, &record)));
        if known.is_none_or(|known| !is_same(&known, &record)) {
            delta.upsert(&record);
        }
    }
    for row in rows_of(live, parts) {
        if let Some(record) = live.snapshot().record(row)
            && !seen.contains(&row)
        {
            if has_value(&record) {
                changes.push(Change::of(Kind::Removed, &record));
            }
            delta.remove(record.entry_key());
        }
    }
    (delta, changes)
}

/// The entries whose sizes, files or times are not what was known: what is worth reading in full.
pub(super) fn suspects(live: &Live, looked: &[Chunk]) -> Vec<Part> {
    let mut seen: HashSet<Row> = HashSet::new();
    let mut suspects = Vec::new();
    for record in looked.iter().flat_map(Chunk::records) {
        let row = live.row_of(&record);
        seen.extend(row);
        let known = row.and_then(|row| live.snapshot().record(row));
        if known.is_none_or(|known| !looks_same(&known, &record)) {
            suspects.push(Part::Entry(record.entry_key()));
        }
    }
    let unseen = live.snapshot().records();
    let unseen = unseen.filter(|(row, _)| !seen.contains(row));
    suspects.extend(unseen.map(|(_, record)| Part::Entry(record.entry_key())));
    suspects
}

/// The rows that are known of these parts.
fn rows_of(live: &Live, parts: &[Part]) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut wide: Vec<&Part> = Vec::new();
    for part in parts {
        match part {
            Part::Entry(key) => rows.extend(live.row(key)),
            Part::Store | Part::Groups(_) => wide.push(part),
        }
    }
    if !wide.is_empty() {
        let records = live.snapshot().records();
        let held = records.filter(|(_, record)| wide.iter().any(|part| part.holds(record)));
        rows.extend(held.map(|(row, _)| row));
        rows.sort_unstable();
        rows.dedup();
    }
    rows
}

/// True if a look that opens no file sees the same.
fn looks_same(a: &Record<'_>, b: &Record<'_>) -> bool {
    a.fingerprint() == b.fingerprint() && a.disk_bytes == b.disk_bytes && a.files == b.files
}

/// True if a listing shows the same.
fn is_same(a: &Record<'_>, b: &Record<'_>) -> bool {
    looks_same(a, b)
        && (a.role, a.side_bytes) == (b.role, b.side_bytes)
        && (a.created, a.accessed, a.expires) == (b.created, b.accessed, b.expires)
        && a.duration_s.map(f64::to_bits) == b.duration_s.map(f64::to_bits)
        && a.hits == b.hits
        && a.codec == b.codec
        && (a.label, a.value_type) == (b.label, b.value_type)
        && a.group.label == b.group.label
        && a.args.is_cut() == b.args.is_cut()
        && a.args.iter().eq(b.args.iter())
}
