//! What a decoder met that breaks the rules of its format.

use std::fmt;

use crate::model::text;

/// One broken rule, at its place. What was decoded before it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Offset in the stream that was being decoded (behind any compression), in bytes.
    pub offset: u64,
    /// What was expected and what was found.
    pub message: String,
    /// What it means for the value.
    pub kind: ProblemKind,
}

/// What a problem means for the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProblemKind {
    /// The bytes are wrong: Python could not load the value either.
    Damaged,
    /// A part that belongs to the value is not there, such as an array's side file.
    MissingPart,
    /// The system could not read the bytes.
    Unreadable,
    /// A limit on bytes, values or time ended the reading; nothing is known to be wrong.
    Limit,
    /// Worth saying, and Python would load the value all the same.
    Note,
}

impl Problem {
    /// A problem at `offset`.
    pub fn new(kind: ProblemKind, offset: u64, message: impl Into<String>) -> Self {
        Self {
            offset,
            message: text::shown_owned(message.into()),
            kind,
        }
    }

    /// True if the bytes end before the value does: what stands there may be its beginning.
    pub fn is_early_end(&self) -> bool {
        self.message.ends_with("the end of the data")
    }

    /// True if Python could not load the value either.
    pub fn is_damage(&self) -> bool {
        self.kind == ProblemKind::Damaged
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (at byte {})", self.message, self.offset)
    }
}
