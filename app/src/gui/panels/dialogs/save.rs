//! The save dialog: form and name of the file that a value goes to.

use std::path::PathBuf;

use cachescope_core::formats::SaveAs;
use egui::{Align, Button, Layout, RichText, Ui};

use super::file_ui;
use crate::gui::command::{Command, EntryCommand};
use crate::gui::state::Saving;
use crate::gui::theme;

/// Each form with its ending and what it is for.
const FORMS: [(Option<SaveAs>, &str, &str); 4] = [
    (None, "raw", "Raw: the bytes as they are stored"),
    (Some(SaveAs::Npy), "npy", "NPY: an array, for numpy.load"),
    (
        Some(SaveAs::Csv),
        "csv",
        "CSV: a table or an array of up to two axes",
    ),
    (
        Some(SaveAs::Json),
        "json",
        "JSON: everything that JSON can carry",
    ),
];

pub(super) fn save_ui(ui: &mut Ui, saving: &mut Saving, out: &mut Vec<Command>) {
    ui.label(RichText::new("Save the value of this entry").font(theme::title()));
    for (form, ending, name) in FORMS {
        let is_possible = form != Some(SaveAs::Npy) || saving.is_array;
        let radio = egui::RadioButton::new(saving.form == form, name);
        if ui.add_enabled(is_possible, radio).clicked() {
            saving.form = form;
            let path = PathBuf::from(&saving.path).with_extension(ending);
            saving.path = path.to_string_lossy().into_owned();
        }
    }
    file_ui(ui, "save path", &mut saving.path, out);
    ui.add_space(4.0);
    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
        let is_enabled = !saving.path.trim().is_empty();
        if ui.add_enabled(is_enabled, Button::new("Save")).clicked() {
            let path = PathBuf::from(saving.path.trim());
            out.push(Command::Entry(EntryCommand::Save(path)));
        }
        if ui.button("Cancel").clicked() {
            out.push(Command::Dialog(None));
        }
    });
}
