//! One layer of bytes: a range of a file or row as it is, or what its compression holds.

use std::fmt;
use std::io::{self, Read};
use std::sync::Arc;

use super::compress::{Codec, SIGNATURE_LEN};
use crate::source::{MemoryReader, ReadAt};

/// Compressed bytes whose contents stay below this are unpacked once and kept.
const KEEP_UNPACKED: u64 = 4 << 20;

/// More layers of compression than anybody stacks.
const MAX_LAYERS: usize = 4;

/// Bytes to decode, with the compressions that lie around them.
///
/// Plain bytes can be read anywhere; packed ones only forward, so each read starts again at the front.
#[derive(Clone)]
pub struct Content {
    carrier: Arc<dyn ReadAt>,
    start: u64,
    len: u64,
    /// Outermost first; empty for plain bytes.
    packing: Vec<Codec>,
    /// Compressions already removed, outermost first.
    peeled: Vec<Codec>,
}

impl Content {
    /// All bytes of `carrier`, as they are.
    pub fn plain(carrier: Arc<dyn ReadAt>) -> Self {
        let len = carrier.len();
        Self {
            carrier,
            start: 0,
            len,
            packing: Vec::new(),
            peeled: Vec::new(),
        }
    }

    /// Bytes in memory.
    pub fn of_bytes(bytes: impl Into<Arc<[u8]>>) -> Self {
        Self::plain(Arc::new(MemoryReader::new(bytes)))
    }

    /// Plain bytes `start..start + len`, cut to what is there; packed content stays whole.
    #[must_use]
    pub fn range(&self, start: u64, len: u64) -> Self {
        let mut part = self.clone();
        if part.packing.is_empty() {
            let start = start.min(self.len);
            part.start = self.start.saturating_add(start);
            part.len = len.min(self.len - start);
        }
        part
    }

    /// Removes every compression that the bytes show; `detect` says which first bytes are one.
    #[must_use]
    pub fn peel(&self, detect: fn(&[u8]) -> Option<Codec>) -> Self {
        let mut content = self.clone();
        while content.codecs().len() < MAX_LAYERS {
            let Some(codec) = detect(&content.head(SIGNATURE_LEN)) else {
                break;
            };
            content.packing.push(codec);
            if let Some(bytes) = content.unpack(KEEP_UNPACKED) {
                let peeled = content.codecs();
                content = Self {
                    peeled,
                    ..Self::of_bytes(bytes)
                };
            }
        }
        content
    }

    /// What lies behind these compressions, outermost first; the bytes are not looked at.
    #[must_use]
    pub fn behind(&self, codecs: &[Codec]) -> Self {
        let mut content = self.clone();
        content.packing.extend(codecs);
        content
    }

    /// The compressions around these bytes, outermost first.
    pub fn codecs(&self) -> Vec<Codec> {
        [self.peeled.as_slice(), &self.packing].concat()
    }

    /// True if any offset can be read without reading what stands before it.
    pub fn is_plain(&self) -> bool {
        self.packing.is_empty()
    }

    /// Length in bytes; `None` while it is only known by unpacking.
    pub fn len(&self) -> Option<u64> {
        self.is_plain().then_some(self.len)
    }

    /// Bytes that have to be read for all of it, packed as they are.
    pub(crate) fn packed_len(&self) -> u64 {
        self.len
    }

    /// True if it is known that there is not one byte.
    pub fn is_empty(&self) -> bool {
        self.len() == Some(0)
    }

    /// Up to `len` bytes from the front, fewer at the end or where the bytes are damaged.
    pub fn head(&self, len: usize) -> Vec<u8> {
        let mut head = Vec::new();
        if let Ok(reader) = self.open(0) {
            // Damage shows when the content is decoded; a head is only for a first look.
            let _damage = reader.take(len as u64).read_to_end(&mut head);
        }
        head
    }

