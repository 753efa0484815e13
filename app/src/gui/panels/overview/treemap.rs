//! Where the bytes are: every entry a rectangle, by function, of one store or of all; by pointer and by keyboard.

use cachescope_core::jobs::Surveyed;
use cachescope_core::model::text::shown;
use cachescope_core::model::{Condition, Record, Row, StoreId};
use cachescope_core::ops::{Area, Layout, StoreArea, Tile, TileArea};
use egui::accesskit::Role;
use egui::{
    Align, EventFilter, Id, Key, Modifiers, PointerButton, Pos2, Rect, Response, RichText, Sense,
    Stroke, StrokeKind, Ui, WidgetInfo, vec2,
};

use super::super::menus;
use super::steps::{self, Way};
use super::{Around, crumbs};
use crate::gui::bidi;
use crate::gui::command::{Command, PictureTo, TableCommand};
use crate::gui::state::{OpenStore, Pick};
use crate::gui::theme::{self, Theme};
use crate::gui::widgets::mosaic::{self, Colour, Spot};
use crate::gui::widgets::{cell, condition, controls, picture};
use crate::text;

/// Height of a heading over the tiles of a group, in points.
const HEADING: f32 = 18.0;
/// Tiles below three points a side are merged.
const MIN_AREA: f32 = 9.0;
/// Room around the treemap in its card: above and below it, in points.
const AROUND: f32 = 24.0;

pub(super) fn treemap_ui(
    ui: &mut Ui,
    store: &mut OpenStore,
    around: &Around<'_>,
    height: f32,
    out: &mut Vec<Command>,
) {
    let theme = Theme::of(ui.ctx());
    let mut wanted = None;
    let card = controls::card(theme).show(ui, |ui| {
        ui.spacing_mut().item_spacing.y = 4.0;
        let top = ui.cursor().top();
        wanted = heading_ui(ui, store, around, out);
        if crumbs::is_shown(store, around) {
            ui.horizontal(|ui| {
                ui.spacing_mut().item_spacing.x = 6.0;
                ui.spacing_mut().interact_size.y = 18.0;
                crumbs::crumbs_ui(ui, store, around, out);
            });
        }
        let above = ui.cursor().top() - top;
        let size = vec2(ui.available_width(), (height - above - AROUND).max(120.0));
        let layout = Layout {
            width: size.x.round(),
            height: size.y.round(),
            heading: HEADING,
            min_area: MIN_AREA,
        };
        out.extend(super::super::need_survey(
            store,
            Some(layout),
            around.neighbours,
            around.now,
        ));
        map_ui(ui, store, around, size, out);
    });
    picture::ask(wanted, card.response.rect, "treemap", out);
}

fn map_ui(
    ui: &mut Ui,
    store: &mut OpenStore,
    around: &Around<'_>,
    size: egui::Vec2,
    out: &mut Vec<Command>,
) {
    let theme = Theme::of(ui.ctx());
    let (_, rect) = ui.allocate_space(size);
    // A name of its own: the way back comes and goes above it, and the keyboard must stay here.
    let response = ui.interact(rect, Id::unique("treemap"), Sense::click());
    // Taken out while it is drawn: what is drawn beside it belongs to the same store.
    let Some(surveyed) = store.overview.surveyed.take() else {
        response.widget_info(|| WidgetInfo::labeled(Role::Image, true, "Treemap: measuring"));
        cell::text(ui, rect, "Measuring…", theme::body(), theme.quiet);
        return;
    };
    let neighbours = around.neighbours.iter().map(|n| (n.info.id, &n.verdicts));
    let verdicts: Vec<_> = std::iter::once((store.info.id, &store.verdicts))
        .chain(neighbours)
        .collect();
    let key = mosaic::Key {
        theme,
        colour: around.saved.colour,
        verdicts: &verdicts,
    };
    let mesh = store.overview.painted.mesh(&surveyed, &key, rect.min);
    let painter = ui.painter_at(rect);
    painter.add(mesh);
    mosaic::headings(ui, &surveyed, rect.min);
    let selection = &store.entries.selection;
    if !selection.is_empty() {
        let stroke = Stroke::new(2.0, theme.text);
        for (tile, record) in entries(&surveyed, store.info.id) {
            if selection.contains(record.id()) {
                let tile = mosaic::rect_of(tile.area, rect.min);
                painter.rect_stroke(tile, 0.0, stroke, StrokeKind::Inside);
            }
        }
    }
    let current = current(&surveyed, store);
    response.widget_info(|| {
        let word = cachescope_core::stores::group_word(store.info.kind).one;
        let at = current.and_then(|tile| told(&surveyed, store.info.id, tile));
        let at = at.map_or_else(String::new, |at| format!(". {at}"));
        let name = format!("Treemap: area is bytes, by {word}{at}");
        WidgetInfo::labeled(Role::Image, true, name)
    });
    if surveyed.stores.iter().all(|s| s.groups.is_empty()) {
        cell::text(
            ui,
            rect.shrink(8.0),
            "No entry has any bytes",
            theme::body(),
            theme.quiet,
        );
    }
    point_ui(ui, &response, store, &surveyed, around, out);
    response.context_menu(|ui| menus::offered_ui(ui, around.menu, out));
    keys_ui(&response, store, &surveyed, current, around, out);
    controls::focus_ring(ui, &response);
    store.overview.surveyed = Some(surveyed);
}

