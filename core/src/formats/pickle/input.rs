//! The bytes under the machine: filled in chunks, long blobs left out, positions kept as stream offsets.

use std::io::Read;
use std::time::Instant;

use super::opcodes::ArgShape;
use crate::formats::Content;
use crate::model::value::{Gap, KeptText, NodeId};

/// Blobs that do not lie wholly in the buffer keep this many bytes of their head.
const KEPT_HEAD: usize = 64 << 10;

/// The first read is one page, for the many values that are no larger; later ones grow.
const FIRST_CHUNK: usize = 4 << 10;
const LAST_CHUNK: usize = 256 << 10;

/// Consumed bytes that a window may hold before they are dropped.
const WINDOW: usize = 1 << 20;

/// Consumed bytes that stay when the others are dropped.
const KEPT_BEHIND: usize = 64 << 10;

/// Longest text line that is kept whole to be understood; a window keeps the head of a longer one.
const MAX_LINE: usize = 64 << 20;

/// Packed bytes are unpacked in passing up to this many times their number, and always up to [`MAX_FREE`]: text packs
/// to a tenth, zeros to a thousandth, and what goes on longer is there to take time.
const MAX_RATIO: u64 = 100;
const MAX_FREE: u64 = 2 << 30;

/// What becomes of bytes once they are consumed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keeping {
    /// They stay, but for the ends of long text and bytes: decoded leaves point to them.
    All,
    /// They stay to the last one: they stand nowhere else.
    Whole,
    /// Only the last mebibyte stays.
    Window,
}

/// Why bytes could not be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Lack {
    /// The stream ends here.
    End,
    /// Reading failed, in the words of the system or the decompressor.
    Failed(String),
    /// A length below zero.
    Negative(i64),
    /// The budget of bytes or time is used up.
    Budget(&'static str),
}

/// An opcode's argument: a number, or where its bytes lie.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Arg {
    /// The number, or the length of text and bytes.
    pub(super) number: u64,
    /// First byte, as position in the kept text.
    pub(super) start: usize,
    /// Kept bytes.
    pub(super) len: usize,
}

impl Arg {
    /// True for text or bytes of which only a head was kept.
    pub(super) fn is_cut(self) -> bool {
        self.len as u64 != self.number
    }
}

/// A cursor over a [`Content`].
pub(super) struct Input<'a> {
    content: &'a Content,
    stream: Option<Box<dyn Read + Send + 'a>>,
    pub(super) text: KeptText,
    /// The next byte, as position in the text.
    position: usize,
    /// Offset in the stream of the byte behind the text.
    behind: u64,
    /// Where the part that may be read ends.
    end: u64,
    keeping: Keeping,
    chunk: usize,
    max_kept: usize,
    /// Offset beyond which a window does not go.
    max_offset: u64,
    deadline: Instant,
}

impl<'a> Input<'a> {
    pub(super) fn new(
        content: &'a Content,
        keeping: Keeping,
        max_kept: u64,
        deadline: Instant,
    ) -> Self {
        // Leaf positions must fit a node id.
        let max_position = NodeId::MAX_INDEX as usize - 2 * LAST_CHUNK;
        let max_offset = match keeping {
            Keeping::Window if !content.is_plain() => {
                content.packed_len().saturating_mul(MAX_RATIO).max(MAX_FREE)
            }
            _ => u64::MAX,
        };
        Self {
            content,
            stream: None,
            text: KeptText {
                bytes: Vec::new(),
                gaps: vec![Gap {
                    position: 0,
                    delta: 0,
                }],
            },
            position: 0,
            behind: 0,
            end: u64::MAX,
            keeping,
            chunk: FIRST_CHUNK,
            max_kept: usize::try_from(max_kept)
                .unwrap_or(usize::MAX)
                .min(max_position),
            max_offset,
            deadline,
        }
    }

    /// Goes on at `start` and stops at `end`, both offsets in the stream.
    pub(super) fn jump(&mut self, start: u64, end: u64) {
        self.end = end;
        if start == self.offset() {
            return;
        }
        self.text.bytes.truncate(self.position);
        self.stream = None;
        self.behind = start;
        self.gap();
    }

    /// Position of the next byte in the kept text.
    pub(super) fn position(&self) -> usize {
        self.position
    }

    /// Offset of the next byte in the stream.
    pub(super) fn offset(&self) -> u64 {
        self.offset_at(self.position)
    }

