//! The table of entries: groups with sums, rows of 24 points, selection by mouse and keyboard.

use cachescope_core::jobs::{Arranged, GroupSums};
use cachescope_core::model::{Record, Role, Time};
use cachescope_core::ops::{Direction, SortBy};
use egui::{Key, Modifiers, Ui};

use crate::gui::command::Command;
use crate::gui::state::{Line, OpenStore, Pick, Saved};
use crate::gui::theme::{self, Theme};
use crate::gui::widgets::condition;
use crate::gui::widgets::table::{LineUi, Spec, Table};
use crate::text;

/// The columns in their order.
const COLUMNS: [(SortBy, Spec); 9] = [
    (SortBy::Key, text_column("Key", 92.0, 64.0, 0.3)),
    (SortBy::Args, text_column("Arguments", 200.0, 90.0, 1.0)),
    (SortBy::ValueType, text_column("Value", 150.0, 70.0, 0.4)),
    (SortBy::Bytes, figure_column("Size", 76.0)),
    (SortBy::Duration, figure_column("Compute", 74.0)),
    (SortBy::Created, text_column("Created", 90.0, 84.0, 0.0)),
    (SortBy::Accessed, text_column("Last used", 90.0, 84.0, 0.0)),
    (SortBy::Hits, figure_column("Hits", 62.0)),
    (
        SortBy::Condition,
        text_column("Condition", 104.0, 104.0, 0.0),
    ),
];

const fn text_column(title: &'static str, width: f32, min_width: f32, grows: f32) -> Spec {
    Spec {
        title,
        width,
        min_width,
        grows,
        is_figure: false,
    }
}

const fn figure_column(title: &'static str, width: f32) -> Spec {
    Spec {
        title,
        width,
        min_width: width,
        grows: 0.0,
        is_figure: true,
    }
}

pub(super) fn entries_ui(
    ui: &mut Ui,
    store: &mut OpenStore,
    saved: &mut Saved,
    now: Time,
    out: &mut Vec<Command>,
) {
    let Some(arranged) = &store.entries.arranged else {
        return;
    };
    let shown: Vec<SortBy> = COLUMNS
        .iter()
        .map(|(by, _)| *by)
        .filter(|by| !saved.hidden.contains(by))
        .collect();
    let specs: Vec<Spec> = COLUMNS
        .iter()
        .filter(|(by, _)| shown.contains(by))
        .map(|(by, spec)| {
            let saved = saved.widths.iter().find(|(of, _)| of == by);
            Spec {
                width: saved.map_or(spec.width, |(_, width)| *width),
                ..spec.clone()
            }
        })
        .collect();
    let sort = saved.sort;
    let sorted = shown
        .iter()
        .position(|by| *by == sort.by)
        .map(|at| (at, sort.direction == Direction::Descending));
    let table = Table {
        name: "Entries",
        columns: &specs,
        sorted,
        n_lines: store.entries.lines.len(),
        scroll: &mut store.entries.scroll,
    };
    let (lines, selection) = (&store.entries.lines, &store.entries.selection);
    let folded = &store.entries.folded;
    let happened = table.show(ui, |line| match lines.at(line.index) {
        Some(Line::Group(at)) => {
            if let Some(group) = arranged.groups.get(at) {
                let is_folded = group
                    .group
                    .as_ref()
                    .is_some_and(|g| folded.contains(&g.locator));
                group_ui(line, &shown, group, lines.rows_of(at), is_folded, out);
            }
        }
        Some(Line::Entry(at)) => {
            if let Some(record) = record_at(arranged, at) {
                let is_selected = selection.contains(record.id());
                entry_ui(line, &shown, &record, at, is_selected, now, out);
            }
        }
        None => {}
    });
    if let Some(by) = happened.sorted.and_then(|at| shown.get(at)) {
        out.push(Command::SortBy(*by));
    }
    if let Some((at, width)) = happened.resized
        && let Some(by) = shown.get(at)
    {
        saved.widths.retain(|(of, _)| of != by);
        saved.widths.push((*by, width));
    }
    if ui.memory(|m| m.focused().is_none() || m.has_focus(happened.body.id)) {
        keys(ui, store.entries.scroll.page(), out);
    }
}

fn record_at(arranged: &Arranged, at: usize) -> Option<Record<'_>> {
    arranged.snapshot.record(*arranged.rows.get(at)?)
}

fn group_ui(
    line: &mut LineUi<'_>,
    shown: &[SortBy],
    group: &GroupSums,
    rows: std::ops::Range<usize>,
    is_folded: bool,
    out: &mut Vec<Command>,
) {
    let theme = Theme::of(line.ui.ctx());
    let Some(named) = &group.group else { return };
    let label = cachescope_core::model::text::shown(&named.label);
    let key = cachescope_core::model::EntryId::of(&named.locator, b"", u32::MAX).short();
    let response = line.interact(key, false, || label.clone().into_owned());
    if response.clicked() {
        out.push(Command::Fold(std::sync::Arc::clone(named)));
    }
    response.context_menu(|ui| {
        let n = text::counted(group.sums.entries, "entry", "entries");
        if ui.button(format!("Select these {n}")).clicked() {
            out.push(Command::Select(Pick::These(rows)));
        }
        if ui.button("Show as one list").clicked() {
            out.push(Command::Group(false));
        }
    });
    line.fill(theme.raised);
    let arrow = if is_folded { "▸" } else { "▾" };
    let last_text = shown
        .iter()
        .position(|by| *by == SortBy::Bytes)
        .map_or(0, |at| at.saturating_sub(1));
    let cell = line.cell(0, last_text);
    let (name, count) = cell.split_left_right_at_x(cell.left() + cell.width() * 0.6);
    let title = format!("{arrow} {label}");
    crate::gui::widgets::cell::text(line.ui, name, &title, theme::strong(), theme.text);
    let n = text::counted(group.sums.entries, "entry", "entries");
    crate::gui::widgets::cell::text(line.ui, count, &n, theme::body(), theme.quiet);
    for (at, by) in shown.iter().enumerate() {
        let figure = match by {
            SortBy::Bytes => Some(text::bytes(group.sums.bytes)),
            SortBy::Duration => group.sums.duration_s.map(text::duration_short),
            SortBy::Hits => group.sums.hits.map(text::count),
            _ => None,
        };
        if let Some(figure) = figure {
            line.figure(at, &figure, theme::strong(), theme.text);
        }
    }
}

