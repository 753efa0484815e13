//! joblib's additions to pickle: wrappers whose arrays stand in the stream or in files beside it.
//!
//! Rules from joblib 0.7 to 1.6, `numpy_pickle.py` and `numpy_pickle_compat.py`.

use super::numpy::{Dtype, Order, shape_of, shape_text};
use crate::model::text::brief;
use crate::model::value::{NodeId, Object, Value};

/// What a `NumpyArrayWrapper` says of the array that follows it in the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wrapper {
    pub(crate) dtype: Dtype,
    pub(crate) shape: Vec<u64>,
    pub(crate) order: Order,
    /// `numpy.ndarray`, or `matrix` or `memmap` as it was.
    pub(crate) subclass: String,
    /// joblib 1.2 and later put a padding before the data so that they can be mapped.
    pub(crate) is_padded: bool,
}

impl Wrapper {
    /// Bytes of the data.
    pub(crate) fn len_bytes(&self) -> Result<u64, String> {
        len_bytes(&self.shape, self.dtype.item_size)
    }
}

/// Product of a shape and an element size that a stranger wrote.
pub(crate) fn len_bytes(shape: &[u64], item_size: u64) -> Result<u64, String> {
    if shape.contains(&0) {
        return Ok(0);
    }
    shape
        .iter()
        .try_fold(item_size, |n, axis| n.checked_mul(*axis))
        .ok_or_else(|| {
            let shape = brief(&shape_text(shape));
            format!("expected an array that fits its file, found shape {shape}")
        })
}

/// Reads the wrapper at `node`, an object with its state.
pub(crate) fn wrapper(value: &Value, node: NodeId) -> Result<Wrapper, String> {
    let object = value
        .object(node)
        .ok_or("expected joblib's array wrapper, found something else")?;
    wrapper_of(value, object)
}

/// Reads a wrapper that its array has taken the place of.
pub(crate) fn wrapper_of(value: &Value, object: &Object) -> Result<Wrapper, String> {
    let attribute = |name: &str| {
        value
            .attribute(object.state, name)
            .ok_or_else(|| format!("expected {name:?} in joblib's array wrapper, found none"))
    };
    let dtype = Dtype::from_value(value, attribute("dtype")?)?;
    let shape = shape_of(value, attribute("shape")?)
        .ok_or("expected the shape of an array, found something else")?;
    let is_fortran = attribute("order").is_ok_and(|n| value.str(n).is_some_and(|s| s == "F"));
    let alignment = value.attribute(object.state, "numpy_array_alignment_bytes");
    Ok(Wrapper {
        is_padded: alignment.is_some_and(|n| n != NodeId::NONE),
        subclass: attribute("subclass")
            .ok()
            .and_then(|n| value.name(n))
            .map_or_else(
                || "numpy.ndarray".to_owned(),
                crate::model::value::Name::dotted,
            ),
        order: if is_fortran { Order::F } else { Order::C },
        dtype,
        shape,
    })
}

/// The bare file name in an `NDArrayWrapper` (joblib before 0.10); `None` if the object is none.
pub(crate) fn side_file(value: &Value, node: NodeId) -> Option<String> {
    let object = value.object(node)?;
    let name = value.name(object.callee)?;
    let is_wrapper = matches!(&*name.qualname, "NDArrayWrapper" | "ZNDArrayWrapper")
        && name.module.starts_with("joblib.numpy_pickle");
    if !is_wrapper {
        return None;
    }
    let file = value.attribute(object.state, "filename")?;
    Some(value.str(file)?.into_owned())
}
