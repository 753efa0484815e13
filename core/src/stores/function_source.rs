//! A function's source as the cache keeps it, and what became of it since.

use std::path::PathBuf;

use crate::formats::python::Difference;

/// A function's source text as the cache keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CachedSource {
    /// The text, decorators included.
    pub text: String,
    /// Line of the file that it began at; `None` where it was not recorded.
    pub first_line: Option<u64>,
    /// Where the text is kept.
    pub path: PathBuf,
}

/// The same function today.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceToday {
    /// What the comparison came to, or why there is none, as a sentence.
    pub says: String,
    /// Where it stands now; `None` where it is not found, or nothing can be compared.
    pub found: Option<FoundSource>,
}

/// A function's text in a file of today.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundSource {
    /// The file.
    pub path: PathBuf,
    /// Line of the file that it begins in, from 1; in a notebook, of its cell.
    pub first_line: u64,
    /// The text, decorators included.
    pub text: String,
    /// How it differs from the cached one.
    pub difference: Difference,
}

impl SourceToday {
    /// Nothing to compare with, and why.
    pub(super) fn nothing(says: impl Into<String>) -> Self {
        Self {
            says: says.into(),
            found: None,
        }
    }
}
