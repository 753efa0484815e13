//! `cachescope clear`: chosen entries to a plan, and with `--yes` out of the cache.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use cachescope_core::clear::{self, Applied, How, Outcome, Plan, Planned};
use cachescope_core::model::{Condition, EntryKey, Record, Role, Row, Time, text};
use cachescope_core::ops::query::{Query, units};
use cachescope_core::ops::{Ceiling, least_recently_used};
use cachescope_core::scan::{Cancel, Progress};

use super::check::Rules;
use super::listing::{Listing, Wish};
use super::out::{Exit, Failure};
use super::pick::{self, Wanted};
use super::removals::{Report, Sums};
use super::{Global, interrupt, open};

/// Clear chosen entries: shows the plan, and with --yes carries it out.
///
/// Without --yes nothing changes. Entries are moved aside beside the cache, where `undo` finds them
/// and `purge` frees them; with --permanent they are gone at once. What is chosen in several ways
/// must be chosen by all of them.
#[derive(Debug, clap::Args)]
pub(super) struct ClearArgs {
    /// The cache
    #[arg(value_name = "PATH", required_unless_present = "plan")]
    path: Option<PathBuf>,

    /// Entries by their key, as `ls` prints it, or GROUP/KEY, or the head of a hash
    #[arg(value_name = "KEY")]
    keys: Vec<String>,

    /// An entry by its key's bytes in base64, for keys that are not text
    #[arg(long, value_name = "B")]
    key_base64: Vec<String>,

    /// Entries that a check finds so: stale,expired,corrupt
    #[arg(long, value_name = "CONDITION", value_delimiter = ',', value_parser = condition)]
    condition: Vec<Condition>,

    /// Entries stored longer ago than this: 12h, 30d
    #[arg(long, value_name = "AGE", value_parser = units::span_secs)]
    older_than: Option<f64>,

    /// Entries larger than this: 10k, 1GB
    #[arg(long, value_name = "SIZE", value_parser = units::size)]
    larger_than: Option<u64>,

    /// The longest unread, until what is left is not larger than this
    #[arg(long, value_name = "SIZE", value_parser = units::size)]
    to_size: Option<u64>,

    /// The longest unread, until no more than this many entries are left
    #[arg(long, value_name = "N")]
    to_count: Option<u64>,

    /// Every entry
    #[arg(long)]
    all: bool,

    #[command(flatten)]
    rules: Rules,

    /// Do it
    #[arg(long)]
    yes: bool,

    /// Free the entries for good instead of moving them aside
    #[arg(long)]
    permanent: bool,

    /// Save the plan for later instead of carrying it out
    #[arg(long, value_name = "FILE", conflicts_with_all = ["plan", "yes"])]
    save_plan: Option<PathBuf>,

    /// Take a saved plan instead of choosing
    #[arg(long, value_name = "FILE", conflicts_with_all = [
        "keys", "key_base64", "condition", "older_than", "larger_than", "to_size", "to_count", "all",
        "expires_after", "source", "deep",
    ])]
    plan: Option<PathBuf>,
}

fn condition(name: &str) -> Result<Condition, String> {
    Condition::from_name(name).ok_or_else(|| {
        format!(
            "there are {}",
            Condition::ALL.map(Condition::name).join(", ")
        )
    })
}

pub(super) fn run(args: &ClearArgs, global: &Global) -> Result<Exit, Failure> {
    let (plans, n_issues) = match &args.plan {
        Some(file) => (vec![saved(file, args, global)?], 0),
        None => made(args, global)?,
    };
    if let Some(file) = &args.save_plan {
        save(file, &plans)?;
    }
    let mut report = Report::new(global, n_issues);
    let mut failure = None;
    if args.yes {
        failure = apply(&plans, args, global, &mut report)?;
    } else {
        for plan in &plans {
            show(plan, args, &mut report)?;
        }
    }
    let advice = advice(args, report.sums());
    let exit = report.finish(&advice)?;
    failure.map_or(Ok(exit), Err)
}

/// What people are told at the end.
fn advice(args: &ClearArgs, sums: Sums) -> String {
    if sums.planned > 0 {
        let hint = match &args.save_plan {
            Some(file) => format!(
                "carry it out with: cachescope clear --plan {} --yes",
                text::path(file)
            ),
            None if args.permanent => "--yes frees them for good".to_owned(),
            None => "--yes moves them aside, where `cachescope undo` finds them".to_owned(),
        };
        return format!("Nothing was changed; {hint}");
    }
    if sums.bytes_held > 0 {
        return "`cachescope undo --last` brings them back; `cachescope purge --yes` frees the space".to_owned();
    }
    String::new()
}

