//! GNU dbm files and ndbm files (Berkeley hash, or gdbm's own `.dir`/`.pag` pair), bare or as shelves.
//!
//! Which file is which follows CPython's `dbm.whichdb`, but by the bytes alone: suffixes say nothing.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::follow::{Follow, MappedStore};
use super::python::Script;
use super::{
    Backend, Candidate, CheckOptions, Collector, Compaction, Confidence, Details, KeyForm,
    KeyRemoval, Recognised, Removal, Scan, Store, ValueReader,
};
use crate::formats::dbm::{Extent, Item, Sink, Stop, gdbm, ndbm};
use crate::formats::{Carrier, Problem};
use crate::model::{EntryId, EntryKey, Finding, Fingerprint, Group, Issue, Record, Severity, text};
use crate::source::{FileReader, MemoryReader, Range, ReadAt};
use crate::{Error, Result};

pub(super) struct DbmHash;

const GNU: &str = "dbm-gnu";
const NDBM: &str = "dbm-ndbm";

/// What a file's first bytes say it is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Format {
    Gdbm,
    BerkeleyHash,
}

impl Format {
    fn of(head: &[u8]) -> Option<(Self, String)> {
        if let Some(header) = gdbm::Header::parse(head) {
            return Some((Self::Gdbm, format!("gdbm ({})", header.describe())));
        }
        let header = ndbm::Header::parse(head)?;
        Some((
            Self::BerkeleyHash,
            format!("Berkeley DB (hash version {})", header.version),
        ))
    }

    /// As the library finds a key, by its hash; `None` where it is not there or damage is in the way.
    fn look_up(self, reader: &dyn ReadAt, key: &[u8]) -> Option<Extent> {
        match self {
            Self::Gdbm => Some(gdbm::find(reader, key).ok()??.value),
            Self::BerkeleyHash => Some(ndbm::find(reader, key).ok()??.value),
        }
    }

    fn list(self, reader: &dyn ReadAt, sink: &mut dyn Sink) -> std::result::Result<(), Stop> {
        match self {
            Self::Gdbm => gdbm::list(reader, sink),
            Self::BerkeleyHash => ndbm::list(reader, sink),
        }
    }
}

impl Format {
    /// Whether a value that was listed still stands where it was; gdbm writes without touching the file's time.
    fn is_still_at(self, file: &FileReader, key: &[u8], extent: Extent) -> bool {
        let Extent::Range { offset, .. } = extent else {
            return true;
        };
        if self == Self::BerkeleyHash {
            return true;
        }
        // The key stands right before its value.
        let mut stored = vec![0; key.len()];
        let start = offset.checked_sub(key.len() as u64);
        let read = start.map(|start| file.read_full_at(start, &mut stored));
        matches!(read, Some(Ok(n)) if n == key.len()) && stored == key
    }
}

