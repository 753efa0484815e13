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

/// Bytes of values that a batch of several keys holds at most, as planned.
const BATCH_BYTES: u64 = 32 << 20;

/// What of a key is saved for undo, as a row of these columns.
pub(in super::super) const COLUMNS: [&str; 3] = ["key", "value", "mark"];
const VALUE: usize = 1;

/// The mechanism for [`Removal::Key`].
pub(super) struct Keys<'a> {
    site: &'a Site,
    /// The form of the file that was changed last.
    form: Option<KeyForm>,
    /// The file that is only looked into, for all batches: what it takes to open one grows with the file.
    looked_into: Option<(PathBuf, Box<dyn keys::Keys + 'a>)>,
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
        keys::open(&self.site.base, removal, self.to_change(None)).map(drop)
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

    fn batch(&self, n_planned: usize) -> usize {
        keys::batch(self.form, n_planned)
    }

    fn pin(&mut self, jobs: &[Job<'_>]) -> Vec<Option<u64>> {
        let Some(Removal::Key(removal)) = jobs.first().map(|job| &job.removal) else {
            return vec![None; jobs.len()];
        };
        let store = &self.site.store;
        let Ok(file) = self.look_into(removal) else {
            return vec![None; jobs.len()];
        };
        // Values on each other's bytes are no values that were written: a file may name the same ones very often.
        let is_one = |job: &Job<'_>| !store.is_read_with_another(&job.planned.key);
        let pin_one = |job| if is_one(job) { pin(file, job) } else { None };
        jobs.iter().map(pin_one).collect()
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
            form: None,
            looked_into: None,
            given_up: BTreeMap::new(),
            saved: None,
            unconfirmed: None,
        }
    }

    fn to_change<'s>(&self, shelf: Option<&'s Shelf>) -> For<'s> {
        For::Changing {
            shelf,
            is_unused: self.site.is_unused,
        }
    }

    fn look_into(&mut self, removal: &KeyRemoval) -> crate::Result<&mut (dyn keys::Keys + 'a)> {
        let looked_into = match self.looked_into.take() {
            Some(opened) if opened.0 == removal.file => opened,
            _ => {
                let file = keys::open(&self.site.base, removal, For::Looking)?;
                (removal.file.clone(), file)
            }
        };
        Ok(&mut *self.looked_into.insert(looked_into).1)
    }

    /// One file's keys at a time: a store of keys is one file.
    fn take_batch(&mut self, first: &Job<'_>, jobs: &[Job<'_>], to: To<'_>) -> Vec<Result> {
        let Removal::Key(removal) = &first.removal else {
            return jobs
                .iter()
                .map(|_| Err(Stays::because("it is no key")))
                .collect();
        };
        self.form = Some(removal.form);
        if let Some(error) = self.given_up.get(&removal.file) {
            return jobs.iter().map(|_| Err(again(error))).collect();
        }
        let taken = match to {
            To::Check => self.check(removal, jobs),
            To::Shelf(shelf) => self.take_from(removal, jobs, Some(shelf)),
            To::Nowhere => self.take_from(removal, jobs, None),
        };
        match taken {
            Ok(outcomes) => outcomes,
            Err(error) => {
                let outcomes = jobs.iter().map(|_| Err(again(&error))).collect();
                self.given_up.insert(removal.file.clone(), error);
                outcomes
            }
        }
    }

    fn check(&mut self, removal: &KeyRemoval, jobs: &[Job<'_>]) -> crate::Result<Vec<Result>> {
        let file = self.look_into(removal)?;
        let checked = |job| look(file, job, false).map(drop);
        Ok(jobs.iter().map(checked).collect())
    }

    fn take_from(
        &mut self,
        removal: &KeyRemoval,
        jobs: &[Job<'_>],
        shelf: Option<&Shelf>,
    ) -> crate::Result<Vec<Result>> {
        let mut file = keys::open(&self.site.base, removal, self.to_change(shelf))?;
        let shelf = shelf.filter(|shelf| shelf.purpose == Purpose::Undo);
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
        if passed.is_empty() {
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

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "the test plays the program")]
mod tests {
    use std::fmt::Write as _;
    use std::fs;

    use super::*;
    use crate::clear::Plan;
    use crate::clear::apply::mechanism::{Mechanisms, Next, in_batches};
    use crate::model::{Cancel, Progress, Snapshot};
    use crate::stores::{Store, open_all};

    /// What a plan of `n_keys` keys reads of a shelf when it is made certain, and the length of the shelf's index.
    fn read_of(n_keys: usize) -> (u64, u64) {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("shelf");
        let mut index = String::new();
        for n in 0..n_keys {
            writeln!(index, "'key {n}', ({}, 1)", n * 512).unwrap();
        }
        fs::write(path.with_extension("dir"), &index).unwrap();
        fs::write(path.with_extension("dat"), vec![b'x'; n_keys * 512]).unwrap();
        let store = Store::open(&open_all(&path).unwrap().remove(0)).unwrap();
        let snapshot = Snapshot::read(&store, &Cancel::default(), &Progress::default()).unwrap();
        let plan = Plan::new(&store, snapshot.records().map(|(_, record)| record)).unwrap();
        let site = Site::open(&plan).unwrap();
        let before = site.base.tally().work().bytes;
        let mut mechanisms = Mechanisms::new(&site, plan.act);
        let mut n_sound = 0;
        let cancel = Cancel::default();
        in_batches(&plan, &mut mechanisms, &cancel, &mut |mechanisms, next| {
            let Next::Batch(by, jobs) = next else {
                panic!("a key is lost")
            };
            let pins = mechanisms.of(by).pin(&jobs);
            let checked = mechanisms.of(by).take(&jobs, To::Check);
            let both = pins.iter().zip(&checked);
            n_sound += both
                .filter(|(pin, checked)| pin.is_some() && checked.is_ok())
                .count();
        });
        assert_eq!(n_sound, n_keys);
        (site.base.tally().work().bytes - before, index.len() as u64)
    }

    #[test]
    fn an_index_is_read_once_for_all_batches_of_a_plan() {
        for n_keys in [100, 3000] {
            let (read, index) = read_of(n_keys);
            assert_eq!(read, index + n_keys as u64, "{n_keys} keys");
        }
    }
}
