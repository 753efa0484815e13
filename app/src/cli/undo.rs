//! `cachescope undo` and `cachescope purge`: what was moved aside, brought back or freed.

use std::path::PathBuf;

use cachescope_core::clear::Outcome;
use cachescope_core::clear::undo::{self, Held, HeldEntry, HeldState};
use cachescope_core::model::text;
use cachescope_core::scan::{Cancel, Progress};
use serde::Serialize;

use super::Global;
use super::lines::{Rfc3339, path_text};
use super::out::{self, Exit, Failure};
use crate::text as figures;

/// Lists what `clear` moved aside; with --last or an ID brings it back.
#[derive(Debug, clap::Args)]
pub(super) struct UndoArgs {
    /// The cache, or the ID of what is to come back
    #[arg(value_name = "PATH|ID")]
    what: Vec<String>,

    /// Bring back what was cleared last
    #[arg(long)]
    last: bool,
}

/// Frees what was moved aside, for good. Without --yes nothing changes.
#[derive(Debug, clap::Args)]
pub(super) struct PurgeArgs {
    /// The cache, or the ID of what is to be freed; without, everything that is remembered
    #[arg(value_name = "PATH|ID")]
    what: Vec<String>,

    /// Do it; without, only what would be freed is printed
    #[arg(long)]
    yes: bool,
}

#[derive(Serialize)]
#[serde(tag = "type", rename = "undo")]
struct UndoLine<'a> {
    id: &'a str,
    time: Option<Rfc3339>,
    path: String,
    entries: usize,
    bytes: u64,
    interrupted: bool,
}

#[derive(Serialize)]
#[serde(tag = "type", rename = "restore")]
struct RestoreLine<'a> {
    key: &'a str,
    group: Option<&'a str>,
    bytes: u64,
    outcome: &'static str,
    reason: Option<String>,
}

#[derive(Serialize)]
#[serde(tag = "type", rename = "summary")]
struct SumLine {
    entries: usize,
    bytes: u64,
    skipped: usize,
    failed: usize,
    bytes_freed: u64,
    issues: u64,
}

/// What is held for the paths among `what`, narrowed to the ids among them.
fn held(what: &[String], global: &Global) -> Result<(Vec<Held>, bool), Failure> {
    let state = global.state();
    let paths: Vec<PathBuf> = what.iter().map(PathBuf::from).collect();
    // An id is no path: looking for it as one finds nothing, and looking everywhere finds it.
    let mut everything = undo::list(&[], state.as_ref());
    for held in undo::list(&paths, state.as_ref()) {
        if !everything.contains(&held) {
            everything.push(held);
        }
    }
    let is_id = |word: &String| everything.iter().any(|held| held.id == **word);
    let (ids, places): (Vec<&String>, Vec<&String>) = what.iter().partition(|word| is_id(word));
    if let Some(missing) = places
        .iter()
        .find(|place| !ids.is_empty() && !PathBuf::from(place).exists())
    {
        return Err(Failure::usage(format!(
            "\"{}\" is neither a path nor the ID of something held",
            text::shown(missing)
        )));
    }
    let places: Vec<PathBuf> = places.into_iter().map(PathBuf::from).collect();
    let mut found = undo::list(&places, state.as_ref());
    if !ids.is_empty() {
        found = everything;
        found.retain(|held| ids.iter().any(|id| **id == held.id));
    }
    Ok((found, !ids.is_empty()))
}

pub(super) fn run_undo(args: &UndoArgs, global: &Global) -> Result<Exit, Failure> {
    let (mut found, has_ids) = held(&args.what, global)?;
    if !args.last && !has_ids {
        return list(&found, global);
    }
    if args.last {
        found = found.pop().into_iter().collect();
    }
    if found.is_empty() {
        return Err(Failure::usage(
            "Nothing is held that could be brought back. `cachescope undo PATH` lists what is",
        ));
    }
    let mut sum = SumLine {
        entries: 0,
        bytes: 0,
        skipped: 0,
        failed: 0,
        bytes_freed: 0,
        issues: 0,
    };
    for held in &found {
        restore(held, global, &mut sum)?;
    }
    tidy(&found, global)?;
    let is_partial = sum.skipped + sum.failed > 0;
    if global.json {
        out::print_line(&sum)?;
    } else {
        let back = figures::counted(sum.entries as u64, "entry", "entries");
        out::print(format!("{back} brought back, {}\n", figures::bytes(sum.bytes)).as_bytes())?;
    }
    Ok(if is_partial { Exit::Found } else { Exit::Done })
}

