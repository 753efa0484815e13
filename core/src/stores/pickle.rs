//! Single files of pickles: one value, a dict whose keys are entries, or several pickles one after the other.
//!
//! A file with joblib's array block, or in one of joblib's compressions, is `joblib-dump`; any other is `pickle`.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use super::{
    Backend, Candidate, CheckOptions, Confidence, Details, Recognised, Removal, Store, ValueReader,
};
use crate::formats::compress::Codec;
use crate::formats::pickle::{self, Skim, SkimmedItem, SkimmedKey};
use crate::formats::repr::str_key_label;
use crate::formats::{Carrier, Content, ProblemKind, SideFiles};
use crate::model::{EntryKey, Finding, Group, Issue, Limits, Record, Severity};
use crate::scan::Scan;
use crate::source::{Dir, FileReader, ReadAt};
use crate::{Error, Result};

pub(super) struct Pickle;

const PICKLE: &str = "pickle";
const JOBLIB_DUMP: &str = "joblib-dump";
/// Module of joblib's array wrappers, as a file names it before its first array.
const WRAPPER_MODULE: &[u8] = b"joblib.numpy_pickle";
/// How far into a file its first array is looked for.
const SEARCH_BYTES: usize = 1 << 20;
/// Protocols 0 and 1 have no header: such a file is a pickle if all of it decodes.
const MAX_HEADERLESS: u64 = 64 << 20;
/// Ordinal of the file's value as a whole; keys of one text count from 0.
const WHOLE: u32 = u32::MAX;

impl Backend for Pickle {
    fn kinds(&self) -> &'static [&'static str] {
        &[PICKLE, JOBLIB_DUMP]
    }

    fn recognise(&self, candidate: &Candidate<'_>) -> Result<Option<Recognised>> {
        if !candidate.is_file() {
            return Ok(None);
        }
        let path = candidate.path();
        let is_packed = Codec::detect_strictly(&candidate.head).is_some();
        if !is_packed
            && !pickle::is_likely(&candidate.head)
            && candidate.head.first() != Some(&b'(')
        {
            return Ok(None);
        }
        let file = candidate.parent.open_file(candidate.name);
        let file = file.map_err(|e| Error::io("Cannot read the file", &path, e))?;
        let len = file.len();
        let content = Content::plain(Arc::new(file)).peel(Codec::detect_strictly);
        let head = content.head(SEARCH_BYTES);
        let has_header = head.first() == Some(&0x80) && pickle::is_likely(&head);
        if !has_header && (len > MAX_HEADERLESS || !is_whole_pickle(&content)) {
            return Ok(None);
        }
        let is_joblib = is_packed
            || head
                .windows(WRAPPER_MODULE.len())
                .any(|w| w == WRAPPER_MODULE);
        Ok(Some(Recognised {
            kind: if is_joblib { JOBLIB_DUMP } else { PICKLE },
            confidence: Confidence::Likely,
            writer: is_joblib.then(|| "joblib".to_owned()),
            path,
        }))
    }

    fn scan(&self, store: &Store, scan: &Scan<'_>) -> Result<()> {
        let file = open(store)?;
        let meta = *file.meta();
        let (content, skim) = skim(file);
        scan.cancel.check()?;
        let mut collector = (scan.collector)();
        let group = Group::named("");
        let parts = Parts::of(&content, &skim);
        let mut seen: HashMap<&str, u32> = HashMap::new();
        for (label, part) in parts.labels.iter().zip(&parts.list) {
            scan.cancel.check()?;
            let ordinal = seen.entry(label).or_default();
            let mut record = Record::new(&group, label.as_bytes());
            record.ordinal = *ordinal;
            *ordinal += 1;
            record.bytes = if parts.list.len() == 1 {
                meta.size
            } else {
                part.len
            };
            record.disk_bytes = if parts.list.len() == 1 {
                meta.disk_bytes
            } else {
                0
            };
            record.files = u32::from(parts.list.len() == 1);
            record.modified = Some(meta.modified);
            record.accessed = Some(meta.accessed);
            record.dev = meta.dev;
            record.ident = meta.ino;
            collector.record(&record);
            scan.progress.add(1);
        }
        if parts.list.len() > 1 {
            collector.overhead(meta.disk_bytes);
        }
        let path = &store.info.path;
        for problem in skim.problems.iter().filter(|p| p.kind != ProblemKind::Note) {
            let message = format!(
                "Cannot list the file to its end: {problem}. What was read before it is shown"
            );
            collector.issue(Issue::new(Severity::Error, path, message));
        }
        if let Some(offset) = skim.trailing {
            let message = format!(
                "Behind the last pickle, from byte {offset} on, stand bytes that are no pickle"
            );
            collector.issue(Issue::new(Severity::Warning, path, message));
        }
        Ok(())
    }

    fn whole(&self, store: &Store) -> Result<Option<EntryKey>> {
        let (_, skim) = skim(open(store)?);
        Ok((skim.pickles.len() == 1).then(|| EntryKey {
            group: Box::default(),
            key: Box::default(),
            ordinal: WHOLE,
        }))
    }

    fn open_value(&self, store: &Store, entry: &EntryKey) -> Result<ValueReader> {
        let path = store.info.path.clone();
        let carrier = if entry.ordinal == WHOLE {
            Carrier::Pickle
        } else {
            let (content, skim) = skim(open(store)?);
            let parts = Parts::of(&content, &skim);
            let part = parts.find(entry).ok_or_else(|| {
                let key = crate::model::text::from_bytes(&entry.key);
                let what = format!(
                    "Cannot find the key \"{}\"",
                    crate::model::text::shown(&key)
                );
                Error::not_found(what, "the file does not hold it any more").at(&path)
            })?;
            // One value alone is read with its side files and compression, from its first byte.
            if parts.list.len() == 1 && part.item.is_none() {
                Carrier::Pickle
            } else {
                Carrier::PicklePart {
                    pickle: part.pickle,
                    item: part.item,
                }
            }
        };
        let folder = store.parent.open_below(Path::new(""));
        let folder =
            folder.map_err(|e| Error::io("Cannot open the folder", store.parent.path(), e))?;
        let mut reader = ValueReader::new(Arc::new(open(store)?), carrier, path);
        reader.side_files = Arc::new(Beside {
            folder,
            stem: store.name.to_string_lossy().into_owned(),
        });
        Ok(reader)
    }

    fn details(&self, store: &Store, _entry: &EntryKey) -> Result<Details> {
        Ok(Details {
            paths: vec![store.info.path.clone()],
            ..Details::default()
        })
    }

    fn check(
        &self,
        _store: &Store,
        _entry: &EntryKey,
        _options: &CheckOptions,
    ) -> Result<Vec<Finding>> {
        Ok(Vec::new())
    }

    fn removal(&self, store: &Store, _entry: &EntryKey) -> Result<Removal> {
        Ok(Removal::Shared {
            paths: vec![store.name.clone().into()],
        })
    }
}

