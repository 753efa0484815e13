//! numpy's scalars, data types and arrays as numpy 2 prints them.

use super::Piece;
use super::number::{Width, complex_scalar_repr, record_complex, scalar_repr};
use super::types::{is_record, scalar_class};
use crate::formats::Element;
use crate::formats::bytes::bytes_of;
use crate::formats::joblib;
use crate::formats::made::Made;
use crate::formats::numpy::{
    ArrayView, Dtype, Field, NOT_A_TIME, Scalar, datetime_text, shape_text, trimmed,
};
use crate::model::value::{NodeId, Value};

/// numpy's own objects; `None` for all others.
pub(super) fn scalar_pieces(value: &Value, made: &Made<'_>) -> Option<Vec<Piece>> {
    match (&*made.module, &*made.qualname) {
        ("numpy.core.multiarray" | "numpy._core.multiarray", "scalar") => scalar(value, made),
        ("numpy.core" | "numpy._core", "_ufunc_reconstruct") => {
            let name = value.str(*made.args.get(1)?)?;
            Some(vec![Piece::Text(format!("<ufunc '{name}'>"))])
        }
        _ => None,
    }
}

/// An array whose data lie in the stream: class, type and shape.
pub(super) fn block_pieces(value: &Value, node: NodeId) -> Vec<Piece> {
    let block = value.block(node).copied();
    if let Some(block) = block
        && !block.nested.is_missing()
    {
        return vec![Piece::Node(block.nested)];
    }
    let text = match ArrayView::of(value, node) {
        Some(array) => format!("<{}>", array.label()),
        None => match block.map(|block| joblib::wrapper_of(value, &block.wrapper)) {
            Some(Err(why)) => format!("<array: {why}>"),
            _ => "<array>".to_owned(),
        },
    };
    vec![Piece::StandIn(text)]
}

/// `scalar(dtype, bytes)`, or `scalar(dtype, object)` for objects.
fn scalar(value: &Value, made: &Made<'_>) -> Option<Vec<Piece>> {
    let dtype = Dtype::from_value(value, *made.args.first()?).ok()?;
    let data = *made.args.get(1)?;
    let Some(class) = scalar_class(value, *made.args.first()?, &dtype) else {
        return Some(vec![Piece::Node(data)]);
    };
    let blob = bytes_of(value, data)?;
    let bytes = blob.bytes.as_ref();
    let open = Piece::Text(format!("np.{class}("));
    let close = Piece::Text(")".to_owned());
    let text = match &dtype.scalar {
        Scalar::Bool => {
            let word = if bytes.iter().any(|b| *b != 0) {
                "True_"
            } else {
                "False_"
            };
            return Some(vec![Piece::Text(format!("np.{word}"))]);
        }
        Scalar::Str => return Some(vec![open, Piece::Str(dtype.utf32(bytes)), close]),
        Scalar::Bytes => {
            let bytes = Piece::Bytes(trimmed(bytes).to_vec());
            return Some(vec![open, bytes, close]);
        }
        Scalar::Int => dtype.int(bytes)?.to_string(),
        Scalar::UInt => dtype.uint(bytes)?.to_string(),
        Scalar::Float => float_text(&dtype, bytes)?,
        Scalar::Complex => {
            let text = match width(dtype.item_size / 2) {
                Some(width) => {
                    let (re, im) = dtype.complex(bytes)?;
                    complex_scalar_repr(re, im, &width)
                }
                None => dtype.long_complex_text(bytes)?,
            };
            // The call's own parentheses are enough for numpy.
            let inner = text.strip_prefix('(').and_then(|t| t.strip_suffix(')'));
            let inner = inner.unwrap_or(&text);
            if dtype.is_long() {
                format!("'{inner}'")
            } else {
                inner.to_owned()
            }
        }
        Scalar::DateTime(unit) => match dtype.int(bytes)? {
            NOT_A_TIME => format!("'NaT','{}'", if unit.is_empty() { "generic" } else { unit }),
            // A moment's own form tells its unit, but for hours and for units taken several at a time
            // (`scalartypes.c.src: datetimetype_repr`).
            count => {
                let shown = datetime_text(count, unit)?;
                let is_told = unit != "h" && !unit.starts_with(|c: char| c.is_ascii_digit());
                if is_told {
                    format!("'{shown}'")
                } else {
                    format!("'{shown}','{unit}'")
                }
            }
        },
        Scalar::TimeDelta(unit) => match (dtype.int(bytes)?, unit.as_str()) {
            (NOT_A_TIME, "") => "'NaT'".to_owned(),
            (NOT_A_TIME, unit) => format!("'NaT','{unit}'"),
            (count, "") => count.to_string(),
            (count, unit) => format!("{count},'{unit}'"),
        },
        Scalar::Void if dtype.fields.is_empty() => {
            let hex: Vec<String> = bytes.iter().map(|b| format!("\\x{b:02X}")).collect();
            format!("b'{}'", hex.concat())
        }
        Scalar::Void => format!(
            "{}, dtype={}",
            record_text(&dtype, bytes),
            record_type(&dtype)
        ),
        Scalar::Object | Scalar::VariableStr(_) => return None,
    };
    Some(vec![open, Piece::Text(text), close])
}

