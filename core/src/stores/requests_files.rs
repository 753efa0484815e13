//! requests-cache with its file backend: a folder of one response a file, and a database of redirects.
//!
//! `requests_cache/backends/filesystem.py`, checked with 0.9.8 and 1.3.3. A redirect is no entry.

use std::ffi::OsStr;
use std::path::Path;
use std::sync::Arc;

use super::http::Response;
use super::rows::expired;
use super::{
    Backend, Candidate, CheckOptions, Confidence, Details, Recognised, Removal, Store, ValueReader,
};
use crate::formats::{Carrier, Options};
use crate::model::{EntryKey, Finding, Group, Issue, Record};
use crate::scan::Scan;
use crate::source::{FileType, path_from_bytes};
use crate::sqlite;
use crate::{Error, Result};

pub(super) struct RequestsFiles;

/// Where redirects are kept; no response is named so.
const REDIRECTS: &str = "redirects.sqlite";

impl Backend for RequestsFiles {
    fn kinds(&self) -> &'static [&'static str] {
        &["requests-cache"]
    }

    fn is_of_folders(&self) -> bool {
        true
    }

    fn recognise(&self, candidate: &Candidate<'_>) -> Result<Option<Recognised>> {
        if !candidate.is_dir() {
            return Ok(None);
        }
        let Ok(dir) = candidate.parent.open_dir(candidate.name) else {
            return Ok(None);
        };
        let mut head = Vec::new();
        let read = dir.read_small(REDIRECTS.as_ref(), sqlite::MAGIC.len(), &mut head);
        let is_one = read.is_ok() && head.starts_with(sqlite::MAGIC);
        Ok(is_one.then(|| Recognised {
            kind: "requests-cache",
            confidence: Confidence::Certain,
            writer: Some("requests-cache, filesystem".to_owned()),
            path: candidate.path(),
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
            if file_type != FileType::File {
                continue;
            }
            let meta = match dir.stat(&name) {
                Ok(meta) => meta,
                Err(e) if e.kind() == std::io::ErrorKind::NotFound => continue,
                Err(e) => {
                    let path = dir.path().join(&name);
                    let error = Error::io("Cannot read the entry", &path, e);
                    collector.issue(Issue::from_error(&error, &path));
                    continue;
                }
            };
            if !is_response(&name) {
                collector.overhead(meta.disk_bytes);
                continue;
            }
            let key = name.as_encoded_bytes();
            let mut record = Record::new(&group, key);
            record.label = Path::new(&name).file_stem().and_then(OsStr::to_str);
            record.bytes = meta.size;
            record.disk_bytes = meta.disk_bytes;
            record.files = 1;
            record.modified = Some(meta.modified);
            record.accessed = Some(meta.accessed);
            record.dev = meta.dev;
            record.ident = meta.ino;
            collector.record(&record);
            scan.progress.add(1);
        }
        Ok(())
    }

    fn open_value(&self, store: &Store, entry: &EntryKey) -> Result<ValueReader> {
        let dir = store.dir()?;
        let name = path_from_bytes(&entry.key);
        let path = dir.path().join(&name);
        let file = dir
            .open_file(name.as_os_str())
            .map_err(|e| Error::io("Cannot open the stored value", &path, e))?;
        let mut reader = ValueReader::new(Arc::new(file), Carrier::Json, path);
        reader.hides_secrets = true;
        Ok(reader)
    }

    fn details(&self, store: &Store, entry: &EntryKey) -> Result<Details> {
        let value = self.open_value(store, entry)?.preview(&Options::GLANCE)?;
        Ok(Details {
            facts: Response::of(&value.value).facts(),
            paths: vec![store.info.path.join(path_from_bytes(&entry.key))],
            ..Details::default()
        })
    }

    fn check(
        &self,
        store: &Store,
        entry: &EntryKey,
        options: &CheckOptions,
    ) -> Result<Vec<Finding>> {
        let value = self.open_value(store, entry)?.preview(&Options::GLANCE)?;
        let expires = Response::of(&value.value).expires();
        Ok(expired(expires, options).into_iter().collect())
    }

    fn removal(&self, _store: &Store, entry: &EntryKey) -> Result<Removal> {
        Ok(Removal::Files {
            paths: vec![path_from_bytes(&entry.key)],
            folders: 0,
        })
    }
}

/// True for what the file backend takes for a response: neither its database, nor a lock or a hidden file.
fn is_response(name: &OsStr) -> bool {
    let name = name.as_encoded_bytes();
    !name.starts_with(REDIRECTS.as_bytes()) && !name.starts_with(b".") && !name.ends_with(b".lock")
}
