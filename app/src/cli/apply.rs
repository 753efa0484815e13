//! Plans, shown as they would be carried out, or carried out: for `clear` and `keep`.

use std::collections::HashMap;

use cachescope_core::clear::{self, Applied, How, Outcome, Plan, Planned};
use cachescope_core::model::{Cancel, EntryKey, Progress, text};

use super::lines::Became;
use super::out::{Exit, Failure, tell};
use super::removals::Report;
use super::{Global, interrupt};

/// Shows a plan, compared with the cache as it is now.
///
/// # Errors
/// If nothing of it could be compared.
pub(super) fn show(plan: &Plan, report: &mut Report<'_>) -> Result<(), Failure> {
    let mut stays: HashMap<EntryKey, String> = HashMap::new();
    let mut hear = |planned: &Planned, outcome: Outcome| match outcome {
        Outcome::Skipped(why) => {
            stays.insert(planned.key.clone(), why.to_string());
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
            Some(reason) => report.spared(plan, planned, reason),
            None => report.removal(plan, planned, Became::Planned, None),
        }
    }
    tell(plan, report);
    Ok(())
}

/// Carries the plans out; a cache where nothing can be done hides no other, and neither does a reader that went away.
/// Returns the first reason why nothing could be done in a cache.
///
/// # Errors
/// If the system does not let us listen for Ctrl+C; then nothing was begun.
pub(super) fn carry_out(
    plans: &[Plan],
    how: How,
    global: &Global,
    report: &mut Report<'_>,
) -> Result<Option<Failure>, Failure> {
    let state = global.state();
    let cancel = interrupt::cancel()?;
    let mut failure = None;
    for plan in plans {
        tell(plan, report);
        let mut hear = |planned: &Planned, outcome: Outcome| {
            let (outcome, reason) = match outcome {
                Outcome::Done | Outcome::Ready => (Became::Removed, None),
                Outcome::Skipped(why) => (Became::Skipped, Some(why.to_string())),
                Outcome::Failed(error) => (Became::Failed, Some(error.to_string())),
            };
            report.removal(plan, planned, outcome, reason);
        };
        let progress = Progress::default();
        match clear::apply(plan, how, state.as_ref(), &cancel, &progress, &mut hear) {
            Ok(applied) => {
                report.applied(&applied);
                say_rest(&applied);
            }
            // The plan is of another cache than the one that lies there now.
            Err(error) if error.is_changed() => {
                failure.get_or_insert(Failure::of_change(error));
            }
            Err(error) => {
                failure.get_or_insert(Failure::from(error));
            }
        }
    }
    Ok(failure)
}

/// How a command ends: where some entries were done, a cache in which nothing could be is a failure in part.
///
/// # Errors
/// If nothing was done, with the first reason.
pub(super) fn end(
    report: Report<'_>,
    was_done: bool,
    advice: &str,
    failure: Option<Failure>,
) -> Result<Exit, Failure> {
    let has_any = report.sums().done > 0;
    let exit = report.finish(was_done, advice)?;
    match failure {
        None => Ok(exit),
        Some(failure) if has_any => {
            tell!("error: {}", failure.message().unwrap_or_default());
            Ok(Exit::Found)
        }
        Some(failure) => Err(failure),
    }
}

/// What a plan leaves alone, and what a person should know of it.
fn tell(plan: &Plan, report: &mut Report<'_>) {
    for refusal in &plan.refusals {
        report.refusal(plan, refusal);
    }
    for note in &plan.notes {
        tell!("note: {}", text::shown(note));
    }
}

fn say_rest(applied: &Applied) {
    if applied.not_tried > 0 {
        tell!(
            "note: interrupted; {} left untouched",
            crate::text::counted(applied.not_tried as u64, "entry", "entries")
        );
    }
    if let Some(error) = &applied.unfinished {
        tell!("warning: {error}");
    }
}