    /// Offset in the stream of a position at or behind the last gap.
    pub(super) fn offset_at(&self, position: usize) -> u64 {
        let delta = self.text.gaps.last().map_or(0, |gap| gap.delta);
        delta.wrapping_add(position as u64)
    }

    /// Where the part that may be read ends.
    pub(super) fn end(&self) -> u64 {
        self.end
    }

    /// Length of the whole content where it is known.
    pub(super) fn len(&self) -> Option<u64> {
        self.content.len()
    }

    /// The content that is read.
    pub(super) fn content(&self) -> &'a Content {
        self.content
    }

    /// Up to `len` buffered bytes at an offset of the stream; none if they are not there any more.
    pub(super) fn window_at(&self, offset: u64, len: usize) -> &[u8] {
        let Some(gap) = self.text.gaps.last() else {
            return &[];
        };
        let position = usize::try_from(offset.wrapping_sub(gap.delta)).unwrap_or(usize::MAX);
        if position < gap.position as usize {
            return &[];
        }
        let rest = self.text.bytes.get(position..).unwrap_or_default();
        rest.get(..len).unwrap_or(rest)
    }

    /// The next byte, without passing it.
    pub(super) fn peek(&mut self) -> Option<u8> {
        if self.position >= self.text.bytes.len() {
            self.ensure(1).ok()?;
        }
        self.text.bytes.get(self.position).copied()
    }

    /// Drops what a window need not hold any more. Positions handed out before are void.
    pub(super) fn begin_opcode(&mut self) {
        if self.keeping == Keeping::Window && self.position > WINDOW {
            // What was read last is looked at again soonest.
            let n_dropped = self.position - KEPT_BEHIND;
            self.text.bytes.drain(..n_dropped);
            self.position = KEPT_BEHIND;
            // A gap inside what stays only makes that part unreachable, see `window_at`.
            let delta = self.behind.wrapping_sub(self.text.bytes.len() as u64);
            let first_valid = self.text.gaps.last().map_or(0, |gap| gap.position as usize);
            let position = u32::try_from(first_valid.saturating_sub(n_dropped)).unwrap_or(u32::MAX);
            self.text.gaps.clear();
            self.text.gaps.push(Gap { position, delta });
        }
    }

    /// The next byte, if it is already there.
    #[inline]
    pub(super) fn next_byte(&mut self) -> Result<u8, Lack> {
        if let Some(byte) = self.text.bytes.get(self.position) {
            self.position += 1;
            return Ok(*byte);
        }
        self.ensure(1)?;
        self.next_byte()
    }

    /// The argument of an opcode.
    #[inline]
    pub(super) fn arg(&mut self, shape: ArgShape) -> Result<Arg, Lack> {
        match shape {
            ArgShape::None => Ok(Arg::default()),
            ArgShape::U8 => self.number(1),
            ArgShape::U16 => self.number(2),
            ArgShape::U32 => self.number(4),
            ArgShape::I32 => {
                let mut arg = self.number(4)?;
                arg.number = i64::from(low_half(arg.number).cast_signed()).cast_unsigned();
                Ok(arg)
            }
            ArgShape::U64 | ArgShape::F64 => self.number(8),
            ArgShape::Line => self.line(),
            ArgShape::TwoLines => {
                let first = self.line()?;
                let second = match self.line() {
                    Err(Lack::End) => self.unended_line()?,
                    second => second?,
                };
                if first.is_cut() {
                    return Ok(first);
                }
                // The line feed between them belongs to the name: it is how both are told apart.
                Ok(Arg {
                    number: first.number + 1 + second.number,
                    start: first.start,
                    len: first.len + 1 + second.len,
                })
            }
            ArgShape::Counted1 => {
                let len = self.number(1)?.number;
                self.counted(len)
            }
            ArgShape::Counted4 => {
                let len = self.number(4)?.number;
                self.counted(len)
            }
            ArgShape::CountedSigned4 => {
                let len = low_half(self.number(4)?.number).cast_signed();
                match u64::try_from(len) {
                    Ok(len) => self.counted(len),
                    Err(_) => Err(Lack::Negative(len.into())),
                }
            }
            ArgShape::Counted8 => {
                let len = self.number(8)?.number;
                self.counted(len)
            }
        }
    }

    /// Kept bytes of an argument.
    #[inline]
    pub(super) fn bytes(&self, arg: Arg) -> &[u8] {
        self.text
            .bytes
            .get(arg.start..arg.start + arg.len)
            .unwrap_or_default()
    }

    #[inline]
    fn number(&mut self, width: usize) -> Result<Arg, Lack> {
        let start = self.position;
        if self.text.bytes.len() - start < width {
            self.ensure(width)?;
        }
        let bytes = self
            .text
            .bytes
            .get(start..start + width)
            .unwrap_or_default();
        let number = bytes.iter().rev().fold(0, |n, b| n << 8 | u64::from(*b));
        self.position = start + width;
        Ok(Arg {
            number,
            start,
            len: width,
        })
    }

    fn line(&mut self) -> Result<Arg, Lack> {
        let start = self.position;
        let mut seen = start;
        loop {
            let fresh = self.text.bytes.get(seen..).unwrap_or_default();
            if let Some(n) = fresh.iter().position(|b| *b == b'\n') {
                let end = seen + n;
                self.position = end + 1;
                let len = end - start;
                return Ok(Arg {
                    number: len as u64,
                    start,
                    len,
                });
            }
            seen = self.text.bytes.len();
            if self.keeping == Keeping::Window && seen - start > KEPT_HEAD {
                return self.rest_of_line(start);
            }
            if seen - start > MAX_LINE {
                return Err(Lack::Budget("a line of text is longer than 64 MiB"));
            }
            self.fill()?;
        }
    }

    /// Passes over the rest of a line of which a window keeps the head.
    fn rest_of_line(&mut self, start: usize) -> Result<Arg, Lack> {
        let head = start + KEPT_HEAD;
        let mut n_dropped = self.text.bytes.len() - head;
        loop {
            self.text.bytes.truncate(head);
            self.fill()?;
            let fresh = self.text.bytes.get(head..).unwrap_or_default();
            if let Some(n) = fresh.iter().position(|b| *b == b'\n') {
                // What follows the line moves up to its head.
                self.text.bytes.drain(head..=head + n);
                self.position = head;
                self.gap_at(head);
                return Ok(Arg {
                    number: (KEPT_HEAD + n_dropped + n) as u64,
                    start,
                    len: KEPT_HEAD,
                });
            }
            n_dropped += fresh.len();
        }
    }

    /// The second line of INST or GLOBAL where the data end before its line feed: Python takes all but the last byte
    /// for the name, and calls it (`Modules/_pickle.c: load_inst`).
    fn unended_line(&mut self) -> Result<Arg, Lack> {
        let start = self.position;
        let n_left = self.text.bytes.len() - start;
        let len = n_left
            .checked_sub(1)
            .filter(|len| *len > 0)
            .ok_or(Lack::End)?;
        self.position = start + n_left;
        Ok(Arg {
            number: len as u64,
            start,
            len,
        })
    }

    /// Bytes behind their length; of those too long for the buffer only a head is kept, unless all is.
    #[inline]
    fn counted(&mut self, len: u64) -> Result<Arg, Lack> {
        let start = self.position;
        let here = (self.text.bytes.len() - start) as u64;
        let is_kept = len <= KEPT_HEAD as u64 || self.keeping == Keeping::Whole;
        if len > here && is_kept {
            self.ensure(usize::try_from(len).unwrap_or(usize::MAX))?;
        } else if len > here {
            let kept = self.skip_keeping(len, KEPT_HEAD)?;
            return Ok(Arg {
                number: len,
                start,
                len: kept,
            });
        }
        let kept = usize::try_from(len).unwrap_or(0);
        self.position = start + kept;
        Ok(Arg {
            number: len,
            start,
            len: kept,
        })
    }

    /// Passes over `len` bytes.
    pub(super) fn skip(&mut self, len: u64) -> Result<(), Lack> {
        let here = (self.text.bytes.len() - self.position) as u64;
        if len <= here {
            self.position += usize::try_from(len).unwrap_or(0);
            return Ok(());
        }
        self.skip_keeping(len, 0).map(|_| ())
    }

    /// Passes over `len` bytes, more than are buffered, and keeps up to `head` of them; returns how many.
    fn skip_keeping(&mut self, len: u64, head: usize) -> Result<usize, Lack> {
        let start = self.position;
        let target = self.offset().checked_add(len).ok_or(Lack::End)?;
        if target > self.end || self.content.len().is_some_and(|len| target > len) {
            return Err(Lack::End);
        }
        while self.text.bytes.len() - start < head {
            self.fill()?;
            if self.behind >= target {
                // The blob turned out to fit.
                let len = usize::try_from(len).unwrap_or(0);
                self.position = start + len;
                return Ok(len);
            }
        }
        self.text.bytes.truncate(start + head);
        self.forward(target)?;
        self.position = start + head;
        self.gap();
        Ok(head)
    }

    /// Moves the stream behind the text to `target`.
    fn forward(&mut self, target: u64) -> Result<(), Lack> {
        if self.content.is_plain() {
            self.stream = None;
            self.behind = target;
            return Ok(());
        }
        let mut scratch = vec![0; LAST_CHUNK];
        while self.behind < target {
            if Instant::now() > self.deadline {
                return Err(Lack::Budget("the time for this value is used up"));
            }
            self.look_at_ratio()?;
            let left = usize::try_from(target - self.behind).unwrap_or(usize::MAX);
            let n = left.min(scratch.len());
            match self.read_stream_into(scratch.get_mut(..n).unwrap_or_default())? {
                0 => return Err(Lack::End),
                n => self.behind += n as u64,
            }
        }
        Ok(())
    }

    /// Records that the stream goes on at `behind` where the text ends.
    fn gap(&mut self) {
        self.gap_at(self.text.bytes.len());
    }

    /// Records that the text from `position` on is what stands right before `behind`.
    fn gap_at(&mut self, position: usize) {
        let position = u32::try_from(position).unwrap_or(u32::MAX);
        let delta = self.behind.wrapping_sub(self.text.bytes.len() as u64);
        match self.text.gaps.last_mut() {
            Some(gap) if gap.position == position => gap.delta = delta,
            _ => self.text.gaps.push(Gap { position, delta }),
        }
    }

    /// Makes sure that `n` bytes are buffered.
    #[cold]
    fn ensure(&mut self, n: usize) -> Result<(), Lack> {
        while self.text.bytes.len() - self.position < n {
            self.fill()?;
        }
        Ok(())
    }

    /// Reads one more chunk.
    fn fill(&mut self) -> Result<(), Lack> {
        let old = self.text.bytes.len();
        let allowed = usize::try_from(self.end.saturating_sub(self.behind)).unwrap_or(usize::MAX);
        let n = self.chunk.min(allowed);
        if n == 0 {
            return Err(Lack::End);
        }
        if self.keeping != Keeping::Window && old >= self.max_kept {
            return Err(Lack::Budget("more bytes than may be kept"));
        }
        // The first reads are for the many values that are no larger: a slow disk makes none of them too large.
        if self.chunk == LAST_CHUNK && Instant::now() > self.deadline {
            return Err(Lack::Budget("the time for this value is used up"));
        }
        self.look_at_ratio()?;
        self.text.bytes.resize(old + n, 0);
        let mut bytes = std::mem::take(&mut self.text.bytes);
        let read = self.read_stream_into(bytes.get_mut(old..).unwrap_or_default());
        bytes.truncate(old + *read.as_ref().unwrap_or(&0));
        self.text.bytes = bytes;
        let n = read?;
        if n == 0 {
            return Err(Lack::End);
        }
        self.behind += n as u64;
        self.chunk = (self.chunk * 4).min(LAST_CHUNK);
        Ok(())
    }

    /// Bounds the work on packed bytes, which a few kilobytes can make endless.
    fn look_at_ratio(&self) -> Result<(), Lack> {
        if self.behind < self.max_offset {
            return Ok(());
        }
        Err(Lack::Budget(
            "it unpacks to more than 2 GiB and a hundred times its size",
        ))
    }

    fn read_stream_into(&mut self, buf: &mut [u8]) -> Result<usize, Lack> {
        let failed = |error: std::io::Error| Lack::Failed(error.to_string());
        if self.stream.is_none() {
            self.stream = Some(self.content.open(self.behind).map_err(failed)?);
        }
        let Some(stream) = &mut self.stream else {
            return Ok(0);
        };
        loop {
            match stream.read(buf) {
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                result => return result.map_err(failed),
            }
        }
    }
}

fn low_half(number: u64) -> u32 {
    let [a, b, c, d, ..] = number.to_le_bytes();
    u32::from_le_bytes([a, b, c, d])
}

#[cfg(test)]
mod tests;
