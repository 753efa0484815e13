//! News from jobs into the state. What is no longer asked for is dropped.

use std::sync::Arc;

use cachescope_core::Error;
use cachescope_core::clear::Act;
use cachescope_core::jobs::{
    Advised, Arranged, Cleared, EntryPreview, Glances, Job, JobId, Looked, Outcome, Page, Report,
    Seen, Surveyed,
};
use cachescope_core::model::{Issue, Snapshot, StoreInfo};

use super::command::{Command, HeldCommand};
use super::session::Session;
use super::state::{OpenStore, Phase, Toast};
use super::widgets::heat::Heat;
use crate::text;

impl Session {
    /// Takes in what the jobs reported since the last call; true if anything came.
    pub(crate) fn receive(&mut self) -> bool {
        self.jobs.prefer(self.state.shown);
        let reports = self.jobs.poll();
        let has_any = !reports.is_empty();
        for Report { job, outcome } in reports {
            match outcome {
                Outcome::Opened { stores, issues } => {
                    self.state.notices.extend(passed_over(&issues));
                    self.opened(job, stores);
                }
                Outcome::Known(facts) => {
                    if let Some(store) = self.state.store_mut(facts.store) {
                        store.facts = Some(facts);
                    }
                }
                Outcome::Scanned(snapshot) => self.scanned(job, snapshot),
                Outcome::Remembered(remembered) => {
                    if let Some(store) = self.state.store_mut(remembered.store) {
                        store.activity.remember(remembered);
                    }
                }
                Outcome::Arranged(arranged) => self.arranged(job, arranged),
                Outcome::Previewed(preview) => self.previewed(job, preview),
                Outcome::Glanced(glances) => self.glanced(*glances),
                Outcome::Looked(looked) => self.looked(job, looked),
                Outcome::Bytes(page) => self.read(job, page),
                Outcome::FoundBytes(found) => {
                    let asked = |s: &&mut OpenStore| s.preview.hex.search.job == Some(job);
                    if let Some(store) = self.state.stores.iter_mut().find(asked) {
                        store.preview.hex.searched(&found);
                    }
                }
                Outcome::Surveyed(surveyed) => self.surveyed(job, surveyed),
                Outcome::Advised(advised) => self.advised(*advised),
                Outcome::Checked(checked) => self.checked(job, *checked),
                Outcome::Planned(planned) => self.planned(job, planned),
                Outcome::Predicted(prediction) => self.predicted(job, prediction),
                Outcome::Compacted { store, gain } => self.compacted(job, &store, gain),
                Outcome::Cleared(cleared) => {
                    match cleared_toast(&cleared) {
                        Some(toast) => self.state.say(toast),
                        None => self.state.toast = None,
                    }
                    self.cleared(job, cleared);
                }
                Outcome::Held(held) => self.found_held(job, held),
                Outcome::Compared(compared) => self.compared(job, *compared),
                Outcome::BroughtBack(back) => {
                    self.state.toast = None;
                    self.brought_back(&back);
                }
                Outcome::Purged(freed) => self.purged(&freed),
                Outcome::Outside(answer) => self.made(job, answer),
                Outcome::Ended(Ok(())) => {
                    self.check_ended(job);
                    self.ended(job);
                }
                Outcome::Ended(Err(error)) => self.failed(job, &error),
            }
        }
        has_any
    }

    fn opened(&mut self, job: JobId, stores: Vec<Arc<StoreInfo>>) {
        let state = &mut self.state;
        if let Some((_, path)) = state.opening.iter().find(|(id, _)| *id == job) {
            state.saved.remember(path);
        }
        let wanted = |info: &&Arc<StoreInfo>| state.first_store.as_ref() == Some(&info.path);
        let first = stores.iter().find(wanted).or(stores.first());
        let first = first.map(|info| info.id);
        let path = state.opening.iter().find(|(id, _)| *id == job);
        let is_behind = match (&state.first, path) {
            (Some(wanted), Some((_, path))) => wanted != path,
            _ => false,
        };
        self.look_out(&stores);
        self.take_in(stores);
        // Of several opened together the first shows, however long each takes.
        self.state.shown = if is_behind {
            self.state.shown.or(first)
        } else {
            first.or(self.state.shown)
        };
        self.look_for_held();
    }

