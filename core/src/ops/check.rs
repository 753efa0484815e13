//! Revalidating: what the backend finds, what the formats find in the value's bytes, one verdict an entry.
//!
//! Reads and reports; nothing is changed.

use std::sync::Arc;

use super::each::{Control, Rows, each};
use crate::formats::{Problem, ProblemKind, ValueCheck};
use crate::model::{
    CallClass, Cancel, Condition, Finding, Limits, Record, Role, Row, Time, Verdict,
};
use crate::source::UntilCancelled;
use crate::stores::{CheckOptions, Store};
use crate::{Error, Result};

/// Said of an entry whose bytes were not all read.
const NOT_TO_THE_END: &str = "not read to the end";

/// Findings of one kind that are told one by one; the rest is counted.
const TOLD: usize = 5;

/// Checks the chosen rows on several threads; verdicts come in no order, each with its row.
///
/// A row that is gone from the disk since the listing has no verdict.
///
/// # Errors
/// If it was cancelled; the verdicts handed over stay valid.
pub fn run(
    store: &Store,
    rows: Rows<'_>,
    options: &CheckOptions,
    control: Control<'_>,
    sink: &mut dyn FnMut(Row, Verdict),
) -> Result<()> {
    let options = CheckOptions {
        now: options.now.or_else(|| Some(Time::now())),
        ..options.clone()
    };
    if let Some(folder) = &options.source {
        // Once for all, or every entry would be unread for the same reason.
        crate::source::Dir::open(folder)?;
    }
    let broken = || Verdict {
        condition: Condition::Unread,
        evidence: vec!["Cachescope failed on it: please report this".to_owned()],
    };
    each(
        rows,
        control,
        &|record| entry_until(store, record, &options, control.cancel),
        &broken,
        sink,
    )
}

/// Checks one entry; `None` if it is gone since it was listed.
pub fn entry(store: &Store, record: &Record<'_>, options: &CheckOptions) -> Option<Verdict> {
    entry_until(store, record, options, &Cancel::default())
}

/// The same; `None` also if the job was asked to stop.
fn entry_until(
    store: &Store,
    record: &Record<'_>,
    options: &CheckOptions,
    cancel: &Cancel,
) -> Option<Verdict> {
    let key = record.entry_key();
    let mut findings = Vec::new();
    let mut notes = Vec::new();
    match store.check(&key, options) {
        Ok(found) => findings.extend(found),
        Err(error) if error.is_not_found() => return None,
        Err(error) => findings.push(unread(&error)),
    }
    let is_judged = store.judges_expiry();
    findings.extend(expired(record, options, &findings, is_judged));
    if record.role == Role::Orphan {
        findings.extend(orphan(&findings));
        return Some(Verdict::from_findings(findings, notes));
    }
    if store.is_read_with_another(&key) {
        return Some(Verdict::from_findings(findings, notes));
    }
    let limits = if options.is_deep {
        Limits::DEEP
    } else {
        Limits::QUICK
    };
    let checked = store.open_value(&key).and_then(|mut value| {
        let (bytes, cancel) = (value.bytes, cancel.clone());
        value.bytes = Arc::new(UntilCancelled { bytes, cancel });
        value.check(&limits)
    });
    if cancel.is_cancelled() {
        return None;
    }
    match checked {
        Ok(checked) => {
            findings.extend(of_value(&checked));
            if findings.iter().all(is_note) && !checked.is_read_to_end {
                notes.push(NOT_TO_THE_END.to_owned());
            }
        }
        // The backend has said already what is missing.
        Err(_) if findings.iter().any(is_missing_or_unread) => {}
        Err(error) if error.is_not_found() => return None,
        Err(error) => findings.push(unread(&error)),
    }
    Some(Verdict::from_findings(findings, notes))
}

fn is_missing_or_unread(finding: &Finding) -> bool {
    matches!(
        finding.condition,
        Condition::Incomplete | Condition::Unread | Condition::Corrupt
    )
}

/// Worth saying, and nothing wrong.
fn is_note(finding: &Finding) -> bool {
    finding.condition == Condition::Fresh
}

fn unread(error: &Error) -> Finding {
    Finding::new(Condition::Unread, error.to_string())
}

/// Past the store's own expiry, unless the backend judges that (`is_judged`), or past the person's rule.
fn expired(
    record: &Record<'_>,
    options: &CheckOptions,
    known: &[Finding],
    is_judged: bool,
) -> Option<Finding> {
    let now = options.now?;
    if known.iter().any(|f| f.condition == Condition::Expired) {
        return None;
    }
    let own = record.expires.filter(|_| !is_judged);
    if let Some(expires) = own.filter(|expires| *expires <= now) {
        return Some(Finding::new(
            Condition::Expired,
            format!("expired {expires}"),
        ));
    }
    let created = record.created?;
    // As joblib's `expires_after`: valid while the age is below the limit.
    (created.age_secs(now) >= options.expires_after_s?)
        .then(|| Finding::new(Condition::Expired, format!("stored {created}")))
}

fn orphan(known: &[Finding]) -> Option<Finding> {
    known
        .iter()
        .all(is_note)
        .then(|| Finding::new(Condition::Orphan, "no entry owns these bytes"))
}

/// What the value's own bytes prove.
fn of_value(checked: &ValueCheck) -> Vec<Finding> {
    let code = checked
        .calls
        .iter()
        .filter(|call| call.class == CallClass::Code)
        .map(|call| {
            format!(
                "decoding it in Python would call {} (at byte {})",
                crate::model::text::brief(&call.name),
                call.offset
            )
        });
    let of_kind = |kind: ProblemKind| {
        checked
            .problems
            .iter()
            .filter(move |problem| problem.kind == kind)
            .map(Problem::to_string)
    };
    [
        told(Condition::CallsCode, code),
        told(Condition::Corrupt, of_kind(ProblemKind::Damaged)),
        told(Condition::Incomplete, of_kind(ProblemKind::MissingPart)),
    ]
    .concat()
}

/// The first few as findings, and how many more there are.
fn told(condition: Condition, evidence: impl Iterator<Item = String>) -> Vec<Finding> {
    let mut evidence = evidence;
    let mut findings: Vec<Finding> = evidence
        .by_ref()
        .take(TOLD)
        .map(|evidence| Finding::new(condition, evidence))
        .collect();
    let more = evidence.count();
    if more > 0 {
        findings.push(Finding::new(condition, format!("and {more} more like it")));
    }
    findings
}
