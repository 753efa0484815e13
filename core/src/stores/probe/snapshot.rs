//! What one process told, as `assets/probe/cachescope_probe.py` writes it: a JSON file and a file of counts.

use std::collections::HashMap;
use std::path::PathBuf;

use serde::Deserialize;

use crate::model::{Time, text};

/// What every snapshot begins with.
pub(super) const MAGIC: &[u8] = br#"{"cachescope_probe": "#;

/// A snapshot; members that are missing stand for nothing told.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Snapshot {
    pub(super) pid: u64,
    pub(super) argv: Vec<String>,
    pub(super) python: String,
    pub(super) executable: String,
    started: f64,
    written: f64,
    ended: Option<f64>,
    joblib: Vec<Joblib>,
    lru_cache: Vec<Lru>,
    cached_property: Vec<Property>,
    weak: Vec<Weak>,
}

/// A function of a joblib.Memory.
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(default)]
pub(super) struct Joblib {
    /// The store's own folder.
    pub(super) location: PathBuf,
    module: String,
    name: String,
    pub(super) hits: u64,
    pub(super) misses: u64,
    /// Seconds that loading took, of all hits together.
    pub(super) load_s: f64,
    /// Recorded duration less loading, of the hits whose duration was known.
    pub(super) saved_s: f64,
    /// How many hits those were.
    timed: u64,
    last_hit: Option<f64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Lru {
    module: String,
    name: String,
    hits: u64,
    misses: u64,
    maxsize: Option<u64>,
    currsize: u64,
    typed: Option<bool>,
    caches: u64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Property {
    module: String,
    name: String,
    /// Unknown in forked children, and without Python's global lock.
    currsize: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Weak {
    kind: String,
    module: String,
    name: String,
    caches: u64,
    live: u64,
    dead: Option<u64>,
}

/// One cache of the process, ready to be listed.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Cached {
    pub(super) module: String,
    /// Unique in its module.
    pub(super) name: String,
    /// Look-ups that found a value; `None` where nobody counts them.
    pub(super) hits: Option<u64>,
    pub(super) misses: Option<u64>,
    pub(super) last_hit: Option<Time>,
    /// More by name, as Python writes it.
    pub(super) facts: Vec<(&'static str, String)>,
}

impl Snapshot {
    /// Reads the two files; `counts` is empty where there is none.
    pub(super) fn parse(json: &[u8], counts: &[u8]) -> Result<Self, serde_json::Error> {
        let mut snapshot: Self = serde_json::from_slice(json)?;
        // Written at each call: newer than the snapshot, and all there is of a process that was killed.
        for (function, line) in snapshot
            .joblib
            .iter_mut()
            .zip(counts.split(|b| *b == b'\n'))
        {
            function.update(line);
        }
        Ok(snapshot)
    }

    pub(super) fn started(&self) -> Option<Time> {
        Time::from_unix_f64(self.started).filter(|_| self.started > 0.0)
    }

    pub(super) fn written(&self) -> Option<Time> {
        Time::from_unix_f64(self.written).filter(|_| self.written > 0.0)
    }

    pub(super) fn ended(&self) -> Option<Time> {
        self.ended.and_then(Time::from_unix_f64)
    }

    pub(super) fn joblib(&self) -> &[Joblib] {
        &self.joblib
    }

    /// Every cache, each with a name of its own in its module.
    pub(super) fn caches(&self) -> Vec<Cached> {
        let lru = self.lru_cache.iter().map(Lru::cached);
        let joblib = self.joblib.iter().map(Joblib::cached);
        let properties = self.cached_property.iter().map(Property::cached);
        let weak = self.weak.iter().map(Weak::cached);
        let mut caches: Vec<Cached> = lru.chain(joblib).chain(properties).chain(weak).collect();
        let mut seen: HashMap<(String, String), u32> = HashMap::new();
        for cache in &mut caches {
            let n = seen
                .entry((cache.module.clone(), cache.name.clone()))
                .or_default();
            *n += 1;
            if *n > 1 {
                cache.name = format!("{} ({n})", cache.name);
            }
        }
        caches
    }
}

impl Joblib {
    /// Takes over a line of the file of counts, if it is whole.
    fn update(&mut self, line: &[u8]) {
        let Ok(line) = std::str::from_utf8(line) else {
            return;
        };
        let mut words = line.split_ascii_whitespace();
        let mut next = || words.next();
        let parsed = (|| {
            Some((
                (next()?.parse().ok()?, next()?.parse().ok()?),
                (next()?.parse().ok()?, next()?.parse().ok()?),
                (next()?.parse().ok()?, next()?.parse::<f64>().ok()?),
            ))
        })();
        if let Some(((hits, misses), (load_s, saved_s), (timed, last))) = parsed
            && hits >= self.hits
            && misses >= self.misses
        {
            (self.hits, self.misses) = (hits, misses);
            (self.load_s, self.saved_s, self.timed) = (load_s, saved_s, timed);
            self.last_hit = Some(last).filter(|last| *last > 0.0);
        }
    }

    fn cached(&self) -> Cached {
        let location = text::from_bytes(self.location.as_os_str().as_encoded_bytes());
        Cached {
            hits: Some(self.hits),
            misses: Some(self.misses),
            last_hit: self.last_hit.and_then(Time::from_unix_f64),
            facts: vec![
                ("cache", "joblib.Memory".to_owned()),
                ("misses", self.misses.to_string()),
                ("location", location.into_owned()),
                ("load_s", format!("{:.6}", self.load_s)),
                ("saved_s", format!("{:.6}", self.saved_s)),
                ("hits_timed", self.timed.to_string()),
            ],
            ..named(&self.module, &self.name)
        }
    }
}

impl Lru {
    fn cached(&self) -> Cached {
        let mut facts = vec![
            ("cache", "functools.lru_cache".to_owned()),
            ("misses", self.misses.to_string()),
            ("maxsize", or_none(self.maxsize)),
            ("currsize", self.currsize.to_string()),
        ];
        // Before Python 3.9 a wrapper does not tell.
        facts.extend(
            self.typed
                .map(|typed| ("typed", if typed { "True" } else { "False" }.to_owned())),
        );
        facts.extend((self.caches != 1).then(|| ("caches", self.caches.to_string())));
        Cached {
            hits: Some(self.hits),
            misses: Some(self.misses),
            facts,
            ..named(&self.module, &self.name)
        }
    }
}

impl Property {
    fn cached(&self) -> Cached {
        let mut facts = vec![("cache", "functools.cached_property".to_owned())];
        facts.extend(self.currsize.map(|n| ("owners", n.to_string())));
        Cached {
            facts,
            ..named(&self.module, &self.name)
        }
    }
}

impl Weak {
    fn cached(&self) -> Cached {
        Cached {
            facts: vec![
                ("cache", format!("weakref.{}", self.kind)),
                ("live", self.live.to_string()),
                ("dead", or_none(self.dead)),
                ("caches", self.caches.to_string()),
            ],
            ..named(&self.module, &self.name)
        }
    }
}

fn named(module: &str, name: &str) -> Cached {
    Cached {
        module: module.to_owned(),
        name: name.to_owned(),
        ..Cached::default()
    }
}

fn or_none(n: Option<u64>) -> String {
    n.map_or_else(|| "None".to_owned(), |n| n.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const JSON: &str = r#"{"cachescope_probe": 1, "pid": 7, "started": 1.0, "written": 2.5,
        "joblib": [{"location": "/c/joblib", "module": "m", "name": "f", "hits": 1, "misses": 2}],
        "lru_cache": [{"module": "m", "name": "f", "hits": 3, "misses": 4, "maxsize": null, "typed": true, "caches": 1}],
        "more": "of a newer probe"}"#;

    fn counts(text: &str) -> (u64, u64) {
        let snapshot = Snapshot::parse(JSON.as_bytes(), text.as_bytes()).unwrap();
        let [function] = snapshot.joblib() else {
            panic!("one function")
        };
        (function.hits, function.misses)
    }

    #[test]
    fn counts_are_newer_than_the_snapshot_unless_they_are_torn() {
        assert_eq!(counts(""), (1, 2));
        assert_eq!(counts("  5   2  0.25  1.5  4  1795655420.9\n"), (5, 2));
        assert_eq!(counts("  5   2  0.2"), (1, 2));
        assert_eq!(counts("\0\0\0\0"), (1, 2));
        // Of a process before this one.
        assert_eq!(counts("  0   1  0.25  1.5  4  1795655420.9\n"), (1, 2));
    }

    #[test]
    fn names_are_unique_in_their_module() {
        let snapshot = Snapshot::parse(JSON.as_bytes(), b"").unwrap();
        let names: Vec<_> = snapshot.caches().into_iter().map(|c| c.name).collect();
        assert_eq!(names, ["f", "f (2)"]);
    }
}
