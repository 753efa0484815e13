//! `cachescope keep`: a new expiry for chosen entries, by plan as in `clear`.

use std::path::PathBuf;

use cachescope_core::clear::{self, Act, How, Outcome, Plan, Planned};
use cachescope_core::model::{Record, Time, text};
use cachescope_core::ops::query::units;
use cachescope_core::scan::{Cancel, Progress};

use super::listing::{Listing, Wish};
use super::out::{Exit, Failure, tell};
use super::pick::{self, Wanted};
use super::removals::Report;
use super::{Global, interrupt, open};

/// Give chosen entries a new expiry: shows the plan, and with --yes carries it out.
///
/// For diskcache and requests-cache, which keep when an entry expires. `undo` gives the old expiry back.
#[derive(Debug, clap::Args)]
pub(super) struct KeepArgs {
    /// The cache
    #[arg(value_name = "PATH")]
    path: PathBuf,

    /// Entries by their key, as `ls` prints it, or GROUP/KEY; or choose by --query
    #[arg(value_name = "KEY")]
    keys: Vec<String>,

    /// An entry by its key's bytes in base64, for keys that are not text
    #[arg(long, value_name = "B")]
    key_base64: Vec<String>,

    /// How long from now on: 12h, 30d
    #[arg(long, value_name = "SPAN", value_parser = units::span_secs)]
    expires: f64,

    /// Do it
    #[arg(long)]
    yes: bool,
}

pub(super) fn run(args: &KeepArgs, global: &Global) -> Result<Exit, Failure> {
    let (plans, n_issues) = plans(args, global)?;
    let mut report = Report::new(global, n_issues);
    for plan in &plans {
        for refusal in &plan.refusals {
            report.refusal(plan, refusal)?;
        }
        if let (Act::Expire(expires), false) = (plan.act, plan.removals.is_empty()) {
            tell!("note: The new expiry is {}", expires.rfc3339());
        }
        for note in &plan.notes {
            tell!("note: {}", text::shown(note));
        }
        if args.yes {
            apply(plan, global, &mut report)?;
        } else {
            for planned in &plan.removals {
                report.removal(plan, planned, "planned", None)?;
            }
        }
    }
    let advice = match report.sums().planned {
        0 => "",
        _ => {
            "Nothing was changed; --yes writes the new expiry, and `cachescope undo` takes it back"
        }
    };
    report.finish(advice)
}

fn plans(args: &KeepArgs, global: &Global) -> Result<(Vec<Plan>, u64), Failure> {
    let query = global.query()?;
    let mut keys: Vec<Wanted> = args.keys.iter().map(|key| Wanted::of_text(key)).collect();
    for base64 in &args.key_base64 {
        keys.push(Wanted::of_base64(base64)?);
    }
    if keys.is_empty() && query.is_empty() {
        return Err(Failure::usage(
            "Nothing is chosen. Say which entries stay: KEYs, or --query",
        ));
    }
    let expires = Time::from_unix_f64(Time::now().unix_f64() + args.expires);
    let expires = expires.ok_or_else(|| Failure::usage("--expires is too long"))?;
    let wish = Wish {
        query,
        ..Wish::default()
    };
    let mut listings = Vec::new();
    let mut n_issues = 0;
    for info in open::find(std::slice::from_ref(&args.path), global)? {
        let listing = Listing::read(open::open(&info)?, &wish)?;
        for issue in listing.snapshot.issues.iter() {
            open::report(issue, global)?;
            n_issues += 1;
        }
        listings.push(listing);
    }
    let picked = if keys.is_empty() {
        None
    } else {
        Some(pick::pick_rows(&listings, &keys)?)
    };
    let mut plans = Vec::new();
    for (at, listing) in listings.iter().enumerate() {
        let rows = listing.rows.iter().copied();
        let chosen = rows.filter(|row| picked.as_ref().is_none_or(|p| p.contains(&(at, *row))));
        let records: Vec<Record<'_>> = chosen.filter_map(|row| listing.record(row)).collect();
        let mut plan = Plan::keep(&listing.store, records, expires)?;
        plan.pin(&Cancel::default());
        plans.push(plan);
    }
    Plan::join(&mut plans);
    Ok((plans, n_issues))
}

fn apply(plan: &Plan, global: &Global, report: &mut Report<'_>) -> Result<(), Failure> {
    let cancel = Cancel::default();
    interrupt::then({
        let cancel = cancel.clone();
        move || cancel.cancel()
    })?;
    let mut closed = None;
    let mut hear = |planned: &Planned, outcome: Outcome| {
        let (outcome, reason) = match outcome {
            Outcome::Done | Outcome::Ready => ("kept", None),
            Outcome::Skipped(reason) => ("skipped", Some(reason)),
            Outcome::Failed(error) => ("failed", Some(error.to_string())),
        };
        // A reader that went away does not stop what was begun.
        if let Err(error) = report.removal(plan, planned, outcome, reason) {
            closed.get_or_insert(error);
        }
    };
    let state = global.state();
    let (how, progress) = (How::Keep, Progress::default());
    let applied = clear::apply(plan, how, state.as_ref(), &cancel, &progress, &mut hear)?;
    report.applied(&applied);
    if let Some(error) = &applied.unfinished {
        tell!("warning: {error}");
    }
    closed.map_or(Ok(()), Err)
}
