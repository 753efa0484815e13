//! `cachescope stats`: what a cache holds, in sums.

use std::fmt::Write as _;
use std::path::PathBuf;

use cachescope_core::model::{Cancel, Progress, Time, text};
use cachescope_core::ops::Control;
use cachescope_core::ops::doctor;
use cachescope_core::ops::query::Query;
use cachescope_core::ops::stats::{self, Bin, GroupStats, Stats};
use cachescope_core::stores::{Counters, Store};
use serde::Serialize;

use super::lines::{Rfc3339, path_text};
use super::listing::{Listing, Wish};
use super::out::{self, Exit, Failure};
use super::table::{Align, Table, terminal_width};
use super::{Global, open};
use crate::text as figures;

/// Sum up a cache: entries, bytes, groups, hits.
///
/// With --query only the entries that match, without the look-ups, which are counted for the whole cache.
/// Hits are those that the cache itself recorded, that a program reported (`run`), or that were observed
/// while it was watched; each with its source, never added up.
#[derive(Debug, clap::Args)]
pub(super) struct StatsArgs {
    /// Folders or files of caches, or a folder that holds some
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,

    /// Read each entry's metadata too, for the compute time of each group
    #[arg(long)]
    durations: bool,
}

pub(super) fn run(args: &StatsArgs, global: &Global) -> Result<Exit, Failure> {
    let query = global.query()?;
    let found = open::find(&args.paths, global)?;
    let mut n_read = 0;
    for info in &found {
        let read = open::open(info).and_then(|store| match &global.query {
            None => whole(store, args, global),
            Some(_) => chosen(store, args, &query),
        });
        let read = read.and_then(|summed| print_store(&summed, global));
        match read {
            Ok(()) => n_read += 1,
            Err(failure) if found.len() == 1 => return Err(failure),
            Err(failure) => open::report_failure(failure, info, global)?,
        }
    }
    Ok(if n_read == 0 {
        Exit::Unread
    } else {
        Exit::Done
    })
}

/// The sums of one store.
struct Summed {
    store: Store,
    stats: Stats,
    /// Entries in the store, chosen or not.
    found: u64,
}

/// All that a store holds, straight from the scan.
fn whole(store: Store, args: &StatsArgs, global: &Global) -> Result<Summed, Failure> {
    let control = Control {
        cancel: &Cancel::default(),
        progress: &Progress::default(),
    };
    let mut stats = stats::read(&store, args.durations, control)?;
    stats.counters.extend(kept_counters(&store, global));
    let found = stats.entries;
    Ok(Summed {
        store,
        stats,
        found,
    })
}

/// The entries that a query chooses, without the look-ups in the store, which are counted for all of it.
fn chosen(store: Store, args: &StatsArgs, query: &Query) -> Result<Summed, Failure> {
    let wish = Wish {
        query: query.clone(),
        ..Wish::default()
    };
    let listing = Listing::read(store, &wish)?;
    let records = listing.records().map(|(record, _)| record);
    let mut stats = stats::of_records(records, Time::now());
    if !args.durations {
        stats.leave_out_durations();
    }
    stats.issues.clone_from(&listing.snapshot.issues);
    Ok(Summed {
        found: listing.snapshot.totals.entries,
        store: listing.store,
        stats,
    })
}

fn print_store(summed: &Summed, global: &Global) -> Result<(), Failure> {
    let Summed { store, stats, .. } = summed;
    if global.json {
        out::print_line(&StatsLine::new(store, stats))?;
    } else {
        out::print(page(store, stats).as_bytes())?;
    }
    for issue in &stats.issues {
        open::report(issue, global)?;
    }
    if !global.json && global.query.is_none() {
        for advice in doctor::standing(store) {
            open::say_issue(&advice.to_issue());
        }
    }
    if summed.found == 0 && !stats.issues.is_empty() {
        return Err(Failure::unread(format!(
            "Nothing of the cache could be read; the issues above say why. File: {}",
            text::path(&store.info.path)
        )));
    }
    Ok(())
}

/// What Cachescope's own folder knows of the look-ups in a store.
pub(super) fn kept_counters(store: &Store, global: &Global) -> Vec<Counters> {
    let state = global.state();
    state.map_or_else(Vec::new, |state| state.counters(&store.info))
}