/// A plan from a file, for the store that PATH names where it is given.
fn saved(file: &Path, args: &ClearArgs, global: &Global) -> Result<Plan, Failure> {
    if global.query.is_some() {
        return Err(Failure::usage(
            "--plan takes no --query: the plan says which entries go",
        ));
    }
    let plan = Plan::load(file)?;
    if let Some(path) = &args.path {
        let stores = open::find(std::slice::from_ref(path))?;
        if !stores.iter().any(|info| info.path == plan.store) {
            return Err(Failure::usage(format!(
                "The plan is for another cache: {}. PATH is {}",
                text::path(&plan.store),
                text::path(path)
            )));
        }
    }
    Ok(plan)
}

/// Plans for the chosen entries of each store at PATH.
fn made(args: &ClearArgs, global: &Global) -> Result<(Vec<Plan>, u64), Failure> {
    let query = global.query()?;
    let choice = Choice::of(args, &query)?;
    let path = args.path.clone().unwrap_or_default();
    let mut listings = Vec::new();
    let mut n_issues = 0;
    for info in open::find(&[path])? {
        let listing = Listing::read(open::open(&info)?, &choice.wish)?;
        for issue in listing.snapshot.issues.iter() {
            open::report(issue, global)?;
            n_issues += 1;
        }
        listings.push(listing);
    }
    let picked = if choice.keys.is_empty() {
        None
    } else {
        Some(pick::pick_rows(&listings, &choice.keys)?)
    };
    let mut plans = Vec::new();
    for (at, listing) in listings.iter().enumerate() {
        let records = choice.records(at, listing, picked.as_ref());
        let records = choice.until_it_fits(listing, records);
        plans.push(Plan::new(&listing.store, records)?);
    }
    Ok((plans, n_issues))
}

/// How entries are chosen.
struct Choice {
    keys: Vec<Wanted>,
    wish: Wish<'static>,
    conditions: Vec<Condition>,
    older_than: Option<f64>,
    larger_than: Option<u64>,
    ceiling: Ceiling,
    now: Time,
}

impl Choice {
    fn of(args: &ClearArgs, query: &Query) -> Result<Self, Failure> {
        let mut keys: Vec<Wanted> = args.keys.iter().map(|key| Wanted::of_text(key)).collect();
        for base64 in &args.key_base64 {
            keys.push(Wanted::of_base64(base64)?);
        }
        let ceiling = Ceiling {
            bytes: args.to_size,
            entries: args.to_count,
        };
        let has_conditions = !args.condition.is_empty() || query.needs().conditions;
        let is_chosen = args.all
            || has_conditions
            || !keys.is_empty()
            || !query.is_empty()
            || args.older_than.is_some()
            || args.larger_than.is_some()
            || !ceiling.is_none();
        if args.rules.is_any() && !has_conditions {
            return Err(Failure::usage(
                "--expires-after, --source and --deep choose nothing by themselves. \
                 Say which conditions go, such as --condition expired,stale",
            ));
        }
        if !is_chosen {
            return Err(Failure::usage(
                "Nothing is chosen. Say what is to go: KEYs, --query, --condition, --older-than, --larger-than, \
                 --to-size, --to-count, or --all",
            ));
        }
        let wish = Wish {
            query: query.clone(),
            check: has_conditions.then(|| args.rules.options()).transpose()?,
            ..Wish::default()
        };
        Ok(Self {
            keys,
            wish,
            conditions: args.condition.clone(),
            older_than: args.older_than,
            larger_than: args.larger_than,
            ceiling,
            now: Time::now(),
        })
    }

    /// The records of a store that everything asked for holds for.
    fn records<'l>(
        &self,
        at: usize,
        listing: &'l Listing,
        picked: Option<&HashSet<(usize, Row)>>,
    ) -> Vec<Record<'l>> {
        let rows = listing.rows.iter().copied();
        rows.filter(|row| picked.is_none_or(|picked| picked.contains(&(at, *row))))
            .filter_map(|row| Some((row, listing.record(row)?)))
            .filter(|(row, record)| {
                self.is_chosen(record, listing.verdict(*row).map(|v| v.condition))
            })
            .map(|(_, record)| record)
            .collect()
    }

    fn is_chosen(&self, record: &Record<'_>, condition: Option<Condition>) -> bool {
        // Bytes that no entry owns go only where they are asked for by their condition or key.
        let is_asked_for = record.role == Role::Entry
            || !self.conditions.is_empty()
            || self.wish.query.needs().conditions
            || !self.keys.is_empty();
        let has_condition = self.conditions.is_empty()
            || condition.is_some_and(|found| self.conditions.contains(&found));
        // Unknown is never old.
        let age = record
            .created
            .or(record.modified)
            .map(|t| t.age_secs(self.now));
        let is_old = self
            .older_than
            .is_none_or(|limit| age.is_some_and(|age| age > limit));
        let is_large = self.larger_than.is_none_or(|limit| record.bytes > limit);
        is_asked_for && has_condition && is_old && is_large
    }

    /// Of the chosen ones, only those that have to go for the store to fit.
    fn until_it_fits<'l>(&self, listing: &Listing, records: Vec<Record<'l>>) -> Vec<Record<'l>> {
        if self.ceiling.is_none() {
            return records;
        }
        let chosen: HashSet<usize> =
            least_recently_used(&records, listing.snapshot.totals, self.ceiling)
                .into_iter()
                .collect();
        let numbered = records.into_iter().enumerate();
        numbered
            .filter(|(at, _)| chosen.contains(at))
            .map(|(_, record)| record)
            .collect()
    }
}

