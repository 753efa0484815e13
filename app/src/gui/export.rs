//! Reports and saved files from the window: the same writers as on the command line, off the UI thread.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use cachescope_core::Error;
use cachescope_core::formats::SaveAs;
use cachescope_core::jobs::{Answer, Job, Outside};
use cachescope_core::model::{EntryId, Issue, NodeId, StoreId, StoreInfo, text};
use cachescope_core::scan::{Finds, find_on_this_computer};

use super::body::Body;
use super::clear;
use super::command::{Command, Export};
use super::session::Session;
use super::state::{Bodying, Dialog, Exporting, OpenStore, Saving, Toast};
use crate::cli::export::{self, Form, Request};
use crate::text as figures;

/// What work of our own gave.
pub(crate) enum Made {
    /// A report: its file, or why there is none.
    Report(PathBuf, Result<u64, String>),
    /// Caches in the usual places of this computer.
    Caches(Vec<Arc<StoreInfo>>),
    /// The value of an entry: its file, or why there is none.
    Saved(PathBuf, Result<(), String>),
    /// What text or bytes inside a value are: of which entry and node, or why that cannot be told.
    Body(EntryId, NodeId, Box<Result<Body, String>>),
}

impl Session {
    /// What the export dialog offers at first: a page beside the store, named after it.
    pub(crate) fn exporting(&self) -> Exporting {
        let store = self.state.shown().map(|s| &s.info);
        let folder = store.and_then(|info| info.path.parent());
        let name = store.map_or_else(|| "cache".to_owned(), |info| info.title());
        let name = format!("{name}-report.html");
        let path = folder.map_or_else(|| PathBuf::from(&name), |folder| folder.join(&name));
        Exporting {
            path: path.to_string_lossy().into_owned(),
            form: Form::Html,
        }
    }

    pub(crate) fn export(&mut self, export: Export) {
        match export {
            Export::Browse(name) => self.dialogs.ask_name(name),
            Export::Write(path) => self.write_report(path),
        }
    }

    /// What the save dialog offers at first; `None` where no value was read.
    pub(crate) fn saving(&self) -> Option<Saving> {
        let store = self.state.shown()?;
        let found = store.preview.found.as_ref()?;
        let value = found.value.as_ref().ok();
        let is_array = value.is_some_and(|v| v.array_handle.is_some());
        let is_table = value.is_some_and(|v| v.table_handle.is_some());
        let (form, ending) = match (is_array, is_table) {
            (true, _) => (Some(SaveAs::Npy), "npy"),
            (false, true) => (Some(SaveAs::Csv), "csv"),
            (false, false) => (None, "raw"),
        };
        let path = store.info.path.parent().unwrap_or(Path::new(""));
        let path = path.join(format!("{}-value.{ending}", store.info.title()));
        Some(Saving {
            path: path.to_string_lossy().into_owned(),
            form,
            is_array,
        })
    }

    /// Writes the value on show into a file of its own.
    pub(crate) fn save(&mut self, path: PathBuf) {
        let Some(Dialog::Save(Saving { form, .. })) = self.state.dialog.take() else {
            return;
        };
        let Some(store) = self.state.shown() else {
            return;
        };
        let Some(found) = store.preview.found.as_deref() else {
            return;
        };
        let stores = [Arc::clone(&store.info)];
        let value = found.value.as_ref().ok().cloned();
        let stored = found.stored.clone();
        self.jobs.start(Job::Outside(Outside {
            title: "Saving a value".to_owned(),
            work: Box::new(move |cancel, _progress| {
                let write = |out: &mut dyn std::io::Write| match (form, value, stored) {
                    (Some(form), Some(value), _) => {
                        value.save(form, &|| cancel.is_cancelled(), out).map(drop)
                    }
                    (None, _, Some(stored)) => stored
                        .open(0)
                        .and_then(|mut bytes| std::io::copy(&mut bytes, out))
                        .map(drop)
                        .map_err(|why| {
                            Error::unavailable("Cannot save the bytes", why.to_string())
                        }),
                    _ => Err(Error::unavailable(
                        "Cannot save the value",
                        "it could not be read",
                    )),
                };
                let saved = export::write_value(&path, &stores, write);
                cancel.check()?;
                let why =
                    |failure: crate::cli::Failure| failure.message().unwrap_or_default().to_owned();
                Ok(Box::new(Made::Saved(path, saved.map_err(why))) as Answer)
            }),
        }));
    }

    /// A name that the system's dialog gave.
    pub(crate) fn named(&mut self, path: &Path) {
        if let Some(Dialog::Save(saving)) = &mut self.state.dialog {
            saving.path = path.to_string_lossy().into_owned();
        }
        if let Some(Dialog::Export(exporting)) = &mut self.state.dialog {
            exporting.path = path.to_string_lossy().into_owned();
            exporting.form = Form::of_name(path).unwrap_or(exporting.form);
        }
    }

