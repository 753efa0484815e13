//! The save dialog: form and name of the file that a value goes to.

use cachescope_core::formats::SaveAs;
use egui::{RichText, Ui};

use super::name_ui;
use crate::gui::command::{Command, EntryCommand};
use crate::gui::state::Saving;
use crate::gui::theme;

/// Each form with what it is for.
const FORMS: [(Option<SaveAs>, &str); 4] = [
    (None, "Raw: the bytes as they are stored"),
    (Some(SaveAs::Npy), "NPY: an array, for numpy.load"),
    (
        Some(SaveAs::Csv),
        "CSV: a table, rows, or an array of up to two axes",
    ),
    (Some(SaveAs::Json), "JSON: everything that JSON can carry"),
];

pub(super) fn save_ui(ui: &mut Ui, saving: &mut Saving, out: &mut Vec<Command>) {
    ui.label(RichText::new("Save the value of this entry").font(theme::title()));
    for (form, name) in FORMS {
        let radio = egui::RadioButton::new(saving.form == form, name);
        let button = ui.add_enabled(saving.fits(form), radio);
        if button
            .on_disabled_hover_text("This value is not of that kind, or could not be read whole")
            .clicked()
        {
            let (old, new) = (saving.ending(saving.form), saving.ending(form));
            let (old, new) = (old.to_owned(), new.to_owned());
            saving.name.turn_to(&old, &new);
            saving.form = form;
        }
    }
    if let Some(path) = name_ui(ui, "save path", &mut saving.name, "Save", out) {
        out.push(Command::Entry(EntryCommand::Save(path)));
    }
}
