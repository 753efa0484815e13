//! Private copies: a database with its log or journal, in a folder of our own, where SQLite may write.
//!
//! They go when nobody looks at them any more; those of a run that was killed go with the next one.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Duration;

use super::journal;
use super::state::{State, beside_name};
use crate::model::text;
use crate::scan::Cancel;
use crate::source::own_folder::{self, OwnFolder};
use crate::source::{Dir, ReadAt as _};
use crate::{Error, Result};

/// Largest database that is copied without being asked for, its log included, in bytes.
const UNASKED_BYTES: u64 = 512 << 20;
/// Bytes read and written at a time.
const STEP: usize = 1 << 20;
/// Copies kept for the next look at the same state.
const KEPT: usize = 2;
/// Beginning of the names of the folders that hold copies.
const PREFIX: &str = "cachescope-view-";
/// Folder of all copies in Cachescope's own.
const COPIES: &str = "copies";

/// Where copies are made; the system's folder for temporary files where nobody said.
static PLACE: Mutex<Option<PathBuf>> = Mutex::new(None);

/// What a person allowed copies of at any size: each path and all below it.
static ALLOWED: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

fn locked<T>(mutex: &'static Mutex<T>) -> MutexGuard<'static, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// From now on private copies are made in Cachescope's own folder `own`; those that a run left there which was
/// killed are removed.
pub fn keep_copies_in(own: &Path) {
    let place = own.join(COPIES);
    own_folder::sweep(&place, PREFIX, |_| {});
    *locked(&PLACE) = Some(place);
}

/// Lets private copies be made at any size of the databases at `path` and below it, for as long as this process runs.
pub fn allow_copies_of(path: &Path) {
    // What cannot be resolved cannot be opened either.
    if let Ok(path) = path.canonicalize() {
        locked(&ALLOWED).push(path);
    }
}

/// As [`allow_copies_of`], for every database.
pub fn allow_all_copies() {
    // Every path starts with the empty one.
    locked(&ALLOWED).push(PathBuf::new());
}

fn is_allowed(database: &Path) -> bool {
    let allowed = locked(&ALLOWED);
    allowed.iter().any(|path| database.starts_with(path))
}

/// A new folder for one copy.
fn new_folder() -> io::Result<OwnFolder> {
    if let Some(place) = locked(&PLACE).clone()
        && let Ok(folder) =
            own_folder::make_private_dirs(&place).and_then(|()| OwnFolder::new_in(&place, PREFIX))
    {
        return Ok(folder);
    }
    let temp = tempfile::env::temp_dir();
    own_folder::sweep(&temp, PREFIX, |_| {});
    OwnFolder::new_in(&temp, PREFIX)
}

/// A database that is ours alone; its folder goes when the last user lets go of it.
#[derive(Debug)]
pub(super) struct PrivateCopy {
    folder: OwnFolder,
    name: &'static str,
}

impl PrivateCopy {
    pub(super) fn path(&self) -> PathBuf {
        self.folder.path().join(self.name)
    }
}

/// Name of the database in a copy's folder.
const NAME: &str = "view.db";

/// The copies at hand, newest last, with the state each was made from.
static AT_HAND: Mutex<Vec<(State, Arc<PrivateCopy>)>> = Mutex::new(Vec::new());

/// Held by whoever makes a copy: two that look at one database at once would make the same.
static MAKING: Mutex<()> = Mutex::new(());
/// Pause between two looks at whose turn it is.
const PAUSE: Duration = Duration::from_millis(5);

/// Waits until nobody makes a copy.
///
/// # Errors
/// [`Error::is_cancelled`] if that is no longer wanted.
fn turn(cancel: &Cancel) -> Result<MutexGuard<'static, ()>> {
    loop {
        match MAKING.try_lock() {
            Ok(turn) => return Ok(turn),
            Err(TryLockError::Poisoned(turn)) => return Ok(turn.into_inner()),
            Err(TryLockError::WouldBlock) => {
                cancel.check()?;
                std::thread::sleep(PAUSE);
            }
        }
    }
}

fn at_hand(state: &State) -> Option<Arc<PrivateCopy>> {
    let at_hand = locked(&AT_HAND);
    let mut found = at_hand.iter();
    let (_, copy) = found.find(|(made_from, _)| made_from == state)?;
    Some(Arc::clone(copy))
}

/// Removes every private copy that no job uses; called when the program ends.
pub fn forget_copies() {
    locked(&AT_HAND).clear();
}

