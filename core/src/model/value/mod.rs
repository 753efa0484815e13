//! Decoded values: an arena of cells addressed by four-byte ids, so that sharing, cycles and depth cost nothing.
//!
//! Nothing in here recurses; dropping a million nested lists frees a handful of vectors.

mod arena;
mod call;
pub(crate) mod digits;
mod leaf;
mod node;
mod scalar;
mod text;
mod tree;

pub use call::{Call, CallClass, Name};
pub use leaf::{Blob, Integer, Leaf};
pub use node::NodeId;
pub use tree::{Child, ChildKey, Kind};

pub(crate) use leaf::{push_code_point, read as read_leaf};
pub(crate) use node::{Cell, Chain, Constant, Object, Run, Slot, Tag};
pub(crate) use text::{Gap, KeptText};

/// One decoded Python value with everything it refers to, as symbols: nothing in it was ever imported or called.
#[derive(Debug, Clone)]
pub struct Value {
    pub(crate) text: KeptText,
    pub(crate) cells: Vec<Cell>,
    pub(crate) children: Vec<NodeId>,
    pub(crate) chains: Vec<Chain>,
    pub(crate) objects: Vec<Object>,
    pub(crate) names: Vec<Name>,
    pub(crate) blocks: Vec<RawBlock>,
    pub(crate) root: NodeId,
    /// True if it was not read to its end: the containers that were open then hold more.
    pub(crate) is_cut: bool,
    shared: std::sync::OnceLock<Vec<bool>>,
}

/// An array whose data lie in the stream itself, behind joblib's wrapper object.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RawBlock {
    /// The wrapper as recorded, before the block took its place.
    pub(crate) wrapper: Object,
    /// Where the data begin in the decoded stream, and how many bytes there are.
    pub(crate) offset: u64,
    pub(crate) len: u64,
    /// The array as a pickle of its own (arrays of objects); missing for raw data.
    pub(crate) nested: NodeId,
}

impl Value {
    /// The value itself; the other nodes hang below it.
    pub fn root(&self) -> NodeId {
        self.root
    }

    /// Cells and child references held: what the limit on nodes counts.
    pub fn n_nodes(&self) -> usize {
        self.cells.len().saturating_add(self.children.len())
    }

    /// Memory held, in bytes, kept input included.
    pub fn size_bytes(&self) -> usize {
        self.text.bytes.capacity()
            + self.cells.capacity() * size_of::<Cell>()
            + self.children.capacity() * size_of::<NodeId>()
            + self.objects.capacity() * size_of::<Object>()
    }

    /// The number, text or bytes at `node`; `None` for constants, containers and objects.
    pub fn leaf(&self, node: NodeId) -> Option<Leaf<'_>> {
        match node.slot() {
            Slot::Int(value) => Some(Leaf::Int(Integer::Small(i64::from(value)))),
            Slot::Leaf(position) => leaf::read(&self.text, position),
            Slot::Cell(_) | Slot::Constant(_) => None,
        }
    }

    /// The text at `node` where it is valid UTF-8 and was kept whole.
    pub fn str(&self, node: NodeId) -> Option<std::borrow::Cow<'_, str>> {
        match self.leaf(node)? {
            Leaf::Str(blob) | Leaf::Python2Str(blob) if !blob.is_cut() => match blob.bytes {
                std::borrow::Cow::Borrowed(bytes) => {
                    std::str::from_utf8(bytes).ok().map(Into::into)
                }
                std::borrow::Cow::Owned(bytes) => String::from_utf8(bytes).ok().map(Into::into),
            },
            _ => None,
        }
    }

    /// The integer or bool at `node` where it fits 64 bits.
    pub fn int(&self, node: NodeId) -> Option<i64> {
        match node {
            NodeId::TRUE => return Some(1),
            NodeId::FALSE => return Some(0),
            _ => {}
        }
        match self.leaf(node)? {
            Leaf::Int(Integer::Small(value)) => Some(value),
            _ => None,
        }
    }
}
