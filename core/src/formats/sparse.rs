//! scipy's sparse matrices and arrays: shape, stored elements, and a coarse picture of where they stand
//! (scipy 0.19 to 1.18, modules `scipy.sparse.csr` and `scipy.sparse._csr` alike).

use std::io;
use std::ops::Range;

use super::Content;
use super::made::Made;
use super::numpy::{ArrayData, ArrayView, Dtype, Forward, Item, Look, Lying, int_of, shape_of};
use crate::model::value::{NodeId, Value};

/// A sparse matrix as recorded; its elements are read on demand.
#[derive(Debug, Clone)]
pub struct Sparse {
    /// `csr`, `csc`, `coo`, `bsr`, `dia`, `lil` or `dok`.
    pub format: &'static str,
    /// Length of each axis.
    pub shape: Vec<u64>,
    /// Stored elements, explicit zeros included; `None` if the file does not tell.
    pub n_stored: Option<u64>,
    /// numpy's `dtype.str` of the elements; `None` if the file does not tell.
    pub dtype: Option<String>,
    parts: Parts,
}

/// How many stored elements fall into each cell of a coarse grid.
#[derive(Debug, Clone, PartialEq)]
pub struct Density {
    /// Rows of cells.
    pub n_rows: usize,
    /// Columns of cells.
    pub n_columns: usize,
    /// Stored elements in each cell, row by row; estimates where sampled.
    pub cells: Vec<f64>,
    /// True if not every element was read.
    pub is_sampled: bool,
}

#[derive(Debug, Clone)]
enum Parts {
    /// Starts of each line, and the other index of each element; lines are rows, or columns in `csc`.
    Lines {
        starts: ArrayView,
        others: ArrayView,
        is_turned: bool,
        /// Rows and columns of each stored block.
        block: (u64, u64),
    },
    /// Both indices of each element.
    Pairs { rows: ArrayView, columns: ArrayView },
    /// Numbers of the stored diagonals, and their common length.
    Diagonals { offsets: Vec<i64>, len: u64 },
    /// A list of column numbers for each row.
    Lists { rows: NodeId },
    /// A dict by `(row, column)`.
    Keys { pairs: NodeId },
}

const FORMATS: [&str; 7] = ["csr", "csc", "coo", "bsr", "dia", "lil", "dok"];

impl Sparse {
    /// The matrix at `node`; `None` if it is none.
    pub fn of(value: &Value, node: NodeId, content: &Content) -> Option<Self> {
        let made = Made::of(value, node)?;
        if !made.module.starts_with("scipy.sparse") {
            return None;
        }
        let (format, kind) = made.qualname.split_once('_')?;
        let format = FORMATS.into_iter().find(|known| *known == format)?;
        if !matches!(kind, "matrix" | "array") {
            return None;
        }
        let attribute = |name: &str| made.attribute(value, name);
        let array = |name: &str| ArrayView::of(value, attribute(name)?);
        let shape = attribute("_shape").or_else(|| attribute("shape"))?;
        let shape = shape_of(value, shape)?;
        let parts = parts(value, format, &made, content)?;
        let dtype = match format {
            // Not every release writes it down where there is no array.
            "dok" => attribute("dtype")
                .and_then(|dtype| Some(Dtype::from_value(value, dtype).ok()?.str())),
            "lil" => Some(Dtype::from_value(value, attribute("dtype")?).ok()?.str()),
            _ => Some(array("data")?.dtype.str()),
        };
        let mut sparse = Self {
            format,
            shape,
            n_stored: None,
            dtype,
            parts,
        };
        sparse.n_stored = sparse.count(value, content);
        Some(sparse)
    }

