//! What reading has cost: calls and bytes, for tests and the about page.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts shared by all handles that came from one root.
#[derive(Debug, Default)]
pub struct Tally {
    opens: AtomicU64,
    stats: AtomicU64,
    lists: AtomicU64,
    reads: AtomicU64,
    bytes: AtomicU64,
}

/// A copy of a [`Tally`] at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Work {
    /// Files and folders opened.
    pub opens: u64,
    /// Calls of stat.
    pub stats: u64,
    /// Calls that list a folder.
    pub lists: u64,
    /// Calls that read bytes.
    pub reads: u64,
    /// Bytes read.
    pub bytes: u64,
}

impl Tally {
    /// What was done so far.
    pub fn work(&self) -> Work {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Work {
            opens: of(&self.opens),
            stats: of(&self.stats),
            lists: of(&self.lists),
            reads: of(&self.reads),
            bytes: of(&self.bytes),
        }
    }

    pub(super) fn opened(&self) {
        self.opens.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn statted(&self) {
        self.stats.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn listed(&self) {
        self.lists.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn read(&self, bytes: usize) {
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}
