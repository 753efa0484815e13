//! What caches earned while they were watched: a small file for each store, day and watcher, summed when read, and added
//! up by month later on.
//!
//! Each watcher writes a file of its own, so that several Cachescopes never write the same one. What several see at the
//! same time happened once: of windows that overlap only those are summed that together saw most.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::page::{EntryEarned, Page, apart};
use super::state::file_name_for;
use super::{StateDir, month};
use crate::model::{EntryKey, StoreInfo, Time, text};
use crate::stores::{self, Counted, Counters, Follow};
use crate::watch::{Event, EventKind, Seen};
use crate::{Error, Result};

pub(super) const FOLDER: &str = "earned";
/// What was counted is written at most this much later.
const PERIOD: Duration = Duration::from_secs(10);
/// Entries that one file remembers singly; of the others the group's sums remain.
pub(super) const ENTRIES: usize = 10_000;
/// A larger file is not one of ours.
pub(super) const MAX_BYTES: u64 = 16 << 20;

/// Look-ups and what they spared.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Earned {
    /// Look-ups that found a value.
    pub hits: u64,
    /// Look-ups that did not.
    pub misses: u64,
    /// Seconds of computing that the hits spared, at most: what loading took is not known from outside.
    pub saved_s: f64,
    /// Hits of values whose compute time is not recorded; what they spared is not in the sum.
    pub n_untimed: u64,
    /// The newest hit, in seconds since 1970; 0 for none.
    pub(crate) last_hit: i64,
}

impl Earned {
    /// Counts a look-up.
    pub fn count(&mut self, event: &Event) {
        if event.kind != EventKind::Hit {
            self.misses = self.misses.saturating_add(event.n);
            return;
        }
        self.hits = self.hits.saturating_add(event.n);
        self.last_hit = self.last_hit.max(event.time.secs());
        match event.saved_s() {
            Some(saved) => self.saved_s += saved,
            None => self.n_untimed = self.n_untimed.saturating_add(event.n),
        }
    }

    /// Adds what is seen of the same in this run.
    pub fn see(&mut self, seen: &Seen) {
        self.add(&Self {
            hits: seen.hits,
            misses: seen.misses,
            saved_s: seen.saved_s,
            n_untimed: seen.n_untimed,
            last_hit: seen.last_hit.map_or(0, Time::secs),
        });
    }

    /// Adds what was earned at another time.
    pub fn add(&mut self, other: &Self) {
        self.hits = self.hits.saturating_add(other.hits);
        self.misses = self.misses.saturating_add(other.misses);
        self.saved_s += other.saved_s;
        self.n_untimed = self.n_untimed.saturating_add(other.n_untimed);
        self.last_hit = self.last_hit.max(other.last_hit);
    }

    /// The newest hit.
    pub fn last_hit(&self) -> Option<Time> {
        (self.last_hit > 0).then(|| Time::from_unix(self.last_hit, 0))
    }
}

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
        let folder = format!("{FOLDER}/{}", file_name_for(&self.store));
        // Of one day there are several pages where the clock goes back to it: over midnight, or on the way west.
        let Page { day, since, .. } = &self.page;
        let name = format!("{day}-{since:x}-{}.json", self.writer);
        self.state.write(&folder, &name, &bytes)
    }

    /// The watch ends: its window reaches until now.
    pub(crate) fn close(&mut self) {
        if self.page.total != Earned::default() {
            self.due = Some(Instant::now());
            self.write().ok();
        }
    }
}

/// What a store earned while it was watched, by all that was kept.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct History {
    /// All together.
    pub total: Earned,
    /// Since when look-ups were counted.
    pub since: Option<Time>,
    /// Seconds of watching.
    pub watched_s: f64,
    /// More look-ups may have happened in that time.
    pub is_lower_bound: bool,
    /// By day, oldest first.
    pub days: BTreeMap<String, Earned>,
    /// By the group's locator.
    pub groups: HashMap<Box<[u8]>, Earned>,
    /// By entry.
    pub entries: HashMap<EntryKey, Earned>,
}

impl History {
    /// Reads what was kept of the store; what cannot be read counts as not kept.
    pub fn read(state: &StateDir, store: &Path) -> Self {
        month::history_in(&state.path().join(FOLDER).join(file_name_for(store)))
    }

    /// Adds what watchers wrote of days.
    pub(super) fn add_pages(&mut self, pages: impl IntoIterator<Item = Page>) {
        let mut days: BTreeMap<String, Vec<Page>> = BTreeMap::new();
        for page in pages {
            days.entry(page.day.clone()).or_default().push(page);
        }
        for pages in days.into_values() {
            let (chosen, others) = apart(pages);
            // A window that reached further may have seen what the chosen ones did not.
            let is_seen = |other: &Page| chosen.iter().any(|page| page.spans(other));
            self.is_lower_bound |= !others.iter().all(is_seen);
            for page in chosen {
                self.add(page);
            }
        }
    }

    fn add(&mut self, page: Page) {
        self.total.add(&page.total);
        let since = Time::from_unix(page.since, 0);
        self.since = Some(self.since.map_or(since, |known| known.min(since)));
        self.watched_s += Time::from_unix(page.since, 0).age_secs(Time::from_unix(page.until, 0));
        self.is_lower_bound |= page.is_lower_bound;
        self.days.entry(page.day).or_default().add(&page.total);
        for (group, earned) in page.groups {
            self.groups
                .entry(group.into_bytes().into())
                .or_default()
                .add(&earned);
        }
        for EntryEarned { entry, earned } in page.entries {
            self.entries.entry(entry).or_default().add(&earned);
        }
    }

