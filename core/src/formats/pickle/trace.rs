//! Keeps nothing but what a pickle names and calls: for reading to the end whatever its size, and for finding its parts.

use std::collections::{HashMap, VecDeque};

use super::build::{Attach, Attached, Block, BlockData, Build, Call, LeafKind, Text};
use super::findings::{CallArg, Findings, MAX_CALL_ARGS, NameId};
use super::input::Input;
use super::traced::{INT_BIAS, Sort, Traced};
use crate::formats::joblib::len_bytes;
use crate::formats::numpy::{Dtype, is_text_type};
use crate::model::value::{KeptText, Leaf, Tag, read_leaf};

/// Tuples of up to this many items are remembered for a while.
const MAX_TUPLE: usize = 16;
/// Items of recent tuples.
const TUPLE_POOL: usize = 1 << 16;
/// Dicts whose items are remembered, newest last.
const RECENT_DICTS: usize = 8;
const MAX_DICT_ITEMS: usize = 32;
/// Longest text that may be part of a name.
pub(super) const MAX_TEXT: usize = 4 << 10;
/// Bytes of texts that are remembered once they were looked at, and what one costs beside them.
const MAX_KNOWN_BYTES: usize = 8 << 20;
const KNOWN_TEXT_BYTES: usize = 64;
/// How often a packed stream may be read again from its front for a text that has passed.
const MAX_REREADS: u32 = 4;
/// How far, in bytes.
const MAX_REREAD_BYTES: u64 = 64 << 20;

/// What is remembered of a data type.
#[derive(Debug, Clone)]
struct DtypeFacts {
    item_size: u64,
    has_objects: bool,
    /// The size is said by the state.
    has_own_size: bool,
}

#[derive(Debug, Clone, Default)]
struct WrapperFacts {
    pairs: Vec<Traced>,
    /// Its array was read.
    is_done: bool,
}

/// What joblib's wrapper says of its array.
#[derive(Debug)]
pub(super) struct WrappedArray {
    /// Number of the data type, as [`Traced::dtype`] gives it.
    pub(super) dtype: u64,
    pub(super) shape: Vec<u64>,
    pub(super) is_fortran: bool,
    /// The recorded class, `numpy.ndarray` as a rule.
    pub(super) class: Option<NameId>,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Trace {
    pool: Vec<Traced>,
    /// Items that left the pool.
    pool_start: u64,
    dicts: VecDeque<(Traced, Vec<Traced>)>,
    dtypes: Vec<DtypeFacts>,
    wrappers: Vec<WrapperFacts>,
    n_wrapper_pairs: usize,
    /// The wrapper whose array was read last.
    last_done: Option<Traced>,
    known_texts: HashMap<u64, Box<[u8]>>,
    n_known_bytes: usize,
    n_rereads: u32,
    n_dicts: u64,
    /// Bytes of the array that was read last.
    block_len: u64,
}

impl Trace {
    /// Items of a tuple that is still remembered.
    fn tuple(&self, value: Traced) -> Option<&[Traced]> {
        let number = value.is(Sort::Tuple)?;
        let (start, len) = (number >> 5, usize::try_from(number & 31).ok()?);
        let start = usize::try_from(start.checked_sub(self.pool_start)?).ok()?;
        self.pool.get(start..start.checked_add(len)?)
    }

    fn push_tuple(&mut self, items: &[Traced]) -> Traced {
        if self.pool.len() > TUPLE_POOL {
            self.pool_start += self.pool.len() as u64;
            self.pool.clear();
        }
        if items.len() > MAX_TUPLE {
            // Nothing stands at such a place.
            return Traced::new(Sort::Tuple, 31);
        }
        let start = self.pool_start + self.pool.len() as u64;
        self.pool.extend_from_slice(items);
        Traced::new(Sort::Tuple, start << 5 | items.len() as u64)
    }

    fn remember_pairs(&mut self, dict: Traced, items: &[Traced]) {
        if items.len() > MAX_DICT_ITEMS {
            return;
        }
        if let Some((_, pairs)) = self.dicts.iter_mut().find(|(known, _)| *known == dict) {
            if pairs.len() < MAX_DICT_ITEMS {
                pairs.extend_from_slice(items);
            }
            return;
        }
        if self.dicts.len() >= RECENT_DICTS {
            self.dicts.pop_front();
        }
        self.dicts.push_back((dict, items.to_vec()));
    }

