//! Arrays of a preview: found in the value, or in the file beside it that the value names.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::SideFiles;
use crate::formats::compress::Codec;
use crate::formats::joblib;
use crate::formats::numpy::{ArrayData, ArraySummary, ArrayView, npy};
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
    pub(super) fn of(
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

    /// Type, shape and first elements; statistics too, if they are read within `time`.
    ///
    /// # Errors
    /// What the system or the compression said.
    pub fn summary(&self, time: Option<Duration>) -> io::Result<ArraySummary> {
        let deadline = time.map(|time| Instant::now() + time);
        self.view.summary(&self.value, &self.content, deadline)
    }

    /// Elements `start..start + n` in index (C) order.
    ///
    /// # Errors
    /// What the system or the compression said.
    pub fn elements(&self, start: u64, n: u64) -> io::Result<Vec<Element>> {
        self.view.elements(&self.value, &self.content, start, n)
    }

    /// The array's bytes as they lie in memory; `None` for arrays of objects.
    ///
    /// # Errors
    /// What the system or the compression said.
    pub fn bytes(&self) -> io::Result<Option<Box<dyn io::Read + Send + '_>>> {
        self.view.reader(&self.content, 0)
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
