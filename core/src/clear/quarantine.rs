//! The place for what was moved aside: one folder beside the store, in it a shelf for each clear.
//!
//! `.cachescope-quarantine/ID/` holds a manifest and the things themselves; `ID.purge/` is a shelf whose
//! things are to be freed and never come back. Two files lock: `.gitignore` while shelves come and go, a shelf's
//! manifest while somebody works on it. A lock ends with its process, so none is ever left over.

use std::ffi::{OsStr, OsString};
use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::journal::{self, MANIFEST, Manifest};
use super::saved::{self, Saved};
use super::{QUARANTINE, disk, recover};
use crate::scan::Cancel;
use crate::source::{Dir, FileType};
use crate::{Error, Result};

const LOCK: &str = ".gitignore";
const TAG: &str = "CACHEDIR.TAG";
/// Version control leaves the folder alone.
const LOCK_TEXT: &[u8] = b"*\n";
/// Back-up programs leave it out: <https://bford.info/cachedir/>.
const TAG_TEXT: &[u8] = b"Signature: 8a477f597d28d172789f06886806bc55\n\
# Cachescope moved cache entries aside into this folder; `cachescope undo` brings them back.\n";
/// A file on a shelf that is being written, to be moved to its place when it is whole.
pub(super) const SCRAP: &str = "scrap";
/// What SQLite leaves beside a scrap of its own that it was stopped at.
const SCRAPS: [&str; 4] = [SCRAP, "scrap-journal", "scrap-wal", "scrap-shm"];
/// Ends the name of a shelf whose things are to be freed.
const DOOMED: &str = ".purge";
/// Somebody else makes or removes a shelf for a moment only.
const PATIENCE: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_millis(5);

/// The quarantine of one place.
#[derive(Debug)]
pub(super) struct Quarantine {
    parent: Dir,
    dir: Dir,
}

/// What one clear moved aside, locked by us.
#[derive(Debug)]
pub(super) struct Shelf {
    pub(super) name: String,
    pub(super) dir: Dir,
    pub(super) manifest: File,
    /// What becomes of what lies on it.
    pub(super) purpose: Purpose,
}

/// What a shelf is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// To hold what lies on it for undo.
    Undo,
    /// To hold it until all of it is known to be what was chosen; then it is doomed and freed.
    Free,
}

impl Shelf {
    /// True if what lies on it is being freed and never comes back.
    pub(super) fn is_doomed(&self) -> bool {
        Quarantine::is_doomed(&self.name)
    }
}

impl Quarantine {
    /// Waits until the quarantine and its place are on the disk.
    pub(super) fn sync(&self) -> io::Result<()> {
        disk::sync_dir(&self.dir)?;
        disk::sync_dir(&self.parent)
    }

