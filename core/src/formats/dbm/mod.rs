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

/// Bytes that parts of one sort may take together: no more than the file has, or they lie on the same bytes, and a
/// listing of them would grow far beyond it.
struct Room {
    left: u64,
}

impl Room {
    fn of(file_len: u64) -> Self {
        Self { left: file_len }
    }

    /// Takes `len` bytes; what is wrong at `offset` if there are not as many.
    fn take(&mut self, len: u64, what: &str, offset: u64) -> Result<(), Problem> {
        let left = self.left.checked_sub(len);
        self.left = left.ok_or_else(|| {
            let message = format!(
                "the {what} up to here take more bytes than the file has: they lie on the same bytes, and no further \
                 ones are listed"
            );
            Problem::new(ProblemKind::Damaged, offset, message)
        })?;
        Ok(())
    }
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
        assert_eq!(room.take(4, "keys", 0), Ok(()));
        assert_eq!(room.take(6, "keys", 1), Ok(()));
        let problem = room.take(1, "keys", 7).unwrap_err();
        assert_eq!(
            (problem.kind, problem.offset),
            (ProblemKind::Damaged, 7),
            "{problem}"
        );
    }
}
