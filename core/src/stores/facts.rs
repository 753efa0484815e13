//! What a backend tells of an entry or a store beyond the listing, and what a check is asked for.

use std::borrow::Cow;
use std::fmt;
use std::path::PathBuf;

use super::CachedSource;
use crate::model::Time;

/// Times that stand in a value alone, as far as it says them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct ValueTimes {
    /// When it was stored.
    pub(crate) created: Option<Time>,
    /// When it expires.
    pub(crate) expires: Option<Time>,
}

/// What is shown of one entry beyond its row.
#[derive(Debug, Clone, Default)]
pub struct Details {
    /// Every argument, whole.
    pub args: Vec<(String, String)>,
    /// The function's source as cached, and its first line's number.
    pub source: Option<CachedSource>,
    /// More facts by name: what the library calls them, and their text.
    pub facts: Vec<(Cow<'static, str>, String)>,
    /// The entry's own files.
    pub paths: Vec<PathBuf>,
}

/// What a check is asked for.
#[derive(Debug, Clone, Default)]
pub struct CheckOptions {
    /// Entries created longer ago than this are expired, in seconds.
    pub expires_after_s: Option<f64>,
    /// The time that ages are counted to.
    pub now: Option<Time>,
    /// Folder in which today's sources are looked up.
    pub source: Option<PathBuf>,
    /// Reads each value to its end.
    pub is_deep: bool,
}

/// Who counted look-ups.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Counted {
    /// The store itself, and wrote it down.
    Recorded,
    /// The program, which told its probe.
    Reported,
    /// A watcher, from outside.
    Observed,
}

impl Counted {
    /// The name in JSON and on screen.
    pub fn name(self) -> &'static str {
        match self {
            Self::Recorded => "recorded",
            Self::Reported => "reported",
            Self::Observed => "observed",
        }
    }
}

impl fmt::Display for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Hits and misses with their source.
#[derive(Debug, Clone, PartialEq)]
pub struct Counters {
    /// Who counted.
    pub source: Counted,
    /// When counting began; `None` where the store does not say.
    pub since: Option<Time>,
    /// Look-ups that found a value.
    pub hits: u64,
    /// Look-ups that did not.
    pub misses: u64,
    /// True if more may have happened than was counted.
    pub is_lower_bound: bool,
}
