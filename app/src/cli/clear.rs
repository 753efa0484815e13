//! `cachescope clear`: chosen entries to a plan, and with `--yes` out of the cache.

use std::path::{Path, PathBuf};

use cachescope_core::clear::{self, How, Plan};
use cachescope_core::model::text;

use super::choose::{Choice, ChooseArgs};
use super::out::{Exit, Failure, tell};
use super::removals::{Report, Sums};
use super::{Global, apply, open, target};

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

    #[command(flatten)]
    choose: ChooseArgs,

    /// Do it
    #[arg(long)]
    yes: bool,

    /// Free the entries for good instead of moving them aside
    #[arg(long)]
    permanent: bool,

    /// No program uses the cache: an ndbm file is changed even where one is seen to have it open
    #[arg(long)]
    no_program_uses_it: bool,

    /// Save the plan for later instead of carrying it out
    #[arg(long, value_name = "FILE", conflicts_with_all = ["plan", "yes"])]
    save_plan: Option<PathBuf>,

    /// Take a saved plan instead of choosing
    #[arg(long, value_name = "FILE", conflicts_with_all = [
        "keys", "key_base64", "condition", "older_than", "larger_than", "to_size", "to_count", "all",
        "policy", "tag", "in_progress", "expires_after", "source", "deep",
    ])]
    plan: Option<PathBuf>,
}

pub(super) fn run(args: &ClearArgs, global: &Global) -> Result<Exit, Failure> {
    let mut report = Report::new(global);
    let mut plans = match &args.plan {
        Some(file) => vec![saved(file, args, global)?],
        None => made(args, global, &mut report)?,
    };
    for plan in &mut plans {
        plan.is_unused |= args.no_program_uses_it;
    }
    Plan::join(&mut plans);
    if let Some(file) = &args.save_plan {
        save(file, &plans)?;
    }
    let mut failure = None;
    if args.yes {
        let how = if args.permanent { How::Free } else { How::Keep };
        failure = apply::carry_out(&plans, how, global, &mut report)?;
    } else {
        for plan in &plans {
            if !report.is_closed() {
                show(plan, args, &mut report)?;
            }
        }
    }
    let advice = advice(args, report.sums(), report.holds_something());
    apply::end(report, args.yes, &advice, failure)
}

/// What people are told at the end.
fn advice(args: &ClearArgs, sums: Sums, holds_something: bool) -> String {
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
    if sums.bytes_held > 0 && holds_something {
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
        let stores = open::find(std::slice::from_ref(path), global)?;
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
fn made(args: &ClearArgs, global: &Global, report: &mut Report<'_>) -> Result<Vec<Plan>, Failure> {
    let choice = Choice::of(&args.choose, &global.query()?)?;
    let path = args.path.clone().unwrap_or_default();
    let stores = choice.stores(open::find(&[path], global)?)?;
    let listings = report.list(&stores, choice.wish())?;
    choice.plans(&listings)
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
    target::stay_outside(file, &[])?;
    Ok(plan.save(file)?)
}

/// Shows a plan, and whether what goes could be moved aside.
fn show(plan: &Plan, args: &ClearArgs, report: &mut Report<'_>) -> Result<(), Failure> {
    apply::show(plan, report)?;
    if !args.permanent
        && !plan.removals.is_empty()
        && let Err(error) = clear::can_keep(plan)
    {
        tell!("note: {error}");
    }
    Ok(())
}
