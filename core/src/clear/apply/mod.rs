//! Carries out a plan: each entry is checked again against the disk, then moved aside or freed.
//!
//! One file per mechanism; a mechanism knows folders, files or rows, never a kind of cache.

mod files;
mod foresee;
mod keys;
mod outcome;
mod rows;
pub(super) mod seen;
mod site;
mod strays;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use super::journal::{self, By, Head, Manifest};
use super::plan::{self, Act, Plan, Planned};
use super::quarantine::{self, Purpose, Quarantine, Shelf};
use super::recover;
use crate::error::plain_io;
use crate::model::Time;
use crate::own::StateDir;
use crate::scan::{Cancel, Progress};
use crate::stores::Removal;
use crate::{Error, Result};
use files::Files;
use foresee::Foreseen;
use keys::Keys;
use rows::Rows;
use strays::Strays;

pub(super) use files::read_guard;
pub(super) use foresee::foresee;
pub(super) use outcome::Stays;
pub use outcome::{Applied, How, Outcome, Why};
pub(super) use site::Site;

/// What is told where a failure came after the change.
const UNCONFIRMED: &str =
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

    /// Entries that it takes at a time, at most; asked again before each batch.
    fn batch(&self) -> usize {
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
struct Mechanisms<'a> {
    site: &'a Site,
    act: Act,
    made: BTreeMap<By, Box<dyn Mechanism + 'a>>,
}

impl<'a> Mechanisms<'a> {
    fn new(site: &'a Site, act: Act) -> Self {
        Self {
            site,
            act,
            made: BTreeMap::new(),
        }
    }

    fn of(&mut self, by: By) -> &mut (dyn Mechanism + 'a) {
        let (site, act) = (self.site, self.act);
        let mechanism = self.made.entry(by).or_insert_with(|| match by {
            By::Files => Box::new(Files::new(site)),
            By::Rows => Box::new(Rows::new(site, act)),
            By::Keys => Box::new(Keys::new(site)),
        });
        &mut **mechanism
    }

    fn sync(&mut self) -> Result<()> {
        self.made.values_mut().try_for_each(|m| m.sync())
    }
}

/// Carries out `plan`; `each` hears what became of every entry, in the plan's order.
///
/// With a `state` folder the place of the quarantine is remembered there, so that undo finds it by itself.
/// A cancelled clear ends with what was done so far, as [`Applied::not_tried`] tells.
///
/// # Errors
/// If nothing could be done at all: the store is gone or another one, or nothing can be moved aside there
/// ([`Error::is_refused`]).
pub fn apply(
    plan: &Plan,
    how: How,
    state: Option<&StateDir>,
    cancel: &Cancel,
    progress: &Progress,
    each: &mut dyn FnMut(&Planned, Outcome),
) -> Result<Applied> {
    let site = Site::open(plan)?;
    let mut run = Run {
        site: &site,
        cancel,
        progress,
        each,
        applied: Applied::default(),
        unnoted: BTreeSet::new(),
        out: BTreeSet::new(),
        strays: Strays::new(),
    };
    progress.set_total(plan.removals.len() as u64);
    match how {
        How::Check => run.take_all(plan, To::Check),
        How::Keep => run.keep(plan, state)?,
        How::Free => run.free(plan, state)?,
    }
    Ok(run.applied)
}

/// Says whether entries of this plan can be moved aside at all, without changing anything.
///
/// # Errors
/// [`Error::is_refused`], with the reason, if they cannot.
pub fn can_keep(plan: &Plan) -> Result<()> {
    Site::open(plan)?.can_keep()
}

