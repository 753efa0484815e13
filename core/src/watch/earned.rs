//! What a cache earned: look-ups as seen from outside, and what they spared.

use serde::{Deserialize, Serialize};

use super::{Event, EventKind};
use crate::model::Time;

/// Look-ups and what they spared.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Earned {
    /// Look-ups that found a value.
    pub hits: u64,
    /// Look-ups that did not.
    pub misses: u64,
    /// Seconds of computing that the hits spared, at most: what loading took is not known from outside.
    pub saved_s: f64,
    /// Hits of values whose compute time is not recorded; what they spared is not in the sum.
    pub n_untimed: u64,
    /// The newest hit, in seconds since 1970; 0 for none.
    pub(crate) last_hit: i64,
}

impl Earned {
    /// Counts a look-up.
    pub fn count(&mut self, event: &Event) {
        if event.kind != EventKind::Hit {
            self.misses = self.misses.saturating_add(event.n);
            return;
        }
        self.hits = self.hits.saturating_add(event.n);
        self.last_hit = self.last_hit.max(event.time.secs());
        match event.saved_s() {
            Some(saved) => self.saved_s += saved,
            None => self.n_untimed = self.n_untimed.saturating_add(event.n),
        }
    }

    /// Adds what was earned at another time.
    pub fn add(&mut self, other: &Self) {
        self.hits = self.hits.saturating_add(other.hits);
        self.misses = self.misses.saturating_add(other.misses);
        self.saved_s += other.saved_s;
        self.n_untimed = self.n_untimed.saturating_add(other.n_untimed);
        self.last_hit = self.last_hit.max(other.last_hit);
    }

    /// The newest hit.
    pub fn last_hit(&self) -> Option<Time> {
        (self.last_hit > 0).then(|| Time::from_unix(self.last_hit, 0))
    }
}
