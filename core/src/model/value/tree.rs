//! Walking a value one level at a time, for a tree that opens its branches when a person asks for them.

use std::ops::Range;

use super::{Constant, Leaf, NodeId, Slot, Tag, Value};

/// What a node is, before its meaning is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A place that was never filled: damage, or a limit.
    Missing,
    /// `None`.
    None,
    /// `True` or `False`.
    Bool,
    /// An integer.
    Int,
    /// A float.
    Float,
    /// Text.
    Str,
    /// `bytes`.
    Bytes,
    /// `bytearray`.
    ByteArray,
    /// A list.
    List,
    /// A tuple.
    Tuple,
    /// A set.
    Set,
    /// A frozenset.
    FrozenSet,
    /// A dict.
    Dict,
    /// A class, function or module constant that is only named.
    Global,
    /// Something that Python would make by a call.
    Object,
    /// An array whose data lie in the stream (joblib).
    Array,
    /// A persistent id, resolved by the program that wrote it.
    PersistentId,
    /// A code of the extension registry.
    Extension,
    /// A buffer that was stored elsewhere.
    Buffer,
}

/// One row below a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Child {
    /// How its parent knows it.
    pub key: ChildKey,
    /// The value.
    pub node: NodeId,
}

/// How a parent knows a child.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChildKey {
    /// Position in a list, tuple or set.
    Index(usize),
    /// Key in a dict.
    Key(NodeId),
    /// Attribute of an object.
    Attribute(NodeId),
    /// Position among the arguments of the call that makes the object.
    Argument(usize),
    /// Keyword argument of that call.
    Keyword(NodeId),
    /// State that is no plain set of attributes.
    State,
}

/// A stretch of an object's children that come from one place.
enum Section {
    Arguments(NodeId),
    Keywords(NodeId),
    Attributes(NodeId),
    State(NodeId),
    Items(NodeId),
    Pairs(NodeId),
}

impl Value {
    /// What `node` is.
    pub fn kind(&self, node: NodeId) -> Kind {
        match node.slot() {
            Slot::Int(_) => Kind::Int,
            Slot::Constant(constant) => match constant {
                Constant::Missing => Kind::Missing,
                Constant::None => Kind::None,
                Constant::False | Constant::True => Kind::Bool,
                Constant::EmptyTuple => Kind::Tuple,
            },
            Slot::Leaf(_) => match self.leaf(node) {
                Some(Leaf::Int(_)) => Kind::Int,
                Some(Leaf::Float(_)) => Kind::Float,
                Some(Leaf::Str(_) | Leaf::Python2Str(_)) => Kind::Str,
                Some(Leaf::Bytes(_)) => Kind::Bytes,
                Some(Leaf::ByteArray(_)) => Kind::ByteArray,
                None => Kind::Missing,
            },
            Slot::Cell(_) => match self.tag(node) {
                None => Kind::Missing,
                Some(Tag::List) => Kind::List,
                Some(Tag::Tuple) => Kind::Tuple,
                Some(Tag::Set) => Kind::Set,
                Some(Tag::FrozenSet) => Kind::FrozenSet,
                Some(Tag::Dict) => Kind::Dict,
                Some(Tag::Global) => Kind::Global,
                Some(Tag::Object) => Kind::Object,
                Some(Tag::Block) => Kind::Array,
                Some(Tag::PersistentId) => Kind::PersistentId,
                Some(Tag::Extension) => Kind::Extension,
                Some(Tag::Buffer) => Kind::Buffer,
            },
        }
    }

    /// Number of children that [`Self::children`] can give.
    pub fn len(&self, node: NodeId) -> usize {
        self.sections(node)
            .iter()
            .map(|section| self.section_len(section))
            .sum()
    }

    /// The children with these numbers, fewer at the end.
    pub fn children(&self, node: NodeId, range: Range<usize>) -> Vec<Child> {
        let mut out = Vec::new();
        let mut first = 0;
        for section in self.sections(node) {
            let len = self.section_len(&section);
            let start = range.start.max(first);
            let end = range.end.min(first + len);
            out.extend((start..end).filter_map(|n| self.section_child(&section, n - first)));
            first += len;
        }
        out
    }

    /// True if several places refer to this very container or object.
    pub fn is_shared(&self, node: NodeId) -> bool {
        let Slot::Cell(index) = node.slot() else {
            return false;
        };
        let shared = self.shared.get_or_init(|| self.count_shared());
        shared.get(index as usize).copied().unwrap_or(false)
    }

