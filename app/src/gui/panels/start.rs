//! What shows while nothing is open.

use egui::{RichText, Ui};

use crate::gui::command::Command;
use crate::gui::state::State;
use crate::gui::theme::Theme;

pub(super) fn start_ui(ui: &mut Ui, state: &mut State, out: &mut Vec<Command>) {
    let theme = Theme::of(ui.ctx());
    ui.vertical_centered(|ui| {
        ui.add_space(120.0);
        ui.heading("Open a cache");
        ui.label(RichText::new("Looking changes nothing in it").color(theme.quiet));
        let label = ui.label("Path");
        let field = ui
            .text_edit_singleline(&mut state.typed_path)
            .labelled_by(label.id);
        let is_entered = field.lost_focus() && ui.input(|i| i.key_pressed(egui::Key::Enter));
        if is_entered && !state.typed_path.is_empty() {
            out.push(Command::Open(state.typed_path.clone().into()));
        }
    });
}
