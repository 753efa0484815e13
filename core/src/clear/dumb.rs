//! The index of a `dbm.dumb` shelf, changed whole or not at all while a program may be adding keys to it.
//!
//! `Lib/dbm/dumb.py` appends a line for a new key (`_addkey`) and writes the index anew at `sync` and `close`
//! (`_commit`), under no lock. So the new index trades its name with the old one in one step, and only then is the
//! old one compared with what the new one was made of.

use std::ffi::{OsStr, OsString};
use std::io;
use std::time::Duration;

use super::quarantine::{SCRAP, Shelf};
use super::{disk, holders};
use crate::model::Time;
use crate::source::Dir;

pub(super) const INDEX: &str = ".dir";
pub(super) const DATA: &str = ".dat";
const BACKUP: &str = ".bak";

/// As large as the backend reads it.
pub(super) const MAX_INDEX_BYTES: usize = 128 << 20;
/// How often a program may be found writing its index, which takes it a moment, and how long it is left to it.
const TRIES: usize = 100;
const PAUSE: Duration = Duration::from_millis(5);
/// Values that were written a moment ago are not believed yet.
const QUIET_SECS: f64 = 0.05;
/// Copies of a shelf have times that differ by less than this.
const AHEAD_SECS: f64 = 1.0;
/// Values that were written longer ago and are not in the index were left behind by a program that was stopped.
const AT_WORK_SECS: f64 = 600.0;

/// The files of a shelf: their folder, and the name that their suffixes are added to.
#[derive(Clone, Copy)]
pub(super) struct Files<'a> {
    pub(super) dir: &'a Dir,
    pub(super) base: &'a OsStr,
}

