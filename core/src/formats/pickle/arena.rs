//! Keeps everything: fills a [`Value`].

use std::collections::HashMap;

use super::build::{Attach, Attached, Block, BlockData, Build, Call, LeafKind, Text};
use super::findings::{CallArg, Findings, MAX_CALL_ARGS, NameId};
use super::input::Input;
use super::trace::{MAX_TEXT, is_long_line};
use crate::formats::joblib;
use crate::model::value::{KeptText, Leaf, NodeId, Object, RawBlock, Slot, Tag, Value, read_leaf};

/// A value in the making. Its text is the machine's input until the end.
pub(super) struct Arena {
    pub(super) value: Value,
    /// Objects that are globals again: what getattr on a global gives.
    aliases: HashMap<NodeId, NameId>,
}

impl Arena {
    pub(super) fn new() -> Self {
        Self {
            value: Value::empty(KeptText::default()),
            aliases: HashMap::new(),
        }
    }

    /// The hidden container that holds what was added to an object.
    fn part_of_object(&mut self, target: NodeId, how: Attach) -> Option<NodeId> {
        let object = *self.value.object(target)?;
        let (part, tag) = match how {
            Attach::Pairs => (object.pairs, Tag::Dict),
            Attach::Items | Attach::Members => (object.items, Tag::List),
        };
        if !part.is_missing() {
            return Some(part);
        }
        let part = self.value.push_container(tag, &[])?;
        let object = self.value.object_mut(target)?;
        match how {
            Attach::Pairs => object.pairs = part,
            Attach::Items | Attach::Members => object.items = part,
        }
        Some(part)
    }

    fn extend(&mut self, target: NodeId, items: &[NodeId]) -> Attached {
        if self.value.extend(target, items) {
            Attached::Done
        } else {
            Attached::Full
        }
    }

    fn call_arg(&self, node: NodeId, input: &Input<'_>) -> CallArg {
        if let Some(name) = self.denotes(node) {
            CallArg::Name(name)
        } else if let Some(maker) = self.made_by(node) {
            CallArg::Made(maker)
        } else if let Text::Is(text) = text_of(node, input) {
            CallArg::Text(String::from_utf8_lossy(&text).into_owned())
        } else {
            CallArg::Other
        }
    }
}

impl Arena {
    /// `_function_setstate(function, state)`, whose own result is dropped.
    fn fill_function(&mut self, args: NodeId) {
        let function = self.value.item(args, 0);
        let (Some(function), Some(state)) = (function, self.value.item(args, 1)) else {
            return;
        };
        if let Some(object) = self.value.object_mut(function)
            && object.state.is_missing()
        {
            object.state = state;
        }
    }
}

impl Build for Arena {
    type Ref = NodeId;

    const MISSING: NodeId = NodeId::MISSING;
    const NONE: NodeId = NodeId::NONE;
    const EMPTY_TUPLE: NodeId = NodeId::EMPTY_TUPLE;

    fn bool(value: bool) -> NodeId {
        NodeId::bool(value)
    }

    #[inline]
    fn int(value: i64) -> Option<NodeId> {
        NodeId::int(value)
    }

    #[inline]
    fn leaf(&mut self, _kind: LeafKind, position: usize, _offset: u64) -> NodeId {
        // The input stops long before positions leave the range of an id.
        NodeId::leaf(u32::try_from(position).unwrap_or(NodeId::MAX_INDEX))
    }

    fn container(&mut self, tag: Tag, items: &[NodeId]) -> Option<NodeId> {
        self.value.push_container(tag, items)
    }

