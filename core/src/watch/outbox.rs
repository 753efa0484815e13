//! Updates that wait for the owner of a watcher; bounded, whatever the store does.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use super::{Coverage, Update, View, Wake};
use crate::model::Snapshot;
use crate::stores::Counters;

/// Updates kept apart; later ones are joined to the last, and orders are then sorted anew.
const WAITING: usize = 32;
/// Events kept for an owner who does not drain, about 10 MB.
const EVENTS: usize = 50_000;

pub(super) struct Outbox {
    waiting: Mutex<Vec<Update>>,
    /// What the newest update said of the store.
    newest: Mutex<Option<Newest>>,
    wake: Wake,
}

/// A generation, and what the store itself counted by then.
type Newest = (Arc<Snapshot>, Arc<[Counters]>);

impl fmt::Debug for Outbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbox").finish_non_exhaustive()
    }
}

impl Outbox {
    pub(super) fn new(wake: Wake) -> Self {
        Self {
            waiting: Mutex::default(),
            newest: Mutex::default(),
            wake,
        }
    }

    pub(super) fn take(&self) -> Vec<Update> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *waiting)
    }

    pub(super) fn push(&self, mut update: Update) {
        let newest = (Arc::clone(&update.snapshot), Arc::clone(&update.counters));
        *self.newest.lock().unwrap_or_else(PoisonError::into_inner) = Some(newest);
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let n_waiting: usize = waiting.iter().map(|update| update.events.len()).sum();
        let room = EVENTS.saturating_sub(n_waiting);
        if let Some(lost) = update.events.len().checked_sub(room) {
            update.events.truncate(room);
            update.n_events_lost += lost as u64;
        }
        if waiting.len() >= WAITING
            && let Some(last) = waiting.last_mut()
        {
            last.snapshot = update.snapshot;
            last.merged = None;
            last.events.append(&mut update.events);
            last.n_events_lost += update.n_events_lost;
            last.coverage = update.coverage;
            last.counters = update.counters;
            last.n_writes = update.n_writes;
        } else {
            waiting.push(update);
        }
        drop(waiting);
        (self.wake)();
    }

    /// Tells that nothing watches any more; `first` is the generation that watching began with.
    pub(super) fn end(&self, first: Arc<Snapshot>) {
        let lock = self.newest.lock();
        let newest = lock.unwrap_or_else(PoisonError::into_inner).take();
        let (snapshot, counters) = newest.unwrap_or_else(|| (first, Arc::new([])));
        self.push(Update {
            snapshot,
            merged: None,
            events: Vec::new(),
            n_events_lost: 0,
            coverage: Coverage {
                view: View::Ended,
                why: Some(ENDED.to_owned()),
                lookups_since: None,
                is_lower_bound: true,
            },
            counters,
            n_writes: 0,
        });
    }
}

/// What is said where a fault ended the watch.
const ENDED: &str = "watching ended by a fault of Cachescope's own: close the store and open it again to see changes";

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::model::{StoreInfo, Time};
    use crate::watch::{Event, EventKind};

    fn update(n_events: usize) -> Update {
        let path = Path::new("/s");
        let store = Arc::new(StoreInfo::new(path, path, "joblib", None));
        let event = Event::of_store(EventKind::Hit, Time::now());
        Update {
            snapshot: Arc::new(Snapshot::empty(store)),
            merged: Some(crate::model::Merged::default()),
            events: vec![event; n_events],
            n_events_lost: 0,
            coverage: Coverage {
                view: View::Live,
                why: None,
                lookups_since: None,
                is_lower_bound: false,
            },
            counters: Arc::new([]),
            n_writes: 0,
        }
    }

    #[test]
    fn an_owner_who_does_not_drain_costs_bounded_memory_and_sorts_anew() {
        let outbox = Outbox::new(Arc::new(|| {}));
        for _ in 0..100 {
            outbox.push(update(1000));
        }
        let waiting = outbox.take();
        assert_eq!(waiting.len(), WAITING);
        let kept: usize = waiting.iter().map(|update| update.events.len()).sum();
        let lost: u64 = waiting.iter().map(|update| update.n_events_lost).sum();
        assert_eq!((kept, lost), (EVENTS, 50_000));
        let merged: Vec<_> = waiting.iter().map(|u| u.merged.is_some()).collect();
        assert_eq!(merged.iter().filter(|is_some| !**is_some).count(), 1);
        assert!(outbox.take().is_empty());
    }

    #[test]
    fn a_watch_that_ended_by_a_fault_says_so_and_keeps_the_newest_generation() {
        let outbox = Outbox::new(Arc::new(|| {}));
        let newest = update(1);
        let (first, kept) = (update(0).snapshot, Arc::clone(&newest.snapshot));
        outbox.push(newest);
        outbox.end(first);
        let last = outbox.take().pop().unwrap();
        assert_eq!(last.coverage.view, View::Ended);
        assert!(last.coverage.why.is_some());
        assert!(Arc::ptr_eq(&last.snapshot, &kept));
    }
}
