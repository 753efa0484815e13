//! Arrays of two values: their types whole, then bytes, in whatever order they lie and wherever they are kept.

use std::io::{self, Read};
use std::ops::Range;

use super::{CHUNK, Found, Walk};
use crate::formats::compress::Codec;
use crate::formats::numpy::{ArrayData, Dtype, Look};
use crate::formats::{ArrayHandle, Content};
use crate::stores::ValueReader;

/// Elements of an array compared at a time, and their bytes as far as that is more than one.
const ELEMENTS: u64 = 8192;
const ELEMENT_BYTES: u64 = 4 << 20;

/// True if arrays of the value may stand in files beside it, whose names are all that its own bytes say (joblib before
/// 0.10).
pub(super) fn may_be_beside(value: &ValueReader) -> bool {
    const WRAPPER: &[u8] = b"NDArrayWrapper";
    if !value.side_files.may_be_any() {
        return false;
    }
    let content = Content::plain(std::sync::Arc::clone(&value.bytes)).peel(Codec::detect);
    let is_old = |codec: &Codec| matches!(codec, Codec::ZFile { .. });
    if !content.codecs().iter().all(is_old) {
        return false;
    }
    // What cannot be read is compared as a value, which says so.
    content
        .open(0)
        .and_then(|stream| holds(stream, WRAPPER))
        .unwrap_or(true)
}

/// True if the word stands in the stream.
fn holds(mut stream: impl Read, word: &[u8]) -> io::Result<bool> {
    let mut bytes = Vec::new();
    loop {
        let n = stream.by_ref().take(CHUNK as u64).read_to_end(&mut bytes)?;
        if n == 0 {
            return Ok(false);
        }
        if bytes.windows(word.len()).any(|part| part == word) {
            return Ok(true);
        }
        // It may stand across two chunks.
        bytes.drain(..bytes.len().saturating_sub(word.len()));
    }
}

impl Walk<'_> {
    pub(super) fn arrays(&self, left: &ArrayHandle, right: &ArrayHandle) -> Found {
        let (ours, theirs) = (&left.view, &right.view);
        // What was a map of a file is loaded as a plain array.
        let class = |name: &str| match name {
            "numpy.memmap" => "numpy.ndarray".to_owned(),
            "numpy.matrixlib.defmatrix.matrix" => "numpy.matrix".to_owned(),
            other => other.to_owned(),
        };
        let is_alike = ours.shape == theirs.shape
            && is_same_type(&ours.dtype, &theirs.dtype)
            && class(&ours.class) == class(&theirs.class);
        if !is_alike {
            return Found::Different;
        }
        match (&ours.data, &theirs.data) {
            (ArrayData::Objects(a), ArrayData::Objects(b)) => self.items(*a, *b),
            (ArrayData::Objects(_), _) | (_, ArrayData::Objects(_)) => Found::Different,
            _ if ours.order == theirs.order => {
                let (Ok(Some(a)), Ok(Some(b))) = (left.bytes(), right.bytes()) else {
                    return Found::Unknown("an array could not be read");
                };
                same_streams(a, b)
            }
            _ => same_elements(left, right),
        }
    }
}

/// Of structured types the short form says the size alone.
fn is_same_type(left: &Dtype, right: &Dtype) -> bool {
    left.str() == right.str() && left.fields == right.fields && left.sub_array == right.sub_array
}

fn same_streams(
    mut left: Box<dyn Read + Send + '_>,
    mut right: Box<dyn Read + Send + '_>,
) -> Found {
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    loop {
        ours.clear();
        theirs.clear();
        let a = left.by_ref().take(CHUNK as u64).read_to_end(&mut ours);
        let b = right.by_ref().take(CHUNK as u64).read_to_end(&mut theirs);
        match (a, b) {
            (Ok(_), Ok(_)) if ours != theirs => return Found::Different,
            (Ok(0), Ok(0)) => return Found::Same,
            (Ok(_), Ok(_)) => {}
            _ => return Found::Unknown("an array could not be read"),
        }
    }
}

