//! Keys of dbm files: saved with their values, then taken out by the rules of the file's own library.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;

use xxhash_rust::xxh3::xxh3_64;

use super::super::journal::{self, By};
use super::super::keys::{self, For, Found, Leaving, MAX_VALUE_BYTES};
use super::super::quarantine::{Purpose, Shelf};
use super::super::saved::{Place, Saved, SavedRow};
use super::{Job, Mechanism, Site, Stays, To, UNCONFIRMED};
use crate::Error;
use crate::sqlite::Cell;
use crate::stores::{KeyForm, KeyRemoval, Removal};

type Result<T = (), E = Stays> = std::result::Result<T, E>;

/// Keys taken at a time: a lock is not held for longer than that takes.
const KEYS: usize = 256;
/// An index is written anew for each batch, however large it is.
const DUMB_KEYS: usize = 8192;
/// Bytes of values that a batch of several keys holds at most, as planned.
const BATCH_BYTES: u64 = 32 << 20;

/// What of a key is saved for undo, as a row of these columns.
pub(in super::super) const COLUMNS: [&str; 3] = ["key", "value", "mark"];
const VALUE: usize = 1;

/// The mechanism for [`Removal::Key`].
pub(super) struct Keys<'a> {
    site: &'a Site,
    batch: usize,
    /// Files that nothing more is tried on, with the reason.
    given_up: BTreeMap<PathBuf, Error>,
    saved: Option<Saved>,
    /// Why it is not known whether keys that are out are so on the disk.
    unconfirmed: Option<Error>,
}

impl Mechanism for Keys<'_> {
    fn ready(&mut self, removal: &Removal, has_shelf: bool) -> crate::Result<()> {
        let Removal::Key(removal) = removal else {
            return Ok(());
        };
        if removal.form == KeyForm::Dumb && !has_shelf {
            return Err(Error::refused(
                "Nothing was cleared",
                "a new index must be written beside the shelf before it takes the old one's place, \
                 and nothing can be written there",
            )
            .at(&self.site.base.path().join(&removal.file)));
        }
        keys::open(&self.site.base, removal, self.purpose(To::Nowhere)).map(drop)
    }

    fn note(&mut self, job: &Job<'_>, journal: &mut journal::Writer<'_>) -> io::Result<()> {
        journal.entry(journal::Entry {
            n: job.n,
            by: By::Keys,
            goes_with: None,
            key: job.planned.key.clone(),
            key_label: job.planned.key_label.clone(),
            group_label: job.planned.group_label.clone(),
            bytes: job.planned.bytes,
            is_folder: false,
            paths: Vec::new(),
        })
    }

    fn batch(&self) -> usize {
        self.batch
    }

    fn pin(&mut self, jobs: &[Job<'_>]) -> Vec<Option<u64>> {
        let Some(Removal::Key(removal)) = jobs.first().map(|job| &job.removal) else {
            return vec![None; jobs.len()];
        };
        let Ok(mut file) = keys::open(&self.site.base, removal, For::Looking) else {
            return vec![None; jobs.len()];
        };
        jobs.iter().map(|job| pin(&mut *file, job)).collect()
    }

    fn take(&mut self, jobs: &[Job<'_>], to: To<'_>) -> Vec<Result> {
        let mut outcomes = Vec::new();
        let mut rest = jobs;
        while let Some((first, _)) = rest.split_first() {
            let mut bytes = 0_u64;
            let fits = |job: &&Job<'_>| {
                bytes = bytes.saturating_add(job.planned.bytes);
                bytes <= BATCH_BYTES
            };
            let n = rest.iter().take_while(fits).count().max(1);
            let (batch, behind) = rest.split_at(n);
            outcomes.extend(self.take_batch(first, batch, to));
            rest = behind;
        }
        outcomes
    }

    fn sync(&mut self) -> crate::Result<()> {
        self.saved.as_mut().map_or(Ok(()), Saved::finish)?;
        self.unconfirmed.take().map_or(Ok(()), Err)
    }
}

