//! Rows on their way to a file, so many at a time as memory allows.

use std::io;
use std::ops::Range;

use crate::formats::numpy::{Batch, Look, is_too_much};

/// That it was cancelled, as an error: what is written then is not kept.
pub(super) fn go_on(look: &Look<'_>) -> io::Result<()> {
    if (look.is_cancelled)() {
        Err(io::Error::other("it was cancelled"))
    } else {
        Ok(())
    }
}

/// Hands `each` the rows `0..n_rows` in batches of up to `most`, fewer where they are long.
///
/// # Errors
/// What `read` and `write` say, where it is not that fewer rows should be read at once; that it was cancelled.
pub(super) fn in_batches<T>(
    n_rows: u64,
    most: u64,
    look: &Look<'_>,
    mut read: impl FnMut(Range<u64>, Look<'_>) -> io::Result<T>,
    mut write: impl FnMut(Range<u64>, T) -> io::Result<()>,
) -> io::Result<()> {
    let (mut at, mut n) = (0_u64, most.max(1));
    while at < n_rows {
        go_on(look)?;
        let rows = at..at.saturating_add(n).min(n_rows);
        let batch = Batch::new();
        let bounded = Look {
            batch: Some(&batch),
            ..*look
        };
        match read(rows.clone(), bounded) {
            Ok(found) => {
                at = rows.end;
                write(rows, found)?;
                if batch.is_light() {
                    n = n.saturating_mul(2).min(most.max(1));
                }
            }
            Err(error) if is_too_much(&error) && rows.end - rows.start > 1 => {
                n = (rows.end - rows.start) / 2;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_shrink_until_their_rows_fit() {
        let mut rows = Vec::new();
        // Rows 100 to 110 take 20 MiB each, the others a byte.
        let is_long = |row: &u64| (100..110).contains(row);
        let read = |range: Range<u64>, look: Look<'_>| {
            let n_long = range.clone().filter(is_long).count() as u64;
            look.take(n_long * (20 << 20) + range.end - range.start)?;
            Ok(range)
        };
        let write = |range: Range<u64>, _| {
            rows.extend(range);
            Ok(())
        };
        in_batches(1000, 512, &Look::GLANCE, read, write).unwrap();
        assert!(rows.into_iter().eq(0..1000));
    }

    #[test]
    fn a_row_that_does_not_fit_is_an_error() {
        let read = |_, look: Look<'_>| look.take(1 << 30);
        let why = in_batches(9, 4, &Look::GLANCE, read, |_, ()| Ok(())).unwrap_err();
        assert!(why.to_string().contains("single row"), "{why}");
    }
}
