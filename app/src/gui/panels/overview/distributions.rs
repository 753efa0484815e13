//! How entries are spread over sizes and last uses, and which functions hold most.

use cachescope_core::jobs::Surveyed;
use cachescope_core::model::text::shown;
use egui::accesskit::Role;
use egui::{Rect, RichText, Sense, Ui, WidgetInfo, pos2, vec2};

use super::bins;
use crate::gui::command::Command;
use crate::gui::state::{OpenStore, QueryField};
use crate::gui::theme::{self, ROW, Theme};
use crate::gui::widgets::histogram::Histogram;
use crate::gui::widgets::{cell, controls};
use crate::text;

/// Height of the histograms' bars and labels, in points.
const BARS: f32 = 88.0;

pub(super) fn distributions_ui(
    ui: &mut Ui,
    store: &OpenStore,
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
            ui.label(RichText::new(title).font(theme::strong()));
            add(ui);
        });
    };
    let mut brushed = Vec::new();
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
        titled(b, "Entries by last use", &mut |ui| {
            if overview.by_last_use.is_empty() {
                ui.set_min_height(BARS);
                controls::quiet(ui, "Not recorded");
                return;
            }
            let histogram = Histogram {
                name: "Entries by last use",
                bins: &overview.by_last_use,
                label: &bins::age_label,
                range: &bins::age_range,
            };
            if let Some(range) = histogram.show(ui, BARS) {
                brushed.push(query.with_field("used", &bins::age_terms(&range)));
            }
        });
        titled(c, "Largest functions", &mut |ui| {
            functions_ui(ui, surveyed, query, out);
        });
    });
    out.extend(brushed.into_iter().map(Command::Query));
}

/// The functions that hold most, as bars; a click shows only that one.
fn functions_ui(ui: &mut Ui, surveyed: &Surveyed, query: &QueryField, out: &mut Vec<Command>) {
    let theme = Theme::of(ui.ctx());
    let groups = &surveyed.overview.groups;
    let most = groups.first().map_or(1, |(_, t)| t.bytes.max(1));
    ui.spacing_mut().item_spacing.y = 0.0;
    ui.set_min_height(BARS);
    for (group, tally) in groups.iter().take(4) {
        let size = vec2(ui.available_width(), ROW - 2.0);
        let (rect, response) = ui.allocate_exact_size(size, Sense::click());
        let label = shown(&group.label);
        response
            .widget_info(|| WidgetInfo::labeled(Role::Button, true, format!("Show only {label}")));
        #[expect(clippy::cast_precision_loss, reason = "a part of a bar's length")]
        let part = tally.bytes as f32 / most as f32;
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
            &text::bytes(tally.bytes),
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
