//! Two stored values to one answer: the same, different, or not to be told within the limits.
//!
//! Stored bytes decide first, then decoded values. The walk is iterative, and a pair of shared nodes is looked at
//! once, however often it is referred to.

mod arrays;
mod scalars;

use std::collections::HashSet;

use super::labels::{Fit, Labels};
use crate::Result;
use crate::formats::joblib::side_file;
use crate::formats::made::{Made, Members, set_members};
use crate::formats::numpy::ArrayData;
use crate::formats::{ArrayHandle, Carrier, Content, Options, Preview};
use crate::model::value::{Leaf, Name, NodeId, Tag};
use crate::model::{Limits, Value};
use crate::source::ReadAt;
use crate::stores::ValueReader;

/// Whether two stored values are one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sameness {
    /// Byte for byte, or as decoded.
    Same,
    /// They are not.
    Different,
    /// Their bytes differ and their values could not be compared to the end.
    Unknown(String),
}

/// Bytes read at a time.
const CHUNK: usize = 64 << 10;
/// Characters of a value that only its `repr` tells.
const MAX_CHARS: usize = 64 << 20;
/// Pairs of nodes looked at.
const MAX_PAIRS: usize = 8_000_000;

/// What is decoded of each value.
const OPTIONS: Options = Options {
    limits: Limits {
        output_bytes: 256 << 20,
        nodes: 4_000_000,
        time: std::time::Duration::from_secs(30),
    },
    has_statistics: false,
};

/// Compares two stored values.
///
/// # Errors
/// Only what the system said while reading.
pub fn same_value(left: &ValueReader, right: &ValueReader) -> Result<Sameness> {
    if is_same_form(left, right)
        && same_bytes(&*left.bytes, &*right.bytes)?
        && !(arrays::may_be_beside(left) && arrays::may_be_beside(right))
    {
        return Ok(Sameness::Same);
    }
    let (left, right) = (&as_object(left, right), &as_object(right, left));
    let decoded = walk(&Side::of(left)?, &Side::of(right)?);
    if decoded == Sameness::Same {
        return Ok(decoded);
    }
    // Bytes that nobody has named may look like a pickle and be none.
    let plain = match (left.carrier, right.carrier) {
        (Carrier::Unknown, _) if left.part.is_none() => {
            walk(&Side::plain(left)?, &Side::of(right)?)
        }
        (_, Carrier::Unknown) if right.part.is_none() => {
            walk(&Side::of(left)?, &Side::plain(right)?)
        }
        _ => return Ok(decoded),
    };
    Ok(match plain {
        Sameness::Same => plain,
        _ => decoded,
    })
}

/// A value as it is to be decoded beside another one: credentials differ like anything else, and what a program made of
/// a response counts where the other store keeps objects.
fn as_object(value: &ValueReader, other: &ValueReader) -> ValueReader {
    let mut value = value.clone();
    value.hides_secrets = false;
    if value.carrier == Carrier::Response && other.carrier != Carrier::Response {
        value.carrier = Carrier::Pickle;
    }
    value
}

fn walk(left: &Side, right: &Side) -> Sameness {
    let mut walk = Walk {
        left,
        right,
        labels: Labels::new(),
        waiting: vec![(left.root(), right.root())],
        seen: HashSet::new(),
    };
    walk.run()
}

/// True if equal bytes mean equal values.
fn is_same_form(left: &ValueReader, right: &ValueReader) -> bool {
    let is_whole = left.part.is_none() && right.part.is_none();
    let is_number = |value: &ValueReader| {
        matches!(
            value.carrier,
            Carrier::Null | Carrier::Int(_) | Carrier::Float(_)
        )
    };
    let is_untold =
        |value: &ValueReader| matches!(value.carrier, Carrier::Unknown | Carrier::Response);
    let is_alike = left.carrier == right.carrier || is_untold(left) || is_untold(right);
    is_whole && is_alike && !is_number(left) && !is_number(right)
}

