//! What stands on the disk for a database (file, `-wal`, `-shm`, `-journal`), and which rung of the ladder fits it.

use std::ffi::{OsStr, OsString};
use std::io;

use crate::model::Fingerprint;
use crate::source::{Dir, FileReader, FileType, ReadAt as _};

/// First bytes of every SQLite database (sqlite.org/fileformat2.html, 1.3).
pub(crate) const MAGIC: &[u8; 16] = b"SQLite format 3\0";
/// A write-ahead log of its header alone holds no frame (ibid., 4.1).
const WAL_HEADER_BYTES: u64 = 32;

/// A database's files at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct State {
    pub(super) main: Fingerprint,
    pub(super) wal: Option<Fingerprint>,
    pub(super) shm: Option<Fingerprint>,
    pub(super) journal: Option<Fingerprint>,
    header: Header,
}

/// The database's first 100 bytes; shorter files read as zeros.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Header([u8; 100]);

/// How a database can be read as it stands without changing anything, see the module's page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rung {
    /// Nobody writes and nothing waits in a log: the file alone is the whole truth.
    Immutable,
    /// A log with its index: read through the index, which is opened for reading only.
    SharedIndex,
    /// Rollback mode: ordinary read locks.
    Rollback,
    /// A log or journal that cannot be read in place: read from a private copy.
    Copy,
}

impl State {
    /// Looks at the files; `main` is a handle to the database itself.
    pub(super) fn look(dir: &Dir, name: &OsStr, main: &FileReader) -> io::Result<Self> {
        let mut header = [0; 100];
        main.read_full_at(0, &mut header)?;
        let stat = dir.stat(name)?;
        Ok(Self {
            main: stat.fingerprint(),
            wal: beside(dir, name, "-wal")?,
            shm: beside(dir, name, "-shm")?,
            journal: beside(dir, name, "-journal")?,
            header: Header(header),
        })
    }

    /// True if the file begins as every SQLite database does.
    pub(super) fn has_magic(&self) -> bool {
        self.header.0.starts_with(MAGIC)
    }

    /// True if a program that opens the database for writing would use a write-ahead log (bytes 18 and 19).
    pub(super) fn is_wal_mode(&self) -> bool {
        self.header.0.get(18..20).is_some_and(|v| v.contains(&2))
    }

    /// True if the log holds anything beyond its header.
    pub(super) fn has_frames(&self) -> bool {
        self.wal.is_some_and(|wal| wal.size > WAL_HEADER_BYTES)
    }

    /// True if there is a journal with anything in it.
    pub(super) fn has_journal(&self) -> bool {
        self.journal.is_some_and(|journal| journal.size > 0)
    }

    /// The rung for this state.
    ///
    /// SQLite itself goes by the presence of a `-wal` more than by the header: it opens any that is
    /// there and makes the `-shm` for it. So a plain `mode=ro` is only for a file without one.
    pub(super) fn rung(&self) -> Rung {
        if self.has_frames() {
            return match self.shm {
                Some(_) => Rung::SharedIndex,
                None => Rung::Copy,
            };
        }
        let uses_wal = self.is_wal_mode() || self.wal.is_some();
        match (uses_wal, self.has_journal()) {
            (true, false) => Rung::Immutable,
            (true, true) => Rung::Copy,
            (false, _) => Rung::Rollback,
        }
    }
}

/// The name of a file beside the database.
pub(super) fn beside_name(name: &OsStr, suffix: &str) -> OsString {
    let mut long = name.to_owned();
    long.push(suffix);
    long
}

/// A regular file beside the database; anything else under that name is as good as none,
/// as SQLite is told to follow no link.
fn beside(dir: &Dir, name: &OsStr, suffix: &str) -> io::Result<Option<Fingerprint>> {
    match dir.stat(&beside_name(name, suffix)) {
        Ok(meta) if meta.file_type == FileType::File => Ok(Some(meta.fingerprint())),
        Ok(_) => Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("its {suffix} file is not a regular file"),
        )),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e),
    }
}
