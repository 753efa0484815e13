//! Work of the window's own on the jobs' threads, and what it gave: bodies of values, caches of this computer, files.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use cachescope_core::Error;
use cachescope_core::formats::{Options, Preview};
use cachescope_core::jobs::{Answer, Job, JobId, Outside};
use cachescope_core::model::{Issue, NodeId, StoreId, StoreInfo, text};
use cachescope_core::ops;
use cachescope_core::scan::{Finds, find_on_this_computer};
use cachescope_core::stores::Store;

use super::body::Body;
use super::command::{Command, DialogKind};
use super::session::Session;
use super::state::{Bodying, Coded, Dialog, FoundCaches, Insiding, Previewing, Toast};
use crate::text as figures;

/// What work of our own gave.
pub(crate) enum Made {
    /// A report: its file, or why there is none.
    Report(PathBuf, Result<u64, String>),
    /// Caches in the usual places of this computer.
    Caches(FoundCaches),
    /// The value of an entry, or a picture: its file.
    Saved(PathBuf),
    /// A file that was not written: the dialog that asked for it, with the reason.
    Unsaved(Box<Dialog>),
    /// What text or bytes inside a value are, or why that cannot be told.
    Body(Box<Result<Body, String>>),
    /// A part of a value, or why it cannot be read.
    Inside(Box<Result<Preview, String>>),
    /// Python that loads an entry; `None` where no library does.
    Python(Result<Option<String>, String>),
    /// The function behind an entry, as it stands today.
    Code(Result<Coded, String>),
}

impl Session {
    /// Finds out what text or bytes inside the value on show are; `None` goes back to the value.
    pub(crate) fn look_into(&mut self, id: StoreId, node: Option<NodeId>) {
        let Some(store) = self.state.store_mut(id) else {
            return;
        };
        let preview = &mut store.preview;
        preview.body = node.map_or_else(Bodying::default, Bodying::new);
        let place = node.and_then(|node| preview.place(node));
        let mut slot = preview.looking.take();
        let Some(place) = place else {
            preview.looking = slot.inspect(|old| self.jobs.cancel(*old));
            return;
        };
        let job = Job::Outside(Outside {
            title: "Looking into a value".to_owned(),
            work: Box::new(move |_cancel, _progress| {
                let found =
                    Body::read(&place).map_err(|why| format!("These bytes cannot be read: {why}"));
                Ok(Box::new(Made::Body(Box::new(found))) as Answer)
            }),
        });
        self.jobs.replace(&mut slot, job);
        if let Some(store) = self.state.store_mut(id) {
            store.preview.body.job = slot;
            store.preview.looking = slot;
        }
    }

    /// Looks at a part of the value on show by itself; the path is that of its line.
    pub(crate) fn look_inside(&mut self, id: StoreId, node: NodeId, path: &[usize]) {
        let Some(store) = self.state.store_mut(id) else {
            return;
        };
        let preview = &mut store.preview;
        let tree = match preview.inside.of {
            Some(_) => &preview.inside.tree,
            None => &preview.tree,
        };
        let steps = std::mem::take(&mut preview.inside.steps) + &tree.steps(path);
        let Some(whole) = preview.on_show().cloned() else {
            return;
        };
        let found = preview.found.as_ref();
        let Some(key) = found.map(|found| found.entry.clone()) else {
            return;
        };
        let mut slot = preview.inside.job.take();
        preview.inside = Insiding::new(node, steps);
        let info = Arc::clone(&store.info);
        let job = Job::Outside(Outside {
            title: "Looking into a value".to_owned(),
            work: Box::new(move |_cancel, _progress| {
                let look = || {
                    // joblib before 0.10 kept arrays in files beside the value.
                    let reader = Store::open(&info)?.open_value(&key)?;
                    Ok(whole.inside(node, &*reader.side_files, &Options::GLANCE))
                };
                let found: Result<Preview, Error> = look();
                let found = found.map_err(|error| error.to_string());
                Ok(Box::new(Made::Inside(Box::new(found))) as Answer)
            }),
        });
        self.jobs.replace(&mut slot, job);
        if let Some(store) = self.state.store_mut(id) {
            store.preview.inside.job = slot;
        }
    }

