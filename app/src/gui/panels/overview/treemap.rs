//! Where the bytes are: every entry a rectangle, by function.

use std::sync::Arc;

use cachescope_core::jobs::{Surveyed, Zoom};
use cachescope_core::model::Time;
use cachescope_core::model::text::shown;
use cachescope_core::ops::{GroupArea, Layout, Tile};
use egui::accesskit::Role;
use egui::{Align, Pos2, Response, RichText, Sense, Stroke, StrokeKind, Ui, WidgetInfo, vec2};

use crate::gui::command::{Command, TableCommand};
use crate::gui::state::{OpenStore, Pick, QueryField, Saved};
use crate::gui::theme::{self, Theme};
use crate::gui::widgets::mosaic::{self, Colour, Key};
use crate::gui::widgets::{cell, controls};
use crate::text;

/// Height of a heading over the tiles of a group, in points.
const HEADING: f32 = 18.0;
/// Tiles below three points a side are merged.
const MIN_AREA: f32 = 9.0;

pub(super) fn treemap_ui(
    ui: &mut Ui,
    store: &mut OpenStore,
    saved: &Saved,
    query: &QueryField,
    height: f32,
    now: Time,
    out: &mut Vec<Command>,
) {
    let theme = Theme::of(ui.ctx());
    controls::card(theme).show(ui, |ui| {
        ui.spacing_mut().item_spacing.y = 8.0;
        heading_ui(ui, store, saved, out);
        let size = vec2(ui.available_width(), height - 60.0);
        let layout = Layout {
            width: size.x.round(),
            height: size.y.round(),
            heading: HEADING,
            min_area: MIN_AREA,
        };
        let (rect, response) = ui.allocate_exact_size(size, Sense::click());
        out.extend(super::super::need_survey(store, Some(layout), now));
        response.widget_info(|| {
            WidgetInfo::labeled(
                Role::Image,
                true,
                "Treemap: area is bytes, grouped by function",
            )
        });
        let Some(arranged) = store.entries.arranged.as_deref() else {
            return;
        };
        let overview = &mut store.overview;
        let Some(surveyed) = overview.surveyed.as_deref() else {
            cell::text(ui, rect, "Measuring…", theme::body(), theme.quiet);
            return;
        };
        let key = Key {
            theme,
            colour: saved.colour,
            verdicts: &store.verdicts,
            found: &arranged.rows,
            is_filtered: !query.parsed().is_empty(),
        };
        let painter = ui.painter_at(rect);
        mosaic::paint(&painter, overview.painted.mesh(surveyed, &key, rect.min));
        mosaic::headings(ui, surveyed, rect.min);
        let selection = &store.entries.selection;
        if !selection.is_empty() {
            for (area, tile) in surveyed.groups.iter().flat_map(|g| &g.tiles) {
                let Tile::Entry(row) = tile else { continue };
                let record = surveyed.snapshot.record(*row);
                if record.is_some_and(|r| selection.contains(r.id())) {
                    let stroke = Stroke::new(2.0, theme.text);
                    let tile = mosaic::rect_of(*area, rect.min);
                    painter.rect_stroke(tile, 0.0, stroke, StrokeKind::Inside);
                }
            }
        }
        point_ui(ui, &response, surveyed, rect.min, now, out);
    });
}

/// What the pointer does to the treemap: tells, selects, zooms.
fn point_ui(
    ui: &Ui,
    response: &Response,
    surveyed: &Surveyed,
    origin: Pos2,
    now: Time,
    out: &mut Vec<Command>,
) {
    let Some(pos) = response.hover_pos() else {
        return;
    };
    let Some((group, tile)) = mosaic::tile_at(surveyed, origin, pos) else {
        return;
    };
    if let Some((area, _)) = tile {
        let edge = Stroke::new(1.5, Theme::of(ui.ctx()).text);
        let tile = mosaic::rect_of(area, origin);
        ui.painter()
            .rect_stroke(tile, 0.0, edge, StrokeKind::Inside);
    }
    let bytes = text::bytes(group.bytes);
    let mut lines = vec![format!("{} · {bytes}", shown(&group.group.label))];
    match tile {
        Some((_, Tile::Entry(row))) => {
            if let Some(record) = surveyed.snapshot.record(row) {
                lines.push(text::shorten(&shown(&record.key_text()), 60));
                let used = record.accessed.map(|t| text::ago(t, now));
                let used = used.map_or_else(String::new, |ago| format!(" · last used {ago}"));
                lines.push(format!("{}{used}", text::bytes(record.bytes)));
            }
            if response.clicked() {
                let pick = Pick::Row(row);
                out.push(Command::Table(TableCommand::Select(pick)));
            }
        }
        Some((_, Tile::Rest(n))) => {
            lines.push(text::counted(n, "smaller entry", "smaller entries"));
        }
        None => {}
    }
    if response.double_clicked() {
        out.push(Command::Zoom(deeper(surveyed, group)));
    }
    response.clone().on_hover_text_at_pointer(lines.join("\n"));
}

