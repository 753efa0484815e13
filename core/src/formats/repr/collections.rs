//! The containers of `collections` and `array` as they print themselves.

use super::objects::text;
use super::{Piece, number, scalar};
use crate::formats::bytes::bytes_of;
use crate::formats::made::Made;
use crate::formats::numpy::int_of;
use crate::model::value::{Leaf, Name, NodeId, Tag, Value};

pub(super) fn collection(value: &Value, made: &Made<'_>) -> Option<Vec<Piece>> {
    let arg = |at: usize| made.args.get(at).copied();
    let pairs = || {
        let dict = made.pairs;
        let given = arg(0).filter(|_| dict.is_missing());
        match given {
            Some(given) if value.tag(given) == Some(Tag::Dict) => Piece::Pairs(given),
            // Python 2 gives a list of `[key, value]`.
            Some(given) => Piece::PairList(
                value
                    .items(given)
                    .filter_map(|pair| Some((value.item(pair, 0)?, value.item(pair, 1)?)))
                    .collect(),
            ),
            None => Piece::Pairs(dict),
        }
    };
    Some(match &*made.qualname {
        "OrderedDict" => match pairs() {
            pairs if pairs.is_empty(value) => vec![text("OrderedDict()")],
            pairs => vec![text("OrderedDict({"), pairs, text("})")],
        },
        "defaultdict" => {
            let factory = arg(0).unwrap_or(NodeId::NONE);
            // A partial notices that its repr was begun, by the dict (`Modules/_collectionsmodule.c: defdict_repr`).
            let is_partial = Made::of(value, factory)
                .is_some_and(|made| made.type_name() == "functools.partial");
            vec![
                text("defaultdict("),
                if is_partial {
                    text("...")
                } else {
                    Piece::Node(factory)
                },
                text(", {"),
                Piece::Pairs(made.pairs),
                text("})"),
            ]
        }
        "Counter" => match counted(value, pairs()) {
            counts if counts.is_empty() => vec![text("Counter()")],
            counts => vec![text("Counter({"), Piece::PairList(counts), text("})")],
        },
        "deque" => {
            let items = if made.items.is_missing() {
                arg(0).unwrap_or(NodeId::MISSING)
            } else {
                made.items
            };
            let mut pieces = vec![text("deque(["), Piece::Items(items), text("]")];
            if let Some(maxlen) = arg(1).filter(|n| *n != NodeId::NONE) {
                pieces.extend([text(", maxlen="), Piece::Node(maxlen)]);
            }
            pieces.push(text(")"));
            pieces
        }
        _ => return None,
    })
}

/// A Counter prints its most common elements first; equal ones stay in order, and so do all where they do not compare.
fn counted(value: &Value, pairs: Piece) -> Vec<(NodeId, NodeId)> {
    let mut pairs: Vec<(NodeId, NodeId)> = match pairs {
        Piece::Pairs(dict) => value.pairs(dict).collect(),
        Piece::PairList(pairs) => pairs,
        _ => Vec::new(),
    };
    let counts = || pairs.iter().map(|(_, n)| *n);
    if counts().all(|n| value.int(n).is_some()) {
        pairs.sort_by_key(|(_, n)| std::cmp::Reverse(value.int(*n)));
    } else if counts().all(|n| real(value, n).is_some_and(|n| !n.is_nan())) {
        let count = |n: NodeId| real(value, n).unwrap_or(0.0);
        pairs.sort_by(|(_, a), (_, b)| count(*b).total_cmp(&count(*a)));
    } else if counts().all(|n| value.str(n).is_some()) {
        pairs.sort_by_key(|(_, n)| std::cmp::Reverse(value.str(*n)));
    }
    pairs
}

/// A number of any of the built-in types, for comparison; zeros are equal.
fn real(value: &Value, node: NodeId) -> Option<f64> {
    let float = match value.leaf(node) {
        Some(Leaf::Float(float)) => float,
        Some(Leaf::Int(integer)) => number::int_repr(&integer).parse().ok()?,
        // True and False.
        _ => {
            if value.int(node)? == 0 {
                0.0
            } else {
                1.0
            }
        }
    };
    Some(float + 0.0)
}

pub(super) fn array(value: &Value, made: &Made<'_>) -> Option<Vec<Piece>> {
    let (code, items) = match &*made.qualname {
        "array" => {
            let (code, items) = (*made.args.first()?, made.args.get(1).copied());
            let is_text = matches!(value.str(code)?.as_ref(), "u" | "w");
            let items = match items {
                None => Vec::new(),
                Some(items) if is_text && value.n_items(items) > 0 => {
                    let characters = value.items(items).map(|item| value.str(item));
                    vec![Piece::Str(characters.collect::<Option<String>>()?)]
                }
                Some(items) => vec![Piece::Items(items)],
            };
            (code, items)
        }
        "_array_reconstructor" => {
            let format = int_of(value, *made.args.get(2)?)?;
            let bytes = bytes_of(value, *made.args.get(3)?)?;
            (
                *made.args.get(1)?,
                scalar::machine_items(format, &bytes.bytes)?,
            )
        }
        _ => return None,
    };
    // A class of one's own stands before the code from Python 3 on.
    let class = made.args.first().and_then(|class| value.name(*class));
    let class = class.filter(|class| !class.is("array", "array"));
    let class = class.map_or_else(|| "array".to_owned(), Name::dotted);
    let mut pieces = vec![text(class + "("), Piece::Node(code)];
    match items.first() {
        Some(Piece::Items(node)) if value.n_items(*node) == 0 => {}
        Some(Piece::Items(_)) => {
            pieces.push(text(", ["));
            pieces.extend(items);
            pieces.push(text("]"));
        }
        Some(_) => {
            pieces.push(text(", "));
            pieces.extend(items);
        }
        None => {}
    }
    pieces.push(text(")"));
    Some(pieces)
}
