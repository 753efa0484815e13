//! Where the strings of Python's source end, also those whose fields hold strings again.

use super::token::is_name;

/// Brackets and fields that f-strings may nest; Python itself allows 150.
const DEPTH: usize = 150;

/// Letters before the quote of a string that begins here.
pub(super) fn string_prefix(text: &str) -> Option<&str> {
    let len = text
        .bytes()
        .take(4)
        .position(|b| matches!(b, b'"' | b'\''))?;
    let prefix = text.get(..len)?;
    let is_prefix = len <= 3
        && prefix
            .bytes()
            .all(|b| matches!(b.to_ascii_lowercase(), b'r' | b'b' | b'u' | b'f' | b't'));
    is_prefix.then_some(prefix)
}

/// True for strings whose fields hold expressions.
pub(super) fn has_fields(prefix: &str) -> bool {
    let mut letters = prefix.bytes().map(|b| b.to_ascii_lowercase());
    letters.any(|b| matches!(b, b'f' | b't'))
}

/// The quotes around a string.
#[derive(Clone, Copy)]
pub(super) struct Quote {
    byte: u8,
    is_triple: bool,
}

impl Quote {
    pub(super) fn at(text: &str, at: usize) -> Option<Self> {
        let rest = text.as_bytes().get(at..)?;
        let byte = *rest.first()?;
        Some(Self {
            byte,
            is_triple: rest.starts_with(&[byte; 3]),
        })
    }

    pub(super) fn len(self) -> usize {
        if self.is_triple { 3 } else { 1 }
    }

    fn ends(self, rest: &[u8]) -> bool {
        rest.first() == Some(&self.byte) && (!self.is_triple || rest.starts_with(&[self.byte; 3]))
    }
}

/// Where a string without fields ends whose characters begin at `start`; `None` if it has no end.
pub(super) fn plain_len(text: &str, start: usize, quote: Quote) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = start;
    loop {
        let rest = bytes.get(at..)?;
        match rest.first()? {
            b'\\' => at += 2,
            b'\n' if !quote.is_triple => return None,
            _ if quote.ends(rest) => return Some(at + quote.len()),
            _ => at += 1,
        }
    }
}

/// Where a reader stands inside an f-string.
enum Inside {
    /// Among its characters, or among those of a field's format.
    Text(Quote),
    /// In the format of a field, behind its colon.
    Format(Quote),
    /// In a field's expression, within this many brackets.
    Field(usize),
}

/// As [`plain_len`], for a string with fields (PEP 701), whose expressions may hold any string again.
pub(super) fn formatted_len(text: &str, start: usize, quote: Quote) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut inside = vec![Inside::Text(quote)];
    let mut at = start;
    while inside.len() < DEPTH {
        let rest = bytes.get(at..)?;
        let first = *rest.first()?;
        match inside.last_mut()? {
            Inside::Text(quote) | Inside::Format(quote) if first == b'\n' && !quote.is_triple => {
                return None;
            }
            Inside::Text(quote) if quote.ends(rest) => {
                at += quote.len();
                inside.pop();
                if inside.is_empty() {
                    return Some(at);
                }
            }
            Inside::Text(_) if rest.starts_with(b"\\N{") => {
                at += rest.iter().position(|b| *b == b'}')? + 1;
            }
            Inside::Text(_) if rest.starts_with(b"{{") || rest.starts_with(b"}}") => at += 2,
            Inside::Text(_) | Inside::Format(_) if rest.starts_with(b"\\{") => at += 1,
            Inside::Text(_) | Inside::Format(_) if first == b'\\' => at += 2,
            Inside::Text(_) | Inside::Format(_) if first == b'{' => {
                inside.push(Inside::Field(0));
                at += 1;
            }
            Inside::Format(_) if first == b'}' => {
                inside.pop();
                at += 1;
            }
            Inside::Text(_) | Inside::Format(_) => at += 1,
            Inside::Field(depth) => match first {
                b'(' | b'[' | b'{' => {
                    *depth += 1;
                    at += 1;
                }
                b'}' if *depth == 0 => {
                    inside.pop();
                    at += 1;
                }
                b')' | b']' | b'}' => {
                    *depth = depth.saturating_sub(1);
                    at += 1;
                }
                b':' if *depth == 0 => {
                    let quote = inside.iter().rev().find_map(|inside| match inside {
                        Inside::Text(quote) => Some(*quote),
                        _ => None,
                    })?;
                    inside.pop();
                    inside.push(Inside::Format(quote));
                    at += 1;
                }
                _ => at = in_field(text, at, &mut inside)?,
            },
        }
    }
    None
}

/// Steps over one name, string or character of a field's expression.
fn in_field(text: &str, at: usize, inside: &mut Vec<Inside>) -> Option<usize> {
    let rest = text.get(at..)?;
    if let Some(prefix) = string_prefix(rest) {
        let quote = Quote::at(rest, prefix.len())?;
        let start = prefix.len() + quote.len();
        if has_fields(prefix) {
            inside.push(Inside::Text(quote));
            return Some(at + start);
        }
        return Some(at + plain_len(rest, start, quote)?);
    }
    let first = rest.chars().next()?;
    if is_name(first) {
        return Some(at + rest.find(|c| !is_name(c)).unwrap_or(rest.len()));
    }
    Some(at + first.len_utf8())
}