/// The tiles of single entries of a store.
fn entries(surveyed: &Surveyed, id: StoreId) -> impl Iterator<Item = (TileArea, Record<'_>)> {
    let store = surveyed
        .stores
        .iter()
        .find(move |s| s.snapshot.store.id == id);
    store.into_iter().flat_map(|store| {
        let tiles = store.groups.iter().flat_map(|g| &g.tiles);
        tiles.filter_map(|tile| match tile.tile {
            Tile::Entry(row) => Some((*tile, store.snapshot.record(row)?)),
            Tile::Rest(_) => None,
        })
    })
}

/// The tile where the keyboard is: that of the one selected entry.
fn current(surveyed: &Surveyed, store: &OpenStore) -> Option<TileArea> {
    let id = store.selected()?.id();
    let tile = entries(surveyed, store.info.id).find(|(_, record)| record.id() == id);
    tile.map(|(tile, _)| tile)
}

/// An entry's tile in words.
fn told(surveyed: &Surveyed, id: StoreId, tile: TileArea) -> Option<String> {
    let Tile::Entry(row) = tile.tile else {
        return None;
    };
    let mut stores = surveyed.stores.iter();
    let store = stores.find(|s| s.snapshot.store.id == id)?;
    let record = store.snapshot.record(row)?;
    let key = text::shorten(&shown(&record.key_text()), 60);
    let label = shown(&record.group.label);
    let dot = if label.is_empty() { "" } else { " · " };
    Some(format!("{label}{dot}{key}, {}", text::bytes(record.bytes)))
}

/// What the pointer does to the treemap: tells, selects, goes in.
fn point_ui(
    ui: &Ui,
    response: &Response,
    store: &OpenStore,
    surveyed: &Surveyed,
    around: &Around<'_>,
    out: &mut Vec<Command>,
) {
    let Some(pos) = response.hover_pos() else {
        return;
    };
    let origin = response.rect.min;
    let Some(spot) = mosaic::spot_at(surveyed, origin, pos) else {
        return;
    };
    let outline = spot.tile.map_or_else(
        || spot.group.map_or(spot.store.area, |group| group.area),
        |tile| tile.area,
    );
    let edge = Stroke::new(1.5, Theme::of(ui.ctx()).text);
    ui.painter().rect_stroke(
        mosaic::rect_of(outline, origin),
        0.0,
        edge,
        StrokeKind::Inside,
    );
    let id = spot.store.snapshot.store.id;
    if response.secondary_clicked()
        && let Some(Tile::Entry(row)) = spot.tile.map(|tile| tile.tile)
    {
        select(spot.store, row, store.info.id, out);
    }
    // A heading is a way in; so is a double click anywhere.
    let is_clicked = response.clicked_by(PointerButton::Primary);
    let is_way_in = spot.tile.is_none() && is_clicked;
    if response.double_clicked() || is_way_in {
        out.extend(crumbs::deeper(surveyed, store, (id, spot.group), around));
    } else if is_clicked && let Some(Tile::Entry(row)) = spot.tile.map(|tile| tile.tile) {
        select(spot.store, row, store.info.id, out);
    }
    let theme = Theme::of(ui.ctx());
    let words = bidi::text(&words(&spot, around), theme::body(), theme.text);
    response.clone().on_hover_text_at_pointer(words);
}

