//! Keys as they are listed and named: a str as its text, every other Python object as its `repr`.
//!
//! A str that reads like such a `repr` is printed quoted, so that `'42'` and `42` stay two keys.

use std::borrow::Cow;

use super::float_repr;
use crate::model::Kind;
use crate::model::value::{Leaf, NodeId, Value};

/// Longest label of a key, in characters; a longer one is known by its head.
const KEY_CHARS: usize = 4000;

impl Value {
    /// `node` as a key is listed.
    pub fn key_label(&self, node: NodeId) -> String {
        if self.kind(node) == Kind::Str
            && let Some(Leaf::Str(blob)) = self.leaf(node)
            && !blob.is_cut()
            && let Some(text) = self.str(node)
            && !reads_like_repr(&text)
        {
            return text.into_owned();
        }
        self.repr(node, KEY_CHARS).text
    }
}

/// A str key as it is listed.
pub fn str_key_label(text: &str) -> Cow<'_, str> {
    if reads_like_repr(text) {
        let value = Value::of_str(text);
        Cow::Owned(value.repr(value.root(), KEY_CHARS).text)
    } else {
        Cow::Borrowed(text)
    }
}

/// True if the text could be what `repr` prints for something that is no str, or for a quoted str.
pub fn reads_like_repr(text: &str) -> bool {
    let (Some(first), Some(last)) = (text.bytes().next(), text.bytes().last()) else {
        return false;
    };
    match (first, last) {
        (b'(', b')') | (b'[', b']') | (b'{', b'}') | (b'<', b'>') => true,
        (b'\'' | b'"', _) => first == last && text.len() > 1,
        (b'b', b'\'' | b'"') => text.len() > 2 && text.as_bytes().get(1) == Some(&last),
        (b'0'..=b'9' | b'-', _) => is_number(text),
        (_, b')') => is_call(text),
        _ => matches!(
            text,
            "None"
                | "True"
                | "False"
                | "Ellipsis"
                | "NotImplemented"
                | "nan"
                | "inf"
                | "nanj"
                | "infj"
        ),
    }
}

/// An int, float or complex exactly as Python prints it.
fn is_number(text: &str) -> bool {
    let real = text.strip_suffix('j').unwrap_or(text);
    let digits = real.strip_prefix('-').unwrap_or(real);
    let is_int = !digits.is_empty()
        && digits.bytes().all(|b| b.is_ascii_digit())
        && (digits == "0" || !digits.starts_with('0'));
    is_int || matches!(digits, "inf" | "nan") || real.parse().is_ok_and(|x| float_repr(x) == real)
}

/// `module.Class(…)`, or a call of one of the types whose `repr` names no module.
fn is_call(text: &str) -> bool {
    const BARE: [&str; 14] = [
        "bytearray",
        "set",
        "frozenset",
        "range",
        "slice",
        "OrderedDict",
        "Counter",
        "deque",
        "defaultdict",
        "Decimal",
        "Fraction",
        "UUID",
        "PosixPath",
        "WindowsPath",
    ];
    const BARE_PATHS: [&str; 2] = ["PurePosixPath", "PureWindowsPath"];
    let Some((name, _)) = text.split_once('(') else {
        return false;
    };
    let is_identifier = |part: &str| {
        !part.is_empty()
            && part.chars().all(|c| c == '_' || c.is_alphanumeric())
            && !part.starts_with(|c: char| c.is_ascii_digit())
    };
    BARE.contains(&name)
        || BARE_PATHS.contains(&name)
        || (name.contains('.') && name.split('.').all(is_identifier))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_texts_that_could_be_another_key_are_quoted() {
        let check = |text: &str, expected: &str| assert_eq!(str_key_label(text), expected);
        for plain in [
            "",
            "user:1",
            "http://a.b/c?d=(e)",
            "naïve ☃",
            "load(path)",
            "007",
            "1e5",
            "1_000",
            "-",
            "v1.0",
            "12:30",
            "2024-01-01",
            "(open",
            "'",
            "b'",
            "none",
            "3 apples",
            "a.b",
            "f(x).y",
        ] {
            check(plain, plain);
        }
        check("42", "'42'");
        check("-7", "'-7'");
        check("1.5", "'1.5'");
        check("1e-05", "'1e-05'");
        check("-inf", "'-inf'");
        check("nan", "'nan'");
        check("2j", "'2j'");
        check("None", "'None'");
        check("('a', 1)", "\"('a', 1)\"");
        check("[]", "'[]'");
        check("b'x'", "\"b'x'\"");
        check("'quoted'", "\"'quoted'\"");
        check("frozenset()", "'frozenset()'");
        check("datetime.date(2024, 1, 1)", "'datetime.date(2024, 1, 1)'");
        check("<Color.RED: 1>", "'<Color.RED: 1>'");
    }

    #[test]
    fn objects_are_listed_as_python_prints_them() {
        // pickle.dumps(k, 4) for k in ('query', 7, None), '42', 'plain'
        let check = |pickle: &[u8], expected: &str| {
            let value = crate::formats::pickle::decode_bytes(pickle).value;
            assert_eq!(value.key_label(value.root()), expected);
        };
        check(
            b"\x80\x04\x95\x0f\0\0\0\0\0\0\0\x8c\x05query\x94K\x07N\x87\x94.",
            "('query', 7, None)",
        );
        check(b"\x80\x04\x95\x06\0\0\0\0\0\0\0\x8c\x0242\x94.", "'42'");
        check(b"\x80\x04\x95\x09\0\0\0\0\0\0\0\x8c\x05plain\x94.", "plain");
    }
}
