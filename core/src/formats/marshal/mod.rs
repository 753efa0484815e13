//! Python's `marshal` format (`Python/marshal.c`): bytes to a value, without Python and without recursion.
//!
//! Type bytes and rules checked with CPython 2.7 and 3.6 to 3.13.

mod code;

use std::collections::HashMap;

use super::{Problem, ProblemKind};
use crate::model::value::{Call, CallClass, KeptText, Name, NodeId, Object, Tag, digits};
use crate::model::{Limits, Value};

pub use code::CodeLayout;

/// A decoded marshal stream.
#[derive(Debug)]
pub struct Marshalled {
    /// What was decoded, up to the first problem.
    pub value: Value,
    /// Offset of the first byte behind the value.
    pub end: usize,
    /// What is wrong with the bytes; nothing for a sound stream.
    pub problem: Option<Problem>,
    /// Loading marshalled data calls nothing; code objects in it are code that an import would run.
    pub calls: Vec<Call>,
    /// Number of code objects.
    pub n_code: usize,
}

/// Set on a type byte: the value also goes into the table of references (marshal versions 3 and up).
const FLAG_REF: u8 = 0x80;

/// Values in each other that Python follows (`MAX_MARSHAL_STACK_DEPTH` of `Python/marshal.c`, 2.7 to 3.13).
const MAX_DEPTH: usize = 2000;

/// Decodes the value at `start`; damage ends the decoding and is told in the result.
pub fn decode(bytes: &[u8], start: usize, layout: CodeLayout, limits: &Limits) -> Marshalled {
    let mut machine = Machine {
        bytes,
        at: start,
        layout,
        value: Value::empty(KeptText::default()),
        refs: Vec::new(),
        interned: Vec::new(),
        open: Vec::new(),
        names: HashMap::new(),
        n_code: 0,
        n_waiting: 0,
        max_nodes: limits.nodes as usize,
    };
    let problem = machine.run().err();
    Marshalled {
        end: machine.at,
        problem,
        calls: Vec::new(),
        n_code: machine.n_code,
        value: machine.value,
    }
}

/// Decodes a bare stream, which does not say which Python wrote it: the newest layout that fits.
pub fn decode_bare(bytes: &[u8], limits: &Limits) -> Marshalled {
    let mut best: Option<Marshalled> = None;
    for layout in CodeLayout::NEWEST_FIRST {
        let decoded = decode(bytes, 0, layout, limits);
        if decoded.problem.is_none() {
            return decoded;
        }
        if decoded.n_code == 0 {
            // Without code all layouts are one, but for strings that Python 2 refers back to.
            let old = decode(bytes, 0, CodeLayout::V2, limits);
            return if old.problem.is_none() { old } else { decoded };
        }
        if best.as_ref().is_none_or(|b| b.end < decoded.end) {
            best = Some(decoded);
        }
    }
    best.unwrap_or_else(|| decode(bytes, 0, CodeLayout::V3_11, limits))
}

struct Machine<'a> {
    bytes: &'a [u8],
    at: usize,
    layout: CodeLayout,
    value: Value,
    refs: Vec<NodeId>,
    /// Python 2 numbers its interned strings apart.
    interned: Vec<NodeId>,
    open: Vec<Open>,
    names: HashMap<&'static str, NodeId>,
    n_code: usize,
    /// Values of containers that are not closed yet.
    n_waiting: usize,
    max_nodes: usize,
}

/// A container whose contents are still being read.
struct Open {
    shape: Shape,
    node: NodeId,
    children: Vec<NodeId>,
    /// Slot reserved in the table of references, filled once the object exists.
    reserved: Option<usize>,
}

enum Shape {
    /// A list, tuple or set with this many items.
    Items(u64),
    /// Keys and values until a NULL.
    Pairs,
    /// The objects and numbers of a code object, in its layout's order.
    Code,
    /// `slice(start, stop, step)`.
    Slice,
}

type Step<T> = Result<T, Problem>;

impl<'a> Machine<'a> {
    fn run(&mut self) -> Step<()> {
        loop {
            let Some(mut node) = self.object()? else {
                continue;
            };
            // A finished object may finish the containers around it.
            loop {
                let Some(open) = self.open.last_mut() else {
                    self.value.root = node;
                    return Ok(());
                };
                open.children.push(node);
                self.n_waiting += 1;
                self.read_numbers()?;
                match self.close_if_full()? {
                    Some(closed) => node = closed,
                    None => break,
                }
            }
        }
    }

