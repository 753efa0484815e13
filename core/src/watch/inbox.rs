//! What the system reports, on its way to the thread that makes sense of it.

use std::ffi::OsString;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Instant;

/// Reports that may wait. Past it they are dropped and the store is read again as a whole:
/// about 20 MB, and more than any program changes while one look at a store lasts.
const WAITING: usize = 200_000;

/// One report: something happened to a name in a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Notice {
    /// The folder, relative to the ground that is watched.
    pub(super) folder: Arc<Path>,
    /// The name in it; empty where the folder itself is meant.
    pub(super) name: OsString,
    pub(super) act: Act,
    /// When the report was read.
    pub(super) at: Instant,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Act {
    /// It was made here, or moved here.
    Came { is_dir: bool, is_moved: bool },
    /// It was removed, or moved away.
    Gone { is_dir: bool },
    /// Its bytes or its times changed.
    Written,
    /// A stranger opened it.
    Opened,
    /// The watched folder itself is gone.
    FolderGone,
}

/// A queue that never makes its writers wait: the system drops reports of a reader that does.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    waiting: Mutex<Waiting>,
    filled: Condvar,
    wakeups: AtomicU64,
}

/// What has come in since the last time.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    pub(super) notices: Vec<Notice>,
    /// Reports were lost.
    pub(super) is_lossy: bool,
    /// Somebody asked for a look at the whole store.
    pub(super) is_asked: bool,
    /// Nobody wants to hear any more.
    pub(super) is_closed: bool,
}

impl Waiting {
    fn is_empty(&self) -> bool {
        self.notices.is_empty() && !self.is_lossy && !self.is_asked && !self.is_closed
    }
}

impl Inbox {
    fn change(&self, change: impl FnOnce(&mut Waiting)) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut waiting);
        drop(waiting);
        self.filled.notify_one();
    }

    /// Takes reports over; `batch` is empty afterwards.
    pub(super) fn push(&self, batch: &mut Vec<Notice>) {
        if batch.is_empty() {
            return;
        }
        self.change(|waiting| {
            waiting.notices.append(batch);
            if waiting.notices.len() > WAITING {
                waiting.notices.clear();
                waiting.is_lossy = true;
            }
        });
    }

    /// The system says that it lost reports.
    pub(super) fn lose(&self) {
        self.change(|waiting| waiting.is_lossy = true);
    }

    pub(super) fn ask(&self) {
        self.change(|waiting| waiting.is_asked = true);
    }

    pub(super) fn close(&self) {
        self.change(|waiting| waiting.is_closed = true);
    }

    /// Sleeps until something came in, or until `deadline`; without one, for as long as nothing happens.
    pub(super) fn wait(&self, deadline: Option<Instant>) -> Waiting {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        while waiting.is_empty() {
            let left = deadline.map(|at| at.saturating_duration_since(Instant::now()));
            waiting = match left {
                Some(left) if left.is_zero() => break,
                Some(left) => {
                    let (guard, _) = self
                        .filled
                        .wait_timeout(waiting, left)
                        .unwrap_or_else(PoisonError::into_inner);
                    guard
                }
                None => self
                    .filled
                    .wait(waiting)
                    .unwrap_or_else(PoisonError::into_inner),
            };
            self.wakeups.fetch_add(1, Ordering::Relaxed);
        }
        std::mem::take(&mut waiting)
    }

    /// How often the waiting thread woke up.
    pub(super) fn wakeups(&self) -> u64 {
        self.wakeups.load(Ordering::Relaxed)
    }
}
