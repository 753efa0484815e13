//! Frames and series of pandas and polars as tables: columns, types, and any rectangle of cells, read where they lie.

mod arrow;
mod arrow_type;
mod cells;
mod ipc;
mod make;
mod manager;
pub(super) mod moment;
pub(super) mod object;
mod polars;

use std::io;
use std::ops::Range;

use super::numpy::Look;
use super::{Content, Element};
use crate::model::value::{NodeId, Value};
use cells::{Cells, Source};

/// A frame or series as recorded; its cells are read on demand.
#[derive(Debug, Clone)]
pub struct Frame {
    /// Labels of the columns, as `str` prints them; a series has one column.
    pub columns: Vec<String>,
    /// The library's names of the column types, as `str(dtype)` prints them.
    pub dtypes: Vec<String>,
    /// Number of rows.
    pub n_rows: u64,
    /// Columns that the frame has; more than `columns` where only the first are shown.
    pub n_columns: u64,
    places: Vec<Option<Place>>,
    blocks: Vec<Cells>,
    index: Cells,
}

/// Where a column lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    block: usize,
    /// Its row in the block's array.
    row: u64,
}

/// Columns of one frame that are shown.
const MAX_COLUMNS: usize = 10_000;

impl Frame {
    /// The frame or series at `node`; `None` if it is none.
    pub fn of(value: &Value, node: NodeId, content: &Content) -> Option<Self> {
        let source = Source {
            value,
            content,
            look: Look::GLANCE,
        };
        if let Some(frame) = polars::frame(&source, node) {
            return Some(frame);
        }
        let parts = manager::parts(&source, node)?;
        let n_columns = match &parts.columns {
            Some(columns) => columns.len()?,
            None => 1,
        };
        let n_shown = n_columns.min(MAX_COLUMNS as u64);
        let labels = match &parts.columns {
            Some(columns) => {
                let labels = columns.read(&source, 0..1, 0..n_shown).ok()?.pop()?;
                labels.iter().map(Element::text).collect()
            }
            None => vec![parts.name],
        };
        let n_labels = labels.len();
        let mut places = vec![None; n_labels];
        for (block, positions) in parts.positions.into_iter().enumerate() {
            for (row, position) in (0..).zip(positions) {
                let slot = usize::try_from(position).ok();
                if let Some(slot) = slot.and_then(|slot| places.get_mut(slot)) {
                    *slot = Some(Place { block, row });
                }
            }
        }
        let dtype = |place: &Option<Place>| {
            let block = place.and_then(|place| parts.blocks.get(place.block));
            block.map_or_else(|| "?".to_owned(), Cells::dtype)
        };
        Some(Self {
            dtypes: places.iter().map(dtype).collect(),
            columns: labels,
            // An index may claim more rows than any column has, or be of a class that is not known here.
            n_rows: parts
                .blocks
                .iter()
                .filter_map(Cells::len)
                .chain(parts.index.len())
                .min()
                .unwrap_or(0),
            n_columns,
            places,
            blocks: parts.blocks,
            index: parts.index,
        })
    }

    /// True if more would be written of it than it holds: columns beyond those shown, or rows that take no bytes.
    pub(super) fn is_beyond_saving(&self) -> bool {
        const MAX_BARE_ROWS: u64 = 1 << 24;
        let has_bytes = self.blocks.iter().any(Cells::has_bytes);
        self.n_columns > self.columns.len() as u64 || !has_bytes && self.n_rows > MAX_BARE_ROWS
    }

    /// Labels of these rows; those of several levels are lists.
    ///
    /// # Errors
    /// What the system or the compression said.
    pub(super) fn labels(
        &self,
        value: &Value,
        content: &Content,
        rows: Range<u64>,
        look: Look<'_>,
    ) -> io::Result<Vec<Element>> {
        let source = Source {
            value,
            content,
            look,
        };
        let rows = rows.start.min(self.n_rows)..rows.end.min(self.n_rows);
        let mut labels = self.index.read(&source, 0..1, rows)?;
        Ok(labels.pop().unwrap_or_default())
    }

    /// Cells of these rows and columns, row by row; each block is read once.
    ///
    /// # Errors
    /// What the system or the compression said.
    pub(super) fn rows(
        &self,
        value: &Value,
        content: &Content,
        (rows, columns): (Range<u64>, Range<usize>),
        look: Look<'_>,
    ) -> io::Result<Vec<Vec<Element>>> {
        let source = Source {
            value,
            content,
            look,
        };
        let rows = rows.start.min(self.n_rows)..rows.end.min(self.n_rows);
        let n = usize::try_from(rows.end.saturating_sub(rows.start)).unwrap_or(0);
        let n_columns = self.places.len();
        let columns = columns.start.min(n_columns)..columns.end.min(n_columns);
        let places = self.places.get(columns).unwrap_or_default();
        let mut table = vec![vec![Element::Null; places.len()]; n];
        for (number, block) in self.blocks.iter().enumerate() {
            let here = || {
                let places = places.iter().enumerate();
                places.filter_map(|(at, place)| {
                    let place = place.filter(|place| place.block == number)?;
                    Some((at, place.row))
                })
            };
            let (Some(first), Some(last)) = (
                here().map(|(_, row)| row).min(),
                here().map(|(_, row)| row).max(),
            ) else {
                continue;
            };
            let cells = block.read(&source, first..last.saturating_add(1), rows.clone())?;
            for (at, row) in here() {
                let column = usize::try_from(row - first).ok();
                let Some(column) = column.and_then(|column| cells.get(column)) else {
                    continue;
                };
                for (line, element) in table.iter_mut().zip(column) {
                    if let Some(slot) = line.get_mut(at) {
                        slot.clone_from(element);
                    }
                }
            }
        }
        Ok(table)
    }
}