    fn attach(&mut self, target: NodeId, how: Attach, items: &[NodeId]) -> Attached {
        match (self.value.tag(target), how) {
            (Some(Tag::List), Attach::Items)
            | (Some(Tag::Dict), Attach::Pairs)
            | (Some(Tag::Set), Attach::Members) => self.extend(target, items),
            (Some(Tag::Object), _) => {
                if let Some(name) = self.denotes(target) {
                    return Attached::Changes(name);
                }
                match self.part_of_object(target, how) {
                    Some(part) => self.extend(part, items),
                    None => Attached::Full,
                }
            }
            (Some(Tag::Global), _) => match self.denotes(target) {
                Some(name) => Attached::Changes(name),
                None => Attached::Misfit,
            },
            // Whatever these turn out to be is not in the file.
            (Some(Tag::PersistentId | Tag::Extension | Tag::Buffer), _) => Attached::Done,
            _ => Attached::Misfit,
        }
    }

    fn global(&mut self, name: NameId) -> Option<NodeId> {
        self.value.push_cell(Tag::Global, name.0)
    }

    fn object(
        &mut self,
        call: Call<NodeId>,
        gives: Option<NameId>,
        findings: &Findings,
        _input: &Input<'_>,
    ) -> Option<NodeId> {
        if let Some(name) = gives
            && self
                .denotes(call.callee)
                .is_some_and(|callee| findings.loads_types(callee))
        {
            return self.global(name);
        }
        let node = self.value.push_object(Object {
            callee: call.callee,
            args: call.args,
            kwargs: call.kwargs.unwrap_or(NodeId::MISSING),
            state: NodeId::MISSING,
            items: NodeId::MISSING,
            pairs: NodeId::MISSING,
        })?;
        if let Some(name) = gives {
            self.aliases.insert(node, name);
        }
        if self
            .denotes(call.callee)
            .is_some_and(|callee| findings.fills_functions(callee))
        {
            self.fill_function(call.args);
        }
        Some(node)
    }

    fn set_state(&mut self, target: NodeId, state: NodeId) -> Attached {
        if let Some(name) = self.denotes(target) {
            return Attached::Changes(name);
        }
        if let Some(object) = self.value.object_mut(target) {
            object.state = state;
            return Attached::Done;
        }
        match self.value.tag(target) {
            Some(Tag::PersistentId | Tag::Extension | Tag::Buffer | Tag::Block) => Attached::Done,
            _ => Attached::Misfit,
        }
    }

    fn persistent(&mut self, id: NodeId) -> Option<NodeId> {
        let at = u32::try_from(self.value.children.len()).ok()?;
        self.value.children.push(id);
        self.value.push_cell(Tag::PersistentId, at)
    }

    fn extension(&mut self, code: u32) -> Option<NodeId> {
        self.value.push_cell(Tag::Extension, code)
    }

    fn buffer(&mut self, number: u32) -> Option<NodeId> {
        self.value.push_cell(Tag::Buffer, number)
    }

    fn denotes(&self, value: NodeId) -> Option<NameId> {
        let cell = self.value.cell(value)?;
        match cell.tag() {
            Tag::Global => Some(NameId(cell.payload)),
            Tag::Object if !self.aliases.is_empty() => self.aliases.get(&value).copied(),
            _ => None,
        }
    }

    fn made_by(&self, value: NodeId) -> Option<NameId> {
        let object = self.value.object(value)?;
        self.denotes(object.callee).or_else(|| {
            // The callee may be made by a call itself; its maker's name will do.
            let inner = self.value.object(object.callee)?;
            self.denotes(inner.callee)
        })
    }

    fn is_waiting_wrapper(&self, value: NodeId, findings: &Findings) -> bool {
        findings.array_wrapper.is_some() && self.made_by(value) == findings.array_wrapper
    }

    fn text(&mut self, value: NodeId, input: &Input<'_>) -> Text {
        text_of(value, input)
    }

    fn may_be_text(&self, value: NodeId) -> bool {
        use Tag::{Buffer, Extension, Global, Object, PersistentId};
        matches!(
            self.value.tag(value),
            Some(Global | Object | PersistentId | Extension | Buffer)
        )
    }

    fn first(&self, tuple: NodeId) -> Option<NodeId> {
        self.value.items(tuple).next()
    }

