//! `MessagePack` rewritten as a pickle, so that one decoder reads, shows and saves all
//! (<https://github.com/msgpack/msgpack/blob/master/spec.md>).
//!
//! Types become what `msgpack.unpackb` makes of them; extension types stay as their bytes. No tree is built on the way:
//! a byte that says "nothing" costs one byte.

use super::pickle::emit::Pickler;

/// Rewrites one value.
///
/// # Errors
/// What is wrong with it, and at which byte.
pub(crate) fn to_pickle(bytes: &[u8]) -> Result<Vec<u8>, String> {
    rewritten(bytes, None)
}

/// The same for a map, with one member more, whose bytes are kept elsewhere.
///
/// # Errors
/// What is wrong with it, and at which byte.
pub(crate) fn to_pickle_with(bytes: &[u8], name: &str, member: &[u8]) -> Result<Vec<u8>, String> {
    rewritten(bytes, Some((name, member)))
}

fn rewritten(bytes: &[u8], extra: Option<(&str, &[u8])>) -> Result<Vec<u8>, String> {
    let mut reader = Reader { bytes, at: 0 };
    let mut pickler = Pickler::new();
    let mut open: Vec<Open> = Vec::new();
    loop {
        match reader.value(&mut pickler)? {
            Some(form) if extra.is_some() && open.is_empty() && form.is_list => {
                return Err(reader.why("a list where a map should be"));
            }
            Some(begun) => open.push(begun),
            None if extra.is_some() && open.is_empty() => {
                return Err(reader.why("no map"));
            }
            None => {}
        }
        // A value is complete, and with it perhaps what it was the last of.
        while let Some(container) = open.last_mut() {
            if let Some(left) = container.n_left.checked_sub(1) {
                container.n_left = left;
                break;
            }
            if let Some((name, member)) = extra.filter(|_| open.len() == 1) {
                pickler.str(name);
                pickler.bytes(member);
            }
            if let Some(done) = open.pop() {
                done.finish(&mut pickler);
            }
        }
        if open.is_empty() {
            break;
        }
    }
    match reader.bytes.len() - reader.at {
        0 => Ok(pickler.finish()),
        n => Err(format!("{n} bytes follow the value")),
    }
}

/// A list or map that was begun.
#[derive(Debug, Clone, Copy)]
struct Open {
    is_list: bool,
    /// Values that follow; of a map, keys and values.
    n_left: u64,
}

impl Open {
    fn finish(self, pickler: &mut Pickler) {
        if self.is_list {
            pickler.end_list();
        } else {
            pickler.end_dict();
        }
    }
}

struct Reader<'b> {
    bytes: &'b [u8],
    at: usize,
}

impl<'b> Reader<'b> {
    fn why(&self, found: &str) -> String {
        format!("found {found} (at byte {})", self.at)
    }

