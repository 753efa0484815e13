//! Objects of the standard library as they print themselves; all others as `module.Class(argument, attribute=…)`.

use super::function::ByValue;
use super::global::global_repr;
use super::number::complex_repr;
use super::time::{Fields, packed, timedelta_repr};
use super::{Piece, collections, libraries, path, scalar};
use crate::formats::bytes::bytes_of;
use crate::formats::made::{Made, attribute_name};
use crate::formats::numpy::{ArrayView, int_of};
use crate::formats::pickle::is_exception;
use crate::model::value::{Leaf, NodeId, Tag, Value};
use crate::model::{ChildKey, Kind};

/// How the object at `node` prints, as pieces.
pub(super) fn object_pieces(value: &Value, node: NodeId) -> Vec<Piece> {
    if let Some(blob) = bytes_of(value, node) {
        let rest = blob.is_cut().then_some(Piece::Node(NodeId::MISSING));
        let bytes = Piece::Bytes(blob.bytes.into_owned());
        return std::iter::once(bytes).chain(rest).collect();
    }
    if let Some(array) = ArrayView::of(value, node) {
        return vec![Piece::StandIn(format!("<{}>", array.label()))];
    }
    if let Some(by_value) = ByValue::of(value, node) {
        return vec![text(by_value.repr())];
    }
    let Some(made) = Made::of(value, node) else {
        return unnamed(value, node);
    };
    known(value, &made)
        .or_else(|| libraries::pieces(value, node, &made))
        .or_else(|| scalar::scalar_pieces(value, &made))
        .unwrap_or_else(|| recorded(value, node, &made))
}

/// True for objects whose `repr` is that of what they hold, without a look at whether it goes on already.
pub(super) fn is_transparent(value: &Value, node: NodeId) -> bool {
    Made::of(value, node).is_some_and(|made| match &*made.module {
        "builtins" => is_exception(&made.qualname),
        "collections" => matches!(&*made.qualname, "UserDict" | "UserList"),
        _ => false,
    })
}

pub(super) fn text(text: impl Into<String>) -> Piece {
    Piece::Text(text.into())
}

/// Objects whose `repr` follows from what the pickle records.
fn known(value: &Value, made: &Made<'_>) -> Option<Vec<Piece>> {
    match &*made.module {
        "builtins" => builtin(value, made),
        "datetime" => datetime(value, made),
        "zoneinfo" => Some(vec![
            text("zoneinfo.ZoneInfo(key="),
            Piece::Node(*made.args.first()?),
            text(")"),
        ]),
        "collections" | "_collections" => collections::collection(value, made),
        "decimal" | "_decimal" | "fractions" | "uuid" => numeric(value, made),
        "pathlib" | "pathlib._local" => path::path(value, made),
        "array" => collections::array(value, made),
        "functools" => partial(value, made),
        "re" => regex(value, made),
        "time" if made.qualname == "struct_time" => struct_time(value, made),
        "types" if made.qualname == "SimpleNamespace" => Some(vec![
            text("namespace("),
            Piece::Attributes(made.state),
            text(")"),
        ]),
        _ => None,
    }
}