    /// Reads one object; `None` if it opened a container that wants contents.
    fn object(&mut self) -> Step<Option<NodeId>> {
        let start = self.at;
        let byte = self.u8()?;
        let (kind, is_ref) = (byte & !FLAG_REF, byte & FLAG_REF != 0);
        if self.value.n_nodes() + self.n_waiting > self.max_nodes {
            return Err(Problem::new(
                ProblemKind::Limit,
                start as u64,
                "more values than one preview may build",
            ));
        }
        if self.open.len() >= MAX_DEPTH {
            let levels =
                format!("values lie in each other beyond {MAX_DEPTH} levels, where Python stops");
            return Err(bad(start, &levels));
        }
        let node = match kind {
            b'0' => return self.null(start),
            b'N' => NodeId::NONE,
            b'T' => NodeId::TRUE,
            b'F' => NodeId::FALSE,
            b'.' => self.global("builtins", "Ellipsis")?,
            b'S' => self.global("builtins", "StopIteration")?,
            b'r' => return self.reference(start).map(Some),
            b'R' => {
                let index = self.u32()? as usize;
                return self.interned.get(index).copied().map(Some).ok_or_else(|| {
                    bad(
                        start,
                        "a reference to an interned string that was not written",
                    )
                });
            }
            b'(' | b')' | b'[' | b'<' | b'>' | b'{' | b'c' | b':' => {
                return self.open(kind, is_ref, start);
            }
            _ => self.leaf(kind, start)?,
        };
        // Constants are never put into the table (`w_ref` is reached by other objects only).
        if is_ref {
            self.refs.push(node);
        }
        Ok(Some(node))
    }

    fn leaf(&mut self, kind: u8, start: usize) -> Step<NodeId> {
        match kind {
            b'i' => {
                let value = i64::from(self.u32()?.cast_signed());
                self.int(value)
            }
            b'I' => {
                let bytes = self.array::<8>()?;
                self.int(i64::from_le_bytes(bytes))
            }
            b'l' => self.long(start),
            b'g' => {
                let bytes = self.array::<8>()?;
                self.float(f64::from_le_bytes(bytes))
            }
            b'f' => {
                let value = self.float_text()?;
                self.float(value)
            }
            b'y' => {
                let (re, im) = (self.array::<8>()?, self.array::<8>()?);
                self.complex(f64::from_le_bytes(re), f64::from_le_bytes(im))
            }
            b'x' => {
                let (re, im) = (self.float_text()?, self.float_text()?);
                self.complex(re, im)
            }
            b's' => {
                let text = self.counted_u32()?;
                // Python 2 wrote its `str` as bytes.
                let opcode = if self.layout == CodeLayout::V2 {
                    b'T'
                } else {
                    0x8e
                };
                self.text(opcode, text)
            }
            b't' => {
                let text = self.counted_u32()?;
                if self.layout != CodeLayout::V2 {
                    return self.text(0x8d, text);
                }
                let node = self.text(b'T', text)?;
                self.interned.push(node);
                Ok(node)
            }
            b'u' | b'a' | b'A' => {
                let text = self.counted_u32()?;
                self.text(0x8d, text)
            }
            b'z' | b'Z' => {
                let len = usize::from(self.u8()?);
                let text = self.take(len)?;
                self.text(0x8d, text)
            }
            other => Err(bad(
                start,
                &format!("expected a type of marshalled value, found byte 0x{other:02x}"),
            )),
        }
    }

    fn open(&mut self, kind: u8, is_ref: bool, start: usize) -> Step<Option<NodeId>> {
        let (tag, shape) = match kind {
            b'c' => (None, Shape::Code),
            b':' => (None, Shape::Slice),
            b'{' => (Some(Tag::Dict), Shape::Pairs),
            b')' => (Some(Tag::Tuple), Shape::Items(self.u8()?.into())),
            _ => {
                let n = self.u32()?;
                let tag = match kind {
                    b'(' => Tag::Tuple,
                    b'[' => Tag::List,
                    b'<' => Tag::Set,
                    _ => Tag::FrozenSet,
                };
                (Some(tag), Shape::Items(n.into()))
            }
        };
        if let Shape::Items(n) = shape
            && n > (self.bytes.len() - self.at) as u64
        {
            return Err(bad(
                start,
                &format!(
                    "{n} items are announced, and {} bytes are left",
                    self.bytes.len() - self.at
                ),
            ));
        }
        let node = match tag {
            Some(tag) => self.value.push_container(tag, &[]).ok_or_else(too_large)?,
            None => NodeId::MISSING,
        };
        let reserved = is_ref.then(|| {
            self.refs.push(node);
            self.refs.len() - 1
        });
        self.open.push(Open {
            shape,
            node,
            children: Vec::new(),
            reserved,
        });
        self.read_numbers()?;
        self.close_if_full()
    }

