//! Brings held entries back, each by the mechanism that took it out.

use std::collections::BTreeMap;
use std::io;

use super::super::apply::{Outcome, Stays, Why};
use super::super::journal::{self, By, Entry, Manifest};
use super::super::quarantine::{self, Quarantine, Shelf};
use super::super::recover;
use super::files::Files;
use super::keys::Keys;
use super::rows::Rows;
use super::{Held, held_entries};
use crate::model::{Cancel, EntryKey, Progress};
use crate::source::Dir;
use crate::{Error, Result};

/// Bytes that a batch of several entries holds at most: values are held in memory, and writers wait for a batch.
const BATCH_BYTES: u64 = 8 << 20;

/// An entry that was held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldEntry {
    /// Its identity in the store.
    pub key: EntryKey,
    /// The key as people read it.
    pub key_label: String,
    /// The group as people read it.
    pub group_label: String,
    /// Stored value bytes.
    pub bytes: u64,
}

/// What became of what was held.
#[derive(Debug, Default)]
pub struct Restored {
    /// Entries that are back in the store.
    pub restored: usize,
    /// Their stored bytes.
    pub bytes: u64,
    /// Entries that are still held for a reason.
    pub skipped: usize,
    /// Entries that could not be brought back and are still held.
    pub failed: usize,
    /// Entries that were not reached before it was cancelled.
    pub not_tried: usize,
    /// Entries whose freeing had been cut short, and was finished: they do not come back.
    pub freed: usize,
    /// Why the disk did not confirm what is back, or what is left of the shelf could not be tidied away.
    pub unfinished: Option<Error>,
}

/// Where entries come from and where they go back to.
#[derive(Clone, Copy)]
pub(super) struct Way<'a> {
    /// The folder that the quarantine lies in.
    pub(super) parent: &'a Dir,
    pub(super) shelf: &'a Shelf,
    pub(super) manifest: &'a Manifest,
}

/// Puts entries back that the mechanism of the same name in `apply` took out.
pub(super) trait Mechanism {
    /// Entries that it puts back at a time, at most, of so many that are held; asked again before each batch.
    fn batch(&self, _n_held: usize) -> usize {
        1
    }

    /// Puts a batch of entries back; as many outcomes as entries, and certain when they are returned.
    ///
    /// Followers ([`Entry::goes_with`]) are not among them: they share their leader's outcome.
    fn put(&mut self, entries: &[&Entry]) -> Vec<std::result::Result<(), Stays>>;

    /// Waits until what was put back is so on the disk.
    fn sync(&mut self) -> io::Result<()>;
}

/// Brings back what is held; `each` hears what became of every entry.
///
/// Cut short at any moment, it can be run again. What cannot come back stays held.
///
/// # Errors
/// If nothing could be done at all.
pub fn restore(
    held: &Held,
    cancel: &Cancel,
    progress: &Progress,
    each: &mut dyn FnMut(&HeldEntry, Outcome),
) -> Result<Restored> {
    let (quarantine, shelf) = held.open()?;
    progress.set_total(held.entries as u64);
    if shelf.is_doomed() {
        let mut freed = std::collections::BTreeSet::new();
        quarantine.free(shelf, cancel, |n| {
            // An entry of several files is one entry.
            if freed.insert(n) {
                progress.add(1);
            }
        })?;
        quarantine.tidy(cancel)?;
        return Ok(Restored {
            freed: freed.len(),
            ..Restored::default()
        });
    }
    let fail = |e| Error::io("Cannot read what is held aside", shelf.dir.path(), e);
    let manifest = Manifest::read(&shelf.manifest)
        .map_err(fail)?
        .ok_or_else(|| fail(io::ErrorKind::UnexpectedEof.into()))?;
    recover::rows(quarantine.parent(), &shelf.dir, &manifest)?;
    let way = Way {
        parent: quarantine.parent(),
        shelf: &shelf,
        manifest: &manifest,
    };
    let mut back = Back {
        way,
        made: BTreeMap::new(),
        outcomes: BTreeMap::new(),
        restored: Restored::default(),
        progress,
        each,
    };
    back.all(&held_entries(way.parent, &shelf.dir, &manifest)?, cancel);
    let mut restored = std::mem::take(&mut back.restored);
    let synced = back.made.values_mut().try_for_each(|m| m.sync());
    drop(back);
    let settled = match synced {
        Ok(()) => settle(&quarantine, shelf, manifest.is_finished),
        // The shelf stays until they certainly left it.
        Err(e) => Err(Error::io("Cannot wait for the disk", shelf.dir.path(), e)
            .hint("The entries are back as far as programs see; the disk did not confirm it")),
    };
    // What is back is back, and the next command tidies.
    restored.unfinished = settled.err();
    Ok(restored)
}