    fn write_report(&mut self, path: PathBuf) {
        let Some(Dialog::Export(exporting)) = self.state.dialog.take() else {
            return;
        };
        let Some(info) = self.state.shown().map(|s| Arc::clone(&s.info)) else {
            return;
        };
        let options = match clear::options(&self.state.saved.rules) {
            Ok(options) => options,
            Err(why) => return self.state.notices.push(why),
        };
        let request = Request {
            stores: vec![info],
            query: self.state.query.parsed().clone(),
            typed: self.state.query.text().to_owned(),
            options,
            form: exporting.form,
            now: (self.clock)(),
        };
        self.jobs.start(Job::Outside(Outside {
            title: "Writing a report".to_owned(),
            work: Box::new(move |cancel, _progress| {
                let written = export::write_file(&request, &path, cancel);
                cancel.check()?;
                let written = written.map(|written| written.entries);
                let why = |failure: crate::cli::Failure| {
                    failure
                        .message()
                        .unwrap_or("the reader went away")
                        .to_owned()
                };
                let made = Made::Report(path, written.map_err(why));
                Ok(Box::new(made) as Answer)
            }),
        }));
    }

    /// Finds out what text or bytes inside the value on show are; `None` goes back to the value.
    pub(crate) fn look_into(&mut self, id: StoreId, node: Option<NodeId>) {
        let Some(store) = self.state.store_mut(id) else {
            return;
        };
        let preview = &mut store.preview;
        if let Some(old) = preview.body.job {
            self.jobs.cancel(old);
        }
        preview.body = node.map_or_else(Bodying::default, Bodying::new);
        let place = node.and_then(|node| preview.place(node));
        let (Some(node), Some(place), Some((entry, _))) = (node, place, preview.of) else {
            return;
        };
        let job = self.jobs.start(Job::Outside(Outside {
            title: "Looking into a value".to_owned(),
            work: Box::new(move |_cancel, _progress| {
                let found =
                    Body::read(&place).map_err(|why| format!("These bytes cannot be read: {why}"));
                Ok(Box::new(Made::Body(entry, node, Box::new(found))) as Answer)
            }),
        }));
        if let Some(store) = self.state.store_mut(id) {
            store.preview.body.job = Some(job);
        }
    }

    /// Looks through the usual places of this computer.
    pub(crate) fn find_caches(&mut self) {
        let job = Job::Outside(Outside {
            title: "Looking for caches".to_owned(),
            work: Box::new(|cancel, progress| {
                let mut found = Found::default();
                find_on_this_computer(cancel, progress, &mut found)?;
                Ok(Box::new(Made::Caches(found.0)) as Answer)
            }),
        });
        self.jobs.replace(&mut self.state.finding, job);
    }

    /// Takes in what work of our own gave.
    pub(crate) fn made(&mut self, answer: Answer) {
        let Ok(made) = answer.downcast::<Made>() else {
            return;
        };
        match *made {
            Made::Report(path, Ok(entries)) => {
                let n = figures::counted(entries, "entry", "entries");
                let name = figures::shorten(&text::path(&path), 60);
                let folder = path.parent().map(Path::to_owned);
                let offer = folder.map(|folder| ("Open folder", Command::Reveal(folder)));
                self.state.toast = Some(Toast::new(format!("{n} written to {name}"), offer));
            }
            Made::Saved(path, Ok(())) => {
                let name = figures::shorten(&text::path(&path), 60);
                let folder = path.parent().map(Path::to_owned);
                let offer = folder.map(|folder| ("Open folder", Command::Reveal(folder)));
                self.state.toast = Some(Toast::new(format!("Saved as {name}"), offer));
            }
            Made::Report(_, Err(why)) | Made::Saved(_, Err(why)) => {
                self.state.notices.push(why);
            }
            Made::Caches(found) => {
                self.state.finding = None;
                self.state.caches = Some(found);
            }
            Made::Body(entry, node, found) => {
                let is_wanted = |s: &&mut OpenStore| {
                    s.preview.of.is_some_and(|(of, _)| of == entry)
                        && s.preview.body.of == Some(node)
                };
                if let Some(store) = self.state.stores.iter_mut().find(is_wanted) {
                    store.preview.body.show(*found);
                }
            }
        }
    }
}

/// What a search found.
#[derive(Default)]
struct Found(Vec<Arc<StoreInfo>>);

impl Finds for Found {
    fn store(&mut self, store: Arc<StoreInfo>) {
        self.0.push(store);
    }

    /// A place that may not be looked into is no cache that could be opened.
    fn issue(&mut self, _issue: Issue) {}
}
