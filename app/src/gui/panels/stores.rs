//! The rail on the left: open stores with what they hold, and queries worth a click.

use cachescope_core::model::{Condition, Severity, StoreId, Time};
use cachescope_core::ops::{Direction, SortBy};
use cachescope_core::stores::Counted;
use cachescope_core::watch::View;
use egui::accesskit::Role;
use egui::{
    Align2, Rect, Response, ScrollArea, Sense, StrokeKind, TextStyle, Ui, WidgetInfo, pos2, vec2,
};

use super::menus;
use crate::gui::actions::{self, Offered};
use crate::gui::command::{Command, TableCommand};
use crate::gui::state::{OpenStore, Phase, Pick, State, Tab};
use crate::gui::theme::{self, ROW, Theme};
use crate::gui::widgets::{cell, condition, controls};
use crate::text;

/// Height of one store, in points.
const HEIGHT: f32 = 64.0;

pub(super) fn stores_ui(ui: &mut Ui, state: &State, now: Time, out: &mut Vec<Command>) {
    // The queries follow the stores, and stay in sight where there are many: then the stores scroll.
    let room = ui.available_height();
    let shows = shows_height(ui, state).min(room / 2.0);
    ScrollArea::vertical()
        .id_salt("stores")
        .auto_shrink([false, true])
        .max_height(room - shows)
        .show(ui, |ui| list_ui(ui, state, now, out));
    ScrollArea::vertical()
        .id_salt("shows")
        .auto_shrink(false)
        .show(ui, |ui| {
            ui.add_space(ABOVE);
            controls::caption(ui, "SHOW");
            queries_ui(ui, state, out);
        });
}

fn list_ui(ui: &mut Ui, state: &State, now: Time, out: &mut Vec<Command>) {
    controls::caption(ui, "STORES");
    let menu = actions::offered(state, actions::OF_STORE);
    // Brought into sight when it comes on show or gets another place; else the person scrolls.
    let place = state
        .stores
        .iter()
        .position(|s| state.shown == Some(s.info.id));
    let id = egui::Id::unique("store in sight");
    let was = ui.data_mut(|data| {
        let last: &mut Option<(StoreId, usize)> = data.get_temp_mut_or_default(id);
        std::mem::replace(last, state.shown.zip(place))
    });
    let is_moved = was != state.shown.zip(place);
    for store in &state.stores {
        let is_shown = state.shown == Some(store.info.id);
        let is_pinned = state.saved.pinned.contains(&store.info.opened_as);
        let marks = Marks {
            is_shown,
            is_pinned,
        };
        let response = store_ui(ui, store, marks, &menu, now, out);
        if is_shown && is_moved {
            response.scroll_to_me(None);
        }
    }
}

/// Room above the queries, in points.
const ABOVE: f32 = 8.0;

