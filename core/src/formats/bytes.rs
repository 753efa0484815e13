//! Bytes behind the several ways in which pickles write them.

use std::borrow::Cow;

use crate::model::value::{Blob, Leaf, NodeId, Value};

/// The bytes at `node`, if it is bytes in any of its forms; cut where only a head was kept.
///
/// Python 3 writes bytes at protocols up to 2 as `_codecs.encode(text, 'latin1')`, Python 2 as its only string.
pub(crate) fn bytes_of(value: &Value, node: NodeId) -> Option<Blob<'_>> {
    match value.leaf(node) {
        Some(Leaf::Bytes(blob) | Leaf::ByteArray(blob) | Leaf::Python2Str(blob)) => Some(blob),
        Some(_) => None,
        None => encoded_text(value, node).or_else(|| empty_bytes(value, node)),
    }
}

/// `_codecs.encode(text, 'latin1')` as bytes. Its `len` counts characters, its `offset` is that of the text.
fn encoded_text(value: &Value, node: NodeId) -> Option<Blob<'_>> {
    let object = value.object(node)?;
    if !value.name(object.callee)?.is("_codecs", "encode") {
        return None;
    }
    let encoding = value.str(value.item(object.args, 1)?)?;
    if !matches!(&*encoding, "latin1" | "latin-1") {
        return None;
    }
    match value.leaf(value.item(object.args, 0)?)? {
        Leaf::Str(blob) => Some(latin1(&blob)),
        _ => None,
    }
}

/// Empty bytes are written as `bytes()` there.
fn empty_bytes(value: &Value, node: NodeId) -> Option<Blob<'static>> {
    let object = value.object(node)?;
    let is_empty =
        value.name(object.callee)?.is("builtins", "bytes") && object.args == NodeId::EMPTY_TUPLE;
    is_empty.then_some(Blob {
        bytes: Cow::Borrowed(&[]),
        len: 0,
        offset: None,
    })
}

/// Text of characters up to U+00FF as the bytes they stand for.
pub(crate) fn latin1(text: &Blob<'_>) -> Blob<'static> {
    let bytes: Vec<u8> = String::from_utf8_lossy(&text.bytes)
        .chars()
        .map_while(|c| u8::try_from(u32::from(c)).ok())
        .collect();
    let len = if text.is_cut() {
        text.len
    } else {
        bytes.len() as u64
    };
    Blob {
        bytes: Cow::Owned(bytes),
        len,
        offset: text.offset,
    }
}