fn builtin(value: &Value, made: &Made<'_>) -> Option<Vec<Piece>> {
    let arg = |at: usize| made.args.get(at).copied();
    let float = |at: usize| float_argument(value, arg(at)?);
    Some(match &*made.qualname {
        "set" | "frozenset" => {
            let items = arg(0).or(Some(made.items).filter(|n| !n.is_missing()));
            let n = items.map_or(0, |n| value.n_items(n));
            let (open, close) = match (&*made.qualname, n) {
                ("set", 0) => ("set(", ")"),
                ("set", _) => ("{", "}"),
                (_, 0) => ("frozenset(", ")"),
                _ => ("frozenset({", "})"),
            };
            vec![
                text(open),
                Piece::Items(items.filter(|_| n > 0).unwrap_or(NodeId::MISSING)),
                text(close),
            ]
        }
        "bytearray" => vec![Piece::ByteArray(bytearray_argument(value, made)?)],
        "complex" => vec![text(complex_repr(float(0)?, float(1).unwrap_or(0.0)))],
        "range" => {
            let shown = match made.args.len() {
                3 if value.int(arg(2)?) == Some(1) => made.args.get(..2)?,
                _ => &made.args,
            };
            vec![text("range("), Piece::Nodes(shown.to_vec()), text(")")]
        }
        "slice" => vec![text("slice("), Piece::Nodes(made.args.clone()), text(")")],
        "getattr" => match attribute_name(value, made) {
            Some((module, qualname)) => vec![text(global_repr(&module, &qualname))],
            None => return None,
        },
        // How classes without a name of their own are pickled.
        "type" if made.args.len() == 1 => vec![text(format!(
            "<class '{}'>",
            match arg(0).map(|node| (node, value.name(node).map(|name| &*name.qualname)))? {
                (NodeId::NONE, _) => "NoneType",
                (_, Some("Ellipsis")) => "ellipsis",
                (_, Some("NotImplemented")) => "NotImplementedType",
                _ => return None,
            }
        ))],
        name if is_exception(name) => return Some(exception(made)),
        // `int`, `str`, … called on a value: the value itself would need Python's rules.
        _ => return None,
    })
}

/// Exceptions print their arguments, whatever else was attached to them.
fn exception(made: &Made<'_>) -> Vec<Piece> {
    /// `OSError` and its kin keep file names apart from the arguments that they print (`Objects/exceptions.c`).
    const WITH_FILES: [&str; 17] = [
        "OSError",
        "IOError",
        "EnvironmentError",
        "BlockingIOError",
        "ChildProcessError",
        "ConnectionError",
        "BrokenPipeError",
        "ConnectionAbortedError",
        "ConnectionRefusedError",
        "ConnectionResetError",
        "FileExistsError",
        "FileNotFoundError",
        "InterruptedError",
        "IsADirectoryError",
        "NotADirectoryError",
        "PermissionError",
        "TimeoutError",
    ];
    let name = made.qualname.to_string();
    let is_with_file = (3..=5).contains(&made.args.len()) && WITH_FILES.contains(&&*name);
    let n = if is_with_file { 2 } else { made.args.len() };
    let args = made.args.iter().take(n).copied().collect();
    vec![text(name + "("), Piece::Nodes(args), text(")")]
}

/// `bytearray(b'…')`, or Python 2's `bytearray(u'…', 'latin-1')`.
fn bytearray_argument(value: &Value, made: &Made<'_>) -> Option<Vec<u8>> {
    let Some(arg) = made.args.first().copied() else {
        return Some(Vec::new());
    };
    if let Some(blob) = bytes_of(value, arg) {
        return Some(blob.bytes.into_owned());
    }
    match value.leaf(arg)? {
        Leaf::Str(blob) => Some(crate::formats::bytes::latin1(&blob).bytes.into_owned()),
        _ => None,
    }
}

/// A float or integer argument.
pub(super) fn float_argument(value: &Value, node: NodeId) -> Option<f64> {
    match value.leaf(node)? {
        Leaf::Float(float) => Some(float),
        Leaf::Int(crate::model::value::Integer::Small(int)) => {
            #[expect(
                clippy::cast_precision_loss,
                reason = "Python converts in the same way"
            )]
            let float = int as f64;
            Some(float)
        }
        _ => None,
    }
}

