//! The dialog for one more store: its path, the system's own dialog, what a search finds, what was open lately.

use egui::{Button, RichText, ScrollArea, Ui};

use crate::gui::command::Command;
use crate::gui::panels::start;
use crate::gui::state::{Opening, State};
use crate::gui::theme;

/// Height of the lists, in points.
const LISTS: f32 = 300.0;

pub(super) fn open_ui(ui: &mut Ui, opening: &mut Opening, state: &State, out: &mut Vec<Command>) {
    ui.label(RichText::new("Open a cache").font(theme::title()));
    let n_before = out.len();
    let field = start::path_ui(ui, "path to open", &mut opening.path, out);
    if !std::mem::replace(&mut opening.is_begun, true) {
        field.request_focus();
    }
    ui.horizontal(|ui| {
        if ui.button("Browse…").clicked() {
            out.push(Command::OpenDialog);
        }
        let find = Button::new("Find caches on this computer");
        if ui.add_enabled(state.finding.is_none(), find).clicked() {
            out.push(Command::FindCaches);
        }
    });
    ScrollArea::vertical().max_height(LISTS).show(ui, |ui| {
        start::found_ui(ui, state, out);
        start::recent_ui(ui, state, out);
    });
    super::buttons_ui(ui, out, |ui, out| super::close_ui(ui, "Close", out));
    let pushed = out.get(n_before..).unwrap_or_default();
    if pushed.iter().any(|c| matches!(c, Command::Open(_))) {
        out.push(Command::Dialog(None));
    }
}