    /// As one of the store's counters; `None` where nothing was counted.
    pub fn counters(&self) -> Option<Counters> {
        Some(Counters {
            source: Counted::Observed,
            since: Some(self.since?),
            hits: self.total.hits,
            misses: self.total.misses,
            is_lower_bound: self.is_lower_bound,
        })
    }
}

impl StateDir {
    /// What is known here of the look-ups in the store: reported by probes, and observed while it was watched.
    pub fn counters(&self, store: &StoreInfo) -> Vec<Counters> {
        let observed = History::read(self, &store.path).counters();
        self.reported(store).into_iter().chain(observed).collect()
    }

    /// What the probes of programs that `cachescope run` started told of the store.
    pub fn reported(&self, store: &StoreInfo) -> Option<Counters> {
        // Hundreds of files are read for it.
        let is_told = stores::follow_of(store.kind).is_ok_and(Follow::is_told_by_probes);
        is_told
            .then(|| stores::reported(&self.runs(), &store.path))
            .flatten()
    }
}

fn zoned(time: Time) -> Option<jiff::Zoned> {
    let time = jiff::Timestamp::from_second(time.secs()).ok()?;
    Some(time.to_zoned(jiff::tz::TimeZone::system()))
}

/// The day as people here count it.
pub fn day_of(time: Time) -> String {
    zoned(time).map_or_else(String::new, |here| here.date().to_string())
}

fn midnight_before(time: Time) -> Time {
    let midnight = zoned(time).and_then(|here| here.start_of_day().ok());
    midnight.map_or(time, |at| Time::from_unix(at.timestamp().as_second(), 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(kind: EventKind, key: &str, time: Time, duration_s: Option<f64>) -> Event {
        Event {
            entry: Some(EntryKey {
                group: b"m/f".as_slice().into(),
                key: key.as_bytes().into(),
                ordinal: 0,
            }),
            duration_s,
            ..Event::of_store(kind, time)
        }
    }

    #[test]
    fn two_days_add_up_and_what_two_watchers_saw_at_the_same_time_happened_once() {
        let temp = tempfile::tempdir().unwrap();
        let state = StateDir::at(temp.path());
        let store = Path::new("/c/joblib");
        let today = Time::now();
        let yesterday = Time::from_unix(today.secs() - 86_400, 0);
        let mut books = [0, 1].map(|_| Book::open(state.clone(), store, "joblib"));
        for book in &mut books {
            let mut count = |kind, key, time, duration_s| {
                book.count(&event(kind, key, time, duration_s), yesterday, false);
            };
            count(EventKind::Miss, "a", yesterday, Some(2.0));
            for _ in 0..3 {
                count(EventKind::Hit, "a", yesterday, Some(2.0));
            }
            count(EventKind::Hit, "b", today, None);
            book.close();
        }
        let history = History::read(&state, store);
        let total = history.total;
        assert_eq!((total.hits, total.misses, total.n_untimed), (4, 1, 1));
        assert!((total.saved_s - 6.0).abs() < 1e-9);
        let days: Vec<_> = history.days.values().map(|day| day.hits).collect();
        assert_eq!(days, [3, 1]);
        assert_eq!(history.since.unwrap().secs(), yesterday.secs());
        let entries: Vec<_> = history.entries.values().map(|one| one.hits).collect();
        assert_eq!(entries.iter().sum::<u64>(), 4);
        assert_eq!(history.groups[b"m/f".as_slice()].hits, 4);
        assert_eq!(
            History::read(&state, Path::new("/other")),
            History::default()
        );
    }

    #[test]
    fn a_day_that_the_clock_goes_back_to_keeps_what_it_had() {
        let temp = tempfile::tempdir().unwrap();
        let state = StateDir::at(temp.path());
        let store = Path::new("/c");
        let today = Time::now();
        let yesterday = Time::from_unix(today.secs() - 86_400, 0);
        let again = Time::from_unix(yesterday.secs() + 60, 0);
        let mut book = Book::open(state.clone(), store, "joblib");
        for (time, since) in [(yesterday, yesterday), (today, today), (again, again)] {
            book.count(&event(EventKind::Hit, "a", time, None), since, false);
        }
        book.close();
        let folder = temp.path().join(FOLDER).join(file_name_for(store));
        assert_eq!(std::fs::read_dir(folder).unwrap().count(), 3);
    }

    #[test]
    fn nothing_is_written_of_what_was_not_counted() {
        let temp = tempfile::tempdir().unwrap();
        let mut book = Book::open(StateDir::at(temp.path()), Path::new("/c"), "joblib");
        let now = Time::now();
        book.count(&event(EventKind::Stored, "a", now, None), now, false);
        let recorded = Event {
            source: Counted::Recorded,
            ..event(EventKind::Hit, "a", now, None)
        };
        book.count(&recorded, now, false);
        book.close();
        assert_eq!(std::fs::read_dir(temp.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_torn_file_is_as_if_it_were_not_there() {
        let temp = tempfile::tempdir().unwrap();
        let state = StateDir::at(temp.path());
        let store = Path::new("/c");
        let folder = format!("{FOLDER}/{}", file_name_for(store));
        state.write(&folder, "x.json", b"{\"total\": {").unwrap();
        assert_eq!(History::read(&state, store), History::default());
    }
}
