//! From a folder to the stores below it: breadth first, never through links, never into a store.

use std::collections::{HashSet, VecDeque};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::BACKENDS;
use super::recognise::{Recognised, recognise};
use crate::clear::QUARANTINE;
use crate::source::{Dir, FileType};
use crate::write::is_in_the_making;

/// How far a search goes.
pub(crate) struct Search<'a> {
    /// Levels below the folder.
    pub(crate) max_depth: usize,
    /// Folders looked into.
    pub(crate) max_folders: usize,
    /// Names that are not looked at.
    pub(crate) skips: fn(&OsStr) -> bool,
    /// True where what is mounted below the folder is left alone: other disks, the network, the system's own trees.
    pub(crate) stays_on_disk: bool,
    /// Asked before each folder.
    pub(crate) is_cancelled: &'a dyn Fn() -> bool,
}

impl Search<'_> {
    /// Hands each store below `root` to `found`, together with the folder it lies in; returns whether all was seen.
    ///
    /// Folders that vanish or may not be listed are handed to `unread`: they may hold stores. So are those that lie
    /// on another file system, as [`std::io::ErrorKind::CrossesDevices`], where the search stays on one.
    pub(crate) fn run(
        &self,
        root: &Dir,
        found: &mut dyn FnMut(Recognised),
        unread: &mut dyn FnMut(&Path, std::io::Error),
    ) -> bool {
        let device = root.stat_self().ok().map(|meta| meta.dev);
        let is_elsewhere = |dir: &Dir, name: &OsStr| {
            let own = dir.stat(name).ok().map(|meta| meta.dev);
            self.stays_on_disk && own.is_some() && own != device
        };
        let mut waiting = VecDeque::from([(PathBuf::new(), 0)]);
        // `shelf.dir` and `shelf.dat` are one store.
        let mut seen = HashSet::new();
        let mut n_folders = 0;
        while let Some((below, depth)) = waiting.pop_front() {
            n_folders += 1;
            if n_folders > self.max_folders || (self.is_cancelled)() {
                return false;
            }
            let opened = root
                .open_below(&below)
                .and_then(|dir| Ok((dir.names()?, dir)));
            let (names, dir) = match opened {
                Ok(opened) => opened,
                Err(error) => {
                    unread(&root.path().join(&below), error);
                    continue;
                }
            };
            for (name, file_type) in names {
                let is_part = || BACKENDS.iter().any(|backend| backend.is_part(&name));
                if name == QUARANTINE
                    || is_in_the_making(&name)
                    || (self.skips)(&name)
                    || (file_type == FileType::File && is_part())
                    || !matches!(file_type, FileType::Dir | FileType::File)
                {
                    continue;
                }
                if file_type == FileType::Dir && is_elsewhere(&dir, &name) {
                    let error = std::io::ErrorKind::CrossesDevices.into();
                    unread(&dir.path().join(&name), error);
                    continue;
                }
                match recognise(&dir, &name) {
                    Ok(Some(store)) if seen.insert((store.path.clone(), store.kind)) => {
                        found(store);
                    }
                    Ok(Some(_)) => {}
                    _ if file_type == FileType::Dir && depth < self.max_depth => {
                        waiting.push_back((below.join(&name), depth + 1));
                    }
                    _ => {}
                }
            }
        }
        true
    }
}
