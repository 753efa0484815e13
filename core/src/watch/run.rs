//! The watching thread: hears reports, reads what they touched, hands on generations and events.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use super::difference::{difference, suspects};
use super::inbox::{Act, Inbox, Notice, Waiting};
use super::lookups::{Lookup, Lookups};
use super::outbox::Outbox;
use super::pending::{Pending, Wanted, Whole};
use super::sight::{Sight, path_of};
use super::{Coverage, Event, EventKind, Update};
use crate::model::{
    Chunk, EntryId, EntryKey, Fingerprint, Issue, Live, Merged, Record, Snapshot, StoreInfo, Time,
    text,
};
use crate::own::Book;
use crate::scan::{Batch, Cancel, Detail, Progress, in_batches};
use crate::source::Readers;
use crate::stores::{Counters, EntryFile, Follow, Part, Store};
use crate::{Error, Result};

pub(super) struct Run {
    info: Arc<StoreInfo>,
    follow: &'static dyn Follow,
    live: Live,
    inbox: Arc<Inbox>,
    outbox: Arc<Outbox>,
    cancel: Cancel,
    sight: Sight,
    pending: Pending,
    lookups: Lookups,
    readers: Readers,
    /// Groups that were moved here ready: nothing in them was computed now.
    moved_groups: Vec<Part>,
    /// The watches are to be placed (again) before the next look.
    is_unplaced: bool,
    /// When the store is looked at unasked.
    poll_at: Option<Instant>,
    /// The store's files as they were before they were read, see [`Sight::stamp`].
    stamp: Option<Vec<Option<Fingerprint>>>,
    /// Keeps what the cache earns between runs.
    book: Option<Book>,
    /// Hits and misses that the store itself keeps.
    counters: Arc<[Counters]>,
    /// What the last update said.
    told: Option<(Coverage, Arc<[Counters]>, u64)>,
    /// How often the store's own file was seen to be written.
    n_writes: u64,
}

/// What was read of some parts of a store.
#[derive(Default)]
struct Read {
    chunks: Vec<Chunk>,
    issues: Vec<Issue>,
}

impl Run {
    pub(super) fn new(
        snapshot: Arc<Snapshot>,
        follow: &'static dyn Follow,
        book: Option<Book>,
        inbox: &Arc<Inbox>,
        outbox: &Arc<Outbox>,
        cancel: &Cancel,
    ) -> Self {
        let readers = Readers::of(&snapshot.store.path);
        Self {
            info: Arc::clone(&snapshot.store),
            follow,
            live: Live::new(snapshot),
            inbox: Arc::clone(inbox),
            outbox: Arc::clone(outbox),
            cancel: cancel.clone(),
            sight: Sight::new(follow, inbox),
            pending: Pending::new(follow.quiet()),
            lookups: Lookups::default(),
            readers,
            moved_groups: Vec::new(),
            is_unplaced: true,
            poll_at: None,
            stamp: None,
            book,
            counters: Arc::new([]),
            told: None,
            n_writes: 0,
        }
    }

    pub(super) fn until_closed(mut self) {
        // Sees what changed between the scan and the watches.
        self.look(&Wanted {
            whole: Whole::Look,
            parts: Vec::new(),
        });
        loop {
            let waiting = self.inbox.wait(self.wake_at());
            if waiting.is_closed {
                if let Some(book) = &mut self.book {
                    book.close();
                }
                return;
            }
            self.hear(waiting);
            let now = Instant::now();
            if self.poll_at.is_some_and(|at| at <= now) {
                self.poll_at = None;
                self.pending.want_whole(Whole::Look, now);
            }
            if let Some(book) = &mut self.book
                && book.due().is_some_and(|at| at <= now)
            {
                // What our own folder does not take is on screen all the same.
                book.write().ok();
            }
            if self.pending.due().is_some_and(|due| due <= Instant::now()) {
                let wanted = self.pending.take();
                self.look(&wanted);
            }
        }
    }

