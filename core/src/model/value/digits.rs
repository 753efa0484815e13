//! Numbers on text lines, as CPython 2.7 to 3.13 reads them: what one of them takes is taken.

use std::borrow::Cow;

use super::leaf::{Blob, Integer, binary};

/// The integer on a line of the opcodes INT and LONG; `None` where no Python finds one.
///
/// `Modules/_pickle.c: load_int` tries `strtol` with base 0, which knows hexadecimal and octal numbers, then
/// `PyLong_FromString` with base 0, which knows `0o`, `0b` and underscores as well; both stop at a zero byte. Python 2
/// takes an `L` behind any of them.
pub(crate) fn integer(line: &[u8]) -> Option<Integer<'_>> {
    let text = bare(line);
    let text = text.strip_suffix(b"L").unwrap_or(text);
    let is_negative = text.starts_with(b"-");
    let digits = text.strip_prefix(b"-").or_else(|| text.strip_prefix(b"+"));
    let digits = digits.unwrap_or(text);
    let (bits, digits) = match digits {
        [b'0', b'x' | b'X', digits @ ..] => (4, digits),
        [b'0', b'o' | b'O', digits @ ..] => (3, digits),
        [b'0', b'b' | b'B', digits @ ..] => (1, digits),
        [b'0', _, ..] => {
            let is_octal =
                !digits.contains(&b'_') || digits.iter().all(|b| matches!(b, b'0' | b'_'));
            return if is_octal {
                of_bits(&joined(digits)?, 3, is_negative)
            } else {
                None
            };
        }
        _ => return decimal(digits, is_negative),
    };
    // An underscore may stand between the prefix and its digits.
    of_bits(
        &joined(digits.strip_prefix(b"_").unwrap_or(digits))?,
        bits,
        is_negative,
    )
}

/// The number of a memo slot: `int(line)` with base 10, from zero on.
pub(crate) fn slot(line: &[u8]) -> Option<u64> {
    let text = bare(line);
    let digits = joined(text.strip_prefix(b"+").unwrap_or(text))?;
    std::str::from_utf8(&digits).ok()?.parse().ok()
}

/// A float as `float()` reads it from a text line.
pub(crate) fn float(line: &[u8]) -> Option<f64> {
    let text = bare(line);
    let is_digit = |at: Option<usize>| {
        at.and_then(|at| text.get(at))
            .is_some_and(u8::is_ascii_digit)
    };
    let is_joint = |at: usize| is_digit(at.checked_sub(1)) && is_digit(Some(at + 1));
    let mut joined = Cow::Borrowed(text);
    if text.contains(&b'_') {
        if !text
            .iter()
            .enumerate()
            .all(|(at, b)| *b != b'_' || is_joint(at))
        {
            return None;
        }
        joined.to_mut().retain(|b| *b != b'_');
    }
    // Rust takes the same words as Python ("nan", "inf", "infinity", any case), and the same numbers.
    std::str::from_utf8(&joined).ok()?.parse().ok()
}

/// Little-endian bytes of a number whose digits, lowest first, have `bits` bits each; the highest bit is clear.
pub(crate) fn packed(digits: impl Iterator<Item = u32>, bits: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    let (mut held, mut n_held) = (0_u32, 0);
    for digit in digits {
        held |= digit << n_held;
        n_held += bits;
        while n_held >= 8 {
            let [low, ..] = held.to_le_bytes();
            bytes.push(low);
            held >>= 8;
            n_held -= 8;
        }
    }
    let [low, ..] = held.to_le_bytes();
    bytes.extend([low, 0]);
    bytes
}

/// Two's complement of a little-endian number, in place.
pub(crate) fn negate(bytes: &mut [u8]) {
    let mut carry = true;
    for byte in bytes {
        let (sum, overflow) = (!*byte).overflowing_add(carry.into());
        *byte = sum;
        carry = overflow;
    }
}

/// The line up to a zero byte, without the spaces of C around it.
fn bare(line: &[u8]) -> &[u8] {
    let end = line.iter().position(|b| *b == 0).unwrap_or(line.len());
    let mut text = line.get(..end).unwrap_or_default();
    let is_space = |b: &u8| b.is_ascii_whitespace() || *b == 0x0b;
    while let Some((_, rest)) = text.split_first().filter(|(first, _)| is_space(first)) {
        text = rest;
    }
    while let Some((_, rest)) = text.split_last().filter(|(last, _)| is_space(last)) {
        text = rest;
    }
    text
}

