//! The container files behind Python's `dbm` modules: keys, where each value lies, and changes as data.

pub mod dumb;
pub mod gdbm;
pub mod ndbm;
mod patch;
mod window;

use std::io;
use std::ops::ControlFlow;

use super::{Problem, ProblemKind};

pub use patch::Patch;

/// One key of a container file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Item<'a> {
    /// The key's bytes.
    pub key: &'a [u8],
    /// Where its value lies.
    pub value: Extent,
    /// The value's bytes, in containers that move their values about.
    pub inline: Option<&'a [u8]>,
}

impl Item<'_> {
    /// Tells one value of the key from the next, together with its length: where it lies, or what it is.
    pub fn ident(&self) -> u64 {
        match (self.inline, self.value) {
            (Some(bytes), _) => xxhash_rust::xxh3::xxh3_64(bytes),
            (None, Extent::Range { offset, .. }) => offset,
            (None, Extent::Pages { first, .. }) => first.into(),
        }
    }
}

/// Where a value lies in its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// In one piece.
    Range {
        /// Offset in the file, in bytes.
        offset: u64,
        /// Length in bytes.
        len: u64,
    },
    /// On a chain of overflow pages.
    Pages {
        /// Number of the first page.
        first: u32,
        /// Length in bytes.
        len: u64,
    },
}

impl Extent {
    /// Length of the value in bytes.
    pub fn len(self) -> u64 {
        match self {
            Self::Range { len, .. } | Self::Pages { len, .. } => len,
        }
    }

    /// True for a value of no bytes.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }
}

/// Bytes that the buckets, keys and values of a file may take: far more than it has means that they lie on the same
/// bytes, and listing or reading them would take memory and time without end.
struct Room {
    buckets: u64,
    keys: u64,
    values: u64,
}

impl Room {
    /// One wrong length must hide no other key: values, which are not held in memory, may overlap so often.
    const OVERLAP: u64 = 16;

    fn of(file_len: u64) -> Self {
        Self {
            buckets: file_len,
            keys: file_len,
            values: file_len.saturating_mul(Self::OVERLAP),
        }
    }

    /// Takes the bytes of a bucket; what is wrong at `offset` if there are not as many left. So do the next two.
    fn take_bucket(&mut self, len: u64, offset: u64) -> Result<(), Problem> {
        take(&mut self.buckets, len, "buckets", offset)
    }

    fn take_key(&mut self, len: u64, offset: u64) -> Result<(), Problem> {
        take(&mut self.keys, len, "keys", offset)
    }

    fn take_value(&mut self, len: u64, offset: u64) -> Result<(), Problem> {
        take(&mut self.values, len, "values", offset)
    }
}

fn take(left: &mut u64, len: u64, what: &str, offset: u64) -> Result<(), Problem> {
    *left = left.checked_sub(len).ok_or_else(|| {
        let message = format!(
            "the {what} up to here take more bytes than the file has: they lie on the same bytes, and no further \
             ones are listed"
        );
        Problem::new(ProblemKind::Damaged, offset, message)
    })?;
    Ok(())
}

/// Why the listing of a container file ended before its end.
#[derive(Debug)]
pub enum Stop {
    /// The system would not read on.
    Io(io::Error),
    /// The file as a whole is not what it promises to be.
    Damaged(Problem),
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Takes what a listing finds.
pub trait Sink {
    /// One key; `Break` ends the listing.
    fn item(&mut self, item: Item<'_>) -> ControlFlow<()>;

    /// Something broken that hides only what it concerns.
    fn problem(&mut self, problem: Problem);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_take_as_many_bytes_as_the_file_has_and_no_more() {
        let mut room = Room::of(10);
        assert_eq!(room.take_key(4, 0), Ok(()));
        assert_eq!(room.take_key(6, 1), Ok(()));
        assert_eq!(room.take_bucket(10, 1), Ok(()));
        let problem = room.take_key(1, 7).unwrap_err();
        assert_eq!(
            (problem.kind, problem.offset),
            (ProblemKind::Damaged, 7),
            "{problem}"
        );
        assert_eq!(room.take_value(160, 8), Ok(()));
        assert!(room.take_value(1, 9).is_err());
    }
}
