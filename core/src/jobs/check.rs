//! Chosen rows to verdicts, handed over in batches as they come.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::context::Context;
use super::{Chosen, Outcome};
use crate::Result;
use crate::model::{EntryId, Row, Snapshot, StoreId, Verdict, Version};
use crate::ops::{self, Control, Rows};
use crate::stores::{CheckOptions, Store};

/// Time between two batches.
const PERIOD: Duration = Duration::from_millis(200);

/// Verdicts on some entries.
#[derive(Debug)]
pub struct Checked {
    /// The store.
    pub store: StoreId,
    /// Each entry, what it was like when it was checked, and what was found.
    pub verdicts: Vec<(EntryId, Version, Verdict)>,
}

/// What is to be checked.
pub struct Check {
    /// The listing.
    pub snapshot: Arc<Snapshot>,
    /// Which of its entries.
    pub chosen: Chosen,
    /// What is asked for.
    pub options: CheckOptions,
}

pub(super) fn run(check: &Check, context: &Context) -> Result<()> {
    let snapshot = &*check.snapshot;
    let rows = &check.chosen.rows(snapshot);
    let store = Store::open(&snapshot.store)?.until(&context.cancel);
    let mut verdicts = Vec::new();
    let mut reported = Instant::now();
    let mut sink = |row: Row, verdict: Verdict| {
        let Some(record) = snapshot.record(row) else {
            return;
        };
        verdicts.push((record.id(), record.version(), verdict));
        if reported.elapsed() >= PERIOD {
            // Nobody listening is told by the cancel flag, which is asked at every entry.
            report(snapshot, &mut verdicts, context).ok();
            reported = Instant::now();
        }
    };
    let control = Control {
        cancel: &context.cancel,
        progress: &context.progress,
    };
    let checked = ops::check::run(
        &store,
        Rows { snapshot, rows },
        &check.options,
        control,
        &mut sink,
    );
    report(snapshot, &mut verdicts, context)?;
    checked
}

fn report(
    snapshot: &Snapshot,
    verdicts: &mut Vec<(EntryId, Version, Verdict)>,
    context: &Context,
) -> Result<()> {
    context.report(Outcome::Checked(Box::new(Checked {
        store: snapshot.store.id,
        verdicts: std::mem::take(verdicts),
    })))
}
