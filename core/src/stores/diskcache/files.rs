//! Value files: names that stay below the cache's own folder, and the walk that finds those no row names.

use std::ffi::{OsStr, OsString};
use std::path::{Component, Path, PathBuf};

use super::DATABASE;
use crate::model::{Issue, Severity};
use crate::source::{Dir, FileReader, FileType, Meta, path_from_bytes};
use crate::{Error, Result};

/// The path in a row's `filename`, if it stays below the cache and is not its database, which SQLite alone opens.
pub(super) fn checked(name: &[u8]) -> Result<PathBuf> {
    let fail = |why| Err(Error::damaged("Cannot open the value file", why));
    let path = path_from_bytes(name);
    let leads_out = |part| {
        matches!(
            part,
            Component::ParentDir | Component::RootDir | Component::Prefix(_)
        )
    };
    if path.components().any(leads_out) {
        return fail("its name in the database leads out of the cache");
    }
    let is_plain = path.components().all(|c| matches!(c, Component::Normal(_)));
    if name.is_empty() || name.contains(&0) || !is_plain {
        return fail("its name in the database is none that diskcache gives a file");
    }
    if name.starts_with(DATABASE.as_bytes()) {
        return fail("its name in the database is the database's own");
    }
    Ok(path)
}

/// True for `ab/cd/….val`, as diskcache names value files (`core.py: Disk.filename`, the same from 1.6 to 5.6).
pub(super) fn is_own(path: &[u8]) -> bool {
    let mut parts = path.split(|b| *b == b'/');
    let mut is_folder = || parts.next().is_some_and(is_folder_name);
    is_folder() && is_folder() && parts.next().is_some_and(is_value_name) && parts.next().is_none()
}

/// True for what a cache keeps right in its folder: its database with what SQLite puts beside it, the folders of its
/// value files, and value files themselves, which a Disk of one's own may give any name (`Disk.filename`). Databases are
/// no value files.
pub(super) fn is_beside(name: &OsStr, file_type: FileType) -> bool {
    let name = name.as_encoded_bytes();
    if file_type == FileType::Dir {
        return is_folder_name(name);
    }
    let databases: [&[u8]; 3] = [b".db", b".sqlite", b".sqlite3"];
    let is_database = databases.iter().any(|ending| name.ends_with(ending));
    name.starts_with(DATABASE.as_bytes()) || !is_database
}

/// True if there is a value file below `dir`.
pub(in crate::stores) fn has_any(dir: &Dir) -> bool {
    let inner = |dir: &Dir| folders(dir).unwrap_or_default();
    let is_value = |(name, file_type): &(OsString, FileType)| {
        *file_type == FileType::File && is_value_name(name.as_encoded_bytes())
    };
    for first in inner(dir) {
        let Ok(above) = dir.open_dir(first.as_ref()) else {
            continue;
        };
        for second in inner(&above) {
            let names = above.open_dir(second.as_ref()).and_then(|dir| dir.names());
            if names.is_ok_and(|names| names.iter().any(is_value)) {
                return true;
            }
        }
    }
    false
}

/// What is wrong with a folder of value files alone.
pub(in crate::stores) const LACKS_DATABASE: &str = "it holds value files of diskcache, and the database cache.db that \
    says what they are is missing: put that back, or open a value file by its own path";

/// Told of a folder with these names if it would be a cache, but for its database.
pub(in crate::stores) fn lacks_database(
    dir: &Dir,
    names: &[(OsString, FileType)],
) -> Option<Issue> {
    let has_folder = names.iter().any(|(name, file_type)| {
        *file_type == FileType::Dir && is_folder_name(name.as_encoded_bytes())
    });
    let has_database = || names.iter().any(|(name, _)| name == DATABASE);
    (has_folder && !has_database() && has_any(dir)).then(|| {
        let message = format!("This folder is not listed: {LACKS_DATABASE}");
        Issue::new(Severity::Warning, dir.path(), message)
    })
}

/// Opens a value file; no part of its path may be a link.
pub(super) fn open(dir: &Dir, path: &Path) -> Result<FileReader> {
    let folder = path.parent().unwrap_or("".as_ref());
    dir.open_below(folder)
        .and_then(|folder| folder.open_file(path.file_name().unwrap_or_default()))
        .map_err(|e| Error::io("Cannot open the value file", &dir.path().join(path), e))
}

/// Looks at a value file without opening it; no part of its path may be a link.
pub(super) fn stat(dir: &Dir, path: &Path) -> std::io::Result<Meta> {
    let folder = path.parent().unwrap_or("".as_ref());
    dir.open_below(folder)?
        .stat(path.file_name().unwrap_or_default())
}

/// Hands each `ab/cd/….val` below `dir` to `each`; what diskcache would not have made is left out.
pub(super) fn walk(dir: &Dir, mut each: impl FnMut(&Path, &Meta)) -> std::io::Result<()> {
    for first in folders(dir)? {
        let Ok(above) = dir.open_dir(first.as_ref()) else {
            continue;
        };
        for second in folders(&above)? {
            let Ok(folder) = above.open_dir(second.as_ref()) else {
                continue;
            };
            for (name, file_type) in folder.names()? {
                if file_type == FileType::File
                    && is_value_name(name.as_encoded_bytes())
                    && let Ok(meta) = folder.stat(&name)
                {
                    each(&Path::new(&first).join(&second).join(&name), &meta);
                }
            }
        }
    }
    Ok(())
}

/// Folders of two hex digits.
fn folders(dir: &Dir) -> std::io::Result<Vec<String>> {
    let names = dir.names()?.into_iter();
    let hex = names.filter_map(|(name, file_type)| {
        let name = name.to_str()?;
        (file_type == FileType::Dir && is_folder_name(name.as_bytes())).then(|| name.to_owned())
    });
    Ok(hex.collect())
}

/// 28 hex digits and `.val`.
pub(in crate::stores) fn is_value_name(name: &[u8]) -> bool {
    let digits = name.strip_suffix(b".val");
    digits.is_some_and(|digits| digits.len() == 28 && is_hex(digits))
}

fn is_folder_name(name: &[u8]) -> bool {
    name.len() == 2 && is_hex(name)
}

fn is_hex(text: &[u8]) -> bool {
    text.iter().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}
