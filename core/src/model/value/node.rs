//! Addresses and cells of the arena: what a four-byte node id means and the eight bytes it may point to.

/// Address of one decoded value inside its [`Value`](super::Value).
///
/// Small integers and constants stand in the id itself, text and numbers are positions in the bytes that were
/// decoded, everything else is a cell of the arena. Two equal ids of one value are one Python object.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(u32);

/// What a [`NodeId`] stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Slot {
    /// Index of a cell.
    Cell(u32),
    /// Position of an opcode with its argument in the kept bytes.
    Leaf(u32),
    /// The number itself.
    Int(i32),
    /// One of the few constants.
    Constant(Constant),
}

/// Values that need no storage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Constant {
    /// A place that was never filled: a popped value, a slot beyond a limit.
    Missing,
    None,
    False,
    True,
    EmptyTuple,
}

const TAG_SHIFT: u32 = 30;
const PAYLOAD: u32 = (1 << TAG_SHIFT) - 1;
const TAG_CELL: u32 = 0;
const TAG_LEAF: u32 = 1;
const TAG_INT: u32 = 2;
const TAG_CONSTANT: u32 = 3;
/// Half of the span of integers that fit into an id.
const INT_BIAS: i64 = 1 << (TAG_SHIFT - 1);

impl NodeId {
    /// A place without a value.
    pub(crate) const MISSING: Self = Self::constant(Constant::Missing);
    pub(crate) const NONE: Self = Self::constant(Constant::None);
    pub(crate) const FALSE: Self = Self::constant(Constant::False);
    pub(crate) const TRUE: Self = Self::constant(Constant::True);
    pub(crate) const EMPTY_TUPLE: Self = Self::constant(Constant::EmptyTuple);

    /// One past the largest cell index or position that an id can hold.
    pub(crate) const MAX_INDEX: u32 = PAYLOAD;

    const fn constant(constant: Constant) -> Self {
        Self(TAG_CONSTANT << TAG_SHIFT | constant as u32)
    }

    /// `index` must be below [`Self::MAX_INDEX`]; the arena sees to that.
    pub(crate) const fn cell(index: u32) -> Self {
        Self(TAG_CELL << TAG_SHIFT | index & PAYLOAD)
    }

    /// `position` must be below [`Self::MAX_INDEX`]; the arena sees to that.
    pub(crate) const fn leaf(position: u32) -> Self {
        Self(TAG_LEAF << TAG_SHIFT | position & PAYLOAD)
    }

    pub(crate) const fn bool(value: bool) -> Self {
        if value { Self::TRUE } else { Self::FALSE }
    }

    /// The id of a small integer; `None` if it needs storage.
    pub(crate) fn int(value: i64) -> Option<Self> {
        let payload = u32::try_from(value.checked_add(INT_BIAS)?).ok()?;
        (payload <= PAYLOAD).then_some(Self(TAG_INT << TAG_SHIFT | payload))
    }

    pub(crate) fn slot(self) -> Slot {
        let payload = self.0 & PAYLOAD;
        match self.0 >> TAG_SHIFT {
            TAG_CELL => Slot::Cell(payload),
            TAG_LEAF => Slot::Leaf(payload),
            TAG_INT => Slot::Int(i32::try_from(i64::from(payload) - INT_BIAS).unwrap_or_default()),
            _ => Slot::Constant(match payload {
                1 => Constant::None,
                2 => Constant::False,
                3 => Constant::True,
                4 => Constant::EmptyTuple,
                _ => Constant::Missing,
            }),
        }
    }

    /// True for a place without a value.
    pub fn is_missing(self) -> bool {
        self == Self::MISSING
    }
}

impl std::fmt::Debug for NodeId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.slot() {
            Slot::Cell(index) => write!(f, "#{index}"),
            Slot::Leaf(position) => write!(f, "@{position}"),
            Slot::Int(value) => write!(f, "{value}"),
            Slot::Constant(constant) => write!(f, "{constant:?}"),
        }
    }
}

/// Kinds of cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Tag {
    /// Children: items.
    List,
    Tuple,
    Set,
    FrozenSet,
    /// Children: key, value, key, value.
    Dict,
    /// `payload`: index of a name.
    Global,
    /// `payload`: index of an [`Object`].
    Object,
    /// `payload`: index of a raw array block.
    Block,
    /// `payload`: id of the persistent identifier.
    PersistentId,
    /// `payload`: code in the extension registry.
    Extension,
    /// `payload`: number of the out-of-band buffer; `len` 1 if marked read-only.
    Buffer,
}

