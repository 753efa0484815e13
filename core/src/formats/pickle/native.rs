//! Pickles of one number, text or bytes, told by their few opcodes: typed stores keep such values without a pickle.

use super::opcodes as op;
/// What such a pickle holds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Native<'p> {
    Int(i64),
    Float(f64),
    /// UTF-8 as a rule.
    Text(&'p [u8]),
    Bytes(&'p [u8]),
}

/// The value of a pickle that holds nothing but one; `None` for any other pickle.
pub(crate) fn read(pickle: &[u8]) -> Option<Native<'_>> {
    let mut rest = pickle;
    if let [op::PROTO, _, behind @ ..] = rest {
        rest = behind;
    }
    rest = without_frame(rest);
    let (&opcode, behind) = rest.split_first()?;
    let (value, behind) = match opcode {
        op::BININT1 => number(behind, 1).map(|(n, behind)| (unsigned(n), behind)),
        op::BININT2 => number(behind, 2).map(|(n, behind)| (unsigned(n), behind)),
        op::BININT => {
            let (bytes, behind) = behind.split_first_chunk::<4>()?;
            Some((Native::Int(i32::from_le_bytes(*bytes).into()), behind))
        }
        op::LONG1 => {
            let (bytes, behind) = counted(behind, 1)?;
            Some((Native::Int(long(bytes)?), behind))
        }
        op::BINFLOAT => {
            let (bytes, behind) = behind.split_first_chunk::<8>()?;
            Some((Native::Float(f64::from_be_bytes(*bytes)), behind))
        }
        op::SHORT_BINUNICODE => text(behind, 1),
        op::BINUNICODE => text(behind, 4),
        op::BINUNICODE8 => text(behind, 8),
        op::SHORT_BINBYTES => bytes(behind, 1),
        op::BINBYTES => bytes(behind, 4),
        op::BINBYTES8 => bytes(behind, 8),
        _ => None,
    }?;
    // Text and bytes are put into the memo, by the opcode of any protocol.
    let behind = without_frame(behind);
    let behind = match behind {
        [op::MEMOIZE, behind @ ..] | [op::BINPUT, _, behind @ ..] | behind => behind,
    };
    (behind == [op::STOP]).then_some(value)
}

fn without_frame(rest: &[u8]) -> &[u8] {
    match rest.split_first() {
        Some((&op::FRAME, behind)) => behind.get(8..).unwrap_or_default(),
        _ => rest,
    }
}

fn number(rest: &[u8], width: usize) -> Option<(u64, &[u8])> {
    let (bytes, behind) = rest.split_at_checked(width)?;
    let number = bytes.iter().rev().fold(0, |n, b| n << 8 | u64::from(*b));
    Some((number, behind))
}

fn counted(rest: &[u8], width: usize) -> Option<(&[u8], &[u8])> {
    let (len, behind) = number(rest, width)?;
    behind.split_at_checked(usize::try_from(len).ok()?)
}

fn text(rest: &[u8], width: usize) -> Option<(Native<'_>, &[u8])> {
    counted(rest, width).map(|(text, behind)| (Native::Text(text), behind))
}

fn bytes(rest: &[u8], width: usize) -> Option<(Native<'_>, &[u8])> {
    counted(rest, width).map(|(bytes, behind)| (Native::Bytes(bytes), behind))
}

/// Two's complement of up to eight bytes.
fn long(bytes: &[u8]) -> Option<i64> {
    let is_negative = bytes.last().is_some_and(|top| top >> 7 == 1);
    let mut wide = [if is_negative { 0xff } else { 0 }; 8];
    wide.get_mut(..bytes.len())?.copy_from_slice(bytes);
    Some(i64::from_le_bytes(wide))
}

fn unsigned(n: u64) -> Native<'static> {
    Native::Int(i64::try_from(n).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pickles_of_one_value_are_read_and_others_are_not() {
        // pickle.dumps(value, protocol) of CPython 3.13.
        for (pickle, expected) in [
            (&b"\x80\x05K\x07."[..], Some(Native::Int(7))),
            (
                b"\x80\x04\x95\x06\x00\x00\x00\x00\x00\x00\x00J\xff\xff\xff\xff.",
                Some(Native::Int(-1)),
            ),
            (
                b"\x80\x02\x8a\x05\x00\x00\x00\x80\x00.",
                Some(Native::Int(1 << 31)),
            ),
            (
                b"\x80\x04\x95\x05\x00\x00\x00\x00\x00\x00\x00\x8c\x01a\x94.",
                Some(Native::Text(b"a")),
            ),
            (
                b"\x80\x03C\x02\x00\xffq\x00.",
                Some(Native::Bytes(b"\x00\xff")),
            ),
            (
                b"\x80\x03G?\xf8\x00\x00\x00\x00\x00\x00.",
                Some(Native::Float(1.5)),
            ),
            (b"\x80\x04\x88.", None),
            (b"\x80\x04K\x01K\x02\x86\x94.", None),
            (
                b"\x80\x04\x8a\x09\x00\x00\x00\x00\x00\x00\x00\x80\x00.",
                None,
            ),
            (b"\x80\x04\x8c\xffa", None),
            (b"", None),
        ] {
            assert_eq!(read(pickle), expected, "{pickle:?}");
        }
    }
}
