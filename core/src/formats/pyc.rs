//! The header of a `.pyc` file: which Python wrote it, and from which source (`Lib/importlib/_bootstrap_external.py`).

use std::fmt;
use std::hash::Hasher;
use std::io;

use siphasher::sip::{SipHasher13, SipHasher24};

use super::marshal::CodeLayout;
use crate::model::Time;
use crate::source::ReadAt;

/// Bytes of the longest header.
pub const HEADER_BYTES: usize = 16;

/// What the header of a `.pyc` file says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// The number that each bytecode version of Python has.
    pub magic: u16,
    /// What ties the file to its source.
    pub origin: Origin,
    /// Offset of the marshalled code, in bytes.
    pub len: usize,
}

/// How a `.pyc` names the source that it was compiled from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// Seconds of the source's last change, and its size (from 3.3 on), both modulo 2³².
    Source {
        /// Seconds since 1970.
        mtime: u32,
        /// Bytes; `None` before Python 3.3.
        size: Option<u32>,
    },
    /// A hash of the source's bytes (PEP 552).
    Hash {
        /// `SipHash` keyed with the magic number.
        hash: [u8; 8],
        /// True if Python compares it at each import.
        is_checked: bool,
    },
}

/// Python's version as far as a magic number tells: `3.11`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PythonVersion {
    /// 2 or 3.
    pub major: u8,
    /// The number behind the point.
    pub minor: u8,
}

impl fmt::Display for PythonVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// First magic number of each version's range, newest first (the list in `_bootstrap_external.py`, 3.14).
const FIRST_MAGIC: [(u16, u8, u8); 17] = [
    (3650, 3, 15),
    (3600, 3, 14),
    (3550, 3, 13),
    (3500, 3, 12),
    (3450, 3, 11),
    (3430, 3, 10),
    (3420, 3, 9),
    (3400, 3, 8),
    (3390, 3, 7),
    (3360, 3, 6),
    (3320, 3, 5),
    (3250, 3, 4),
    (3190, 3, 3),
    (3160, 3, 2),
    (3141, 3, 1),
    (3000, 3, 0),
    (0, 0, 0),
];
/// Python 2.7's numbers; those of Python 3 end far below.
const MAGIC_2_7: std::ops::RangeInclusive<u16> = 62171..=62211;
const LAST_MAGIC_3: u16 = 4000;
/// 3.3: "added size modulo 2**32 to the pyc header".
const FIRST_WITH_SIZE: u16 = 3210;
/// 3.7: PEP 552, deterministic pycs.
const FIRST_WITH_FLAGS: u16 = 3392;
/// 3.11: `_imp.source_hash` went from SipHash-2-4 to SipHash-1-3.
const FIRST_WITH_SIPHASH13: u16 = 3450;
/// Carriage return and line feed tell a copy that went through a text mode.
const MAGIC_TAIL: [u8; 2] = *b"\r\n";

impl Header {
    /// Reads the header at the front of a file; `None` if it is none.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let word = |at: usize| {
            let four = bytes.get(at..)?.first_chunk::<4>()?;
            Some(u32::from_le_bytes(*four))
        };
        let [low, high, tail @ ..] = bytes.first_chunk::<4>()?;
        let magic = u16::from_le_bytes([*low, *high]);
        if *tail != MAGIC_TAIL || version(magic).is_none() {
            return None;
        }
        let mtime = |at| word(at);
        let (origin, len) = if MAGIC_2_7.contains(&magic) || magic < FIRST_WITH_SIZE {
            let (mtime, size) = (mtime(4)?, None);
            (Origin::Source { mtime, size }, 8)
        } else if magic < FIRST_WITH_FLAGS {
            let (mtime, size) = (mtime(4)?, Some(word(8)?));
            (Origin::Source { mtime, size }, 12)
        } else {
            let origin = match word(4)? {
                0 => Origin::Source {
                    mtime: mtime(8)?,
                    size: Some(word(12)?),
                },
                flags @ (1 | 3) => Origin::Hash {
                    hash: *bytes.get(8..)?.first_chunk()?,
                    is_checked: flags == 3,
                },
                _ => return None,
            };
            (origin, 16)
        };
        Some(Self { magic, origin, len })
    }

    /// The magic number at the front of a file that is a `.pyc` of a Python which is not known here: `PyPy`, or one yet
    /// to come. Only the two bytes behind the number tell, so that the file's name has to speak for it as well.
    pub fn unknown_magic(bytes: &[u8]) -> Option<u16> {
        let [low, high, tail @ ..] = bytes.first_chunk::<4>()?;
        let magic = u16::from_le_bytes([*low, *high]);
        (*tail == MAGIC_TAIL && version(magic).is_none()).then_some(magic)
    }

    /// The Python that wrote it.
    pub fn python(&self) -> PythonVersion {
        version(self.magic).unwrap_or(PythonVersion { major: 3, minor: 0 })
    }

    /// How its code objects are laid out.
    pub fn layout(&self) -> CodeLayout {
        match self.python() {
            PythonVersion { major: 2, .. } => CodeLayout::V2,
            PythonVersion { minor: 0..=7, .. } => CodeLayout::V3,
            PythonVersion { minor: 8..=10, .. } => CodeLayout::V3_8,
            _ => CodeLayout::V3_11,
        }
    }

    /// The hash that this Python would write for a source (`_imp.source_hash`).
    ///
    /// # Errors
    /// What the system said while reading it.
    pub fn hash_of(&self, source: &dyn ReadAt) -> io::Result<[u8; 8]> {
        // The key is the magic number with its tail, as one little-endian integer.
        let [low, high] = self.magic.to_le_bytes();
        let [cr, lf] = MAGIC_TAIL;
        let key = u64::from(u32::from_le_bytes([low, high, cr, lf]));
        let hash = if self.magic >= FIRST_WITH_SIPHASH13 {
            hashed(source, SipHasher13::new_with_keys(key, 0))
        } else {
            hashed(source, SipHasher24::new_with_keys(key, 0))
        };
        Ok(hash?.to_le_bytes())
    }

    /// True if a source changed at `modified` with `size` bytes is the one that was compiled, by Python's own rule.
    pub fn is_from(&self, modified: Time, size: u64) -> bool {
        let low = |n: u64| u32::try_from(n & u64::from(u32::MAX)).unwrap_or(0);
        match self.origin {
            Origin::Source {
                mtime,
                size: recorded,
            } => {
                low(modified.secs().cast_unsigned()) == mtime
                    && recorded.is_none_or(|recorded| recorded == low(size))
            }
            Origin::Hash { .. } => true,
        }
    }
}

