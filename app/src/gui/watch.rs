//! Stores on show that change: new generations from their watchers into the state.

use std::sync::Arc;

use cachescope_core::model::StoreId;
use cachescope_core::watch::Watcher;

use super::session::Session;

impl Session {
    /// Begins to watch a store that was read to its end.
    pub(crate) fn watch(&mut self, id: StoreId) {
        let wake = Arc::clone(&self.wake);
        let Some(store) = self.state.store_mut(id) else {
            return;
        };
        if !store.snapshot.is_complete || store.watcher.is_some() {
            return;
        }
        match Watcher::start(Arc::clone(&store.snapshot), wake) {
            Ok(watcher) => store.watcher = Some(watcher),
            // Without it the store is read again when a person asks.
            Err(error) => self.state.notices.push(error.to_string()),
        }
    }

    /// Takes in what the watchers saw since the last call.
    pub(crate) fn see(&mut self) {
        let ids: Vec<StoreId> = self.state.stores.iter().map(|s| s.info.id).collect();
        for id in ids {
            let Some(store) = self.state.store_mut(id) else {
                continue;
            };
            let updates = store.watcher.as_ref().map(Watcher::drain);
            let mut is_changed = false;
            for update in updates.into_iter().flatten() {
                for event in &update.events {
                    store.observed.count(event);
                }
                is_changed |= !Arc::ptr_eq(&store.snapshot, &update.snapshot);
                store.snapshot = update.snapshot;
                store.coverage = Some(update.coverage);
            }
            if is_changed {
                self.arrange_next(id);
            }
        }
    }
}
