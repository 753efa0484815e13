//! The live feed: one line for each hit and change, newest first; it can stand still, and the query filters it.

use std::borrow::Cow;

use cachescope_core::model::GroupWord;
use cachescope_core::model::text::shown;
use cachescope_core::watch::{Event, EventKind};
use egui::{Color32, Ui};

use super::heading_ui;
use crate::gui::command::Command;
use crate::gui::state::OpenStore;
use crate::gui::theme::{self, Theme};
use crate::gui::widgets::controls;
use crate::gui::widgets::table::{LineUi, Spec, Table};
use crate::text;

const COLUMNS: [Spec; 5] = [
    column("Time", 74.0, 0.0, false),
    column("Event", 104.0, 0.0, false),
    column("Function", 200.0, 0.5, false),
    column("Arguments", 260.0, 1.0, false),
    column("Saved or size", 110.0, 0.0, true),
];

const fn column(title: &'static str, width: f32, grows: f32, is_figure: bool) -> Spec {
    Spec {
        title: Cow::Borrowed(title),
        width,
        min_width: if grows > 0.0 { 80.0 } else { width },
        grows,
        is_figure,
    }
}

pub(super) fn feed_ui(ui: &mut Ui, store: &mut OpenStore, out: &mut Vec<Command>) {
    ui.set_min_size(ui.available_size());
    let waiting = store.activity.n_waiting();
    ui.horizontal(|ui| {
        heading_ui(ui, "Live feed", "");
        let (word, is_paused) = match waiting {
            None => ("Pause", false),
            Some(_) => ("Go on", true),
        };
        if ui.button(word).clicked() {
            out.push(Command::Pause(!is_paused));
        }
        if let Some(n) = waiting {
            controls::quiet(
                ui,
                format!("{} since", text::counted(n as u64, "event", "events")),
            );
        }
        let n_dropped = store.activity.n_dropped;
        if n_dropped > 0 {
            controls::quiet(
                ui,
                format!(
                    "{} older ones are counted, not listed",
                    text::count(n_dropped)
                ),
            );
        }
    });
    if store.activity.n_lines() == 0 {
        super::super::say_ui(
            ui,
            "Nothing has happened yet",
            "Hits, new values and removed ones show here while a program works",
        );
        return;
    }
    let mut scroll = store.activity.scroll;
    let mut columns = COLUMNS;
    let word = cachescope_core::stores::group_word(store.info.kind);
    let is_called = word == GroupWord::FUNCTION;
    let [_, _, group, what, _] = &mut columns;
    group.title = capital(word.one).into();
    what.title = if is_called { "Arguments" } else { "Key" }.into();
    let table = Table {
        name: "Live feed",
        columns: &columns,
        is_sortable: false,
        sorted: None,
        n_lines: store.activity.n_lines(),
        scroll: &mut scroll,
    };
    let store_ref = &*store;
    table.show(ui, |line| {
        if let Some(event) = store_ref.activity.line(line.index) {
            event_ui(line, event, store_ref.info.kind);
        }
    });
    store.activity.scroll = scroll;
}

/// A word as a heading.
fn capital(word: &str) -> String {
    let mut letters = word.chars();
    let first = letters.next().map(|c| c.to_uppercase().to_string());
    first.unwrap_or_default() + letters.as_str()
}

/// Sign, word and colour of what happened.
fn look(kind: EventKind, theme: &Theme) -> (&'static str, &'static str, Color32) {
    match kind {
        EventKind::Hit => ("●", "hit", theme.accent),
        EventKind::Miss => ("○", "miss", theme.quiet),
        EventKind::Stored => ("+", "stored", theme.text),
        EventKind::Changed => ("≠", "changed", theme.text),
        EventKind::Removed => ("✕", "removed", theme.danger),
        EventKind::Rescan => ("⟳", "read again", theme.quiet),
    }
}

fn event_ui(line: &LineUi<'_>, event: &Event, kind: &str) {
    let theme = Theme::of(line.ui.ctx());
    let (sign, word, color) = look(event.kind, theme);
    let time = text::clock(event.time);
    let args = event.args_text();
    let what = if args.is_empty() {
        &*event.label
    } else {
        &args
    };
    let group = event.entry.as_ref().map_or_else(String::new, |entry| {
        let group = cachescope_core::model::Group {
            label: event.group.clone(),
            locator: entry.group.clone(),
        };
        cachescope_core::stores::group_title(kind, &group)
    });
    let figure = match (event.saved_s(), event.bytes) {
        (Some(saved), _) => format!("≤ {}", text::duration(saved)),
        (None, Some(bytes)) if event.kind != EventKind::Hit => text::bytes(bytes),
        _ => String::new(),
    };
    let key = u64::try_from(line.index).unwrap_or(0);
    line.interact(key, false, || {
        format!("{time} {word} {} {} {figure}", shown(&group), shown(what))
    });
    if line.index % 2 == 1 {
        line.fill(theme.stripe);
    }
    line.text(0, &time, theme::body(), theme.quiet);
    let cell = line.cell(1, 1);
    let (glyph, rest) = cell.split_left_right_at_x(cell.left() + 16.0);
    crate::gui::widgets::cell::text(line.ui, glyph, sign, theme::body(), color);
    let times = if event.n > 1 {
        format!("{word} × {}", text::count(event.n))
    } else {
        word.to_owned()
    };
    crate::gui::widgets::cell::text(line.ui, rest, &times, theme::body(), theme.text);
    line.text(2, &shown(&group), theme::mono(), theme.text);
    line.text(3, &shown(what), theme::mono(), theme.text);
    line.figure(4, &figure, theme::body(), theme.text);
}
