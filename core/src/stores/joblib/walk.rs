//! A joblib folder to records: threads that share out function folders and batches of entries.
//!
//! Half of a listing is opening and listing entry folders, so one large function keeps every thread busy, and
//! the loop over entries builds no path and no string that nobody asked for.

use std::ffi::OsStr;
use std::io;
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use super::super::{Collector, Detail, Scan};
use super::is_orphan;
use super::metadata;
use super::names::{ARGS, CODE, FileRole, METADATA, OUTPUT, is_entry_name, is_temporary, label};
use crate::model::{Args, Group, Issue, Record, Role, Severity, Time};
use crate::source::{Dir, FileType, Leaf, Meta, path_from_bytes};
use crate::{Error, Result};

/// Entries of one folder that a thread takes at once.
const BATCH: usize = 512;
/// Folders nest no deeper than module and class names do; a longer chain is hostile.
const DEPTH: usize = 64;
/// Longer metadata is not read in a listing: its entry is shown without arguments.
pub(super) const METADATA_BYTES: usize = 16 << 20;
/// What a buffer may keep from one entry to the next.
const KEPT_BYTES: usize = 64 << 10;

/// Folders and batches that wait to be read, shared by the scan's threads.
pub(super) struct Walk<'w, 'a> {
    root: Dir,
    dev: u64,
    store_name: &'w OsStr,
    scan: &'w Scan<'a>,
    queue: Mutex<Queue>,
    changed: Condvar,
}

#[derive(Default)]
struct Queue {
    folders: Vec<Box<[u8]>>,
    batches: Vec<Batch>,
    busy: usize,
}

/// A function's folder while its entries are read.
struct Function {
    dir: Dir,
    group: Arc<Group>,
    dev: u64,
}

struct Batch {
    function: Arc<Function>,
    names: Names,
}

/// Names end to end, each closed by a zero byte.
#[derive(Default)]
struct Names {
    bytes: Vec<u8>,
    n: usize,
}

impl Names {
    fn push(&mut self, name: &OsStr) {
        self.bytes.extend_from_slice(name.as_encoded_bytes());
        self.bytes.push(0);
        self.n += 1;
    }

    fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.bytes
            .split(|b| *b == 0)
            .filter(|name| !name.is_empty())
    }
}

enum Task {
    Folder(Box<[u8]>),
    Batch(Batch),
}

impl<'w, 'a> Walk<'w, 'a> {
    /// A walk of the group at `start` and of all below it; nothing is `start` for the whole store.
    pub(super) fn new(
        root: Dir,
        store_name: &'w OsStr,
        start: &[u8],
        scan: &'w Scan<'a>,
    ) -> Result<Self> {
        let meta = root.stat_self();
        let meta = meta.map_err(|e| Error::io("Cannot read the store", root.path(), e))?;
        Ok(Self {
            root,
            dev: meta.dev,
            store_name,
            scan,
            queue: Mutex::new(Queue {
                folders: vec![start.into()],
                ..Queue::default()
            }),
            changed: Condvar::new(),
        })
    }

    /// Reads folders and batches until none is left and no thread can find more.
    pub(super) fn run(&self) {
        let mut worker = Worker::new(self);
        while let Some(task) = self.take() {
            let _busy = Busy { walk: self };
            if !self.scan.cancel.is_cancelled() {
                match task {
                    Task::Folder(locator) => worker.read_folder(&locator),
                    Task::Batch(batch) => worker.read_batch(&batch.function, &batch.names),
                }
            }
        }
    }

