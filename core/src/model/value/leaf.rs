//! Leaves: numbers, text and bytes, read from the very opcode they came from.
//!
//! Each leaf is a pickle opcode with its argument (CPython `Lib/pickletools.py` 3.13 names the layouts), so that a
//! decoded string costs no more than its four-byte id. Other decoders append opcodes of their own.

use std::borrow::Cow;

use super::digits;
use super::text::KeptText;

/// A number, text or bytes.
#[derive(Debug, Clone, PartialEq)]
pub enum Leaf<'a> {
    /// An integer of any size.
    Int(Integer<'a>),
    /// A double.
    Float(f64),
    /// Python text: UTF-8 in which lone surrogates may stand as three bytes (`surrogatepass`).
    Str(Blob<'a>),
    /// Text or bytes of Python 2, which did not tell them apart.
    Python2Str(Blob<'a>),
    /// Immutable bytes.
    Bytes(Blob<'a>),
    /// A `bytearray`.
    ByteArray(Blob<'a>),
}

/// An integer as it was stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Integer<'a> {
    /// Fits 64 bits.
    Small(i64),
    /// Two's complement, little-endian.
    Binary(Blob<'a>),
    /// Decimal digits with an optional sign.
    Decimal(Cow<'a, str>),
}

/// Text or bytes, of which a long middle or end may not have been kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blob<'a> {
    /// The kept head, unescaped.
    pub bytes: Cow<'a, [u8]>,
    /// Length of the whole, in stored bytes; more than `bytes` holds if only a head was kept.
    pub len: u64,
    /// Where the stored bytes begin in the decoded stream; `None` for values that were not read from a stream.
    pub offset: Option<u64>,
}

impl Blob<'_> {
    /// True if bytes at the end were not kept.
    pub fn is_cut(&self) -> bool {
        (self.bytes.len() as u64) < self.len
    }
}

/// Reads the leaf whose opcode stands at `position`; `None` if no leaf opcode stands there.
pub(crate) fn read(text: &KeptText, position: u32) -> Option<Leaf<'_>> {
    let at = position as usize;
    let opcode = *text.bytes.get(at)?;
    let counted = |width: usize| {
        let len = le(text.bytes.get(at + 1..at + 1 + width)?);
        let start = at + 1 + width;
        let offset = text.offset_of(position).saturating_add(1 + width as u64);
        Some(Blob {
            bytes: Cow::Borrowed(text.run(start, len)),
            len,
            offset: Some(offset),
        })
    };
    let line = || text.line(at + 1);
    Some(match opcode {
        b'J' => {
            let bytes = text.bytes.get(at + 1..at + 5)?;
            Leaf::Int(Integer::Small(i64::from(i32::from_le_bytes(
                bytes.try_into().ok()?,
            ))))
        }
        b'I' | b'L' => Leaf::Int(digits::integer(line())?),
        0x8a => Leaf::Int(binary(counted(1)?)),
        0x8b => Leaf::Int(binary(counted(4)?)),
        b'G' => {
            let bytes = text.bytes.get(at + 1..at + 9)?;
            Leaf::Float(f64::from_be_bytes(bytes.try_into().ok()?))
        }
        b'F' => Leaf::Float(digits::float(line())?),
        0x8c => Leaf::Str(counted(1)?),
        b'X' => Leaf::Str(counted(4)?),
        0x8d => Leaf::Str(counted(8)?),
        b'C' => Leaf::Bytes(counted(1)?),
        b'B' => Leaf::Bytes(counted(4)?),
        0x8e => Leaf::Bytes(counted(8)?),
        0x96 => Leaf::ByteArray(counted(8)?),
        b'U' => Leaf::Python2Str(counted(1)?),
        b'T' => Leaf::Python2Str(counted(4)?),
        b'S' => Leaf::Python2Str(unescaped(unquote(line()))),
        b'V' => Leaf::Str(unescaped(raw_unicode_escape(line()))),
        b'P' => Leaf::Str(unescaped(Cow::Borrowed(line()))),
        _ => return None,
    })
}

/// Escaped text has no stored form to point at, so it is kept whole and without offset.
fn unescaped(bytes: Cow<'_, [u8]>) -> Blob<'_> {
    Blob {
        len: bytes.len() as u64,
        bytes,
        offset: None,
    }
}

/// A little-endian unsigned number of up to eight bytes.
fn le(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |n, b| (n << 8) | u64::from(*b))
}

pub(super) fn binary(blob: Blob<'_>) -> Integer<'_> {
    match blob.bytes.len() {
        0 if blob.len == 0 => Integer::Small(0),
        1..=8 if !blob.is_cut() => {
            let unsigned = le(&blob.bytes);
            let shift = 64 - 8 * u32::try_from(blob.bytes.len()).unwrap_or(8);
            Integer::Small((unsigned << shift).cast_signed() >> shift)
        }
        _ => Integer::Binary(blob),
    }
}

/// The bytes of a quoted Python 2 string literal (opcode STRING).
pub(crate) fn unquote(line: &[u8]) -> Cow<'_, [u8]> {
    let line = line.trim_ascii();
    let inner = match line {
        [b'\'', inner @ .., b'\''] | [b'"', inner @ .., b'"'] => inner,
        _ => line,
    };
    if !inner.contains(&b'\\') {
        return Cow::Borrowed(inner);
    }
    let mut out = Vec::with_capacity(inner.len());
    let mut rest = inner;
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        rest = escape(rest, &mut out);
    }
    Cow::Owned(out)
}

/// One escape sequence of a byte string, behind its backslash (`Objects/bytesobject.c: PyBytes_DecodeEscape`).
fn escape<'a>(rest: &'a [u8], out: &mut Vec<u8>) -> &'a [u8] {
    let Some((&kind, tail)) = rest.split_first() else {
        out.push(b'\\');
        return rest;
    };
    let simple = match kind {
        b'\n' => return tail,
        b'\\' | b'\'' | b'"' => kind,
        b'a' => 7,
        b'b' => 8,
        b'f' => 12,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'v' => 11,
        b'x' => {
            if let Some((value, tail)) = hex(tail, 2) {
                out.push(value.to_le_bytes()[0]);
                return tail;
            }
            out.extend([b'\\', b'x']);
            return tail;
        }
        b'0'..=b'7' => {
            let n = rest
                .iter()
                .take(3)
                .take_while(|b| matches!(b, b'0'..=b'7'))
                .count();
            let (digits, tail) = rest.split_at(n);
            let value = digits
                .iter()
                .fold(0_u32, |v, b| v * 8 + u32::from(*b - b'0'));
            out.push(value.to_le_bytes()[0]);
            return tail;
        }
        _ => {
            out.push(b'\\');
            kind
        }
    };
    out.push(simple);
    tail
}