/// One cell: eight bytes. Children are a run of the arena's child list, or a chain of runs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cell {
    /// Kind in the low 5 bits, number of children above; [`Cell::CHAINED`] there sends to a chain.
    head: u32,
    /// First child, chain index, or whatever the kind says.
    pub(crate) payload: u32,
}

impl Cell {
    const TAG_BITS: u32 = 5;
    const CHAINED: u32 = u32::MAX >> Self::TAG_BITS;

    pub(crate) fn new(tag: Tag, payload: u32) -> Self {
        Self {
            head: tag as u32,
            payload,
        }
    }

    pub(crate) fn tag(self) -> Tag {
        const TAGS: [Tag; 11] = [
            Tag::List,
            Tag::Tuple,
            Tag::Set,
            Tag::FrozenSet,
            Tag::Dict,
            Tag::Global,
            Tag::Object,
            Tag::Block,
            Tag::PersistentId,
            Tag::Extension,
            Tag::Buffer,
        ];
        let index = self.head & ((1 << Self::TAG_BITS) - 1);
        TAGS.get(index as usize).copied().unwrap_or(Tag::Buffer)
    }

    /// Number of children of a cell with one run; `None` for a chain.
    pub(crate) fn run_len(self) -> Option<u32> {
        let len = self.head >> Self::TAG_BITS;
        (len != Self::CHAINED).then_some(len)
    }

    /// Sets the number of children; false if it is too large for one run.
    pub(crate) fn set_run_len(&mut self, len: usize) -> bool {
        match u32::try_from(len) {
            Ok(len) if len < Self::CHAINED => {
                self.head = self.head & ((1 << Self::TAG_BITS) - 1) | len << Self::TAG_BITS;
                true
            }
            _ => false,
        }
    }

    pub(crate) fn set_chained(&mut self, chain: u32) {
        self.head |= Self::CHAINED << Self::TAG_BITS;
        self.payload = chain;
    }
}

/// Children that arrived in several batches: runs in the order of arrival.
#[derive(Debug, Clone, Default)]
pub(crate) struct Chain {
    pub(crate) runs: Vec<Run>,
    pub(crate) len: u32,
}

/// A piece of a chain.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Run {
    /// Number of the first child in the whole chain.
    pub(crate) first: u32,
    /// Where it stands in the arena's child list.
    pub(crate) start: u32,
}

/// An object as recorded: what would be called, with what, and what would be attached afterwards.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Object {
    pub(crate) callee: NodeId,
    pub(crate) args: NodeId,
    pub(crate) kwargs: NodeId,
    /// Argument of BUILD.
    pub(crate) state: NodeId,
    /// A list cell with what APPEND(S) or ADDITEMS gave.
    pub(crate) items: NodeId,
    /// A dict cell with what SETITEM(S) gave.
    pub(crate) pairs: NodeId,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_round_trip() {
        for value in [0, 1, -1, (1 << 29) - 1, -(1 << 29)] {
            assert_eq!(
                NodeId::int(value).unwrap().slot(),
                Slot::Int(i32::try_from(value).unwrap())
            );
        }
        assert_eq!(NodeId::int(1 << 29), None);
        assert_eq!(NodeId::int(i64::MIN), None);
        assert_eq!(NodeId::leaf(7).slot(), Slot::Leaf(7));
        assert_eq!(NodeId::TRUE.slot(), Slot::Constant(Constant::True));
        assert_eq!(std::mem::size_of::<Cell>(), 8);
    }

    #[test]
    fn cells_keep_their_kind_when_they_grow() {
        let mut cell = Cell::new(Tag::Dict, 3);
        assert!(cell.set_run_len(1 << 20));
        assert_eq!((cell.tag(), cell.run_len()), (Tag::Dict, Some(1 << 20)));
        assert!(!cell.set_run_len(1 << 27));
        cell.set_chained(9);
        assert_eq!(
            (cell.tag(), cell.run_len(), cell.payload),
            (Tag::Dict, None, 9)
        );
    }
}
