//! What a window draws of an array: a slice as a table, a plane as a grid of cells, a line as an envelope, a histogram.
//!
//! Each reads what it needs and no more; where that is more than its budget, elements are left out evenly, and the
//! picture says so.

use std::io;
use std::ops::Range;

use super::array::{ArrayView, shape_text};
use super::look::Look;
use super::pick::{Pick, cost, thin};
use super::walk::Item;
use crate::formats::{Content, Element};
use crate::model::text::brief;
use crate::model::value::Value;

/// Elements of a rectangle, exactly.
#[derive(Debug, Clone, PartialEq)]
pub struct ArraySlice {
    /// Number of elements along each axis.
    pub shape: Vec<u64>,
    /// In index (C) order of that shape; what is masked is null.
    pub elements: Vec<Element>,
}

/// A plane of an array in at most so many cells.
#[derive(Debug, Clone, PartialEq)]
pub struct Grid {
    /// Rows of cells.
    pub n_rows: usize,
    /// Columns of cells.
    pub n_columns: usize,
    /// Elements that a cell is high and wide; the last ones may be smaller.
    pub cell_shape: (u64, u64),
    /// Mean of each cell, row by row; not-a-number where it holds none.
    pub cells: Vec<f64>,
    /// Smallest and largest finite mean; `None` if there is none.
    pub range: Option<(f64, f64)>,
    /// True if not every element was read.
    pub is_sampled: bool,
}

/// A line of an array in at most so many buckets.
#[derive(Debug, Clone, PartialEq)]
pub struct Envelope {
    /// Elements in a bucket; the last one may be smaller.
    pub bucket_len: u64,
    /// In order along the axis.
    pub buckets: Vec<Bucket>,
    /// True if not every element was read.
    pub is_sampled: bool,
}

/// A stretch of a line. All not-a-number where it holds no number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bucket {
    /// Index of its first element.
    pub start: u64,
    /// Smallest number.
    pub min: f64,
    /// Largest number.
    pub max: f64,
    /// Mean.
    pub mean: f64,
}

/// How often numbers fall into bins of equal width.
#[derive(Debug, Clone, PartialEq)]
pub struct Histogram {
    /// Lower edge of the first bin.
    pub low: f64,
    /// Upper edge of the last bin, which holds it.
    pub high: f64,
    /// Numbers in each bin; empty if there is no finite number.
    pub counts: Vec<u64>,
    /// Elements that are not-a-number.
    pub n_nan: u64,
    /// Infinite elements.
    pub n_infinite: u64,
    /// Elements that the mask leaves out.
    pub n_masked: u64,
    /// True if not every element was read.
    pub is_sampled: bool,
}

/// An array with the bytes that it lies in.
#[derive(Clone, Copy)]
pub(crate) struct Lying<'a> {
    pub(crate) view: &'a ArrayView,
    pub(crate) value: &'a Value,
    pub(crate) content: &'a Content,
}

/// Most elements that [`ArraySlice`] holds.
const MAX_SLICE: u64 = 1 << 20;

/// Bytes that are read in one place for a histogram.
const STRETCH: u64 = 64 << 10;