/// Digits without the single underscores between them; `None` if one stands elsewhere, or there is no digit.
fn joined(digits: &[u8]) -> Option<Cow<'_, [u8]>> {
    if !digits.contains(&b'_') {
        return (!digits.is_empty()).then_some(Cow::Borrowed(digits));
    }
    let parts: Vec<&[u8]> = digits.split(|b| *b == b'_').collect();
    let is_sound = parts.iter().all(|part| !part.is_empty());
    is_sound.then(|| Cow::Owned(parts.concat()))
}

fn decimal(digits: &[u8], is_negative: bool) -> Option<Integer<'_>> {
    let digits = joined(digits)?;
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let digits = match digits {
        Cow::Borrowed(digits) => Cow::Borrowed(std::str::from_utf8(digits).ok()?),
        Cow::Owned(digits) => Cow::Owned(String::from_utf8(digits).ok()?),
    };
    let unsigned = digits.parse::<i128>().ok();
    let small = unsigned.map(|n| if is_negative { -n } else { n });
    Some(match small.and_then(|n| i64::try_from(n).ok()) {
        Some(value) => Integer::Small(value),
        None if is_negative => Integer::Decimal(format!("-{digits}").into()),
        None => Integer::Decimal(digits),
    })
}

fn of_bits(digits: &[u8], bits: u32, is_negative: bool) -> Option<Integer<'static>> {
    let value = |digit: &u8| char::from(*digit).to_digit(1 << bits);
    if !digits.iter().all(|digit| value(digit).is_some()) {
        return None;
    }
    let mut bytes = packed(digits.iter().rev().filter_map(value), bits);
    if is_negative {
        negate(&mut bytes);
    }
    // Bytes that only repeat the sign would keep a small number from being told as one.
    while let [.., below, top] = bytes.as_slice()
        && *top == if below >> 7 == 1 { 0xff } else { 0 }
    {
        bytes.pop();
    }
    Some(binary(Blob {
        len: bytes.len() as u64,
        bytes: Cow::Owned(bytes),
        offset: None,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_those_of_python() {
        // pickle.loads(b"I" + line + b"\n.") of CPython 3.13, or of 2.7 where that alone takes it.
        let check = |line: &[u8], expected: Option<i64>| {
            let small = expected.map(Integer::Small);
            assert_eq!(integer(line), small, "{}", String::from_utf8_lossy(line));
        };
        check(b"5", Some(5));
        check(b" 5\x0b", Some(5));
        check(b"+5", Some(5));
        check(b"-12", Some(-12));
        check(b"0x10", Some(16));
        check(b"-0x5", Some(-5));
        check(b"-0X80", Some(-128));
        check(b"0x_ff", Some(255));
        check(b"010", Some(8));
        check(b"00", Some(0));
        check(b"0_0", Some(0));
        check(b"0o17", Some(15));
        check(b"0b101", Some(5));
        check(b"1_000", Some(1000));
        check(b"5L", Some(5));
        check(b"0x10L", Some(16));
        check(b"5\0junk", Some(5));
        check(b"0x7fffffffffffffff", Some(i64::MAX));
        check(b"-0x8000000000000000", Some(i64::MIN));
        check(b"-9223372036854775808", Some(i64::MIN));
        for none in [
            &b""[..],
            b"-",
            b"L",
            b"0x",
            b"09",
            b"0_10",
            b"1__0",
            b"_1",
            b"1_",
            b"5 L",
            b"1.5",
            b"- 5",
            b"0b2",
        ] {
            check(none, None);
        }
    }

    #[test]
    fn long_integers_keep_their_digits_or_bits() {
        assert_eq!(
            integer(b"-1_00000000000000000000"),
            Some(Integer::Decimal("-100000000000000000000".into()))
        );
        let Some(Integer::Binary(blob)) = integer(b"0xffffffffffffffff") else {
            panic!("no bits");
        };
        assert_eq!(
            *blob.bytes,
            [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0]
        );
    }

    #[test]
    fn slots_and_floats_are_those_of_python() {
        assert_eq!(slot(b"1_0"), Some(10));
        assert_eq!(slot(b" +007 "), Some(7));
        assert_eq!((slot(b"-1"), slot(b"0x1"), slot(b"")), (None, None, None));
        assert_eq!(float(b"1_0.5"), Some(10.5));
        assert_eq!(float(b" 1.5\x0b"), Some(1.5));
        assert_eq!(float(b"5\0junk"), Some(5.0));
        assert!(float(b"nan").is_some_and(f64::is_nan));
        for none in [&b""[..], b"1__0", b"_1", b"1_.5", b"1e_5", b"0x1p3", b"."] {
            assert_eq!(float(none), None, "{}", String::from_utf8_lossy(none));
        }
    }
}
