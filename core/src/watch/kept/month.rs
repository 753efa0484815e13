//! Pages of days that are over, added up into one file a month, so that what is kept of a store stays small however
//! often it is watched.
//!
//! A month names the pages that it holds: one that is still there, or there again, is not counted twice.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::page::{EntryEarned, Page};
use super::{ENTRIES, Earned, FOLDER, History, MAX_BYTES, day_of};
use crate::model::{Time, text};
use crate::own::StateDir;
use crate::{Error, Result};

/// Held while pages are added up: two Cachescopes that did so at once would lose some.
const LOCK: &str = "lock";
/// Begins the name of a month's file.
const MONTH: &str = "month-";
/// How often a folder is read again in which a page went while it was read: it is in its month by then.
const TRIES: usize = 3;

/// What was seen of a store in one month.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
struct Month {
    /// The window, in seconds since 1970.
    since: Option<i64>,
    watched_s: f64,
    is_lower_bound: bool,
    days: BTreeMap<String, Earned>,
    groups: BTreeMap<String, Earned>,
    entries: Vec<EntryEarned>,
    /// Names of the pages that are in it.
    pages: BTreeSet<String>,
}

/// The files of one store.
#[derive(Default)]
struct Kept {
    /// By their names.
    months: BTreeMap<String, Month>,
    pages: BTreeMap<String, Page>,
    /// A page went while they were read.
    is_torn: bool,
}

impl Kept {
    /// Reads a folder; what cannot be read counts as not kept.
    fn read(folder: &Path) -> Self {
        let mut kept = Self::default();
        let files = fs::read_dir(folder).into_iter().flatten();
        for file in files.filter_map(io::Result::ok) {
            let Some(name) = file.file_name().to_str().map(str::to_owned) else {
                continue;
            };
            let is_small = file.metadata().is_ok_and(|meta| meta.len() <= MAX_BYTES);
            let bytes = match fs::read(file.path()) {
                Ok(bytes) if is_small => bytes,
                Err(e) if e.kind() == io::ErrorKind::NotFound => {
                    kept.is_torn = true;
                    continue;
                }
                Ok(_) | Err(_) => continue,
            };
            if name.starts_with(MONTH) {
                kept.months
                    .extend(parsed(&bytes).map(|month| (name, month)));
            } else {
                kept.pages.extend(parsed(&bytes).map(|page| (name, page)));
            }
        }
        kept
    }

    fn is_in_a_month(&self, page: &str) -> bool {
        self.months.values().any(|month| month.pages.contains(page))
    }
}

fn parsed<T: for<'de> Deserialize<'de>>(bytes: &[u8]) -> Option<T> {
    serde_json::from_slice(bytes).ok()
}

/// What is kept in a store's folder, added up.
pub(super) fn history_in(folder: &Path) -> History {
    let mut kept = Kept::read(folder);
    for _ in 1..TRIES {
        if !kept.is_torn {
            break;
        }
        kept = Kept::read(folder);
    }
    let mut history = History::default();
    for month in kept.months.values() {
        month.add_to(&mut history);
    }
    let is_new = |name: &str| !kept.is_in_a_month(name);
    let pages = kept.pages.iter().filter(|(name, _)| is_new(name));
    history.add_pages(pages.map(|(_, page)| page.clone()));
    history
}

impl Month {
    fn add_to(&self, history: &mut History) {
        let since = self.since.map(|since| Time::from_unix(since, 0));
        history.since = history.since.into_iter().chain(since).min();
        history.watched_s += self.watched_s;
        history.is_lower_bound |= self.is_lower_bound;
        for (day, earned) in &self.days {
            history.total.add(earned);
            history.days.entry(day.clone()).or_default().add(earned);
        }
        for (group, earned) in &self.groups {
            let group = group.as_bytes().into();
            history.groups.entry(group).or_default().add(earned);
        }
        for EntryEarned { entry, earned } in &self.entries {
            history
                .entries
                .entry(entry.clone())
                .or_default()
                .add(earned);
        }
    }

    /// The month with these pages in it.
    fn with(&self, pages: &BTreeMap<String, Page>) -> Self {
        let mut history = History::default();
        self.add_to(&mut history);
        history.add_pages(pages.values().cloned());
        let text = |group: Box<[u8]>| text::from_bytes(&group).into_owned();
        let entries = history.entries.into_iter();
        let mut entries: Vec<_> = entries
            .map(|(entry, earned)| EntryEarned { entry, earned })
            .collect();
        // Those used last are remembered singly; of the others the group's sums remain.
        entries.sort_by_key(|one| std::cmp::Reverse(one.earned.last_hit));
        entries.truncate(ENTRIES);
        Self {
            since: history.since.map(Time::secs),
            watched_s: history.watched_s,
            is_lower_bound: history.is_lower_bound,
            days: history.days,
            groups: history
                .groups
                .into_iter()
                .map(|(group, earned)| (text(group), earned))
                .collect(),
            entries,
            pages: self.pages.iter().chain(pages.keys()).cloned().collect(),
        }
    }

    /// As a file that is not too large to be read again.
    fn into_bytes(mut self) -> Result<Vec<u8>> {
        loop {
            let bytes = serde_json::to_vec(&self)
                .map_err(|e| Error::damaged("Cannot keep what the cache earned", e.to_string()))?;
            if bytes.len() as u64 <= MAX_BYTES || self.entries.is_empty() {
                return Ok(bytes);
            }
            self.entries.truncate(self.entries.len() / 2);
        }
    }
}

