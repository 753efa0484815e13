//! A stored value as another store is to carry it: native, a plain pickle, or bytes that nobody has named.

use std::borrow::Cow;
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::ValueReader;
use crate::formats::compress::Codec;
use crate::formats::pickle::plain::{self, Place};
use crate::formats::pickle::{self, emit, native};
use crate::formats::plain::from_json;
use crate::formats::{Carrier, Content};
use crate::model::Limits;
use crate::source::ReadAt;
use crate::{Error, Result};

/// Values above this are refused: SQLite and gdbm keep nothing larger.
const MAX_BYTES: u64 = 1 << 30;

/// A value to be written.
#[derive(Debug, Clone, PartialEq)]
pub enum Payload {
    /// A plain pickle: `pickle.loads` reads it without joblib.
    Pickle(Vec<u8>),
    /// Bytes of a store that does not say what they are: pickles in shelves, anything in a bare dbm.
    Raw(Vec<u8>),
    /// Bytes in a form that only the library of their store reads: responses as JSON, signed, …
    Foreign(Vec<u8>),
    /// `bytes`.
    Bytes(Vec<u8>),
    /// A `str`, in UTF-8 as a rule.
    Text(Vec<u8>),
    /// An `int`.
    Int(i64),
    /// A `float`.
    Float(f64),
    /// `None`.
    None,
}

impl Payload {
    /// Reads a stored value.
    ///
    /// # Errors
    /// [`Error::is_refused`] for values that only their own kind of store can hold; else what the system said, or
    /// what is damaged.
    pub fn read(value: &ValueReader) -> Result<Self> {
        if let Some(part) = &value.part {
            let file = Arc::clone(&part.file);
            let place = match part.item {
                Some(item) => Place::Value(file, part.pickle, item),
                None => Place::Pickle(file, part.pickle),
            };
            return plain_pickle(&place);
        }
        Ok(match value.carrier {
            Carrier::Null => Self::None,
            Carrier::Int(n) => Self::Int(n),
            Carrier::Float(x) => Self::Float(x),
            Carrier::Text => Self::Text(all(&*value.bytes)?),
            Carrier::TextFile => Self::Text(match String::from_utf8(all(&*value.bytes)?) {
                Ok(text) => value.carrier.lines(&text).into_owned().into_bytes(),
                Err(not_text) => not_text.into_bytes(),
            }),
            Carrier::Bytes => Self::Bytes(all(&*value.bytes)?),
            Carrier::Unknown => Self::Raw(all(&*value.bytes)?),
            Carrier::Response => {
                let bytes = all(&*value.bytes)?;
                if is_whole_pickle(&bytes) {
                    Self::Pickle(bytes)
                } else {
                    Self::Foreign(bytes)
                }
            }
            Carrier::Json => Self::of_json(value)?,
            Carrier::Base64Pickle => Self::Pickle(from_base64(&all(&*value.bytes)?)?),
            Carrier::MessagePack => {
                let why = "hishel's responses can only be read by hishel";
                return Err(Error::refused("Cannot carry the value", why));
            }
            Carrier::Marshal | Carrier::Pyc => {
                let why = "marshalled code is bound to its Python and its source file";
                return Err(Error::refused("Cannot carry the value", why));
            }
            Carrier::Pickle | Carrier::Rewritten(_) => Self::of_pickle(value)?,
        })
    }

    fn of_pickle(value: &ValueReader) -> Result<Self> {
        let content = Content::plain(Arc::clone(&value.bytes)).peel(Codec::detect);
        if content.codecs().is_empty() {
            let bytes = all(&*value.bytes)?;
            if !plain::may_be_joblibs(&bytes) {
                return Ok(Self::Pickle(bytes));
            }
        }
        plain_pickle(&Place::Front(content))
    }

    /// What Python's `json.loads` makes of a value that may be packed.
    ///
    /// Where a store keeps plain text and does not say whether it is JSON (langchain's of 2023, a sqlitedict with an
    /// `encode` of the program's own), text that is none is text, and a pickle is one, as a preview shows them.
    fn of_json(value: &ValueReader) -> Result<Self> {
        let content = Content::plain(Arc::clone(&value.bytes)).peel(Codec::detect_strictly);
        let bytes = content.head(usize::try_from(MAX_BYTES).unwrap_or(usize::MAX));
        if bytes.len() as u64 == MAX_BYTES {
            return Err(too_large());
        }
        if pickle::is_likely(&bytes) {
            return Self::of_pickle(value);
        }
        match from_json(&bytes) {
            Ok(pickle) => Ok(Self::Pickle(pickle)),
            Err(_) if content.codecs().is_empty() && std::str::from_utf8(&bytes).is_ok() => {
                Ok(Self::Text(bytes))
            }
            Err(why) => Err(Error::damaged("Cannot carry the value", why)),
        }
    }

    /// Reads a stored pickle as it stands behind its compression, joblib's arrays included.
    ///
    /// # Errors
    /// [`Error::is_refused`] where part of it stands in other files; else what the system said.
    pub fn read_as_joblib(value: &ValueReader) -> Result<Self> {
        const IN_FILES: &[u8] = b"NDArrayWrapper";
        let content = Content::plain(Arc::clone(&value.bytes)).peel(Codec::detect);
        let len = usize::try_from(MAX_BYTES).unwrap_or(usize::MAX);
        let bytes = content.head(len);
        if bytes.len() == len {
            return Err(too_large());
        }
        if bytes.windows(IN_FILES.len()).any(|part| part == IN_FILES) {
            let why = "its arrays stand in files beside it (joblib before 0.10)";
            return Err(Error::refused("Cannot carry the value", why));
        }
        Ok(Self::Pickle(bytes))
    }

