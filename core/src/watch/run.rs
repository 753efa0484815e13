//! The watching thread: hears reports, reads what they touched, hands on generations and events.

mod hear;
mod read;

use std::sync::Arc;
use std::time::Instant;

use super::inbox::Inbox;
use super::kept::Book;
use super::lookups::{Lookup, Lookups};
use super::outbox::Outbox;
use super::pending::{Pending, Wanted, Whole};
use super::sight::Sight;
use super::{Coverage, Event, EventKind, Update};
use crate::model::{Cancel, Fingerprint, Live, Merged, Snapshot, StoreInfo, Time, text};
use crate::source::Readers;
use crate::stores::{Counters, Follow, Part};

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
