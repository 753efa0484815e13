//! What a backend is told when a store is scanned, and whom it tells what it finds.

use std::path::PathBuf;

use crate::model::{Cancel, Issue, Progress, Record, Severity};
use crate::source::FileType;

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

    /// Tells of what lies where entries do and is never opened: a link, a pipe, a device. Files and folders are left out.
    fn unopened(&mut self, path: PathBuf, file_type: FileType) {
        let message = match file_type {
            FileType::File | FileType::Dir => return,
            FileType::Link => {
                "This is a link: it is not followed, and what it points to is not listed"
            }
            _ => "This is neither a file nor a folder: it is not opened",
        };
        self.issue(Issue::new(Severity::Warning, path, message));
    }

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
