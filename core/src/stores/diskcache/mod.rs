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

pub(super) use files::{LACKS_DATABASE, has_any as has_values, lacks_database};

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::python::{Script, path_literal};
use super::{
    Advice, Backend, Candidate, CheckOptions, Compaction, Confidence, Counters, Details, Follow,
    LibraryPolicy, NativeKey, Part, PolicyChoice, PolicyLimits, Recognised, Removal, RowRemoval,
    RowRules, Store, Topic, ValueReader,
};
use crate::formats::Carrier;
use crate::formats::repr::{reads_like_repr, str_repr};
use crate::model::{Condition, EntryKey, Finding, GroupWord, Issue, Severity, Time, text};
use crate::scan::{Cancel, Scan};
use crate::source::{Dir, FileType, MemoryReader, ReadAt, path_from_bytes};
use crate::sqlite::{self, Cell, Database, Failure, Held, Table, View, describe};
use crate::{Error, Result};
use row::{Mode, Row};

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
/// Shards that are opened.
const SHARDS: usize = 1000;

/// A store opened for one job.
struct Opened {
    shards: Vec<Shard>,
    /// What was wrong with the shards that could not be opened.
    issues: Vec<Issue>,
    /// Shards that are not there.
    gaps: Vec<Issue>,
}

/// One database with the folder that its value files lie in.
struct Shard {
    /// `003` in a FanoutCache; empty for a store of one database.
    name: String,
    dir: Dir,
    database: Arc<Database>,
    table: Arc<Table>,
    /// How rows are taken out, or why they cannot be.
    rules: Result<Arc<RowRules>, String>,
}

/// What of `Settings` says how the rows are to be read.
#[derive(Debug, Clone, PartialEq, Default)]
struct Settings {
    policy: String,
    is_counting: bool,
    hits: u64,
    misses: u64,
    /// Bytes that the cache may take.
    size_limit: u64,
    /// Entries that a write removes at most while the cache is too large.
    cull_limit: u64,
    /// Bytes of the value files.
    size: u64,
}

impl Opened {
    fn of(store: &Store) -> Result<Arc<Self>> {
        store.kept(|| {
            let dir = store.dir()?;
            let (mut shards, mut errors) = (Vec::new(), Vec::new());
            let names = ShardNames::of(&dir, store.info.kind)
                .map_err(|e| Error::io("Cannot list the shards", &store.info.path, e))?;
            let gaps = names.gaps(&store.info.path);
            for name in names.found {
                match Shard::open(&dir, name) {
                    Ok(shard) => shards.push(shard),
                    Err(error) => errors.push(error),
                }
            }
            if shards.is_empty() && !errors.is_empty() {
                return Err(errors.swap_remove(0));
            }
            let path = &store.info.path;
            let issues = errors.iter().map(|e| Issue::from_error(e, path)).collect();
            Ok(Self {
                shards,
                issues,
                gaps,
            })
        })
    }

    /// The shard of the entry's group.
    fn shard(&self, entry: &EntryKey, store: &Store) -> Result<&Shard> {
        let is_it = |shard: &&Shard| {
            shard.name.is_empty()
                || entry
                    .group
                    .strip_prefix(shard.name.as_bytes())
                    .is_some_and(|rest| rest.first() == Some(&b'/'))
        };
        self.shards.iter().find(is_it).ok_or_else(|| {
            Error::not_found("Cannot find the entry", "its shard is gone").at(&store.info.path)
        })
    }
}

/// The folders with a database each, below the store's own.
struct ShardNames {
    /// In the order of their numbers.
    found: Vec<String>,
    /// Of numbers below that of the last one.
    missing: Vec<String>,
    n_left_out: usize,
}

