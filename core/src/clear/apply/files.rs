//! Whole folders and single files: checked by handle, moved by one rename each, verified where they arrived.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};

use super::super::disk;
use super::super::journal::{self, By, GuardText, part_name};
use super::super::quarantine::{Purpose, Shelf};
use super::super::value_file::prune;
use super::seen::{self, SeenFolder};
use super::{Job, Mechanism, Site, Stays, To};
use crate::Error;
use crate::model::Time;
use crate::source::Dir;
use crate::stores::{Guard, Removal};

type Result<T = (), E = Stays> = std::result::Result<T, E>;

/// A guard is a function's source.
const MAX_GUARD_BYTES: usize = 16 << 20;

/// The mechanism for [`Removal::Folder`], [`Removal::Files`] and [`Removal::Shared`].
pub(super) struct Files<'a> {
    site: &'a Site,
    now: Time,
    /// The folder used last: entries of one group come together.
    group: Option<(PathBuf, Dir)>,
    /// Groups that the journal knows already.
    noted: BTreeSet<PathBuf>,
    /// Shared files that the journal knows already, with the number of the first entry.
    shared: BTreeMap<PathBuf, usize>,
    /// Shared files that are out already, with all their entries.
    gone: BTreeSet<PathBuf>,
    /// Groups that something was taken from.
    touched: BTreeSet<PathBuf>,
}

impl Mechanism for Files<'_> {
    fn note(&mut self, job: &Job<'_>, journal: &mut journal::Writer<'_>) -> io::Result<()> {
        let paths = job.removal.paths().to_vec();
        let guard = match &job.removal {
            Removal::Folder { guard, .. } => guard.as_ref(),
            _ => None,
        };
        let is_folder = matches!(job.removal, Removal::Folder { .. });
        let Some(first) = paths.first().cloned() else {
            return Ok(());
        };
        let outer = outer_of(&first).to_owned();
        if !self.noted.contains(&outer) {
            journal.group(self.group_line(&outer, guard))?;
            self.noted.insert(outer);
        }
        let is_shared = matches!(job.removal, Removal::Shared { .. });
        let leader = is_shared.then(|| *self.shared.entry(first).or_insert(job.n));
        let goes_with = leader.filter(|n| *n != job.n);
        journal.entry(journal::Entry {
            n: job.n,
            by: By::Files,
            goes_with,
            key: job.planned.key.clone(),
            key_label: job.planned.key_label.clone(),
            group_label: job.planned.group_label.clone(),
            bytes: job.planned.bytes,
            is_folder,
            paths: if goes_with.is_some() {
                Vec::new()
            } else {
                paths
            },
        })
    }

    fn take(&mut self, jobs: &[Job<'_>], to: To<'_>) -> Vec<Result> {
        jobs.iter().map(|job| self.take_one(job, to)).collect()
    }

    fn sync(&mut self) -> crate::Result<()> {
        for path in std::mem::take(&mut self.touched) {
            if let Ok(dir) = self.site.base.open_below(&path) {
                disk::sync_dir(&dir)
                    .map_err(|e| Error::io("Cannot wait for the disk", dir.path(), e))?;
            }
        }
        Ok(())
    }
}

impl<'a> Files<'a> {
    pub(super) fn new(site: &'a Site) -> Self {
        Self {
            site,
            now: Time::now(),
            group: None,
            noted: BTreeSet::new(),
            shared: BTreeMap::new(),
            gone: BTreeSet::new(),
            touched: BTreeSet::new(),
        }
    }

    fn take_one(&mut self, job: &Job<'_>, to: To<'_>) -> Result {
        let paths = job.removal.paths();
        let Some(first) = paths.first() else {
            return Err(Stays::because("it has no file of its own"));
        };
        if self.gone.contains(first) {
            return Ok(());
        }
        let outer = open_outer(&mut self.group, &self.site.base, outer_of(first))?;
        match &job.removal {
            Removal::Folder { .. } => take_folder((self.site, self.now), job, first, outer, to)?,
            Removal::Shared { .. } => {
                // Where the first of them could not go, another one's look at the same files may still pass.
                let n = *self.shared.entry(first.clone()).or_insert(job.n);
                take_files(self.site, job, n, paths, outer, to)?;
            }
            _ => take_files(self.site, job, job.n, paths, outer, to)?,
        }
        if matches!(job.removal, Removal::Shared { .. }) {
            self.gone.insert(first.clone());
        }
        if let (Removal::Files { folders, .. }, To::Shelf(_) | To::Nowhere) = (&job.removal, to) {
            prune(&self.site.base, outer_of(first), *folders);
        }
        if !self.touched.contains(outer_of(first)) {
            self.touched.insert(outer_of(first).to_owned());
        }
        Ok(())
    }

    /// What undo has to know of a folder that entries lie in.
    fn group_line(&self, outer: &Path, guard: Option<&Guard>) -> journal::Group {
        let base = &self.site.base;
        let mode = base
            .open_below(outer)
            .and_then(|d| d.stat_self())
            .ok()
            .and_then(|m| m.mode);
        let guard = guard.and_then(|guard| {
            let text = read_guard(base, &guard.path).ok()?;
            let dir = base.open_below(outer_of(&guard.path)).ok()?;
            Some(GuardText {
                mode: dir.stat(guard.path.file_name()?).ok()?.mode,
                path: guard.path.clone(),
                text: text.into(),
            })
        });
        journal::Group {
            dir: outer.to_owned(),
            mode,
            guard,
        }
    }
}

