//! Slices, grids, lines and histograms: the numbers that are there, and no more bytes than they need.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::formats::numpy::Look;
use crate::formats::preview::{ArrayHandle, Carrier, NoSideFiles, Options, open_value};
use crate::formats::{Element, compress::Codec};
use crate::source::{MemoryReader, ReadAt};

/// A `.npy` file whose element number `i` in memory is `number(i)`, made as it is read; counts what is read.
struct Made {
    head: Vec<u8>,
    n: u64,
    number: fn(u64) -> f64,
    n_read: AtomicU64,
}

impl ReadAt for Made {
    fn len(&self) -> u64 {
        self.head.len() as u64 + 8 * self.n
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> std::io::Result<usize> {
        let left = usize::try_from(self.len().saturating_sub(offset)).unwrap();
        let n = left.min(buf.len());
        let head = self.head.len() as u64;
        for (at, byte) in (offset..).zip(&mut buf[..n]) {
            *byte = match at.checked_sub(head) {
                None => self.head[usize::try_from(at).unwrap()],
                Some(at) => (self.number)(at / 8).to_le_bytes()[usize::try_from(at % 8).unwrap()],
            };
        }
        self.n_read.fetch_add(n as u64, Ordering::Relaxed);
        Ok(n)
    }
}

fn npy_head(code: &str, shape: &str, order: &str) -> Vec<u8> {
    let text = format!("{{'descr': '{code}', 'fortran_order': {order}, 'shape': {shape}, }}");
    let mut head = b"\x93NUMPY\x01\x00".to_vec();
    head.extend(u16::try_from(text.len()).unwrap().to_le_bytes());
    head.extend(text.as_bytes());
    head
}

fn made(shape: &str, n: u64, order: &str, number: fn(u64) -> f64) -> (Arc<Made>, ArrayHandle) {
    let made = Arc::new(Made {
        head: npy_head("<f8", shape, order),
        n,
        number,
        n_read: AtomicU64::new(0),
    });
    let bytes: Arc<dyn ReadAt> = Arc::<Made>::clone(&made);
    let preview = open_value(bytes, Carrier::Unknown, &NoSideFiles, &Options::GLANCE).unwrap();
    made.n_read.store(0, Ordering::Relaxed);
    (made, preview.array_handle.unwrap())
}

const LOOK: Look<'static> = Look {
    max_bytes: 4 << 20,
    is_cancelled: &|| false,
    batch: None,
};

#[expect(clippy::cast_precision_loss, reason = "the numbers are small")]
fn itself(n: u64) -> f64 {
    n as f64
}

fn floats(elements: &[Element]) -> Vec<f64> {
    let float = |element: &Element| match element {
        Element::Float(float) => *float,
        other => panic!("{other:?}"),
    };
    elements.iter().map(float).collect()
}

#[test]
fn slices_hold_the_elements_of_their_ranges_in_index_order() {
    let (c, handle) = made("(1000, 2000, 100)", 200_000_000, "False", itself);
    let slice = handle.slice(&[2..4, 5..7, 1..3], &LOOK).unwrap().unwrap();
    assert_eq!(slice.shape, [2, 2, 2]);
    let expected: Vec<f64> = [(2, 5), (2, 6), (3, 5), (3, 6)]
        .iter()
        .flat_map(|(a, b)| [1, 2].map(|c| itself(a * 200_000 + b * 100 + c)))
        .collect();
    assert_eq!(floats(&slice.elements), expected);
    // Two places, a few elements each.
    assert!(c.n_read.load(Ordering::Relaxed) < 4000);
    // Ranges are cut to the array; axes left out are whole.
    let (_, handle) = made("(2, 3)", 6, "True", itself);
    let slice = handle
        .slice(std::slice::from_ref(&(1..9)), &LOOK)
        .unwrap()
        .unwrap();
    assert_eq!(
        (slice.shape.as_slice(), floats(&slice.elements)),
        (&[1, 3][..], vec![1.0, 3.0, 5.0])
    );
    assert!(
        handle
            .slice(&[5..7, 0..1], &LOOK)
            .unwrap()
            .unwrap()
            .elements
            .is_empty()
    );
}