/// Bytes of a source that are in memory at a time.
const CHUNK: usize = 64 << 10;

fn hashed(source: &dyn ReadAt, mut hasher: impl Hasher) -> io::Result<u64> {
    let mut chunk = vec![0; CHUNK];
    let mut at = 0;
    loop {
        let n = source.read_full_at(at, &mut chunk)?;
        hasher.write(chunk.get(..n).unwrap_or_default());
        at += n as u64;
        if n < CHUNK {
            return Ok(hasher.finish());
        }
    }
}

fn version(magic: u16) -> Option<PythonVersion> {
    if MAGIC_2_7.contains(&magic) {
        return Some(PythonVersion { major: 2, minor: 7 });
    }
    if !(3000..LAST_MAGIC_3).contains(&magic) {
        return None;
    }
    let (_, major, minor) = FIRST_MAGIC
        .into_iter()
        .find(|(first, ..)| *first <= magic)?;
    Some(PythonVersion { major, minor })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::MemoryReader;

    fn check(bytes: &[u8], python: &str, origin: Origin, len: usize) {
        let header = Header::parse(bytes).unwrap();
        assert_eq!(
            (header.python().to_string(), header.origin, header.len),
            (python.to_owned(), origin, len)
        );
    }

    #[test]
    fn each_python_has_its_header() {
        let tail = [0x10, 0, 0, 0, 0x20, 0, 0, 0, 0x30, 0, 0, 0];
        let bytes = |magic: u16| [&magic.to_le_bytes()[..], b"\r\n", &tail].concat();
        check(
            &bytes(62211),
            "2.7",
            Origin::Source {
                mtime: 16,
                size: None,
            },
            8,
        );
        check(
            &bytes(3379),
            "3.6",
            Origin::Source {
                mtime: 16,
                size: Some(32),
            },
            12,
        );
        let mut newest = bytes(3571);
        newest[4] = 0;
        check(
            &newest,
            "3.13",
            Origin::Source {
                mtime: 32,
                size: Some(48),
            },
            16,
        );
        newest[4] = 3;
        let hash = [0x20, 0, 0, 0, 0x30, 0, 0, 0];
        check(
            &newest,
            "3.13",
            Origin::Hash {
                hash,
                is_checked: true,
            },
            16,
        );
        newest[4] = 2;
        assert_eq!(Header::parse(&newest), None);
        assert_eq!(Header::parse(b"\x03\xf3\n\n\0\0\0\0"), None);
        assert_eq!(Header::parse(&bytes(3571)[..9]), None);
    }

    #[test]
    fn a_magic_number_that_is_not_known_is_told_from_damage() {
        for (bytes, magic) in [
            (&b"\x50\x01\r\n\0\0\0\0"[..], Some(336)),
            (b"\x50\x01\n\n\0\0\0\0", None),
            (b"\xf3\x0d\r\n\x02\0\0\0", None),
            (b"\x50\x01\r", None),
        ] {
            assert_eq!(Header::unknown_magic(bytes), magic, "{bytes:?}");
        }
    }

    #[test]
    fn source_hashes_are_pythons() {
        // _imp.source_hash(importlib.util._RAW_MAGIC_NUMBER, b"x = 1\n") in 3.8.18 and 3.13.0
        let header = |magic| Header {
            magic,
            origin: Origin::Source {
                mtime: 0,
                size: None,
            },
            len: 16,
        };
        let check = |magic, source: &[u8], hash: [u8; 8]| {
            let source = MemoryReader::new(source);
            assert_eq!(header(magic).hash_of(&source).unwrap(), hash);
        };
        check(3413, b"x = 1\n", [21, 6, 240, 143, 50, 191, 63, 243]);
        check(3571, b"x = 1\n", [231, 134, 226, 137, 54, 81, 18, 14]);
        // Of b"x = 1\n" * 30_000, which is read in three pieces.
        let long = b"x = 1\n".repeat(30_000);
        check(3413, &long, [118, 119, 146, 159, 42, 80, 36, 28]);
        check(3571, &long, [153, 31, 209, 234, 11, 61, 36, 11]);
    }
}