    /// Reads single entries and left-over files of one group; those that are gone give nothing.
    pub(super) fn read_again<'k>(&self, locator: &[u8], keys: impl Iterator<Item = &'k [u8]>) {
        let mut worker = Worker::new(self);
        let function = match worker.open_function(locator) {
            Ok(function) => function,
            Err(error) => {
                if error.kind() != io::ErrorKind::NotFound {
                    let path = self.root.path().join(path_from_bytes(locator));
                    worker.fail("Cannot list the folder", &path, error);
                }
                return;
            }
        };
        for key in keys {
            if self.scan.cancel.is_cancelled() {
                return;
            }
            if is_orphan(key) {
                worker.read_left_over(&function, key);
            } else {
                worker.read_entry(&function, os_str(key).as_ref());
            }
        }
    }

    /// Batches first: they hold their folder open.
    fn take(&self) -> Option<Task> {
        let mut queue = self.lock();
        loop {
            let task = match queue.batches.pop() {
                Some(batch) => Some(Task::Batch(batch)),
                None => queue.folders.pop().map(Task::Folder),
            };
            if task.is_some() {
                queue.busy += 1;
                return task;
            }
            if queue.busy == 0 {
                return None;
            }
            queue = self
                .changed
                .wait(queue)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn share_batch(&self, batch: Batch) {
        self.lock().batches.push(batch);
        self.changed.notify_one();
    }

    fn share_folder(&self, locator: Box<[u8]>) {
        self.lock().folders.push(locator);
        self.changed.notify_one();
    }
}

/// A thread with a task, until the task has ended, however it does: the others wait for it.
struct Busy<'q, 'w, 'a> {
    walk: &'q Walk<'w, 'a>,
}

impl Drop for Busy<'_, '_, '_> {
    fn drop(&mut self) {
        let mut queue = self.walk.lock();
        queue.busy -= 1;
        if queue.busy == 0 {
            self.walk.changed.notify_all();
        }
    }
}

/// One thread's hands: its collector, and buffers that go from entry to entry.
struct Worker<'w, 'a> {
    walk: &'w Walk<'w, 'a>,
    collector: Box<dyn Collector + 'a>,
    text: Vec<u8>,
    temporaries: Vec<(Box<OsStr>, Meta)>,
}

impl<'w, 'a> Worker<'w, 'a> {
    fn new(walk: &'w Walk<'w, 'a>) -> Self {
        Self {
            walk,
            collector: (walk.scan.collector)(),
            text: Vec::new(),
            temporaries: Vec::new(),
        }
    }

    fn open_function(&self, locator: &[u8]) -> io::Result<Function> {
        let dir = self.walk.root.open_below(&path_from_bytes(locator))?;
        let dev = dir.stat_self()?.dev;
        let label = label(locator, self.walk.store_name);
        Ok(Function {
            dir,
            group: Arc::new(Group {
                label: label.into(),
                locator: locator.into(),
            }),
            dev,
        })
    }

