//! What is to be read again, put into the next generation.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Instant;

use super::super::difference::{difference, suspects};
use super::super::pending::{Wanted, Whole};
use super::super::{Event, EventKind};
use super::Run;
use crate::model::{Chunk, EntryId, EntryKey, Issue, Merged, Progress, Record, Time};
use crate::scan::{Batch, in_batches};
use crate::stores::{Detail, Part, Scan, Store};
use crate::{Error, Result};

/// What was read of some parts of a store.
#[derive(Default)]
struct Read {
    chunks: Vec<Chunk>,
    issues: Vec<Issue>,
}

impl Run {
    pub(super) fn read(&mut self, wanted: &Wanted) -> Result<(Merged, Vec<Event>)> {
        if wanted.whole == Whole::No && wanted.parts.is_empty() {
            return Ok(Default::default());
        }
        let store = Store::open_untold(&self.info)?;
        let is_first = self.told.is_none();
        if self.is_unplaced || self.sight.may_be_placed_again() {
            let snapshot = Arc::clone(self.live.snapshot());
            self.sight.place(&store, &snapshot, &self.cancel);
            self.is_unplaced = false;
        }
        let stamp = self.sight.stamp(&store);
        let is_same = stamp.is_some() && stamp == self.stamp;
        if is_same && wanted.whole == Whole::Look && self.sight.trouble.is_none() {
            return Ok(Default::default());
        }
        let parts = self.parts(wanted, &store)?;
        let read = if parts.is_empty() {
            Read::default()
        } else {
            let follow = self.follow;
            self.collect(&store, Detail::Full, |scan| {
                follow.read(&store, &parts, scan)
            })?
        };
        let is_emptied = parts.contains(&Part::Store) && read.chunks.is_empty();
        if is_emptied && self.sight.is_elsewhere() {
            self.sight.away_since.get_or_insert_with(Time::now);
            self.is_unplaced = true;
            return Ok(Default::default());
        }
        if !self.follow.has_entry_folders() {
            // What cannot be read now was read before.
            self.counters = store
                .counters()
                .map_or_else(|_| self.counters.clone(), Arc::from);
        }
        let away_since = self.sight.away_since.take();
        self.sight.trouble = None;
        if self.stamp.is_some() && stamp != self.stamp {
            self.n_writes += 1;
        }
        self.stamp = stamp;
        let known = match away_since {
            Some(since) => older(&read.chunks, since),
            None => HashSet::new(),
        };
        Ok(self.merge(&parts, read, is_first, &known))
    }

    /// Which parts are to be read in full.
    fn parts(&self, wanted: &Wanted, store: &Store) -> Result<Vec<Part>> {
        let whole = vec![Part::Store];
        match wanted.whole {
            Whole::No => Ok(wanted.parts.clone()),
            Whole::Look | Whole::Lost if self.follow.look() == Detail::Sizes => {
                let looked = self.collect(store, Detail::Sizes, |scan| store.scan(scan))?;
                let parts = suspects(&self.live, &looked.chunks, self.sight.uses());
                let n_entries = self.live.snapshot().totals.entries;
                let is_most = parts.len() as u64 > n_entries / 2;
                Ok(if is_most || looked.chunks.is_empty() {
                    whole
                } else {
                    parts
                })
            }
            _ => Ok(whole),
        }
    }

