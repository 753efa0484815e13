//! What a person should know of a store as a whole before trusting it or its figures.

use std::path::{Path, PathBuf};

use crate::model::{Issue, Severity, text};
use crate::sqlite::Slack;

/// What a piece of advice is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Topic {
    /// Somebody else may change what a program loads.
    Trust,
    /// Room that is taken for nothing, or limits that nothing keeps.
    Room,
    /// What figures can and cannot say.
    Figures,
}

/// One thing to know, with its reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advice {
    /// What it is about.
    pub topic: Topic,
    /// The fact, what it means, and what can be done.
    pub message: String,
    /// Where.
    pub path: PathBuf,
}

impl Advice {
    /// Advice on what lies at `path`.
    pub fn new(topic: Topic, path: &Path, message: impl Into<String>) -> Self {
        Self {
            topic,
            message: text::shown_owned(message.into()),
            path: path.to_owned(),
        }
    }

    /// The same as an issue of the least weight.
    pub fn to_issue(&self) -> Issue {
        Issue::new(Severity::Note, &self.path, self.message.clone())
    }
}

/// A share in whole percent; 0 of nothing.
pub(super) fn percent(part: u64, whole: u64) -> u64 {
    let share = u128::from(part) * 100 / u128::from(whole.max(1));
    u64::try_from(share).unwrap_or(u64::MAX)
}

/// Logs that are smaller are a writer's ordinary working room (SQLite checkpoints at 1000 pages).
const LARGE_LOG: u64 = 16 << 20;
/// Free pages worth giving back, in bytes and in percent.
const MANY_FREE: u64 = 1 << 20;
const MANY_FREE_PERCENT: u64 = 25;

/// What the room that a database takes beside its rows means.
pub(super) fn of_slack(slack: Slack, path: &Path) -> Vec<Advice> {
    let mut advice = Vec::new();
    if slack.log_bytes >= LARGE_LOG {
        let message = format!(
            "The write-ahead log is large, {} beside a database of {}: a reader that never ends, or a program that \
             never closes the cache, keeps SQLite from emptying it",
            text::size(slack.log_bytes),
            text::size(slack.bytes)
        );
        advice.push(Advice::new(Topic::Room, path, message));
    }
    let share = percent(slack.free_bytes, slack.bytes);
    if slack.free_bytes >= MANY_FREE && share >= MANY_FREE_PERCENT {
        let message = format!(
            "{share} % of the database, {}, is free pages: new rows use them, or compacting gives them back",
            text::size(slack.free_bytes)
        );
        advice.push(Advice::new(Topic::Room, path, message));
    }
    advice
}
