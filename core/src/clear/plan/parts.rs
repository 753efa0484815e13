//! What a plan is made of: what is to become of entries, which they are, what stays and why.

use serde::{Deserialize, Serialize};

use super::super::{Why, wire};
use crate::model::{EntryKey, Fingerprint, Record, Role, Time};

/// What is to become of the entries of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Act {
    /// They go.
    #[default]
    Clear,
    /// They stay, and expire at this time.
    Expire(Time),
}

impl Act {
    pub(in super::super) fn is_clear(&self) -> bool {
        *self == Self::Clear
    }
}

/// What becomes of chosen things younger than a day that may be somebody's work in progress:
/// temporary files, and bytes that no entry owns yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fresh {
    /// They stay.
    #[default]
    Stays,
    /// They go: the person said that nobody is at work.
    Goes,
}

/// Which folder it was, whatever its name is today.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Base {
    /// Device.
    pub dev: u64,
    /// Inode.
    pub ino: u64,
}

/// One entry that is to go.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Planned {
    /// Its identity in the store.
    #[serde(with = "wire::key")]
    pub key: EntryKey,
    /// The key as people read it.
    pub key_label: String,
    /// The group as people read it; empty where there are none.
    pub group_label: String,
    /// What must still be true of it.
    pub fingerprint: Fingerprint,
    /// Stored value bytes.
    pub bytes: u64,
    /// Bytes that its files take on the disk.
    pub disk_bytes: u64,
    /// Seconds that computing it took; `None` where that was not recorded.
    pub duration_s: Option<f64>,
    /// Entry or orphan.
    pub role: Role,
    /// Hash of what is stored, where nothing else would tell that it was written anew; see `Plan::pin`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<u64>,
}

/// One chosen entry that cannot go.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Refusal {
    /// Its identity in the store.
    #[serde(with = "wire::key")]
    pub key: EntryKey,
    /// The key as people read it.
    pub key_label: String,
    /// The group as people read it; empty for none.
    #[serde(default)]
    pub group_label: String,
    /// Bytes of its stored value.
    #[serde(default)]
    pub bytes: Option<u64>,
    /// Why it stays.
    pub why: Why,
}

/// Sums over a plan.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Totals {
    /// Entries that are to go.
    pub entries: usize,
    /// Their stored value bytes.
    pub bytes: u64,
    /// Bytes that their files take on the disk.
    pub disk_bytes: u64,
    /// Seconds that computing them again takes, over those whose time was recorded.
    pub rebuild_s: f64,
    /// Entries whose computing time was not recorded.
    pub n_unknown_duration: usize,
}

impl Planned {
    pub(super) fn of(record: &Record<'_>) -> Self {
        Self {
            key: record.entry_key(),
            key_label: record.key_text().into_owned(),
            group_label: record.group.label.to_string(),
            fingerprint: record.fingerprint(),
            bytes: record.bytes,
            disk_bytes: record.disk_bytes,
            duration_s: record.duration_s,
            role: record.role,
            content: None,
        }
    }
}
