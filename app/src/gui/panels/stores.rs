//! The rail on the left: open stores with what they hold, and queries worth a click.

use cachescope_core::model::{Condition, Severity, Time};
use cachescope_core::ops::{Direction, SortBy};
use cachescope_core::watch::View;
use egui::accesskit::Role;
use egui::{Align2, Rect, ScrollArea, Sense, StrokeKind, Ui, WidgetInfo, pos2, vec2};

use super::activity::percent;
use super::menus;
use crate::gui::actions::{self, Offered};
use crate::gui::command::{Command, TableCommand};
use crate::gui::state::{OpenStore, Phase, Pick, State};
use crate::gui::theme::{self, ROW, Theme};
use crate::gui::widgets::{cell, condition, controls};
use crate::text;

/// Height of one store, in points.
const HEIGHT: f32 = 64.0;

pub(super) fn stores_ui(ui: &mut Ui, state: &State, now: Time, out: &mut Vec<Command>) {
    ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        controls::caption(ui, "STORES");
        let menu = actions::offered(state, actions::OF_STORE);
        for store in &state.stores {
            let is_shown = state.shown == Some(store.info.id);
            store_ui(ui, store, is_shown, &menu, now, out);
        }
        ui.add_space(8.0);
        controls::caption(ui, "SHOW");
        queries_ui(ui, state, out);
    });
}

/// Glyph, name, query and meaning of each shortcut.
const SHOWS: &[(&str, &str, &str, &str)] = &[
    (
        "◷",
        "Not used for 30 days",
        "used>30d",
        "Entries that nothing has read for 30 days",
    ),
    (
        "≠",
        "Code has changed",
        "condition:stale,source-gone",
        "Stale results: the function that made them has changed since, or is gone",
    ),
    (
        "✕",
        "Broken",
        "condition:corrupt,incomplete,orphan,calls-code,unread",
        "Entries that are torn, incomplete, left over, or would run code when loaded",
    ),
];
/// Entries that "Largest" selects.
const LARGEST: usize = 100;

/// Queries worth a click: ours, then those that the person kept.
fn queries_ui(ui: &mut Ui, state: &State, out: &mut Vec<Command>) {
    let text = state.query.text();
    let menu = actions::offered(state, actions::OF_QUERY);
    let mut line = |ui: &mut Ui, glyph: &str, name: &str, query: &str| {
        let is_on = text == query;
        let response = show_ui(ui, glyph, name, is_on);
        if response.clicked() {
            let query = if is_on { "" } else { query };
            out.push(Command::Query(query.to_owned()));
            // Another question: what was chosen for the last one is not to be cleared by this one's button.
            out.push(Command::Table(TableCommand::Select(Pick::None)));
        }
        // The menu is about the query on show: it becomes this one.
        if response.secondary_clicked() {
            out.push(Command::Query(query.to_owned()));
        }
        response.context_menu(|ui| menus::offered_ui(ui, &menu, out));
        response
    };
    for (glyph, name, query, meaning) in SHOWS {
        line(ui, glyph, name, query).on_hover_text(format!("{meaning}\n{query}"));
    }
    for saved in &state.saved.queries {
        let name = cachescope_core::model::text::shown(&saved.name);
        line(ui, "›", &name, &saved.query);
    }
    // One list by size; a second click gives the groups back.
    let sort = state.saved.sort;
    let is_largest = !state.saved.is_grouped
        && (sort.by, sort.direction) == (SortBy::Bytes, Direction::Descending);
    if show_ui(ui, "▲", "Largest 100", is_largest).clicked() {
        out.push(Command::Table(if is_largest {
            TableCommand::Group(true)
        } else {
            TableCommand::Largest(LARGEST)
        }));
    }
    let is_kept = SHOWS.iter().any(|(_, _, query, _)| *query == text)
        || state.saved.queries.iter().any(|saved| saved.query == text);
    let can_keep = !is_kept && !state.query.parsed().is_empty() && state.query.error().is_none();
    if can_keep && show_ui(ui, "+", "Save this query", false).clicked() {
        out.push(Command::KeepQuery(text.to_owned()));
    }
}

fn show_ui(ui: &mut Ui, glyph: &str, name: &str, is_on: bool) -> egui::Response {
    let theme = Theme::of(ui.ctx());
    let size = vec2(ui.available_width(), ROW);
    let (rect, response) = ui.allocate_exact_size(size, Sense::click());
    response.widget_info(|| WidgetInfo::selected(Role::Button, true, is_on, name));
    if is_on || response.hovered() {
        let fill = if is_on { theme.selection } else { theme.raised };
        ui.painter().rect_filled(rect, 5.0, fill);
    }
    controls::focus_ring(ui, &response);
    let color = if is_on || response.hovered() {
        theme.text
    } else {
        theme.quiet
    };
    let inner = rect.shrink2(vec2(6.0, 0.0));
    let (sign, words) = inner.split_left_right_at_x(inner.left() + 18.0);
    cell::text(ui, sign, glyph, theme::body(), color);
    cell::text(ui, words, name, theme::body(), color);
    response
}

