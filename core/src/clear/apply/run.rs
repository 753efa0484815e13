//! One clear at work: its journal, its shelf, and the count of what became of each entry.

use std::collections::BTreeSet;
use std::io;

use super::super::journal::{self, By, Head, Manifest};
use super::super::plan::{self, Act, Plan, Planned};
use super::super::quarantine::{self, Purpose, Quarantine, Shelf};
use super::super::{disk, recover};
use super::mechanism::{Job, Mechanisms, Next, To, in_batches};
use super::strays::{self, Strays};
use super::{Applied, Outcome, Site, Stays};
use crate::error::plain_io;
use crate::model::{Cancel, Progress, Time};
use crate::own::StateDir;
use crate::{Error, Result};

pub(super) struct Run<'a> {
    site: &'a Site,
    plan: &'a Plan,
    cancel: &'a Cancel,
    progress: &'a Progress,
    each: &'a mut dyn FnMut(&Planned, Outcome),
    /// The count so far.
    pub(super) applied: Applied,
    /// Numbers of the entries that the journal does not tell of, because the store was not there for a moment.
    unnoted: BTreeSet<usize>,
    /// Numbers of the entries that are out of the store.
    out: BTreeSet<usize>,
    /// What came with them and is none of theirs.
    strays: Strays,
}

impl<'a> Run<'a> {
    pub(super) fn new(
        site: &'a Site,
        plan: &'a Plan,
        cancel: &'a Cancel,
        progress: &'a Progress,
        each: &'a mut dyn FnMut(&Planned, Outcome),
    ) -> Self {
        progress.set_total(plan.removals.len() as u64);
        Self {
            site,
            plan,
            cancel,
            progress,
            each,
            applied: Applied::default(),
            unnoted: BTreeSet::new(),
            out: BTreeSet::new(),
            strays: Strays::new(),
        }
    }

    /// Says of each entry whether it could be taken out now.
    pub(super) fn check(&mut self) {
        self.take_all(To::Check);
    }

    /// Moves entries aside, to lie there until undo or purge.
    ///
    /// # Errors
    /// If nothing could be done at all.
    pub(super) fn keep(&mut self, state: Option<&StateDir>) -> Result<()> {
        self.site.can_keep()?;
        if self.plan.removals.is_empty() {
            return Ok(());
        }
        quarantine::tidy_in(&self.site.parent);
        self.ready(true)?;
        let (quarantine, shelf) = self.new_shelf(Purpose::Undo)?;
        self.take_all(To::Shelf(&shelf));
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
    fn ready(&self, has_shelf: bool) -> Result<()> {
        let first = self.plan.removals.first();
        let removal = first.and_then(|planned| self.site.store.removal(&planned.key).ok());
        removal.map_or(Ok(()), |removal| {
            Mechanisms::new(self.site, self.plan.act)
                .of(By::of(&removal))
                .ready(&removal, has_shelf)
        })
    }

    /// A shelf whose journal is on the disk.
    fn new_shelf(&mut self, purpose: Purpose) -> Result<(Quarantine, Shelf)> {
        let (quarantine, shelf) =
            quarantine::new_shelf(&self.site.parent, &plan::new_id(Time::now()), purpose)?;
        if let Err(error) = self.write_journal(&quarantine, &shelf) {
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
            .and_then(|()| disk::sync_dir(&shelf.dir))
            .map_err(|e| Error::io("Cannot finish the journal", shelf.dir.path(), e));
        self.finished(ended);
    }

    /// Plan and places are on the disk before the first entry moves.
    fn write_journal(&mut self, quarantine: &Quarantine, shelf: &Shelf) -> Result<()> {
        let written = self
            .note_all(shelf)
            .and_then(|()| disk::sync_dir(&shelf.dir))
            .and_then(|()| quarantine.sync());
        written.map_err(|e| match shelf.purpose {
            Purpose::Undo => {
                let what = "Nothing was cleared, because the journal for undo cannot be written";
                Error::refused(what, plain_io(&e))
                    .at(shelf.dir.path())
                    .hint("--permanent clears without undo")
            }
            // What can be done without is the caller's to say.
            Purpose::Free => Error::io("the journal cannot be written", shelf.dir.path(), e),
        })
    }

    fn note_all(&mut self, shelf: &Shelf) -> io::Result<()> {
        let (site, plan) = (self.site, self.plan);
        let mut journal = journal::Writer::new(&shelf.manifest);
        journal.head(Head {
            version: 0,
            id: shelf.name.clone(),
            cleared: Time::now(),
            kind: plan.kind.clone(),
            act: plan.act,
            store: site.store_path.clone(),
            opened: site.opened_path.clone(),
            base: site.base_path.clone(),
            together: plan.together.clone(),
        })?;
        let mut mechanisms = Mechanisms::new(site, plan.act);
        for (n, planned) in plan.removals.iter().enumerate() {
            let Ok(removal) = site.store.removal(&planned.key) else {
                self.unnoted.insert(n);
                continue;
            };
            let by = By::of(&removal);
            let job = Job {
                n,
                planned,
                removal,
            };
            mechanisms.of(by).note(&job, &mut journal)?;
        }
        journal.sync()
    }

    /// Out of the way first, so that a program sees all of it at once; freed once it is known to be what was chosen.
    ///
    /// # Errors
    /// If nothing could be done at all.
    pub(super) fn free(&mut self, state: Option<&StateDir>) -> Result<()> {
        quarantine::tidy_in(&self.site.parent);
        self.ready(true)?;
        let can_keep = self.site.can_keep().is_ok() && !self.plan.removals.is_empty();
        let shelf = can_keep.then(|| self.new_shelf(Purpose::Free));
        let (quarantine, shelf) = match shelf {
            Some(Ok(made)) => made,
            // Freed in place then, which some stores refuse.
            none => {
                let why = none.and_then(Result::err).map(|error| error.message());
                self.ready(false).map_err(|refused| match why {
                    Some(why) => Error::refused(refused.message(), why).at(&self.plan.store),
                    None => refused,
                })?;
                self.take_all(To::Nowhere);
                return Ok(());
            }
        };
        self.take_all(To::Shelf(&shelf));
        let freed = self.free_shelf(&quarantine, shelf, state);
        self.finished(freed.and_then(|()| quarantine.tidy(self.cancel)));
        Ok(())
    }

    /// Dooms a shelf and frees it; what came onto it in between is held on a shelf of its own.
    fn free_shelf(
        &mut self,
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
            gone.filter_map(|n| Some(self.plan.removals.get(*n)?.bytes))
                .fold(0, u64::saturating_add)
        };
        self.applied.bytes_freed = self.applied.bytes_freed.saturating_add(bytes);
        self.applied.bytes_held = self.applied.bytes_held.saturating_sub(bytes);
        result
    }

    fn take_all(&mut self, to: To<'_>) {
        let mut mechanisms = Mechanisms::new(self.site, self.plan.act);
        let cancel = self.cancel;
        let n_left = in_batches(
            self.plan,
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
        self.strays.append(&mut mechanisms.strays());
        self.applied.longest_lock = mechanisms.longest_lock();
        // First where things came, then where they left: a crash between never leaves them in neither place.
        let came = match to {
            To::Check => return,
            To::Nowhere => Ok(()),
            To::Shelf(shelf) => disk::sync_dir(&shelf.dir)
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
            if self.plan.act != Act::Clear && matches!(outcome, Outcome::Done) {
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
