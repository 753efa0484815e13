//! The folder that a person names as the place of today's sources: its Python files and notebooks, read once.

use std::collections::{HashMap, HashSet, VecDeque};
use std::ffi::OsStr;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crate::formats::python::{self, Outline};
use crate::source::{Dir, FileType, ReadAt as _};
use crate::{Error, Result};

/// Folders looked into; a project with more is searched as far as this, nearest first.
const FOLDERS: usize = 50_000;
/// A longer source is no person's code.
const SOURCE_BYTES: u64 = 16 << 20;
/// Notebooks hold pictures.
const NOTEBOOK_BYTES: u64 = 128 << 20;
/// Folders of a project that its packages often lie in.
const COMMON: [&str; 4] = ["", "src", "lib", "python"];

/// A folder of sources.
pub(super) struct Tree {
    root: PathBuf,
    index: OnceLock<Index>,
    read: Mutex<HashMap<PathBuf, Arc<Vec<Source>>>>,
    /// The first place where a module may stand and that cannot be looked at.
    hidden: OnceLock<String>,
}

/// What the folder holds, nearest first.
#[derive(Default)]
struct Index {
    modules: Vec<PathBuf>,
    notebooks: Vec<PathBuf>,
    /// What was not looked into, and why: what is not found may stand there.
    unseen: Option<String>,
}

/// A source text that was read: a module, or a cell of a notebook.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) path: PathBuf,
    pub(super) text: String,
    pub(super) outline: Outline,
    /// The encoding, where it could not be decoded for sure.
    pub(super) unknown_encoding: Option<String>,
}

impl Source {
    fn new(path: &Path, text: String, unknown_encoding: Option<String>) -> Self {
        Self {
            path: path.to_owned(),
            outline: Outline::of(&text),
            text,
            unknown_encoding,
        }
    }
}

impl Tree {
    /// The folder `root`; links in its path are followed.
    ///
    /// # Errors
    /// If it is no folder or may not be listed.
    pub(super) fn open(root: &Path) -> Result<Self> {
        Ok(Self {
            root: Dir::open(root)?.path().to_owned(),
            index: OnceLock::new(),
            read: Mutex::default(),
            hidden: OnceLock::new(),
        })
    }

