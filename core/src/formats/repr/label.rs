//! One line about a value, for lists and tree rows.

use super::types::type_name;
use crate::formats::numpy::ArrayView;
use crate::model::Kind;
use crate::model::value::{Leaf, NodeId, Value};

/// Characters of a value that a line shows.
const SHOWN: usize = 120;

/// Containers and arrays by type and size, everything else as Python prints it.
pub(super) fn label(value: &Value, node: NodeId) -> String {
    if let Some(array) = ArrayView::of(value, node) {
        return array.label();
    }
    let size = match value.kind(node) {
        Kind::List | Kind::Tuple | Kind::Set | Kind::FrozenSet => {
            Some((value.n_items(node), "item"))
        }
        Kind::Dict => Some((value.n_items(node) / 2, "key")),
        Kind::Object => object_size(value, node),
        _ => None,
    };
    let repr = value.repr(node, SHOWN);
    match size {
        Some((n, unit)) if repr.is_cut || n > 3 => {
            let type_name = type_name(value, node);
            let more = if goes_on(value, node) { " or more" } else { "" };
            format!("{type_name}, {}{more}", counted(n, unit))
        }
        _ if repr.is_cut && value.kind(node) == Kind::Object => {
            let n = value.len(node);
            let type_name = type_name(value, node);
            format!("{type_name}, {}", counted(n, "part"))
        }
        _ if repr.is_cut => match blob_len(value, node) {
            Some((word, len)) => format!("{}… ({}, {len} bytes)", repr.text, word),
            None => format!("{}…", repr.text),
        },
        _ => repr.text,
    }
}

/// Containers that were open where a value was cut stand below each other: deeper ones are not told.
const MAX_OPEN: usize = 1000;

/// True for a container that was open where the reading of the value ended: it holds more than was read of it.
fn goes_on(value: &Value, node: NodeId) -> bool {
    let last = |node: &NodeId| {
        let n = value.len(*node);
        value
            .children(*node, n.checked_sub(1)?..n)
            .first()
            .map(|child| child.node)
    };
    let mut open = std::iter::successors(Some(value.root()), last).take(MAX_OPEN);
    value.is_cut && open.any(|of| of == node)
}

/// What was added to an object that is a container itself.
fn object_size(value: &Value, node: NodeId) -> Option<(usize, &'static str)> {
    let object = value.object(node)?;
    match (value.n_items(object.pairs) / 2, value.n_items(object.items)) {
        (0, 0) => None,
        (0, n) => Some((n, "item")),
        (n, _) => Some((n, "key")),
    }
}

fn blob_len(value: &Value, node: NodeId) -> Option<(&'static str, u64)> {
    match value.leaf(node)? {
        Leaf::Str(blob) | Leaf::Python2Str(blob) => Some(("str", blob.len)),
        Leaf::Bytes(blob) => Some(("bytes", blob.len)),
        Leaf::ByteArray(blob) => Some(("bytearray", blob.len)),
        Leaf::Int(_) | Leaf::Float(_) => None,
    }
}

/// `1 key`, `41 keys`, `120,441 items`.
fn counted(n: usize, unit: &str) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    format!("{text} {unit}{}", if n == 1 { "" } else { "s" })
}