    /// NULL ends a dict, and stands nowhere else.
    fn null(&mut self, start: usize) -> Step<Option<NodeId>> {
        match self.open.pop() {
            Some(Open {
                shape: Shape::Pairs,
                node,
                children,
                ..
            }) => {
                self.value.extend(node, &children);
                self.n_waiting -= children.len();
                Ok(Some(node))
            }
            _ => Err(bad(
                start,
                "expected a value, found the mark that ends a dict",
            )),
        }
    }

    /// Numbers stand bare between the objects of a code object.
    fn read_numbers(&mut self) -> Step<()> {
        let layout = self.layout;
        while let Some(open) = self.open.last()
            && matches!(open.shape, Shape::Code)
            && layout
                .fields()
                .get(open.children.len())
                .is_some_and(|f| f.is_number)
        {
            let value = i64::from(self.u32()?.cast_signed());
            let node = self.int(value)?;
            if let Some(open) = self.open.last_mut() {
                open.children.push(node);
                self.n_waiting += 1;
            }
        }
        Ok(())
    }

    fn close_if_full(&mut self) -> Step<Option<NodeId>> {
        let n_fields = self.layout.fields().len();
        let is_full = |open: &mut Open| match open.shape {
            Shape::Items(n) => open.children.len() as u64 >= n,
            Shape::Pairs => false,
            Shape::Code => open.children.len() >= n_fields,
            Shape::Slice => open.children.len() >= 3,
        };
        let Some(open) = self.open.pop_if(is_full) else {
            return Ok(None);
        };
        self.n_waiting -= open.children.len();
        let node = match open.shape {
            Shape::Items(_) | Shape::Pairs => {
                self.value.extend(open.node, &open.children);
                open.node
            }
            Shape::Code => self.code_object(&open.children)?,
            Shape::Slice => self.call("slice", &open.children)?,
        };
        if let Some(slot) = open.reserved.and_then(|slot| self.refs.get_mut(slot)) {
            *slot = node;
        }
        Ok(Some(node))
    }

    /// A code object is shown as its fields: `code(co_name='f', …)`.
    fn code_object(&mut self, fields: &[NodeId]) -> Step<NodeId> {
        self.n_code += 1;
        let mut pairs = Vec::with_capacity(2 * fields.len());
        for (field, node) in self.layout.fields().iter().zip(fields) {
            pairs.push(self.text(0x8d, field.name.as_bytes())?);
            pairs.push(*node);
        }
        let state = self
            .value
            .push_container(Tag::Dict, &pairs)
            .ok_or_else(too_large)?;
        let callee = self.global("builtins", "code")?;
        self.object_of(callee, NodeId::EMPTY_TUPLE, state)
    }

    fn call(&mut self, name: &'static str, args: &[NodeId]) -> Step<NodeId> {
        let callee = self.global("builtins", name)?;
        let args = self
            .value
            .push_container(Tag::Tuple, args)
            .ok_or_else(too_large)?;
        self.object_of(callee, args, NodeId::MISSING)
    }

    fn object_of(&mut self, callee: NodeId, args: NodeId, state: NodeId) -> Step<NodeId> {
        let object = Object {
            callee,
            args,
            kwargs: NodeId::MISSING,
            state,
            items: NodeId::MISSING,
            pairs: NodeId::MISSING,
        };
        self.value.push_object(object).ok_or_else(too_large)
    }

    fn global(&mut self, module: &str, qualname: &'static str) -> Step<NodeId> {
        if let Some(node) = self.names.get(qualname) {
            return Ok(*node);
        }
        let index = u32::try_from(self.value.names.len()).map_err(|_overflow| too_large())?;
        self.value.names.push(Name {
            module: module.into(),
            qualname: qualname.into(),
            class: CallClass::Data,
        });
        let node = self
            .value
            .push_cell(Tag::Global, index)
            .ok_or_else(too_large)?;
        self.names.insert(qualname, node);
        Ok(node)
    }

