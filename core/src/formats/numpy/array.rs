//! Arrays inside decoded values, wherever their data lie: in the stream, in the pickle, in a list, beside it.

use super::{Dtype, Order, int_of, shape_of};
use crate::formats::bytes::bytes_of;
use crate::formats::joblib;
use crate::formats::made::{Made, callable_name, dotted};
use crate::model::value::{Blob, Leaf, NodeId, Tag, Value};

/// An array as recorded; its elements are read on demand.
#[derive(Debug, Clone)]
pub struct ArrayView {
    /// Type of the elements, byte order as stored.
    pub dtype: Dtype,
    /// Length of each axis.
    pub shape: Vec<u64>,
    /// `F` only if not also `C`.
    pub order: Order,
    /// Axes from the one whose elements lie furthest apart, where that is neither of both orders.
    pub(crate) axes: Option<Vec<usize>>,
    /// Recorded class: `numpy.ndarray`, `numpy.matrix`, `numpy.ma.MaskedArray`, …
    pub class: String,
    pub(crate) data: ArrayData,
    /// Bytes of a masked array's mask, one an element.
    pub(crate) mask: Option<ArrayData>,
}

/// Where an array's elements are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ArrayData {
    /// In memory.
    Bytes(Vec<u8>),
    /// In the decoded stream.
    Stream { offset: u64, len: u64 },
    /// In the decoded stream as UTF-8 text, each character one byte (protocols up to 2).
    Latin1 { offset: u64, len: u64 },
    /// Python objects: children of this list.
    Objects(NodeId),
    /// In a file of this name beside the value's own (joblib before 0.10).
    SideFile(String),
    /// Not in the file (out-of-band buffers).
    Absent,
}

/// Most axes an array can have (`NPY_MAXDIMS` of numpy 2; 32 before).
const MAX_AXES: usize = 64;

impl ArrayView {
    /// The array at `node`; `None` if it is none, or too damaged to tell.
    pub fn of(value: &Value, node: NodeId) -> Option<Self> {
        if let Some(block) = value.block(node) {
            if !block.nested.is_missing() {
                return Self::of_object(value, block.nested);
            }
            let wrapper = joblib::wrapper_of(value, &block.wrapper).ok()?;
            let data = ArrayData::Stream {
                offset: block.offset,
                len: block.len,
            };
            return Self::new(
                wrapper.dtype,
                wrapper.shape,
                wrapper.order,
                wrapper.subclass,
                data,
            );
        }
        Self::of_object(value, node)
    }

    fn of_object(value: &Value, node: NodeId) -> Option<Self> {
        if value.tag(node) != Some(Tag::Object) {
            return None;
        }
        if let Some(file) = joblib::side_file(value, node) {
            return Self::side_file(value, node, file);
        }
        let made = Made::of(value, node)?;
        match (&*made.module, &*made.qualname) {
            ("numpy.core.multiarray" | "numpy._core.multiarray", "_reconstruct")
            | ("numpy.ma.core", "_mareconstruct") => Self::reconstructed(value, &made),
            ("numpy.core.numeric" | "numpy._core.numeric", "_frombuffer") => {
                Self::from_buffer(value, &made)
            }
            _ => None,
        }
    }

    pub(super) fn new(
        dtype: Dtype,
        shape: Vec<u64>,
        order: Order,
        class: String,
        data: ArrayData,
    ) -> Option<Self> {
        if shape.len() > MAX_AXES {
            return None;
        }
        // With at most one axis longer than 1 both orders are the same.
        let is_also_c = shape.contains(&0) || shape.iter().filter(|n| **n > 1).count() < 2;
        Some(Self {
            dtype,
            shape,
            order: if is_also_c { Order::C } else { order },
            axes: None,
            class,
            data,
            mask: None,
        })
    }

