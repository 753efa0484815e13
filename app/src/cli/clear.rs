//! `cachescope clear`: chosen entries to a plan, and with `--yes` out of the cache.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use cachescope_core::clear::{self, Applied, How, Outcome, Plan, Planned};
use cachescope_core::model::{EntryKey, text};
use cachescope_core::scan::{Cancel, Progress};

use super::choose::{Choice, ChooseArgs};
use super::listing::Listing;
use super::out::{Exit, Failure, tell};
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
    let (mut plans, n_issues) = match &args.plan {
        Some(file) => (vec![saved(file, args, global)?], 0),
        None => made(args, global)?,
    };
    for plan in &mut plans {
        plan.is_unused |= args.no_program_uses_it;
    }
    Plan::join(&mut plans);
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
fn made(args: &ClearArgs, global: &Global) -> Result<(Vec<Plan>, u64), Failure> {
    let choice = Choice::of(&args.choose, &global.query()?)?;
    let path = args.path.clone().unwrap_or_default();
    let mut listings = Vec::new();
    let mut n_issues = 0;
    for info in choice.stores(open::find(&[path], global)?)? {
        let listing = Listing::read(open::open(&info)?, choice.wish())?;
        for issue in listing.snapshot.issues.iter() {
            open::report(issue, global)?;
            n_issues += 1;
        }
        listings.push(listing);
    }
    Ok((choice.plans(&listings)?, n_issues))
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

/// Prints a plan, compared with the cache as it is now.
fn show(plan: &Plan, args: &ClearArgs, report: &mut Report<'_>) -> Result<(), Failure> {
    let mut stays: HashMap<EntryKey, String> = HashMap::new();
    let mut hear = |planned: &Planned, outcome: Outcome| match outcome {
        Outcome::Skipped(reason) => {
            stays.insert(planned.key.clone(), reason);
        }
        Outcome::Failed(error) => {
            stays.insert(planned.key.clone(), error.to_string());
        }
        Outcome::Ready | Outcome::Done => {}
    };
    // The same path as with --yes, without its last step.
    if !plan.removals.is_empty() {
        let (cancel, progress) = (Cancel::default(), Progress::default());
        clear::apply(plan, How::Check, None, &cancel, &progress, &mut hear)?;
    }
    for planned in &plan.removals {
        match stays.remove(&planned.key) {
            Some(reason) => report.spared(plan, planned, reason)?,
            None => report.removal(plan, planned, "planned", None)?,
        }
    }
    for refusal in &plan.refusals {
        report.refusal(plan, refusal)?;
    }
    for note in &plan.notes {
        tell!("note: {}", text::shown(note));
    }
    if !args.permanent
        && !plan.removals.is_empty()
        && let Err(error) = clear::can_keep(plan)
    {
        tell!("note: {error}");
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
            tell!("note: {}", text::shown(note));
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
            if let (Failure::Said(..), Ok(applied)) = (&closed, &applied) {
                tell!("note: The clear itself was carried out");
                say_rest(applied);
            }
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
        tell!(
            "note: interrupted; {} were not reached and are untouched",
            crate::text::counted(applied.not_tried as u64, "entry", "entries")
        );
    }
    if let Some(error) = &applied.unfinished {
        tell!("warning: {error}");
    }
}