/// From all to a module of several functions, from there to one function, from there back to all.
fn deeper(surveyed: &Surveyed, group: &GroupArea) -> Option<Zoom> {
    match &surveyed.zoom {
        Some(Zoom::Group(_)) => None,
        Some(Zoom::Module(_)) => Some(Zoom::Group(Arc::clone(&group.group))),
        None => {
            let module = module_of(&group.group.label).map(|name| Zoom::Module(name.into()));
            let is_whole = |zoom: &Zoom| surveyed.groups.iter().all(|g| zoom.holds(&g.group));
            let n_held = |zoom: &Zoom| {
                surveyed
                    .groups
                    .iter()
                    .filter(|g| zoom.holds(&g.group))
                    .count()
            };
            let module = module.filter(|zoom| n_held(zoom) > 1 && !is_whole(zoom));
            module.or_else(|| Some(Zoom::Group(Arc::clone(&group.group))))
        }
    }
}

/// `features.text` of `features.text.embed`.
fn module_of(label: &str) -> Option<&str> {
    label
        .rsplit_once('.')
        .map(|(module, _)| module)
        .filter(|module| !module.is_empty())
}

/// The way from the whole store to what fills the treemap; each step can be gone back to.
fn crumbs_ui(ui: &mut Ui, zoom: &Zoom, out: &mut Vec<Command>) {
    if ui.link("All").clicked() {
        out.push(Command::Zoom(None));
    }
    let (module, function) = match zoom {
        Zoom::Module(module) => (None, &**module),
        Zoom::Group(group) => (module_of(&group.label), &*group.label),
    };
    if let Some(module) = module {
        controls::quiet(ui, "›");
        if ui.link(shown(module)).clicked() {
            out.push(Command::Zoom(Some(Zoom::Module(module.into()))));
        }
    }
    controls::quiet(ui, format!("› {}", shown(function)));
}

fn heading_ui(ui: &mut Ui, store: &OpenStore, saved: &Saved, out: &mut Vec<Command>) {
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 8.0;
        ui.label(RichText::new("Where the bytes are").font(theme::strong()));
        if let Some(zoom) = &store.overview.zoom {
            crumbs_ui(ui, zoom, out);
        }
        controls::quiet(ui, "colour");
        for (colour, name) in Colour::ALL {
            if controls::choice(ui, name, saved.colour == colour).clicked() {
                out.push(Command::Colour(colour));
            }
        }
        ui.with_layout(egui::Layout::right_to_left(Align::Center), |ui| {
            let overview = store.overview.surveyed.as_ref().map(|s| &s.overview);
            if saved.colour == Colour::LastUse && overview.is_some_and(|o| o.idle.is_none()) {
                controls::quiet(ui, "last use is not recorded here");
            } else {
                legend_ui(ui, saved.colour);
            }
        });
    });
}

fn legend_ui(ui: &mut Ui, colour: Colour) {
    let theme = Theme::of(ui.ctx());
    let Some([low, high]) = colour.ends() else {
        return;
    };
    // From the right: this part of the row is laid out backwards.
    ui.spacing_mut().item_spacing.x = 6.0;
    controls::quiet(ui, high);
    for color in theme.ages().iter().rev() {
        let (rect, _) = ui.allocate_exact_size(vec2(16.0, 10.0), Sense::hover());
        ui.painter().rect_filled(rect, 1.0, *color);
    }
    controls::quiet(ui, low);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_is_all_before_the_last_dot() {
        for (label, expected) in [
            ("features.text.embed", Some("features.text")),
            ("embed", None),
            (".hidden", None),
        ] {
            assert_eq!(module_of(label), expected, "{label}");
        }
    }
}