    /// `_reconstruct(cls, (0,), b'b')` with state `(version, shape, dtype, is_fortran, data)`; masked arrays have the
    /// mask's bytes and the fill value behind.
    fn reconstructed(value: &Value, made: &Made<'_>) -> Option<Self> {
        let (module, qualname) = callable_name(value, *made.args.first()?)?;
        Self::of_state(value, made.state, dotted(&module, &qualname))
    }

    /// The array of a class with that state.
    pub(crate) fn of_state(value: &Value, state: NodeId, class: String) -> Option<Self> {
        let state = value.sequence(state)?;
        // numpy before 1.0 left the version out; nothing older than 1.13 is read here.
        let [_, shape, dtype, is_fortran, data, rest @ ..] = state.as_slice() else {
            return None;
        };
        let order = match int_of(value, *is_fortran) {
            Some(0) | None => Order::C,
            Some(_) => Order::F,
        };
        let dtype = Dtype::from_value(value, *dtype).ok()?;
        let mut view = Self::new(
            dtype,
            shape_of(value, *shape)?,
            order,
            class,
            ArrayData::at(value, *data)?,
        )?;
        view.mask = rest.first().and_then(|mask| ArrayData::at(value, *mask));
        Some(view)
    }

    /// `_frombuffer(buffer, dtype, shape, order)` of protocol 5; since numpy 2.5 an order `K` has one more argument:
    /// `shape` is that of the buffer, whose axes are turned into this order (`numpy/_core/numeric.py: _frombuffer`).
    fn from_buffer(value: &Value, made: &Made<'_>) -> Option<Self> {
        let [buffer, dtype, shape, order, rest @ ..] = made.args.as_slice() else {
            return None;
        };
        let turned = rest.first().filter(|node| **node != NodeId::NONE);
        let order = match value.str(*order).as_deref() {
            Some("F") => Order::F,
            _ => Order::C,
        };
        let view = Self::new(
            Dtype::from_value(value, *dtype).ok()?,
            shape_of(value, *shape)?,
            order,
            "numpy.ndarray".to_owned(),
            ArrayData::at(value, *buffer).unwrap_or(ArrayData::Absent),
        )?;
        match turned {
            Some(axes) => view.transposed(&shape_of(value, *axes)?),
            None => Some(view),
        }
    }

    /// The array with its axes in another order (`numpy.transpose`), its elements where they are.
    fn transposed(self, order: &[u64]) -> Option<Self> {
        let order: Vec<usize> = order
            .iter()
            .map(|axis| usize::try_from(*axis).ok())
            .collect::<Option<_>>()?;
        let shape = order.iter().map(|axis| self.shape.get(*axis).copied());
        let shape: Vec<u64> = shape.collect::<Option<_>>()?;
        // Where each axis of the buffer went; one that is named twice leaves another without a place.
        let axes = (0..self.shape.len()).map(|axis| order.iter().position(|to| *to == axis));
        let axes: Vec<usize> = axes.collect::<Option<_>>()?;
        let is_sorted = |mut axes: Vec<usize>| {
            // Axes of one element lie in any order.
            axes.retain(|axis| shape.get(*axis).is_some_and(|len| *len > 1));
            axes.is_sorted()
        };
        let (is_c, is_f) = (
            is_sorted(axes.clone()),
            is_sorted(axes.iter().rev().copied().collect()),
        );
        Some(Self {
            order: if is_f && !is_c { Order::F } else { Order::C },
            axes: (!is_c && !is_f).then_some(axes),
            shape,
            ..self
        })
    }

    /// The header of a side file is not read here: type and shape are filled in when it is opened.
    fn side_file(value: &Value, node: NodeId, file: String) -> Option<Self> {
        let object = value.object(node)?;
        let class = value
            .attribute(object.state, "subclass")
            .and_then(|n| value.name(n))
            .map_or_else(
                || "numpy.ndarray".to_owned(),
                crate::model::value::Name::dotted,
            );
        let dtype = Dtype::from_code("V")?;
        let data = ArrayData::SideFile(file);
        // `ZNDArrayWrapper` keeps the array's state without its data.
        if let Some(state) = value
            .attribute(object.state, "state")
            .and_then(|n| value.sequence(n))
            && let [_, shape, dtype, is_fortran, ..] = state.as_slice()
        {
            let order = match int_of(value, *is_fortran) {
                Some(0) | None => Order::C,
                Some(_) => Order::F,
            };
            return Self::new(
                Dtype::from_value(value, *dtype).ok()?,
                shape_of(value, *shape)?,
                order,
                class,
                data,
            );
        }
        Self::new(dtype, Vec::new(), Order::C, class, data)
    }

