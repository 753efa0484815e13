//! Comparing off-thread: stores side by side, their difference, both values of a key, what if, and converting.

use std::path::PathBuf;
use std::sync::Arc;

use super::Outcome;
use super::context::Context;
use crate::formats::Options as Decoding;
use crate::model::{Cancel, EntryKey, Issue, Snapshot, StoreId, StoreInfo, Time};
use crate::ops::Control;
use crate::ops::compare::{Difference, Latency, Listed, difference, latency};
use crate::ops::stats::{Stats, of_snapshot};
use crate::own::StateDir;
use crate::stores::Store;
use crate::write::bench::{self, Bench};
use crate::write::{self, Converted, Leftovers, Target};
use crate::{Error, Result};

/// Values read for a store's latency.
const READS: usize = 200;
/// Characters of a value that are shown beside another.
const SHOWN: usize = 20_000;

/// A comparison to be made.
pub enum Comparison {
    /// Sums and latencies of stores, measured the same way.
    Sides(Vec<Arc<Snapshot>>, Time),
    /// Every key of two stores.
    Difference(Arc<Snapshot>, Arc<Snapshot>),
    /// The values of one key.
    Values([Option<(Arc<StoreInfo>, EntryKey)>; 2]),
    /// A store's entries in every kind of store; Cachescope's own folder remembers what a kill leaves behind.
    WhatIf(Arc<StoreInfo>, bench::Options, Option<StateDir>),
    /// A new store of another kind.
    Convert {
        /// The store to read.
        source: Arc<StoreInfo>,
        /// What to make of it.
        target: &'static Target,
        /// Where.
        path: PathBuf,
        /// What may be lost.
        options: write::Options,
        /// Remembers what a kill leaves behind.
        state: Option<StateDir>,
    },
}

/// What a comparison found.
#[derive(Debug)]
pub enum Compared {
    /// Each store's sums and latency.
    Sides(Vec<SideFacts>),
    /// Every key of two stores, with the listings that its rows are of.
    Difference {
        /// The left listing.
        left: Arc<Snapshot>,
        /// The right listing.
        right: Arc<Snapshot>,
        /// The keys.
        found: Difference,
    },
    /// Both values as text, or why one cannot be shown; `None` where the key is not.
    Values([Option<Result<String, String>>; 2]),
    /// Figures of every kind, and a sentence on them.
    WhatIf(Bench, String),
    /// The new store.
    Converted(Converted),
    /// Why it came to nothing; what was written is still to be removed.
    Failed(Error),
}

/// What stands in one column of the side by side.
#[derive(Debug)]
pub struct SideFacts {
    /// The store.
    pub store: StoreId,
    /// Its sums and distributions.
    pub stats: Stats,
    /// Reading a value of it; `None` where none could be read.
    pub latency: Option<Latency>,
    /// Files of its entries; `None` where entries have no files of their own.
    pub files: Option<u64>,
    /// Bytes that no entry owns.
    pub dead_bytes: u64,
}

impl Comparison {
    /// What it does, for the jobs line.
    pub(super) fn title(&self) -> String {
        match self {
            Self::Sides(stores, _) => format!("Measuring {} stores", stores.len()),
            Self::Difference(left, right) => {
                format!(
                    "Comparing {} with {}",
                    left.store.title(),
                    right.store.title()
                )
            }
            Self::Values(_) => "Decoding two values".to_owned(),
            Self::WhatIf(store, ..) => format!("Measuring what if for {}", store.title()),
            Self::Convert { source, target, .. } => {
                format!("Converting {} to {}", source.title(), target.title())
            }
        }
    }

    /// Cachescope's own folder, where something is written.
    fn state(&self) -> Option<StateDir> {
        match self {
            Self::WhatIf(.., state) | Self::Convert { state, .. } => state.clone(),
            Self::Sides(..) | Self::Difference(..) | Self::Values(_) => None,
        }
    }

