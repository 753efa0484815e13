//! `cachescope compare`: two caches side by side, then their difference key by key.

use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;

use cachescope_core::model::{Cancel, EntryId, Progress, Record, Row, Snapshot, text};
use cachescope_core::ops::Control;
use cachescope_core::ops::compare::{self, Difference, Listed, Pair, Side};
use cachescope_core::ops::stats;
use cachescope_core::stores::Store;
use serde::Serialize;

use super::lines::group_of;
use super::listing::chosen;
use super::out::{self, Exit, Failure};
use super::progress::Meter;
use super::stats::{StatsLine, kept_counters, page};
use super::table::{Align, Table, terminal_width};
use super::{Global, interrupt, open};
use crate::text as figures;

/// Compare two caches: what each holds, then every key that is in one only, or in both with the same or another value.
///
/// Values are compared by their stored bytes, then as decoded, so that a cache and its conversion are the same.
/// With --query only keys that match in either cache; the sums are of the whole caches.
#[derive(Debug, clap::Args)]
pub(super) struct CompareArgs {
    /// The left cache
    #[arg(value_name = "A")]
    left: PathBuf,

    /// The right cache
    #[arg(value_name = "B")]
    right: PathBuf,

    /// Only keys of these sides: left, right, same, different
    #[arg(long, value_name = "SIDE", value_delimiter = ',', value_parser = ["left", "right", "same", "different"])]
    side: Vec<String>,
}

/// Lines of differences printed at a time.
const BATCH: usize = 4096;

pub(super) fn run(args: &CompareArgs, global: &Global) -> Result<Exit, Failure> {
    let (left, right) = (open::single(&args.left)?, open::single(&args.right)?);
    let cancel = interrupt::cancel()?;
    let (left, of_left) = chosen(left, global, &cancel)?;
    let (right, of_right) = chosen(right, global, &cancel)?;
    let ours = listed(&left, &cancel, global)?;
    let theirs = listed(&right, &cancel, global)?;
    let progress = Progress::default();
    let control = Control {
        cancel: &cancel,
        progress: &progress,
    };
    let (left, right) = (
        Listed {
            store: &left,
            snapshot: &ours,
        },
        Listed {
            store: &right,
            snapshot: &theirs,
        },
    );
    let mut found = Meter::new("entries compared", &progress)
        .during(|| compare::difference(left, right, control))?;
    if let (Some(of_left), Some(of_right)) = (of_left, of_right) {
        // A key whose value differs may match on one side alone: it is still a key of both.
        found.retain(|pair| {
            let is_in = |row: Option<Row>, snapshot: &Snapshot, chosen: &HashSet<EntryId>| {
                let record = row.and_then(|row| snapshot.record(row));
                record.is_some_and(|record| chosen.contains(&record.id()))
            };
            is_in(pair.left, &ours, &of_left) || is_in(pair.right, &theirs, &of_right)
        });
    }
    // People look for what differs; a script gets all.
    let is_wanted = |pair: &Pair| match args.side.as_slice() {
        [] => global.json || pair.side != Side::Same,
        sides => sides.iter().any(|side| side == pair.side.word()),
    };
    if global.json {
        print_lines(&found, &ours, &theirs, is_wanted)?;
    } else {
        print_page(&found, &ours, &theirs, is_wanted)?;
    }
    Ok(Exit::Done)
}

/// Prints a store's sums and reads its listing.
fn listed(store: &Store, cancel: &Cancel, global: &Global) -> Result<Snapshot, Failure> {
    let control = Control {
        cancel,
        progress: &Progress::default(),
    };
    let mut sums = stats::read(store, false, control)?;
    sums.counters.extend(kept_counters(store, global));
    if global.json {
        out::print_line(&StatsLine::new(store, &sums))?;
    } else {
        out::print(page(store, &sums).as_bytes())?;
    }
    let snapshot = Snapshot::read(store, cancel, &Progress::default())?;
    for issue in snapshot.issues.iter() {
        open::report(issue, global)?;
    }
    Ok(std::sync::Arc::unwrap_or_clone(snapshot))
}

