//! Random access to bytes, wherever they lie: a file, a row's blob, memory.

use std::io;
use std::sync::Arc;

use crate::model::Cancel;

/// Bytes that can be read at any offset without a cursor.
pub trait ReadAt: Send + Sync {
    /// Length in bytes when it was opened.
    fn len(&self) -> u64;

    /// Reads up to `buf.len()` bytes at `offset`; 0 means the end.
    ///
    /// # Errors
    /// What the system said.
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize>;

    /// True if there is not one byte.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Fills as much of `buf` as there are bytes; returns how many.
    ///
    /// # Errors
    /// What the system said.
    fn read_full_at(&self, mut offset: u64, mut buf: &mut [u8]) -> io::Result<usize> {
        let mut done = 0;
        while !buf.is_empty() {
            let n = self.read_at(offset, buf)?;
            if n == 0 {
                break;
            }
            done += n;
            offset += n as u64;
            buf = buf.get_mut(n..).unwrap_or_default();
        }
        Ok(done)
    }
}

/// Bytes held in memory, such as a row's value.
#[derive(Debug, Clone)]
pub struct MemoryReader(Arc<[u8]>);

impl MemoryReader {
    /// Takes the bytes over.
    pub fn new(bytes: impl Into<Arc<[u8]>>) -> Self {
        Self(bytes.into())
    }
}

impl ReadAt for MemoryReader {
    fn len(&self) -> u64 {
        self.0.len() as u64
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let rest = self.0.get(start..).unwrap_or_default();
        let n = rest.len().min(buf.len());
        if let (Some(to), Some(from)) = (buf.get_mut(..n), rest.get(..n)) {
            to.copy_from_slice(from);
        }
        Ok(n)
    }
}

/// A stretch of other bytes, such as one value in a file of many.
pub struct Range {
    whole: Arc<dyn ReadAt>,
    start: u64,
    len: u64,
}

impl Range {
    /// `len` bytes of `whole` from `start`, cut to what is there.
    pub fn new(whole: Arc<dyn ReadAt>, start: u64, len: u64) -> Self {
        let start = start.min(whole.len());
        let len = len.min(whole.len() - start);
        Self { whole, start, len }
    }
}

impl ReadAt for Range {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.len.saturating_sub(offset)).unwrap_or(usize::MAX);
        let n = left.min(buf.len());
        self.whole.read_at(
            self.start.saturating_add(offset),
            buf.get_mut(..n).unwrap_or_default(),
        )
    }
}

/// Bytes that are out of reach once the job that reads them was asked to stop.
pub(crate) struct UntilCancelled {
    pub(crate) bytes: Arc<dyn ReadAt>,
    pub(crate) cancel: Cancel,
}

impl ReadAt for UntilCancelled {
    fn len(&self) -> u64 {
        self.bytes.len()
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        if self.cancel.is_cancelled() {
            return Err(io::Error::other("cancelled"));
        }
        self.bytes.read_at(offset, buf)
    }
}
