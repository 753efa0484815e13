//! One kind of store on trial: written, looked at, listed and read, with the times that each step took.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use super::disk::{each_file, forget};
use super::load::Load;
use crate::model::{EntryKey, Progress, Role, Snapshot};
use crate::ops::Control;
use crate::ops::compare::{identity, read_whole};
use crate::ops::sample::draws;
use crate::stores::{KeyTypes, Store, open_all};
use crate::write::shelf::Shelf;
use crate::write::{Entry, ReadBy, Target, Writer, stage};
use crate::{Error, Result};

/// Name of the store in its own folder.
const NAME: &str = "store";
/// Reads from a disk whose pages were dropped, of each kind, as far as there is time for.
const COLD_READS: usize = 9;
const COLD_TIME: Duration = Duration::from_secs(5);

/// A median with the smallest and largest of the values it is of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// The median.
    pub median: f64,
    /// The smallest.
    pub low: f64,
    /// The largest.
    pub high: f64,
}

impl Spread {
    /// Of values that are not ordered; `None` of none.
    pub(super) fn of(mut values: Vec<f64>) -> Option<Self> {
        values.sort_by(f64::total_cmp);
        Some(Self {
            median: *values.get(values.len() / 2)?,
            low: *values.first()?,
            high: *values.last()?,
        })
    }
}

/// What was measured of one kind of store.
#[derive(Debug, Clone)]
pub struct Measured {
    /// The kind.
    pub target: &'static Target,
    /// Why it was left out: it cannot carry these entries. Nothing else is known then.
    pub refused: Option<String>,
    /// How many entries those that it was given were drawn from; `None` if it was given all.
    pub sampled_from: Option<u64>,
    /// Entries.
    pub entries: u64,
    /// Stored value bytes.
    pub bytes: u64,
    /// Bytes that its files take on the disk.
    pub disk_bytes: u64,
    /// Files.
    pub files: u64,
    /// Seconds of writing all entries, until they are on the disk.
    pub write_s: Option<Spread>,
    /// Seconds of listing all entries.
    pub list_s: Option<Spread>,
    /// Median of reading a value whole, in microseconds, over rounds.
    pub read_p50_us: Option<Spread>,
    /// The time that 99 of 100 reads stay below, in microseconds, over rounds.
    pub read_p99_us: Option<Spread>,
    /// The same with the file's pages dropped and the store opened anew; `None` where the system does not allow that.
    pub cold_read_us: Option<Spread>,
}

impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.title())
    }
}

/// See the module.
pub(super) struct Trial {
    measured: Measured,
    folder: PathBuf,
    n_written: usize,
    writes: Vec<f64>,
    lists: Vec<f64>,
    p50s: Vec<f64>,
    p99s: Vec<f64>,
    colds: Vec<f64>,
    /// The store, and its entries in the order of the load.
    opened: Option<(Store, Vec<EntryKey>)>,
}

impl Trial {
    pub(super) fn new(target: &'static Target, stage: &Path) -> Self {
        Self {
            measured: Measured {
                target,
                refused: None,
                sampled_from: None,
                entries: 0,
                bytes: 0,
                disk_bytes: 0,
                files: 0,
                write_s: None,
                list_s: None,
                read_p50_us: None,
                read_p99_us: None,
                cold_read_us: None,
            },
            folder: stage.join(target.title().replace(' ', "-")),
            n_written: 0,
            writes: Vec::new(),
            lists: Vec::new(),
            p50s: Vec::new(),
            p99s: Vec::new(),
            colds: Vec::new(),
            opened: None,
        }
    }