    /// The bytes of a text, from the window, from memory, or read again.
    pub(super) fn fetch(&mut self, value: Traced, input: &Input<'_>) -> Text {
        let Some(offset) = value.is(Sort::Text) else {
            return Text::Other;
        };
        if let Some(text) = self.known_texts.get(&offset) {
            return Text::Is(text.to_vec());
        }
        let mut bytes = input.window_at(offset, MAX_TEXT).to_vec();
        let mut text = whole_text(&bytes);
        if text.is_none() {
            let is_plain = input.content().is_plain();
            let is_far = self.n_rereads >= MAX_REREADS || offset > MAX_REREAD_BYTES;
            if !is_plain && is_far {
                return Text::OutOfReach;
            }
            self.n_rereads += u32::from(!is_plain);
            bytes = vec![0; MAX_TEXT];
            let n = input.content().read_at(offset, &mut bytes).unwrap_or(0);
            bytes.truncate(n);
            text = whole_text(&bytes);
        }
        let Some(text) = text else {
            return Text::OutOfReach;
        };
        if self.n_known_bytes < MAX_KNOWN_BYTES {
            self.n_known_bytes += KNOWN_TEXT_BYTES + text.len();
            self.known_texts.insert(offset, text.as_slice().into());
        }
        Text::Is(text)
    }

    fn call_arg(&mut self, value: Traced, input: &Input<'_>) -> CallArg {
        match value.sort() {
            Sort::Name => value.name(Sort::Name).map_or(CallArg::Other, CallArg::Name),
            Sort::Object => value
                .name(Sort::Object)
                .map_or(CallArg::Other, CallArg::Made),
            Sort::Text => match self.fetch(value, input) {
                Text::Is(text) => CallArg::Text(String::from_utf8_lossy(&text).into_owned()),
                _ => CallArg::Other,
            },
            _ => CallArg::Other,
        }
    }

    fn new_dtype(&mut self, args: Traced, input: &Input<'_>) -> Option<Traced> {
        let code = self.tuple(args)?.first().copied()?;
        let dtype = match self.fetch(code, input) {
            Text::Is(code) => Dtype::from_code(std::str::from_utf8(&code).ok()?)?,
            // Record arrays name a class.
            _ => Dtype::from_code("V")?,
        };
        let number = self.dtypes.len() as u64;
        self.dtypes.push(DtypeFacts {
            item_size: dtype.item_size,
            has_objects: dtype.has_objects(),
            has_own_size: matches!(dtype.str().as_bytes().get(1), Some(b'V' | b'S' | b'U')),
        });
        Some(Traced::new(Sort::Dtype, number))
    }

    /// `(version, byteorder, subdtype, names, fields, itemsize, alignment, flags, …)`.
    fn set_dtype_state(&mut self, number: u64, state: Traced) {
        /// `NPY_ITEM_REFCOUNT`: elements hold Python objects.
        const HAS_OBJECTS: i64 = 1;
        let Some(state) = self.tuple(state) else {
            return;
        };
        let int = |at: usize| state.get(at).and_then(|n| n.int());
        let size = int(5).and_then(|n| u64::try_from(n).ok());
        let flags = int(7).unwrap_or(0);
        let Some(dtype) = usize::try_from(number)
            .ok()
            .and_then(|at| self.dtypes.get_mut(at))
        else {
            return;
        };
        if let Some(size) = size.filter(|_| dtype.has_own_size) {
            dtype.item_size = size;
        }
        dtype.has_objects |= dtype.has_own_size && flags & HAS_OBJECTS != 0;
    }

    /// What joblib's wrapper says under that name.
    fn wrapper_attribute(
        &mut self,
        wrapper: Traced,
        wanted: &str,
        input: &Input<'_>,
    ) -> Option<Traced> {
        let pairs = self.wrapper_mut(wrapper)?.pairs.clone();
        pairs.chunks_exact(2).find_map(|pair| match pair {
            [key, value] => match self.fetch(*key, input) {
                Text::Is(key) if key == wanted.as_bytes() => Some(*value),
                _ => None,
            },
            _ => None,
        })
    }

