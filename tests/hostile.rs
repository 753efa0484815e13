//! Every kind of store, cut short and with bytes changed: entries or reasons come out, never a panic, never without end,
//! never in more than 512 MiB.
//!
//! `CACHESCOPE_HOSTILE=long` cuts every file of every fixture at every length (large ones at [`CUTS`]) and changes
//! [`FLIPS`] of each: hours of work. `CACHESCOPE_HOSTILE=KIND` does so for one kind.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use cachescope_core::formats::Options;
use cachescope_core::model::{Cancel, Limits, Progress, Snapshot};
use cachescope_core::stores::{CheckOptions, Store, open_all};

use crate::support::fixtures::{self, Fixture};

/// Damaged stores of each kind.
const VARIANTS: usize = 48;
/// Lengths at which a large file is cut, and changes to it, in the long run.
const CUTS: usize = 400;
const FLIPS: usize = 100;
/// What the promise says that looking takes at most.
const PEAK_BYTES: u64 = 512 << 20;
/// Longer than any look takes on a busy machine: what runs so long runs without end.
const ENDLESS: Duration = Duration::from_mins(2);
/// Which run is asked for.
const KNOB: &str = "CACHESCOPE_HOSTILE";
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

/// Cuts at each length in turn, or changes one to four bytes.
fn damaged(bytes: &[u8], n: usize, random: &mut Seeded) -> Vec<u8> {
    if !n.is_multiple_of(2) {
        return changed(bytes, random);
    }
    let len = if n.is_multiple_of(4) {
        n / 4
    } else {
        random.below(bytes.len())
    };
    let len = len.min(bytes.len().saturating_sub(1));
    bytes.get(..len).unwrap_or_default().to_vec()
}

/// Changes one to four bytes, half of them near the front, where formats keep their counts.
fn changed(bytes: &[u8], random: &mut Seeded) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
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
    let started = Instant::now();
    look_into(path);
    assert!(started.elapsed() < ENDLESS, "{}", path.display());
}

fn look_into(path: &Path) {
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

/// Every cut and many changes of each file of a fixture.
fn damage_wholly(fixture: &Fixture) {
    let mut random = Seeded(0x5eed);
    let (folder, path) = fixture.copy();
    for file in files_below(folder.path()) {
        let whole = fs::read(&file).expect("a copy is readable");
        let stride = whole.len().div_ceil(CUTS).max(1);
        let cuts = (0..whole.len()).step_by(stride);
        let cuts = cuts.map(|len| whole.get(..len).unwrap_or_default().to_vec());
        let flips: Vec<_> = (0..FLIPS).map(|_| changed(&whole, &mut random)).collect();
        for bytes in cuts.chain(flips) {
            fs::write(&file, bytes).expect("a copy is written");
            look(&path);
        }
        fs::write(&file, whole).expect("a copy is written");
    }
    eprintln!(
        "{}: at most {} MiB",
        fixture.opened().display(),
        peak_bytes() >> 20
    );
}

/// The most memory that this process has had; 0 where the system does not tell.
fn peak_bytes() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok());
    kib.unwrap_or(0) << 10
}

fn by_kind() -> BTreeMap<String, Vec<Fixture>> {
    let mut by_kind: BTreeMap<String, Vec<Fixture>> = BTreeMap::new();
    for fixture in fixtures::all() {
        let kind = fixture.kind.clone();
        by_kind.entry(kind).or_default().push(fixture);
    }
    by_kind
}

#[test]
#[ignore = "its memory is measured: the test below runs it in a process of its own"]
fn alone() {
    let asked = std::env::var(KNOB).ok();
    for (kind, fixtures) in by_kind() {
        match asked.as_deref() {
            None => {
                // Each copy costs time: a few fixtures of a kind, the oldest and the newest among them.
                let step = fixtures.len().div_ceil(6).max(1);
                let chosen: Vec<Fixture> = fixtures.into_iter().step_by(step).collect();
                damage_all(&kind, &chosen);
            }
            Some(asked) if asked == "long" || asked == kind => {
                fixtures.iter().for_each(damage_wholly);
            }
            Some(_) => {}
        }
    }
    let peak = peak_bytes();
    assert!(peak < PEAK_BYTES, "{} MiB", peak >> 20);
}

#[test]
fn damaged_stores_of_every_kind_are_looked_through() {
    let own = std::env::current_exe().expect("the test's own program");
    let ran = Command::new(own)
        .args(["--exact", "hostile::alone", "--ignored", "--nocapture"])
        .output()
        .expect("the test's own program runs");
    let said = String::from_utf8_lossy(&ran.stderr);
    eprintln!("{said}");
    assert!(ran.status.success(), "{said}");
    let told = String::from_utf8_lossy(&ran.stdout);
    assert!(told.contains("1 passed"), "{told}");
}
