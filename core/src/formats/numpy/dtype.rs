//! numpy's data types, from pickles and from `.npy` headers (checked against numpy 1.13 to 2.5).

use crate::formats::bytes::bytes_of;
use crate::model::text::quoted;
use crate::model::value::{Name, NodeId, Slot, Tag, Value};

/// Structured types inside structured types: deeper than anybody nests, shallow enough for the call stack.
const MAX_DEPTH: usize = 16;

/// Fields of one structured type.
const MAX_FIELDS: usize = 10_000;

/// Type of an array's elements.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dtype {
    /// What an element is.
    pub scalar: Scalar,
    /// Bytes of one element.
    pub item_size: u64,
    /// True if numbers are stored most significant byte first.
    pub is_big_endian: bool,
    /// Fields of a structured type, in its order; empty for others.
    pub fields: Vec<Field>,
    /// Element type and shape where each element is an array itself.
    pub sub_array: Option<(Box<Dtype>, Vec<u64>)>,
}

/// Kinds of elements, as numpy's one-letter codes tell them apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scalar {
    /// `b`
    Bool,
    /// `i`
    Int,
    /// `u`
    UInt,
    /// `f`
    Float,
    /// `c`
    Complex,
    /// `O`: any Python object.
    Object,
    /// `S`: bytes of fixed length.
    Bytes,
    /// `U`: text of fixed length, four bytes a character.
    Str,
    /// `V`: raw bytes, or a structured type.
    Void,
    /// `M`: with its unit, such as `ns` or `25s`; empty for the generic unit.
    DateTime(String),
    /// `m`: likewise.
    TimeDelta(String),
    /// `T`: numpy 2's text of variable length, with what it was given: `na_object=nan, coerce=False`; empty for nothing.
    VariableStr(String),
}

/// One field of a structured type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// Its type.
    pub dtype: Dtype,
    /// Where it stands in the element, in bytes.
    pub offset: u64,
}

impl Dtype {
    /// The type of a code such as `f8`, `<i4`, `|S3` or `<M8[ns]`.
    ///
    /// ```
    /// use cachescope_core::formats::numpy::Dtype;
    ///
    /// let dtype = Dtype::from_code(">M8[ms]").unwrap();
    /// assert_eq!((dtype.str(), dtype.name()), (">M8[ms]".into(), "datetime64[ms]".into()));
    /// assert_eq!(Dtype::from_code("<f7"), None);
    /// ```
    pub fn from_code(code: &str) -> Option<Self> {
        let (is_big_endian, code) = match code.split_at_checked(1)? {
            (">", rest) => (true, rest),
            ("<" | "|" | "=", rest) => (false, rest),
            _ => (false, code),
        };
        let (letter, rest) = code.split_at_checked(1)?;
        let (digits, unit) = match rest.split_once('[') {
            Some((digits, unit)) => (digits, unit.strip_suffix(']')?),
            None => (rest, ""),
        };
        let size: Option<u64> = if digits.is_empty() {
            None
        } else {
            Some(digits.parse().ok()?)
        };
        let sized = |sizes: &[u64]| size.filter(|n| sizes.contains(n));
        let (scalar, item_size) = match letter {
            "?" => (Scalar::Bool, 1),
            "b" if size.is_none() => (Scalar::Int, 1),
            "b" => (Scalar::Bool, sized(&[1])?),
            "i" => (Scalar::Int, sized(&[1, 2, 4, 8])?),
            "u" => (Scalar::UInt, sized(&[1, 2, 4, 8])?),
            "f" => (Scalar::Float, sized(&[2, 4, 8, 12, 16])?),
            "c" => (Scalar::Complex, sized(&[8, 16, 24, 32])?),
            "O" => (Scalar::Object, size.unwrap_or(8)),
            "S" | "a" => (Scalar::Bytes, size.unwrap_or(0)),
            "U" => (Scalar::Str, size.unwrap_or(0).checked_mul(4)?),
            "V" => (Scalar::Void, size.unwrap_or(0)),
            "M" => (Scalar::DateTime(unit.to_owned()), sized(&[8])?),
            "m" => (Scalar::TimeDelta(unit.to_owned()), sized(&[8])?),
            "T" => (Scalar::VariableStr(String::new()), size.unwrap_or(16)),
            _ => return None,
        };
        Some(Self {
            scalar,
            item_size,
            is_big_endian,
            fields: Vec::new(),
            sub_array: None,
        })
    }

