//! Stores on show that change: new generations from their watchers into the state.

use std::sync::Arc;
use std::time::{Duration, Instant};

use cachescope_core::model::{StoreId, StoreInfo};
use cachescope_core::ops::SortBy;
use cachescope_core::watch::{Lookout, Watcher};

use super::session::Session;
use super::state::OpenStore;

impl Session {
    /// Begins to watch a store that was read to its end.
    pub(crate) fn watch(&mut self, id: StoreId) {
        let (wake, own) = (Arc::clone(&self.wake), self.own.clone());
        let Some(store) = self.state.store_mut(id) else {
            return;
        };
        if !store.snapshot.is_complete || store.watcher.is_some() {
            return;
        }
        match Watcher::start_keeping(Arc::clone(&store.snapshot), own, wake) {
            Ok(watcher) => store.watcher = Some(watcher),
            // Without it the store is read again when a person asks.
            Err(error) => self.state.notices.push(error.to_string()),
        }
    }

    /// Looks out for more stores below the folder that was opened for these.
    pub(crate) fn look_out(&mut self, stores: &[Arc<StoreInfo>]) {
        let Some(folder) = stores.first().map(|info| &info.opened_as) else {
            return;
        };
        match Lookout::start(folder, stores, Arc::clone(&self.wake)) {
            Ok(lookout) => {
                self.lookouts.insert(folder.clone(), lookout);
            }
            Err(error) => self.state.notices.push(error.to_string()),
        }
    }

    /// Ends every watch and waits, at most so long, until what was counted is kept.
    pub(crate) fn end_watches(&mut self, patience: Duration) {
        let deadline = Instant::now() + patience;
        let is_over = |store: &OpenStore| store.watcher.as_ref().is_none_or(Watcher::ends);
        // Each is asked at the first round; a disk that hangs does not keep the window open.
        while self.state.stores.iter().filter(|s| !is_over(s)).count() > 0
            && Instant::now() < deadline
        {
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Takes in what the watchers saw since the last call.
    pub(crate) fn see(&mut self) {
        let come: Vec<_> = self.lookouts.values().flat_map(Lookout::drain).collect();
        if !come.is_empty() {
            self.take_in(come);
            self.state.is_held_old = true;
        }
        let ids: Vec<StoreId> = self.state.stores.iter().map(|s| s.info.id).collect();
        let now = (self.clock)();
        let by = self.state.saved.sort.by;
        let is_by_hits = matches!(by, SortBy::Hits | SortBy::LastHit | SortBy::Saved);
        let mut may_be_held = false;
        for id in ids {
            let watcher = self.state.store(id).and_then(|s| s.watcher.as_ref());
            let updates = watcher.map(Watcher::drain).unwrap_or_default();
            if updates.is_empty() {
                continue;
            }
            let query = self.state.query.parsed().clone();
            let Some(store) = self.state.store_mut(id) else {
                continue;
            };
            let (mut is_changed, mut is_seen) = (false, false);
            let n_writes = store.n_writes;
            for update in updates {
                // Another Cachescope may have moved entries aside, or brought them back.
                let moved = update.merged.as_ref();
                may_be_held |= moved.is_none_or(|moved| !moved.gone.is_empty());
                is_seen |= !update.events.is_empty();
                for event in &update.events {
                    store.observed.count(event);
                }
                let activity = &mut store.activity;
                activity.tell(update.events, update.n_events_lost, &query, now);
                activity.counters = Some(update.counters);
                is_changed |= !Arc::ptr_eq(&store.snapshot, &update.snapshot);
                store.snapshot = update.snapshot;
                store.coverage = Some(update.coverage);
                store.n_writes = store.n_writes.max(update.n_writes);
            }
            is_changed |= store.n_writes > n_writes && store.forget_undated();
            if is_changed || is_seen && is_by_hits {
                self.arrange_next(id);
            }
            self.preview(id);
        }
        self.state.is_held_old |= may_be_held;
        if self.state.is_held_old && !self.is_looking_for_held() {
            self.state.is_held_old = false;
            self.look_for_held();
        }
    }
}
