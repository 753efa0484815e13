//! `cachescope run`: a program with the probe in its Pythons, otherwise as if it had been started by itself.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::out::{Exit, Failure};
use super::{Global, target};

/// Start a program that tells of its hits and misses.
///
/// Every Python, 3.6 or newer, that it starts counts joblib's hits and misses and reads what `functools.lru_cache` counts.
/// Its code, exit code, signals, input and output are its own; what it tells is opened like any cache.
#[derive(Debug, clap::Args)]
pub(super) struct RunArgs {
    /// Append a JSON line for each hit and each stored value to this file
    #[arg(long, value_name = "FILE")]
    events: Option<PathBuf>,

    /// Keep the snapshots in this folder, which `ls`, `watch` and the window open
    ///
    /// Without it they lie in a folder of their own below Cachescope's own folder, in `probe`.
    #[arg(long, value_name = "DIR")]
    snapshots: Option<PathBuf>,

    /// The program and its arguments
    #[arg(required = true, num_args = 1.., trailing_var_arg = true, allow_hyphen_values = true, value_name = "PROGRAM")]
    program: Vec<OsString>,
}

pub(super) fn run(args: &RunArgs, global: &Global) -> Result<Exit, Failure> {
    let Some((program, rest)) = args.program.split_first() else {
        return Err(Failure::usage("run needs a program to start"));
    };
    let state = global.state().ok_or_else(|| {
        Failure::unread(
            "Cannot start the program with the probe: there is no home folder to keep it in. \
             --state-dir names another one",
        )
    })?;
    let absolute = |path: &PathBuf| {
        std::path::absolute(path)
            .map_err(|e| Failure::usage(format!("Cannot use the path {}: {e}", path.display())))
    };
    if let Some(events) = args.events.as_ref().filter(|events| !is_device(events)) {
        target::stay_outside(events, &[])?;
    }
    let snapshots = match &args.snapshots {
        Some(folder) => absolute(folder)?,
        None => state.new_run()?,
    };
    let mut command = Command::new(program);
    command
        .args(rest)
        .env("PYTHONPATH", first_on_path(&state.unpack_probe()?))
        .env("CACHESCOPE_PROBE_DIR", &snapshots);
    if let Some(events) = &args.events {
        command.env("CACHESCOPE_PROBE_EVENTS", absolute(events)?);
    }
    let ended = start(command, program);
    if ended.is_err() && args.snapshots.is_none() {
        state.forget_run(&snapshots);
    }
    ended
}

/// True for a pipe or a terminal, which may be given like a file.
fn is_device(path: &Path) -> bool {
    let meta = path.metadata();
    meta.is_ok_and(|meta| !meta.is_file() && !meta.is_dir())
}

/// The folder before what `PYTHONPATH` names already.
fn first_on_path(folder: &Path) -> OsString {
    let mut path = folder.as_os_str().to_owned();
    if let Some(rest) = std::env::var_os("PYTHONPATH").filter(|rest| !rest.is_empty()) {
        path.push(if cfg!(windows) { ";" } else { ":" });
        path.push(rest);
    }
    path
}

/// Becomes the program: its number, its signals and its end are then its own.
#[cfg(unix)]
fn start(mut command: Command, program: &OsStr) -> Result<Exit, Failure> {
    let error = std::os::unix::process::CommandExt::exec(&mut command);
    Err(not_started(program, &error))
}

/// Waits for the program and ends as it did.
#[cfg(not(unix))]
fn start(mut command: Command, program: &OsStr) -> Result<Exit, Failure> {
    let status = command.status().map_err(|e| not_started(program, &e))?;
    #[expect(clippy::exit, reason = "any exit code must be handed on")]
    std::process::exit(status.code().unwrap_or(1));
}

fn not_started(program: &OsStr, error: &std::io::Error) -> Failure {
    let program = cachescope_core::model::text::path(Path::new(program));
    Failure::unread(format!("Cannot start {program}: {error}"))
}
