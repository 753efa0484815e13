//! Damage to every committed corpus, and values larger than any budget: no panic, no loop, no more than was allowed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use base64::Engine as _;
use serde_json::Value as Json;

use crate::formats::damage::Random;
use crate::formats::numpy::Look;
use crate::formats::preview::{Carrier, NoSideFiles, Options, Preview, open_value};
use crate::formats::{ProblemKind, SaveAs};
use crate::model::Limits;
use crate::source::{MemoryReader, ReadAt};

const CORPORA: [&str; 4] = [
    include_str!("../../../../../tests/fixtures/arrays.jsonl"),
    include_str!("../../../../../tests/fixtures/frames.jsonl"),
    include_str!("../../../../../tests/fixtures/sparse.jsonl"),
    include_str!("../../../../../tests/fixtures/polars.jsonl"),
];

/// Does with a value whatever the product does.
fn exercise(bytes: Vec<u8>) {
    let options = Options {
        limits: Limits {
            nodes: 20_000,
            ..Limits::PREVIEW
        },
        has_statistics: true,
    };
    let bytes = Arc::new(MemoryReader::new(bytes));
    let preview = open_value(bytes, Carrier::Unknown, &NoSideFiles, &options).unwrap();
    look_into(&preview);
}

fn look_into(preview: &Preview) {
    let look = Look {
        max_bytes: 1 << 16,
        is_cancelled: &|| false,
        batch: None,
    };
    let root = preview.value.root();
    preview.value.repr(root, 1000);
    if let Some(array) = &preview.array_handle {
        // Damaged data are errors, told and not fatal.
        drop(array.slice(&[0..3, 0..3, 0..3], &look));
        drop(array.grid(&[], (0, 1), (16, 16), &look));
        drop(array.envelope(&[], 0, 16, &look));
        drop(array.histogram(&[], 8, None, &look));
    }
    if let Some(table) = &preview.table_handle {
        drop(table.rows(3..9, 0..4, look));
    }
    if let Some(sparse) = &preview.sparse_handle {
        drop(sparse.density((8, 8), &look));
    }
    for form in [SaveAs::Npy, SaveAs::Csv, SaveAs::Json] {
        let mut out = Bounded(0);
        drop(preview.save(form, &|| false, &mut out));
    }
}

/// A disk that is full after a megabyte.
struct Bounded(usize);

