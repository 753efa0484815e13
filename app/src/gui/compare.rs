//! Comparing and converting, as the window drives them.

use std::path::PathBuf;
use std::sync::Arc;

use cachescope_core::Error;
use cachescope_core::jobs::{Compared, Comparison, Job, JobId};
use cachescope_core::model::StoreId;
use cachescope_core::ops::compare::Side;
use cachescope_core::write::{self, TARGETS, bench};

use super::command::{Command, CompareCommand};
use super::session::Session;
use super::state::{ComparePage, Converting, Dialog, Differing, OpenStore, Toast};
use crate::text;

/// Said of what was stopped.
const STOPPED: &str = "Stopped; what was written for it is removed in the background";

impl Session {
    /// Carries out what was asked for on the compare page.
    pub(crate) fn compare(&mut self, command: CompareCommand) {
        match command {
            CompareCommand::Page(page) => self.on_page(page),
            CompareCommand::Include(id, is_in) => self.include(id, is_in),
            CompareCommand::Measure => self.measure_sides(),
            CompareCommand::With(other) => self.compare_with(other),
            CompareCommand::Side(side) => self.list_side(side),
            CompareCommand::Choose(at) => self.show_pair(at),
            CompareCommand::Sample(sample) => {
                if let Some(store) = self.state.shown_mut() {
                    store.compare.sample = sample;
                }
            }
            CompareCommand::WhatIf => self.what_if(),
            CompareCommand::AskConvert(target) => self.ask_convert(target),
            CompareCommand::Convert => self.convert(),
        }
    }

    fn on_page(&mut self, page: ComparePage) {
        if let Some(store) = self.state.shown_mut() {
            store.compare.page = page;
            store.compare.failure = None;
        }
    }

    /// Starts a comparison for the store on show; one that is under way is dropped.
    fn start_comparison(&mut self, comparison: Comparison) {
        let Some(store) = self.state.shown_mut() else {
            return;
        };
        store.compare.failure = None;
        let job = Job::Compare(Box::new(comparison));
        self.jobs.replace(&mut store.compare.job, job);
    }

    fn include(&mut self, id: StoreId, is_in: bool) {
        if let Some(store) = self.state.shown_mut() {
            if is_in {
                store.compare.left_out.remove(&id);
            } else {
                store.compare.left_out.insert(id);
            }
        }
    }

    fn measure_sides(&mut self) {
        let Some(shown) = self.state.shown() else {
            return;
        };
        let left_out = &shown.compare.left_out;
        let stores = self.state.stores.iter();
        let snapshots = stores
            .filter(|store| !left_out.contains(&store.info.id))
            .map(|store| Arc::clone(&store.snapshot))
            .collect();
        let now = (self.clock)();
        self.start_comparison(Comparison::Sides(snapshots, now));
    }

    fn compare_with(&mut self, other: StoreId) {
        let (Some(left), Some(right)) = (self.state.shown(), self.state.store(other)) else {
            return;
        };
        let (left, right) = (Arc::clone(&left.snapshot), Arc::clone(&right.snapshot));
        self.start_comparison(Comparison::Difference(left, right));
    }

    fn list_side(&mut self, side: Option<Side>) {
        let store = self.state.shown_mut();
        if let Some(differing) = store.and_then(|s| s.compare.difference.as_mut()) {
            differing.list(side);
        }
    }

    /// Shows both values of a key.
    fn show_pair(&mut self, at: usize) {
        let store = self.state.shown_mut();
        let Some(differing) = store.and_then(|s| s.compare.difference.as_mut()) else {
            return;
        };
        let Some(pair) = differing.found.pairs.get(at) else {
            return;
        };
        let entry = |snapshot: &Arc<cachescope_core::model::Snapshot>, row| {
            let record = snapshot.record(row)?;
            Some((Arc::clone(&snapshot.store), record.entry_key()))
        };
        let entries = [
            pair.left.and_then(|row| entry(&differing.left, row)),
            pair.right.and_then(|row| entry(&differing.right, row)),
        ];
        differing.chosen = Some(at);
        differing.values = None;
        let job = Job::Compare(Box::new(Comparison::Values(entries)));
        self.jobs.replace(&mut differing.job, job);
    }

    fn what_if(&mut self) {
        let Some(store) = self.state.shown() else {
            return;
        };
        let options = bench::Options {
            sample: store.compare.sample,
            ..bench::Options::default()
        };
        let info = Arc::clone(&store.info);
        let state = self.own.clone();
        self.start_comparison(Comparison::WhatIf(info, options, state));
    }

