//! The code behind an entry beside today's source: looked up and compared off the UI thread.

use std::path::Path;
use std::sync::Arc;

use cachescope_core::jobs::{Answer, Job, Outside};
use cachescope_core::model::{EntryId, EntryKey, StoreInfo};
use cachescope_core::stores::{SourceToday, Store};

use super::outside::Made;
use super::session::Session;
use super::state::{Coded, Coding, OpenStore};
use crate::difference;

impl Session {
    /// Looks for the function of the entry on show in the folder that the rules name, or where its name says.
    pub(crate) fn compare_code(&mut self) {
        let folder = self.state.rules().source.trim().to_owned();
        let Some(store) = self.state.shown_mut() else {
            return;
        };
        let Some(entry) = store.preview.found.as_ref().map(|f| f.entry.clone()) else {
            return;
        };
        let info = Arc::clone(&store.info);
        let (id, asked) = (entry.id(), folder.clone());
        let job = Job::Outside(Outside {
            title: "Comparing code".to_owned(),
            work: Box::new(move |_cancel, _progress| {
                let found = compared(&info, &entry, &folder).map_err(|error| error.to_string());
                Ok(Box::new(Made::Code(id, folder, found)) as Answer)
            }),
        });
        let mut slot = store.preview.code.job.take();
        self.jobs.replace(&mut slot, job);
        if let (Some(store), Some(job)) = (self.state.shown_mut(), slot) {
            store.preview.code = Coding::new(&asked, job);
        }
    }

    /// Takes in what was found, if it is still asked for.
    pub(super) fn compared_code(
        &mut self,
        entry: EntryId,
        folder: &str,
        found: Result<Coded, String>,
    ) {
        let is_wanted = |store: &&mut OpenStore| {
            let preview = &store.preview;
            let is_of = preview
                .found
                .as_ref()
                .is_some_and(|f| f.entry.id() == entry);
            is_of && preview.code.asked.as_deref() == Some(folder)
        };
        if let Some(store) = self.state.stores.iter_mut().find(is_wanted) {
            store.preview.code.found = Some(found);
        }
    }
}

fn compared(
    info: &Arc<StoreInfo>,
    entry: &EntryKey,
    folder: &str,
) -> cachescope_core::Result<Coded> {
    let store = Store::open(info)?;
    let folder = Some(Path::new(folder)).filter(|folder| !folder.as_os_str().is_empty());
    let today = store.source_today(entry, folder)?;
    let today = today.unwrap_or_else(|| SourceToday {
        says: "No source is kept for this entry".to_owned(),
        found: None,
    });
    let cached = store.details(entry)?.source;
    let rows = match (&cached, &today.found) {
        (Some(cached), Some(found)) => difference::rows(&cached.text, &found.text),
        _ => Vec::new(),
    };
    Ok(Coded { today, rows })
}
