//! One value of a row: owned, bound back byte for byte, and written as part of an entry's key.
//!
//! Keys are bytes. Text stands for itself, and so do bytes that are no text; everything else begins with
//! NUL and a letter for its type, so that `1`, `'1'` and `1.0` are three keys.

use std::borrow::Cow;

use rusqlite::ToSql;
use rusqlite::types::{ToSqlOutput, ValueRef};

use crate::model::{Value, text};

/// A row's value as SQLite stores it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Cell {
    Null,
    Integer(i64),
    Real(f64),
    /// UTF-8 as a rule; SQLite does not check.
    Text(Vec<u8>),
    Blob(Vec<u8>),
}

const MARK: u8 = 0;
const INTEGER: u8 = b'i';
const REAL: u8 = b'f';
const TEXT: u8 = b't';
const BLOB: u8 = b'b';
const NULL: u8 = b'n';
/// Several values, each with its length in decimal and a colon before it.
const SEVERAL: u8 = b'(';

impl ToSql for Cell {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(self.as_ref()))
    }
}

impl Cell {
    pub(crate) fn as_ref(&self) -> ValueRef<'_> {
        match self {
            Self::Null => ValueRef::Null,
            Self::Integer(n) => ValueRef::Integer(*n),
            Self::Real(x) => ValueRef::Real(*x),
            Self::Text(bytes) => ValueRef::Text(bytes),
            Self::Blob(bytes) => ValueRef::Blob(bytes),
        }
    }

    /// Reads back what [`write_key`] wrote for one value; `None` if it wrote no such thing.
    pub(crate) fn from_key(key: &[u8]) -> Option<Self> {
        let [MARK, tag, rest @ ..] = key else {
            return match key.first() {
                Some(&MARK) => None,
                _ if std::str::from_utf8(key).is_err() => Some(Self::Blob(key.to_vec())),
                _ => Some(Self::Text(key.to_vec())),
            };
        };
        let number = || std::str::from_utf8(rest).ok();
        match *tag {
            INTEGER => number()?.parse().ok().map(Self::Integer),
            REAL => u64::from_str_radix(number()?, 16)
                .ok()
                .map(|bits| Self::Real(f64::from_bits(bits))),
            TEXT => Some(Self::Text(rest.to_vec())),
            BLOB => Some(Self::Blob(rest.to_vec())),
            NULL => Some(Self::Null),
            _ => None,
        }
    }

    /// Reads back a key of several values, or of one.
    pub(crate) fn all_from_key(key: &[u8]) -> Option<Vec<Self>> {
        let [MARK, SEVERAL, rest @ ..] = key else {
            return Some(vec![Self::from_key(key)?]);
        };
        let mut rest = rest;
        let mut cells = Vec::new();
        while !rest.is_empty() {
            let colon = rest.iter().position(|b| *b == b':')?;
            let (len, behind) = rest.split_at_checked(colon)?;
            let len = std::str::from_utf8(len).ok()?.parse::<usize>().ok()?;
            let (part, behind) = behind.get(1..)?.split_at_checked(len)?;
            cells.push(Self::from_key(part)?);
            rest = behind;
        }
        Some(cells)
    }
}

impl From<ValueRef<'_>> for Cell {
    fn from(value: ValueRef<'_>) -> Self {
        match value {
            ValueRef::Null => Self::Null,
            ValueRef::Integer(n) => Self::Integer(n),
            ValueRef::Real(x) => Self::Real(x),
            ValueRef::Text(bytes) => Self::Text(bytes.to_vec()),
            ValueRef::Blob(bytes) => Self::Blob(bytes.to_vec()),
        }
    }
}

