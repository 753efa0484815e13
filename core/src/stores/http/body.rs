//! The body of a stored response, as bytes or written as text.

use std::borrow::Cow;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use crate::model::Value;
use crate::model::value::{Blob, Leaf, NodeId};

/// Characters of a body that are shown among the facts.
const BODY_CHARS: usize = 2000;

/// A response's body, of which a head is at hand.
pub(super) struct Body<'v> {
    head: Cow<'v, [u8]>,
    /// Bytes of the whole; `None` where it is kept as JSON that was parsed already, and for a long one in base64, whose
    /// end says how many they are.
    pub(super) len: Option<u64>,
}

impl<'v> Body<'v> {
    pub(super) fn of(value: &'v Value, node: NodeId, is_written: bool) -> Option<Self> {
        let Some(leaf) = value.leaf(node) else {
            // requests-cache keeps a JSON body as what it says, so that people can read the file.
            return Some(Self::parsed(value.repr(node, BODY_CHARS).text));
        };
        let (Leaf::Bytes(blob) | Leaf::Str(blob) | Leaf::Python2Str(blob) | Leaf::ByteArray(blob)) =
            leaf
        else {
            return None;
        };
        if is_written && let Some(body) = Self::written(&blob) {
            return Some(body);
        }
        Some(Self {
            len: Some(blob.len),
            head: blob.bytes,
        })
    }

    /// A body that is kept as what it says.
    pub(super) fn parsed(text: String) -> Self {
        Self {
            head: Cow::Owned(text.into_bytes()),
            len: None,
        }
    }

    /// A body that stands as text in a format without bytes.
    pub(super) fn written(text: &Blob<'_>) -> Option<Self> {
        let (bytes, is_base85) = unwritten(&text.bytes, text.is_cut())?;
        let whole = || {
            let groups = text.len / 5;
            groups * 4 + (text.len % 5).saturating_sub(1)
        };
        Some(Self {
            len: match (text.is_cut(), is_base85) {
                (false, _) => Some(bytes.len() as u64),
                (true, true) => Some(whole()),
                (true, false) => None,
            },
            head: Cow::Owned(bytes),
        })
    }

    /// Its first characters, where it is text.
    pub(super) fn text(self) -> Option<String> {
        let text = match std::str::from_utf8(&self.head) {
            Ok(text) => text,
            // The head may end in the middle of a character.
            Err(e) if e.error_len().is_none() && e.valid_up_to() > 0 => {
                std::str::from_utf8(self.head.get(..e.valid_up_to())?).ok()?
            }
            Err(_) => return None,
        };
        Some(text.chars().take(BODY_CHARS).collect())
    }
}

/// Bytes written as base64 (hishel, requests-cache from 1.0), or as base85 (requests-cache 0.7 to 0.9 by way of cattrs),
/// and whether it was base85. Of a text that goes on, the part that is at hand.
fn unwritten(text: &[u8], is_cut: bool) -> Option<(Vec<u8>, bool)> {
    let mut text: Vec<u8> = text
        .iter()
        .copied()
        .filter(|b| !b.is_ascii_whitespace())
        .collect();
    if is_cut {
        // Whole groups of both.
        text.truncate(text.len() / 20 * 20);
    }
    if let Ok(bytes) = BASE64_STANDARD.decode(&text) {
        return Some((bytes, false));
    }
    from_base85(&text).map(|bytes| (bytes, true))
}

/// Python's `base64.b85decode`: five digits for four bytes, a short last group for as many bytes less.
fn from_base85(text: &[u8]) -> Option<Vec<u8>> {
    const DIGITS: &[u8; 85] =
        b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~";
    let mut bytes = Vec::with_capacity(text.len());
    for group in text.chunks(5) {
        let mut number: u32 = 0;
        for at in 0..5 {
            let digit = group.get(at).copied().unwrap_or(b'~');
            let digit = DIGITS.iter().position(|d| *d == digit)?;
            number = number
                .checked_mul(85)?
                .checked_add(u32::try_from(digit).ok()?)?;
        }
        let kept = group.len().checked_sub(1)?;
        bytes.extend(number.to_be_bytes().get(..kept)?);
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base85_reads_as_python_decodes_it() {
        // base64.b85encode(…), CPython 3.13
        for (text, bytes) in [
            ("dm?ggcXJ{-AX_mkATlf<GhKZ", &br#"{"rows": [1, 2, 3]}"#[..]),
            ("", b""),
            ("00", b"\0"),
            ("|NsC0|Nj", b"\xff\xff\xff\xff\xff\xff"),
        ] {
            assert_eq!(
                from_base85(text.as_bytes()).as_deref(),
                Some(bytes),
                "{text}"
            );
        }
        assert_eq!(from_base85(b"~~~~~"), None);
        assert_eq!(from_base85(b"a\"b"), None);
    }

    #[test]
    fn the_length_of_a_long_body_is_told_where_it_can_be() {
        let body = |text: &str, len| {
            let blob = Blob {
                bytes: Cow::Borrowed(text.as_bytes()),
                len,
                offset: None,
            };
            let body = Body::written(&blob).unwrap();
            (body.len, body.text())
        };
        // base64.b85encode(b'{"rows": [1, 2, 3]}' * 100): 1,900 bytes in 2,375 characters.
        assert_eq!(
            body("dm?ggcXJ{-AX_mkATlf<GhKaq", 2375),
            (Some(1900), Some(r#"{"rows": [1, 2, "#.to_owned()))
        );
        // base64 of the same length may be one of three.
        assert_eq!(
            body("eyJyb3dzIjogWzEsIDIsIDNdfXsi", 2536),
            (None, Some(r#"{"rows": [1, 2,"#.to_owned()))
        );
    }
}