fn same_bytes(left: &dyn ReadAt, right: &dyn ReadAt) -> Result<bool> {
    if left.len() != right.len() {
        return Ok(false);
    }
    let fail =
        |e: std::io::Error| crate::Error::unavailable("Cannot read the value", e.to_string());
    let (mut ours, mut theirs) = (vec![0; CHUNK], vec![0; CHUNK]);
    let mut at = 0;
    while at < left.len() {
        let n = left.read_full_at(at, &mut ours).map_err(fail)?;
        let m = right.read_full_at(at, &mut theirs).map_err(fail)?;
        if n == 0 || ours.get(..n) != theirs.get(..m) {
            return Ok(false);
        }
        at += n as u64;
    }
    Ok(true)
}

/// One of the two values, decoded.
struct Side {
    preview: Preview,
    files: std::sync::Arc<dyn crate::formats::SideFiles>,
}

impl Side {
    fn of(reader: &ValueReader) -> Result<Self> {
        let preview = reader.preview(&OPTIONS)?;
        let is_plain = matches!(
            reader.carrier,
            Carrier::Text | Carrier::TextFile | Carrier::Bytes | Carrier::Unknown
        ) && preview.codec.iter().any(|c| c == "text" || c == "bytes");
        let mut side = Self {
            preview,
            files: std::sync::Arc::clone(&reader.side_files),
        };
        // Plain text and bytes are kept by their head; what is compared is all of them.
        if is_plain && side.preview.is_truncated {
            let content = side.preview.content.clone();
            side.take_whole(&content, reader.carrier);
        }
        Ok(side)
    }

    /// The stored bytes as bytes, whatever they look like.
    fn plain(reader: &ValueReader) -> Result<Self> {
        let mut side = Self {
            preview: reader.preview(&OPTIONS)?,
            files: std::sync::Arc::clone(&reader.side_files),
        };
        let content = Content::plain(std::sync::Arc::clone(&reader.bytes));
        side.preview.array_handle = None;
        side.take_whole(&content, Carrier::Bytes);
        side.preview.content = content;
        Ok(side)
    }

    fn take_whole(&mut self, content: &Content, carrier: Carrier) {
        let limit = OPTIONS.limits.output_bytes;
        let content = content.clone().unpacked_up_to(limit);
        let bytes = content.head(usize::try_from(limit).unwrap_or(usize::MAX));
        self.preview.is_truncated = content.len() != Some(bytes.len() as u64);
        let value = match std::str::from_utf8(&bytes) {
            Ok(text) if carrier.is_text() => Value::of_str(&carrier.lines(text)),
            _ => Value::of_bytes(&bytes),
        };
        self.preview.node = value.root();
        self.preview.value = std::sync::Arc::new(value);
    }

    fn value(&self) -> &Value {
        &self.preview.value
    }

    fn root(&self) -> NodeId {
        self.preview.value.root()
    }

    /// An array whose elements can be read from bytes or are objects of the value.
    fn array(&self, node: NodeId) -> Option<ArrayHandle> {
        let is_candidate = matches!(self.value().tag(node), Some(Tag::Block | Tag::Object));
        if !is_candidate {
            // A bare .npy file has no node.
            return (node == self.root())
                .then(|| self.preview.array_handle.clone())
                .flatten();
        }
        let handle = self.preview.array_at(node, &*self.files)?;
        let is_told = handle.view.mask.is_none() && handle.view.data != ArrayData::Absent;
        is_told.then_some(handle)
    }

    fn content(&self) -> &Content {
        &self.preview.content
    }
}

/// What a comparison of two nodes says.
enum Found {
    Same,
    Different,
    /// Same if these pairs are.
    If(Vec<(NodeId, NodeId)>),
    Unknown(&'static str),
}

/// The nodes of each pair of numbers.
fn at<'n>(
    ours: &'n [NodeId],
    theirs: &'n [NodeId],
    pairs: &'n [(usize, usize)],
) -> impl Iterator<Item = (NodeId, NodeId)> + 'n {
    let nodes = |(a, b): &(usize, usize)| Some((*ours.get(*a)?, *theirs.get(*b)?));
    pairs.iter().filter_map(nodes)
}

struct Walk<'s> {
    left: &'s Side,
    right: &'s Side,
    labels: Labels,
    waiting: Vec<(NodeId, NodeId)>,
    seen: HashSet<(NodeId, NodeId)>,
}

