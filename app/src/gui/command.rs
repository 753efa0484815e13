//! What a person can ask for: panels push these, `handle.rs` runs them.

use std::path::PathBuf;
use std::sync::Arc;

use cachescope_core::jobs::JobId;
use cachescope_core::model::{Group, Row, StoreId, Time};
use cachescope_core::ops::{Layout, SortBy};

use super::state::{Branch, EntryTab, Layer, Pick, Tab};
use super::widgets::mosaic::Colour;

/// One intent.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Command {
    /// Opens the stores at a path.
    Open(PathBuf),
    /// Asks the system for a folder to open.
    OpenDialog,
    /// Unpacks the sample stores and opens them.
    OpenSamples,
    /// Takes a store off the rail; nothing on disk changes.
    Close(StoreId),
    /// Reads a store again.
    Refresh(StoreId),
    /// Shows another store.
    Show(StoreId),
    /// Shows another page of the store.
    Tab(Tab),
    /// Shows what the text of the query field finds.
    Query(String),
    /// Something about the table.
    Table(TableCommand),
    /// Something about the entry panel.
    Entry(EntryCommand),
    /// Data that what is on screen lacks.
    Need(Need),
    /// Shows one group in the treemap, or all.
    Zoom(Option<Arc<Group>>),
    /// Lets the treemap's colours tell something else.
    Colour(Colour),
    /// Stops a job.
    Cancel(JobId),
    /// Puts text on the clipboard.
    Copy(String),
    /// Takes the newest notice away.
    DismissNotice,
}

/// Something about the table.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum TableCommand {
    /// Sorts by a column, or turns its direction round.
    SortBy(SortBy),
    /// Shows rows by group, or as one list.
    Group(bool),
    /// Folds a group, or unfolds it.
    Fold(Arc<Group>),
    /// Folds every group, or unfolds them.
    FoldAll(bool),
    /// Changes the selection.
    Select(Pick),
    /// Shows a column, or hides it.
    Column(SortBy),
    /// Gives a column a width, in points.
    Width(SortBy, f32),
}

/// Something about the entry panel.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum EntryCommand {
    /// Shows another side of the entry.
    Tab(EntryTab),
    /// Opens or closes a branch of the value.
    Branch(Branch),
    /// Shows the bytes as stored, or unpacked.
    Layer(Layer),
    /// Copies the value as Python writes it.
    CopyLiteral,
}

/// Data that what is on screen lacks. Asked once; the answer fills the picture later.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Need {
    /// A line about the value of each of these rows.
    Glances(Vec<Row>),
    /// The overview, laid out for this size, ages counted to this time.
    Survey(Layout, Time),
    /// The page of bytes that begins at this offset.
    Page(u64),
}
