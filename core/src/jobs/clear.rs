//! Plans, what becomes of them, and what is held aside: the doors of `clear`, off-thread.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use super::context::Context;
use super::{Chosen, Outcome};
use crate::clear::compact::{self, Gain, Word};
use crate::clear::undo::{self, Held, Purged, Restored};
use crate::clear::{self, Applied, Fresh, How, Plan};
use crate::model::{EntryId, Row, Snapshot, StoreInfo, Time};
use crate::ops::policy::Policy;
use crate::own::StateDir;
use crate::stores::{PolicyLimits, Store};
use crate::{Error, Result};

/// A plan, and what a person wants to know before saying yes.
#[derive(Debug)]
pub struct Planned {
    /// What is to go.
    pub plan: Arc<Plan>,
    /// Where each of it stands in the snapshot that was planned from; empty where no entry has arguments.
    pub rows: Vec<Option<Row>>,
    /// Why nothing can be moved aside there; `None` if it can.
    pub cannot_keep: Option<Error>,
    /// Free bytes on the disk; `None` if the system does not tell.
    pub free_bytes: Option<u64>,
}

/// What a person wants to know before a store is compacted.
#[derive(Debug, Clone, Copy)]
pub struct Prediction {
    /// What it would gain.
    pub gain: Gain,
    /// True if it is done only on the word that no program has the store open.
    pub needs_word: bool,
    /// Free bytes on the disk; `None` if the system does not tell.
    pub free_bytes: Option<u64>,
}

/// What became of a plan.
#[derive(Debug)]
pub struct Cleared {
    /// The plan.
    pub plan: Arc<Plan>,
    /// The sums.
    pub applied: Applied,
    /// Entries that stayed, with the reason.
    pub stayed: Vec<(String, String)>,
}

/// What became of something that was held aside.
#[derive(Debug)]
pub struct BroughtBack {
    /// What was held.
    pub held: Held,
    /// The sums.
    pub restored: Restored,
    /// Entries that stay aside, with the reason.
    pub stayed: Vec<(String, String)>,
}

/// What became of what was to be freed.
#[derive(Debug, Default)]
pub struct Freed {
    /// All that is freed.
    pub purged: Purged,
    /// Why others are still held, one each.
    pub stayed: Vec<Error>,
}

/// A policy, and what it goes by.
#[derive(Debug, Clone)]
pub struct ByPolicy {
    /// The policy.
    pub policy: Policy,
    /// What it is told.
    pub limits: PolicyLimits,
}

pub(super) fn plan(
    snapshot: &Snapshot,
    chosen: &Chosen,
    policy: Option<&ByPolicy>,
    fresh: Fresh,
    context: &Context,
) -> Result<()> {
    let rows = chosen.rows(snapshot);
    let store = Store::open(&snapshot.store)?.until(&context.cancel);
    let records = rows.iter().filter_map(|row| snapshot.record(*row));
    let count = |_: &_| context.progress.add(1);
    let plan = if let Some(ByPolicy { policy, limits }) = policy {
        let records: Vec<_> = records.collect();
        let choice = policy.choose(&store, &records, limits, Time::now(), &context.cancel)?;
        context.progress.set_total(choice.chosen.len() as u64);
        let chosen = choice.chosen.iter();
        let records = chosen.filter_map(|at| records.get(*at).cloned());
        let mut plan = Plan::with(&store, records.inspect(count), fresh)?;
        plan.notes.extend(choice.notes);
        plan
    } else {
        context.progress.set_total(rows.len() as u64);
        Plan::with(&store, records.inspect(count), fresh)?
    };
    report_plan(plan, snapshot, &rows, context)
}

pub(super) fn plan_to_keep(
    snapshot: &Snapshot,
    chosen: &Chosen,
    expires: Time,
    context: &Context,
) -> Result<()> {
    let rows = chosen.rows(snapshot);
    let store = Store::open(&snapshot.store)?.until(&context.cancel);
    context.progress.set_total(rows.len() as u64);
    let records = rows.iter().filter_map(|row| snapshot.record(*row));
    let records = records.inspect(|_| context.progress.add(1));
    let plan = Plan::keep(&store, records, expires)?;
    report_plan(plan, snapshot, &rows, context)
}