/// Appends the value to `key` as part of an entry's identity.
pub(crate) fn write_key(value: ValueRef<'_>, key: &mut Vec<u8>) {
    match value {
        ValueRef::Null => key.extend([MARK, NULL]),
        ValueRef::Integer(n) => {
            key.extend([MARK, INTEGER]);
            write_decimal(n, key);
        }
        ValueRef::Real(x) => {
            key.extend([MARK, REAL]);
            key.extend(format!("{:016x}", x.to_bits()).bytes());
        }
        ValueRef::Text(bytes) => {
            if bytes.first() == Some(&MARK) || std::str::from_utf8(bytes).is_err() {
                key.extend([MARK, TEXT]);
            }
            key.extend(bytes);
        }
        ValueRef::Blob(bytes) => {
            if bytes.first() == Some(&MARK) || std::str::from_utf8(bytes).is_ok() {
                key.extend([MARK, BLOB]);
            }
            key.extend(bytes);
        }
    }
}

/// Appends a key of several values.
pub(crate) fn write_key_of<'a>(values: impl IntoIterator<Item = ValueRef<'a>>, key: &mut Vec<u8>) {
    key.extend([MARK, SEVERAL]);
    let mut part = Vec::new();
    for value in values {
        part.clear();
        write_key(value, &mut part);
        key.extend(part.len().to_string().bytes());
        key.push(b':');
        key.extend(&part);
    }
}

/// Python's `repr` of a value, where text is a str and a blob is bytes.
pub(crate) fn repr(value: ValueRef<'_>) -> String {
    let value = match value {
        ValueRef::Null => return "None".to_owned(),
        ValueRef::Integer(n) => return n.to_string(),
        ValueRef::Real(x) => Value::of_float(x),
        ValueRef::Text(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => Value::of_str(text),
            Err(_) => return format!("'{}'", text::from_bytes(bytes)),
        },
        ValueRef::Blob(bytes) => Value::of_bytes(bytes),
    };
    value.repr(value.root(), KEY_CHARS).text
}

/// Longest label of a key, in characters: one that is longer is recognised by its head.
const KEY_CHARS: usize = 64 << 10;

/// A value as plain text, as keys without Python types are shown.
pub(crate) fn plain(value: ValueRef<'_>) -> Cow<'_, str> {
    match value {
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => text::from_bytes(bytes),
        other => Cow::Owned(repr(other)),
    }
}

/// `i64` in decimal without the machinery of `format!`: a million keys are written at a time.
fn write_decimal(n: i64, out: &mut Vec<u8>) {
    let mut digits = [0_u8; 20];
    let mut left = n.unsigned_abs();
    let mut first = digits.len();
    for (at, digit) in digits.iter_mut().enumerate().rev() {
        *digit = b'0' + u8::try_from(left % 10).unwrap_or(0);
        left /= 10;
        first = at;
        if left == 0 {
            break;
        }
    }
    if n < 0 {
        out.push(b'-');
    }
    out.extend(digits.get(first..).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_comes_back_from_its_key() {
        for cell in [
            Cell::Null,
            Cell::Integer(0),
            Cell::Integer(i64::MIN),
            Cell::Integer(i64::MAX),
            Cell::Real(-0.0),
            Cell::Real(2.5),
            Cell::Text(b"plain".to_vec()),
            Cell::Text(b"\0i7".to_vec()),
            Cell::Text(b"\xff".to_vec()),
            Cell::Text(Vec::new()),
            Cell::Blob(b"plain".to_vec()),
            Cell::Blob(b"\xff\0".to_vec()),
            Cell::Blob(b"\0\xff".to_vec()),
            Cell::Blob(Vec::new()),
        ] {
            let mut key = Vec::new();
            write_key(cell.as_ref(), &mut key);
            assert_eq!(Cell::from_key(&key), Some(cell.clone()), "{key:?}");
            let mut several = Vec::new();
            write_key_of([cell.as_ref(), ValueRef::Integer(1)], &mut several);
            assert_eq!(
                Cell::all_from_key(&several),
                Some(vec![cell, Cell::Integer(1)])
            );
        }
    }

    #[test]
    fn strangers_keys_are_no_cells() {
        for key in [&b"\0"[..], b"\0x1", b"\0i", b"\0iz", b"\0(9:a", b"\0(x:"] {
            assert_eq!(Cell::all_from_key(key), None, "{key:?}");
        }
    }
}
