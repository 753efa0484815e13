//! `cachescope keep`: a new expiry for chosen entries, by plan as in `clear`.

use std::path::PathBuf;

use cachescope_core::clear::{Act, How, Plan};
use cachescope_core::model::{Cancel, Record, Time};
use cachescope_core::ops::query::units;

use super::listing::Wish;
use super::out::{Exit, Failure, tell};
use super::pick::{self, Wanted};
use super::removals::Report;
use super::{Global, apply, open};

/// Give chosen entries a new expiry: shows the plan, and with --yes carries it out.
///
/// For diskcache and requests-cache, which keep when an entry expires. `undo` gives the old expiry back.
/// Lines are those of `clear`. With --json an entry that has its new expiry is `removed`, like all that is done by a
/// plan, and `expires` tells which.
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
    let mut report = Report::new(global);
    let plans = plans(args, global, &mut report)?;
    let mut acts = plans.iter().filter(|plan| !plan.removals.is_empty());
    if let Some(Act::Expire(expires)) = acts.next().map(|plan| plan.act) {
        tell!("note: The new expiry is {}", expires.rfc3339());
    }
    let mut failure = None;
    if args.yes {
        failure = apply::carry_out(&plans, How::Keep, global, &mut report)?;
    } else {
        for plan in &plans {
            if !report.is_closed() {
                apply::show(plan, &mut report)?;
            }
        }
    }
    let advice = match report.sums().planned {
        0 => "",
        _ => {
            "Nothing was changed; --yes writes the new expiry, and `cachescope undo` takes it back"
        }
    };
    apply::end(report, args.yes, advice, failure)
}

fn plans(args: &KeepArgs, global: &Global, report: &mut Report<'_>) -> Result<Vec<Plan>, Failure> {
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
    let stores = open::find(std::slice::from_ref(&args.path), global)?;
    let listings = report.list(&stores, &wish)?;
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
    Ok(plans)
}