/// Selects an entry everywhere, and shows its store.
fn select(of: &StoreArea, row: Row, on_show: StoreId, out: &mut Vec<Command>) {
    let id = of.snapshot.store.id;
    if id != on_show {
        out.push(Command::Show(id));
    }
    if let Some(record) = of.snapshot.record(row) {
        let pick = Pick::Entry(record.id(), row);
        out.push(Command::Table(TableCommand::Select(pick)));
    }
}

/// What is under the pointer.
fn words(spot: &Spot<'_>, around: &Around<'_>) -> String {
    let info = &spot.store.snapshot.store;
    let mut lines = Vec::new();
    if around.is_across {
        let title = info.title();
        lines.push(format!(
            "{} · {} · {}",
            shown(&title),
            info.kind,
            text::bytes(spot.store.bytes)
        ));
    }
    if let Some(group) = spot.group {
        let title = cachescope_core::stores::group_title(info.kind, &group.group);
        if !title.is_empty() {
            lines.push(format!("{} · {}", shown(&title), text::bytes(group.bytes)));
        }
    }
    match spot.tile {
        Some(TileArea {
            tile: Tile::Entry(row),
            found,
            ..
        }) => {
            if let Some(record) = spot.store.snapshot.record(row) {
                lines.push(text::shorten(&shown(&record.key_text()), 60));
                let used = record.accessed.map(|t| text::ago(t, around.now));
                let used = used.map_or_else(String::new, |ago| format!(" · last used {ago}"));
                let seconds = record.duration_s.map(text::duration);
                let took = seconds.map_or_else(String::new, |s| format!(" · computed in {s}"));
                lines.push(format!("{}{used}{took}", text::bytes(record.bytes)));
                if found == 0.0 {
                    lines.push("left out by the query".to_owned());
                }
            }
        }
        Some(TileArea {
            tile: Tile::Rest(n),
            ..
        }) => {
            lines.push(text::counted(n, "smaller entry", "smaller entries"));
        }
        None => lines.push("Click to go in".to_owned()),
    }
    lines.join("\n")
}

/// What keys do to the treemap: arrows step from tile to tile, Enter goes in, Backspace out.
fn keys_ui(
    response: &Response,
    store: &OpenStore,
    surveyed: &Surveyed,
    current: Option<TileArea>,
    around: &Around<'_>,
    out: &mut Vec<Command>,
) {
    if !response.has_focus() {
        return;
    }
    let filter = EventFilter {
        horizontal_arrows: true,
        vertical_arrows: true,
        ..EventFilter::default()
    };
    response
        .ctx
        .memory_mut(|m| m.set_focus_lock_filter(response.id, filter));
    let pressed = |key| {
        response
            .ctx
            .input_mut(|i| i.consume_key(Modifiers::NONE, key))
    };
    for (key, way) in Way::KEYS {
        if !pressed(key) {
            continue;
        }
        let tiles = surveyed.stores.iter().flat_map(|of| {
            let tiles = of.groups.iter().flat_map(|g| &g.tiles);
            tiles.filter_map(move |tile| match tile.tile {
                Tile::Entry(row) => Some((tile.area, (of, row))),
                Tile::Rest(_) => None,
            })
        });
        let next = match current {
            Some(tile) => steps::next(tile.area, way, tiles),
            None => tiles.map(|(_, tile)| tile).next(),
        };
        if let Some((of, row)) = next {
            select(of, row, store.info.id, out);
        }
    }
    let area = current.map(|tile| tile.area);
    if pressed(Key::Enter)
        && let Some(spot) = area.and_then(|area| within(surveyed, area))
    {
        let id = spot.store.snapshot.store.id;
        out.extend(crumbs::deeper(surveyed, store, (id, spot.group), around));
    }
    if pressed(Key::Backspace) {
        out.extend(crumbs::out_of(store, around));
    }
}

/// What lies in the middle of an area.
fn within(surveyed: &Surveyed, area: Area) -> Option<Spot<'_>> {
    let rect: Rect = mosaic::rect_of(area, Pos2::ZERO);
    mosaic::spot_at(surveyed, Pos2::ZERO, rect.center())
}

/// Below this width the colours to choose from have a row of their own, in points.
const NARROW: f32 = 580.0;

