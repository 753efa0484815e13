//! `cachescope [PATH…]`: the window, or a sentence on why there is none.

use std::path::PathBuf;

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
    let mut judged = paths.iter().map(missing);
    if let Some(Some(first)) = judged.next()
        && judged.all(|missing| missing.is_some())
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
fn mistyped(path: &std::path::Path) -> Option<String> {
    let typed = path.to_str()?;
    let is_word = !typed.is_empty() && typed.bytes().all(|b| b.is_ascii_lowercase());
    let names = sub_commands();
    if names.iter().any(|name| name == typed) {
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

/// Names of the sub-commands that help lists.
fn sub_commands() -> Vec<String> {
    Cli::command()
        .get_subcommands()
        .filter(|command| !command.is_hide_set())
        .map(|command| command.get_name().to_owned())
        .collect()
}