/// Height of the queries below the stores, in points.
fn shows_height(ui: &Ui, state: &State) -> f32 {
    let gap = ui.spacing().item_spacing.y;
    // Largest, and what is offered to be saved.
    let n_lines = SHOWS.len() + state.saved.queries.len() + 2;
    #[expect(clippy::cast_precision_loss, reason = "a few dozen queries")]
    let lines = n_lines as f32 * (ROW + gap);
    ABOVE + ui.text_style_height(&TextStyle::Small) + gap * 3.0 + lines
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
            if !matches!(state.saved.tab, Tab::Overview | Tab::Entries) {
                out.push(Command::Tab(Tab::Entries));
            }
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
        if is_largest {
            out.push(Command::Table(TableCommand::Group(true)));
            out.push(Command::Table(TableCommand::Select(Pick::None)));
        } else {
            out.push(Command::Table(TableCommand::Largest(LARGEST)));
        }
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

/// What a store of the rail is marked as.
#[derive(Clone, Copy)]
struct Marks {
    is_shown: bool,
    is_pinned: bool,
}

fn store_ui(
    ui: &mut Ui,
    store: &OpenStore,
    Marks {
        is_shown,
        is_pinned,
    }: Marks,
    menu: &Offered,
    now: Time,
    out: &mut Vec<Command>,
) -> Response {
    let theme = Theme::of(ui.ctx());
    let size = vec2(ui.available_width(), HEIGHT);
    let (rect, response) = ui.allocate_exact_size(size, Sense::click());
    let title = cachescope_core::model::text::shown(&store.info.title()).into_owned();
    let (health, color) = health(store, theme, now);
    response.widget_info(|| {
        let sight = sight(store).map_or_else(String::new, |word| format!(", {word}"));
        let pinned = if is_pinned { ", pinned" } else { "" };
        let name = format!("{title}{pinned}{sight}, {}", health.whole());
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
    // Of hundreds of stores most are out of sight: named for screen readers, but not laid out.
    if !ui.is_rect_visible(rect) {
        return response;
    }
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
    let title = if is_pinned {
        format!("★ {title}")
    } else {
        title
    };
    let galley = cell::elided(ui, &title, theme::strong(), theme.text, name.width());
    let end = name.left() + galley.size().x + 8.0;
    cell::text(ui, name, &title, theme::strong(), theme.text);
    if let Some(word) = sight(store) {
        badge(ui, name.with_min_x(end), word);
    }
    let small = |top: f32, words: &Words, color| {
        let room = line(top, 16.0);
        let words = words.fitting(ui, room.width());
        cell::text(ui, room, words, theme::small(), color);
    };
    small(20.0, &what(store), theme.quiet);
    small(36.0, &health, color);
    response.on_hover_text(cachescope_core::model::text::path(&store.info.path))
}

/// The same in fewer and fewer words: figures that are cut off would read as others.
struct Words(Vec<String>);

impl Words {
    fn whole(&self) -> &str {
        self.0.first().map_or("", String::as_str)
    }

    /// The longest that has room; a last one that has none is cut.
    fn fitting(&self, ui: &Ui, width: f32) -> &str {
        let color = Theme::of(ui.ctx()).text;
        let fits = |words: &&String| !cell::elided(ui, words, theme::small(), color, width).elided;
        let fitting = self.0.iter().find(fits).or(self.0.last());
        fitting.map_or("", String::as_str)
    }
}

/// How a store is watched, in a word; nothing where it is not.
fn sight(store: &OpenStore) -> Option<&'static str> {
    Some(match store.coverage.as_ref()?.view {
        View::Starting => return None,
        View::Live => "live",
        View::Partial => "partly live",
        View::Polling => "polled",
        View::Away => "away",
        View::Ended => "not watched",
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
fn what(store: &OpenStore) -> Words {
    let entries = store.snapshot.totals.entries;
    let count = text::counted(entries, "entry", "entries");
    let count = match store.phase {
        Phase::Loading => format!("{count} so far…"),
        Phase::Whole => count,
        Phase::Partial(_) => format!("{count}, not all"),
    };
    Words(vec![format!("{} · {count}", store.info.kind), count])
}

/// The one thing about a store that matters most: failure, problems, else its hits.
fn health(store: &OpenStore, theme: &Theme, now: Time) -> (Words, egui::Color32) {
    if let Phase::Partial(why) = &store.phase {
        return (Words(vec![why.clone()]), theme.danger);
    }
    let issues = store.snapshot.issues.iter();
    let n_problems = issues.filter(|i| i.severity > Severity::Note).count() as u64;
    if n_problems > 0 {
        let words = text::counted(n_problems, "problem", "problems");
        let glyph = condition::glyph(Condition::Incomplete);
        return (Words(vec![format!("{glyph} {words}")]), theme.quiet);
    }
    (Words(hits(store, now)), theme.quiet)
}

/// The hit rate with its source, the best there is.
fn hits(store: &OpenStore, now: Time) -> Vec<String> {
    match store.rate(now) {
        Some(rate) => {
            let window = rate
                .window_s
                .filter(|_| rate.counters.source != Counted::Recorded)
                .map_or_else(String::new, |s| format!(" {}", text::span(s)));
            let (percent, source) = (rate.percent(), rate.counters.source);
            vec![
                format!("hit rate {percent} {source}{window}"),
                format!("{percent} hits {source}{window}"),
                format!("{percent} hits {source}"),
                format!("{percent} hits"),
            ]
        }
        // Nothing was looked up yet, where that would be seen.
        None if store
            .coverage
            .as_ref()
            .is_some_and(|c| c.lookups_since.is_some()) =>
        {
            vec!["no look-ups seen yet".to_owned()]
        }
        None => vec!["hits not recorded".to_owned()],
    }
}