fn restore(held: &Held, global: &Global, sum: &mut SumLine) -> Result<(), Failure> {
    let mut closed = None;
    let mut each = |entry: &HeldEntry, outcome: Outcome| {
        let (outcome, reason) = match outcome {
            Outcome::Ready | Outcome::Done => ("restored", None),
            Outcome::Skipped(reason) => ("skipped", Some(reason)),
            Outcome::Failed(error) => ("failed", Some(error.to_string())),
        };
        let line = RestoreLine {
            key: &entry.key_label,
            group: Some(&*entry.group_label).filter(|g| !g.is_empty()),
            bytes: entry.bytes,
            outcome,
            reason,
        };
        if let Err(failure) = print_restore(&line, global) {
            closed.get_or_insert(failure);
        }
    };
    let restored = undo::restore(held, &Cancel::default(), &Progress::default(), &mut each)?;
    sum.entries += restored.restored;
    sum.bytes += restored.bytes;
    sum.skipped += restored.skipped;
    sum.failed += restored.failed;
    // A reader that went away has not stopped the change: it ends quietly.
    match closed {
        Some(Failure::Said(exit, message)) => Err(Failure::Said(exit, message)),
        _ => Ok(()),
    }
}

fn print_restore(line: &RestoreLine<'_>, global: &Global) -> Result<(), Failure> {
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
    let key = text::shown(&figures::shorten(line.key, 80)).into_owned();
    out::print(
        format!(
            "{:<8} {:>8}  {group}{key}{reason}\n",
            line.outcome,
            figures::bytes(line.bytes)
        )
        .as_bytes(),
    )
}

pub(super) fn run_purge(args: &PurgeArgs, global: &Global) -> Result<Exit, Failure> {
    let (found, _) = held(&args.what, global)?;
    if !args.yes {
        let exit = list(&found, global)?;
        if !global.json && !found.is_empty() {
            out::print(b"Nothing was changed: add --yes to free it for good\n")?;
        }
        return Ok(exit);
    }
    let mut sum = SumLine {
        entries: 0,
        bytes: 0,
        skipped: 0,
        failed: 0,
        bytes_freed: 0,
        issues: 0,
    };
    for held in &found {
        if let HeldState::Unreadable(reason) = &held.state {
            eprintln!(
                "warning: Cannot read what is held aside: {}. File: {}",
                text::shown(reason),
                text::path(&held.quarantine)
            );
            sum.failed += 1;
            continue;
        }
        let purged = undo::purge(held, &Cancel::default(), &Progress::default())?;
        sum.entries += purged.entries;
        sum.bytes += purged.bytes;
        sum.bytes_freed += purged.bytes;
    }
    tidy(&found, global)?;
    if global.json {
        out::print_line(&sum)?;
    } else {
        let entries = figures::counted(sum.entries as u64, "entry", "entries");
        out::print(format!("{entries} freed, {}\n", figures::bytes(sum.bytes_freed)).as_bytes())?;
    }
    Ok(if sum.failed > 0 {
        Exit::Found
    } else {
        Exit::Done
    })
}

/// Removes what is left of empty quarantines.
fn tidy(found: &[Held], global: &Global) -> Result<(), Failure> {
    let places: Vec<PathBuf> = found.iter().map(|held| held.store.clone()).collect();
    undo::tidy(&places, global.state().as_ref(), &Cancel::default())?;
    Ok(())
}

fn list(found: &[Held], global: &Global) -> Result<Exit, Failure> {
    for held in found {
        let path = path_text(&held.store);
        if global.json {
            out::print_line(&UndoLine {
                id: &held.id,
                time: held.time.map(Rfc3339),
                path,
                entries: held.entries,
                bytes: held.bytes,
                interrupted: held.is_interrupted(),
            })?;
            continue;
        }
        let when = held.time.map_or_else(
            || "unknown time".to_owned(),
            cachescope_core::model::Time::rfc3339,
        );
        let cut = if held.is_interrupted() {
            " · was interrupted"
        } else {
            ""
        };
        let entries = figures::counted(held.entries as u64, "entry", "entries");
        let row = format!(
            "{} · {when} · {entries} · {}{cut} · {}\n",
            held.id,
            figures::bytes(held.bytes),
            text::shown(&path)
        );
        out::print(row.as_bytes())?;
    }
    if found.is_empty() && !global.json {
        eprintln!("Nothing is held aside");
    }
    Ok(Exit::Done)
}
