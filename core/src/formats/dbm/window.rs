//! Reads of a file through one window of memory, so that neighbours cost one call.

use std::io;

use crate::source::ReadAt;

/// A file up to this size is kept whole: scattered keys then cost no call at all.
const WHOLE_BYTES: u64 = 64 << 20;
/// What is read at once of a file that is gone through from its beginning.
const AHEAD_BYTES: usize = 256 << 10;

pub(super) struct Window<'a> {
    reader: &'a dyn ReadAt,
    bytes: Vec<u8>,
    start: u64,
    way: Way,
}

#[derive(Clone, Copy)]
enum Way {
    /// Keys lie in no order.
    Scattered,
    /// What is asked for next mostly lies behind.
    Onward,
    /// Nothing else near it is asked for.
    Single,
}

impl<'a> Window<'a> {
    /// For keys in no order.
    pub(super) fn new(reader: &'a dyn ReadAt) -> Self {
        Self::that_goes(Way::Scattered, reader)
    }

    /// For places of which each mostly lies behind the one before.
    pub(super) fn onward(reader: &'a dyn ReadAt) -> Self {
        Self::that_goes(Way::Onward, reader)
    }

    /// For a place here and there.
    pub(super) fn single(reader: &'a dyn ReadAt) -> Self {
        Self::that_goes(Way::Single, reader)
    }

    fn that_goes(way: Way, reader: &'a dyn ReadAt) -> Self {
        Self {
            reader,
            bytes: Vec::new(),
            start: 0,
            way,
        }
    }

    pub(super) fn file_len(&self) -> u64 {
        self.reader.len()
    }

    /// `len` bytes at `offset`, fewer at the end of the file.
    pub(super) fn at(&mut self, offset: u64, len: usize) -> io::Result<&[u8]> {
        if !self.holds(offset, len) {
            self.load(offset, len)?;
        }
        let from = usize::try_from(offset.saturating_sub(self.start)).unwrap_or(usize::MAX);
        let rest = self.bytes.get(from..).unwrap_or_default();
        Ok(rest.get(..len).unwrap_or(rest))
    }

    fn holds(&self, offset: u64, len: usize) -> bool {
        let end = self.start.saturating_add(self.bytes.len() as u64);
        let wanted = offset.saturating_add(len as u64).min(self.file_len());
        !self.bytes.is_empty() && offset >= self.start && wanted <= end
    }

    fn load(&mut self, offset: u64, len: usize) -> io::Result<()> {
        let rest = self.file_len().saturating_sub(offset);
        let (start, len) = match self.way {
            Way::Scattered if self.file_len() <= WHOLE_BYTES => (0, self.file_len()),
            Way::Scattered | Way::Single => (offset, rest.min(len as u64)),
            Way::Onward => (offset, rest.min(len.max(AHEAD_BYTES) as u64)),
        };
        self.bytes.resize(usize::try_from(len).unwrap_or(0), 0);
        self.start = start;
        let n = self.reader.read_full_at(start, &mut self.bytes)?;
        self.bytes.truncate(n);
        Ok(())
    }
}
