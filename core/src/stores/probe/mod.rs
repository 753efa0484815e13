//! `probe`: what a Python process tells of its own caches while it runs; each cached function is an entry.
//!
//! Written by `assets/probe/cachescope_probe.py`. Hits are *reported*: the process counted them itself.

mod snapshot;

use std::collections::HashMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::{
    Backend, Candidate, CheckOptions, Confidence, Counted, Counters, Details, Follow, Ground, Part,
    Recognised, Removal, Scan, Store, ValueReader,
};
use crate::formats::Carrier;
use crate::model::{EntryId, EntryKey, Finding, Group, GroupWord, Record, Time, text};
use crate::source::{self, Dir, MemoryReader};
use crate::{Error, Result};
use snapshot::{Cached, MAGIC, Snapshot};

pub(super) struct Probe;

const KIND: &str = "probe";
/// A process with a hundred thousand cached functions writes less.
const MAX_BYTES: usize = 64 << 20;

impl Backend for Probe {
    fn kinds(&self) -> &'static [&'static str] {
        &[KIND]
    }

    fn recognise(&self, candidate: &Candidate<'_>) -> Result<Option<Recognised>> {
        Ok(candidate.head.starts_with(MAGIC).then(|| Recognised {
            kind: KIND,
            confidence: Confidence::Certain,
            writer: Some("cachescope_probe".to_owned()),
            path: candidate.path(),
        }))
    }

    fn scan(&self, store: &Store, scan: &Scan<'_>) -> Result<()> {
        let mut collector = (scan.collector)();
        let mut group = Group::named("");
        for cache in &Told::of(store)?.caches {
            scan.cancel.check()?;
            if *group.label != *cache.module {
                group = Group::named(&cache.module);
            }
            let text = literal(cache);
            let args: Vec<_> = cache
                .facts
                .iter()
                .map(|(name, value)| ((*name).into(), value.as_str().into()))
                .collect();
            let mut record = Record::new(&group, cache.name.as_bytes());
            record.bytes = text.len() as u64;
            record.hits = cache.hits;
            record.accessed = cache.last_hit;
            record.args = crate::model::Args::Whole(&args);
            // Another state is another value, whatever its length.
            record.ident = xxhash_rust::xxh3::xxh3_64(text.as_bytes());
            collector.record(&record);
            scan.progress.add(1);
        }
        Ok(())
    }

    fn open_value(&self, store: &Store, entry: &EntryKey) -> Result<ValueReader> {
        let text = literal(Told::of(store)?.find(store, entry)?);
        let bytes = Arc::new(MemoryReader::new(text.into_bytes()));
        Ok(ValueReader::new(
            bytes,
            Carrier::Text,
            store.info.path.clone(),
        ))
    }

    fn details(&self, store: &Store, entry: &EntryKey) -> Result<Details> {
        let told = Told::of(store)?;
        let (snapshot, cache) = (&told.snapshot, told.find(store, entry)?);
        let mut facts = vec![("process".into(), snapshot.pid.to_string())];
        let mut fact = |name: &'static str, value: Option<String>| {
            facts.extend(value.map(|value| (name.into(), value)));
        };
        fact(
            "command",
            Some(text::shown(&snapshot.argv.join(" ")).into_owned()),
        );
        fact(
            "python",
            Some(format!("{} ({})", snapshot.python, snapshot.executable)),
        );
        fact("started", snapshot.started().map(Time::rfc3339));
        fact("told", snapshot.written().map(Time::rfc3339));
        fact("ended", snapshot.ended().map(Time::rfc3339));
        fact("hits", cache.hits.map(|n| n.to_string()));
        fact("misses", cache.misses.map(|n| n.to_string()));
        let args = cache.facts.iter();
        Ok(Details {
            args: args
                .map(|(name, value)| ((*name).to_owned(), value.clone()))
                .collect(),
            facts,
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

    fn counters(&self, store: &Store) -> Result<Vec<Counters>> {
        let told = Told::of(store)?;
        let snapshot = &told.snapshot;
        let sum = |of: fn(&Cached) -> Option<u64>| {
            told.caches
                .iter()
                .filter_map(of)
                .fold(0, u64::saturating_add)
        };
        Ok(vec![Counters {
            source: Counted::Reported,
            since: snapshot.started(),
            hits: sum(|c| c.hits),
            misses: sum(|c| c.misses),
            // Until its last word, a process may have counted more than it told.
            is_lower_bound: snapshot.ended().is_none(),
        }])
    }

    fn follow(&self) -> &'static dyn Follow {
        &FollowProbe
    }

    fn removal(&self, _store: &Store, _entry: &EntryKey) -> Result<Removal> {
        Err(Error::refused(
            "Cannot clear the entry",
            "it is a cache in the memory of a program, which alone can clear it",
        ))
    }

    fn group_word(&self) -> GroupWord {
        GroupWord::MODULE
    }
}

