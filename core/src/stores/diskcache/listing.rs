//! A shard's rows and value files as records.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;

use rusqlite::types::ValueRef;
use xxhash_rust::xxh3::xxh3_64;

use super::row::{self, LEAST_RECENTLY_USED, LEAST_USED};
use super::{Shard, files};
use crate::formats::repr::str_key_label;
use crate::model::{EntryKey, Group, Issue, Record, Role, Time, text};
use crate::sqlite::{self, PageBuffer, Pages};
use crate::stores::{Collector, NativeKey, Scan};
use crate::{Error, Result};

const SELECT: &str = "key, raw, store_time, expire_time, access_time, access_count, tag, filename, \
                      CASE WHEN filename IS NULL THEN octet_length(value) END, mode, typeof(value)";

/// Group of the value files that no row names; no tag is written so.
const ORPHANS: &[u8] = b"\0orphans";

/// While a program has the cache open, a younger file without row may be one that it is about to name.
const UNNAMED_SECS: f64 = 300.0;

/// Lists one shard.
pub(super) fn read(shard: &Shard, scan: &Scan<'_>, collector: &mut dyn Collector) -> Result<()> {
    let settings = shard.settings()?;
    if let Some(note) = shard.database.note() {
        collector.issue(note);
    }
    collector.overhead(shard.database.disk_bytes());
    let mut page = Page {
        shard,
        scan,
        collector,
        has_uses: settings.policy == LEAST_USED,
        has_access: settings.policy == LEAST_RECENTLY_USED,
        groups: HashMap::new(),
        texts: Vec::new(),
        rows: Vec::new(),
        named: HashSet::new(),
    };
    let pages = Pages {
        table: &shard.table,
        select: SELECT,
        filter: None,
    };
    let read = pages.read(&shard.database, scan.cancel, &mut page);
    let named = std::mem::take(&mut page.named);
    shard.database.close();
    match read {
        Ok(()) => orphans(shard, &named, collector),
        Err(error) if error.is_cancelled() => return Err(error),
        // Without every row no file is known to be without one.
        Err(error) => collector.issue(Issue::from_error(&error, &shard.database.path())),
    }
    Ok(())
}

/// The path of an orphan below its shard; `None` for entries.
pub(super) fn orphan_path(entry: &EntryKey, shard: &str) -> Option<PathBuf> {
    let group = entry.group.strip_prefix(shard.as_bytes())?;
    let group = group.strip_prefix(b"/").unwrap_or(group);
    if group != ORPHANS {
        return None;
    }
    let path = std::str::from_utf8(&entry.key).ok()?;
    let path = path.strip_prefix(shard)?.trim_start_matches('/');
    files::checked(path.as_bytes()).ok()
}

/// Value files that no row names.
fn orphans(shard: &Shard, named: &HashSet<u64>, collector: &mut dyn Collector) {
    let group = group_of(shard, ORPHANS, "");
    let is_in_use = shard.dir.stat("cache.db-shm".as_ref()).is_ok();
    let now = Time::now();
    let mut found = Vec::new();
    let walked = files::walk(&shard.dir, |path, meta| {
        let name = path.as_os_str().as_encoded_bytes();
        let is_settled = !is_in_use || meta.modified.age_secs(now) > UNNAMED_SECS;
        if is_settled && !named.contains(&xxh3_64(name)) {
            found.push((path.to_owned(), *meta));
        }
    });
    if let Err(e) = walked {
        let path = shard.dir.path();
        let error = Error::io("Cannot look for value files without rows", path, e);
        collector.issue(Issue::from_error(&error, path));
    }
    for (path, meta) in found {
        // A row may have come since the rows were read.
        let is_named = named_now(shard, path.as_os_str().as_encoded_bytes());
        if is_named.unwrap_or(true) {
            continue;
        }
        let key = if shard.name.is_empty() {
            path
        } else {
            PathBuf::from(&shard.name).join(path)
        };
        let mut record = Record::new(&group, key.as_os_str().as_encoded_bytes());
        record.role = Role::Orphan;
        record.bytes = meta.size;
        record.disk_bytes = meta.disk_bytes;
        record.files = 1;
        record.modified = Some(meta.modified);
        record.dev = meta.dev;
        record.ident = meta.ino;
        collector.record(&record);
    }
}

