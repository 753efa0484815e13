//! Values as CPython 3.13 prints them: one loop over a stack of pieces, so that depth, cycles and sharing cost nothing.

mod collections;
mod function;
mod global;
mod key;
mod label;
mod libraries;
mod number;
mod objects;
mod path;
mod printable;
mod scalar;
mod settled;
mod text;
mod time;
mod types;

use std::collections::HashSet;

use crate::model::Kind;
use crate::model::value::{Leaf, NodeId, Value};
use text::Out;

pub use key::{reads_like_repr, str_key_label};
pub use number::float_repr;
pub(crate) use number::{complex_repr, decimal_of, long_complex_repr, long_double_repr};
pub(crate) use time::plain_moment;

/// `repr(bytes)`, whole.
pub(crate) fn bytes_repr(bytes: &[u8]) -> String {
    let mut out = Out::new(usize::MAX);
    out.push('b');
    text::bytes_repr(bytes, &mut out);
    out.into_text()
}

/// `repr(str)`, whole.
pub(crate) fn str_repr(text: &str) -> String {
    let mut out = Out::new(usize::MAX);
    text::str_repr(text.as_bytes(), &mut out);
    out.into_text()
}

/// A printed value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repr {
    /// What CPython 3.13's `repr` prints, or its head.
    pub text: String,
    /// True if the text was cut, or something in it was not kept.
    pub is_cut: bool,
    /// True if arrays in it are named by type and shape, and not printed.
    pub has_stand_ins: bool,
}

impl Value {
    /// `repr` of `node`, cut after `max_chars` characters.
    ///
    /// ```
    /// use cachescope_core::formats::pickle;
    ///
    /// // l = []; l.append(l); pickle.dumps(l)
    /// let value = pickle::decode_bytes(b"\x80\x04\x95\x08\x00\x00\x00\x00\x00\x00\x00]\x94h\x00a.").value;
    /// assert_eq!(value.repr(value.root(), 100).text, "[[...]]");
    /// ```
    pub fn repr(&self, node: NodeId, max_chars: usize) -> Repr {
        Printer::new(self, node, max_chars).print()
    }

    /// Qualified Python type of `node`, `builtins` left out: `int`, `collections.OrderedDict`.
    pub fn type_name(&self, node: NodeId) -> String {
        types::type_name(self, node)
    }

    /// One line about `node`: its type and size, or the value itself where that is short.
    pub fn label(&self, node: NodeId) -> String {
        label::label(self, node)
    }
}

/// A part of what is printed of one object.
#[derive(Debug, Clone)]
pub(super) enum Piece {
    Text(String),
    /// Text in place of what is not printed.
    StandIn(String),
    Node(NodeId),
    /// Separated by commas.
    Nodes(Vec<NodeId>),
    /// The children of a container, separated by commas.
    Items(NodeId),
    /// `key: value` of a dict.
    Pairs(NodeId),
    PairList(Vec<(NodeId, NodeId)>),
    /// `name=value` of a dict.
    Attributes(NodeId),
    /// `name=value`.
    Labelled(&'static str, NodeId),
    /// Text to be quoted.
    Str(String),
    /// Bytes to be quoted.
    Bytes(Vec<u8>),
    /// Bytes to be quoted as a `bytearray`.
    ByteArray(Vec<u8>),
}

impl Piece {
    fn len(&self, value: &Value) -> usize {
        match self {
            Self::Nodes(nodes) => nodes.len(),
            Self::PairList(pairs) => pairs.len(),
            Self::Items(node) => value.n_items(*node),
            Self::Pairs(node) | Self::Attributes(node) => value.n_items(*node) / 2,
            _ => 1,
        }
    }

    fn is_empty(&self, value: &Value) -> bool {
        self.len(value) == 0
    }
}

enum Task {
    Piece(Piece),
    /// The part of a list from this number on.
    Rest(Piece, usize),
    /// A container is done.
    Close(NodeId),
    /// Its printing inside of itself is done.
    CloseAgain(NodeId),
}

struct Printer<'v> {
    value: &'v Value,
    out: Out,
    /// What is still to be printed, last first.
    tasks: Vec<Task>,
    /// Containers being printed: met again, they are a cycle.
    open: HashSet<NodeId>,
    /// Those among them that were printed again, because Python only notices by what they hold.
    repeated: HashSet<NodeId>,
    has_stand_ins: bool,
    /// Levels of sets whose members are put into the order of their texts.
    settled_levels: u32,
}

impl<'v> Printer<'v> {
    fn new(value: &'v Value, node: NodeId, max_chars: usize) -> Self {
        Self {
            value,
            out: Out::new(max_chars),
            tasks: vec![Task::Piece(Piece::Node(node))],
            open: HashSet::new(),
            repeated: HashSet::new(),
            has_stand_ins: false,
            settled_levels: 0,
        }
    }

