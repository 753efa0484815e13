//! Bare marshal files: one value, without a header that says so.

use std::sync::Arc;

use super::python::{Script, path_literal};
use super::{
    Backend, Candidate, CheckOptions, Confidence, Details, Recognised, Removal, Scan, Store,
    ValueReader,
};
use crate::formats::{Carrier, marshal};
use crate::model::{EntryKey, Finding, Group, Limits, Record};
use crate::source::ReadAt as _;
use crate::{Error, Result};

pub(super) struct Marshal;

/// A larger file is not decoded only to be recognised.
const MAX_BYTES: u64 = 16 << 20;

impl Backend for Marshal {
    fn kinds(&self) -> &'static [&'static str] {
        &["marshal"]
    }

    /// Nothing marks a marshal file, so it is one if it decodes to its very end as a container.
    fn recognise(&self, candidate: &Candidate<'_>) -> Result<Option<Recognised>> {
        let is_container = candidate
            .head
            .first()
            .is_some_and(|b| b"([{<>c)".contains(&(b & 0x7f)));
        let Some(meta) = candidate
            .meta
            .filter(|m| candidate.is_file() && is_container && m.size <= MAX_BYTES)
        else {
            return Ok(None);
        };
        let path = candidate.path();
        let mut bytes = vec![0; usize::try_from(meta.size).unwrap_or(0)];
        let read = candidate
            .parent
            .open_file(candidate.name)
            .and_then(|f| f.read_full_at(0, &mut bytes));
        read.map_err(|e| Error::io("Cannot read the file", &path, e))?;
        let decoded = marshal::decode_bare(&bytes, &Limits::PREVIEW);
        let is_whole = decoded.problem.is_none() && decoded.end == bytes.len();
        Ok(is_whole.then_some(Recognised {
            kind: "marshal",
            confidence: Confidence::Likely,
            writer: None,
            path,
        }))
    }

    fn scan(&self, store: &Store, scan: &Scan<'_>) -> Result<()> {
        let meta = store.parent.stat(&store.name);
        let meta = meta.map_err(|e| Error::io("Cannot read the file", &store.info.path, e))?;
        let group = Group::named("");
        let mut record = Record::new(&group, b"0");
        record.bytes = meta.size;
        record.disk_bytes = meta.disk_bytes;
        record.files = 1;
        record.modified = Some(meta.modified);
        record.accessed = Some(meta.accessed);
        record.dev = meta.dev;
        record.ident = meta.ino;
        (scan.collector)().record(&record);
        scan.progress.add(1);
        Ok(())
    }

    fn open_value(&self, store: &Store, _entry: &EntryKey) -> Result<ValueReader> {
        let path = store.info.path.clone();
        let file = store
            .parent
            .open_file(&store.name)
            .map_err(|e| Error::io("Cannot open the file", &path, e))?;
        Ok(ValueReader::new(Arc::new(file), Carrier::Marshal, path))
    }

    fn details(&self, store: &Store, _entry: &EntryKey) -> Result<Details> {
        Ok(Details {
            paths: vec![store.info.path.clone()],
            ..Details::default()
        })
    }

    fn python(
        &self,
        store: &Store,
        _entry: &EntryKey,
        _codec: &[String],
    ) -> Result<Option<String>> {
        let mut script = Script::new(&["marshal"]);
        let file = path_literal(&store.info.path);
        script.line(&format!("with open({file}, 'rb') as file:"));
        script.line("    value = marshal.load(file)");
        Ok(Some(script.finish()))
    }

    fn check(
        &self,
        _store: &Store,
        _entry: &EntryKey,
        _options: &CheckOptions,
    ) -> Result<Vec<Finding>> {
        Ok(Vec::new())
    }

    fn goes_by_access_times(&self) -> bool {
        true
    }

    fn removal(&self, store: &Store, _entry: &EntryKey) -> Result<Removal> {
        Ok(Removal::Files {
            paths: vec![store.name.clone().into()],
            folders: 0,
        })
    }
}
