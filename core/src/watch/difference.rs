//! What was read again against what was known: the delta for the snapshot, and what people are told.

use std::collections::HashSet;
use std::path::Path;

use super::{Event, EventKind};
use crate::model::{Chunk, Delta, Issue, Live, Record, Role, Row, Severity, Time};
use crate::source::path_from_bytes;
use crate::stores::{Counted, Follow, Part};

/// How hits show that nobody was seen to look up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Uses {
    /// Who counts the hits of each entry.
    pub(super) source: Counted,
    /// A later last use is a look-up as well: opens are not reported.
    pub(super) by_access: bool,
}

/// Compares what `parts` hold now with what they held.
pub(super) fn difference(
    live: &Live,
    follow: &dyn Follow,
    parts: &[Part],
    (read, issues): (&[Chunk], &[Issue]),
    uses: Uses,
) -> (Delta, Vec<Event>) {
    let now = Time::now();
    let unread = Unread::of(live, issues);
    let (mut delta, mut changes) = (Delta::default(), Vec::new());
    let mut seen: HashSet<Row> = HashSet::new();
    let has_value = |record: &Record<'_>| record.role == Role::Entry && follow.is_stored(record);
    for record in read.iter().flat_map(Chunk::records) {
        let row = live.row_of(&record);
        let known = row.and_then(|row| live.snapshot().record(row));
        seen.extend(row);
        let had = known.as_ref().filter(|known| has_value(known));
        if had.is_some() && !has_value(&record) && unread.holds(&record) {
            continue;
        }
        let kind = match (had, has_value(&record)) {
            (None, true) => Some(EventKind::Stored),
            (Some(had), true) if had.fingerprint() != record.fingerprint() => {
                Some(EventKind::Changed)
            }
            (Some(_), false) => Some(EventKind::Removed),
            (Some(_), true) | (None, false) => None,
        };
        let n_hits = had.map_or(0, |had| hits_since(had, &record, uses));
        if n_hits > 0 {
            changes.push(Event {
                n: n_hits,
                source: uses.source,
                ..Event::of_record(EventKind::Hit, now, &record)
            });
        }
        // A program's report of a cache that was only looked up says no more than that.
        let is_told = n_hits > 0 && kind == Some(EventKind::Changed) && record.hits.is_some();
        changes.extend(
            kind.filter(|_| !is_told)
                .map(|kind| Event::of_record(kind, now, &record)),
        );
        if known.is_none_or(|known| !is_same(&known, &record)) {
            delta.upsert(&record);
        }
    }
    for row in rows_of(live, parts) {
        if let Some(record) = live.snapshot().record(row)
            && !seen.contains(&row)
            && !unread.holds(&record)
        {
            if has_value(&record) {
                changes.push(Event::of_record(EventKind::Removed, now, &record));
            }
            delta.remove(record.entry_key());
        }
    }
    (delta, changes)
}

/// Places that could not be read this time: what was known to be there may be there still.
struct Unread<'a> {
    root: &'a Path,
    paths: Vec<&'a Path>,
}

impl<'a> Unread<'a> {
    fn of(live: &'a Live, issues: &'a [Issue]) -> Self {
        let errors = issues.iter().filter(|i| i.severity == Severity::Error);
        Self {
            root: &live.snapshot().store.path,
            paths: errors.map(|issue| &*issue.path).collect(),
        }
    }

    /// True if the entry lies in such a place, or such a place in the entry.
    fn holds(&self, record: &Record<'_>) -> bool {
        if self.paths.is_empty() {
            return false;
        }
        let group = self.root.join(path_from_bytes(&record.group.locator));
        let entry = group.join(path_from_bytes(record.key));
        let mut paths = self.paths.iter();
        paths.any(|path| entry.starts_with(path) || path.starts_with(&entry))
    }
}

/// The entries whose sizes, files or times are not what was known: what is worth reading in full.
pub(super) fn suspects(live: &Live, looked: &[Chunk], uses: Uses) -> Vec<Part> {
    let mut seen: HashSet<Row> = HashSet::new();
    let mut suspects = Vec::new();
    for record in looked.iter().flat_map(Chunk::records) {
        let row = live.row_of(&record);
        seen.extend(row);
        let known = row.and_then(|row| live.snapshot().record(row));
        let is_used = |known: &Record<'_>| uses.by_access && known.accessed < record.accessed;
        if known.is_none_or(|known| !looks_same(&known, &record) || is_used(&known)) {
            suspects.push(Part::Entry(record.entry_key()));
        }
    }
    let unseen = live.snapshot().records();
    let unseen = unseen.filter(|(row, _)| !seen.contains(row));
    suspects.extend(unseen.map(|(_, record)| Part::Entry(record.entry_key())));
    suspects
}

