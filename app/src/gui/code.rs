//! The code behind an entry beside today's source: looked up and compared off the UI thread.

use std::path::Path;
use std::sync::Arc;

use cachescope_core::jobs::{Answer, Job, Outside};
use cachescope_core::model::{EntryKey, StoreInfo};
use cachescope_core::stores::{SourceToday, Store};

use super::outside::Made;
use super::session::Session;
use super::state::{Coded, Coding};
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
        let asked = folder.clone();
        let job = Job::Outside(Outside {
            title: "Comparing code".to_owned(),
            work: Box::new(move |_cancel, _progress| {
                let found = compared(&info, &entry, &folder).map_err(|error| error.to_string());
                Ok(Box::new(Made::Code(found)) as Answer)
            }),
        });
        let mut slot = store.preview.code.job.take();
        self.jobs.replace(&mut slot, job);
        if let (Some(store), Some(job)) = (self.state.shown_mut(), slot) {
            store.preview.code = Coding::new(&asked, job);
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
