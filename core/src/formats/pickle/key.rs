//! Keys of dicts in opcodes of their own: as diskcache looks them up, or as an item of another dict.

use std::ops::Range;

use super::opcodes as op;
use super::{Decoded, decode_bytes, emit};
use crate::formats::bytes::bytes_of;
use crate::model::value::{Blob, Integer, Leaf, NodeId, Tag, Value, digits};

/// Levels of tuples in a key.
const MAX_DEPTH: usize = 16;

/// The pickle of a key as `pickletools.optimize(pickle.dumps(key, protocol=5))` writes it, for keys of None, bools,
/// numbers, text, bytes and tuples of these; `None` for others, whose bytes only Python could tell, and for a lone
/// number, text or bytes, which diskcache does not pickle (`core.py: Disk.put` of 5.6.3).
pub(crate) fn canonical(pickle: &[u8]) -> Option<Vec<u8>> {
    if pickle.starts_with(&[op::PROTO, 5]) {
        return Some(pickle.to_vec());
    }
    let decoded = decode_bytes(pickle);
    if is_native(&decoded) {
        return None;
    }
    let mut key = Key::of(&decoded)?;
    key.push(|out| out.push(op::STOP));
    let mut whole = vec![op::PROTO, 5];
    key.frame(&mut whole);
    Some(whole)
}

/// Appends the opcodes that make the key; false for a key that has to be copied as it stands.
pub(crate) fn append(pickle: &[u8], out: &mut Vec<u8>) -> bool {
    let key = Key::of(&decode_bytes(pickle));
    if let Some(key) = &key {
        out.extend(&key.opcodes);
    }
    key.is_some()
}

/// True for a float, text, bytes, or an integer that SQLite has.
fn is_native(decoded: &Decoded) -> bool {
    let (value, root) = (&decoded.value, decoded.value.root());
    match value.leaf(root) {
        None => bytes_of(value, root).is_some(),
        Some(Leaf::Int(Integer::Binary(_) | Integer::Decimal(_))) => false,
        Some(_) => true,
    }
}

/// Opcodes of a key in the making.
#[derive(Default)]
struct Key {
    opcodes: Vec<u8>,
    /// Where each opcode ends.
    ends: Vec<usize>,
    /// What a second mention would take out of the memo.
    seen: Vec<NodeId>,
}

impl Key {
    fn of(decoded: &Decoded) -> Option<Self> {
        if !decoded.is_complete {
            return None;
        }
        let mut key = Self::default();
        key.node(&decoded.value, decoded.value.root(), 0)?;
        Some(key)
    }

    fn push(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        write(&mut self.opcodes);
        self.ends.push(self.opcodes.len());
    }

    fn node(&mut self, value: &Value, node: NodeId, depth: usize) -> Option<()> {
        let whole = |blob: &Blob<'_>| (!blob.is_cut()).then_some(());
        match (node, value.leaf(node)) {
            (NodeId::NONE, _) => self.push(|out| out.push(op::NONE)),
            (NodeId::TRUE, _) => self.push(|out| out.push(op::NEWTRUE)),
            (NodeId::FALSE, _) => self.push(|out| out.push(op::NEWFALSE)),
            (NodeId::EMPTY_TUPLE, _) => self.push(|out| out.push(op::EMPTY_TUPLE)),
            (_, Some(Leaf::Int(Integer::Small(n)))) => self.push(|out| emit::int(n, out)),
            (_, Some(Leaf::Int(Integer::Binary(blob)))) => {
                whole(&blob)?;
                self.long(&blob.bytes)?;
            }
            (_, Some(Leaf::Int(Integer::Decimal(line)))) => self.long(&binary(&line)?)?,
            (_, Some(Leaf::Float(x))) => self.push(|out| emit::float(x, out)),
            (_, Some(Leaf::Str(blob))) => {
                whole(&blob)?;
                self.once(node)?;
                self.push(|out| emit::text(&blob.bytes, out));
            }
            (_, Some(Leaf::ByteArray(_) | Leaf::Python2Str(_))) => return None,
            (_, None) if value.tag(node) == Some(Tag::Tuple) && depth < MAX_DEPTH => {
                self.once(node)?;
                self.tuple(value, node, depth)?;
            }
            _ => {
                let blob = bytes_of(value, node)?;
                whole(&blob)?;
                self.once(node)?;
                self.push(|out| emit::bytes(&blob.bytes, out));
            }
        }
        Some(())
    }

    /// An integer of more than 64 bits.
    fn long(&mut self, two_complement: &[u8]) -> Option<()> {
        let len = u8::try_from(two_complement.len()).ok()?;
        self.push(|out| {
            out.extend([op::LONG1, len]);
            out.extend(two_complement);
        });
        Some(())
    }

