//! Files that the window writes: reports, values, pictures; by the command line's own writers, off the UI thread.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use cachescope_core::Error;
use cachescope_core::formats::SaveAs;
use cachescope_core::jobs::{Answer, Job, Outside};
use cachescope_core::model::StoreInfo;
use cachescope_core::stores::Store;

use super::clear;
use super::command::{Export, PictureTo};
use super::outside::Made;
use super::picture;
use super::session::Session;
use super::state::naming::{self, Refusal};
use super::state::{Dialog, Exporting, Naming, Picturing, Saving, Toast};
use crate::cli::export::{self, Form, Request};
use crate::cli::{save_raw, write_value};

impl Session {
    /// What the export dialog offers at first: a page beside the store, named after it.
    pub(crate) fn exporting(&self) -> Exporting {
        let store = self.state.shown().map(|s| &s.info);
        let folder = store.map_or(Path::new(""), |info| info.folder_beside());
        let name = store.map_or_else(|| "cache".to_owned(), |info| info.title());
        let name = format!("{name}-report.html");
        Exporting {
            name: Naming::new(folder, &name),
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
        let preview = &store.preview;
        let found = preview.current()?;
        let value = preview.on_show();
        let fits = |form| value.is_some_and(|value| value.fits(form));
        let is_table = value.is_some_and(|v| v.table_handle.is_some());
        let form = match value {
            _ if fits(SaveAs::Npy) => Some(SaveAs::Npy),
            _ if is_table && fits(SaveAs::Csv) => Some(SaveAs::Csv),
            _ => None,
        };
        let root = preview.tree.value().map(|value| value.root());
        let body = preview.body.body.as_deref();
        let body = body.filter(|_| preview.body.of == root);
        let stored_ending = naming::ending_of_stored(found.value.as_ref().ok(), body);
        let name = store
            .selected()
            .and_then(|record| naming::of_key(&record.key_text()));
        let name = name.unwrap_or_else(|| format!("{}-value", store.info.title()));
        let mut name = Naming::new(store.info.folder_beside(), &name);
        // A key may be the name of such a file already.
        match form.map(SaveAs::word) {
            Some(ending) => name.turn_to(ending, ending),
            None => name.turn_to(&stored_ending, &stored_ending),
        }
        Some(Saving {
            name,
            form,
            stored_ending,
            store: Arc::clone(&store.info),
            entry: found.entry.clone(),
            value: value.cloned(),
        })
    }

    /// Writes the value on show into a file of its own.
    pub(crate) fn save(&mut self, path: PathBuf) {
        let Some(Dialog::Save(mut saving)) = self.state.dialog.take() else {
            return;
        };
        self.jobs.start(Job::Outside(Outside {
            title: "Saving a value".to_owned(),
            work: Box::new(move |cancel, _progress| {
                let stores = [Arc::clone(&saving.store)];
                let write = |out: &mut dyn std::io::Write| match (saving.form, &saving.value) {
                    (Some(form), Some(value)) => {
                        let saved = value.save(form, &|| cancel.is_cancelled(), out);
                        saved.and_then(whole)
                    }
                    // As the command line does it: numbers have no bytes of their own.
                    (None, _) => {
                        let reader = Store::open(&saving.store)?.open_value(&saving.entry)?;
                        save_raw(&reader, cancel, out).and_then(whole)
                    }
                    _ => Err(Error::unavailable(
                        "Cannot save the value",
                        "it could not be read",
                    )),
                };
                let saved = written(&saving.name, &path, &stores, write);
                cancel.check()?;
                let made = match saved {
                    Ok(()) => Made::Saved(path),
                    Err(why) => {
                        saving.name.refuse(path, why);
                        Made::Unsaved(Box::new(Dialog::Save(saving)))
                    }
                };
                Ok(Box::new(made) as Answer)
            }),
        }));
    }

    /// A name that the system's dialog gave.
    pub(crate) fn named(&mut self, path: &Path) {
        if let Some(Dialog::Save(saving)) = &mut self.state.dialog {
            saving.name.path = path.to_string_lossy().into_owned();
        }
        if let Some(Dialog::Picture(picturing)) = &mut self.state.dialog {
            picturing.name.path = path.to_string_lossy().into_owned();
        }
        if let Some(Dialog::Export(exporting)) = &mut self.state.dialog {
            exporting.name.path = path.to_string_lossy().into_owned();
            exporting.form = Form::of_name(path).unwrap_or(exporting.form);
        }
    }

    /// Takes in a picture: asks for the name of its file, or hands it back for the clipboard.
    pub(crate) fn pictured(&mut self, taken: picture::Taken) -> Option<egui::ColorImage> {
        let picture::Taken { of, image } = taken;
        match of.to {
            PictureTo::Clipboard => {
                let words = format!("Copied a picture of the {}", of.chart.to_lowercase());
                self.state.say(Toast::new(words, None));
                Some(image)
            }
            PictureTo::File => {
                let store = self.state.shown().map(|s| &s.info);
                let folder = store.map_or(Path::new(""), |info| info.folder_beside());
                let name = format!("{}.png", of.chart.to_lowercase().replace(' ', "-"));
                let name = Naming::new(folder, &name);
                self.state.dialog = Some(Dialog::Picture(Picturing { name, image }));
                None
            }
        }
    }

    /// Writes the picture in the dialog as PNG.
    pub(crate) fn save_picture(&mut self, path: PathBuf) {
        let Some(Dialog::Picture(mut picturing)) = self.state.dialog.take() else {
            return;
        };
        let stores: Vec<_> = self
            .state
            .stores
            .iter()
            .map(|s| Arc::clone(&s.info))
            .collect();
        self.jobs.start(Job::Outside(Outside {
            title: "Saving a picture".to_owned(),
            work: Box::new(move |_cancel, _progress| {
                let png = picture::png(&picturing.image);
                let write = |out: &mut dyn std::io::Write| {
                    png.and_then(|png| out.write_all(&png).map_err(|why| why.to_string()))
                        .map_err(|why| Error::unavailable("Cannot save the picture", why))
                };
                let saved = written(&picturing.name, &path, &stores, write);
                let made = match saved {
                    Ok(()) => Made::Saved(path),
                    Err(why) => {
                        picturing.name.refuse(path, why);
                        Made::Unsaved(Box::new(Dialog::Picture(picturing)))
                    }
                };
                Ok(Box::new(made) as Answer)
            }),
        }));
    }

    fn write_report(&mut self, path: PathBuf) {
        let Some(Dialog::Export(mut exporting)) = self.state.dialog.take() else {
            return;
        };
        let Some(info) = self.state.shown().map(|s| Arc::clone(&s.info)) else {
            return;
        };
        let options = match clear::options(&self.state.rules()) {
            Ok(options) => options,
            Err(why) => return self.state.notices.push(why),
        };
        let request = Request {
            stores: vec![info],
            unopened: Vec::new(),
            own: self.own.clone(),
            query: self.state.query.parsed().clone(),
            typed: self.state.query.in_force().to_owned(),
            options,
            form: exporting.form,
            now: (self.clock)(),
        };
        self.jobs.start(Job::Outside(Outside {
            title: "Writing a report".to_owned(),
            work: Box::new(move |cancel, _progress| {
                // Asked before anything is read: the report of a large store takes its time.
                if !exporting.name.is_taken() && is_there(&path) {
                    exporting.name.refuse(path, Refusal::Taken);
                    let dialog = Dialog::Export(exporting);
                    return Ok(Box::new(Made::Unsaved(Box::new(dialog))) as Answer);
                }
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
}

/// What was cut short is not kept under the name of what was to be saved.
fn whole(is_whole: bool) -> cachescope_core::Result<()> {
    if is_whole {
        Ok(())
    } else {
        Err(Error::cancelled())
    }
}

/// True where something stands under that name, if only a link that leads nowhere.
fn is_there(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

/// Writes a value, onto an older file only where that was agreed to.
fn written(
    naming: &Naming,
    path: &Path,
    stores: &[Arc<StoreInfo>],
    write: impl FnOnce(&mut dyn std::io::Write) -> cachescope_core::Result<()>,
) -> Result<(), Refusal> {
    if !naming.is_taken() && is_there(path) {
        return Err(Refusal::Taken);
    }
    write_value(path, stores, write)
        .map(drop)
        .map_err(|failure| Refusal::Failed(failure.message().unwrap_or_default().to_owned()))
}
