//! The functions, tables or tags that hold most, took longest or earned most, as bars; a click shows only that one.

use std::sync::Arc;

use cachescope_core::model::Group;
use cachescope_core::model::text::shown;
use cachescope_core::ops::Tally;
use egui::accesskit::Role;
use egui::{Rect, ScrollArea, Sense, Ui, WidgetInfo, pos2, vec2};

use crate::gui::command::Command;
use crate::gui::state::group_term;
use crate::gui::state::{FunctionsBy, OpenStore, QueryField};
use crate::gui::theme::{self, ROW, Theme};
use crate::gui::widgets::{cell, controls};
use crate::text;

/// Height of a line, in points.
pub(super) const LINE: f32 = ROW - 2.0;
/// Groups that are listed; what comes behind them weighs next to nothing.
const LINES: usize = 100;

/// What groups of this store can be ordered by.
pub(super) fn ways(store: &OpenStore) -> Vec<(&'static str, FunctionsBy)> {
    let overview = store.overview.surveyed.as_ref().map(|s| &s.overview);
    let has_times = overview.is_some_and(|o| o.all.duration_s.is_some());
    let has_saved = !store.activity.earned.is_empty();
    [
        (true, ("bytes", FunctionsBy::Bytes)),
        (has_times, ("compute time", FunctionsBy::Duration)),
        (has_times && has_saved, ("time saved", FunctionsBy::Saved)),
    ]
    .into_iter()
    .filter_map(|(has, way)| has.then_some(way))
    .collect()
}

/// How much of what is ordered by a group has; `None` where that is not known of it.
#[expect(clippy::cast_precision_loss, reason = "lengths of bars")]
fn weight(store: &OpenStore, by: FunctionsBy, group: &Group, tally: &Tally) -> Option<f64> {
    match by {
        FunctionsBy::Bytes => Some(tally.bytes as f64),
        FunctionsBy::Duration => tally.duration_s,
        FunctionsBy::Saved => {
            let earned = store.activity.of_group(&store.observed, &group.locator);
            (earned.hits > earned.n_untimed).then_some(earned.saved_s)
        }
    }
}

/// The first groups by weight. A store may have a hundred thousand: they are looked through, never sorted.
fn top<'a>(
    store: &OpenStore,
    by: FunctionsBy,
    groups: &'a [(Arc<Group>, Tally)],
) -> Vec<(f64, &'a Group, &'a Tally)> {
    // By bytes they are in order already.
    let n_seen = if by == FunctionsBy::Bytes {
        LINES
    } else {
        groups.len()
    };
    let mut top: Vec<(f64, &Group, &Tally)> = Vec::with_capacity(LINES + 1);
    for (group, tally) in groups.iter().take(n_seen) {
        let Some(weight) = weight(store, by, group, tally) else {
            continue;
        };
        let at = top.partition_point(|(other, ..)| *other >= weight);
        if at < LINES {
            top.insert(at, (weight, group, tally));
            top.truncate(LINES);
        }
    }
    top
}

pub(super) fn functions_ui(
    ui: &mut Ui,
    store: &OpenStore,
    by: FunctionsBy,
    height: f32,
    query: &QueryField,
    out: &mut Vec<Command>,
) {
    let Some(surveyed) = &store.overview.surveyed else {
        return;
    };
    let all = &surveyed.overview.groups;
    let groups = top(store, by, all);
    let most = groups
        .first()
        .map_or(1.0, |(weight, ..)| weight.max(f64::MIN_POSITIVE));
    ui.spacing_mut().item_spacing.y = 0.0;
    let n_more = all.len().saturating_sub(groups.len());
    let lines = ScrollArea::vertical()
        .id_salt("functions")
        .max_height(height);
    lines.auto_shrink([false, false]).show(ui, |ui| {
        if groups.is_empty() {
            controls::quiet(ui, "Nothing was seen yet");
        }
        for &(weight, group, tally) in &groups {
            #[expect(clippy::cast_possible_truncation, reason = "a part of a bar's length")]
            let part = (weight / most) as f32;
            let title = cachescope_core::stores::group_title(store.info.kind, group);
            if line_ui(ui, &shown(&title), &figure(by, weight, tally), part)
                && let Some(term) = group_term(&group.label)
            {
                out.push(Command::Query(query.with_field("group", &term)));
            }
        }
        if n_more > 0 && groups.len() == LINES {
            let n = text::count(n_more as u64);
            controls::quiet(ui, format!("and {n} more, with less"));
        }
    });
}

/// What a group's bar stands for, in words.
fn figure(by: FunctionsBy, weight: f64, tally: &Tally) -> String {
    match by {
        FunctionsBy::Bytes => text::bytes(tally.bytes),
        FunctionsBy::Duration => text::duration(weight),
        FunctionsBy::Saved => format!("≤ {}", text::duration(weight)),
    }
}

/// Name, figure and bar; true if it was clicked.
fn line_ui(ui: &mut Ui, title: &str, figure: &str, part: f32) -> bool {
    let theme = Theme::of(ui.ctx());
    let size = vec2(ui.available_width(), LINE);
    let (rect, response) = ui.allocate_exact_size(size, Sense::click());
    let title = if title.is_empty() { "(no name)" } else { title };
    response.widget_info(|| {
        WidgetInfo::labeled(Role::Button, true, format!("Show only {title}, {figure}"))
    });
    let bar = Rect::from_min_max(
        pos2(rect.left(), rect.bottom() - 4.0),
        pos2(rect.left() + rect.width() * part, rect.bottom() - 2.0),
    );
    ui.painter().rect_filled(bar, 1.0, theme.accent);
    controls::focus_ring(ui, &response);
    let color = if response.hovered() {
        theme.accent
    } else {
        theme.text
    };
    let words = rect.with_max_y(rect.bottom() - 4.0);
    let (name, room) = words.split_left_right_at_x(words.right() - 72.0);
    cell::text(ui, name, title, theme::body(), color);
    cell::figure(ui.painter(), room, figure, theme::body(), theme.text);
    response.clicked()
}