/// Never over a file that is there.
fn save(file: &Path, plans: &[Plan]) -> Result<(), Failure> {
    let [plan] = plans else {
        return Err(Failure::usage(
            "A plan is for one cache, and PATH holds several: name one of them",
        ));
    };
    if file.exists() {
        return Err(Failure::usage(format!(
            "The file for the plan exists already; name another one. File: {}",
            text::path(file)
        )));
    }
    Ok(plan.save(file)?)
}

/// Prints a plan; a saved one is compared with the cache as it is now.
fn show(plan: &Plan, args: &ClearArgs, report: &mut Report<'_>) -> Result<(), Failure> {
    let mut stays: HashMap<EntryKey, String> = HashMap::new();
    if args.plan.is_some() {
        let mut hear = |planned: &Planned, outcome: Outcome| match outcome {
            Outcome::Skipped(reason) => {
                stays.insert(planned.key.clone(), reason);
            }
            Outcome::Failed(error) => {
                stays.insert(planned.key.clone(), error.to_string());
            }
            Outcome::Ready | Outcome::Done => {}
        };
        clear::apply(
            plan,
            How::Check,
            None,
            &Cancel::default(),
            &Progress::default(),
            &mut hear,
        )?;
    }
    for planned in &plan.removals {
        match stays.remove(&planned.key) {
            Some(reason) => report.removal(plan, planned, "skipped", Some(reason))?,
            None => report.removal(plan, planned, "planned", None)?,
        }
    }
    for refusal in &plan.refusals {
        report.refusal(plan, refusal)?;
    }
    for note in &plan.notes {
        eprintln!("note: {}", text::shown(note));
    }
    if !args.permanent
        && !plan.removals.is_empty()
        && let Err(error) = clear::can_keep(plan)
    {
        eprintln!("note: {error}");
    }
    Ok(())
}

/// Carries the plans out; a cache where nothing can be done hides no other.
fn apply(
    plans: &[Plan],
    args: &ClearArgs,
    global: &Global,
    report: &mut Report<'_>,
) -> Result<Option<Failure>, Failure> {
    let how = if args.permanent { How::Free } else { How::Keep };
    let state = global.state();
    let cancel = Cancel::default();
    interrupt::then({
        let cancel = cancel.clone();
        move || cancel.cancel()
    })?;
    let mut failure = None;
    for plan in plans {
        for refusal in &plan.refusals {
            report.refusal(plan, refusal)?;
        }
        for note in &plan.notes {
            eprintln!("note: {}", text::shown(note));
        }
        let mut closed = None;
        let mut hear = |planned: &Planned, outcome: Outcome| {
            let (outcome, reason) = match outcome {
                Outcome::Done | Outcome::Ready => ("removed", None),
                Outcome::Skipped(reason) => ("skipped", Some(reason)),
                Outcome::Failed(error) => ("failed", Some(error.to_string())),
            };
            // A reader that went away does not stop what was begun.
            if let Err(error) = report.removal(plan, planned, outcome, reason) {
                closed.get_or_insert(error);
            }
        };
        let progress = Progress::default();
        let applied = clear::apply(plan, how, state.as_ref(), &cancel, &progress, &mut hear);
        if let Some(closed) = closed {
            return Err(closed);
        }
        match applied {
            Ok(applied) => {
                report.applied(&applied);
                say_rest(&applied);
            }
            Err(error) => {
                failure.get_or_insert(Failure::from(error));
            }
        }
    }
    Ok(failure)
}

fn say_rest(applied: &Applied) {
    if applied.not_tried > 0 {
        eprintln!(
            "note: interrupted; {} were not reached and are untouched",
            crate::text::counted(applied.not_tried as u64, "entry", "entries")
        );
    }
    if let Some(error) = &applied.unfinished {
        eprintln!("warning: {error}. The next clear, undo or purge finishes it");
    }
}