    fn print(mut self) -> Repr {
        self.run();
        Repr {
            is_cut: self.out.is_cut,
            has_stand_ins: self.has_stand_ins,
            text: self.out.into_text(),
        }
    }

    fn run(&mut self) {
        while let Some(task) = self.tasks.pop() {
            if self.out.is_full() {
                break;
            }
            match task {
                Task::Close(node) => {
                    self.open.remove(&node);
                }
                Task::CloseAgain(node) => {
                    self.repeated.remove(&node);
                }
                Task::Piece(piece) => self.piece(piece),
                Task::Rest(piece, number) => self.rest(piece, number),
            }
        }
    }

    fn piece(&mut self, piece: Piece) {
        match piece {
            Piece::Text(text) => self.out.push_str(&text),
            Piece::StandIn(text) => {
                self.out.push_str(&text);
                self.has_stand_ins = true;
            }
            Piece::Str(string) => text::str_repr(string.as_bytes(), &mut self.out),
            Piece::Bytes(bytes) => {
                self.out.push('b');
                text::bytes_repr(&bytes, &mut self.out);
            }
            Piece::ByteArray(bytes) => {
                self.out.push_str("bytearray(b");
                text::bytearray_repr(&bytes, &mut self.out);
                self.out.push(')');
            }
            Piece::Labelled(name, node) => {
                self.out.push_str(name);
                self.out.push('=');
                self.node(node);
            }
            Piece::Node(node) => self.node(node),
            list => self.rest(list, 0),
        }
    }

    /// Prints element `number` of a list and comes back for the next.
    fn rest(&mut self, list: Piece, number: usize) {
        if number >= list.len(self.value) {
            return;
        }
        if number > 0 {
            self.out.push_str(", ");
        }
        let value = self.value;
        let (key, node, infix) = match &list {
            Piece::Nodes(nodes) => (None, nodes.get(number).copied(), ""),
            Piece::Items(node) => (None, value.item(*node, number), ""),
            Piece::PairList(pairs) => {
                let pair = pairs.get(number);
                (pair.map(|p| p.0), pair.map(|p| p.1), ": ")
            }
            Piece::Pairs(node) | Piece::Attributes(node) => (
                value.item(*node, 2 * number),
                value.item(*node, 2 * number + 1),
                if matches!(list, Piece::Pairs(_)) {
                    ": "
                } else {
                    "="
                },
            ),
            _ => (None, None, ""),
        };
        let is_attribute = matches!(list, Piece::Attributes(_));
        self.tasks.push(Task::Rest(list, number + 1));
        self.tasks.extend(node.map(Piece::Node).map(Task::Piece));
        if let Some(key) = key {
            self.tasks.push(Task::Piece(Piece::Text(infix.to_owned())));
            // Attribute names stand without quotes.
            self.tasks.push(Task::Piece(match value.str(key) {
                Some(name) if is_attribute => Piece::Text(name.into_owned()),
                _ => Piece::Node(key),
            }));
        }
    }

    fn node(&mut self, node: NodeId) {
        let kind = self.value.kind(node);
        match kind {
            Kind::Missing => {
                self.out.push('…');
                self.out.is_cut = true;
            }
            Kind::None => self.out.push_str("None"),
            Kind::Bool => self.out.push_str(if node == NodeId::TRUE {
                "True"
            } else {
                "False"
            }),
            Kind::Int | Kind::Float | Kind::Str | Kind::Bytes | Kind::ByteArray => self.leaf(node),
            Kind::Global => {
                if let Some(name) = self.value.name(node) {
                    self.out
                        .push_str(&global::global_repr(&name.module, &name.qualname));
                }
            }
            Kind::Extension | Kind::Buffer => {
                let number = self.value.cell(node).map_or(0, |cell| cell.payload);
                let word = if kind == Kind::Buffer {
                    "buffer"
                } else {
                    "extension"
                };
                self.out.push_str(&format!("<{word} {number}>"));
            }
            _ if self.open.contains(&node) && self.notices_itself(node) => {
                let pieces = self.ellipsis(node, kind);
                self.tasks.extend(pieces.into_iter().rev().map(Task::Piece));
            }
            _ => {
                let is_first = self.open.insert(node);
                self.tasks.push(if is_first {
                    Task::Close(node)
                } else {
                    Task::CloseAgain(node)
                });
                let settled = self.settled(node);
                let pieces = settled.unwrap_or_else(|| self.container(node, kind));
                self.tasks.extend(pieces.into_iter().rev().map(Task::Piece));
            }
        }
    }