    /// The quarantine in `parent`; `None` if there is none, or it is somebody else's.
    ///
    /// # Errors
    /// If it is ours, and cannot be opened or trusted.
    pub(super) fn find(parent: Dir) -> Result<Option<Self>> {
        let path = parent.path().join(QUARANTINE);
        let fail = |e| Error::io("Cannot open what was moved aside", &path, e);
        let is_own = match disk::is_own(&parent, QUARANTINE.as_ref()) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other.map_err(fail)?,
        };
        if !is_own {
            return Ok(None);
        }
        let dir = match parent.open_dir(QUARANTINE.as_ref()) {
            Err(e) if disk::is_no_folder(&e) => return Ok(None),
            other => other.map_err(fail)?,
        };
        if !disk::is_ours(&dir, &parent).map_err(fail)? {
            return Err(Error::refused(
                "What was moved aside is not touched",
                "others may write into its folder",
            )
            .at(&path)
            .hint("Look at what is in it, and take their right to write away (chmod go-w)"));
        }
        Ok(Some(Self { parent, dir }))
    }

    /// Where it is.
    pub(super) fn path(&self) -> PathBuf {
        self.dir.path().to_owned()
    }

    /// The folder it lies in.
    pub(super) fn parent(&self) -> &Dir {
        &self.parent
    }

    /// Names of the shelves, oldest first.
    pub(super) fn shelf_names(&self) -> Result<Vec<String>> {
        let fail = |e| Error::io("Cannot list what was moved aside", self.dir.path(), e);
        let mut names = Vec::new();
        self.dir
            .list(|name, file_type| {
                if let (Some(name), FileType::Dir) = (name.to_str(), file_type) {
                    names.push(name.to_owned());
                }
            })
            .map_err(fail)?;
        names.sort();
        Ok(names)
    }

    /// A shelf's folder and its manifest as they are, without a lock: only to look.
    pub(super) fn look(&self, name: &str) -> io::Result<(Dir, File)> {
        let dir = self.dir.open_dir(name.as_ref())?;
        let manifest = disk::open_existing(&dir, MANIFEST.as_ref())?;
        Ok((dir, manifest))
    }

    /// What is on a shelf besides what SQLite leaves there; nothing if it is gone.
    pub(super) fn names_on(&self, name: &str) -> io::Result<Vec<OsString>> {
        let dir = match self.dir.open_dir(name.as_ref()) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            other => other?,
        };
        let mut names: Vec<OsString> = dir.names()?.into_iter().map(|(name, _)| name).collect();
        names.retain(|name| name != MANIFEST && SCRAPS.iter().all(|own| name != own));
        Ok(names)
    }

    /// Takes a shelf for us alone.
    pub(super) fn take(&self, name: &str) -> Result<Shelf> {
        let path = self.dir.path().join(name);
        let fail = |e| Error::io("Cannot open what was moved aside", &path, e);
        let (dir, manifest) = self.look(name).map_err(fail)?;
        lock(&manifest).map_err(|e| busy_or(e, &path))?;
        // Whoever had it before may have emptied it and thrown it away, and a newer one may have its name.
        let now = self.dir.open_dir(name.as_ref());
        if !now.is_ok_and(|now| disk::is_named(&manifest, &now, MANIFEST.as_ref())) {
            return Err(fail(io::ErrorKind::NotFound.into()));
        }
        Ok(Shelf {
            name: name.to_owned(),
            dir,
            manifest,
            purpose: Purpose::Undo,
        })
    }

    /// True if the shelf is to be freed and nothing else.
    pub(super) fn is_doomed(name: &str) -> bool {
        name.ends_with(DOOMED)
    }

    /// Name of a shelf that is to be freed.
    pub(super) fn doomed(id: &str) -> String {
        format!("{id}{DOOMED}")
    }

    /// The id of what lies on a shelf.
    pub(super) fn id_of(name: &str) -> &str {
        name.strip_suffix(DOOMED).unwrap_or(name)
    }

    /// Says for good that nothing on the shelf comes back.
    pub(super) fn doom(&self, shelf: &mut Shelf) -> Result<()> {
        if Self::is_doomed(&shelf.name) {
            return Ok(());
        }
        let doomed = Self::doomed(&shelf.name);
        disk::rename(&self.dir, shelf.name.as_ref(), &self.dir, doomed.as_ref())
            .and_then(|()| disk::sync_dir(&self.dir))
            .map_err(|e| Error::io("Cannot free what was moved aside", shelf.dir.path(), e))?;
        shelf.name = doomed;
        Ok(())
    }

    /// Frees what lies on a doomed shelf and throws the shelf away; `freed` hears the number of each entry's thing.
    pub(super) fn free(
        &self,
        shelf: Shelf,
        cancel: &Cancel,
        mut freed: impl FnMut(usize),
    ) -> Result<()> {
        debug_assert!(
            Self::is_doomed(&shelf.name),
            "only doomed shelves are freed"
        );
        let fail = |e| Error::io("Cannot free what was moved aside", shelf.dir.path(), e);
        for (name, file_type) in journal::held_names(&shelf.dir).map_err(fail)? {
            cancel.check()?;
            remove_tree(&shelf.dir, &name, file_type).map_err(fail)?;
            if let Some(n) = journal::entry_of(&name) {
                freed(n);
            }
        }
        if let Err(error) = self.discard(shelf) {
            // All of it is freed, and the next command tidies.
            log::warn!("{error}");
        }
        Ok(())
    }

    /// Throws away a shelf on which nothing is held; one with strangers' things on it is left alone.
    pub(super) fn discard(&self, shelf: Shelf) -> Result<()> {
        let Shelf {
            name,
            dir,
            manifest,
            ..
        } = shelf;
        let path = dir.path().to_owned();
        let fail = |e| cannot_tidy(e, &path);
        let names = dir.names().map_err(fail)?;
        let own = |name: &OsStr| SCRAPS.iter().chain(&saved::NAMES).any(|own| name == *own);
        if names.iter().any(|(name, _)| name != MANIFEST && !own(name)) {
            return Ok(());
        }
        for (name, _) in names.iter().filter(|(name, _)| own(name)) {
            disk::remove_file(&dir, name).map_err(fail)?;
        }
        disk::remove_file(&dir, MANIFEST.as_ref()).map_err(fail)?;
        // Closed first: NFS keeps a removed file in its folder for as long as it is open.
        drop(manifest);
        disk::remove_dir(&self.dir, name.as_ref()).map_err(fail)
    }

    /// Finishes what was cut short, and removes the whole quarantine if nothing is held in it.
    ///
    /// What somebody else is at work on is left to them.
    pub(super) fn tidy(&self, cancel: &Cancel) -> Result<()> {
        let fail = |e| cannot_tidy(e, self.dir.path());
        let lock_file = match disk::open_or_create(&self.dir, LOCK.as_ref()) {
            // Another Cachescope removed the whole of it meanwhile.
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
            other => other.map_err(fail)?,
        };
        match lock(&lock_file) {
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            other => other.map_err(fail)?,
        }
        if !self.is_in_place(&lock_file) {
            return Ok(());
        }
        for name in self.shelf_names()? {
            self.tidy_shelf(&name, cancel)?;
        }
        let names = self.dir.names().map_err(fail)?;
        if names.iter().any(|(name, _)| name != LOCK && name != TAG) {
            return Ok(());
        }
        if names.iter().any(|(name, _)| name == TAG) {
            disk::remove_file(&self.dir, TAG.as_ref()).map_err(fail)?;
        }
        disk::remove_file(&self.dir, LOCK.as_ref()).map_err(fail)?;
        drop(lock_file);
        match disk::remove_dir(&self.parent, QUARANTINE.as_ref()) {
            // Somebody began to use it at this very moment, or removed it.
            Err(e)
                if matches!(
                    e.kind(),
                    io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::NotFound
                ) =>
            {
                Ok(())
            }
            other => other.map_err(fail),
        }
    }

    fn tidy_shelf(&self, name: &str, cancel: &Cancel) -> Result<()> {
        let path = self.dir.path().join(name);
        let fail = |e| cannot_tidy(e, &path);
        let dir = match self.dir.open_dir(name.as_ref()) {
            // Another Cachescope threw it away meanwhile.
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
            other => other.map_err(fail)?,
        };
        let Ok(manifest) = disk::open_existing(&dir, MANIFEST.as_ref()) else {
            // It was being made or thrown away when its owner ended.
            if dir.names().map_err(fail)?.is_empty() {
                disk::remove_dir(&self.dir, name.as_ref()).map_err(fail)?;
            }
            return Ok(());
        };
        // Not waited for: everybody else waits for our own lock meanwhile. Whoever had it before may have thrown it
        // away just then.
        if try_lock(&manifest).is_err() || !disk::is_named(&manifest, &dir, MANIFEST.as_ref()) {
            return Ok(());
        }
        let shelf = Shelf {
            name: name.to_owned(),
            dir,
            manifest,
            purpose: Purpose::Undo,
        };
        if Self::is_doomed(name) {
            return self.free(shelf, cancel, |_| {});
        }
        if let Ok(Some(manifest)) = Manifest::read(&shelf.manifest)
            && let Err(error) = recover::rows(&self.parent, &shelf.dir, &manifest)
        {
            // The store cannot be read for now; the next time tells.
            log::warn!("{error}");
        }
        if is_empty(&shelf.dir)? {
            return self.discard(shelf);
        }
        Ok(())
    }

    /// True if both the folder and the lock file that we hold are still the ones that others find by name.
    fn is_in_place(&self, lock_file: &File) -> bool {
        let same = |a: io::Result<crate::source::Meta>, b: io::Result<crate::source::Meta>| matches!((a, b), (Ok(a), Ok(b)) if (a.dev, a.ino) == (b.dev, b.ino));
        same(self.parent.stat(QUARANTINE.as_ref()), self.dir.stat_self())
            && disk::is_named(lock_file, &self.dir, LOCK.as_ref())
    }
}

