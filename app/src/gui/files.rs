//! Files that the window writes: reports, values, pictures; by the command line's own writers, off the UI thread.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use cachescope_core::Error;
use cachescope_core::formats::SaveAs;
use cachescope_core::jobs::{Answer, Job, Outside};
use cachescope_core::stores::Store;

use super::clear;
use super::command::Export;
use super::outside::Made;
use super::picture;
use super::session::Session;
use super::state::{Dialog, Exporting, Picturing, Saving, Toast};
use super::widgets::picture::To;
use crate::cli::export::{self, Form, Request};
use crate::cli::{save_raw, write_value};

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
        store.preview.current()?;
        let value = store.preview.on_show();
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
        let Some(found) = store.preview.current() else {
            return;
        };
        let stores = [Arc::clone(&store.info)];
        let value = store.preview.on_show().cloned();
        let (info, entry) = (Arc::clone(&store.info), found.entry.clone());
        self.jobs.start(Job::Outside(Outside {
            title: "Saving a value".to_owned(),
            work: Box::new(move |cancel, _progress| {
                let write = |out: &mut dyn std::io::Write| match (form, value) {
                    (Some(form), Some(value)) => {
                        let saved = value.save(form, &|| cancel.is_cancelled(), out);
                        saved.and_then(whole)
                    }
                    // As the command line does it: numbers have no bytes of their own.
                    (None, _) => {
                        let reader = Store::open(&info)?.open_value(&entry)?;
                        save_raw(&reader, cancel, out).and_then(whole)
                    }
                    _ => Err(Error::unavailable(
                        "Cannot save the value",
                        "it could not be read",
                    )),
                };
                let saved = write_value(&path, &stores, write);
                cancel.check()?;
                let why =
                    |failure: crate::cli::Failure| failure.message().unwrap_or_default().to_owned();
                Ok(Box::new(Made::Saved(path, saved.map(drop).map_err(why))) as Answer)
            }),
        }));
    }

    /// A name that the system's dialog gave.
    pub(crate) fn named(&mut self, path: &Path) {
        if let Some(Dialog::Save(saving)) = &mut self.state.dialog {
            saving.path = path.to_string_lossy().into_owned();
        }
        if let Some(Dialog::Picture(picturing)) = &mut self.state.dialog {
            picturing.path = path.to_string_lossy().into_owned();
        }
        if let Some(Dialog::Export(exporting)) = &mut self.state.dialog {
            exporting.path = path.to_string_lossy().into_owned();
            exporting.form = Form::of_name(path).unwrap_or(exporting.form);
        }
    }

    /// Takes in a picture: asks for the name of its file, or hands it back for the clipboard.
    pub(crate) fn pictured(&mut self, taken: picture::Taken) -> Option<egui::ColorImage> {
        let picture::Taken { of, image } = taken;
        match of.to {
            To::Clipboard => {
                let words = format!("Copied a picture of the {}", of.chart.to_lowercase());
                self.state.toast = Some(Toast::new(words, None));
                Some(image)
            }
            To::File => {
                let store = self.state.shown().map(|s| &s.info.path);
                let folder = store
                    .and_then(|path| path.parent())
                    .unwrap_or(Path::new(""));
                let name = format!("{}.png", of.chart.to_lowercase().replace(' ', "-"));
                let path = folder.join(name).to_string_lossy().into_owned();
                self.state.dialog = Some(Dialog::Picture(Picturing { path, image }));
                None
            }
        }
    }

    /// Writes the picture in the dialog as PNG.
    pub(crate) fn save_picture(&mut self, path: PathBuf) {
        let Some(Dialog::Picture(picturing)) = self.state.dialog.take() else {
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
                let saved = write_value(&path, &stores, write);
                let why =
                    |failure: crate::cli::Failure| failure.message().unwrap_or_default().to_owned();
                Ok(Box::new(Made::Saved(path, saved.map(drop).map_err(why))) as Answer)
            }),
        }));
    }

    fn write_report(&mut self, path: PathBuf) {
        let Some(Dialog::Export(exporting)) = self.state.dialog.take() else {
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
}

/// What was cut short is not kept under the name of what was to be saved.
fn whole(is_whole: bool) -> cachescope_core::Result<()> {
    if is_whole {
        Ok(())
    } else {
        Err(Error::cancelled())
    }
}