    /// Number of the data type of a wrapper's array, as [`Traced::dtype`] gives it.
    fn wrapper_dtype(&mut self, wrapper: Traced, input: &Input<'_>) -> Option<u64> {
        self.wrapper_attribute(wrapper, "dtype", input)?.dtype()
    }

    fn wrapper_shape(&mut self, wrapper: Traced, input: &Input<'_>) -> Option<Vec<u64>> {
        let shape = self.wrapper_attribute(wrapper, "shape", input)?;
        let axes = self.tuple(shape)?;
        axes.iter().map(|n| u64::try_from(n.int()?).ok()).collect()
    }

    /// Bytes of the array that was read last.
    pub(super) fn last_block_len(&self) -> u64 {
        self.block_len
    }

    /// The array that joblib's wrapper stands for; `None` if the wrapper says too little.
    pub(super) fn wrapped_array(
        &mut self,
        wrapper: Traced,
        input: &Input<'_>,
    ) -> Option<WrappedArray> {
        let is_fortran = match self.wrapper_attribute(wrapper, "order", input) {
            Some(order) => matches!(self.fetch(order, input), Text::Is(order) if order == b"F"),
            None => false,
        };
        let class = self.wrapper_attribute(wrapper, "subclass", input);
        Some(WrappedArray {
            dtype: self.wrapper_dtype(wrapper, input)?,
            shape: self.wrapper_shape(wrapper, input)?,
            is_fortran,
            class: class.and_then(|class| class.name(Sort::Name)),
        })
    }

    fn wrapper_mut(&mut self, value: Traced) -> Option<&mut WrapperFacts> {
        let number = usize::try_from(value.is(Sort::Wrapper)?).ok()?;
        self.wrappers.get_mut(number)
    }
}

/// The text of the opcode at the front of `bytes`, if it is there whole.
fn whole_text(bytes: &[u8]) -> Option<Vec<u8>> {
    if is_long_line(bytes) {
        return None;
    }
    let text = KeptText {
        bytes: bytes.to_vec(),
        gaps: Vec::new(),
    };
    match read_leaf(&text, 0)? {
        Leaf::Str(blob) | Leaf::Python2Str(blob) if !blob.is_cut() => Some(blob.bytes.into_owned()),
        _ => None,
    }
}

/// True for the opcode of a line whose end is not among the bytes that may be part of a name.
pub(super) fn is_long_line(opcode: &[u8]) -> bool {
    let head = opcode.get(..MAX_TEXT).unwrap_or(opcode);
    matches!(head.first(), Some(b'S' | b'V' | b'P')) && !head.contains(&b'\n')
}

impl Build for Trace {
    type Ref = Traced;

    const MISSING: Traced = Traced::NOTHING;
    const NONE: Traced = Traced::NOTHING;
    const EMPTY_TUPLE: Traced = Traced::new(Sort::Tuple, 0);

    fn bool(value: bool) -> Traced {
        Traced::new(Sort::Bool, u64::from(value))
    }

    fn int(value: i64) -> Option<Traced> {
        let biased = value.checked_add(INT_BIAS)?;
        let number = u64::try_from(biased).ok().filter(|n| *n < 1 << 59)?;
        Some(Traced::new(Sort::Int, number))
    }

    #[inline]
    fn leaf(&mut self, kind: LeafKind, _position: usize, offset: u64) -> Traced {
        match kind {
            LeafKind::Text => Traced::new(Sort::Text, offset),
            LeafKind::Number => Traced::new(Sort::Number, 0),
            LeafKind::Bytes | LeafKind::ByteArray => Traced::new(Sort::Bytes, 0),
        }
    }

