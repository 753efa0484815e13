//! Django's file cache: a folder of `<md5>.djcache`, each a pickled expiry and then a zlib-packed pickle.
//!
//! Rules from `django/core/cache/backends/filebased.py`, checked with Django 6.1.

use std::ffi::{OsStr, OsString};
use std::sync::Arc;

use super::{
    Backend, Candidate, CheckOptions, Confidence, Details, Recognised, Removal, Store, ValueReader,
};
use crate::formats::{Carrier, pickle};
use crate::model::value::Leaf;
use crate::model::{EntryKey, Finding, Group, Issue, Record, Role, Severity, Time};
use crate::scan::{Collector, Detail, Scan};
use crate::source::{Dir, FileType, Range, path_from_bytes};
use crate::{Error, Result};

pub(super) struct DjangoFile;

const SUFFIX: &[u8] = b".djcache";
/// Django writes into a file of `tempfile.mkstemp` and moves it into place.
const TEMPORARY: &[u8] = b"tmp";
/// More than a pickled float or None of any protocol takes.
const EXPIRY_BYTES: usize = 64;
/// First byte of a zlib stream, which follows the expiry.
const ZLIB: u8 = 0x78;

impl Backend for DjangoFile {
    fn kinds(&self) -> &'static [&'static str] {
        &["django-file"]
    }

    fn recognise(&self, candidate: &Candidate<'_>) -> Result<Option<Recognised>> {
        if !candidate.is_dir() {
            return Ok(None);
        }
        let path = candidate.path();
        let fail = |e| Error::io("Cannot list the folder", &path, e);
        let dir = candidate.parent.open_dir(candidate.name).map_err(fail)?;
        let mut first = None;
        dir.list(|name, file_type| {
            if first.is_none()
                && file_type == FileType::File
                && name.as_encoded_bytes().ends_with(SUFFIX)
            {
                first = Some(name.to_owned());
            }
        })
        .map_err(fail)?;
        let is_one =
            first.is_some_and(|name| head_of(&dir, &name).is_ok_and(|head| head.is_some()));
        Ok(is_one.then(|| Recognised {
            kind: "django-file",
            confidence: Confidence::Certain,
            writer: Some("Django".to_owned()),
            path,
        }))
    }

    fn scan(&self, store: &Store, scan: &Scan<'_>) -> Result<()> {
        let dir = store.dir()?;
        let names = dir
            .names()
            .map_err(|e| Error::io("Cannot list the folder", &store.info.path, e))?;
        let group = Group::named("");
        let mut collector = (scan.collector)();
        for (name, file_type) in names {
            scan.cancel.check()?;
            if file_type == FileType::File {
                read_entry(&dir, &group, &name, scan.detail, &mut *collector);
                scan.progress.add(1);
            }
        }
        Ok(())
    }

    fn open_value(&self, store: &Store, entry: &EntryKey) -> Result<ValueReader> {
        let dir = store.dir()?;
        let name = name_of(entry);
        let path = dir.path().join(&name);
        let fail = |e| Error::io("Cannot open the stored value", &path, e);
        let head = head_of(&dir, &name).map_err(fail)?.ok_or_else(|| {
            Error::damaged(
                "Cannot read the stored value",
                "it does not begin with an expiry and packed bytes",
            )
            .at(&path)
        })?;
        let file = dir.open_file(&name).map_err(fail)?;
        let packed = Range::new(Arc::new(file), head.len, u64::MAX);
        Ok(ValueReader::new(Arc::new(packed), Carrier::Pickle, path))
    }

    fn details(&self, store: &Store, entry: &EntryKey) -> Result<Details> {
        Ok(Details {
            facts: vec![(
                "key".into(),
                "Django keeps only the MD5 of the key".to_owned(),
            )],
            paths: vec![store.info.path.join(name_of(entry))],
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

    fn removal(&self, _store: &Store, entry: &EntryKey) -> Result<Removal> {
        Ok(Removal::Files {
            paths: vec![name_of(entry).into()],
            folders: 0,
        })
    }
}

/// The front of a file: when it expires, and where the value begins.
struct Head {
    expires: Option<Time>,
    len: u64,
}

/// Reads the expiry; `None` if the file does not begin with one.
fn head_of(dir: &Dir, name: &OsStr) -> std::io::Result<Option<Head>> {
    let mut bytes = Vec::with_capacity(EXPIRY_BYTES);
    dir.read_small(name, EXPIRY_BYTES, &mut bytes)?;
    let decoded = pickle::decode_bytes(&bytes);
    let value = &decoded.value;
    let expires = match value.leaf(value.root()) {
        Some(Leaf::Float(secs)) => Time::from_unix_f64(secs),
        // `timeout=None` never expires.
        None if value.repr(value.root(), 8).text == "None" => None,
        _ => return Ok(None),
    };
    let is_packed = usize::try_from(decoded.end).is_ok_and(|end| bytes.get(end) == Some(&ZLIB));
    Ok(is_packed.then_some(Head {
        expires,
        len: decoded.end,
    }))
}

fn read_entry(
    dir: &Dir,
    group: &Arc<Group>,
    name: &OsStr,
    detail: Detail,
    collector: &mut dyn Collector,
) {
    let bytes = name.as_encoded_bytes();
    let is_entry = bytes.ends_with(SUFFIX);
    if !is_entry && !bytes.starts_with(TEMPORARY) {
        return;
    }
    let path = || dir.path().join(name);
    let meta = match dir.stat(name) {
        Ok(meta) => meta,
        // Expired and culled at this moment.
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return,
        Err(e) => {
            collector.issue(Issue::from_error(
                &Error::io("Cannot read the entry", &path(), e),
                &path(),
            ));
            return;
        }
    };
    let mut record = Record::new(group, bytes);
    record.role = if is_entry { Role::Entry } else { Role::Orphan };
    record.bytes = meta.size;
    record.disk_bytes = meta.disk_bytes;
    record.files = 1;
    record.modified = Some(meta.modified);
    record.accessed = Some(meta.accessed);
    record.dev = meta.dev;
    record.ident = meta.ino;
    if is_entry && detail == Detail::Full {
        match head_of(dir, name) {
            Ok(Some(head)) => record.expires = head.expires,
            Ok(None) => {
                let message = "Cannot read when the entry expires: it does not begin with an expiry. The entry is shown without it";
                collector.issue(Issue::new(Severity::Warning, path(), message));
            }
            Err(e) => collector.issue(Issue::from_error(
                &Error::io("Cannot read the entry", &path(), e),
                &path(),
            )),
        }
    }
    collector.record(&record);
}

fn name_of(entry: &EntryKey) -> OsString {
    path_from_bytes(&entry.key).into_os_string()
}