    /// No folder at all: only files that the store itself recorded are read.
    pub(super) fn empty() -> Self {
        Self {
            root: PathBuf::new(),
            index: OnceLock::from(Index::default()),
            read: Mutex::default(),
            hidden: OnceLock::new(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.root.as_os_str().is_empty()
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// Files that may be the module of this dotted name, nearest first: the places where Python would
    /// look if the root, or a folder usual in projects, were on its path; else every file that ends so.
    pub(super) fn modules(&self, parts: &[&str]) -> Vec<PathBuf> {
        let below: PathBuf = parts.iter().collect();
        let names = [below.with_added_extension("py"), below.join("__init__.py")];
        let bases = COMMON.iter().map(|base| self.root.join(base));
        let bases = bases.chain(self.above(parts));
        let direct = bases.flat_map(|base| names.clone().map(|name| base.join(name)));
        for path in direct {
            match is_file(&path) {
                Ok(true) => return vec![path],
                Ok(false) => {}
                Err(why) => drop(self.hidden.set(why)),
            }
        }
        let ends_so = |path: &&PathBuf| names.iter().any(|name| path.ends_with(name));
        self.index()
            .modules
            .iter()
            .filter(ends_so)
            .cloned()
            .collect()
    }

    /// Folders above the root from where the root itself is the package: `/x` for `/x/pkg` and `pkg.mod`.
    fn above(&self, parts: &[&str]) -> Vec<PathBuf> {
        let heads = 1..parts.len();
        let is_tail = |n: &usize| {
            let head: PathBuf = parts.iter().take(*n).collect();
            self.root.ends_with(head)
        };
        let base = |n| self.root.ancestors().nth(n).map(Path::to_owned);
        heads.filter(is_tail).filter_map(base).collect()
    }

    /// Why what was not found below the folder may be there all the same; `None` where all of it was looked into.
    pub(super) fn unseen(&self) -> Option<&str> {
        let unseen = self.index.get().and_then(|index| index.unseen.as_ref());
        unseen.or_else(|| self.hidden.get()).map(String::as_str)
    }

    /// Every Python file.
    pub(super) fn all_modules(&self) -> &[PathBuf] {
        &self.index().modules
    }

    /// Every notebook.
    pub(super) fn notebooks(&self) -> &[PathBuf] {
        &self.index().notebooks
    }

    fn index(&self) -> &Index {
        self.index.get_or_init(|| Index::of(&self.root))
    }

    /// The module's text, or those of a notebook's cells. What cannot be read is told by `Err`.
    pub(super) fn read(&self, path: &Path) -> Result<Arc<Vec<Source>>> {
        let lock = || self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = lock().get(path) {
            return Ok(Arc::clone(known));
        }
        let is_notebook = is_notebook(path.as_os_str());
        let bytes = bytes_of(
            path,
            if is_notebook {
                NOTEBOOK_BYTES
            } else {
                SOURCE_BYTES
            },
        )?;
        let sources = if is_notebook {
            super::notebook::cells(&bytes)
                .into_iter()
                .map(|text| Source::new(path, text, None))
                .collect()
        } else {
            let decoded = python::decode(&bytes);
            vec![Source::new(
                path,
                decoded.text.into_owned(),
                decoded.unknown_encoding,
            )]
        };
        let sources = Arc::new(sources);
        lock().insert(path.to_owned(), Arc::clone(&sources));
        Ok(sources)
    }
}

fn bytes_of(path: &Path, limit: u64) -> Result<Vec<u8>> {
    const WHAT: &str = "Cannot read the source";
    // A link is the person's own: what it leads to is the source.
    let (dir, name) = crate::source::open_parent(path)?;
    let file = dir.open_file(&name).map_err(|e| Error::io(WHAT, path, e))?;
    let size = file.meta().size;
    if size > limit {
        return Err(Error::limit(WHAT, "it is too large for one").at(path));
    }
    let mut bytes = vec![0; usize::try_from(size).unwrap_or(0)];
    let n = file
        .read_full_at(0, &mut bytes)
        .map_err(|e| Error::io(WHAT, path, e))?;
    bytes.truncate(n);
    Ok(bytes)
}

impl Index {
    /// Walks breadth first, so that the nearest files come first; folders that hold no one's own code are left out.
    fn of(root: &Path) -> Self {
        let mut index = Self::default();
        let mut waiting = VecDeque::from([root.to_owned()]);
        let mut seen = HashSet::new();
        let mut n_left = FOLDERS;
        while let Some(folder) = waiting.pop_front() {
            let opened = Dir::open(&folder).and_then(|dir| {
                let fail = |e| Error::io("Cannot look into the folder", &folder, e);
                let meta = dir.stat_self().map_err(fail)?;
                // A link may lead back up: each folder once.
                let is_new = seen.insert((meta.dev, meta.ino));
                let names = is_new.then(|| dir.names().map_err(fail)).transpose()?;
                Ok(names)
            });
            let mut names = match opened {
                Ok(Some(names)) => names,
                Ok(None) => continue,
                // Gone since its parent was listed.
                Err(error) if error.is_not_found() => continue,
                Err(error) => {
                    index.unseen.get_or_insert_with(|| error.to_string());
                    continue;
                }
            };
            if n_left == 0 {
                let why = format!("it holds more than {FOLDERS} folders");
                index.unseen.get_or_insert(why);
                break;
            }
            n_left -= 1;
            names.sort_unstable();
            for (name, file_type) in names {
                let path = folder.join(&name);
                let is_folder = match file_type {
                    FileType::Dir => true,
                    FileType::Link => path.is_dir(),
                    _ => false,
                };
                if is_folder && !is_left_out(&name) {
                    waiting.push_back(path);
                } else if !is_folder && Path::new(&name).extension() == Some("py".as_ref()) {
                    index.modules.push(path);
                } else if !is_folder && is_notebook(&name) {
                    index.notebooks.push(path);
                }
            }
        }
        index
    }
}

fn is_left_out(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(b".") || name == "__pycache__" || name == "node_modules"
}

fn is_notebook(name: &OsStr) -> bool {
    name.as_encoded_bytes().ends_with(b".ipynb")
}

/// The path as joblib writes it into a folder's name: separators as `-`, without `.py` (`func_inspect.py: get_func_name`).
pub(super) fn mangled(path: &Path) -> String {
    let mut mangled = String::new();
    for part in path.components() {
        if let Component::Normal(part) = part {
            // A relative path's first part has no dash before it; that of an absolute one has.
            if path.is_absolute() || !mangled.is_empty() {
                mangled.push('-');
            }
            mangled.push_str(&crate::model::text::from_bytes(part.as_encoded_bytes()));
        }
    }
    match mangled.strip_suffix(".py") {
        Some(stem) => stem.to_owned(),
        None => mangled,
    }
}

/// True for a file, links followed; false where there is none.
///
/// # Errors
/// Why that cannot be said.
fn is_file(path: &Path) -> std::result::Result<bool, String> {
    use std::io::ErrorKind::{InvalidFilename, NotADirectory, NotFound};
    match std::fs::metadata(path) {
        Ok(meta) => Ok(meta.is_file()),
        Err(e) if matches!(e.kind(), NotFound | NotADirectory | InvalidFilename) => Ok(false),
        Err(e) => Err(Error::io("Cannot look at it", path, e).to_string()),
    }
}

/// The file that was mangled into `name`, if it still lies there: each dash was a separator or a dash.
///
/// # Errors
/// Why it may lie there all the same where it is not found.
pub(super) fn recorded_file(name: &str) -> std::result::Result<Option<PathBuf>, String> {
    /// Places looked at; a name has few dashes, and most lead nowhere at once.
    const LOOKS: usize = 4_000;
    let Some(rest) = name.strip_prefix('-') else {
        return Ok(None);
    };
    let mut waiting = vec![(PathBuf::from("/"), rest)];
    let (mut n_looks, mut unseen) = (0, None);
    while let Some((folder, rest)) = waiting.pop() {
        let file = folder.join(rest).with_added_extension("py");
        match is_file(&file) {
            Ok(true) => return Ok(Some(file)),
            Ok(false) => {}
            Err(why) => drop(unseen.get_or_insert(why)),
        }
        for (at, _) in rest.match_indices('-') {
            let Some((part, rest)) = rest.split_at_checked(at) else {
                continue;
            };
            n_looks += 1;
            if n_looks > LOOKS {
                return Err("its recorded path can be read in too many ways".to_owned());
            }
            let below = folder.join(part);
            if !part.is_empty() && below.is_dir() {
                waiting.push((below, rest.trim_start_matches('-')));
            }
        }
    }
    unseen.map_or(Ok(None), Err)
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests make their own files")]
mod tests {
    use super::*;

    #[test]
    fn paths_are_mangled_as_joblib_does() {
        for (path, expected) in [
            ("/home/ana/train.py", "-home-ana-train"),
            (
                "/w/my.project v1.2/sub-dir/run.py",
                "-w-my.project v1.2-sub-dir-run",
            ),
            ("proj/train.py", "proj-train"),
            ("/x/tool", "-x-tool"),
        ] {
            assert_eq!(mangled(Path::new(path)), expected);
        }
    }

    #[test]
    fn a_recorded_path_is_found_whatever_its_dashes_were() {
        let temp = tempfile::tempdir().unwrap();
        let real = temp.path().canonicalize().unwrap();
        let folder = real.join("my-project v1.2").join("sub-dir");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::create_dir_all(real.join("my")).unwrap();
        let file = folder.join("run-it.py");
        std::fs::write(&file, "").unwrap();
        assert_eq!(recorded_file(&mangled(&file)), Ok(Some(file)));
        let other = mangled(&folder.join("other.py"));
        assert_eq!(recorded_file(&other), Ok(None));
        assert_eq!(recorded_file("-"), Ok(None));
    }
}
