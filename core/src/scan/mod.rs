//! Disk to snapshot: what a scan is told, what it gives, and how its records become chunks.

mod cancel;
mod collect;
mod find;

pub use cancel::Cancel;
pub(crate) use cancel::UntilCancelled;
pub(crate) use collect::in_batches;
pub use collect::{Batch, scan_to_snapshot, threads};
pub use find::{Finds, find_below, find_on_this_computer};

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::model::{Issue, Record};

/// How much a scan reads of each entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// Sizes, files and times: no file is opened.
    Sizes,
    /// All that a listing shows.
    Full,
}

/// Takes what one thread of a scan finds. Each thread has its own, so that none waits for another.
pub trait Collector: Send {
    /// One entry or orphan.
    fn record(&mut self, record: &Record<'_>);

    /// One problem that hides nothing else.
    fn issue(&mut self, issue: Issue);

    /// Bytes on the disk that belong to the store and to none of its entries: sources, free pages, dead space.
    fn overhead(&mut self, _disk_bytes: u64) {}
}

/// What a scan is told by its caller.
pub struct Scan<'a> {
    /// How much to read of each entry.
    pub detail: Detail,
    /// Asked at least once per entry.
    pub cancel: &'a Cancel,
    /// Counts the entries found so far.
    pub progress: &'a Progress,
    /// Threads to use at most.
    pub threads: usize,
    /// Makes the collector of one thread.
    pub collector: &'a (dyn Fn() -> Box<dyn Collector + 'a> + Sync),
}

/// How far a job is: done of total, both counted in the job's own unit.
#[derive(Debug, Default)]
pub struct Progress {
    done: AtomicU64,
    total: AtomicU64,
    is_tidying: AtomicBool,
}

impl Progress {
    /// Counts `n` more as done.
    pub fn add(&self, n: u64) {
        self.done.fetch_add(n, Ordering::Relaxed);
    }

    /// Says how many there will be of what comes now, and counts from none again.
    pub fn set_total(&self, n: u64) {
        self.done.store(0, Ordering::Relaxed);
        self.total.store(n, Ordering::Relaxed);
    }

    /// Says that the work is over and what it wrote is being removed, and counts from none again.
    pub fn begin_tidying(&self) {
        self.set_total(0);
        self.is_tidying.store(true, Ordering::Relaxed);
    }

    /// True once the work is over and what it wrote is being removed.
    pub fn is_tidying(&self) -> bool {
        self.is_tidying.load(Ordering::Relaxed)
    }

    /// Done so far.
    pub fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    /// How many there will be; `None` while that is not known.
    pub fn total(&self) -> Option<u64> {
        Some(self.total.load(Ordering::Relaxed)).filter(|n| *n > 0)
    }
}