    fn collect(
        &self,
        store: &Store,
        detail: Detail,
        read: impl FnOnce(&Scan<'_>) -> Result<()> + Send,
    ) -> Result<Read> {
        let mut found = Read::default();
        let progress = Progress::default();
        in_batches(
            store,
            detail,
            &self.cancel,
            &progress,
            read,
            |batch| match batch {
                Batch::Rows(chunk) => found.chunks.push(*chunk),
                Batch::Issue(issue) => found.issues.push(issue),
                // Summed by full scans only.
                Batch::Overhead(_) => {}
            },
        )?;
        Ok(found)
    }

    /// Puts what was read into the next generation. What is known was stored before it could be watched.
    fn merge(
        &mut self,
        parts: &[Part],
        read: Read,
        is_first: bool,
        known: &HashSet<EntryId>,
    ) -> (Merged, Vec<Event>) {
        let at = Instant::now();
        let uses = self.sight.uses();
        let (mut delta, mut changes) = difference(
            &self.live,
            self.follow,
            parts,
            (&read.chunks, &read.issues),
            uses,
        );
        if let Some(issues) = self.issues(parts, read.issues) {
            delta.set_issues(issues);
        }
        if !known.is_empty() {
            let is_known = |entry: &EntryKey| known.contains(&entry.id());
            changes.retain(|change| !change.entry.as_ref().is_some_and(is_known));
            changes.push(Event::of_store(EventKind::Rescan, Time::now()));
        }
        let is_wide = parts.iter().any(|part| !matches!(part, Part::Entry(_)));
        for (kind, entry) in changes
            .iter()
            .filter_map(|change| Some((change.kind, change.entry.as_ref()?)))
        {
            // Where look-ups leave no trace, a new entry says nothing of a miss.
            let is_seen = self.follow.has_entry_folders();
            match kind {
                EventKind::Removed | EventKind::Hit => continue,
                _ if !is_seen => {}
                _ if self.is_moved(entry) => self.lookups.folder_came(entry, true, at),
                // What was stored before watching began is nobody's miss of now.
                kind => {
                    let is_new = kind == EventKind::Stored && !is_first;
                    self.sight.is_lossy |= self.lookups.entry_read(entry, is_new, true, at);
                }
            }
            if is_wide {
                self.sight.place_entry(entry);
            }
        }
        if is_wide {
            self.await_unfinished(&read.chunks, at);
        }
        let merged = if delta.is_empty() {
            Merged::default()
        } else {
            self.live.apply(delta)
        };
        (merged, changes)
    }

    fn is_moved(&self, entry: &EntryKey) -> bool {
        let mut groups = self.moved_groups.iter();
        groups.any(|group| group.holds_group(&entry.group))
    }

    /// Entries that were being stored when their new group was read, before they were watched: reads them once more.
    fn await_unfinished(&mut self, read: &[Chunk], at: Instant) {
        if !self.follow.has_entry_folders() {
            return;
        }
        let records = read.iter().flat_map(Chunk::records);
        for record in records.filter(|record| !self.follow.is_stored(record)) {
            let entry = record.entry_key();
            if self.live.row(&entry).is_none() {
                self.sight.place_entry(&entry);
                self.pending.want(Part::Entry(entry), at);
            }
        }
    }

    /// The store's problems now, if they are not what they were.
    fn issues(&self, parts: &[Part], found: Vec<Issue>) -> Option<Vec<Issue>> {
        let known = &self.live.snapshot().issues;
        if known.is_empty() && found.is_empty() || parts.is_empty() {
            return None;
        }
        let ground = self.sight.ground().map(|ground| &ground.folder);
        let is_read_again = |issue: &&Issue| {
            let below = ground.and_then(|folder| issue.path.strip_prefix(folder).ok());
            parts.iter().any(|part| match part {
                Part::Store => true,
                part => below.is_some_and(|path| self.follow.is_within(part, path)),
            })
        };
        let kept = known.iter().filter(|issue| !is_read_again(issue)).cloned();
        let mut issues: Vec<_> = kept.chain(found).collect();
        issues.sort_by(|a, b| a.path.cmp(&b.path));
        Some(issues)
    }

    /// The store could not be read: it is gone, or somebody is in the way.
    pub(super) fn fail(&mut self, error: &Error) -> (Merged, Vec<Event>) {
        if !error.is_not_found() {
            self.sight.trouble = Some(error.message());
            return Default::default();
        }
        self.sight.away_since.get_or_insert_with(Time::now);
        self.is_unplaced = true;
        // On an unmounted disk it may be as whole as ever; of a removed store nothing is left.
        if self.sight.is_elsewhere() {
            return Default::default();
        }
        self.merge(&[Part::Store], Read::default(), false, &HashSet::new())
    }
}

/// Entries that were stored before a moment, or nobody knows when.
fn older(chunks: &[Chunk], moment: Time) -> HashSet<EntryId> {
    let is_older = |record: &Record<'_>| {
        let stored = record.modified.or(record.created);
        stored.is_none_or(|stored| stored < moment)
    };
    let older = chunks.iter().flat_map(Chunk::records).filter(is_older);
    older.map(|record| record.id()).collect()
}