fn entry_ui(
    line: &mut LineUi<'_>,
    shown: &[SortBy],
    record: &Record<'_>,
    at: usize,
    is_selected: bool,
    now: Time,
    out: &mut Vec<Command>,
) {
    let theme = Theme::of(line.ui.ctx());
    let key = cachescope_core::model::text::shown(&record.key_text()).into_owned();
    let response = line.interact(record.id().short(), is_selected, || key.clone());
    if response.clicked() {
        let modifiers = line.ui.input(|i| i.modifiers);
        out.push(Command::Select(
            match (modifiers.shift, modifiers.command) {
                (true, keeps) => Pick::To { at, keeps },
                (false, true) => Pick::Toggle(at),
                (false, false) => Pick::Only(at),
            },
        ));
    }
    response.context_menu(|ui| {
        if ui.button("Copy key").clicked() {
            out.push(Command::Copy(record.key_text().into_owned()));
        }
        if ui.button("Show by function").clicked() {
            out.push(Command::Group(true));
        }
    });
    if let Some(column) = line.hovered_column(&response)
        && let Some(exact) = shown.get(column).and_then(|by| exact(*by, record))
    {
        response.clone().on_hover_text_at_pointer(exact);
    }
    if is_selected {
        line.fill(theme.selection);
    } else if response.hovered() {
        line.fill(theme.raised);
    } else if line.index % 2 == 1 {
        line.fill(theme.stripe);
    }
    for (column, by) in shown.iter().enumerate() {
        match by {
            SortBy::Key => line.text(column, &key, theme::mono(), theme.text),
            SortBy::Args => {
                let args: Vec<_> = record
                    .args
                    .iter()
                    .map(|(n, t)| format!("{n}={t}"))
                    .collect();
                line.text(column, &args.join(", "), theme::mono(), theme.text);
            }
            SortBy::ValueType => {
                line.text(
                    column,
                    record.value_type.unwrap_or(""),
                    theme::body(),
                    theme.text,
                );
            }
            SortBy::Bytes => {
                line.figure(
                    column,
                    &text::bytes(record.bytes),
                    theme::body(),
                    theme.text,
                );
            }
            SortBy::Duration => {
                let text = record
                    .duration_s
                    .map(text::duration_short)
                    .unwrap_or_default();
                line.figure(column, &text, theme::body(), theme.text);
            }
            SortBy::Created | SortBy::Accessed => {
                let time = if *by == SortBy::Created {
                    record.created
                } else {
                    record.accessed
                };
                let text = time.map(|t| text::ago(t, now)).unwrap_or_default();
                line.text(column, &text, theme::body(), theme.text);
            }
            SortBy::Hits => {
                let text = record.hits.map(text::count).unwrap_or_default();
                line.figure(column, &text, theme::body(), theme.text);
            }
            SortBy::Condition if record.role == Role::Orphan => {
                let orphan = cachescope_core::model::Condition::Orphan;
                let text = format!("{} {}", condition::glyph(orphan), condition::word(orphan));
                line.text(column, &text, theme::body(), theme.text);
            }
            _ => {}
        }
    }
}

/// The whole of what a column shows in short.
fn exact(by: SortBy, record: &Record<'_>) -> Option<String> {
    match by {
        SortBy::Bytes => Some(text::bytes_exact(record.bytes)),
        SortBy::Duration => record.duration_s.map(|s| format!("{s} s")),
        SortBy::Created => record.created.map(text::moment_exact),
        SortBy::Accessed => record.accessed.map(text::moment_exact),
        _ => None,
    }
}

/// Arrow keys, Home, End, pages, Ctrl+A, Escape.
fn keys(ui: &Ui, page: usize, out: &mut Vec<Command>) {
    let page = isize::try_from(page).unwrap_or(isize::MAX);
    ui.input_mut(|input| {
        if input.consume_key(Modifiers::COMMAND, Key::A) {
            out.push(Command::Select(Pick::All));
        }
        if input.consume_key(Modifiers::NONE, Key::Escape) {
            out.push(Command::Select(Pick::None));
        }
        for (key, by) in [
            (Key::ArrowDown, 1),
            (Key::ArrowUp, -1),
            (Key::PageDown, page),
            (Key::PageUp, -page),
            (Key::Home, isize::MIN / 2),
            (Key::End, isize::MAX / 2),
        ] {
            if input.consume_key(Modifiers::SHIFT, key) {
                out.push(Command::Select(Pick::Step { by, extends: true }));
            } else if input.consume_key(Modifiers::NONE, key) {
                out.push(Command::Select(Pick::Step { by, extends: false }));
            }
        }
    });
}
