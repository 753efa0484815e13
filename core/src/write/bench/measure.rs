//! One kind of store on trial: written, looked at, listed and read, with the times that each step took.

use std::collections::HashMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::Load;
use crate::model::{EntryKey, Role, Snapshot};
use crate::ops::Control;
use crate::ops::compare::{identity, read_whole};
use crate::ops::sample::draws;
use crate::scan::Progress;
use crate::source::{Dir, FileType};
use crate::stores::{KeyTypes, NativeKey, Payload, Store, open_all};
use crate::write::convert::Shelf;
use crate::write::{Entry, Holds, Target, Writer, joblib, stage};
use crate::{Error, Result};

/// Name of the store in its own folder.
const NAME: &str = "store";
/// Reads from a disk whose pages were dropped, of each kind.
const COLD_READS: usize = 9;
/// Group of entries that were no calls, in joblib's layout.
const GROUP: &str = "bench/entry";
/// `TMPFS_MAGIC` of Linux: such files are nowhere but in memory.
const TMPFS: i64 = 0x0102_1994;

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

    /// Writes all entries; reading them from their source is not counted.
    pub(super) fn write(&mut self, load: &Load<'_>, control: Control<'_>) -> Result<()> {
        if self.measured.refused.is_some() {
            control.progress.add(load.rows.len() as u64);
            return Ok(());
        }
        stage::remove_dirs(&self.folder)?;
        stage::make_dirs(&self.folder)?;
        let target = self.measured.target;
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
        for (at, (_, entry)) in load.rows.iter().enumerate() {
            control.cancel.check()?;
            let added =
                load.entry(target, (at, entry), &mut shelf)
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
                    let left = load.rows.len() - self.n_written;
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
        if self.measured.refused.is_some() {
            return Ok(());
        }
        each_file(&self.folder, &mut |_, disk_bytes| {
            self.measured.files += 1;
            self.measured.disk_bytes += disk_bytes;
        })?;
        let store = open(&self.folder)?;
        let snapshot = Snapshot::read(&store, control.cancel, &Progress::default())?;
        self.measured.entries = snapshot.totals.entries;
        self.measured.bytes = snapshot.totals.bytes;
        let target = self.measured.target;
        let mut places = HashMap::new();
        for (_, record) in snapshot.records().filter(|(_, r)| r.role == Role::Entry) {
            let entry = record.entry_key();
            let key = store.native_key(&entry)?;
            let group = if load.in_groups(target) {
                &*record.group.locator
            } else {
                b""
            };
            let id = identity(&String::from_utf8_lossy(group), &key, KeyTypes::Alike);
            places.insert(id, entry);
        }
        let mut entries = Vec::new();
        for (_, entry) in load.rows {
            let (group, key) = load.name(target, entry)?;
            let id = identity(&group, &key, KeyTypes::Alike);
            // Of keys that stand twice in a pickle one is written.
            entries.extend(places.get(&id).cloned());
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
        let mut times = Vec::new();
        let mut buffer = Vec::new();
        for at in chosen {
            control.cancel.check()?;
            let Some(entry) = entries.get(at % entries.len().max(1)) else {
                continue;
            };
            let started = Instant::now();
            read_whole(store, entry, &mut buffer)?;
            times.push(started.elapsed().as_secs_f64() * 1e6);
            control.progress.add(1);
        }
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
        for at in draws(len, COLD_READS, seed) {
            control.cancel.check()?;
            let Some(entry) = entries.get(at % entries.len().max(1)) else {
                continue;
            };
            if !forget(&open(&self.folder)?.details(entry)?.paths) {
                return Ok(());
            }
            let started = Instant::now();
            read_whole(&open(&self.folder)?, entry, &mut buffer)?;
            self.colds.push(started.elapsed().as_secs_f64() * 1e6);
        }
        Ok(())
    }

    /// Removes what was written.
    pub(super) fn remove(&self) -> Result<()> {
        stage::remove_dirs(&self.folder)
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

impl Load<'_> {
    /// True if groups are part of what names an entry in that kind of store.
    fn in_groups(&self, target: &Target) -> bool {
        target.kind == joblib::KIND || (target.has_groups && self.keys.needs_groups)
    }

    /// Group and key in that kind of store.
    fn name(&self, target: &Target, entry: &EntryKey) -> Result<(String, NativeKey)> {
        if target.kind != joblib::KIND {
            return self.keys.name(entry, target.has_groups);
        }
        // To joblib a key is a hash: here of the key, since no arguments are known.
        let (group, key) = self.keys.name(entry, true)?;
        let id = identity(&group, &key, KeyTypes::Apart);
        let hash = format!("{id:032x}").into_bytes();
        Ok((GROUP.to_owned(), NativeKey::Text(hash)))
    }

    /// The entry as it is written.
    fn entry(
        &self,
        target: &Target,
        (at, entry): (usize, &EntryKey),
        shelf: &mut Shelf,
    ) -> Result<(String, NativeKey, Payload)> {
        let (group, key) = self.name(target, entry)?;
        let is_joblibs = self.source.info.kind == joblib::KIND && target.kind == joblib::KIND;
        let value = match self.values.get(at) {
            Some(value) => value.clone(),
            None if is_joblibs => Payload::read_as_joblib(&self.source.open_value(entry)?)?,
            None => Payload::read(&self.source.open_value(entry)?)?,
        };
        let value = match target.holds {
            Holds::Objects => shelf.object(value)?,
            Holds::Bytes => value,
        };
        Ok((group, key, value))
    }
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

/// Hands every file below a folder to `each`, with the bytes that it takes on the disk.
fn each_file(folder: &Path, each: &mut dyn FnMut(&Path, u64)) -> Result<()> {
    let mut waiting = vec![folder.to_owned()];
    while let Some(path) = waiting.pop() {
        let dir = Dir::open(&path)?;
        let fail = |e| Error::io("Cannot list the folder", &path, e);
        for (name, file_type) in dir.names().map_err(fail)? {
            let inside = path.join(&name);
            if file_type == FileType::Dir {
                waiting.push(inside);
            } else {
                let meta = dir.stat(&name).map_err(fail)?;
                each(&inside, meta.disk_bytes);
            }
        }
    }
    Ok(())
}

/// Asks the system to drop the pages of an entry's files; false where it cannot.
fn forget(paths: &[PathBuf]) -> bool {
    paths.iter().all(|path| {
        let dropped = File::open(path).and_then(|file| drop_pages(&file));
        dropped.unwrap_or(false)
    })
}

#[cfg(target_os = "linux")]
fn drop_pages(file: &File) -> std::io::Result<bool> {
    let system = rustix::fs::fstatfs(file)?;
    if system.f_type == TMPFS {
        return Ok(false);
    }
    // Only pages that are on the disk can be dropped.
    file.sync_all()?;
    rustix::fs::fadvise(file, 0, None, rustix::fs::Advice::DontNeed)?;
    Ok(true)
}

#[cfg(not(target_os = "linux"))]
fn drop_pages(_file: &File) -> std::io::Result<bool> {
    Ok(false)
}
