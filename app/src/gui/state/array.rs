//! How the one selected array is looked at: as a table, a heat map, a line or a histogram, and of which part.

use std::ops::Range;
use std::sync::Arc;

use cachescope_core::formats::numpy::{ArraySummary, Scalar};
use cachescope_core::formats::{ArrayHandle, Preview};
use cachescope_core::jobs::{JobId, Looked, Sight, Target};

use crate::gui::widgets::heat::Heat;
use crate::gui::widgets::table::Scroll;

/// Cells of a heat map along each side, and stretches of a line: more than a panel has points.
const MAX_CELLS: usize = 512;
/// Bars of a histogram.
const N_BINS: usize = 64;
/// Rows that are read around the ones on screen.
const PAGE_ROWS: u64 = 256;
/// Columns that a table shows at a time.
pub(crate) const PAGE_COLUMNS: u64 = 16;
const SHOWN_COLUMNS: usize = 16;

/// How an array is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Plot {
    /// Element by element.
    Table,
    /// A plane in colours.
    Heat,
    /// Along one axis.
    Line,
    /// How often each number occurs.
    Histogram,
}

impl Plot {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Table => "Table",
            Self::Heat => "Heat map",
            Self::Line => "Line",
            Self::Histogram => "Histogram",
        }
    }
}

/// A change to how it is looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ArrayCommand {
    /// Draws it another way.
    Plot(Plot),
    /// Lets these axes run down and across.
    Axes(usize, usize),
    /// Goes to an index along an axis that does not run anywhere.
    At(usize, u64),
    /// Shows a part of the line; `None` for the whole.
    Zoom(Option<Range<u64>>),
    /// The first column of the table.
    Column(u64),
}

/// What the entry panel knows of the array, the table or the sparse matrix.
#[derive(Default)]
pub(crate) struct Arraying {
    pub(crate) target: Option<Arc<Target>>,
    shape: Vec<u64>,
    /// The ways in which it can be drawn, the most telling first; empty where there is no array.
    pub(crate) plots: Vec<Plot>,
    pub(crate) plot: Option<Plot>,
    /// The axes that run down and across.
    pub(crate) axes: (usize, usize),
    /// An index along each axis, for those that do not run.
    pub(crate) at: Vec<u64>,
    /// The part of the line that shows.
    pub(crate) zoom: Option<Range<u64>>,
    pub(crate) first_column: u64,
    /// The newest picture.
    pub(crate) seen: Option<Box<Looked>>,
    /// What the newest picture, finished or not, was asked for.
    pub(crate) asked: Option<Sight>,
    pub(crate) job: Option<JobId>,
    /// Smallest, largest and mean number, once they are found.
    pub(crate) summary: Option<ArraySummary>,
    /// True once they were asked for.
    pub(crate) is_summed: bool,
    /// The job that reads the whole array for them, this one or the one before it.
    pub(crate) summing: Option<JobId>,
    /// Why it could not be made.
    pub(crate) failure: Option<String>,
    pub(crate) scroll: Scroll,
    pub(crate) heat: Heat,
}

impl Arraying {
    /// What a value offers to look into; nothing is asked yet.
    pub(crate) fn new(value: Option<&Preview>) -> Self {
        let Some(value) = value else {
            return Self::default();
        };
        if let Some(array) = &value.array_handle {
            return Self::of_array(array);
        }
        if let Some(table) = &value.table_handle {
            let n_columns = table.frame.columns.len() as u64;
            let shape = vec![table.frame.n_rows, n_columns];
            return Self::of(Target::Table(table.clone()), vec![Plot::Table], shape);
        }
        if let Some(matrix) = &value.sparse_handle {
            let shape = matrix.matrix.shape.clone();
            if shape.len() == 2 && !shape.contains(&0) {
                return Self::of(
                    Target::Sparse(Box::new(matrix.clone())),
                    vec![Plot::Heat],
                    shape,
                );
            }
        }
        Self::default()
    }

    /// Numbers are drawn, everything else is listed.
    fn of_array(array: &ArrayHandle) -> Self {
        let dtype = &array.view.dtype;
        let is_number = dtype.fields.is_empty()
            && dtype.sub_array.is_none()
            && matches!(
                dtype.scalar,
                Scalar::Bool | Scalar::Int | Scalar::UInt | Scalar::Float
            );
        let shape = array.view.shape.clone();
        let is_drawable = is_number && !array.view.is_empty();
        let plots = match (is_drawable, shape.len()) {
            _ if array.view.is_empty() || shape.is_empty() => Vec::new(),
            (false, _) => vec![Plot::Table],
            (true, 1) => vec![Plot::Line, Plot::Table, Plot::Histogram],
            (true, _) => vec![Plot::Heat, Plot::Table, Plot::Line, Plot::Histogram],
        };
        Self::of(Target::Array(Box::new(array.clone())), plots, shape)
    }

