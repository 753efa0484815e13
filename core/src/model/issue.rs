//! Problems met on the way that hide nothing else.

use std::path::PathBuf;

use serde::Serialize;

use super::text;
use crate::Error;

/// How much an issue matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing; nothing is missing.
    Note,
    /// Something is shown with less detail.
    Warning,
    /// Something could not be shown.
    Error,
}

/// One problem found while reading a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issue {
    /// Where.
    pub path: PathBuf,
    /// What could not be done, why, what to do next.
    pub message: String,
    /// How much it matters.
    pub severity: Severity,
    /// A private copy would help that is too large to be made unasked.
    pub wants_copy: bool,
}

impl Issue {
    /// A problem at `path`.
    pub fn new(severity: Severity, path: impl Into<PathBuf>, message: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            message: text::shown_owned(message.into()),
            severity,
            wants_copy: false,
        }
    }

    /// An error that concerns only part of the store.
    pub fn from_error(error: &Error, fallback: &std::path::Path) -> Self {
        let path = error.path().unwrap_or(fallback);
        Self {
            wants_copy: error.wants_copy(),
            ..Self::new(Severity::Error, path, error.to_string())
        }
    }
}
