//! The sparse matrix of a preview, with the bytes that it lies in.

use std::io;
use std::sync::Arc;

use crate::formats::numpy::{Dtype, Look};
use crate::formats::{Content, Density, Sparse};
use crate::model::Value;
use crate::model::value::NodeId;

/// A sparse matrix that can be looked into.
#[derive(Debug, Clone)]
pub struct SparseHandle {
    /// Format, shape, type and number of stored elements.
    pub matrix: Sparse,
    content: Content,
    value: Arc<Value>,
}

impl SparseHandle {
    pub(super) fn of(value: &Arc<Value>, node: NodeId, content: &Content) -> Option<Self> {
        Some(Self {
            matrix: Sparse::of(value, node, content)?,
            content: content.clone(),
            value: Arc::clone(value),
        })
    }

    /// Where elements stand, in at most so many rows and columns of cells; `None` if it was cancelled, or the matrix
    /// does not have two axes.
    ///
    /// # Errors
    /// What the system or the compression said.
    pub fn density(
        &self,
        max_cells: (usize, usize),
        look: &Look<'_>,
    ) -> io::Result<Option<Density>> {
        self.matrix
            .density(&self.value, &self.content, max_cells, look)
    }

    /// `csr_matrix float64 (1000, 500), 1204 stored`.
    pub(super) fn label(&self, value_type: &str) -> String {
        let class = value_type.rsplit('.').next().unwrap_or_default();
        let shape = crate::formats::numpy::shape_text(&self.matrix.shape);
        let dtype = self.matrix.dtype.as_deref().and_then(Dtype::from_code);
        let dtype = dtype.map_or_else(String::new, |dtype| format!(" {}", dtype.name()));
        match self.matrix.n_stored {
            Some(n) => format!("{class}{dtype} {shape}, {n} stored"),
            None => format!("{class}{dtype} {shape}"),
        }
    }
}