/// A key of a batch that passed the checks.
struct Passed<'j> {
    at: usize,
    job: &'j Job<'j>,
    found: Found,
    value: Option<Vec<u8>>,
}

impl<'a> Keys<'a> {
    pub(super) fn new(site: &'a Site) -> Self {
        Self {
            site,
            batch: KEYS,
            given_up: BTreeMap::new(),
            saved: None,
            unconfirmed: None,
        }
    }

    fn purpose<'s>(&self, to: To<'s>) -> For<'s> {
        match to {
            To::Check => For::Looking,
            To::Shelf(shelf) => For::Changing {
                shelf: Some(shelf),
                is_unused: self.site.is_unused,
            },
            To::Nowhere => For::Changing {
                shelf: None,
                is_unused: self.site.is_unused,
            },
        }
    }

    /// One file's keys at a time: a store of keys is one file.
    fn take_batch(&mut self, first: &Job<'_>, jobs: &[Job<'_>], to: To<'_>) -> Vec<Result> {
        let Removal::Key(removal) = &first.removal else {
            return jobs
                .iter()
                .map(|_| Err(Stays::because("it is no key")))
                .collect();
        };
        if removal.form == KeyForm::Dumb {
            self.batch = DUMB_KEYS;
        }
        if let Some(error) = self.given_up.get(&removal.file) {
            return jobs.iter().map(|_| Err(again(error))).collect();
        }
        match self.take_from(removal, jobs, to) {
            Ok(outcomes) => outcomes,
            Err(error) => {
                let outcomes = jobs.iter().map(|_| Err(again(&error))).collect();
                self.given_up.insert(removal.file.clone(), error);
                outcomes
            }
        }
    }

    fn take_from(
        &mut self,
        removal: &KeyRemoval,
        jobs: &[Job<'_>],
        to: To<'_>,
    ) -> crate::Result<Vec<Result>> {
        let mut file = keys::open(&self.site.base, removal, self.purpose(to))?;
        let shelf = match to {
            To::Shelf(shelf) if shelf.purpose == Purpose::Undo => Some(shelf),
            _ => None,
        };
        let mut outcomes: Vec<Result> = Vec::new();
        let mut passed = Vec::new();
        for (at, job) in jobs.iter().enumerate() {
            let looked = look(&mut *file, job, shelf.is_some());
            match looked {
                Ok((found, value)) => {
                    outcomes.push(Ok(()));
                    passed.push(Passed {
                        at,
                        job,
                        found,
                        value,
                    });
                }
                Err(stays) => outcomes.push(Err(stays)),
            }
        }
        if matches!(to, To::Check) || passed.is_empty() {
            return Ok(outcomes);
        }
        self.save(shelf, removal, &mut passed)?;
        let leaving: Vec<Leaving<'_>> = passed.iter().map(Passed::leaving).collect();
        let removed = file.remove(&leaving);
        for (passed, removed) in passed.iter().zip(removed) {
            let outcome = match removed {
                Ok(true) => continue,
                Ok(false) => Err(self.stays(passed, super::seen::changed())),
                // Nothing was changed, and what is gone now another program took.
                Err(error) if error.is_refused() => Err(self.stays(passed, Stays::of(error))),
                Err(error) => self.ended(&mut *file, passed, error),
            };
            if let Some(place) = outcomes.get_mut(passed.at) {
                *place = outcome;
            }
        }
        if let Err(error) = file.sync() {
            self.given_up.insert(removal.file.clone(), error.repeated());
            self.leave_undecided();
            self.is_unconfirmed(error);
        }
        Ok(outcomes)
    }

    /// What was saved of a key that certainly stayed is let go of.
    fn stays(&mut self, passed: &Passed<'_>, why: Stays) -> Stays {
        if let Some(saved) = &mut self.saved {
            saved.stays(passed.job.n);
        }
        why
    }

    /// Where a key ended whose removal failed: the failure may have come after the change, so the file is asked.
    fn ended(&mut self, file: &mut dyn keys::Keys, passed: &Passed<'_>, error: Error) -> Result {
        self.leave_undecided();
        if !matches!(file.find(&passed.job.planned.key.key), Ok(None)) {
            return Err(Stays::of(error));
        }
        self.is_unconfirmed(error);
        Ok(())
    }

    /// What was saved of a batch is kept until the file tells, key by key, what became of it.
    fn leave_undecided(&mut self) {
        if let Some(saved) = &mut self.saved {
            saved.leave_undecided();
        }
    }

    fn is_unconfirmed(&mut self, error: Error) {
        let error = error.hint_instead(UNCONFIRMED);
        self.unconfirmed.get_or_insert(error);
    }

    /// On the disk before the first key goes.
    fn save(
        &mut self,
        shelf: Option<&Shelf>,
        removal: &KeyRemoval,
        passed: &mut [Passed<'_>],
    ) -> crate::Result<()> {
        let Some(shelf) = shelf else { return Ok(()) };
        let without_undo = |error: Error| error.hint("--permanent clears without undo");
        let saved = match &mut self.saved {
            Some(saved) => saved,
            none => none.insert(Saved::create(&shelf.dir).map_err(without_undo)?),
        };
        let place = Place {
            file: removal.file.clone(),
            table: String::new(),
            columns: COLUMNS.map(str::to_owned).to_vec(),
        };
        // Values are lent, not copied: they may be large.
        let mut rows: Vec<SavedRow> = passed.iter_mut().map(|p| p.row(&place)).collect();
        let result = saved.save(&rows).map_err(without_undo);
        for (passed, row) in passed.iter_mut().zip(&mut rows) {
            if let Some(Cell::Blob(value)) = row.cells.get_mut(VALUE) {
                passed.value = Some(std::mem::take(value));
            }
        }
        result
    }
}

impl Passed<'_> {
    fn leaving(&self) -> Leaving<'_> {
        Leaving {
            key: &self.job.planned.key.key,
            found: &self.found,
            value: self.value.as_deref(),
        }
    }

    /// What is saved of it; the value is in there until it is taken back.
    fn row(&mut self, place: &Place) -> SavedRow {
        SavedRow {
            n: self.job.n,
            part: 0,
            place: place.clone(),
            rowid: None,
            cells: vec![
                Cell::Blob(self.job.planned.key.key.to_vec()),
                Cell::Blob(self.value.take().unwrap_or_default()),
                Cell::Integer(self.found.mark),
            ],
        }
    }
}

