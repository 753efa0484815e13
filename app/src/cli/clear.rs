//! `cachescope clear`: a plan of what goes, and with `--yes` the plan carried out.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;

use cachescope_core::clear::{Applied, How, Outcome, Plan, Planned, apply};
use cachescope_core::model::{Condition, EntryId, Record, StoreInfo, text};
use cachescope_core::ops::query::{Query, units};
use cachescope_core::scan::{Cancel, Progress};
use serde::Serialize;

use super::check::Rules;
use super::listing::{Listing, Wish};
use super::out::{self, Exit, Failure};
use super::pick::{self, KeyArgs};
use super::{Global, open};
use crate::text as figures;

/// Plans what to remove, and with --yes moves it aside; `undo` brings it back. Without --yes nothing changes.
#[derive(Debug, clap::Args)]
pub(super) struct ClearArgs {
    /// The cache
    #[arg(value_name = "PATH")]
    path: PathBuf,

    /// Entries, named as `ls` prints them
    #[arg(value_name = "KEY")]
    keys: Vec<String>,

    #[command(flatten)]
    choice: Choice,

    #[command(flatten)]
    rules: Rules,

    /// Do it; without, only the plan is printed
    #[arg(long)]
    yes: bool,

    /// Free the space at once: no undo
    #[arg(long)]
    permanent: bool,

    /// Write the plan to this file
    #[arg(long, value_name = "F")]
    save_plan: Option<PathBuf>,

    /// Carry out a plan that --save-plan wrote
    #[arg(long, value_name = "F", conflicts_with_all = ["keys", "choice", "save_plan"])]
    plan: Option<PathBuf>,
}

/// Which entries go; all that is said must hold.
#[derive(Debug, clap::Args)]
#[group(id = "choice", multiple = true)]
struct Choice {
    /// Entries in this condition: stale, expired, orphan, corrupt, …; several with commas
    #[arg(long, value_name = "CONDITION", value_delimiter = ',', value_parser = condition)]
    condition: Vec<Condition>,

    /// Entries stored longer ago than this: 12h, 30d, 1y
    #[arg(long, value_name = "AGE", value_parser = units::span_secs)]
    older_than: Option<f64>,

    /// Least recently used entries, until the rest is at most this large: 500M, 1G
    #[arg(long, value_name = "SIZE", value_parser = units::size)]
    to_size: Option<u64>,

    /// Least recently used entries, until at most this many are left
    #[arg(long, value_name = "N")]
    to_count: Option<u64>,

    /// Every entry
    #[arg(long)]
    all: bool,
}

fn condition(name: &str) -> Result<Condition, String> {
    Condition::from_name(name).ok_or_else(|| {
        let names: Vec<&str> = Condition::ALL.iter().map(|c| c.name()).collect();
        format!("the conditions are {}", names.join(", "))
    })
}

pub(super) fn run(args: &ClearArgs, global: &Global) -> Result<Exit, Failure> {
    let plans = if let Some(file) = &args.plan {
        vec![saved_plan(file, args)?]
    } else {
        make_plans(args, global)?
    };
    if let Some(file) = &args.save_plan {
        save(&plans, file)?;
    }
    let n_chosen: usize = plans
        .iter()
        .map(|p| p.removals.len() + p.refusals.len())
        .sum();
    let n_refused: usize = plans.iter().map(|p| p.refusals.len()).sum();
    let mut sum = Sum::default();
    for plan in &plans {
        carry_out(plan, args, global, &mut sum)?;
    }
    sum.print(args, global)?;
    if n_chosen > 0 && n_refused == n_chosen {
        return Ok(Exit::Refused);
    }
    let is_partial = args.yes && (sum.skipped + sum.failed > 0);
    Ok(if is_partial { Exit::Found } else { Exit::Done })
}

fn saved_plan(file: &std::path::Path, args: &ClearArgs) -> Result<Plan, Failure> {
    let plan = Plan::load(file)?;
    let stores = open::find(std::slice::from_ref(&args.path))?;
    if stores.iter().any(|store| store.path == plan.store) {
        return Ok(plan);
    }
    Err(Failure::usage(format!(
        "The plan is for another cache: {}. Give that path, or make a new plan",
        text::path(&plan.store)
    )))
}

fn save(plans: &[Plan], file: &std::path::Path) -> Result<(), Failure> {
    match plans {
        [plan] => Ok(plan.save(file)?),
        _ => Err(Failure::usage(format!(
            "--save-plan takes one cache at a time, and {} were found. Name one of them",
            plans.len()
        ))),
    }
}

