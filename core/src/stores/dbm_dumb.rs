//! `dbm.dumb` and shelves on it: an index of text (`.dir`), a file of values (`.dat`), the index before (`.bak`).
//!
//! `Lib/dbm/dumb.py` of CPython 3.13, `Lib/dumbdbm.py` of 2.7. The store's path is the name without suffix,
//! as the library is given it; no file needs to be called so.

use std::ffi::{OsStr, OsString};
use std::sync::{Arc, OnceLock};

use super::advice::percent;
use super::python::Script;
use super::{
    Advice, Backend, Candidate, CheckOptions, Collector, Compaction, Confidence, Details, KeyForm,
    KeyRemoval, Recognised, Removal, Scan, Store, Topic, ValueReader,
};
use crate::formats::Carrier;
use crate::formats::dbm::dumb::{self, BLOCK_BYTES, Index, Place};
use crate::model::{
    Condition, EntryKey, Finding, Group, Issue, Record, Role, Severity, Time, text,
};
use crate::source::{Dir, FileReader, Range, ReadAt as _, path_from_bytes};
use crate::{Error, Result};

pub(super) struct DbmDumb;

const KIND: &str = "dbm-dumb";
const INDEX: &str = ".dir";
const DATA: &str = ".dat";
const BACKUP: &str = ".bak";
/// Looks for index and backup while a program commits.
const LOOKS: usize = 4;

/// Larger indexes are refused: they are held in memory whole.
const INDEX_BYTES: usize = 128 << 20;

/// Share of dead space, in percent, from which on it is spoken of.
const WORTH_COMPACTING: u64 = 25;
/// A shelf that was changed since then may still be open in the program that changed it.
const AT_WORK_SECS: f64 = 600.0;

/// Group of the bytes in the data file that belong to no key.
const DEAD: &[u8] = b"\0dead";

/// A shelf opened for one job.
struct Opened {
    index: Index,
    data: Arc<FileReader>,
    /// True if the index is the backup's, because it is missing itself.
    is_backup: bool,
    /// See [`Index::overlaps`], found when the first key is checked.
    overlaps: OnceLock<Vec<u32>>,
}

impl Opened {
    fn of(store: &Store) -> Result<Arc<Self>> {
        store.kept(|| {
            let path = &store.info.path;
            let data = named(&store.name, DATA);
            let data = store.parent.open_file(&data).map_err(|e| {
                Error::io(
                    "Cannot open the values",
                    &store.parent.path().join(&data),
                    e,
                )
            })?;
            let (text, is_backup) = index_of(&store.parent, &store.name)
                .map_err(|e| Error::io("Cannot read the index", path, e))?;
            if text.len() >= INDEX_BYTES {
                let why = format!("it is larger than {}", text::size(INDEX_BYTES as u64));
                return Err(Error::limit("Cannot read the index", why).at(path));
            }
            Ok(Self {
                index: dumb::read(&text),
                data: Arc::new(data),
                is_backup,
                overlaps: OnceLock::new(),
            })
        })
    }

    /// The other key on whose bytes the value of this one lies.
    fn overlap(&self, entry: &EntryKey) -> Option<&[u8]> {
        let overlaps = self.overlaps.get_or_init(|| self.index.overlaps());
        let n = self.index.number(&entry.key)?;
        let other = *overlaps.get(n as usize)?;
        (other != n).then(|| self.index.key(other))
    }

    fn find(&self, entry: &EntryKey, store: &Store) -> Result<Place> {
        self.index.place(&entry.key).ok_or_else(|| {
            let key = text::quoted(&text::from_bytes(&entry.key));
            Error::not_found(
                format!("Cannot find the key {key}"),
                "the index does not hold it any more",
            )
            .at(&store.info.path)
        })
    }

    /// Bytes of whole blocks in the data file that no key's value lies in.
    fn dead_bytes(&self) -> u64 {
        let blocks = |bytes: u64| bytes.div_ceil(BLOCK_BYTES);
        let live = self
            .index
            .places()
            .iter()
            .map(|place| blocks(place.len))
            .fold(0, u64::saturating_add);
        let all = blocks(self.data.len());
        all.saturating_sub(live) * BLOCK_BYTES
    }
}