    pub(super) fn target(&self) -> &'static Target {
        self.measured.target
    }

    /// Writes its entries; reading them from their source is not counted.
    pub(super) fn write(&mut self, load: &Load<'_>, control: Control<'_>) -> Result<()> {
        let target = self.measured.target;
        let places = load.places(target);
        if self.measured.refused.is_some() {
            control.progress.add(places.len() as u64);
            return Ok(());
        }
        let n_all = load.rows.len();
        self.measured.sampled_from = (places.len() < n_all).then_some(n_all as u64);
        stage::remove_dirs(&self.folder)?;
        stage::make_dirs(&self.folder)?;
        let mut took = Duration::ZERO;
        let mut timed = |work: &mut dyn FnMut() -> Result<()>| {
            let started = Instant::now();
            let done = work();
            took += started.elapsed();
            done
        };
        let mut writer = None;
        let path = self.folder.join(NAME);
        timed(&mut || {
            writer = Some((target.create)(&path, target.codec)?);
            Ok(())
        })?;
        let Some(mut writer) = writer else {
            return Ok(());
        };
        let mut shelf = Shelf::default();
        self.n_written = 0;
        for at in places {
            control.cancel.check()?;
            let added = load
                .entry(target, *at, &mut shelf)
                .and_then(|(group, key, value)| {
                    timed(&mut || {
                        writer.add(&Entry {
                            group: &group,
                            key: &key,
                            value: &value,
                            created: None,
                            expires: None,
                            tag: None,
                            companions: None,
                        })
                    })
                });
            match added {
                Ok(()) => {}
                Err(error) if error.is_refused() => {
                    self.measured.refused = Some(error.message());
                    let left = places.len() - self.n_written;
                    control.progress.add(left as u64);
                    return Ok(());
                }
                Err(error) => return Err(error),
            }
            self.n_written += 1;
            control.progress.add(1);
        }
        let mut writer = Some(writer);
        timed(&mut || writer.take().map_or(Ok(()), Writer::finish))?;
        self.writes.push(took.as_secs_f64());
        Ok(())
    }

    /// Counts files and bytes, and finds each entry again.
    pub(super) fn look(&mut self, load: &Load<'_>, control: Control<'_>) -> Result<()> {
        let target = self.measured.target;
        let places = load.places(target);
        if self.measured.refused.is_some() {
            control.progress.add(places.len() as u64);
            return Ok(());
        }
        each_file(&self.folder, control.cancel, &mut |disk_bytes| {
            self.measured.files += 1;
            self.measured.disk_bytes += disk_bytes;
        })?;
        let store = open(&self.folder)?;
        let snapshot = Snapshot::read(&store, control.cancel, &Progress::default())?;
        self.measured.entries = snapshot.totals.entries;
        self.measured.bytes = snapshot.totals.bytes;
        let mut found = HashMap::new();
        for (_, record) in snapshot.records().filter(|(_, r)| r.role == Role::Entry) {
            control.cancel.check()?;
            let entry = record.entry_key();
            let key = store.native_key(&entry)?;
            let group = if load.in_groups(target) {
                &*record.group.locator
            } else {
                b""
            };
            let id = identity(&String::from_utf8_lossy(group), &key, KeyTypes::Alike);
            found.insert(id, entry);
        }
        let mut entries = Vec::new();
        for (_, entry) in places.iter().filter_map(|at| load.rows.get(*at)) {
            control.cancel.check()?;
            let (group, key) = load.name(target, entry)?;
            let id = identity(&group, &key, KeyTypes::Alike);
            // Of keys that stand twice in a pickle one is written.
            entries.extend(found.get(&id).cloned());
            control.progress.add(1);
        }
        self.opened = Some((store, entries));
        Ok(())
    }

    /// Lists the store once and reads the chosen entries.
    pub(super) fn read(&mut self, chosen: &[usize], control: Control<'_>) -> Result<()> {
        let Some((store, entries)) = &self.opened else {
            control.progress.add(chosen.len() as u64 + 1);
            return Ok(());
        };
        let started = Instant::now();
        let snapshot = Snapshot::read(&open(&self.folder)?, control.cancel, &Progress::default())?;
        self.lists.push(started.elapsed().as_secs_f64());
        drop(snapshot);
        control.progress.add(1);
        let chosen = chosen
            .iter()
            .filter_map(|at| entries.get(at % entries.len().max(1)));
        let mut buffer = Vec::new();
        let mut read = |entry: &EntryKey| read_whole(store, entry, &mut buffer);
        let mut times = match self.measured.target.read_by {
            ReadBy::Caller => timed(chosen, &mut read, control)?,
            ReadBy::Thread => in_a_thread(&mut read, |read| timed(chosen, read, control))?,
        };
        times.sort_by(f64::total_cmp);
        self.p50s.extend(times.get(times.len() / 2));
        self.p99s.extend(times.get(times.len() * 99 / 100));
        Ok(())
    }

    /// Reads a few entries after the system was asked to forget the files.
    pub(super) fn read_cold(&mut self, len: usize, seed: u64, control: Control<'_>) -> Result<()> {
        let Some((_, entries)) = self.opened.take() else {
            return Ok(());
        };
        let mut buffer = Vec::new();
        let known = open(&self.folder)?;
        let began = Instant::now();
        for at in draws(len, COLD_READS, seed) {
            control.cancel.check()?;
            // Opening a large pickle takes seconds each time.
            if began.elapsed() > COLD_TIME {
                break;
            }
            let Some(entry) = entries.get(at % entries.len().max(1)) else {
                continue;
            };
            if !forget(&known.details(entry)?.paths) {
                return Ok(());
            }
            let started = Instant::now();
            read_whole(&open(&self.folder)?, entry, &mut buffer)?;
            self.colds.push(started.elapsed().as_secs_f64() * 1e6);
        }
        Ok(())
    }

    pub(super) fn finish(self) -> Measured {
        Measured {
            write_s: Spread::of(self.writes),
            list_s: Spread::of(self.lists),
            read_p50_us: Spread::of(self.p50s),
            read_p99_us: Spread::of(self.p99s),
            cold_read_us: Spread::of(self.colds),
            ..self.measured
        }
    }
}

