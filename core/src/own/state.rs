//! The folder itself, and the places in it.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::source::{own_folder, path_from_bytes};
use crate::{Error, Result};

/// Cachescope's own folder; made when something is first kept in it.
#[derive(Debug, Clone)]
pub struct StateDir {
    path: PathBuf,
}

/// One small file for each quarantine, so that two Cachescopes never write the same file.
const QUARANTINES: &str = "quarantines";

/// The same for each folder in which something is being written beside a store.
const UNFINISHED: &str = "unfinished";

impl StateDir {
    /// A folder that the person named.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// The place that this system has for it; `None` where there is no home folder.
    pub fn default_place() -> Option<Self> {
        let set = |name: &str| {
            std::env::var_os(name)
                .map(PathBuf::from)
                .filter(|p| p.is_absolute())
        };
        let data = if cfg!(windows) {
            set("LOCALAPPDATA")
        } else if cfg!(target_vendor = "apple") {
            std::env::home_dir().map(|home| home.join("Library/Application Support"))
        } else {
            // https://specifications.freedesktop.org/basedir-spec/: relative values are to be ignored.
            set("XDG_DATA_HOME")
                .or_else(|| std::env::home_dir().map(|home| home.join(".local/share")))
        }?;
        Some(Self::at(data.join("cachescope")))
    }

    /// Where it is; it need not exist.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A folder in it, made if it is missing and closed to others.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn folder(&self, name: &str) -> Result<PathBuf> {
        let path = self.path.join(name);
        own_folder::make_private_dirs(&path).map_err(|e| {
            Error::io("Cannot make Cachescope's own folder", &path, e)
                .hint("--state-dir names another one")
        })?;
        Ok(path)
    }

    /// Writes a file in one of its folders, whole or not at all.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write(&self, folder: &str, name: &str, bytes: &[u8]) -> Result<()> {
        let folder = self.folder(folder)?;
        let path = folder.join(name);
        let fail = |e| Error::io("Cannot write into Cachescope's own folder", &path, e);
        let mut file = tempfile::NamedTempFile::new_in(&folder).map_err(fail)?;
        file.write_all(bytes).map_err(fail)?;
        file.persist(&path).map_err(|e| fail(e.error))?;
        Ok(())
    }

    /// Remembers where something was moved aside.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn remember_quarantine(&self, path: &Path) -> Result<()> {
        self.remember(QUARANTINES, path)
    }

    /// Forgets a quarantine that is no more.
    ///
    /// # Errors
    /// If the file that names it cannot be removed.
    pub fn forget_quarantine(&self, path: &Path) -> Result<()> {
        self.forget(QUARANTINES, path).map_err(|(file, cause)| {
            Error::io("Cannot forget a quarantine that is gone", &file, cause)
                .hint("Nothing is lost by it; the next undo or purge does it")
        })
    }

    /// The quarantines that are remembered, in the order of their names; they need not exist any more.
    pub fn quarantines(&self) -> Vec<PathBuf> {
        self.remembered(QUARANTINES)
    }

    /// Remembers a folder in which something is being written: if the program is killed, it is to be removed.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(crate) fn remember_unfinished(&self, path: &Path) -> Result<()> {
        self.remember(UNFINISHED, path)
    }

    /// Forgets such a folder, which is gone.
    pub(crate) fn forget_unfinished(&self, path: &Path) {
        // One that stays is forgotten when it is next looked for.
        self.forget(UNFINISHED, path).ok();
    }

    /// Such folders, in the order of their names; they need not exist any more.
    pub(crate) fn unfinished(&self) -> Vec<PathBuf> {
        self.remembered(UNFINISHED)
    }

    fn remember(&self, list: &str, path: &Path) -> Result<()> {
        let bytes = path.as_os_str().as_encoded_bytes();
        self.write(list, &file_name_for(path), bytes)
    }

    fn forget(&self, list: &str, path: &Path) -> Result<(), (PathBuf, std::io::Error)> {
        let file = self.path.join(list).join(file_name_for(path));
        #[expect(clippy::disallowed_methods, reason = "our own folder")]
        match std::fs::remove_file(&file) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err((file, e)),
            _ => Ok(()),
        }
    }

    fn remembered(&self, list: &str) -> Vec<PathBuf> {
        let Ok(list) = std::fs::read_dir(self.path.join(list)) else {
            return Vec::new();
        };
        let mut paths: Vec<PathBuf> = list
            .filter_map(Result::ok)
            .filter_map(|file| std::fs::read(file.path()).ok())
            .map(|bytes| path_from_bytes(&bytes))
            .filter(|path| path.is_absolute())
            .collect();
        paths.sort();
        paths
    }
}

/// The name of the file that is about a path.
pub(crate) fn file_name_for(path: &Path) -> String {
    format!(
        "{:016x}",
        xxhash_rust::xxh3::xxh3_64(path.as_os_str().as_encoded_bytes())
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quarantines_are_remembered_until_they_are_forgotten() {
        let temp = tempfile::tempdir().unwrap();
        let state = StateDir::at(temp.path().join("own"));
        assert_eq!(state.quarantines(), Vec::<PathBuf>::new());
        let (a, b) = (Path::new("/x/.q"), Path::new("/y/.q"));
        for path in [b, a, b] {
            state.remember_quarantine(path).unwrap();
        }
        assert_eq!(state.quarantines(), [a, b]);
        state.forget_quarantine(a).unwrap();
        state.forget_quarantine(a).unwrap();
        assert_eq!(state.quarantines(), [b]);
    }

    #[cfg(unix)]
    #[test]
    fn it_is_closed_to_others() {
        use std::os::unix::fs::PermissionsExt as _;
        let temp = tempfile::tempdir().unwrap();
        let state = StateDir::at(temp.path().join("own"));
        let folder = state.folder("kept").unwrap();
        for path in [folder.as_path(), state.path()] {
            assert_eq!(
                std::fs::metadata(path).unwrap().permissions().mode() & 0o777,
                0o700
            );
        }
    }
}
