//! Whole folders and single files: checked by handle, moved by one rename each, verified where they arrived.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};

use super::super::apart::{self, Taken};
use super::super::disk;
use super::super::journal::{self, By, GuardText, part_name};
use super::super::quarantine::{Purpose, Shelf};
use super::super::value_file::prune;
use super::seen::{self, SeenFolder};
use super::{Job, Mechanism, Site, Stays, To};
use crate::Error;
use crate::model::Time;
use crate::source::{Dir, Meta};
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
    /// Why nothing of a group may be held: undo would put it under code that nobody has compared.
    unguarded: BTreeMap<PathBuf, Option<Error>>,
    /// Why a part of an entry that is out stays behind.
    left: Option<Error>,
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
            let synced = match self.site.base.open_below(&path) {
                // It was empty, and is gone.
                Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
                other => other.and_then(|dir| disk::sync_dir(&dir)),
            };
            let whole = self.site.base.path().join(&path);
            synced.map_err(|e| Error::io("Cannot wait for the disk", &whole, e))?;
        }
        self.left.take().map_or(Ok(()), Err)
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
            unguarded: BTreeMap::new(),
            left: None,
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
        let is_tidied = !matches!(to, To::Nowhere) || self.touched.contains(outer_of(first));
        let outer = open_outer(&mut self.group, &self.site.base, outer_of(first))?;
        if !is_tidied {
            apart::tidy(outer);
        }
        if let (Removal::Folder { guard, .. }, To::Shelf(shelf)) = (&job.removal, to)
            && shelf.purpose == Purpose::Undo
        {
            let unguarded = self.unguarded.entry(outer_of(first).to_owned());
            let why = unguarded.or_insert_with(|| unread_guard(&self.site.base, guard.as_ref()));
            if let Some(error) = why {
                return Err(Stays::Failed(error.repeated()));
            }
        }
        match &job.removal {
            Removal::Folder { .. } => {
                let taken = take_folder((self.site, self.now), job, first, outer, to)?;
                self.left = self.left.take().or(taken);
            }
            Removal::Shared { .. } => {
                // Where the first of them could not go, another one's look at the same files may still pass.
                let n = *self.shared.entry(first.clone()).or_insert(job.n);
                let taken = take_files(self.site, job, n, paths, outer, to)?;
                self.left = self.left.take().or(taken);
            }
            _ => {
                let taken = take_files(self.site, job, job.n, paths, outer, to)?;
                self.left = self.left.take().or(taken);
            }
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
) -> Result<Option<Error>> {
    let Some(name) = path.file_name() else {
        return Err(Stays::because("it has no folder of its own"));
    };
    let seen = SeenFolder::look(job, outer, name, site.dev, (now, site.fresh))?;
    let shelf = match to {
        To::Check => return Ok(None),
        To::Nowhere => return free_folder(&seen, outer, name),
        To::Shelf(shelf) => shelf,
    };
    let held = part_name(job.n, true, 0);
    match disk::rename(outer, name, &shelf.dir, &held) {
        Ok(()) if seen.is_still(&shelf.dir, &held) => Ok(None),
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
) -> Result<Option<Error>> {
    let names: Vec<&OsStr> = paths.iter().filter_map(|p| p.file_name()).collect();
    let first = paths.first().map(|p| outer_of(p));
    if paths.iter().any(|p| Some(outer_of(p)) != first) {
        return Err(Stays::because("its files lie in several folders"));
    }
    let metas = seen::look_at_files(job, outer, &names, site.dev)?;
    let shelf = match to {
        To::Check => return Ok(None),
        To::Nowhere => return free_files(outer, &names, &metas),
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
    Ok(None)
}

/// Frees files where they lie, first what makes them an entry; says what of it stays behind.
fn free_files(outer: &Dir, names: &[&OsStr], metas: &[Meta]) -> Result<Option<Error>> {
    let mut left = None;
    for (k, (name, meta)) in names.iter().zip(metas).enumerate() {
        match free_file(outer, name, meta) {
            Ok(()) => {}
            Err(stays) if k == 0 => return Err(stays),
            // The first file is out, so the entry is gone; this part of it belongs to nobody now.
            Err(stays) => left = Some(left_behind(stays, &outer.path().join(name))),
        }
    }
    Ok(left)
}

fn free_file(outer: &Dir, name: &OsStr, seen: &Meta) -> Result {
    let fail = |e| cannot_free(e, &outer.path().join(name));
    let is_it = |name: &OsStr| outer.stat(name).is_ok_and(|now| seen::is_same(&now, seen));
    let apart = match apart::take(outer, name, is_it).map_err(fail)? {
        Taken::Apart(apart) => apart,
        Taken::Other => return Err(seen::changed()),
    };
    disk::remove_file(outer, &apart).map_err(|e| {
        apart::give_back(outer, &apart, name);
        fail(e)
    })
}

fn move_file(shelf: &Shelf, outer: &Dir, name: &OsStr, held: &OsStr, seen: &Meta) -> Result {
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

/// Frees an entry where it lies, first what makes it an entry, last its folder; says what of it stays behind.
fn free_folder(seen: &SeenFolder, outer: &Dir, name: &OsStr) -> Result<Option<Error>> {
    let path = outer.path().join(name);
    let taken = apart::take(outer, name, |name| seen.is_still(outer, name));
    let doomed = taken.and_then(|taken| match taken {
        Taken::Apart(apart) => apart::doom(outer, &apart, name).map(Some),
        Taken::Other => Ok(None),
    });
    let doomed = match doomed {
        Ok(Some(doomed)) => doomed,
        // An overlay file system cannot move a folder of its lower layer.
        Err(e) if e.kind() == io::ErrorKind::CrossesDevices && seen.is_still(outer, name) => {
            name.to_owned()
        }
        Ok(None) => return Err(seen::changed()),
        Err(e) => return Err(cannot_free(e, &path)),
    };
    let mut left = None;
    for (k, file) in seen.files.iter().enumerate() {
        match disk::remove_file(seen.dir(), file) {
            Ok(()) => {}
            Err(e) if k == 0 => {
                apart::give_back(outer, &doomed, name);
                return Err(seen::failed(e, &path.join(file)));
            }
            Err(e) => {
                let why = seen::failed(e, &path);
                left = Some(left_behind(why, &path.join(file)));
            }
        }
    }
    // A program may have begun to write into it again: then the folder is that program's.
    if let Err(e) = disk::remove_dir(outer, &doomed) {
        log::info!("{}: {e}", path.display());
        apart::give_back(outer, &doomed, name);
    }
    Ok(left)
}

fn cannot_free(error: io::Error, path: &Path) -> Stays {
    if error.kind() != io::ErrorKind::AlreadyExists {
        return seen::failed(error, path);
    }
    let what = "The entry changed while it was freed, and cannot be put back";
    Stays::Failed(
        Error::io(what, path, error)
            .hint("It lies beside its place, with \".cachescope~\" before its name"),
    )
}

fn left_behind(stays: Stays, path: &Path) -> Error {
    let what = "The entry is out, and a part of it stays behind";
    let why = match stays {
        Stays::Skipped(why) => why.text().to_owned(),
        Stays::Failed(error) => error.message(),
    };
    Error::unavailable(what, why)
        .at(path)
        .hint("`check` finds it as an orphan")
}

/// Why a guard cannot be read, although it is there.
fn unread_guard(base: &Dir, guard: Option<&Guard>) -> Option<Error> {
    let path = &guard?.path;
    match read_guard(base, path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => {
            let what = "Cannot clear the entry with undo: the source of its function, which undo compares, cannot be read";
            Some(
                Error::io(what, &base.path().join(path), e).hint("--permanent clears without undo"),
            )
        }
        _ => None,
    }
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