/// What each entry takes to read, in microseconds.
fn timed<'a>(
    entries: impl Iterator<Item = &'a EntryKey>,
    read: &mut dyn FnMut(&'a EntryKey) -> Result<()>,
    control: Control<'_>,
) -> Result<Vec<f64>> {
    let mut times = Vec::new();
    for entry in entries {
        control.cancel.check()?;
        let started = Instant::now();
        read(entry)?;
        times.push(started.elapsed().as_secs_f64() * 1e6);
        control.progress.add(1);
    }
    Ok(times)
}

/// Gives `then` what hands each entry to a thread that reads it, and waits for its answer.
fn in_a_thread<'a, T>(
    read: &mut (dyn FnMut(&'a EntryKey) -> Result<()> + Send),
    then: impl FnOnce(&mut dyn FnMut(&'a EntryKey) -> Result<()>) -> Result<T>,
) -> Result<T> {
    let (ask, asked) = mpsc::sync_channel::<&EntryKey>(1);
    let (answer, answered) = mpsc::sync_channel(1);
    thread::scope(|scope| {
        scope.spawn(move || {
            // Ends when nobody asks any more.
            asked.iter().try_for_each(|entry| answer.send(read(entry)))
        });
        then(&mut move |entry| {
            let asked = ask.send(entry).ok();
            let answer = asked.and_then(|()| answered.recv().ok());
            let why = "the thread that reads it has ended";
            answer.unwrap_or_else(|| Err(Error::unavailable("Cannot read the value", why)))
        })
    })
}

/// The store in a trial's folder.
fn open(folder: &Path) -> Result<Store> {
    let found = open_all(&folder.join(NAME))?;
    let info = found.first().ok_or_else(|| {
        Error::damaged(
            "Cannot measure the store",
            "what was written is not recognised",
        )
    })?;
    Store::open(info)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_that_are_handed_over_run_in_one_other_thread_and_tell_their_errors() {
        let entries: Vec<EntryKey> = (0..3)
            .map(|ordinal| EntryKey {
                group: Box::default(),
                key: Box::default(),
                ordinal,
            })
            .collect();
        let mut threads = Vec::new();
        let mut read = |entry: &EntryKey| {
            threads.push(thread::current().id());
            match entry.ordinal {
                1 => Err(Error::damaged("Cannot read the value", "it is cut")),
                _ => Ok(()),
            }
        };
        let said = in_a_thread(&mut read, |read| Ok([0, 1, 2].map(|at| read(&entries[at]))));
        let said = said.unwrap().map(|said| said.map_err(|e| e.message()));
        assert_eq!(said[0], Ok(()));
        assert!(
            said[1].as_ref().is_err_and(|e| e.contains("it is cut")),
            "{said:?}"
        );
        assert_eq!(said[2], Ok(()));
        assert!(threads.len() == 3 && threads.iter().all(|id| *id == threads[0]));
        assert_ne!(threads[0], thread::current().id());
    }
}