    /// Copies Python that loads the entry on show.
    pub(crate) fn copy_python(&mut self) {
        let Some(store) = self.state.shown() else {
            return;
        };
        let found = store.preview.current();
        let value = found.and_then(|found| found.value.as_ref().ok());
        let (Some(found), Some(value)) = (found, value.cloned()) else {
            return;
        };
        let (info, entry) = (Arc::clone(&store.info), found.entry.clone());
        self.jobs.start(Job::Outside(Outside {
            title: "Writing Python".to_owned(),
            work: Box::new(move |_cancel, _progress| {
                let write = || ops::snippet(&Store::open(&info)?, &entry, &value);
                let written = write().map_err(|error| error.to_string());
                Ok(Box::new(Made::Python(written)) as Answer)
            }),
        }));
    }

    /// Looks through the usual places of this computer.
    pub(crate) fn find_caches(&mut self) {
        let job = Job::Outside(Outside {
            title: "Looking for caches".to_owned(),
            work: Box::new(|cancel, progress| {
                let mut found = FoundCaches::default();
                find_on_this_computer(cancel, progress, &mut found)?;
                Ok(Box::new(Made::Caches(found)) as Answer)
            }),
        });
        self.jobs.replace(&mut self.state.finding, job);
    }

    /// Shows the dialog again, with what stands in the way; where another one is open by now, the reason alone.
    fn unsaved(&mut self, dialog: Dialog) {
        let why = match &dialog {
            Dialog::Save(saving) => saving.name.why(),
            Dialog::Picture(picturing) => picturing.name.why(),
            Dialog::Export(exporting) => exporting.name.why(),
            _ => return,
        };
        if self.state.dialog.is_none() {
            self.state.dialog = Some(dialog);
        } else {
            self.state.notices.push(why);
        }
    }

    /// Takes in what work of our own gave; what nobody waits for any more is dropped.
    pub(crate) fn made(&mut self, job: JobId, answer: Answer) {
        let Ok(made) = answer.downcast::<Made>() else {
            return;
        };
        match *made {
            Made::Report(path, Ok(entries)) => {
                let n = figures::counted(entries, "entry", "entries");
                let name = figures::shorten(&text::path(&path), 60);
                let folder = path.parent().map(Path::to_owned);
                let offer = folder.map(|folder| ("Open folder", Command::Reveal(folder)));
                self.state
                    .say(Toast::new(format!("{n} written to {name}"), offer));
            }
            Made::Saved(path) => {
                let name = figures::shorten(&text::path(&path), 60);
                let folder = path.parent().map(Path::to_owned);
                let offer = folder.map(|folder| ("Open folder", Command::Reveal(folder)));
                self.state
                    .say(Toast::new(format!("Saved as {name}"), offer));
            }
            Made::Report(_, Err(why)) | Made::Python(Err(why)) => self.state.notices.push(why),
            Made::Unsaved(dialog) => self.unsaved(*dialog),
            Made::Caches(found) => {
                self.state.finding = None;
                let n = figures::counted(found.stores.len() as u64, "cache", "caches");
                self.state.caches = Some(found);
                // Where they are not listed on screen, the end is said.
                let is_listed = matches!(self.state.dialog, Some(Dialog::Open(_)));
                if self.state.shown.is_some() && !is_listed {
                    let show = Command::Dialog(Some(DialogKind::Open));
                    let words = format!("The search is over: {n} found");
                    self.state.say(Toast::new(words, Some(("Show them", show))));
                }
            }
            Made::Body(found) => {
                if let Some(preview) = self.waiting(|preview| preview.body.job == Some(job)) {
                    preview.body.show(*found);
                }
            }
            Made::Inside(found) => {
                if let Some(preview) = self.waiting(|preview| preview.inside.job == Some(job)) {
                    preview.show_inside(*found);
                }
            }
            Made::Code(found) => {
                if let Some(preview) = self.waiting(|preview| preview.code.job == Some(job)) {
                    preview.code.found = Some(found);
                }
            }
            Made::Python(Ok(Some(lines))) => self.to_copy.push_back(lines),
            Made::Python(Ok(None)) => {
                let why = "No library of Python loads an entry of this kind by itself";
                self.state.notices.push(why.to_owned());
            }
        }
    }

    /// The entry panel that waits for an answer. Its job names it: two stores may hold entries of the same keys.
    fn waiting(&mut self, waits: impl Fn(&Previewing) -> bool) -> Option<&mut Previewing> {
        let mut previews = self.state.stores.iter_mut().map(|store| &mut store.preview);
        previews.find(|preview| waits(preview))
    }
}

impl Finds for FoundCaches {
    fn store(&mut self, store: Arc<StoreInfo>) {
        self.stores.push(store);
    }

    fn issue(&mut self, issue: Issue) {
        self.passed_over.push(issue);
    }
}
