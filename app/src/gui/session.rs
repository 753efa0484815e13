//! State and jobs side by side: what commands change and what finished jobs bring.

use std::collections::{HashMap, VecDeque};
use std::path::PathBuf;

use cachescope_core::jobs::{Arrange, Job, Jobs, Wake};
use cachescope_core::model::{StoreId, Time};
use cachescope_core::own::StateDir;
use cachescope_core::watch::Lookout;

use super::command::{Command, PictureOf, Scale};
use super::dialogs::{Answer, Dialogs};
use super::state::{Saved, State};

/// Everything behind the window but the window itself.
pub(crate) struct Session {
    pub(crate) state: State,
    pub(crate) jobs: Jobs,
    pub(crate) dialogs: Dialogs,
    /// Who looks out for new stores, by the folder that was opened.
    pub(crate) lookouts: HashMap<PathBuf, Lookout>,
    pub(crate) clock: fn() -> Time,
    /// Cachescope's own folder.
    pub(crate) own: Option<StateDir>,
    pub(crate) wake: Wake,
    /// Text on its way to the clipboard.
    pub(crate) to_copy: VecDeque<String>,
    /// A change of the size of letters.
    pub(crate) to_scale: Option<Scale>,
    /// Pictures that are to be taken.
    pub(crate) to_picture: VecDeque<PictureOf>,
}

impl Session {
    /// Nothing open; `wake` is called whenever a job has news.
    pub(crate) fn new(
        saved: Saved,
        own: Option<StateDir>,
        clock: fn() -> Time,
        wake: Wake,
    ) -> Self {
        let mut jobs = Jobs::new(Wake::clone(&wake));
        if let Some(state) = own.clone() {
            jobs.start(Job::Tidy(state));
        }
        Self {
            state: State {
                saved,
                ..State::default()
            },
            clock,
            dialogs: Dialogs::new(Wake::clone(&wake)),
            own,
            lookouts: HashMap::new(),
            jobs,
            wake,
            to_copy: VecDeque::new(),
            to_picture: VecDeque::new(),
            to_scale: None,
        }
    }

    /// Looks at a store again: as its watcher does, else by reading it anew.
    pub(crate) fn refresh(&mut self, id: StoreId) {
        let Some(store) = self.state.store(id) else {
            return;
        };
        match &store.watcher {
            Some(watcher) => watcher.look_again(),
            None => self.scan(id),
        }
        // What a listing cannot show is read again as well.
        if let Some(store) = self.state.store_mut(id) {
            store.glances.clear();
            store.preview.of = None;
            if store.forget_undated() {
                self.arrange_next(id);
            }
            self.preview(id);
        }
    }

    /// Reads a store again, this time with private copies of any size.
    pub(crate) fn allow_copies(&mut self, id: StoreId) {
        if let Some(store) = self.state.store_mut(id) {
            cachescope_core::source::allow_copies_of(&store.info.path);
            store.failed_for_copy = false;
            self.scan(id);
        }
    }

    /// Reads a store, anew if it is on screen already.
    pub(crate) fn scan(&mut self, id: StoreId) {
        let Some(store) = self.state.store_mut(id) else {
            return;
        };
        let job = Job::Scan {
            store: std::sync::Arc::clone(&store.info),
            generation: store.snapshot.generation + 1,
            is_refresh: store.snapshot.is_complete,
        };
        self.jobs.replace(&mut store.scan, job);
    }

    /// Filters, sorts and groups a store's rows; what is at work on the same is dropped.
    pub(crate) fn arrange(&mut self, id: StoreId) {
        let (query, saved) = (self.state.query.parsed().clone(), &self.state.saved);
        let asked = self.state.query.in_force().to_owned();
        let now = (self.clock)();
        let (sort, is_grouped) = (saved.sort, saved.is_grouped);
        let Some(store) = self.state.store_mut(id) else {
            return;
        };
        let [cursor, anchor] = store.entries.selection.marks();
        let job = Job::Arrange(Box::new(Arrange {
            snapshot: std::sync::Arc::clone(&store.snapshot),
            verdicts: std::sync::Arc::clone(&store.verdicts),
            earned: std::sync::Arc::clone(&store.activity.earned),
            query,
            now,
            sort,
            is_grouped,
            selected: std::sync::Arc::clone(store.entries.selection.ids()),
            adding: store.entries.selection.adding().cloned(),
            marks: vec![cursor, anchor, store.entries.top()],
        }));
        store.entries.is_outdated = false;
        store.entries.asked = asked;
        self.jobs.replace(&mut store.entries.job, job);
    }

    /// The same, unless an arrangement is under way: then it follows that one, so that each gets done.
    pub(crate) fn arrange_next(&mut self, id: StoreId) {
        let Some(store) = self.state.store_mut(id) else {
            return;
        };
        let is_at_work = store.entries.job.is_some_and(|job| !self.jobs.is_over(job));
        if is_at_work {
            store.entries.is_outdated = true;
        } else {
            self.arrange(id);
        }
    }

    /// Arranges the store on show for a new query or order, and marks the others.
    pub(crate) fn arrange_all(&mut self) {
        for id in self
            .state
            .stores
            .iter()
            .map(|s| s.info.id)
            .collect::<Vec<_>>()
        {
            self.arrange(id);
        }
    }

    /// Takes in what the person answered, or what could not be asked.
    pub(crate) fn answers(&mut self) {
        for answer in self.dialogs.poll() {
            match answer {
                Answer::Open(paths) => {
                    self.state.first = paths.first().filter(|_| paths.len() > 1).cloned();
                    for path in paths {
                        self.handle(Command::Open(path));
                    }
                }
                Answer::Name(path) => self.named(&path),
                Answer::Nothing => {}
                Answer::Failed(why) => self.state.notices.push(why),
            }
        }
    }

    /// Reads the one selected entry, if it is not the one that was read.
    pub(crate) fn preview(&mut self, id: StoreId) {
        let Some(store) = self.state.store_mut(id) else {
            return;
        };
        let record = store.selected();
        let of = record.as_ref().map(|r| (r.id(), r.fingerprint()));
        if of == store.preview.of {
            return;
        }
        self.read_entry(id, false);
    }

    /// Reads the one selected entry again, with the credentials that are left out otherwise.
    pub(crate) fn read_entry(&mut self, id: StoreId, shows_secrets: bool) {
        let Some(store) = self.state.store_mut(id) else {
            return;
        };
        let record = store.selected();
        let of = record.as_ref().map(|r| (r.id(), r.fingerprint()));
        let entry = record.map(|record| record.entry_key());
        // The last entry's value stays on screen until this one's is read, unless none is asked for.
        store.preview.of = of;
        store.preview.failure = None;
        match entry {
            Some(entry) => {
                let job = Job::Preview {
                    store: std::sync::Arc::clone(&store.info),
                    entry,
                    shows_secrets,
                };
                self.jobs.replace(&mut store.preview.job, job);
            }
            None => store.preview.forget(),
        }
    }
}