    /// Reports first what there is to say, however long it takes to remove what was written for it.
    pub(super) fn run(self, context: &Context) -> Result<()> {
        let mut leftovers = Leftovers::remembered_in(self.state());
        let found = match self.compare(&mut leftovers, context) {
            Err(error) if leftovers.path().is_none() => return Err(error),
            found => found.unwrap_or_else(Compared::Failed),
        };
        context.report(Outcome::Compared(Box::new(found)))?;
        leftovers.remove(&Cancel::default(), &context.progress)
    }

    fn compare(self, leftovers: &mut Leftovers, context: &Context) -> Result<Compared> {
        let control = Control {
            cancel: &context.cancel,
            progress: &context.progress,
        };
        Ok(match self {
            Self::Sides(snapshots, now) => {
                context
                    .progress
                    .set_total((snapshots.len() * READS * 11 / 10) as u64);
                let facts = snapshots
                    .iter()
                    .map(|snapshot| side(snapshot, now, control));
                Compared::Sides(facts.collect::<Result<_>>()?)
            }
            Self::Difference(left, right) => {
                let ours = Store::open(&left.store)?.until(&context.cancel);
                let theirs = Store::open(&right.store)?.until(&context.cancel);
                let ours = Listed {
                    store: &ours,
                    snapshot: &left,
                };
                let theirs = Listed {
                    store: &theirs,
                    snapshot: &right,
                };
                let found = difference(ours, theirs, control)?;
                Compared::Difference { left, right, found }
            }
            Self::Values(entries) => Compared::Values(entries.map(|entry| entry.map(value_of))),
            Self::WhatIf(info, options, _) => {
                let store = Store::open(&info)?;
                let bench = bench::bench(&store, &options, leftovers, control)?;
                let advice = bench::advice(&bench, info.kind);
                Compared::WhatIf(bench, advice)
            }
            Self::Convert {
                source,
                target,
                path,
                options,
                state: _,
            } => {
                let source = Store::open(&source)?;
                let converted =
                    write::convert(&source, target, &path, &options, leftovers, control)?;
                Compared::Converted(converted)
            }
        })
    }
}

fn side(snapshot: &Arc<Snapshot>, now: Time, control: Control<'_>) -> Result<SideFacts> {
    use crate::model::Role;
    let store = Store::open(&snapshot.store)?;
    let mut stats = of_snapshot(snapshot, now);
    match store.counters() {
        Ok(counters) => stats.counters = counters,
        Err(error) => stats
            .issues
            .push(Issue::from_error(&error, &store.info.path)),
    }
    let files: u64 = snapshot
        .records()
        .map(|(_, record)| u64::from(record.files))
        .sum();
    let orphans = snapshot
        .records()
        .filter(|(_, record)| record.role == Role::Orphan);
    Ok(SideFacts {
        store: snapshot.store.id,
        stats,
        latency: latency(&store, snapshot, READS, control)?,
        files: Some(files).filter(|files| *files > 0),
        dead_bytes: orphans
            .map(|(_, record)| record.bytes)
            .fold(0, u64::saturating_add),
    })
}

/// An element as JSON has it.
fn shown(element: &crate::formats::Element) -> String {
    serde_json::to_string(element).unwrap_or_default()
}

fn value_of((info, entry): (Arc<StoreInfo>, EntryKey)) -> Result<String, String> {
    let read = Store::open(&info)
        .and_then(|store| store.open_value(&entry))
        .and_then(|value| value.preview(&Decoding::SHOW));
    let preview = read.map_err(|error| error.to_string())?;
    let mut text = preview.codec.join(" > ") + "\n";
    // What is no array and no table is written out below.
    if preview.array.is_some() || preview.table.is_some() {
        text.push_str(&preview.summary);
        text.push('\n');
    }
    text.push('\n');
    match &preview.array {
        Some(array) => {
            let first: Vec<String> = array.first.iter().map(shown).collect();
            text.push_str(&first.join(", "));
        }
        None => text.push_str(&preview.value.repr(preview.node, SHOWN).text),
    }
    Ok(text)
}