    fn wake_at(&self) -> Option<Instant> {
        let book = self.book.as_ref().and_then(Book::due);
        [self.pending.due(), self.poll_at, book]
            .into_iter()
            .flatten()
            .min()
    }

    fn hear(&mut self, waiting: Waiting) {
        let now = Instant::now();
        if waiting.is_lossy {
            self.sight.is_lossy = true;
            self.pending.want_whole(Whole::Lost, now);
        }
        if waiting.is_asked {
            self.pending.want_whole(Whole::Asked, now);
        }
        // Opened for the first folder that needs it, and not kept: an open folder holds up an unmount.
        let mut store = None;
        for notice in waiting.notices {
            self.hear_one(&notice, &mut store);
        }
    }

    fn hear_one(&mut self, notice: &Notice, store: &mut Option<Store>) {
        let Notice {
            folder, name, at, ..
        } = notice;
        if notice.act == Act::FolderGone {
            if folder.as_os_str().is_empty() {
                self.is_unplaced = true;
                self.pending.want_whole(Whole::Look, *at);
            }
            return;
        }
        if !folder.as_os_str().is_empty()
            && let Some(Part::Entry(entry)) = self.follow.part_at(folder, true)
        {
            return self.hear_inside(entry, notice);
        }
        let path = path_of(folder, name);
        let is_dir = matches!(
            notice.act,
            Act::Came { is_dir: true, .. } | Act::Gone { is_dir: true }
        );
        let Some(part) = self.follow.part_at(&path, is_dir) else {
            return;
        };
        match (&part, notice.act) {
            (_, Act::Opened) => return,
            (
                Part::Entry(entry),
                Act::Came {
                    is_moved,
                    is_dir: true,
                },
            ) => {
                self.lookups.folder_came(entry, is_moved, *at);
            }
            (Part::Entry(entry), Act::Gone { is_dir: true }) => self.lookups.folder_gone(entry),
            (Part::Groups(_), Act::Came { is_moved, .. }) => {
                self.enter(&path, store);
                if is_moved {
                    self.moved_groups.push(part.clone());
                }
            }
            _ => {}
        }
        self.pending.want(part, *at);
    }

    /// A new folder of groups: others may have been made in it already.
    fn enter(&self, path: &Path, store: &mut Option<Store>) {
        if store.is_none() {
            *store = Store::open_untold(&self.info).ok();
        }
        if let Some(store) = store {
            self.sight.place_below(store, path, &self.cancel);
        }
    }

    /// Something happened in an entry's own folder.
    fn hear_inside(&mut self, entry: EntryKey, notice: &Notice) {
        if notice.act == Act::Opened && self.readers.are_at_work() {
            // Theirs or a program's: nobody can tell.
            self.sight.is_lossy = true;
            return;
        }
        let file = self.follow.entry_file(&notice.name);
        let known = self.live.row(&entry);
        let known = known.and_then(|row| self.live.snapshot().record(row));
        match (file, notice.act) {
            (EntryFile::Facts, Act::Opened) => self.lookups.facts_opened(&entry, notice.at),
            (EntryFile::Value, Act::Opened) => {
                let is_announced = match known {
                    Some(record) => self.follow.reads_facts_first(&record),
                    None => self.is_newer_habit(),
                };
                self.lookups.value_opened(&entry, is_announced, notice.at);
            }
            (EntryFile::Value, Act::Came { is_moved: true, .. })
                if known.is_some_and(|r| self.follow.is_stored(&r)) =>
            {
                self.lookups.value_came(&entry, notice.at);
            }
            _ => {}
        }
        if let Act::Gone { is_dir: false } = notice.act {
            self.forget_left_over(notice);
        }
        if notice.act != Act::Opened {
            self.pending.want(Part::Entry(entry), notice.at);
        } else if !self.lookups.is_empty() {
            self.pending.stir(notice.at);
        }
    }

