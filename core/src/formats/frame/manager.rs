//! Block managers of frames and series, old and new, to blocks, places and axes (pandas 0.20 to 3.1).

use std::slice::from_ref;

use super::cells::{Cells, Source, flat};
use crate::formats::Element;
use crate::formats::made::Made;
use crate::formats::numpy::{ArrayView, Item, int_of};
use crate::model::value::{NodeId, Tag, Value};

/// What a frame or series consists of.
pub(super) struct Parts {
    /// `None` for a series.
    pub(super) columns: Option<Cells>,
    /// Name of a series.
    pub(super) name: String,
    pub(super) index: Cells,
    pub(super) blocks: Vec<Cells>,
    /// For each block, the columns that it holds.
    pub(super) positions: Vec<Vec<u64>>,
}

/// Blocks of one frame that are looked at; pandas itself keeps one a type, or one a column after insertions.
const MAX_BLOCKS: usize = 20_000;

/// Positions of one block.
const MAX_POSITIONS: u64 = 1 << 20;

/// The parts of the frame or series at `node`; `None` if it is none.
pub(super) fn parts(source: &Source<'_>, node: NodeId) -> Option<Parts> {
    let value = source.value;
    let frame = Made::of(value, node)?;
    let manager = frame
        .attribute(value, "_mgr")
        .or_else(|| frame.attribute(value, "_data"))?;
    let manager = Made::of(value, manager)?;
    let is_series = match &*manager.qualname {
        "BlockManager" | "ArrayManager" => false,
        "SingleBlockManager" | "SingleArrayManager" => true,
        _ => return None,
    };
    let (blocks, axes) = blocks_and_axes(value, &manager)?;
    let blocks = blocks.into_iter().take(MAX_BLOCKS);
    let (cells, positions) = blocks
        .map(|block| {
            let cells = Cells::of(value, block.values);
            let positions = if is_series {
                vec![0]
            } else {
                positions(source, block.places, cells.n_columns()).unwrap_or_default()
            };
            (cells, positions)
        })
        .unzip();
    let axis = |at: usize| axes.get(at).map(|node| Cells::of(value, *node));
    let name = || {
        let name = frame.attribute(value, "_name");
        let name = name.or_else(|| frame.attribute(value, "name"))?;
        // What `to_frame` calls the column of a series without a name.
        Some(if name == NodeId::NONE {
            "0".to_owned()
        } else {
            label(value, name)
        })
    };
    Some(Parts {
        columns: if is_series { None } else { Some(axis(0)?) },
        name: name().unwrap_or_else(|| "0".to_owned()),
        index: axis(usize::from(!is_series))?,
        blocks: cells,
        positions,
    })
}

fn label(value: &Value, node: NodeId) -> String {
    match super::object::element_of(value, node) {
        Element::Null => "None".to_owned(),
        element => element.text(),
    }
}

/// A block as recorded.
struct Block {
    values: NodeId,
    places: NodeId,
}

/// Since 1.3 `BlockManager((block, …), [axis, …])`; before, and in series, a state
/// `(axes, values, items, {"0.14.1": {"axes", "blocks"}})`.
fn blocks_and_axes(value: &Value, manager: &Made<'_>) -> Option<(Vec<Block>, Vec<NodeId>)> {
    if let [blocks, axes, ..] = manager.args.as_slice() {
        let blocks = value.sequence(*blocks)?;
        let blocks = blocks.iter().map(|node| {
            // Called by name, or in 1.3 by a `functools.partial` that has none.
            let args = value.object(*node)?.args;
            Some(Block {
                values: value.item(args, 0)?,
                places: value.item(args, 1)?,
            })
        });
        return Some((blocks.collect::<Option<_>>()?, value.sequence(*axes)?));
    }
    let state = value.sequence(manager.state)?;
    let extra = state.get(3).copied().unwrap_or(NodeId::MISSING);
    if let Some(facts) = value.attribute(extra, "0.14.1") {
        let blocks = value.sequence(value.attribute(facts, "blocks")?)?;
        let blocks = blocks.iter().map(|block| {
            Some(Block {
                values: value.attribute(*block, "values")?,
                places: value.attribute(*block, "mgr_locs")?,
            })
        });
        let axes = value.sequence(value.attribute(facts, "axes")?)?;
        return Some((blocks.collect::<Option<_>>()?, axes));
    }
    let values = value.sequence(*state.get(1)?)?;
    let blocks = values.into_iter().map(|values| Block {
        values,
        places: NodeId::MISSING,
    });
    Some((blocks.collect(), value.sequence(*state.first()?)?))
}

/// Columns named by a slice or an array of numbers.
fn positions(source: &Source<'_>, node: NodeId, n_columns: u64) -> Option<Vec<u64>> {
    let value = source.value;
    let n_columns = n_columns.min(MAX_POSITIONS);
    if let Some(view) = ArrayView::of(value, node) {
        let numbers = flat(
            source,
            &view,
            from_ref(&(0..n_columns)),
            |item| match item {
                Item::Bytes(bytes) => view.dtype.int(bytes).and_then(|n| u64::try_from(n).ok()),
                _ => None,
            },
        );
        return numbers.ok()?.into_iter().collect();
    }
    if matches!(value.tag(node), Some(Tag::List | Tag::Tuple)) {
        let numbers = value.items(node).take(usize::try_from(n_columns).ok()?);
        return numbers
            .map(|n| u64::try_from(int_of(value, n)?).ok())
            .collect();
    }
    let slice = Made::of(value, node).filter(|made| made.qualname == "slice")?;
    let part = |at: usize| slice.args.get(at).and_then(|n| int_of(value, *n));
    let (start, step) = (part(0).unwrap_or(0), part(2).unwrap_or(1));
    let numbers = (0..i64::try_from(n_columns).ok()?)
        .map(|n| start.checked_add(step.checked_mul(n)?))
        .map(|n| u64::try_from(n?).ok());
    numbers.collect()
}