/// The folder below the base that the last entry lay in too, or else opened now, no part of its path being a link.
fn open_outer<'g>(
    last: &'g mut Option<(PathBuf, Dir)>,
    base: &Dir,
    path: &Path,
) -> Result<&'g Dir> {
    if last.as_ref().is_none_or(|(last, _)| last != path) {
        let fail = |e| seen::failed(e, &base.path().join(path));
        *last = Some((path.to_owned(), base.open_below(path).map_err(fail)?));
    }
    let opened = last.as_ref().map(|(_, dir)| dir);
    opened.ok_or_else(|| Stays::because("its folder is gone"))
}

fn take_folder(
    (site, now): (&Site, Time),
    job: &Job<'_>,
    path: &Path,
    outer: &Dir,
    to: To<'_>,
) -> Result {
    let Some(name) = path.file_name() else {
        return Err(Stays::because("it has no folder of its own"));
    };
    let seen = SeenFolder::look(job, outer, name, site.dev, (now, site.fresh))?;
    let shelf = match to {
        To::Check => return Ok(()),
        To::Nowhere => return free_folder(&seen, outer, name),
        To::Shelf(shelf) => shelf,
    };
    let held = part_name(job.n, true, 0);
    match disk::rename(outer, name, &shelf.dir, &held) {
        Ok(()) if seen.is_still(&shelf.dir, &held) => Ok(()),
        Ok(()) => put_back(shelf, &held, outer, name).and(Err(seen::changed())),
        // An overlay file system cannot move a folder of its lower layer.
        Err(e) if e.kind() == io::ErrorKind::CrossesDevices && shelf.purpose == Purpose::Free => {
            free_folder(&seen, outer, name)
        }
        Err(e) => Err(seen::failed(e, &outer.path().join(name))),
    }
}

/// Takes the files of an entry, held as parts of number `n`: all of them, or none.
fn take_files(
    site: &Site,
    job: &Job<'_>,
    n: usize,
    paths: &[PathBuf],
    outer: &Dir,
    to: To<'_>,
) -> Result {
    let names: Vec<&OsStr> = paths.iter().filter_map(|p| p.file_name()).collect();
    let first = paths.first().map(|p| outer_of(p));
    if paths.iter().any(|p| Some(outer_of(p)) != first) {
        return Err(Stays::because("its files lie in several folders"));
    }
    let metas = seen::look_at_files(job, outer, &names, site.dev)?;
    let shelf = match to {
        To::Check => return Ok(()),
        To::Nowhere => return free_files(outer, &names),
        To::Shelf(shelf) => shelf,
    };
    for (k, (name, meta)) in names.iter().zip(&metas).enumerate() {
        let Err(stays) = move_file(shelf, outer, name, &part_name(n, false, k), meta) else {
            continue;
        };
        // The part that makes it an entry comes last, so that the store never has half of one.
        for (k, name) in names.iter().enumerate().take(k).rev() {
            put_back(shelf, &part_name(n, false, k), outer, name)?;
        }
        return Err(stays);
    }
    Ok(())
}

/// Frees files where they lie: first what makes them an entry.
fn free_files(outer: &Dir, names: &[&OsStr]) -> Result {
    for (k, name) in names.iter().enumerate() {
        match disk::remove_file(outer, name) {
            Ok(()) => {}
            Err(e) if k == 0 => return Err(seen::failed(e, &outer.path().join(name))),
            // The first file is out, so the entry is gone; this part of it belongs to nobody now.
            Err(e) => log::warn!("{}", left_behind(e, &outer.path().join(name))),
        }
    }
    Ok(())
}

fn move_file(
    shelf: &Shelf,
    outer: &Dir,
    name: &OsStr,
    held: &OsStr,
    seen: &crate::source::Meta,
) -> Result {
    disk::rename(outer, name, &shelf.dir, held)
        .map_err(|e| seen::failed(e, &outer.path().join(name)))?;
    if shelf
        .dir
        .stat(held)
        .is_ok_and(|meta| seen::is_same(&meta, seen))
    {
        return Ok(());
    }
    put_back(shelf, held, outer, name)?;
    Err(seen::changed())
}

/// What arrived is not what was checked: it goes back, unless something stands there again. Then it stays held.
fn put_back(shelf: &Shelf, held: &OsStr, outer: &Dir, name: &OsStr) -> Result {
    disk::rename(&shelf.dir, held, outer, name).map_err(|e| {
        Stays::Failed(
            Error::io(
                "The entry changed while it was moved and cannot be put back",
                &outer.path().join(name),
                e,
            )
            .hint("What was moved is held aside: undo brings it back"),
        )
    })
}

/// Frees an entry where it lies: first what makes it an entry, last its folder.
fn free_folder(seen: &SeenFolder, outer: &Dir, name: &OsStr) -> Result {
    if !seen.is_still(outer, name) {
        return Err(seen::changed());
    }
    for (k, file) in seen.files.iter().enumerate() {
        match disk::remove_file(seen.dir(), file) {
            Ok(()) => {}
            Err(e) if k == 0 => return Err(seen::failed(e, &seen.dir().path().join(file))),
            Err(e) => log::warn!("{}", left_behind(e, &seen.dir().path().join(file))),
        }
    }
    // A program may have begun to write into it again: then the folder is that program's.
    if let Err(e) = disk::remove_dir(outer, name) {
        log::info!("{}: {e}", outer.path().join(name).display());
    }
    Ok(())
}

fn left_behind(error: io::Error, path: &Path) -> Error {
    let what = "The entry is out, and a part of it stays behind";
    Error::io(what, path, error).hint("`check` finds it as an orphan")
}

/// The bytes of a guard file.
pub(in super::super) fn read_guard(base: &Dir, path: &Path) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    base.open_below(outer_of(path))?
        .read_small(name, MAX_GUARD_BYTES, &mut text)?;
    Ok(text)
}

fn outer_of(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new(""))
}
