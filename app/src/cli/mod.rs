//! The command line: arguments to a sub-command, its outcome to an exit code.

#![expect(
    clippy::print_stderr,
    reason = "talk and progress of a command line go to stderr"
)]

mod find;
mod lines;
mod ls;
mod open;
mod out;
mod pick;
mod sheet;
mod show;
mod table;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use out::{Exit, Failure};

/// Shows what the caches of Python programs hold, and clears exactly what is stale.
///
/// `cachescope [PATH…]` opens the window; a sub-command never does.
#[derive(Debug, Parser)]
#[command(name = "cachescope", version, max_term_width = 100)]
#[command(subcommand_help_heading = "Sub-commands", after_help = EXIT_CODES)]
struct Cli {
    /// Caches to open in the window: folders or files. For one that is called like a sub-command write ./ls
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,

    #[command(flatten)]
    global: Global,

    #[command(subcommand)]
    command: Option<Command>,
}

/// What every sub-command understands.
#[derive(Debug, clap::Args)]
struct Global {
    /// Print JSON Lines: one object a line, each with its "type"
    #[arg(long, global = true)]
    json: bool,

    /// Only entries that match, such as 'size>1MB used>30d group:load*'
    #[arg(long, global = true, value_name = "QUERY")]
    query: Option<String>,

    /// Keep Cachescope's own files in this folder
    #[arg(long, global = true, value_name = "DIR")]
    state_dir: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List the entries of a cache
    Ls(ls::LsArgs),
    /// Show what an entry holds, without running it
    Show(show::ShowArgs),
    /// Find the caches on this computer
    Find(find::FindArgs),
}

const EXIT_CODES: &str = "Exit codes: 0 done, 1 check found something or a change failed in part, \
2 usage, 3 nothing could be read, 4 refused because it would not be safe.";

/// Runs the program and says how it ended.
pub fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let outcome = match Cli::try_parse_from(args) {
        Ok(cli) => dispatch(cli),
        Err(error) => return say_usage(&error),
    };
    match outcome {
        Ok(exit) => exit.into(),
        Err(failure) => {
            if let Some(message) = failure.message() {
                eprintln!("error: {message}");
            }
            failure.exit().into()
        }
    }
}

/// Help, version and wrong arguments in clap's own words.
fn say_usage(error: &clap::Error) -> ExitCode {
    // A reader that closed the pipe has read enough.
    error.print().ok();
    if error.use_stderr() {
        Exit::Usage.into()
    } else {
        Exit::Done.into()
    }
}

fn dispatch(cli: Cli) -> Result<Exit, Failure> {
    let Some(command) = cli.command else {
        return crate::gui::run(cli.paths)
            .map(|()| Exit::Done)
            .map_err(|error| Failure::unread(format!("{error:#}")));
    };
    if let Some(path) = cli.paths.first() {
        return Err(Failure::usage(format!(
            "\"{}\" stands before the sub-command. Write it behind, or ./NAME for a path that is called like a sub-command",
            cachescope_core::model::text::path(path)
        )));
    }
    match command {
        Command::Ls(args) => ls::run(&args, &cli.global),
        Command::Show(args) => show::run(&args, &cli.global),
        Command::Find(args) => find::run(&args, &cli.global),
    }
}