impl Walk<'_> {
    fn run(&mut self) -> Sameness {
        let mut unknown = None;
        let mut n_pairs = 0_usize;
        while let Some((left, right)) = self.waiting.pop() {
            n_pairs += 1;
            if n_pairs > MAX_PAIRS {
                return Sameness::Unknown("it holds too many values".to_owned());
            }
            let is_shared = self.left.value().tag(left).is_some();
            if is_shared && !self.seen.insert((left, right)) {
                continue;
            }
            match self.pair(left, right) {
                Found::Same => {}
                Found::Different => return Sameness::Different,
                Found::If(pairs) => self.waiting.extend(pairs),
                Found::Unknown(why) => unknown = Some(why.to_owned()),
            }
        }
        let is_whole = |side: &Side| !side.preview.is_truncated;
        match unknown {
            Some(why) => Sameness::Unknown(why),
            None if is_whole(self.left) && is_whole(self.right) => Sameness::Same,
            None => Sameness::Unknown("it was not read to the end".to_owned()),
        }
    }

    fn pair(&self, left: NodeId, right: NodeId) -> Found {
        if left.is_missing() || right.is_missing() {
            return if left == right {
                Found::Same
            } else {
                Found::Unknown("part of it could not be read")
            };
        }
        if let (Some(ours), Some(theirs)) = (self.left.array(left), self.right.array(right)) {
            return self.arrays(&ours, &theirs);
        }
        if let Some(found) = self.bytes(left, right) {
            return found;
        }
        let (l, r) = (self.left.value(), self.right.value());
        match (l.leaf(left), r.leaf(right)) {
            (Some(ours), Some(theirs)) => return self.leaves(&ours, &theirs),
            (None, None) => {}
            _ => return Found::Different,
        }
        match (l.tag(left), r.tag(right)) {
            (None, None) => Found::of(left == right),
            (Some(Tag::List), Some(Tag::List)) | (Some(Tag::Tuple), Some(Tag::Tuple)) => {
                self.items(left, right)
            }
            (Some(Tag::Dict), Some(Tag::Dict)) => self.dicts(left, right),
            (Some(Tag::Global), Some(Tag::Global)) => {
                let name = |value: &Value, node| value.name(node).map(Name::dotted);
                Found::of(name(l, left) == name(r, right))
            }
            _ => match (set_members(l, left), set_members(r, right)) {
                (Some(ours), Some(theirs)) => self.sets(ours, theirs),
                (None, None) => self.objects(left, right),
                _ => Found::Different,
            },
        }
    }

    fn leaves(&self, left: &Leaf<'_>, right: &Leaf<'_>) -> Found {
        match (left, right) {
            (Leaf::Int(a), Leaf::Int(b)) => self.integers(a, b),
            (Leaf::Float(a), Leaf::Float(b)) => {
                Found::of(a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan()))
            }
            (Leaf::Str(a), Leaf::Str(b)) => self.blobs(a, b),
            _ => Found::Different,
        }
    }

    fn items(&self, left: NodeId, right: NodeId) -> Found {
        let (l, r) = (self.left.value(), self.right.value());
        if l.n_items(left) != r.n_items(right) {
            return Found::Different;
        }
        Found::If(l.items(left).zip(r.items(right)).collect())
    }

    /// In Python the order of keys does not make dicts differ.
    fn dicts(&self, left: NodeId, right: NodeId) -> Found {
        let unzipped = |value: &Value, node| value.pairs(node).unzip::<_, _, Vec<_>, Vec<_>>();
        let (our_keys, ours) = unzipped(self.left.value(), left);
        let (their_keys, theirs) = unzipped(self.right.value(), right);
        let pairs = match self.fit(&our_keys, &their_keys) {
            Ok(pairs) => pairs,
            Err(found) => return found,
        };
        let keys = at(&our_keys, &their_keys, &pairs);
        Found::If(keys.chain(at(&ours, &theirs, &pairs)).collect())
    }

    fn sets(&self, (left, ours): Members, (right, theirs): Members) -> Found {
        if left != right {
            return Found::Different;
        }
        match self.fit(&ours, &theirs) {
            Ok(pairs) => Found::If(at(&ours, &theirs, &pairs).collect()),
            Err(found) => found,
        }
    }

    /// Numbers of the keys or members that belong together, or what is to be said without them.
    fn fit(&self, ours: &[NodeId], theirs: &[NodeId]) -> Result<Vec<(usize, usize)>, Found> {
        let ours = self.labels.of(self.left.value(), ours);
        let theirs = self.labels.of(self.right.value(), theirs);
        match ours.fit(&theirs) {
            Fit::Pairs(pairs) => Ok(pairs),
            Fit::None => Err(Found::Different),
            Fit::Unknown => Err(Found::Unknown(
                "it holds keys or members that cannot be told apart",
            )),
        }
    }

    fn objects(&self, left: NodeId, right: NodeId) -> Found {
        let (l, r) = (self.left.value(), self.right.value());
        if side_file(l, left).is_some() && side_file(r, right).is_some() {
            return Found::Unknown("an array in a file beside it could not be read");
        }
        let (Some(ours), Some(theirs)) = (Made::of(l, left), Made::of(r, right)) else {
            let (Some(ours), Some(theirs)) = (l.object(left), r.object(right)) else {
                return if l.kind(left) == r.kind(right) {
                    Found::Unknown("only the program that wrote it can tell parts of it")
                } else {
                    Found::Different
                };
            };
            return Found::If(vec![
                (ours.callee, theirs.callee),
                (ours.args, theirs.args),
                (ours.kwargs, theirs.kwargs),
                (ours.state, theirs.state),
                (ours.items, theirs.items),
                (ours.pairs, theirs.pairs),
            ]);
        };
        if class(&ours) != class(&theirs) {
            return self.made_otherwise(left, right);
        }
        if ours.args.len() != theirs.args.len() {
            return Found::Different;
        }
        let mut pairs: Vec<_> = ours.args.iter().copied().zip(theirs.args).collect();
        pairs.extend([
            (ours.kwargs, theirs.kwargs),
            (ours.base, theirs.base),
            (ours.state, theirs.state),
            (ours.items, theirs.items),
        ]);
        if ours.module == "collections" && ours.qualname == "OrderedDict" {
            return self.in_order((ours.pairs, theirs.pairs), pairs);
        }
        pairs.push((ours.pairs, theirs.pairs));
        Found::If(pairs)
    }

    /// Two values that different callables make: of one class that pickles itself otherwise by another protocol or
    /// version (`array.array` from protocol 3 on), or of two classes.
    fn made_otherwise(&self, left: NodeId, right: NodeId) -> Found {
        let (l, r) = (self.left.value(), self.right.value());
        let class = l.type_name(left);
        if class != r.type_name(right) {
            return Found::Different;
        }
        let (ours, theirs) = (
            l.settled_repr(left, MAX_CHARS),
            r.settled_repr(right, MAX_CHARS),
        );
        let is_told = [&ours, &theirs]
            .iter()
            .all(|repr| !repr.is_cut && !repr.has_stand_ins);
        match ours.text == theirs.text {
            true if is_told => Found::Same,
            false if is_told && class == "array.array" => Found::Different,
            _ => {
                Found::Unknown("its class is pickled in two ways, which only Python could compare")
            }
        }
    }

    /// Keys and values of a class for which their order counts, beside what has to be the same already.
    fn in_order(&self, (left, right): (NodeId, NodeId), mut pairs: Vec<(NodeId, NodeId)>) -> Found {
        let ours: Vec<_> = self.left.value().pairs(left).collect();
        let theirs: Vec<_> = self.right.value().pairs(right).collect();
        if ours.len() != theirs.len() {
            return Found::Different;
        }
        for ((a, b), (c, d)) in ours.into_iter().zip(theirs) {
            pairs.extend([(a, c), (b, d)]);
        }
        Found::If(pairs)
    }
}

impl Found {
    fn of(is_same: bool) -> Self {
        if is_same { Self::Same } else { Self::Different }
    }
}

/// Module and name, by the newer of two names where a library moved.
fn class(made: &Made<'_>) -> (String, String) {
    let module = made.module.replace("numpy._core", "numpy.core");
    (module, made.qualname.to_string())
}