/// The shortest digits for the width of the float.
fn float_text(dtype: &Dtype, bytes: &[u8]) -> Option<String> {
    Some(match width(dtype.item_size) {
        Some(width) => scalar_repr(dtype.float(bytes)?, &width),
        None => format!("'{}'", dtype.long_double(bytes)?),
    })
}

fn width(float_bytes: u64) -> Option<Width> {
    Some(match float_bytes {
        2 => Width::HALF,
        4 => Width::SINGLE,
        8 => Width::DOUBLE,
        _ => return None,
    })
}

/// `dtype('float64')`, as `repr` prints it (`numpy/_core/_dtype.py: __repr__`).
pub(super) fn dtype_repr(value: &Value, node: NodeId) -> Option<String> {
    let dtype = Dtype::from_value(value, node).ok()?;
    let inner = match &dtype.scalar {
        _ if let Some((base, shape)) = &dtype.sub_array => {
            format!("({}, {})", code(base), shape_text(shape))
        }
        _ if is_record(value, node) => format!("(numpy.record, {})", record_type(&dtype)),
        _ if !dtype.fields.is_empty() => record_type(&dtype),
        Scalar::VariableStr(_) => return Some(dtype.str()),
        Scalar::Bool | Scalar::Int | Scalar::UInt | Scalar::Float | Scalar::Complex
            if !dtype.str().starts_with('>') =>
        {
            format!("'{}'", dtype.name())
        }
        _ => format!("'{}'", dtype.str().trim_start_matches('|')),
    };
    Some(format!("dtype({inner})"))
}

/// A record as numpy prints it inside `np.void(…)`. Types nest no deeper than [`Dtype::from_value`] lets them.
fn record_text(dtype: &Dtype, bytes: &[u8]) -> String {
    if dtype.sub_array.is_some() {
        return listed(&dtype.element(bytes));
    }
    if !dtype.fields.is_empty() {
        let parts: Vec<String> = dtype
            .fields
            .iter()
            .map(|field| {
                let at = usize::try_from(field.offset).unwrap_or(usize::MAX);
                record_text(&field.dtype, bytes.get(at..).unwrap_or_default())
            })
            .collect();
        let tail = if parts.len() == 1 { "," } else { "" };
        return format!("({}{tail})", parts.join(", "));
    }
    let size = usize::try_from(dtype.item_size).unwrap_or(usize::MAX);
    let Some(bytes) = bytes.get(..size) else {
        return "…".to_owned();
    };
    match &dtype.scalar {
        Scalar::Bytes => super::bytes_repr(trimmed(bytes)),
        Scalar::Str => super::str_repr(&dtype.utf32(bytes)),
        Scalar::Void => super::bytes_repr(bytes),
        Scalar::Float if !dtype.is_long() => {
            let float = dtype.float(bytes).unwrap_or(f64::NAN);
            let width = width(dtype.item_size).unwrap_or(Width::DOUBLE);
            scalar_repr(float, &width)
        }
        Scalar::Complex if !dtype.is_long() => {
            let (re, im) = dtype.complex(bytes).unwrap_or((f64::NAN, f64::NAN));
            let width = width(dtype.item_size / 2).unwrap_or(Width::DOUBLE);
            record_complex(re, im, &width)
        }
        Scalar::DateTime(unit) => match dtype.int(bytes) {
            Some(count) if count != NOT_A_TIME => {
                format!("'{}'", datetime_text(count, unit).unwrap_or_default())
            }
            _ => "'NaT'".to_owned(),
        },
        Scalar::TimeDelta(_) => match dtype.int(bytes) {
            Some(count) if count != NOT_A_TIME => count.to_string(),
            _ => "'NaT'".to_owned(),
        },
        _ => listed(&dtype.element(bytes)),
    }
}