/// A hash of the value that stands under a key, as far as values are held in memory.
fn pin(file: &mut dyn keys::Keys, job: &Job<'_>) -> Option<u64> {
    let key = &job.planned.key.key;
    let found = file.find(key).ok()??;
    let is_listed = found.is(&job.planned.fingerprint) && found.len <= MAX_VALUE_BYTES;
    is_listed.then(|| file.value(key, &found).ok().map(|value| xxh3_64(&value)))?
}

/// The key as it stands, if it is what was planned, and its value where that is saved or compared.
fn look(
    file: &mut dyn keys::Keys,
    job: &Job<'_>,
    is_saved: bool,
) -> Result<(Found, Option<Vec<u8>>)> {
    let key = &job.planned.key.key;
    let Some(found) = file.find(key).map_err(Stays::of)? else {
        return Err(Stays::because("it is gone already"));
    };
    if !found.is(&job.planned.fingerprint) {
        return Err(super::seen::changed());
    }
    if !is_saved && job.planned.content.is_none() {
        return Ok((found, None));
    }
    if found.len > MAX_VALUE_BYTES {
        let limit = crate::model::text::size(MAX_VALUE_BYTES);
        return Err(Stays::because(format!(
            "its value is larger than {limit} and cannot be saved for undo: --permanent clears it without"
        )));
    }
    let value = file.value(key, &found).map_err(Stays::of)?;
    if job
        .planned
        .content
        .is_some_and(|content| content != xxh3_64(&value))
    {
        return Err(super::seen::changed());
    }
    Ok((found, Some(value)))
}

/// The same error once more.
fn again(error: &Error) -> Stays {
    Stays::of(error.repeated())
}
