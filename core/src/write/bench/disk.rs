//! What a trial asks of the disk: the files below a folder, and to forget what it keeps of them in memory.

use std::fs::File;
use std::path::{Path, PathBuf};

use crate::model::Cancel;
use crate::source::{Dir, FileType};
use crate::{Error, Result};

/// `TMPFS_MAGIC` of Linux: such files are nowhere but in memory.
#[cfg(target_os = "linux")]
const TMPFS: i64 = 0x0102_1994;

/// Hands every file below a folder to `each`, with the bytes that it takes on the disk.
pub(super) fn each_file(folder: &Path, cancel: &Cancel, each: &mut dyn FnMut(u64)) -> Result<()> {
    let mut waiting = vec![folder.to_owned()];
    while let Some(path) = waiting.pop() {
        cancel.check()?;
        let dir = Dir::open(&path)?;
        let fail = |e| Error::io("Cannot list the folder", &path, e);
        for (name, file_type) in dir.names().map_err(fail)? {
            if file_type == FileType::Dir {
                waiting.push(path.join(&name));
            } else {
                let meta = dir.stat(&name).map_err(fail)?;
                each(meta.disk_bytes);
            }
        }
    }
    Ok(())
}

/// Asks the system to drop the pages of an entry's files; false where it cannot.
pub(super) fn forget(paths: &[PathBuf]) -> bool {
    paths.iter().all(|path| {
        let dropped = File::open(path).and_then(|file| drop_pages(&file));
        dropped.unwrap_or(false)
    })
}

#[cfg(target_os = "linux")]
fn drop_pages(file: &File) -> std::io::Result<bool> {
    let system = rustix::fs::fstatfs(file)?;
    if system.f_type == TMPFS {
        return Ok(false);
    }
    // Only pages that are on the disk can be dropped.
    file.sync_all()?;
    rustix::fs::fadvise(file, 0, None, rustix::fs::Advice::DontNeed)?;
    Ok(true)
}

#[cfg(not(target_os = "linux"))]
#[expect(clippy::unnecessary_wraps, reason = "as on Linux")]
fn drop_pages(_file: &File) -> std::io::Result<bool> {
    Ok(false)
}
