//! A folder of ours beside the place of a new store: what is made in it is moved out whole, or not at all.

#![expect(
    clippy::disallowed_methods,
    reason = "makes new files in a folder of its own"
)]

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use super::failed;
use super::settle::settle;
use crate::model::Fingerprint;
use crate::source::own_folder::{self, IN_THE_MAKING, OwnFolder};
use crate::source::{Dir, path_from_bytes};
use crate::{Error, Result};

/// Written before several files are moved out, one after the other: each one's identity and name, ended by a zero byte.
const PLACING: &str = "placing";

/// The folder; removed with all that is left in it when dropped.
#[derive(Debug)]
pub(crate) struct Stage {
    folder: OwnFolder,
    /// Where what is made belongs.
    parent: PathBuf,
}

impl Stage {
    /// Makes one in `parent`, after removing those whose process is gone.
    ///
    /// # Errors
    /// If nothing can be made there.
    pub(crate) fn new_in(parent: &Path) -> Result<Self> {
        let fail = |e| Error::io("Cannot make a folder for the new store", parent, e);
        let parent = fs::canonicalize(parent).map_err(fail)?;
        sweep(&parent);
        let folder = OwnFolder::new_in(&parent, IN_THE_MAKING).map_err(fail)?;
        Ok(Self { folder, parent })
    }

    /// The folder.
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Removes the folder; see [`OwnFolder::remove`].
    pub(super) fn remove(self, goes_on: &(dyn Fn() -> bool + Sync)) -> io::Result<()> {
        self.folder.remove(goes_on)
    }

    /// Moves names from the folder to where they belong, never over another.
    ///
    /// # Errors
    /// [`Error::is_refused`] if one of them is taken meanwhile; what was moved before is taken back.
    pub(crate) fn place(&self, names: &[OsString]) -> Result<()> {
        let open = |path: &Path| Dir::open(path);
        let (from, to) = (open(self.path())?, open(&self.parent)?);
        let mut made: Vec<(&OsString, Fingerprint)> = Vec::new();
        for name in names {
            match from.stat(name) {
                Ok(meta) => made.push((name, meta.fingerprint())),
                // An empty shelf has no backup, and a whole database no log; one of another store is none of its own.
                Err(e) if e.kind() == io::ErrorKind::NotFound => {
                    if to.stat(name).is_ok() {
                        return Err(left_there(&self.parent.join(name)));
                    }
                }
                Err(e) => return Err(failed(&self.path().join(name), e)),
            }
        }
        settle(self.path())?;
        if made.len() > 1 {
            self.note(&made)?;
        }
        let mut placed: Vec<&OsString> = Vec::new();
        for (name, _) in made {
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

    /// Writes down what is about to be moved, so that a run that is killed between two files can be undone.
    fn note(&self, made: &[(&OsString, Fingerprint)]) -> Result<()> {
        let mut text = Vec::new();
        for (name, identity) in made {
            text.extend(identity_text(*identity).bytes());
            text.extend(name.as_encoded_bytes());
            text.push(0);
        }
        let path = self.path().join(PLACING);
        write(&path, &text)?;
        sync(&path)?;
        sync_dir(self.path());
        Ok(())
    }
}

/// An identity as it is written down, with what parts it from the name behind it.
fn identity_text(identity: Fingerprint) -> String {
    let Fingerprint {
        dev,
        ident,
        size,
        modified,
    } = identity;
    format!("{dev} {ident} {size} {modified} ")
}

/// Takes the first files of a store back whose last ones were never moved: half of one is none.
///
/// Whatever changed since is somebody's, and stays.
fn take_back(stage: &Path, parent: &Path) {
    let (Ok(from), Ok(to), Ok(placing)) = (
        Dir::open(stage),
        Dir::open(parent),
        fs::read(stage.join(PLACING)),
    ) else {
        return;
    };
    let made: Vec<(&[u8], PathBuf)> = placing
        .split(|byte| *byte == 0)
        .filter_map(|line| {
            let name = line.splitn(5, |byte| *byte == b' ').nth(4)?;
            let identity = line.get(..line.len() - name.len())?;
            Some((identity, path_from_bytes(name)))
        })
        .collect();
    if made
        .iter()
        .all(|(_, name)| from.stat(name.as_os_str()).is_err())
    {
        return;
    }
    for (identity, name) in made {
        let name = name.as_os_str();
        let is_ours = to
            .stat(name)
            .is_ok_and(|meta| identity_text(meta.fingerprint()).as_bytes() == identity);
        if is_ours {
            // What cannot be moved now is tried again by nobody: it is whole, and harms nothing.
            crate::clear::rename(&to, name, &from, name).ok();
        }
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

/// What lies beside the new store's name, where its library would take it for a part of it.
pub(super) fn left_there(path: &Path) -> Error {
    let why = "a file of another store is there, and would become part of the new one";
    Error::refused("Cannot write the new store", why)
        .hint("Give a path with nothing of that name beside it")
        .at(path)
}

/// Removes folders of runs that were killed, and what they had moved out of them of a store that is not whole.
pub(crate) fn sweep(parent: &Path) {
    own_folder::sweep(parent, IN_THE_MAKING, |stage| take_back(stage, parent));
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
pub(super) fn sync_dir(path: &Path) {
    if let Ok(dir) = File::open(path) {
        dir.sync_all().ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_store_of_a_run_that_was_killed_is_taken_back_and_a_whole_one_stays() {
        for n_moved in 0..=3 {
            let temp = tempfile::tempdir().unwrap();
            let at = |name: &str| temp.path().join(name);
            fs::write(at("other.dat"), b"a person's").unwrap();
            let stage = Stage::new_in(temp.path()).unwrap();
            let names = ["s.bak", "s.dir", "s.dat"].map(OsString::from);
            for name in &names {
                write(&stage.path().join(name), name.as_encoded_bytes()).unwrap();
            }
            let dir = Dir::open(stage.path()).unwrap();
            let made = names.each_ref().map(|name| {
                let meta = dir.stat(name).unwrap();
                (name, meta.fingerprint())
            });
            stage.note(&made).unwrap();
            for name in &names[..n_moved] {
                fs::rename(stage.path().join(name), temp.path().join(name)).unwrap();
            }
            // A kill: the folder stays, and its lock is free.
            let dead = at(".cachescope-new-dead");
            fs::rename(stage.path(), &dead).unwrap();
            drop(stage);
            sweep(temp.path());
            let n_left = names.iter().filter(|name| temp.path().join(name).exists());
            assert_eq!(
                n_left.count(),
                if n_moved == 3 { 3 } else { 0 },
                "{n_moved}"
            );
            assert!(!dead.exists() && at("other.dat").exists());
        }
    }

    #[test]
    fn what_a_program_changed_since_is_not_taken_back() {
        let temp = tempfile::tempdir().unwrap();
        let dead = temp.path().join(format!("{IN_THE_MAKING}dead"));
        fs::create_dir(&dead).unwrap();
        for name in ["lock", "s.dir"] {
            fs::write(dead.join(name), b"").unwrap();
        }
        fs::write(temp.path().join("s.dat"), b"somebody's own").unwrap();
        let identity = Dir::open(temp.path())
            .unwrap()
            .stat("s.dat".as_ref())
            .unwrap();
        let mut identity = identity.fingerprint();
        identity.size += 1;
        let text = identity_text(identity) + "s.dat\0";
        fs::write(dead.join(PLACING), text).unwrap();
        sweep(temp.path());
        assert!(!dead.exists());
        assert_eq!(
            fs::read(temp.path().join("s.dat")).unwrap(),
            b"somebody's own"
        );
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
