//! Container files that real dbm libraries wrote list every key; damaged ones list what is left.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "helpers of tests"
)]

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use cachescope_core::formats::Problem;
use cachescope_core::formats::dbm::{Extent, Item, Patch, Sink, Stop, gdbm, ndbm};
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

#[test]
fn a_page_of_berkeley_whose_items_do_not_add_up_is_told() {
    const PAGE: usize = 4096;
    const ENTRIES: usize = 20;
    const TYPE: usize = 25;
    let whole = std::fs::read(fixture("shelve/ndbm/bare.db")).unwrap();
    let u16_at = |at: usize| u16::from_le_bytes([whole[at], whole[at + 1]]);
    let pages = (PAGE..whole.len()).step_by(PAGE);
    let full: Vec<_> = pages
        .filter(|page| [2, 13].contains(&whole[page + TYPE]) && u16_at(page + ENTRIES) > 2)
        .collect();
    assert!(!full.is_empty());
    for page in full {
        let n = u16_at(page + ENTRIES);
        for fewer in [n - 1, n - 2, 0] {
            let mut bytes = whole.clone();
            bytes[page + ENTRIES..][..2].copy_from_slice(&fewer.to_le_bytes());
            let (found, _) = list(ndbm::list, &bytes);
            assert_eq!(found.problems.len(), 1, "{fewer} of {n} items");
        }
        let mut bytes = whole.clone();
        bytes[page + TYPE] = 0;
        assert_eq!(list(ndbm::list, &bytes).0.problems.len(), 1);
    }
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

/// Bytes that change between two looks.
struct Bytes<'b>(&'b [u8]);

impl ReadAt for Bytes<'_> {
    fn len(&self) -> u64 {
        self.0.len() as u64
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> std::io::Result<usize> {
        let rest = usize::try_from(offset).ok().and_then(|at| self.0.get(at..));
        let rest = rest.unwrap_or_default();
        let n = rest.len().min(buf.len());
        buf[..n].copy_from_slice(&rest[..n]);
        Ok(n)
    }
}

fn apply(bytes: &mut Vec<u8>, patches: impl IntoIterator<Item = Patch>) {
    for patch in patches {
        let start = usize::try_from(patch.offset).unwrap();
        let end = start + patch.bytes.len();
        bytes.resize(bytes.len().max(end), 0);
        bytes[start..end].copy_from_slice(&patch.bytes);
    }
}

/// Every key with its value, read through `list`.
fn contents(reader: List, bytes: &[u8]) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let (found, is_whole) = list(reader, bytes);
    assert!(
        is_whole && found.problems.is_empty(),
        "{:?}",
        found.problems
    );
    let file = MemoryReader::new(bytes);
    let n = found.items.len();
    let value = |extent| match extent {
        Extent::Range { offset, len } => {
            let start = usize::try_from(offset).unwrap();
            bytes[start..start + usize::try_from(len).unwrap()].to_vec()
        }
        Extent::Pages { .. } => ndbm::read_extent(&file, extent).unwrap(),
    };
    let contents: BTreeMap<_, _> = found
        .items
        .into_iter()
        .map(|(key, extent)| (key, value(extent)))
        .collect();
    assert_eq!(contents.len(), n, "a key is listed twice");
    contents
}

/// What gdbm-native finds in the file, key by key.
fn judged(bytes: &[u8]) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    std::fs::write(&path, bytes).unwrap();
    let db = OpenOptions::new().open(&path).unwrap();
    db.verify().unwrap();
    let keys: Vec<Vec<u8>> = db.keys().map(Result::unwrap).collect();
    let value = |key: &Vec<u8>| db.get(key).unwrap().expect("a key that is listed is found");
    keys.iter().map(|key| (key.clone(), value(key))).collect()
}

/// Keys that are long, short, empty, and of bytes that C takes as negative numbers.
fn key_of(n: u32) -> Vec<u8> {
    match n % 4 {
        0 => n.to_string().into_bytes(),
        1 => n.to_be_bytes().to_vec(),
        2 => format!("caf\u{e9} {n}").into_bytes(),
        _ => format!("{n} {}", "long".repeat(n as usize % 90)).into_bytes(),
    }
}