/// The index's text, and whether it is that of the backup: Python leaves only this one when it is stopped between two
/// steps of a commit. A commit at work takes the backup away and makes the index the new one, so that each may be gone
/// for a moment, but never both.
fn index_of(dir: &Dir, base: &OsStr) -> std::io::Result<(Vec<u8>, bool)> {
    let mut text = Vec::new();
    let mut missing = std::io::Error::from(std::io::ErrorKind::NotFound);
    for suffix in [INDEX, BACKUP].into_iter().cycle().take(2 * LOOKS) {
        text.clear();
        match dir.read_small(&named(base, suffix), INDEX_BYTES, &mut text) {
            Ok(()) => return Ok((text, suffix == BACKUP)),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => missing = e,
            Err(e) => return Err(e),
        }
    }
    Err(missing)
}

/// The first bytes of the index, or of the backup where there is none.
fn head_of(dir: &Dir, base: &OsStr) -> Result<Option<Vec<u8>>> {
    for suffix in [INDEX, BACKUP].into_iter().cycle().take(2 * LOOKS) {
        let name = named(base, suffix);
        let index = Candidate::look(dir, &name)?;
        if index.meta.is_some() {
            return Ok(index.is_file().then_some(index.head));
        }
    }
    Ok(None)
}

fn named(base: &OsStr, suffix: &str) -> OsString {
    let mut name = base.to_owned();
    name.push(suffix);
    name
}

/// The store's name, if this is one of its files or the name itself.
fn base_of(candidate: &Candidate<'_>) -> Option<OsString> {
    let name = candidate.name;
    let stem = [INDEX, DATA, BACKUP].into_iter().find_map(|suffix| {
        let stem = name.as_encoded_bytes().strip_suffix(suffix.as_bytes())?;
        Some(path_from_bytes(stem).into_os_string())
    });
    match stem {
        Some(stem) if candidate.is_file() => Some(stem),
        _ if candidate.meta.is_none() => Some(name.to_owned()),
        _ => None,
    }
}

