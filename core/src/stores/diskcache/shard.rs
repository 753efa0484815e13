//! The databases of a cache, opened for one job: one, or the shards of a FanoutCache, each with what its settings say.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::Path;
use std::sync::Arc;

use rusqlite::OptionalExtension as _;

use super::json;
use super::row::{self, Row};
use super::{CACHE, COLUMNS, DATABASE, TABLE, removal};
use crate::model::{Cancel, EntryKey, Issue, Severity, text};
use crate::source::{Dir, FileType};
use crate::sqlite::{self, Cell, Database, Failure, Held, Table, View, describe};
use crate::stores::{Advice, Counted, Counters, RowRules, Store, Topic};
use crate::{Error, Result};

/// Shards that are opened.
const SHARDS: usize = 1000;

/// A store opened for one job.
pub(super) struct Opened {
    pub(super) shards: Vec<Shard>,
    /// What was wrong with the shards that could not be opened.
    pub(super) issues: Vec<Issue>,
    /// Shards that are not there.
    pub(super) gaps: Vec<Issue>,
}

/// One database with the folder that its value files lie in.
pub(super) struct Shard {
    /// `003` in a FanoutCache; empty for a store of one database.
    pub(super) name: String,
    pub(super) dir: Dir,
    pub(super) database: Arc<Database>,
    pub(super) table: Arc<Table>,
    /// How rows are taken out, or why they cannot be.
    pub(super) rules: Result<Arc<RowRules>, String>,
}

/// What of `Settings` says how the rows are to be read.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Settings {
    pub(super) policy: String,
    pub(super) is_counting: bool,
    /// True if tags have an index.
    pub(super) has_tag_index: bool,
    /// `None` where no number is written down.
    hits: Option<u64>,
    misses: Option<u64>,
    /// Bytes that the cache may take.
    pub(super) size_limit: u64,
    /// Entries that a write removes at most while the cache is too large.
    pub(super) cull_limit: u64,
    /// Protocol of its pickles; `None` where none is written down.
    pub(super) protocol: Option<u64>,
    /// Bytes of the value files.
    pub(super) size: u64,
}

impl Opened {
    pub(super) fn of(store: &Store) -> Result<Arc<Self>> {
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
    pub(super) fn shard(&self, entry: &EntryKey, store: &Store) -> Result<&Shard> {
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
pub(super) struct ShardNames {
    /// In the order of their numbers.
    pub(super) found: Vec<String>,
    /// Of numbers below that of the last one.
    missing: Vec<String>,
    n_left_out: usize,
}

impl Opened {
    /// Hits and misses of all shards together: what one of them does not tell makes them lower bounds.
    ///
    /// # Errors
    /// If no shard tells, and one cannot be read.
    pub(super) fn counters(&self) -> Result<Vec<Counters>> {
        let (mut sums, mut is_whole, mut first_error) = (None, self.issues.is_empty(), None);
        for shard in &self.shards {
            match shard.settings() {
                Ok(settings) => {
                    is_whole &= settings.is_counting;
                    let Some((hits, misses)) = settings.hits.zip(settings.misses) else {
                        is_whole = false;
                        continue;
                    };
                    let sums = sums.get_or_insert((0_u64, 0_u64));
                    *sums = (sums.0.saturating_add(hits), sums.1.saturating_add(misses));
                }
                Err(error) => {
                    is_whole = false;
                    first_error.get_or_insert(error);
                }
            }
        }
        match (sums, first_error) {
            (None, Some(error)) => Err(error),
            (None, None) => Ok(Vec::new()),
            (Some((0, 0)), _) if !is_whole => Ok(Vec::new()),
            (Some((hits, misses)), _) => Ok(vec![Counters {
                source: Counted::Recorded,
                since: None,
                hits,
                misses,
                // Counting was switched off at some time, or not all is known: some look-ups are in neither number.
                is_lower_bound: !is_whole,
            }]),
        }
    }
}

impl ShardNames {
    /// # Errors
    /// What the system said.
    pub(super) fn of(dir: &Dir, kind: &str) -> std::io::Result<Self> {
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
            if file_type == FileType::Dir {
                numbers.extend(number_of_shard(name));
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

    /// True for a folder name that a shard may have.
    pub(super) fn is_one(name: &OsStr) -> bool {
        number_of_shard(name).is_some()
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

/// `fanout.py: FanoutCache.__init__`
fn number_of_shard(name: &OsStr) -> Option<usize> {
    let name = name.to_str()?;
    let number = name.parse().ok()?;
    (name_of_shard(number) == name).then_some(number)
}

pub(super) fn name_of_shard(number: usize) -> String {
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
    pub(super) fn advice(&self) -> Result<Vec<Advice>> {
        let settings = self.settings()?;
        let slack = self.database.slack(&Cancel::default())?;
        let path = self.database.path();
        let mut advice = crate::stores::advice::of_slack(slack, &path);
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

    pub(super) fn settings(&self) -> Result<Settings> {
        self.database.read(&Cancel::default(), Settings::read)
    }

    /// True if keys are what a `JSONDisk` makes of them, as far as the first one tells.
    pub(super) fn has_json_keys(&self) -> Result<bool> {
        let sql = format!("SELECT key FROM {} LIMIT 1", sqlite::quote(TABLE));
        let first = self.database.read(&Cancel::default(), |view| {
            let key = view
                .connection
                .query_row(&sql, [], |row| Ok(Cell::from(row.get_ref(0)?)));
            Ok(key.optional()?)
        })?;
        Ok(matches!(first, Some(Cell::Blob(key)) if json::key_pickle(&key).is_some()))
    }

    /// The entry's row.
    pub(super) fn row(&self, entry: &EntryKey) -> Result<Row> {
        let gone = || sqlite::gone(&self.database, &self.table);
        let at = row::at(&self.table, &entry.key).ok_or_else(gone)?;
        let select = row::SELECT;
        let found = self.database.read(&Cancel::default(), |view| {
            sqlite::row_of(view.connection, &self.table, &at, select, Row::read)
        })?;
        found.ok_or_else(gone)
    }

    /// An entry's row and, unless that lies in a file, what its value column holds; one look at the database.
    pub(super) fn row_and_value(&self, entry: &EntryKey) -> Result<(Row, Option<Held>)> {
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
            let known = is_number.then_some(count);
            match (row.get_ref(0)?.as_str().unwrap_or_default(), value) {
                ("eviction_policy", Cell::Text(policy)) => {
                    settings.policy = text::from_bytes(&policy).into_owned();
                }
                ("statistics", _) => settings.is_counting = count != 0,
                ("tag_index", _) => settings.has_tag_index = count != 0,
                ("size_limit", _) if is_number => settings.size_limit = count,
                ("cull_limit", _) if is_number => settings.cull_limit = count,
                ("disk_pickle_protocol", _) => settings.protocol = known,
                ("size", _) => settings.size = count,
                ("hits", _) => settings.hits = known,
                ("misses", _) => settings.misses = known,
                _ => {}
            }
        }
        Ok(settings)
    }
}