    fn container(&mut self, tag: Tag, items: &[Traced]) -> Option<Traced> {
        Some(match tag {
            Tag::List => Traced::new(Sort::List, 0),
            Tag::Set => Traced::new(Sort::Set, 0),
            Tag::FrozenSet => Traced::new(Sort::FrozenSet, 0),
            Tag::Dict => {
                self.n_dicts += 1;
                let dict = Traced::new(Sort::Dict, self.n_dicts);
                if !items.is_empty() {
                    self.remember_pairs(dict, items);
                }
                dict
            }
            _ => self.push_tuple(items),
        })
    }

    fn attach(&mut self, target: Traced, how: Attach, items: &[Traced]) -> Attached {
        match (target.sort(), how) {
            (Sort::Dict, Attach::Pairs) => self.remember_pairs(target, items),
            (Sort::List, Attach::Items)
            | (Sort::Set, Attach::Members)
            | (Sort::Object | Sort::Wrapper | Sort::Dtype | Sort::Foreign, _) => {}
            (Sort::Name, _) => {
                return target
                    .name(Sort::Name)
                    .map_or(Attached::Misfit, Attached::Changes);
            }
            _ => return Attached::Misfit,
        }
        Attached::Done
    }

    fn global(&mut self, name: NameId) -> Option<Traced> {
        Some(Traced::new(Sort::Name, name.0.into()))
    }

    fn object(
        &mut self,
        call: Call<Traced>,
        gives: Option<NameId>,
        findings: &Findings,
        input: &Input<'_>,
    ) -> Option<Traced> {
        if let Some(name) = gives {
            return self.global(name);
        }
        let callee = call.callee.name(Sort::Name);
        if callee.is_some() && callee == findings.array_wrapper {
            let number = self.wrappers.len() as u64;
            self.wrappers.push(WrapperFacts::default());
            return Some(Traced::new(Sort::Wrapper, number));
        }
        if callee
            .and_then(|id| findings.name(id))
            .is_some_and(|name| name.is("numpy", "dtype"))
            && let Some(dtype) = self.new_dtype(call.args, input)
        {
            return Some(dtype);
        }
        if callee
            .and_then(|id| findings.name(id))
            .is_some_and(is_text_type)
        {
            let number = self.dtypes.len() as u64;
            self.dtypes.push(DtypeFacts {
                item_size: 16,
                has_objects: true,
                has_own_size: false,
            });
            return Some(Traced::new(Sort::Dtype, number));
        }
        let maker = callee.or_else(|| call.callee.name(Sort::Object));
        let number = maker.map_or(u32::MAX, |name| name.0);
        Some(Traced::new(Sort::Object, number.into()))
    }

    fn set_state(&mut self, target: Traced, state: Traced) -> Attached {
        match target.sort() {
            Sort::Name => {
                return target
                    .name(Sort::Name)
                    .map_or(Attached::Misfit, Attached::Changes);
            }
            Sort::Dtype => self.set_dtype_state(target.number(), state),
            Sort::Wrapper => {
                let pairs = self.dicts.iter().find(|(dict, _)| *dict == state);
                let pairs = pairs.map(|(_, pairs)| pairs.clone()).unwrap_or_default();
                let n_new = pairs.len();
                if let Some(wrapper) = self.wrapper_mut(target) {
                    let old = std::mem::replace(&mut wrapper.pairs, pairs);
                    self.n_wrapper_pairs = self.n_wrapper_pairs + n_new - old.len();
                }
            }
            Sort::Object | Sort::Foreign => {}
            _ => return Attached::Misfit,
        }
        Attached::Done
    }

    fn persistent(&mut self, _id: Traced) -> Option<Traced> {
        Some(Traced::new(Sort::Foreign, 0))
    }

    fn extension(&mut self, _code: u32) -> Option<Traced> {
        Some(Traced::new(Sort::Foreign, 1))
    }

    fn buffer(&mut self, _number: u32) -> Option<Traced> {
        Some(Traced::new(Sort::Foreign, 2))
    }

    fn denotes(&self, value: Traced) -> Option<NameId> {
        value.name(Sort::Name)
    }

    fn made_by(&self, value: Traced) -> Option<NameId> {
        value.name(Sort::Object).filter(|name| name.0 != u32::MAX)
    }

