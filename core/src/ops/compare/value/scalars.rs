//! Integers, text and bytes of two values, in all the forms that pickles write them in.

use super::{Found, Side, Walk};
use crate::formats::Content;
use crate::formats::bytes::bytes_of;
use crate::formats::repr::decimal_of;
use crate::model::value::{Blob, Integer, Leaf, NodeId};

impl Side {
    /// All bytes at `node`, which protocols up to 2 write as text of Latin-1 with a call around it.
    fn latin1(&self, node: NodeId) -> Option<Vec<u8>> {
        let value = self.value();
        let Some(object) = value.object(node) else {
            return whole(&bytes_of(value, node)?, self.content());
        };
        let Some(text) = value.item(object.args, 0) else {
            return Some(Vec::new());
        };
        let Some(Leaf::Str(text)) = value.leaf(text) else {
            return None;
        };
        let text = String::from_utf8(whole(&text, self.content())?).ok()?;
        let bytes = text.chars().map(|c| u8::try_from(u32::from(c)));
        bytes.collect::<Result<_, _>>().ok()
    }

    /// True for a `bytearray`: before protocol 5 it is a call (`bytearrayobject.c: __reduce_ex__`).
    fn is_byte_array(&self, node: NodeId) -> bool {
        let value = self.value();
        match value.leaf(node) {
            Some(leaf) => matches!(leaf, Leaf::ByteArray(_)),
            None => value
                .object(node)
                .and_then(|object| value.name(object.callee))
                .is_some_and(|name| name.is("builtins", "bytearray")),
        }
    }

    /// The bytes of one; `None` if they cannot be read.
    fn byte_array(&self, node: NodeId) -> Option<Vec<u8>> {
        let value = self.value();
        let inner = match value.object(node) {
            Some(object) => value.item(object.args, 0),
            None => Some(node),
        };
        let Some(inner) = inner else {
            return Some(Vec::new());
        };
        match bytes_of(value, inner) {
            Some(blob) => whole(&blob, self.content()),
            // Up to protocol 2 it is made of text of Latin-1.
            None => self.latin1(node),
        }
    }
}

impl Walk<'_> {
    /// Two values of bytes, in any of their forms; `None` if one is none.
    pub(super) fn bytes(&self, left: NodeId, right: NodeId) -> Option<Found> {
        match (
            self.left.is_byte_array(left),
            self.right.is_byte_array(right),
        ) {
            (true, true) => {
                let theirs = self.right.byte_array(right);
                return Some(told(self.left.byte_array(left), theirs));
            }
            (false, false) => {}
            _ => return Some(Found::Different),
        }
        let (l, r) = (self.left.value(), self.right.value());
        let (ours, theirs) = (bytes_of(l, left)?, bytes_of(r, right)?);
        if l.leaf(left).is_none() || r.leaf(right).is_none() {
            return Some(told(self.left.latin1(left), self.right.latin1(right)));
        }
        Some(self.blobs(&ours, &theirs))
    }

    /// Text or bytes, of which only heads may be in memory.
    pub(super) fn blobs(&self, left: &Blob<'_>, right: &Blob<'_>) -> Found {
        if left.len != right.len {
            return Found::Different;
        }
        if !left.is_cut() && !right.is_cut() {
            return Found::of(left.bytes == right.bytes);
        }
        told(
            whole(left, self.left.content()),
            whole(right, self.right.content()),
        )
    }

    pub(super) fn integers(&self, left: &Integer<'_>, right: &Integer<'_>) -> Found {
        let (ours, theirs) = (self.left.content(), self.right.content());
        if let (Integer::Binary(left), Integer::Binary(right)) = (left, right) {
            return told(shortest(left, ours), shortest(right, theirs));
        }
        // Protocols up to 1 write large ones in decimal.
        let text = |text: Option<String>| text.map(String::into_bytes);
        told(text(decimal(left, ours)), text(decimal(right, theirs)))
    }
}

fn told(ours: Option<Vec<u8>>, theirs: Option<Vec<u8>>) -> Found {
    match (ours, theirs) {
        (Some(ours), Some(theirs)) => Found::of(ours == theirs),
        _ => Found::Unknown("part of it could not be read"),
    }
}

/// Two's complement without the bytes that only say the sign again.
fn shortest(blob: &Blob<'_>, content: &Content) -> Option<Vec<u8>> {
    let mut bytes = whole(blob, content)?;
    while let [.., below, top] = bytes.as_slice()
        && *top == if below >> 7 == 1 { 0xff } else { 0 }
    {
        bytes.pop();
    }
    Some(bytes)
}

fn decimal(integer: &Integer<'_>, content: &Content) -> Option<String> {
    Some(match integer {
        Integer::Small(n) => n.to_string(),
        Integer::Decimal(text) => text.trim_start_matches('+').to_owned(),
        Integer::Binary(blob) => decimal_of(&whole(blob, content)?),
    })
}

/// Text or bytes to their end, of which only a head may be in memory.
fn whole(blob: &Blob<'_>, content: &Content) -> Option<Vec<u8>> {
    if !blob.is_cut() {
        return Some(blob.bytes.to_vec());
    }
    let mut bytes = vec![0; usize::try_from(blob.len).ok()?];
    let n = content.read_at(blob.offset?, &mut bytes).ok()?;
    (n == bytes.len()).then_some(bytes)
}