    fn take(&mut self, len: u64) -> Result<&'b [u8], String> {
        let end = usize::try_from(len).ok();
        let end = end.and_then(|len| self.at.checked_add(len));
        let taken = end.and_then(|end| self.bytes.get(self.at..end));
        let taken = taken.ok_or_else(|| self.why("the end"))?;
        self.at += taken.len();
        Ok(taken)
    }

    /// A big-endian number of so many bytes.
    fn number(&mut self, n_bytes: u64) -> Result<u64, String> {
        let bytes = self.take(n_bytes)?;
        Ok(bytes.iter().fold(0, |n, b| n << 8 | u64::from(*b)))
    }

    fn signed(&mut self, n_bytes: u32) -> Result<i64, String> {
        let shift = 64 - 8 * n_bytes;
        let number = self.number(n_bytes.into())?;
        Ok((number << shift).cast_signed() >> shift)
    }

    /// One value; a list or map is only begun.
    fn value(&mut self, pickler: &mut Pickler) -> Result<Option<Open>, String> {
        let first = self.number(1)?;
        match first {
            0x00..=0x7f => pickler.unsigned(first),
            0x80..=0x8f => return self.begin(false, first & 0x0f, pickler),
            0x90..=0x9f => return self.begin(true, first & 0x0f, pickler),
            0xa0..=0xbf => pickler.str_or_bytes(self.take(first & 0x1f)?),
            0xc0 => pickler.none(),
            0xc2 | 0xc3 => pickler.bool(first == 0xc3),
            0xc4..=0xc6 => {
                let len = self.number(1 << (first - 0xc4))?;
                pickler.bytes(self.take(len)?);
            }
            0xc7..=0xc9 => {
                let len = self.number(1 << (first - 0xc7))?;
                let _kind = self.take(1)?;
                pickler.bytes(self.take(len)?);
            }
            0xca => {
                let bits = u32::try_from(self.number(4)?).unwrap_or_default();
                pickler.float(f32::from_bits(bits).into());
            }
            0xcb => pickler.float(f64::from_bits(self.number(8)?)),
            0xcc..=0xcf => pickler.unsigned(self.number(1 << (first - 0xcc))?),
            0xd0..=0xd3 => pickler.int(self.signed(1 << (first - 0xd0))?),
            0xd4..=0xd8 => {
                let _kind = self.take(1)?;
                pickler.bytes(self.take(1 << (first - 0xd4))?);
            }
            0xd9..=0xdb => {
                let len = self.number(1 << (first - 0xd9))?;
                pickler.str_or_bytes(self.take(len)?);
            }
            0xdc | 0xdd => {
                let n = self.number(2 << (first - 0xdc))?;
                return self.begin(true, n, pickler);
            }
            0xde | 0xdf => {
                let n = self.number(2 << (first - 0xde))?;
                return self.begin(false, n, pickler);
            }
            0xe0..=0xff => pickler.int(first.cast_signed() - 0x100),
            _ => return Err(self.why(&format!("a value of the unknown type 0x{first:02x}"))),
        }
        Ok(None)
    }

    /// Each value takes a byte: what claims more of them than there are bytes is refused before any is read.
    fn begin(&self, is_list: bool, n: u64, pickler: &mut Pickler) -> Result<Option<Open>, String> {
        let n_left = if is_list { n } else { 2 * n };
        if n_left > (self.bytes.len() - self.at) as u64 {
            return Err(self.why("fewer bytes than a list or map has values"));
        }
        if is_list {
            pickler.begin_list();
        } else {
            pickler.begin_dict();
        }
        Ok(Some(Open { is_list, n_left }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::pickle;

    /// `msgpack.packb(value)` and `repr(msgpack.unpackb(packed))`, msgpack 1.2; extension types as their bytes.
    const SAMPLES: &[(&[u8], &str)] = &[
        (
            b"\x82\xa1a\x95\x01\xfe\xcb?\xf8\x00\x00\x00\x00\x00\x00\xc0\xc3\xa1b\xc4\x01\xff",
            r"{'a': [1, -2, 1.5, None, True], 'b': b'\xff'}",
        ),
        (
            b"\xdc\x00\x15\x00\x7f\xcc\x80\xcc\xff\xcd\x01\x00\xcd\xff\xff\xce\x00\x01\x00\x00\xce\xff\xff\xff\xff\
            \xcf\x00\x00\x00\x01\x00\x00\x00\x00\xcf\xff\xff\xff\xff\xff\xff\xff\xff\xff\xe0\xd0\xdf\xd0\x80\xd1\xff\x7f\
            \xd1\x80\x00\xd2\xff\xff\x7f\xff\xd2\x80\x00\x00\x00\xd3\xff\xff\xff\xff\x7f\xff\xff\xff\
            \xd3\x80\x00\x00\x00\x00\x00\x00\x00\xc2",
            "[0, 127, 128, 255, 256, 65535, 65536, 4294967295, 4294967296, 18446744073709551615, -1, -32, -33, -128, \
             -129, -32768, -32769, -2147483648, -2147483649, -9223372036854775808, False]",
        ),
        (
            b"\xde\x00\x02\xd9 yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\x00\xda\x00\x01z\xc5\x00\x01q",
            "{'yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy': 0, 'z': b'q'}",
        ),
        (b"\x94\x90\x80\x91\x90\x81\xa1a\x80", "[[], {}, [[]], {'a': {}}]"),
        (b"\xc0", "None"),
        (
            b"\x93\xd4\x05a\xc7\x03\x05abc\xd7\x06abcdefgh",
            "[b'a', b'abc', b'abcdefgh']",
        ),
        (b"\xca=\xcc\xcc\xcd", "0.10000000149011612"),
    ];

    fn repr(pickle: &[u8]) -> String {
        let decoded = pickle::decode_bytes(pickle);
        assert!(decoded.is_complete);
        decoded.value.repr(decoded.value.root(), 1000).text
    }

    #[test]
    fn it_reads_as_python_unpacks_it() {
        for (packed, expected) in SAMPLES {
            assert_eq!(&repr(&to_pickle(packed).unwrap()), expected);
            for n in 0..packed.len() {
                assert!(to_pickle(&packed[..n]).is_err(), "{expected} {n}");
            }
            assert!(to_pickle(&[packed, &b"\xc0"[..]].concat()).is_err());
        }
    }

    #[test]
    fn a_member_more_is_put_into_the_map() {
        let packed = b"\x81\xa1a\x91\x01";
        let with = to_pickle_with(packed, "body", b"x").unwrap();
        assert_eq!(repr(&with), "{'a': [1], 'body': b'x'}");
        for other in [&b"\x01"[..], b"\x91\x01", b"\xc0"] {
            assert!(to_pickle_with(other, "body", b"x").is_err());
        }
    }

    #[test]
    fn what_claims_too_much_is_refused_and_what_nests_deep_is_read() {
        for lying in [
            &[0xdd, 0xff, 0xff, 0xff, 0xff][..],
            &[0xdf, 0, 0, 0, 2, 1],
            &[0xc1],
        ] {
            assert!(to_pickle(lying).is_err());
        }
        let deep = [vec![0x91; 1_000_000], vec![0xc0]].concat();
        assert!(to_pickle(&deep).unwrap().len() < 4 * deep.len());
    }
}
