//! What the machine needs of whoever keeps its values: one machine, several keepers.

use super::findings::{CallArg, Findings, NameId};
use super::input::Input;
use crate::model::value::Tag;

/// Keeps what the machine makes. Every `None` and [`Attached::Full`] means that no more will be kept.
pub(super) trait Build {
    /// Stands for a value on the stack and in the memo.
    type Ref: Copy;

    /// Stands where no value could be told.
    const MISSING: Self::Ref;
    const NONE: Self::Ref;
    const EMPTY_TUPLE: Self::Ref;

    fn bool(value: bool) -> Self::Ref;

    /// A small integer; `None` if it must be a leaf.
    fn int(value: i64) -> Option<Self::Ref>;

    /// A number, text or bytes whose opcode stands at `position` of the kept text.
    fn leaf(&mut self, kind: LeafKind, position: usize, offset: u64) -> Self::Ref;

    fn container(&mut self, tag: Tag, items: &[Self::Ref]) -> Option<Self::Ref>;

    fn attach(&mut self, target: Self::Ref, how: Attach, items: &[Self::Ref]) -> Attached;

    fn global(&mut self, name: NameId) -> Option<Self::Ref>;

    /// An object; `gives` is set where the call gives a global again.
    fn object(
        &mut self,
        call: Call<Self::Ref>,
        gives: Option<NameId>,
        findings: &Findings,
        input: &Input<'_>,
    ) -> Option<Self::Ref>;

    fn set_state(&mut self, target: Self::Ref, state: Self::Ref) -> Attached;

    fn persistent(&mut self, id: Self::Ref) -> Option<Self::Ref>;

    fn extension(&mut self, code: u32) -> Option<Self::Ref>;

    fn buffer(&mut self, number: u32) -> Option<Self::Ref>;

    /// The global that a value is.
    fn denotes(&self, value: Self::Ref) -> Option<NameId>;

    /// The callable that made an object.
    fn made_by(&self, value: Self::Ref) -> Option<NameId>;

    /// True for joblib's array wrapper whose array has not been read yet.
    fn is_waiting_wrapper(&self, value: Self::Ref, findings: &Findings) -> bool;

    /// Bytes of a text value, for a name.
    fn text(&mut self, value: Self::Ref, input: &Input<'_>) -> Text;

    /// True for what may turn out to be text in Python: a global, what a call makes, what is not in the file.
    fn may_be_text(&self, value: Self::Ref) -> bool;

    /// The first item of a tuple.
    fn first(&self, tuple: Self::Ref) -> Option<Self::Ref>;

    /// What stands in a tuple of arguments, or in a dict of keyword arguments.
    fn call_args(&mut self, args: Self::Ref, input: &Input<'_>) -> Vec<CallArg>;

    /// True for what a call makes, unless it is a global again.
    fn is_object(&self, value: Self::Ref) -> bool;

    fn is_unhashable(&self, value: Self::Ref) -> bool;

    fn word(&self, value: Self::Ref) -> &'static str;

    /// What joblib's wrapper at `target` says of the data that follow it.
    fn block(
        &mut self,
        target: Self::Ref,
        input: &mut Input<'_>,
        findings: &mut Findings,
    ) -> Result<Block, String>;

    /// Puts an array in the place of its wrapper.
    fn set_block(&mut self, target: Self::Ref, data: BlockData<Self::Ref>);

    /// What counts against the limit on nodes.
    fn n_nodes(&self) -> usize;
}

/// Text that is part of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Text {
    Is(Vec<u8>),
    /// The value is no text.
    Other,
    /// It is text that cannot be had any more.
    OutOfReach,
}

/// Sorts of leaves that the machine tells apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LeafKind {
    Text,
    Bytes,
    ByteArray,
    Number,
}

/// What an opcode adds to a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Attach {
    /// APPEND, APPENDS.
    Items,
    /// SETITEM, SETITEMS.
    Pairs,
    /// ADDITEMS.
    Members,
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Attached {
    Done,
    /// Nothing more is kept.
    Full,
    /// Python would raise: the target takes no such thing.
    Misfit,
    /// Something that this pickle did not make would be changed.
    Changes(NameId),
}

/// A call that would make an object.
#[derive(Debug, Clone, Copy)]
pub(super) struct Call<R> {
    pub(super) callee: R,
    pub(super) args: R,
    pub(super) kwargs: Option<R>,
}

/// The data behind joblib's array wrapper.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Block {
    /// This many bytes, behind a padding if `is_padded`.
    Raw { len: u64, is_padded: bool },
    /// A pickle of its own.
    Nested,
}

/// What was found there.
#[derive(Debug, Clone, Copy)]
pub(super) enum BlockData<R> {
    Raw { offset: u64, len: u64 },
    Nested(R),
}
