//! Where copies of other people's bytes are kept for as long as somebody looks at them, and how large they may be.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Duration;

use super::ReadAt;
use super::own_folder::{self, OwnFolder};
use crate::error::MAKE_ROOM;
use crate::model::{Cancel, text};
use crate::{Error, Result};

/// Largest copy that is made without being asked for, in bytes.
const UNASKED_BYTES: u64 = 512 << 20;
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

/// Lets private copies be made at any size of the files at `path` and below it, for as long as this process runs.
pub fn allow_copies_of(path: &Path) {
    // What cannot be resolved cannot be opened either.
    if let Ok(path) = path.canonicalize() {
        locked(&ALLOWED).push(path);
    }
}

/// As [`allow_copies_of`], for every file.
pub fn allow_all_copies() {
    // Every path starts with the empty one.
    locked(&ALLOWED).push(PathBuf::new());
}

fn is_allowed(path: &Path) -> bool {
    let allowed = locked(&ALLOWED);
    allowed.iter().any(|below| path.starts_with(below))
}

/// The folder of all copies, which is there.
fn place() -> PathBuf {
    let own = locked(&PLACE).clone();
    own.filter(|place| own_folder::make_private_dirs(place).is_ok())
        .unwrap_or_else(tempfile::env::temp_dir)
}

/// A new folder for one copy.
///
/// # Errors
/// If none can be made.
pub(crate) fn new_folder() -> io::Result<OwnFolder> {
    if let Ok(folder) = OwnFolder::new_in(&place(), PREFIX) {
        return Ok(folder);
    }
    let temp = tempfile::env::temp_dir();
    own_folder::sweep(&temp, PREFIX, |_| {});
    OwnFolder::new_in(&temp, PREFIX)
}

/// Why a copy of `bytes` of the file at `path` is not made now: `what` says what it is needed for.
///
/// # Errors
/// [`Error::is_limit`] where it does not fit, or is larger than is done unasked.
pub(crate) fn check_room(what: &str, bytes: u64, path: &Path) -> Result<()> {
    let free = free_bytes(&place());
    let why = format!(
        "it takes a private copy of {}, with {} free",
        text::size(bytes),
        text::size(free)
    );
    if bytes > free / 10 * 9 {
        return Err(Error::limit(what, why).hint(MAKE_ROOM).at(path));
    }
    if !is_allowed(path) && bytes > UNASKED_BYTES.min(free / 4) {
        let hint = "Allow a private copy of it (--private-copy)";
        return Err(Error::copy_wanted(what, why).hint(hint).at(path));
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

/// Pause between two looks at whose turn it is.
const PAUSE: Duration = Duration::from_millis(5);

/// Waits until nobody else makes a copy of that sort: two that look at one file at once would make the same.
///
/// # Errors
/// [`Error::is_cancelled`] if that is no longer wanted.
pub(crate) fn turn<T>(of: &'static Mutex<T>, cancel: &Cancel) -> Result<MutexGuard<'static, T>> {
    loop {
        match of.try_lock() {
            Ok(turn) => return Ok(turn),
            Err(TryLockError::Poisoned(turn)) => return Ok(turn.into_inner()),
            Err(TryLockError::WouldBlock) => {
                cancel.check()?;
                std::thread::sleep(PAUSE);
            }
        }
    }
}

/// Bytes in a file of our own that has no name: the system frees it with the last handle, however the program ends.
pub(crate) struct Nameless {
    file: Mutex<File>,
    len: u64,
}

/// Bytes read and written at a time.
const STEP: usize = 1 << 20;

impl Nameless {
    /// Writes all that `bytes` gives, unless that is more than `most`.
    ///
    /// # Errors
    /// What the system said of either side, `FileTooLarge`, or `Interrupted` once it is no longer wanted.
    pub(crate) fn of(mut bytes: impl io::Read, most: u64, cancel: &Cancel) -> io::Result<Self> {
        let mut file = tempfile::tempfile_in(place())?;
        let (mut buffer, mut len) = (vec![0; STEP], 0);
        loop {
            if cancel.is_cancelled() {
                return Err(io::ErrorKind::Interrupted.into());
            }
            let n = bytes.read(&mut buffer)?;
            if n == 0 {
                break;
            }
            len += n as u64;
            if len > most {
                return Err(io::ErrorKind::FileTooLarge.into());
            }
            file.write_all(buffer.get(..n).unwrap_or_default())?;
        }
        let file = Mutex::new(file);
        Ok(Self { file, len })
    }
}

impl ReadAt for Nameless {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start(offset))?;
        file.read(buf)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_waits_for_a_copy_can_be_cancelled() {
        static MAKING: Mutex<()> = Mutex::new(());
        let cancel = Cancel::default();
        let _turn = turn(&MAKING, &cancel).unwrap();
        cancel.cancel();
        assert!(turn(&MAKING, &cancel).unwrap_err().is_cancelled());
    }

    #[test]
    fn a_nameless_file_is_read_anywhere_and_has_its_bound() {
        let cancel = Cancel::default();
        let bytes: Vec<u8> = (0..3 << 20).map(|n: u32| n.to_le_bytes()[1]).collect();
        let file = Nameless::of(bytes.as_slice(), 3 << 20, &cancel).unwrap();
        let mut part = [0; 3];
        assert_eq!(file.read_full_at((3 << 20) - 2, &mut part).unwrap(), 2);
        assert_eq!(file.read_full_at(511, &mut part).unwrap(), 3);
        assert_eq!(part, [1, 2, 2]);
        let large = Nameless::of(bytes.as_slice(), (3 << 20) - 1, &cancel);
        assert_eq!(large.err().unwrap().kind(), io::ErrorKind::FileTooLarge);
        cancel.cancel();
        let cancelled = Nameless::of(bytes.as_slice(), 3 << 20, &cancel);
        assert_eq!(cancelled.err().unwrap().kind(), io::ErrorKind::Interrupted);
    }
}