    /// Eight bytes of a signed integer.
    pub(crate) const fn int64() -> Self {
        Self {
            scalar: Scalar::Int,
            item_size: 8,
            is_big_endian: false,
            fields: Vec::new(),
            sub_array: None,
        }
    }

    /// The type at `node` of a pickle: `numpy.dtype(code, …)` with its state.
    ///
    /// # Errors
    /// What about it could not be understood.
    pub fn from_value(value: &Value, node: NodeId) -> Result<Self, String> {
        Self::read(value, node, MAX_DEPTH)
    }

    fn read(value: &Value, node: NodeId, depth: usize) -> Result<Self, String> {
        let depth = depth
            .checked_sub(1)
            .ok_or("expected a data type, found types nested too deeply")?;
        let unknown = || "expected a numpy data type, found something else".to_owned();
        let object = value.object(node).ok_or_else(unknown)?;
        let callee = value.name(object.callee).ok_or_else(unknown)?;
        if is_text_type(callee) {
            return Ok(Self {
                scalar: Scalar::VariableStr(text_options(value, object.args)),
                ..Self::from_code("T").ok_or_else(unknown)?
            });
        }
        if !callee.is("numpy", "dtype") {
            return Err(unknown());
        }
        let code = value.item(object.args, 0).ok_or_else(unknown)?;
        let state: Vec<NodeId> = value.sequence(object.state).unwrap_or_default();
        let state_int = |at: usize| state.get(at).and_then(|n| int_of(value, *n));
        let mut dtype = match value.str(code) {
            Some(code) => Self::from_code(&code).ok_or_else(|| {
                format!("expected a numpy data type, found code {}", quoted(&code))
            })?,
            // Record arrays name the class `numpy.record` instead of a code.
            None if value.tag(code) == Some(Tag::Global) => {
                Self::from_code("V").ok_or_else(unknown)?
            }
            None => return Err(unknown()),
        };
        let order = state.get(1).and_then(|n| value.str(*n));
        dtype.is_big_endian = order.is_some_and(|order| order == ">");
        if let Some(size) = state_int(5).and_then(|n| u64::try_from(n).ok())
            && matches!(dtype.scalar, Scalar::Void | Scalar::Bytes | Scalar::Str)
        {
            dtype.item_size = size;
        }
        if let Scalar::DateTime(unit) | Scalar::TimeDelta(unit) = &mut dtype.scalar
            && let Some(meta) = state.get(8)
        {
            *unit = time_unit(value, *meta).unwrap_or_default();
        }
        if let Some(parts) = state.get(2).and_then(|n| value.sequence(*n)) {
            let [base, shape] = parts.as_slice() else {
                return Err(unknown());
            };
            let base = Self::read(value, *base, depth)?;
            let shape = shape_of(value, *shape).ok_or_else(unknown)?;
            dtype.sub_array = Some((Box::new(base), shape));
        }
        if let (Some(names), Some(fields)) = (state.get(3), state.get(4)) {
            dtype.fields = Self::read_fields(value, *names, *fields, depth)?;
        }
        Ok(dtype)
    }

    fn read_fields(
        value: &Value,
        names: NodeId,
        fields: NodeId,
        depth: usize,
    ) -> Result<Vec<Field>, String> {
        let Some(names) = value.sequence(names) else {
            return Ok(Vec::new());
        };
        if names.len() > MAX_FIELDS {
            return Err(format!(
                "expected at most {MAX_FIELDS} fields, found {}",
                names.len()
            ));
        }
        let by_name: std::collections::HashMap<String, NodeId> = value
            .pairs(fields)
            .filter_map(|(key, field)| Some((value.str(key)?.into_owned(), field)))
            .collect();
        let mut out = Vec::with_capacity(names.len());
        for name in names {
            let name = value.str(name).unwrap_or_default().into_owned();
            let field = by_name.get(&name).and_then(|n| value.sequence(*n));
            let (Some(dtype), Some(offset)) = (
                field.as_ref().and_then(|f| f.first()),
                field.as_ref().and_then(|f| int_of(value, *f.get(1)?)),
            ) else {
                let name = quoted(&name);
                return Err(format!("expected the type of field {name}, found none"));
            };
            out.push(Field {
                dtype: Self::read(value, *dtype, depth)?,
                offset: u64::try_from(offset).map_err(|error| {
                    format!(
                        "expected field {} inside its record: {error}",
                        quoted(&name)
                    )
                })?,
                name,
            });
        }
        Ok(out)
    }

