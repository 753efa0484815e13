//! Arrays that real numpy and joblib wrote, in every carrier: what we say of them is what numpy says.

mod frames;
mod hostile;
mod pictures;
mod sparse;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use base64::Engine as _;
use serde_json::Value as Json;

use super::*;
use crate::formats::Element;
use crate::model::Cancel;
use crate::source::{MemoryReader, UntilCancelled};

/// `tests/fixtures/generate_arrays.py` writes these.
const ARRAYS: &str = include_str!("../../../../tests/fixtures/arrays.jsonl");

fn preview(bytes: Vec<u8>) -> Preview {
    let bytes = Arc::new(MemoryReader::new(bytes));
    open_value(bytes, Carrier::Unknown, &NoSideFiles, &Options::SHOW).unwrap()
}

fn is_same(ours: &Json, theirs: &Json) -> bool {
    match (ours.as_f64(), theirs.as_f64()) {
        (Some(ours), Some(theirs)) => (ours - theirs).abs() <= theirs.abs() * 1e-12,
        _ => match (ours, theirs) {
            (Json::Array(a), Json::Array(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| is_same(a, b))
            }
            _ => ours == theirs,
        },
    }
}

#[test]
fn arrays_are_described_as_numpy_describes_them() {
    let mut failures = Vec::new();
    let mut n = 0;
    for line in ARRAYS.lines() {
        let case: Json = serde_json::from_str(line).unwrap();
        let carrier = case["carrier"].as_str().unwrap();
        let bytes = base64::engine::general_purpose::STANDARD
            .decode(case["bytes"].as_str().unwrap())
            .unwrap();
        let mut preview = preview(bytes);
        if carrier == "joblib in dict" {
            let array = preview.value.attribute(preview.value.root(), "a").unwrap();
            let handle = preview.array_at(array, &NoSideFiles).unwrap();
            preview.value_type.clone_from(&handle.view.class);
            preview.array = handle.summary(Some(Limits::PREVIEW.time), &|| false).ok();
        }
        let facts = &case["facts"];
        let ours = preview.array.as_ref().map_or(Json::Null, |a| {
            serde_json::json!({
                "dtype": a.dtype, "shape": a.shape, "order": a.order.letter(), "type": preview.value_type,
                "min": a.min, "max": a.max, "mean": a.mean, "nan_count": a.nan_count, "first": a.first,
            })
        });
        let wrong: Vec<&String> = facts
            .as_object()
            .unwrap()
            .iter()
            .filter(|(key, theirs)| !is_same(&ours[key.as_str()], theirs))
            .map(|(key, _)| key)
            .collect();
        if !wrong.is_empty() || preview.is_truncated || !preview.problems.is_empty() {
            let (writer, name) = (&case["writer"], &case["name"]);
            let problems = &preview.problems;
            failures.push(format!(
                "{writer} {name} {carrier} {wrong:?}: {ours}\n  expected {facts} {problems:?}"
            ));
        }
        n += 1;
    }
    let n_failed = failures.len();
    failures.truncate(12);
    assert!(
        n_failed == 0,
        "{n_failed} of {n} differ:\n{}",
        failures.join("\n")
    );
}

/// A file of a gigabyte that is zeros behind its head; counts what is read of it.
struct Sparse {
    head: Vec<u8>,
    len: u64,
    n_read: AtomicU64,
}

impl ReadAt for Sparse {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> std::io::Result<usize> {
        let left = usize::try_from(self.len.saturating_sub(offset)).unwrap_or(usize::MAX);
        let n = left.min(buf.len());
        for (at, byte) in (offset..).zip(&mut buf[..n]) {
            *byte = usize::try_from(at)
                .ok()
                .and_then(|at| self.head.get(at).copied())
                .unwrap_or(0);
        }
        self.n_read.fetch_add(n as u64, Ordering::Relaxed);
        Ok(n)
    }
}

