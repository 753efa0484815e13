//! Strings and bytes as Python quotes them (CPython 3.13 `Objects/unicodeobject.c: unicode_repr`, `bytesobject.c`).

use super::printable::is_printable;
use crate::model::text::escape;

/// Where printed text goes; says when there is enough of it.
#[derive(Debug)]
pub(super) struct Out {
    text: String,
    chars_left: usize,
    /// True once something did not fit or was not kept.
    pub(super) is_cut: bool,
}

impl Out {
    pub(super) fn new(max_chars: usize) -> Self {
        Self {
            text: String::new(),
            chars_left: max_chars,
            is_cut: false,
        }
    }

    /// True if nothing more fits.
    pub(super) fn is_full(&self) -> bool {
        self.is_cut && self.chars_left == 0
    }

    pub(super) fn chars_left(&self) -> usize {
        self.chars_left
    }

    pub(super) fn push(&mut self, c: char) {
        if self.chars_left == 0 {
            self.is_cut = true;
        } else {
            self.chars_left -= 1;
            self.text.push(c);
        }
    }

    pub(super) fn push_str(&mut self, text: &str) {
        for c in text.chars() {
            self.push(c);
            if self.is_full() {
                break;
            }
        }
    }

    pub(super) fn into_text(self) -> String {
        self.text
    }
}

/// Python's choice: single quotes, unless that would need escapes that double quotes do not.
fn quote_for(bytes: &[u8]) -> char {
    if bytes.contains(&b'\'') && !bytes.contains(&b'"') {
        '"'
    } else {
        '\''
    }
}

/// Text in UTF-8 with surrogates passed, as `repr(str)` prints it.
pub(super) fn str_repr(bytes: &[u8], out: &mut Out) {
    let quote = quote_for(bytes);
    out.push(quote);
    let mut rest = bytes;
    while let Some((code, tail)) = next_code_point(rest) {
        rest = tail;
        push_str_char(code, quote, out);
        if out.is_full() {
            return;
        }
    }
    out.push(quote);
}

fn push_str_char(code: u32, quote: char, out: &mut Out) {
    match char::from_u32(code) {
        Some(c) if c == quote || c == '\\' => {
            out.push('\\');
            out.push(c);
        }
        Some(c) if is_printable(code) => out.push(c),
        _ => out.push_str(&escape(code)),
    }
}

/// Bytes between quotes, as `repr(bytes)` prints them behind its `b`.
pub(super) fn bytes_repr(bytes: &[u8], out: &mut Out) {
    let quote = quote_for(bytes);
    quoted(bytes, quote, quote, out);
}

/// The same inside `bytearray(…)`, where CPython escapes single quotes whatever stands around them
/// (`Objects/bytearrayobject.c: bytearray_repr`).
pub(super) fn bytearray_repr(bytes: &[u8], out: &mut Out) {
    quoted(bytes, quote_for(bytes), '\'', out);
}

fn quoted(bytes: &[u8], quote: char, escaped: char, out: &mut Out) {
    out.push(quote);
    for &byte in bytes {
        match byte {
            b'\\' => out.push_str("\\\\"),
            b'\t' => out.push_str("\\t"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            _ if char::from(byte) == escaped => {
                out.push('\\');
                out.push(escaped);
            }
            0x20..=0x7e => out.push(char::from(byte)),
            _ => out.push_str(&format!("\\x{byte:02x}")),
        }
        if out.is_full() {
            return;
        }
    }
    out.push(quote);
}

/// The first code point of UTF-8 with surrogates passed; a byte that is none stands for itself.
pub(super) fn next_code_point(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let (&first, tail) = bytes.split_first()?;
    let (len, head) = match first {
        0xc2..=0xdf => (1, first & 0x1f),
        0xe0..=0xef => (2, first & 0x0f),
        0xf0..=0xf4 => (3, first & 0x07),
        _ => return Some((u32::from(first), tail)),
    };
    let Some((more, rest)) = tail.split_at_checked(len) else {
        return Some((u32::from(first), tail));
    };
    if !more.iter().all(|b| b & 0xc0 == 0x80) {
        return Some((u32::from(first), tail));
    }
    let code = more
        .iter()
        .fold(u32::from(head), |code, b| code << 6 | u32::from(b & 0x3f));
    Some((code, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_str(text: &[u8], expected: &str) {
        let mut out = Out::new(1000);
        str_repr(text, &mut out);
        assert_eq!(out.into_text(), expected);
    }

    #[test]
    fn text_is_quoted_as_python_quotes_it() {
        check_str(b"it's", "\"it's\"");
        check_str(b"it's \"x\"", "'it\\'s \"x\"'");
        check_str(b"a\\b\n\t\r\x00\x7f", "'a\\\\b\\n\\t\\r\\x00\\x7f'");
        check_str(
            "é中\u{ad}\u{200b}\u{e000}😀\u{10ffff}".as_bytes(),
            "'é中\\xad\\u200b\\ue000😀\\U0010ffff'",
        );
        check_str(b"\xed\xa0\xbd", "'\\ud83d'");
    }

    #[test]
    fn cutting_stops_early_and_says_so() {
        let mut out = Out::new(3);
        str_repr(&vec![b'a'; 1 << 20], &mut out);
        assert!(out.is_cut);
        assert_eq!(out.into_text(), "'aa");
    }
}