    fn is_waiting_wrapper(&self, value: Traced, _findings: &Findings) -> bool {
        value
            .is(Sort::Wrapper)
            .and_then(|number| usize::try_from(number).ok())
            .and_then(|at| self.wrappers.get(at))
            .is_some_and(|wrapper| !wrapper.is_done)
    }

    fn text(&mut self, value: Traced, input: &Input<'_>) -> Text {
        self.fetch(value, input)
    }

    fn may_be_text(&self, value: Traced) -> bool {
        matches!(value.sort(), Sort::Name | Sort::Foreign) || self.is_object(value)
    }

    fn first(&self, tuple: Traced) -> Option<Traced> {
        self.tuple(tuple)?.first().copied()
    }

    fn call_args(&mut self, args: Traced, input: &Input<'_>) -> Vec<CallArg> {
        let dict = || self.dicts.iter().find(|(dict, _)| *dict == args);
        let items = self.tuple(args).map(<[Traced]>::to_vec);
        let items = items.or_else(|| dict().map(|(_, pairs)| pairs.clone()));
        let items = items.unwrap_or_default();
        let mut out = Vec::new();
        for arg in items.into_iter().take(MAX_CALL_ARGS) {
            out.push(self.call_arg(arg, input));
            let inner = self.tuple(arg).unwrap_or_default();
            out.extend(
                inner
                    .iter()
                    .filter_map(|n| n.name(Sort::Name))
                    .map(CallArg::Name),
            );
        }
        out
    }

    fn is_object(&self, value: Traced) -> bool {
        matches!(value.sort(), Sort::Object | Sort::Dtype | Sort::Wrapper)
    }

    fn is_unhashable(&self, value: Traced) -> bool {
        matches!(value.sort(), Sort::List | Sort::Dict | Sort::Set)
    }

    fn word(&self, value: Traced) -> &'static str {
        match value.sort() {
            Sort::None => "None",
            Sort::Bool => "bool",
            Sort::Int => "int",
            Sort::Text | Sort::Number | Sort::Bytes => "number, text or bytes",
            Sort::List => "list",
            Sort::Dict => "dict",
            Sort::Set => "set",
            Sort::FrozenSet => "frozenset",
            Sort::Tuple => "tuple",
            Sort::Name => "global",
            Sort::Object | Sort::Dtype | Sort::Wrapper => "object",
            Sort::Foreign => match value.number() {
                0 => "persistent id",
                1 => "extension code",
                _ => "buffer",
            },
        }
    }

    fn block(
        &mut self,
        target: Traced,
        input: &mut Input<'_>,
        _findings: &mut Findings,
    ) -> Result<Block, String> {
        let missing = || "expected shape and type in joblib's array wrapper, found none".to_owned();
        let is_padded = self
            .wrapper_attribute(target, "numpy_array_alignment_bytes", input)
            .is_some_and(|n| n.sort() != Sort::None);
        let number = self.wrapper_dtype(target, input).ok_or_else(missing)?;
        let dtype = usize::try_from(number)
            .ok()
            .and_then(|at| self.dtypes.get(at))
            .ok_or_else(missing)?;
        if dtype.has_objects {
            return Ok(Block::Nested);
        }
        let item_size = dtype.item_size;
        let shape = self.wrapper_shape(target, input).ok_or_else(missing)?;
        Ok(Block::Raw {
            len: len_bytes(&shape, item_size)?,
            is_padded,
        })
    }

    fn set_block(&mut self, target: Traced, data: BlockData<Traced>) {
        if let BlockData::Raw { len, .. } = data {
            self.block_len = len;
        }
        if let Some(wrapper) = self.wrapper_mut(target) {
            wrapper.is_done = true;
        }
        // Whoever asks for an array asks before the next one is read.
        let done = self.last_done.replace(target);
        if let Some(wrapper) = done.and_then(|done| self.wrapper_mut(done)) {
            let pairs = std::mem::take(&mut wrapper.pairs);
            self.n_wrapper_pairs -= pairs.len();
        }
    }

    /// Room that is kept for good, in eight bytes each.
    fn n_nodes(&self) -> usize {
        let facts = size_of_val(self.wrappers.as_slice()) + size_of_val(self.dtypes.as_slice());
        facts / 8 + self.n_wrapper_pairs
    }
}