    /// True if elements are Python objects, which lie elsewhere than in the array's bytes.
    pub fn has_objects(&self) -> bool {
        matches!(self.scalar, Scalar::Object | Scalar::VariableStr(_))
            || self.fields.iter().any(|field| field.dtype.has_objects())
            || self
                .sub_array
                .as_ref()
                .is_some_and(|(base, _)| base.has_objects())
    }

    /// numpy's `dtype.str`: `<f8`, `|S3`, `|V15`, `<M8[ns]`.
    pub fn str(&self) -> String {
        let has_order = match self.scalar {
            Scalar::Bool
            | Scalar::Object
            | Scalar::Bytes
            | Scalar::Void
            | Scalar::VariableStr(_) => false,
            Scalar::Int | Scalar::UInt => self.item_size > 1,
            _ => true,
        };
        let order = match (has_order, self.is_big_endian) {
            (false, _) => '|',
            (true, true) => '>',
            (true, false) => '<',
        };
        let size = self.item_size;
        match &self.scalar {
            Scalar::Bool => format!("{order}b1"),
            Scalar::Int => format!("{order}i{size}"),
            Scalar::UInt => format!("{order}u{size}"),
            Scalar::Float => format!("{order}f{size}"),
            Scalar::Complex => format!("{order}c{size}"),
            Scalar::Object => format!("{order}O"),
            Scalar::Bytes => format!("{order}S{size}"),
            Scalar::Str => format!("{order}U{}", size / 4),
            Scalar::Void => format!("{order}V{size}"),
            Scalar::DateTime(unit) => format!("{order}M8{}", bracketed(unit)),
            Scalar::TimeDelta(unit) => format!("{order}m8{}", bracketed(unit)),
            Scalar::VariableStr(options) => format!("StringDType({options})"),
        }
    }

    /// numpy's `dtype.name`: `float64`, `datetime64[ns]`, `str160`, `void120`.
    pub fn name(&self) -> String {
        let bits = self.item_size.saturating_mul(8);
        match &self.scalar {
            Scalar::Bool => "bool".to_owned(),
            Scalar::Int => format!("int{bits}"),
            Scalar::UInt => format!("uint{bits}"),
            Scalar::Float => format!("float{bits}"),
            Scalar::Complex => format!("complex{bits}"),
            Scalar::Object => "object".to_owned(),
            Scalar::Bytes => format!("bytes{bits}"),
            Scalar::Str => format!("str{bits}"),
            Scalar::Void => format!("void{bits}"),
            Scalar::DateTime(unit) => format!("datetime64{}", bracketed(unit)),
            Scalar::TimeDelta(unit) => format!("timedelta64{}", bracketed(unit)),
            Scalar::VariableStr(_) => "StringDType128".to_owned(),
        }
    }
}

/// True for what makes numpy 2's text type (`numpy/_core/_internal.py`).
pub(crate) fn is_text_type(callee: &Name) -> bool {
    callee.is("numpy.dtypes", "StringDType")
        || callee.is("numpy._core._internal", "_convert_to_stringdtype_kwargs")
}

/// Characters of what stands for missing text in the name of its type.
const MISSING_CHARS: usize = 100;

/// The options of `_convert_to_stringdtype_kwargs(coerce[, na_object])` as numpy prints them
/// (`stringdtype/dtype.c: stringdtype_repr` of numpy 2.0).
fn text_options(value: &Value, args: NodeId) -> String {
    let missing = value.item(args, 1).map(|missing| {
        let shown = value.repr(missing, MISSING_CHARS).text;
        format!("na_object={shown}")
    });
    let is_strict = value
        .item(args, 0)
        .is_some_and(|coerce| value.int(coerce) == Some(0) || coerce == NodeId::FALSE);
    let strict = is_strict.then(|| "coerce=False".to_owned());
    let options: Vec<String> = missing.into_iter().chain(strict).collect();
    options.join(", ")
}

