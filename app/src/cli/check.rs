//! `cachescope check`: what is wrong with the entries of a cache.

use std::collections::BTreeMap;
use std::path::PathBuf;

use cachescope_core::model::{Condition, Issue, Record, Role, Severity, Time, Verdict, text};
use cachescope_core::ops::doctor;
use cachescope_core::ops::query::{Query, units};
use cachescope_core::stores::{Advice, CheckOptions, Store, Topic};

use super::lines::{IssueLine, SummaryLine, group_of, path_text};
use super::listing::{Listing, Wish};
use super::ls::push_entry;
use super::out::{self, Exit, Failure};
use super::table::{Align, Table};
use super::{Global, open};
use crate::text as figures;

/// Find what is stale, expired, incomplete, corrupt or left over.
///
/// Also what would run code when Python loads it. Reads and reports; `clear` removes.
/// Exits with 1 if an entry is not fresh.
#[derive(Debug, clap::Args)]
pub(super) struct CheckArgs {
    /// Folders or files of caches, or a folder that holds some
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,

    /// Print fresh entries too
    #[arg(long)]
    all: bool,

    #[command(flatten)]
    rules: Rules,
}

/// What counts as not fresh; `clear` takes the same.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Rules {
    /// Call entries older than this expired, as joblib's `expires_after` does: 12h, 7d, 4w
    #[arg(long, value_name = "AGE", value_parser = units::span_secs)]
    expires_after: Option<f64>,

    /// Compare cached functions with their source in this folder
    #[arg(long, value_name = "DIR")]
    source: Option<PathBuf>,

    /// Decode each value to its end
    #[arg(long)]
    deep: bool,
}

impl Rules {
    /// True if one was given.
    pub(super) fn is_any(&self) -> bool {
        self.expires_after.is_some() || self.source.is_some() || self.deep
    }

    /// The rules as the core takes them.
    ///
    /// # Errors
    /// If the source folder is not there.
    pub(super) fn options(&self) -> Result<CheckOptions, Failure> {
        if let Some(source) = self.source.as_ref().filter(|source| !source.is_dir()) {
            return Err(Failure::usage(format!(
                "--source needs a folder: {} is none",
                text::path(source)
            )));
        }
        Ok(CheckOptions {
            expires_after_s: self.expires_after,
            now: Some(Time::now()),
            source: self.source.clone(),
            is_deep: self.deep,
        })
    }
}

/// What was found so far, over all stores.
#[derive(Default)]
struct Found {
    entries: u64,
    bytes: u64,
    issues: u64,
    /// Issues that are more than notes.
    problems: u64,
    /// Entries that were listed and not found again.
    gone: usize,
    conditions: BTreeMap<&'static str, u64>,
}

impl Found {
    fn add(&mut self, record: &Record<'_>, verdict: &Verdict) {
        *self.conditions.entry(verdict.condition.name()).or_default() += 1;
        if record.role == Role::Entry {
            self.entries += 1;
            self.bytes = self.bytes.saturating_add(record.bytes);
        }
    }

    fn is_all_fresh(&self) -> bool {
        let mut names = self.conditions.keys();
        self.gone == 0 && names.all(|name| *name == Condition::Fresh.name())
    }

    /// `11 fresh, 1 corrupt`, worst first.
    fn words(&self) -> String {
        let counted = Condition::ALL.iter().filter_map(|condition| {
            let n = self.conditions.get(condition.name())?;
            Some(format!("{} {}", figures::count(*n), condition.name()))
        });
        let words: Vec<String> = counted.collect();
        if words.is_empty() {
            "no entry".to_owned()
        } else {
            words.join(", ")
        }
    }
}

