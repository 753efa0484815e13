//! The picture dialog: the name of the file that a chart goes to.

use std::path::PathBuf;

use egui::{Align, Button, Layout, RichText, Ui};

use super::file_ui;
use crate::gui::command::Command;
use crate::gui::state::Picturing;
use crate::gui::theme;
use crate::gui::widgets::controls;

pub(super) fn picture_ui(ui: &mut Ui, picturing: &mut Picturing, out: &mut Vec<Command>) {
    ui.label(RichText::new("Save a picture").font(theme::title()));
    let [width, height] = picturing.image.size;
    controls::quiet(ui, format!("PNG, {width} × {height} pixels"));
    file_ui(ui, "picture path", &mut picturing.path, out);
    ui.add_space(4.0);
    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
        let is_enabled = !picturing.path.trim().is_empty();
        if ui.add_enabled(is_enabled, Button::new("Save")).clicked() {
            let path = PathBuf::from(picturing.path.trim());
            out.push(Command::SavePicture(path));
        }
        if ui.button("Cancel").clicked() {
            out.push(Command::Dialog(None));
        }
    });
}
