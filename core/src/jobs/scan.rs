//! A store to snapshots: the first rows at once, then a growing snapshot a few times a second.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Outcome;
use super::context::Context;
use crate::Result;
use crate::model::{Issue, Snapshot, StoreId, StoreInfo};
use crate::scan::{Batch, scan_to_snapshot};
use crate::source::AccessTimes;
use crate::stores::{Counters, Store};

/// What holds for a store as a whole.
#[derive(Debug)]
pub struct StoreFacts {
    /// The store.
    pub store: StoreId,
    /// How much its files' last accesses say.
    pub access_times: AccessTimes,
    /// Hits and misses that it keeps itself; empty where it keeps none.
    pub counters: Vec<Counters>,
}

/// Time between two reports of a growing snapshot: five a second are enough for an eye.
const PERIOD: Duration = Duration::from_millis(200);

pub(super) fn run(
    info: &Arc<StoreInfo>,
    generation: u64,
    is_refresh: bool,
    context: &Context,
) -> Result<()> {
    let store = Store::open(info)?;
    let mut snapshot = Snapshot::empty(Arc::clone(info));
    snapshot.generation = generation;
    let (counters, issues) = match store.counters() {
        Ok(counters) => (counters, Vec::new()),
        Err(error) => (Vec::new(), vec![Issue::from_error(&error, &info.path)]),
    };
    context.report(Outcome::Known(Box::new(StoreFacts {
        store: info.id,
        access_times: store.access_times(),
        counters,
    })))?;
    let (mut chunks, mut issues, mut overhead) = (Vec::new(), issues, 0);
    let mut reported: Option<Instant> = None;
    let scanned = scan_to_snapshot(&store, &context.cancel, &context.progress, |batch| {
        match batch {
            Batch::Rows(chunk) => chunks.push(*chunk),
            Batch::Issue(issue) => issues.push(issue),
            Batch::Overhead(bytes) => overhead = u64::saturating_add(overhead, bytes),
        }
        if !is_refresh && reported.is_none_or(|at| at.elapsed() >= PERIOD) {
            let (chunks, issues) = (std::mem::take(&mut chunks), std::mem::take(&mut issues));
            snapshot = snapshot.extended(chunks, issues, false);
            // Nobody listening is told by the cancel flag, which the scan asks at every entry.
            context
                .report(Outcome::Scanned(Arc::new(snapshot.clone())))
                .ok();
            reported = Some(Instant::now());
        }
    });
    // What was read before a failure stays on screen, marked as partial.
    let mut whole = snapshot.extended(chunks, issues, scanned.is_ok());
    whole.overhead_bytes = overhead;
    if scanned.is_ok() || !is_refresh {
        context.report(Outcome::Scanned(Arc::new(whole)))?;
    }
    scanned
}
