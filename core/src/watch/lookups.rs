//! Reports from entries' own folders to hits and misses.
//!
//! Seen with joblib 0.11 to 1.6: a hit reads metadata.json (since 1.3) and then opens output.pkl, with
//! `mmap_mode` more than once; a miss makes the entry's folder, or renames a new output.pkl into an old one.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::time::{Duration, Instant};

use crate::model::{EntryId, EntryKey};

/// Reading the facts announces a load for this long.
const ANNOUNCED: Duration = Duration::from_secs(1);
/// A report is read at most this long after what it reports.
const LATE: Duration = Duration::from_millis(50);
/// A new entry is remembered this long after it was seen whole.
const REMEMBERED: Duration = Duration::from_mins(1);

/// One look-up by a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Lookup {
    pub(super) entry: EntryKey,
    pub(super) is_hit: bool,
}

/// What the reports so far amount to.
#[derive(Debug, Default)]
pub(super) struct Lookups {
    /// Facts that were read and whose value was not loaded yet.
    announced: HashMap<EntryId, (u32, Instant)>,
    /// Entries whose first computation is counted, with the moment they were read whole:
    /// the renames that belong to it may be reported before or after, or not at all.
    counted: HashMap<EntryId, Option<Instant>>,
    found: Vec<Lookup>,
}

impl Lookups {
    fn find(&mut self, entry: &EntryKey, is_hit: bool) {
        let entry = entry.clone();
        self.found.push(Lookup { entry, is_hit });
    }

