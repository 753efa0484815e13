//! What has been heard of and not yet read: gathered until the store is quiet, so that one commit is read once.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use crate::stores::Part;

/// A store that is never quiet is read this many quiet times after the first report.
const PATIENCE: u32 = 3;
/// Past this many entries reading all of them is no dearer, and bounded.
const PARTS: usize = 100_000;

/// Why the whole store is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) enum Whole {
    /// It is not.
    #[default]
    No,
    /// Its files changed, and it is read as a whole.
    Changed,
    /// To see whether anything was missed: entries that look the same are not read.
    Look,
    /// Reports were lost: a look that people are told of.
    Lost,
    /// Somebody asked: everything is read.
    Asked,
}

/// What one reading is about.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    pub(super) whole: Whole,
    pub(super) parts: Vec<Part>,
}

#[derive(Debug)]
pub(super) struct Pending {
    whole: Whole,
    parts: BTreeSet<Part>,
    quiet: Duration,
    /// First and last report that is not read yet.
    heard: Option<(Instant, Instant)>,
    /// The whole store is not read again before this.
    rested: Instant,
}

impl Pending {
    pub(super) fn new(quiet: Duration) -> Self {
        Self {
            whole: Whole::No,
            parts: BTreeSet::new(),
            quiet,
            heard: None,
            rested: Instant::now(),
        }
    }

    /// Something happened that people are to hear of, whether or not anything is to be read.
    pub(super) fn stir(&mut self, at: Instant) {
        let (first, last) = self.heard.unwrap_or((at, at));
        self.heard = Some((first, last.max(at)));
    }

    pub(super) fn want(&mut self, part: Part, at: Instant) {
        self.stir(at);
        match part {
            Part::Store => self.want_whole(Whole::Changed, at),
            part if self.whole == Whole::No => {
                self.parts.insert(part);
                if self.parts.len() > PARTS {
                    self.want_whole(Whole::Look, at);
                }
            }
            Part::Groups(_) | Part::Entry(_) => {}
        }
    }

    pub(super) fn want_whole(&mut self, whole: Whole, at: Instant) {
        self.stir(at);
        self.whole = self.whole.max(whole);
        self.parts.clear();
    }

    /// When it is time to read; `None` while there is nothing to do.
    pub(super) fn due(&self) -> Option<Instant> {
        let (first, last) = self.heard?;
        let due = (last + self.quiet).min(first + PATIENCE * self.quiet);
        Some(if self.whole == Whole::No {
            due
        } else {
            due.max(self.rested)
        })
    }

    pub(super) fn take(&mut self) -> Wanted {
        self.heard = None;
        let parts = std::mem::take(&mut self.parts);
        // `Groups` sort before `Entry`: they are few, and first.
        let is_group = |part: &&Part| matches!(part, Part::Groups(_));
        let is_within_another = |part: &Part| {
            let locator = match part {
                Part::Groups(locator) => locator,
                Part::Entry(key) => &key.group,
                Part::Store => return false,
            };
            let mut groups = parts.iter().take_while(is_group);
            groups.any(|group| group != part && group.holds_group(locator))
        };
        Wanted {
            whole: std::mem::take(&mut self.whole),
            parts: parts
                .iter()
                .filter(|part| !is_within_another(part))
                .cloned()
                .collect(),
        }
    }

    /// The whole store took this long to read: leaves the disk to others for twice as long.
    pub(super) fn rest_after(&mut self, cost: Duration) {
        self.rested = Instant::now() + 2 * cost;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::EntryKey;

    const QUIET: Duration = Duration::from_millis(100);

    fn entry(group: &str, key: &str) -> Part {
        Part::Entry(EntryKey {
            group: group.as_bytes().into(),
            key: key.as_bytes().into(),
            ordinal: 0,
        })
    }

    fn groups(locator: &str) -> Part {
        Part::Groups(locator.as_bytes().into())
    }

    #[test]
    fn reading_waits_for_quiet_but_not_for_ever() {
        let mut pending = Pending::new(QUIET);
        assert_eq!(pending.due(), None);
        let start = Instant::now();
        pending.want(entry("f", "a"), start);
        assert_eq!(pending.due(), Some(start + QUIET));
        pending.want(entry("f", "b"), start + QUIET / 2);
        assert_eq!(pending.due(), Some(start + QUIET * 3 / 2));
        pending.want(entry("f", "c"), start + 10 * QUIET);
        assert_eq!(pending.due(), Some(start + PATIENCE * QUIET));
    }

    #[test]
    fn a_store_that_is_dear_to_read_is_read_less_often() {
        let mut pending = Pending::new(QUIET);
        pending.rest_after(Duration::from_secs(5));
        let now = Instant::now();
        pending.want(entry("f", "a"), now);
        assert_eq!(pending.due(), Some(now + QUIET));
        pending.want(Part::Store, now);
        assert!(pending.due().unwrap() > now + Duration::from_secs(9));
    }

    #[test]
    fn each_entry_is_read_once() {
        let mut pending = Pending::new(QUIET);
        let now = Instant::now();
        let reported = [entry("f", "a"), entry("g/h", "b"), groups("g")];
        let again = [entry("f", "a"), groups("g/h")];
        for part in reported.into_iter().chain(again) {
            pending.want(part, now);
        }
        let wanted = pending.take();
        assert_eq!(wanted.parts, [groups("g"), entry("f", "a")]);
        assert_eq!(wanted.whole, Whole::No);
        assert!(pending.due().is_none() && pending.take().parts.is_empty());
    }

    #[test]
    fn the_whole_store_stands_for_its_parts() {
        let mut pending = Pending::new(QUIET);
        let now = Instant::now();
        pending.want(entry("f", "a"), now);
        pending.want_whole(Whole::Lost, now);
        pending.want(Part::Store, now);
        pending.want(entry("f", "a"), now);
        let wanted = pending.take();
        assert_eq!((wanted.whole, wanted.parts.len()), (Whole::Lost, 0));
    }
}
