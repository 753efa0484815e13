//! Records to chunks: the collector behind every snapshot.

use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};

use crate::model::{CHUNK_ROWS, Cancel, Chunk, ChunkBuilder, Issue, Progress, Record, Snapshot};
use crate::stores::{Collector, Detail, Scan, Store, threads};
use crate::{Error, Result};

/// Chunks that wait for the receiver; beyond it the scan waits, so memory stays bounded.
const WAITING: usize = 16;
/// The first chunks are small, so that rows show at once.
const FIRST_ROWS: usize = 64;

/// A piece of a scan's result.
#[derive(Debug)]
pub enum Batch {
    /// Some rows.
    Rows(Box<Chunk>),
    /// A problem.
    Issue(Issue),
    /// Bytes on the disk that belong to no entry.
    Overhead(u64),
}

struct ToChunks {
    builder: ChunkBuilder,
    rows_wanted: usize,
    overhead: u64,
    send: SyncSender<Batch>,
}

impl ToChunks {
    fn flush(&mut self) {
        let chunk = std::mem::take(&mut self.builder).finish();
        if !chunk.is_empty() {
            // The receiver hangs up only when it was cancelled; the scan hears of that by its own flag.
            self.send.send(Batch::Rows(Box::new(chunk))).ok();
        }
    }
}

impl Collector for ToChunks {
    fn record(&mut self, record: &Record<'_>) {
        self.builder.push(record);
        if self.builder.len() >= self.rows_wanted || self.builder.is_full() {
            self.flush();
            self.rows_wanted = CHUNK_ROWS.min(self.rows_wanted * 8);
        }
    }

    fn issue(&mut self, issue: Issue) {
        self.send.send(Batch::Issue(issue)).ok();
    }

    fn overhead(&mut self, disk_bytes: u64) {
        self.overhead = self.overhead.saturating_add(disk_bytes);
    }
}

impl Drop for ToChunks {
    fn drop(&mut self) {
        self.flush();
        if self.overhead > 0 {
            self.send.send(Batch::Overhead(self.overhead)).ok();
        }
    }
}

/// Scans a store and hands its growing snapshot to `grown`, which is called for each piece.
///
/// # Errors
/// If the store as a whole cannot be read, or the scan was cancelled; what was handed over stays valid.
pub fn scan_to_snapshot(
    store: &Store,
    cancel: &Cancel,
    progress: &Progress,
    grown: impl FnMut(Batch),
) -> Result<()> {
    let read = |scan: &Scan<'_>| store.scan(scan);
    in_batches(store, Detail::Full, cancel, progress, read, grown)
}

/// Runs `read`, which is a scan or reads a part of the store again, and hands what it finds to `grown`.
///
/// # Errors
/// As `read`.
pub(crate) fn in_batches(
    store: &Store,
    detail: Detail,
    cancel: &Cancel,
    progress: &Progress,
    read: impl FnOnce(&Scan<'_>) -> Result<()> + Send,
    mut grown: impl FnMut(Batch),
) -> Result<()> {
    std::thread::scope(|scope| {
        let (send, receive) = sync_channel(WAITING);
        let scanning = std::thread::Builder::new()
            .name("scan".to_owned())
            .spawn_scoped(scope, move || {
                let collector = || -> Box<dyn Collector> {
                    Box::new(ToChunks {
                        builder: ChunkBuilder::default(),
                        rows_wanted: FIRST_ROWS,
                        overhead: 0,
                        send: send.clone(),
                    })
                };
                read(&Scan {
                    detail,
                    cancel,
                    progress,
                    threads: threads(),
                    collector: &collector,
                })
            });
        let scanning =
            scanning.map_err(|e| Error::io("Cannot start a thread", &store.info.path, e))?;
        receive.into_iter().for_each(&mut grown);
        scanning.join().map_err(|_panic| {
            Error::damaged(
                "Cannot read the store",
                "its reader failed: please report this",
            )
            .at(&store.info.path)
        })?
    })
}

impl Snapshot {
    /// Reads a whole store into one snapshot.
    ///
    /// # Errors
    /// As [`scan_to_snapshot`].
    pub fn read(store: &Store, cancel: &Cancel, progress: &Progress) -> Result<Arc<Self>> {
        let (mut chunks, mut issues, mut overhead) = (Vec::new(), Vec::new(), 0_u64);
        scan_to_snapshot(store, cancel, progress, |batch| match batch {
            Batch::Rows(chunk) => chunks.push(*chunk),
            Batch::Issue(issue) => issues.push(issue),
            Batch::Overhead(bytes) => overhead = overhead.saturating_add(bytes),
        })?;
        let mut snapshot = Self::empty(Arc::clone(&store.info)).extended(chunks, issues, true);
        snapshot.overhead_bytes = overhead;
        Ok(Arc::new(snapshot))
    }
}
