//! How many rows go at a time, so that writers hardly notice.

use std::thread;
use std::time::{Duration, Instant};

/// A batch whose lock was held longer than this was too large.
const LONG: Duration = Duration::from_millis(100);
/// One whose lock was held shorter could have been larger.
const SHORT: Duration = Duration::from_millis(25);
/// Rows in the first batch and in the largest.
const ROWS: (usize, usize) = (64, 4096);

/// How many rows go at a time, and how long writers get between two batches.
pub(super) struct Pace {
    pub(super) rows: usize,
    /// How long the last lock was held, and when it was let go.
    last: Option<(Duration, Instant)>,
    /// The longest lock of this batch.
    longest: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            rows: ROWS.0,
            last: None,
            longest: Duration::ZERO,
        }
    }
}

impl Pace {
    /// Leaves writers as much time as was taken from them: SQLite has no queue, and they look only now and then.
    pub(super) fn wait(&mut self) {
        if let Some((held, ended)) = self.last.take() {
            thread::sleep(held.min(LONG).saturating_sub(ended.elapsed()));
        }
    }

    pub(super) fn note(&mut self, held: Duration) {
        self.last = Some((held, Instant::now()));
        self.longest = self.longest.max(held);
    }

    /// Adapts the size of batches to the last one, which had `n` rows.
    pub(super) fn learn(&mut self, n: usize) {
        let longest = std::mem::take(&mut self.longest);
        if longest > LONG {
            self.rows = (n / 2).max(1);
        } else if longest < SHORT && n >= self.rows {
            self.rows = (self.rows * 2).min(ROWS.1);
        }
    }
}
