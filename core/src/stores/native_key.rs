//! A key as a program gave it, whatever its store makes of it: what another kind of store is to carry.

use std::borrow::Cow;

use crate::formats::bytes::bytes_of;
use crate::formats::pickle::native::{self, Native};
use crate::formats::pickle::{self, Decoded, emit, key};
use crate::formats::repr::float_repr;
use crate::model::text;
use crate::model::value::{Blob, Integer, Leaf};
use crate::sqlite::Cell;

/// A key with its Python type.
#[derive(Debug, Clone, PartialEq)]
pub enum NativeKey {
    /// A `str`, in UTF-8 as a rule.
    Text(Vec<u8>),
    /// `bytes`.
    Bytes(Vec<u8>),
    /// Bytes of a dbm, which a program may have given as text.
    Untyped(Vec<u8>),
    /// An `int`.
    Int(i64),
    /// A `float`.
    Float(f64),
    /// Any other object, as a pickle.
    Pickled(Vec<u8>),
}

/// Longest `repr` that names a key, in characters: a key of a few bytes may have one without end.
fn max_repr_chars(pickle: &[u8]) -> usize {
    (64 << 10) + pickle.len().saturating_mul(8)
}

/// Where a key names one entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyScope {
    /// In the whole store.
    Store,
    /// In its group, which may go unsaid while there is only one (a table).
    Group,
    /// In its group, which is always part of what it is (a function and the hash of its arguments).
    Function,
}

/// Whether text and bytes of the same content are two keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyTypes {
    /// They are two.
    Apart,
    /// They are one, as in a dbm.
    Alike,
}

impl NativeKey {
    /// What names it among the keys of a store; where one of two stores is a dbm, text and bytes count as one type.
    pub fn identity(&self, types: KeyTypes) -> Vec<u8> {
        let (tag, bytes): (u8, Cow<'_, [u8]>) = match self {
            Self::Bytes(bytes) if types == KeyTypes::Apart => (b'b', bytes.into()),
            Self::Text(bytes) | Self::Untyped(bytes) | Self::Bytes(bytes) => (b't', bytes.into()),
            Self::Int(n) => (b'i', n.to_le_bytes().to_vec().into()),
            Self::Float(x) => (b'f', x.to_bits().to_le_bytes().to_vec().into()),
            // Protocols and writers differ in bytes for the same object; what cannot be printed whole is named by them.
            Self::Pickled(bytes) => {
                let decoded = pickle::decode_bytes(bytes);
                let repr = decoded
                    .value
                    .settled_repr(decoded.value.root(), max_repr_chars(bytes));
                if decoded.is_complete && !repr.is_cut {
                    (b'p', repr.text.into_bytes().into())
                } else {
                    (b'P', bytes.into())
                }
            }
        };
        [&[tag], &*bytes].concat()
    }

    /// The key for a message, quoted where it is text, and without its middle where it is long.
    pub fn shown(&self) -> String {
        match self {
            Self::Text(bytes) | Self::Bytes(bytes) | Self::Untyped(bytes) => {
                let shown = text::shown(&text::from_bytes(bytes)).into_owned();
                format!("\"{}\"", text::short(&shown))
            }
            Self::Int(n) => n.to_string(),
            Self::Float(x) => float_repr(*x),
            Self::Pickled(bytes) => {
                let decoded = pickle::decode_bytes(bytes);
                let label = decoded.value.key_label(decoded.value.root());
                text::short(&text::shown(&label)).into_owned()
            }
        }
    }

    /// Whether the store tells text and bytes apart.
    pub fn types(&self) -> KeyTypes {
        match self {
            Self::Untyped(_) => KeyTypes::Alike,
            _ => KeyTypes::Apart,
        }
    }

    /// The key together with its group, for stores without groups: text as the command line names it, any other key in
    /// a tuple behind its group. `None` for an object that cannot be written anew.
    pub(crate) fn in_group(&self, group: &str) -> Option<Self> {
        let (Self::Text(text) | Self::Untyped(text) | Self::Bytes(text)) = self else {
            let mut is_written = true;
            let pickle = emit::whole(|out| {
                out.extend(emit::MARK);
                emit::text(group.as_bytes(), out);
                match self {
                    Self::Int(n) => emit::int(*n, out),
                    Self::Float(x) => emit::float(*x, out),
                    Self::Pickled(pickle) => is_written = key::append(pickle, out),
                    Self::Text(_) | Self::Untyped(_) | Self::Bytes(_) => {}
                }
                out.extend(emit::TUPLE);
            });
            return is_written.then_some(Self::Pickled(pickle));
        };
        Some(Self::Text([group.as_bytes(), b"/", text].concat()))
    }

    /// The key that a pickle holds, in its own type where there is one.
    pub(crate) fn of_pickle(pickle: Vec<u8>) -> Self {
        match native::read(&pickle) {
            Some(Native::Int(n)) => Self::Int(n),
            Some(Native::Float(x)) => Self::Float(x),
            Some(Native::Text(bytes)) => Self::Text(bytes.to_vec()),
            Some(Native::Bytes(bytes)) => Self::Bytes(bytes.to_vec()),
            None => {
                Self::of_decoded(&pickle::decode_bytes(&pickle)).unwrap_or(Self::Pickled(pickle))
            }
        }
    }

    /// A lone number, text or bytes that was written in another way than by the few opcodes of [`native::read`].
    fn of_decoded(decoded: &Decoded) -> Option<Self> {
        let whole = |blob: Blob<'_>| (!blob.is_cut()).then(|| blob.bytes.into_owned());
        if !decoded.is_complete {
            return None;
        }
        let (value, root) = (&decoded.value, decoded.value.root());
        let Some(leaf) = value.leaf(root) else {
            return Some(Self::Bytes(whole(bytes_of(value, root)?)?));
        };
        Some(match leaf {
            Leaf::Int(Integer::Small(n)) => Self::Int(n),
            Leaf::Float(x) => Self::Float(x),
            Leaf::Str(blob) => Self::Text(whole(blob)?),
            Leaf::Bytes(blob) => Self::Bytes(whole(blob)?),
            // What Python 3 makes of Python 2's text, unless it is told an encoding.
            Leaf::Python2Str(blob) if blob.bytes.is_ascii() => Self::Text(whole(blob)?),
            Leaf::Int(_) | Leaf::Python2Str(_) | Leaf::ByteArray(_) => return None,
        })
    }

    /// The key that a cell of a table is; `None` for NULL.
    pub(crate) fn of_cell(cell: Cell) -> Option<Self> {
        Some(match cell {
            Cell::Null => return None,
            Cell::Integer(n) => Self::Int(n),
            Cell::Real(x) => Self::Float(x),
            Cell::Text(bytes) => Self::Text(bytes),
            Cell::Blob(bytes) => Self::Bytes(bytes),
        })
    }
}
