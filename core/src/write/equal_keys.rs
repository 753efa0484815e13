//! Keys as a dict of Python tells them apart: `1`, `True`, `1.0` and `Decimal("1.00")` are one.

use std::collections::HashMap;

use xxhash_rust::xxh3::xxh3_128;

use crate::formats::made::{Made, set_members};
use crate::formats::pickle;
use crate::formats::repr::{bytes_repr, float_repr, str_repr};
use crate::model::value::{Leaf, NodeId, Tag, Value};
use crate::stores::NativeKey;

/// Levels of tuples that are looked into; what lies deeper is told apart by its `repr`.
const MAX_DEPTH: usize = 64;
/// What is looked at of one key at most, in bytes of its text: parts that hold each other twice have texts without end.
const MAX_TEXT: usize = 1 << 20;

/// Keys of a dict in the making, by what their texts hash to.
#[derive(Debug, Default)]
pub(super) struct EqualKeys(HashMap<u128, usize>);

impl EqualKeys {
    /// Adds a key under a number; returns the number of the key that Python takes for the same one.
    pub(super) fn add(&mut self, key: &NativeKey, number: usize) -> Option<usize> {
        self.0
            .insert(xxh3_128(as_a_dict_sees(key).as_bytes()), number)
    }
}

/// A text that is equal for keys that are equal in Python.
///
/// What an unknown class makes of one number or text is taken for that itself (an `IntEnum` is), and of several for
/// their tuple (a named tuple is): such keys beside each other are rather refused than lost, and so are objects whose
/// texts begin with the same [`MAX_TEXT`].
fn as_a_dict_sees(key: &NativeKey) -> String {
    match key {
        NativeKey::Text(bytes) | NativeKey::Untyped(bytes) => text(bytes),
        NativeKey::Bytes(bytes) => bytes_repr(bytes),
        NativeKey::Int(n) => decimal(&n.to_string()).unwrap_or_default(),
        NativeKey::Float(x) => float(*x),
        NativeKey::Pickled(bytes) => {
            let decoded = pickle::decode_bytes(bytes);
            let mut out = String::new();
            let mut looking = Looking {
                value: &decoded.value,
                left: MAX_TEXT,
            };
            looking.node(decoded.value.root(), 0, &mut out);
            out
        }
    }
}

/// What is looked at of one object.
struct Looking<'v> {
    value: &'v Value,
    /// Bytes of text that may still be made.
    left: usize,
}

impl Looking<'_> {
    fn printed(&mut self, at: NodeId) -> String {
        let text = self.value.repr(at, self.left).text;
        self.left = self.left.saturating_sub(text.len());
        text
    }

    fn node(&mut self, at: NodeId, depth: usize, out: &mut String) {
        let Some(left) = self.left.checked_sub(1) else {
            return;
        };
        self.left = left;
        let value = self.value;
        let text = match (at, value.leaf(at)) {
            (NodeId::TRUE, _) => float(1.0),
            (NodeId::FALSE, _) => float(0.0),
            (_, Some(Leaf::Float(x))) => float(x),
            (_, Some(Leaf::Int(_))) => decimal(&self.printed(at)).unwrap_or_default(),
            (_, Some(Leaf::Str(blob) | Leaf::Python2Str(blob))) => text(&blob.bytes),
            (_, Some(Leaf::Bytes(blob))) => bytes_repr(&blob.bytes),
            (NodeId::EMPTY_TUPLE, _) => "()".to_owned(),
            _ if depth >= MAX_DEPTH => self.printed(at),
            _ => match value.tag(at) {
                Some(Tag::Tuple) => return self.tuple(value.items(at), depth, out),
                _ if let Some((_, set)) = set_members(value, at) => self.members(set, depth),
                Some(Tag::Object) => return self.object(at, depth, out),
                _ => self.printed(at),
            },
        };
        self.left = self.left.saturating_sub(text.len());
        out.push_str(&text);
    }

    fn tuple(&mut self, items: impl Iterator<Item = NodeId>, depth: usize, out: &mut String) {
        out.push('(');
        for item in items {
            self.node(item, depth + 1, out);
            out.push(',');
        }
        out.push(')');
    }

    /// The members of a frozenset, in an order that is the same for equal ones.
    fn members(&mut self, set: Vec<NodeId>, depth: usize) -> String {
        let mut member = |item| {
            let mut out = String::new();
            self.node(item, depth + 1, &mut out);
            out
        };
        let mut members: Vec<String> = set.into_iter().map(&mut member).collect();
        members.sort();
        format!("{{{}}}", members.join(","))
    }

    fn object(&mut self, at: NodeId, depth: usize, out: &mut String) {
        let value = self.value;
        let printed = self.printed(at);
        if let Some(number) = number(&value.type_name(at), &printed) {
            out.push_str(&number);
            return;
        }
        if self.left == 0 {
            out.push_str(&printed);
            return;
        }
        let made = Made::of(value, at).filter(|made| {
            made.state.is_missing() && !pickle::is_data(&made.module, &made.qualname)
        });
        match made.as_ref().map(|made| made.args.as_slice()) {
            Some([only]) if value.leaf(*only).is_some() => self.node(*only, depth + 1, out),
            Some(several @ [_, _, ..]) => self.tuple(several.iter().copied(), depth, out),
            _ => out.push_str(&printed),
        }
    }
}