/// True if a row names the file.
fn named_now(shard: &Shard, name: &[u8]) -> Result<bool> {
    let name = String::from_utf8_lossy(name).into_owned();
    shard
        .database
        .read(&crate::model::Cancel::default(), |view| {
            let sql = "SELECT EXISTS (SELECT 1 FROM Cache WHERE filename = ?1)";
            Ok(view.connection.query_row(sql, [&name], |row| row.get(0))?)
        })
}

fn group_of(shard: &Shard, locator: &[u8], label: &str) -> Arc<Group> {
    let locator = if shard.name.is_empty() {
        locator.to_vec()
    } else {
        [shard.name.as_bytes(), b"/", locator].concat()
    };
    Arc::new(Group {
        label: label.into(),
        locator: locator.into(),
    })
}

/// The rows of one page, until the page is known to be sound.
struct Page<'a, 's> {
    shard: &'a Shard,
    scan: &'a Scan<'s>,
    collector: &'a mut dyn Collector,
    /// True if `access_count` is kept.
    has_uses: bool,
    /// True if `access_time` is kept.
    has_access: bool,
    /// By the tag's key form.
    groups: HashMap<Box<[u8]>, Arc<Group>>,
    texts: Vec<u8>,
    rows: Vec<PageRow>,
    /// Hashes of the value files' names.
    named: HashSet<u64>,
}

/// One row; key, label, tag and file name lie in the page's `texts`, each behind the one before.
struct PageRow {
    key_end: usize,
    label_end: usize,
    tag_end: usize,
    file_end: usize,
    has_file: bool,
    /// Python's type and the codec, where the row tells without a look at the value.
    native: Option<(&'static str, &'static str)>,
    rowid: i64,
    bytes: u64,
    stored: Option<Time>,
    expires: Option<Time>,
    accessed: Option<Time>,
    uses: Option<u64>,
}

impl PageBuffer for Page<'_, '_> {
    fn clear(&mut self) {
        self.texts.clear();
        self.rows.clear();
    }

    fn push(&mut self, row: &rusqlite::Row<'_>, first: usize) -> rusqlite::Result<()> {
        let cell = |at: usize| row.get_ref(first + at);
        let (key, is_raw) = (cell(0)?, row::integer(cell(1)?) != 0);
        row::write_key(key, is_raw, &mut self.texts);
        let key_end = self.texts.len();
        row::write_label(key, is_raw, &mut self.texts);
        let label_end = self.texts.len();
        write_tag(cell(6)?, &mut self.texts);
        let tag_end = self.texts.len();
        let file = row::filename(cell(7)?);
        self.texts.extend(file.unwrap_or_default());
        let uses = self.has_uses.then_some(row::integer(cell(5)?));
        self.rows.push(PageRow {
            key_end,
            label_end,
            tag_end,
            file_end: self.texts.len(),
            has_file: file.is_some(),
            native: row::native(
                row::integer(cell(9)?),
                cell(10)?.as_str().unwrap_or_default(),
            ),
            rowid: row.get(0)?,
            bytes: row::integer(cell(8)?).unsigned_abs(),
            stored: row::time(cell(2)?),
            expires: row::time(cell(3)?),
            accessed: row::time(cell(4)?).filter(|_| self.has_access),
            uses: uses.and_then(|n| u64::try_from(n).ok()),
        });
        Ok(())
    }

