//! The picture dialog: the name of the file that a chart goes to.

use egui::{RichText, Ui};

use super::name_ui;
use crate::gui::command::Command;
use crate::gui::state::Picturing;
use crate::gui::theme;
use crate::gui::widgets::controls;

pub(super) fn picture_ui(ui: &mut Ui, picturing: &mut Picturing, out: &mut Vec<Command>) {
    ui.label(RichText::new("Save a picture").font(theme::title()));
    let [width, height] = picturing.image.size;
    controls::quiet(ui, format!("PNG, {width} × {height} pixels"));
    if let Some(path) = name_ui(ui, "picture path", &mut picturing.name, "Save", out) {
        out.push(Command::SavePicture(path));
    }
}
