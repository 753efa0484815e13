//! `.npy` files: a header that is a Python literal, then the array's bytes (numpy `lib/format.py`, versions 1 to 3).

use super::array::{ArrayData, ArrayView};
use super::dtype::{int_of, shape_of};
use super::{Dtype, Field, Order, Scalar};
use crate::formats::{Content, pyliteral};
use crate::model::value::{NodeId, Tag, Value};

/// First bytes of every `.npy` file.
pub(crate) const MAGIC: &[u8] = b"\x93NUMPY";

/// numpy itself refuses headers above 10,000 characters from strangers; structured types may need more.
const MAX_HEADER: usize = 1 << 20;

/// Structured types inside structured types.
const MAX_DEPTH: usize = 16;

/// An array as a `.npy` file holds it.
///
/// # Errors
/// What about the header is not as it should be.
pub(crate) fn open(content: &Content) -> Result<ArrayView, String> {
    let head = content.head(12);
    let rest = head
        .strip_prefix(MAGIC)
        .ok_or("expected a .npy file, found other first bytes")?;
    let (header_len, start) = match *rest {
        [1, _, low, high, ..] => (usize::from(u16::from_le_bytes([low, high])), 10),
        [2 | 3, _, a, b, c, d] => (
            usize::try_from(u32::from_le_bytes([a, b, c, d])).unwrap_or(usize::MAX),
            12,
        ),
        _ => return Err("expected a .npy header of version 1 to 3, found another".to_owned()),
    };
    if header_len > MAX_HEADER {
        return Err(format!(
            "expected a .npy header, found one of {header_len} bytes"
        ));
    }
    let bytes = content.head(start + header_len);
    let text = bytes
        .get(start..)
        .filter(|text| text.len() == header_len)
        .and_then(|text| std::str::from_utf8(text).ok())
        .ok_or("expected the whole .npy header, found the end of the file")?;
    let offset = (start + header_len) as u64;
    header(text.trim(), offset)
        .ok_or_else(|| "expected descr, fortran_order and shape in the .npy header".to_owned())
}

fn header(text: &str, offset: u64) -> Option<ArrayView> {
    let value = pyliteral::parse(text)?;
    let attribute = |name| value.attribute(value.root(), name);
    let dtype = from_descr(&value, attribute("descr")?, MAX_DEPTH)?;
    let shape = shape_of(&value, attribute("shape")?)?;
    let order = if attribute("fortran_order")? == NodeId::TRUE {
        Order::F
    } else {
        Order::C
    };
    let len = crate::formats::joblib::len_bytes(&shape, dtype.item_size).ok()?;
    let data = if dtype.has_objects() {
        // The array follows as a pickle, whose elements are not looked into.
        ArrayData::Absent
    } else {
        ArrayData::Stream { offset, len }
    };
    ArrayView::new(dtype, shape, order, "numpy.ndarray".to_owned(), data)
}

/// The header of a `.npy` file for an array (version 1, or 2 where it is long); `None` for types with objects.
pub(crate) fn header_of(view: &ArrayView) -> Option<Vec<u8>> {
    /// numpy aligns the data to this (`ARRAY_ALIGN`).
    const ALIGN: usize = 64;
    let order = match view.order {
        Order::F => "True",
        Order::C => "False",
    };
    let text = format!(
        "{{'descr': {}, 'fortran_order': {order}, 'shape': {}, }}",
        descr(&view.dtype)?,
        super::array::shape_text(&view.shape)
    );
    let is_long = text.len() + ALIGN > usize::from(u16::MAX);
    let head = if is_long { 12 } else { 10 };
    let padding = (ALIGN - (head + text.len() + 1) % ALIGN) % ALIGN;
    let len = text.len() + padding + 1;
    let mut header = MAGIC.to_vec();
    if is_long {
        header.extend([2, 0]);
        header.extend(u32::try_from(len).ok()?.to_le_bytes());
    } else {
        header.extend([1, 0]);
        header.extend(u16::try_from(len).ok()?.to_le_bytes());
    }
    header.extend(text.as_bytes());
    header.extend(std::iter::repeat_n(b' ', padding));
    header.push(b'\n');
    Some(header)
}

/// A type as `numpy.lib.format.dtype_to_descr` writes it; gaps between fields are unnamed fields.
fn descr(dtype: &Dtype) -> Option<String> {
    if dtype.has_objects() {
        return None;
    }
    if let Some((base, shape)) = &dtype.sub_array {
        return Some(format!(
            "({}, {})",
            descr(base)?,
            super::array::shape_text(shape)
        ));
    }
    if dtype.fields.is_empty() {
        return Some(format!("'{}'", dtype.str()));
    }
    let mut parts = Vec::new();
    let mut end = 0_u64;
    let mut fields: Vec<&Field> = dtype.fields.iter().collect();
    fields.sort_by_key(|field| field.offset);
    for field in fields {
        // Fields that lie over one another have no such form.
        let gap = field.offset.checked_sub(end)?;
        if gap > 0 {
            parts.push(format!("('', '|V{gap}')"));
        }
        let name = crate::formats::repr::str_repr(&field.name);
        parts.push(match &field.dtype.sub_array {
            Some((base, shape)) => format!(
                "({name}, {}, {})",
                descr(base)?,
                super::array::shape_text(shape)
            ),
            None => format!("({name}, {})", descr(&field.dtype)?),
        });
        end = field.offset.checked_add(field.dtype.item_size)?;
    }
    let gap = dtype.item_size.checked_sub(end)?;
    if gap > 0 {
        parts.push(format!("('', '|V{gap}')"));
    }
    Some(format!("[{}]", parts.join(", ")))
}

