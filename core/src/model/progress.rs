//! How far a job is, as its owner sees it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

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
