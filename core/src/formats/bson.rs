//! BSON rewritten as a pickle, so that one decoder reads, shows and saves all (<https://bsonspec.org/spec.html>).
//!
//! Types become what `bson.decode` of pymongo makes of them; what has no plain form stays as its bytes.

use super::pickle::emit::Pickler;

/// Documents in documents that are followed.
const MAX_DEPTH: usize = 128;
/// Length, and the zero byte at the end.
const MIN_BYTES: usize = 5;

/// True if the bytes are one document by its own account: its length first, a zero byte last.
pub(crate) fn is_one(bytes: &[u8]) -> bool {
    bytes.len() >= MIN_BYTES && is_of(bytes, bytes.len() as u64) && bytes.last() == Some(&0)
}

/// True if a document that begins so is of that length by its own account.
pub(crate) fn is_of(head: &[u8], len: u64) -> bool {
    let told = head.first_chunk().map(|told| i32::from_le_bytes(*told));
    told.and_then(|told| u64::try_from(told).ok()) == Some(len)
}

/// Rewrites one document.
///
/// # Errors
/// What is wrong with it, and at which byte.
pub(crate) fn to_pickle(bytes: &[u8]) -> Result<Vec<u8>, String> {
    if !is_one(bytes) {
        return Err("found no length of the whole".to_owned());
    }
    let mut reader = Reader { bytes, at: 0 };
    let mut pickler = Pickler::new();
    let mut open = vec![reader.begin(Form::Dict, &mut pickler)?];
    while let Some(document) = open.last() {
        let Document { form, end } = *document;
        let kind = reader.byte()?;
        if kind == 0 {
            if reader.at != end {
                return Err(reader.why("the end of a document that is longer"));
            }
            form.finish(&mut pickler);
            open.pop();
            continue;
        }
        let name = reader.name()?;
        if form == Form::Dict {
            pickler.str_or_bytes(name);
        }
        let nested = match kind {
            3 => Some(Form::Dict),
            4 => Some(Form::List),
            _ => None,
        };
        if let Some(form) = nested {
            if open.len() == MAX_DEPTH {
                return Err(reader.why("documents nested deeper than are followed"));
            }
            let document = reader.begin(form, &mut pickler)?;
            if document.end > end {
                return Err(reader.why("a document longer than the one that holds it"));
            }
            open.push(document);
        } else {
            reader.value(kind, &mut pickler)?;
        }
        if reader.at >= end {
            return Err(reader.why("a value beyond the end of its document"));
        }
    }
    if reader.at != bytes.len() {
        return Err(reader.why("bytes behind the document"));
    }
    Ok(pickler.finish())
}

/// What a document becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Dict,
    List,
}

impl Form {
    fn finish(self, pickler: &mut Pickler) {
        match self {
            Self::Dict => pickler.end_dict(),
            Self::List => pickler.end_list(),
        }
    }
}

/// A document that was begun.
#[derive(Debug, Clone, Copy)]
struct Document {
    form: Form,
    /// The byte behind it.
    end: usize,
}

struct Reader<'b> {
    bytes: &'b [u8],
    at: usize,
}

impl<'b> Reader<'b> {
    fn why(&self, found: &str) -> String {
        format!("found {found} (at byte {})", self.at)
    }

