//! What each mechanism can do, and the way of a plan's entries to theirs, in batches.

use std::collections::BTreeMap;
use std::time::Duration;

use super::super::journal::{self, By};
use super::super::plan::{Act, Plan, Planned};
use super::super::quarantine::Shelf;
use super::files::Files;
use super::foresee::Foreseen;
use super::keys::Keys;
use super::rows::Rows;
use super::strays::Strays;
use super::{Site, Stays};
use crate::model::Cancel;
use crate::stores::Removal;
use crate::{Error, Result};

/// What is told where a failure came after the change.
pub(super) const UNCONFIRMED: &str =
    "What was to be done is done as far as programs see; the disk did not confirm it";

/// An entry on its way out.
pub(super) struct Job<'p> {
    /// Its number in the plan; what is held of it is called by that.
    pub(super) n: usize,
    pub(super) planned: &'p Planned,
    pub(super) removal: Removal,
}

/// Where entries go.
#[derive(Clone, Copy)]
pub(super) enum To<'s> {
    /// Nowhere yet: only checked.
    Check,
    /// Onto a shelf of the quarantine.
    Shelf(&'s Shelf),
    /// Freed in place, because there is no shelf.
    Nowhere,
}

/// Takes entries of one sort out of a store; one file of this folder each.
pub(super) trait Mechanism {
    /// Refuses where none of the entries could be taken out now; `has_shelf` says whether something can lie beside.
    fn ready(&mut self, _removal: &Removal, _has_shelf: bool) -> Result<()> {
        Ok(())
    }

    /// Writes down what undo has to know, before anything is changed.
    fn note(&mut self, job: &Job<'_>, journal: &mut journal::Writer<'_>) -> std::io::Result<()>;

    /// Hashes of what is stored, for entries that nothing else tells apart from others written in their place.
    fn pin(&mut self, jobs: &[Job<'_>]) -> Vec<Option<u64>> {
        vec![None; jobs.len()]
    }

    /// Notes what would keep undo from bringing entries back.
    fn foresee(&mut self, _jobs: &[Job<'_>], _foreseen: &mut Foreseen) {}

    /// Entries that it takes at a time, at most, of so many that are planned; asked again before each batch.
    fn batch(&self, _n_planned: usize) -> usize {
        1
    }

    /// Checks a batch of entries and takes them out; as many outcomes as jobs.
    ///
    /// `Ok` is out for every program; whether it is so on the disk is known after [`Mechanism::sync`]. What fails
    /// without telling on which side it ended stays saved, and the store is asked.
    fn take(&mut self, jobs: &[Job<'_>], to: To<'_>) -> Vec<std::result::Result<(), Stays>>;

    /// Waits until what was taken out is so on the disk.
    ///
    /// # Errors
    /// If that cannot be known, also of what was taken out some batches ago.
    fn sync(&mut self) -> Result<()>;

    /// What lies on the shelf and is no part of the entries that were taken.
    fn strays(&mut self) -> Strays {
        Strays::new()
    }

    /// Longest that it kept other writers out of a file.
    fn longest_lock(&self) -> Option<Duration> {
        None
    }
}

/// The mechanisms at work on one store, each made at its first use.
pub(super) struct Mechanisms<'a> {
    site: &'a Site,
    act: Act,
    made: BTreeMap<By, Box<dyn Mechanism + 'a>>,
}

impl<'a> Mechanisms<'a> {
    pub(super) fn new(site: &'a Site, act: Act) -> Self {
        Self {
            site,
            act,
            made: BTreeMap::new(),
        }
    }

    pub(super) fn of(&mut self, by: By) -> &mut (dyn Mechanism + 'a) {
        let (site, act) = (self.site, self.act);
        let mechanism = self.made.entry(by).or_insert_with(|| match by {
            By::Files => Box::new(Files::new(site)),
            By::Rows => Box::new(Rows::new(site, act)),
            By::Keys => Box::new(Keys::new(site)),
        });
        &mut **mechanism
    }

    /// What lies on the shelf and is no part of the entries that were taken.
    pub(super) fn strays(&mut self) -> Strays {
        self.made.values_mut().flat_map(|m| m.strays()).collect()
    }

    /// Longest that one of them kept other writers out of a file.
    pub(super) fn longest_lock(&self) -> Option<Duration> {
        self.made.values().filter_map(|m| m.longest_lock()).max()
    }

    pub(super) fn sync(&mut self) -> Result<()> {
        self.made.values_mut().try_for_each(|m| m.sync())
    }
}

/// What is next of a plan.
pub(super) enum Next<'p> {
    /// Entries of one mechanism.
    Batch(By, Vec<Job<'p>>),
    /// An entry that the backend cannot say how to take out.
    Lost(&'p Planned, Error),
}

/// Goes through a plan in its order, neighbours of one mechanism in batches; how many entries were not reached.
pub(super) fn in_batches<'a, 'p>(
    plan: &'p Plan,
    mechanisms: &mut Mechanisms<'a>,
    cancel: &Cancel,
    each: &mut dyn FnMut(&mut Mechanisms<'a>, Next<'p>),
) -> usize {
    let mut waiting: Vec<Job<'p>> = Vec::new();
    for (n, planned) in plan.removals.iter().enumerate() {
        if cancel.is_cancelled() {
            return plan.removals.len() - n + waiting.len();
        }
        let removal = mechanisms.site.store.removal(&planned.key);
        let by = removal.as_ref().ok().map(By::of);
        let is_other = |first: &Job<'_>| Some(By::of(&first.removal)) != by;
        if let Some(first) = waiting.first().filter(|first| is_other(first)) {
            let by = By::of(&first.removal);
            each(mechanisms, Next::Batch(by, std::mem::take(&mut waiting)));
        }
        match removal {
            Err(error) => each(mechanisms, Next::Lost(planned, error)),
            Ok(removal) => {
                let by = By::of(&removal);
                waiting.push(Job {
                    n,
                    planned,
                    removal,
                });
                if waiting.len() >= mechanisms.of(by).batch(plan.removals.len()) {
                    each(mechanisms, Next::Batch(by, std::mem::take(&mut waiting)));
                }
            }
        }
    }
    if let Some(first) = waiting.first() {
        let by = By::of(&first.removal);
        each(mechanisms, Next::Batch(by, waiting));
    }
    0
}