/// The snapshot is replaced about once a second, the counts beside it are written at each call.
struct FollowProbe;

impl Follow for FollowProbe {
    fn ground(&self, store: &Store) -> Ground {
        let stem = Path::new(&store.name).file_stem().unwrap_or(&store.name);
        Ground {
            folder: store.parent.path().to_owned(),
            prefix: Some(stem.to_owned()),
            poll: None,
        }
    }

    fn hits_source(&self) -> Counted {
        Counted::Reported
    }

    fn part_at(&self, path: &Path, _is_dir: bool) -> Option<Part> {
        let is_ours = path
            .extension()
            .is_some_and(|ending| ending == "json" || ending == COUNTS);
        is_ours.then_some(Part::Store)
    }

    fn quiet(&self) -> Duration {
        Duration::from_millis(200)
    }
}

/// Ending of the file of counts.
const COUNTS: &str = "counts";

/// Runs that are looked through for what they tell of a store, the newest.
const RUNS: usize = 500;

/// What the probes of `runs`, a folder of folders of snapshots, told of the joblib store at `store`.
///
/// Joined by the path that joblib itself used, never by name. `None` where nothing was told.
pub(crate) fn reported(runs: &Path, store: &Path) -> Option<Counters> {
    let mut sum: Option<Counters> = None;
    each_told(runs, |_, snapshot| add(&mut sum, &snapshot, store));
    sum
}

/// The snapshots of programs that are running now, the latest run first; `runs` is a folder of folders of snapshots.
///
/// Where the system does not tell, those are taken to run that have not told of their end.
pub fn running_programs(runs: &Path) -> Vec<PathBuf> {
    let mut running = Vec::new();
    each_told(runs, |path, snapshot| {
        if snapshot.ended().is_none() && source::is_running(snapshot.pid).unwrap_or(true) {
            running.push(path);
        }
    });
    running
}

/// What the programs of the latest runs told, the latest first.
fn each_told(runs: &Path, mut each: impl FnMut(PathBuf, Snapshot)) {
    let Ok(runs) = Dir::open(runs) else { return };
    let mut names = runs.names().unwrap_or_default();
    names.sort();
    let newest = names.into_iter().rev().take(RUNS);
    for dir in newest.filter_map(|(name, _)| runs.open_dir(&name).ok()) {
        for (name, _) in dir.names().unwrap_or_default() {
            let is_snapshot = Path::new(&name)
                .extension()
                .is_some_and(|end| end == "json");
            if let Some(snapshot) = is_snapshot.then(|| parse(&dir, &name).ok()).flatten() {
                each(dir.path().join(&name), snapshot);
            }
        }
    }
}

fn add(sum: &mut Option<Counters>, snapshot: &Snapshot, store: &Path) {
    let mut resolved: HashMap<&Path, bool> = HashMap::new();
    for function in snapshot.joblib() {
        let is_it = resolved.entry(&function.location).or_insert_with(|| {
            let real = std::fs::canonicalize(&function.location);
            function.location == store || real.is_ok_and(|real| real == store)
        });
        if !*is_it {
            continue;
        }
        let sum = sum.get_or_insert(Counters {
            source: Counted::Reported,
            since: snapshot.started(),
            hits: 0,
            misses: 0,
            is_lower_bound: false,
        });
        sum.since = sum.since.min(snapshot.started());
        sum.hits = sum.hits.saturating_add(function.hits);
        sum.misses = sum.misses.saturating_add(function.misses);
    }
}

