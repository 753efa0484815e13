//! Private copies: a database with its log or journal, in a folder of our own, where SQLite may write.
//!
//! They go when nobody looks at them any more; those of a run that was killed go with the next one.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::journal;
use super::state::{State, beside_name};
use crate::model::Cancel;
use crate::source::own_folder::OwnFolder;
use crate::source::{Dir, ReadAt as _, copies};
use crate::{Error, Result};

/// Bytes read and written at a time.
const STEP: usize = 1 << 20;
/// Copies kept for the next look at the same state.
const KEPT: usize = 2;

fn locked<T>(mutex: &'static Mutex<T>) -> MutexGuard<'static, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
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
    let _turn = copies::turn(&MAKING, cancel)?;
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
    let folder = copies::new_folder()
        .map_err(|e| Error::io("Cannot make a folder for a private copy", &path, e))?;
    let beside = [state.wal, state.journal];
    let sizes = beside.iter().flatten().map(|side| side.size);
    let bytes = sizes.fold(state.main.size, u64::saturating_add);
    copies::check_room("Cannot read the newest changes in place", bytes, &path)?;
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