    fn ask_convert(&mut self, target: usize) {
        let Some(store) = self.state.shown() else {
            return;
        };
        let kind = TARGETS.get(target).map_or("", |target| target.kind);
        let name = format!("{}.{kind}", store.info.title());
        let path = store.info.folder_beside().join(name);
        self.state.dialog = Some(Dialog::Convert(Box::new(Converting {
            source: Arc::clone(&store.info),
            target,
            path: path.to_string_lossy().into_owned(),
            accepts_loss: false,
            job: None,
            failure: None,
            losses: Vec::new(),
        })));
    }

    fn convert(&mut self) {
        let Some(Dialog::Convert(converting)) = &mut self.state.dialog else {
            return;
        };
        let Some(target) = TARGETS.get(converting.target) else {
            return;
        };
        converting.failure = None;
        let job = Job::Compare(Box::new(Comparison::Convert {
            source: Arc::clone(&converting.source),
            target,
            path: PathBuf::from(converting.path.trim()),
            options: write::Options {
                accepts_loss: converting.accepts_loss,
                ..write::Options::default()
            },
            state: self.own.clone(),
        }));
        self.jobs.replace(&mut converting.job, job);
    }

    /// Takes in what a comparison found.
    pub(crate) fn compared(&mut self, job: JobId, compared: Compared) {
        if let Compared::Converted(converted) = compared {
            // The new store stands, whether the dialog that asked for it is still there or not.
            let n = text::counted(converted.entries, "entry", "entries");
            let words = format!("{n} converted, each compared with its source");
            self.state.toast = Some(Toast::new(words, None));
            if let Some(Dialog::Convert(converting)) = &mut self.state.dialog
                && converting.job == Some(job)
            {
                if converted.losses.is_empty() {
                    self.state.dialog = None;
                } else {
                    converting.job = None;
                    converting.losses.clone_from(&converted.losses);
                }
            }
            return self.handle(Command::Open(converted.store.opened_as.clone()));
        }
        if let Compared::Failed(error) = &compared {
            self.comparing_failed(job, error);
        }
        let stores = &mut self.state.stores;
        let is_asked = |store: &&mut OpenStore| {
            let reading = store.compare.difference.as_ref().and_then(|d| d.job);
            store.compare.job == Some(job) || reading == Some(job)
        };
        let Some(store) = stores.iter_mut().find(is_asked) else {
            return;
        };
        let comparing = &mut store.compare;
        // What it wrote may be removed for a while yet: nobody has to wait for that.
        comparing.job = comparing.job.filter(|at_work| *at_work != job);
        match compared {
            Compared::Sides(sides) => comparing.sides = Some(sides),
            Compared::Difference { left, right, found } => {
                comparing.difference = Some(Differing::new(left, right, found));
            }
            Compared::Values(values) => {
                if let Some(differing) = &mut comparing.difference {
                    differing.values = Some(values);
                }
            }
            Compared::WhatIf(bench, advice) => comparing.what_if = Some((bench, advice)),
            Compared::Converted(_) | Compared::Failed(_) => {}
        }
    }

    /// Answers a person who stops a comparison at once, whatever the system is doing for it.
    pub(crate) fn stop_comparing(&mut self, job: JobId) {
        let is_asked = |store: &&mut OpenStore| store.compare.job == Some(job);
        if let Some(store) = self.state.stores.iter_mut().find(is_asked) {
            store.compare.job = None;
            let wrote = store.compare.page == ComparePage::WhatIf;
            let why = if wrote { STOPPED } else { "Stopped" };
            store.compare.failure = Some(why.to_owned());
        }
    }

    /// Keeps why a comparison came to nothing; true if it was one.
    pub(crate) fn comparing_failed(&mut self, job: JobId, error: &Error) -> bool {
        let why = if error.is_cancelled() {
            STOPPED.to_owned()
        } else {
            error.to_string()
        };
        if let Some(Dialog::Convert(converting)) = &mut self.state.dialog
            && converting.job == Some(job)
        {
            converting.job = None;
            converting.failure = Some(why);
            return true;
        }
        for store in &mut self.state.stores {
            if store.compare.job == Some(job) {
                store.compare.failure = Some(why);
                return true;
            }
        }
        false
    }
}
