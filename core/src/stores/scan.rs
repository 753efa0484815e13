//! What a backend is told when a store is scanned, and whom it tells what it finds.

use crate::model::{Cancel, Issue, Progress, Record};

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

/// Threads for a scan: folders on a disk gain from two, and more only crowd out the window.
pub fn threads() -> usize {
    std::thread::available_parallelism()
        .map_or(2, usize::from)
        .clamp(1, 4)
}