impl ShardNames {
    /// # Errors
    /// What the system said.
    fn of(dir: &Dir, kind: &str) -> std::io::Result<Self> {
        let mut names = Self {
            found: Vec::new(),
            missing: Vec::new(),
            n_left_out: 0,
        };
        if kind == CACHE {
            names.found.push(String::new());
            return Ok(names);
        }
        let mut numbers = BTreeSet::new();
        dir.list(|name, file_type| {
            // `fanout.py: FanoutCache.__init__`
            let number = name.to_str().and_then(|name| {
                let number: usize = name.parse().ok()?;
                (name_of_shard(number) == name).then_some(number)
            });
            if file_type == FileType::Dir {
                numbers.extend(number);
            }
        })?;
        names.n_left_out = numbers.len().saturating_sub(SHARDS);
        let mut next = 0;
        for number in numbers.into_iter().take(SHARDS) {
            // Of a number far off nothing follows.
            names
                .missing
                .extend((next..number).take(SHARDS).map(name_of_shard));
            names.found.push(name_of_shard(number));
            next = number + 1;
        }
        Ok(names)
    }

    fn gaps(&self, path: &Path) -> Vec<Issue> {
        let missing = self.missing.iter().map(|name| {
            let message = format!(
                "The shard {name} is missing: its entries are not shown, and a program makes it anew, empty. The \
                 others are listed"
            );
            Issue::new(Severity::Warning, path.join(name), message)
        });
        let left_out = (self.n_left_out > 0).then(|| {
            let message = format!(
                "{} shards behind the first {SHARDS} are not listed: open them one by one",
                self.n_left_out
            );
            Issue::new(Severity::Warning, path, message)
        });
        missing.chain(left_out).collect()
    }
}

fn name_of_shard(number: usize) -> String {
    format!("{number:03}")
}

impl Shard {
    fn open(dir: &Dir, name: String) -> Result<Self> {
        let path = dir.path().join(&name);
        let own = || dir.open_below(name.as_ref());
        let fail = |e| Error::io("Cannot open the cache", &path, e);
        let database = Database::new(own().map_err(fail)?, DATABASE.as_ref());
        let (table, rules, beyond) = database.read(&Cancel::default(), |view| {
            let table = Arc::new(describe(view.connection, TABLE)?);
            let rules = removal::rules(&table);
            let beyond = rules.reaches_beyond(view.connection)?;
            Ok((table, rules, beyond))
        })?;
        if !table.has(&COLUMNS) {
            let why = "its table has lost columns that diskcache needs";
            return Err(Error::damaged("Cannot read the cache", why).at(&database.path()));
        }
        Ok(Self {
            dir: own().map_err(fail)?,
            database: Arc::new(database),
            rules: beyond.map_or_else(|| Ok(Arc::new(rules)), Err),
            table,
            name,
        })
    }

    /// What its settings and sizes mean, where that is not what people expect.
    fn advice(&self) -> Result<Vec<Advice>> {
        let settings = self.settings()?;
        let slack = self.database.slack(&Cancel::default())?;
        let path = self.database.path();
        let mut advice = super::advice::of_slack(slack, &path);
        let volume = slack.bytes.saturating_add(settings.size);
        let limit = text::size(settings.size_limit);
        let room = text::size(volume);
        if volume > settings.size_limit {
            let why = if settings.policy == "none" {
                "its eviction policy is none, so nothing enforces the limit"
            } else if settings.cull_limit == 0 {
                "its cull limit is 0, so only cull() enforces the limit"
            } else {
                "it is enforced a few entries at a time, when something is written"
            };
            let message = format!(
                "It takes {room}, over its size limit of {limit}: {why}. diskcache:cull chooses what has to go"
            );
            advice.push(Advice::new(Topic::Room, &path, message));
        } else if settings.policy == "none" || settings.cull_limit == 0 {
            let what = if settings.policy == "none" {
                "the eviction policy is none"
            } else {
                "the cull limit is 0"
            };
            let message = format!("A size limit of {limit} is set but nothing enforces it: {what}");
            advice.push(Advice::new(Topic::Room, &path, message));
        }
        if !settings.is_counting {
            let message = "Statistics are off: hits and misses are not counted. cache.stats(enable=True) counts them";
            advice.push(Advice::new(Topic::Figures, &path, message));
        }
        Ok(advice)
    }

    fn settings(&self) -> Result<Settings> {
        self.database.read(&Cancel::default(), Settings::read)
    }