fn open(store: &Store) -> Result<FileReader> {
    let file = store.parent.open_file(&store.name);
    file.map_err(|e| Error::io("Cannot open the file", &store.info.path, e))
}

/// The file behind its compression, and what stands in it.
fn skim(file: FileReader) -> (Content, Skim) {
    let content = Content::plain(Arc::new(file)).peel(Codec::detect);
    let skim = pickle::skim(&content, &Limits::DEEP);
    (content, skim)
}

/// The entries of a file, each with where it stands.
struct Parts {
    list: Vec<Part>,
    labels: Vec<String>,
}

#[derive(Clone, Copy)]
struct Part {
    pickle: usize,
    item: Option<usize>,
    len: u64,
}

impl Parts {
    fn of(content: &Content, skim: &Skim) -> Self {
        let mut parts = Self {
            list: Vec::new(),
            labels: Vec::new(),
        };
        if let [only] = skim.pickles.as_slice()
            && let Some(items) = only.items.as_ref().filter(|items| !items.is_empty())
        {
            for (n, item) in items.iter().enumerate() {
                parts.list.push(Part {
                    pickle: 0,
                    item: Some(n),
                    len: item.end.saturating_sub(item.start),
                });
                parts.labels.push(label_of(content, skim, n, item));
            }
            return parts;
        }
        for (n, pickle) in skim.pickles.iter().enumerate() {
            parts.list.push(Part {
                pickle: n,
                item: None,
                len: pickle.end.saturating_sub(pickle.start),
            });
            parts.labels.push(n.to_string());
        }
        parts
    }

    fn find(&self, entry: &EntryKey) -> Option<Part> {
        let named = self
            .labels
            .iter()
            .zip(&self.list)
            .filter(|(label, _)| label.as_bytes() == &*entry.key);
        named.map(|(_, part)| *part).nth(entry.ordinal as usize)
    }
}

fn label_of(content: &Content, skim: &Skim, n: usize, item: &SkimmedItem) -> String {
    match &item.key {
        SkimmedKey::Text(text) => str_key_label(text).into_owned(),
        SkimmedKey::Int(n) => n.to_string(),
        SkimmedKey::Other => match skim.decode_item(content, 0, n, &Limits::PREVIEW) {
            Some((decoded, key)) => decoded.value.key_label(key),
            None => "?".to_owned(),
        },
    }
}

fn is_whole_pickle(content: &Content) -> bool {
    let decoded = pickle::decode(content, &Limits::PREVIEW);
    decoded.end > 1 && !decoded.is_damaged()
}

/// Files of joblib before 0.10 lie beside the dump: `NAME_01.npy`.
struct Beside {
    folder: Dir,
    stem: String,
}

impl SideFiles for Beside {
    fn open_side_file(&self, name: &str) -> Result<Arc<dyn ReadAt>> {
        let path = self.folder.path().join(name);
        if !name.starts_with(&self.stem) || name.contains(['/', '\\']) {
            let what = format!(
                "Cannot open the side file \"{}\"",
                crate::model::text::shown(name)
            );
            return Err(Error::refused(what, "its name is none that joblib gives").at(&path));
        }
        let file = self.folder.open_file(name.as_ref());
        Ok(Arc::new(file.map_err(|e| {
            Error::io("Cannot open the side file", &path, e)
        })?))
    }
}
