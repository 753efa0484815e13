//! Streams of one form one after the other, as Python's modules read them; what is no further stream is left alone.

use std::io::{self, BufRead, BufReader, Read};

use bzip2::bufread::BzDecoder;
use flate2::Decompress;
use flate2::bufread::ZlibDecoder;
use lz4_flex::frame::FrameDecoder;

/// A decoder that reads no byte behind the end of its stream.
pub(super) trait Stream: Read + Sized {
    type Packed: Read;
    /// What each stream begins with.
    const MAGIC: &'static [u8];
    /// True if zeros may stand between two streams.
    const IS_PADDED: bool = false;

    fn begin(input: Ahead<Self::Packed>) -> Self;

    /// What stands behind the stream, which was read to its end; `None` if it was cut.
    fn end(self) -> Option<Ahead<Self::Packed>>;
}

/// The contents of all streams.
pub(super) struct Streams<D> {
    decoder: Option<D>,
}

impl<D: Stream> Streams<D> {
    pub(super) fn new(packed: D::Packed) -> Self {
        let input = Ahead {
            head: Vec::new(),
            input: BufReader::new(packed),
        };
        Self {
            decoder: Some(D::begin(input)),
        }
    }
}

impl<D: Stream> Read for Streams<D> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if buf.is_empty() {
            return Ok(0);
        }
        while let Some(decoder) = &mut self.decoder {
            let n = decoder.read(buf)?;
            if n > 0 {
                return Ok(n);
            }
            let Some(mut rest) = self.decoder.take().and_then(D::end) else {
                return Err(io::ErrorKind::UnexpectedEof.into());
            };
            if D::IS_PADDED {
                rest.skip_zeros()?;
            }
            if rest.goes_on_with(D::MAGIC)? {
                self.decoder = Some(D::begin(rest));
            }
        }
        Ok(0)
    }
}

impl<R: Read> Stream for BzDecoder<Ahead<R>> {
    type Packed = R;
    const MAGIC: &'static [u8] = b"BZh";

    fn begin(input: Ahead<R>) -> Self {
        Self::new(input)
    }

    fn end(self) -> Option<Ahead<R>> {
        Some(self.into_inner())
    }
}

/// Members of a file (RFC 1952, 2.2), which tape drives pad with zeros (CPython's `gzip.py: _GzipReader._read_eof`).
///
/// `GzDecoder` takes checksums of small contents by copying tables: reading a file of 50 bytes takes a twentieth longer.
impl<R: Read> Stream for ZlibDecoder<Ahead<R>> {
    type Packed = R;
    const MAGIC: &'static [u8] = &[0x1f, 0x8b];
    const IS_PADDED: bool = true;

    fn begin(input: Ahead<R>) -> Self {
        Self::new_with_decompress(input, Decompress::new_gzip(MAX_WINDOW_BITS))
    }

    fn end(self) -> Option<Ahead<R>> {
        Some(self.into_inner())
    }
}

/// The largest window of deflate is 32 KiB (RFC 1951, 2), as `joblib/compressor.py: BinaryGzipFile` has it.
const MAX_WINDOW_BITS: u8 = 15;

/// An LZ4 frame whose end is asked for: the decoder alone takes the end of the file for the end of the frame.
pub(super) struct Lz4Frame<R: Read> {
    decoder: FrameDecoder<Tail<Ahead<R>>>,
}

impl<R: Read> Read for Lz4Frame<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.decoder.read(buf)
    }
}

impl<R: Read> Stream for Lz4Frame<R> {
    type Packed = R;
    const MAGIC: &'static [u8] = &[0x04, 0x22, 0x4d, 0x18];

    fn begin(input: Ahead<R>) -> Self {
        let tail = Tail {
            input,
            flags: None,
            n_read: 0,
            last: [0xff; 8],
        };
        Self {
            decoder: FrameDecoder::new(tail),
        }
    }

    fn end(self) -> Option<Ahead<R>> {
        let tail = self.decoder.into_inner();
        tail.is_at_end_mark().then_some(tail.input)
    }
}

/// Remembers the last bytes that were read.
struct Tail<R> {
    input: R,
    /// The frame's flags, its fifth byte.
    flags: Option<u8>,
    n_read: u64,
    last: [u8; 8],
}

impl<R> Tail<R> {
    /// A frame ends with a block size of zero, and a checksum if its flags say so (LZ4 frame format 1.6.1).
    fn is_at_end_mark(&self) -> bool {
        const CONTENT_CHECKSUM: u8 = 1 << 2;
        let has_checksum = self
            .flags
            .is_some_and(|flags| flags & CONTENT_CHECKSUM != 0);
        let (before, end) = self.last.split_at(4);
        let mark = if has_checksum { before } else { end };
        mark == [0; 4]
    }
}

impl<R: Read> Read for Tail<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.input.read(buf)?;
        if let Some(at) = 4_u64
            .checked_sub(self.n_read)
            .and_then(|at| usize::try_from(at).ok())
        {
            self.flags = self.flags.or_else(|| buf.get(..n)?.get(at).copied());
        }
        self.n_read += n as u64;
        for byte in buf.iter().take(n).skip(n.saturating_sub(8)) {
            self.last.rotate_left(1);
            if let Some(last) = self.last.last_mut() {
                *last = *byte;
            }
        }
        Ok(n)
    }
}

/// Bytes of which the next few can be looked at, wherever the buffer ends.
pub(super) struct Ahead<R> {
    /// Bytes that were looked at and are still to be read.
    head: Vec<u8>,
    input: BufReader<R>,
}

impl<R: Read> Ahead<R> {
    fn goes_on_with(&mut self, magic: &[u8]) -> io::Result<bool> {
        let n_missing = magic.len().saturating_sub(self.head.len());
        let mut next = self.input.by_ref().take(n_missing as u64);
        next.read_to_end(&mut self.head)?;
        Ok(self.head.starts_with(magic))
    }

    fn skip_zeros(&mut self) -> io::Result<()> {
        loop {
            let buffer = self.fill_buf()?;
            let n_zeros = buffer.iter().take_while(|byte| **byte == 0).count();
            let is_over = n_zeros == 0 || n_zeros < buffer.len();
            self.consume(n_zeros);
            if is_over {
                return Ok(());
            }
        }
    }
}

impl<R: Read> Read for Ahead<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.head.is_empty() {
            return self.input.read(buf);
        }
        let n = self.head.as_slice().read(buf)?;
        self.consume(n);
        Ok(n)
    }
}

impl<R: Read> BufRead for Ahead<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.head.is_empty() {
            self.input.fill_buf()
        } else {
            Ok(&self.head)
        }
    }

    fn consume(&mut self, n: usize) {
        if self.head.is_empty() {
            self.input.consume(n);
        } else {
            self.head.drain(..n.min(self.head.len()));
        }
    }
}
