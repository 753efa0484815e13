//! Keys of dicts in opcodes of their own: as diskcache looks them up, or as an item of another dict.

mod optimized;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};

use self::optimized::{Opcodes, Slot};
use super::arena::Arena;
use super::decode::{budget, finish};
use super::input::{Input, Keeping};
use super::machine::Machine;
use super::opcodes as op;
use super::{Decoded, emit};
use crate::formats::Content;
use crate::formats::bytes::bytes_of;
use crate::formats::made::set_members;
use crate::model::Limits;
use crate::model::value::{Blob, Integer, Leaf, NodeId, Object, Tag, Value, digits};

/// Levels of tuples and objects in a key.
const MAX_DEPTH: usize = 16;
/// Items that one opcode adds to a dict (`_pickle.c: BATCHSIZE`).
const BATCH: usize = 1000;

/// The pickle of a key as `pickletools.optimize(pickle.dumps(key, protocol=5))` writes it; `None` for keys whose bytes
/// only Python could tell, and for a lone number, text or bytes, which diskcache does not pickle (`core.py: Disk.put` of
/// 5.6.3).
///
/// Known are None, bools, numbers, text, bytes, and what classes pickle by one call at every protocol: dates, decimals,
/// UUIDs, paths, members of enums, named tuples, plain instances; tuples of these, and frozensets of one member, since
/// the order of several is another in each run of Python. Besides its values it counts which of them are one object:
/// names are, what a library's class shares is in what was pickled, and of text that a program gave twice nobody knows.
pub(crate) fn canonical(pickle: &[u8]) -> Option<Vec<u8>> {
    if pickle.starts_with(&[op::PROTO, 5]) {
        return Some(pickle.to_vec());
    }
    let (decoded, calls) = decode(pickle);
    if is_native(&decoded) {
        return None;
    }
    Some(Key::of(&decoded, &calls)?.opcodes.whole())
}

/// Appends the opcodes that make the key; false for a key that has to be copied as it stands.
pub(crate) fn append(pickle: &[u8], out: &mut Vec<u8>) -> bool {
    let (decoded, calls) = decode(pickle);
    let key = Key::of(&decoded, &calls);
    let opcodes = key.as_ref().and_then(|key| key.opcodes.without_memo());
    out.extend(opcodes.unwrap_or_default());
    opcodes.is_some()
}

/// What a decoded value does not say of its calls.
#[derive(Default)]
struct Calls {
    /// Objects that NEWOBJ made.
    new: HashSet<NodeId>,
    /// Globals that a call gave: another protocol may name them at once.
    found: HashSet<NodeId>,
}

fn decode(pickle: &[u8]) -> (Decoded, Calls) {
    let content = Content::of_bytes(pickle);
    let budget = budget(&Limits::PREVIEW);
    let kept = Limits::PREVIEW.output_bytes;
    let input = Input::new(&content, Keeping::All, kept, budget.deadline);
    let mut machine = Machine::new(input, Arena::new(), budget);
    let (mut calls, mut last) = (Calls::default(), None);
    let stop = machine.run_watched(|machine| {
        if let (Some(op::NEWOBJ | op::REDUCE), Some(top)) = (last, machine.stack.last()) {
            if machine.build.value.tag(*top) == Some(Tag::Global) {
                calls.found.insert(*top);
            } else if last == Some(op::NEWOBJ) {
                calls.new.insert(*top);
            }
        }
        last = machine.input.peek();
    });
    (finish(machine, stop), calls)
}

/// True for a float, text, bytes, or an integer that SQLite has.
fn is_native(decoded: &Decoded) -> bool {
    let (value, root) = (&decoded.value, decoded.value.root());
    match value.leaf(root) {
        None => bytes_of(value, root).is_some(),
        Some(Leaf::Int(Integer::Binary(_) | Integer::Decimal(_))) => false,
        Some(_) => true,
    }
}