    fn flush(&mut self) {
        let mut start = 0;
        let mut last: Option<Arc<Group>> = None;
        let mut last_tag: &[u8] = &[];
        for row in &self.rows {
            let text = |from: usize, to: usize| self.texts.get(from..to).unwrap_or_default();
            let key = text(start, row.key_end);
            let label = text(row.key_end, row.label_end);
            let tag = text(row.label_end, row.tag_end);
            let file = text(row.tag_end, row.file_end);
            start = row.file_end;
            let group = match &last {
                Some(group) if tag == last_tag => group,
                _ => {
                    let known = self.groups.get(tag).map(Arc::clone);
                    let group = known.unwrap_or_else(|| {
                        let group = group_of(self.shard, tag, &tag_label(tag));
                        self.groups.insert(tag.into(), Arc::clone(&group));
                        group
                    });
                    last_tag = tag;
                    last.insert(group)
                }
            };
            let mut record = Record::new(group, key);
            record.label = std::str::from_utf8(label).ok().filter(|l| !l.is_empty());
            record.bytes = row.bytes;
            record.created = row.stored;
            record.modified = row.stored;
            record.accessed = row.accessed;
            record.expires = row.expires;
            record.hits = row.uses;
            (record.value_type, record.codec) = row.native.unzip();
            record.ident = row.rowid.cast_unsigned();
            if row.has_file {
                self.named.insert(xxh3_64(file));
                let meta = files::checked(file).and_then(|path| {
                    files::stat(&self.shard.dir, &path)
                        .map_err(|e| Error::io("Cannot look at the value file", &path, e))
                });
                if let Ok(meta) = meta {
                    record.bytes = meta.size;
                    record.disk_bytes = meta.disk_bytes;
                    record.files = 1;
                }
            }
            self.collector.record(&record);
        }
        self.scan.progress.add(self.rows.len() as u64);
    }
}

/// Writes a tag as it stands in a group's locator.
fn write_tag(tag: ValueRef<'_>, out: &mut Vec<u8>) {
    match tag {
        ValueRef::Null => {}
        // Not the same as no tag.
        ValueRef::Text([]) => out.extend(b"\0t"),
        tag => sqlite::write_key(tag, out),
    }
}

/// The identity of a row's entry.
pub(super) fn entry_key(
    shard: &Shard,
    key: ValueRef<'_>,
    raw: ValueRef<'_>,
    tag: ValueRef<'_>,
) -> EntryKey {
    let (mut of_tag, mut of_key) = (Vec::new(), Vec::new());
    write_tag(tag, &mut of_tag);
    row::write_key(key, row::integer(raw) != 0, &mut of_key);
    EntryKey {
        group: group_of(shard, &of_tag, "").locator.clone(),
        key: of_key.into(),
        ordinal: 0,
    }
}

/// The tag of an entry, as [`write_tag`] wrote it.
pub(super) fn tag_of(shard: &Shard, entry: &EntryKey) -> Option<NativeKey> {
    let mut tag: &[u8] = &entry.group;
    if !shard.name.is_empty() {
        tag = tag
            .strip_prefix(shard.name.as_bytes())?
            .strip_prefix(b"/")?;
    }
    if tag.is_empty() {
        return None;
    }
    NativeKey::of_cell(sqlite::Cell::from_key(tag)?)
}

/// A tag as listings show it.
pub(super) fn label_of_tag(tag: ValueRef<'_>) -> String {
    let mut of_tag = Vec::new();
    write_tag(tag, &mut of_tag);
    tag_label(&of_tag)
}

/// A tag as a group's name: a str as its text, anything else as Python prints it; empty for none.
fn tag_label(tag: &[u8]) -> String {
    if tag.is_empty() {
        return String::new();
    }
    match sqlite::Cell::from_key(tag) {
        Some(sqlite::Cell::Text(bytes)) => match std::str::from_utf8(&bytes) {
            Ok(text) => str_key_label(text).into_owned(),
            Err(_) => text::from_bytes(&bytes).into_owned(),
        },
        Some(cell) => sqlite::repr(cell.as_ref()),
        None => text::from_bytes(tag).into_owned(),
    }
}
