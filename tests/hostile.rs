//! Every kind of store, cut short and with bytes changed: entries or reasons come out, never a panic, never without end.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use cachescope_core::formats::Options;
use cachescope_core::model::{Limits, Snapshot};
use cachescope_core::scan::{Cancel, Progress};
use cachescope_core::stores::{CheckOptions, Store, open_all};

use crate::support::fixtures::{self, Fixture};

/// Damaged stores of each kind.
const VARIANTS: usize = 48;
/// Files above this are of other tests.
const FILE_BYTES: u64 = 256 << 10;
/// Entries of a damaged store that are looked into.
const ENTRIES: usize = 6;

/// Numbers that are the same in every run.
struct Seeded(u64);

impl Seeded {
    fn below(&mut self, bound: usize) -> usize {
        // xorshift64
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % bound.max(1) as u64).expect("below a usize")
    }
}

/// The files of a fixture, in a fixed order.
fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for item in fs::read_dir(folder).expect("a copy is readable") {
        let path = item.expect("a copy is readable").path();
        if path.is_dir() {
            files.extend(files_below(&path));
        } else if path.metadata().is_ok_and(|m| m.len() <= FILE_BYTES) {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// Cuts at each length in turn, or changes one to four bytes; most of them near the front, where formats keep their counts.
fn damaged(bytes: &[u8], n: usize, random: &mut Seeded) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    if n.is_multiple_of(2) {
        let len = if n.is_multiple_of(4) {
            n / 4
        } else {
            random.below(bytes.len())
        };
        bytes.truncate(len.min(bytes.len().saturating_sub(1)));
        return bytes;
    }
    for _ in 0..=random.below(4) {
        let front = if random.below(2) == 0 {
            256
        } else {
            bytes.len()
        };
        let at = random.below(front.min(bytes.len()));
        if let Some(byte) = bytes.get_mut(at) {
            *byte = u8::try_from(random.below(256)).expect("a byte");
        }
    }
    bytes
}

/// Does all that a person can do with a store by looking.
fn look(path: &Path) {
    for info in open_all(path).unwrap_or_default() {
        let Ok(store) = Store::open(&info) else {
            continue;
        };
        let snapshot = Snapshot::read(&store, &Cancel::default(), &Progress::default());
        let Ok(snapshot) = snapshot else {
            continue;
        };
        assert!(store.counters().is_ok_and(|all| all.len() < 10) || store.counters().is_err());
        for (_, record) in snapshot.records().take(ENTRIES) {
            let key = record.entry_key();
            let facts = store.details(&key).map_or(0, |details| details.facts.len());
            assert!(facts < 10_000, "{}", path.display());
            let found = store.check(&key, &CheckOptions::default());
            assert!(found.map_or(0, |found| found.len()) < 1000);
            if let Ok(value) = store.open_value(&key) {
                let shown = value.preview(&Options::GLANCE);
                let shown = shown.map_or(0, |p| p.value.repr(p.value.root(), 1000).text.len());
                assert!(shown < 100_000, "{}", path.display());
                drop(value.check(&Limits::PREVIEW));
            }
        }
    }
}

fn damage_all(kind: &str, fixtures: &[Fixture]) {
    let mut random = Seeded(0x5eed ^ kind.len() as u64);
    let each = VARIANTS.div_ceil(fixtures.len());
    for fixture in fixtures {
        let (folder, path) = fixture.copy();
        let files = files_below(folder.path());
        for n in 0..each {
            let Some(file) = files.get(random.below(files.len())) else {
                break;
            };
            let whole = fs::read(file).expect("a copy is readable");
            fs::write(file, damaged(&whole, n, &mut random)).expect("a copy is written");
            look(&path);
            fs::write(file, whole).expect("a copy is written");
        }
    }
}

#[test]
fn damaged_stores_of_every_kind_are_looked_through() {
    let mut by_kind: BTreeMap<String, Vec<Fixture>> = BTreeMap::new();
    for fixture in fixtures::all() {
        by_kind
            .entry(fixture.kind.clone())
            .or_default()
            .push(fixture);
    }
    for (kind, fixtures) in by_kind {
        // Each copy costs time: a few fixtures of a kind, the oldest and the newest among them.
        let step = fixtures.len().div_ceil(6).max(1);
        let chosen: Vec<Fixture> = fixtures.into_iter().step_by(step).collect();
        damage_all(&kind, &chosen);
    }
}
