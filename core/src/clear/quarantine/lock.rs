//! Locks between Cachescopes. A lock ends with its process, so none is ever left over.

use std::fs::{File, TryLockError};
use std::io;
use std::time::{Duration, Instant};

/// Somebody else makes or removes a shelf for a moment only.
const PATIENCE: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_millis(5);

/// Locks a file for us alone, waiting a little; a file system without locks is used without.
pub(super) fn lock(file: &File) -> io::Result<()> {
    let start = Instant::now();
    loop {
        match try_lock(file) {
            Err(_) if start.elapsed() < PATIENCE => std::thread::sleep(PAUSE),
            tried => return tried,
        }
    }
}

/// As [`lock`], without waiting; "would block" if somebody has it.
pub(super) fn try_lock(file: &File) -> io::Result<()> {
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => Err(io::ErrorKind::WouldBlock.into()),
        // Without locks two Cachescopes at once meet only in renames, and those are atomic.
        Ok(()) | Err(TryLockError::Error(_)) => Ok(()),
    }
}