impl Lying<'_> {
    /// Elements of a rectangle.
    pub(crate) fn slice(
        &self,
        ranges: &[Range<u64>],
        look: &Look<'_>,
    ) -> io::Result<Option<ArraySlice>> {
        let map = |item: Item<'_>| self.view.element_of(self.value, item, look);
        let found = self.rectangle(ranges, look, Element::Null, map)?;
        Ok(found.map(|(shape, elements)| ArraySlice { shape, elements }))
    }

    /// What `map` makes of each element of a rectangle, in index order, with the rectangle's shape.
    pub(crate) fn rectangle<T: Clone>(
        &self,
        ranges: &[Range<u64>],
        look: &Look<'_>,
        absent: T,
        map: impl Fn(Item<'_>) -> T,
    ) -> io::Result<Option<(Vec<u64>, Vec<T>)>> {
        let picks: Vec<Pick> = self.cut(ranges).iter().map(Pick::each).collect();
        let shape: Vec<u64> = picks.iter().map(Pick::n).collect();
        let n = shape.iter().try_fold(1_u64, |n, axis| n.checked_mul(*axis));
        let Some(n) = n.filter(|n| *n <= MAX_SLICE) else {
            let shape = brief(&shape_text(&shape));
            return Err(io::Error::other(format!(
                "expected a slice of at most {MAX_SLICE} elements, found {shape}"
            )));
        };
        self.view.promise(self.value, n, look)?;
        let mut elements = vec![absent; usize::try_from(n).unwrap_or(0)];
        let is_done = self.walk(&picks, look, &mut |cell, item| {
            if let Some(place) = elements.get_mut(cell) {
                *place = map(item);
            }
        })?;
        Ok(is_done.then_some((shape, elements)))
    }

    /// The plane of two axes; of the others, the start of their range.
    pub(crate) fn grid(
        &self,
        ranges: &[Range<u64>],
        (rows, columns): (usize, usize),
        (max_rows, max_columns): (usize, usize),
        look: &Look<'_>,
    ) -> io::Result<Option<Grid>> {
        let buckets = |axis: usize| match axis {
            _ if axis == rows => Some(max_rows),
            _ if axis == columns => Some(max_columns),
            _ => None,
        };
        let mut picks = self.picks(ranges, buckets);
        self.thin(&mut picks, look);
        let side = |axis: usize| {
            let pick = picks.get(axis);
            pick.map_or((1, 1), |pick| (to_usize(pick.n()), pick.step))
        };
        let ((n_rows, height), (n_columns, width)) = (side(rows), side(columns));
        let mut sums = vec![Sum::default(); n_rows.saturating_mul(n_columns)];
        let is_done = self.numbers(&picks, look, &mut |cell, number| {
            // Cells are counted in the order of axes, and a person may have turned the plane.
            let cell = if rows > columns {
                (cell % n_rows) * n_columns + cell / n_rows.max(1)
            } else {
                cell
            };
            if let (Some(sum), Some(number)) = (sums.get_mut(cell), number) {
                sum.add(number);
            }
        })?;
        let cells: Vec<f64> = sums.iter().map(Sum::mean).collect();
        Ok(is_done.then(|| Grid {
            n_rows,
            n_columns,
            cell_shape: (height, width),
            range: range_of(cells.iter().copied()),
            cells,
            is_sampled: !picks.iter().all(Pick::is_whole),
        }))
    }

    /// The line along one axis; of the others, the start of their range.
    pub(crate) fn envelope(
        &self,
        ranges: &[Range<u64>],
        axis: usize,
        max_buckets: usize,
        look: &Look<'_>,
    ) -> io::Result<Option<Envelope>> {
        let mut picks = self.picks(ranges, |at| (at == axis).then_some(max_buckets));
        self.thin(&mut picks, look);
        let n = picks.get(axis).map_or(1, |pick| to_usize(pick.n()));
        let mut sums = vec![Sum::default(); n];
        let is_done = self.numbers(&picks, look, &mut |cell, number| {
            if let (Some(sum), Some(number)) = (sums.get_mut(cell), number) {
                sum.add(number);
            }
        })?;
        let starts = (0..).map(|n| picks.get(axis).map_or(0, |pick| pick.group(n).start));
        let buckets = sums
            .iter()
            .zip(starts)
            .map(|(sum, start)| sum.bucket(start));
        Ok(is_done.then(|| Envelope {
            bucket_len: picks.get(axis).map_or(1, |pick| pick.step),
            buckets: buckets.collect(),
            is_sampled: !picks.iter().all(Pick::is_whole),
        }))
    }

    /// All numbers in `ranges`, counted in bins between `bounds`, or between the smallest and the largest.
    pub(crate) fn histogram(
        &self,
        ranges: &[Range<u64>],
        n_bins: usize,
        bounds: Option<(f64, f64)>,
        look: &Look<'_>,
    ) -> io::Result<Option<Histogram>> {
        let fastest = self.view.fast_first().first().copied();
        let stretch = (STRETCH / self.view.step_bytes().max(1)).max(1);
        let ranges = self.cut(ranges);
        let by_axis = ranges.iter().enumerate().map(|(axis, range)| {
            let width = if Some(axis) == fastest { stretch } else { 1 };
            Pick::groups(range, width)
        });
        let mut picks: Vec<Pick> = by_axis.collect();
        self.thin(&mut picks, look);
        let mut bounds = bounds;
        if bounds.is_none() {
            let mut sum = Sum::default();
            let is_done = self.numbers(&picks, look, &mut |_, number| {
                if let Some(number) = number.filter(|n| n.is_finite()) {
                    sum.add(number);
                }
            })?;
            if !is_done {
                return Ok(None);
            }
            bounds = (sum.n > 0).then_some((sum.min, sum.max));
        }
        let mut histogram = Histogram::new(bounds, n_bins);
        let is_done = self.numbers(&picks, look, &mut |_, number| histogram.add(number))?;
        histogram.is_sampled = !picks.iter().all(Pick::is_whole);
        Ok(is_done.then_some(histogram))
    }

    /// `ranges` cut to the array; axes that are not named are taken whole.
    fn cut(&self, ranges: &[Range<u64>]) -> Vec<Range<u64>> {
        let axes = self.view.shape.iter().enumerate();
        axes.map(|(axis, len)| match ranges.get(axis) {
            Some(range) => {
                let start = range.start.min(*len);
                start..range.end.clamp(start, *len)
            }
            None => 0..*len,
        })
        .collect()
    }

    /// Buckets along the axes that have some, the first index of the range along all others.
    fn picks(&self, ranges: &[Range<u64>], buckets: impl Fn(usize) -> Option<usize>) -> Vec<Pick> {
        let ranges = self.cut(ranges);
        let by_axis = ranges.iter().enumerate();
        by_axis
            .map(|(axis, range)| match buckets(axis) {
                Some(n) => Pick::buckets(range, n),
                None => Pick::each(&(range.start..range.end.min(range.start.saturating_add(1)))),
            })
            .collect()
    }

    fn thin(&self, picks: &mut [Pick], look: &Look<'_>) {
        if let Some(strides) = self.view.strides() {
            let size = self.view.step_bytes();
            let fast_first = self.view.fast_first();
            thin(picks, &strides, size, &fast_first, look.max_bytes);
            debug_assert!(
                cost(picks, &strides, size, &fast_first) <= look.max_bytes
                    || picks.iter().all(|pick| pick.n() <= 1)
            );
        }
    }

    fn walk(
        &self,
        picks: &[Pick],
        look: &Look<'_>,
        sink: &mut dyn FnMut(usize, Item<'_>),
    ) -> io::Result<bool> {
        self.view
            .walk(self.value, self.content, picks, look.is_cancelled, sink)
    }

    fn numbers(
        &self,
        picks: &[Pick],
        look: &Look<'_>,
        sink: &mut dyn FnMut(usize, Option<f64>),
    ) -> io::Result<bool> {
        self.walk(picks, look, &mut |cell, item| {
            sink(cell, self.view.number_of(self.value, item));
        })
    }
}

fn to_usize(n: u64) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}

