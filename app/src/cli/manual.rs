//! What packagers ask for: completions of each shell, and the manual page.

use clap_complete::Shell;

use super::out::{self, Exit, Failure};

/// Print completions for a shell.
#[derive(Debug, clap::Args)]
pub(super) struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

pub(super) fn completions(args: &CompletionsArgs) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut super::command(), "cachescope", &mut script);
    out::print(&script)?;
    Ok(Exit::Done)
}

pub(super) fn man() -> Result<Exit, Failure> {
    let mut page = Vec::new();
    clap_mangen::Man::new(super::command()).render(&mut page)?;
    out::print(&page)?;
    Ok(Exit::Done)
}