/// Whose text or bytes they are, which tells whether equal ones are one object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Owner {
    /// Names of modules, classes and attributes: equal ones are one.
    Code,
    /// Arguments that a class of a library gives itself: as in the pickle at hand.
    Library,
    /// Whatever a program gave: nobody knows.
    Program,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Sort {
    Text,
    Bytes,
}

/// A key in the making.
struct Key<'d> {
    value: &'d Value,
    calls: &'d Calls,
    opcodes: Opcodes,
    /// What a second mention takes out of the memo.
    seen: HashMap<NodeId, Slot>,
    texts: HashMap<(Sort, Vec<u8>), (Owner, Slot)>,
    globals: HashMap<(Box<str>, Box<str>), Slot>,
}

impl<'d> Key<'d> {
    fn of(decoded: &'d Decoded, calls: &'d Calls) -> Option<Self> {
        if !decoded.is_complete {
            return None;
        }
        let mut key = Self {
            value: &decoded.value,
            calls,
            opcodes: Opcodes::default(),
            seen: HashMap::new(),
            texts: HashMap::new(),
            globals: HashMap::new(),
        };
        key.node(decoded.value.root(), Owner::Program, 0)?;
        Some(key)
    }

    fn push(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        self.opcodes.push(write);
    }

    fn opcode(&mut self, opcode: u8) {
        self.push(|out| out.push(opcode));
    }

    fn node(&mut self, node: NodeId, owner: Owner, depth: usize) -> Option<()> {
        let value = self.value;
        match (node, value.leaf(node)) {
            (NodeId::NONE, _) => self.opcode(op::NONE),
            (NodeId::TRUE, _) => self.opcode(op::NEWTRUE),
            (NodeId::FALSE, _) => self.opcode(op::NEWFALSE),
            (NodeId::EMPTY_TUPLE, _) => self.opcode(op::EMPTY_TUPLE),
            (_, Some(Leaf::Int(Integer::Small(n)))) => self.push(|out| emit::int(n, out)),
            (_, Some(Leaf::Int(Integer::Binary(blob)))) => self.long(&whole(&blob)?)?,
            (_, Some(Leaf::Int(Integer::Decimal(line)))) => self.long(&binary(&line)?)?,
            (_, Some(Leaf::Float(x))) => self.push(|out| emit::float(x, out)),
            (_, Some(Leaf::Str(blob))) => self.text(node, &whole(&blob)?, owner)?,
            (_, Some(Leaf::ByteArray(_) | Leaf::Python2Str(_))) => return None,
            _ if let Some(blob) = bytes_of(value, node) => {
                self.text_or_bytes(node, (Sort::Bytes, &whole(&blob)?), owner)?;
            }
            _ if depth >= MAX_DEPTH => return None,
            _ => self.container(node, owner, depth)?,
        }
        Some(())
    }

    fn container(&mut self, node: NodeId, owner: Owner, depth: usize) -> Option<()> {
        let value = self.value;
        match value.tag(node)? {
            Tag::Global if self.calls.found.contains(&node) => return None,
            Tag::Global => return self.global(node),
            _ => {}
        }
        if let Some(slot) = self.seen.get(&node) {
            // Of other objects nobody knows whether the program has one or two.
            return is_utc(value, node).then(|| self.opcodes.get(*slot));
        }
        match (value.tag(node)?, value.object(node)) {
            (Tag::Tuple, _) => self.tuple(&value.sequence(node)?, owner, depth)?,
            (Tag::Dict, _) if owner == Owner::Library => {
                return self.attributes(node, owner, depth + 1);
            }
            _ if let Some((is_frozen, members)) = set_members(value, node) => {
                if !is_frozen || members.len() > 1 {
                    return None;
                }
                self.opcode(op::MARK);
                for member in members {
                    self.node(member, owner, depth + 1)?;
                }
                self.opcode(op::FROZENSET);
            }
            (Tag::Object, Some(object)) => return self.object(node, object, depth),
            _ => return None,
        }
        let slot = self.opcodes.put();
        self.seen.insert(node, slot);
        Some(())
    }