/// Running figures of the numbers in one place, not-a-number left out.
#[derive(Debug, Clone, Copy, Default)]
struct Sum {
    n: u32,
    min: f64,
    max: f64,
    total: f64,
}

impl Sum {
    fn add(&mut self, number: f64) {
        if number.is_nan() {
            return;
        }
        if self.n == 0 {
            (self.min, self.max) = (number, number);
        }
        self.n = self.n.saturating_add(1);
        self.min = self.min.min(number);
        self.max = self.max.max(number);
        self.total += number;
    }

    fn mean(&self) -> f64 {
        if self.n == 0 {
            f64::NAN
        } else {
            self.total / f64::from(self.n)
        }
    }

    fn bucket(&self, start: u64) -> Bucket {
        let or_nan = |number| if self.n == 0 { f64::NAN } else { number };
        Bucket {
            start,
            min: or_nan(self.min),
            max: or_nan(self.max),
            mean: self.mean(),
        }
    }
}

fn range_of(numbers: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    numbers
        .filter(|number| number.is_finite())
        .fold(None, |range, number| match range {
            Some((min, max)) => Some((number.min(min), number.max(max))),
            None => Some((number, number)),
        })
}

impl Histogram {
    fn new(bounds: Option<(f64, f64)>, n_bins: usize) -> Self {
        let bounds =
            bounds.filter(|(low, high)| low.is_finite() && high.is_finite() && low <= high);
        let (low, high) = bounds.unwrap_or_default();
        Self {
            low,
            high,
            counts: bounds.map_or_else(Vec::new, |_| vec![0; n_bins.max(1)]),
            n_nan: 0,
            n_infinite: 0,
            n_masked: 0,
            is_sampled: false,
        }
    }

    fn add(&mut self, number: Option<f64>) {
        let Some(number) = number else {
            self.n_masked += 1;
            return;
        };
        if number.is_nan() {
            self.n_nan += 1;
        } else if number.is_infinite() {
            self.n_infinite += 1;
        } else if (self.low..=self.high).contains(&number) && !self.counts.is_empty() {
            let last = self.counts.len() - 1;
            let bin = self.bin(number).min(last);
            if let Some(count) = self.counts.get_mut(bin) {
                *count += 1;
            }
        }
    }

    /// The bin of a number between the bounds.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "bins are a few hundred, and the product lies between 0 and their number"
    )]
    fn bin(&self, number: f64) -> usize {
        // Halves, so that the width of the widest span is finite.
        let width = self.high / 2.0 - self.low / 2.0;
        if width <= 0.0 {
            return 0;
        }
        let part = (number / 2.0 - self.low / 2.0) / width;
        (part * self.counts.len() as f64) as usize
    }
}
