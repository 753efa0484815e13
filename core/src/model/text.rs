//! Strangers' names made fit to be shown: escapes for control and direction characters, nothing else changed.

use std::borrow::Cow;
use std::path::Path;

/// Text with control, format and direction characters escaped, so that it stays on one line and reads in order.
pub fn shown(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_unsafe_to_show) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if is_unsafe_to_show(c) {
            out.push_str(&escape(u32::from(c)));
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

/// The same of text that is at hand.
pub(crate) fn shown_owned(text: String) -> String {
    match shown(&text) {
        Cow::Borrowed(_) => text,
        Cow::Owned(escaped) => escaped,
    }
}

/// A character as Python spells it in a string: `\n`, `\x1b`, `\u202e`, `\U000e0001`.
pub(crate) fn escape(code: u32) -> String {
    match char::from_u32(code) {
        Some('\t') => "\\t".to_owned(),
        Some('\n') => "\\n".to_owned(),
        Some('\r') => "\\r".to_owned(),
        _ if code <= 0xff => format!("\\x{code:02x}"),
        _ if code <= 0xffff => format!("\\u{code:04x}"),
        _ => format!("\\U{code:08x}"),
    }
}

/// Bytes as text: valid UTF-8 as it stands, every other byte as `\xNN`.
pub fn from_bytes(bytes: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        out.push_str(chunk.valid());
        for byte in chunk.invalid() {
            out.push_str("\\x");
            out.extend(
                [byte >> 4, byte & 15]
                    .map(|half| char::from_digit(half.into(), 16).unwrap_or_default()),
            );
        }
    }
    Cow::Owned(out)
}

/// Characters of a key that a sentence has room for.
const SHORT: usize = 80;

/// Long text without its middle.
pub(crate) fn short(text: &str) -> Cow<'_, str> {
    let n_chars = text.chars().count();
    if n_chars <= SHORT {
        return Cow::Borrowed(text);
    }
    let head = text.chars().take(SHORT * 3 / 4);
    let tail = text.chars().skip(n_chars - SHORT / 4 + 1);
    Cow::Owned(head.chain(['…']).chain(tail).collect())
}

/// A name for a sentence: long ones without their middle, escaped.
pub(crate) fn brief(text: &str) -> String {
    shown(&short(text)).into_owned()
}

/// The same in quotes.
pub(crate) fn quoted(text: &str) -> String {
    format!("\"{}\"", brief(text))
}

/// A path for a sentence: `\xNN` for bytes that are not text, control characters escaped.
pub fn path(path: &Path) -> String {
    shown(&from_bytes(path.as_os_str().as_encoded_bytes())).into_owned()
}

/// A number of bytes for a sentence: `412 B`, `38 MB`, `1.2 GB` (1000-based).
#[expect(
    clippy::cast_precision_loss,
    reason = "a sentence shows two or three digits"
)]
pub fn size(bytes: u64) -> String {
    let mut amount = bytes as f64;
    for unit in ["B", "kB", "MB", "GB"] {
        if amount < 999.5 {
            let digits = usize::from(unit != "B" && amount < 9.95);
            return format!("{amount:.digits$} {unit}");
        }
        amount /= 1000.0;
    }
    format!("{amount:.1} TB")
}

/// True for C0, C1, bidirectional controls, line separators and other invisible format characters, all of them of the
/// basic plane.
pub fn is_unsafe_to_show(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn direction_and_control_characters_are_escaped() {
        assert_eq!(shown("a\u{202e}b\nc\x1b"), "a\\u202eb\\nc\\x1b");
        assert_eq!(shown("naïve 名"), "naïve 名");
    }

    #[test]
    fn sizes_read_as_people_say_them() {
        let check = |bytes, expected| assert_eq!(size(bytes), expected);
        check(0, "0 B");
        check(999, "999 B");
        check(1200, "1.2 kB");
        check(38_400_000, "38 MB");
        check(999_600_000, "1.0 GB");
        check(u64::MAX, "18446744.1 TB");
    }

    #[test]
    fn names_of_any_length_fit_into_a_sentence() {
        assert_eq!(quoted("a\nb"), "\"a\\nb\"");
        let long = format!("first{}last", "x".repeat(1 << 20));
        let cut = brief(&long);
        assert_eq!(cut.chars().count(), SHORT);
        assert!(
            cut.starts_with("firstxx") && cut.ends_with("xxlast"),
            "{cut}"
        );
    }

    #[test]
    fn undecodable_bytes_become_hex_escapes() {
        assert_eq!(from_bytes(b"ab\xff\xc3\xa9"), "ab\\xffé");
    }
}