    fn count_shared(&self) -> Vec<bool> {
        let mut seen = vec![false; self.cells.len()];
        let mut shared = vec![false; self.cells.len()];
        let in_objects = self
            .objects
            .iter()
            .flat_map(|o| [o.args, o.kwargs, o.state]);
        for node in self.children.iter().copied().chain(in_objects) {
            let Slot::Cell(index) = node.slot() else {
                continue;
            };
            let index = index as usize;
            if let (Some(seen), Some(shared)) = (seen.get_mut(index), shared.get_mut(index)) {
                *shared |= *seen;
                *seen = true;
            }
        }
        shared
    }

    fn sections(&self, node: NodeId) -> Vec<Section> {
        match self.tag(node) {
            Some(Tag::List | Tag::Tuple | Tag::Set | Tag::FrozenSet) => vec![Section::Items(node)],
            Some(Tag::Dict) => vec![Section::Pairs(node)],
            Some(Tag::PersistentId) => self
                .cell(node)
                .and_then(|cell| self.children.get(cell.payload as usize))
                .map(|id| vec![Section::State(*id)])
                .unwrap_or_default(),
            Some(Tag::Object) => self.object_sections(node),
            _ => Vec::new(),
        }
    }

    fn object_sections(&self, node: NodeId) -> Vec<Section> {
        let Some(object) = self.object(node) else {
            return Vec::new();
        };
        let mut sections = vec![Section::Arguments(object.args)];
        if !object.kwargs.is_missing() {
            sections.push(Section::Keywords(object.kwargs));
        }
        sections.extend(self.state_sections(object.state));
        sections.extend([Section::Items(object.items), Section::Pairs(object.pairs)]);
        sections
    }

    /// A state is a dict, or a pair of dict and slots (`copyreg.__reduce_ex__`), or anything `__setstate__` takes.
    fn state_sections(&self, state: NodeId) -> Vec<Section> {
        if state.is_missing() || state == NodeId::NONE {
            return Vec::new();
        }
        if self.tag(state) == Some(Tag::Dict) {
            return vec![Section::Attributes(state)];
        }
        match self.state_parts(state) {
            parts if parts.is_empty() => vec![Section::State(state)],
            parts => parts.into_iter().map(Section::Attributes).collect(),
        }
    }

    /// The two dicts of a state with slots; empty for any other state.
    pub(crate) fn state_parts(&self, state: NodeId) -> Vec<NodeId> {
        if self.tag(state) != Some(Tag::Tuple) || self.n_items(state) != 2 {
            return Vec::new();
        }
        let parts: Vec<NodeId> = self.items(state).collect();
        let is_part = |n: &NodeId| *n == NodeId::NONE || self.tag(*n) == Some(Tag::Dict);
        if parts.iter().all(is_part) {
            parts
        } else {
            Vec::new()
        }
    }

    fn section_len(&self, section: &Section) -> usize {
        match *section {
            Section::State(_) => 1,
            Section::Arguments(node) if self.tag(node) == Some(Tag::Tuple) => self.n_items(node),
            Section::Arguments(NodeId::EMPTY_TUPLE) => 0,
            Section::Arguments(node) => usize::from(!node.is_missing()),
            Section::Items(node) => self.n_items(node),
            Section::Keywords(node) | Section::Attributes(node) | Section::Pairs(node) => {
                self.n_items(node) / 2
            }
        }
    }

    fn section_child(&self, section: &Section, number: usize) -> Option<Child> {
        let pair = |node| {
            let key = self.item(node, 2 * number)?;
            Some((key, self.item(node, 2 * number + 1)?))
        };
        Some(match *section {
            Section::State(node) => Child {
                key: ChildKey::State,
                node,
            },
            Section::Arguments(node) => Child {
                key: ChildKey::Argument(number),
                node: if self.tag(node) == Some(Tag::Tuple) {
                    self.item(node, number)?
                } else {
                    node
                },
            },
            Section::Items(node) => Child {
                key: ChildKey::Index(number),
                node: self.item(node, number)?,
            },
            Section::Pairs(node) => {
                let (key, node) = pair(node)?;
                let key = ChildKey::Key(key);
                Child { key, node }
            }
            Section::Attributes(node) => {
                let (key, node) = pair(node)?;
                let key = ChildKey::Attribute(key);
                Child { key, node }
            }
            Section::Keywords(node) => {
                let (key, node) = pair(node)?;
                let key = ChildKey::Keyword(key);
                Child { key, node }
            }
        })
    }
}
