//! Folder and file handles where there is no `openat`: by path, links refused before each step.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, Read as _, Seek as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::ledger::Opened;
use super::{FileType, Meta, ReadAt, Tally, Time};
use crate::{Error, Result};

/// A folder, reached by its path.
#[derive(Debug)]
pub struct Dir {
    path: PathBuf,
    tally: Arc<Tally>,
}

/// A folder in an open one, for walks over very many.
#[derive(Debug)]
pub struct Leaf<'a> {
    dir: Dir,
    parent: std::marker::PhantomData<&'a Dir>,
}

/// An open regular file.
#[derive(Debug)]
pub struct FileReader {
    file: Mutex<fs::File>,
    meta: Meta,
    tally: Arc<Tally>,
}

impl Dir {
    /// Opens a folder that a person named: links in the path are followed.
    ///
    /// # Errors
    /// If it is no folder or may not be listed.
    pub fn open(path: &Path) -> Result<Self> {
        let fail = |e| Error::io("Cannot open the folder", path, e);
        let real = fs::canonicalize(path).map_err(fail)?;
        fs::read_dir(&real).map_err(fail)?;
        Ok(Self {
            path: real,
            tally: Arc::default(),
        })
    }

    /// Opens a folder by its real path: no part of it may be a link.
    ///
    /// # Errors
    /// What the system said; `InvalidInput` for a path that is not the real one.
    pub fn open_exact(path: &Path) -> io::Result<Self> {
        if fs::canonicalize(path)? != path {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "not a real path",
            ));
        }
        fs::read_dir(path)?;
        Ok(Self {
            path: path.to_owned(),
            tally: Arc::default(),
        })
    }

    /// Where it was when it was opened.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Counts of what was done through this handle and all that came from it.
    pub fn tally(&self) -> &Arc<Tally> {
        &self.tally
    }

    /// Opens a folder in this one.
    ///
    /// # Errors
    /// What the system said; `InvalidInput` for a link.
    pub fn open_dir(&self, name: &OsStr) -> io::Result<Self> {
        self.tally.opened();
        if self.stat(name)?.file_type != FileType::Dir {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a folder"));
        }
        Ok(Self {
            path: self.path.join(name),
            tally: Arc::clone(&self.tally),
        })
    }

    /// Opens a folder in this one that is only looked into and left again.
    ///
    /// # Errors
    /// As [`Dir::open_dir`].
    pub fn open_leaf<'a>(&'a self, name: &'a OsStr) -> io::Result<Leaf<'a>> {
        Ok(Leaf {
            dir: self.open_dir(name)?,
            parent: std::marker::PhantomData,
        })
    }

    /// Opens a folder some levels below.
    ///
    /// # Errors
    /// As [`Dir::open_dir`]; `InvalidInput` for `..`.
    pub fn open_below(&self, relative: &Path) -> io::Result<Self> {
        let mut dir = Self {
            path: self.path.clone(),
            tally: Arc::clone(&self.tally),
        };
        for part in relative.components() {
            match part {
                std::path::Component::Normal(name) => dir = dir.open_dir(name)?,
                std::path::Component::CurDir => {}
                _ => return Err(io::ErrorKind::InvalidInput.into()),
            }
        }
        Ok(dir)
    }

    /// What stands under `name`, without following a link.
    ///
    /// # Errors
    /// What the system said.
    pub fn stat(&self, name: &OsStr) -> io::Result<Meta> {
        self.tally.statted();
        fs::symlink_metadata(self.path.join(name)).map(|m| meta(&m))
    }

    /// The folder itself.
    ///
    /// # Errors
    /// What the system said.
    pub fn stat_self(&self) -> io::Result<Meta> {
        self.stat(OsStr::new(""))
    }

    /// Hands each name in the folder to `each`.
    ///
    /// # Errors
    /// What the system said.
    pub fn list(&self, mut each: impl FnMut(&OsStr, FileType)) -> io::Result<()> {
        self.tally.listed();
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            each(&entry.file_name(), file_type(entry.file_type()?));
        }
        Ok(())
    }

    /// Names and types, sorted by name.
    ///
    /// # Errors
    /// What the system said.
    pub fn names(&self) -> io::Result<Vec<(OsString, FileType)>> {
        let mut names = Vec::new();
        self.list(|name, file_type| names.push((name.to_owned(), file_type)))?;
        names.sort();
        Ok(names)
    }

    /// Opens a regular file.
    ///
    /// # Errors
    /// What the system said; `InvalidInput` if it is no regular file.
    pub fn open_file(&self, name: &OsStr) -> io::Result<FileReader> {
        self.tally.opened();
        let meta = self.stat(name)?;
        if meta.file_type != FileType::File {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "not a regular file",
            ));
        }
        let opened = Opened::new(&self.path, name);
        let file = opened.noted(|| fs::File::open(self.path.join(name)))?;
        Ok(FileReader {
            file: Mutex::new(file),
            meta,
            tally: Arc::clone(&self.tally),
        })
    }

    /// Appends up to `limit` bytes of a small file to `out`.
    ///
    /// # Errors
    /// What the system said.
    pub fn read_small(&self, name: &OsStr, limit: usize, out: &mut Vec<u8>) -> io::Result<()> {
        let file = self
            .open_file(name)?
            .file
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        let n = file.take(limit as u64).read_to_end(out)?;
        self.tally.read(n);
        Ok(())
    }

    /// True for a disk that other computers may write to; not known on this system.
    pub fn is_on_network(&self) -> bool {
        false
    }

    /// Where a link points, as written in it.
    ///
    /// # Errors
    /// What the system said.
    pub fn read_link(&self, name: &OsStr) -> io::Result<PathBuf> {
        fs::read_link(self.path.join(name))
    }
}

