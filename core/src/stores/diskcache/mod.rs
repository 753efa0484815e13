//! `diskcache`: a database of rows and a folder of value files; a FanoutCache is several of them as one store.
//!
//! `diskcache/core.py: Cache, Disk`, `diskcache/fanout.py: FanoutCache`, checked with 4.1 and 5.6.
//! `Deque`, `Index` and Django's `DjangoCache` are the same tables.

mod files;
mod json;
mod listing;
mod policy;
mod removal;
mod row;
mod shard;

pub(super) use files::{LACKS_DATABASE, has_any as has_values, lacks_database};

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::python::{Script, path_literal};
use super::{
    Advice, Backend, Candidate, CheckOptions, Compaction, Confidence, Counters, Details, Follow,
    IsOwn, LibraryPolicy, NativeKey, Part, Payload, PolicyChoice, PolicyLimits, Recognised,
    Removal, Scan, Store, Topic, ValueReader,
};
use crate::formats::Carrier;
use crate::formats::repr::{reads_like_repr, str_repr};
use crate::model::{Cancel, Condition, EntryKey, Finding, GroupWord, Issue, Time};
use crate::source::{Dir, FileType, MemoryReader, ReadAt};
use crate::sqlite::{self, Cell, Held};
use crate::{Error, Result};
use row::Mode;
use shard::{Opened, Shard, ShardNames};

pub(super) struct DiskCache;

const CACHE: &str = "diskcache";
const FANOUT: &str = "diskcache-fanout";

/// `core.py: DBNAME`.
const DATABASE: &str = "cache.db";
const TABLE: &str = "Cache";
const SETTINGS: &str = "Settings";
/// Columns that every version has.
const COLUMNS: [&str; 11] = [
    "key",
    "raw",
    "store_time",
    "expire_time",
    "access_time",
    "access_count",
    "tag",
    "size",
    "mode",
    "filename",
    "value",
];

