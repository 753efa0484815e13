//! What a person can ask for: panels push these, `handle.rs` runs them.

use std::path::PathBuf;
use std::sync::Arc;

use cachescope_core::clear::{Fresh, How};
use cachescope_core::jobs::{JobId, Sight, Zoom};
use cachescope_core::model::{Group, NodeId, Row, StoreId, Time};
use cachescope_core::ops::compare::Side;
use cachescope_core::ops::{Layout, SortBy};
use egui::{Rect, ThemePreference};

use super::state::{
    ArrayCommand, Branch, ComparePage, EntryTab, FunctionsBy, Layer, Pick, Rules, Scope, Tab,
};
use super::widgets::mosaic::Colour;

/// One intent.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Command {
    /// Opens the stores at a path.
    Open(PathBuf),
    /// Asks the system for a folder to open.
    OpenDialog,
    /// Looks for caches in the usual places of this computer.
    FindCaches,
    /// Unpacks the sample stores and opens them.
    OpenSamples,
    /// Opens what the programs tell that run with the probe now.
    OpenPrograms,
    /// Keeps a path above the recent ones, or lets go of it.
    Pin(PathBuf),
    /// Writes a report.
    Export(Export),
    /// Takes a store off the rail; nothing on disk changes.
    Close(StoreId),
    /// Reads a store again.
    Refresh(StoreId),
    /// Reads a store again, with private copies of its databases however large they are.
    AllowCopies(StoreId),
    /// Shows another store.
    Show(StoreId),
    /// Shows another page of the store.
    Tab(Tab),
    /// Shows what the text of the query field finds.
    Query(String),
    /// Puts the query on show among the recent ones.
    RememberQuery,
    /// Keeps a query on the rail, or lets go of it.
    KeepQuery(String),
    /// Checks entries; the disk is read, nothing changes.
    Revalidate(Option<Scope>),
    /// Other rules for revalidating.
    Rules(Rules),
    /// Something about clearing and what was cleared.
    Clear(ClearCommand),
    /// Something about giving entries a new expiry.
    Keep(KeepCommand),
    /// Something about giving dead space back.
    Compact(CompactCommand),
    /// Something about what is held aside, of any store.
    Held(HeldCommand),
    /// Something about comparing and converting.
    Compare(CompareCommand),
    /// Shows a window over the window, or takes it away.
    Dialog(Option<DialogKind>),
    /// Light, dark, or as the system has it.
    Theme(ThemePreference),
    /// Something about the table.
    Table(TableCommand),
    /// Something about the entry panel.
    Entry(EntryCommand),
    /// Data that what is on screen lacks.
    Need(Need),
    /// Shows a module or a group in the treemap, or all.
    Zoom(Option<Zoom>),
    /// Counts the entries of the second histogram by age, or by last use.
    ByAge(bool),
    /// Orders the functions of the overview.
    FunctionsBy(FunctionsBy),
    /// Lets the treemap show every open store, or the one on show.
    Across(bool),
    /// Copies or saves a picture of the window, or of a part of it.
    Picture(PictureOf),
    /// Writes the picture in the dialog under this name.
    SavePicture(PathBuf),
    /// Lets the treemap's colours tell something else.
    Colour(Colour),
    /// Lets the live feed stand still, or run on.
    Pause(bool),
    /// Stops a job.
    Cancel(JobId),
    /// Shows a folder in the system's file manager, or the one that a file lies in.
    Reveal(PathBuf),
    /// Makes letters larger or smaller.
    Scale(Scale),
    /// Puts text on the clipboard.
    Copy(String),
    /// Takes the newest notice away.
    DismissNotice,
    /// Takes the message over the window away.
    DismissToast,
}

/// Something about clearing and what was cleared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ClearCommand {
    /// Plans to clear these entries and shows the plan; nothing changes.
    Plan(Scope),
    /// Shows the policies to clear by.
    ChoosePolicy,
    /// Plans what the policy on show chooses; nothing changes.
    PlanByPolicy,
    /// Plans again, with what may be in progress or without it.
    InProgress(Fresh),
    /// Moves aside, or frees at once.
    How(How),
    /// Carries out the plan on show.
    Confirm,
    /// Brings back what was cleared last in the store on show.
    Undo,
    /// Asks whether what is held aside of the store on show is to be freed for good.
    AskPurge,
    /// Frees what was asked about.
    Purge,
}

/// Something about giving entries a new expiry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeepCommand {
    /// Asks how long these entries are to be kept.
    Ask(Scope),
    /// Plans what was typed; nothing changes.
    Plan,
}