#[test]
fn a_small_plane_is_read_whole_and_its_cells_are_means() {
    for (order, expected) in [
        ("False", [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]),
        ("True", [0.0, 2.0, 4.0, 1.0, 3.0, 5.0]),
    ] {
        let (_, handle) = made("(2, 3)", 6, order, itself);
        let grid = handle
            .grid(&[], (0, 1), (512, 512), &LOOK)
            .unwrap()
            .unwrap();
        assert_eq!(
            (grid.n_rows, grid.n_columns, grid.is_sampled),
            (2, 3, false)
        );
        assert_eq!(grid.cells, expected);
        assert_eq!(grid.range, Some((0.0, 5.0)));
        // Turned: columns of the array as rows of the picture.
        let turned = handle
            .grid(&[], (1, 0), (512, 512), &LOOK)
            .unwrap()
            .unwrap();
        let at = |row: usize, column: usize| expected[column * 3 + row];
        let flat: Vec<f64> = (0..3).flat_map(|r| (0..2).map(move |c| at(r, c))).collect();
        assert_eq!(
            (turned.n_rows, turned.n_columns, turned.cells),
            (3, 2, flat)
        );
    }
    let (_, handle) = made("(4, 6)", 24, "False", itself);
    let grid = handle.grid(&[], (0, 1), (2, 3), &LOOK).unwrap().unwrap();
    assert_eq!(grid.cell_shape, (2, 2));
    assert_eq!(grid.cells, [3.5, 5.5, 7.5, 15.5, 17.5, 19.5]);
}

#[test]
fn a_plane_of_two_gigabytes_is_drawn_from_a_sample_within_the_budget() {
    let (file, handle) = made("(16384, 16384)", 1 << 28, "False", |i| itself(i >> 14));
    let grid = handle
        .grid(&[], (0, 1), (512, 512), &LOOK)
        .unwrap()
        .unwrap();
    assert!(grid.is_sampled);
    let n_read = file.n_read.load(Ordering::Relaxed);
    assert!(n_read <= LOOK.max_bytes, "{n_read} bytes read");
    // Every element is its row's number, so each row of cells rises from the one before.
    let rows: Vec<f64> = grid
        .cells
        .chunks(grid.n_columns)
        .map(|row| row[0])
        .collect();
    assert!(rows.len() >= 32 && rows.is_sorted(), "{rows:?}");
    assert!(grid.cells.iter().all(|cell| !cell.is_nan()));
}

#[test]
fn a_line_of_two_gigabytes_keeps_its_shape_within_the_budget() {
    let (file, handle) = made("(268435456,)", 1 << 28, "False", itself);
    let line = handle.envelope(&[], 0, 1000, &LOOK).unwrap().unwrap();
    assert!(line.is_sampled && line.buckets.len() <= 1000 && line.buckets.len() > 500);
    let n_read = file.n_read.load(Ordering::Relaxed);
    assert!(n_read <= LOOK.max_bytes, "{n_read} bytes read");
    for bucket in &line.buckets {
        assert!((bucket.min - itself(bucket.start)).abs() < 0.5);
        assert!(bucket.max > bucket.min && bucket.mean > bucket.min);
    }
    let (_, handle) = made("(10,)", 10, "False", itself);
    let line = handle.envelope(&[], 0, 4, &LOOK).unwrap().unwrap();
    let ends: Vec<(f64, f64)> = line.buckets.iter().map(|b| (b.min, b.max)).collect();
    assert_eq!(ends, [(0.0, 2.0), (3.0, 5.0), (6.0, 8.0), (9.0, 9.0)]);
}

