//! Giving dead space back, as the window drives it: what it would gain is shown before anything changes.

use std::sync::Arc;

use cachescope_core::Error;
use cachescope_core::clear::compact::{Gain, Word};
use cachescope_core::jobs::{Job, JobId, Prediction};
use cachescope_core::model::{StoreId, StoreInfo};

use super::command::CompactCommand;
use super::session::Session;
use super::state::{CompactStage, Compacting, Dialog, Toast};
use crate::text;

impl Session {
    pub(crate) fn compact(&mut self, command: CompactCommand) {
        match command {
            CompactCommand::Ask(id) => self.ask_compact(id),
            CompactCommand::Confirm => self.confirm_compact(),
        }
    }

    fn ask_compact(&mut self, id: StoreId) {
        let Some(store) = self.state.store(id) else {
            return;
        };
        let store = Arc::clone(&store.info);
        let job = self.jobs.start(Job::Compact {
            store: Arc::clone(&store),
            word: None,
        });
        self.state.dialog = Some(Dialog::Compact(Compacting {
            store,
            job: Some(job),
            stage: CompactStage::Predicting,
            is_unused: false,
        }));
    }

    fn confirm_compact(&mut self) {
        let Some(Dialog::Compact(compacting)) = &mut self.state.dialog else {
            return;
        };
        let word = if compacting.is_unused {
            Word::NoProgramUsesIt
        } else {
            Word::NotGiven
        };
        compacting.stage = CompactStage::Working;
        compacting.job = Some(self.jobs.start(Job::Compact {
            store: Arc::clone(&compacting.store),
            word: Some(word),
        }));
    }

    pub(crate) fn predicted(&mut self, job: JobId, prediction: Prediction) {
        if let Some(compacting) = self.compacting(job) {
            compacting.stage = CompactStage::Ready(prediction);
        }
    }

    /// It is done, whether its dialog is still there or not.
    pub(crate) fn compacted(&mut self, job: JobId, info: &StoreInfo, gain: Gain) {
        if self.compacting(job).is_some() {
            self.state.dialog = None;
        }
        let title = info.title();
        let title = cachescope_core::model::text::shown(&title);
        let words = match gain.bytes() {
            0 => format!("{title} had no dead space to give back"),
            bytes => format!(
                "{title} compacted: {} given back, now {}",
                text::bytes(bytes),
                text::bytes(gain.bytes_after)
            ),
        };
        self.state.toast = Some(Toast::new(words, None));
        self.refresh(info.id);
    }

    /// A job of the compact dialog failed; true if the dialog says so.
    pub(crate) fn compacting_failed(&mut self, job: JobId, error: &Error) -> bool {
        let Some(compacting) = self.compacting(job) else {
            return false;
        };
        compacting.stage = CompactStage::Failed(if error.is_cancelled() {
            "Stopped; the store is as it was".to_owned()
        } else {
            error.to_string()
        });
        true
    }

    fn compacting(&mut self, job: JobId) -> Option<&mut Compacting> {
        match &mut self.state.dialog {
            Some(Dialog::Compact(compacting)) if compacting.job == Some(job) => Some(compacting),
            _ => None,
        }
    }
}
