//! Keys of a `JSONDisk`: compressed JSON, which nothing in the store announces.

use std::sync::Arc;

use crate::formats::compress::{Codec, SIGNATURE_LEN};
use crate::formats::{Content, pickle, plain};
use crate::source::ReadAt;

/// Longest key that is unpacked, in bytes.
const KEY_BYTES: usize = 64 << 10;
/// Longest value that is looked into for JSON, in bytes.
const VALUE_BYTES: usize = 16 << 20;

/// A key as it is listed, if these bytes are JSON in a zlib stream.
pub(super) fn key_label(bytes: &[u8]) -> Option<String> {
    let value = pickle::decode_bytes(&key_pickle(bytes)?).value;
    let label = value.key_label(value.root());
    // An empty label would be none, and the key be listed by its bytes.
    Some(if label.is_empty() {
        "''".to_owned()
    } else {
        label
    })
}

/// The key that `JSONDisk` makes of these bytes, as a pickle, if they are JSON in a zlib stream.
pub(super) fn key_pickle(bytes: &[u8]) -> Option<Vec<u8>> {
    if Codec::detect_strictly(bytes) != Some(Codec::Zlib) {
        return None;
    }
    let unpacked = Content::of_bytes(bytes)
        .peel(Codec::detect_strictly)
        .head(KEY_BYTES);
    plain::from_json(&unpacked).ok()
}

/// True for compressed JSON, which `JSONDisk` keeps where others keep plain bytes.
pub(super) fn is_one(bytes: &Arc<dyn ReadAt>) -> bool {
    let mut head = [0; SIGNATURE_LEN];
    let n = bytes.read_full_at(0, &mut head).unwrap_or(0);
    if Codec::detect_strictly(head.get(..n).unwrap_or_default()) != Some(Codec::Zlib) {
        return false;
    }
    let unpacked = Content::plain(Arc::clone(bytes))
        .peel(Codec::detect_strictly)
        .head(VALUE_BYTES);
    plain::from_json(&unpacked).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compressed_json_is_listed_as_python_gets_it_back() {
        // zlib.compress(json.dumps(k).encode(), 6) for k in 'user:1', ['list', 1.5, …], '42'
        let check = |hex: &str, expected: Option<&str>| {
            let digit = |byte: &u8| char::from(*byte).to_digit(16).unwrap();
            let pair = |pair: &[u8]| u8::try_from(pair.iter().fold(0, |n, b| n * 16 + digit(b)));
            let bytes: Vec<u8> = hex.as_bytes().chunks(2).map(|p| pair(p).unwrap()).collect();
            assert_eq!(key_label(&bytes).as_deref(), expected);
        };
        check("789c532a2d4e2db2325402000bf0026f", Some("user:1"));
        check(
            "789c8b56cac92c2e51d25130d433d551c82bcdc9d15128292a4dd551a8564a54b25230ac8d0500b6c40a20",
            Some("['list', 1.5, None, True, {'a': 1}]"),
        );
        check("789c53323152020001ae00ab", Some("'42'"));
        // {'b': 1, 'a': 2}, 123456789012345678901234567890 and '\ud800x'
        check(
            "789cab564a52b25230d451504a04d246b5001f6903a7",
            Some("{'b': 1, 'a': 2}"),
        );
        check(
            "789c33343236313533b7b03430c4c202005f0a0628",
            Some("123456789012345678901234567890"),
        );
        check("789c538a294db13030a85002000d20028a", Some(r"'\ud800x'"));
        // ''
        check("789c5352020000680045", Some("''"));
        check("616263", None);
    }
}