    fn take(&mut self, len: usize) -> Result<&'b [u8], String> {
        let end = self.at.checked_add(len);
        let taken = end.and_then(|end| self.bytes.get(self.at..end));
        let taken = taken.ok_or_else(|| self.why("the end"))?;
        self.at += len;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], String> {
        let taken = self.take(N)?;
        taken.try_into().map_err(|_wrong_len| self.why("the end"))
    }

    fn byte(&mut self) -> Result<u8, String> {
        self.array::<1>().map(|[byte]| byte)
    }

    fn len(&mut self) -> Result<usize, String> {
        let len = i32::from_le_bytes(self.array()?);
        usize::try_from(len).map_err(|_negative| self.why("a negative length"))
    }

    fn name(&mut self) -> Result<&'b [u8], String> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let len = rest.iter().position(|byte| *byte == 0);
        let len = len.ok_or_else(|| self.why("a name without an end"))?;
        let name = self.take(len)?;
        self.at += 1;
        Ok(name)
    }

    /// Text, whose length counts the zero byte at its end.
    fn text(&mut self) -> Result<&'b [u8], String> {
        let len = self.len()?;
        let text = self.take(len)?;
        text.strip_suffix(b"\0")
            .ok_or_else(|| self.why("text without an end"))
    }

    fn begin(&mut self, form: Form, pickler: &mut Pickler) -> Result<Document, String> {
        let start = self.at;
        let len = self.len()?;
        match form {
            Form::Dict => pickler.begin_dict(),
            Form::List => pickler.begin_list(),
        }
        let end = start.checked_add(len).filter(|end| *end > self.at);
        let end = end.ok_or_else(|| self.why("a document without length"))?;
        Ok(Document { form, end })
    }

    fn value(&mut self, kind: u8, pickler: &mut Pickler) -> Result<(), String> {
        match kind {
            0x01 => pickler.float(f64::from_le_bytes(self.array()?)),
            0x02 | 0x0d | 0x0e => pickler.str_or_bytes(self.text()?),
            0x05 => {
                let len = self.len()?;
                let _subtype = self.byte()?;
                pickler.bytes(self.take(len)?);
            }
            // Minimum and maximum have no value of their own.
            0x06 | 0x0a | 0x7f | 0xff => pickler.none(),
            0x07 => pickler.bytes(self.take(12)?),
            0x08 => pickler.bool(self.byte()? != 0),
            0x09 => pickler.datetime_of_millis(i64::from_le_bytes(self.array()?)),
            0x0b => {
                let pattern = self.name()?;
                let _flags = self.name()?;
                pickler.str_or_bytes(pattern);
            }
            0x0c => {
                let _collection = self.text()?;
                pickler.bytes(self.take(12)?);
            }
            0x0f => {
                let len = self.len()?;
                pickler.bytes(self.take(len.saturating_sub(4))?);
            }
            0x10 => pickler.int(i64::from(i32::from_le_bytes(self.array()?))),
            0x11 => pickler.unsigned(u64::from_le_bytes(self.array()?)),
            0x12 => pickler.int(i64::from_le_bytes(self.array()?)),
            0x13 => pickler.bytes(self.take(16)?),
            other => return Err(self.why(&format!("a value of the unknown type {other}"))),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::pickle;

    /// `bson.encode({"a": [1, 2.5, None, True], "b": {"t": "x\u2603", "raw": b"\xff"}, "at": datetime(2026, 11, 26, 4, 28, 36, 250000), "n": 2**40})`, pymongo 4.20.1.
    const SAMPLE: &[u8] =
        b"\\\0\0\0\x04a\0\x1e\0\0\0\x100\0\x01\0\0\0\x011\0\0\0\0\0\0\0\x04@\x0a2\0\x083\0\x01\0\
        \x03b\0\x1c\0\0\0\x02t\0\x05\0\0\0x\xe2\x98\x83\0\x05raw\0\x01\0\0\0\0\xff\0\x09at\0\x1a\
        \xce\x1c\x16\xa2\x01\0\0\x12n\0\0\0\0\0\0\x01\0\0\0";

    fn repr(pickle: &[u8]) -> String {
        let decoded = pickle::decode_bytes(pickle);
        assert!(decoded.is_complete);
        decoded.value.repr(decoded.value.root(), 1000).text
    }

    #[test]
    fn a_document_reads_as_pymongo_decodes_it() {
        let expected = r"{'a': [1, 2.5, None, True], 'b': {'t': 'x☃', 'raw': b'\xff'}, 'at': datetime.datetime(2026, 11, 26, 4, 28, 36, 250000), 'n': 1099511627776}";
        assert_eq!(repr(&to_pickle(SAMPLE).unwrap()), expected);
    }

    #[test]
    fn a_damaged_document_is_an_error() {
        for n in 0..SAMPLE.len() {
            assert!(to_pickle(&SAMPLE[..n]).is_err(), "{n}");
        }
        // Every byte in turn, with the length of the whole still right.
        for at in 4..SAMPLE.len() - 1 {
            for byte in [0, 1, 0x7f, 0xff] {
                let mut bytes = SAMPLE.to_vec();
                bytes[at] = byte;
                drop(to_pickle(&bytes));
            }
        }
    }

    #[test]
    fn deep_documents_are_refused() {
        let mut bytes = vec![5, 0, 0, 0, 0];
        for _ in 0..1000 {
            let len = i32::try_from(bytes.len() + 7).unwrap();
            bytes = [&len.to_le_bytes()[..], b"\x03a\0", &bytes, b"\0"].concat();
            let len = i32::try_from(bytes.len()).unwrap();
            bytes[..4].copy_from_slice(&len.to_le_bytes());
        }
        assert!(is_one(&bytes));
        assert!(to_pickle(&bytes).unwrap_err().contains("deeper"));
    }
}
