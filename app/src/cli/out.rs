//! Where a command's words go: stdout that may close at any time, exit codes, failures.

use std::fmt;
use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;

use cachescope_core::Error;
use cachescope_core::model::text;

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
    let mut json = serde_json::Serializer::with_formatter(&mut *lines, Harmless);
    match line.serialize(&mut json) {
        Ok(()) => lines.push(b'\n'),
        // Writing to memory cannot fail, and every map here has text keys; half a line would break a reader.
        Err(_) => lines.truncate(start),
    }
}

/// JSON in one line whose strings have no control or direction character as it is: a terminal takes U+009B for the
/// beginning of a command, and U+202E turns what follows round, which JSON itself need not escape (RFC 8259, 7).
struct Harmless;

impl serde_json::ser::Formatter for Harmless {
    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        // All of them but DEL begin with these bytes in UTF-8.
        let may_begin = |byte| matches!(byte, 0x7f | 0xc2 | 0xd8 | 0xe2 | 0xef);
        if !fragment.bytes().any(may_begin) {
            return writer.write_all(fragment.as_bytes());
        }
        for part in fragment.split_inclusive(text::is_unsafe_to_show) {
            let last = part.chars().next_back();
            match last.filter(|last| text::is_unsafe_to_show(*last)) {
                Some(last) => {
                    let before = part.strip_suffix(last).unwrap_or_default();
                    writer.write_all(before.as_bytes())?;
                    write!(writer, "\\u{:04x}", u32::from(last))?;
                }
                None => writer.write_all(part.as_bytes())?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_lines_hold_no_character_as_it_is_that_rules_a_terminal() {
        let mut lines = Vec::new();
        push_line(
            &mut lines,
            &"a\u{9b}31m\u{7f}é\u{80}\u{1b}“名\u{202e}\u{61c}\u{feff}",
        );
        let line = String::from_utf8(lines).unwrap();
        assert_eq!(
            line,
            "\"a\\u009b31m\\u007fé\\u0080\\u001b“名\\u202e\\u061c\\ufeff\"\n"
        );
    }
}
