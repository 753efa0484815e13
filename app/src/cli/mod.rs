//! The command line: arguments to a sub-command, its outcome to an exit code.

mod apply;
mod bench;
mod check;
mod choose;
mod clear;
mod compact;
mod compare;
mod convert;
pub(crate) mod export;
mod find;
mod interrupt;
mod keep;
mod lines;
mod listing;
mod ls;
mod manual;
mod open;
mod out;
mod pick;
mod progress;
mod purge;
mod removals;
mod run;
mod save;
mod sheet;
mod show;
mod stats;
mod table;
mod target;
mod undo;
mod warnings;
mod watch;
mod window;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use cachescope_core::ops::query::Query;
use cachescope_core::own::StateDir;
use cachescope_core::{source, sqlite};
pub(crate) use choose::Size;
pub(crate) use out::Failure;
use out::{Exit, tell};
pub(crate) use save::raw as save_raw;
pub(crate) use target::write_value;

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

    /// Let the window take pictures of every page into this folder, and close
    #[arg(long, hide = true, value_name = "DIR")]
    pictures: Option<PathBuf>,

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
    #[arg(long, global = true, value_name = "QUERY", allow_hyphen_values = true)]
    query: Option<String>,

    /// Keep Cachescope's own files in this folder
    #[arg(long, global = true, value_name = "DIR")]
    state_dir: Option<PathBuf>,

    /// Read a database whose newest changes can only be read from a private copy, however large that is
    #[arg(long, global = true)]
    private_copy: bool,
}

impl Global {
    /// Where private copies of databases are made, how large they may be, and where watchers learn who reads.
    fn prepare(&self) {
        if let Some(own) = self.state() {
            source::keep_copies_in(own.path());
            source::tell_readers_in(own.path());
        }
        if self.private_copy {
            source::allow_all_copies();
        }
    }

    /// Cachescope's own folder; `None` where there is no home.
    fn state(&self) -> Option<StateDir> {
        match &self.state_dir {
            // A program that `run` starts may go to another folder.
            Some(path) => Some(StateDir::at(
                std::path::absolute(path).unwrap_or_else(|_| path.clone()),
            )),
            None => StateDir::default_place(),
        }
    }

    /// The query; one that matches everything where none was given.
    ///
    /// # Errors
    /// If it cannot be read, with the place marked.
    fn query(&self) -> Result<Query, Failure> {
        let typed = self.query.as_deref().unwrap_or_default();
        if typed.starts_with("--") {
            return Err(Failure::usage(format!(
                "--query needs a query, and \"{typed}\" is an option; `-word` is a query that leaves out a word"
            )));
        }
        Query::parse(typed).map_err(|error| {
            let marked = error.marked(typed).replace('\n', "\n  ");
            Failure::usage(format!("Cannot read the query: {error}\n  {marked}"))
        })
    }
}

#[derive(Debug, Subcommand)]
enum Command {
    Ls(ls::LsArgs),
    Stats(stats::StatsArgs),
    Show(show::ShowArgs),
    Check(check::CheckArgs),
    Clear(Box<clear::ClearArgs>),
    Keep(keep::KeepArgs),
    Undo(undo::UndoArgs),
    Purge(purge::PurgeArgs),
    Compact(compact::CompactArgs),
    Bench(bench::BenchArgs),
    Compare(compare::CompareArgs),
    Convert(convert::ConvertArgs),
    Find(find::FindArgs),
    Watch(watch::WatchArgs),
    Export(export::ExportArgs),
    Run(run::RunArgs),
    #[command(hide = true)]
    Completions(manual::CompletionsArgs),
    /// Print the manual page in roff
    #[command(hide = true)]
    Man,
}

const EXIT_CODES: &str = "Exit codes: 0 done, 1 check found something or a change failed in part, \
2 usage, 3 nothing could be read, 4 refused because it would not be safe.";

/// Sub-commands that take no `--query`, which would seem to narrow what they do.
const WITHOUT_QUERY: [&str; 5] = ["undo", "purge", "compact", "find", "run"];

/// The command line as clap reads it and tells of it.
fn command() -> clap::Command {
    let command = Cli::command();
    let global = command.get_arguments().find(|arg| arg.get_id() == "query");
    // Stands for the global one, which would be listed in their help.
    let hidden = global.cloned().map(|query| query.global(false).hide(true));
    let hide =
        |command: clap::Command, name| command.mut_subcommand(name, |sub| sub.args(hidden.clone()));
    WITHOUT_QUERY.into_iter().fold(command, hide)
}

fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Cli, clap::Error> {
    let mut command = command();
    let matches = command.try_get_matches_from_mut(args)?;
    let cli = Cli::from_arg_matches(&matches).map_err(|error| error.format(&mut command))?;
    if let Some(name) = matches.subcommand_name()
        && cli.global.query.is_some()
        && WITHOUT_QUERY.contains(&name)
    {
        let why = format!("{name} takes no --query");
        return Err(command.error(clap::error::ErrorKind::UnknownArgument, why));
    }
    Ok(cli)
}

/// Runs the program and says how it ended.
pub fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    warnings::say();
    let outcome = match parse(args) {
        Ok(cli) => {
            cli.global.prepare();
            let outcome = dispatch(cli);
            sqlite::forget_copies();
            outcome
        }
        Err(error) => return say_usage(&error),
    };
    match outcome {
        Ok(exit) => exit.into(),
        Err(failure) => {
            if let Some(message) = failure.message() {
                tell!("error: {message}");
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
        if cli.global.json || cli.global.query.is_some() {
            return Err(Failure::usage(
                "--json and --query go with a command, as in `cachescope ls PATH --json`; without one the window opens",
            ));
        }
        return window::open(cli.paths, &cli.global, cli.pictures);
    };
    match command {
        Command::Ls(args) => ls::run(&args, &cli.global),
        Command::Stats(args) => stats::run(&args, &cli.global),
        Command::Check(args) => check::run(&args, &cli.global),
        Command::Clear(args) => clear::run(&args, &cli.global),
        Command::Keep(args) => keep::run(&args, &cli.global),
        Command::Undo(args) => undo::run(&args, &cli.global),
        Command::Purge(args) => purge::run(&args, &cli.global),
        Command::Compact(args) => compact::run(&args, &cli.global),
        Command::Bench(args) => bench::run(&args, &cli.global),
        Command::Compare(args) => compare::run(&args, &cli.global),
        Command::Convert(args) => convert::run(&args, &cli.global),
        Command::Show(args) => show::run(&args, &cli.global),
        Command::Find(args) => find::run(&args, &cli.global),
        Command::Watch(args) => watch::run(&args, &cli.global),
        Command::Export(args) => export::run(&args, &cli.global),
        Command::Run(args) => run::run(&args, &cli.global),
        Command::Completions(args) => manual::completions(&args),
        Command::Man => manual::man(),
    }
}
