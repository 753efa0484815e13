//! What if: a store's own entries written to each kind of store, then measured as Cachescope reads them.
//!
//! All of it happens in one folder of ours beside the store, on the same disk, and nothing of it stays.

mod advice;
mod measure;

pub use advice::advice;
pub use measure::{Measured, Spread};

use std::path::PathBuf;

use measure::Trial;

use super::stage::Stage;
use super::{TARGETS, Target, joblib};
use crate::model::{EntryKey, Role, Row, Snapshot};
use crate::ops::Control;
use crate::ops::compare::Keys;
use crate::ops::sample::{draws, sample};
use crate::scan::Progress;
use crate::stores::{Payload, Store};
use crate::{Error, Result};

/// What is measured.
#[derive(Debug, Clone)]
pub struct Options {
    /// Entries at most, drawn at random with `seed`; `None` for all.
    pub sample: Option<usize>,
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
            sample: None,
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

/// Writes the store's entries to every kind and measures each.
///
/// # Errors
/// If the store cannot be read, the folder cannot be written, or it was cancelled; nothing stays in any case.
pub fn bench(source: &Store, options: &Options, control: Control<'_>) -> Result<Bench> {
    let snapshot = Snapshot::read(source, control.cancel, &Progress::default())?;
    let all: Vec<(Row, EntryKey)> = snapshot
        .records()
        .filter(|(_, record)| record.role == Role::Entry)
        .map(|(row, record)| (row, record.entry_key()))
        .collect();
    if all.is_empty() {
        return Err(
            Error::usage("Cannot measure anything", "the store has no entries")
                .at(&source.info.path),
        );
    }
    let of_entries = all.len();
    let drawn = sample(all, options.sample, options.seed);
    let n_drawn = drawn.len();
    let Readable { rows, values } = readable(source, drawn, control)?;
    if rows.is_empty() {
        return Err(
            Error::damaged("Cannot measure anything", "none of the entries can be read")
                .at(&source.info.path),
        );
    }
    let folder = match &options.folder {
        Some(folder) => folder.clone(),
        None => source.parent.path().to_owned(),
    };
    let stage = Stage::new_in(&folder)
        .map_err(|e| e.hint("Name another folder on the same disk with --in"))?;
    let bytes: u64 = rows
        .iter()
        .filter_map(|(row, _)| snapshot.record(*row))
        .map(|record| record.bytes)
        .sum();
    let is_wanted = |target: &&Target| {
        options.kinds.is_empty() || options.kinds.iter().any(|kind| kind == target.kind)
    };
    let load = Load {
        source,
        keys: Keys::of(source, &snapshot)?,
        rows: &rows,
        values: &values,
    };
    let mut trials: Vec<Trial> = TARGETS
        .iter()
        .filter(is_wanted)
        .map(|target| Trial::new(target, stage.path()))
        .collect();
    let rounds = options.rounds.max(1);
    let is_large = bytes > WRITTEN_ONCE.0 || rows.len() > WRITTEN_ONCE.1;
    let n_writes = if is_large { 1 } else { rounds };
    let n_reads = options.reads.max(1);
    let per_trial = (n_writes + 1) * rows.len() + rounds * (n_reads + 1);
    control
        .progress
        .set_total((trials.len() * per_trial) as u64);
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
    for trial in &trials {
        trial.remove()?;
        control.progress.add(rows.len() as u64);
        control.cancel.check()?;
    }
    Ok(Bench {
        entries: rows.len(),
        of_entries,
        unreadable: n_drawn - rows.len(),
        measured: trials.into_iter().map(Trial::finish).collect(),
    })
}

/// Values up to this are kept in memory instead of being read again for each kind.
const KEPT_BYTES: u64 = 256 << 20;

/// What of the store can be written elsewhere.
#[derive(Default)]
struct Readable {
    rows: Vec<(Row, EntryKey)>,
    /// Their values, in the same order; empty where they are too large to be kept, or of joblib's own form.
    values: Vec<Payload>,
}

/// The entries whose values can be read: torn and incomplete ones are left out of every kind, and counted.
fn readable(source: &Store, drawn: Vec<(Row, EntryKey)>, control: Control<'_>) -> Result<Readable> {
    let mut readable = Readable::default();
    let mut n_bytes = 0_u64;
    let mut are_kept = source.info.kind != joblib::KIND;
    for (row, entry) in drawn {
        control.cancel.check()?;
        match source.open_value(&entry).and_then(|v| Payload::read(&v)) {
            Err(error) if error.is_cancelled() => return Err(error),
            // What a kind cannot carry is said of that kind.
            Err(error) if error.is_refused() => are_kept = false,
            Err(_) => continue,
            Ok(value) if are_kept => {
                n_bytes = n_bytes.saturating_add(value.len());
                readable.values.push(value);
            }
            Ok(_) => {}
        }
        readable.rows.push((row, entry));
        if !are_kept || n_bytes > KEPT_BYTES {
            are_kept = false;
            readable.values = Vec::new();
        }
    }
    Ok(readable)
}

/// The entries that every kind is given.
struct Load<'a> {
    source: &'a Store,
    keys: Keys<'a>,
    rows: &'a [(Row, EntryKey)],
    /// See [`Readable`].
    values: &'a [Payload],
}
