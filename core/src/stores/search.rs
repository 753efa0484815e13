//! From a folder to the stores below it: breadth first, never through links, and never into what is a store's own.

use std::collections::{HashSet, VecDeque};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use super::recognise::{Recognised, recognise};
use super::{BACKENDS, IsOwn, diskcache, own_names};
use crate::Error;
use crate::model::{Issue, Severity};
use crate::source::{Dir, FileType, own_folder};

/// How far a search goes.
pub(crate) struct Search<'a> {
    /// Levels below the folder.
    pub(crate) max_depth: usize,
    /// Folders looked into.
    pub(crate) max_folders: usize,
    /// Names that are not looked at.
    pub(crate) skips: fn(&OsStr) -> Option<Skip>,
    /// True where what is mounted below the folder is left alone: other disks, the network, the system's own trees.
    pub(crate) stays_on_disk: bool,
    /// True where what is wrong with the folder itself is told as well.
    pub(crate) tells_root: bool,
    /// Asked before each folder.
    pub(crate) is_cancelled: &'a dyn Fn() -> bool,
    /// Told of each folder, by its path below the one where the search began, before its names are read.
    pub(crate) enters: &'a dyn Fn(&Path),
    /// The names of such a folder that are looked at; `None` for all that it holds.
    pub(crate) only: &'a dyn Fn(&Path) -> Option<Vec<OsString>>,
}

/// Why a name is not looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Skip {
    /// Nobody looks for caches there.
    Silently,
    /// By its name it is this, and may be a cache all the same.
    AsIfItWere(&'static str),
}

/// A folder that waits to be looked into.
struct Waiting {
    below: PathBuf,
    /// Levels below the folder where the search began.
    depth: usize,
    /// What of it belongs to a store that was found already.
    is_own: Option<IsOwn>,
}

impl Search<'_> {
    /// As [`Search::run`], for a folder that may be a store itself, which is handed to `found` first.
    pub(crate) fn run_from(
        &self,
        (parent, name): (&Dir, &OsStr),
        root: &Dir,
        found: &mut dyn FnMut(Recognised),
        tell: &mut dyn FnMut(Issue),
    ) -> bool {
        // What cannot be read of the folder is told when it is listed.
        let Ok(Some(store)) = recognise(parent, name) else {
            return self.run(root, None, found, tell);
        };
        let is_own = own_names(store.kind);
        found(store);
        is_own.is_none() || self.run(root, is_own, found, tell)
    }

    /// Hands each store below `root` to `found`; returns whether all was seen. Where the root is a store, `is_own` says
    /// what of it is passed over.
    ///
    /// What may hold a store and was not looked into is told to `tell`: folders and files that cannot be read, folders
    /// on another file system where the search stays on one, what was passed over by its name, caches that lack the
    /// file which makes them one.
    pub(crate) fn run(
        &self,
        root: &Dir,
        is_own: Option<IsOwn>,
        found: &mut dyn FnMut(Recognised),
        tell: &mut dyn FnMut(Issue),
    ) -> bool {
        let mut walk = Walk {
            search: self,
            root,
            device: root.stat_self().ok().map(|meta| meta.dev),
            waiting: VecDeque::from([Waiting {
                below: PathBuf::new(),
                depth: 0,
                is_own,
            }]),
            seen: HashSet::new(),
            is_whole: true,
            found,
            tell,
        };
        let mut n_folders = 0;
        while let Some(place) = walk.waiting.pop_front() {
            n_folders += 1;
            if n_folders > self.max_folders || (self.is_cancelled)() {
                return false;
            }
            walk.folder(&place);
        }
        walk.is_whole
    }

    /// Why not all was seen, and what to do.
    pub(crate) fn limits(&self) -> String {
        format!(
            "only {} folders below it were looked into, and none more than {} levels down: name the folder that holds \
             the cache, or search them all with \"cachescope find\"",
            self.max_folders, self.max_depth
        )
    }
}

/// A search under way.
struct Walk<'w> {
    search: &'w Search<'w>,
    root: &'w Dir,
    /// The file system of the root; `None` where that is not known.
    device: Option<u64>,
    waiting: VecDeque<Waiting>,
    /// Stores that were found: `shelf.dir` and `shelf.dat` are one.
    seen: HashSet<(PathBuf, &'static str)>,
    is_whole: bool,
    found: &'w mut dyn FnMut(Recognised),
    tell: &'w mut dyn FnMut(Issue),
}