/// True if nothing is held on a shelf.
pub(super) fn is_empty(shelf: &Dir) -> Result<bool> {
    let fail = |e| Error::io("Cannot read what is held aside", shelf.path(), e);
    let has_things = !journal::held_names(shelf).map_err(fail)?.is_empty();
    Ok(!has_things
        && match Saved::find(shelf)? {
            Some(saved) => saved.is_empty()?,
            None => true,
        })
}

/// A new shelf called `id` in the quarantine of `parent`, which is made if there is none.
pub(super) fn new_shelf(parent: &Dir, id: &str, purpose: Purpose) -> Result<(Quarantine, Shelf)> {
    let path = parent.path().join(QUARANTINE);
    // Another Cachescope may throw an empty quarantine away between two of our steps: then once more.
    for _ in 0..20 {
        match try_new_shelf(parent, id, purpose) {
            Ok(Some(made)) => return Ok(made),
            Ok(None) => {}
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            Err(e) => {
                let error = cannot_make(&path, e, purpose);
                tidy_in(parent);
                return Err(error);
            }
        }
    }
    Err(cannot_make(
        &path,
        io::ErrorKind::ResourceBusy.into(),
        purpose,
    ))
}

/// Tidies the quarantine in `parent`, if there is one; what cannot be done now is done the next time.
pub(super) fn tidy_in(parent: &Dir) {
    let found = match parent.open_below(Path::new("")) {
        Ok(parent) => Quarantine::find(parent),
        Err(e) => Err(cannot_tidy(e, parent.path())),
    };
    let tidied = found.and_then(|found| found.map_or(Ok(()), |q| q.tidy(&Cancel::default())));
    if let Err(error) = tidied {
        log::warn!("{error}");
    }
}

