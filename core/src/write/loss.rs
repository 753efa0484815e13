//! What a conversion would lose, and whether that was accepted.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::convert::Options;
use super::{Target, joblib};
use crate::formats::Options as Glance;
use crate::model::{Group, Issue, Record, Severity, Snapshot, text};
use crate::stores::Store;
use crate::{Error, Result};

/// What would be lost, as sentences.
pub(super) fn losses(
    source: &Store,
    snapshot: &Snapshot,
    target: &Target,
    options: &Options,
) -> Result<Vec<String>> {
    let mut losses = Vec::new();
    let records = || {
        let records = snapshot.records().map(|(_, record)| record);
        records.filter(|record| options.takes(record))
    };
    let counted = |n: usize, what: &str| format!("{what} of {}", entries(n));
    if !target.keeps_expiry {
        let n_expiring = records().filter(|record| record.expires.is_some()).count();
        if n_expiring > 0 {
            losses.push(counted(n_expiring, "the expiry"));
        }
        let mut n_tagged = 0;
        for record in records() {
            n_tagged += usize::from(source.tag(&record.entry_key())?.is_some());
        }
        if n_tagged > 0 {
            losses.push(counted(n_tagged, "the tag"));
        }
    }
    losses.extend(other_columns(source, records())?);
    losses.extend(own_type(source, records().next())?);
    let is_error = |issue: &&Issue| issue.severity == Severity::Error;
    if let Some(issue) = snapshot.issues.iter().find(is_error) {
        losses.push(format!("what could not be read ({})", issue.message));
    }
    if losses.is_empty() || options.accepts_loss {
        // Said, and no reason to refuse: values and keys are whole, and no other kind could keep it.
        let is_joblib = target.kind == joblib::KIND;
        let n_told = records()
            .filter(|record| record.duration_s.is_some() || record.args.iter().next().is_some())
            .count();
        if n_told > 0 && !is_joblib {
            losses.push(counted(n_told, "the arguments and compute times"));
        }
        return Ok(losses);
    }
    let why = format!("it would lose {}", losses.join(" and "));
    Err(
        Error::refused(format!("Cannot convert to {}", target.kind), why)
            .hint("Convert to a kind that keeps it, or go on with --accept-loss")
            .at(&snapshot.store.path),
    )
}

/// The type of a pickled dict that is more than one: a default factory, attributes, methods.
fn own_type(source: &Store, first: Option<Record<'_>>) -> Result<Option<String>> {
    let (Some(first), Some(whole)) = (first, source.whole()?) else {
        return Ok(None);
    };
    let part = source.open_value(&first.entry_key())?.part;
    if part.is_none_or(|part| part.item.is_none()) {
        return Ok(None);
    }
    let preview = source.open_value(&whole)?.preview(&Glance::GLANCE)?;
    Ok(match &*preview.value_type {
        "dict" | "collections.OrderedDict" => None,
        own => Some(format!(
            "the type {} of the dict as a whole",
            text::shown(own)
        )),
    })
}

/// Columns of tables that no store of keys and values has.
fn other_columns<'a>(
    source: &Store,
    records: impl Iterator<Item = Record<'a>>,
) -> Result<Option<String>> {
    let (mut names, mut n) = (BTreeSet::new(), 0);
    // Entries of one table follow each other.
    let mut last: Option<(&Arc<Group>, Vec<String>)> = None;
    for record in records {
        let columns = match last {
            Some((group, columns)) if Arc::ptr_eq(group, record.group) => columns,
            _ => source.beside_value(&record.entry_key())?,
        };
        n += usize::from(!columns.is_empty());
        names.extend(columns.iter().map(|name| text::shown(name).into_owned()));
        last = Some((record.group, columns));
    }
    let names: Vec<String> = names.into_iter().collect();
    let word = if names.len() == 1 {
        "column"
    } else {
        "columns"
    };
    Ok((n > 0).then(|| format!("the {word} {} of {}", names.join(", "), entries(n))))
}

/// Entries whose key or value cannot be read, so that they have to be lost or nothing is done.
#[derive(Debug, Default)]
pub(super) struct Unreadable {
    is_accepted: bool,
    n: usize,
    /// Why the first one cannot be.
    first: Option<String>,
}

impl Unreadable {
    pub(super) fn new(options: &Options) -> Self {
        Self {
            is_accepted: options.accepts_loss,
            ..Self::default()
        }
    }

    /// Counts one that cannot be read.
    ///
    /// # Errors
    /// A refusal, where nothing is to be lost; `error` itself, where it says no such thing.
    pub(super) fn lose(&mut self, error: Error, key: &str, target: &Target) -> Result<()> {
        if error.is_cancelled() || error.is_refused() {
            return Err(error);
        }
        let why = format!("\"{key}\": {}", error.message());
        if !self.is_accepted {
            let what = format!("Cannot convert to {}", target.kind);
            let why = format!("it would lose what cannot be read ({why})");
            return Err(Error::refused(what, why)
                .hint("Clear what is broken, or go on without it with --accept-loss"));
        }
        self.n += 1;
        self.first.get_or_insert(why);
        Ok(())
    }

    /// The loss as a sentence.
    pub(super) fn told(&self) -> Option<String> {
        let first = self.first.as_ref()?;
        let n = entries(self.n);
        Some(format!("{n} that cannot be read (first {first})"))
    }
}

fn entries(n: usize) -> String {
    match n {
        1 => "1 entry".to_owned(),
        _ => format!("{n} entries"),
    }
}