/// What the program told, read once for all that a job asks of it.
struct Told {
    snapshot: Snapshot,
    caches: Vec<Cached>,
    /// Place in `caches` by module and name.
    index: HashMap<EntryId, usize>,
}

impl Told {
    fn of(store: &Store) -> Result<Arc<Self>> {
        store.kept(|| {
            let snapshot = parse(&store.parent, &store.name);
            let snapshot = snapshot.map_err(|error| error.at(&store.info.path))?;
            let caches = snapshot.caches();
            let ids = caches.iter().map(|cache| {
                let group = Group::named(&cache.module);
                EntryId::of(&group.locator, cache.name.as_bytes(), 0)
            });
            Ok(Self {
                index: ids.zip(0..).collect(),
                snapshot,
                caches,
            })
        })
    }

    fn find(&self, store: &Store, entry: &EntryKey) -> Result<&Cached> {
        let at = self.index.get(&entry.id());
        at.and_then(|at| self.caches.get(*at)).ok_or_else(|| {
            Error::not_found(
                "Cannot find the entry",
                "the program tells of no such cache any more",
            )
            .at(&store.info.path)
        })
    }
}

fn parse(dir: &Dir, name: &OsStr) -> Result<Snapshot> {
    let path = dir.path().join(name);
    let small = |name: &OsStr| {
        let mut bytes = Vec::new();
        dir.read_small(name, MAX_BYTES, &mut bytes).map(|()| bytes)
    };
    let json = small(name).map_err(|e| Error::io("Cannot read what the program told", &path, e))?;
    let counts = Path::new(name).with_extension(COUNTS);
    // A process that never called a joblib function has none.
    let counts = small(counts.as_os_str()).unwrap_or_default();
    Snapshot::parse(&json, &counts)
        .map_err(|e| Error::damaged("Cannot read what the program told", e.to_string()).at(&path))
}

/// What is known of the cache, in the form of Python's own `CacheInfo`.
fn literal(cache: &Cached) -> String {
    let hits = cache.hits.map(|n| format!("hits={n}"));
    let mut words: Vec<String> = hits.into_iter().collect();
    words.extend(
        cache
            .facts
            .iter()
            .map(|(name, value)| format!("{name}={value}")),
    );
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Cancel, Progress};

    #[test]
    fn what_a_program_told_is_read_once_for_all_its_caches() {
        let temp = tempfile::tempdir().unwrap();
        let lru: Vec<String> = (0..300)
            .map(|n| format!(r#"{{"module": "m{}", "name": "f{n}", "hits": {n}}}"#, n % 7))
            .collect();
        let json = format!(
            r#"{{"cachescope_probe": 1, "pid": 7, "lru_cache": [{}]}}"#,
            lru.join(",")
        );
        let path = temp.path().join("7.json");
        #[expect(clippy::disallowed_methods, reason = "tests make their own files")]
        std::fs::write(&path, json).unwrap();
        let info = super::super::open_all(&path).unwrap().remove(0);
        let store = Store::open(&info).unwrap();
        let (cancel, progress) = (Cancel::default(), Progress::default());
        let snapshot = crate::model::Snapshot::read(&store, &cancel, &progress).unwrap();
        assert_eq!(snapshot.records().count(), 300);
        for (_, record) in snapshot.records() {
            let details = store.details(&record.entry_key()).unwrap();
            let hits = details
                .facts
                .iter()
                .find(|(name, _)| name == "hits")
                .unwrap();
            assert_eq!(format!("f{}", hits.1), record.key_text());
        }
        // The snapshot, and the counts that are not there.
        let reads = store.parent.tally().work().reads;
        assert!(reads < 10, "{reads} reads");
    }
}