/// Something about giving dead space back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CompactCommand {
    /// Shows what compacting a store would gain; nothing changes.
    Ask(StoreId),
    /// Compacts it.
    Confirm,
}

/// Something about what is held aside, of any store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum HeldCommand {
    /// Looks for all of it, and shows it.
    Show,
    /// Brings back what one clear moved aside.
    BringBack(String),
    /// Asks whether it is to be freed for good.
    Free(String),
}

/// Something about comparing and converting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CompareCommand {
    /// Shows another part of the page.
    Page(ComparePage),
    /// Takes an open store into the measurement, or out of it.
    Include(StoreId, bool),
    /// Measures the stores that are taken in.
    Measure,
    /// Compares the store on show with another one.
    With(StoreId),
    /// Lists keys of one side only, or all that differ.
    Side(Option<Side>),
    /// Shows both values of a key, by its place in the difference.
    Choose(usize),
    /// Draws so many entries for what if; all for `None`.
    Sample(Option<usize>),
    /// Measures every kind of store with the entries of the store on show.
    WhatIf,
    /// Asks where to put a store of this kind, by its place in the list of kinds.
    AskConvert(usize),
    /// Writes it.
    Convert,
}

/// The windows over the window that need no preparation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DialogKind {
    /// Which store to open besides those that are.
    Open,
    /// The command palette.
    Palette,
    /// Keys and what they do.
    Shortcuts,
    /// Version and licences.
    About,
    /// What a report is to hold, and where it goes.
    Export,
    /// Where the value of the one selected entry goes.
    Save,
}

/// A picture that is asked for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct PictureOf {
    /// What is on it, for the name of the file.
    pub(crate) chart: &'static str,
    /// The part of the window, in points; `None` for all of it.
    pub(crate) rect: Option<Rect>,
    /// Where it goes.
    pub(crate) to: PictureTo,
}

/// Where a picture goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PictureTo {
    /// Onto the clipboard.
    Clipboard,
    /// Into a file.
    File,
}

/// About a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Export {
    /// Asks the system for a name.
    Browse(String),
    /// Writes it under this name.
    Write(PathBuf),
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
    /// Puts the columns into this order.
    Order(Vec<SortBy>),
    /// Gives each argument a column where one function shows, or all of them one.
    ArgumentColumns(bool),
    /// Gives the table the columns that it had at first.
    ResetColumns,
    /// Shows a column, or hides it.
    Column(SortBy),
    /// Takes a column in hand: actions on a column are about this one.
    Take(SortBy),
    /// Shows the largest entries as one list and selects so many of them.
    Largest(usize),
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
    /// Looks into text or bytes of the value, or back at all of it.
    Body(Option<NodeId>),
    /// Opens or closes a branch of the document.
    BodyBranch(Branch),
    /// Looks at a part of the value by itself, reached by the line's path, or back at all of it.
    Inside(Option<(NodeId, Vec<usize>)>),
    /// Opens or closes a branch of that part.
    InsideBranch(Branch),
    /// Shows the document as its text, or as a tree.
    BodyAsText(bool),
    /// Shows the bytes with so many of their compressions taken off.
    Layer(Layer),
    /// Looks for the bytes that were typed.
    FindBytes,
    /// Brings an offset of the bytes on screen.
    GoTo(u64),
    /// Looks at the array another way.
    Array(ArrayCommand),
    /// Writes the value under this name.
    Save(PathBuf),
    /// Copies something of the entry.
    Copy(CopyOf),
    /// Puts the keyboard on the tabs of the entry.
    Focus,
    /// Shows the credentials in the value, or leaves them out.
    Secrets(bool),
    /// Compares the cached code with the source in the folder that the rules name.
    CompareCode,
}

/// What of an entry is copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CopyOf {
    /// Its key.
    Key,
    /// The value as Python writes it.
    Literal,
    /// The paths of its files.
    Paths,
    /// Python that loads it.
    Python,
}

/// How large letters are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scale {
    /// A tenth larger.
    Larger,
    /// A tenth smaller.
    Smaller,
    /// As at first.
    Usual,
}

/// Data that what is on screen lacks. Asked once; the answer fills the picture later.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Need {
    /// A line about the value of each of these rows.
    Glances(Vec<Row>),
    /// The overview, laid out for this size, ages counted to this time.
    Survey(Layout, Time),
    /// What is drawn of the array.
    Look(Sight),
    /// Smallest, largest and mean number of the array.
    Summary,
    /// What there is to say of the store as a whole.
    Advice,
    /// The page of bytes that begins at this offset.
    Page(u64),
    /// The function behind the entry as it stands today.
    Code,
}