    fn call_args(&mut self, args: NodeId, input: &Input<'_>) -> Vec<CallArg> {
        let mut out = Vec::new();
        for arg in self.value.items(args).take(MAX_CALL_ARGS) {
            out.push(self.call_arg(arg, input));
            // A function inside a list or tuple of arguments counts too (`functools.partial` state, map of maps).
            if matches!(self.value.tag(arg), Some(Tag::List | Tag::Tuple)) {
                let inner = self.value.items(arg).take(MAX_CALL_ARGS);
                out.extend(inner.filter_map(|n| self.denotes(n)).map(CallArg::Name));
            }
        }
        out
    }

    fn is_object(&self, value: NodeId) -> bool {
        self.value.tag(value) == Some(Tag::Object) && self.denotes(value).is_none()
    }

    fn is_unhashable(&self, value: NodeId) -> bool {
        matches!(
            self.value.tag(value),
            Some(Tag::List | Tag::Dict | Tag::Set)
        )
    }

    fn word(&self, value: NodeId) -> &'static str {
        match self.value.tag(value) {
            Some(Tag::List) => "list",
            Some(Tag::Tuple) => "tuple",
            Some(Tag::Set) => "set",
            Some(Tag::FrozenSet) => "frozenset",
            Some(Tag::Dict) => "dict",
            Some(Tag::Global) => "global",
            Some(Tag::Object) => "object",
            Some(Tag::Block) => "array",
            Some(Tag::PersistentId) => "persistent id",
            Some(Tag::Extension) => "extension code",
            Some(Tag::Buffer) => "buffer",
            None => match value.slot() {
                Slot::Int(_) => "int",
                Slot::Leaf(_) => "number, text or bytes",
                _ if value == NodeId::EMPTY_TUPLE => "tuple",
                _ if value == NodeId::NONE => "None",
                _ => "bool",
            },
        }
    }

    fn block(
        &mut self,
        target: NodeId,
        input: &mut Input<'_>,
        findings: &mut Findings,
    ) -> Result<Block, String> {
        // The wrapper is read where it lies: lend the arena its text and names for as long.
        std::mem::swap(&mut self.value.text, &mut input.text);
        std::mem::swap(&mut self.value.names, &mut findings.names);
        let wrapper = joblib::wrapper(&self.value, target);
        std::mem::swap(&mut self.value.text, &mut input.text);
        std::mem::swap(&mut self.value.names, &mut findings.names);
        let wrapper = wrapper?;
        if wrapper.dtype.has_objects() {
            return Ok(Block::Nested);
        }
        Ok(Block::Raw {
            len: wrapper.len_bytes()?,
            is_padded: wrapper.is_padded,
        })
    }

    fn set_block(&mut self, target: NodeId, data: BlockData<NodeId>) {
        let Some(wrapper) = self.value.object(target).copied() else {
            return;
        };
        let Ok(index) = u32::try_from(self.value.blocks.len()) else {
            return;
        };
        let (offset, len, nested) = match data {
            BlockData::Raw { offset, len } => (offset, len, NodeId::MISSING),
            BlockData::Nested(nested) => (0, 0, nested),
        };
        self.value.blocks.push(RawBlock {
            wrapper,
            offset,
            len,
            nested,
        });
        self.value.replace_cell(target, Tag::Block, index);
    }

    fn n_nodes(&self) -> usize {
        self.value.n_nodes()
    }
}

/// Bytes of a text leaf, if it is no longer than what may be part of a name.
fn text_of(node: NodeId, input: &Input<'_>) -> Text {
    let Slot::Leaf(position) = node.slot() else {
        return Text::Other;
    };
    let front = input
        .text
        .bytes
        .get(position as usize..)
        .unwrap_or_default();
    // A line is unescaped whole, however long it is.
    if is_long_line(front) {
        return Text::OutOfReach;
    }
    match read_leaf(&input.text, position) {
        Some(Leaf::Str(blob) | Leaf::Python2Str(blob)) => {
            if blob.is_cut() || blob.bytes.len() > MAX_TEXT {
                return Text::OutOfReach;
            }
            Text::Is(blob.bytes.into_owned())
        }
        _ => Text::Other,
    }
}