fn try_new_shelf(
    parent: &Dir,
    id: &str,
    purpose: Purpose,
) -> io::Result<Option<(Quarantine, Shelf)>> {
    match disk::make_dir(parent, QUARANTINE.as_ref(), 0o700) {
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
        other => other?,
    }
    let quarantine = Quarantine {
        parent: parent.open_below(Path::new(""))?,
        dir: parent.open_dir(QUARANTINE.as_ref())?,
    };
    if !disk::is_ours(&quarantine.dir, parent)? {
        return Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            "somebody else owns it or may write into it",
        ));
    }
    let lock_file = disk::open_or_create(&quarantine.dir, LOCK.as_ref())?;
    lock(&lock_file)?;
    if !quarantine.is_in_place(&lock_file) {
        return Ok(None);
    }
    fill_if_empty(&lock_file, LOCK_TEXT)?;
    fill_if_empty(
        &disk::open_or_create(&quarantine.dir, TAG.as_ref())?,
        TAG_TEXT,
    )?;
    let name = make_shelf_dir(&quarantine.dir, id)?;
    let dir = quarantine.dir.open_dir(name.as_ref())?;
    let manifest = disk::create(&dir, MANIFEST.as_ref())?;
    lock(&manifest)?;
    Ok(Some((
        quarantine,
        Shelf {
            name,
            dir,
            manifest,
            purpose,
        },
    )))
}