    /// A file that was listed by itself, a temporary one, is gone.
    fn forget_left_over(&mut self, notice: &Notice) {
        let path = path_of(&notice.folder, &notice.name);
        if let Some(Part::Entry(file)) = self.follow.part_at(&path, false)
            && self.live.row(&file).is_some()
        {
            self.pending.want(Part::Entry(file), notice.at);
        }
    }

    /// How programs load an entry that was not read yet: as they do the others. Where there is none,
    /// the newer habit is assumed, which makes no hit out of a computation.
    fn is_newer_habit(&self) -> bool {
        let snapshot = self.live.snapshot();
        let sample = || snapshot.records().map(|(_, record)| record).take(64);
        let is_read = |record| self.follow.reads_facts_first(&record);
        sample().next().is_none() || sample().any(is_read)
    }

    /// Reads what is wanted, and tells what came of it.
    fn look(&mut self, wanted: &Wanted) {
        let started = Instant::now();
        let outcome = self.read(wanted);
        let cost = started.elapsed();
        if self.cancel.is_cancelled() {
            return;
        }
        if wanted.whole != Whole::No {
            self.pending.rest_after(cost);
        }
        let (merged, changes) = match outcome {
            Ok(done) => done,
            Err(error) => self.fail(&error),
        };
        let events = self.events(wanted, changes);
        self.tell(merged, events);
        let n_entries = self.live.snapshot().totals.entries;
        if wanted.whole != Whole::No || self.poll_at.is_none() {
            self.poll_at = self.sight.poll_at(n_entries, cost);
        }
        self.lookups.tidy(started);
        self.moved_groups.clear();
    }

    fn read(&mut self, wanted: &Wanted) -> Result<(Merged, Vec<Event>)> {
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
        read: impl FnOnce(&crate::scan::Scan<'_>) -> Result<()> + Send,
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
    fn fail(&mut self, error: &Error) -> (Merged, Vec<Event>) {
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

    fn events(&mut self, wanted: &Wanted, changes: Vec<Event>) -> Vec<Event> {
        let time = Time::now();
        let mut events = Vec::new();
        if matches!(wanted.whole, Whole::Lost | Whole::Asked) {
            events.push(Event::of_store(EventKind::Rescan, time));
        }
        let lookups = self.lookups.take();
        events.extend(
            lookups
                .into_iter()
                .map(|found| self.lookup_event(found, time)),
        );
        events.extend(changes);
        if let (Some(book), Some(since)) = (&mut self.book, self.sight.lookups_since()) {
            for event in &events {
                book.count(event, since, self.sight.is_lower_bound());
            }
        }
        events
    }

    fn lookup_event(&self, lookup: Lookup, time: Time) -> Event {
        let Lookup { entry, is_hit } = lookup;
        let kind = if is_hit {
            EventKind::Hit
        } else {
            EventKind::Miss
        };
        let row = self.live.row(&entry);
        match row.and_then(|row| self.live.snapshot().record(row)) {
            Some(record) => Event::of_record(kind, time, &record),
            None => Event {
                label: text::from_bytes(&entry.key).into(),
                group: text::from_bytes(&entry.group).into(),
                entry: Some(entry),
                ..Event::of_store(kind, time)
            },
        }
    }

    /// Hands on what came of a look, if anything did.
    fn tell(&mut self, merged: Merged, events: Vec<Event>) {
        let coverage = self.sight.coverage(self.live.snapshot().totals.entries);
        let told = (coverage.clone(), Arc::clone(&self.counters), self.n_writes);
        let is_news = self.told.as_ref() != Some(&told);
        if merged == Merged::default() && events.is_empty() && !is_news {
            return;
        }
        self.told = Some(told);
        self.outbox.push(Update {
            snapshot: Arc::clone(self.live.snapshot()),
            merged: Some(merged),
            events,
            n_events_lost: 0,
            coverage,
            counters: Arc::clone(&self.counters),
            n_writes: self.n_writes,
        });
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
