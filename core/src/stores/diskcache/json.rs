//! Keys of a `JSONDisk`: compressed JSON, which nothing in the store announces.

use std::sync::Arc;

use serde_json::Value as Json;

use crate::formats::Content;
use crate::formats::compress::{Codec, SIGNATURE_LEN};
use crate::formats::repr::{float_repr, str_key_label};
use crate::model::Value;
use crate::source::ReadAt;

/// Longest key that is unpacked, in bytes.
const KEY_BYTES: usize = 64 << 10;
/// Longest value that is looked into for JSON, in bytes.
const VALUE_BYTES: usize = 16 << 20;

/// A key as it is listed, if these bytes are JSON in a zlib stream.
pub(super) fn key_label(bytes: &[u8]) -> Option<String> {
    if Codec::detect_strictly(bytes) != Some(Codec::Zlib) {
        return None;
    }
    let unpacked = Content::of_bytes(bytes)
        .peel(Codec::detect_strictly)
        .head(KEY_BYTES);
    match serde_json::from_slice(&unpacked).ok()? {
        Json::String(text) => Some(str_key_label(&text).into_owned()),
        other => {
            let mut label = String::new();
            write(&other, &mut label);
            Some(label)
        }
    }
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
    serde_json::from_slice::<serde::de::IgnoredAny>(&unpacked).is_ok()
}

/// What `repr(json.loads(…))` prints; the parser has bounded the depth.
fn write(json: &Json, out: &mut String) {
    match json {
        Json::Null => out.push_str("None"),
        Json::Bool(true) => out.push_str("True"),
        Json::Bool(false) => out.push_str("False"),
        Json::Number(n) => match n.as_f64() {
            Some(x) if n.is_f64() => out.push_str(&float_repr(x)),
            _ => out.push_str(&n.to_string()),
        },
        Json::String(text) => {
            let value = Value::of_str(text);
            out.push_str(&value.repr(value.root(), KEY_BYTES).text);
        }
        Json::Array(items) => {
            out.push('[');
            for (n, item) in items.iter().enumerate() {
                out.push_str(if n > 0 { ", " } else { "" });
                write(item, out);
            }
            out.push(']');
        }
        Json::Object(members) => {
            out.push('{');
            for (n, (name, item)) in members.iter().enumerate() {
                out.push_str(if n > 0 { ", " } else { "" });
                write(&Json::String(name.clone()), out);
                out.push_str(": ");
                write(item, out);
            }
            out.push('}');
        }
    }
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
        check("616263", None);
    }
}
