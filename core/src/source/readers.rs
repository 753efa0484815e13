//! Readers of this program, told to its watchers in other processes: the system says that a file was opened, not by whom.
//!
//! In OWN/readers, a folder for each store: a locked file `PID-N` for each reader at work, and `PID` since it ended.

#![expect(
    clippy::disallowed_methods,
    reason = "makes and removes small files in our own folder"
)]

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime};

use super::own_folder::make_private_dirs;

/// The system reports an open at most this much later.
const LATE: Duration = Duration::from_secs(2);
/// Files of readers that ended so long ago tell nobody anything.
const KEPT: Duration = Duration::from_mins(1);

static PLACE: OnceLock<PathBuf> = OnceLock::new();

/// From now on what this process reads is told in Cachescope's own folder; a second call changes nothing.
pub fn tell_readers_in(own: &Path) {
    PLACE.get_or_init(|| own.join("readers"));
}

/// Where readers of a store are told; `None` while they are not.
fn place_of(store: &Path) -> Option<PathBuf> {
    let hash = xxhash_rust::xxh3::xxh3_64(store.as_os_str().as_encoded_bytes());
    Some(PLACE.get()?.join(format!("{hash:016x}")))
}

/// Told for as long as it lives, and a moment longer.
#[derive(Debug)]
pub(crate) struct Reading {
    path: PathBuf,
    /// A lock ends with its process, however that ends.
    lock: File,
}

impl Reading {
    /// Tells that this process reads a store. What cannot be told is read all the same.
    pub(crate) fn of(store: &Path) -> Option<Self> {
        Self::in_place(&place_of(store)?).ok()
    }

    fn in_place(place: &Path) -> io::Result<Self> {
        static READERS: AtomicU32 = AtomicU32::new(0);
        make_private_dirs(place)?;
        sweep(place)?;
        let n = READERS.fetch_add(1, Ordering::Relaxed);
        let path = place.join(format!("{}-{n}", process::id()));
        let lock = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)?;
        lock.try_lock()?;
        Ok(Self { path, lock })
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        // What was opened last may be reported later: the file tells by its time when that was.
        self.lock.set_modified(SystemTime::now()).ok();
        let ended = self.path.with_file_name(process::id().to_string());
        fs::rename(&self.path, ended).ok();
    }
}

/// Removes what readers left that ended long ago, or were killed.
fn sweep(place: &Path) -> io::Result<()> {
    for item in fs::read_dir(place)? {
        let item = item?;
        let is_old = item.metadata().is_ok_and(|meta| age(&meta) > KEPT);
        if is_old && !is_locked(&item.path()) {
            fs::remove_file(item.path()).ok();
        }
    }
    Ok(())
}

/// How long ago it was last written; no time for one to come.
fn age(meta: &fs::Metadata) -> Duration {
    let modified = meta.modified().ok();
    modified
        .and_then(|time| time.elapsed().ok())
        .unwrap_or_default()
}

fn is_locked(path: &Path) -> bool {
    let file = File::open(path);
    file.is_ok_and(|file| matches!(file.try_lock_shared(), Err(fs::TryLockError::WouldBlock)))
}

/// Tells a watcher of a store whether others of this program read it.
#[derive(Debug)]
pub(crate) struct Readers {
    place: Option<PathBuf>,
    /// The folder's time when nobody was found in it.
    quiet: Option<SystemTime>,
}

impl Readers {
    pub(crate) fn of(store: &Path) -> Self {
        Self {
            place: place_of(store),
            quiet: None,
        }
    }

    /// True if another process of this program reads the store, or did a moment ago.
    pub(crate) fn are_at_work(&mut self) -> bool {
        let Some(place) = &self.place else {
            return false;
        };
        // Beginning and end of a reading change the folder.
        let Ok(meta) = fs::metadata(place) else {
            return false;
        };
        let changed = meta.modified().ok();
        if changed.is_some() && changed == self.quiet {
            return false;
        }
        let mut items = fs::read_dir(place).into_iter().flatten().flatten();
        let is_any = items.any(|item| is_at_work(&item));
        // Two changes within one tick of the clock have one time.
        self.quiet = changed.filter(|_| !is_any && age(&meta) > LATE);
        is_any
    }
}

fn is_at_work(item: &fs::DirEntry) -> bool {
    let name = item.file_name();
    let Some((pid, is_ended)) = reader(&name) else {
        return false;
    };
    if pid == process::id() {
        return false;
    }
    if is_ended {
        item.metadata().is_ok_and(|meta| age(&meta) <= LATE)
    } else {
        is_locked(&item.path())
    }
}

/// The process that a file tells of, and whether it had ended its reading.
fn reader(name: &OsStr) -> Option<(u32, bool)> {
    let name = name.to_str()?;
    let pid = name.split('-').next()?.parse().ok()?;
    Some((pid, !name.contains('-')))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn readers(place: &Path) -> Readers {
        Readers {
            place: Some(place.to_owned()),
            quiet: None,
        }
    }

    /// What another process would leave there.
    fn other(place: &Path, name: &str, modified: SystemTime) -> File {
        let file = File::create(place.join(name)).unwrap();
        file.set_modified(modified).unwrap();
        file
    }

    #[test]
    fn others_are_seen_while_they_read_and_a_moment_longer() {
        let temp = tempfile::tempdir().unwrap();
        let place = temp.path();
        let (long_ago, soon) = (SystemTime::now() - 2 * KEPT, SystemTime::now() + KEPT);
        let mut ours = readers(place);
        assert!(!ours.are_at_work());
        let reading = Reading::in_place(place).unwrap();
        assert!(!ours.are_at_work(), "this process knows its own opens");
        drop(reading);
        assert!(!ours.are_at_work());

        // 1 is no process of a test.
        let lock = other(place, "1-0", long_ago);
        assert!(!ours.are_at_work(), "it was killed");
        lock.try_lock().unwrap();
        assert!(ours.are_at_work());
        drop(Reading::in_place(place).unwrap());
        assert!(place.join("1-0").exists(), "it is at work");
        drop(lock);
        assert!(!ours.are_at_work());
        drop(Reading::in_place(place).unwrap());
        assert!(!place.join("1-0").exists(), "it was swept");

        other(place, "1", soon);
        assert!(ours.are_at_work());
        other(place, "1", long_ago);
        assert!(!ours.are_at_work());
    }

    #[cfg(unix)]
    #[test]
    fn a_quiet_folder_is_not_listed_again_until_it_changes() {
        let temp = tempfile::tempdir().unwrap();
        let place = temp.path();
        let long_ago = SystemTime::UNIX_EPOCH + KEPT;
        let folder = File::open(place).unwrap();
        folder.set_modified(long_ago).unwrap();
        let mut ours = readers(place);
        assert!(!ours.are_at_work());
        assert_eq!(ours.quiet, Some(long_ago));
        let lock = other(place, "1-0", long_ago);
        lock.try_lock().unwrap();
        assert!(ours.are_at_work());
        assert_eq!(ours.quiet, None);
    }
}