/// The way back of one shelf.
struct Back<'a> {
    way: Way<'a>,
    /// The mechanisms at work, each made at its first use.
    made: BTreeMap<By, Box<dyn Mechanism + 'a>>,
    /// True for each leader that is back.
    outcomes: BTreeMap<usize, bool>,
    restored: Restored,
    progress: &'a Progress,
    each: &'a mut dyn FnMut(&HeldEntry, Outcome),
}

impl<'a> Back<'a> {
    /// In the manifest's order, neighbours of one mechanism in batches.
    fn all(&mut self, entries: &[&'a Entry], cancel: &Cancel) {
        let mut waiting: Vec<&Entry> = Vec::new();
        let mut bytes = 0_u64;
        for (at, entry) in entries.iter().enumerate() {
            if cancel.is_cancelled() {
                self.restored.not_tried = entries.len() - at + waiting.len();
                return;
            }
            if let Some(leader) = entry.goes_with {
                self.put(&mut waiting);
                let outcome = match self.outcomes.get(&leader) {
                    Some(true) => Outcome::Done,
                    _ => Outcome::Skipped(Why::Other("its file is still held".to_owned())),
                };
                self.count(entry, outcome);
                continue;
            }
            let is_full = bytes.saturating_add(entry.bytes) > BATCH_BYTES;
            let is_other = |first: &&Entry| first.by != entry.by || is_full;
            if waiting.first().is_some_and(is_other) {
                self.put(&mut waiting);
            }
            if waiting.is_empty() {
                bytes = 0;
            }
            bytes = bytes.saturating_add(entry.bytes);
            waiting.push(entry);
            if waiting.len() >= self.mechanism(entry.by).batch(entries.len()) {
                self.put(&mut waiting);
            }
        }
        self.put(&mut waiting);
    }

    fn mechanism(&mut self, by: By) -> &mut (dyn Mechanism + 'a) {
        let way = self.way;
        let mechanism = self.made.entry(by).or_insert_with(|| match by {
            By::Files => Box::new(Files::new(way)),
            By::Rows => Box::new(Rows::new(way)),
            By::Keys => Box::new(Keys::new(way)),
        });
        &mut **mechanism
    }

    fn put(&mut self, waiting: &mut Vec<&Entry>) {
        let Some(by) = waiting.first().map(|entry| entry.by) else {
            return;
        };
        let outcomes = self.mechanism(by).put(waiting);
        for (entry, put) in waiting.drain(..).zip(outcomes) {
            self.outcomes.insert(entry.n, put.is_ok());
            self.count(entry, put.map_or_else(Outcome::from, |()| Outcome::Done));
        }
    }

    fn count(&mut self, entry: &Entry, outcome: Outcome) {
        match &outcome {
            Outcome::Done | Outcome::Ready => {
                self.restored.restored += 1;
                self.restored.bytes = self.restored.bytes.saturating_add(entry.bytes);
            }
            Outcome::Skipped(_) => self.restored.skipped += 1,
            Outcome::Failed(_) => self.restored.failed += 1,
        }
        (self.each)(&HeldEntry::of(entry), outcome);
        self.progress.add(1);
    }
}

/// Throws the shelf away if nothing is held on it any more.
fn settle(quarantine: &Quarantine, shelf: Shelf, is_finished: bool) -> Result<()> {
    let fail = |e| quarantine::cannot_tidy(e, shelf.dir.path());
    if quarantine::is_empty(&shelf.dir)? {
        quarantine.discard(shelf)?;
        return quarantine.tidy(&Cancel::default());
    }
    if !is_finished {
        journal::finish(&shelf.manifest).map_err(fail)?;
    }
    Ok(())
}

impl HeldEntry {
    fn of(entry: &Entry) -> Self {
        Self {
            key: entry.key.clone(),
            key_label: entry.key_label.clone(),
            group_label: entry.group_label.clone(),
            bytes: entry.bytes,
        }
    }
}
