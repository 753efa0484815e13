//! SQLite databases: VACUUM in place, tried in a copy before.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::super::apply::Site;
use super::super::disk;
use super::super::quarantine::{SCRAP, Shelf};
use super::Gain;
use crate::scan::Cancel;
use crate::source::Dir;
use crate::{Error, Result, sqlite};

pub(super) fn predict(site: &Site, files: &[PathBuf]) -> Result<Gain> {
    let mut gain = Gain {
        bytes_before: 0,
        bytes_after: 0,
    };
    for file in files {
        let (dir, name) = place(site, file)?;
        let pages = sqlite::page_bytes(dir, name)?;
        gain.bytes_before += pages.all;
        gain.bytes_after += pages.used;
    }
    Ok(gain)
}

pub(super) fn compact(
    site: &Site,
    files: &[PathBuf],
    shelf: &Shelf,
    cancel: &Cancel,
) -> Result<Gain> {
    let bytes_before = bytes(site, files)?;
    for file in files {
        cancel.check()?;
        let (dir, name) = place(site, file)?;
        // One that has no room to give is left alone.
        let pages = sqlite::page_bytes(place(site, file)?.0, name)?;
        if pages.used == pages.all {
            continue;
        }
        let copy = shelf.dir.path().join(SCRAP);
        let compacted = sqlite::compact(&dir, name, &copy, cancel);
        disk::remove_file(&shelf.dir, SCRAP.as_ref()).ok();
        compacted?;
    }
    Ok(Gain {
        bytes_before,
        bytes_after: bytes(site, files)?,
    })
}

/// Bytes of the databases with their logs.
fn bytes(site: &Site, files: &[PathBuf]) -> Result<u64> {
    let mut bytes = 0;
    for file in files {
        let (dir, name) = place(site, file)?;
        bytes += dir.stat(name).map_or(0, |meta| meta.size);
    }
    Ok(bytes)
}

fn place<'f>(site: &Site, file: &'f Path) -> Result<(Dir, &'f OsStr)> {
    let outer = file.parent().unwrap_or(Path::new(""));
    let dir = site
        .base
        .open_below(outer)
        .map_err(|e| Error::io("Cannot compact the store", &site.base.path().join(file), e))?;
    Ok((dir, file.file_name().unwrap_or_default()))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;

    use super::super::{Word, compact};
    use crate::scan::Cancel;

    #[test]
    fn a_database_in_a_folder_whose_name_is_no_text_is_compacted() {
        let temp = tempfile::tempdir().unwrap();
        let folder = temp.path().join(OsStr::from_bytes(b"caf\xe9"));
        std::fs::create_dir(&folder).unwrap();
        let path = folder.join("made.db");
        let connection = rusqlite::Connection::open(&path).unwrap();
        connection
            .execute_batch(
                "CREATE TABLE t (key TEXT PRIMARY KEY, value BLOB); \
                 INSERT INTO t VALUES ('a', zeroblob(100000)), ('b', x'01'); DELETE FROM t WHERE key = 'a'",
            )
            .unwrap();
        drop(connection);
        let info = crate::stores::open_all(&path).unwrap().remove(0);
        let gain = compact(&info, Word::NotGiven, &Cancel::default()).unwrap();
        assert!(gain.bytes() > 90_000, "{gain:?}");
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1);
    }
}
