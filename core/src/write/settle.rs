//! A new store to the disk itself, before it gets a name that anybody relies on.

use std::fs::File;
use std::io;
use std::path::Path;

use super::{failed, stage};
use crate::source::{Dir, FileType};
use crate::{Error, Result};

/// Files that are waited for one by one; of more the whole file system is, which is one step.
const FEW: usize = 64;

/// Waits until all that lies in a folder is on the disk: a power cut leaves no store of empty files.
///
/// # Errors
/// What the system said.
pub(super) fn settle(folder: &Path) -> Result<()> {
    let mut waiting = vec![folder.to_owned()];
    let mut n_names = 0;
    while let Some(path) = waiting.pop() {
        let dir = Dir::open(&path)?;
        let names = dir
            .names()
            .map_err(|e| Error::io("Cannot list the new store", &path, e))?;
        n_names += names.len();
        if n_names > FEW {
            return file_system(folder).map_err(|e| failed(folder, e));
        }
        for (name, file_type) in names {
            let inside = path.join(name);
            match file_type {
                FileType::Dir => waiting.push(inside),
                FileType::File => stage::sync(&inside)?,
                _ => {}
            }
        }
        stage::sync_dir(&path);
    }
    Ok(())
}

#[cfg(target_os = "linux")]
fn file_system(folder: &Path) -> io::Result<()> {
    Ok(rustix::fs::syncfs(File::open(folder)?)?)
}

#[cfg(not(target_os = "linux"))]
fn file_system(folder: &Path) -> io::Result<()> {
    File::open(folder)?;
    #[cfg(unix)]
    rustix::fs::sync();
    Ok(())
}
