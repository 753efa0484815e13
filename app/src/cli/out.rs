//! Where a command's words go: stdout that may close at any time, exit codes, failures.

use std::fmt;
use std::io::{self, ErrorKind, Write as _};
use std::process::ExitCode;

use cachescope_core::Error;

/// How a command ended; the numbers are a contract with scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Exit {
    /// Done.
    Done = 0,
    /// A check found an entry that is not fresh, or a change failed for some entries.
    Found = 1,
    /// The arguments make no sense.
    Usage = 2,
    /// Nothing of it could be read.
    Unread = 3,
    /// It would not be safe.
    Refused = 4,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a command ended early.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Said on stderr, with its exit code.
    Said(Exit, String),
    /// The reader of stdout went away: it has read enough, so nothing is said.
    Closed,
}

impl Failure {
    /// The person's words cannot be carried out as they stand.
    pub(super) fn usage(message: impl Into<String>) -> Self {
        Self::Said(Exit::Usage, message.into())
    }

    /// Nothing could be read.
    pub(super) fn unread(message: impl Into<String>) -> Self {
        Self::Said(Exit::Unread, message.into())
    }

    /// What could be read was not changed: refused where the disk is another than it was, or else failed.
    pub(super) fn of_change(error: Error) -> Self {
        let exit = if error.is_changed() {
            Exit::Refused
        } else {
            Exit::Found
        };
        match Self::from(error) {
            Self::Said(Exit::Unread, message) => Self::Said(exit, message),
            other => other,
        }
    }

    /// What is said on stderr, if anything.
    pub(crate) fn message(&self) -> Option<&str> {
        match self {
            Self::Said(_, message) => Some(message),
            Self::Closed => None,
        }
    }

    /// The exit code it ends with.
    pub(super) fn exit(&self) -> Exit {
        match self {
            Self::Said(exit, _) => *exit,
            Self::Closed => Exit::Done,
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let exit = if error.is_usage() {
            Exit::Usage
        } else if error.is_refused() {
            Exit::Refused
        } else {
            Exit::Unread
        };
        Self::Said(exit, error.to_string())
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        if error.kind() == ErrorKind::BrokenPipe {
            Self::Closed
        } else {
            let text = error.to_string();
            let why = text.split(" (os error").next().unwrap_or_default();
            let why = why.to_lowercase();
            Self::Said(Exit::Unread, format!("Cannot write the output: {why}"))
        }
    }
}

/// Says a line on stderr, formatted as by `println!`.
macro_rules! tell {
    ($($words:tt)*) => { $crate::cli::out::tell_line(format_args!($($words)*)) };
}
pub(super) use tell;

/// What [`tell!`] does. A stderr that is closed or full stops nothing that was begun.
pub(super) fn tell_line(words: fmt::Arguments<'_>) {
    writeln!(io::stderr().lock(), "{words}").ok();
}

/// Writes whole lines to stdout at once.
pub(super) fn print(bytes: &[u8]) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes)?;
    stdout.flush()?;
    Ok(())
}

/// Bytes that are worth a call.
const BLOCK_BYTES: usize = 64 << 10;

/// Writes whole lines to stdout once they are worth a call: there may be a million of them.
pub(super) fn print_block(lines: &mut Vec<u8>) -> Result<(), Failure> {
    if lines.len() >= BLOCK_BYTES {
        print(lines)?;
        lines.clear();
    }
    Ok(())
}

/// Writes one JSON line.
pub(super) fn print_line(line: &impl serde::Serialize) -> Result<(), Failure> {
    let mut bytes = Vec::new();
    push_line(&mut bytes, line);
    print(&bytes)
}

/// Appends one JSON line to `lines`.
pub(super) fn push_line(lines: &mut Vec<u8>, line: &impl serde::Serialize) {
    let start = lines.len();
    match serde_json::to_writer(&mut *lines, line) {
        Ok(()) => lines.push(b'\n'),
        // Writing to memory cannot fail, and every map here has text keys; half a line would break a reader.
        Err(_) => lines.truncate(start),
    }
}