impl Backend for DbmDumb {
    fn kinds(&self) -> &'static [&'static str] {
        &[KIND]
    }

    fn recognise(&self, candidate: &Candidate<'_>) -> Result<Option<Recognised>> {
        let Some(base) = base_of(candidate).filter(|base| !base.is_empty()) else {
            return Ok(None);
        };
        let is_file = |suffix: &str| candidate.parent.stat(&named(&base, suffix)).is_ok();
        if !is_file(DATA) {
            return Ok(None);
        }
        let head = head_of(candidate.parent, &base)?;
        let Some(head) = head.filter(|head| dumb::is_likely(head)) else {
            return Ok(None);
        };
        // Emptied, the index before tells that the values beside it are a shelf's.
        let is_told = |suffix: &str| {
            let name = named(&base, suffix);
            let told = Candidate::look(candidate.parent, &name);
            told.is_ok_and(|index| !index.head.is_empty() && dumb::is_likely(&index.head))
        };
        let confidence = if !head.is_empty() || is_told(BACKUP) {
            Confidence::Certain
        } else {
            Confidence::Likely
        };
        Ok(Some(Recognised {
            kind: KIND,
            confidence,
            writer: Some("Python, dbm.dumb".to_owned()),
            path: candidate.parent.path().join(&base),
        }))
    }

    fn scan(&self, store: &Store, scan: &Scan<'_>) -> Result<()> {
        let opened = Opened::of(store)?;
        let mut collector = (scan.collector)();
        let overhead = [INDEX, DATA, BACKUP].into_iter().filter_map(|suffix| {
            let meta = store.parent.stat(&named(&store.name, suffix)).ok()?;
            Some(meta.disk_bytes)
        });
        collector.overhead(overhead.sum());
        issues(&opened, store, &mut *collector);
        let group = Group::named("");
        for slot in opened.index.slots() {
            scan.cancel.check()?;
            let mut record = Record::new(&group, &slot.key);
            record.bytes = slot.place.len;
            record.dev = opened.data.meta().dev;
            // The place changes when the value outgrows its blocks: with the length it tells values apart.
            record.ident = slot.place.offset;
            collector.record(&record);
            scan.progress.add(1);
        }
        // With a line missing nobody knows which bytes are dead.
        if opened.index.n_bad == 0 && !opened.index.is_torn && !opened.is_backup {
            dead(&opened, store, &mut *collector);
        }
        Ok(())
    }

    fn open_value(&self, store: &Store, entry: &EntryKey) -> Result<ValueReader> {
        let opened = Opened::of(store)?;
        let path = store.parent.path().join(named(&store.name, DATA));
        let data = Arc::clone(&opened.data);
        if *entry.group == *DEAD {
            return Ok(ValueReader::new(data, Carrier::Unknown, path));
        }
        let place = opened.find(entry, store)?;
        let range = Range::new(data, place.offset, place.len);
        Ok(ValueReader::new(Arc::new(range), Carrier::Unknown, path))
    }

    fn details(&self, store: &Store, entry: &EntryKey) -> Result<Details> {
        let opened = Opened::of(store)?;
        let mut details = Details::default();
        if *entry.group != *DEAD {
            let place = opened.find(entry, store)?;
            details
                .facts
                .push(("offset".into(), place.offset.to_string()));
        }
        for suffix in [INDEX, DATA] {
            let name = named(&store.name, suffix);
            details.paths.push(store.parent.path().join(name));
        }
        Ok(details)
    }

    fn python(&self, store: &Store, entry: &EntryKey, codec: &[String]) -> Result<Option<String>> {
        Ok(Script::dbm("dbm.dumb", &store.info.path, &entry.key, codec))
    }

    fn check(
        &self,
        store: &Store,
        entry: &EntryKey,
        _options: &CheckOptions,
    ) -> Result<Vec<Finding>> {
        let opened = Opened::of(store)?;
        if *entry.group == *DEAD {
            let evidence =
                "values that were deleted or outgrew their place; only compacting frees it";
            return Ok(vec![Finding::new(Condition::Orphan, evidence)]);
        }
        let place = opened.find(entry, store)?;
        let (end, there) = (place.offset.saturating_add(place.len), opened.data.len());
        let mut evidence = Vec::new();
        if end > there {
            evidence.push(format!(
                "its value ends at byte {end}, and the file of values has {there}: Python returns what is left of it"
            ));
        }
        if let Some(other) = opened.overlap(entry) {
            evidence.push(format!(
                "it lies on bytes of the value of {}: at most one of both is what was stored",
                text::quoted(&text::from_bytes(other))
            ));
        }
        let corrupt = |evidence| Finding::new(Condition::Corrupt, evidence);
        Ok(evidence.into_iter().map(corrupt).collect())
    }

    fn is_read_with_another(&self, store: &Store, entry: &EntryKey) -> bool {
        Opened::of(store).is_ok_and(|opened| opened.overlap(entry).is_some())
    }

    fn can_compact(&self, _kind: &str) -> bool {
        true
    }

    fn compaction(&self, store: &Store) -> Result<Compaction> {
        Ok(Compaction::Dumb {
            base: store.name.clone(),
        })
    }

    fn advice(&self, store: &Store) -> Result<Vec<Advice>> {
        let opened = Opened::of(store)?;
        let (dead, all) = (opened.dead_bytes(), opened.data.len());
        let share = percent(dead, all);
        let message = format!(
            "{share} % of the value file is dead space, {} of {}: dbm.dumb never uses it again, compacting gives it back",
            text::size(dead),
            text::size(all)
        );
        let is_worth_it = share >= WORTH_COMPACTING && dead >= BLOCK_BYTES;
        let path = store.parent.path().join(named(&store.name, DATA));
        Ok(is_worth_it
            .then(|| Advice::new(Topic::Room, &path, message))
            .into_iter()
            .collect())
    }

    fn removal(&self, store: &Store, entry: &EntryKey) -> Result<Removal> {
        let refuse =
            |why: &str| Err(Error::refused("Cannot remove the key", why).at(&store.info.path));
        if *entry.group == *DEAD {
            return refuse("only compacting gives dead space back: cachescope compact");
        }
        if Opened::of(store)?.is_backup {
            return refuse("the index (.dir) is missing: copy the backup (.bak) to it first");
        }
        Ok(Removal::Key(KeyRemoval {
            file: store.name.clone().into(),
            form: KeyForm::Dumb,
        }))
    }

    fn notes(&self, store: &Store, _entries: &[&EntryKey]) -> Result<Vec<String>> {
        let mut notes = vec![
            "A program that has this shelf open keeps its index in mind and may bring keys back when it closes it; \
             nobody can see whether there is one"
                .to_owned(),
        ];
        let now = Time::now();
        let ages = [INDEX, DATA].into_iter().filter_map(|suffix| {
            let meta = store.parent.stat(&named(&store.name, suffix)).ok()?;
            Some(meta.modified.age_secs(now))
        });
        if ages.into_iter().any(|age| age < AT_WORK_SECS) {
            notes.push(
                "It was changed less than 10 minutes ago: a program may be at work on it"
                    .to_owned(),
            );
        }
        Ok(notes)
    }
}

