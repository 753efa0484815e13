//! What a check can say of an entry, worst first.

use serde::{Deserialize, Serialize};

use super::text;

/// The state that a check found an entry in; `Ord` puts the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Condition {
    /// Decoding it in Python would run commands, code, or file and network functions.
    CallsCode,
    /// The value does not decode to its end, or a length or checksum is wrong.
    Corrupt,
    /// Output without metadata, metadata without output, a value file missing, or work in progress.
    Incomplete,
    /// Bytes that no entry owns.
    Orphan,
    /// The function or its file is no longer found.
    SourceGone,
    /// The function's source today differs from the one cached.
    Stale,
    /// Past the store's own expiry, or past the rule that the person gave.
    Expired,
    /// It could not be read.
    Unread,
    /// It passed every check that was asked for.
    Fresh,
}

impl Condition {
    /// Every condition, worst first.
    pub const ALL: [Self; 9] = [
        Self::CallsCode,
        Self::Corrupt,
        Self::Incomplete,
        Self::Orphan,
        Self::SourceGone,
        Self::Stale,
        Self::Expired,
        Self::Unread,
        Self::Fresh,
    ];

    /// The name in queries and JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::CallsCode => "calls-code",
            Self::Corrupt => "corrupt",
            Self::Incomplete => "incomplete",
            Self::Orphan => "orphan",
            Self::SourceGone => "source-gone",
            Self::Stale => "stale",
            Self::Expired => "expired",
            Self::Unread => "unread",
            Self::Fresh => "fresh",
        }
    }

    /// The condition of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|c| c.name() == name)
    }
}

/// One thing that a check found, with what it rests on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What it means for the entry.
    pub condition: Condition,
    /// The fact seen, in words.
    pub evidence: String,
}

impl Finding {
    /// A finding and the fact it rests on.
    pub fn new(condition: Condition, evidence: impl Into<String>) -> Self {
        Self {
            condition,
            evidence: text::shown_owned(evidence.into()),
        }
    }
}

/// What a check concluded: one condition, and all the evidence that was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The worst condition that applies; `unread` only where nothing else is proven.
    pub condition: Condition,
    /// Every finding in words, worst first.
    pub evidence: Vec<String>,
}

impl Verdict {
    /// Sums findings up; `notes` are shown with a fresh entry (such as "not read to the end").
    pub fn from_findings(mut findings: Vec<Finding>, notes: Vec<String>) -> Self {
        findings.sort_by_key(|f| f.condition);
        let condition = findings.first().map_or(Condition::Fresh, |f| f.condition);
        let evidence = findings
            .into_iter()
            .map(|f| f.evidence)
            .chain(notes)
            .collect();
        Self {
            condition,
            evidence,
        }
    }
}