/// UTF-8 (surrogates passed) of a raw-unicode-escape line (opcode UNICODE): Latin-1 with `\uXXXX` and `\UXXXXXXXX`.
pub(crate) fn raw_unicode_escape(line: &[u8]) -> Cow<'_, [u8]> {
    if line.is_ascii() && !line.contains(&b'\\') {
        return Cow::Borrowed(line);
    }
    let mut out = Vec::with_capacity(line.len());
    let mut rest = line;
    let mut backslashes = 0_usize;
    while let Some((&byte, tail)) = rest.split_first() {
        // Only an odd backslash starts an escape (`Objects/unicodeobject.c: _PyUnicode_DecodeRawUnicodeEscape`).
        let digits = match byte {
            b'u' if backslashes % 2 == 1 => 4,
            b'U' if backslashes % 2 == 1 => 8,
            _ => 0,
        };
        backslashes = if byte == b'\\' { backslashes + 1 } else { 0 };
        match hex(tail, digits) {
            Some((value, tail)) if digits > 0 && value <= 0x10_ffff => {
                out.pop();
                push_code_point(&mut out, value);
                rest = tail;
            }
            _ => {
                push_code_point(&mut out, u32::from(byte));
                rest = tail;
            }
        }
    }
    Cow::Owned(out)
}

fn hex(bytes: &[u8], digits: usize) -> Option<(u32, &[u8])> {
    let (head, tail) = bytes.split_at_checked(digits)?;
    let mut value = 0;
    for byte in head {
        value = value << 4 | char::from(*byte).to_digit(16)?;
    }
    Some((value, tail))
}

/// Appends a code point as UTF-8, surrogates included.
pub(crate) fn push_code_point(out: &mut Vec<u8>, code: u32) {
    if let Some(c) = char::from_u32(code) {
        out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
        return;
    }
    let [low, high, ..] = code.to_le_bytes();
    out.extend([
        0xe0 | high >> 4,
        0x80 | (high & 0x0f) << 2 | low >> 6,
        0x80 | low & 0x3f,
    ]);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaf(bytes: &[u8]) -> Option<Leaf<'static>> {
        let text = Box::leak(Box::new(KeptText {
            bytes: bytes.to_vec(),
            gaps: Vec::new(),
        }));
        read(text, 0)
    }

    fn str_of(bytes: &[u8]) -> Vec<u8> {
        match leaf(bytes) {
            Some(Leaf::Str(blob) | Leaf::Python2Str(blob)) => blob.bytes.into_owned(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn integers_are_read_from_every_opcode() {
        let small = |v| Some(Leaf::Int(Integer::Small(v)));
        assert_eq!(leaf(b"J\xff\xff\xff\xff"), small(-1));
        assert_eq!(leaf(b"I-12\n"), small(-12));
        assert_eq!(leaf(b"L34L\n"), small(34));
        assert_eq!(leaf(b"\x8a\x00"), small(0));
        assert_eq!(leaf(b"\x8a\x01\x80"), small(-128));
        assert_eq!(
            leaf(b"\x8a\x09\x00\x00\x00\x00\x00\x00\x00\x80\x00")
                .map(|l| matches!(l, Leaf::Int(Integer::Binary(_)))),
            Some(true)
        );
    }

    #[test]
    fn text_escapes_follow_python() {
        assert_eq!(str_of(b"S'a\\x41\\n\\101\\q'\n"), b"aA\nA\\q");
        assert_eq!(str_of(b"Va\\u000ab\n"), b"a\nb");
        assert_eq!(str_of(b"V\\\\u000a\n"), b"\\\\u000a");
        assert_eq!(str_of(b"V\xe9\n"), "é".as_bytes());
        assert_eq!(str_of(b"V\\U0001f600\n"), "😀".as_bytes());
        assert_eq!(str_of(b"V\\ud83d\n"), b"\xed\xa0\xbd");
    }

    #[test]
    fn a_cut_blob_says_so() {
        let text = KeptText {
            bytes: b"B\x0a\x00\x00\x00abc".to_vec(),
            gaps: Vec::new(),
        };
        match read(&text, 0) {
            Some(Leaf::Bytes(blob)) => {
                assert!(blob.is_cut());
                assert_eq!((blob.len, blob.offset), (10, Some(5)));
            }
            other => panic!("{other:?}"),
        }
    }
}
