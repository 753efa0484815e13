//! How long one value takes to be read, measured the same way for every store.

use std::time::Instant;

use crate::formats::compress::Codec;
use crate::formats::{Content, Options};
use crate::model::{EntryKey, Role, Snapshot};
use crate::ops::Control;
use crate::ops::sample::draws;
use crate::stores::Store;
use crate::{Error, Result};

/// Times of reading single values at random places, in microseconds, warm.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Latency {
    /// Half of the reads stay below.
    pub p50_us: f64,
    /// 99 of 100 reads stay below.
    pub p99_us: f64,
    /// Reads that were measured.
    pub n_reads: usize,
}

/// Reads `n` values drawn from a listing; `None` where it has none.
///
/// # Errors
/// If it was cancelled; values that cannot be read are left out.
pub fn latency(
    store: &Store,
    snapshot: &Snapshot,
    n: usize,
    control: Control<'_>,
) -> Result<Option<Latency>> {
    let entries: Vec<EntryKey> = {
        let records = snapshot.records().filter(|(_, r)| r.role == Role::Entry);
        let rows: Vec<_> = records.map(|(row, _)| row).collect();
        let chosen = draws(rows.len(), n, 1);
        let chosen = chosen.into_iter().filter_map(|at| rows.get(at));
        chosen
            .filter_map(|row| Some(snapshot.record(*row)?.entry_key()))
            .collect()
    };
    let mut buffer = Vec::new();
    let mut times = Vec::new();
    // The first reads open files and fill caches, as in any program.
    for entry in entries.iter().take(n / 10).chain(&entries) {
        control.cancel.check()?;
        let started = Instant::now();
        if read_whole(store, entry, &mut buffer).is_ok() {
            times.push(started.elapsed().as_secs_f64() * 1e6);
        }
        control.progress.add(1);
    }
    times.drain(..times.len().min(n / 10));
    times.sort_by(f64::total_cmp);
    let at = |part: usize| times.get(times.len() * part / 100).copied();
    Ok(at(50).zip(at(99)).map(|(p50_us, p99_us)| Latency {
        p50_us,
        p99_us,
        n_reads: times.len(),
    }))
}

/// Reads a stored value to its end, without any compression around it.
pub(crate) fn read_whole(store: &Store, entry: &EntryKey, buffer: &mut Vec<u8>) -> Result<()> {
    let value = store.open_value(entry)?;
    if let Some(part) = &value.part {
        // A pickled dict is loaded as a whole or not at all; here one value is decoded from its place.
        let preview = value.preview(&Options::GLANCE)?;
        buffer.clear();
        return if preview.is_truncated && part.file.content.is_empty() {
            Err(Error::damaged("Cannot read the value", "it is gone"))
        } else {
            Ok(())
        };
    }
    let content = Content::plain(value.bytes).peel(Codec::detect_strictly);
    let len = content.len().unwrap_or(1 << 16);
    let len = usize::try_from(len).unwrap_or(0);
    if buffer.len() < len {
        buffer.resize(len, 0);
    }
    let fail = |e: std::io::Error| Error::unavailable("Cannot read the value", e.to_string());
    if content.is_plain() {
        content
            .read_at(0, buffer.get_mut(..len).unwrap_or_default())
            .map_err(fail)?;
        return Ok(());
    }
    let mut stream = content.open(0).map_err(fail)?;
    std::io::copy(&mut stream, &mut std::io::sink()).map_err(fail)?;
    Ok(())
}