    /// Bytes that the data should reach to in their stream and do not.
    pub(crate) fn missing_bytes(&self, stream_len: Option<u64>) -> u64 {
        match (&self.data, stream_len) {
            (ArrayData::Stream { offset, len }, Some(there)) => {
                offset.saturating_add(*len).saturating_sub(there)
            }
            _ => 0,
        }
    }

    /// Number of elements; `None` if that does not fit 64 bits.
    pub fn len(&self) -> Option<u64> {
        if self.shape.contains(&0) {
            return Some(0);
        }
        self.shape
            .iter()
            .try_fold(1_u64, |n, axis| n.checked_mul(*axis))
    }

    /// True if there is no element.
    pub fn is_empty(&self) -> bool {
        self.len() == Some(0)
    }

    /// Bytes of all elements; 0 if that does not fit 64 bits.
    pub(crate) fn len_bytes(&self) -> u64 {
        let n = self.len().unwrap_or(0);
        n.checked_mul(self.dtype.item_size).unwrap_or(0)
    }

    /// True if elements lie in the order of `order`.
    pub(crate) fn lies_in_order(&self) -> bool {
        self.axes.is_none()
    }

    /// Position in memory of the element with this number in index (C) order.
    pub fn position(&self, number: u64) -> Option<u64> {
        if self.order == Order::C && self.lies_in_order() {
            return Some(number);
        }
        let mut rest = number;
        let mut position = 0_u64;
        let strides = self.strides_of(1)?;
        for (axis, stride) in self.shape.iter().zip(strides).rev() {
            position = position.checked_add(stride.checked_mul(rest.checked_rem(*axis)?)?)?;
            rest /= axis;
        }
        Some(position)
    }

    /// `ndarray float64 (1000, 12) C`.
    pub fn label(&self) -> String {
        let class = self.class.rsplit('.').next().unwrap_or_default();
        if let ArrayData::SideFile(file) = &self.data
            && self.shape.is_empty()
        {
            return format!("{class} in {}", crate::model::text::brief(file));
        }
        format!(
            "{class} {} {} {}",
            self.dtype.name(),
            shape_text(&self.shape),
            self.order.letter()
        )
    }
}

/// A shape as Python prints the tuple.
pub(crate) fn shape_text(shape: &[u64]) -> String {
    let axes: Vec<String> = shape.iter().map(u64::to_string).collect();
    let tail = if shape.len() == 1 { "," } else { "" };
    format!("({}{tail})", axes.join(", "))
}

impl ArrayData {
    /// The data at `node`: bytes in any of their forms, or a list of objects.
    pub(crate) fn at(value: &Value, node: NodeId) -> Option<Self> {
        if value.tag(node) == Some(Tag::List) {
            return Some(Self::Objects(node));
        }
        if value.tag(node) == Some(Tag::Buffer) {
            return Some(Self::Absent);
        }
        let is_text = value.object(node).is_some();
        let blob = match value.leaf(node) {
            // Python 2's bytes, read back as text by a later writer.
            Some(Leaf::Str(blob)) => crate::formats::bytes::latin1(&blob),
            _ => bytes_of(value, node)?,
        };
        Some(match blob {
            Blob {
                offset: Some(offset),
                len,
                ref bytes,
            } if (bytes.len() as u64) < len => {
                if is_text {
                    Self::Latin1 { offset, len }
                } else {
                    Self::Stream { offset, len }
                }
            }
            blob => Self::Bytes(blob.bytes.into_owned()),
        })
    }
}