/// Hits between two readings of an entry whose value stayed: as counted by the store, or at least one
/// where only the last use is later.
fn hits_since(had: &Record<'_>, now: &Record<'_>, uses: Uses) -> u64 {
    match (had.hits, now.hits) {
        (Some(had), Some(now)) => now.saturating_sub(had),
        _ if had.fingerprint() != now.fingerprint() || !uses.by_access => 0,
        _ => u64::from(had.accessed.is_some() && had.accessed < now.accessed),
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ChunkBuilder, Group, Snapshot, StoreInfo};
    use std::sync::Arc;

    struct Rules;

    impl Follow for Rules {}

    /// An entry that was read before and now: hits that it carries, and the second of its last use.
    fn check(before: (Option<u64>, i64), now: (Option<u64>, i64), by_access: bool, expected: u64) {
        let group = Group::named("f");
        let chunk = |(hits, used): (Option<u64>, i64)| {
            let mut record = Record::new(&group, b"k");
            record.hits = hits;
            record.accessed = Some(Time::from_unix(used, 0));
            let mut builder = ChunkBuilder::default();
            builder.push(&record);
            builder.finish()
        };
        let path = Path::new("/s");
        let store = Arc::new(StoreInfo::new(path, path, "joblib", None));
        let first = Snapshot::empty(store).extended(vec![chunk(before)], vec![], true);
        let live = Live::new(Arc::new(first));
        let uses = Uses {
            source: Counted::Observed,
            by_access,
        };
        let read = [chunk(now)];
        let (delta, events) = difference(&live, &Rules, &[Part::Store], (&read, &[]), uses);
        let hits = events.iter().filter(|event| event.kind == EventKind::Hit);
        assert_eq!(hits.map(|event| event.n).sum::<u64>(), expected);
        assert_eq!(delta.is_empty(), before == now);
        let is_suspect = !suspects(&live, &read, uses).is_empty();
        assert_eq!(is_suspect, by_access && before.1 < now.1);
    }

    #[test]
    fn what_cannot_be_read_now_is_not_removed() {
        let chunk = |keys: &[(&str, &str)]| {
            let mut builder = ChunkBuilder::default();
            for (group, key) in keys {
                builder.push(&Record::new(&Group::named(group), key.as_bytes()));
            }
            builder.finish()
        };
        let path = Path::new("/s");
        let store = Arc::new(StoreInfo::new(path, path, "joblib", None));
        let known = chunk(&[("f", "a"), ("f", "b"), ("g", "c")]);
        let first = Snapshot::empty(store).extended(vec![known], vec![], true);
        let live = Live::new(Arc::new(first));
        let uses = Uses {
            source: Counted::Observed,
            by_access: false,
        };
        let removed = |unread: Option<&str>, severity: Severity| {
            let issues: Vec<_> = unread
                .map(|path| Issue::new(severity, path, "closed"))
                .into_iter()
                .collect();
            let read = [chunk(&[("f", "a")])];
            let (_, events) = difference(&live, &Rules, &[Part::Store], (&read, &issues), uses);
            let removed = events.iter().filter(|e| e.kind == EventKind::Removed);
            removed.count()
        };
        assert_eq!(removed(None, Severity::Error), 2);
        assert_eq!(removed(Some("/s/f"), Severity::Error), 1);
        assert_eq!(removed(Some("/s/f/b/output.pkl"), Severity::Error), 1);
        assert_eq!(removed(Some("/s"), Severity::Error), 0);
        assert_eq!(removed(Some("/s"), Severity::Warning), 2);
    }

    #[test]
    fn hits_show_where_the_store_counts_them_or_by_the_last_use() {
        check((Some(3), 1), (Some(5), 1), false, 2);
        check((Some(3), 1), (Some(3), 1), false, 0);
        // Counting began anew.
        check((Some(3), 1), (Some(0), 1), false, 0);
        check((None, 1), (None, 9), true, 1);
        check((None, 1), (None, 9), false, 0);
        check((None, 9), (None, 9), true, 0);
    }
}
