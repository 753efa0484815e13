//! Values that were not pickled: a row's number or text, a file's bytes.

use super::{KeptText, NodeId, Value};

impl Value {
    /// `None`, as a row's NULL.
    pub fn none() -> Self {
        Self::of_root(NodeId::NONE)
    }

    /// A place without a value.
    pub(crate) fn missing() -> Self {
        Self::of_root(NodeId::MISSING)
    }

    /// An integer.
    pub fn of_int(value: i64) -> Self {
        match NodeId::int(value) {
            Some(node) => Self::of_root(node),
            None => Self::of_leaf(b"\x8a\x08", &value.to_le_bytes()),
        }
    }

    /// A float.
    pub fn of_float(value: f64) -> Self {
        Self::of_leaf(b"G", &value.to_be_bytes())
    }

    /// Text.
    pub fn of_str(text: &str) -> Self {
        Self::of_counted(0x8d, text.as_bytes())
    }

    /// Bytes.
    pub fn of_bytes(bytes: &[u8]) -> Self {
        Self::of_counted(0x8e, bytes)
    }

    fn of_root(root: NodeId) -> Self {
        let mut value = Self::empty(KeptText::default());
        value.root = root;
        value
    }

    fn of_counted(opcode: u8, bytes: &[u8]) -> Self {
        let mut head = vec![opcode];
        head.extend((bytes.len() as u64).to_le_bytes());
        Self::of_leaf(&head, bytes)
    }

    fn of_leaf(opcode: &[u8], argument: &[u8]) -> Self {
        let mut value = Self::of_root(NodeId::leaf(0));
        value.text.bytes = [opcode, argument].concat();
        value
    }
}