    /// Puts stores on the rail that are not there yet, and reads each.
    pub(crate) fn take_in(&mut self, stores: Vec<Arc<StoreInfo>>) {
        for info in stores {
            let id = info.id;
            if self.state.store(id).is_none() {
                let mut store = OpenStore::new(Arc::clone(&info));
                if let Some(state) = self.own.clone() {
                    let job = Job::Remember { store: info, state };
                    self.jobs.replace(&mut store.remembering, job);
                }
                self.state.stores.push(store);
            }
            self.scan(id);
        }
        self.state.put_in_order();
    }

    fn scanned(&mut self, job: JobId, snapshot: Arc<Snapshot>) {
        let id = snapshot.store.id;
        let Some(store) = self.state.store_mut(id) else {
            return;
        };
        if store.scan != Some(job) {
            return;
        }
        if snapshot.is_complete {
            store.phase = Phase::Whole;
        }
        store.snapshot = snapshot;
        self.watch(id);
        self.arrange_next(id);
    }

    fn arranged(&mut self, job: JobId, arranged: Box<Arranged>) {
        let id = arranged.snapshot.store.id;
        let Some(store) = self.state.store_mut(id) else {
            return;
        };
        if store.entries.job != Some(job) {
            return;
        }
        store.entries.job = None;
        let is_behind = !Arc::ptr_eq(&arranged.snapshot, &store.snapshot);
        store.entries.arrange(arranged);
        if store.entries.is_outdated || is_behind {
            self.arrange(id);
        }
        self.preview(id);
    }

    fn previewed(&mut self, job: JobId, preview: Box<EntryPreview>) {
        let asked = |s: &&mut OpenStore| s.preview.job == Some(job);
        if let Some(store) = self.state.stores.iter_mut().find(asked) {
            store.preview.show(preview);
            let (id, root) = (store.info.id, store.preview.root_body());
            if root.is_some() {
                self.look_into(id, root);
            }
        }
    }

    fn glanced(&mut self, glances: Glances) {
        let Some(store) = self.state.store_mut(glances.store) else {
            return;
        };
        let lines = glances.lines.into_iter();
        let lines = lines.map(|(key, version, line)| (key.id(), version, line));
        store.glances.extend(lines);
    }

    fn looked(&mut self, job: JobId, looked: Box<Looked>) {
        if let Seen::Summary(summary) = looked.seen {
            let asked = |s: &&mut OpenStore| s.preview.array.summing == Some(job);
            if let Some(store) = self.state.stores.iter_mut().find(asked) {
                store.preview.array.summary = Some(summary);
            }
            return;
        }
        let asked = |s: &&mut OpenStore| s.preview.array.job == Some(job);
        if let Some(store) = self.state.stores.iter_mut().find(asked) {
            let array = &mut store.preview.array;
            array.heat = Heat::default();
            array.seen = Some(looked);
        }
    }

    fn read(&mut self, job: JobId, page: Page) {
        let asked = |s: &&mut OpenStore| s.preview.hex.job == Some(job);
        if let Some(store) = self.state.stores.iter_mut().find(asked) {
            store.preview.hex.insert(page);
        }
    }

    fn surveyed(&mut self, job: JobId, surveyed: Box<Surveyed>) {
        let asked = |s: &&mut OpenStore| s.overview.job == Some(job);
        if let Some(store) = self.state.stores.iter_mut().find(asked) {
            // What was looked into went altogether, by a clear: back to the whole.
            let is_nothing = surveyed.stores.iter().all(|s| s.groups.is_empty());
            if is_nothing && store.snapshot.totals.entries > 0 {
                store.overview.zoom = None;
            }
            store.overview.surveyed = Some(surveyed);
        }
    }

    fn advised(&mut self, advised: Advised) {
        if let Some(store) = self.state.store_mut(advised.store) {
            store.advice.found = Some(advised);
        }
    }

