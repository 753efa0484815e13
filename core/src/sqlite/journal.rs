//! Rollback journals: whether one would be rolled back, and its super-journal's name taken out of a copy.
//!
//! Layout: sqlite.org/fileformat2.html 3, `pager.c: readSuperJournal, writeSuperJournal` of SQLite 3.54.
//! A super-journal ties the journals of several databases together. As long as it exists the journals
//! that name it are rolled back; once it is gone their transaction is committed. SQLite deletes the
//! named file after a roll-back, wherever it lies, so a copy must not name any.

use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;

use crate::source::{Dir, ReadAt};

const MAGIC: [u8; 8] = [0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7];
/// Length, checksum and magic behind the name.
const TAIL_BYTES: u64 = 16;
/// Page number that marks the record, before the name.
const MARK_BYTES: u64 = 4;
/// Longest path that is taken for one.
const NAME_BYTES: u32 = 4096;

/// A super-journal's name at the end of a journal.
struct SuperName {
    name: Vec<u8>,
    /// Where its record begins.
    offset: u64,
}

/// True if SQLite would roll the journal back: it has a header, and its super-journal, if any, is there.
pub(super) fn rolls_back(dir: &Dir, name: &OsStr) -> io::Result<bool> {
    let journal = dir.open_file(name)?;
    let mut first = [0; 8];
    journal.read_full_at(0, &mut first)?;
    if first != MAGIC {
        return Ok(false);
    }
    Ok(match super_name(&journal)? {
        Some(found) if is_super_name(&found.name) => exists(dir, &found.name),
        _ => true,
    })
}

/// True if the journal names a super-journal: whoever rolls it back deletes the file of that name.
pub(super) fn names_a_file(dir: &Dir, name: &OsStr) -> io::Result<bool> {
    match dir.open_file(name) {
        Ok(journal) => Ok(super_name(&journal)?.is_some()),
        // The transaction has ended since.
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(e) => Err(e),
    }
}

/// `…-mjXXXXXX9XX` in hex digits (`pager.c: pagerIsSuperJrnlName`); SQLite takes anything else for no name.
fn is_super_name(name: &[u8]) -> bool {
    let Some(tail) = name.last_chunk::<12>() else {
        return false;
    };
    matches!(tail, [b'-', b'm', b'j', digits @ .., b'9', x, y]
        if digits.iter().chain([x, y]).all(u8::is_ascii_hexdigit))
}

/// Looks only where the database itself lies: other places are a stranger's word, taken as "still there",
/// which shows the state before the transaction.
fn exists(dir: &Dir, path: &[u8]) -> bool {
    let folder = dir.path().as_os_str().as_encoded_bytes();
    let name = path
        .strip_prefix(folder)
        .and_then(|rest| rest.strip_prefix(b"/"))
        .filter(|name| !name.contains(&b'/'))
        .and_then(|name| std::str::from_utf8(name).ok());
    match name {
        // What cannot be looked at may well be there.
        Some(name) => {
            !matches!(dir.stat(name.as_ref()), Err(e) if e.kind() == io::ErrorKind::NotFound)
        }
        None => true,
    }
}

/// Takes the name out of a copied journal.
#[expect(
    clippy::disallowed_methods,
    reason = "a file in a private folder of our own"
)]
pub(super) fn strip_super_name(copy: &Path) -> io::Result<()> {
    let file = OpenOptions::new().read(true).write(true).open(copy)?;
    if let Some(found) = super_name(&OfFile(&file))? {
        file.set_len(found.offset)?;
    }
    Ok(())
}

fn super_name(journal: &dyn ReadAt) -> io::Result<Option<SuperName>> {
    let Some(tail_at) = journal.len().checked_sub(TAIL_BYTES) else {
        return Ok(None);
    };
    let (mut len, mut sum, mut magic) = ([0; 4], [0; 4], [0; 8]);
    journal.read_full_at(tail_at, &mut len)?;
    journal.read_full_at(tail_at + 4, &mut sum)?;
    journal.read_full_at(tail_at + 8, &mut magic)?;
    let len = u32::from_be_bytes(len);
    let offset = tail_at.checked_sub(u64::from(len) + MARK_BYTES);
    let (MAGIC, 1..=NAME_BYTES, Some(offset)) = (magic, len, offset) else {
        return Ok(None);
    };
    let mut name = vec![0; usize::try_from(len).unwrap_or(0)];
    journal.read_full_at(offset + MARK_BYTES, &mut name)?;
    // C's `char` is signed on the machines that SQLite's checksum was written on.
    let added = name.iter().fold(0_u32, |sum, byte| {
        sum.wrapping_add_signed(i32::from(byte.cast_signed()))
    });
    let is_whole = added == u32::from_be_bytes(sum);
    Ok(is_whole.then_some(SuperName { name, offset }))
}

/// A file of our own as [`ReadAt`].
struct OfFile<'a>(&'a File);

impl ReadAt for OfFile<'_> {
    fn len(&self) -> u64 {
        self.0.metadata().map_or(0, |m| m.len())
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        use std::io::{Read as _, Seek as _};
        let mut file = self.0;
        file.seek(io::SeekFrom::Start(offset))?;
        file.read(buf)
    }
}