impl Leaf<'_> {
    /// Its path, for messages.
    pub fn path(&self) -> PathBuf {
        self.dir.path.clone()
    }

    /// Hands each name in the folder to `each`.
    ///
    /// # Errors
    /// What the system said.
    pub fn list(&self, each: impl FnMut(&OsStr, FileType)) -> io::Result<()> {
        self.dir.list(each)
    }

    /// What stands under `name`, without following a link.
    ///
    /// # Errors
    /// What the system said.
    pub fn stat(&self, name: &OsStr) -> io::Result<Meta> {
        self.dir.stat(name)
    }

    /// The folder itself.
    ///
    /// # Errors
    /// What the system said.
    pub fn stat_self(&self) -> io::Result<Meta> {
        self.dir.stat_self()
    }

    /// Appends up to `limit` bytes of a small file to `out`.
    ///
    /// # Errors
    /// What the system said.
    pub fn read_small(&self, name: &OsStr, limit: usize, out: &mut Vec<u8>) -> io::Result<()> {
        self.dir.read_small(name, limit, out)
    }
}

impl FileReader {
    /// The file as it was when it was opened.
    pub fn meta(&self) -> &Meta {
        &self.meta
    }
}

impl FileReader {
    /// Locks belong to handles here, not to the process: there is nothing to guard against.
    ///
    /// # Errors
    /// None.
    #[expect(clippy::unnecessary_wraps, reason = "the other systems can fail")]
    #[expect(clippy::unused_self, reason = "as on Unix")]
    pub(crate) fn lock_shared(&self) -> io::Result<()> {
        Ok(())
    }

    /// Makes `target`, an empty file, share the blocks of this one.
    ///
    /// # Errors
    /// Always: this system has no call for it.
    #[expect(clippy::unused_self, reason = "as on Unix")]
    pub(crate) fn clone_into(&self, _target: &fs::File) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

impl ReadAt for FileReader {
    fn len(&self) -> u64 {
        self.meta.size
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(io::SeekFrom::Start(offset))?;
        let n = file.read(buf)?;
        self.tally.read(n);
        Ok(n)
    }
}

fn file_type(of: fs::FileType) -> FileType {
    if of.is_symlink() {
        FileType::Link
    } else if of.is_dir() {
        FileType::Dir
    } else if of.is_file() {
        FileType::File
    } else {
        FileType::Other
    }
}

fn meta(m: &fs::Metadata) -> Meta {
    let time = |t: io::Result<std::time::SystemTime>| {
        let since = t.ok()?.duration_since(std::time::UNIX_EPOCH).ok()?;
        Some(Time::from_unix(
            i64::try_from(since.as_secs()).ok()?,
            since.subsec_nanos(),
        ))
    };
    let epoch = Time::from_unix(0, 0);
    Meta {
        file_type: file_type(m.file_type()),
        dev: 0,
        ino: 0,
        size: m.len(),
        disk_bytes: m.len(),
        n_links: 1,
        mode: None,
        modified: time(m.modified()).unwrap_or(epoch),
        accessed: time(m.accessed()).unwrap_or(epoch),
        created: time(m.created()),
        is_mount_root: false,
    }
}
