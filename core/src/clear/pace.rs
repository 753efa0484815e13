//! How many rows go in one transaction, so that writers hardly notice.
//!
//! Its work is cut off by time; what its commit takes shows only afterwards, and grows with the pages that were
//! changed. So the number of rows follows the commits before, and is small even where they are quick: a disk that
//! is busy with other things at that very moment has little to write.

use std::thread;
use std::time::{Duration, Instant};

use crate::Error;

/// A transaction that was held longer than this was too large.
const LONG: Duration = Duration::from_millis(50);
/// One that was held shorter could have been larger.
const SHORT: Duration = Duration::from_millis(20);
/// Rows of the first transaction, of the smallest, and of the largest.
///
/// The smallest is no single row: where the disk takes long for anything, a clear would never come to its end.
const FIRST: usize = 64;
const FEWEST: usize = 16;
pub(super) const MOST: usize = 512;

/// How long somebody is waited for who reads while rows are to be committed, and the pause between two tries: longer than
/// the longest one of SQLite's own wait, so that writers get in.
const PATIENCE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(120);

/// A transaction that could not be committed while a program was reading never happened, and is tried again.
///
/// The wait is between the tries: a program that stands in a half-read SELECT keeps commits out, and our lock its writers.
pub(super) struct Patience {
    until: Instant,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            until: Instant::now() + PATIENCE,
        }
    }
}

impl Patience {
    /// True where another try may help, behind a pause.
    pub(super) fn is_left(&self, error: &Error) -> bool {
        let is_left = error.is_locked() && Instant::now() < self.until;
        if is_left {
            thread::sleep(PAUSE);
        }
        is_left
    }
}

/// How many rows go at a time, and how long writers get between two transactions.
pub(super) struct Pace {
    rows: usize,
    /// How long the last lock was held, and when it was let go.
    last: Option<(Duration, Instant)>,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            rows: FIRST,
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
            thread::sleep(held.min(2 * LONG).saturating_sub(ended.elapsed()));
        }
    }

    /// Adapts to a transaction of `n` rows that kept others out for as long as `held`.
    pub(super) fn note(&mut self, n: usize, held: Duration) {
        self.last = Some((held, Instant::now()));
        if held > LONG {
            self.rows = (n / 2).clamp(FEWEST, MOST);
        } else if held < SHORT && n >= self.rows {
            self.rows = (self.rows * 2).min(MOST);
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
            (64, ms(5), 128),
            (128, ms(5), 256),
            // A short one at the end of a batch tells nothing.
            (3, ms(1), 256),
            (256, ms(30), 256),
            (256, ms(5), 512),
            (512, ms(5), MOST),
            (512, ms(318), 256),
            (256, ms(318), 128),
            // Cut off by its time behind a few rows.
            (40, ms(60), 20),
            (20, ms(900), FEWEST),
            (1, ms(900), FEWEST),
            (FEWEST, ms(1), 2 * FEWEST),
        ] {
            pace.note(n, held);
            assert_eq!(pace.rows(), expected, "{n} rows in {held:?}");
        }
    }
}