impl Backend for DbmHash {
    fn kinds(&self) -> &'static [&'static str] {
        &[GNU, NDBM]
    }

    fn follow(&self) -> &'static dyn Follow {
        &MappedStore
    }

    fn recognise(&self, candidate: &Candidate<'_>) -> Result<Option<Recognised>> {
        if candidate.is_dir() {
            return Ok(None);
        }
        for name in data_files(candidate.name) {
            let data = Candidate::look(candidate.parent, &name)?;
            let Some((format, writer)) = Format::of(&data.head) else {
                continue;
            };
            let is_pair = name.as_encoded_bytes().ends_with(b".pag")
                && candidate
                    .parent
                    .stat(&beside(&name, ".pag", ".dir"))
                    .is_ok();
            return Ok(Some(Recognised {
                kind: if format == Format::Gdbm && !is_pair {
                    GNU
                } else {
                    NDBM
                },
                confidence: Confidence::Certain,
                writer: Some(writer),
                path: candidate.parent.path().join(&name),
            }));
        }
        Ok(None)
    }

    fn scan(&self, store: &Store, scan: &Scan<'_>) -> Result<()> {
        let (file, format) = open(store)?;
        let mut collector = (scan.collector)();
        // Rows own no blocks of their own: the file holds them all.
        collector.overhead(file.meta().disk_bytes);
        let mut listing = Listing {
            store,
            scan,
            group: Group::named(""),
            file: &file,
            collector: &mut *collector,
        };
        match format.list(&file, &mut listing) {
            Ok(()) => scan.cancel.check(),
            Err(Stop::Io(e)) => Err(Error::io("Cannot list the keys", &store.info.path, e)),
            Err(Stop::Damaged(problem)) => {
                Err(Error::damaged("Cannot list the keys", problem.to_string())
                    .at(&store.info.path)
                    .hint("Restore the file from a backup, or let the program make it anew"))
            }
        }
    }

    fn open_value(&self, store: &Store, entry: &EntryKey) -> Result<ValueReader> {
        let (file, extent) = find(store, entry)?;
        let path = store.info.path.clone();
        let bytes: Arc<dyn ReadAt> = match extent {
            Extent::Range { offset, len } => Arc::new(Range::new(Arc::new(file), offset, len)),
            Extent::Pages { .. } => {
                let bytes = ndbm::read_extent(&file, extent)
                    .map_err(|e| Error::io("Cannot read the stored value", &path, e))?;
                Arc::new(MemoryReader::new(bytes))
            }
        };
        Ok(ValueReader::new(bytes, Carrier::Unknown, path))
    }

    fn details(&self, store: &Store, _entry: &EntryKey) -> Result<Details> {
        Ok(Details {
            paths: vec![store.info.path.clone()],
            ..Details::default()
        })
    }

    fn python(&self, store: &Store, entry: &EntryKey, codec: &[String]) -> Result<Option<String>> {
        let path = &store.info.path;
        if store.info.kind == GNU {
            return Ok(Script::dbm("dbm.gnu", path, &entry.key, codec));
        }
        // ndbm is opened by the name without the suffixes of its files.
        let is_suffix = path.extension().is_some_and(|e| e == "db" || e == "pag");
        let base = if is_suffix {
            path.with_extension("")
        } else {
            path.clone()
        };
        Ok(Script::dbm("dbm.ndbm", &base, &entry.key, codec))
    }

    fn check(
        &self,
        store: &Store,
        entry: &EntryKey,
        _options: &CheckOptions,
    ) -> Result<Vec<Finding>> {
        find(store, entry)?;
        Ok(Vec::new())
    }

    fn can_compact(&self, kind: &str) -> bool {
        kind == GNU
    }

    fn compaction(&self, store: &Store) -> Result<Compaction> {
        match open(store)?.1 {
            Format::Gdbm => Ok(Compaction::Gdbm {
                file: store.name.clone(),
            }),
            Format::BerkeleyHash => Err(Error::refused(
                "Cannot compact the store",
                "Berkeley DB uses the space of removed keys again by itself, and never gives it back",
            )
            .at(&store.info.path)),
        }
    }

    fn removal(&self, store: &Store, _entry: &EntryKey) -> Result<Removal> {
        // Asked for each key: the file tells it once.
        let kept = store.kept(|| Ok(Kept::default()))?;
        let form = if let Some(form) = kept.form.get() {
            *form
        } else {
            let form = form_of(store)?;
            *kept.form.get_or_init(|| form)
        };
        Ok(Removal::Key(KeyRemoval {
            file: store.name.clone().into(),
            form,
        }))
    }
}

/// How the file's keys are removed, if the file is of a sort that is changed at all.
fn form_of(store: &Store) -> Result<KeyForm> {
    let (file, format) = open(store)?;
    let (form, checked) = match format {
        Format::Gdbm => (KeyForm::Gdbm, gdbm::form(&file).map(drop)),
        Format::BerkeleyHash => (KeyForm::BerkeleyHash, ndbm::can_change(&file)),
    };
    match checked {
        Ok(()) => Ok(form),
        Err(Stop::Io(e)) => Err(Error::io("Cannot read the file", &store.info.path, e)),
        Err(Stop::Damaged(problem)) => {
            Err(Error::refused("Cannot remove the key", problem.to_string()).at(&store.info.path))
        }
    }
}

/// The files that a name may stand for: itself, `base.db`, or the `.pag` of a pair.
fn data_files(name: &OsStr) -> Vec<OsString> {
    let long = |suffix: &str| {
        let mut long = name.to_owned();
        long.push(suffix);
        long
    };
    if name.as_encoded_bytes().ends_with(b".dir") {
        return vec![beside(name, ".dir", ".pag")];
    }
    vec![name.to_owned(), long(".db"), long(".pag")]
}