fn heading_ui(
    ui: &mut Ui,
    store: &OpenStore,
    around: &Around<'_>,
    out: &mut Vec<Command>,
) -> Option<PictureTo> {
    let marks = legend(ui, store, around.saved.colour);
    let width = legend_width(ui, &marks);
    let is_narrow = ui.available_width() < NARROW;
    let (mut wanted, mut is_beside) = (None, false);
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 8.0;
        ui.label(RichText::new("Where the bytes are").font(theme::strong()));
        if !is_narrow {
            colours_ui(ui, around.saved.colour, out);
        }
        ui.with_layout(egui::Layout::right_to_left(Align::Center), |ui| {
            wanted = picture::menu_ui(ui, "treemap");
            is_beside = !is_narrow && width <= ui.available_width();
            if is_beside {
                let size = vec2(width, ui.available_height());
                let layout = egui::Layout::left_to_right(Align::Center);
                ui.allocate_ui_with_layout(size, layout, |ui| legend_ui(ui, &marks));
            }
        });
    });
    if is_narrow {
        ui.horizontal_wrapped(|ui| colours_ui(ui, around.saved.colour, out));
    }
    if !is_beside && !marks.is_empty() {
        ui.horizontal_wrapped(|ui| legend_ui(ui, &marks));
    }
    wanted
}

/// What the colours can stand for.
fn colours_ui(ui: &mut Ui, chosen: Colour, out: &mut Vec<Command>) {
    controls::quiet(ui, "colour");
    for (colour, name) in Colour::ALL {
        if controls::choice(ui, name, chosen == colour).clicked() {
            out.push(Command::Colour(colour));
        }
    }
}

/// A piece of the legend, in reading order.
enum Mark {
    Word(&'static str),
    Swatch(egui::Color32),
}

/// Size of a colour in the legend, and the room between its pieces, in points.
const SWATCH: egui::Vec2 = vec2(16.0, 10.0);
const MARK_GAP: f32 = 6.0;

/// What the colours mean, or why there are none.
fn legend(ui: &Ui, store: &OpenStore, colour: Colour) -> Vec<Mark> {
    let theme = Theme::of(ui.ctx());
    let Some(overview) = store.overview.surveyed.as_ref().map(|s| &s.overview) else {
        return Vec::new();
    };
    let is_missing = match colour {
        Colour::LastUse => overview.idle.is_none(),
        Colour::Cost => overview.all.duration_s.is_none(),
        Colour::Age => overview.by_age.is_empty(),
        Colour::Condition => overview.unchecked == overview.all.entries,
    };
    if is_missing && overview.all.entries > 0 {
        return vec![Mark::Word(match colour {
            Colour::LastUse => "last use is not recorded here",
            Colour::Cost => "compute time is not recorded here",
            Colour::Age => "no times are recorded here",
            Colour::Condition => "nothing was checked yet",
        })];
    }
    if let Some([low, high]) = colour.ends() {
        let ages = theme.ages();
        let colors = ages.iter().map(|color| Mark::Swatch(*color));
        let low = std::iter::once(Mark::Word(low));
        return low.chain(colors).chain([Mark::Word(high)]).collect();
    }
    let met = Condition::ALL.into_iter().filter(|c| overview.of(*c) > 0);
    met.flat_map(|found| {
        let color = theme.condition(found);
        [Mark::Swatch(color), Mark::Word(condition::word(found))]
    })
    .collect()
}

fn legend_width(ui: &Ui, marks: &[Mark]) -> f32 {
    let theme = Theme::of(ui.ctx());
    let width = |mark: &Mark| match mark {
        Mark::Word(word) => {
            let word = cell::elided(ui, word, theme::body(), theme.quiet, f32::INFINITY);
            word.size().x
        }
        Mark::Swatch(_) => SWATCH.x,
    };
    marks.iter().map(|mark| width(mark) + MARK_GAP).sum()
}

fn legend_ui(ui: &mut Ui, marks: &[Mark]) {
    ui.spacing_mut().item_spacing.x = MARK_GAP;
    for mark in marks {
        match mark {
            Mark::Word(word) => {
                controls::quiet(ui, *word);
            }
            Mark::Swatch(color) => {
                let (rect, _) = ui.allocate_exact_size(SWATCH, Sense::hover());
                ui.painter().rect_filled(rect, 1.0, *color);
            }
        }
    }
}