    /// What was found since the last time.
    pub(super) fn take(&mut self) -> Vec<Lookup> {
        std::mem::take(&mut self.found)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// Somebody read what comes before the value.
    pub(super) fn facts_opened(&mut self, entry: &EntryKey, at: Instant) {
        let announced = self.announced.entry(entry.id()).or_insert((0, at));
        if at.saturating_duration_since(announced.1) > ANNOUNCED {
            announced.0 = 0;
        }
        *announced = (announced.0 + 1, at);
    }

    /// Somebody opened the value; `is_announced` where its readers always read the facts before.
    pub(super) fn value_opened(&mut self, entry: &EntryKey, is_announced: bool, at: Instant) {
        let is_hit = match self.announced.get_mut(&entry.id()) {
            Some((left, since)) if at.saturating_duration_since(*since) <= ANNOUNCED => {
                *left -= 1;
                if *left == 0 {
                    self.announced.remove(&entry.id());
                }
                true
            }
            _ => !is_announced,
        };
        if is_hit {
            self.find(entry, true);
        }
    }

    /// The entry's folder was made, or moved here ready.
    pub(super) fn folder_came(&mut self, entry: &EntryKey, is_moved: bool, at: Instant) {
        if is_moved {
            self.counted.insert(entry.id(), Some(at));
        } else if let Entry::Vacant(uncounted) = self.counted.entry(entry.id()) {
            uncounted.insert(None);
            self.find(entry, false);
        }
    }

    /// The entry's folder is gone.
    pub(super) fn folder_gone(&mut self, entry: &EntryKey) {
        self.counted.remove(&entry.id());
        self.announced.remove(&entry.id());
    }

    /// A value was renamed into place.
    pub(super) fn value_came(&mut self, entry: &EntryKey, at: Instant) {
        match self.counted.get_mut(&entry.id()) {
            Some(whole @ None) => *whole = Some(at),
            Some(Some(whole)) if at <= *whole + LATE => {}
            _ => self.find(entry, false),
        }
    }

    /// A new entry was read; `is_whole` once its value is there. Counts it where nothing was reported of its making:
    /// true then, as hits that followed at once were not reported either.
    pub(super) fn entry_read(
        &mut self,
        entry: &EntryKey,
        is_new: bool,
        is_whole: bool,
        at: Instant,
    ) -> bool {
        let id = entry.id();
        match self.counted.get_mut(&id) {
            Some(whole @ None) if is_whole => *whole = Some(at),
            None if is_new => {
                self.counted.insert(id, is_whole.then_some(at));
                self.find(entry, false);
                return true;
            }
            _ => {}
        }
        false
    }

    /// Forgets what no report can refer to any more.
    pub(super) fn tidy(&mut self, now: Instant) {
        let is_near = |at: Instant, span| now.saturating_duration_since(at) <= span;
        self.announced.retain(|_, (_, at)| is_near(*at, ANNOUNCED));
        self.counted
            .retain(|_, whole| whole.is_none_or(|at| is_near(at, REMEMBERED)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What happens to the one entry of a test, with milliseconds since the beginning.
    #[derive(Clone, Copy)]
    enum Step {
        Facts,
        Load,
        Made,
        Moved,
        Gone,
        Renamed,
        ReadWhole,
    }
    use Step::{Facts, Gone, Load, Made, Moved, ReadWhole, Renamed};

    /// Plays the steps and counts hits and misses; `is_announced` as with joblib since 1.3.
    fn check(steps: &[(u64, Step)], is_announced: bool, expected: (usize, usize)) {
        let entry = EntryKey {
            group: b"f".as_slice().into(),
            key: b"k".as_slice().into(),
            ordinal: 0,
        };
        let start = Instant::now();
        let mut lookups = Lookups::default();
        for (ms, step) in steps {
            let at = start + Duration::from_millis(*ms);
            match step {
                Facts => lookups.facts_opened(&entry, at),
                Load => lookups.value_opened(&entry, is_announced, at),
                Made => lookups.folder_came(&entry, false, at),
                Moved => lookups.folder_came(&entry, true, at),
                Gone => lookups.folder_gone(&entry),
                Renamed => lookups.value_came(&entry, at),
                ReadWhole => {
                    lookups.entry_read(&entry, true, true, at);
                }
            }
        }
        let found = lookups.take();
        let hits = found.iter().filter(|lookup| lookup.is_hit).count();
        assert_eq!((hits, found.len() - hits), expected);
    }

    #[test]
    fn a_hit_is_a_load_after_its_facts() {
        check(&[(0, Facts), (1, Load)], true, (1, 0));
        check(
            &[(0, Facts), (1, Load), (2, Facts), (3, Load)],
            true,
            (2, 0),
        );
        check(
            &[(0, Facts), (1, Facts), (2, Load), (3, Load)],
            true,
            (2, 0),
        );
    }

    #[test]
    fn further_opens_of_a_mapped_array_are_no_hits() {
        check(&[(0, Facts), (1, Load), (2, Load)], true, (1, 0));
    }

    #[test]
    fn old_joblib_loads_without_reading_facts() {
        check(&[(0, Load), (1, Load)], false, (2, 0));
    }

    #[test]
    fn a_check_without_a_load_is_no_hit_and_is_forgotten() {
        check(&[(0, Facts), (5000, Load)], true, (0, 0));
    }

    #[test]
    fn a_new_folder_is_one_miss_whatever_is_reported_of_its_inside() {
        check(&[(0, Made)], true, (0, 1));
        check(&[(0, Made), (1, Renamed), (100, ReadWhole)], true, (0, 1));
        check(&[(0, Made), (100, ReadWhole), (101, Renamed)], true, (0, 1));
        check(&[(0, ReadWhole), (1, Made), (2, Renamed)], true, (0, 1));
    }

    #[test]
    fn computing_again_in_an_old_folder_is_a_miss_each_time() {
        check(&[(0, Renamed), (1, Renamed)], true, (0, 2));
        check(&[(0, Made), (1, Renamed), (900, Renamed)], true, (0, 2));
    }

    #[test]
    fn mapping_what_was_just_computed_is_no_hit() {
        check(&[(0, Made), (1, Renamed), (2, Load)], true, (0, 1));
    }

    #[test]
    fn an_entry_that_went_and_came_was_computed_twice() {
        check(&[(0, Made), (1, Gone), (2, Made)], true, (0, 2));
    }

    #[test]
    fn an_entry_put_back_was_not_computed() {
        check(&[(0, Moved), (100, ReadWhole)], true, (0, 0));
    }
}
