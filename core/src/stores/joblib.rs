//! joblib.Memory folders: `module/function/HASH/{output.pkl, metadata.json}`.
//!
//! Rules from `joblib/_store_backends.py` and `joblib/memory.py`, checked with joblib 0.7.1 to 1.6.0.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use serde::Deserialize;

use super::{
    Backend, CachedSource, Candidate, CheckOptions, Confidence, Details, Recognised, Removal,
    Store, ValueReader,
};
use crate::formats::Carrier;
use crate::model::{
    Args, Condition, EntryKey, Finding, Group, Issue, Record, Role, Severity, Time,
};
use crate::scan::{Collector, Detail, Scan};
use crate::source::{Dir, FileType};
use crate::{Error, Result};

pub(super) struct Joblib;

const KINDS: &[&str] = &["joblib"];
const OUTPUT: &str = "output.pkl";
const METADATA: &str = "metadata.json";
const CODE: &str = "func_code.py";
/// Metadata holds whole `repr`s of arguments; past this it is listed without them.
const METADATA_BYTES: usize = 64 << 20;

/// An entry folder is named by the MD5 of the call's arguments (`joblib.hash`): 32 lower-case hex digits.
fn is_entry_name(name: &[u8]) -> bool {
    name.len() == 32 && name.iter().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

/// Files that joblib itself puts into an entry folder, temporary ones included.
fn is_own_file(name: &OsStr) -> bool {
    let name = name.as_encoded_bytes();
    name.starts_with(b"output.pkl")
        || name.starts_with(b"metadata.json")
        || name == b"input_args.json"
}

#[derive(Deserialize)]
struct Metadata<'a> {
    duration: Option<f64>,
    time: Option<f64>,
    #[serde(borrow, default)]
    input_args: ArgList<'a>,
}

/// Arguments in recorded order; a map would cost an allocation and a hash for each.
#[derive(Default)]
struct ArgList<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl<'de: 'a, 'a> Deserialize<'de> for ArgList<'a> {
    fn deserialize<D: serde::Deserializer<'de>>(
        deserializer: D,
    ) -> std::result::Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Vec<(Cow<'de, str>, Cow<'de, str>)>;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object of argument names and texts")
            }
            fn visit_map<A: serde::de::MapAccess<'de>>(
                self,
                mut map: A,
            ) -> std::result::Result<Self::Value, A::Error> {
                let mut list = Vec::new();
                while let Some((Text(name), Text(text))) = map.next_entry()? {
                    list.push((name, text));
                }
                Ok(list)
            }
        }
        deserializer.deserialize_map(Visitor).map(ArgList)
    }
}

/// A JSON string, borrowed where it holds no escape.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl Backend for Joblib {
    fn kinds(&self) -> &'static [&'static str] {
        KINDS
    }

    fn recognise(&self, candidate: &Candidate<'_>) -> Result<Option<Recognised>> {
        if !candidate.is_dir() {
            return Ok(None);
        }
        let path = candidate.path();
        let dir = candidate
            .parent
            .open_dir(candidate.name)
            .map_err(|e| Error::io("Cannot open the folder", &path, e))?;
        let nested = dir.open_dir("joblib".as_ref()).ok().filter(has_shape);
        let path = match &nested {
            Some(nested) => nested.path().to_owned(),
            None if has_shape(&dir) => path,
            None => return Ok(None),
        };
        Ok(Some(Recognised {
            kind: "joblib",
            confidence: Confidence::Certain,
            writer: Some("joblib".to_owned()),
            path,
        }))
    }

    fn scan(&self, store: &Store, scan: &Scan<'_>) -> Result<()> {
        let root = store.dir()?;
        let work = Work::new(root);
        std::thread::scope(|scope| {
            for n in 1..scan.threads {
                // Without a helper thread the first one does all the work.
                std::thread::Builder::new()
                    .name(format!("scan {n}"))
                    .spawn_scoped(scope, || work.run(scan))
                    .ok();
            }
            work.run(scan);
        });
        scan.cancel.check()
    }

    fn open_value(&self, store: &Store, entry: &EntryKey) -> Result<ValueReader> {
        let dir = entry_dir(store, entry)?;
        let path = dir.path().join(OUTPUT);
        let file = dir
            .open_file(OUTPUT.as_ref())
            .map_err(|e| Error::io("Cannot open the stored value", &path, e))?;
        Ok(ValueReader::new(Arc::new(file), Carrier::Pickle, path))
    }

    fn details(&self, store: &Store, entry: &EntryKey) -> Result<Details> {
        let dir = entry_dir(store, entry)?;
        let mut text = Vec::new();
        let mut details = Details::default();
        if dir
            .read_small(METADATA.as_ref(), METADATA_BYTES, &mut text)
            .is_ok()
            && let Ok(metadata) = serde_json::from_slice::<Metadata<'_>>(&text)
        {
            let owned =
                |(name, text): (Cow<'_, str>, Cow<'_, str>)| (name.into_owned(), text.into_owned());
            details.args = metadata.input_args.0.into_iter().map(owned).collect();
        }
        let names = dir.names().unwrap_or_default();
        details.paths = names
            .into_iter()
            .map(|(name, _)| dir.path().join(name))
            .collect();
        details.source = cached_source(store, entry);
        Ok(details)
    }

    fn check(
        &self,
        store: &Store,
        entry: &EntryKey,
        options: &CheckOptions,
    ) -> Result<Vec<Finding>> {
        let dir = entry_dir(store, entry)?;
        let mut findings = Vec::new();
        let mut text = Vec::new();
        let metadata = dir.read_small(METADATA.as_ref(), METADATA_BYTES, &mut text);
        if dir.stat(OUTPUT.as_ref()).is_err() {
            findings.push(Finding::new(
                Condition::Incomplete,
                "output.pkl is missing: joblib would compute it again",
            ));
        }
        if metadata.is_err() {
            findings.push(Finding::new(
                Condition::Incomplete,
                "metadata.json is missing: arguments and time are not recorded",
            ));
        } else if let Ok(metadata) = serde_json::from_slice::<Metadata<'_>>(&text) {
            let created = metadata.time.and_then(Time::from_unix_f64);
            if let (Some(limit), Some(now), Some(created)) =
                (options.expires_after_s, options.now, created)
                && created.age_secs(now) >= limit
            {
                findings.push(Finding::new(
                    Condition::Expired,
                    format!("computed {}", created.rfc3339()),
                ));
            }
        } else {
            findings.push(Finding::new(Condition::Incomplete, "metadata.json is torn"));
        }
        Ok(findings)
    }

    fn removal(&self, _store: &Store, entry: &EntryKey) -> Result<Removal> {
        Ok(Removal::Folder {
            path: entry_path(entry),
            witness: Some(OUTPUT.into()),
            owned: is_own_file,
        })
    }
}

