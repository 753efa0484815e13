//! `cachescope ls`: the entries of a cache.

use std::path::PathBuf;

use cachescope_core::model::{Issue, Record, Role, Severity, Snapshot, Time, text};
use cachescope_core::scan::{Cancel, Progress};
use cachescope_core::stores::Store;

use super::lines::{IssueLine, SummaryLine, group_of};
use super::out::{self, Exit, Failure};
use super::sheet::{self, Filter, Printed};
use super::table::{Align, Table, terminal_width};
use super::{Global, open};
use crate::text as figures;

/// Lists each entry with its size, times and arguments. Nothing in the cache changes by being looked at.
#[derive(Debug, clap::Args)]
pub(super) struct LsArgs {
    /// Folders or files of caches, or a folder that holds some
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
}

pub(super) fn run(args: &LsArgs, global: &Global) -> Result<Exit, Failure> {
    let found = open::find(&args.paths)?;
    let mut sum = Printed::default();
    let mut n_unread = 0;
    for info in &found {
        let printed = open::open(info).and_then(|store| {
            if global.json {
                sheet::print_store(&store, &|_| true, &Cancel::default())
            } else {
                print_table(&store, &|_| true)
            }
        });
        match printed {
            Ok(printed) => sum.add(printed),
            Err(Failure::Closed) => return Err(Failure::Closed),
            // The only store: its failure is the command's.
            Err(failure) if found.len() == 1 => return Err(failure),
            Err(failure) => {
                n_unread += 1;
                sum.issues += 1;
                let message = failure.message().unwrap_or_default();
                say_or_print(&Issue::new(Severity::Error, &info.path, message), global)?;
            }
        }
    }
    if global.json {
        out::print_line(&SummaryLine::of(sum))?;
    }
    Ok(if n_unread == found.len() || sum.is_all_unread() {
        Exit::Unread
    } else {
        Exit::Done
    })
}

fn say_or_print(issue: &Issue, global: &Global) -> Result<(), Failure> {
    if global.json {
        return out::print_line(&IssueLine::from(issue));
    }
    open::say_issue(issue);
    Ok(())
}

/// For people: sorted by group and key, under a line that says what the store is.
fn print_table(store: &Store, wanted: Filter<'_>) -> Result<Printed, Failure> {
    let snapshot = Snapshot::read(store, &Cancel::default(), &Progress::default())?;
    let mut records: Vec<Record<'_>> = snapshot
        .records()
        .map(|(_, record)| record)
        .filter(|record| record.role == Role::Entry && wanted(record))
        .collect();
    records.sort_by(|a, b| {
        (&a.group.label, a.key, a.ordinal).cmp(&(&b.group.label, b.key, b.ordinal))
    });
    let now = Time::now();
    let mut table = Table::new(&[
        ("SIZE", Align::Right),
        ("AGE", Align::Right),
        ("USED", Align::Right),
        ("EXPIRES", Align::Right),
        ("TOOK", Align::Right),
        ("HITS", Align::Right),
        ("GROUP", Align::Left),
        ("KEY", Align::Left),
        ("ARGUMENTS", Align::Left),
    ]);
    for record in &records {
        table.push(cells(record, now));
    }
    let printed = Printed {
        entries: records.len() as u64,
        bytes: records.iter().fold(0, |sum, r| sum.saturating_add(r.bytes)),
        issues: snapshot.issues.len() as u64,
        found: snapshot.totals.entries,
    };
    let mut page = heading(store, &snapshot, printed);
    if !records.is_empty() {
        page.push_str(&table.render(terminal_width()));
    }
    page.push('\n');
    out::print(page.as_bytes())?;
    snapshot.issues.iter().for_each(open::say_issue);
    Ok(printed)
}

/// `/data/x/joblib · joblib · 12 entries · 3.4 MB`.
fn heading(store: &Store, snapshot: &Snapshot, printed: Printed) -> String {
    let all = figures::counted(printed.found, "entry", "entries");
    let entries = if printed.entries == printed.found {
        all
    } else {
        format!("{} of {all}", figures::count(printed.entries))
    };
    format!(
        "{} · {} · {entries} · {} · {} on disk\n",
        text::path(&store.info.path),
        store.info.kind,
        figures::bytes(printed.bytes),
        figures::bytes(snapshot.totals.disk_bytes),
    )
}

fn cells(record: &Record<'_>, now: Time) -> Vec<String> {
    let age = |time: Option<Time>| time.map_or_else(String::new, |t| figures::age(t, now));
    vec![
        figures::bytes(record.bytes),
        age(record.created.or(record.modified)),
        age(record.accessed),
        age(record.expires),
        record
            .duration_s
            .map_or_else(String::new, figures::duration),
        record.hits.map_or_else(String::new, figures::count),
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
