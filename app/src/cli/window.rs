//! `cachescope [PATH…]`: the window, or a sentence on why there is none.

use std::path::{Path, PathBuf};

use cachescope_core::stores;
use clap::CommandFactory as _;

use super::out::{Exit, Failure};
use super::{Cli, Global};

/// Opens the window on these paths; returns when it is closed.
///
/// # Errors
/// If no path is there, or there is no display.
pub(super) fn open(
    paths: Vec<PathBuf>,
    global: &Global,
    pictures: Option<PathBuf>,
) -> Result<Exit, Failure> {
    // What is there opens in the window, which says itself what it cannot read, and what is missing among others.
    // A shelf's name is no file's.
    let missing = |path: &PathBuf| {
        let error = (!path.exists()).then(|| stores::open_all(path).err())??;
        let advice = mistyped(path).unwrap_or_default();
        Some(Failure::unread(format!("{error}{advice}")))
    };
    let mut failures = Vec::new();
    for path in &paths {
        let Some(failure) = missing(path) else {
            continue;
        };
        // Whoever writes a sub-command last did not want the window.
        if is_sub_command(path) {
            return Err(failure);
        }
        failures.push(failure);
    }
    if failures.len() == paths.len()
        && let Some(first) = failures.into_iter().next()
    {
        return Err(first);
    }
    let setup = crate::gui::Setup {
        own: global.state(),
        pictures,
        ..crate::gui::Setup::new(paths)
    };
    crate::gui::run(setup)
        .map(|()| Exit::Done)
        .map_err(|error| {
            Failure::unread(format!(
                "{error:#}. Without a display use a sub-command: {}",
                sub_commands().join(", ")
            ))
        })
}

/// Advice where the path may have been meant as a sub-command.
fn mistyped(path: &Path) -> Option<String> {
    let typed = path.to_str()?;
    let is_word = !typed.is_empty() && typed.bytes().all(|b| b.is_ascii_lowercase());
    let names = sub_commands();
    if is_sub_command(path) {
        return Some(format!(
            ". Sub-commands come first: cachescope {typed} PATH"
        ));
    }
    is_word.then(|| {
        format!(
            ". If a sub-command was meant: there are {}",
            names.join(", ")
        )
    })
}

fn is_sub_command(path: &Path) -> bool {
    sub_commands()
        .iter()
        .any(|name| path.as_os_str() == name.as_str())
}

/// Names of the sub-commands that help lists.
fn sub_commands() -> Vec<String> {
    Cli::command()
        .get_subcommands()
        .filter(|command| !command.is_hide_set())
        .map(|command| command.get_name().to_owned())
        .collect()
}
