//! Elements of arrays and tables as plain data that JSON can carry.

use serde::ser::{Serialize, SerializeSeq as _, Serializer};

use super::LongDouble;
use crate::model::value::NodeId;

/// One element, already out of its array.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Element {
    /// Missing, or something that has no plain form.
    #[default]
    Null,
    /// Python's `None`, where it is a value like others.
    None,
    /// A truth value.
    Bool(bool),
    /// An integer; in JSON its digits as text where it does not fit 64 bits.
    Int(i128),
    /// A float; not-a-number and infinities become null in JSON.
    Float(f64),
    /// A float of more digits; in JSON the nearest double, null beyond their range.
    LongDouble(LongDouble),
    /// A complex number; in JSON as Python's `repr` prints it.
    Complex(f64, f64),
    /// Text, or a date.
    Text(String),
    /// What Python's `repr` says of anything else; it stands for itself, without quotes.
    Repr(String),
    /// A record or a sub-array.
    List(Vec<Element>),
    /// A Python object that was left in its value for whoever writes it whole; never met at a glance.
    Object(NodeId),
}

impl Element {
    /// Memory that a copy of it takes.
    pub(crate) fn size_bytes(&self) -> u64 {
        let more = match self {
            Self::Text(text) | Self::Repr(text) => text.len() as u64,
            Self::List(list) => list.iter().map(Self::size_bytes).sum(),
            _ => 0,
        };
        more.saturating_add(size_of::<Self>() as u64)
    }

    /// As Python's `str` prints it; null as `None`.
    pub fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            _ => self.repr(),
        }
    }

    /// As Python's `repr` prints it; null as `None`, lists as tuples.
    pub fn repr(&self) -> String {
        match self {
            Self::Null | Self::None => "None".to_owned(),
            Self::Bool(true) => "True".to_owned(),
            Self::Bool(false) => "False".to_owned(),
            Self::Int(int) => int.to_string(),
            Self::Float(float) => super::repr::float_repr(*float),
            Self::LongDouble(long) => long.to_string(),
            Self::Complex(re, im) => super::repr::complex_repr(*re, *im),
            Self::Text(text) => super::repr::str_repr(text),
            Self::Object(_) => "…".to_owned(),
            Self::Repr(text) => text.clone(),
            Self::List(list) => {
                let parts: Vec<String> = list.iter().map(Self::repr).collect();
                let tail = if parts.len() == 1 { "," } else { "" };
                format!("({}{tail})", parts.join(", "))
            }
        }
    }
}

impl Serialize for Element {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Int(value) => match (i64::try_from(*value), u64::try_from(*value)) {
                (Ok(value), _) => serializer.serialize_i64(value),
                (_, Ok(value)) => serializer.serialize_u64(value),
                // Most readers of JSON would round it.
                _ => serializer.serialize_str(&value.to_string()),
            },
            Self::Float(value) if value.is_finite() => serializer.serialize_f64(*value),
            Self::LongDouble(long) => Self::Float(long.to_f64()).serialize(serializer),
            Self::Null | Self::None | Self::Float(_) => serializer.serialize_none(),
            Self::Complex(..) | Self::Object(_) => serializer.serialize_str(&self.repr()),
            Self::Text(text) | Self::Repr(text) => serializer.serialize_str(text),
            Self::List(list) => {
                let mut seq = serializer.serialize_seq(Some(list.len()))?;
                for element in list {
                    seq.serialize_element(element)?;
                }
                seq.end()
            }
        }
    }
}
