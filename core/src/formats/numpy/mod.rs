//! Arrays as numpy stores them: data types, headers, statistics and elements.

mod array;
mod datetime;
mod dtype;
mod element;
mod look;
pub(crate) mod npy;
mod object;
mod pick;
mod picture;
mod stats;
mod walk;

use super::Element;

pub use array::ArrayView;
pub(crate) use array::{ArrayData, shape_text};
pub(crate) use datetime::{NOT_A_TIME, datetime_text};
pub use dtype::{Dtype, Field, Scalar};
pub(crate) use dtype::{int_of, is_text_type, shape_of};
pub(crate) use element::trimmed;
pub use look::Look;
pub(crate) use look::{Batch, is_too_much};
pub(crate) use object::element_of;
pub(crate) use picture::Lying;
pub use picture::{ArraySlice, Bucket, Envelope, Grid, Histogram};
pub(crate) use walk::{Forward, Item, cut_short};

/// What can be said of an array without showing it whole.
#[derive(Debug, Clone, PartialEq)]
pub struct ArraySummary {
    /// numpy's `dtype.str` (`<f8`), byte order as stored.
    pub dtype: String,
    /// Length of each axis.
    pub shape: Vec<u64>,
    /// How elements lie in memory.
    pub order: Order,
    /// Smallest element, not-a-number left out; `Null` where there is none or it was not looked for.
    pub min: Element,
    /// Largest element, likewise.
    pub max: Element,
    /// Mean, not-a-number left out.
    pub mean: Option<f64>,
    /// Elements that are not-a-number; `None` where not counted.
    pub nan_count: Option<u64>,
    /// The first five elements in index (C) order.
    pub first: Vec<Element>,
    /// False if a limit ended the reading before the statistics were complete (they are left out then).
    pub is_complete: bool,
}

/// Order of an array's elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Order {
    /// Last index fastest.
    C,
    /// First index fastest, and not also C.
    F,
}

impl Order {
    /// `C` or `F`.
    pub fn letter(self) -> &'static str {
        match self {
            Self::C => "C",
            Self::F => "F",
        }
    }
}
