//! The JSON lines that scripts read: one struct a type, fields in the order in which they are printed.
//!
//! `None` is printed as `null`: not known, never 0.

use std::collections::{BTreeMap, HashSet};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use cachescope_core::clear::undo::{Held, HeldState};
use cachescope_core::model::{
    Args, Condition, Issue, Record, Severity, Snapshot, StoreInfo, Time, Verdict, text,
};
use cachescope_core::watch::Event;
use serde::ser::{Serialize, Serializer};

/// A store, before its entries.
#[derive(serde::Serialize)]
#[serde(tag = "type", rename = "store")]
pub(super) struct StoreLine<'a> {
    pub(super) path: &'a str,
    pub(super) kind: &'a str,
    pub(super) writer: Option<&'a str>,
    pub(super) entries: Option<u64>,
    pub(super) bytes: Option<u64>,
    pub(super) disk_bytes: Option<u64>,
    pub(super) groups: Option<u64>,
    pub(super) problems: Option<u64>,
}

impl<'a> StoreLine<'a> {
    /// The line of a store that was not read.
    pub(super) fn of_info(info: &'a StoreInfo, path: &'a str) -> Self {
        Self {
            path,
            kind: info.kind,
            writer: info.writer.as_deref(),
            entries: None,
            bytes: None,
            disk_bytes: None,
            groups: None,
            problems: None,
        }
    }

    /// The line of a store that was read whole.
    pub(super) fn of_snapshot(snapshot: &'a Snapshot, path: &'a str) -> Self {
        let labels: HashSet<&str> = snapshot
            .records()
            .map(|(_, record)| -> &str { &record.group.label })
            .filter(|label| !label.is_empty())
            .collect();
        Self {
            path,
            kind: snapshot.store.kind,
            writer: snapshot.store.writer.as_deref(),
            entries: Some(snapshot.totals.entries),
            bytes: Some(snapshot.totals.bytes),
            disk_bytes: Some(snapshot.disk_bytes()),
            groups: Some(labels.len() as u64),
            problems: Some(snapshot.issues.len() as u64),
        }
    }
}

/// One entry; `group` and `key` stand first, so that lines sort by them.
#[derive(serde::Serialize)]
#[serde(tag = "type", rename = "entry")]
pub(super) struct EntryLine<'a> {
    store: &'a str,
    group: Option<&'a str>,
    key: std::borrow::Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_base64: Option<String>,
    bytes: u64,
    disk_bytes: u64,
    files: u32,
    created: Option<Rfc3339>,
    modified: Option<Rfc3339>,
    accessed: Option<Rfc3339>,
    expires: Option<Rfc3339>,
    duration_s: Option<f64>,
    args: ArgsMap<'a>,
    hits: Option<u64>,
    value_type: Option<&'a str>,
    codec: Option<CodecList<'a>>,
    condition: Option<Condition>,
    evidence: Option<&'a [String]>,
}

impl<'a> EntryLine<'a> {
    /// The line of one record, with what a check found where one was made.
    pub(super) fn new(store: &'a str, record: &Record<'a>, verdict: Option<&'a Verdict>) -> Self {
        Self {
            store,
            group: group_of(record),
            key: record.key_text(),
            key_base64: key_base64(record),
            bytes: record.bytes,
            disk_bytes: record.disk_bytes,
            files: record.files,
            created: record.created.map(Rfc3339),
            modified: record.modified.map(Rfc3339),
            accessed: record.accessed.map(Rfc3339),
            expires: record.expires.map(Rfc3339),
            duration_s: record.duration_s,
            args: ArgsMap(record.args),
            hits: record.hits,
            value_type: record.value_type,
            codec: record.codec.map(CodecList),
            condition: verdict.map(|v| v.condition),
            evidence: verdict.map(|v| v.evidence.as_slice()),
        }
    }
}

/// The key's bytes in base64, where it is not text.
pub(super) fn key_base64(record: &Record<'_>) -> Option<String> {
    let is_text = record.label.is_some() || std::str::from_utf8(record.key).is_ok();
    (!is_text).then(|| BASE64_STANDARD.encode(record.key))
}

/// The group as printed; `None` in stores without groups.
pub(super) fn group_of<'a>(record: &Record<'a>) -> Option<&'a str> {
    Some(&*record.group.label).filter(|label| !label.is_empty())
}

/// Something that happened in a watched store.
#[derive(serde::Serialize)]
#[serde(tag = "type", rename = "event")]
pub(super) struct EventLine<'a> {
    time: Rfc3339,
    event: &'a str,
    store: &'a str,
    group: Option<&'a str>,
    key: Option<&'a str>,
    bytes: Option<u64>,
    /// Look-ups that the line stands for, where a store counts them itself.
    n: u64,
    source: &'a str,
    /// At most: loading took time as well.
    saved_s: Option<f64>,
}

impl<'a> EventLine<'a> {
    pub(super) fn new(store: &'a str, event: &'a Event) -> Self {
        Self {
            time: Rfc3339(event.time),
            event: event.kind.name(),
            store,
            group: Some(&*event.group).filter(|group| !group.is_empty()),
            key: event.entry.as_ref().map(|_| &*event.label),
            bytes: event.bytes,
            n: event.n,
            source: event.source.name(),
            saved_s: event.saved_s(),
        }
    }
}