impl StateDir {
    /// Adds pages of days before yesterday up into months, for every store that was ever watched.
    ///
    /// What cannot be done now is done the next time; nothing is lost by it.
    pub fn merge_days(&self) {
        let yesterday = Time::from_unix(Time::now().secs() - 86_400, 0);
        self.merge_days_before(&day_of(yesterday));
    }

    fn merge_days_before(&self, day: &str) {
        let stores = fs::read_dir(self.path().join(FOLDER));
        for store in stores.into_iter().flatten().filter_map(io::Result::ok) {
            if let (Some(name), Ok(_)) = (store.file_name().to_str(), fs::read_dir(store.path())) {
                let merged = self.merge(&format!("{FOLDER}/{name}"), day);
                merged.unwrap_or_else(|error| log::info!("{error}"));
            }
        }
    }

    fn merge(&self, folder: &str, day: &str) -> Result<()> {
        let path = self.path().join(folder);
        let month_of = |page: &Page| {
            page.day
                .get(..7)
                .map(|month| format!("{MONTH}{month}.json"))
        };
        let is_over = |page: &Page| page.day.as_str() < day;
        // Most of the time there is nothing to do, and no lock is taken.
        if !Kept::read(&path).pages.values().any(is_over) {
            return Ok(());
        }
        let Some(_lock) = lock(&path) else {
            return Ok(());
        };
        let kept = Kept::read(&path);
        let mut over: BTreeMap<String, BTreeMap<String, Page>> = BTreeMap::new();
        for (name, page) in kept.pages.iter().filter(|(_, page)| is_over(page)) {
            if kept.is_in_a_month(name) {
                // Left by a run that was killed, or written again by a watcher that has ended now.
                remove(&path.join(name))?;
            } else if let Some(month) = month_of(page) {
                let pages = over.entry(month).or_default();
                pages.insert(name.clone(), page.clone());
            }
        }
        for (name, pages) in over {
            let month = kept.months.get(&name).cloned().unwrap_or_default();
            let bytes = month.with(&pages).into_bytes()?;
            self.write(folder, &name, &bytes)?;
            for page in pages.keys() {
                remove(&path.join(page))?;
            }
        }
        Ok(())
    }
}

/// `None` if another Cachescope has it, or the file system has no locks.
fn lock(folder: &Path) -> Option<File> {
    #[expect(clippy::disallowed_methods, reason = "our own folder")]
    let file = OpenOptions::new()
        .create(true)
        .append(true)
        .open(folder.join(LOCK))
        .ok()?;
    file.try_lock().ok().map(|()| file)
}

fn remove(path: &Path) -> Result<()> {
    #[expect(clippy::disallowed_methods, reason = "our own folder")]
    let removed = fs::remove_file(path);
    removed.map_err(|e| Error::io("Cannot remove a page that was added up", path, e))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::EntryKey;
    use crate::watch::kept::Book;
    use crate::watch::{Event, EventKind};

    const DAY: i64 = 86_400;

    fn hit(key: &str, time: Time) -> Event {
        Event {
            entry: Some(EntryKey {
                group: b"m/f".as_slice().into(),
                key: key.as_bytes().into(),
                ordinal: 0,
            }),
            duration_s: Some(2.0),
            ..Event::of_store(EventKind::Hit, time)
        }
    }

    /// Five watchers on each of `days` days in November 2026, one after the other.
    fn filled(state: &StateDir, store: &Path, days: i64) {
        let first = Time::from_unix(1_793_880_000, 0).secs();
        for n in 0..days * 5 {
            let time = Time::from_unix(first + n / 5 * DAY + n % 5 * 60, 0);
            let mut book = Book::open(state.clone(), store, "joblib");
            book.count(&hit(&format!("k{}", n % 7), time), time, false);
            book.close();
        }
    }

    fn names(folder: &Path) -> Vec<String> {
        let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap());
        let mut names: Vec<_> = files
            .map(|file| file.file_name().into_string().unwrap())
            .filter(|name| name != LOCK)
            .collect();
        names.sort();
        names
    }

    #[test]
    fn days_that_are_over_become_one_file_and_tell_the_same() {
        let temp = tempfile::tempdir().unwrap();
        let (state, store) = (StateDir::at(temp.path()), Path::new("/c"));
        filled(&state, store, 4);
        let before = History::read(&state, store);
        let stores = names(&temp.path().join(FOLDER));
        let folder = temp.path().join(FOLDER).join(&stores[0]);
        assert_eq!(names(&folder).len(), 20);

        let days: Vec<_> = before.days.keys().cloned().collect();
        state.merge_days_before(&days[2]);
        assert_eq!(names(&folder).len(), 11);
        assert_eq!(History::read(&state, store), before);
        let old = fs::read(folder.join(&names(&folder)[0])).unwrap();
        let name = names(&folder)[0].clone();

        state.merge_days_before("2027");
        let merged = names(&folder);
        assert_eq!(merged.len(), 1, "{merged:?}");
        assert_eq!(History::read(&state, store), before);
        // A page that is there again, as a kill or a watcher's end would leave it.
        #[expect(clippy::disallowed_methods, reason = "our own folder")]
        fs::write(folder.join(name), old).unwrap();
        assert_eq!(History::read(&state, store), before);
        state.merge_days_before("2027");
        assert_eq!(names(&folder), merged);
        assert_eq!(History::read(&state, store), before);
    }
}