fn entry_path(entry: &EntryKey) -> PathBuf {
    path_of(&entry.group).join(path_of(&entry.key))
}

#[cfg(unix)]
fn path_of(bytes: &[u8]) -> PathBuf {
    use std::os::unix::ffi::OsStrExt as _;
    PathBuf::from(OsStr::from_bytes(bytes))
}

#[cfg(not(unix))]
fn path_of(bytes: &[u8]) -> PathBuf {
    PathBuf::from(String::from_utf8_lossy(bytes).into_owned())
}

fn entry_dir(store: &Store, entry: &EntryKey) -> Result<Dir> {
    let path = entry_path(entry);
    store
        .dir()?
        .open_below(&path)
        .map_err(|e| Error::io("Cannot open the entry", &store.info.path.join(path), e))
}

/// `# first line: N`, then the source block (`memory.py: _write_func_code`).
fn cached_source(store: &Store, entry: &EntryKey) -> Option<CachedSource> {
    let dir = store.dir().ok()?.open_below(&path_of(&entry.group)).ok()?;
    let mut bytes = Vec::new();
    dir.read_small(CODE.as_ref(), METADATA_BYTES, &mut bytes)
        .ok()?;
    let text = crate::model::text::from_bytes(&bytes).into_owned();
    let (first, rest) = text.split_once('\n').unwrap_or((&text, ""));
    let first_line = first
        .strip_prefix("# first line:")
        .map(|n| n.trim().parse().ok());
    Some(CachedSource {
        first_line: first_line.flatten(),
        text: if first_line.is_some() {
            rest.to_owned()
        } else {
            text.clone()
        },
        path: dir.path().join(CODE),
    })
}

/// True if an entry folder or a `func_code.py` lies somewhere below, within a bounded look.
fn has_shape(dir: &Dir) -> bool {
    let mut waiting = vec![PathBuf::new()];
    let mut left = 256;
    while let Some(below) = waiting.pop() {
        let Ok(dir) = dir.open_below(&below) else {
            continue;
        };
        let mut folders = Vec::new();
        let mut is_joblib = false;
        // A listing that fails half-way tells as much as it told.
        dir.list(|name, file_type| match file_type {
            FileType::Dir if is_entry_name(name.as_encoded_bytes()) => is_joblib = true,
            FileType::Dir => folders.push(below.join(name)),
            FileType::File if name == CODE => is_joblib = true,
            _ => {}
        })
        .ok();
        if is_joblib {
            return true;
        }
        left -= 1;
        if left == 0 {
            return false;
        }
        waiting.extend(folders);
    }
    false
}

/// Folders that wait to be read, shared by the scan's threads.
struct Work {
    root: Dir,
    queue: Mutex<Queue>,
    changed: Condvar,
}

#[derive(Default)]
struct Queue {
    folders: Vec<PathBuf>,
    busy: usize,
}

