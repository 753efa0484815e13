//! Our own opens: the system reports them like everyone's, and a viewer's read is no hit.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock, Weak};
use std::time::{Duration, Instant};

use xxhash_rust::xxh3::Xxh3;

/// A note is kept at least this long, and at most twice as long. The system reports an open within
/// milliseconds; one that it merged with another must not hide a stranger's open later on.
const KEPT: Duration = Duration::from_secs(1);

/// Ledgers that want to hear of opens. One list for the process, because the system's reports know
/// no better: they say that a file was opened, not by whom.
static LEDGERS: RwLock<Vec<Weak<Ledger>>> = RwLock::new(Vec::new());

/// The files below one folder that this process opened a moment ago.
#[derive(Debug)]
pub struct Ledger {
    root: PathBuf,
    notes: Mutex<Notes>,
}

/// Counts by path, in two generations: the older one is dropped whole, so that nothing is swept.
#[derive(Debug)]
struct Notes {
    newer: HashMap<u64, u32>,
    older: HashMap<u64, u32>,
    since: Instant,
}

impl Ledger {
    /// Notes what is opened below `root` from now on, until the last handle is dropped.
    pub fn of(root: &Path) -> Arc<Self> {
        let ledger = Arc::new(Self {
            root: root.to_owned(),
            notes: Mutex::new(Notes {
                newer: HashMap::new(),
                older: HashMap::new(),
                since: Instant::now(),
            }),
        });
        let mut ledgers = LEDGERS.write().unwrap_or_else(PoisonError::into_inner);
        ledgers.retain(|other| other.strong_count() > 0);
        ledgers.push(Arc::downgrade(&ledger));
        ledger
    }

    /// True if the open of `name` in `folder` that the system just reported is one of ours; each of ours counts once.
    pub fn take(&self, folder: &Path, name: &OsStr) -> bool {
        self.change(|notes| notes.take(Opened::new(folder, name).hash()))
    }

    fn change<T>(&self, change: impl FnOnce(&mut Notes) -> T) -> T {
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        if notes.since.elapsed() > KEPT {
            let is_long_ago = notes.since.elapsed() > 2 * KEPT;
            notes.older = std::mem::take(&mut notes.newer);
            if is_long_ago {
                notes.older.clear();
            }
            notes.since = Instant::now();
        }
        change(&mut notes)
    }
}

impl Notes {
    fn take(&mut self, key: u64) -> bool {
        for counts in [&mut self.older, &mut self.newer] {
            if let Some(count) = counts.get_mut(&key) {
                *count -= 1;
                if *count == 0 {
                    counts.remove(&key);
                }
                return true;
            }
        }
        false
    }
}

/// A file that is opened, by parts of its path, so that no path is built where nobody listens.
#[derive(Clone, Copy)]
pub(super) struct Opened<'a> {
    /// Its folder, or the one above that.
    folder: &'a Path,
    /// Its folder's name, where `folder` is the one above.
    below: Option<&'a OsStr>,
    name: &'a OsStr,
}

impl<'a> Opened<'a> {
    pub(super) fn new(folder: &'a Path, name: &'a OsStr) -> Self {
        Self {
            folder,
            below: None,
            name,
        }
    }

    #[cfg(unix)]
    pub(super) fn below(folder: &'a Path, below: &'a OsStr, name: &'a OsStr) -> Self {
        Self {
            folder,
            below: Some(below),
            name,
        }
    }

    fn hash(self) -> u64 {
        let mut hash = Xxh3::new();
        hash.update(self.folder.as_os_str().as_encoded_bytes());
        for part in self.below.into_iter().chain([self.name]) {
            hash.update(b"/");
            hash.update(part.as_encoded_bytes());
        }
        hash.digest()
    }

    /// Notes the open before it is tried, so that its report always finds the note; a failed one is struck out.
    pub(super) fn noted<T>(self, open: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        self.for_each_ledger(|notes, hash| *notes.newer.entry(hash).or_default() += 1);
        open().inspect_err(|_| {
            self.for_each_ledger(|notes, hash| {
                notes.take(hash);
            });
        })
    }

    fn for_each_ledger(self, change: impl Fn(&mut Notes, u64)) {
        let ledgers = LEDGERS.read().unwrap_or_else(PoisonError::into_inner);
        for ledger in ledgers.iter().filter_map(Weak::upgrade) {
            if self.folder.starts_with(&ledger.root) {
                ledger.change(|notes| change(notes, self.hash()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Dir;

    #[test]
    fn each_own_open_is_taken_once_and_failed_ones_never() {
        let temp = tempfile::tempdir().unwrap();
        #[expect(clippy::disallowed_methods, reason = "tests make their own files")]
        std::fs::write(temp.path().join("a"), b"hello").unwrap();
        let dir = Dir::open(temp.path()).unwrap();
        let ledger = Ledger::of(dir.path());
        let (folder, a, gone) = (dir.path(), OsStr::new("a"), OsStr::new("gone"));

        dir.read_small(a, 9, &mut Vec::new()).unwrap();
        dir.open_file(a).unwrap();
        dir.open_file(gone).unwrap_err();

        let taken = [a, a, a, gone].map(|name| ledger.take(folder, name));
        assert_eq!(taken, [true, true, false, false]);
    }

    #[test]
    fn opens_outside_its_folder_are_not_noted() {
        let temp = tempfile::tempdir().unwrap();
        let ledger = Ledger::of(&temp.path().join("store"));
        let (inside, a) = (temp.path().join("store/f"), OsStr::new("a"));
        Opened::new(temp.path(), a).noted(|| Ok(())).unwrap();
        Opened::new(&inside, a).noted(|| Ok(())).unwrap();
        Opened::below(&inside, "g".as_ref(), a)
            .noted(|| Ok(()))
            .unwrap();
        assert!(!ledger.take(temp.path(), a));
        assert!(ledger.take(&inside, a));
        assert!(ledger.take(&inside.join("g"), a));
    }
}
