//! How entries are spread over sizes and last uses, and which functions hold most.

use cachescope_core::jobs::Surveyed;
use cachescope_core::model::text::shown;
use cachescope_core::ops::Tally;
use egui::accesskit::Role;
use egui::{Rect, RichText, Sense, Ui, WidgetInfo, pos2, vec2};

use super::bins;
use crate::gui::command::Command;
use crate::gui::state::{OpenStore, QueryField, Saved};
use crate::gui::theme::{self, ROW, Theme};
use crate::gui::widgets::histogram::Histogram;
use crate::gui::widgets::{cell, controls};
use crate::text;

/// Height of the histograms' bars and labels, in points.
const BARS: f32 = 88.0;

pub(super) fn distributions_ui(
    ui: &mut Ui,
    store: &OpenStore,
    saved: &Saved,
    query: &QueryField,
    out: &mut Vec<Command>,
) {
    let theme = Theme::of(ui.ctx());
    let Some(surveyed) = &store.overview.surveyed else {
        return;
    };
    let overview = &surveyed.overview;
    let titled = |ui: &mut Ui, title: &str, add: &mut dyn FnMut(&mut Ui)| {
        controls::card(theme).show(ui, |ui| {
            ui.set_width(ui.available_width());
            ui.spacing_mut().item_spacing.y = 6.0;
            ui.horizontal(|ui| {
                ui.set_min_height(20.0);
                ui.label(RichText::new(title).font(theme::strong()));
            });
            add(ui);
        });
    };
    let (mut brushed, mut commands) = (Vec::new(), Vec::new());
    ui.columns_const(|[a, b, c]| {
        titled(a, "Entries by size", &mut |ui| {
            let histogram = Histogram {
                name: "Entries by size",
                bins: &overview.by_size,
                label: &bins::size_label,
                range: &bins::size_range,
            };
            if let Some(range) = histogram.show(ui, BARS) {
                brushed.push(query.with_field("size", &bins::size_terms(&range)));
            }
        });
        // What is not recorded is no chart: the other way of counting takes its place.
        let is_by_age = saved.ways.is_by_age || overview.by_last_use.is_empty();
        let (name, field, bins) = if is_by_age {
            ("Entries by age", "age", &overview.by_age)
        } else {
            ("Entries by last use", "used", &overview.by_last_use)
        };
        let ways = [("last use", false), ("age", true)];
        let picked = chosen(b, name, ways, is_by_age, &mut |ui| {
            if bins.is_empty() {
                ui.set_min_height(BARS);
                controls::quiet(ui, "Not recorded");
                return;
            }
            let histogram = Histogram {
                name,
                bins,
                label: &bins::age_label,
                range: &bins::age_range,
            };
            if let Some(range) = histogram.show(ui, BARS) {
                brushed.push(query.with_field(field, &bins::age_terms(field, &range)));
            }
        });
        commands.extend(picked.map(Command::ByAge));
        let ways = [("bytes", false), ("compute time", true)];
        let picked = chosen(
            c,
            "Top functions",
            ways,
            saved.ways.is_by_duration,
            &mut |ui| {
                functions_ui(ui, surveyed, saved.ways.is_by_duration, query, out);
            },
        );
        commands.extend(picked.map(Command::ByDuration));
    });
    out.extend(commands);
    out.extend(brushed.into_iter().map(Command::Query));
}

/// A card with two ways to look at it; returns the other one when it is picked.
fn chosen(
    ui: &mut Ui,
    title: &str,
    ways: [(&str, bool); 2],
    is_on: bool,
    add: &mut dyn FnMut(&mut Ui),
) -> Option<bool> {
    let theme = Theme::of(ui.ctx());
    let mut picked = None;
    controls::card(theme).show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.spacing_mut().item_spacing.y = 6.0;
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = 6.0;
            ui.label(RichText::new(title).font(theme::strong()));
            for (name, way) in ways {
                if controls::choice(ui, name, way == is_on).clicked() {
                    picked = Some(way);
                }
            }
        });
        add(ui);
    });
    picked
}

fn words_of(tally: &Tally, is_by_duration: bool) -> String {
    match tally.duration_s.filter(|_| is_by_duration) {
        Some(seconds) => text::duration(seconds),
        None => text::bytes(tally.bytes),
    }
}

/// The functions that hold most, as bars; a click shows only that one.
fn functions_ui(
    ui: &mut Ui,
    surveyed: &Surveyed,
    is_by_duration: bool,
    query: &QueryField,
    out: &mut Vec<Command>,
) {
    let theme = Theme::of(ui.ctx());
    #[expect(clippy::cast_precision_loss, reason = "lengths of bars")]
    let weight = |tally: &Tally| {
        if is_by_duration {
            tally.duration_s.unwrap_or(0.0)
        } else {
            tally.bytes as f64
        }
    };
    let mut groups: Vec<_> = surveyed.overview.groups.iter().collect();
    if is_by_duration {
        groups.retain(|(_, tally)| tally.duration_s.is_some());
        groups.sort_by(|a, b| weight(&b.1).total_cmp(&weight(&a.1)));
    }
    let most = groups
        .first()
        .map_or(1.0, |(_, t)| weight(t).max(f64::MIN_POSITIVE));
    ui.spacing_mut().item_spacing.y = 0.0;
    ui.set_min_height(BARS);
    if groups.is_empty() {
        controls::quiet(ui, "Not recorded");
    }
    for (group, tally) in groups.into_iter().take(4) {
        let size = vec2(ui.available_width(), ROW - 2.0);
        let (rect, response) = ui.allocate_exact_size(size, Sense::click());
        let label = shown(&group.label);
        response
            .widget_info(|| WidgetInfo::labeled(Role::Button, true, format!("Show only {label}")));
        #[expect(clippy::cast_possible_truncation, reason = "a part of a bar's length")]
        let part = (weight(tally) / most) as f32;
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
        let (name, figure) = words.split_left_right_at_x(words.right() - 72.0);
        cell::text(ui, name, &label, theme::body(), color);
        cell::figure(
            ui.painter(),
            figure,
            &words_of(tally, is_by_duration),
            theme::body(),
            theme.text,
        );
        if response.clicked() {
            out.push(Command::Query(
                query.with_field("group", &format!("group:{label}")),
            ));
        }
    }
}