impl std::io::Write for Bounded {
    fn write(&mut self, buf: &[u8]) -> std::io::Result<usize> {
        self.0 += buf.len();
        if self.0 > 1 << 20 {
            return Err(std::io::ErrorKind::StorageFull.into());
        }
        Ok(buf.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn damaged_arrays_frames_and_matrices_never_panic() {
    let mut random = Random(11);
    let mut n = 0;
    for line in CORPORA.iter().flat_map(|corpus| corpus.lines()).step_by(3) {
        let case: Json = serde_json::from_str(line).unwrap();
        let bytes = base64::engine::general_purpose::STANDARD
            .decode(case["bytes"].as_str().unwrap())
            .unwrap();
        for _ in 0..3 {
            exercise(random.damaged(&bytes));
            n += 1;
        }
    }
    assert!(n > 1000);
}

/// A stream that repeats a unit behind a head; counts what is read of it.
struct Repeated {
    head: Vec<u8>,
    unit: &'static [u8],
    len: u64,
    n_read: AtomicU64,
}

impl ReadAt for Repeated {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> std::io::Result<usize> {
        let left = usize::try_from(self.len.saturating_sub(offset)).unwrap();
        let n = left.min(buf.len());
        for (at, byte) in (offset..).zip(&mut buf[..n]) {
            let at = usize::try_from(at).unwrap();
            *byte = match at.checked_sub(self.head.len()) {
                None => self.head[at],
                Some(at) => self.unit[at % self.unit.len()],
            };
        }
        self.n_read.fetch_add(n as u64, Ordering::Relaxed);
        Ok(n)
    }
}

/// A `.npy` file of so many doubles.
fn doubles(n: u64) -> Arc<Repeated> {
    let header = format!("{{'descr': '<f8', 'fortran_order': False, 'shape': ({n},), }}");
    let mut head = b"\x93NUMPY\x01\x00v\x00".to_vec();
    head.extend(format!("{header:<117}\n").as_bytes());
    Arc::new(Repeated {
        len: head.len() as u64 + n * 8,
        head,
        unit: b"\0\0\0\0\0\0\xf0\x3f",
        n_read: AtomicU64::new(0),
    })
}

#[test]
fn statistics_read_each_byte_of_an_array_once_and_a_glance_only_its_head() {
    const SLACK: u64 = 1 << 20;
    let options = |has_statistics| Options {
        limits: Limits {
            time: std::time::Duration::from_mins(10),
            ..Limits::PREVIEW
        },
        has_statistics,
    };
    let read = |file: &Arc<Repeated>, options| {
        let bytes: Arc<dyn ReadAt> = Arc::<Repeated>::clone(file);
        let preview = open_value(bytes, Carrier::Unknown, &NoSideFiles, &options).unwrap();
        assert!(preview.value.n_nodes() < 10);
        (preview.array.unwrap(), file.n_read.load(Ordering::Relaxed))
    };
    let file = doubles(4 << 20);
    let (array, n_read) = read(&file, options(true));
    assert_eq!((array.mean, array.nan_count), (Some(1.0), Some(0)));
    assert!((file.len..file.len + SLACK).contains(&n_read), "{n_read}");
    let (array, n_read) = read(&doubles(256 << 20), options(false));
    assert_eq!((array.shape, array.mean), (vec![256 << 20], None));
    assert!(n_read < SLACK, "{n_read}");
}

#[test]
fn an_array_of_more_objects_than_are_kept_shows_its_head() {
    // pickle.dumps(a, 2) of Python 2, a an array of 5,000 empty lists.
    let mut bytes = b"\x80\x02cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\x85U\x01b\x87R(K\x01M\x88\x13\x85\
        cnumpy\ndtype\nU\x02O8K\0K\x01\x87R(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK?tb\x89]("
        .to_vec();
    bytes.extend([b']'; 5000]);
    bytes.extend(b"etb.");
    let whole = super::preview(bytes.clone());
    assert!(!whole.is_truncated, "{:?}", whole.problems);
    let options = Options {
        limits: Limits {
            nodes: 1000,
            ..Limits::PREVIEW
        },
        has_statistics: true,
    };
    let bytes = Arc::new(MemoryReader::new(bytes));
    let cut = open_value(bytes, Carrier::Pickle, &NoSideFiles, &options).unwrap();
    assert!(cut.is_truncated);
    assert_eq!(
        (&cut.value_type, &cut.summary),
        (&whole.value_type, &whole.summary)
    );
    let (cut, whole) = (cut.array.unwrap(), whole.array.unwrap());
    assert_eq!((&cut.shape, &cut.first), (&vec![5000], &whole.first));
    assert_eq!(cut.first.len(), 5);
}

#[test]
fn a_dict_of_a_gigabyte_is_previewed_within_its_budget() {
    for (head, unit) in [
        (&b"\x80\x04}("[..], &b"K\x01K\x02"[..]),
        (b"\x80\x04}(", b"\x8c\x04text]K\x01a"),
        (b"\x80\x04](", b"}K\x01Ns"),
    ] {
        let file = Arc::new(Repeated {
            head: head.to_vec(),
            unit,
            len: 1 << 30,
            n_read: AtomicU64::new(0),
        });
        let options = Options {
            limits: Limits {
                // What the rest of the file names is looked for as long as time is left: here none is.
                time: std::time::Duration::ZERO,
                ..Limits::PREVIEW
            },
            has_statistics: true,
        };
        let bytes: Arc<dyn ReadAt> = Arc::<Repeated>::clone(&file);
        let preview = open_value(bytes, Carrier::Pickle, &NoSideFiles, &options).unwrap();
        assert!(preview.is_truncated);
        assert!(
            preview
                .problems
                .iter()
                .any(|p| p.kind == ProblemKind::Limit)
        );
        assert!(file.n_read.load(Ordering::Relaxed) < 2 << 20);
        assert!(preview.value.n_nodes() < 1_100_000);
        let whole = Options {
            limits: Limits {
                time: std::time::Duration::from_secs(1),
                ..Limits::PREVIEW
            },
            has_statistics: true,
        };
        let bytes: Arc<dyn ReadAt> = Arc::<Repeated>::clone(&file);
        let preview = open_value(bytes, Carrier::Pickle, &NoSideFiles, &whole).unwrap();
        assert!(preview.is_truncated);
        assert!(preview.value.n_nodes() < 6_000_000);
        assert!(preview.value.size_bytes() < 200 << 20);
    }
}

#[test]
fn frames_that_claim_what_no_file_holds_show_what_they_can() {
    // A frame of pandas 2 whose index claims 2^62 rows, and whose columns are a range of as many.
    let line = CORPORA[1]
        .lines()
        .find(|line| {
            line.contains("\"numbers\"") && line.contains("pickle 2") && line.contains("pandas 2.2")
        })
        .unwrap();
    let case: Json = serde_json::from_str(line).unwrap();
    let bytes = base64::engine::general_purpose::STANDARD
        .decode(case["bytes"].as_str().unwrap())
        .unwrap();
    let stop = b"X\x04\x00\x00\x00stopq";
    let mut damaged = Vec::new();
    let mut rest = bytes.as_slice();
    let mut n = 0;
    while let Some(at) = rest.windows(stop.len()).position(|w| w == stop) {
        // The memo number's byte, then BININT1 and the number.
        let end = at + stop.len() + 1;
        damaged.extend_from_slice(&rest[..end]);
        damaged.extend(b"\x8a\x08\x00\x00\x00\x00\x00\x00\x00\x40");
        rest = &rest[end + 2..];
        n += 1;
    }
    damaged.extend_from_slice(rest);
    assert!(n > 0, "{:?}", String::from_utf8_lossy(&bytes));
    let reader = Arc::new(MemoryReader::new(damaged));
    let preview = open_value(reader, Carrier::Pickle, &NoSideFiles, &Options::SHOW).unwrap();
    if let Some(table) = &preview.table {
        assert!(table.columns.len() <= 10_000);
        assert!(table.head.len() <= 5);
    }
    look_into(&preview);
}

/// A file of one byte all over; counts what is read of it.
struct Filled(u8, AtomicU64);

impl ReadAt for Filled {
    fn len(&self) -> u64 {
        1 << 40
    }

    fn read_at(&self, _offset: u64, buf: &mut [u8]) -> std::io::Result<usize> {
        buf.fill(self.0);
        self.1.fetch_add(buf.len() as u64, Ordering::Relaxed);
        Ok(buf.len())
    }
}

#[test]
fn notations_that_are_decoded_in_memory_are_read_up_to_a_limit() {
    for (carrier, byte) in [
        (Carrier::Json, b'['),
        (Carrier::Response, b'{'),
        (Carrier::MessagePack, 0x91),
        (Carrier::Marshal, b'['),
    ] {
        let file = Arc::new(Filled(byte, AtomicU64::new(0)));
        let options = Options {
            limits: Limits {
                output_bytes: 16 << 10,
                ..Limits::DEEP
            },
            has_statistics: false,
        };
        let bytes: Arc<dyn ReadAt> = Arc::<Filled>::clone(&file);
        let preview = open_value(bytes, carrier, &NoSideFiles, &options).unwrap();
        assert!(preview.is_truncated);
        let problems: Vec<_> = preview.problems.iter().map(|p| p.kind).collect();
        assert_eq!(problems, [ProblemKind::Limit], "{carrier:?}");
        assert!(file.1.load(Ordering::Relaxed) < 1 << 20, "{carrier:?}");
    }
}