fn bracketed(unit: &str) -> String {
    if unit.is_empty() {
        String::new()
    } else {
        format!("[{unit}]")
    }
}

/// The unit in a datetime type's metadata: `(metadata, (unit, count, 1, 1))`, with unit `generic` for none.
fn time_unit(value: &Value, meta: NodeId) -> Option<String> {
    let unit = value.sequence(value.item(meta, 1)?)?;
    let name = bytes_of(value, *unit.first()?)?;
    let name = String::from_utf8_lossy(&name.bytes).into_owned();
    let count = unit.get(1).and_then(|n| int_of(value, *n)).unwrap_or(1);
    Some(match (name.as_str(), count) {
        ("generic", _) => String::new(),
        (_, 1) => name,
        _ => format!("{count}{name}"),
    })
}

/// A shape: a tuple of lengths, or a bare length.
pub(crate) fn shape_of(value: &Value, node: NodeId) -> Option<Vec<u64>> {
    match value.sequence(node) {
        Some(items) => items
            .into_iter()
            .map(|n| int_of(value, n).and_then(|n| u64::try_from(n).ok()))
            .collect(),
        None => Some(vec![u64::try_from(int_of(value, node)?).ok()?]),
    }
}

/// An integer, also where numpy's own integer took its place (`scalar(dtype, bytes)`).
pub(crate) fn int_of(value: &Value, node: NodeId) -> Option<i64> {
    if !matches!(node.slot(), Slot::Cell(_)) {
        return value.int(node);
    }
    let object = value.object(node)?;
    let callee = value.name(object.callee)?;
    if &*callee.qualname != "scalar" || !callee.module.ends_with("multiarray") {
        return None;
    }
    let dtype = value.object(value.item(object.args, 0)?)?;
    let code = Dtype::from_code(&value.str(value.item(dtype.args, 0)?)?)?;
    let blob = bytes_of(value, value.item(object.args, 1)?)?;
    match (code.scalar, blob.bytes.len()) {
        (Scalar::Int, 1..=8) => {
            let mut wide = [if blob.bytes.last()? >= &0x80 { 0xff } else { 0 }; 8];
            wide.get_mut(..blob.bytes.len())?
                .copy_from_slice(&blob.bytes);
            Some(i64::from_le_bytes(wide))
        }
        (Scalar::UInt, 1..=8) => {
            let mut wide = [0; 8];
            wide.get_mut(..blob.bytes.len())?
                .copy_from_slice(&blob.bytes);
            i64::try_from(u64::from_le_bytes(wide)).ok()
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_of_any_length_fits_into_a_message() {
        let pickle = format!("cnumpy\ndtype\n(Vbad{}\nI0\nI1\ntR.", "x".repeat(100_000));
        let value = crate::formats::pickle::decode_bytes(pickle.as_bytes()).value;
        let message = Dtype::from_value(&value, value.root()).unwrap_err();
        assert!(message.contains("found code \"badxx"), "{message}");
        assert!(message.len() < 200, "{message}");
    }

    #[test]
    fn codes_print_as_numpy_prints_them() {
        // (code, numpy.dtype(code).str, numpy.dtype(code).name) by numpy 2.5.
        for (code, str, name) in [
            ("f8", "<f8", "float64"),
            (">i4", ">i4", "int32"),
            ("u1", "|u1", "uint8"),
            ("?", "|b1", "bool"),
            ("b1", "|b1", "bool"),
            ("O", "|O", "object"),
            ("S3", "|S3", "bytes24"),
            (">U5", ">U5", "str160"),
            ("V15", "|V15", "void120"),
            ("<M8[ns]", "<M8[ns]", "datetime64[ns]"),
            ("m8[25s]", "<m8[25s]", "timedelta64[25s]"),
            ("M8", "<M8", "datetime64"),
            ("c16", "<c16", "complex128"),
            ("f2", "<f2", "float16"),
        ] {
            let dtype = Dtype::from_code(code).unwrap();
            assert_eq!((dtype.str().as_str(), dtype.name().as_str()), (str, name));
        }
    }

    #[test]
    fn nonsense_codes_are_refused() {
        for code in ["", "f", "f3", "Q8", "U99999999999999999999", "M8[ns", "é"] {
            assert_eq!(Dtype::from_code(code), None, "{code}");
        }
    }
}
