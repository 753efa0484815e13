//! Formats that are no store here, told by their bytes, and what a person does with a file of each.

use std::ffi::OsStr;
use std::sync::Arc;

use crate::formats::Content;
use crate::formats::compress::Codec;
use crate::source::Dir;

/// As many bytes as the signatures below reach.
const HEAD_BYTES: usize = 512;

/// A signature: where it stands, its bytes, and why the file was not opened.
type Stranger = (usize, &'static [u8], &'static str);

const BTREE: &str = "it is a Berkeley DB btree (bsddb's btopen, db.DB_BTREE), and Cachescope reads Berkeley DB's hash \
                     files only: copy it with db_dump and db_load -t hash, and open the copy";
const OLD_HASH: &str = "it is a hash file of Berkeley DB 1.85 (bsddb185, dbm.ndbm of macOS and BSD), which is another \
                        format than that of later releases: open it with the Python that wrote it, and copy its keys \
                        to another dbm";
const OLD_BTREE: &str = "it is a btree of Berkeley DB 1.85, which is another format than Cachescope reads: open it \
                         with the program that wrote it";
const QUEUE: &str = "it is a queue of Berkeley DB, which no dbm module of Python writes: open it with the program that \
                     wrote it";

/// Berkeley DB: `src/dbinc/db_page.h`, magic at 12 in the byte order of the machine; 1.85: `db.h`, magic at 0.
const STRANGERS: [Stranger; 15] = [
    (
        0,
        b"PK\x03\x04",
        "it is a zip archive, as pandas' to_pickle, torch.save and skops write them: Cachescope does not look into \
         those. Unpack it, and open the file inside",
    ),
    (
        257,
        b"ustar",
        "it is a tar archive, as pandas' to_pickle writes them: Cachescope does not look into those. Unpack it, and \
         open the file inside",
    ),
    (12, b"\x62\x31\x05\x00", BTREE),
    (12, b"\x00\x05\x31\x62", BTREE),
    (12, b"\x53\x22\x04\x00", QUEUE),
    (12, b"\x00\x04\x22\x53", QUEUE),
    (0, b"\x61\x15\x06\x00", OLD_HASH),
    (0, b"\x00\x06\x15\x61", OLD_HASH),
    (0, b"\x62\x31\x05\x00", OLD_BTREE),
    (0, b"\x00\x05\x31\x62", OLD_BTREE),
    (
        16,
        b"\xde\xc0\xef\xbe",
        "it is a database of LMDB, as zict.LMDB and lmdb write them, which Cachescope does not read: copy its keys to \
         another store with Python's lmdb",
    ),
    (
        0,
        b"\x93NUMPY",
        "it is one array, as numpy.save writes it, and no cache: open it with numpy.load",
    ),
    (
        0,
        b"\x89HDF\r\n\x1a\n",
        "it is an HDF5 file, which Cachescope does not read: open it with h5py or pandas",
    ),
    (
        0,
        b"PAR1",
        "it is a Parquet file, which Cachescope does not read: open it with pandas or pyarrow",
    ),
    (
        0,
        b"ARROW1",
        "it is a Feather (Arrow) file, which Cachescope does not read: open it with pandas or pyarrow",
    ),
];

/// Why a file is not opened, if its format is known; compressed ones are looked into.
pub(super) fn why(parent: &Dir, name: &OsStr) -> Option<&'static str> {
    let file = parent.open_file(name).ok()?;
    let content = Content::plain(Arc::new(file)).peel(Codec::detect_strictly);
    of(&content.head(HEAD_BYTES))
}

fn of(head: &[u8]) -> Option<&'static str> {
    let is_it = |(at, bytes, _): &&Stranger| {
        head.get(*at..)
            .is_some_and(|behind| behind.starts_with(bytes))
    };
    STRANGERS.iter().find(is_it).map(|(_, _, why)| *why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_told_by_their_bytes() {
        let at = |at: usize, bytes: &[u8]| {
            let mut head = vec![0; 600];
            head[at..at + bytes.len()].copy_from_slice(bytes);
            of(&head)
        };
        for (found, word) in [
            (at(0, b"PK\x03\x04"), "zip"),
            (at(257, b"ustar\x0000"), "tar"),
            (at(12, &0x0005_3162_u32.to_le_bytes()), "btree"),
            (at(12, &0x0005_3162_u32.to_be_bytes()), "btree"),
            (at(0, &0x0006_1561_u32.to_be_bytes()), "1.85"),
            (at(16, &0xbeef_c0de_u32.to_le_bytes()), "LMDB"),
        ] {
            assert!(found.is_some_and(|why| why.contains(word)), "{word}");
        }
        assert_eq!(of(b"PK"), None);
        assert_eq!(of(b""), None);
    }
}