fn make_plans(args: &ClearArgs, global: &Global) -> Result<Vec<Plan>, Failure> {
    let choice = &args.choice;
    let has_choice = !args.keys.is_empty()
        || global.query.is_some()
        || !choice.condition.is_empty()
        || choice.older_than.is_some()
        || choice.to_size.is_some()
        || choice.to_count.is_some()
        || choice.all;
    if !has_choice {
        return Err(Failure::usage(
            "Say what to clear: KEYs, --query, --condition, --older-than, --to-size, --to-count or --all",
        ));
    }
    let query = choice.query(global)?;
    let stores = open::find(std::slice::from_ref(&args.path))?;
    let named = picked(&stores, &args.keys)?;
    let mut plans = Vec::new();
    for info in &stores {
        let only =
            |record: &Record<'_>| named.is_empty() || named.contains(&(info.id, record.id()));
        let has_check = !choice.condition.is_empty() || query.needs().conditions;
        let listing = Listing::read(
            open::open(info)?,
            &Wish {
                query: query.clone(),
                only: Some(&only),
                check: has_check.then(|| args.rules.options()).transpose()?,
                ..Wish::default()
            },
        )?;
        let all: Vec<Record<'_>> = listing.records().map(|(record, _)| record).collect();
        let records = choice.least_recently_used(all);
        plans.push(Plan::new(&listing.store, records)?);
    }
    Ok(plans)
}

/// The entries that KEYs name.
fn picked(
    stores: &[Arc<StoreInfo>],
    keys: &[String],
) -> Result<HashSet<(cachescope_core::model::StoreId, EntryId)>, Failure> {
    let mut named = HashSet::new();
    for key in keys {
        let picked = pick::pick(stores, &KeyArgs::named(key))?;
        named.insert((picked.store.info.id, picked.entry.id()));
    }
    Ok(named)
}

impl Choice {
    /// The person's query together with what the options say, as one.
    fn query(&self, global: &Global) -> Result<Query, Failure> {
        global.query()?;
        let mut words: Vec<String> = global.query.iter().cloned().collect();
        words.extend(self.older_than.map(|age_s| format!("age>{age_s}s")));
        if !self.condition.is_empty() {
            let names: Vec<&str> = self.condition.iter().map(|c| c.name()).collect();
            words.push(format!("condition:{}", names.join(",")));
        }
        Query::parse(&words.join(" ")).map_err(|error| Failure::usage(error.to_string()))
    }

    /// Of these, the ones that `--to-size` and `--to-count` remove: least recently used first.
    fn least_recently_used<'a>(&self, mut records: Vec<Record<'a>>) -> Vec<Record<'a>> {
        if self.to_size.is_none() && self.to_count.is_none() {
            return records;
        }
        records.sort_by_key(|r| r.accessed.or(r.modified).or(r.created));
        let mut bytes = records
            .iter()
            .fold(0_u64, |sum, r| sum.saturating_add(r.bytes));
        let mut count = records.len() as u64;
        let is_over = |bytes: u64, count: u64| {
            self.to_size.is_some_and(|max| bytes > max)
                || self.to_count.is_some_and(|max| count > max)
        };
        let mut n = 0;
        for record in &records {
            if !is_over(bytes, count) {
                break;
            }
            bytes = bytes.saturating_sub(record.bytes);
            count -= 1;
            n += 1;
        }
        records.truncate(n);
        records
    }
}

/// What became of all plans.
#[derive(Default)]
struct Sum {
    entries: u64,
    bytes: u64,
    rebuild_s: f64,
    n_unknown_duration: u64,
    skipped: u64,
    failed: u64,
    bytes_held: u64,
    bytes_freed: u64,
    undo_ids: Vec<String>,
}

#[derive(Serialize)]
#[serde(tag = "type", rename = "removal")]
struct RemovalLine<'a> {
    store: &'a str,
    key: &'a str,
    group: Option<&'a str>,
    bytes: u64,
    duration_s: Option<f64>,
    outcome: &'static str,
    reason: Option<String>,
}

#[derive(Serialize)]
#[serde(tag = "type", rename = "summary")]
struct SumLine<'a> {
    entries: u64,
    bytes: u64,
    duration_s: f64,
    unknown_durations: u64,
    skipped: u64,
    failed: u64,
    bytes_held: u64,
    bytes_freed: u64,
    undo_ids: &'a [String],
    issues: u64,
}

