//! What one watcher counts, written page by page.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use super::super::{Earned, Event, EventKind};
use super::page::{EntryEarned, Page};
use super::{ENTRIES, day_of, folder_of, zoned};
use crate::model::{EntryKey, Time, text};
use crate::own::StateDir;
use crate::stores::Counted;
use crate::{Error, Result};

/// What was counted is written at most this much later.
const PERIOD: Duration = Duration::from_secs(10);

/// What one watcher counts and keeps.
#[derive(Debug)]
pub(crate) struct Book {
    state: StateDir,
    /// Told apart from the files of other watchers, in this process and in others.
    writer: String,
    store: PathBuf,
    page: Page,
    entries: HashMap<EntryKey, Earned>,
    /// When what was counted is to be written; `None` while all of it is.
    due: Option<Instant>,
}

impl Book {
    pub(crate) fn open(state: StateDir, store: &Path, kind: &str) -> Self {
        static WATCHERS: AtomicU32 = AtomicU32::new(0);
        let n = WATCHERS.fetch_add(1, Ordering::Relaxed);
        let started = Time::now().packed();
        Self {
            state,
            writer: format!("{}-{started:x}-{n}", std::process::id()),
            store: store.to_owned(),
            page: Page {
                store: text::from_bytes(store.as_os_str().as_encoded_bytes()).into_owned(),
                kind: kind.to_owned(),
                ..Page::default()
            },
            entries: HashMap::new(),
            due: None,
        }
    }

    /// Counts an event, if it is an observed look-up.
    pub(crate) fn count(&mut self, event: &Event, since: Time, is_lower_bound: bool) {
        let is_lookup = matches!(event.kind, EventKind::Hit | EventKind::Miss);
        let Some(entry) = &event.entry else { return };
        if !is_lookup || event.source != Counted::Observed {
            return;
        }
        let day = day_of(event.time);
        if day != self.page.day {
            self.turn_to(day, since.max(midnight_before(event.time)));
        }
        self.page.is_lower_bound |= is_lower_bound;
        self.page.total.count(event);
        let group = text::from_bytes(&entry.group);
        self.page
            .groups
            .entry(group.into_owned())
            .or_default()
            .count(event);
        if self.entries.len() < ENTRIES || self.entries.contains_key(entry) {
            self.entries.entry(entry.clone()).or_default().count(event);
        }
        self.due.get_or_insert_with(|| Instant::now() + PERIOD);
    }

    fn turn_to(&mut self, day: String, since: Time) {
        // What cannot be kept was counted all the same, and is on screen.
        self.write().ok();
        self.entries.clear();
        self.page = Page {
            store: std::mem::take(&mut self.page.store),
            kind: std::mem::take(&mut self.page.kind),
            since: since.secs(),
            day,
            ..Page::default()
        };
    }

    /// When it is time to write.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Writes what was counted since the last time, if anything was.
    ///
    /// # Errors
    /// If Cachescope's own folder takes it not.
    pub(crate) fn write(&mut self) -> Result<()> {
        if self.due.take().is_none() {
            return Ok(());
        }
        self.page.until = Time::now().secs();
        self.page.entries = self
            .entries
            .iter()
            .map(|(entry, earned)| EntryEarned {
                entry: entry.clone(),
                earned: *earned,
            })
            .collect();
        let bytes = serde_json::to_vec(&self.page)
            .map_err(|e| Error::damaged("Cannot keep what the cache earned", e.to_string()))?;
        // Of one day there are several pages where the clock goes back to it: over midnight, or on the way west.
        let Page { day, since, .. } = &self.page;
        let name = format!("{day}-{since:x}-{}.json", self.writer);
        self.state.write(&folder_of(&self.store), &name, &bytes)
    }

    /// The watch ends: its window reaches until now.
    pub(crate) fn close(&mut self) {
        if self.page.total != Earned::default() {
            self.due = Some(Instant::now());
            self.write().ok();
        }
    }
}

fn midnight_before(time: Time) -> Time {
    let midnight = zoned(time).and_then(|here| here.start_of_day().ok());
    midnight.map_or(time, |at| Time::from_unix(at.timestamp().as_second(), 0))
}
