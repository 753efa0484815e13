//! The table of entries: groups with sums, rows of 24 points, selection by mouse and keyboard.

mod keys;
mod nothing;
mod rows;

pub(super) use rows::arguments;

use cachescope_core::model::{Row, Time};
use cachescope_core::ops::{Direction, SortBy};
use egui::Ui;

use super::menus;
use crate::gui::actions::Offered;
use crate::gui::columns;
use crate::gui::command::{Command, Need, TableCommand};
use crate::gui::state::{Line, OpenStore, QueryField, Saved};
use crate::gui::widgets::table::Table;

/// What the table is drawn with, besides the store on show.
pub(super) struct Around<'a> {
    pub(super) saved: &'a Saved,
    pub(super) query: &'a QueryField,
    /// What an entry's context menu offers.
    pub(super) menu: &'a Offered,
    /// What a column's header offers.
    pub(super) header_menu: &'a Offered,
    /// A dialog or a menu lies over the table: keys are theirs.
    pub(super) is_covered: bool,
    pub(super) now: Time,
}

pub(super) fn entries_ui(
    ui: &mut Ui,
    store: &mut OpenStore,
    around: &Around<'_>,
    out: &mut Vec<Command>,
) {
    let saved = around.saved;
    let Some(arranged) = store.entries.arranged.as_deref() else {
        return super::say_ui(ui, "Reading…", "");
    };
    if arranged.rows.is_empty() {
        return nothing::nothing_ui(ui, store, around, out);
    }
    if around.query.parsed().needs().conditions && store.verdicts.is_empty() {
        nothing::unchecked_ui(ui, out);
    }
    let (shown, specs) = columns::shown(arranged, saved, store.is_observed());
    let sort = saved.sort;
    let column_of = |sorted: SortBy| shown.iter().position(|by| *by == sorted);
    // By one argument, where arguments have no columns of their own: they are all in one.
    let in_one = || column_of(SortBy::Args).filter(|_| matches!(sort.by, SortBy::Arg(_)));
    let sorted = column_of(sort.by).or_else(in_one);
    let table = Table {
        name: "Entries",
        columns: &specs,
        is_sortable: true,
        sorted: sorted.map(|at| (at, sort.direction == Direction::Descending)),
        n_lines: store.entries.lines.len(),
        scroll: &mut store.entries.scroll,
    };
    let painter = rows::Rows {
        shown: &shown,
        arranged,
        lines: &store.entries.lines,
        folded: &store.entries.folded,
        selection: &store.entries.selection,
        verdicts: &store.verdicts,
        glances: &store.glances,
        activity: &store.activity,
        observed: &store.observed,
        kind: store.info.kind,
        around,
    };
    let mut on_screen = Vec::new();
    let happened = table.show(ui, |line| {
        if let Some(Line::Entry(at)) = store.entries.lines.at(line.index) {
            on_screen.extend(arranged.rows.get(at));
        }
        painter.line_ui(line, out);
    });
    if let Some(by) = happened.sorted.and_then(|at| shown.get(at)) {
        out.push(Command::Table(TableCommand::SortBy(*by)));
    }
    if let Some((at, width)) = happened.resized
        && let Some(by) = shown.get(at)
    {
        out.push(Command::Table(TableCommand::Width(*by, width)));
    }
    if let Some((from, to)) = happened.moved
        && let (Some(from), Some(to)) = (shown.get(from), shown.get(to))
    {
        let order = columns::moved(saved, *from, *to);
        out.push(Command::Table(TableCommand::Order(order)));
    }
    for (header, by) in happened.headers.iter().zip(&shown) {
        // The menu is about the column in hand: it becomes this one.
        if header.secondary_clicked() {
            out.push(Command::Table(TableCommand::Take(*by)));
        }
        header.context_menu(|ui| menus::offered_ui(ui, around.header_menu, out));
    }
    let is_free = ui.memory(|m| m.focused().is_none() || m.has_focus(happened.body.id));
    if is_free && !around.is_covered {
        keys::keys_ui(ui, &store.entries, out);
    }
    need_glances(store, on_screen, out);
}

/// Asks for a look at the values on screen that nobody looked at yet.
fn need_glances(store: &OpenStore, rows: Vec<Row>, out: &mut Vec<Command>) {
    // One job after the other: while the store is still being read, that is a screenful of values for each time that new
    // rows are shown, which its reading does not feel.
    if store.glancing.is_some() {
        return;
    }
    let is_new = |row: &Row| {
        let record = store.on_screen().and_then(|of| of.record(*row));
        record.is_some_and(|r| store.glances.of(&r).is_none())
    };
    let rows: Vec<Row> = rows.into_iter().filter(is_new).collect();
    if !rows.is_empty() {
        out.push(Command::Need(Need::Glances(rows)));
    }
}
