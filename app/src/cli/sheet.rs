//! Entry lines straight from a scan: each thread writes into its own buffer, whole buffers meet at stdout.
//!
//! A listing that fits in [`HELD_BYTES`] is held back until its sums are known and printed in order;
//! a longer one streams as it is found, and its `store` line leaves the sums to the `summary`.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cachescope_core::model::{Cancel, Group, Issue, Progress, Record, Role, Severity};
use cachescope_core::stores::{Collector, Detail, Scan, Store};

use super::lines::{EntryLine, IssueLine, StoreLine, SummaryLine, path_text};
use super::listing::{Inside, UNASKED};
use super::out::{self, Failure};

/// Text held back before a listing streams; about 25,000 entries.
const HELD_BYTES: usize = 16 << 20;
/// Text that a thread collects before it takes the lock.
const BUFFER_BYTES: usize = 64 << 10;

/// Which records are wanted.
pub(super) type Filter<'a> = &'a (dyn Fn(&Record<'_>) -> bool + Sync);

/// What was printed of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Printed {
    /// Entry lines.
    pub(super) entries: u64,
    /// Sum of their stored bytes.
    pub(super) bytes: u64,
    /// Issue lines.
    pub(super) issues: u64,
    /// Those of them that tell of something that could not be shown, or not in full.
    pub(super) problems: u64,
    /// Entries that the store holds, wanted or not.
    pub(super) found: u64,
}

impl Printed {
    /// The last line of a listing.
    pub(super) fn summary(self) -> SummaryLine {
        SummaryLine {
            entries: self.entries,
            bytes: self.bytes,
            issues: self.issues,
            conditions: None,
        }
    }

    /// Adds what was printed of another store.
    pub(super) fn add(&mut self, other: Self) {
        self.entries += other.entries;
        self.bytes = self.bytes.saturating_add(other.bytes);
        self.issues += other.issues;
        self.problems += other.problems;
        self.found += other.found;
    }

    /// True if there were problems and not one entry.
    pub(super) fn is_all_unread(self) -> bool {
        self.found == 0 && self.problems > 0
    }
}

/// Prints `store`, `entry` and `issue` lines of one store.
///
/// Prints nothing and gives `None` where so few values lie in the store's own file that their types are to be had.
///
/// # Errors
/// If the store as a whole cannot be read, or stdout takes no more.
pub(super) fn print_store(
    store: &Store,
    wanted: Filter<'_>,
    cancel: &Cancel,
) -> Result<Option<Printed>, Failure> {
    let path = path_text(&store.info.path);
    let sheet = Sheet {
        store,
        path: &path,
        wanted,
        cancel,
        inside: Inside::of(store),
        inner: Mutex::default(),
    };
    let collector = || -> Box<dyn Collector> {
        sheet.lock().n_threads += 1;
        Box::new(Printer {
            sheet: &sheet,
            lines: Vec::new(),
            totals: Totals::default(),
            last_group: None,
        })
    };
    let scanned = store.scan(&Scan {
        detail: Detail::Full,
        cancel,
        progress: &Progress::default(),
        threads: cachescope_core::stores::threads(),
        collector: &collector,
    });
    let mut inner = sheet
        .inner
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner);
    if let Some(failure) = inner.failure.take() {
        return Err(failure);
    }
    scanned?;
    if !inner.is_streaming && (1..=UNASKED).contains(&inner.totals.n_inside) {
        return Ok(None);
    }
    inner.print_held(store, &path)?;
    Ok(Some(inner.totals.printed))
}

/// The sheet of paper that all threads of one listing write on.
struct Sheet<'a> {
    store: &'a Store,
    path: &'a str,
    wanted: Filter<'a>,
    cancel: &'a Cancel,
    inside: Inside,
    inner: Mutex<Inner>,
}

impl Sheet<'_> {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Default)]
struct Inner {
    totals: Totals,
    /// One block a flush, until the listing grows too long to be held.
    held: Vec<Vec<u8>>,
    held_bytes: usize,
    /// Threads at work: with more than one, the order of discovery is chance.
    n_threads: usize,
    is_streaming: bool,
    failure: Option<Failure>,
}

/// Sums over all entries of the store, and over what is printed.
#[derive(Default)]
struct Totals {
    printed: Printed,
    bytes: u64,
    disk_bytes: u64,
    groups: HashSet<Arc<Group>>,
    /// Printed entries whose type could be looked up without opening another file.
    n_inside: usize,
}