/// A code, a list of fields `(name, type[, shape])`, or a pair of type and shape.
fn from_descr(value: &Value, node: NodeId, depth: usize) -> Option<Dtype> {
    let depth = depth.checked_sub(1)?;
    if let Some(code) = value.str(node) {
        return Dtype::from_code(&code);
    }
    match value.tag(node)? {
        Tag::List => {
            let mut fields = Vec::new();
            let mut offset = 0_u64;
            for field in value.items(node) {
                let name = value.item(field, 0)?;
                // A title stands before the name: `(title, name)`.
                let name = value
                    .str(name)
                    .or_else(|| value.str(value.item(name, 1)?))?;
                let mut dtype = from_descr(value, value.item(field, 1)?, depth)?;
                if let Some(shape) = value.item(field, 2) {
                    dtype = sub_array(dtype, shape_of(value, shape)?)?;
                }
                let size = dtype.item_size;
                // Unnamed fields are filling.
                if !name.is_empty() {
                    fields.push(Field {
                        name: name.into_owned(),
                        dtype,
                        offset,
                    });
                }
                offset = offset.checked_add(size)?;
            }
            let mut record = Dtype::from_code("V")?;
            record.item_size = offset;
            record.fields = fields;
            Some(record)
        }
        Tag::Tuple => {
            let base = from_descr(value, value.item(node, 0)?, depth)?;
            let shape = value.item(node, 1)?;
            int_of(value, shape)
                .map_or_else(
                    || shape_of(value, shape),
                    |n| Some(vec![u64::try_from(n).ok()?]),
                )
                .and_then(|shape| sub_array(base, shape))
        }
        _ => None,
    }
}

fn sub_array(base: Dtype, shape: Vec<u64>) -> Option<Dtype> {
    let item_size = crate::formats::joblib::len_bytes(&shape, base.item_size).ok()?;
    Some(Dtype {
        scalar: Scalar::Void,
        item_size,
        is_big_endian: false,
        fields: Vec::new(),
        sub_array: Some((Box::new(base), shape)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::Element;
    use crate::formats::numpy::Look;

    fn npy(header: &str, data: &[u8]) -> Content {
        let mut bytes = MAGIC.to_vec();
        bytes.extend([1, 0]);
        bytes.extend(u16::try_from(header.len()).unwrap().to_le_bytes());
        bytes.extend(header.as_bytes());
        bytes.extend(data);
        Content::of_bytes(bytes)
    }

    #[test]
    fn headers_as_numpy_writes_them_are_read() {
        let content = npy(
            "{'descr': [('a', '<i2'), ('b', '<f4', (2,))], 'fortran_order': False, 'shape': (2,), }   \n",
            &[
                1, 0, 0, 0, 0x80, 0x3f, 0, 0, 0, 0x40, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0,
            ],
        );
        let array = open(&content).unwrap();
        assert_eq!(
            (array.dtype.str().as_str(), array.shape.as_slice()),
            ("|V10", &[2][..])
        );
        let none = Value::none();
        let floats = |a, b| Element::List(vec![Element::Float(a), Element::Float(b)]);
        assert_eq!(
            array
                .elements(&none, &content, 0..5, &Look::GLANCE)
                .unwrap(),
            [
                Element::List(vec![Element::Int(1), floats(1.0, 2.0)]),
                Element::List(vec![Element::Int(2), floats(0.0, 0.0)]),
            ]
        );
    }

    #[test]
    fn fortran_order_is_walked_in_index_order() {
        let content = npy(
            "{'descr': '|u1', 'fortran_order': True, 'shape': (2, 3), }",
            &[0, 10, 1, 11, 2, 12],
        );
        let array = open(&content).unwrap();
        let ints: Vec<Element> = [0, 1, 2, 10, 11].map(Element::Int).into();
        assert_eq!(
            array
                .elements(&Value::none(), &content, 0..5, &Look::GLANCE)
                .unwrap(),
            ints
        );
        assert_eq!(array.order, Order::F);
    }

    #[test]
    fn lying_headers_are_refused() {
        for header in [
            "{'descr': '<f8', 'fortran_order': False, 'shape': (4294967296, 4294967296, 4294967296), }",
            "{'descr': '<f8', 'fortran_order': False}",
            "__import__('os')",
            "{'descr': [('a', [('b', '<f9')])], 'fortran_order': False, 'shape': ()}",
        ] {
            assert!(open(&npy(header, &[])).is_err(), "{header}");
        }
    }
}
