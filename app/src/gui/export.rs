//! Reports and saved files from the window: the same writers as on the command line, off the UI thread.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use cachescope_core::jobs::{Answer, Job, Outside};
use cachescope_core::model::text;

use super::clear;
use super::command::{Command, Export};
use super::session::Session;
use super::state::{Dialog, Exporting, Toast};
use crate::cli::export::{self, Form, Request};
use crate::text as figures;

/// What work of our own gave.
pub(crate) enum Made {
    /// A report: its file, or why there is none.
    Report(PathBuf, Result<u64, String>),
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
            Export::Browse(form) => {
                let name = format!("report.{}", form.ending());
                self.dialogs.ask_name(name);
            }
            Export::Write(path) => self.write_report(path),
        }
    }

    /// A name that the system's dialog gave.
    pub(crate) fn named(&mut self, path: &Path) {
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
            Made::Report(_, Err(why)) => self.state.notices.push(why),
        }
    }
}
