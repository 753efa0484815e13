//! What a person can ask for: panels push these, `handle.rs` runs them.

use std::path::PathBuf;
use std::sync::Arc;

use cachescope_core::jobs::JobId;
use cachescope_core::model::{Group, StoreId};
use cachescope_core::ops::SortBy;

use super::state::Pick;

/// One intent.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Command {
    /// Opens the stores at a path.
    Open(PathBuf),
    /// Asks the system for a folder or file to open.
    OpenDialog,
    /// Takes a store off the rail; nothing on disk changes.
    Close(StoreId),
    /// Reads a store again.
    Refresh(StoreId),
    /// Shows another store.
    Show(StoreId),
    /// Shows what the text of the query field finds.
    Query(String),
    /// Sorts by a column, or turns its direction round.
    SortBy(SortBy),
    /// Shows rows by group, or as one list.
    Group(bool),
    /// Folds a group, or unfolds it.
    Fold(Arc<Group>),
    /// Changes the selection.
    Select(Pick),
    /// Stops a job.
    Cancel(JobId),
    /// Puts text on the clipboard.
    Copy(String),
    /// Takes the oldest notice away.
    DismissNotice,
}
