//! The table of a preview: its head, and a handle that reads any rectangle of it.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use crate::formats::numpy::Look;
use crate::formats::{Content, Element, Frame};
use crate::model::Value;
use crate::model::value::NodeId;

/// The head of a data frame.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// Column labels as text.
    pub columns: Vec<String>,
    /// pandas' names of the column types.
    pub dtypes: Vec<String>,
    /// Number of rows.
    pub rows: u64,
    /// Labels of the first rows.
    pub index: Vec<Element>,
    /// The first rows.
    pub head: Vec<Vec<Element>>,
}

/// A table that can be looked into, with the bytes that it lies in.
#[derive(Debug, Clone)]
pub struct TableHandle {
    /// Columns and types.
    pub frame: Arc<Frame>,
    content: Content,
    value: Arc<Value>,
}

/// Rows of a head, as `DataFrame.head` shows.
const HEAD: u64 = 5;

impl TableHandle {
    pub(in crate::formats) fn of(
        value: &Arc<Value>,
        node: NodeId,
        content: &Content,
    ) -> Option<Self> {
        Some(Self {
            frame: Arc::new(Frame::of(value, node, content)?),
            content: content.clone(),
            value: Arc::clone(value),
        })
    }

    /// The value that the table is in.
    pub(crate) fn value(&self) -> &Arc<Value> {
        &self.value
    }

    /// The bytes that its data lie in.
    pub(crate) fn content(&self) -> &Content {
        &self.content
    }

    /// Labels of `rows`, cut to the table; labels of several levels are lists.
    ///
    /// # Errors
    /// What the system or the compression said, and that it was cancelled.
    pub fn labels(&self, rows: Range<u64>, look: Look<'_>) -> io::Result<Vec<Element>> {
        self.frame.labels(&self.value, &self.content, rows, look)
    }

    /// Cells of `rows` and `columns`, cut to the table, row by row.
    ///
    /// # Errors
    /// What the system or the compression said, and that it was cancelled.
    pub fn rows(
        &self,
        rows: Range<u64>,
        columns: Range<usize>,
        look: Look<'_>,
    ) -> io::Result<Vec<Vec<Element>>> {
        let rectangle = (rows, columns);
        self.frame.rows(&self.value, &self.content, rectangle, look)
    }

    pub(super) fn head(&self) -> io::Result<Table> {
        let look = Look::GLANCE;
        Ok(Table {
            columns: self.frame.columns.clone(),
            dtypes: self.frame.dtypes.clone(),
            rows: self.frame.n_rows,
            index: self.labels(0..HEAD, look)?,
            head: self.rows(0..HEAD, 0..self.frame.columns.len(), look)?,
        })
    }

    /// `DataFrame, 1000 rows of 12 columns`.
    pub(super) fn label(&self, value_type: &str) -> String {
        let class = value_type.rsplit('.').next().unwrap_or_default();
        let plural = |n: u64, word: &str| format!("{n} {word}{}", if n == 1 { "" } else { "s" });
        let rows = plural(self.frame.n_rows, "row");
        let columns = plural(self.frame.n_columns, "column");
        format!("{class}, {rows} of {columns}")
    }
}
