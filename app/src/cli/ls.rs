//! `cachescope ls`: the entries of a cache.

use std::borrow::Cow;
use std::path::PathBuf;

use cachescope_core::model::{Args, Cancel, Record, Severity, Time, Verdict, text};
use cachescope_core::ops::query::Query;
use cachescope_core::stores::Store;

use super::lines::{EntryLine, IssueLine, StoreLine, group_of, path_text};
use super::listing::{Listing, Types, Wish};
use super::out::{self, Exit, Failure};
use super::sheet::{self, Printed};
use super::table::{Align, Table};
use super::{Global, open};
use crate::text as figures;

/// List the entries of a cache.
///
/// Each with its size, times and arguments. Nothing in the cache changes by being looked at.
#[derive(Debug, clap::Args)]
pub(super) struct LsArgs {
    /// Folders or files of caches, or a folder that holds some
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,

    /// Open each value for its type and codec, where the cache does not keep them with the entry
    #[arg(long)]
    types: bool,
}

pub(super) fn run(args: &LsArgs, global: &Global) -> Result<Exit, Failure> {
    let query = global.query()?;
    let mut n_not_opened = 0;
    let found = open::find_counting(&args.paths, global, &mut n_not_opened)?;
    let mut sum = Printed::default();
    let mut n_unread = 0;
    for info in &found {
        let printed = open::open(info).and_then(|store| list(store, args, &query, global));
        match printed {
            Ok(printed) => sum.add(printed),
            // The only store: its failure is the command's.
            Err(failure) if found.len() == 1 => return Err(failure),
            Err(failure) => {
                n_unread += 1;
                sum.issues += 1;
                sum.problems += 1;
                open::report_failure(failure, info, global)?;
            }
        }
    }
    let is_unread = n_unread == found.len() || sum.is_all_unread();
    sum.issues += n_not_opened;
    if global.json {
        out::print_line(&sum.summary())?;
    }
    Ok(if is_unread { Exit::Unread } else { Exit::Done })
}

/// One store, straight from the scan where a line needs nothing else.
fn list(store: Store, args: &LsArgs, query: &Query, global: &Global) -> Result<Printed, Failure> {
    let needs = query.needs();
    if global.json && !args.types && !needs.types && !needs.conditions {
        let now = Time::now();
        let wanted = |record: &Record<'_>| query.matches(record, None, now);
        if let Some(printed) = sheet::print_store(&store, &wanted, &Cancel::default())? {
            return Ok(printed);
        }
    }
    let wish = Wish {
        query: query.clone(),
        types: if args.types {
            Types::All
        } else {
            Types::Inside
        },
        ..Wish::default()
    };
    let listing = Listing::read(store, &wish)?;
    let issues = &listing.snapshot.issues;
    let printed = Printed {
        entries: listing.rows.len() as u64,
        bytes: listing
            .records()
            .fold(0, |sum, (record, _)| sum.saturating_add(record.bytes)),
        issues: issues.len() as u64,
        problems: issues
            .iter()
            .filter(|i| i.severity > Severity::Note)
            .count() as u64,
        found: listing.snapshot.totals.entries,
    };
    if global.json {
        print_lines(&listing)?;
    } else {
        print_table(&listing, printed)?;
    }
    Ok(printed)
}

fn print_lines(listing: &Listing) -> Result<(), Failure> {
    let path = path_text(&listing.store.info.path);
    let mut lines = Vec::new();
    out::push_line(
        &mut lines,
        &StoreLine::of_snapshot(&listing.snapshot, &path),
    );
    for (record, verdict) in listing.records() {
        push_entry(&mut lines, &path, listing, &record, verdict);
        out::print_block(&mut lines)?;
    }
    for issue in listing.snapshot.issues.iter() {
        out::push_line(&mut lines, &IssueLine::from(issue));
    }
    out::print(&lines)
}