    /// The bytes that a dbm holds: what is named no better stays as it is, native values are pickled.
    pub fn stored(&self) -> Cow<'_, [u8]> {
        match self {
            Self::Raw(bytes) | Self::Foreign(bytes) => Cow::Borrowed(bytes),
            _ => self.pickled(),
        }
    }

    /// The value as a pickle.
    pub fn pickled(&self) -> Cow<'_, [u8]> {
        match self {
            Self::Pickle(bytes) => Cow::Borrowed(bytes),
            Self::Raw(bytes) | Self::Foreign(bytes) | Self::Bytes(bytes) => {
                Cow::Owned(emit::whole_bytes(bytes))
            }
            Self::Text(bytes) => Cow::Owned(emit::whole_text(bytes)),
            Self::Int(n) => Cow::Owned(emit::whole(|out| emit::int(*n, out))),
            Self::Float(x) => Cow::Owned(emit::whole(|out| emit::float(*x, out))),
            Self::None => Cow::Owned(emit::whole(emit::none)),
        }
    }

    /// The value without its pickle, where it is one that a typed store keeps as it is.
    pub fn native(&self) -> Cow<'_, Self> {
        let Self::Pickle(pickle) = self else {
            return Cow::Borrowed(self);
        };
        match native::read(pickle) {
            Some(native::Native::Int(n)) => Cow::Owned(Self::Int(n)),
            Some(native::Native::Float(x)) => Cow::Owned(Self::Float(x)),
            Some(native::Native::Text(bytes)) => Cow::Owned(Self::Text(bytes.to_vec())),
            Some(native::Native::Bytes(bytes)) => Cow::Owned(Self::Bytes(bytes.to_vec())),
            None => Cow::Borrowed(self),
        }
    }

    /// Bytes that it holds, for sums.
    pub fn len(&self) -> u64 {
        match self {
            Self::Pickle(bytes)
            | Self::Raw(bytes)
            | Self::Foreign(bytes)
            | Self::Bytes(bytes)
            | Self::Text(bytes) => bytes.len() as u64,
            Self::Int(_) | Self::Float(_) => 8,
            Self::None => 0,
        }
    }

    /// True if it holds no byte.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// True for bytes that are one whole pickle, and nothing behind it.
pub(crate) fn is_whole_pickle(bytes: &[u8]) -> bool {
    pickle::is_likely(bytes) && {
        let checked = pickle::check(&Content::of_bytes(bytes), &Limits::DEEP);
        checked.problems.is_empty() && checked.is_read_to_end && checked.n_pickles == 1
    }
}

fn plain_pickle(place: &Place) -> Result<Payload> {
    plain::plain(place).map(Payload::Pickle).map_err(|problem| {
        if problem.is_damage() {
            Error::damaged("Cannot carry the value", problem.to_string())
        } else {
            Error::refused("Cannot carry the value", problem.message)
        }
    })
}

/// `django/core/cache/backends/db.py: DatabaseCache._base_set`: base64 text, in one line or wrapped.
fn from_base64(text: &[u8]) -> Result<Vec<u8>> {
    let text: Vec<u8> = text
        .iter()
        .copied()
        .filter(|b| !b.is_ascii_whitespace())
        .collect();
    BASE64_STANDARD
        .decode(text)
        .map_err(|e| Error::damaged("Cannot carry the value", e.to_string()))
}

fn too_large() -> Error {
    let why = format!("it is larger than {}", crate::model::text::size(MAX_BYTES));
    Error::refused("Cannot carry the value", why)
}

fn all(bytes: &dyn ReadAt) -> Result<Vec<u8>> {
    let len = bytes.len();
    if len > MAX_BYTES {
        return Err(too_large());
    }
    let mut all = vec![0; usize::try_from(len).unwrap_or(0)];
    let n = bytes
        .read_full_at(0, &mut all)
        .map_err(|e| Error::unavailable("Cannot read the value", e.to_string()))?;
    if (n as u64) < len {
        let why = format!("it ends after {n} of {len} bytes");
        return Err(Error::damaged("Cannot read the value", why));
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::source::MemoryReader;

    fn read(bytes: &[u8]) -> Result<Payload> {
        let bytes = Arc::new(MemoryReader::new(bytes.to_vec()));
        Payload::read(&ValueReader::new(bytes, Carrier::Json, PathBuf::new()))
    }

    #[test]
    fn text_that_may_be_json_is_carried_as_it_is_shown() {
        let check = |bytes: &[u8], expected: &Payload| {
            assert_eq!(read(bytes).unwrap().native().as_ref(), expected);
        };
        let text = |text: &str| Payload::Text(text.as_bytes().to_vec());
        check(b"1", &Payload::Int(1));
        check(b"\"quoted\"", &text("quoted"));
        check(b"hello", &text("hello"));
        check(b"{bad", &text("{bad"));
        check(b"", &text(""));
        // What Python 2 pickled is text too.
        let pickle = b"S'one'\np0\n.";
        check(pickle, &Payload::Pickle(pickle.to_vec()));
        // zlib.compress(b'{bad'): only JSON is packed so, and this is damaged.
        let packed = b"\x78\x9c\xab\x4e\x4a\x4c\x01\x00\x04\x3c\x01\xa3";
        assert!(read(packed).is_err_and(|e| e.is_damaged()));
    }
}