fn datetime(value: &Value, made: &Made<'_>) -> Option<Vec<Piece>> {
    let arg = |at: usize| made.args.get(at).copied();
    let int = |at: usize| int_of(value, arg(at)?);
    let raw = || packed(value, made);
    let with_zone = |head: String| match arg(1) {
        Some(zone) if zone != NodeId::NONE => vec![
            text(format!("{head}, tzinfo=")),
            Piece::Node(zone),
            text(")"),
        ],
        _ => vec![text(format!("{head})"))],
    };
    Some(match &*made.qualname {
        "datetime" => {
            let fields = Fields::of_datetime(&raw()?)?;
            with_zone(format!(
                "datetime.datetime({}, {}",
                fields.date_args(),
                fields.time_args()
            ))
        }
        "date" => vec![text(format!(
            "datetime.date({})",
            Fields::of_date(&raw()?)?.date_args()
        ))],
        "time" => {
            let fields = Fields::of_time(&raw()?)?;
            // Here the fold stands behind the zone.
            let (clock, fold) = (
                Fields {
                    fold: false,
                    ..fields
                },
                fields.fold,
            );
            let mut pieces = with_zone(format!("datetime.time({}", clock.time_args()));
            if fold {
                pieces.pop();
                pieces.extend(match arg(1) {
                    Some(zone) if zone != NodeId::NONE => vec![text(", fold=1)")],
                    _ => vec![text(format!("datetime.time({})", fields.time_args()))],
                });
            }
            pieces
        }
        "timedelta" => vec![text(timedelta_repr(
            int(0).unwrap_or(0),
            int(1).unwrap_or(0),
            int(2).unwrap_or(0),
        )?)],
        "timezone" => {
            let offset = Made::of(value, arg(0)?)?;
            let is_utc =
                made.args.len() == 1 && offset.args.iter().all(|n| value.int(*n) == Some(0));
            if is_utc {
                vec![text("datetime.timezone.utc")]
            } else {
                vec![
                    text("datetime.timezone("),
                    Piece::Nodes(made.args.clone()),
                    text(")"),
                ]
            }
        }
        _ => return None,
    })
}

fn numeric(value: &Value, made: &Made<'_>) -> Option<Vec<Piece>> {
    let arg = |at: usize| made.args.get(at).copied();
    Some(match &*made.qualname {
        "Decimal" => vec![text("Decimal("), Piece::Node(arg(0)?), text(")")],
        "Fraction" => match (arg(0)?, arg(1)) {
            (numerator, Some(denominator)) => vec![
                text("Fraction("),
                Piece::Nodes(vec![numerator, denominator]),
                text(")"),
            ],
            // Before 3.9: one string, `-22/7`.
            (ratio, None) => {
                let ratio = value.str(ratio)?;
                let (numerator, denominator) = ratio.split_once('/').unwrap_or((&ratio, "1"));
                vec![text(format!("Fraction({numerator}, {denominator})"))]
            }
        },
        "UUID" => {
            let int = made.attribute(value, "int")?;
            vec![text(format!("UUID('{}')", uuid_text(value, int)?))]
        }
        _ => return None,
    })
}

/// The 128 bits of a UUID in its five groups.
fn uuid_text(value: &Value, int: NodeId) -> Option<String> {
    use crate::model::value::Integer;
    let number = match value.leaf(int)? {
        Leaf::Int(Integer::Small(small)) => u128::try_from(small).ok()?,
        Leaf::Int(Integer::Decimal(digits)) => digits.parse().ok()?,
        Leaf::Int(Integer::Binary(blob)) => {
            let mut wide = [0; 16];
            let (low, high) = blob
                .bytes
                .split_at_checked(16)
                .unwrap_or((&blob.bytes, &[]));
            if high.iter().any(|b| *b != 0) {
                return None;
            }
            wide.get_mut(..low.len())?.copy_from_slice(low);
            u128::from_le_bytes(wide)
        }
        _ => return None,
    };
    let hex = format!("{number:032x}");
    let groups = [0..8, 8..12, 12..16, 16..20, 20..32];
    let groups: Option<Vec<&str>> = groups.into_iter().map(|range| hex.get(range)).collect();
    Some(groups?.join("-"))
}