impl Backend for DiskCache {
    fn kinds(&self) -> &'static [&'static str] {
        &[CACHE, FANOUT]
    }

    fn recognise(&self, candidate: &Candidate<'_>) -> Result<Option<Recognised>> {
        let found = |kind, path: PathBuf| {
            Ok(Some(Recognised {
                kind,
                confidence: Confidence::Certain,
                writer: Some("diskcache".to_owned()),
                path,
            }))
        };
        if !candidate.is_dir() {
            // The database of a cache stands for the cache.
            return if candidate.name == DATABASE && is_cache(candidate) {
                found(CACHE, candidate.parent.path().to_owned())
            } else {
                Ok(None)
            };
        }
        let Ok(dir) = candidate.parent.open_dir(candidate.name) else {
            return Ok(None);
        };
        let looks_so = |dir: &Dir| match Candidate::look(dir, DATABASE.as_ref()) {
            Ok(database) if is_cache(&database) => true,
            Ok(database) if database.meta.is_none() => false,
            // Emptied, overwritten, or not to be read: the files that it named are values still, and no stores.
            _ => files::has_any(dir),
        };
        if looks_so(&dir) {
            return found(CACHE, candidate.path());
        }
        let first_shard = dir.open_dir("000".as_ref());
        if first_shard.is_ok_and(|shard| looks_so(&shard)) {
            return found(FANOUT, candidate.path());
        }
        Ok(None)
    }

    fn scan(&self, store: &Store, scan: &Scan<'_>) -> Result<()> {
        let opened = Opened::of(store)?;
        let mut collector = (scan.collector)();
        for issue in opened.issues.iter().chain(&opened.gaps) {
            collector.issue(issue.clone());
        }
        let is_one = opened.shards.len() + opened.issues.len() == 1;
        for shard in &opened.shards {
            match listing::read(shard, scan, &mut *collector) {
                // One shard hides no other.
                Err(error) if !is_one && !error.is_cancelled() => {
                    let path = shard.database.path();
                    collector.issue(Issue::from_error(&error, &path));
                }
                read => read?,
            }
        }
        scan.cancel.check()
    }

    fn native_key(&self, _store: &Store, entry: &EntryKey) -> Result<NativeKey> {
        row::native_key(&entry.key)
            .ok_or_else(|| Error::not_found("Cannot read the key", "it is none of diskcache's"))
    }

    fn open_value(&self, store: &Store, entry: &EntryKey) -> Result<ValueReader> {
        let opened = Opened::of(store)?;
        let shard = opened.shard(entry, store)?;
        if let Some(path) = listing::orphan_path(entry, &shard.name) {
            let file = files::open(&shard.dir, &path)?;
            let path = shard.dir.path().join(path);
            return Ok(ValueReader::new(Arc::new(file), Carrier::Unknown, path));
        }
        let (row, held) = shard.row_and_value(entry)?;
        let carrier = row.mode.carrier();
        if let Some(name) = &row.filename {
            let path = files::checked(name)?;
            let file: Arc<dyn ReadAt> = Arc::new(files::open(&shard.dir, &path)?);
            let path = shard.dir.path().join(path);
            let is_json = row.mode == Mode::Binary && json::is_one(&file);
            let carrier = if is_json { Carrier::Json } else { carrier };
            return Ok(ValueReader::new(file, carrier, path));
        }
        let empty = || Arc::new(MemoryReader::new(Vec::new()));
        let path = shard.database.path();
        Ok(match held {
            Some(Held::Plain(Cell::Integer(n))) => ValueReader::new(empty(), Carrier::Int(n), path),
            Some(Held::Plain(Cell::Real(x))) => ValueReader::new(empty(), Carrier::Float(x), path),
            Some(Held::Plain(_)) | None => ValueReader::new(empty(), Carrier::Null, path),
            Some(Held::Text(bytes)) => ValueReader::new(bytes, Carrier::Text, path),
            Some(Held::Blob(bytes)) if row.mode == Mode::Raw && json::is_one(&bytes) => {
                ValueReader::new(bytes, Carrier::Json, path)
            }
            Some(Held::Blob(bytes)) => ValueReader::new(bytes, carrier, path),
        })
    }

    fn details(&self, store: &Store, entry: &EntryKey) -> Result<Details> {
        let opened = Opened::of(store)?;
        let shard = opened.shard(entry, store)?;
        let mut details = Details::default();
        if let Some(path) = listing::orphan_path(entry, &shard.name) {
            details.paths.push(shard.dir.path().join(path));
            return Ok(details);
        }
        let row = shard.row(entry)?;
        let settings = shard.settings()?;
        details.facts = row.facts(&settings.policy);
        details.paths.push(shard.database.path());
        if let Some(path) = row.filename.as_deref().and_then(|n| files::checked(n).ok()) {
            details.paths.push(shard.dir.path().join(path));
        }
        Ok(details)
    }

    fn tag(&self, store: &Store, entry: &EntryKey) -> Result<Option<NativeKey>> {
        let opened = Opened::of(store)?;
        Ok(listing::tag_of(opened.shard(entry, store)?, entry))
    }

    /// What a program gives to `Cache(…)`, but for how keys and values are written.
    fn settings(&self, store: &Store) -> Result<Vec<(&'static str, Payload)>> {
        let opened = Opened::of(store)?;
        let Some(first) = opened.shards.first() else {
            return Ok(Vec::new());
        };
        let settings = first.settings()?;
        let number = |n: u64| Payload::Int(i64::try_from(n).unwrap_or(i64::MAX));
        // Each shard has its part of the limit (`fanout.py: FanoutCache.__init__`).
        let n_shards = opened.shards.len() as u64;
        let mut told = vec![
            ("statistics", number(settings.is_counting.into())),
            ("tag_index", number(settings.has_tag_index.into())),
            (
                "size_limit",
                number(settings.size_limit.saturating_mul(n_shards)),
            ),
            ("cull_limit", number(settings.cull_limit)),
        ];
        let mut are_json = false;
        for shard in &opened.shards {
            are_json |= shard.has_json_keys()?;
        }
        // A JSONDisk pickles no keys: those that are pickled elsewhere are looked up by the newest protocol.
        if let Some(protocol) = settings.protocol
            && !are_json
        {
            told.push(("disk_pickle_protocol", number(protocol)));
        }
        if policy::is_known(&settings.policy) {
            told.push((
                "eviction_policy",
                Payload::Text(settings.policy.into_bytes()),
            ));
        }
        Ok(told)
    }

    fn python(&self, store: &Store, entry: &EntryKey, codec: &[String]) -> Result<Option<String>> {
        let opened = Opened::of(store)?;
        let shard = opened.shard(entry, store)?;
        if listing::orphan_path(entry, &shard.name).is_some() {
            return Ok(None);
        }
        let mut script = Script::new(&["diskcache"]);
        let key = match row::native_key(&entry.key) {
            Some(NativeKey::Bytes(bytes)) => match json::key_label(&bytes) {
                // A key of a JSONDisk is listed as its text, or as Python prints it.
                Some(label) if reads_like_repr(&label) => Some(label),
                Some(label) => Some(str_repr(&label)),
                None => script.key(&NativeKey::Bytes(bytes)),
            },
            Some(key) => script.key(&key),
            None => None,
        };
        let Some(key) = key else {
            return Ok(None);
        };
        // One shard of a FanoutCache is a cache of its own: their number is recorded nowhere.
        let folder = path_literal(shard.dir.path());
        let is_json = codec.iter().any(|word| word == "json");
        let disk = if is_json {
            ", disk=diskcache.JSONDisk"
        } else {
            ""
        };
        script.line(&format!("with diskcache.Cache({folder}{disk}) as cache:"));
        script.line(&format!("    value = cache[{key}]"));
        Ok(Some(script.finish()))
    }

    fn check(
        &self,
        store: &Store,
        entry: &EntryKey,
        _options: &CheckOptions,
    ) -> Result<Vec<Finding>> {
        let opened = Opened::of(store)?;
        let shard = opened.shard(entry, store)?;
        if listing::orphan_path(entry, &shard.name).is_some() {
            let evidence = "no row of the database names this value file";
            return Ok(vec![Finding::new(Condition::Orphan, evidence)]);
        }
        let row = shard.row(entry)?;
        let finding = row.filename.as_ref().and_then(|name| {
            let path = match files::checked(name) {
                Ok(path) => path,
                Err(error) => return Some(Finding::new(Condition::Corrupt, error.message())),
            };
            match files::stat(&shard.dir, &path) {
                Ok(meta) if meta.file_type != FileType::File => Some(Finding::new(
                    Condition::Corrupt,
                    "the value file is no regular file",
                )),
                Ok(meta) if i64::try_from(meta.size).ok() != Some(row.size) => {
                    let said = format!(
                        "the value file has {} bytes, and {} by its row",
                        meta.size, row.size
                    );
                    Some(Finding::new(Condition::Corrupt, said))
                }
                Ok(_) => None,
                Err(e) if e.kind() == std::io::ErrorKind::NotFound => Some(Finding::new(
                    Condition::Incomplete,
                    "the value file is missing: diskcache takes the key for one that it does not hold",
                )),
                Err(e) => Some(Finding::new(Condition::Unread, e.to_string())),
            }
        });
        Ok(finding.into_iter().collect())
    }

    fn counters(&self, store: &Store) -> Result<Vec<Counters>> {
        Opened::of(store)?.counters()
    }

    fn advice(&self, store: &Store) -> Result<Vec<Advice>> {
        let mut advice = Vec::new();
        for shard in &Opened::of(store)?.shards {
            // What is wrong with a shard is told by the listing.
            advice.extend(shard.advice().unwrap_or_default());
        }
        // Shards are set up alike: what is said of one is said of all.
        let mut said = std::collections::HashSet::new();
        advice.retain(|a| a.topic != Topic::Figures || said.insert(a.message.clone()));
        Ok(advice)
    }

    fn policies(&self) -> &'static [LibraryPolicy] {
        &policy::POLICIES
    }

    fn choose(
        &self,
        store: &Store,
        policy: &LibraryPolicy,
        limits: &PolicyLimits,
        now: Time,
        cancel: &Cancel,
    ) -> Result<PolicyChoice> {
        policy::choose(store, policy, limits, now, cancel)
    }

    fn follow(&self) -> &'static dyn Follow {
        &FollowDiskCache
    }

    fn can_compact(&self, _kind: &str) -> bool {
        true
    }

    fn can_expire(&self, _kind: &str) -> bool {
        true
    }

    fn compaction(&self, store: &Store) -> Result<Compaction> {
        let opened = Opened::of(store)?;
        let database = |shard: &Shard| Path::new(&shard.name).join(DATABASE);
        Ok(Compaction::Sqlite {
            files: opened.shards.iter().map(database).collect(),
        })
    }

    fn removal(&self, store: &Store, entry: &EntryKey) -> Result<Removal> {
        removal::of(&*Opened::of(store)?, store, entry)
    }

    fn group_word(&self) -> GroupWord {
        GroupWord::TAG
    }

    fn is_part(&self, name: &OsStr) -> bool {
        files::is_value_name(name.as_encoded_bytes())
    }

    /// The `cache`, `deque` and `index` of a FanoutCache hold caches of their own (`fanout.py: cache, deque, index`).
    fn own_names(&self, kind: &str) -> Option<IsOwn> {
        Some(if kind == FANOUT {
            |_, name, file_type| file_type == FileType::Dir && ShardNames::is_one(name)
        } else {
            |_, name, file_type| files::is_beside(name, file_type)
        })
    }
}