/// Checks each entry of a plan once more, and hands the plan over.
fn report_plan(mut plan: Plan, snapshot: &Snapshot, rows: &[Row], context: &Context) -> Result<()> {
    plan.pin(&context.cancel);
    plan.spare_what_stays(&context.cancel, &context.progress);
    context.cancel.check()?;
    context.report(Outcome::Planned(Box::new(Planned {
        rows: rows_of(&plan, snapshot, rows),
        cannot_keep: clear::can_keep(&plan).err(),
        free_bytes: clear::free_bytes(&plan.store),
        plan: Arc::new(plan),
    })))
}

/// The rows of what a plan takes, for calls: their keys tell a person nothing.
fn rows_of(plan: &Plan, snapshot: &Snapshot, rows: &[Row]) -> Vec<Option<Row>> {
    let record = |row: &Row| Some((snapshot.record(*row)?, *row));
    let records = || rows.iter().filter_map(record);
    if records().all(|(record, _)| record.args.iter().next().is_none()) {
        return Vec::new();
    }
    let rows: HashMap<EntryId, Row> = records().map(|(record, row)| (record.id(), row)).collect();
    let row = |planned: &clear::Planned| rows.get(&planned.key.id()).copied();
    plan.removals.iter().map(row).collect()
}

pub(super) fn compact(store: &Arc<StoreInfo>, word: Option<Word>, context: &Context) -> Result<()> {
    let Some(word) = word else {
        return context.report(Outcome::Predicted(Prediction {
            gain: compact::predict(store)?,
            needs_word: compact::needs_word(store)?,
            free_bytes: clear::free_bytes(&store.path),
        }));
    };
    let gain = compact::compact(store, word, &context.cancel)?;
    let store = Arc::clone(store);
    context.report(Outcome::Compacted { store, gain })
}

pub(super) fn apply(
    plan: Arc<Plan>,
    how: How,
    state: Option<&StateDir>,
    context: &Context,
) -> Result<()> {
    let mut stayed = Vec::new();
    let applied = clear::apply(
        &plan,
        how,
        state,
        &context.cancel,
        &context.progress,
        &mut |planned, outcome| stayed.extend(why(&planned.key_label, outcome)),
    )?;
    context.report(Outcome::Cleared(Box::new(Cleared {
        plan,
        applied,
        stayed,
    })))
}

pub(super) fn list(paths: &[PathBuf], state: Option<&StateDir>, context: &Context) -> Result<()> {
    context.report(Outcome::Held(undo::list(paths, state)))
}

pub(super) fn restore(held: Held, context: &Context) -> Result<()> {
    let mut stayed = Vec::new();
    let restored = undo::restore(
        &held,
        &context.cancel,
        &context.progress,
        &mut |entry, outcome| stayed.extend(why(&entry.key_label, outcome)),
    )?;
    context.report(Outcome::BroughtBack(Box::new(BroughtBack {
        held,
        restored,
        stayed,
    })))
}

/// One after the other: they lie in few quarantines, and only one at a time may change each.
pub(super) fn purge(all: &[Held], context: &Context) -> Result<()> {
    let entries = all.iter().map(|held| held.entries as u64);
    let entries = entries.fold(0, u64::saturating_add);
    context.progress.set_total(entries);
    let mut freed = Freed::default();
    for held in all {
        match undo::purge(held, &context.cancel, &context.progress) {
            Ok(Purged { entries, bytes }) => {
                freed.purged.entries += entries;
                freed.purged.bytes = freed.purged.bytes.saturating_add(bytes);
            }
            Err(error) if error.is_cancelled() => break,
            Err(error) => freed.stayed.push(error),
        }
    }
    context.report(Outcome::Purged(Box::new(freed)))?;
    context.cancel.check()
}

/// An entry that stays, and why; `None` if all went well.
fn why(label: &str, outcome: clear::Outcome) -> Option<(String, String)> {
    let reason = match outcome {
        clear::Outcome::Ready | clear::Outcome::Done => return None,
        clear::Outcome::Skipped(why) => why.text().to_owned(),
        clear::Outcome::Failed(error) => error.to_string(),
    };
    Some((label.to_owned(), reason))
}