    fn tuple(&mut self, value: &Value, node: NodeId, depth: usize) -> Option<()> {
        let close = match value.n_items(node) {
            1 => op::TUPLE1,
            2 => op::TUPLE2,
            3 => op::TUPLE3,
            _ => {
                self.push(|out| out.push(op::MARK));
                op::TUPLE
            }
        };
        for item in value.items(node) {
            self.node(value, item, depth + 1)?;
        }
        self.push(|out| out.push(close));
        Some(())
    }

    /// `None` for an object that stands twice: it would be written by its place in the memo.
    fn once(&mut self, node: NodeId) -> Option<()> {
        if self.seen.contains(&node) {
            return None;
        }
        self.seen.push(node);
        Some(())
    }

    /// The opcodes in the frames that `pickletools.optimize` puts around them: a long one stands between two frames.
    fn frame(&self, out: &mut Vec<u8>) {
        let bytes = |range: Range<usize>| self.opcodes.get(range).unwrap_or_default();
        let mut waiting = 0..0;
        for end in &self.ends {
            let opcode = waiting.end..*end;
            let is_long = opcode.len() > emit::FRAME_SIZE;
            if is_long || waiting.len() >= emit::FRAME_SIZE {
                emit::frame(bytes(waiting), out);
                waiting = opcode.start..opcode.start;
            }
            if is_long {
                out.extend(bytes(opcode));
                waiting = *end..*end;
            } else {
                waiting.end = *end;
            }
        }
        emit::frame(bytes(waiting), out);
    }
}

/// Digits of the longest number that `LONG1` holds.
const MAX_DIGITS: usize = 615;

/// A decimal number in the fewest bytes of two's complement, little-endian; `None` for one of absurd length.
fn binary(line: &str) -> Option<Vec<u8>> {
    let digits = line.trim_start_matches(['-', '+']).trim_start_matches('0');
    let is_decimal = digits.bytes().all(|digit| digit.is_ascii_digit());
    if !is_decimal || digits.len() > MAX_DIGITS {
        return None;
    }
    let mut bytes: Vec<u8> = Vec::new();
    for digit in digits.bytes() {
        let mut carry = u32::from(digit - b'0');
        for byte in &mut bytes {
            let [low, rest @ ..] = (u32::from(*byte) * 10 + carry).to_le_bytes();
            *byte = low;
            carry = u32::from(rest[0]);
        }
        if carry > 0 {
            bytes.push(u8::try_from(carry).ok()?);
        }
    }
    // A byte of its own for the sign, which goes again where the highest bit says as much.
    bytes.push(0);
    if line.starts_with('-') {
        digits::negate(&mut bytes);
    }
    let sign = *bytes.last()?;
    while let [.., below, top] = bytes.as_slice()
        && *top == sign
        && below >> 7 == sign >> 7
    {
        bytes.pop();
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_pickled_as_diskcache_pickles_them() {
        // pickletools.optimize(pickle.dumps(key, protocol=5)) of CPython 3.13.
        for (plain, expected) in [
            (&b"\x80\x04\x88."[..], &b"\x80\x05\x88."[..]),
            (
                b"\x80\x03X\x01\x00\x00\x00aq\x00K\x01\x86q\x01.",
                b"\x80\x05\x95\x07\x00\x00\x00\x00\x00\x00\x00\x8c\x01aK\x01\x86.",
            ),
        ] {
            assert_eq!(canonical(plain).as_deref(), Some(expected), "{plain:?}");
        }
        // 2 ** 70, -(2 ** 63) - 1, -(2 ** 71) and -(2 ** 64), as protocol 1 has them.
        let two = |n: &str| [b"L", n.as_bytes(), b"L\nN\x86."].concat();
        for (digits, long) in [
            (
                "1180591620717411303424",
                &b"\x8a\x09\0\0\0\0\0\0\0\0\x40"[..],
            ),
            (
                "-9223372036854775809",
                b"\x8a\x09\xff\xff\xff\xff\xff\xff\xff\x7f\xff",
            ),
            ("-2361183241434822606848", b"\x8a\x09\0\0\0\0\0\0\0\0\x80"),
            ("-18446744073709551616", b"\x8a\x09\0\0\0\0\0\0\0\0\xff"),
        ] {
            let expected = [b"\x80\x05\x95\x0e\0\0\0\0\0\0\0", long, b"N\x86."].concat();
            assert_eq!(canonical(&two(digits)), Some(expected), "{digits}");
        }
        // ('a', 'a') of one string twice, a frozenset, and 1.5, which is no pickle there.
        assert_eq!(canonical(b"\x80\x04\x8c\x01a\x94h\x00\x86."), None);
        assert_eq!(canonical(b"\x80\x04(K\x01\x91."), None);
        assert_eq!(canonical(b"F1.5\n."), None);
    }
}