/// Of two orders in memory: bytes of the elements, in index order.
fn same_elements(left: &ArrayHandle, right: &ArrayHandle) -> Found {
    let unread = Found::Unknown("an array could not be read");
    let Some(blocks) = blocks(&left.view.shape, left.view.dtype.item_size) else {
        return unread;
    };
    for block in blocks {
        let read = |array: &ArrayHandle| array.slice_bytes(&block, &Look::GLANCE);
        match (read(left), read(right)) {
            (Ok(Some(ours)), Ok(Some(theirs))) if ours == theirs => {}
            (Ok(Some(_)), Ok(Some(_))) => return Found::Different,
            _ => return unread,
        }
    }
    Found::Same
}

/// The array in blocks of so many elements at most, one range an axis; `None` for more than can be counted.
fn blocks(shape: &[u64], item_size: u64) -> Option<impl Iterator<Item = Vec<Range<u64>>>> {
    let most = (ELEMENT_BYTES / item_size.max(1)).clamp(1, ELEMENTS);
    let volume = |axes: &[u64]| axes.iter().try_fold(1_u64, |n, len| n.checked_mul(*len));
    volume(shape)?;
    // The axis that is cut: all behind it fit whole.
    let cut = (0..shape.len())
        .find(|axis| volume(shape.get(axis + 1..).unwrap_or_default()).is_some_and(|n| n <= most));
    let cut = cut.unwrap_or(0);
    let (outer, rest) = shape.split_at(cut);
    let (len, inner) = rest
        .split_first()
        .map_or((1, &[][..]), |(len, inner)| (*len, inner));
    let step = (most / volume(inner)?.max(1)).max(1);
    let (outer, inner) = (outer.to_vec(), inner.to_vec());
    let n_cuts = len.div_ceil(step);
    let n_blocks = volume(&outer)?.checked_mul(n_cuts)?;
    Some((0..n_blocks).map(move |n| {
        let start = n % n_cuts * step;
        let mut left = n / n_cuts;
        let mut ranges: Vec<Range<u64>> = inner.iter().rev().map(|len| 0..*len).collect();
        ranges.push(start..len.min(start + step));
        for axis in outer.iter().rev() {
            let at = left % axis.max(&1);
            left /= axis.max(&1);
            ranges.push(at..at + 1);
        }
        ranges.reverse();
        ranges
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_hold_each_element_once() {
        for (shape, item_size) in [
            (&[3_u64, 4][..], 8),
            (&[2, 100_000], 8),
            (&[70, 3, 900], 8),
            (&[5, 2], 3 << 20),
            (&[0, 7], 8),
            (&[20_000], 1),
        ] {
            let mut seen = std::collections::BTreeSet::new();
            for block in blocks(shape, item_size).unwrap() {
                assert_eq!(block.len(), shape.len());
                let n: u64 = block.iter().map(|range| range.end - range.start).product();
                assert!(n <= ELEMENTS && (n == 1 || n * item_size <= ELEMENT_BYTES));
                let mut indices = vec![0_u64];
                for (range, len) in block.iter().zip(shape) {
                    indices = indices
                        .iter()
                        .flat_map(|at| range.clone().map(move |i| at * len + i))
                        .collect();
                }
                assert!(indices.into_iter().all(|index| seen.insert(index)));
            }
            assert_eq!(
                seen.len() as u64,
                shape.iter().product::<u64>(),
                "{shape:?}"
            );
        }
    }

    #[test]
    fn words_across_chunks_are_found() {
        let mut bytes = vec![b'.'; CHUNK - 3];
        bytes.extend(b"NDArrayWrapper");
        assert!(holds(&*bytes, b"NDArrayWrapper").unwrap());
        assert!(!holds(&bytes[..CHUNK + 10], b"NDArrayWrapper").unwrap());
    }
}