    fn ended(&mut self, job: JobId) {
        let n_opening = self.state.opening.len();
        self.state.opening.retain(|(id, _)| *id != job);
        self.state.restoring.retain(|(id, _)| *id != job);
        // Another job may end before the first path is being opened.
        if n_opening > 0 && self.state.opening.is_empty() {
            self.state.first_store = None;
            self.state.first = None;
        }
        if self.state.finding == Some(job) {
            self.state.finding = None;
        }
        for store in &mut self.state.stores {
            for slot in store.slots() {
                if *slot == Some(job) {
                    *slot = None;
                }
            }
        }
    }

    fn failed(&mut self, job: JobId, error: &Error) {
        let was_opening = self.state.opening.iter().any(|(id, _)| *id == job);
        let mut is_told = error.is_cancelled();
        is_told |= self.clearing_failed(job, error);
        is_told |= self.comparing_failed(job, error);
        is_told |= self.compacting_failed(job, error);
        for store in &mut self.state.stores {
            if store.scan == Some(job) {
                store.failed_for_copy = error.wants_copy();
                store.phase = match (&store.phase, error.is_cancelled()) {
                    (Phase::Loading, true) => Phase::Partial("stopped".to_owned()),
                    (_, true) => store.phase.clone(),
                    (_, false) => Phase::Partial(error.to_string()),
                };
                is_told = true;
            }
            if store.preview.job == Some(job) && !error.is_cancelled() {
                store.preview.failure = Some(error.to_string());
                store.preview.found = None;
                is_told = true;
            }
            if store.preview.array.job == Some(job) && !error.is_cancelled() {
                store.preview.array.failure = Some(error.to_string());
                is_told = true;
            }
            // The picture says why an array cannot be read.
            is_told |= store.preview.array.summing == Some(job);
            if store.preview.hex.job == Some(job) && !error.is_cancelled() {
                store.preview.hex.failure = Some(error.to_string());
                is_told = true;
            }
            // A line that cannot be read stays blank; the entry panel says why.
            is_told |= store.glancing == Some(job);
        }
        if was_opening {
            self.state.first = None;
        }
        if (was_opening && !error.is_cancelled()) || !is_told {
            self.state.notices.push(error.to_string());
        }
        self.ended(job);
    }
}

/// One sentence for all that opening a folder did not look into.
fn passed_over(issues: &[Issue]) -> Option<String> {
    let (first, others) = issues.split_first()?;
    let (message, path) = (
        &first.message,
        cachescope_core::model::text::path(&first.path),
    );
    let more = match others.len() {
        0 => String::new(),
        n => format!(" (and {} more like it)", text::count(n as u64)),
    };
    Some(format!("{path}: {message}{more}"))
}

/// Says what went, with the way back where there is one; `None` where nothing went.
fn cleared_toast(cleared: &Cleared) -> Option<Toast> {
    let applied = &cleared.applied;
    if applied.removed == 0 {
        return None;
    }
    let n = text::counted(applied.removed as u64, "entry", "entries");
    // By name: another store may be on show by then, or another clear the last.
    let undo = applied.undo_id.clone();
    let undo = undo.map(|id| Command::Held(HeldCommand::BringBack(id)));
    if let Act::Expire(expires) = cleared.plan.act {
        let words = format!("{n} kept until {}", text::moment(expires));
        return Some(Toast::new(words, undo.map(|undo| ("Undo", undo))));
    }
    let undo = undo.map(|undo| ("Undo clear", undo));
    let held = text::bytes(applied.bytes_held);
    let freed = text::bytes(applied.bytes_freed);
    let words = if applied.bytes_held > 0 {
        format!("{n} cleared and kept aside for undo, {held}")
    } else if applied.bytes_inside > 0 {
        let inside = text::bytes(applied.bytes_inside);
        format!("{n} cleared, {inside} free inside the file, which keeps its size")
    } else if undo.is_some() && applied.bytes_freed == 0 {
        format!("{n} cleared and kept aside for undo")
    } else {
        format!("{n} cleared, {freed} freed")
    };
    Some(Toast::new(words, undo))
}
