//! Changes to a container file, as data: which bytes go where, in which order.

use std::io;

use super::Stop;
use crate::formats::{Problem, ProblemKind};
use crate::source::ReadAt;

/// One write. Where a change is several, they are done in order, and a file cut short after any of them is whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patch {
    /// Offset in the file, in bytes.
    pub offset: u64,
    /// What goes there.
    pub bytes: Vec<u8>,
}

impl Patch {
    /// What turns `old`, which lies at `offset`, into `new`: the shortest stretch that holds every difference.
    ///
    /// `None` where there is none.
    pub(super) fn between(offset: u64, old: &[u8], new: &[u8]) -> Option<Self> {
        let differs = |(old, new): (&u8, &u8)| old != new;
        let first = old.iter().zip(new).position(differs)?;
        let last = old.iter().zip(new).rposition(differs)?;
        Some(Self {
            offset: offset + first as u64,
            bytes: new.get(first..=last)?.to_vec(),
        })
    }
}

/// Exactly `len` bytes at `offset`, read anew.
///
/// # Errors
/// If the system would not read them, or the file ends before.
pub(super) fn bytes_at(reader: &dyn ReadAt, offset: u64, len: usize) -> Result<Vec<u8>, Stop> {
    let end = offset.saturating_add(len as u64);
    if end > reader.len() {
        let message = format!(
            "bytes up to {end} are announced, and the file has {}",
            reader.len()
        );
        return Err(Stop::Damaged(Problem::new(
            ProblemKind::Damaged,
            offset,
            message,
        )));
    }
    let mut bytes = vec![0; len];
    if reader.read_full_at(offset, &mut bytes)? < len {
        return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
    }
    Ok(bytes)
}

/// Writes `new` over what stands at `at`; does nothing where it does not fit.
pub(super) fn put(bytes: &mut [u8], at: usize, new: &[u8]) {
    if let Some(old) = bytes.get_mut(at..at + new.len()) {
        old.copy_from_slice(new);
    }
}
