//! A part of an array, a table or a sparse matrix to what is drawn of it: cells, a plane, a line or a histogram.

use std::ops::Range;

use super::Outcome;
use super::context::Context;
use crate::formats::numpy::{ArraySlice, ArraySummary, Envelope, Grid, Histogram, Look};
use crate::formats::{ArrayHandle, Density, Element, SparseHandle, TableHandle};
use crate::model::Limits;
use crate::{Error, Result};

/// Bytes that one picture may read of plain data.
const MAX_BYTES: u64 = 64 << 20;

/// What can be looked into.
#[derive(Debug, Clone)]
pub enum Target {
    /// An array.
    Array(Box<ArrayHandle>),
    /// A data frame or series.
    Table(TableHandle),
    /// A sparse matrix.
    Sparse(Box<SparseHandle>),
}

/// What is to be drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sight {
    /// The elements of a rectangle.
    Slice {
        /// One an axis.
        ranges: Vec<Range<u64>>,
    },
    /// A plane; of the axes outside it, the start of their range.
    Grid {
        /// One an axis.
        ranges: Vec<Range<u64>>,
        /// The axes that run down and across.
        axes: (usize, usize),
        /// Rows and columns of cells at most.
        max_cells: (usize, usize),
    },
    /// A line along an axis; of the others, the start of their range.
    Envelope {
        /// One an axis.
        ranges: Vec<Range<u64>>,
        /// The axis that runs across.
        axis: usize,
        /// Stretches at most.
        max_buckets: usize,
    },
    /// Smallest, largest and mean number, as far as they are found in the time of a preview.
    Summary,
    /// All numbers.
    Histogram {
        /// Number of bins.
        n_bins: usize,
    },
    /// Rows of a table.
    Rows {
        /// Which ones.
        rows: Range<u64>,
        /// And of which columns.
        columns: Range<usize>,
    },
    /// Where a sparse matrix has elements.
    Density {
        /// Rows and columns of cells at most.
        max_cells: (usize, usize),
    },
}

/// What was seen of it.
#[derive(Debug)]
pub enum Seen {
    /// For [`Sight::Slice`].
    Slice(ArraySlice),
    /// For [`Sight::Grid`] and [`Sight::Density`].
    Grid(Grid),
    /// For [`Sight::Envelope`].
    Envelope(Envelope),
    /// For [`Sight::Summary`].
    Summary(ArraySummary),
    /// For [`Sight::Histogram`].
    Histogram(Histogram),
    /// For [`Sight::Rows`]: labels of the rows, and their cells.
    Rows(Vec<Element>, Vec<Vec<Element>>),
}

/// A picture, and what it is of.
#[derive(Debug)]
pub struct Looked {
    /// What was asked for.
    pub sight: Sight,
    /// What there is.
    pub seen: Seen,
}

pub(super) fn run(target: &Target, sight: Sight, context: &Context) -> Result<()> {
    let look = Look {
        max_bytes: MAX_BYTES,
        is_cancelled: &|| context.cancel.is_cancelled(),
        batch: None,
    };
    let seen = match target {
        Target::Array(array) => array_seen(array, &sight, &look),
        Target::Table(table) => table_seen(table, &sight, &look),
        Target::Sparse(matrix) => sparse_seen(matrix, &sight, &look),
    };
    context.cancel.check()?;
    let seen = seen.map_err(|e| Error::of_bytes("Cannot read this value", &e))?;
    // Nothing was cancelled, so that what was asked for is nothing that this value has.
    let Some(seen) = seen else { return Ok(()) };
    context.report(Outcome::Looked(Box::new(Looked { sight, seen })))
}

fn array_seen(
    array: &ArrayHandle,
    sight: &Sight,
    look: &Look<'_>,
) -> std::io::Result<Option<Seen>> {
    Ok(match sight {
        Sight::Slice { ranges } => array.slice(ranges, look)?.map(Seen::Slice),
        Sight::Grid {
            ranges,
            axes,
            max_cells,
        } => array.grid(ranges, *axes, *max_cells, look)?.map(Seen::Grid),
        Sight::Envelope {
            ranges,
            axis,
            max_buckets,
        } => array
            .envelope(ranges, *axis, *max_buckets, look)?
            .map(Seen::Envelope),
        Sight::Summary => {
            let time = Some(Limits::PREVIEW.time);
            Some(Seen::Summary(array.summary(time, look.is_cancelled)?))
        }
        Sight::Histogram { n_bins } => array
            .histogram(&[], *n_bins, None, look)?
            .map(Seen::Histogram),
        Sight::Rows { .. } | Sight::Density { .. } => None,
    })
}

fn table_seen(
    table: &TableHandle,
    sight: &Sight,
    look: &Look<'_>,
) -> std::io::Result<Option<Seen>> {
    let Sight::Rows { rows, columns } = sight else {
        return Ok(None);
    };
    let labels = table.labels(rows.clone(), *look)?;
    let cells = table.rows(rows.clone(), columns.clone(), *look)?;
    Ok(Some(Seen::Rows(labels, cells)))
}

fn sparse_seen(
    matrix: &SparseHandle,
    sight: &Sight,
    look: &Look<'_>,
) -> std::io::Result<Option<Seen>> {
    let Sight::Density { max_cells } = sight else {
        return Ok(None);
    };
    let shape = |axis: usize| matrix.matrix.shape.get(axis).copied().unwrap_or(1);
    let density = matrix.density(*max_cells, look)?;
    Ok(density.map(|density| Seen::Grid(grid_of(density, (shape(0), shape(1))))))
}

/// Numbers of elements as a plane.
fn grid_of(density: Density, (height, width): (u64, u64)) -> Grid {
    let most = density.cells.iter().copied().fold(0.0, f64::max);
    Grid {
        n_rows: density.n_rows,
        n_columns: density.n_columns,
        cell_shape: (
            height.div_ceil(density.n_rows.max(1) as u64),
            width.div_ceil(density.n_columns.max(1) as u64),
        ),
        cells: density.cells,
        range: Some((0.0, most)),
        is_sampled: density.is_sampled,
    }
}