/// An entry line with its arguments in full.
pub(super) fn push_entry(
    lines: &mut Vec<u8>,
    path: &str,
    listing: &Listing,
    record: &Record<'_>,
    verdict: Option<&Verdict>,
) {
    with_whole_args(listing, record, |record| {
        out::push_line(lines, &EntryLine::new(path, record, verdict));
    });
}

/// The record with every argument whole, also those of which a snapshot keeps only the head.
pub(super) fn with_whole_args<T>(
    listing: &Listing,
    record: &Record<'_>,
    then: impl FnOnce(&Record<'_>) -> T,
) -> T {
    let whole = record
        .args
        .is_cut()
        .then(|| listing.whole_args(&record.entry_key()))
        .flatten();
    let whole: Option<Vec<_>> = whole.map(|args| {
        let borrowed = |(name, text)| (Cow::<str>::Owned(name), Cow::<str>::Owned(text));
        args.into_iter().map(borrowed).collect()
    });
    let args = whole.as_deref().map_or(record.args, Args::Whole);
    then(&Record {
        args,
        ..record.clone()
    })
}

/// For people: sorted by group and key, under a line that says what the store is.
fn print_table(listing: &Listing, printed: Printed) -> Result<(), Failure> {
    let now = Time::now();
    let mut table = Table::new(&[
        ("SIZE", Align::Right),
        ("AGE", Align::Right),
        ("USED", Align::Right),
        ("EXPIRES", Align::Right),
        ("TOOK", Align::Right),
        ("HITS", Align::Right),
        ("CONDITION", Align::Left),
        ("TYPE", Align::Left),
        ("GROUP", Align::Left),
        ("KEY", Align::Left),
        ("ARGUMENTS", Align::Left),
    ]);
    for (record, verdict) in listing.records() {
        table.push(&cells(&record, verdict, now));
    }
    out::print(heading(listing, printed).as_bytes())?;
    if !table.is_empty() {
        table.print()?;
    }
    out::print(b"\n")?;
    listing.snapshot.issues.iter().for_each(open::say_issue);
    Ok(())
}

/// `/data/x/joblib · joblib · 12 entries · 3.4 MB · 3.6 MB on disk`.
fn heading(listing: &Listing, printed: Printed) -> String {
    let all = figures::counted(printed.found, "entry", "entries");
    let entries = if printed.entries == printed.found {
        all
    } else {
        format!("{} of {all}", figures::count(printed.entries))
    };
    let on_disk = match listing.snapshot.disk_bytes() {
        0 => String::new(),
        bytes => format!(" · {} on disk", figures::bytes(bytes)),
    };
    format!(
        "{} · {} · {entries} · {}{on_disk}\n",
        text::path(&listing.store.info.path),
        listing.store.info.kind,
        figures::bytes(printed.bytes),
    )
}

fn cells(record: &Record<'_>, verdict: Option<&Verdict>, now: Time) -> [String; 11] {
    let age = |time: Option<Time>| time.map_or_else(String::new, |t| figures::age(t, now));
    [
        figures::bytes(record.bytes),
        age(record.created.or(record.modified)),
        age(record.accessed),
        age(record.expires),
        record
            .duration_s
            .map_or_else(String::new, figures::duration),
        record.hits.map_or_else(String::new, figures::count),
        verdict.map_or_else(String::new, |v| v.condition.name().to_owned()),
        text::shown(record.value_type.unwrap_or_default()).into_owned(),
        text::shown(group_of(record).unwrap_or_default()).into_owned(),
        text::shown(&figures::shorten(&record.key_text(), 80)).into_owned(),
        arguments(record),
    ]
}

/// `path='a.csv', n=3`, with `…` where the listing kept only the head.
fn arguments(record: &Record<'_>) -> String {
    let shown = |(name, value): (&str, &str)| {
        format!(
            "{}={}",
            text::shown(name),
            text::shown(&figures::shorten(value, 60))
        )
    };
    let mut all: Vec<String> = record.args.iter().map(shown).collect();
    if record.args.is_cut() {
        all.push("…".to_owned());
    }
    all.join(", ")
}
