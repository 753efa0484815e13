//! `cachescope undo`: what was moved aside, listed or brought back.

use std::path::{Path, PathBuf};

use cachescope_core::clear::Outcome;
use cachescope_core::clear::undo::{self, Held, HeldEntry, HeldState, Restored};
use cachescope_core::model::{Cancel, Progress, Time, text};
use cachescope_core::own::StateDir;

use super::lines::{HeldSummary, RestoreLine, UndoLine};
use super::out::{self, Exit, Failure, tell};
use super::table::{Align, Table};
use super::{Global, interrupt};
use crate::text as figures;

/// List what was cleared and can be brought back, or bring it back.
///
/// Without ID or --last it lists. What was cut short by a crash is finished on the way.
#[derive(Debug, clap::Args)]
pub(super) struct UndoArgs {
    /// Caches (or folders above them) to look at, and what to bring back: an ID as listed
    #[arg(value_name = "PATH|ID")]
    words: Vec<PathBuf>,

    /// Bring back what was cleared last: of every cache that the one command cleared
    #[arg(long)]
    last: bool,
}

pub(super) fn run(args: &UndoArgs, global: &Global) -> Result<Exit, Failure> {
    let state = global.state();
    let (paths, ids) = split(&args.words, state.as_ref())?;
    let held = undo::list(&paths, state.as_ref());
    if !args.last && ids.is_empty() {
        tidy(&paths, state.as_ref(), &Cancel::default());
        print_list(&held, global)?;
        return Ok(Exit::Done);
    }
    let chosen = choose(&held, &ids, args.last)?;
    let exit = bring_back(&chosen, global)?;
    tidy(&paths, state.as_ref(), &Cancel::default());
    Ok(exit)
}

/// Finishes what was cut short; where that cannot be done now, what was asked for is done all the same.
pub(super) fn tidy(paths: &[PathBuf], state: Option<&StateDir>, cancel: &Cancel) {
    if let Err(error) = undo::tidy(paths, state, cancel)
        && !error.is_cancelled()
    {
        tell!("warning: {error}");
    }
}

/// Words that are paths, and words that are ids: what is there, or has a separator, is a path, and so is the name of a
/// cache that is gone, or whose files have longer names.
///
/// # Errors
/// If a word is neither.
pub(super) fn split(
    words: &[PathBuf],
    state: Option<&StateDir>,
) -> Result<(Vec<PathBuf>, Vec<PathBuf>), Failure> {
    let (mut paths, mut ids) = (Vec::new(), Vec::new());
    for word in words {
        if word.exists() || word.components().count() > 1 {
            paths.push(word.clone());
        } else if word.to_str().is_some_and(undo::is_id) {
            ids.push(word.clone());
        } else if undo::list(std::slice::from_ref(word), state).is_empty() {
            return Err(nothing_under(word));
        } else {
            paths.push(word.clone());
        }
    }
    Ok((paths, ids))
}

fn nothing_under(word: &Path) -> Failure {
    Failure::usage(format!(
        "Nothing is held under \"{}\": it is neither an id that `cachescope undo` lists nor a path",
        text::path(word)
    ))
}

/// What is meant by ids and `--last`.
pub(super) fn choose<'h>(
    held: &'h [Held],
    ids: &[PathBuf],
    has_last: bool,
) -> Result<Vec<&'h Held>, Failure> {
    let mut chosen: Vec<&Held> = Vec::new();
    for id in ids {
        let found = held.iter().find(|held| Path::new(&held.id) == id);
        let found = found.ok_or_else(|| nothing_under(id))?;
        // Named twice it is still one.
        if !chosen.iter().any(|chosen| chosen.id == found.id) {
            chosen.push(found);
        }
    }
    if has_last {
        let is_new = |held: &&Held| !chosen.iter().any(|chosen| chosen.id == held.id);
        let last = held.iter().rfind(is_new).ok_or_else(|| {
            Failure::usage(
                "Nothing is held that could be brought back. Name the cache, or a folder above it, where it \
                 was cleared with another --state-dir",
            )
        })?;
        let of_last = held.iter().filter(|held| held.is_of_one_clear(last));
        chosen.extend(of_last.filter(is_new).collect::<Vec<_>>());
    }
    Ok(chosen)
}

