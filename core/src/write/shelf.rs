//! Bytes that nobody has named, as a store of objects takes them: pickles of a shelf, or plain bytes, and all of a store
//! as one of the two.

use crate::formats::pickle;
use crate::stores::{Payload, is_whole_pickle};
use crate::{Error, Result};

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
        self.judge(&value)?;
        Ok(match value {
            Payload::Raw(bytes) if self.is_shelf == Some(true) => Payload::Pickle(bytes),
            Payload::Raw(bytes) => Payload::Bytes(bytes),
            value => value,
        })
    }

    /// Learns of a value, or says why it is no object.
    ///
    /// # Errors
    /// As [`Shelf::object`].
    pub(super) fn judge(&mut self, value: &Payload) -> Result<()> {
        let bytes = match value {
            Payload::Raw(bytes) => bytes,
            Payload::Foreign(_) => {
                let why = "only the library of its store reads what it is made of, and of objects it would be mere bytes";
                return Err(Error::refused("Cannot carry the value", why)
                    .hint("Convert to dbm or SQLite, which keep the bytes as they are"));
            }
            _ => return Ok(()),
        };
        let damaged = |why: &str| Err(Error::damaged("Cannot carry the value", why));
        match (self.is_shelf, is_whole_pickle(bytes)) {
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
                Ok(())
            }
        }
    }
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
    }
}