fn store_ui(
    ui: &mut Ui,
    store: &OpenStore,
    is_shown: bool,
    menu: &Offered,
    now: Time,
    out: &mut Vec<Command>,
) {
    let theme = Theme::of(ui.ctx());
    let size = vec2(ui.available_width(), HEIGHT);
    let (rect, response) = ui.allocate_exact_size(size, Sense::click());
    let title = cachescope_core::model::text::shown(&store.info.title()).into_owned();
    let (words, color) = health(store, theme, now);
    response.widget_info(|| {
        let sight = sight(store).map_or_else(String::new, |word| format!(", {word}"));
        let name = format!("{title}{sight}, {words}");
        WidgetInfo::selected(Role::ListBoxOption, true, is_shown, name)
    });
    if response.clicked() {
        out.push(Command::Show(store.info.id));
    }
    // The menu is about the store on show: a click on another one shows that first.
    if response.secondary_clicked() {
        out.push(Command::Show(store.info.id));
    }
    response.context_menu(|ui| menus::offered_ui(ui, menu, out));
    if is_shown || response.hovered() {
        let fill = if is_shown {
            theme.selection
        } else {
            theme.raised
        };
        ui.painter().rect_filled(rect, 6.0, fill);
    }
    controls::focus_ring(ui, &response);
    let inner = rect.shrink2(vec2(8.0, 6.0));
    let line = |n: f32, height: f32| {
        let top = inner.top() + n;
        Rect::from_min_max(pos2(inner.left(), top), pos2(inner.right(), top + height))
    };
    let first = line(0.0, 20.0);
    let bytes = text::bytes(store.snapshot.totals.bytes);
    let figure = ui.painter().text(
        first.right_center(),
        Align2::RIGHT_CENTER,
        bytes,
        theme::body(),
        theme.text,
    );
    let mut name = first;
    name.max.x = figure.left() - 8.0;
    let galley = cell::elided(ui, &title, theme::strong(), theme.text, name.width());
    let end = name.left() + galley.size().x + 8.0;
    cell::text(ui, name, &title, theme::strong(), theme.text);
    if let Some(word) = sight(store) {
        badge(ui, name.with_min_x(end), word);
    }
    cell::text(
        ui,
        line(20.0, 16.0),
        &what(store),
        theme::small(),
        theme.quiet,
    );
    cell::text(ui, line(36.0, 16.0), &words, theme::small(), color);
    response.on_hover_text(cachescope_core::model::text::path(&store.info.path));
}

/// How a store is watched, in a word; nothing where it is not.
fn sight(store: &OpenStore) -> Option<&'static str> {
    Some(match store.coverage.as_ref()?.view {
        View::Starting => return None,
        View::Live => "live",
        View::Partial => "partly live",
        View::Polling => "polled",
        View::Away => "away",
    })
}

/// A word in a rounded frame, left out where there is no room for it.
fn badge(ui: &Ui, room: Rect, word: &str) {
    let theme = Theme::of(ui.ctx());
    let galley = ui
        .painter()
        .layout_no_wrap(word.to_owned(), theme::badge(), theme.text);
    let size = galley.size() + vec2(12.0, 3.0);
    if size.x > room.width() {
        return;
    }
    let frame = Align2::LEFT_CENTER.align_size_within_rect(size, room);
    ui.painter().rect(
        frame,
        8.0,
        theme.raised,
        theme.hairline(),
        StrokeKind::Inside,
    );
    let at = Align2::CENTER_CENTER.align_size_within_rect(galley.size(), frame);
    ui.painter().galley(at.min, galley, theme.text);
}

/// Kind and number of entries.
fn what(store: &OpenStore) -> String {
    let entries = store.snapshot.totals.entries;
    let count = text::counted(entries, "entry", "entries");
    match store.phase {
        Phase::Loading => format!("{} · {count} so far…", store.info.kind),
        Phase::Whole => format!("{} · {count}", store.info.kind),
        Phase::Partial(_) => format!("{} · {count}, not all", store.info.kind),
    }
}

/// The one thing about a store that matters most: failure, problems, else its hits.
fn health(store: &OpenStore, theme: &Theme, now: Time) -> (String, egui::Color32) {
    if let Phase::Partial(why) = &store.phase {
        return (why.clone(), theme.danger);
    }
    let issues = store.snapshot.issues.iter();
    let n_problems = issues.filter(|i| i.severity > Severity::Note).count() as u64;
    if n_problems > 0 {
        let words = text::counted(n_problems, "problem", "problems");
        let glyph = condition::glyph(Condition::Incomplete);
        return (format!("{glyph} {words}"), theme.quiet);
    }
    (hits(store, now), theme.quiet)
}

/// The hit rate with its source, the best there is.
fn hits(store: &OpenStore, now: Time) -> String {
    match store.rate(now) {
        Some(rate) => {
            let window = rate
                .window_s
                .filter(|_| rate.counters.source != "recorded")
                .map_or_else(String::new, |s| format!(" {}", text::span(s)));
            format!(
                "hit rate {} {}{window}",
                percent(&rate),
                rate.counters.source
            )
        }
        // Nothing was looked up yet, where that would be seen.
        None if store
            .coverage
            .as_ref()
            .is_some_and(|c| c.lookups_since.is_some()) =>
        {
            "no look-ups seen yet".to_owned()
        }
        None => "hits not recorded".to_owned(),
    }
}
