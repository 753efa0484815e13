//! A folder of ours beside the place of a new store: locked while we work, swept by the next run if we were killed.

#![expect(
    clippy::disallowed_methods,
    reason = "makes new files in a folder of its own, and removes that folder"
)]

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use super::failed;
use crate::source::{Dir, FileType};
use crate::{Error, Result};

/// Beginning of the folder's name; what stands behind it tells runs apart.
pub(crate) const PREFIX: &str = ".cachescope-new-";

/// Held while the folder is in use; a lock ends with its process.
const LOCK: &str = "lock";

/// The folder; removed with all that is left in it when dropped.
#[derive(Debug)]
pub(crate) struct Stage {
    path: PathBuf,
    /// Where what is made belongs.
    parent: PathBuf,
    _lock: File,
}

impl Stage {
    /// Makes one in `parent`, after removing those whose process is gone.
    ///
    /// # Errors
    /// If nothing can be made there.
    pub(crate) fn new_in(parent: &Path) -> Result<Self> {
        sweep(parent);
        let fail = |e| Error::io("Cannot make a folder for the new store", parent, e);
        let made = tempfile::Builder::new()
            .prefix(PREFIX)
            .tempdir_in(parent)
            .map_err(fail)?;
        let lock = create(&made.path().join(LOCK))?;
        lock.try_lock().map_err(|e| fail(e.into()))?;
        Ok(Self {
            path: made.keep(),
            parent: parent.to_owned(),
            _lock: lock,
        })
    }

    /// The folder.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Moves names from the folder to where they belong, never over another.
    ///
    /// # Errors
    /// [`Error::is_refused`] if one of them is taken meanwhile; what was moved before is taken back.
    pub(crate) fn place(&self, names: &[OsString]) -> Result<()> {
        let open = |path: &Path| Dir::open(path);
        let (from, to) = (open(&self.path)?, open(&self.parent)?);
        let mut placed: Vec<&OsString> = Vec::new();
        for name in names {
            if from.stat(name).is_err() {
                continue;
            }
            let moved = crate::clear::rename(&from, name, &to, name);
            if let Err(cause) = moved {
                for name in placed.iter().rev() {
                    // What cannot be moved back is whole all the same, and its name is told below.
                    crate::clear::rename(&to, name, &from, name).ok();
                }
                let path = self.parent.join(name);
                return Err(match cause.kind() {
                    io::ErrorKind::AlreadyExists => exists(&path),
                    _ => failed(&path, cause),
                });
            }
            placed.push(name);
        }
        sync_dir(&self.parent);
        Ok(())
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        // Whatever stays is swept by the next run.
        fs::remove_dir_all(&self.path).ok();
    }
}

/// The refusal to write over something.
pub(crate) fn exists(path: &Path) -> Error {
    Error::refused(
        "Cannot write the new store",
        "something has that name already",
    )
    .hint("Give a path that does not exist")
    .at(path)
}

/// Removes folders of runs that were killed.
pub(crate) fn sweep(parent: &Path) {
    let Ok(names) = Dir::open(parent).and_then(|dir| {
        dir.names()
            .map_err(|e| Error::io("Cannot list the folder", parent, e))
    }) else {
        return;
    };
    for (name, file_type) in names {
        let is_ours = name.to_str().is_some_and(|name| name.starts_with(PREFIX));
        if !is_ours || file_type != FileType::Dir {
            continue;
        }
        let path = parent.join(name);
        // Without its lock it is not one of ours, or it is being made at this very moment.
        let lock = OpenOptions::new()
            .read(true)
            .append(true)
            .open(path.join(LOCK));
        if lock.is_ok_and(|lock| lock.try_lock().is_ok()) {
            fs::remove_dir_all(&path).ok();
        }
    }
}

/// Makes a new file.
pub(super) fn create(path: &Path) -> Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create_new(true)
        .open(path)
        .map_err(|e| failed(path, e))
}

/// Makes a folder and those above it.
pub(super) fn make_dirs(path: &Path) -> Result<()> {
    let made = DirBuilder::new().recursive(true).create(path);
    made.map_err(|e| failed(path, e))
}

/// Removes a folder of a stage, if it is there.
pub(super) fn remove_dirs(path: &Path) -> Result<()> {
    match fs::remove_dir_all(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(failed(path, e)),
        _ => Ok(()),
    }
}

/// Writes a new file.
pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut file = create(path)?;
    file.write_all(bytes).map_err(|e| failed(path, e))
}

/// Writes what is buffered and waits until it is on the disk.
pub(super) fn close(file: BufWriter<File>, path: &Path) -> Result<()> {
    let file = file
        .into_inner()
        .map_err(|e| failed(path, e.into_error()))?;
    file.sync_all().map_err(|e| failed(path, e))
}

/// Waits until a file that a library wrote is on the disk.
pub(super) fn sync(path: &Path) -> Result<()> {
    let synced = File::open(path).and_then(|file| file.sync_all());
    synced.map_err(|e| failed(path, e))
}

/// Waits until a folder's names are on the disk, where the system can tell.
fn sync_dir(path: &Path) {
    if let Ok(dir) = File::open(path) {
        dir.sync_all().ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_folders_whose_process_is_gone_are_swept() {
        let temp = tempfile::tempdir().unwrap();
        let stage = Stage::new_in(temp.path()).unwrap();
        let dead = temp.path().join(format!("{PREFIX}dead"));
        fs::create_dir(&dead).unwrap();
        fs::write(dead.join(LOCK), b"").unwrap();
        fs::write(dead.join("half written"), b"x").unwrap();
        let strange = temp.path().join(format!("{PREFIX}of somebody else"));
        fs::create_dir(&strange).unwrap();
        sweep(temp.path());
        assert!(stage.path().exists() && strange.exists() && !dead.exists());
        let path = stage.path().to_owned();
        drop(stage);
        assert!(!path.exists());
    }

    #[test]
    fn a_name_that_is_taken_takes_back_what_was_placed() {
        let temp = tempfile::tempdir().unwrap();
        let stage = Stage::new_in(temp.path()).unwrap();
        for name in ["a.dat", "a.dir"] {
            write(&stage.path().join(name), b"new").unwrap();
        }
        fs::write(temp.path().join("a.dir"), b"old").unwrap();
        let error = stage.place(&["a.dat".into(), "a.dir".into()]).unwrap_err();
        assert!(error.is_refused(), "{error}");
        assert_eq!(fs::read(temp.path().join("a.dir")).unwrap(), b"old");
        assert!(!temp.path().join("a.dat").exists());
    }
}