/// The name with another suffix.
fn beside(name: &OsStr, suffix: &str, other: &str) -> OsString {
    let mut path = PathBuf::from(name);
    if name.as_encoded_bytes().ends_with(suffix.as_bytes()) {
        path.set_extension(other.trim_start_matches('.'));
    }
    path.into_os_string()
}

fn open(store: &Store) -> Result<(FileReader, Format)> {
    let path = &store.info.path;
    let file = store
        .parent
        .open_file(&store.name)
        .map_err(|e| Error::io("Cannot open the file", path, e))?;
    let mut head = [0; ndbm::HEADER_BYTES];
    let n = file
        .read_full_at(0, &mut head)
        .map_err(|e| Error::io("Cannot read the file", path, e))?;
    let (format, _) = Format::of(head.get(..n).unwrap_or_default()).ok_or_else(|| {
        Error::changed("Cannot read the file", "it is no dbm file any more").at(path)
    })?;
    Ok((file, format))
}

/// What is kept of a file while a job lasts.
#[derive(Default)]
struct Kept {
    form: OnceLock<KeyForm>,
    places: Mutex<Option<Places>>,
}

/// Where each key's value lies in a file as it was when it was listed.
struct Places {
    of: Fingerprint,
    extents: HashMap<EntryId, Extent>,
}

impl Sink for Places {
    fn item(&mut self, item: Item<'_>) -> ControlFlow<()> {
        // Of a key that stands twice, in a damaged file, the first is the one that was always shown.
        let id = EntryId::of(&[], item.key, 0);
        self.extents.entry(id).or_insert(item.value);
        ControlFlow::Continue(())
    }

    fn problem(&mut self, _problem: Problem) {
        // A damaged page elsewhere does not matter to the other keys, and the listing told of it.
    }
}

/// The file, and where the value of a key lies in it. Where damage hides a key from its library, the file is looked
/// through once for all: for each key anew, all of them would cost their square.
fn find(store: &Store, entry: &EntryKey) -> Result<(FileReader, Extent)> {
    let (file, format) = open(store)?;
    if let Some(extent) = format.look_up(&file, &entry.key) {
        return Ok((file, extent));
    }
    let of = file.meta().fingerprint();
    let kept = store.kept(|| Ok(Kept::default()))?;
    let id = EntryId::of(&[], &entry.key, 0);
    let mut places = kept.places.lock().unwrap_or_else(PoisonError::into_inner);
    let known = places.as_ref().filter(|known| known.of == of);
    let mut extent = known.and_then(|known| known.extents.get(&id).copied());
    if !extent.is_some_and(|extent| format.is_still_at(&file, &entry.key, extent)) {
        let mut found = Places {
            of,
            extents: HashMap::new(),
        };
        match format.list(&file, &mut found) {
            Err(Stop::Io(e)) => {
                return Err(Error::io("Cannot read the file", &store.info.path, e));
            }
            Ok(()) | Err(Stop::Damaged(_)) => {
                extent = found.extents.get(&id).copied();
                *places = Some(found);
            }
        }
    }
    let extent = extent.ok_or_else(|| {
        let key = text::quoted(&text::from_bytes(&entry.key));
        let why = "the file does not hold it any more";
        Error::not_found(format!("Cannot find the key {key}"), why).at(&store.info.path)
    })?;
    Ok((file, extent))
}

struct Listing<'a, 's> {
    store: &'a Store,
    scan: &'a Scan<'s>,
    group: Arc<Group>,
    file: &'a FileReader,
    collector: &'a mut (dyn Collector + 's),
}

impl Sink for Listing<'_, '_> {
    fn item(&mut self, item: Item<'_>) -> ControlFlow<()> {
        let mut record = Record::new(&self.group, item.key);
        record.bytes = item.value.len();
        record.dev = self.file.meta().dev;
        // Together with the length it tells one value from the next.
        record.ident = item.ident();
        self.collector.record(&record);
        self.scan.progress.add(1);
        if self.scan.cancel.is_cancelled() {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }

    fn problem(&mut self, problem: Problem) {
        let message =
            format!("Cannot read a part of the file: {problem}. The other keys are shown");
        self.collector
            .issue(Issue::new(Severity::Error, &self.store.info.path, message));
    }
}
