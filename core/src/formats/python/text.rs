//! Bytes of a source file to its text, as Python reads them (PEP 263; `tokenize.open`).

use std::borrow::Cow;

/// A source file's text; lines end in `\n`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceText<'b> {
    /// The text.
    pub text: Cow<'b, str>,
    /// The declared encoding, where it is one that is not known here: only its ASCII lines are sure.
    pub unknown_encoding: Option<String>,
}

const BOM: &[u8] = b"\xef\xbb\xbf";

/// Decodes a source file.
///
/// UTF-8 unless one of the first two lines says otherwise. In encodings other than UTF-8 and Latin-1
/// every byte stands for itself, which is right for ASCII.
pub fn decode(bytes: &[u8]) -> SourceText<'_> {
    let (bytes, has_bom) = match bytes.strip_prefix(BOM) {
        Some(rest) => (rest, true),
        None => (bytes, false),
    };
    let declared = declared(bytes).filter(|_| !has_bom);
    let encoding = declared.as_deref().map_or(Encoding::Utf8, Encoding::of);
    let latin = || bytes.iter().map(|b| char::from(*b)).collect::<String>();
    let (text, is_known) = match (encoding, std::str::from_utf8(bytes)) {
        (Encoding::Utf8, Ok(text)) => (Cow::Borrowed(text), true),
        (Encoding::Latin1, _) => (Cow::Owned(latin()), true),
        // Python 2 took any byte in comments and strings of files that declare nothing.
        (Encoding::Utf8 | Encoding::Unknown, _) => (Cow::Owned(latin()), bytes.is_ascii()),
    };
    SourceText {
        text: with_plain_ends(text),
        unknown_encoding: (!is_known).then(|| declared.unwrap_or_else(|| "UTF-8".to_owned())),
    }
}

#[derive(Clone, Copy)]
enum Encoding {
    Utf8,
    Latin1,
    Unknown,
}

impl Encoding {
    fn of(name: &str) -> Self {
        match name.to_ascii_lowercase().replace('_', "-").as_str() {
            "utf-8" | "utf8" | "u8" | "utf-8-sig" | "ascii" | "us-ascii" => Self::Utf8,
            "latin-1" | "latin1" | "iso-8859-1" | "iso8859-1" | "l1" => Self::Latin1,
            name if name.starts_with("utf-8-") => Self::Utf8,
            name if name.starts_with("iso-8859-1-") || name.starts_with("latin-1-") => Self::Latin1,
            _ => Self::Unknown,
        }
    }
}

/// The encoding named in a comment of the first two lines: `^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)`.
fn declared(bytes: &[u8]) -> Option<String> {
    for line in bytes.split(|b| *b == b'\n').take(2) {
        let line = line.trim_ascii();
        let Some(comment) = line.strip_prefix(b"#") else {
            // Only a blank line may stand before the comment.
            if line.is_empty() {
                continue;
            }
            return None;
        };
        let comment = String::from_utf8_lossy(comment);
        for (at, word) in comment.match_indices("coding") {
            let rest = comment.get(at + word.len()..).unwrap_or_default();
            let Some(rest) = rest.strip_prefix([':', '=']) else {
                continue;
            };
            let rest = rest.trim_start_matches([' ', '\t']);
            let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
            let name: String = rest.chars().take_while(|c| is_part(*c)).collect();
            if !name.is_empty() {
                return Some(name);
            }
        }
    }
    None
}

/// Every end of a line as `\n`, as Python's text files give them.
fn with_plain_ends(text: Cow<'_, str>) -> Cow<'_, str> {
    if text.contains('\r') {
        Cow::Owned(text.replace("\r\n", "\n").replace('\r', "\n"))
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(bytes: &[u8], text: &str, unknown: Option<&str>) {
        let found = decode(bytes);
        assert_eq!(
            (&*found.text, found.unknown_encoding.as_deref()),
            (text, unknown)
        );
    }

    #[test]
    fn sources_are_read_in_the_encoding_they_declare() {
        check("é\r\nb\rc".as_bytes(), "é\nb\nc", None);
        check(
            "\u{feff}# coding: latin-1\né".as_bytes(),
            "# coding: latin-1\né",
            None,
        );
        check(
            b"#!x\n# -*- coding: iso-8859-1 -*-\n\xe9",
            "#!x\n# -*- coding: iso-8859-1 -*-\né",
            None,
        );
        check(
            b"# vim: set fileencoding=cp1252 :\nabc",
            "# vim: set fileencoding=cp1252 :\nabc",
            None,
        );
        check(
            b"#coding=cp1252\n\x80",
            "#coding=cp1252\n\u{80}",
            Some("cp1252"),
        );
        check(
            b"x = 1\n# coding: latin-1\n\xc3\xa9",
            "x = 1\n# coding: latin-1\né",
            None,
        );
        check(b"x = '\xe9'", "x = 'é'", Some("UTF-8"));
        check(b"\n# coding: latin-1\n\xe9", "\n# coding: latin-1\né", None);
    }
}
