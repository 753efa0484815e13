//! From a path to the stores in it: asks every backend, by the bytes and never by the extension alone.

use std::cell::OnceCell;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::diskcache::{LACKS_DATABASE, has_values};
use super::search::Search;
use super::{BACKENDS, IsOwn, own_names, strangers};
use crate::model::{Cancel, Issue, Severity, StoreInfo, text};
use crate::source::{Dir, FileType, Meta, ReadAt as _, open_parent};
use crate::sqlite::{self, Shape};
use crate::{Error, Result};

/// Bytes of a file's beginning that every backend may look at.
const HEAD_BYTES: usize = 4096;
/// How a folder that is no store itself is looked through: a person waits for the answer.
pub(crate) const SEARCH: Search<'static> = Search {
    max_depth: 10,
    max_folders: 4096,
    skips: |_| None,
    stays_on_disk: false,
    // What the person named is answered for by the error.
    tells_root: false,
    is_cancelled: &|| false,
    enters: &|_| {},
    only: &|_| None,
};

/// A path on trial: a name in a folder, with what a first look tells.
pub struct Candidate<'a> {
    /// The folder it lies in.
    pub parent: &'a Dir,
    /// Its name there.
    pub name: &'a OsStr,
    /// What stands there; `None` where only files of longer names do (`shelf` for `shelf.dir`).
    pub meta: Option<Meta>,
    /// Up to 4,096 bytes of a regular file's beginning; empty for folders.
    pub head: Vec<u8>,
    shape: OnceCell<Option<Shape>>,
}

impl<'a> Candidate<'a> {
    /// Takes the first look.
    ///
    /// # Errors
    /// If a file is there and cannot be read.
    pub fn look(parent: &'a Dir, name: &'a OsStr) -> Result<Self> {
        let mut meta = parent.stat(name).ok();
        let mut head = Vec::new();
        if meta.is_some_and(|m| m.file_type == FileType::File) {
            head.resize(HEAD_BYTES, 0);
            let fail = |e| Error::io("Cannot read the file", &parent.path().join(name), e);
            let read = parent
                .open_file(name)
                .and_then(|f| f.read_full_at(0, &mut head));
            let n = match read {
                // A program took it away between the two calls.
                Err(e) if e.kind() == io::ErrorKind::NotFound => {
                    meta = None;
                    0
                }
                read => read.map_err(fail)?,
            };
            head.truncate(n);
        }
        Ok(Self {
            parent,
            name,
            meta,
            head,
            shape: OnceCell::new(),
        })
    }

    /// The tables of an SQLite database; `None` if it is none, or cannot be read for now.
    pub fn shape(&self) -> Option<&Shape> {
        let read = || {
            let dir = self.parent.open_below(Path::new("")).ok()?;
            Shape::read(dir, self.name).ok()
        };
        let is_database = self.head.starts_with(sqlite::MAGIC);
        self.shape
            .get_or_init(|| is_database.then(read).flatten())
            .as_ref()
    }

    /// Its path, for messages.
    pub fn path(&self) -> PathBuf {
        self.parent.path().join(self.name)
    }

    /// True for a folder.
    pub fn is_dir(&self) -> bool {
        self.meta.is_some_and(|m| m.file_type == FileType::Dir)
    }

    /// True for a regular file.
    pub fn is_file(&self) -> bool {
        self.meta.is_some_and(|m| m.file_type == FileType::File)
    }
}

/// How sure a backend is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Confidence {
    /// It could be read as this kind, as many things could.
    Possible,
    /// It has the shape of this kind.
    Likely,
    /// Bytes that only this kind has.
    Certain,
}

/// A backend's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recognised {
    /// Kind as in queries and JSON.
    pub kind: &'static str,
    /// How sure it is.
    pub confidence: Confidence,
    /// Library and version as far as the bytes tell.
    pub writer: Option<String>,
    /// The store's own path, where that is not the candidate's (`x/joblib` for `x`).
    pub path: PathBuf,
}

/// Opens what a person named: a store, or all stores in a folder that is none.
///
/// # Errors
/// If the path cannot be read, or holds nothing that a backend knows.
pub fn open_all(path: &Path) -> Result<Vec<Arc<StoreInfo>>> {
    open_all_telling(path, &Cancel::default(), &mut |_| {})
}