#[test]
fn a_gigabyte_array_is_previewed_from_its_head() {
    // The array "large" of 1,000 two-byte integers, its shape (BININT2 1000) rewritten to 2**29.
    let line = ARRAYS
        .lines()
        .find(|line| {
            line.contains("\"joblib 0\"") && line.contains("\"large\"") && line.contains("3.13")
        })
        .unwrap();
    let case: Json = serde_json::from_str(line).unwrap();
    let mut head = base64::engine::general_purpose::STANDARD
        .decode(case["bytes"].as_str().unwrap())
        .unwrap();
    let at = head.windows(4).position(|w| w == b"M\xe8\x03\x85").unwrap();
    head.splice(at..at + 3, *b"J\0\0\0\x20");
    head.truncate(head.len() - 1);
    let n_elements = 1_u64 << 29;
    let tail = head.len() as u64 - 2000;
    let sparse = Arc::new(Sparse {
        len: tail + 2 * n_elements + 1,
        head,
        n_read: AtomicU64::new(0),
    });
    let bytes: Arc<dyn ReadAt> = Arc::<Sparse>::clone(&sparse);
    let preview = open_value(bytes, Carrier::Pickle, &NoSideFiles, &Options::GLANCE).unwrap();
    let array = preview.array.unwrap();
    assert_eq!(
        (array.shape.as_slice(), array.dtype.as_str()),
        (&[n_elements][..], "<i2")
    );
    assert_eq!(array.first, [0, 1, 2, 3, 4].map(Element::Int));
    assert_eq!(array.min, Element::Null);
    // The byte behind the data is no STOP, so the value says that it ends badly, at its place.
    assert_eq!(preview.problems[0].offset, tail + 2 * n_elements);
    let n_read = sparse.n_read.load(Ordering::Relaxed);
    assert!(n_read <= 1 << 20, "{n_read} bytes read");
}

#[test]
fn reading_to_the_end_passes_over_array_data() {
    for line in ARRAYS.lines() {
        let case: Json = serde_json::from_str(line).unwrap();
        let bytes = base64::engine::general_purpose::STANDARD
            .decode(case["bytes"].as_str().unwrap())
            .unwrap();
        let decoded = preview(bytes.clone());
        let check = |bytes: Vec<u8>| {
            let bytes = Arc::new(MemoryReader::new(bytes));
            check_value(bytes, Carrier::Unknown, &NoSideFiles, &Limits::DEEP).unwrap()
        };
        let checked = check(bytes.clone());
        let (carrier, name) = (&case["carrier"], &case["name"]);
        assert!(checked.is_read_to_end, "{name} {carrier}");
        assert!(
            checked.problems.is_empty(),
            "{name} {carrier} {:?}",
            checked.problems
        );
        assert_eq!(checked.globals, decoded.globals, "{name} {carrier}");
        assert_eq!(checked.calls, decoded.calls, "{name} {carrier}");
        let cut = check(bytes[..bytes.len() - 1].to_vec());
        assert!(
            cut.problems.iter().any(Problem::is_damage),
            "{name} {carrier} cut"
        );
    }
}

/// A pickle of one endless text; asks the job to stop once a mebibyte was read.
struct Endless(Cancel);

impl ReadAt for Endless {
    fn len(&self) -> u64 {
        u64::MAX
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> std::io::Result<usize> {
        buf.fill(b'V');
        if offset > 1 << 20 {
            self.0.cancel();
        }
        Ok(buf.len())
    }
}

#[test]
fn a_long_value_ends_where_the_job_is_asked_to_stop() {
    let cancel = Cancel::default();
    let bytes = Arc::new(UntilCancelled {
        bytes: Arc::new(Endless(cancel.clone())),
        cancel,
    });
    let checked = check_value(bytes, Carrier::Pickle, &NoSideFiles, &Limits::DEEP).unwrap();
    assert!(!checked.is_read_to_end);
    assert_eq!(checked.problems[0].kind, ProblemKind::Unreadable);
}
