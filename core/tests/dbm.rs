//! Container files that real dbm libraries wrote list every key; damaged ones list what is left.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use cachescope_core::formats::Problem;
use cachescope_core::formats::dbm::{Extent, Item, Sink, Stop, gdbm, ndbm};
use cachescope_core::source::{MemoryReader, ReadAt};
use gdbm_native::{Endian, Layout, OpenOptions};

type List = fn(&dyn ReadAt, &mut dyn Sink) -> Result<(), Stop>;

#[derive(Default)]
struct Found {
    items: Vec<(Vec<u8>, Extent)>,
    problems: Vec<Problem>,
}

impl Sink for Found {
    fn item(&mut self, item: Item<'_>) -> ControlFlow<()> {
        self.items.push((item.key.to_vec(), item.value));
        ControlFlow::Continue(())
    }

    fn problem(&mut self, problem: Problem) {
        self.problems.push(problem);
    }
}

fn list(list: List, bytes: &[u8]) -> (Found, bool) {
    let mut found = Found::default();
    let is_whole = list(&MemoryReader::new(bytes), &mut found).is_ok();
    (found, is_whole)
}

fn fixture(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../tests/fixtures")
        .join(path)
}

/// Key text and value length of each entry, as the library itself reported them.
fn expected(path: &str) -> BTreeMap<String, u64> {
    let manifest = std::fs::read(fixture("manifest.json")).unwrap_or_default();
    let manifest: serde_json::Value = serde_json::from_slice(&manifest).unwrap_or_default();
    let store = manifest.as_array().and_then(|all| {
        all.iter()
            .find(|s| s["path"] == path.trim_end_matches(".db"))
    });
    let entries = store.and_then(|s| s["entries"].as_array());
    let pair = |e: &serde_json::Value| {
        Some((
            e.pointer("/entry/key")?.as_str()?.to_owned(),
            e.pointer("/entry/bytes")?.as_u64()?,
        ))
    };
    entries.into_iter().flatten().filter_map(pair).collect()
}

fn check(reader: List, path: &str) {
    let bytes = std::fs::read(fixture(path)).unwrap();
    let (found, is_whole) = list(reader, &bytes);
    assert!(
        is_whole && found.problems.is_empty(),
        "{path}: {:?}",
        found.problems
    );
    let text = |key: &[u8]| cachescope_core::model::text::from_bytes(key).into_owned();
    let listed: BTreeMap<_, _> = found
        .items
        .iter()
        .map(|(key, value)| (text(key), value.len()))
        .collect();
    assert_eq!(listed.len(), found.items.len(), "{path}");
    assert_eq!(listed, expected(path), "{path}");
}

#[test]
fn files_of_real_libraries_list_as_the_library_lists_them() {
    for path in [
        "shelve/gnu/bare.gdbm",
        "shelve/gnu/numsync.gdbm",
        "shelve/gnu/shelf",
    ] {
        check(gdbm::list, path);
    }
    for path in ["shelve/ndbm/bare.db", "shelve/ndbm/shelf.db"] {
        check(ndbm::list, path);
    }
}

#[test]
fn values_on_overflow_pages_come_back_whole() {
    let bytes = std::fs::read(fixture("shelve/ndbm/bare.db")).unwrap();
    let (found, _) = list(ndbm::list, &bytes);
    let reader = MemoryReader::new(bytes);
    let mut n_pages = 0;
    for (key, extent) in found.items {
        n_pages += usize::from(matches!(extent, Extent::Pages { .. }));
        let value = ndbm::read_extent(&reader, extent).unwrap();
        assert_eq!(value.len() as u64, extent.len(), "{key:?}");
    }
    assert!(n_pages > 0, "the fixture has a large value");
}

/// gdbm of other machines, written by an implementation that is not ours.
#[test]
fn every_layout_and_byte_order_lists_the_same_keys() {
    for layout in [Layout::Off32, Layout::Off64Align4, Layout::Off64Align8] {
        for endian in [Endian::Little, Endian::Big] {
            for numsync in [false, true] {
                let folder = tempfile::tempdir().unwrap();
                let path = folder.path().join("db");
                let mut options = OpenOptions::new();
                let mut db = options
                    .create(true)
                    .layout(layout)
                    .endian(endian)
                    .numsync(numsync)
                    .open(&path)
                    .unwrap();
                for n in 0..2000_u32 {
                    db.insert(&n.to_string(), &"v".repeat(n as usize % 50))
                        .unwrap();
                }
                db.close().unwrap();
                let bytes = std::fs::read(&path).unwrap();
                let (found, is_whole) = list(gdbm::list, &bytes);
                assert!(
                    is_whole && found.problems.is_empty(),
                    "{layout:?} {endian:?} {numsync}: {:?}",
                    found.problems
                );
                let mut keys: Vec<u32> = found
                    .items
                    .iter()
                    .map(|(k, _)| std::str::from_utf8(k).unwrap().parse().unwrap())
                    .collect();
                keys.sort_unstable();
                assert_eq!(
                    keys,
                    (0..2000).collect::<Vec<_>>(),
                    "{layout:?} {endian:?} {numsync}"
                );
                for (key, extent) in found.items {
                    let n: u64 = std::str::from_utf8(&key).unwrap().parse().unwrap();
                    assert_eq!(extent.len(), n % 50);
                }
            }
        }
    }
}

#[test]
fn cut_and_flipped_files_give_keys_or_problems() {
    let files: [(List, &str); 3] = [
        (gdbm::list, "shelve/gnu/shelf"),
        (ndbm::list, "shelve/ndbm/shelf.db"),
        (ndbm::list, "shelve/ndbm/bare.db"),
    ];
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    for (reader, path) in files {
        let whole = std::fs::read(fixture(path)).unwrap();
        for n in (0..whole.len()).step_by(61) {
            let (found, is_whole) = list(reader, &whole[..n]);
            assert!(
                !is_whole
                    || !found.problems.is_empty()
                    || found.items.len() == expected(path).len(),
                "{path} cut at {n}"
            );
        }
        for _ in 0..500 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            let mut flipped = whole.clone();
            let at = usize::try_from(state % 6000).unwrap() % flipped.len();
            flipped[at] ^= 1 << (state % 8);
            let (found, _) = list(reader, &flipped);
            assert!(found.items.len() <= whole.len() / 4);
        }
    }
}
