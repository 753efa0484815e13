//! A few entries to one line each about their values: for the rows on screen.

use std::sync::Arc;
use std::time::Duration;

use super::Outcome;
use super::context::Context;
use crate::Result;
use crate::formats::{Options, Problem};
use crate::model::{EntryKey, Limits, StoreId, StoreInfo, Version};
use crate::stores::Store;

/// A line is worth this much and no more; what it takes to know the type of a value.
const LIMITS: Limits = Limits {
    output_bytes: 1 << 20,
    nodes: 10_000,
    time: Duration::from_millis(50),
};
/// Lines that are reported together.
const BATCH: usize = 16;

/// One line about each of some values.
#[derive(Debug)]
pub struct Glances {
    /// The store.
    pub store: StoreId,
    /// Entry, what it was like when it was read, and the line; `None` where it could not be read.
    pub lines: Vec<(EntryKey, Version, Option<String>)>,
}

pub(super) fn run(
    info: &Arc<StoreInfo>,
    entries: Vec<(EntryKey, Version)>,
    context: &Context,
) -> Result<()> {
    let store = Store::open(info)?.until(&context.cancel);
    let options = Options {
        limits: LIMITS,
        ..Options::GLANCE
    };
    let mut lines = Vec::new();
    for (entry, version) in entries {
        context.cancel.check()?;
        let preview = store
            .open_value(&entry)
            .and_then(|reader| reader.preview(&options));
        let line = preview.ok().map(|preview| {
            let is_damaged = preview.problems.iter().any(Problem::is_damage);
            // What stands before the damage may look like a whole value.
            if is_damaged {
                "damaged".to_owned()
            } else {
                store.glance(preview)
            }
        });
        lines.push((entry, version, line));
        if lines.len() >= BATCH {
            report(info, &mut lines, context)?;
        }
    }
    report(info, &mut lines, context)
}

fn report(
    info: &StoreInfo,
    lines: &mut Vec<(EntryKey, Version, Option<String>)>,
    context: &Context,
) -> Result<()> {
    let lines = std::mem::take(lines);
    let store = info.id;
    context.report(Outcome::Glanced(Box::new(Glances { store, lines })))
}