    /// An integer of more than 64 bits.
    fn long(&mut self, two_complement: &[u8]) -> Option<()> {
        let len = u8::try_from(two_complement.len()).ok()?;
        self.push(|out| {
            out.extend([op::LONG1, len]);
            out.extend(two_complement);
        });
        Some(())
    }

    fn text(&mut self, node: NodeId, text: &[u8], owner: Owner) -> Option<()> {
        self.text_or_bytes(node, (Sort::Text, text), owner)
    }

    fn text_or_bytes(
        &mut self,
        node: NodeId,
        (sort, content): (Sort, &[u8]),
        owner: Owner,
    ) -> Option<()> {
        let owner = match owner {
            Owner::Program if is_constant(sort, content) => Owner::Code,
            owner => owner,
        };
        let known = self.texts.get(&(sort, content.to_vec())).copied();
        match (owner, known, self.seen.get(&node)) {
            (_, None, _)
            | (Owner::Program, Some((Owner::Program, _)), None)
            | (Owner::Library, Some((Owner::Library, _)), None) => {}
            (Owner::Code, Some((Owner::Code, slot)), _)
            | (Owner::Library, Some((Owner::Library, _)), Some(&slot)) => {
                self.opcodes.get(slot);
                return Some(());
            }
            _ => return None,
        }
        self.push(|out| match sort {
            Sort::Text => emit::text(content, out),
            Sort::Bytes => emit::bytes(content, out),
        });
        let slot = self.opcodes.put();
        self.seen.insert(node, slot);
        self.texts
            .entry((sort, content.to_vec()))
            .or_insert((owner, slot));
        Some(())
    }

    fn tuple(&mut self, items: &[NodeId], owner: Owner, depth: usize) -> Option<()> {
        let close = match items.len() {
            0 => op::EMPTY_TUPLE,
            1 => op::TUPLE1,
            2 => op::TUPLE2,
            3 => op::TUPLE3,
            _ => {
                self.opcode(op::MARK);
                op::TUPLE
            }
        };
        for item in items {
            self.node(*item, owner, depth + 1)?;
        }
        self.opcode(close);
        Some(())
    }

    /// Attributes of an object, as a dict that is put into the memo before its items.
    fn attributes(&mut self, node: NodeId, owner: Owner, depth: usize) -> Option<()> {
        let value = self.value;
        let pairs: Vec<_> = value.pairs(node).collect();
        if value.tag(node) != Some(Tag::Dict) || pairs.len() > BATCH {
            return None;
        }
        self.opcode(op::EMPTY_DICT);
        self.opcodes.put();
        if pairs.len() > 1 {
            self.opcode(op::MARK);
        }
        for (name, attribute) in &pairs {
            let Some(Leaf::Str(text)) = value.leaf(*name) else {
                return None;
            };
            self.text(*name, &whole(&text)?, Owner::Code)?;
            self.node(*attribute, owner, depth + 1)?;
        }
        match pairs.len() {
            0 => {}
            1 => self.opcode(op::SETITEM),
            _ => self.opcode(op::SETITEMS),
        }
        Some(())
    }

    /// By `STACK_GLOBAL`, which takes both names from the stack.
    fn global(&mut self, node: NodeId) -> Option<()> {
        let name = self.value.name(node)?;
        let key = (name.module.clone(), name.qualname.clone());
        if let Some(slot) = self.globals.get(&key) {
            self.opcodes.get(*slot);
            return Some(());
        }
        // Names have no node of their own.
        self.text(NodeId::MISSING, name.module.as_bytes(), Owner::Code)?;
        if name.module != name.qualname {
            self.text(NodeId::MISSING, name.qualname.as_bytes(), Owner::Code)?;
        } else if is_library(&name.module) {
            // The name of a class that is written in C (`datetime`) is made for the asking.
            self.push(|out| emit::text(name.qualname.as_bytes(), out));
        } else {
            return None;
        }
        self.opcode(op::STACK_GLOBAL);
        let slot = self.opcodes.put();
        self.globals.insert(key, slot);
        Some(())
    }