    fn reference(&mut self, start: usize) -> Step<NodeId> {
        let index = self.u32()? as usize;
        match self.refs.get(index) {
            // A code object that holds itself cannot be written by Python.
            Some(node) if node.is_missing() => {
                Err(bad(start, "a reference to an object that is not finished"))
            }
            Some(node) => Ok(*node),
            None => Err(bad(
                start,
                &format!(
                    "a reference to object {index}, and {} were written",
                    self.refs.len()
                ),
            )),
        }
    }

    /// Sign and size in one number, then digits of 15 bits.
    fn long(&mut self, start: usize) -> Step<NodeId> {
        let n = self.u32()?.cast_signed();
        let digits = self.take(2 * n.unsigned_abs() as usize)?.as_chunks::<2>().0;
        let digits = digits
            .iter()
            .map(|digit| u32::from(u16::from_le_bytes(*digit)));
        if digits.clone().any(|digit| digit > 0x7fff) {
            return Err(bad(
                start,
                "a digit of a long integer has more than 15 bits",
            ));
        }
        let mut bits = digits::packed(digits, 15);
        if n < 0 {
            digits::negate(&mut bits);
        }
        self.binary_int(&bits)
    }

    fn int(&mut self, value: i64) -> Step<NodeId> {
        match NodeId::int(value) {
            Some(node) => Ok(node),
            None => self.binary_int(&value.to_le_bytes()),
        }
    }

    fn binary_int(&mut self, bytes: &[u8]) -> Step<NodeId> {
        let len = u32::try_from(bytes.len()).map_err(|_overflow| too_large())?;
        let mut head = vec![0x8b];
        head.extend(len.to_le_bytes());
        self.append(&head, bytes)
    }

    fn float(&mut self, value: f64) -> Step<NodeId> {
        self.append(b"G", &value.to_be_bytes())
    }

    fn complex(&mut self, re: f64, im: f64) -> Step<NodeId> {
        let args = [self.float(re)?, self.float(im)?];
        self.call("complex", &args)
    }

    fn float_text(&mut self) -> Step<f64> {
        let start = self.at;
        let len = usize::from(self.u8()?);
        let text = self.take(len)?;
        digits::float(text).ok_or_else(|| bad(start, "expected the text of a float"))
    }

    fn text(&mut self, opcode: u8, text: &[u8]) -> Step<NodeId> {
        let mut head = vec![opcode];
        if opcode == b'T' {
            head.extend(
                u32::try_from(text.len())
                    .map_err(|_overflow| too_large())?
                    .to_le_bytes(),
            );
        } else {
            head.extend((text.len() as u64).to_le_bytes());
        }
        self.append(&head, text)
    }

    /// Leaves are kept as pickle opcodes: see `model::value::leaf`.
    fn append(&mut self, opcode: &[u8], argument: &[u8]) -> Step<NodeId> {
        let kept = &mut self.value.text.bytes;
        let position = u32::try_from(kept.len())
            .ok()
            .filter(|p| *p < NodeId::MAX_INDEX)
            .ok_or_else(too_large)?;
        kept.extend_from_slice(opcode);
        kept.extend_from_slice(argument);
        Ok(NodeId::leaf(position))
    }

    fn u8(&mut self) -> Step<u8> {
        Ok(u8::from_le_bytes(self.array()?))
    }

    fn u32(&mut self) -> Step<u32> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    fn array<const N: usize>(&mut self) -> Step<[u8; N]> {
        let bytes = self.bytes.get(self.at..).unwrap_or_default();
        let array = *bytes
            .first_chunk::<N>()
            .ok_or_else(|| ends_early(self.at, N, bytes.len()))?;
        self.at += N;
        Ok(array)
    }

    fn counted_u32(&mut self) -> Step<&'a [u8]> {
        let len = self.u32()? as usize;
        self.take(len)
    }

    fn take(&mut self, len: usize) -> Step<&'a [u8]> {
        let bytes = self.bytes.get(self.at..).unwrap_or_default();
        let taken = bytes
            .get(..len)
            .ok_or_else(|| ends_early(self.at, len, bytes.len()))?;
        self.at += len;
        Ok(taken)
    }
}

fn bad(offset: usize, message: &str) -> Problem {
    Problem::new(ProblemKind::Damaged, offset as u64, message)
}

fn ends_early(offset: usize, wanted: usize, left: usize) -> Problem {
    bad(
        offset,
        &format!("the data end early: {wanted} bytes are announced, and {left} are left"),
    )
}

fn too_large() -> Problem {
    Problem::new(
        ProblemKind::Limit,
        0,
        "the value is larger than a preview can hold",
    )
}

#[cfg(test)]
mod tests;