/// Buckets nearly full, so that keys stand far from their home and over the end of their table.
#[test]
fn keys_removed_from_and_put_back_into_gdbm_files_leave_the_others_found() {
    for layout in [Layout::Off32, Layout::Off64Align4, Layout::Off64Align8] {
        for endian in [Endian::Little, Endian::Big] {
            for numsync in [false, true] {
                let folder = tempfile::tempdir().unwrap();
                let path = folder.path().join("db");
                let mut options = OpenOptions::new();
                options
                    .create(true)
                    .layout(layout)
                    .endian(endian)
                    .numsync(numsync);
                let mut db = options.open(&path).unwrap();
                for n in 0..1500_u32 {
                    db.insert(&key_of(n), &"v".repeat(n as usize % 50)).unwrap();
                }
                db.close().unwrap();
                let mut bytes = std::fs::read(&path).unwrap();
                let mut expected = contents(gdbm::list, &bytes);
                let mut removed = Vec::new();
                for n in (0..1500).filter(|n| n % 3 != 1) {
                    let key = key_of(n);
                    let reader = Bytes(&bytes);
                    let place = gdbm::find(&reader, &key)
                        .unwrap()
                        .expect("the key is there");
                    let patch = gdbm::remove(&reader, &key)
                        .unwrap()
                        .expect("the key is there");
                    apply(&mut bytes, [patch]);
                    let count = gdbm::count_change(&Bytes(&bytes)).unwrap();
                    assert_eq!(count.is_some(), numsync);
                    apply(&mut bytes, count);
                    let value = expected.remove(&key).unwrap();
                    assert_eq!(gdbm::find(&Bytes(&bytes), &key).unwrap(), None);
                    removed.push((key, place.hash, value));
                }
                assert_eq!(
                    (contents(gdbm::list, &bytes), judged(&bytes)),
                    (expected.clone(), expected.clone())
                );
                for (key, hash, value) in removed {
                    let reader = Bytes(&bytes);
                    let gdbm::Insert::Patches(patches) =
                        gdbm::insert(&reader, &key, hash, &value).unwrap()
                    else {
                        panic!("its bucket has room");
                    };
                    apply(&mut bytes, patches);
                    expected.insert(key, value);
                }
                assert_eq!(
                    (contents(gdbm::list, &bytes), judged(&bytes)),
                    (expected.clone(), expected)
                );
            }
        }
    }
}

#[test]
fn keys_removed_from_and_put_back_into_berkeley_files_leave_the_others() {
    for path in ["shelve/ndbm/bare.db", "shelve/ndbm/shelf.db"] {
        let mut bytes = std::fs::read(fixture(path)).unwrap();
        let whole = contents(ndbm::list, &bytes);
        let mut left = whole.clone();
        for (key, value) in &whole {
            let reader = Bytes(&bytes);
            let removal = ndbm::remove(&reader, key).unwrap();
            let removal = removal.expect("the key is there");
            // Whatever is done of it, the other keys are whole and this one is gone.
            let mut cut = bytes.clone();
            left.remove(key);
            apply(&mut cut, [removal.change.patch]);
            assert_eq!(contents(ndbm::list, &cut), left, "{path} {key:?}");
            let reader = Bytes(&cut);
            let (pages, head) = ndbm::free(&reader, &removal.pages).unwrap();
            for patch in pages.into_iter().chain([head.patch]) {
                apply(&mut cut, [patch]);
                assert_eq!(contents(ndbm::list, &cut), left, "{path} {key:?}");
            }
            bytes = cut;
            assert_eq!(ndbm::remove(&Bytes(&bytes), key).unwrap(), None);
            assert!(!value.is_empty() || key.len() < 2000);
        }
        for (key, value) in whole.iter().rev() {
            let insert = ndbm::insert(&Bytes(&bytes), key, value).unwrap();
            let ndbm::Insert::Change(before, page) = insert else {
                panic!("{insert:?}");
            };
            let mut cut = bytes.clone();
            for patch in before {
                apply(&mut cut, [patch]);
                assert_eq!(contents(ndbm::list, &cut), left, "{path} {key:?}");
            }
            let at = usize::try_from(page.patch.offset).unwrap();
            assert_eq!(page.was.len(), page.patch.bytes.len());
            assert_eq!(cut[at..at + page.was.len()], page.was, "a page as a whole");
            apply(&mut cut, [page.patch]);
            bytes = cut;
            left.insert(key.clone(), value.clone());
            assert_eq!(contents(ndbm::list, &bytes), left);
        }
    }
}