    fn object(&mut self, node: NodeId, object: &Object, depth: usize) -> Option<()> {
        let name = self.value.name(object.callee)?;
        let is_plain = [object.kwargs, object.items, object.pairs]
            .iter()
            .all(|part| part.is_missing());
        // Instances of protocols 0 and 1 come by `copyreg`, and not so later on.
        if !is_plain || &*name.module == "copyreg" || self.calls.found.contains(&object.callee) {
            return None;
        }
        let owner = if is_library(&name.module) {
            Owner::Library
        } else {
            Owner::Program
        };
        self.global(object.callee)?;
        let args = self.value.sequence(object.args)?;
        self.tuple(&args, owner, depth)?;
        self.opcode(if self.calls.new.contains(&node) {
            op::NEWOBJ
        } else {
            op::REDUCE
        });
        let slot = self.opcodes.put();
        self.seen.insert(node, slot);
        if !object.state.is_missing() {
            match self.value.tag(object.state) {
                Some(Tag::Dict) => self.attributes(object.state, owner, depth + 1)?,
                _ => self.node(object.state, owner, depth + 1)?,
            }
            self.opcode(op::BUILD);
        }
        Some(())
    }
}

/// Packages whose classes give the same arguments for equal objects, and share them in the same way.
const LIBRARIES: [&str; 6] = [
    "datetime",
    "decimal",
    "fractions",
    "numpy",
    "pathlib",
    "uuid",
];

fn is_library(module: &str) -> bool {
    let package = module.split('.').next();
    package.is_some_and(|package| LIBRARIES.contains(&package))
}

/// CPython has one object of no character or byte, and of each one below 256.
fn is_constant(sort: Sort, content: &[u8]) -> bool {
    match (sort, std::str::from_utf8(content)) {
        (Sort::Bytes, _) => content.len() < 2,
        (Sort::Text, Ok(text)) => {
            let mut characters = text.chars();
            let first = characters.next();
            characters.next().is_none() && first.is_none_or(|c| u32::from(c) < 256)
        }
        (Sort::Text, Err(_)) => false,
    }
}

/// `datetime.timezone.utc`, which there is one of.
fn is_utc(value: &Value, node: NodeId) -> bool {
    value.repr(node, 100).text == "datetime.timezone.utc"
}

/// All of a text or of bytes.
fn whole(blob: &Blob<'_>) -> Option<Vec<u8>> {
    (!blob.is_cut()).then(|| blob.bytes.to_vec())
}

/// Digits of the longest number that `LONG1` holds.
const MAX_DIGITS: usize = 615;

/// A decimal number in the fewest bytes of two's complement, little-endian; `None` for one of absurd length.
fn binary(line: &str) -> Option<Vec<u8>> {
    let digits = line.trim_start_matches(['-', '+']).trim_start_matches('0');
    let is_decimal = digits.bytes().all(|digit| digit.is_ascii_digit());
    if !is_decimal || digits.len() > MAX_DIGITS {
        return None;
    }
    let mut bytes: Vec<u8> = Vec::new();
    for digit in digits.bytes() {
        let mut carry = u32::from(digit - b'0');
        for byte in &mut bytes {
            let [low, rest @ ..] = (u32::from(*byte) * 10 + carry).to_le_bytes();
            *byte = low;
            carry = u32::from(rest[0]);
        }
        if carry > 0 {
            bytes.push(u8::try_from(carry).ok()?);
        }
    }
    // A byte of its own for the sign, which goes again where the highest bit says as much.
    bytes.push(0);
    if line.starts_with('-') {
        digits::negate(&mut bytes);
    }
    let sign = *bytes.last()?;
    while let [.., below, top] = bytes.as_slice()
        && *top == sign
        && below >> 7 == sign >> 7
    {
        bytes.pop();
    }
    Some(bytes)
}
