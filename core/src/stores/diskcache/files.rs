//! Value files: names that stay below the cache's own folder, and the walk that finds those no row names.

use std::ffi::OsStr;
use std::path::{Component, Path, PathBuf};

use super::path_from_bytes;
use crate::source::{Dir, FileReader, FileType, Meta};
use crate::{Error, Result};

/// The path in a row's `filename`, if it stays below the cache.
pub(super) fn checked(name: &[u8]) -> Result<PathBuf> {
    let path = path_from_bytes(name);
    let is_below = !name.is_empty()
        && !name.contains(&0)
        && path.components().all(|c| matches!(c, Component::Normal(_)));
    if is_below {
        return Ok(path);
    }
    Err(Error::damaged(
        "Cannot open the value file",
        "its name in the database leads out of the cache",
    ))
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
                    && is_value_name(&name)
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
        (file_type == FileType::Dir && name.len() == 2 && is_hex(name)).then(|| name.to_owned())
    });
    Ok(hex.collect())
}

/// 28 hex digits and `.val` (`core.py: Disk.filename`).
fn is_value_name(name: &OsStr) -> bool {
    let digits = name.to_str().and_then(|name| name.strip_suffix(".val"));
    digits.is_some_and(|digits| digits.len() == 28 && is_hex(digits))
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}
