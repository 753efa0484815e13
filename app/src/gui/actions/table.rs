//! Actions on the table and its columns, and on the treemap.

use cachescope_core::ops::SortBy;

use super::{Action, action, ticked};
use crate::gui::columns;
use crate::gui::command::{Command, TableCommand};
use crate::gui::state::State;
use crate::gui::widgets::mosaic::Colour;

pub(super) const TABLE: &[Action] = &[
    ticked(
        "Show rows in groups",
        |s| group(s, true),
        |s| s.saved.is_grouped,
    )
    .needs("Rows are in groups"),
    ticked(
        "Show rows as one list",
        |s| group(s, false),
        |s| !s.saved.is_grouped,
    )
    .needs("Rows are one list"),
    action("Fold all groups", |s| fold(s, true)).needs("Show rows in groups first"),
    action("Unfold all groups", |s| fold(s, false)).needs("Show rows in groups first"),
    action("Sort by group", |s| sort(s, SortBy::Group)),
    action("Sort by key", |s| sort(s, SortBy::Key)),
    action("Sort by value", |s| sort(s, SortBy::ValueType)),
    action("Sort by size", |s| sort(s, SortBy::Bytes)),
    action("Sort by size on disk", |s| sort(s, SortBy::DiskBytes)),
    action("Sort by compute time", |s| sort(s, SortBy::Duration)),
    action("Sort by age", |s| sort(s, SortBy::Created)),
    action("Sort by last use", |s| sort(s, SortBy::Accessed)),
    action("Sort by expiry", |s| sort(s, SortBy::Expires)),
    action("Sort by hits", |s| sort(s, SortBy::Hits)),
    action("Sort by time saved", |s| sort(s, SortBy::Saved)),
    action("Sort by condition", |s| sort(s, SortBy::Condition)),
];

pub(super) const COLUMN: &[Action] = &[
    action("Move this column left", |s| move_column(s, -1)).needs("It stands at the left end"),
    action("Move this column right", |s| move_column(s, 1)).needs("It stands at the right end"),
    action("Hide this column", |s| {
        let by = columns::in_hand(s)?;
        Some(Command::Table(TableCommand::Column(by)))
    })
    .needs("Click a column's header first"),
];

pub(super) const COLUMNS: &[Action] = &[
    ticked(
        "Column of groups, where rows are one list",
        |s| column(s, SortBy::Group),
        |s| has(s, SortBy::Group),
    ),
    ticked(
        "Column of keys",
        |s| column(s, SortBy::Key),
        |s| has(s, SortBy::Key),
    ),
    ticked(
        "Column of arguments",
        |s| column(s, SortBy::Args),
        |s| has(s, SortBy::Args),
    ),
    ticked(
        "Column of values",
        |s| column(s, SortBy::ValueType),
        |s| has(s, SortBy::ValueType),
    ),
    ticked(
        "Column of sizes",
        |s| column(s, SortBy::Bytes),
        |s| has(s, SortBy::Bytes),
    ),
    ticked(
        "Column of sizes on disk",
        |s| column(s, SortBy::DiskBytes),
        |s| has(s, SortBy::DiskBytes),
    ),
    ticked(
        "Column of compute times",
        |s| column(s, SortBy::Duration),
        |s| has(s, SortBy::Duration),
    ),
    ticked(
        "Column of creation",
        |s| column(s, SortBy::Created),
        |s| has(s, SortBy::Created),
    ),
    ticked(
        "Column of last use",
        |s| column(s, SortBy::Accessed),
        |s| has(s, SortBy::Accessed),
    ),
    ticked(
        "Column of expiry",
        |s| column(s, SortBy::Expires),
        |s| has(s, SortBy::Expires),
    ),
    ticked(
        "Column of hits",
        |s| column(s, SortBy::Hits),
        |s| has(s, SortBy::Hits),
    ),
    ticked(
        "Column of last hits",
        |s| column(s, SortBy::LastHit),
        |s| has(s, SortBy::LastHit),
    ),
    ticked(
        "Column of time saved",
        |s| column(s, SortBy::Saved),
        |s| has(s, SortBy::Saved),
    ),
    ticked(
        "Column of conditions",
        |s| column(s, SortBy::Condition),
        |s| has(s, SortBy::Condition),
    ),
    ticked(
        "A column for each argument, where one function shows",
        |s| {
            let has_columns = s.saved.has_argument_columns;
            s.shown()
                .map(|_| Command::Table(TableCommand::ArgumentColumns(!has_columns)))
        },
        |s| s.saved.has_argument_columns,
    ),
    action("Columns as they were at first", |s| {
        s.shown()
            .map(|_| Command::Table(TableCommand::ResetColumns))
    }),
];

pub(super) const TREEMAP: &[Action] = &[
    action("Show every open store in the treemap", |s| {
        (s.stores.len() > 1 && !s.is_across).then_some(Command::Across(true))
    })
    .needs("Open one more store first"),
    action("Show one store in the treemap", |s| {
        s.is_across.then_some(Command::Across(false))
    })
    .needs("It shows one store"),
    action("Show the whole store in the treemap", |s| {
        s.shown()?.overview.zoom.as_ref()?;
        Some(Command::Zoom(None))
    })
    .needs("It shows the whole store"),
    ticked(
        "Colour the treemap by last use",
        |s| colour(s, Colour::LastUse),
        |s| s.saved.colour == Colour::LastUse,
    ),
    ticked(
        "Colour the treemap by age",
        |s| colour(s, Colour::Age),
        |s| s.saved.colour == Colour::Age,
    ),
    ticked(
        "Colour the treemap by condition",
        |s| colour(s, Colour::Condition),
        |s| s.saved.colour == Colour::Condition,
    ),
    ticked(
        "Colour the treemap by seconds per MB",
        |s| colour(s, Colour::Cost),
        |s| s.saved.colour == Colour::Cost,
    ),
];

fn group(state: &State, is_grouped: bool) -> Option<Command> {
    let is_other = state.shown.is_some() && state.saved.is_grouped != is_grouped;
    is_other.then_some(Command::Table(TableCommand::Group(is_grouped)))
}

fn fold(state: &State, is_folded: bool) -> Option<Command> {
    let is_grouped = state.shown.is_some() && state.saved.is_grouped;
    is_grouped.then_some(Command::Table(TableCommand::FoldAll(is_folded)))
}

fn sort(state: &State, by: SortBy) -> Option<Command> {
    state
        .shown()
        .map(|_| Command::Table(TableCommand::SortBy(by)))
}

fn column(state: &State, by: SortBy) -> Option<Command> {
    state
        .shown()
        .map(|_| Command::Table(TableCommand::Column(by)))
}

fn colour(state: &State, colour: Colour) -> Option<Command> {
    state.shown().map(|_| Command::Colour(colour))
}

/// Whether a column shows, unless it has nothing to show.
fn has(state: &State, by: SortBy) -> bool {
    !state.saved.hidden.contains(&by)
}

/// The column in hand, so many places on.
fn move_column(state: &State, by: isize) -> Option<Command> {
    columns::moved_by(state, by).map(|order| Command::Table(TableCommand::Order(order)))
}
