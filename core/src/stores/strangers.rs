//! Formats that are no store here, told by their bytes, and what a person does with a file of each.

use std::ffi::OsStr;
use std::sync::Arc;

use crate::formats::Content;
use crate::formats::compress::Codec;
use crate::source::Dir;

/// As many bytes as the signatures below reach.
const HEAD_BYTES: usize = 512;

/// A format that is none of a cache, or of one that is not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stranger {
    /// What it is.
    pub(super) is: &'static str,
    /// What a person does with it.
    pub(super) hint: &'static str,
}

const ZIP: Stranger = Stranger {
    is: "it is a zip archive, as pandas' to_pickle, torch.save and skops write them, and those are not looked into",
    hint: "Unpack it, and open the file inside",
};
const TAR: Stranger = Stranger {
    is: "it is a tar archive, as pandas' to_pickle writes them, and those are not looked into",
    hint: "Unpack it, and open the file inside",
};
const BTREE: Stranger = Stranger {
    is: "it is a Berkeley DB btree (bsddb's btopen, DB_BTREE), and of Berkeley DB only hash files are read",
    hint: "Copy it with db_dump and db_load -t hash, and open the copy",
};
const QUEUE: Stranger = Stranger {
    is: "it is a queue of Berkeley DB, which no dbm module of Python writes",
    hint: "Open it with the program that wrote it",
};
const OLD_BERKELEY: Stranger = Stranger {
    is: "it is a file of Berkeley DB 1.85 (bsddb185, dbm.ndbm of macOS and BSD), whose format is another than that of \
         later releases",
    hint: "Copy its keys to another dbm with the Python that wrote it",
};
const LMDB: Stranger = Stranger {
    is: "it is a database of LMDB, as zict.LMDB writes them, and those are not read",
    hint: "Copy its keys to another store with Python's lmdb",
};
const NPY: Stranger = Stranger {
    is: "it is one array, as numpy.save writes it, and no cache",
    hint: "Open it with numpy.load",
};
const HDF5: Stranger = Stranger {
    is: "it is an HDF5 file, and those are not read",
    hint: "Open it with h5py or pandas",
};
const ARROW: Stranger = Stranger {
    is: "it is a Parquet or Feather file, and those are not read",
    hint: "Open it with pandas or pyarrow",
};

/// Where a signature stands, and its bytes.
///
/// Berkeley DB: magic at 12 in the byte order of the machine (`src/dbinc/db_page.h`), in 1.85 at 0 (`db.h`).
const SIGNATURES: [(usize, &[u8], Stranger); 15] = [
    (0, b"PK\x03\x04", ZIP),
    (257, b"ustar", TAR),
    (12, b"\x62\x31\x05\x00", BTREE),
    (12, b"\x00\x05\x31\x62", BTREE),
    (12, b"\x53\x22\x04\x00", QUEUE),
    (12, b"\x00\x04\x22\x53", QUEUE),
    (0, b"\x61\x15\x06\x00", OLD_BERKELEY),
    (0, b"\x00\x06\x15\x61", OLD_BERKELEY),
    (0, b"\x62\x31\x05\x00", OLD_BERKELEY),
    (0, b"\x00\x05\x31\x62", OLD_BERKELEY),
    (16, b"\xde\xc0\xef\xbe", LMDB),
    (0, b"\x93NUMPY", NPY),
    (0, b"\x89HDF\r\n\x1a\n", HDF5),
    (0, b"PAR1", ARROW),
    (0, b"ARROW1", ARROW),
];

/// The format of a file that is no store, if it is known; compressed ones are looked into.
pub(super) fn look(parent: &Dir, name: &OsStr) -> Option<Stranger> {
    let file = parent.open_file(name).ok()?;
    let content = Content::plain(Arc::new(file)).peel(Codec::detect_strictly);
    of(&content.head(HEAD_BYTES))
}

fn of(head: &[u8]) -> Option<Stranger> {
    let is_it = |(at, bytes, _): &&(usize, &[u8], Stranger)| {
        head.get(*at..)
            .is_some_and(|behind| behind.starts_with(bytes))
    };
    SIGNATURES.iter().find(is_it).map(|(_, _, found)| *found)
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
            assert!(found.is_some_and(|found| found.is.contains(word)), "{word}");
        }
        assert_eq!(of(b"PK"), None);
        assert_eq!(of(b""), None);
    }
}