/// What is wrong with the index as a whole.
fn issues(opened: &Opened, store: &Store, collector: &mut dyn Collector) {
    let path = |suffix| store.parent.path().join(named(&store.name, suffix));
    let index = &opened.index;
    if opened.is_backup {
        let message = "The index (.dir) is missing, and Python would show an empty shelf: \
                       listed from the backup (.bak). Copy it to .dir to have the shelf back";
        collector.issue(Issue::new(Severity::Warning, path(INDEX), message));
    }
    if index.is_torn {
        let message = "The last line of the index is cut off: a program is writing it, or was stopped while it did. \
                       The other keys are shown";
        collector.issue(Issue::new(Severity::Warning, path(INDEX), message));
    }
    for problem in &index.problems {
        let message = format!(
            "Cannot read a line of the index: {problem}. Python cannot open this shelf; the other keys are shown"
        );
        collector.issue(Issue::new(Severity::Error, path(INDEX), message));
    }
    let untold = index.n_bad - index.problems.len().min(index.n_bad);
    if untold > 0 {
        let message = format!("Cannot read {untold} more lines of the index");
        collector.issue(Issue::new(Severity::Error, path(INDEX), message));
    }
}

/// Dead space as one orphan, named by the file that it is in.
fn dead(opened: &Opened, store: &Store, collector: &mut dyn Collector) {
    let bytes = opened.dead_bytes();
    if bytes == 0 {
        return;
    }
    let group = Arc::new(Group {
        label: "".into(),
        locator: DEAD.into(),
    });
    let key = named(&store.name, DATA);
    let mut record = Record::new(&group, key.as_encoded_bytes());
    record.role = Role::Orphan;
    record.bytes = bytes;
    record.modified = Some(opened.data.meta().modified);
    record.dev = opened.data.meta().dev;
    record.ident = opened.data.meta().ino;
    collector.record(&record);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Cancel, Progress, Snapshot};
    use crate::ops::check;
    use crate::stores::open_all;

    #[test]
    fn bytes_that_many_keys_name_are_read_once() {
        let temp = tempfile::tempdir().unwrap();
        #[expect(clippy::disallowed_methods, reason = "tests make their own files")]
        let write = |name: &str, bytes: &[u8]| {
            std::fs::write(temp.path().join(name), bytes).unwrap();
        };
        // `pickle.dumps(eval)`: whoever reads it tells of the call.
        let value = b"cbuiltins\neval\n(S'1'\ntR.";
        write("shelf.dat", value);
        let line = |key: &str| format!("'{key}', (0, {})\n", value.len());
        write("shelf.dir", ["a", "b", "c"].map(line).concat().as_bytes());
        let info = open_all(&temp.path().join("shelf")).unwrap().remove(0);
        let store = Store::open(&info).unwrap();
        let snapshot = Snapshot::read(&store, &Cancel::default(), &Progress::default()).unwrap();
        let options = CheckOptions {
            is_deep: true,
            ..CheckOptions::default()
        };
        let verdicts = snapshot.records().map(|(_, record)| {
            let verdict = check::entry(&store, &record, &options).unwrap();
            (verdict.condition, verdict.evidence.join("; "))
        });
        let overlaps =
            "it lies on bytes of the value of \"a\": at most one of both is what was stored";
        let overlaps = (Condition::Corrupt, overlaps.to_owned());
        let calls = "decoding it in Python would call builtins.eval (at byte 22)";
        let first = (Condition::CallsCode, calls.to_owned());
        assert_eq!(
            verdicts.collect::<Vec<_>>(),
            [first, overlaps.clone(), overlaps]
        );
    }
}