/// Prints what is held, oldest first.
pub(super) fn print_list(held: &[Held], global: &Global) -> Result<(), Failure> {
    if global.json {
        let mut lines = Vec::new();
        for held in held {
            out::push_line(&mut lines, &UndoLine::from(held));
        }
        return out::print(&lines);
    }
    let mut table = Table::new(&[
        ("ID", Align::Left),
        ("AGE", Align::Right),
        ("ENTRIES", Align::Right),
        ("SIZE", Align::Right),
        ("STATE", Align::Left),
        ("CACHE", Align::Left),
    ]);
    let now = Time::now();
    for held in held {
        table.push(&[
            text::shown(&held.id).into_owned(),
            held.time.map_or_else(String::new, |t| figures::age(t, now)),
            figures::count(held.entries as u64),
            figures::bytes(held.bytes),
            match &held.state {
                HeldState::Whole => String::new(),
                HeldState::Interrupted => "cut short".to_owned(),
                HeldState::Freeing => "being freed".to_owned(),
                HeldState::Unreadable(reason) => {
                    format!("unreadable: {}", text::shown(reason))
                }
            },
            text::path(&held.store),
        ]);
    }
    if table.is_empty() {
        return out::print(b"Nothing is held aside\n");
    }
    table.print()
}

/// Brings back what was chosen; one that cannot be brought back hides no other.
fn bring_back(chosen: &[&Held], global: &Global) -> Result<Exit, Failure> {
    let cancel = interrupt::cancel()?;
    let mut lines = Vec::new();
    let mut sum = Restored::default();
    let (mut failures, mut n_not_tried) = (Vec::new(), 0);
    for held in chosen {
        let mut hear = |entry: &HeldEntry, outcome: Outcome| {
            let (outcome, reason) = match outcome {
                Outcome::Done | Outcome::Ready => ("restored", None),
                Outcome::Skipped(why) => ("skipped", Some(why.to_string())),
                Outcome::Failed(error) => ("failed", Some(error.to_string())),
            };
            if global.json {
                out::push_line(&mut lines, &restore_line(entry, outcome, reason));
            } else if let Some(reason) = reason {
                tell!(
                    "{outcome}: {}: {}",
                    text::shown(&figures::shorten(&entry.key_label, 80)),
                    text::shown(&reason)
                );
            }
        };
        match undo::restore(held, &cancel, &Progress::default(), &mut hear) {
            Ok(done) => {
                sum.restored += done.restored;
                sum.bytes = sum.bytes.saturating_add(done.bytes);
                sum.skipped += done.skipped + done.failed + done.not_tried;
                n_not_tried += done.not_tried;
                say_freed(held, done.freed);
                if let Some(error) = done.unfinished {
                    tell!("warning: {error}");
                }
            }
            Err(error) if error.is_cancelled() => {
                sum.skipped += held.entries;
                n_not_tried += held.entries;
            }
            Err(error) => {
                sum.skipped += held.entries;
                failures.push(error);
            }
        }
    }
    if n_not_tried > 0 {
        tell!(
            "note: interrupted; {} not tried",
            figures::counted(n_not_tried as u64, "entry", "entries")
        );
    }
    let mut failures = failures.into_iter().peekable();
    // Where nothing came back at all the first reason is the answer.
    let answer = failures.next_if(|_| sum.restored == 0);
    for error in failures {
        tell!("error: {error}");
    }
    if let Some(error) = answer {
        // What was said of the entries of others holds all the same.
        out::print(&lines)?;
        return Err(error.into());
    }
    print_sum(&sum, lines, global)?;
    Ok(if sum.skipped > 0 {
        Exit::Found
    } else {
        Exit::Done
    })
}

fn say_freed(held: &Held, n_freed: usize) {
    if n_freed > 0 {
        tell!(
            "note: freeing {} of {} for good was cut short, and is finished now",
            figures::counted(n_freed as u64, "entry", "entries"),
            text::shown(&held.id)
        );
    }
}

fn print_sum(sum: &Restored, mut lines: Vec<u8>, global: &Global) -> Result<(), Failure> {
    let n_back = sum.restored as u64;
    if global.json {
        out::push_line(
            &mut lines,
            &HeldSummary {
                entries: n_back,
                bytes: sum.bytes,
                issues: 0,
                bytes_freed: None,
            },
        );
        return out::print(&lines);
    }
    let left = match sum.skipped {
        0 => String::new(),
        n => format!("; {} still held aside", figures::count(n as u64)),
    };
    let back = figures::counted(n_back, "entry", "entries");
    out::print(
        format!(
            "{back}, {}, brought back{left}\n",
            figures::bytes(sum.bytes)
        )
        .as_bytes(),
    )
}

fn restore_line<'a>(
    entry: &'a HeldEntry,
    outcome: &'static str,
    reason: Option<String>,
) -> RestoreLine<'a> {
    RestoreLine {
        group: Some(&*entry.group_label).filter(|label| !label.is_empty()),
        key: &entry.key_label,
        bytes: entry.bytes,
        outcome,
        reason,
    }
}