/// Makes `ID`, or `ID-2`, `ID-3`, … where a plan is applied more than once.
fn make_shelf_dir(dir: &Dir, id: &str) -> io::Result<String> {
    for n in 1..10_000 {
        let name = if n == 1 {
            id.to_owned()
        } else {
            format!("{id}-{n}")
        };
        // A shelf that is doomed later must find its new name free.
        if dir.stat(Quarantine::doomed(&name).as_ref()).is_ok() {
            continue;
        }
        match disk::make_dir(dir, name.as_ref(), 0o700) {
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
            other => return other.map(|()| name),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

fn fill_if_empty(file: &File, text: &[u8]) -> io::Result<()> {
    if file.metadata()?.len() == 0 {
        disk::append(file, text)?;
    }
    Ok(())
}

/// Locks a file for us alone, waiting a little; a file system without locks is used without.
fn lock(file: &File) -> io::Result<()> {
    let start = Instant::now();
    loop {
        match try_lock(file) {
            Err(_) if start.elapsed() < PATIENCE => std::thread::sleep(PAUSE),
            tried => return tried,
        }
    }
}

/// As [`lock`], without waiting; "would block" if somebody has it.
fn try_lock(file: &File) -> io::Result<()> {
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => Err(io::ErrorKind::WouldBlock.into()),
        // Without locks two Cachescopes at once meet only in renames, and those are atomic.
        Ok(()) | Err(TryLockError::Error(_)) => Ok(()),
    }
}

fn busy_or(error: io::Error, path: &Path) -> Error {
    if error.kind() == io::ErrorKind::WouldBlock {
        Error::refused(
            "Cannot change what was moved aside",
            "another Cachescope is at work on it",
        )
        .at(path)
        .hint("Wait until it is done")
    } else {
        Error::io("Cannot open what was moved aside", path, error)
    }
}

pub(super) fn cannot_tidy(error: io::Error, path: &Path) -> Error {
    Error::io("Cannot tidy up the quarantine", path, error)
        .hint("The next clear, undo or purge does it")
}

fn cannot_make(path: &Path, error: io::Error, purpose: Purpose) -> Error {
    let what = "the folder for them cannot be made";
    let why = if error.kind() == io::ErrorKind::WouldBlock {
        Error::refused(what, "another Cachescope is at work there")
    } else {
        Error::io(what, path, error)
    };
    if purpose == Purpose::Free {
        // What can be done without is the caller's to say.
        return why;
    }
    Error::refused(
        "Nothing is cleared, as entries cannot be moved aside for undo",
        why.message(),
    )
    .at(path)
    .hint("--permanent clears without undo")
}

/// Removes a thing and what is in it, by handles, on its own file system, following no link.
pub(super) fn remove_tree(parent: &Dir, name: &OsStr, file_type: FileType) -> io::Result<()> {
    if file_type != FileType::Dir {
        return disk::remove_file(parent, name);
    }
    let top = parent.open_dir(name)?;
    let dev = top.stat_self()?.dev;
    // Folders from the outermost to the one that is being emptied, each with its name in the one before.
    let mut open: Vec<(OsString, Dir)> = vec![(name.to_owned(), top)];
    while let Some((name, dir)) = open.pop() {
        let mut inner = None;
        for (child, file_type) in dir.names()? {
            if file_type == FileType::Dir {
                inner = Some(child);
                break;
            }
            disk::remove_file(&dir, &child)?;
        }
        if let Some(child) = inner {
            let folder = dir.open_dir(&child)?;
            if folder.stat_self()?.dev != dev {
                return Err(io::Error::new(
                    io::ErrorKind::CrossesDevices,
                    "something is mounted in it",
                ));
            }
            open.push((name, dir));
            open.push((child, folder));
            continue;
        }
        drop(dir);
        disk::remove_dir(open.last().map_or(parent, |(_, outer)| outer), &name)?;
    }
    Ok(())
}