/// Plain data with lists in brackets.
fn listed(element: &Element) -> String {
    match element {
        Element::List(list) => {
            let inner: Vec<String> = list.iter().map(listed).collect();
            format!("[{}]", inner.join(", "))
        }
        other => other.text(),
    }
}

/// A type inside another one, in quotes; a structured one as its fields.
fn code(dtype: &Dtype) -> String {
    if !dtype.fields.is_empty() {
        return record_type(dtype);
    }
    let code = match dtype.scalar {
        Scalar::Bool => "?".to_owned(),
        _ => dtype.str(),
    };
    format!("'{}'", code.trim_start_matches('|'))
}

/// A structured type as numpy prints it: a list of fields, or a dict where there are gaps between them.
fn record_type(dtype: &Dtype) -> String {
    let mut end = 0;
    let mut is_packed = true;
    let mut fields = Vec::new();
    for field in &dtype.fields {
        is_packed &= field.offset == end;
        end = field.offset.saturating_add(field.dtype.item_size);
        let name = super::str_repr(&field.name);
        fields.push(match &field.dtype.sub_array {
            Some((base, shape)) => format!("({name}, {}, {})", code(base), shape_text(shape)),
            None => format!("({name}, {})", code(&field.dtype)),
        });
    }
    if is_packed && end == dtype.item_size {
        return format!("[{}]", fields.join(", "));
    }
    let list = |part: &dyn Fn(&Field) -> String| {
        let parts: Vec<String> = dtype.fields.iter().map(part).collect();
        parts.join(", ")
    };
    format!(
        "{{'names': [{}], 'formats': [{}], 'offsets': [{}], 'itemsize': {}}}",
        list(&|field| super::str_repr(&field.name)),
        list(&|field| code(&field.dtype)),
        list(&|field| field.offset.to_string()),
        dtype.item_size
    )
}

/// Items of an `array.array` from its machine format (`Modules/arraymodule.c: machine_format_code`).
pub(super) fn machine_items(format: i64, bytes: &[u8]) -> Option<Vec<Piece>> {
    const CODES: [&str; 18] = [
        "u1", "i1", "<u2", ">u2", "<i2", ">i2", "<u4", ">u4", "<i4", ">i4", "<u8", ">u8", "<i8",
        ">i8", "<f4", ">f4", "<f8", ">f8",
    ];
    if bytes.is_empty() {
        return Some(Vec::new());
    }
    if let Some(code) = usize::try_from(format).ok().and_then(|at| CODES.get(at)) {
        let dtype = Dtype::from_code(code)?;
        let size = usize::try_from(dtype.item_size).ok()?;
        let items: Vec<String> = bytes
            .chunks_exact(size)
            .map(|item| dtype.element(item).text())
            .collect();
        return Some(vec![Piece::Text(format!("[{}]", items.join(", ")))]);
    }
    let text = match format {
        18 | 19 => {
            let unit = |pair: &[u8; 2]| {
                if format == 18 {
                    u16::from_le_bytes(*pair)
                } else {
                    u16::from_be_bytes(*pair)
                }
            };
            let units: Vec<u16> = bytes.as_chunks().0.iter().map(unit).collect();
            String::from_utf16_lossy(&units)
        }
        20 | 21 => {
            let dtype = Dtype::from_code(if format == 20 { "<U1" } else { ">U1" })?;
            dtype.utf32(bytes)
        }
        _ => return None,
    };
    Some(vec![Piece::Str(text)])
}