    /// A forward stream of the bytes from `offset` on.
    ///
    /// # Errors
    /// What the system or the compression said.
    pub fn open(&self, offset: u64) -> io::Result<Box<dyn Read + Send + '_>> {
        let at = if self.is_plain() { offset } else { 0 };
        let mut reader: Box<dyn Read + Send + '_> = Box::new(RangeReader {
            carrier: &*self.carrier,
            at: self.start.saturating_add(at),
            end: self.start.saturating_add(self.len),
        });
        for codec in &self.packing {
            reader = codec.unpack(reader)?;
        }
        if !self.is_plain() {
            io::copy(&mut reader.by_ref().take(offset), &mut io::sink())?;
        }
        Ok(reader)
    }

    /// Fills `buf` from `offset`; returns how many bytes there were.
    ///
    /// # Errors
    /// What the system or the compression said.
    pub fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        if self.is_plain() {
            let left = self.len.saturating_sub(offset);
            let n = usize::try_from(left).unwrap_or(usize::MAX).min(buf.len());
            let buf = buf.get_mut(..n).unwrap_or_default();
            return self
                .carrier
                .read_full_at(self.start.saturating_add(offset), buf);
        }
        let mut reader = self.open(offset)?;
        let mut done = 0;
        while let Some(rest) = buf.get_mut(done..).filter(|rest| !rest.is_empty()) {
            match reader.read(rest)? {
                0 => break,
                n => done += n,
            }
        }
        Ok(done)
    }

    /// The same bytes unpacked in memory, where they are packed, sound and no more than `limit`.
    #[must_use]
    pub fn unpacked_up_to(self, limit: u64) -> Self {
        if self.is_plain() {
            return self;
        }
        match self.unpack(limit) {
            Some(bytes) => Self {
                peeled: self.codecs(),
                ..Self::of_bytes(bytes)
            },
            None => self,
        }
    }

    /// The same bytes, which somebody unpacked to `bytes`.
    #[must_use]
    pub(crate) fn unpacked_as(&self, bytes: Arc<dyn ReadAt>) -> Self {
        Self {
            peeled: self.codecs(),
            ..Self::plain(bytes)
        }
    }

    fn unpack(&self, limit: u64) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        let reader = self.open(0).ok()?;
        reader.take(limit + 1).read_to_end(&mut bytes).ok()?;
        (bytes.len() as u64 <= limit).then_some(bytes)
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Content")
            .field("start", &self.start)
            .field("len", &self.len)
            .field("codecs", &self.codecs())
            .finish_non_exhaustive()
    }
}

struct RangeReader<'a> {
    carrier: &'a dyn ReadAt,
    at: u64,
    end: u64,
}

impl Read for RangeReader<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end.saturating_sub(self.at)).unwrap_or(usize::MAX);
        let n = left.min(buf.len());
        if n == 0 {
            return Ok(0);
        }
        let n = self
            .carrier
            .read_at(self.at, buf.get_mut(..n).unwrap_or_default())?;
        self.at = self.at.saturating_add(n as u64);
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zlib(bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        flate2::read::ZlibEncoder::new(bytes, flate2::Compression::fast())
            .read_to_end(&mut out)
            .unwrap();
        out
    }

    #[test]
    fn layers_are_peeled_and_named_outermost_first() {
        let content = Content::of_bytes(zlib(&zlib(b"inner"))).peel(Codec::detect);
        assert_eq!(content.codecs(), [Codec::Zlib, Codec::Zlib]);
        assert_eq!(content.head(10), b"inner");
        assert_eq!(content.len(), Some(5));
    }

    #[test]
    fn large_content_stays_packed_and_reads_at_offsets() {
        let big: Vec<u8> = (0..5_000_000_u32).flat_map(u32::to_le_bytes).collect();
        let content = Content::of_bytes(zlib(&big)).peel(Codec::detect);
        assert!(!content.is_plain());
        let mut buf = [0; 8];
        assert_eq!(content.read_at(4_000_000, &mut buf).unwrap(), 8);
        assert_eq!(buf, big[4_000_000..4_000_008]);
    }

    #[test]
    fn damaged_compression_keeps_its_name() {
        let mut packed = zlib(&vec![7; 100_000]);
        packed.truncate(20);
        let content = Content::of_bytes(packed).peel(Codec::detect);
        assert_eq!(content.codecs(), [Codec::Zlib]);
        assert!(content.read_at(0, &mut vec![0; 200_000]).is_err());
    }
}