pub(super) fn run(args: &CheckArgs, global: &Global) -> Result<Exit, Failure> {
    let query = global.query()?;
    let options = args.rules.options()?;
    let mut found = Found::default();
    let stores = open::find_counting(&args.paths, global, &mut found.issues)?;
    let mut n_read = 0;
    for info in &stores {
        let checked = open::open(info)
            .and_then(|store| check(store, &query, &options, args.all, global, &mut found));
        match checked {
            Ok(()) => n_read += 1,
            Err(failure) if stores.len() == 1 => return Err(failure),
            Err(failure) => {
                found.issues += 1;
                found.problems += 1;
                open::report_failure(failure, info, global)?;
            }
        }
    }
    if global.json {
        out::print_line(&SummaryLine {
            entries: found.entries,
            bytes: found.bytes,
            issues: found.issues,
            conditions: Some(found.conditions.clone()),
        })?;
    } else {
        out::print(format!("{}\n", found.words()).as_bytes())?;
    }
    Ok(
        if n_read == 0 || (found.conditions.is_empty() && found.problems > 0) {
            Exit::Unread
        } else if found.is_all_fresh() {
            Exit::Done
        } else {
            Exit::Found
        },
    )
}

fn check(
    store: Store,
    query: &Query,
    options: &CheckOptions,
    has_fresh: bool,
    global: &Global,
    found: &mut Found,
) -> Result<(), Failure> {
    let listing = Listing::read(
        store,
        &Wish {
            query: query.clone(),
            check: Some(options.clone()),
            ..Wish::default()
        },
    )?;
    let path = path_text(&listing.store.info.path);
    let mut lines = Vec::new();
    let mut table = Table::new(&[
        ("CONDITION", Align::Left),
        ("SIZE", Align::Right),
        ("GROUP", Align::Left),
        ("KEY", Align::Left),
        ("EVIDENCE", Align::Left),
    ]);
    for (record, verdict) in listing.records() {
        let Some(verdict) = verdict else { continue };
        found.add(&record, verdict);
        if verdict.condition == Condition::Fresh && !has_fresh {
            continue;
        }
        if global.json {
            push_entry(&mut lines, &path, &listing, &record, Some(verdict));
            out::print_block(&mut lines)?;
        } else {
            table.push(&cells(&record, verdict));
        }
    }
    // What figures can say is a matter of `stats`.
    let mut advice = doctor::standing(&listing.store);
    advice.retain(|advice| advice.topic != Topic::Figures);
    let mut notes: Vec<Issue> = advice.iter().map(Advice::to_issue).collect();
    notes.extend((listing.n_gone > 0).then(|| gone(&listing)));
    found.gone += listing.n_gone;
    let issues = || listing.snapshot.issues.iter().chain(&notes);
    found.issues += issues().count() as u64;
    found.problems += issues().filter(|i| i.severity > Severity::Note).count() as u64;
    if global.json {
        for issue in issues() {
            out::push_line(&mut lines, &IssueLine::from(issue));
        }
        return out::print(&lines);
    }
    let path = text::path(&listing.store.info.path);
    out::print(format!("{path} · {}\n", listing.store.info.kind).as_bytes())?;
    if !table.is_empty() {
        table.print()?;
    }
    out::print(b"\n")?;
    issues().for_each(open::say_issue);
    Ok(())
}

/// Tells of entries that were listed and have no verdict.
fn gone(listing: &Listing) -> Issue {
    let n = figures::counted(listing.n_gone as u64, "listed entry", "listed entries");
    let message = format!(
        "{n} could not be found again when it came to checking: a program removed what was listed, or the file's index \
         is damaged and Python would not find it either. Check again when no program is at work"
    );
    Issue::new(Severity::Warning, &listing.store.info.path, message)
}

fn cells(record: &Record<'_>, verdict: &Verdict) -> [String; 5] {
    [
        verdict.condition.name().to_owned(),
        figures::bytes(record.bytes),
        text::shown(group_of(record).unwrap_or_default()).into_owned(),
        text::shown(&figures::shorten(&record.key_text(), 80)).into_owned(),
        text::shown(&verdict.evidence.join("; ")).into_owned(),
    ]
}