    fn count(&self, value: &Value, content: &Content) -> Option<u64> {
        match &self.parts {
            Parts::Lines { starts, block, .. } => {
                let n = starts.len()?;
                let mut numbers = Numbers::new(starts, content, &|| false);
                let last = numbers.read(n.checked_sub(1)?..n).ok()??;
                last.first()?.checked_mul(block.0.checked_mul(block.1)?)
            }
            Parts::Pairs { rows, .. } => rows.len(),
            Parts::Diagonals { offsets, len } => {
                let lens = offsets.iter().map(|offset| self.diagonal(*offset, *len));
                lens.map(|columns| columns.end.saturating_sub(columns.start))
                    .reduce(u64::saturating_add)
                    .or(Some(0))
            }
            Parts::Lists { rows } => {
                let lens = value.items(*rows).map(|row| value.n_items(row) as u64);
                Some(lens.fold(0, u64::saturating_add))
            }
            Parts::Keys { pairs } => Some(value.n_items(*pairs) as u64 / 2),
        }
    }

    /// Columns of a diagonal that lie in the matrix (`scipy/sparse/_dia.py: _getnnz`).
    fn diagonal(&self, offset: i64, len: u64) -> Range<u64> {
        let [n_rows, n_columns] = *self.shape.as_slice() else {
            return 0..0;
        };
        let start = u64::try_from(offset).unwrap_or(0);
        let end = i128::from(n_rows) + i128::from(offset);
        let end = u64::try_from(end).unwrap_or(0).min(n_columns).min(len);
        start.min(end)..end
    }

    /// Where elements stand, in at most so many rows and columns of cells; `None` if it was cancelled, or the
    /// matrix does not have two axes.
    ///
    /// # Errors
    /// What the system or the compression said.
    pub(super) fn density(
        &self,
        value: &Value,
        content: &Content,
        max_cells: (usize, usize),
        look: &Look<'_>,
    ) -> io::Result<Option<Density>> {
        let [n_rows, n_columns] = *self.shape.as_slice() else {
            return Ok(None);
        };
        let mut canvas = Canvas::new((n_rows, n_columns), max_cells);
        let is_done = match &self.parts {
            Parts::Lines {
                starts,
                others,
                is_turned,
                block,
            } => {
                let mut lines = Lines {
                    starts: Numbers::new(starts, content, look.is_cancelled),
                    others: Numbers::new(others, content, look.is_cancelled),
                    is_turned: *is_turned,
                    block: *block,
                    len: starts.len().unwrap_or(1).saturating_sub(1),
                };
                lines.draw(&mut canvas, look.max_bytes)?
            }
            Parts::Pairs { rows, columns } => {
                let n = rows.len().unwrap_or(0);
                let mut rows = Numbers::new(rows, content, look.is_cancelled);
                let mut columns = Numbers::new(columns, content, look.is_cancelled);
                draw_pairs(&mut canvas, n, &mut rows, &mut columns, look.max_bytes)?
            }
            Parts::Diagonals { offsets, len } => {
                for offset in offsets {
                    self.draw_diagonal(&mut canvas, *offset, *len);
                }
                true
            }
            Parts::Lists { rows } => {
                for (row, columns) in (0..).zip(value.items(*rows)) {
                    for column in value.items(columns).filter_map(|n| int_of(value, n)) {
                        canvas.add(row, u64::try_from(column).unwrap_or(u64::MAX), 1.0);
                    }
                }
                true
            }
            Parts::Keys { pairs } => {
                for (key, _) in value.pairs(*pairs) {
                    let part = |at| u64::try_from(int_of(value, value.item(key, at)?)?).ok();
                    if let Some((row, column)) = part(0).zip(part(1)) {
                        canvas.add(row, column, 1.0);
                    }
                }
                true
            }
        };
        Ok(is_done.then_some(canvas.density))
    }

    fn draw_diagonal(&self, canvas: &mut Canvas, offset: i64, len: u64) {
        let columns = self.diagonal(offset, len);
        let n = columns.end.saturating_sub(columns.start);
        // A few points in each cell that the line crosses.
        let step = (n / 4096).max(1);
        let mut column = columns.start;
        while column < columns.end {
            let row = i128::from(column) - i128::from(offset);
            let weight = step.min(columns.end - column);
            canvas.add(
                u64::try_from(row).unwrap_or(u64::MAX),
                column,
                float(weight),
            );
            column = column.saturating_add(step);
        }
    }
}

