//! SQLite databases: VACUUM in place, tried in a copy before.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::super::apply::Site;
use super::super::disk;
use super::super::quarantine::{SCRAP, Shelf};
use super::Gain;
use crate::model::Cancel;
use crate::source::Dir;
use crate::sqlite::{self, Database, Slack};
use crate::{Error, Result};

pub(super) fn predict(site: &Site, files: &[PathBuf]) -> Result<Gain> {
    let mut gain = Gain {
        bytes_before: 0,
        bytes_after: 0,
    };
    for file in files {
        let slack = slack(site, file)?;
        // The log is emptied into the database.
        gain.bytes_before += slack.bytes + slack.log_bytes;
        gain.bytes_after += slack.bytes.saturating_sub(slack.free_bytes);
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
        let slack = slack(site, file)?;
        if slack.free_bytes + slack.log_bytes == 0 {
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

fn slack(site: &Site, file: &Path) -> Result<Slack> {
    let (dir, name) = place(site, file)?;
    Database::new(dir, name).slack(&Cancel::default())
}

/// Bytes of the databases with their logs.
fn bytes(site: &Site, files: &[PathBuf]) -> Result<u64> {
    let mut bytes = 0;
    for file in files {
        let (dir, name) = place(site, file)?;
        let mut log = name.to_owned();
        log.push("-wal");
        for part in [name, log.as_os_str()] {
            bytes += dir.stat(part).map_or(0, |meta| meta.size);
        }
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
    use crate::model::Cancel;

    #[test]
    fn a_log_that_a_database_drags_along_is_given_back() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("made.db");
        let connection = rusqlite::Connection::open(&path).unwrap();
        connection
            .execute_batch(
                "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0; \
                 CREATE TABLE t (key TEXT PRIMARY KEY, value BLOB); INSERT INTO t VALUES ('b', x'01')",
            )
            .unwrap();
        for n in 0..100 {
            let value = vec![n; 3_000];
            let sql = "INSERT OR REPLACE INTO t VALUES ('a', ?1)";
            connection.execute(sql, [value]).unwrap();
        }
        // A program that was killed leaves its log behind.
        let left = temp.path().join("left");
        std::fs::create_dir(&left).unwrap();
        for name in ["made.db", "made.db-wal"] {
            std::fs::copy(temp.path().join(name), left.join(name)).unwrap();
        }
        let path = left.join("made.db");
        let before = std::fs::metadata(left.join("made.db-wal")).unwrap().len();
        let info = crate::stores::open_all(&path).unwrap().remove(0);
        assert!(super::super::predict(&info).unwrap().bytes() >= before / 2);
        let gain = compact(&info, Word::NotGiven, &Cancel::default()).unwrap();
        assert!(gain.bytes() >= before / 2, "{gain:?}, a log of {before}");
        let connection = rusqlite::Connection::open(&path).unwrap();
        let n: i64 = connection
            .query_row("SELECT count(*) FROM t", [], |row| row.get(0))
            .unwrap();
        assert_eq!(n, 2);
    }

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
