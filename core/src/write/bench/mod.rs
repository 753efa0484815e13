//! What if: a store's own entries written to each kind of store, then measured as Cachescope reads them.
//!
//! All of it happens in one folder of ours beside the store, on the same disk, and nothing of it stays.

mod advice;
mod disk;
mod load;
mod measure;

pub use advice::advice;
pub use measure::{Measured, Spread};

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use load::{Load, readable};
use measure::Trial;

use super::stage::Stage;
use super::{Leftovers, TARGETS, Target};
use crate::model::{EntryId, EntryKey, Progress, Record, Role, Row, Snapshot};
use crate::ops::Control;
use crate::ops::compare::{Keys, is_empty_dict};
use crate::ops::sample::{draws, sample};
use crate::stores::Store;
use crate::{Error, Result};

/// What is measured.
#[derive(Debug, Clone)]
pub struct Options {
    /// Only these entries; `None` for all.
    pub only: Option<HashSet<EntryId>>,
    /// Entries at most, drawn at random with `seed`; `None` for all.
    pub sample: Option<usize>,
    /// Entries at most, drawn from those, of kinds that make a folder for each: to some disks every one of these names
    /// is milliseconds of work when it is removed again.
    pub in_folders: usize,
    /// What the draws of entries and reads begin from.
    pub seed: u64,
    /// Times that each kind is listed and read, in turns.
    pub rounds: usize,
    /// Reads of each kind and round.
    pub reads: usize,
    /// Kinds to measure; empty for all.
    pub kinds: Vec<String>,
    /// Folder to work in; `None` for the one that the store lies in.
    pub folder: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            only: None,
            sample: None,
            in_folders: 2_000,
            seed: 1,
            rounds: 3,
            reads: 300,
            kinds: Vec::new(),
            folder: None,
        }
    }
}

/// What was measured, in the order of [`TARGETS`].
#[derive(Debug, Clone)]
pub struct Bench {
    /// Entries written to each kind.
    pub entries: usize,
    /// Entries of the store.
    pub of_entries: usize,
    /// Entries that were drawn and left out because their values are damaged or gone.
    pub unreadable: usize,
    /// Each kind's figures, or why it was left out.
    pub measured: Vec<Measured>,
}

/// Loads above so many bytes or entries are written once instead of once a round.
const WRITTEN_ONCE: (u64, usize) = (64 << 20, 10_000);

/// Writes the store's entries to every kind and measures each; what was written is then the caller's to remove.
///
/// # Errors
/// If the store cannot be read, the folder cannot be written, or it was cancelled.
pub fn bench(
    source: &Store,
    options: &Options,
    leftovers: &mut Leftovers,
    control: Control<'_>,
) -> Result<Bench> {
    let folder = match &options.folder {
        Some(folder) => folder.clone(),
        None => source.parent.path().to_owned(),
    };
    let done = measured(source, options, &folder, leftovers, control).map_err(|error| {
        let error = leftovers.named(error, &folder);
        if error.is_full() {
            error.hint_instead(
                "Make room on the disk, take fewer entries (--sample), or work on another disk (--in)",
            )
        } else {
            error
        }
    });
    control.ended(done)
}

fn measured(
    source: &Store,
    options: &Options,
    folder: &Path,
    leftovers: &mut Leftovers,
    control: Control<'_>,
) -> Result<Bench> {
    let snapshot = Snapshot::read(source, control.cancel, &Progress::default())?;
    let only = options.only.as_ref();
    let is_chosen = |record: &Record<'_>| only.is_none_or(|only| only.contains(&record.id()));
    let all: Vec<(Row, EntryKey)> = snapshot
        .records()
        .filter(|(_, record)| record.role == Role::Entry && is_chosen(record))
        .map(|(row, record)| (row, record.entry_key()))
        .collect();
    if all.is_empty() || is_empty_dict(source, &snapshot)? {
        return Err(Error::usage(
            "Cannot measure anything",
            "there are no entries to measure with",
        )
        .at(&source.info.path));
    }
    let keys = Keys::of(source, &snapshot);
    let of_entries = all.len();
    let drawn = sample(all, options.sample, options.seed);
    let n_drawn = drawn.len();
    let readable = readable(source, keys, drawn, control)?;
    let rows = &readable.rows;
    if rows.is_empty() {
        return Err(
            Error::damaged("Cannot measure anything", "none of the entries can be read")
                .at(&source.info.path),
        );
    }
    let stage = Stage::new_in(folder)
        .map_err(|e| e.hint("Name another folder on the same disk with --in"))?;
    let stage = leftovers.hold(stage);
    let bytes: u64 = rows
        .iter()
        .filter_map(|(row, _)| snapshot.record(*row))
        .map(|record| record.bytes)
        .sum();
    let is_wanted = |target: &&Target| {
        options.kinds.is_empty() || options.kinds.iter().any(|kind| kind == target.kind)
    };
    let few = (options.in_folders.max(1), options.seed);
    let load = Load::new(source, keys, &readable, few);
    let mut trials: Vec<Trial> = TARGETS
        .iter()
        .filter(is_wanted)
        .map(|target| Trial::new(target, stage.path()))
        .collect();
    let rounds = options.rounds.max(1);
    let is_large = bytes > WRITTEN_ONCE.0 || rows.len() > WRITTEN_ONCE.1;
    let n_writes = if is_large { 1 } else { rounds };
    let n_reads = options.reads.max(1);
    let steps =
        |trial: &Trial| (n_writes + 1) * load.places(trial.target()).len() + rounds * (n_reads + 1);
    let n_steps: usize = trials.iter().map(steps).sum();
    control.progress.set_total(n_steps as u64);
    for _ in 0..n_writes {
        for trial in &mut trials {
            trial.write(&load, control)?;
        }
    }
    for trial in &mut trials {
        trial.look(&load, control)?;
    }
    for round in 0..rounds {
        let chosen = draws(rows.len(), n_reads, options.seed.wrapping_add(round as u64));
        for trial in &mut trials {
            trial.read(&chosen, control)?;
        }
    }
    for trial in &mut trials {
        trial.read_cold(rows.len(), options.seed, control)?;
    }
    Ok(Bench {
        entries: rows.len(),
        of_entries,
        unreadable: n_drawn - rows.len(),
        measured: trials.into_iter().map(Trial::finish).collect(),
    })
}