    /// The entry's row.
    fn row(&self, entry: &EntryKey) -> Result<Row> {
        let gone = || sqlite::gone(&self.database, &self.table);
        let at = row::at(&self.table, &entry.key).ok_or_else(gone)?;
        let select = row::SELECT;
        let found = self.database.read(&Cancel::default(), |view| {
            sqlite::row_of(view.connection, &self.table, &at, select, Row::read)
        })?;
        found.ok_or_else(gone)
    }

    /// An entry's row and, unless that lies in a file, what its value column holds; one look at the database.
    fn row_and_value(&self, entry: &EntryKey) -> Result<(Row, Option<Held>)> {
        let gone = || sqlite::gone(&self.database, &self.table);
        let at = row::at(&self.table, &entry.key).ok_or_else(gone)?;
        let column = self.table.column("value").unwrap_or_default();
        let found = self.database.read(&Cancel::default(), |view| {
            let (connection, table) = (view.connection, &self.table);
            let Some(row) = sqlite::row_of(connection, table, &at, row::SELECT, Row::read)? else {
                return Ok(None);
            };
            // By its rowid, a large value is read piece by piece.
            let by_rowid = sqlite::RowAt::Rowid(row.rowid);
            let cell = if row.filename.is_none() {
                sqlite::look_at_cell(connection, table, &by_rowid, column)?
            } else {
                None
            };
            Ok(Some((row, by_rowid, cell)))
        })?;
        let (row, at, cell) = found.ok_or_else(gone)?;
        let held = cell.map(|cell| sqlite::held(cell, &self.database, &self.table, &at, column));
        Ok((row, held))
    }
}

impl Settings {
    fn read(view: &View<'_>) -> Result<Self, Failure> {
        let mut statement = view
            .connection
            .prepare_cached("SELECT key, value FROM Settings")?;
        let mut rows = statement.query([])?;
        // `core.py: DEFAULT_SETTINGS`, for what is not written down.
        let mut settings = Self {
            size_limit: 1 << 30,
            cull_limit: 10,
            ..Self::default()
        };
        while let Some(row) = rows.next()? {
            let value = Cell::from(row.get_ref(1)?);
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a float saturates"
            )]
            let count = match value {
                Cell::Integer(n) => u64::try_from(n).unwrap_or(0),
                // `Cache(…, size_limit=1e6)`
                Cell::Real(x) => x as u64,
                _ => 0,
            };
            let is_number = matches!(value, Cell::Integer(_) | Cell::Real(_));
            match (row.get_ref(0)?.as_str().unwrap_or_default(), value) {
                ("eviction_policy", Cell::Text(policy)) => {
                    settings.policy = text::from_bytes(&policy).into_owned();
                }
                ("statistics", _) => settings.is_counting = count != 0,
                ("size_limit", _) if is_number => settings.size_limit = count,
                ("cull_limit", _) if is_number => settings.cull_limit = count,
                ("size", _) => settings.size = count,
                ("hits", _) => settings.hits = count,
                ("misses", _) => settings.misses = count,
                _ => {}
            }
        }
        Ok(settings)
    }
}

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
        for shard in &opened.shards {
            listing::read(shard, scan, &mut *collector)?;
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
        let opened = Opened::of(store)?;
        let (mut hits, mut misses, mut is_counting) = (0_u64, 0_u64, true);
        for shard in &opened.shards {
            let settings = shard.settings()?;
            hits = hits.saturating_add(settings.hits);
            misses = misses.saturating_add(settings.misses);
            is_counting &= settings.is_counting;
        }
        if !is_counting && hits == 0 && misses == 0 {
            return Ok(Vec::new());
        }
        Ok(vec![Counters {
            source: "recorded",
            since: None,
            hits,
            misses,
            // Counting was switched off at some time: look-ups since then are in neither number.
            is_lower_bound: !is_counting,
        }])
    }

    fn advice(&self, store: &Store) -> Result<Vec<Advice>> {
        let mut advice = Vec::new();
        for shard in &Opened::of(store)?.shards {
            advice.extend(shard.advice()?);
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