    /// A temporary file by its path in the store, if it is still there.
    fn read_left_over(&mut self, function: &Function, key: &[u8]) {
        let path = path_from_bytes(key);
        let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
            return;
        };
        let folder = self.walk.root.open_below(folder);
        match folder.and_then(|folder| folder.stat(name)) {
            Ok(meta) if meta.file_type == FileType::File => {
                self.orphan(&function.group, key, &meta);
            }
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                let path = self.walk.root.path().join(&path);
                self.fail("Cannot read the file", &path, error);
            }
            Ok(_) | Err(_) => {}
        }
    }

    /// Reads one function or module folder, and shares out what lies in it.
    fn read_folder(&mut self, locator: &[u8]) {
        if let Err(error) = self.try_read_folder(locator) {
            // A folder that was removed since its parent was listed held nothing that is still there.
            if !locator.is_empty() && error.kind() == io::ErrorKind::NotFound {
                return;
            }
            let path = self.walk.root.path().join(path_from_bytes(locator));
            self.fail("Cannot list the folder", &path, error);
        }
    }

    fn try_read_folder(&mut self, locator: &[u8]) -> io::Result<()> {
        let function = Arc::new(self.open_function(locator)?);
        if function.dev != self.walk.dev {
            let message =
                "This folder lies on another file system: its entries are shown, and not removed";
            let path = function.dir.path();
            self.collector
                .issue(Issue::new(Severity::Warning, path, message));
        }
        let mut names = Names::default();
        let listed = function.dir.list(|name, file_type| match file_type {
            FileType::Dir if is_entry_name(name.as_encoded_bytes()) => {
                names.push(name);
                if names.n == BATCH {
                    self.walk.share_batch(Batch {
                        function: Arc::clone(&function),
                        names: std::mem::take(&mut names),
                    });
                }
            }
            FileType::Dir => self.share_below(locator, name),
            FileType::File => self.read_function_file(&function, name),
            _ => {
                let path = function.dir.path().join(name);
                self.collector.unopened(path, file_type);
            }
        });
        // What was listed before an error is still good.
        self.read_batch(&function, &names);
        listed
    }

    fn share_below(&mut self, locator: &[u8], name: &OsStr) {
        let depth = path_from_bytes(locator).components().count();
        if depth >= DEPTH {
            let path = self
                .walk
                .root
                .path()
                .join(path_from_bytes(locator))
                .join(name);
            let message = "Folders nest deeper than any Python module: not looked into";
            self.collector
                .issue(Issue::new(Severity::Warning, path, message));
            return;
        }
        self.walk.share_folder(joined(locator, name));
    }

    /// The function's source, and left-over temporary files of it.
    fn read_function_file(&mut self, function: &Function, name: &OsStr) {
        let is_left_over = is_temporary(name.as_encoded_bytes());
        if name != CODE && !is_left_over {
            return;
        }
        let Ok(meta) = function.dir.stat(name) else {
            return;
        };
        self.collector.overhead(meta.disk_bytes);
        if is_left_over {
            let key = joined(&function.group.locator, name);
            self.orphan(&function.group, &key, &meta);
        }
    }

    fn read_batch(&mut self, function: &Function, names: &Names) {
        for name in names.iter() {
            if self.walk.scan.cancel.is_cancelled() {
                return;
            }
            self.read_entry(function, os_str(name).as_ref());
        }
        self.walk.scan.progress.add(names.n as u64);
    }

    fn read_entry(&mut self, function: &Function, name: &OsStr) {
        let mut record = Record::new(&function.group, name.as_encoded_bytes());
        let entry = match function.dir.open_leaf(name) {
            Ok(entry) => entry,
            // Removed since its folder was listed: no entry, and nothing wrong with it.
            Err(e) if e.kind() == io::ErrorKind::NotFound => return,
            Err(e) => {
                self.collector.record(&record);
                let path = function.dir.path().join(name);
                return self.fail("Cannot read the entry", &path, e);
            }
        };
        let mut seen = Seen::default();
        self.temporaries.clear();
        let listed = entry.list(|file, file_type| {
            self.read_file(&entry, file, file_type, &mut record, &mut seen);
        });
        if let Err(e) = listed {
            self.fail("Cannot list the entry", &entry.path(), e);
        }
        if !seen.output {
            // joblib goes by the folder's own time then (`_store_backends.py: get_items`).
            match function.dir.stat(name) {
                Ok(meta) => identify(&mut record, &meta),
                Err(e) if e.kind() == io::ErrorKind::NotFound => return,
                Err(e) => self.fail("Cannot read the entry", &entry.path(), e),
            }
        } else if record.dev != function.dev {
            let message = "The value lies on another file system: it is shown, and not removed";
            self.collector.issue(Issue::new(
                Severity::Warning,
                entry.path().join(OUTPUT),
                message,
            ));
        }
        if seen.has_folders {
            // A function whose own name begins with 32 hex digits, as joblib sees it: both.
            self.share_below(&function.group.locator, name);
        }
        for (file, meta) in std::mem::take(&mut self.temporaries) {
            let key = joined(&joined(&function.group.locator, name), &file);
            self.orphan(&function.group, &key, &meta);
        }
        self.finish_entry(&entry, &record, &seen);
    }

    /// Reads the metadata and hands the record on.
    fn finish_entry(&mut self, entry: &Leaf<'_>, record: &Record<'_>, seen: &Seen) {
        let file = seen
            .metadata
            .filter(|_| self.walk.scan.detail == Detail::Full);
        let Some(file) = file else {
            return self.collector.record(record);
        };
        let mut text = std::mem::take(&mut self.text);
        text.clear();
        match entry.read_small(file.as_ref(), METADATA_BYTES, &mut text) {
            Ok(()) => self.record_with(entry, record, file, &text),
            Err(e) => {
                self.collector.record(record);
                // Replaced or removed just now: the next listing will know.
                if e.kind() != io::ErrorKind::NotFound {
                    self.fail("Cannot read the arguments", &entry.path().join(file), e);
                }
            }
        }
        text.shrink_to(KEPT_BYTES);
        self.text = text;
    }

    fn record_with(&mut self, entry: &Leaf<'_>, record: &Record<'_>, file: &str, text: &[u8]) {
        let why = match metadata::parse(file, text) {
            Ok(metadata) => {
                let mut record = record.clone();
                record.duration_s = metadata.duration_s.filter(|d| d.is_finite());
                record.created = metadata.time.and_then(Time::from_clock);
                record.args = Args::Whole(&metadata.args);
                return self.collector.record(&record);
            }
            Err(_) if text.len() >= METADATA_BYTES => "it is longer than 16 MiB".to_owned(),
            Err(torn) => torn.to_string(),
        };
        self.collector.record(record);
        let message = format!(
            "Cannot read the arguments: {file} is torn ({why}). The entry is shown without them"
        );
        let path = entry.path().join(file);
        self.collector
            .issue(Issue::new(Severity::Warning, path, message));
    }

    fn read_file(
        &mut self,
        entry: &Leaf<'_>,
        file: &OsStr,
        file_type: FileType,
        record: &mut Record<'_>,
        seen: &mut Seen,
    ) {
        match file_type {
            FileType::Dir => seen.has_folders = true,
            FileType::File => match entry.stat(file) {
                Ok(meta) => self.add_file(file, &meta, record, seen),
                // A temporary name that was renamed since, or an entry on its way out.
                Err(e) if e.kind() == io::ErrorKind::NotFound => {}
                Err(e) => self.fail("Cannot read the file", &entry.path().join(file), e),
            },
            _ => self.collector.unopened(entry.path().join(file), file_type),
        }
    }

    fn add_file(&mut self, file: &OsStr, meta: &Meta, record: &mut Record<'_>, seen: &mut Seen) {
        record.files += 1;
        record.disk_bytes = record.disk_bytes.saturating_add(meta.disk_bytes);
        match FileRole::of(file) {
            FileRole::Output => {
                seen.output = true;
                record.bytes = record.bytes.saturating_add(meta.size);
                identify(record, meta);
            }
            FileRole::SideFile => {
                record.bytes = record.bytes.saturating_add(meta.size);
                record.side_bytes = record.side_bytes.saturating_add(meta.size);
            }
            FileRole::Metadata => seen.metadata = Some(METADATA),
            FileRole::Args => seen.metadata = seen.metadata.or(Some(ARGS)),
            FileRole::Temporary => self.temporaries.push((file.into(), *meta)),
            FileRole::Foreign => {}
        }
    }

    fn orphan(&mut self, group: &Arc<Group>, key: &[u8], meta: &Meta) {
        let mut record = Record::new(group, key);
        record.role = Role::Orphan;
        record.bytes = meta.size;
        record.disk_bytes = meta.disk_bytes;
        record.files = 1;
        identify(&mut record, meta);
        self.collector.record(&record);
    }

    fn fail(&mut self, what: &str, path: &std::path::Path, error: io::Error) {
        let error = Error::io(what, path, error);
        self.collector.issue(Issue::from_error(&error, path));
    }
}

/// What an entry's folder was seen to hold.
#[derive(Default)]
struct Seen {
    output: bool,
    metadata: Option<&'static str>,
    has_folders: bool,
}

fn identify(record: &mut Record<'_>, meta: &Meta) {
    record.modified = Some(meta.modified);
    record.accessed = Some(meta.accessed);
    record.dev = meta.dev;
    record.ident = meta.ino;
}

/// `locator/name`, as paths in the store are written on every system.
fn joined(locator: &[u8], name: &OsStr) -> Box<[u8]> {
    let name = name.as_encoded_bytes();
    if locator.is_empty() {
        return name.into();
    }
    [locator, b"/", name].concat().into()
}

/// Names come from the folder as bytes and go back to it so.
#[cfg(unix)]
fn os_str(bytes: &[u8]) -> &OsStr {
    std::os::unix::ffi::OsStrExt::from_bytes(bytes)
}

#[cfg(not(unix))]
fn os_str(bytes: &[u8]) -> std::ffi::OsString {
    String::from_utf8_lossy(bytes).into_owned().into()
}