/// A copy of the database as `state` describes it, made now or still at hand.
///
/// # Errors
/// [`Error::is_limit`] where it would be larger than is done unasked, [`Error::is_changed`] where a
/// program wrote meanwhile.
pub(super) fn of(
    dir: &Dir,
    name: &OsStr,
    state: &State,
    cancel: &Cancel,
) -> Result<Arc<PrivateCopy>> {
    if let Some(copy) = at_hand(state) {
        return Ok(copy);
    }
    let _turn = turn(cancel)?;
    // Whoever had the turn before may have made the same.
    if let Some(copy) = at_hand(state) {
        return Ok(copy);
    }
    let copy = Arc::new(make(dir, name, state, cancel)?);
    let mut at_hand = locked(&AT_HAND);
    if at_hand.len() >= KEPT {
        at_hand.remove(0);
    }
    at_hand.push((state.clone(), Arc::clone(&copy)));
    Ok(copy)
}

/// A copy of its own, which no other job is handed; see [`of`].
pub(super) fn make(dir: &Dir, name: &OsStr, state: &State, cancel: &Cancel) -> Result<PrivateCopy> {
    let path = dir.path().join(name);
    let folder =
        new_folder().map_err(|e| Error::io("Cannot make a folder for a private copy", &path, e))?;
    let beside = [state.wal, state.journal];
    let sizes = beside.iter().flatten().map(|side| side.size);
    let bytes = sizes.fold(state.main.size, u64::saturating_add);
    check_room(folder.path(), bytes, is_allowed(&path)).map_err(|e| e.at(&path))?;
    let copy = PrivateCopy { folder, name: NAME };
    let changed = || {
        let why = "a program wrote to it meanwhile";
        Error::changed("Cannot make a private copy", why).at(&path)
    };
    let fail = |e: io::Error| match e.kind() {
        io::ErrorKind::NotFound => changed(),
        _ => Error::io("Cannot make a private copy", &path, e),
    };
    copy_file(dir, name, &copy.path(), cancel).map_err(fail)?;
    if state.has_frames() {
        let target = copy.folder.path().join(beside_name(NAME.as_ref(), "-wal"));
        copy_file(dir, &beside_name(name, "-wal"), &target, cancel).map_err(fail)?;
    }
    if state.has_journal() {
        let target = copy
            .folder
            .path()
            .join(beside_name(NAME.as_ref(), "-journal"));
        let source = beside_name(name, "-journal");
        if journal::rolls_back(dir, &source).map_err(fail)? {
            copy_file(dir, &source, &target, cancel).map_err(fail)?;
            journal::strip_super_name(&target).map_err(fail)?;
        }
    }
    cancel.check()?;
    let main = dir.open_file(name).map_err(fail)?;
    if State::look(dir, name, &main).map_err(fail)? != *state {
        return Err(changed());
    }
    Ok(copy)
}

/// Refuses copies that nobody asked for or that do not fit.
fn check_room(folder: &Path, bytes: u64, is_allowed: bool) -> Result<()> {
    let free = free_bytes(folder);
    let what = "Cannot read the newest changes in place";
    let why = format!(
        "it takes a private copy of {}, with {} free",
        text::size(bytes),
        text::size(free)
    );
    if bytes > free / 10 * 9 {
        return Err(Error::limit(what, why).hint("Make room on the disk"));
    }
    if !is_allowed && bytes > UNASKED_BYTES.min(free / 4) {
        let hint = "Allow a private copy of it (--private-copy)";
        return Err(Error::copy_wanted(what, why).hint(hint));
    }
    Ok(())
}

/// Bytes that this user may still write where `folder` lies.
#[cfg(unix)]
fn free_bytes(folder: &Path) -> u64 {
    rustix::fs::statvfs(folder).map_or(0, |s| s.f_bavail.saturating_mul(s.f_frsize))
}

#[cfg(not(unix))]
fn free_bytes(_folder: &Path) -> u64 {
    u64::MAX
}

/// Copies a file into our own folder, by sharing its blocks where the file system can.
#[expect(
    clippy::disallowed_methods,
    reason = "a file in a private folder of our own"
)]
fn copy_file(dir: &Dir, name: &OsStr, target: &Path, cancel: &Cancel) -> io::Result<()> {
    let from = dir.open_file(name)?;
    let mut to = File::create(target)?;
    if from.clone_into(&to).is_ok() {
        return Ok(());
    }
    let mut buffer = vec![0; STEP];
    let mut offset = 0;
    while !cancel.is_cancelled() {
        let n = from.read_full_at(offset, &mut buffer)?;
        if n == 0 {
            break;
        }
        to.write_all(buffer.get(..n).unwrap_or_default())?;
        offset += n as u64;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_waits_for_a_copy_can_be_cancelled_and_none_waits_to_forget_them() {
        let _turn = turn(&Cancel::default()).unwrap();
        let cancel = Cancel::default();
        cancel.cancel();
        assert!(turn(&cancel).unwrap_err().is_cancelled());
        forget_copies();
    }
}