impl Files<'_> {
    /// The name of one of the files.
    pub(super) fn named(&self, suffix: &str) -> OsString {
        let mut name = self.base.to_owned();
        name.push(suffix);
        name
    }

    /// The index as it is now.
    pub(super) fn index(&self) -> io::Result<Vec<u8>> {
        let mut text = Vec::new();
        self.dir
            .read_small(&self.named(INDEX), MAX_INDEX_BYTES, &mut text)?;
        if text.len() >= MAX_INDEX_BYTES {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        Ok(text)
    }

    /// Replaces the index by what `change` makes of it; the one before stays as `.bak`, as the library itself does.
    ///
    /// `change` is asked again where a program wrote a new index meanwhile, and answers `None` to leave it as it is.
    /// The shelf of the quarantine is where the new index is written.
    ///
    /// # Errors
    /// What the system said; "busy" if the index is never left alone.
    pub(super) fn change_index(
        &self,
        shelf: &Shelf,
        is_unused: bool,
        mut change: impl FnMut(&[u8]) -> io::Result<Option<Vec<u8>>>,
    ) -> io::Result<()> {
        for n in 0..TRIES {
            if n > 0 {
                std::thread::sleep(PAUSE);
            }
            if !is_unused && !self.is_quiet()? {
                continue;
            }
            let old = match self.index() {
                // Between two steps of a commit there is none.
                Err(e) if e.kind() == io::ErrorKind::NotFound => continue,
                other => other?,
            };
            let Some(new) = change(&old)? else {
                return Ok(());
            };
            let data = self.data()?;
            if self.swap_index(shelf, &old, &new, data)? {
                return disk::sync_dir(self.dir);
            }
        }
        Err(io::ErrorKind::ResourceBusy.into())
    }

    /// True if no program is seen to have changed values without saying so in the index yet.
    ///
    /// A value that fits the place of the one before is written over it at once, and its length into the index only
    /// when the program closes the shelf (`_setval`, `_commit`): until then the two make no value that ever was.
    fn is_quiet(&self) -> io::Result<bool> {
        let now = Time::now();
        let (data, index) = (
            self.data()?.0,
            match self.dir.stat(&self.named(INDEX)) {
                Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(false),
                other => other?.modified,
            },
        );
        let age = data.age_secs(now);
        let is_ahead = index.age_secs(now) - age > AHEAD_SECS;
        // A time to come tells of a clock that was wrong, not of a program at work.
        let within = |secs: f64| (-QUIET_SECS..secs).contains(&age);
        let is_at_work = within(QUIET_SECS) || (is_ahead && within(AT_WORK_SECS));
        Ok(!is_at_work)
    }

    /// Time and size of the file of values.
    fn data(&self) -> io::Result<(Time, u64)> {
        let meta = self.dir.stat(&self.named(DATA))?;
        Ok((meta.modified, meta.size))
    }

    /// Says that the index tells of all that is in the file of values.
    pub(super) fn settle(&self, data: &std::fs::File) -> io::Result<()> {
        let index = disk::open_existing(self.dir, &self.named(INDEX))?;
        data.set_modified(index.metadata()?.modified()?)
    }

    /// False, with nothing changed, if the index was no longer `old`, or a value was written meanwhile.
    fn swap_index(
        &self,
        shelf: &Shelf,
        old: &[u8],
        new: &[u8],
        data: (Time, u64),
    ) -> io::Result<bool> {
        let index = self.named(INDEX);
        self.write_scrap(shelf, old)?;
        disk::replace(&shelf.dir, SCRAP.as_ref(), self.dir, &self.named(BACKUP))?;
        self.write_scrap(shelf, new)?;
        let ours = shelf.dir.stat(SCRAP.as_ref())?.ino;
        match disk::exchange(&shelf.dir, SCRAP.as_ref(), self.dir, &index) {
            Ok(()) => {}
            // The program is between two steps of a commit.
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(e) if e.kind() == io::ErrorKind::Unsupported => {
                if self.index()? != old {
                    return Ok(false);
                }
                disk::replace(&shelf.dir, SCRAP.as_ref(), self.dir, &index)?;
                return Ok(true);
            }
            Err(e) => return Err(e),
        }
        let stays = self.carry_over(shelf, old, data);
        if !matches!(stays, Ok(true)) {
            // Also where it cannot be known: the one that was taken may hold lines that stand nowhere else.
            self.swap_back(shelf, ours, old, new)?;
        }
        stays
    }

    /// Adds what a program wrote into the index that was taken to the new one; false if that one cannot stay.
    fn carry_over(&self, shelf: &Shelf, old: &[u8], data: (Time, u64)) -> io::Result<bool> {
        // A program that still writes into it has more to say than is there.
        let is_being_written = self.data()? != data || {
            let taken = disk::open_existing(&shelf.dir, SCRAP.as_ref())?;
            !holders::of(&taken)?.is_empty()
        };
        if is_being_written {
            return Ok(false);
        }
        let taken = on_shelf(shelf)?;
        let Some(added) = taken.strip_prefix(old) else {
            return Ok(false);
        };
        self.append(added)?;
        Ok(true)
    }

    /// Puts the index that was taken in its place again, with what a program wrote into the new one, the file `ours`.
    ///
    /// What comes off must be what was put there last. Anything else a program has written since: being newer, it goes
    /// back.
    fn swap_back(&self, shelf: &Shelf, ours: u64, old: &[u8], new: &[u8]) -> io::Result<()> {
        let index = self.named(INDEX);
        let mut last = ours;
        for _ in 0..TRIES {
            let put = shelf.dir.stat(SCRAP.as_ref())?.ino;
            match disk::exchange(&shelf.dir, SCRAP.as_ref(), self.dir, &index) {
                // It moved that away in its next commit, and may have written another one by now.
                Err(e) if e.kind() == io::ErrorKind::NotFound => {
                    match disk::rename(&shelf.dir, SCRAP.as_ref(), self.dir, &index) {
                        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => continue,
                        other => return other,
                    }
                }
                other => other?,
            }
            if shelf.dir.stat(SCRAP.as_ref())?.ino != last {
                last = put;
                continue;
            }
            if last == ours {
                self.append_theirs(shelf, old, new)?;
            }
            return Ok(());
        }
        Err(io::ErrorKind::ResourceBusy.into())
    }

    /// Adds what a program wrote into the new index, which lies on the shelf again, to the one in its place.
    fn append_theirs(&self, shelf: &Shelf, old: &[u8], new: &[u8]) -> io::Result<()> {
        let (ours, now) = (on_shelf(shelf)?, self.index()?);
        let theirs = ours.strip_prefix(new).unwrap_or_default();
        // What of it we carried over ourselves stands there already.
        let carried = now.strip_prefix(old).unwrap_or_default();
        let n_same = theirs.iter().zip(carried).take_while(|(a, b)| a == b);
        self.append(theirs.get(n_same.count()..).unwrap_or_default())
    }

    /// Adds lines to the index the way the library does.
    fn append(&self, lines: &[u8]) -> io::Result<()> {
        if lines.is_empty() {
            return Ok(());
        }
        let file = disk::open_existing(self.dir, &self.named(INDEX))?;
        disk::append(&file, lines)?;
        disk::sync_file(&file)
    }

    /// A file on the shelf with this text and the index's owner and rights.
    fn write_scrap(&self, shelf: &Shelf, text: &[u8]) -> io::Result<()> {
        // Also what the one before left there.
        match disk::remove_file(&shelf.dir, SCRAP.as_ref()) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
            _ => {}
        }
        let file = disk::create(&shelf.dir, SCRAP.as_ref())?;
        disk::append(&file, text)?;
        disk::take_after(&file, self.dir, &self.named(INDEX))?;
        disk::sync_file(&file)
    }
}

/// The index that lies on the shelf.
fn on_shelf(shelf: &Shelf) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    shelf
        .dir
        .read_small(SCRAP.as_ref(), MAX_INDEX_BYTES, &mut text)?;
    Ok(text)
}
