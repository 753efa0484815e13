//! Bytes that nobody has named, as a store of objects takes them: pickles of a shelf, or plain bytes, and all of a store
//! as one of the two.

use crate::formats::compress::Codec;
use crate::formats::{Content, pickle};
use crate::stores::{Payload, is_whole_pickle};
use crate::{Error, Result};

/// Compressed values above this stay the bytes that they are: SQLite and gdbm keep nothing larger.
const MAX_UNPACKED: usize = 1 << 30;

/// Whether values that are mere bytes are pickles: the first one that tells decides for all of a store.
#[derive(Debug, Default)]
pub(super) struct Shelf {
    is_shelf: Option<bool>,
}

impl Shelf {
    /// What the bytes of a dbm are to a store of objects.
    ///
    /// # Errors
    /// [`Error::is_refused`] where nobody could tell, or only the library of its store; else that it is damaged.
    pub(super) fn object(&mut self, value: Payload) -> Result<Payload> {
        Ok(match (self.judge(&value)?, value) {
            (Some(unpacked), _) => Payload::Pickle(unpacked),
            (None, Payload::Raw(bytes)) if self.is_shelf == Some(true) => Payload::Pickle(bytes),
            (None, Payload::Raw(bytes)) => Payload::Bytes(bytes),
            (None, value) => value,
        })
    }

    /// Learns of a value, or says why it is no object; hands back the pickle that its bytes are a compression of.
    ///
    /// Many programs keep `zlib.compress(pickle.dumps(value))`, sqlitedict's README tells them to.
    ///
    /// # Errors
    /// As [`Shelf::object`].
    pub(super) fn judge(&mut self, value: &Payload) -> Result<Option<Vec<u8>>> {
        let bytes = match value {
            Payload::Raw(bytes) => bytes,
            Payload::Foreign(_) => {
                let why = "only the library of its store reads what it is made of, and of objects it would be mere bytes";
                return Err(Error::refused("Cannot carry the value", why)
                    .hint("Convert to dbm or SQLite, which keep the bytes as they are"));
            }
            _ => return Ok(None),
        };
        let unpacked = unpacked(bytes);
        let damaged = |why: &str| Err(Error::damaged("Cannot carry the value", why));
        match (self.is_shelf, unpacked.is_some() || is_whole_pickle(bytes)) {
            (Some(true), false) => damaged("it is no whole pickle, while the values before it are"),
            (Some(false), true) => {
                let why = "it is a pickle, while the values before it are none";
                Err(Error::refused("Cannot tell what the value is", why)
                    .hint("Convert to dbm or SQLite, which keep the bytes as they are"))
            }
            // Protocols 0 and 1 begin like any text.
            (None, false) if pickle::is_likely(bytes) && bytes.first() == Some(&0x80) => {
                damaged("it begins as a pickle and is no whole one")
            }
            (_, is_pickle) => {
                self.is_shelf = Some(is_pickle);
                Ok(unpacked)
            }
        }
    }
}

/// The whole pickle that compressed bytes hold.
fn unpacked(bytes: &[u8]) -> Option<Vec<u8>> {
    let content = Content::of_bytes(bytes).peel(Codec::detect_strictly);
    if content.codecs().is_empty() {
        return None;
    }
    let unpacked = content.head(MAX_UNPACKED);
    (unpacked.len() < MAX_UNPACKED && is_whole_pickle(&unpacked)).then_some(unpacked)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PICKLE: &[u8] = b"\x80\x04K\x01.";
    const TORN: &[u8] = b"\x80\x04]\x94(K\x01";

    /// `o` for an object, `b` for bytes, `d` for damage, `r` for a refusal.
    fn check(values: &[&[u8]], expected: &str) {
        let mut shelf = Shelf::default();
        let told = values
            .iter()
            .map(|value| match shelf.object(Payload::Raw(value.to_vec())) {
                Ok(Payload::Pickle(_)) => 'o',
                Ok(_) => 'b',
                Err(error) if error.is_refused() => 'r',
                Err(_) => 'd',
            });
        assert_eq!(told.collect::<String>(), expected, "{values:?}");
    }

    #[test]
    fn a_torn_pickle_makes_no_bytes_of_the_others() {
        check(&[TORN, PICKLE, PICKLE, TORN], "dood");
        check(&[PICKLE, b"plain", b"", PICKLE], "oddo");
        check(&[b"Vienna", b"In text", TORN, PICKLE, b""], "bbbrb");
        // By protocol 0, as shelves of Python 2 hold them.
        check(&[b"I1\n.", b"(lp0\nI1\na", b"N."], "odo");
        // zlib.compress(pickle.dumps(1, 4)) and zlib.compress(b"plain").
        let (packed, plain) = (
            b"\x78\x9c\x6b\x60\xf1\x66\xd4\x03\x00\x03\xa6\x00\xff",
            b"\x78\x9c\x2b\xc8\x49\xcc\xcc\x03\x00\x06\x48\x02\x15",
        );
        check(&[packed, PICKLE, packed, plain], "oood");
        check(&[plain, packed], "br");
    }
}