/// A problem that hides nothing else.
#[derive(serde::Serialize)]
#[serde(tag = "type", rename = "issue")]
pub(super) struct IssueLine<'a> {
    path: String,
    message: &'a str,
    severity: Severity,
}

impl<'a> From<&'a Issue> for IssueLine<'a> {
    fn from(issue: &'a Issue) -> Self {
        Self {
            path: path_text(&issue.path),
            message: &issue.message,
            severity: issue.severity,
        }
    }
}

/// The last line of `ls` and `check`: what was printed before it.
#[derive(serde::Serialize)]
#[serde(tag = "type", rename = "summary")]
pub(super) struct SummaryLine {
    pub(super) entries: u64,
    pub(super) bytes: u64,
    pub(super) issues: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) conditions: Option<BTreeMap<&'static str, u64>>,
}

/// What becomes of an entry in a clear.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Became {
    /// It would go.
    Planned,
    /// It is out of the store, or has its new expiry.
    Removed,
    /// It stays, for a reason.
    Skipped,
    /// It should have gone and did not.
    Failed,
}

/// What a clear plans for an entry, or did with it.
#[derive(serde::Serialize)]
#[serde(tag = "type", rename = "removal")]
pub(super) struct RemovalLine {
    pub(super) store: String,
    pub(super) group: Option<String>,
    pub(super) key: String,
    pub(super) bytes: Option<u64>,
    pub(super) duration_s: Option<f64>,
    pub(super) outcome: Became,
    pub(super) reason: Option<String>,
    /// Its new expiry, where that is what was planned and not its going.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) expires: Option<Rfc3339>,
}

/// The last line of `clear`.
#[derive(serde::Serialize)]
#[serde(tag = "type", rename = "summary")]
pub(super) struct ClearSummary<'a> {
    /// Planned, or removed.
    pub(super) entries: u64,
    pub(super) bytes: u64,
    /// To compute them again, over those whose time was recorded.
    pub(super) duration_s: Option<f64>,
    /// Entries whose time was not recorded.
    pub(super) unknown_durations: u64,
    pub(super) skipped: u64,
    pub(super) failed: u64,
    /// Moved aside: still on the disk.
    pub(super) bytes_held: u64,
    /// Freed on the disk.
    pub(super) bytes_freed: u64,
    /// Freed inside a database or another file that keeps its size.
    pub(super) bytes_inside: u64,
    /// Brings them back: `cachescope undo ID`.
    pub(super) undo_ids: &'a [String],
    pub(super) issues: u64,
}

/// What one clear moved aside and is still held.
#[derive(serde::Serialize)]
#[serde(tag = "type", rename = "undo")]
pub(super) struct UndoLine<'a> {
    id: &'a str,
    time: Option<Rfc3339>,
    path: String,
    kind: &'a str,
    entries: usize,
    bytes: u64,
    state: &'static str,
}

impl<'a> From<&'a Held> for UndoLine<'a> {
    fn from(held: &'a Held) -> Self {
        Self {
            id: &held.id,
            time: held.time.map(Rfc3339),
            path: path_text(&held.store),
            kind: &held.kind,
            entries: held.entries,
            bytes: held.bytes,
            state: match held.state {
                HeldState::Whole => "whole",
                HeldState::Interrupted => "interrupted",
                HeldState::Freeing => "freeing",
                HeldState::Unreadable(_) => "unreadable",
            },
        }
    }
}

/// An entry that was brought back, or not.
#[derive(serde::Serialize)]
#[serde(tag = "type", rename = "restore")]
pub(super) struct RestoreLine<'a> {
    pub(super) group: Option<&'a str>,
    pub(super) key: &'a str,
    pub(super) bytes: u64,
    pub(super) outcome: &'static str,
    pub(super) reason: Option<String>,
}

/// The last line of `undo` and `purge`: what they brought back or freed.
#[derive(serde::Serialize)]
#[serde(tag = "type", rename = "summary")]
pub(super) struct HeldSummary {
    pub(super) entries: u64,
    pub(super) bytes: u64,
    pub(super) issues: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) bytes_freed: Option<u64>,
}

/// What compacting a store gains, or gained.
#[derive(serde::Serialize)]
#[serde(tag = "type", rename = "compact")]
pub(super) struct CompactLine<'a> {
    pub(super) store: String,
    pub(super) kind: &'a str,
    pub(super) outcome: &'static str,
    pub(super) bytes_before: u64,
    pub(super) bytes_after: u64,
    pub(super) bytes_gained: u64,
}

/// A path as its text, undecodable bytes as `\xNN`.
pub(super) fn path_text(path: &std::path::Path) -> String {
    text::from_bytes(path.as_os_str().as_encoded_bytes()).into_owned()
}

/// A time as RFC 3339 in UTC.
pub(super) struct Rfc3339(pub(super) Time);

impl Serialize for Rfc3339 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// Arguments as an object; null where none were recorded.
struct ArgsMap<'a>(Args<'a>);

impl Serialize for ArgsMap<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Args::None => serializer.serialize_none(),
            args => serializer.collect_map(args.iter()),
        }
    }
}

/// A codec chain as an array, outermost first.
struct CodecList<'a>(&'a str);

impl Serialize for CodecList<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.split(" > "))
    }
}