impl Totals {
    fn add(&mut self, other: Self) {
        self.printed.add(other.printed);
        self.bytes = self.bytes.saturating_add(other.bytes);
        self.disk_bytes = self.disk_bytes.saturating_add(other.disk_bytes);
        self.groups.extend(other.groups);
        self.n_inside += other.n_inside;
    }
}

impl Inner {
    fn take(&mut self, sheet: &Sheet<'_>, lines: Vec<u8>) -> Result<(), Failure> {
        if self.is_streaming {
            return out::print(&lines);
        }
        self.held_bytes += lines.len();
        self.held.push(lines);
        if self.held_bytes < HELD_BYTES {
            return Ok(());
        }
        self.is_streaming = true;
        out::print_line(&store_line(sheet.store, sheet.path, None))?;
        for block in std::mem::take(&mut self.held) {
            out::print(&block)?;
        }
        Ok(())
    }

    fn print_held(&mut self, store: &Store, path: &str) -> Result<(), Failure> {
        if self.is_streaming {
            return Ok(());
        }
        out::print_line(&store_line(store, path, Some(&self.totals)))?;
        let text = self.held.concat();
        if self.n_threads < 2 {
            return out::print(&text);
        }
        let mut lines: Vec<&[u8]> = text.split_inclusive(|byte| *byte == b'\n').collect();
        lines.sort_unstable();
        out::print(&lines.concat())
    }
}

fn store_line<'a>(store: &'a Store, path: &'a str, totals: Option<&Totals>) -> StoreLine<'a> {
    StoreLine {
        path,
        kind: store.info.kind,
        writer: store.info.writer.as_deref(),
        entries: totals.map(|t| t.printed.found),
        bytes: totals.map(|t| t.bytes),
        disk_bytes: totals.map(|t| t.disk_bytes),
        groups: totals.map(|t| t.groups.len() as u64),
        problems: totals.map(|t| t.printed.issues),
    }
}

/// The collector of one thread.
struct Printer<'a> {
    sheet: &'a Sheet<'a>,
    lines: Vec<u8>,
    totals: Totals,
    last_group: Option<Arc<Group>>,
}

impl Printer<'_> {
    fn flush(&mut self) {
        let mut inner = self.sheet.lock();
        inner.totals.add(std::mem::take(&mut self.totals));
        let lines = std::mem::take(&mut self.lines);
        if inner.failure.is_none()
            && let Err(failure) = inner.take(self.sheet, lines)
        {
            inner.failure = Some(failure);
            self.sheet.cancel.cancel();
        }
    }

    fn flush_if_full(&mut self) {
        if self.lines.len() >= BUFFER_BYTES {
            self.flush();
        }
    }
}

impl Collector for Printer<'_> {
    fn record(&mut self, record: &Record<'_>) {
        // Bytes that no entry owns are shown by `check`.
        if record.role == Role::Orphan {
            return;
        }
        self.totals.printed.found += 1;
        self.totals.bytes = self.totals.bytes.saturating_add(record.bytes);
        self.totals.disk_bytes = self.totals.disk_bytes.saturating_add(record.disk_bytes);
        if !self
            .last_group
            .as_ref()
            .is_some_and(|g| Arc::ptr_eq(g, record.group))
        {
            self.last_group = Some(Arc::clone(record.group));
            if !record.group.label.is_empty() {
                self.totals.groups.insert(Arc::clone(record.group));
            }
        }
        if (self.sheet.wanted)(record) {
            self.totals.printed.entries += 1;
            self.totals.n_inside += usize::from(self.sheet.inside.has_unknown(record));
            self.totals.printed.bytes = self.totals.printed.bytes.saturating_add(record.bytes);
            out::push_line(
                &mut self.lines,
                &EntryLine::new(self.sheet.path, record, None),
            );
            self.flush_if_full();
        }
    }

    fn issue(&mut self, issue: Issue) {
        self.totals.printed.issues += 1;
        self.totals.printed.problems += u64::from(issue.severity > Severity::Note);
        out::push_line(&mut self.lines, &IssueLine::from(&issue));
        self.flush_if_full();
    }

    fn overhead(&mut self, disk_bytes: u64) {
        self.totals.disk_bytes = self.totals.disk_bytes.saturating_add(disk_bytes);
    }
}

impl Drop for Printer<'_> {
    fn drop(&mut self) {
        self.flush();
    }
}
