//! A folder removed with all that is in it.

use std::ffi::{OsStr, OsString};
use std::io;

use super::{remove_dir, remove_file};
use crate::source::{Dir, FileType};

/// Removes a thing and what is in it, by handles, on its own file system, following no link.
pub(in super::super) fn remove_tree(
    parent: &Dir,
    name: &OsStr,
    file_type: FileType,
) -> io::Result<()> {
    if file_type != FileType::Dir {
        return remove_file(parent, name);
    }
    let top = parent.open_dir(name)?;
    let dev = top.stat_self()?.dev;
    // Folders from the outermost to the one that is being emptied, each with its name in the one before.
    let mut open: Vec<(OsString, Dir)> = vec![(name.to_owned(), top)];
    while let Some((name, dir)) = open.pop() {
        let mut inner = None;
        for (child, file_type) in dir.names()? {
            if file_type == FileType::Dir {
                inner = Some(child);
                break;
            }
            remove_file(&dir, &child)?;
        }
        if let Some(child) = inner {
            let folder = dir.open_dir(&child)?;
            if folder.stat_self()?.dev != dev {
                return Err(io::Error::new(
                    io::ErrorKind::CrossesDevices,
                    "something is mounted in it",
                ));
            }
            open.push((name, dir));
            open.push((child, folder));
            continue;
        }
        drop(dir);
        remove_dir(open.last().map_or(parent, |(_, outer)| outer), &name)?;
    }
    Ok(())
}