/// One key of either store.
#[derive(Serialize)]
#[serde(tag = "type", rename = "diff")]
struct DiffLine<'a> {
    group: Option<&'a str>,
    key: std::borrow::Cow<'a, str>,
    side: &'static str,
    left_bytes: Option<u64>,
    right_bytes: Option<u64>,
    /// Why values could not be compared beyond their bytes, which differ.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
}

/// The last line: how many keys there are of each side, printed or not.
#[derive(Serialize)]
#[serde(tag = "type", rename = "summary")]
struct CompareSummary {
    entries: u64,
    sides: BTreeMap<&'static str, u64>,
    issues: u64,
}

/// The records of a pair, and the one that names it.
fn records<'a>(
    pair: &Pair,
    ours: &'a Snapshot,
    theirs: &'a Snapshot,
) -> Option<(Option<Record<'a>>, Option<Record<'a>>, Record<'a>)> {
    let left = pair.left.and_then(|row| ours.record(row));
    let right = pair.right.and_then(|row| theirs.record(row));
    let named = left.clone().or_else(|| right.clone())?;
    Some((left, right, named))
}

fn print_lines(
    found: &Difference,
    ours: &Snapshot,
    theirs: &Snapshot,
    is_wanted: impl Fn(&Pair) -> bool,
) -> Result<(), Failure> {
    let mut lines = Vec::new();
    for (at, pair) in found
        .pairs
        .iter()
        .enumerate()
        .filter(|(_, pair)| is_wanted(pair))
    {
        let Some((left, right, named)) = records(pair, ours, theirs) else {
            continue;
        };
        out::push_line(
            &mut lines,
            &DiffLine {
                group: group_of(&named),
                key: named.key_text(),
                side: pair.side.word(),
                left_bytes: left.map(|record| record.bytes),
                right_bytes: right.map(|record| record.bytes),
                reason: found.reasons.get(&at).map(String::as_str),
            },
        );
        if lines.len() > BATCH * 64 {
            out::print(&lines)?;
            lines.clear();
        }
    }
    out::print(&lines)?;
    out::print_line(&CompareSummary {
        entries: found.pairs.len() as u64,
        sides: Side::ALL
            .into_iter()
            .map(|side| (side.word(), found.count(side) as u64))
            .collect(),
        issues: (ours.issues.len() + theirs.issues.len()) as u64,
    })
}

/// For people: the wanted keys, and how many there are of each side.
fn print_page(
    found: &Difference,
    ours: &Snapshot,
    theirs: &Snapshot,
    is_wanted: impl Fn(&Pair) -> bool,
) -> Result<(), Failure> {
    let mut table = Table::new(&[
        ("SIDE", Align::Left),
        ("LEFT", Align::Right),
        ("RIGHT", Align::Right),
        ("GROUP", Align::Left),
        ("KEY", Align::Left),
    ]);
    let mut wanted = found.pairs.iter().filter(|pair| is_wanted(pair));
    for pair in wanted.by_ref().take(BATCH) {
        let Some((left, right, named)) = records(pair, ours, theirs) else {
            continue;
        };
        let size = |record: Option<Record<'_>>| {
            record.map_or_else(String::new, |r| figures::bytes(r.bytes))
        };
        table.push(&[
            pair.side.word().to_owned(),
            size(left),
            size(right),
            text::shown(&named.group.label).into_owned(),
            text::shown(&figures::shorten(&named.key_text(), 80)).into_owned(),
        ]);
    }
    let mut page = if table.is_empty() {
        String::new()
    } else {
        table.render(terminal_width())
    };
    let counts: Vec<String> = Side::ALL
        .into_iter()
        .map(|side| {
            format!(
                "{} {}",
                figures::count(found.count(side) as u64),
                words(side)
            )
        })
        .collect();
    page.push_str(&counts.join(", "));
    if wanted.next().is_some() {
        page.push_str("; the first are listed, --json lists all");
    }
    page.push('\n');
    out::print(page.as_bytes())
}

fn words(side: Side) -> &'static str {
    match side {
        Side::Left => "only left",
        Side::Right => "only right",
        Side::Same => "the same",
        Side::Different => "different",
    }
}
