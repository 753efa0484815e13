//! One array as numpy's own file: its bytes as they lie, or in index order where numpy's file has no word for theirs.

use std::io::{self, Write};
use std::ops::Range;

use super::batches::go_on;
use super::{SaveAs, unfit};
use crate::error::Result;
use crate::formats::numpy::{Look, npy};
use crate::formats::preview::{ArrayHandle, Preview};

/// Bytes copied at a time.
const CHUNK: usize = 256 << 10;

/// Elements turned round at a time.
const SLAB: u64 = 1 << 16;

/// True for one array of plain elements, none of them masked.
pub(super) fn fits(preview: &Preview) -> bool {
    let handle = preview.array_handle.as_ref();
    handle.is_some_and(|handle| !handle.is_masked() && npy::header_of(&handle.view).is_some())
}

/// Writes the array.
pub(super) fn save(
    preview: &Preview,
    look: &Look<'_>,
    out: &mut dyn Write,
) -> Result<io::Result<()>> {
    let Some(handle) = &preview.array_handle else {
        return Err(unfit(SaveAs::Npy, "it holds one array, and this is none"));
    };
    if handle.is_masked() {
        return Err(unfit(SaveAs::Npy, "it has no place for the array's mask"));
    }
    let Some(header) = npy::header_of(&handle.view) else {
        return Err(unfit(SaveAs::Npy, "the array holds Python objects"));
    };
    Ok(if handle.view.lies_in_order() {
        copy(handle, &header, look, out)
    } else {
        copy_turned(handle, &header, look, out)
    })
}

fn copy(
    handle: &ArrayHandle,
    header: &[u8],
    look: &Look<'_>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let Some(mut bytes) = handle.bytes()? else {
        let message = "the array's data are not in this file";
        return Err(io::Error::new(io::ErrorKind::NotFound, message));
    };
    out.write_all(header)?;
    let mut n_left = handle.view.len_bytes();
    let mut chunk = vec![0; CHUNK];
    while n_left > 0 {
        go_on(look)?;
        let n = usize::try_from(n_left).unwrap_or(CHUNK).min(CHUNK);
        let part = chunk.get_mut(..n).unwrap_or_default();
        bytes.read_exact(part)?;
        out.write_all(part)?;
        n_left -= n as u64;
    }
    Ok(())
}

fn copy_turned(
    handle: &ArrayHandle,
    header: &[u8],
    look: &Look<'_>,
    out: &mut dyn Write,
) -> io::Result<()> {
    out.write_all(header)?;
    for slab in slabs(&handle.view.shape) {
        for element in handle.slice_bytes(&slab, look)?.unwrap_or_default() {
            out.write_all(&element)?;
        }
        go_on(look)?;
    }
    Ok(())
}

/// Rectangles of at most [`SLAB`] elements that follow one another in index order.
fn slabs(shape: &[u64]) -> Vec<Vec<Range<u64>>> {
    let mut whole = 1_u64;
    let mut n_whole = 0;
    for axis in shape.iter().rev() {
        match whole.checked_mul(*axis).filter(|n| *n <= SLAB) {
            Some(n) => (whole, n_whole) = (n, n_whole + 1),
            None => break,
        }
    }
    // The first axis that does not fit is cut, those before it go one by one.
    let cut = shape.len().checked_sub(n_whole + 1);
    let mut slabs = vec![Vec::new()];
    for (at, axis) in shape.iter().enumerate() {
        let step = match cut {
            Some(cut) if at < cut => 1,
            Some(cut) if at == cut => (SLAB / whole.max(1)).max(1),
            _ => (*axis).max(1),
        };
        slabs = slabs
            .iter()
            .flat_map(|slab| {
                let starts = (0..*axis).step_by(usize::try_from(step).unwrap_or(usize::MAX));
                starts.map(move |start| {
                    let part = start..start.saturating_add(step).min(*axis);
                    slab.iter().cloned().chain([part]).collect()
                })
            })
            .collect();
    }
    slabs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slabs_cover_the_array_in_index_order() {
        assert_eq!(slabs(&[2, 3]), [[0..2, 0..3]]);
        assert_eq!(
            slabs(&[2, SLAB, 2]),
            [
                [0..1, 0..SLAB / 2, 0..2],
                [0..1, SLAB / 2..SLAB, 0..2],
                [1..2, 0..SLAB / 2, 0..2],
                [1..2, SLAB / 2..SLAB, 0..2]
            ]
        );
        assert_eq!(
            slabs(&[SLAB + 1, 1]),
            [[0..SLAB, 0..1], [SLAB..SLAB + 1, 0..1]]
        );
        assert!(slabs(&[0, 3]).is_empty());
    }
}