/// As [`open_all`]; parts of a folder that were not looked into are told to `tell`.
///
/// # Errors
/// If the path cannot be read, or holds nothing that a backend knows, or the search was cancelled.
pub fn open_all_telling(
    path: &Path,
    cancel: &Cancel,
    tell: &mut dyn FnMut(Issue),
) -> Result<Vec<Arc<StoreInfo>>> {
    let (parent, name) = match open_parent(path) {
        Ok(found) => found,
        Err(error) if error.is_not_found() => by_stem(path).ok_or(error)?,
        Err(error) => return Err(error),
    };
    let opened_as = parent.path().join(&name);
    let dir = parent.open_dir(&name).ok();
    let search = Search {
        is_cancelled: &|| cancel.is_cancelled(),
        ..SEARCH
    };
    if let Some(found) = recognise(&parent, &name)? {
        let store = info(found, &opened_as);
        if let (Some(dir), Some(is_own)) = (dir, own_names(store.kind)) {
            let (others, _) = below(&dir, Some(is_own), &opened_as, &search, &mut |_| {});
            others_inside(&store, &others).map(tell);
        }
        cancel.check()?;
        return Ok(vec![store]);
    }
    let (mut found, is_whole) = match dir {
        Some(dir) => below(&dir, None, &opened_as, &search, tell),
        None => (Vec::new(), true),
    };
    cancel.check()?;
    if found.is_empty() {
        return Err(match strangers::look(&parent, &name) {
            Some(stranger) => Error::other_format(path, stranger.is, stranger.hint),
            None if is_whole => Error::not_a_store(path, why_not(&parent, &name)),
            None => Error::not_a_store(path, search.limits()),
        });
    }
    if !is_whole {
        tell(Issue::new(Severity::Warning, &opened_as, search.limits()));
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

/// Caches named when they lie in the folder of another one.
const NAMED: usize = 5;

/// Said where others lie in the folder of the one store that a person named.
fn others_inside(store: &StoreInfo, others: &[Arc<StoreInfo>]) -> Option<Issue> {
    let of = |other: &Arc<StoreInfo>| {
        let below = other.path.strip_prefix(&store.path).ok()?;
        let name = if below.as_os_str().is_empty() {
            &other.path
        } else {
            below
        };
        Some(format!("{} ({})", text::path(name), other.kind))
    };
    let names: Vec<_> = others.iter().take(NAMED).filter_map(of).collect();
    let more = match others.len().saturating_sub(NAMED) {
        0 => String::new(),
        n => format!(" and {n} more"),
    };
    let which = match others {
        [] => return None,
        [_] => "Another cache lies in the folder of this one and is not opened with it. Name it",
        _ => "Other caches lie in the folder of this one and are not opened with it. Name one",
    };
    let message = format!("{which} to open it: {}{more}", names.join(", "));
    Some(Issue::new(Severity::Note, &store.path, message))
}

/// The stores below a folder, and whether all of it was seen; see [`Search::run`].
fn below(
    dir: &Dir,
    is_own: Option<IsOwn>,
    opened_as: &Path,
    search: &Search<'_>,
    tell: &mut dyn FnMut(Issue),
) -> (Vec<Arc<StoreInfo>>, bool) {
    let mut found = Vec::new();
    let mut keep = |recognised: Recognised| {
        // A lone match of the least certain kind is what a person meant only if they named it.
        if recognised.confidence > Confidence::Possible {
            found.push(info(recognised, opened_as));
        }
    };
    let is_whole = search.run(dir, is_own, &mut keep, tell);
    (found, is_whole)
}

/// `shelf` stands for `shelf.dir` and `shelf.dat`: the folder and the name, if some such file is there.
pub(super) fn by_stem(path: &Path) -> Option<(Dir, OsString)> {
    let name = path.file_name()?;
    let folder = path
        .parent()
        .filter(|p| !p.as_os_str().is_empty())
        .unwrap_or(".".as_ref());
    let dir = Dir::open(folder).ok()?;
    let has = |suffix: &str| {
        let mut long = name.to_owned();
        long.push(suffix);
        dir.stat(&long).is_ok()
    };
    // While a program commits a shelf, its index may be gone for a moment; its values never are.
    [".dir", ".dat", ".db", ".pag"]
        .into_iter()
        .any(has)
        .then(|| (dir, name.to_owned()))
}

fn info(found: Recognised, opened_as: &Path) -> Arc<StoreInfo> {
    Arc::new(StoreInfo::new(
        &found.path,
        opened_as,
        found.kind,
        found.writer,
    ))
}

/// The surest backend's answer.
pub(crate) fn recognise(parent: &Dir, name: &OsStr) -> Result<Option<Recognised>> {
    let candidate = Candidate::look(parent, name)?;
    let mut best: Option<Recognised> = None;
    for backend in BACKENDS {
        if let Some(found) = backend.recognise(&candidate)?
            && best
                .as_ref()
                .is_none_or(|b| b.confidence < found.confidence)
        {
            best = Some(found);
        }
    }
    Ok(best)
}

/// Why nothing was recognised, in words.
fn why_not(parent: &Dir, name: &OsStr) -> &'static str {
    let has_link = || {
        let dir = parent.open_dir(name)?;
        let meta = dir.stat("joblib".as_ref())?;
        std::io::Result::Ok(meta.file_type == FileType::Link)
    };
    let has_orphans = || parent.open_dir(name).is_ok_and(|dir| has_values(&dir));
    match parent.stat(name) {
        Ok(meta) if meta.file_type == FileType::Dir && has_link().unwrap_or(false) => {
            "its folder \"joblib\" is a link, and links are followed only where they are named: open that"
        }
        Ok(meta) if meta.file_type == FileType::Dir && has_orphans() => LACKS_DATABASE,
        Ok(meta) if meta.file_type == FileType::Dir => "no cache was found in this folder",
        Ok(meta) if meta.file_type == FileType::File && meta.size == 0 => "the file is empty",
        Ok(meta) if meta.file_type == FileType::File => "its first bytes are of no known format",
        Ok(meta) => match meta.file_type {
            FileType::Fifo => "it is a named pipe, and only files and folders are opened",
            FileType::Socket => "it is a socket, and only files and folders are opened",
            FileType::Device => "it is a device, and only files and folders are opened",
            _ => "it is neither a file nor a folder, and nothing else is opened",
        },
        Err(_) => "it does not exist, and the files with longer names beside it are no shelf",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_that_ends_early_says_so() {
        let temp = tempfile::tempdir().unwrap();
        #[expect(clippy::disallowed_methods, reason = "tests make their own files")]
        std::fs::write(temp.path().join("a.pkl"), b"\x80\x04K\x01.").unwrap();
        for n in 0..3 {
            std::fs::create_dir(temp.path().join(format!("empty {n}"))).unwrap();
        }
        let dir = Dir::open(temp.path()).unwrap();
        std::fs::create_dir(temp.path().join("empty 0/deep")).unwrap();
        for (max_folders, max_depth, is_whole) in [(5, 2, true), (4, 2, false), (5, 1, false)] {
            let search = Search {
                max_depth,
                max_folders,
                ..SEARCH
            };
            let (found, saw_all) = below(&dir, None, temp.path(), &search, &mut |_| {});
            assert_eq!(
                (found.len(), saw_all),
                (1, is_whole),
                "{max_folders} {max_depth}"
            );
        }
    }

    #[test]
    fn a_folder_with_caches_too_deep_is_not_called_empty() {
        let temp = tempfile::tempdir().unwrap();
        let deep =
            (0..=SEARCH.max_depth).fold(temp.path().to_owned(), |p, n| p.join(n.to_string()));
        #[expect(clippy::disallowed_methods, reason = "tests make their own files")]
        {
            std::fs::create_dir_all(&deep).unwrap();
            std::fs::write(deep.join("a.pkl"), b"\x80\x04}\x94K\x01K\x02s.").unwrap();
        }
        let error = open_all(temp.path()).unwrap_err().to_string();
        assert!(error.contains("cachescope find"), "{error}");
        assert_eq!(open_all(&temp.path().join("0")).unwrap().len(), 1);
    }
}
