//! What caches earned while they were watched: a small file for each store, day and watcher, summed when read, and added
//! up by month later on.
//!
//! Each watcher writes a file of its own, so that several Cachescopes never write the same one. What several see at the
//! same time happened once: of windows that overlap only those are summed that together saw most.

mod book;
mod month;
mod page;

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use super::Earned;
use crate::model::{EntryKey, StoreInfo, Time};
use crate::own::{StateDir, file_name_for};
use crate::stores::{self, Counted, Counters, Follow};
use page::{EntryEarned, Page, apart};

pub(super) use book::Book;

/// Folder of all that is kept in Cachescope's own.
const FOLDER: &str = "earned";
/// Entries that one file remembers singly; of the others the group's sums remain.
const ENTRIES: usize = 10_000;
/// A larger file is not one of ours.
const MAX_BYTES: u64 = 16 << 20;

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
        month::history_in(&state.path().join(folder_of(store)))
    }

    /// Adds what watchers wrote of days.
    fn add_pages(&mut self, pages: impl IntoIterator<Item = Page>) {
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

/// Where what is kept of a store lies in Cachescope's own folder.
fn folder_of(store: &Path) -> String {
    format!("{FOLDER}/{}", file_name_for(store))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::watch::{Event, EventKind};

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
        let folder = temp.path().join(folder_of(store));
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
        let folder = folder_of(store);
        state.write(&folder, "x.json", b"{\"total\": {").unwrap();
        assert_eq!(History::read(&state, store), History::default());
    }
}
