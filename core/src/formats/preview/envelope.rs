//! What libraries put around the bytes of a value that says nothing of the value itself: taken off, and named.

use super::{Carrier, HEAD_LEN};
use crate::formats::{Content, pickle};

/// Takes a known envelope off, and names it.
pub(super) fn opened(content: Content, carrier: Carrier) -> (Content, Option<&'static str>) {
    let found = match carrier {
        Carrier::Unknown => dogpile(&content).map(|inner| (inner, "dogpile")),
        Carrier::Response => signed(&content).map(|inner| (inner, "itsdangerous")),
        _ => None,
    };
    found.map_or((content, None), |(inner, name)| (inner, Some(name)))
}

/// What dogpile.cache puts before the pickle of a value: its own facts as JSON, and a bar
/// (`dogpile/cache/region.py: _serialize_cached_value_elements`, 1.1 and later).
const DOGPILE: (&[u8], &[u8]) = (b"{\"", b"}|");
/// Dogpile's facts are a time and a version.
const DOGPILE_BYTES: usize = 256;

fn dogpile(content: &Content) -> Option<Content> {
    if !content.is_plain() {
        return None;
    }
    let (front, end) = DOGPILE;
    let head = content.head(DOGPILE_BYTES);
    let bar = head.windows(end.len()).position(|bytes| bytes == end)?;
    let facts = head.get(..=bar).filter(|facts| facts.starts_with(front))?;
    let facts: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(facts).ok()?;
    let inner = content.range((bar + end.len()) as u64, u64::MAX);
    let is_one = facts.contains_key("ct") && pickle::is_likely(&inner.head(HEAD_LEN));
    is_one.then_some(inner)
}

/// Base64 digits of a signature without padding: SHA-1, which nobody changes, and the other hashes of SHA-2.
const SIGNATURE_DIGITS: [usize; 5] = [27, 38, 43, 64, 86];
/// Between value and signature (`itsdangerous/signer.py: Signer.sep`).
const SEPARATOR: u8 = b'.';
/// Ends of a pickle and of JSON.
const ENDS: [u8; 2] = [b'.', b'}'];

/// What `itsdangerous.Signer.sign` was given: the signature stands behind it, in base64 for urls. It is made with a key
/// that the store does not hold, so that nobody can say here whether it is right (requests-cache's
/// `safe_pickle_serializer`; itsdangerous 2.1 and 2.2).
fn signed(content: &Content) -> Option<Content> {
    let len = content.len()?;
    let most = SIGNATURE_DIGITS.into_iter().max()? as u64 + 2;
    let mut tail = vec![0; usize::try_from(most.min(len)).ok()?];
    let n = content.read_at(len - tail.len() as u64, &mut tail).ok()?;
    let tail = tail.get(..n)?;
    let at = tail.iter().rposition(|byte| *byte == SEPARATOR)?;
    let (value, signature) = (tail.get(..at)?, tail.get(at + 1..)?);
    let is_digit = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let is_one = SIGNATURE_DIGITS.contains(&signature.len())
        && signature.iter().all(is_digit)
        && value.last().is_some_and(|end| ENDS.contains(end));
    is_one.then(|| content.range(0, len - (tail.len() - at) as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Committed stores of the library show the rest.
    #[test]
    fn only_what_is_formed_like_a_signature_is_taken_off() {
        const SIGNATURE: &[u8] = b"XZ9pGCDs-SRwDoKfhQJyO7_RbQ4";
        let check = |stored: &[&[u8]], inner: Option<&[u8]>| {
            let content = Content::of_bytes(stored.concat());
            let found = signed(&content).map(|inner| inner.head(100));
            assert_eq!(found.as_deref(), inner, "{stored:?}");
        };
        let pickle: &[u8] = b"\x80\x04K\x01.";
        check(&[pickle, b".", SIGNATURE], Some(pickle));
        check(&[b"{\"a\": 1}.", SIGNATURE], Some(b"{\"a\": 1}"));
        check(&[pickle], None);
        check(&[b".", SIGNATURE], None);
        check(&[b""], None);
        check(&[pickle, SIGNATURE], None);
        check(&[pickle, b".", SIGNATURE, b"A"], None);
        check(&[pickle, b".", &[b'!'; 27]], None);
    }
}
