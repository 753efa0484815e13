//! Folders of our own making: locked while they are in use, swept by the next run if we were killed.

#![expect(
    clippy::disallowed_methods,
    reason = "makes folders of its own, and removes them"
)]

mod remove;

use std::ffi::OsStr;
use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use remove::Watched;

use super::{Dir, FileType, is_running};

/// Name of the folder that holds what was moved aside; it lies beside a store and is never listed as one.
pub const QUARANTINE: &str = ".cachescope-quarantine";

/// Begins the name of a folder in which a store is being made, beside the place where it belongs.
pub(crate) const IN_THE_MAKING: &str = ".cachescope-new-";

/// True for the name of what we put beside stores, which is no store.
pub(crate) fn is_ours(name: &OsStr) -> bool {
    name == QUARANTINE
        || name
            .as_encoded_bytes()
            .starts_with(IN_THE_MAKING.as_bytes())
}

/// Held while the folder is in use; a lock ends with its process.
const LOCK: &str = "lock";

/// How often another run may sweep the folder away between our making its lock and taking it.
const TRIES: usize = 20;

/// Threads that remove a large folder. They mostly wait: where the file system tells the disk of every block that is
/// free again (ext4 mounted with `discard`, without a journal), each name takes it milliseconds. Measured there, four
/// are four times as fast as one, and more are no faster.
const REMOVERS: usize = 4;

/// Such a folder; removed with all that is left in it when dropped.
#[derive(Debug)]
pub(crate) struct OwnFolder {
    path: PathBuf,
    _lock: File,
    /// True once it was removed as far as it could be.
    is_left: bool,
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
                return Ok(Self {
                    path,
                    _lock: lock,
                    is_left: false,
                });
            }
        }
        Err(io::ErrorKind::ResourceBusy.into())
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Removes the folder now; `goes_on` is called with every name that is gone, and ends it by false.
    ///
    /// # Errors
    /// The first name that could not be removed; `Interrupted` if it was ended. What stays is swept by the next run.
    pub(crate) fn remove(mut self, goes_on: &(dyn Fn() -> bool + Sync)) -> io::Result<()> {
        self.is_left = true;
        remove_all(&self.path, goes_on)
    }
}

impl Drop for OwnFolder {
    fn drop(&mut self) {
        if !self.is_left {
            // Whatever stays is swept by the next run.
            remove_all(&self.path, &|| true).ok();
        }
    }
}

/// Removes a folder of ours with all that is in it; its lock goes last, so that until then it is known whose it is.
fn remove_all(path: &Path, goes_on: &(dyn Fn() -> bool + Sync)) -> io::Result<()> {
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    let parent = Dir::open(parent).map_err(io::Error::other)?;
    let dir = parent.open_dir(name)?;
    let watched = Watched {
        goes_on,
        threads: REMOVERS,
    };
    remove::empty(&dir, Some(LOCK.as_ref()), watched)?;
    match remove::unlink(&dir, LOCK.as_ref()) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => remove::remove_dir(&parent, name),
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
        let is_dead = match lock.as_ref().map(File::try_lock) {
            Ok(Ok(())) => {
                before(&path);
                true
            }
            // At work: in another container, its process is not among those that can be seen here.
            Ok(Err(TryLockError::WouldBlock)) => false,
            // Killed before it had made its lock or while it removed the folder, or there are no locks here.
            Ok(Err(TryLockError::Error(_))) | Err(_) => {
                maker(&name, prefix).and_then(is_running) == Some(false)
            }
        };
        if is_dead {
            remove_all(&path, &|| true).ok();
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
    use std::fs;
    use std::sync::atomic::{AtomicUsize, Ordering};

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
        // Of a process that cannot be seen from here.
        let elsewhere = temp.path().join(format!("{PREFIX}{}-y", i32::MAX));
        fs::create_dir(&elsewhere).unwrap();
        let held = File::create(elsewhere.join(LOCK)).unwrap();
        held.try_lock().unwrap();
        let mut seen = Vec::new();
        sweep(temp.path(), PREFIX, |path| seen.push(path.to_owned()));
        assert_eq!(seen, std::slice::from_ref(&dead));
        assert!(elsewhere.exists());
        assert!(used.path().exists() && strange.exists() && !dead.exists() && !unlocked.exists());
        let path = used.path().to_owned();
        drop(used);
        assert!(!path.exists());
    }

    /// A folder of ours with many folders, each with a file; a link leads out of one.
    fn filled(parent: &Path) -> OwnFolder {
        let used = OwnFolder::new_in(parent, PREFIX).unwrap();
        for n in 0..300 {
            let folder = used.path().join(format!("a/b/{n}"));
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join("file"), b"x").unwrap();
        }
        #[cfg(unix)]
        std::os::unix::fs::symlink(parent, used.path().join("a/out")).unwrap();
        used
    }

    #[test]
    fn every_name_goes_and_links_are_not_followed() {
        let temp = tempfile::tempdir().unwrap();
        fs::write(temp.path().join("a person's"), b"x").unwrap();
        let used = filled(temp.path());
        let path = used.path().to_owned();
        let gone = AtomicUsize::new(0);
        let count = || {
            gone.fetch_add(1, Ordering::Relaxed);
            true
        };
        used.remove(&count).unwrap();
        assert!(!path.exists());
        assert!(temp.path().join("a person's").exists());
        // 300 files, as many folders, the two above them, the link.
        assert_eq!(gone.into_inner(), 603);
    }

    #[test]
    fn a_removal_that_is_ended_leaves_the_lock_and_the_next_sweep_finishes_it() {
        let temp = tempfile::tempdir().unwrap();
        let used = filled(temp.path());
        let path = used.path().to_owned();
        let gone = AtomicUsize::new(0);
        let ended = used.remove(&|| gone.fetch_add(1, Ordering::Relaxed) < 100);
        assert_eq!(ended.unwrap_err().kind(), io::ErrorKind::Interrupted);
        assert!(path.join(LOCK).exists());
        sweep(temp.path(), PREFIX, |_| {});
        assert!(!path.exists());
    }
}