/// What is next of a plan.
enum Next<'p> {
    /// Entries of one mechanism.
    Batch(By, Vec<Job<'p>>),
    /// An entry that the backend cannot say how to take out.
    Lost(&'p Planned, Error),
}

/// Goes through a plan in its order, neighbours of one mechanism in batches; how many entries were not reached.
fn in_batches<'a, 'p>(
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
                if waiting.len() >= mechanisms.of(by).batch() {
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

struct Run<'a> {
    site: &'a Site,
    cancel: &'a Cancel,
    progress: &'a Progress,
    each: &'a mut dyn FnMut(&Planned, Outcome),
    applied: Applied,
    /// Numbers of the entries that the journal does not tell of, because the store was not there for a moment.
    unnoted: BTreeSet<usize>,
    /// Numbers of the entries that are out of the store.
    out: BTreeSet<usize>,
    /// What came with them and is none of theirs.
    strays: Strays,
}

impl Run<'_> {
    fn keep(&mut self, plan: &Plan, state: Option<&StateDir>) -> Result<()> {
        self.site.can_keep()?;
        if plan.removals.is_empty() {
            return Ok(());
        }
        quarantine::tidy_in(&self.site.parent);
        self.ready(plan, true)?;
        let (quarantine, shelf) = self.new_shelf(plan, Purpose::Undo)?;
        self.take_all(plan, To::Shelf(&shelf));
        self.decide(&shelf);
        if self.applied.removed == 0 && quarantine::is_empty(&shelf.dir)? {
            let tidied = quarantine
                .discard(shelf)
                .and_then(|()| quarantine.tidy(&Cancel::default()));
            self.finished(tidied);
            return Ok(());
        }
        self.hold(&quarantine, &shelf, state);
        Ok(())
    }

    /// Lets the store tell on which side entries ended whose removal failed: those that are out stay held.
    fn decide(&mut self, shelf: &Shelf) {
        let applied = &self.applied;
        if applied.failed + applied.skipped == 0 && applied.unfinished.is_none() {
            return;
        }
        let decided = match Manifest::read(&shelf.manifest) {
            Ok(Some(manifest)) => recover::rows(&self.site.parent, &shelf.dir, &manifest),
            Ok(None) => Ok(()),
            Err(e) => Err(Error::io("Cannot read the journal", shelf.dir.path(), e)),
        };
        self.finished(decided);
    }

    /// Remembers why something is not finished; the first reason is the one that is told.
    fn finished(&mut self, result: Result<()>) {
        if let Err(error) = result {
            let error = error.hint("The next clear, undo or purge finishes it");
            self.applied.unfinished.get_or_insert(error);
        }
    }

    /// Asks the mechanism of the first entry: a store that cannot be changed now has the same answer for all.
    fn ready(&self, plan: &Plan, has_shelf: bool) -> Result<()> {
        let first = plan.removals.first();
        let removal = first.and_then(|planned| self.site.store.removal(&planned.key).ok());
        removal.map_or(Ok(()), |removal| {
            Mechanisms::new(self.site, plan.act)
                .of(By::of(&removal))
                .ready(&removal, has_shelf)
        })
    }

    /// A shelf whose journal is on the disk.
    fn new_shelf(&mut self, plan: &Plan, purpose: Purpose) -> Result<(Quarantine, Shelf)> {
        let (quarantine, shelf) =
            quarantine::new_shelf(&self.site.parent, &plan::new_id(Time::now()), purpose)?;
        if let Err(error) = self.write_journal(plan, &quarantine, &shelf) {
            // Nothing was moved yet, so the shelf only has to go again.
            quarantine
                .discard(shelf)
                .and_then(|()| quarantine.tidy(&Cancel::default()))
                .ok();
            return Err(error);
        }
        Ok((quarantine, shelf))
    }

    /// What lies on the shelf stays there until undo or purge.
    fn hold(&mut self, quarantine: &Quarantine, shelf: &Shelf, state: Option<&StateDir>) {
        if let Some(state) = state
            && let Err(error) = state.remember_quarantine(&quarantine.path())
        {
            // The quarantine describes itself; without our own folder it is found beside the store.
            log::warn!("{error}");
        }
        self.applied.undo_id = Some(shelf.name.clone());
        self.applied.quarantine = Some(quarantine.path());
        // Entries are held all the same, and the next command finishes the journal.
        let ended = journal::finish(&shelf.manifest)
            .and_then(|()| super::disk::sync_dir(&shelf.dir))
            .map_err(|e| Error::io("Cannot finish the journal", shelf.dir.path(), e));
        self.finished(ended);
    }

    /// Plan and places are on the disk before the first entry moves.
    fn write_journal(&mut self, plan: &Plan, quarantine: &Quarantine, shelf: &Shelf) -> Result<()> {
        let fail = |e| match shelf.purpose {
            Purpose::Undo => {
                let what = "Nothing was cleared, because the journal for undo cannot be written";
                Error::refused(what, plain_io(&e))
                    .at(shelf.dir.path())
                    .hint("--permanent clears without undo")
            }
            // What can be done without is the caller's to say.
            Purpose::Free => Error::io("the journal cannot be written", shelf.dir.path(), e),
        };
        let mut journal = journal::Writer::new(&shelf.manifest);
        let written = (|| {
            journal.head(Head {
                version: 0,
                id: shelf.name.clone(),
                cleared: Time::now(),
                kind: plan.kind.clone(),
                act: plan.act,
                store: self.site.store_path.clone(),
                opened: self.site.opened_path.clone(),
                base: self.site.base_path.clone(),
                together: plan.together.clone(),
            })?;
            let mut mechanisms = Mechanisms::new(self.site, plan.act);
            for (n, planned) in plan.removals.iter().enumerate() {
                let Ok(removal) = self.site.store.removal(&planned.key) else {
                    self.unnoted.insert(n);
                    continue;
                };
                let job = Job {
                    n,
                    planned,
                    removal,
                };
                mechanisms
                    .of(By::of(&job.removal))
                    .note(&job, &mut journal)?;
            }
            journal.sync()?;
            super::disk::sync_dir(&shelf.dir)?;
            quarantine.sync()
        })();
        written.map_err(fail)
    }

    /// Out of the way first, so that a program sees all of it at once; freed once it is known to be what was chosen.
    ///
    /// # Errors
    /// If nothing could be done at all.
    fn free(&mut self, plan: &Plan, state: Option<&StateDir>) -> Result<()> {
        quarantine::tidy_in(&self.site.parent);
        self.ready(plan, true)?;
        let can_keep = self.site.can_keep().is_ok() && !plan.removals.is_empty();
        let shelf = can_keep.then(|| self.new_shelf(plan, Purpose::Free));
        let (quarantine, shelf) = match shelf {
            Some(Ok(made)) => made,
            // Freed in place then, which some stores refuse.
            none => {
                let why = none.and_then(Result::err).map(|error| error.message());
                self.ready(plan, false).map_err(|refused| match why {
                    Some(why) => Error::refused(refused.message(), why).at(&plan.store),
                    None => refused,
                })?;
                self.take_all(plan, To::Nowhere);
                return Ok(());
            }
        };
        self.take_all(plan, To::Shelf(&shelf));
        let freed = self.free_shelf(plan, &quarantine, shelf, state);
        self.finished(freed.and_then(|()| quarantine.tidy(self.cancel)));
        Ok(())
    }

    /// Dooms a shelf and frees it; what came onto it in between is held on a shelf of its own.
    fn free_shelf(
        &mut self,
        plan: &Plan,
        quarantine: &Quarantine,
        mut shelf: Shelf,
        state: Option<&StateDir>,
    ) -> Result<()> {
        let strays = strays::on(&shelf, &self.out, &self.strays)?;
        if !strays.is_empty() {
            match strays::set_aside(&self.site.parent, &shelf, &strays, &self.strays) {
                Ok(aside) => self.hold(quarantine, &aside, state),
                Err(error) => {
                    // They cannot be told apart any more once the shelf is doomed, so all of it is held.
                    self.hold(quarantine, &shelf, state);
                    return Err(error);
                }
            }
        }
        quarantine.doom(&mut shelf)?;
        let mut freed = BTreeSet::new();
        let result = quarantine.free(shelf, self.cancel, |n| {
            freed.insert(n);
        });
        let bytes = if result.is_ok() {
            self.applied.bytes_held
        } else {
            let gone = self.out.intersection(&freed);
            gone.filter_map(|n| Some(plan.removals.get(*n)?.bytes))
                .fold(0, u64::saturating_add)
        };
        self.applied.bytes_freed = self.applied.bytes_freed.saturating_add(bytes);
        self.applied.bytes_held = self.applied.bytes_held.saturating_sub(bytes);
        result
    }

    fn take_all(&mut self, plan: &Plan, to: To<'_>) {
        let mut mechanisms = Mechanisms::new(self.site, plan.act);
        let cancel = self.cancel;
        let n_left = in_batches(
            plan,
            &mut mechanisms,
            cancel,
            &mut |mechanisms, next| match next {
                Next::Batch(by, mut jobs) => {
                    jobs.retain(|job| self.is_noted(job, to));
                    self.take(mechanisms, by, &jobs, to);
                }
                Next::Lost(planned, error) => {
                    self.count(planned, Stays::of(error).into(), to, false);
                }
            },
        );
        self.applied.not_tried = n_left;
        for mechanism in mechanisms.made.values_mut() {
            self.strays.append(&mut mechanism.strays());
        }
        let locks = mechanisms.made.values().filter_map(|m| m.longest_lock());
        self.applied.longest_lock = locks.max();
        // First where things came, then where they left: a crash between never leaves them in neither place.
        let came = match to {
            To::Check => return,
            To::Nowhere => Ok(()),
            To::Shelf(shelf) => super::disk::sync_dir(&shelf.dir)
                .map_err(|e| Error::io("Cannot wait for the disk", shelf.dir.path(), e)),
        };
        self.finished(came.and_then(|()| mechanisms.sync()));
    }

    /// What undo would not know of stays.
    fn is_noted(&mut self, job: &Job<'_>, to: To<'_>) -> bool {
        let is_noted = !matches!(to, To::Shelf(_)) || !self.unnoted.contains(&job.n);
        if !is_noted {
            let why = "its cache was not there when the journal for undo was written";
            self.count(job.planned, Stays::because(why).into(), to, false);
        }
        is_noted
    }

    fn take(&mut self, mechanisms: &mut Mechanisms<'_>, by: By, jobs: &[Job<'_>], to: To<'_>) {
        let outcomes = mechanisms.of(by).take(jobs, to);
        for (job, taken) in jobs.iter().zip(outcomes) {
            if taken.is_ok() {
                self.out.insert(job.n);
            }
            let outcome = taken.map_or_else(Outcome::from, |()| done(to));
            if mechanisms.act != Act::Clear && matches!(outcome, Outcome::Done) {
                self.applied.removed += 1;
                self.hear(job.planned, outcome);
                continue;
            }
            // A row's value may have a file of its own.
            let is_inside = by != By::Files && job.planned.disk_bytes == 0;
            self.count(job.planned, outcome, to, is_inside);
        }
    }

    fn count(&mut self, planned: &Planned, outcome: Outcome, to: To<'_>, is_inside: bool) {
        let is_kept = matches!(to, To::Shelf(shelf) if shelf.purpose == Purpose::Undo);
        let applied = &mut self.applied;
        match (&outcome, to) {
            (Outcome::Ready, _) => applied.ready += 1,
            (Outcome::Skipped(_), _) => applied.skipped += 1,
            (Outcome::Failed(_), _) => applied.failed += 1,
            (Outcome::Done, _) if is_inside && !is_kept => {
                applied.removed += 1;
                applied.bytes_inside = applied.bytes_inside.saturating_add(planned.bytes);
            }
            (Outcome::Done, To::Nowhere) => {
                applied.removed += 1;
                applied.bytes_freed = applied.bytes_freed.saturating_add(planned.bytes);
            }
            (Outcome::Done, _) => {
                applied.removed += 1;
                applied.bytes_held = applied.bytes_held.saturating_add(planned.bytes);
            }
        }
        self.hear(planned, outcome);
    }

    fn hear(&mut self, planned: &Planned, outcome: Outcome) {
        (self.each)(planned, outcome);
        self.progress.add(1);
    }
}

fn done(to: To<'_>) -> Outcome {
    match to {
        To::Check => Outcome::Ready,
        To::Shelf(_) | To::Nowhere => Outcome::Done,
    }
}

/// `path` below `parent`, in plain names.
pub(super) fn below<'p>(path: &'p Path, parent: &Path) -> Result<&'p Path> {
    path.strip_prefix(parent).map_err(|_outside| {
        Error::refused(
            "Cannot clear the store",
            "it does not lie below the path that was opened",
        )
        .at(path)
    })
}