fn parts(value: &Value, format: &str, made: &Made<'_>, content: &Content) -> Option<Parts> {
    let attribute = |name: &str| made.attribute(value, name);
    let array = |name: &str| ArrayView::of(value, attribute(name)?);
    Some(match format {
        "csr" | "csc" | "bsr" => Parts::Lines {
            starts: array("indptr")?,
            others: array("indices")?,
            is_turned: format == "csc",
            block: match array("data")?.shape.as_slice() {
                [_, rows, columns] => (*rows, *columns),
                _ => (1, 1),
            },
        },
        "coo" => match attribute("coords") {
            Some(coords) => Parts::Pairs {
                rows: ArrayView::of(value, value.item(coords, 0)?)?,
                columns: ArrayView::of(value, value.item(coords, 1).or(value.item(coords, 0))?)?,
            },
            None => Parts::Pairs {
                rows: array("row")?,
                columns: array("col")?,
            },
        },
        "dia" => {
            let offsets = array("offsets")?;
            let look = Look {
                max_bytes: u64::MAX,
                is_cancelled: &|| false,
                batch: None,
            };
            let lying = Lying {
                view: &offsets,
                value,
                content,
            };
            let number = |item: Item<'_>| match item {
                Item::Bytes(bytes) => offsets.dtype.int(bytes).and_then(|n| i64::try_from(n).ok()),
                _ => None,
            };
            let (_, numbers) = lying.rectangle(&[], &look, None, number).ok()??;
            Parts::Diagonals {
                offsets: numbers.into_iter().collect::<Option<_>>()?,
                len: *array("data")?.shape.last()?,
            }
        }
        "lil" => match array("rows")?.data {
            ArrayData::Objects(rows) => Parts::Lists { rows },
            _ => return None,
        },
        // Up to protocol 1 a dict subclass is rebuilt from a dict; later, and in newer releases, it is filled or named.
        _ => Parts::Keys {
            pairs: [made.base, made.pairs]
                .into_iter()
                .find(|pairs| !pairs.is_missing())
                .or_else(|| attribute("_dict"))
                // An empty one is not filled.
                .unwrap_or(NodeId::MISSING),
        },
    })
}

#[expect(clippy::cast_precision_loss, reason = "weights in a picture")]
fn float(n: u64) -> f64 {
    n as f64
}

/// A grid under a matrix.
struct Canvas {
    density: Density,
    /// Elements that a cell is high and wide.
    cell: (u64, u64),
}

impl Canvas {
    fn new(shape: (u64, u64), max_cells: (usize, usize)) -> Self {
        let side = |len: u64, max: usize| {
            let cell = len.div_ceil((max as u64).max(1)).max(1);
            (cell, usize::try_from(len.div_ceil(cell)).unwrap_or(0))
        };
        let (height, n_rows) = side(shape.0, max_cells.0);
        let (width, n_columns) = side(shape.1, max_cells.1);
        Self {
            density: Density {
                n_rows,
                n_columns,
                cells: vec![0.0; n_rows.saturating_mul(n_columns)],
                is_sampled: false,
            },
            cell: (height, width),
        }
    }

    fn add(&mut self, row: u64, column: u64, weight: f64) {
        let row = usize::try_from(row / self.cell.0).unwrap_or(usize::MAX);
        let column = usize::try_from(column / self.cell.1).unwrap_or(usize::MAX);
        if column < self.density.n_columns
            && let Some(cell) = row
                .checked_mul(self.density.n_columns)
                .and_then(|at| self.density.cells.get_mut(at.checked_add(column)?))
        {
            *cell += weight;
        }
    }
}

/// An array of indices, read at rising places.
struct Numbers<'a> {
    dtype: &'a Dtype,
    forward: Forward<'a>,
    bytes: Vec<u8>,
}

/// Indices read at once.
const MAX_NUMBERS: u64 = 1 << 16;

impl<'a> Numbers<'a> {
    fn new(view: &'a ArrayView, content: &'a Content, is_cancelled: &'a dyn Fn() -> bool) -> Self {
        Self {
            dtype: &view.dtype,
            forward: Forward::new(&view.data, content, is_cancelled),
            bytes: Vec::new(),
        }
    }