/// As `repr` prints it; lone surrogates have a spelling of their own.
fn text(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => str_repr(text),
        Err(_) => format!("s{}", bytes.escape_ascii()),
    }
}

/// A number of a class of its own, by what `repr` prints of it; text and bytes of numpy are those of Python.
fn number(class: &str, printed: &str) -> Option<String> {
    let inner = match printed.split_once('(') {
        Some((_, rest)) => rest.strip_suffix(')')?,
        None => printed,
    };
    match class {
        "decimal.Decimal" => decimal(inner.trim_matches('\'')),
        "fractions.Fraction" => fraction(inner),
        "complex" | "numpy.complex128" | "numpy.complex64" => {
            let real = inner.trim_start_matches('(').trim_end_matches(')');
            let real = real
                .strip_suffix("+0j")
                .or_else(|| real.strip_suffix("-0j"))?;
            real.parse().ok().map(float)
        }
        "numpy.bool" | "numpy.bool_" => Some(float(f64::from(u8::from(inner.ends_with("True_"))))),
        "numpy.float32" => inner.parse().ok().map(|x: f32| float(x.into())),
        "numpy.str_" | "numpy.bytes_" => Some(inner.to_owned()),
        _ if class.starts_with("numpy.float") => inner.parse().ok().map(float),
        _ if class.starts_with("numpy.int") || class.starts_with("numpy.uint") => decimal(inner),
        _ => None,
    }
}

/// The exact value of a float, as [`decimal`] spells it.
fn float(x: f64) -> String {
    if x.is_finite() {
        // No float has more digits behind its point.
        decimal(&format!("{x:.1074}")).unwrap_or_default()
    } else {
        float_repr(x)
    }
}

/// `numerator, denominator`: a decimal where it is one.
fn fraction(parts: &str) -> Option<String> {
    let (numerator, denominator) = parts.split_once(", ")?;
    let (mut n, mut d): (i128, i128) = (numerator.parse().ok()?, denominator.parse().ok()?);
    let mut exponent = 0;
    for (factor, other) in [(2, 5), (5, 2)] {
        while d > 1 && d % factor == 0 {
            (n, d, exponent) = (n.checked_mul(other)?, d / factor, exponent - 1);
        }
    }
    (d == 1).then(|| spelled(n.is_negative(), &n.unsigned_abs().to_string(), exponent))
}

/// Digits with a point and an exponent, in the one spelling that each number has here.
fn decimal(text: &str) -> Option<String> {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().ok()?),
        None => (text, 0),
    };
    let is_negative = mantissa.starts_with('-');
    let mantissa = mantissa.trim_start_matches(['-', '+']);
    let (whole, part) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{part}");
    if digits.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let n_behind = i64::try_from(part.len()).ok()?;
    Some(spelled(
        is_negative,
        &digits,
        exponent.checked_sub(n_behind)?,
    ))
}

