//! `FileSystemCache` of cachelib, which Flask-Caching and Flask-Session use, and before it of werkzeug: a folder of one
//! value a file, each with the time when it expires and then a pickle.
//!
//! `cachelib/file.py`, checked with 0.1 to 0.17; `werkzeug/contrib/cache.py`, checked with 0.9 to 0.16. The time is four
//! bytes from cachelib 0.7 on (`struct.pack("I")`, in the order of the machine, and big-endian ones are not read),
//! before it a pickle of its own; 0 is never. Values of a serializer other than pickle are not read.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::io;

use super::files::{FileKind, FileStore, Front, some_names};
use crate::formats::{Carrier, Preview, pickle};
use crate::model::{Role, Time};
use crate::source::Dir;
use crate::{Error, Result};

pub(super) static CACHELIB: FileStore<Cachelib> = FileStore(Cachelib);

/// Values by the hash of their keys.
pub(super) struct Cachelib;

/// Hex digits of a name: MD5, from 0.17 on SHA-256, and what else of hashlib a program may choose (`hash_method`).
const DIGITS: [usize; 6] = [32, 40, 56, 64, 96, 128];
/// cachelib writes into a file of `tempfile.mkstemp` and moves it into place (`_fs_transaction_suffix`).
const TEMPORARY: &[u8] = b".__wz_cache";
/// MD5, SHA-1 and SHA-256 of `__wz_cache_count`: under this key it keeps how many files there are (`_fs_count_file`).
const COUNTS: [&str; 3] = [
    "2029240f6d1128be89ddc32729463129",
    "80d3cafea24da587f3764648fcc4f8d595e298ee",
    "79bc207ee04a581ab2348ca1f3494e64cd0ec36128735b8c6bc85ddd8fe1938c",
];
/// More than a time takes, in either form, and the first bytes of a value.
const FRONT_BYTES: usize = 64;
/// No earlier time is one: in 2001 nobody had the library.
const EARLIEST: i64 = 1_000_000_000;

impl FileKind for Cachelib {
    const KIND: &'static [&'static str] = &["cachelib-file"];
    const IS_OF_FOLDERS: bool = false;
    const HIDES_SECRETS: bool = false;
    const HAS_TIMES_IN_VALUES: bool = false;

    fn writer(&self, dir: &Dir) -> io::Result<Option<String>> {
        let names = some_names(dir, is_hash)?;
        let mut fronts = names.iter().filter_map(|name| front_of(dir, name).ok()?);
        Ok(fronts.next().map(|front| {
            let writer = if front.start == TIME_BYTES {
                "cachelib"
            } else {
                "werkzeug, or cachelib before 0.7"
            };
            writer.to_owned()
        }))
    }

    fn role(&self, dir: &Dir, name: &OsStr) -> Option<Role> {
        if is_hash(name) {
            return (!is_count(name)).then_some(Role::Entry);
        }
        // A person's own file may be called so.
        let is_empty = || dir.stat(name).is_ok_and(|meta| meta.size == 0);
        let is_left_over = is_temporary(name)
            && (is_empty() || front_of(dir, name).is_ok_and(|front| front.is_some()));
        is_left_over.then_some(Role::Orphan)
    }

    fn is_own(_dir: &Dir, name: &OsStr) -> bool {
        is_hash(name) || is_temporary(name)
    }

    fn front(&self, dir: &Dir, name: &OsStr) -> Result<Front> {
        let path = dir.path().join(name);
        let front =
            front_of(dir, name).map_err(|e| Error::io("Cannot read the entry", &path, e))?;
        front.ok_or_else(|| {
            Error::damaged(
                "Cannot read the stored value",
                "it does not begin with the time when it expires and a pickle",
            )
            .at(&path)
        })
    }

    fn facts(&self, _preview: &Preview) -> Vec<(Cow<'static, str>, String)> {
        let fact = "cachelib keeps only the hash of the key".to_owned();
        vec![("key".into(), fact)]
    }

    /// `file.py: _update_count, __init__`.
    fn note(&self, dir: &Dir) -> Option<&'static str> {
        let has_count = COUNTS.iter().any(|name| dir.stat(name.as_ref()).is_ok());
        has_count.then_some(
            "cachelib counts its files anew when a program opens the cache: one that has it open now goes on with the \
             number before, and may drop entries sooner",
        )
    }
}

fn is_hash(name: &OsStr) -> bool {
    let name = name.as_encoded_bytes();
    let is_digit = |b: &u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
    DIGITS.contains(&name.len()) && name.iter().all(is_digit)
}

fn is_count(name: &OsStr) -> bool {
    COUNTS.iter().any(|count| name == *count)
}

fn is_temporary(name: &OsStr) -> bool {
    name.as_encoded_bytes().ends_with(TEMPORARY)
}

/// Bytes of a time that is no pickle.
const TIME_BYTES: u64 = 4;

/// Reads the time; `None` if the file does not begin with one and a pickle.
fn front_of(dir: &Dir, name: &OsStr) -> io::Result<Option<Front>> {
    let mut bytes = Vec::with_capacity(FRONT_BYTES);
    dir.read_small(name, FRONT_BYTES, &mut bytes)?;
    Ok(packed(&bytes).or_else(|| pickled(&bytes)))
}