    /// Indices in `range`; those below zero are beyond any matrix. `None` if it was cancelled.
    fn read(&mut self, range: Range<u64>) -> io::Result<Option<Vec<u64>>> {
        let size = self.dtype.item_size.clamp(1, 16);
        let n = range.end.saturating_sub(range.start).min(MAX_NUMBERS);
        let start = range.start.saturating_mul(size);
        let found = self.forward.read(start, n * size, &mut self.bytes)?;
        let items = self.bytes.chunks_exact(usize::try_from(size).unwrap_or(16));
        let number = |bytes: &[u8]| self.dtype.int(bytes).and_then(|n| u64::try_from(n).ok());
        Ok(found.map(|_| items.map(|item| number(item).unwrap_or(u64::MAX)).collect()))
    }
}

struct Lines<'a> {
    starts: Numbers<'a>,
    others: Numbers<'a>,
    is_turned: bool,
    block: (u64, u64),
    len: u64,
}

impl Lines<'_> {
    /// Lines in even steps, and of each an even share of what may be read.
    fn draw(&mut self, canvas: &mut Canvas, max_bytes: u64) -> io::Result<bool> {
        let max_numbers = (max_bytes / 8).max(1024);
        let step = self.len.div_ceil(max_numbers / 2).max(1);
        let n_drawn = self.len.div_ceil(step).max(1);
        let share = (max_numbers / 2 / n_drawn).max(16);
        canvas.density.is_sampled |= step > 1;
        let mut line = 0;
        let mut known = (0, Vec::new());
        while line < self.len {
            let within = usize::try_from(line - known.0).unwrap_or(usize::MAX);
            if within.saturating_add(1) >= known.1.len() {
                let ahead = if step == 1 { MAX_NUMBERS } else { 2 };
                let end = line.saturating_add(ahead).min(self.len.saturating_add(1));
                match self.starts.read(line..end)? {
                    Some(starts) if starts.len() >= 2 => known = (line, starts),
                    Some(_) => return Ok(true),
                    None => return Ok(false),
                }
                continue;
            }
            let bound = |at: usize| known.1.get(at).copied().unwrap_or(0);
            let (start, end) = (bound(within), bound(within + 1));
            if start < end && !self.line(canvas, line, start..end, share, step)? {
                return Ok(false);
            }
            line = line.saturating_add(step);
        }
        Ok(true)
    }

    fn line(
        &mut self,
        canvas: &mut Canvas,
        line: u64,
        range: Range<u64>,
        share: u64,
        step: u64,
    ) -> io::Result<bool> {
        let n = range.end - range.start;
        let n_read = n.min(share).min(MAX_NUMBERS);
        canvas.density.is_sampled |= n_read < n;
        let Some(others) = self.others.read(range.start..range.start + n_read)? else {
            return Ok(false);
        };
        let weight = float(n) / float(n_read) * float(step);
        let weight = weight * float(self.block.0) * float(self.block.1);
        for other in others {
            let (line, other) = (
                line.saturating_mul(self.block.0),
                other.saturating_mul(self.block.1),
            );
            if self.is_turned {
                canvas.add(other, line, weight);
            } else {
                canvas.add(line, other, weight);
            }
        }
        Ok(true)
    }
}

fn draw_pairs(
    canvas: &mut Canvas,
    n: u64,
    rows: &mut Numbers<'_>,
    columns: &mut Numbers<'_>,
    max_bytes: u64,
) -> io::Result<bool> {
    let wanted = (max_bytes / 16).max(1024).min(n);
    let stretch = MAX_NUMBERS.min(wanted.max(1));
    // Stretches in even steps.
    let step = if wanted < n {
        stretch.saturating_mul(n.div_ceil(wanted))
    } else {
        stretch
    };
    canvas.density.is_sampled = step > stretch;
    let weight = float(step) / float(stretch);
    let mut at = 0;
    while at < n {
        let range = at..at.saturating_add(stretch).min(n);
        let Some(found) = rows.read(range.clone())?.zip(columns.read(range)?) else {
            return Ok(false);
        };
        if found.0.is_empty() {
            return Ok(true);
        }
        for (row, column) in found.0.into_iter().zip(found.1) {
            canvas.add(row, column, weight);
        }
        at = at.saturating_add(step);
    }
    Ok(true)
}