    fn of(target: Target, plots: Vec<Plot>, shape: Vec<u64>) -> Self {
        let last = shape.len().saturating_sub(1);
        Self {
            target: Some(Arc::new(target)),
            plot: plots.first().copied(),
            plots,
            axes: (last.saturating_sub(1), last),
            at: vec![0; shape.len()],
            shape,
            ..Self::default()
        }
    }

    /// Length along an axis.
    pub(crate) fn len(&self, axis: usize) -> u64 {
        self.shape.get(axis).copied().unwrap_or(1)
    }

    /// Number of axes.
    pub(crate) fn n_axes(&self) -> usize {
        self.shape.len()
    }

    /// The axes that do not run, each of which stands at one index.
    pub(crate) fn standing(&self) -> Vec<usize> {
        let (down, across) = self.axes;
        let runs = |axis: usize| match self.plot {
            Some(Plot::Table | Plot::Heat) => axis == down || axis == across,
            Some(Plot::Line) => axis == across,
            Some(Plot::Histogram) | None => true,
        };
        (0..self.n_axes()).filter(|axis| !runs(*axis)).collect()
    }

    /// Carries a change out.
    pub(crate) fn change(&mut self, command: ArrayCommand) {
        match command {
            ArrayCommand::Plot(plot) => self.plot = Some(plot),
            ArrayCommand::Axes(down, across) => {
                self.axes = (down, across);
                self.zoom = None;
                self.first_column = 0;
            }
            ArrayCommand::At(axis, index) => {
                let last = self.len(axis).saturating_sub(1);
                if let Some(at) = self.at.get_mut(axis) {
                    *at = index.min(last);
                }
            }
            ArrayCommand::Zoom(zoom) => self.zoom = zoom,
            ArrayCommand::Column(column) => self.first_column = column,
        }
    }

    /// Turns to another value; the job at work on this one gives way to the next.
    pub(crate) fn turn_to(&mut self, value: Option<&Preview>) {
        let (job, summing) = (self.job.take(), self.summing.take());
        *self = Self::new(value);
        (self.job, self.summing) = (job, summing);
    }

    /// True for an array whose numbers have not been summed up.
    pub(crate) fn needs_summary(&self) -> bool {
        let is_array = matches!(self.target.as_deref(), Some(Target::Array(_)));
        is_array && self.plots.len() > 1 && !self.is_summed
    }

    /// What has to be read for what is on screen; `None` if it was asked for already.
    pub(crate) fn needs(&self) -> Option<Sight> {
        let sight = self.sight()?;
        (self.asked.as_ref() != Some(&sight)).then_some(sight)
    }

    fn sight(&self) -> Option<Sight> {
        let (down, across) = self.axes;
        let mut ranges: Vec<Range<u64>> =
            self.at.iter().map(|at| *at..at.saturating_add(1)).collect();
        let mut set = |axis: usize, range: Range<u64>| {
            if let Some(place) = ranges.get_mut(axis) {
                *place = range;
            }
        };
        let first = self.scroll.first_line() as u64 / PAGE_ROWS * PAGE_ROWS;
        let rows = first..first.saturating_add(2 * PAGE_ROWS);
        match self.target.as_deref()? {
            Target::Table(_) => {
                let column = usize::try_from(self.first_column).ok()?;
                let columns = column..column.saturating_add(SHOWN_COLUMNS);
                return Some(Sight::Rows { rows, columns });
            }
            Target::Sparse(_) => {
                let max_cells = (MAX_CELLS, MAX_CELLS);
                return Some(Sight::Density { max_cells });
            }
            Target::Array(_) => {}
        }
        Some(match self.plot? {
            Plot::Table => {
                let columns = self.first_column..self.first_column.saturating_add(PAGE_COLUMNS);
                set(across, columns);
                set(down, rows);
                Sight::Slice { ranges }
            }
            Plot::Heat => {
                set(across, 0..self.len(across));
                set(down, 0..self.len(down));
                Sight::Grid {
                    ranges,
                    axes: self.axes,
                    max_cells: (MAX_CELLS, MAX_CELLS),
                }
            }
            Plot::Line => {
                let whole = 0..self.len(across);
                set(across, self.zoom.clone().unwrap_or(whole));
                Sight::Envelope {
                    ranges,
                    axis: across,
                    max_buckets: MAX_CELLS,
                }
            }
            Plot::Histogram => Sight::Histogram { n_bins: N_BINS },
        })
    }
}
