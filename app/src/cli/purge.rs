//! `cachescope purge`: frees for good what was moved aside.

use std::path::PathBuf;

use cachescope_core::clear::undo::{self, HeldState};
use cachescope_core::model::{Progress, text};

use super::lines::{HeldSummary, UndoLine};
use super::out::{self, Exit, Failure, tell};
use super::{Global, interrupt};
use crate::text as figures;

/// Free for good what was moved aside: with --yes.
///
/// Without --yes it lists what would be freed. What is freed cannot be brought back.
#[derive(Debug, clap::Args)]
pub(super) struct PurgeArgs {
    /// Caches (or folders above them), or IDs as `undo` lists them; without one, everything that is remembered
    #[arg(value_name = "PATH|ID")]
    words: Vec<PathBuf>,

    /// Do it
    #[arg(long)]
    yes: bool,
}

pub(super) fn run(args: &PurgeArgs, global: &Global) -> Result<Exit, Failure> {
    let state = global.state();
    let (paths, ids) = super::undo::split(&args.words, state.as_ref())?;
    let mut held = undo::list(&paths, state.as_ref());
    if !ids.is_empty() {
        held = super::undo::choose(&held, &ids, false)?
            .into_iter()
            .cloned()
            .collect();
    }
    if !args.yes {
        super::undo::print_list(&held, global)?;
        let bytes = held
            .iter()
            .fold(0, |sum: u64, h| sum.saturating_add(h.bytes));
        let entries = held
            .iter()
            .fold(0, |sum: u64, h| sum.saturating_add(h.entries as u64));
        if global.json {
            out::print_line(&HeldSummary {
                entries,
                bytes,
                issues: 0,
                bytes_freed: Some(0),
            })?;
        } else if entries > 0 {
            let sum = figures::counted(entries, "entry", "entries");
            out::print(
                format!(
                    "Nothing was changed; --yes frees {sum}, {}, for good\n",
                    figures::bytes(bytes)
                )
                .as_bytes(),
            )?;
        }
        return Ok(Exit::Done);
    }
    let cancel = interrupt::cancel()?;
    let (mut entries, mut bytes, mut n_failed) = (0_u64, 0_u64, 0_u64);
    let mut lines = Vec::new();
    for held in &held {
        if matches!(held.state, HeldState::Unreadable(_)) {
            // Nobody can say what it is, so it is not ours to free.
            tell!(
                "warning: {} cannot be read and stays. File: {}",
                held.id,
                text::path(&held.quarantine)
            );
            n_failed += 1;
            continue;
        }
        match undo::purge(held, &cancel, &Progress::default()) {
            Ok(purged) => {
                entries += purged.entries as u64;
                bytes = bytes.saturating_add(purged.bytes);
                if global.json {
                    out::push_line(&mut lines, &UndoLine::from(held));
                }
            }
            Err(error) if error.is_cancelled() => {
                tell!("note: interrupted; the rest stays held aside");
                n_failed += 1;
                break;
            }
            Err(error) => {
                tell!("error: {error}");
                n_failed += 1;
            }
        }
    }
    super::undo::tidy(&paths, state.as_ref(), &cancel);
    if global.json {
        out::push_line(
            &mut lines,
            &HeldSummary {
                entries,
                bytes,
                issues: n_failed,
                bytes_freed: Some(bytes),
            },
        );
        out::print(&lines)?;
    } else {
        let sum = figures::counted(entries, "entry", "entries");
        out::print(format!("{sum}, {}, freed\n", figures::bytes(bytes)).as_bytes())?;
    }
    Ok(if n_failed > 0 {
        Exit::Found
    } else {
        Exit::Done
    })
}