impl Walk<'_> {
    /// Looks at each name of a folder.
    fn folder(&mut self, place: &Waiting) {
        (self.search.enters)(&place.below);
        let opened = self.root.open_below(&place.below).and_then(|dir| {
            let names = match (self.search.only)(&place.below) {
                Some(only) => these_names(&dir, place.is_own, only),
                None => strange_names(&dir, place.is_own)?,
            };
            Ok((names, dir))
        });
        let (names, dir) = match opened {
            Ok(opened) => opened,
            Err(error) => {
                (self.tell)(unlisted(&self.root.path().join(&place.below), error));
                return;
            }
        };
        let is_told = self.search.tells_root || !place.below.as_os_str().is_empty();
        if place.is_own.is_none() && is_told {
            diskcache::lacks_database(&dir, &names).map(&mut *self.tell);
        }
        let mut unread = Unread::default();
        for (name, file_type) in names {
            if !self.passes_over(&dir, &name, file_type) {
                self.name(place, &dir, &name, file_type, &mut unread);
            }
        }
        unread.issue(dir.path()).map(&mut *self.tell);
    }

    /// True for what is not looked at; told where it may be a cache all the same.
    fn passes_over(&mut self, dir: &Dir, name: &OsStr, file_type: FileType) -> bool {
        if let Some(skip) = (self.search.skips)(name) {
            skip.issue(&dir.path().join(name)).map(&mut *self.tell);
            return true;
        }
        let is_part = || BACKENDS.iter().any(|backend| backend.is_part(name));
        let is_ours = own_folder::is_ours(name);
        let is_passed_over = match file_type {
            FileType::File => is_ours || is_part(),
            FileType::Dir => is_ours,
            _ => true,
        };
        if is_passed_over || file_type != FileType::Dir || !self.search.stays_on_disk {
            return is_passed_over;
        }
        let device = dir.stat(name).ok().map(|meta| meta.dev);
        let is_elsewhere = device.is_some() && device != self.device;
        if is_elsewhere {
            (self.tell)(elsewhere(&dir.path().join(name)));
        }
        is_elsewhere
    }

    /// Finds out whether a name is a store, and whether there may be more below it.
    fn name(
        &mut self,
        place: &Waiting,
        dir: &Dir,
        name: &OsStr,
        file_type: FileType,
        unread: &mut Unread,
    ) {
        let is_folder = file_type == FileType::Dir;
        let is_deepest = place.depth >= self.search.max_depth;
        let mut wait = |is_own| {
            self.waiting.push_back(Waiting {
                below: place.below.join(name),
                depth: place.depth + 1,
                is_own,
            });
        };
        match recognise(dir, name) {
            Ok(Some(store)) => {
                // What strangers put into a store at the last level is not looked for.
                if let Some(is_own) = own_names(store.kind).filter(|_| is_folder && !is_deepest) {
                    wait(Some(is_own));
                }
                if self.seen.insert((store.path.clone(), store.kind)) {
                    (self.found)(store);
                }
            }
            _ if is_folder && is_deepest => self.is_whole = false,
            _ if is_folder => wait(None),
            Err(error) if file_type == FileType::File => unread.add(error),
            _ => {}
        }
    }
}

impl Skip {
    fn issue(self, path: &Path) -> Option<Issue> {
        let Self::AsIfItWere(what) = self else {
            return None;
        };
        let message =
            format!("Passed over: by its name it is {what}. \"cachescope ls\" looks inside");
        Some(Issue::new(Severity::Note, path, message))
    }
}

/// Names and types of what lies in a folder, sorted by name; without what is a store's own, of which there may be much.
fn strange_names(dir: &Dir, is_own: Option<IsOwn>) -> std::io::Result<Vec<(OsString, FileType)>> {
    let Some(is_own) = is_own else {
        return dir.names();
    };
    let mut names = Vec::new();
    dir.list(|name, file_type| {
        if !is_own(dir, name, file_type) {
            names.push((name.to_owned(), file_type));
        }
    })?;
    names.sort();
    Ok(names)
}

/// The same of some of the names, as far as they are there.
fn these_names(
    dir: &Dir,
    is_own: Option<IsOwn>,
    names: Vec<OsString>,
) -> Vec<(OsString, FileType)> {
    let with_type = |name: OsString| {
        let file_type = dir.stat(&name).ok()?.file_type;
        let is_strange = is_own.is_none_or(|is_own| !is_own(dir, &name, file_type));
        is_strange.then_some((name, file_type))
    };
    names.into_iter().filter_map(with_type).collect()
}

/// A folder that cannot be listed, or vanished.
fn unlisted(path: &Path, error: std::io::Error) -> Issue {
    let error = Error::io("Cannot look into the folder", path, error);
    Issue::new(Severity::Warning, path, error.to_string())
}

fn elsewhere(path: &Path) -> Issue {
    let message =
        "This folder lies on another file system and was not searched: name it to search it";
    Issue::new(Severity::Note, path, message)
}

/// The files of one folder that cannot be read: the first with its reason, the others counted.
#[derive(Default)]
struct Unread {
    first: Option<Error>,
    n_others: usize,
}

impl Unread {
    fn add(&mut self, error: Error) {
        match self.first {
            // Taken away by a program at this moment.
            _ if error.is_not_found() => {}
            None => self.first = Some(error),
            Some(_) => self.n_others += 1,
        }
    }

    fn issue(self, folder: &Path) -> Option<Issue> {
        let error = self.first?;
        let path = error.path().unwrap_or(folder);
        let others = match self.n_others {
            0 => String::new(),
            1 => ". Nor can 1 other file of its folder be read".to_owned(),
            n => format!(". Nor can {n} other files of its folder be read"),
        };
        Some(Issue::new(
            Severity::Warning,
            path,
            format!("{error}{others}"),
        ))
    }
}
