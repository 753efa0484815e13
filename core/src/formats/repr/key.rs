//! Keys as they are listed and named: a str as its text, every other Python object as its `repr`.
//!
//! A str that reads like such a `repr` is printed quoted, so that `'42'` and `42` stay two keys.

use std::borrow::Cow;

use crate::formats::pyliteral;
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

/// True if the text reads like what `repr` prints of something that is no str, or of a quoted str:
/// as a Python literal, as a call, or as an object in angle brackets.
pub fn reads_like_repr(text: &str) -> bool {
    let (Some(first), Some(last)) = (text.bytes().next(), text.bytes().last()) else {
        return false;
    };
    let is_literal = || {
        pyliteral::parse(text).is_some() || pyliteral::parse(&with_plain_numbers(text)).is_some()
    };
    match (first, last) {
        (b'(', b')') | (b'[', b']') | (b'{', b'}') => is_literal() || has_call(text),
        (b'<', b'>') => ["<class ", "<function ", "<built-in ", ": ", " object at "]
            .iter()
            .any(|part| text.contains(part)),
        (b'\'' | b'"', _) | (b'b', b'\'' | b'"') => is_literal(),
        (b'0'..=b'9' | b'-' | b'+' | b'.', _) => is_number(text),
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

/// A number, imaginary ones included; digits that begin with a zero are no number in Python.
fn is_number(text: &str) -> bool {
    let is_padded =
        text.len() > 1 && text.starts_with('0') && text.bytes().all(|b| b.is_ascii_digit());
    !is_padded && (is_real(text) || text.strip_suffix('j').is_some_and(is_real))
}

/// A float or an int without its parts: what `repr` prints of them, and more.
fn is_real(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    matches!(digits, "nan" | "inf") || pyliteral::parse(text).is_some()
}

/// A complex number as it stands in its brackets: `1+2j`, `-0-infj`, `1e-05+nanj`.
fn is_complex(text: &str) -> bool {
    let Some(parts) = text.strip_suffix('j') else {
        return false;
    };
    parts.rmatch_indices(['+', '-']).any(|(at, _)| {
        let (real, imaginary) = parts.split_at_checked(at).unwrap_or_default();
        is_real(real) && is_real(imaginary.strip_prefix('+').unwrap_or(imaginary))
    })
}

/// The text with a 0 for each number that Python prints and has no literal for: `nan`, `-inf`, `1+2j`.
fn with_plain_numbers(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '+' | '-');
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let n = match first {
            '\'' | '"' => quoted_len(rest, first),
            first if is_part(first) => rest.find(|c| !is_part(c)).unwrap_or(rest.len()),
            first => first.len_utf8(),
        };
        let (piece, behind) = rest.split_at_checked(n).unwrap_or((rest, ""));
        let is_number = is_complex(piece)
            || matches!(
                piece.trim_start_matches('-'),
                "nan" | "inf" | "nanj" | "infj"
            );
        out.push_str(if is_number { "0" } else { piece });
        rest = behind;
    }
    out
}

/// Bytes of the quoted text at the front, with its quotes.
fn quoted_len(text: &str, quote: char) -> usize {
    let mut is_escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        if c == quote && !is_escaped {
            return at + c.len_utf8();
        }
        is_escaped = c == '\\' && !is_escaped;
    }
    text.len()
}

/// `name(…)` and `module.Class(…)`.
fn is_call(text: &str) -> bool {
    let is_name = |name: &str| {
        name.chars()
            .all(|c| c == '_' || c == '.' || c.is_alphanumeric())
    };
    text.split_once('(')
        .is_some_and(|(name, _)| !name.is_empty() && is_name(name))
}

/// True for a container that holds more than literals, such as `(datetime.date(2024, 1, 1), 3)`.
fn has_call(text: &str) -> bool {
    let inner = text.get(1..).unwrap_or_default();
    inner.match_indices('(').any(|(at, _)| {
        let before = inner.get(..at).unwrap_or_default();
        before.ends_with(|c: char| c == '_' || c.is_alphanumeric())
    })
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
            "007",
            "-",
            "nano",
            "info",
            "j",
            "(1+2)",
            "1+2j",
            "(nanny, 1)",
            "b",
            "(see below)",
            "<html>",
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
        check("1.10", "'1.10'");
        check("load(path)", "'load(path)'");
        check("(a.date(2024, 1, 1), 3)", "'(a.date(2024, 1, 1), 3)'");
        check("2j", "'2j'");
        // repr of float('nan'), -float('inf'), complex(1, 2), complex(-0.0, -inf), complex('nan+nanj'), 1e-05 - 2e16j
        for number in [
            "nan",
            "inf",
            "-inf",
            "infj",
            "-infj",
            "nanj",
            "(1+2j)",
            "(-0-infj)",
            "(nan+nanj)",
            "(1e-05-2e+16j)",
            "(nan, 1)",
            "((1+2j), 'nan')",
            "[-inf]",
            "{inf: (-0-infj)}",
        ] {
            check(number, &crate::formats::repr::str_repr(number));
        }
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
