//! What shows while nothing is open: where to drop, what was open lately, samples to try.

use egui::{
    Align2, Button, FontId, Frame, Key, Margin, Response, RichText, ScrollArea, Stroke, TextEdit,
    Ui, vec2,
};

use cachescope_core::model::Issue;

use crate::gui::command::Command;
use crate::gui::state::State;
use crate::gui::theme::{self, Theme};
use crate::gui::widgets::controls;
use crate::text;

/// Caches that are listed; more are better listed by a terminal.
const MAX_FOUND: usize = 200;
/// Places not looked into that are named.
const MAX_NAMED: usize = 12;
/// Recent paths that are listed below the pinned ones.
const MAX_RECENT: usize = 6;
/// Width of the middle column, in points.
const WIDTH: f32 = 520.0;

pub(super) fn start_ui(ui: &mut Ui, state: &mut State, out: &mut Vec<Command>) {
    ui.vertical_centered(|ui| {
        ui.add_space((ui.available_height() * 0.12).max(16.0));
        ui.set_max_width(WIDTH.min(ui.available_width() - 32.0));
        ui.label(RichText::new("Open a cache").font(theme::large()));
        controls::quiet(
            ui,
            "joblib, shelve, dbm, pickle, diskcache and other stores of Python programs. Looking changes nothing in them",
        );
        ui.add_space(16.0);
        drop_zone_ui(ui, state);
        ui.add_space(12.0);
        path_ui(ui, "path", &mut state.typed_path, out);
        ui.add_space(12.0);
        ui.horizontal(|ui| {
            if ui.add(Button::new("Open…")).clicked() {
                out.push(Command::OpenDialog);
            }
            let can_find = state.finding.is_none();
            let find = Button::new("Find caches on this computer");
            if ui.add_enabled(can_find, find).clicked() {
                out.push(Command::FindCaches);
            }
            if ui.add(Button::new("Open the sample stores")).clicked() {
                out.push(Command::OpenSamples);
            }
        });
        ui.add_space(20.0);
        let height = (ui.available_height() - 24.0).max(80.0);
        ScrollArea::vertical().max_height(height).show(ui, |ui| {
            found_ui(ui, state, out);
            recent_ui(ui, state, out);
        });
    });
}

fn drop_zone_ui(ui: &mut Ui, state: &State) {
    let theme = Theme::of(ui.ctx());
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), 120.0), egui::Sense::hover());
    let is_hovered = ui.input(|i| !i.raw.hovered_files.is_empty());
    let color = if is_hovered { theme.accent } else { theme.line };
    ui.painter().rect_filled(rect, 8.0, theme.panel);
    let edge = [
        rect.left_top(),
        rect.right_top(),
        rect.right_bottom(),
        rect.left_bottom(),
        rect.left_top(),
    ];
    let dashes = egui::Shape::dashed_line(&edge, Stroke::new(1.5, color), 6.0, 5.0);
    ui.painter().extend(dashes);
    let words = match state.opening.first() {
        Some((_, path)) => {
            let path = cachescope_core::model::text::path(path);
            format!("Looking at {}", text::shorten(&path, 60))
        }
        None => "Drop a folder or a file here".to_owned(),
    };
    ui.painter().text(
        rect.center(),
        Align2::CENTER_CENTER,
        words,
        FontId::proportional(14.0),
        theme.quiet,
    );
}

/// The path as it is typed; the same field stands in the dialog for opening one more store.
pub(super) fn path_ui(
    ui: &mut Ui,
    id: &str,
    typed: &mut String,
    out: &mut Vec<Command>,
) -> Response {
    let row = ui.horizontal(|ui| {
        let label = ui.label("Path");
        let width = ui.available_width() - 64.0;
        let edit = TextEdit::singleline(typed)
            .id(egui::Id::unique(id))
            .font(theme::mono())
            .hint_text("/home/me/project/.cache");
        let field = ui.add_sized(vec2(width, 28.0), edit).labelled_by(label.id);
        let is_entered = field.lost_focus() && ui.input(|i| i.key_pressed(Key::Enter));
        let is_enabled = !typed.trim().is_empty();
        let go = ui.add_enabled(is_enabled, Button::new("Open"));
        if is_enabled && (is_entered || go.clicked()) {
            out.push(Command::Open(text::typed_path(typed)));
            // Where nothing opens, the path is typed again.
            field.request_focus();
        }
        field
    });
    row.inner
}

/// What a search of this computer found, and that it is over.
pub(super) fn found_ui(ui: &mut Ui, state: &State, out: &mut Vec<Command>) {
    let theme = Theme::of(ui.ctx());
    if state.finding.is_some() {
        controls::quiet(
            ui,
            "Looking through the places where Python programs keep their caches…",
        );
        return;
    }
    let Some(found) = &state.caches else { return };
    let caches = &found.stores;
    if caches.is_empty() {
        controls::quiet(
            ui,
            "No cache was found in the usual places. Open the folder that a program was given as its cache",
        );
        passed_over_ui(ui, &found.passed_over);
        return;
    }
    ui.with_layout(egui::Layout::top_down(egui::Align::LEFT), |ui| {
        controls::caption(ui, "ON THIS COMPUTER");
        let n = text::counted(caches.len() as u64, "cache", "caches");
        controls::quiet(ui, format!("The search is over: {n} found"));
        passed_over_ui(ui, &found.passed_over);
        for info in caches.iter().take(MAX_FOUND) {
            ui.horizontal(|ui| {
                let shown = cachescope_core::model::text::path(&info.path);
                let words = RichText::new(text::shorten(&shown, 64)).color(theme.accent);
                if ui.add(Button::new(words).frame(false)).clicked() {
                    out.push(Command::Open(info.path.clone()));
                }
                controls::quiet(ui, info.kind);
            });
        }
        if caches.len() > MAX_FOUND {
            let more = text::count((caches.len() - MAX_FOUND) as u64);
            controls::quiet(
                ui,
                format!("and {more} more: cachescope find lists them all"),
            );
        }
        ui.add_space(12.0);
    });
}

/// How many places were not looked into; which ones, and why, under the pointer.
fn passed_over_ui(ui: &mut Ui, passed_over: &[Issue]) {
    if passed_over.is_empty() {
        return;
    }
    let n = text::counted(passed_over.len() as u64, "place was", "places were");
    let line = controls::quiet(ui, format!("{n} not looked into"));
    line.on_hover_ui(|ui| {
        for issue in passed_over.iter().take(MAX_NAMED) {
            let path = cachescope_core::model::text::path(&issue.path);
            ui.label(format!("{path}: {}", text::shorten(&issue.message, 120)));
        }
        if passed_over.len() > MAX_NAMED {
            ui.label("cachescope find tells them all");
        }
    });
}

pub(super) fn recent_ui(ui: &mut Ui, state: &State, out: &mut Vec<Command>) {
    let theme = Theme::of(ui.ctx());
    if state.saved.to_open().next().is_none() {
        return;
    }
    ui.with_layout(egui::Layout::top_down(egui::Align::LEFT), |ui| {
        controls::caption(ui, "RECENT");
        Frame::new()
            .inner_margin(Margin::symmetric(0, 4))
            .show(ui, |ui| {
                let n_pinned = state.saved.pinned.len();
                for (is_pinned, path) in state.saved.to_open().take(n_pinned + MAX_RECENT) {
                    let shown = text::pinned_path(is_pinned, path, 80);
                    let words = RichText::new(shown).color(theme.accent);
                    if ui.add(Button::new(words).frame(false)).clicked() {
                        out.push(Command::Open(path.clone()));
                    }
                }
            });
    });
}