/// The line of one store.
#[derive(Serialize)]
#[serde(tag = "type", rename = "stats")]
pub(super) struct StatsLine<'a> {
    path: String,
    kind: &'a str,
    entries: u64,
    bytes: u64,
    disk_bytes: u64,
    overhead_bytes: u64,
    groups: Vec<GroupField<'a>>,
    counters: Vec<CountersField>,
    size_histogram: Vec<BinField>,
    age_histogram: Vec<BinField>,
    oldest: Option<Rfc3339>,
    newest: Option<Rfc3339>,
    issues: u64,
}

#[derive(Serialize)]
struct GroupField<'a> {
    group: &'a str,
    entries: u64,
    bytes: u64,
    duration_s: Option<f64>,
}

#[derive(Serialize)]
struct CountersField {
    source: &'static str,
    since: Option<Rfc3339>,
    hits: u64,
    misses: u64,
    lower_bound: bool,
}

/// From `from` up to, and without, `to`; null for no end. Bytes, or seconds of age.
#[derive(Serialize)]
struct BinField {
    from: f64,
    to: Option<f64>,
    entries: u64,
    bytes: u64,
}

impl<'a> StatsLine<'a> {
    pub(super) fn new(store: &'a Store, stats: &'a Stats) -> Self {
        Self {
            path: path_text(&store.info.path),
            kind: store.info.kind,
            entries: stats.entries,
            bytes: stats.bytes,
            disk_bytes: stats.disk_bytes,
            overhead_bytes: stats.overhead_bytes(),
            groups: stats.groups.iter().map(GroupField::from).collect(),
            counters: stats.counters.iter().map(CountersField::from).collect(),
            size_histogram: stats.sizes.iter().map(BinField::from).collect(),
            age_histogram: stats.ages.iter().map(BinField::from).collect(),
            oldest: stats.oldest.map(Rfc3339),
            newest: stats.newest.map(Rfc3339),
            issues: stats.issues.len() as u64,
        }
    }
}

impl<'a> From<&'a GroupStats> for GroupField<'a> {
    fn from(stats: &'a GroupStats) -> Self {
        Self {
            group: &stats.group.label,
            entries: stats.entries,
            bytes: stats.bytes,
            duration_s: stats.duration_s,
        }
    }
}

impl From<&Counters> for CountersField {
    fn from(counters: &Counters) -> Self {
        Self {
            source: counters.source.name(),
            since: counters.since.map(Rfc3339),
            hits: counters.hits,
            misses: counters.misses,
            lower_bound: counters.is_lower_bound,
        }
    }
}

impl From<&Bin> for BinField {
    fn from(bin: &Bin) -> Self {
        Self {
            from: bin.from,
            to: Some(bin.to).filter(|to| to.is_finite()),
            entries: bin.entries,
            bytes: bin.bytes,
        }
    }
}

/// For people: the sums, the counters, then a line for each group.
pub(super) fn page(store: &Store, stats: &Stats) -> String {
    let mut page = format!("{} · {}\n", text::path(&store.info.path), store.info.kind);
    let mut fact = |name: &str, value: String| {
        // Writing to a String cannot fail.
        writeln!(page, "{name:<9} {value}").ok();
    };
    fact("entries", figures::count(stats.entries));
    fact("values", figures::bytes(stats.bytes));
    fact(
        "on disk",
        format!(
            "{} ({} overhead)",
            figures::bytes(stats.disk_bytes),
            figures::bytes(stats.overhead_bytes())
        ),
    );
    if let (Some(oldest), Some(newest)) = (stats.oldest, stats.newest) {
        fact("oldest", oldest.rfc3339());
        fact("newest", newest.rfc3339());
    }
    for counters in &stats.counters {
        let bound = if counters.is_lower_bound {
            "at least "
        } else {
            ""
        };
        fact(
            "hits",
            format!(
                "{bound}{}, {} ({}{})",
                figures::counted(counters.hits, "hit", "hits"),
                figures::counted(counters.misses, "miss", "misses"),
                counters.source,
                counters
                    .since
                    .map_or_else(String::new, |since| format!(" since {}", since.rfc3339()))
            ),
        );
    }
    if !stats.groups.is_empty() {
        page.push('\n');
        page.push_str(&groups(stats).render(terminal_width()));
    }
    page.push('\n');
    page
}

fn groups(stats: &Stats) -> Table {
    let mut table = Table::new(&[
        ("ENTRIES", Align::Right),
        ("SIZE", Align::Right),
        ("TOOK", Align::Right),
        ("GROUP", Align::Left),
    ]);
    for group in &stats.groups {
        table.push(&[
            figures::count(group.entries),
            figures::bytes(group.bytes),
            group.duration_s.map_or_else(String::new, figures::duration),
            text::shown(&group.group.label).into_owned(),
        ]);
    }
    table
}