/// `time.struct_time((year, …), {…})` (`Objects/structseq.c: structseq_repr`).
fn struct_time(value: &Value, made: &Made<'_>) -> Option<Vec<Piece>> {
    const NAMES: [&str; 9] = [
        "tm_year", "tm_mon", "tm_mday", "tm_hour", "tm_min", "tm_sec", "tm_wday", "tm_yday",
        "tm_isdst",
    ];
    let parts = value.sequence(*made.args.first()?)?;
    if parts.len() < NAMES.len() {
        return None;
    }
    let mut pieces = vec![text("time.struct_time(")];
    for (at, (name, part)) in NAMES.into_iter().zip(parts).enumerate() {
        if at > 0 {
            pieces.push(text(", "));
        }
        pieces.push(Piece::Labelled(name, part));
    }
    pieces.push(text(")"));
    Some(pieces)
}

/// `partial` keeps function, arguments, keywords and attributes in its state.
fn partial(value: &Value, made: &Made<'_>) -> Option<Vec<Piece>> {
    if made.qualname != "partial" {
        return None;
    }
    let state = value.sequence(made.state)?;
    let [function, args, keywords, ..] = state.as_slice() else {
        return None;
    };
    let mut pieces = vec![text("functools.partial("), Piece::Node(*function)];
    for arg in value.sequence(*args)? {
        pieces.extend([text(", "), Piece::Node(arg)]);
    }
    for (key, arg) in value.pairs(*keywords) {
        pieces.extend([text(format!(", {}=", value.str(key)?)), Piece::Node(arg)]);
    }
    pieces.push(text(")"));
    Some(pieces)
}

/// `re.Pattern.__repr__` (`Modules/_sre/sre.c: pattern_repr`).
fn regex(value: &Value, made: &Made<'_>) -> Option<Vec<Piece>> {
    const NAMES: [(i64, &str); 8] = [
        (1, "re.TEMPLATE"),
        (2, "re.IGNORECASE"),
        (4, "re.LOCALE"),
        (8, "re.MULTILINE"),
        (16, "re.DOTALL"),
        (64, "re.VERBOSE"),
        (128, "re.DEBUG"),
        (256, "re.ASCII"),
    ];
    /// Default for text patterns, and left out there.
    const UNICODE: i64 = 32;
    if made.qualname != "_compile" {
        return None;
    }
    let pattern = *made.args.first()?;
    let flags = int_of(value, *made.args.get(1)?)?;
    let mut names: Vec<&str> = NAMES
        .iter()
        .filter(|(bit, _)| flags & bit != 0)
        .map(|(_, name)| *name)
        .collect();
    if flags & UNICODE != 0 && value.kind(pattern) != Kind::Str {
        names.push("re.UNICODE");
    }
    // `%.200R`: the pattern's own repr is cut there.
    let pattern = value.repr(pattern, 200).text;
    let mut pieces = vec![text(format!("re.compile({pattern}"))];
    if !names.is_empty() {
        pieces.push(text(format!(", {}", names.join("|"))));
    }
    pieces.push(text(")"));
    Some(pieces)
}

/// Everything that was recorded of an object that prints itself in ways of its own.
fn recorded(value: &Value, node: NodeId, made: &Made<'_>) -> Vec<Piece> {
    let name = if &*made.module == "builtins" {
        made.qualname.to_string()
    } else {
        made.type_name()
    };
    let mut pieces = vec![text(format!("{name}("))];
    let mut separator = "";
    let mut add = |pieces: &mut Vec<Piece>, more: Vec<Piece>| {
        pieces.push(text(separator));
        pieces.extend(more);
        separator = ", ";
    };
    let maxlen = bounded_queue(value, made);
    if !made.args.is_empty() && maxlen.is_none() {
        add(&mut pieces, vec![Piece::Nodes(made.args.clone())]);
    }
    if !made.base.is_missing() {
        add(&mut pieces, vec![Piece::Node(made.base)]);
    }
    if value.n_items(made.items) > 0 || maxlen.is_some() {
        add(
            &mut pieces,
            vec![text("["), Piece::Items(made.items), text("]")],
        );
    }
    if let Some(maxlen) = maxlen {
        add(&mut pieces, vec![Piece::Labelled("maxlen", maxlen)]);
    }
    if value.n_items(made.pairs) > 0 {
        add(
            &mut pieces,
            vec![text("{"), Piece::Pairs(made.pairs), text("}")],
        );
    }
    if value.n_items(made.kwargs) > 0 {
        add(&mut pieces, vec![Piece::Attributes(made.kwargs)]);
    }
    for part in attribute_parts(value, node) {
        add(&mut pieces, vec![part]);
    }
    pieces.push(text(")"));
    pieces
}

