//! Arrays of a preview: found in the value, or in the file beside it that the value names.

use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::SideFiles;
use crate::formats::compress::Codec;
use crate::formats::joblib;
use crate::formats::numpy::{
    ArrayData, ArraySlice, ArraySummary, ArrayView, Envelope, Grid, Histogram, Item, Look, Lying,
    npy,
};
use crate::formats::{Content, Element, Problem, ProblemKind};
use crate::model::value::{NodeId, Tag, Value};

/// An array that can be looked into, with the bytes that it lies in.
#[derive(Debug, Clone)]
pub struct ArrayHandle {
    /// Type, shape, order and class.
    pub view: ArrayView,
    content: Content,
    value: Arc<Value>,
}

impl ArrayHandle {
    /// The array at `node` of a value; `None` if there is none, or its file is missing or damaged.
    pub(in crate::formats) fn of(
        value: &Arc<Value>,
        node: NodeId,
        content: &Content,
        side_files: &dyn SideFiles,
    ) -> Option<Self> {
        let mut view = ArrayView::of(value, node)?;
        let mut content = content.clone();
        if let ArrayData::SideFile(name) = &view.data {
            let file = side_files.open_side_file(name).ok()?;
            let class = view.class.clone();
            (view, content) = in_side_file(view, Content::plain(file))?;
            view.class = class;
        }
        Some(Self {
            view,
            content,
            value: Arc::clone(value),
        })
    }

    /// The array of a `.npy` file.
    pub(super) fn of_npy(view: ArrayView, content: Content) -> Self {
        Self {
            view,
            content,
            value: Arc::new(Value::none()),
        }
    }

    /// Type, shape and first elements; statistics too, if they are read within `time` and before it is cancelled.
    ///
    /// # Errors
    /// What the system or the compression said.
    pub fn summary(
        &self,
        time: Option<Duration>,
        is_cancelled: &dyn Fn() -> bool,
    ) -> io::Result<ArraySummary> {
        let deadline = time.map(|time| Instant::now() + time);
        let is_over = || is_cancelled() || deadline.is_some_and(|end| Instant::now() > end);
        let is_over = deadline.is_some().then_some(&is_over as &dyn Fn() -> bool);
        self.view.summary(&self.value, &self.content, is_over)
    }

    /// Elements `start..start + n` in index (C) order.
    ///
    /// # Errors
    /// What the system or the compression said.
    pub fn elements(&self, start: u64, n: u64) -> io::Result<Vec<Element>> {
        self.elements_for(start..start.saturating_add(n), &Look::GLANCE)
    }

    /// Elements in index (C) order.
    ///
    /// # Errors
    /// What the system or the compression said; where they are wanted whole, what the array lacks.
    pub(crate) fn elements_for(
        &self,
        range: Range<u64>,
        look: &Look<'_>,
    ) -> io::Result<Vec<Element>> {
        self.view.elements(&self.value, &self.content, range, look)
    }

    /// The value that the array is in.
    pub(crate) fn value(&self) -> &Arc<Value> {
        &self.value
    }

    /// The bytes that its elements lie in.
    pub(crate) fn content(&self) -> &Content {
        &self.content
    }

    /// The elements in `ranges`, one an axis and cut to the array; axes that are not named are taken whole.
    /// `None` if it was cancelled.
    ///
    /// # Errors
    /// What the system or the compression said, and more than 2^20 elements asked for.
    pub fn slice(&self, ranges: &[Range<u64>], look: &Look<'_>) -> io::Result<Option<ArraySlice>> {
        self.lying().slice(ranges, look)
    }

    /// Bytes of each element in `ranges`, in index (C) order; `None` if it was cancelled.
    pub(crate) fn slice_bytes(
        &self,
        ranges: &[Range<u64>],
        look: &Look<'_>,
    ) -> io::Result<Option<Vec<Vec<u8>>>> {
        let bytes = |item: Item<'_>| match item {
            Item::Bytes(bytes) => bytes.to_vec(),
            Item::Object(_) | Item::Masked => Vec::new(),
        };
        let found = self.lying().rectangle(ranges, look, Vec::new(), bytes)?;
        Ok(found.map(|(_, elements)| elements))
    }

    /// The plane of the axes `(rows, columns)` in at most `max_cells` rows and columns of cells, for a heat map.
    /// Of all other axes the start of their range is shown. `None` if it was cancelled.
    ///
    /// # Errors
    /// What the system or the compression said.
    pub fn grid(
        &self,
        ranges: &[Range<u64>],
        axes: (usize, usize),
        max_cells: (usize, usize),
        look: &Look<'_>,
    ) -> io::Result<Option<Grid>> {
        self.lying().grid(ranges, axes, max_cells, look)
    }

    /// Smallest, largest and mean number in at most `max_buckets` stretches along `axis`, for a line plot.
    /// Of all other axes the start of their range is shown. `None` if it was cancelled.
    ///
    /// # Errors
    /// What the system or the compression said.
    pub fn envelope(
        &self,
        ranges: &[Range<u64>],
        axis: usize,
        max_buckets: usize,
        look: &Look<'_>,
    ) -> io::Result<Option<Envelope>> {
        self.lying().envelope(ranges, axis, max_buckets, look)
    }

    /// The numbers in `ranges` counted in bins, between `bounds` or else between the smallest and the largest (which
    /// reads twice). `None` if it was cancelled.
    ///
    /// # Errors
    /// What the system or the compression said.
    pub fn histogram(
        &self,
        ranges: &[Range<u64>],
        n_bins: usize,
        bounds: Option<(f64, f64)>,
        look: &Look<'_>,
    ) -> io::Result<Option<Histogram>> {
        self.lying().histogram(ranges, n_bins, bounds, look)
    }

    /// True if a mask leaves elements out.
    pub fn is_masked(&self) -> bool {
        self.view.mask.is_some()
    }

    fn lying(&self) -> Lying<'_> {
        Lying {
            view: &self.view,
            value: &self.value,
            content: &self.content,
        }
    }

    /// The array's bytes as they lie in memory; `None` for arrays of objects.
    ///
    /// # Errors
    /// What the system or the compression said.
    pub fn bytes(&self) -> io::Result<Option<Box<dyn io::Read + Send + '_>>> {
        self.view.data.reader(&self.content, 0)
    }
}

/// joblib before 0.10 wrote `.npy` files, or Z-files of the bare bytes where the main file is compressed.
fn in_side_file(view: ArrayView, file: Content) -> Option<(ArrayView, Content)> {
    if file.head(npy::MAGIC.len()) == npy::MAGIC {
        return Some((npy::open(&file).ok()?, file));
    }
    let content = file.peel(Codec::detect);
    let len = joblib::len_bytes(&view.shape, view.dtype.item_size).ok()?;
    let data = ArrayData::Stream { offset: 0, len };
    Some((ArrayView { data, ..view }, content))
}

/// Side files that the value names and that are not there.
pub(super) fn missing_parts(value: &Value, side_files: &dyn SideFiles) -> Vec<Problem> {
    let has_wrappers = value
        .names
        .iter()
        .any(|name| name.qualname.ends_with("NDArrayWrapper"));
    if !has_wrappers {
        return Vec::new();
    }
    let n_cells = u32::try_from(value.cells.len()).unwrap_or(u32::MAX);
    (0..n_cells)
        .map(NodeId::cell)
        .filter(|node| value.tag(*node) == Some(Tag::Object))
        .filter_map(|node| joblib::side_file(value, node))
        .filter_map(|name| side_files.open_side_file(&name).err())
        .map(|error| Problem::new(ProblemKind::MissingPart, 0, error.message()))
        .collect()
}