    /// True for what prints `...` where it is met inside of itself. Exceptions and the wrappers of `collections` print
    /// what they hold once more, which is where Python notices; two of them alone would go on for ever.
    fn notices_itself(&mut self, node: NodeId) -> bool {
        !objects::is_transparent(self.value, node) || !self.repeated.insert(node)
    }

    /// What Python prints where a container holds itself.
    fn ellipsis(&self, node: NodeId, kind: Kind) -> Vec<Piece> {
        let text = |text: &str| Piece::Text(text.to_owned());
        let word = match kind {
            Kind::List => "[...]",
            Kind::Tuple => "(...)",
            Kind::Dict => "{...}",
            Kind::Set => "set(...)",
            Kind::FrozenSet => "frozenset(...)",
            _ => match self
                .value
                .object(node)
                .and_then(|o| self.value.name(o.callee))
            {
                Some(name) if name.is("collections", "deque") => "[...]",
                Some(name) if name.is("types", "SimpleNamespace") => "namespace(...)",
                // Its repr goes on to the dict inside, which is the one that notices.
                Some(name) if name.is("collections", "defaultdict") => {
                    let args = self.value.object(node).map(|object| object.args);
                    let factory = args.and_then(|args| self.value.item(args, 0));
                    return match factory.filter(|factory| *factory != node) {
                        Some(factory) => {
                            let open = text("defaultdict(");
                            vec![open, Piece::Node(factory), text(", {...})")]
                        }
                        None => vec![text("defaultdict(None, {...})")],
                    };
                }
                _ => "...",
            },
        };
        vec![text(word)]
    }

    fn container(&self, node: NodeId, kind: Kind) -> Vec<Piece> {
        let n = self.value.n_items(node);
        let between = |open: &str, piece: Piece, close: &str| {
            vec![
                Piece::Text(open.to_owned()),
                piece,
                Piece::Text(close.to_owned()),
            ]
        };
        match kind {
            Kind::List => between("[", Piece::Items(node), "]"),
            Kind::Tuple => between("(", Piece::Items(node), if n == 1 { ",)" } else { ")" }),
            Kind::Dict => between("{", Piece::Pairs(node), "}"),
            Kind::Set if n == 0 => between("set(", Piece::Items(node), ")"),
            Kind::Set => between("{", Piece::Items(node), "}"),
            Kind::FrozenSet if n == 0 => between("frozenset(", Piece::Items(node), ")"),
            Kind::FrozenSet => between("frozenset({", Piece::Items(node), "})"),
            Kind::PersistentId => {
                let id = self
                    .value
                    .children(node, 0..1)
                    .first()
                    .map_or(NodeId::MISSING, |child| child.node);
                between("<persistent id ", Piece::Node(id), ">")
            }
            Kind::Array => scalar::block_pieces(self.value, node),
            _ => objects::object_pieces(self.value, node),
        }
    }

    fn leaf(&mut self, node: NodeId) {
        let out = &mut self.out;
        match self.value.leaf(node) {
            Some(Leaf::Int(integer)) => {
                out.push_str(&number::int_repr(&integer));
                out.is_cut |= number::is_summary(&integer);
            }
            Some(Leaf::Float(float)) => out.push_str(&float_repr(float)),
            Some(Leaf::Str(blob)) => {
                text::str_repr(&blob.bytes, out);
                out.is_cut |= blob.is_cut();
            }
            // Read as Latin-1 or ASCII by Python 3, printed as bytes by Python 2: plain text prints alike.
            Some(Leaf::Python2Str(blob)) => {
                if blob.bytes.is_ascii() {
                    text::str_repr(&blob.bytes, out);
                } else {
                    text::bytes_repr(&blob.bytes, out);
                }
                out.is_cut |= blob.is_cut();
            }
            Some(Leaf::Bytes(blob)) => {
                out.push('b');
                text::bytes_repr(&blob.bytes, out);
                out.is_cut |= blob.is_cut();
            }
            Some(Leaf::ByteArray(blob)) => {
                out.push_str("bytearray(b");
                text::bytearray_repr(&blob.bytes, out);
                out.push(')');
                out.is_cut |= blob.is_cut();
            }
            None => out.push('…'),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::formats::pickle;

    #[test]
    fn a_wrapper_that_holds_itself_twice_prints_both() {
        // u = collections.UserList(); u.extend([u, u])
        let pickle = b"\x80\x02ccollections\nUserList\n)\x81q\x01}X\x04\0\0\0data](h\x01h\x01esb.";
        let value = pickle::decode_bytes(pickle).value;
        assert_eq!(value.repr(value.root(), 100).text, "[[...], [...]]");
    }
}