fn carry_out(plan: &Plan, args: &ClearArgs, global: &Global, sum: &mut Sum) -> Result<(), Failure> {
    let how = match (args.yes, args.permanent) {
        (false, _) => How::Check,
        (true, false) => How::Keep,
        (true, true) => How::Free,
    };
    if !args.yes && !args.permanent && !plan.removals.is_empty() {
        cachescope_core::clear::can_keep(plan)?;
    }
    let store = super::lines::path_text(&plan.store);
    let state = global.state();
    let mut failure = None;
    let mut print = |line: &RemovalLine<'_>| {
        if let Err(closed) = print_removal(line, global) {
            failure.get_or_insert(closed);
        }
    };
    for refusal in &plan.refusals {
        sum.skipped += 1;
        print(&RemovalLine {
            store: &store,
            key: &refusal.key_label,
            group: None,
            bytes: 0,
            duration_s: None,
            outcome: "skipped",
            reason: Some(refusal.reason.clone()),
        });
    }
    let mut each = |planned: &Planned, outcome: Outcome| {
        let (outcome, reason) = match outcome {
            Outcome::Ready => ("planned", None),
            Outcome::Done => ("removed", None),
            Outcome::Skipped(reason) => ("skipped", Some(reason)),
            Outcome::Failed(error) => ("failed", Some(error.to_string())),
        };
        sum.count(planned, outcome);
        print(&RemovalLine {
            store: &store,
            key: &planned.key_label,
            group: Some(&*planned.group_label).filter(|g| !g.is_empty()),
            bytes: planned.bytes,
            duration_s: planned.duration_s,
            outcome,
            reason,
        });
    };
    let applied = apply(
        plan,
        how,
        state.as_ref(),
        &Cancel::default(),
        &Progress::default(),
        &mut each,
    )?;
    sum.add(applied);
    for note in &plan.notes {
        eprintln!("note: {}", text::shown(note));
    }
    // A reader that went away has not stopped the change: it ends quietly.
    match failure {
        Some(Failure::Said(exit, message)) => Err(Failure::Said(exit, message)),
        _ => Ok(()),
    }
}

fn print_removal(line: &RemovalLine<'_>, global: &Global) -> Result<(), Failure> {
    if global.json {
        return out::print_line(line);
    }
    let group = line
        .group
        .map(|g| format!("{}/", text::shown(g)))
        .unwrap_or_default();
    let reason = line
        .reason
        .as_ref()
        .map(|r| format!(" ({})", text::shown(r)))
        .unwrap_or_default();
    let row = format!(
        "{:<8} {:>8}  {group}{}{reason}\n",
        line.outcome,
        figures::bytes(line.bytes),
        text::shown(&figures::shorten(line.key, 80))
    );
    out::print(row.as_bytes())
}

impl Sum {
    fn count(&mut self, planned: &Planned, outcome: &str) {
        match outcome {
            "skipped" => self.skipped += 1,
            "failed" => self.failed += 1,
            _ => {
                self.entries += 1;
                self.bytes = self.bytes.saturating_add(planned.bytes);
                match planned.duration_s {
                    Some(duration) => self.rebuild_s += duration,
                    None => self.n_unknown_duration += 1,
                }
            }
        }
    }

    fn add(&mut self, applied: Applied) {
        self.bytes_held += applied.bytes_held;
        self.bytes_freed += applied.bytes_freed;
        self.undo_ids.extend(applied.undo_id);
        if let Some(error) = applied.unfinished {
            eprintln!("warning: {error}");
        }
    }

    fn print(&self, args: &ClearArgs, global: &Global) -> Result<(), Failure> {
        if global.json {
            return out::print_line(&SumLine {
                entries: self.entries,
                bytes: self.bytes,
                duration_s: self.rebuild_s,
                unknown_durations: self.n_unknown_duration,
                skipped: self.skipped,
                failed: self.failed,
                bytes_held: self.bytes_held,
                bytes_freed: self.bytes_freed,
                undo_ids: &self.undo_ids,
                issues: 0,
            });
        }
        let entries = figures::counted(self.entries, "entry", "entries");
        let rebuild = format!("{} to rebuild", figures::duration(self.rebuild_s));
        let what = match (args.yes, args.permanent) {
            (false, _) => format!(
                "{entries} would go, {}, {rebuild}. Nothing was changed: add --yes to do it\n",
                figures::bytes(self.bytes)
            ),
            (true, true) => format!(
                "{entries} removed, {} freed, {rebuild}\n",
                figures::bytes(self.bytes_freed)
            ),
            (true, false) => format!(
                "{entries} moved aside, {} held, {rebuild}. `cachescope undo` brings them back, `cachescope purge` frees them\n",
                figures::bytes(self.bytes_held)
            ),
        };
        out::print(what.as_bytes())
    }
}