#[test]
fn histograms_count_every_number_or_say_that_they_sample() {
    let (_, handle) = made("(5, 2)", 10, "False", itself);
    let histogram = handle.histogram(&[], 3, None, &LOOK).unwrap().unwrap();
    assert_eq!((histogram.low, histogram.high), (0.0, 9.0));
    assert_eq!(histogram.counts, [3, 3, 4]);
    assert!(!histogram.is_sampled);
    let odd = |i: u64| [f64::NAN, f64::INFINITY, 1.0, 2.0][usize::try_from(i).unwrap()];
    let (_, handle) = made("(4,)", 4, "False", odd);
    let histogram = handle
        .histogram(&[], 2, Some((0.0, 1.0)), &LOOK)
        .unwrap()
        .unwrap();
    assert_eq!((histogram.n_nan, histogram.n_infinite), (1, 1));
    assert_eq!(histogram.counts, [0, 1]);
    let (file, handle) = made("(16384, 16384)", 1 << 28, "False", itself);
    let histogram = handle.histogram(&[], 64, None, &LOOK).unwrap().unwrap();
    assert!(histogram.is_sampled && histogram.counts.iter().all(|n| *n > 0));
    // Once for the bounds and once for the counts.
    assert!(file.n_read.load(Ordering::Relaxed) <= 2 * LOOK.max_bytes);
}

#[test]
fn looking_ends_when_it_is_cancelled() {
    let (file, handle) = made("(16384, 16384)", 1 << 28, "False", itself);
    let n_asked = Cell::new(0);
    let is_cancelled = || {
        n_asked.set(n_asked.get() + 1);
        n_asked.get() > 3
    };
    let look = Look {
        max_bytes: u64::MAX,
        is_cancelled: &is_cancelled,
        batch: None,
    };
    assert_eq!(handle.histogram(&[], 10, None, &look).unwrap(), None);
    assert!(file.n_read.load(Ordering::Relaxed) <= 1 << 20);
}

#[test]
fn packed_arrays_are_read_forward() {
    let mut plain = npy_head("<i4", "(600, 2000)", "False");
    plain.extend((0..1_200_000_i32).flat_map(i32::to_le_bytes));
    let mut packed = Vec::new();
    let mut encoder = flate2::read::ZlibEncoder::new(plain.as_slice(), flate2::Compression::fast());
    std::io::Read::read_to_end(&mut encoder, &mut packed).unwrap();
    assert_eq!(Codec::detect(&packed), Some(Codec::Zlib));
    let bytes = Arc::new(MemoryReader::new(packed));
    let preview = open_value(bytes, Carrier::Unknown, &NoSideFiles, &Options::GLANCE).unwrap();
    let handle = preview.array_handle.unwrap();
    let slice = handle
        .slice(&[500..502, 1998..2000], &LOOK)
        .unwrap()
        .unwrap();
    let expected = [1_001_998, 1_001_999, 1_003_998, 1_003_999].map(Element::Int);
    assert_eq!(slice.elements, expected);
}

#[test]
fn claims_that_no_file_could_hold_are_refused_at_no_cost() {
    for (code, shape) in [
        ("<f8", "(4611686018427387904,)"),
        ("|V2147483647", "(1,)"),
        ("|S0", "(1152921504606846976,)"),
        ("|V0", "(1099511627776, 1099511627776)"),
    ] {
        let bytes = Arc::new(MemoryReader::new(npy_head(code, shape, "False")));
        let preview = open_value(bytes, Carrier::Unknown, &NoSideFiles, &Options::SHOW).unwrap();
        let Some(handle) = preview.array_handle else {
            continue;
        };
        // An error or nothing; the loops end and nothing is allocated.
        for range in [0..2, 0..u64::MAX] {
            drop(handle.slice(std::slice::from_ref(&range), &LOOK));
        }
        drop(handle.grid(&[], (0, 1), (512, 512), &LOOK));
        drop(handle.envelope(&[], 0, 512, &LOOK));
        drop(handle.histogram(&[], 64, None, &LOOK));
    }
}