/// True for a database with diskcache's tables, or for one of its name that cannot be read for now.
fn is_cache(database: &Candidate<'_>) -> bool {
    match database.shape() {
        Some(shape) => {
            shape.table(TABLE, &COLUMNS).is_some()
                && shape.table(SETTINGS, &["key", "value"]).is_some()
        }
        None => database.head.starts_with(sqlite::MAGIC),
    }
}

/// What happens to a cache shows in its databases; value files come and go with their rows.
struct FollowDiskCache;

impl Follow for FollowDiskCache {
    /// `access_time` moves with each `get` where the policy is least-recently-used, and is listed only there.
    fn access_is_a_lookup(&self) -> bool {
        true
    }

    fn folders_below(&self, store: &Store, folder: &Path) -> std::io::Result<Vec<PathBuf>> {
        if !folder.as_os_str().is_empty() || store.info.kind == CACHE {
            return Ok(Vec::new());
        }
        let dir = store.dir().map_err(std::io::Error::other)?;
        let names = ShardNames::of(&dir, store.info.kind)?.found;
        Ok(names.into_iter().map(PathBuf::from).collect())
    }

    fn part_at(&self, path: &Path, _is_dir: bool) -> Option<Part> {
        let name = path.file_name()?.as_encoded_bytes();
        let is_ours = name.starts_with(DATABASE.as_bytes()) && !name.ends_with(b"-shm");
        let shard = path.parent().filter(|p| !p.as_os_str().is_empty());
        is_ours.then(|| match shard {
            Some(shard) => Part::Groups(shard.as_os_str().as_encoded_bytes().into()),
            None => Part::Store,
        })
    }

    fn read(&self, store: &Store, parts: &[Part], scan: &Scan<'_>) -> Result<()> {
        let opened = Opened::of(store)?;
        let mut collector = (scan.collector)();
        for shard in &opened.shards {
            let is_wanted = |part: &Part| part.holds_group(format!("{}/", shard.name).as_bytes());
            if shard.name.is_empty() || parts.iter().any(is_wanted) {
                listing::read(shard, scan, &mut *collector)?;
            }
        }
        scan.cancel.check()
    }
}

#[cfg(test)]
mod tests;
