//! Python objects inside arrays as elements: their heads at a glance, left where they are to be written whole.

use super::look::Look;
use super::{Dtype, Scalar};
use crate::formats::Element;
use crate::formats::bytes::bytes_of;
use crate::formats::made::Made;
use crate::model::Kind;
use crate::model::value::{Integer, Leaf, NodeId, Tag, Value};

/// Characters of an object that are shown.
const SHOWN: usize = 200;

/// Bytes of text that are copied into an element; longer ones stay where they are.
const COPIED: usize = 64;

/// An element that is kept as an object: a record is a tuple of them.
pub(super) fn record(dtype: &Dtype, value: &Value, node: NodeId, look: &Look<'_>) -> Element {
    if dtype.fields.is_empty() || value.tag(node) != Some(Tag::Tuple) {
        return look.object(value, node);
    }
    // Types nest no deeper than `Dtype::from_value` lets them.
    let fields = dtype.fields.iter().zip(value.items(node));
    Element::List(
        fields
            .map(|(field, node)| record(&field.dtype, value, node, look))
            .collect(),
    )
}

/// A Python object as plain data; what has none by the head of what it prints.
pub(crate) fn element_of(value: &Value, node: NodeId) -> Element {
    if let Some(element) = plain(value, node) {
        return element;
    }
    match value.leaf(node) {
        Some(Leaf::Str(blob) | Leaf::Python2Str(blob)) if !blob.is_cut() => {
            Element::Text(String::from_utf8_lossy(&blob.bytes).into_owned())
        }
        _ => Element::Repr(value.repr(node, SHOWN).text),
    }
}

/// A Python object as plain data; what is long or has parts stays where it is.
pub(super) fn left_element(value: &Value, node: NodeId) -> Element {
    match value.leaf(node) {
        Some(Leaf::Str(blob) | Leaf::Python2Str(blob))
            if !blob.is_cut() && blob.bytes.len() <= COPIED =>
        {
            Element::Text(String::from_utf8_lossy(&blob.bytes).into_owned())
        }
        _ => plain(value, node).unwrap_or(Element::Object(node)),
    }
}

/// Constants, and numbers of up to 128 bits; `None` for all others.
fn plain(value: &Value, node: NodeId) -> Option<Element> {
    Some(match (value.kind(node), value.leaf(node)) {
        (Kind::Missing, _) => Element::Null,
        (Kind::None, _) => Element::None,
        (Kind::Bool, _) => Element::Bool(node == NodeId::TRUE),
        (_, Some(Leaf::Int(Integer::Small(int)))) => Element::Int(int.into()),
        (_, Some(Leaf::Float(float))) => Element::Float(float),
        (Kind::Int, _) => Element::Int(value.repr(node, SHOWN).text.parse().ok()?),
        _ => return scalar(value, node),
    })
}

/// A number or text of numpy's own among Python objects; `None` for all others.
fn scalar(value: &Value, node: NodeId) -> Option<Element> {
    let made = Made::of(value, node)?;
    if made.qualname != "scalar" || !made.module.ends_with("multiarray") {
        return None;
    }
    let dtype = Dtype::from_value(value, *made.args.first()?).ok()?;
    let is_plain = matches!(
        dtype.scalar,
        Scalar::Bool | Scalar::Int | Scalar::UInt | Scalar::Float | Scalar::Str
    );
    let bytes = bytes_of(value, *made.args.get(1)?);
    let bytes = bytes.filter(|bytes| is_plain && !bytes.is_cut())?;
    Some(dtype.element(&bytes.bytes))
}