impl Work {
    fn new(root: Dir) -> Self {
        Self {
            root,
            queue: Mutex::new(Queue {
                folders: vec![PathBuf::new()],
                busy: 0,
            }),
            changed: Condvar::new(),
        }
    }

    /// Takes folders until none is left and no thread can find more.
    fn run(&self, scan: &Scan<'_>) {
        let mut collector = (scan.collector)();
        while let Some(folder) = self.take() {
            let found = if scan.cancel.is_cancelled() {
                Vec::new()
            } else {
                read_folder(&self.root, &folder, scan, &mut *collector)
            };
            let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
            queue.folders.extend(found);
            queue.busy -= 1;
            drop(queue);
            self.changed.notify_all();
        }
    }

    fn take(&self) -> Option<PathBuf> {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(folder) = queue.folders.pop() {
                queue.busy += 1;
                return Some(folder);
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
}

/// Reads one function or module folder; returns the folders below that are no entries.
fn read_folder(
    root: &Dir,
    below: &Path,
    scan: &Scan<'_>,
    collector: &mut dyn Collector,
) -> Vec<PathBuf> {
    let mut folders = Vec::new();
    let mut entries = Vec::new();
    let listed = root.open_below(below).and_then(|dir| {
        dir.list(|name, file_type| {
            if file_type == FileType::Dir {
                if is_entry_name(name.as_encoded_bytes()) {
                    entries.push(name.to_owned());
                } else {
                    folders.push(below.join(name));
                }
            }
        })
        .map(|()| dir)
    });
    let dir = match listed {
        Ok(dir) => dir,
        Err(e) => {
            let path = root.path().join(below);
            collector.issue(Issue::from_error(
                &Error::io("Cannot list the folder", &path, e),
                &path,
            ));
            return folders;
        }
    };
    let locator = below.as_os_str().as_encoded_bytes();
    let group = Arc::new(Group {
        label: crate::model::text::from_bytes(locator)
            .replace('/', ".")
            .into(),
        locator: locator.into(),
    });
    let mut text = Vec::new();
    for name in &entries {
        if scan.cancel.is_cancelled() {
            break;
        }
        read_entry(&dir, &group, name, scan.detail, &mut text, collector);
        scan.progress.add(1);
    }
    folders
}

fn read_entry(
    dir: &Dir,
    group: &Arc<Group>,
    name: &OsStr,
    detail: Detail,
    text: &mut Vec<u8>,
    collector: &mut dyn Collector,
) {
    let path = dir.path().join(name);
    let mut record = Record::new(group, name.as_encoded_bytes());
    let entry = match dir.open_dir(name) {
        Ok(entry) => entry,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return,
        Err(e) => {
            collector.record(&record);
            collector.issue(Issue::from_error(
                &Error::io("Cannot read the entry", &path, e),
                &path,
            ));
            return;
        }
    };
    let mut has_metadata = false;
    let listed = entry.list(|file, file_type| {
        if file_type != FileType::File {
            return;
        }
        let Ok(meta) = entry.stat(file) else { return };
        record.files += 1;
        record.disk_bytes += meta.disk_bytes;
        if file == OUTPUT {
            record.bytes = meta.size;
            record.modified = Some(meta.modified);
            record.accessed = Some(meta.accessed);
            record.created = meta.created.filter(|_| false);
            record.dev = meta.dev;
            record.ident = meta.ino;
        } else if file == METADATA {
            has_metadata = true;
        } else if !is_own_file(file) {
            record.role = Role::Entry;
        }
    });
    if let Err(e) = listed {
        collector.issue(Issue::from_error(
            &Error::io("Cannot list the entry", &path, e),
            &path,
        ));
    }
    text.clear();
    if detail == Detail::Full && has_metadata {
        match entry.read_small(METADATA.as_ref(), METADATA_BYTES, text) {
            Ok(()) => {}
            Err(e) => collector.issue(Issue::from_error(
                &Error::io("Cannot read metadata.json", &path, e),
                &path,
            )),
        }
    }
    let metadata = serde_json::from_slice::<Metadata<'_>>(text);
    match &metadata {
        Ok(metadata) => {
            record.duration_s = metadata.duration;
            record.created = metadata.time.and_then(Time::from_unix_f64);
            record.args = Args::Whole(&metadata.input_args.0);
        }
        Err(e) if !text.is_empty() => {
            let message = format!(
                "Cannot read the arguments: metadata.json is not whole JSON ({e}). The entry is shown without them"
            );
            collector.issue(Issue::new(Severity::Warning, path.join(METADATA), message));
        }
        Err(_) => {}
    }
    collector.record(&record);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entry_folders_are_exactly_32_hex_digits() {
        assert!(is_entry_name(b"0123456789abcdef0123456789abcdef"));
        assert!(!is_entry_name(b"0123456789abcdef0123456789abcdeF"));
        assert!(!is_entry_name(b"0123456789abcdef0123456789abcdef0"));
    }
}