/// Damage and hostile numbers in a file that is to be changed are errors, and nothing is written outside of the file.
#[test]
fn changes_to_damaged_files_are_errors_or_stay_inside() {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for path in ["shelve/gnu/bare.gdbm", "shelve/ndbm/bare.db"] {
        let whole = std::fs::read(fixture(path)).unwrap();
        let is_gdbm = path.contains("gnu");
        let keys: Vec<_> = contents(if is_gdbm { gdbm::list } else { ndbm::list }, &whole)
            .into_keys()
            .collect();
        for round in 0..2000 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            let mut damaged = whole.clone();
            let at = usize::try_from(state % 9000).unwrap() % damaged.len();
            damaged[at] = state.to_be_bytes()[0];
            let reader = Bytes(&damaged);
            let key = &keys[round % keys.len()];
            let len = whole.len() as u64;
            let is_inside = |patch: &Patch| patch.offset + patch.bytes.len() as u64 <= len;
            if is_gdbm {
                let patch = gdbm::remove(&reader, key);
                assert!(patch.ok().flatten().is_none_or(|patch| is_inside(&patch)));
                drop(gdbm::insert(&reader, b"new", 7, b"value"));
            } else {
                let removal = ndbm::remove(&reader, key).ok().flatten();
                if let Some(removal) = removal {
                    assert!(is_inside(&removal.change.patch));
                    if let Ok((pages, head)) = ndbm::free(&reader, &removal.pages) {
                        assert!(pages.iter().chain([&head.patch]).all(is_inside));
                    }
                }
                drop(ndbm::insert(&reader, b"new", &[7; 9000]));
            }
        }
    }
}

/// Counts what is read of it.
struct Counted {
    bytes: Vec<u8>,
    n_read: std::sync::atomic::AtomicUsize,
}

impl ReadAt for Counted {
    fn len(&self) -> u64 {
        Bytes(&self.bytes).len()
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> std::io::Result<usize> {
        let n = Bytes(&self.bytes).read_at(offset, buf)?;
        self.n_read
            .fetch_add(n, std::sync::atomic::Ordering::Relaxed);
        Ok(n)
    }
}

#[test]
fn a_key_is_found_without_reading_the_file() {
    for path in ["shelve/gnu/bare.gdbm", "shelve/ndbm/bare.db"] {
        let mut bytes = std::fs::read(fixture(path)).unwrap();
        let is_gdbm = path.contains("gnu");
        let whole = contents(if is_gdbm { gdbm::list } else { ndbm::list }, &bytes);
        // Space behind the last page, as a file has that was preallocated.
        bytes.resize(16 << 20, 0);
        for (key, value) in &whole {
            let file = Counted {
                bytes: bytes.clone(),
                n_read: 0.into(),
            };
            let extent = if is_gdbm {
                gdbm::find(&file, key).unwrap().map(|place| place.value)
            } else {
                ndbm::find(&file, key).unwrap().map(|place| place.value)
            };
            let extent = extent.expect("the key is there");
            assert_eq!(extent.len(), value.len() as u64, "{path} {key:?}");
            let n_read = file.n_read.into_inner();
            assert!(n_read < 64 << 10, "{path} {key:?}: {n_read} bytes read");
        }
    }
}
