//! Frames and series of polars (0.19 to 2.1), which pickles them as Arrow streams.

use super::cells::{Cells, Source};
use super::ipc::{Column, Stream};
use super::{Frame, MAX_COLUMNS, Place};
use crate::formats::made::Made;
use crate::formats::numpy::{ArrayData, Forward};
use crate::model::value::{NodeId, Tag};

/// Bytes of a stream that protocols before 3 wrote as text, unpacked at most.
const MAX_UNPACKED: u64 = 16 << 20;

/// The frame or series at `node`; `None` if it is none.
pub(super) fn frame(source: &Source<'_>, node: NodeId) -> Option<Frame> {
    let value = source.value;
    let made = Made::of(value, node)?;
    if made.module.split('.').next() != Some("polars")
        || !matches!(&*made.qualname, "DataFrame" | "Series")
    {
        return None;
    }
    // In 0.19 a frame was a list of series; protocols 0 and 1 leave an empty one out.
    let is_empty = made.state.is_missing() && made.qualname == "DataFrame";
    let is_list = is_empty || value.tag(made.state) == Some(Tag::List);
    let streams: Vec<Stream> = if is_list {
        let series = value.items(made.state).map(|series| {
            let made = Made::of(value, series)?;
            stream(source, made.state)
        });
        series.collect::<Option<_>>()?
    } else {
        vec![stream(source, made.state)?]
    };
    let n_rows = streams
        .iter()
        .map(|stream| stream.n_rows)
        .min()
        .unwrap_or(0);
    let columns: Vec<Column> = streams
        .into_iter()
        .flat_map(|stream| stream.columns)
        .collect();
    let n_shown = columns.len().min(MAX_COLUMNS);
    let place = |block| Some(Place { block, row: 0 });
    Some(Frame {
        n_rows,
        n_columns: columns.len() as u64,
        dtypes: columns
            .iter()
            .take(n_shown)
            .map(|c| c.type_name.clone())
            .collect(),
        columns: columns
            .iter()
            .take(n_shown)
            .map(|c| c.name.clone())
            .collect(),
        places: (0..n_shown).map(place).collect(),
        blocks: columns.into_iter().take(n_shown).map(cells).collect(),
        index: Cells::Steps {
            start: 0,
            step: 1,
            len: n_rows,
        },
    })
}

fn cells(column: Column) -> Cells {
    match column.array {
        Some(array) => Cells::Arrow {
            array,
            dtype: column.type_name,
        },
        None => Cells::Foreign {
            class: column.type_name,
        },
    }
}

fn stream(source: &Source<'_>, state: NodeId) -> Option<Stream> {
    let data = ArrayData::at(source.value, state)?;
    if !matches!(data, ArrayData::Latin1 { .. }) {
        return Stream::of(source, &data);
    }
    let mut bytes = Vec::new();
    let mut forward = Forward::new(&data, source.content, source.look.is_cancelled);
    let n = forward.read(0, MAX_UNPACKED, &mut bytes).ok()??;
    bytes.truncate(usize::try_from(n).ok()?);
    Stream::of(source, &ArrayData::Bytes(bytes))
}