fn spelled(is_negative: bool, digits: &str, exponent: i64) -> String {
    let digits = digits.trim_start_matches('0');
    let short = digits.trim_end_matches('0');
    if short.is_empty() {
        return "0".to_owned();
    }
    let n_zeros = i64::try_from(digits.len() - short.len()).unwrap_or(i64::MAX);
    let sign = if is_negative { "-" } else { "" };
    format!("{sign}{short}e{}", exponent.saturating_add(n_zeros))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// True if Python takes both for one key.
    fn are_one(one: &[u8], other: &[u8]) -> bool {
        let key = |pickle: &[u8]| NativeKey::of_pickle([b"\x80\x04", pickle, b"."].concat());
        let mut keys = EqualKeys::default();
        assert_eq!(keys.add(&key(one), 0), None);
        keys.add(&key(other), 1).is_some()
    }

    #[test]
    fn keys_that_are_equal_in_python_are_one() {
        // len({one, other}) of CPython 3.13.
        let float = |x: f64| [&b"G"[..], &x.to_be_bytes()].concat();
        let decimal = |text: &str| format!("cdecimal\nDecimal\n(V{text}\ntR").into_bytes();
        let fraction = |text: &str| format!("cfractions\nFraction\n(V{text}\ntR").into_bytes();
        let pair = |a: &[u8], b: &[u8]| [a, b, b"\x86"].concat();
        let one = b"K\x01".as_slice();
        for (left, right, expected) in [
            (one, b"\x88".as_slice(), true),
            (one, &float(1.0), true),
            (b"\x88", &float(1.0), true),
            (&float(0.0), &float(-0.0), true),
            (&float(1e22), b"L10000000000000000000000L\n", true),
            (&float(1e23), b"L100000000000000000000000L\n", false),
            (one, b"X\x01\0\0\x001", false),
            (b"C\x01a", b"X\x01\0\0\0a", false),
            (&decimal("1.00"), &decimal("1"), true),
            (&decimal("1E+3"), b"M\xe8\x03", true),
            (&decimal("0.1"), &float(0.1), false),
            (&decimal("0.5"), &float(0.5), true),
            (&fraction("1/2"), &float(0.5), true),
            (&fraction("1/3"), &float(1.0 / 3.0), false),
            (&pair(one, b"N"), &pair(&float(1.0), b"N"), true),
            (&pair(one, b"N"), &pair(one, b"K\x02"), false),
            // frozenset({1, 'a'}) in both orders.
            (
                b"(K\x01X\x01\0\0\0a\x91",
                b"(X\x01\0\0\0aG?\xf0\0\0\0\0\0\0\x91",
                true,
            ),
            // A named tuple, and an IntEnum.
            (b"cm\nPoint\nK\x01K\x02\x86\x81", &pair(one, b"K\x02"), true),
            (b"cm\nColor\nK\x01\x85R", one, true),
            (b"cm\nColor\nK\x01\x85R", b"K\x02", false),
        ] {
            assert_eq!(are_one(left, right), expected, "{left:?} {right:?}");
        }
    }

    #[test]
    fn a_key_without_an_end_costs_no_more_than_its_budget() {
        // t = n, and sixty times t = (t, t), or t = m.Point(t, t): 2**60 leaves each.
        let doubled = |n: u8, twice: &[u8]| [&[b'K', n][..], &twice.repeat(60)].concat();
        let point = b"q\x00cm\nPoint\nh\x00h\x00\x86\x81".as_slice();
        for twice in [b"2\x86".as_slice(), point] {
            let key = NativeKey::of_pickle([b"\x80\x04", &*doubled(1, twice), b"."].concat());
            assert!(as_a_dict_sees(&key).len() < 4 * MAX_TEXT);
            assert!(!are_one(&doubled(1, twice), &doubled(2, twice)));
        }
    }
}
