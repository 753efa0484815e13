//! One piece of work per chosen row, shared out among threads, results handed to the caller's own.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::sync_channel;

use crate::model::{Cancel, Progress, Record, Row, Snapshot};
use crate::stores::threads;
use crate::{Error, Result};

/// Results that wait for the receiver; beyond it the work waits.
const WAITING: usize = 256;

/// What a job over rows works on.
#[derive(Clone, Copy)]
pub struct Rows<'a> {
    /// The snapshot that the rows belong to.
    pub snapshot: &'a Snapshot,
    /// The chosen ones.
    pub rows: &'a [Row],
}

/// What a job is told, and tells, while it runs.
#[derive(Clone, Copy)]
pub struct Control<'a> {
    /// Asked once per row.
    pub cancel: &'a Cancel,
    /// Counts the rows done.
    pub progress: &'a Progress,
}

impl Control<'_> {
    /// What came of work during which it may have been asked to stop: then whatever was read went out of reach.
    pub(crate) fn ended<T>(self, done: Result<T>) -> Result<T> {
        done.map_err(|error| {
            if self.cancel.is_cancelled() {
                Error::cancelled()
            } else {
                error
            }
        })
    }
}

/// Calls `work` for each row and `sink`, on the caller's thread, with each result as it comes.
///
/// A row whose work panics gives `broken` instead, so that one bad entry hides nothing.
///
/// # Errors
/// If it was cancelled; what was handed over stays valid.
pub(super) fn each<T: Send>(
    rows: Rows<'_>,
    control: Control<'_>,
    work: &(dyn Fn(&Record<'_>) -> Option<T> + Sync),
    broken: &(dyn Fn() -> T + Sync),
    sink: &mut dyn FnMut(Row, T),
) -> Result<()> {
    control.progress.set_total(rows.rows.len() as u64);
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        let (send, receive) = sync_channel(WAITING);
        let mut n_threads = 0;
        for n in 0..threads() {
            let (send, next) = (send.clone(), &next);
            let worker = std::thread::Builder::new().name(format!("check {n}"));
            let started = worker.spawn_scoped(scope, move || {
                while let Some(row) = rows.rows.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if control.cancel.is_cancelled() {
                        break;
                    }
                    let result = rows.snapshot.record(*row).and_then(|record| {
                        catch_unwind(AssertUnwindSafe(|| work(&record)))
                            .unwrap_or_else(|_panic| Some(broken()))
                    });
                    control.progress.add(1);
                    if let Some(result) = result
                        && send.send((*row, result)).is_err()
                    {
                        break;
                    }
                }
            });
            n_threads += usize::from(started.is_ok());
        }
        drop(send);
        for (row, result) in receive {
            sink(row, result);
        }
        if n_threads == 0 && !rows.rows.is_empty() {
            return Err(Error::limit(
                "Cannot look at the entries",
                "the system starts no more threads",
            ));
        }
        control.cancel.check()
    })
}
