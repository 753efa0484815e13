//! How entries are spread over sizes, last uses and ages, and which groups hold most.

use egui::{RichText, Ui};

use super::{Around, bins, functions};
use crate::gui::command::Command;
use crate::gui::state::{FunctionsBy, OpenStore};
use crate::gui::theme::{self, Theme};
use crate::gui::widgets::histogram::Histogram;
use crate::gui::widgets::{controls, picture};

/// Lines of functions beside the histograms, which are as high: few in a low window, more in a high one.
const MIN_LINES: f32 = 4.0;
const MAX_LINES: f32 = 9.0;
/// Part of the page's height that they take.
const PART: f32 = 0.17;

/// Below this width they stand under each other, in points.
const BESIDE: f32 = 720.0;

/// Height of the histograms' bars and labels on a page of this height, in points.
pub(super) fn height(page: f32) -> f32 {
    (page * PART / functions::LINE)
        .floor()
        .clamp(MIN_LINES, MAX_LINES)
        * functions::LINE
}

pub(super) fn distributions_ui(
    ui: &mut Ui,
    store: &OpenStore,
    around: &Around<'_>,
    height: f32,
    out: &mut Vec<Command>,
) {
    if store.overview.surveyed.is_none() {
        return;
    }
    if ui.available_width() < BESIDE {
        sizes_ui(ui, store, around, height, out);
        times_ui(ui, store, around, height, out);
        groups_ui(ui, store, around, height, out);
        return;
    }
    ui.columns_const(|[a, b, c]| {
        sizes_ui(a, store, around, height, out);
        times_ui(b, store, around, height, out);
        groups_ui(c, store, around, height, out);
    });
}

fn sizes_ui(
    ui: &mut Ui,
    store: &OpenStore,
    around: &Around<'_>,
    height: f32,
    out: &mut Vec<Command>,
) {
    let name = "Entries by size";
    let Some(surveyed) = &store.overview.surveyed else {
        return;
    };
    chosen(ui, name, &[] as &[(&str, ())], (), out, |ui, out| {
        let histogram = Histogram {
            name,
            bins: &surveyed.overview.by_size,
            label: &bins::size_label,
            range: &bins::size_range,
        };
        if let Some(range) = histogram.show(ui, height) {
            let query = around.query.with_field("size", &bins::size_terms(&range));
            out.push(Command::Query(query));
        }
    });
}

fn times_ui(
    ui: &mut Ui,
    store: &OpenStore,
    around: &Around<'_>,
    height: f32,
    out: &mut Vec<Command>,
) {
    let Some(surveyed) = &store.overview.surveyed else {
        return;
    };
    let overview = &surveyed.overview;
    // What is not recorded is no chart: the other way of counting takes its place.
    let is_by_age = around.saved.ways.is_by_age || overview.by_last_use.is_empty();
    let (name, field, bins) = if is_by_age {
        ("Entries by age", "age", &overview.by_age)
    } else {
        ("Entries by last use", "used", &overview.by_last_use)
    };
    let both = [("last use", false), ("age", true)];
    let ways = if overview.by_last_use.is_empty() {
        both.get(1..).unwrap_or_default()
    } else {
        both.as_slice()
    };
    let title = if ways.len() > 1 { "Entries" } else { name };
    let picked = chosen(ui, title, ways, is_by_age, out, |ui, out| {
        if bins.is_empty() {
            ui.set_min_height(height);
            controls::quiet(ui, "Not recorded");
            return;
        }
        let histogram = Histogram {
            name,
            bins,
            label: &bins::age_label,
            range: &bins::age_range,
        };
        if let Some(range) = histogram.show(ui, height) {
            let query = around
                .query
                .with_field(field, &bins::age_terms(field, &range));
            out.push(Command::Query(query));
        }
    });
    out.extend(picked.map(Command::ByAge));
}

fn groups_ui(
    ui: &mut Ui,
    store: &OpenStore,
    around: &Around<'_>,
    height: f32,
    out: &mut Vec<Command>,
) {
    let ways = functions::ways(store);
    let by = around.saved.ways.functions_by;
    // What is not recorded here cannot be gone by; the choice stays for stores that know it.
    let by = if ways.iter().any(|(_, way)| *way == by) {
        by
    } else {
        FunctionsBy::Bytes
    };
    let title = match cachescope_core::stores::group_word(store.info.kind).many {
        "functions" => "Top functions",
        "tables" => "Top tables",
        "tags" => "Top tags",
        "packages" => "Top packages",
        "modules" => "Top modules",
        _ => "Top groups",
    };
    let picked = chosen(ui, title, &ways, by, out, |ui, out| {
        functions::functions_ui(ui, store, by, height, around.query, out);
    });
    out.extend(picked.map(Command::FunctionsBy));
}

/// A card with ways to look at it; returns another one when it is picked.
fn chosen<T: Copy + PartialEq>(
    ui: &mut Ui,
    title: &'static str,
    ways: &[(&str, T)],
    on: T,
    out: &mut Vec<Command>,
    add: impl FnOnce(&mut Ui, &mut Vec<Command>),
) -> Option<T> {
    let theme = Theme::of(ui.ctx());
    let (mut picked, mut wanted) = (None, None);
    let card = controls::card(theme).show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.spacing_mut().item_spacing.y = 6.0;
        ui.horizontal(|ui| {
            ui.set_min_height(20.0);
            ui.spacing_mut().item_spacing.x = 6.0;
            ui.label(RichText::new(title).font(theme::strong()));
            if ways.len() > 1 {
                picked = controls::one_of(ui, title, ways, on);
            }
            let right = egui::Layout::right_to_left(egui::Align::Center);
            ui.with_layout(right, |ui| wanted = picture::menu_ui(ui, title));
        });
        add(ui, out);
    });
    picture::ask(wanted, card.response.rect, title, out);
    picked
}
