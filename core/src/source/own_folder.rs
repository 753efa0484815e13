//! Folders of our own making: locked while they are in use, swept by the next run if we were killed.

#![expect(
    clippy::disallowed_methods,
    reason = "makes folders of its own, and removes them"
)]

use std::ffi::OsStr;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use super::{Dir, FileType, is_running};

/// Held while the folder is in use; a lock ends with its process.
const LOCK: &str = "lock";

/// How often another run may sweep the folder away between our making its lock and taking it.
const TRIES: usize = 20;

/// Such a folder; removed with all that is left in it when dropped.
#[derive(Debug)]
pub(crate) struct OwnFolder {
    path: PathBuf,
    _lock: File,
}

impl OwnFolder {
    /// Makes one in `parent` that nobody else may look into; `prefix` begins its name, our process id stands behind it.
    ///
    /// # Errors
    /// If nothing can be made there.
    pub(crate) fn new_in(parent: &Path, prefix: &str) -> io::Result<Self> {
        for _ in 0..TRIES {
            let prefix = format!("{prefix}{}-", std::process::id());
            let mut builder = tempfile::Builder::new();
            builder.prefix(&prefix);
            #[cfg(unix)]
            builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
            let made = builder.tempdir_in(parent)?;
            let path = made.path().join(LOCK);
            let lock = OpenOptions::new()
                .read(true)
                .write(true)
                .create_new(true)
                .open(&path)?;
            if is_locked(&lock) && path.exists() {
                let path = made.keep();
                return Ok(Self { path, _lock: lock });
            }
        }
        Err(io::ErrorKind::ResourceBusy.into())
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for OwnFolder {
    fn drop(&mut self) {
        // Whatever stays is swept by the next run.
        fs::remove_dir_all(&self.path).ok();
    }
}

/// Locks the file of a folder of our own; false if another run has it, to sweep the folder away.
fn is_locked(lock: &File) -> bool {
    match lock.try_lock() {
        Err(TryLockError::WouldBlock) => false,
        // Without locks the name of the folder tells whose it is.
        Ok(()) | Err(TryLockError::Error(_)) => true,
    }
}

/// Removes folders of runs that were killed; `before` is handed each while it is still there, and locked.
pub(crate) fn sweep(parent: &Path, prefix: &str, mut before: impl FnMut(&Path)) {
    let Ok(Ok(names)) = Dir::open(parent).map(|dir| dir.names()) else {
        return;
    };
    for (name, file_type) in names {
        let is_ours = name.as_encoded_bytes().starts_with(prefix.as_bytes());
        if !is_ours || file_type != FileType::Dir {
            continue;
        }
        let path = parent.join(&name);
        let lock = OpenOptions::new()
            .read(true)
            .append(true)
            .open(path.join(LOCK));
        if lock.is_ok_and(|lock| lock.try_lock().is_ok()) {
            before(&path);
            fs::remove_dir_all(&path).ok();
        } else if maker(&name, prefix).and_then(is_running) == Some(false) {
            // Killed before it had made its lock, or while it removed the folder.
            fs::remove_dir_all(&path).ok();
        }
    }
}

/// The process that a folder's name tells of.
fn maker(name: &OsStr, prefix: &str) -> Option<u64> {
    let rest = name.to_str()?.strip_prefix(prefix)?;
    rest.split('-').next()?.parse().ok()
}

/// Makes a folder and those above it, closed to others.
///
/// # Errors
/// If it cannot be made.
pub(crate) fn make_private_dirs(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PREFIX: &str = "ours-";

    #[cfg(unix)]
    #[test]
    fn nobody_else_may_look_into_one() {
        use std::os::unix::fs::PermissionsExt as _;
        let temp = tempfile::tempdir().unwrap();
        let folder = OwnFolder::new_in(temp.path(), PREFIX).unwrap();
        let mode = fs::metadata(folder.path()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
    }

    #[test]
    fn only_folders_whose_process_is_gone_are_swept() {
        let temp = tempfile::tempdir().unwrap();
        let used = OwnFolder::new_in(temp.path(), PREFIX).unwrap();
        let dead = temp.path().join("ours-dead");
        fs::create_dir(&dead).unwrap();
        fs::write(dead.join(LOCK), b"").unwrap();
        fs::write(dead.join("half written"), b"x").unwrap();
        let strange = temp.path().join("ours-of somebody else");
        fs::create_dir(&strange).unwrap();
        let unlocked = temp.path().join(format!("{PREFIX}{}-x", i32::MAX));
        fs::create_dir(&unlocked).unwrap();
        fs::write(unlocked.join("not removed yet"), b"x").unwrap();
        let mut seen = Vec::new();
        sweep(temp.path(), PREFIX, |path| seen.push(path.to_owned()));
        assert_eq!(seen, std::slice::from_ref(&dead));
        assert!(used.path().exists() && strange.exists() && !dead.exists() && !unlocked.exists());
        let path = used.path().to_owned();
        drop(used);
        assert!(!path.exists());
    }
}