/// Both since Python 3.4: its highest protocols begin so.
fn packed(bytes: &[u8]) -> Option<Front> {
    let (time, value) = bytes.split_first_chunk()?;
    let is_pickle = matches!(value, [0x80, 4 | 5, ..]);
    let time = i64::from(u32::from_le_bytes(*time));
    front(time, TIME_BYTES).filter(|_| is_pickle)
}

/// Two pickles, the first by protocol 1, or in cachelib 0.5 and 0.6 by the highest.
fn pickled(bytes: &[u8]) -> Option<Front> {
    let is_number = matches!(bytes.first()?, b'I' | b'J' | b'K' | b'L' | b'M' | 0x80);
    if !is_number {
        return None;
    }
    let decoded = pickle::decode_bytes(bytes);
    let time = decoded.value.int(decoded.value.root())?;
    let value = bytes.get(usize::try_from(decoded.end).ok()?..)?;
    let is_pickle = matches!(value, [0x80, 2..=5, ..]);
    front(time, decoded.end).filter(|_| is_pickle)
}

fn front(time: i64, start: u64) -> Option<Front> {
    let expires = match time {
        0 => None,
        EARLIEST.. => Time::from_store_secs(time),
        _ => return None,
    };
    Some(Front {
        start,
        carrier: Carrier::Pickle,
        expires,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Cancel, Progress, Snapshot};
    use crate::stores::{Store, open_all};

    fn check(bytes: &[u8], expected: Option<(u64, Option<i64>)>) {
        let found = packed(bytes).or_else(|| pickled(bytes));
        let found = found.map(|front| (front.start, front.expires));
        let expected = expected.map(|(start, secs)| (start, secs.map(|s| Time::from_unix(s, 0))));
        assert_eq!(found, expected, "{}", bytes.escape_ascii());
    }

    #[test]
    fn fronts_of_every_release_are_read_and_others_are_none() {
        // cachelib 0.17, Python 3.11: `set("count", 7, 0)`, and `set("user:1", …)` until 2051.
        check(b"\0\0\0\0\x80\x05K\x07.", Some((4, None)));
        check(b"\x90Db\x99\x80\x05}\x94.", Some((4, Some(2_573_354_128))));
        // cachelib 0.4.1 and 0.5.0, Python 3.11, and werkzeug 0.9.6, Python 2.7.
        check(b"K\0.\x80\x05K\x07.", Some((3, None)));
        check(
            b"J\xbc\x09\x09k.\x80\x05]\x94.",
            Some((6, Some(1_795_754_428))),
        );
        check(
            b"\x80\x05\x95\x06\0\0\0\0\0\0\0J\xd6\x14\x09k.\x80\x05]\x94.",
            Some((17, Some(1_795_757_270))),
        );
        check(
            b"L2573354128L\n.\x80\x05}.",
            Some((14, Some(2_573_354_128))),
        );
        check(
            b"I2573354129\n.\x80\x02}q\x01.",
            Some((13, Some(2_573_354_129))),
        );
        for other in [
            &b""[..],
            b"\0\0\0\0",
            // A number that is no time, a pickle of a protocol that cachelib never wrote, no pickle.
            b"\x01\0\0\0\x80\x05K\x07.",
            b"\0\0\0\0\x80\x02K\x07.",
            b"\0\0\0\0text",
            b"K\x05.\x80\x05K\x07.",
            b"K\0.",
            b"K\0.text",
            b"\x80\x05}\x94.\x80\x05K\x07.",
        ] {
            check(other, None);
        }
    }

    #[test]
    fn of_a_folder_the_librarys_own_files_are_listed() {
        let temp = tempfile::tempdir().unwrap();
        let write = |name: &str, bytes: &[u8]| {
            #[expect(clippy::disallowed_methods, reason = "tests make their own files")]
            std::fs::write(temp.path().join(name), bytes).unwrap();
        };
        let entry = b"\0\0\0\0\x80\x05K\x07.";
        let hash = "e2942a04780e223b215eb8b663cf5353";
        write(hash, entry);
        write(COUNTS[0], entry);
        write("tmpab_0z9q1.__wz_cache", entry);
        write("notes.__wz_cache", b"my notes");
        write("e2942a04780e223b215eb8b663cf5353.txt", entry);
        write("0123", entry);
        let info = open_all(temp.path()).unwrap().remove(0);
        assert_eq!(
            (info.kind, info.writer.as_deref()),
            ("cachelib-file", Some("cachelib"))
        );
        let store = Store::open(&info).unwrap();
        let snapshot = Snapshot::read(&store, &Cancel::default(), &Progress::default()).unwrap();
        let mut found: Vec<_> = snapshot
            .records()
            .map(|(_, record)| (record.key_text().into_owned(), record.role))
            .collect();
        found.sort_by(|a, b| a.0.cmp(&b.0));
        let left_over = "tmpab_0z9q1.__wz_cache".to_owned();
        assert_eq!(
            found,
            [(hash.to_owned(), Role::Entry), (left_over, Role::Orphan)]
        );
    }
}
