//! How many rows go in one transaction, so that writers hardly notice.
//!
//! Its work is cut off by time; what its commit takes shows only afterwards, and grows with the pages that were
//! changed. So the number of rows follows the commits before. Where fewer rows take as long, the time is the disk's
//! own: it would only be spent more often.

use std::thread;
use std::time::{Duration, Instant};

/// A transaction that was held longer than this was too large: writers are to wait a quarter of a second at most, and
/// the next one of as many rows may take twice as long.
const LONG: Duration = Duration::from_millis(100);
/// One that was held shorter could have been larger.
const SHORT: Duration = Duration::from_millis(40);
/// Longest that writers are left alone between two transactions.
const REST: Duration = Duration::from_millis(100);
/// Rows of the first transaction, of the smallest, and of the largest.
///
/// The smallest is no single row: where the disk takes long for anything, a clear would never come to its end.
const FIRST: usize = 128;
const FEWEST: usize = 32;
pub(super) const MOST: usize = 512;

/// How many rows go at a time, and how long writers get between two transactions.
pub(super) struct Pace {
    rows: usize,
    /// How long the one before was held, where it had twice as many rows and was too large.
    halved: Option<Duration>,
    /// How long the last lock was held, and when it was let go.
    last: Option<(Duration, Instant)>,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            rows: FIRST,
            halved: None,
            last: None,
        }
    }
}

impl Pace {
    /// Rows of the next transaction, at most.
    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// Leaves writers as much time as was taken from them: SQLite has no queue, and they look only now and then.
    pub(super) fn wait(&mut self) {
        if let Some((held, ended)) = self.last.take() {
            thread::sleep(held.min(REST).saturating_sub(ended.elapsed()));
        }
    }

    /// Adapts to a transaction of `n` rows that kept others out for as long as `held`.
    pub(super) fn note(&mut self, n: usize, held: Duration) {
        self.last = Some((held, Instant::now()));
        let halved = self.halved.take();
        if held <= LONG {
            if held < SHORT && n >= self.rows {
                self.rows = (self.rows * 2).min(MOST);
            }
        } else if halved.is_some_and(|before| held * 4 > before * 3) {
            // Half as many took as long.
            self.rows = (n * 2).clamp(FEWEST, MOST);
        } else if n > FEWEST {
            self.rows = (n / 2).max(FEWEST);
            self.halved = Some(held);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transactions_shrink_at_once_and_grow_by_steps() {
        let mut pace = Pace::default();
        let ms = Duration::from_millis;
        for (n, held, expected) in [
            (128, ms(5), 256),
            // A short one at the end of a batch tells nothing.
            (3, ms(1), 256),
            (256, ms(60), 256),
            (256, ms(5), 512),
            (512, ms(5), MOST),
            (512, ms(600), 256),
            (256, ms(310), 128),
            (128, ms(160), 64),
            (64, ms(90), 64),
            // Cut off by its time behind some rows; a few rows that take long tell of the disk.
            (50, ms(110), FEWEST),
            (FEWEST, ms(120), 64),
            (3, ms(900), 64),
            (64, ms(1), 128),
            // Half as many take as long.
            (128, ms(300), 64),
            (64, ms(290), 128),
            (128, ms(310), 64),
            (64, ms(100), 64),
        ] {
            pace.note(n, held);
            assert_eq!(pace.rows(), expected, "{n} rows in {held:?}");
        }
    }
}