/// The bound of a subclass of `deque`: `Class((), maxlen)`, then its items.
fn bounded_queue(value: &Value, made: &Made<'_>) -> Option<NodeId> {
    let [first, maxlen] = *made.args.as_slice() else {
        return None;
    };
    let is_empty = value.kind(first) == Kind::Tuple && value.n_items(first) == 0;
    (is_empty && !made.items.is_missing() && value.int(maxlen).is_some()).then_some(maxlen)
}

/// The fields of a pydantic model, which keeps them beside its own bookkeeping (`BaseModel.__getstate__` of 1.10 and
/// 2.14).
fn model_parts(value: &Value, state: NodeId) -> Option<Vec<Piece>> {
    let attribute = |name| value.attribute(state, name);
    attribute("__pydantic_fields_set__").or_else(|| attribute("__fields_set__"))?;
    let private = ["__pydantic_private__", "__private_attribute_values__"];
    let names = ["__dict__", "__pydantic_extra__"]
        .into_iter()
        .chain(private);
    let parts = names.filter_map(attribute);
    let parts = parts.filter(|part| value.tag(*part) == Some(Tag::Dict));
    let parts = parts.filter(|part| value.n_items(*part) > 0);
    Some(parts.map(Piece::Attributes).collect())
}

/// Attributes as `name=value`; a state of any other form as `state=…`.
fn attribute_parts(value: &Value, node: NodeId) -> Vec<Piece> {
    let Some(object) = value.object(node) else {
        return Vec::new();
    };
    let state = object.state;
    if state.is_missing() || state == NodeId::NONE {
        return Vec::new();
    }
    if value.tag(state) == Some(Tag::Dict) {
        if let Some(parts) = model_parts(value, state) {
            return parts;
        }
        return if value.n_items(state) == 0 {
            Vec::new()
        } else {
            vec![Piece::Attributes(state)]
        };
    }
    let parts = value.state_parts(state);
    if parts.is_empty() {
        return vec![Piece::Labelled("state", state)];
    }
    parts
        .into_iter()
        .filter(|part| value.n_items(*part) > 0)
        .map(Piece::Attributes)
        .collect()
}

/// An object made by something that has no name: a persistent id, or the result of another call.
fn unnamed(value: &Value, node: NodeId) -> Vec<Piece> {
    let Some(object) = value.object(node) else {
        return vec![text("…")];
    };
    if let Some(ByValue::Class(class)) = ByValue::of(value, object.callee) {
        let mut pieces = vec![text(format!("{class}("))];
        for (at, part) in attribute_parts(value, node).into_iter().enumerate() {
            pieces.extend([text(if at > 0 { ", " } else { "" }), part]);
        }
        pieces.push(text(")"));
        return pieces;
    }
    let mut pieces = vec![Piece::Node(object.callee), text("(")];
    let args: Vec<NodeId> = value
        .children(node, 0..value.len(node))
        .into_iter()
        .take_while(|child| matches!(child.key, ChildKey::Argument(_)))
        .map(|child| child.node)
        .collect();
    pieces.extend([Piece::Nodes(args), text(")")]);
    pieces
}
