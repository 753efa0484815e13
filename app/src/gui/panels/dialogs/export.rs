//! The export dialog: form and name of a report.

use std::path::PathBuf;

use egui::{Align, Button, Layout, RichText, Ui};

use super::file_ui;
use crate::cli::export::Form;
use crate::gui::command::{Command, Export};
use crate::gui::state::Exporting;
use crate::gui::theme;
use crate::gui::widgets::controls;

pub(super) fn export_ui(ui: &mut Ui, exporting: &mut Exporting, out: &mut Vec<Command>) {
    ui.label(RichText::new("Export a report").font(theme::title()));
    controls::quiet(
        ui,
        "Listing, statistics and conditions of the store on show. Every entry is checked first, which reads it. With a query only what it finds is listed",
    );
    ui.add_space(4.0);
    for (form, name) in [
        (
            Form::Html,
            "HTML: one page with pictures that needs nothing else",
        ),
        (Form::Csv, "CSV: an entry a row, for a spreadsheet"),
        (Form::Json, "JSON: everything, for a program"),
    ] {
        if ui.radio(exporting.form == form, name).clicked() {
            exporting.form = form;
            let path = PathBuf::from(&exporting.path).with_extension(form.ending());
            exporting.path = path.to_string_lossy().into_owned();
        }
    }
    file_ui(ui, "export path", &mut exporting.path, out);
    ui.add_space(4.0);
    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
        let is_enabled = !exporting.path.trim().is_empty();
        if ui
            .add_enabled(is_enabled, Button::new("Write the report"))
            .clicked()
        {
            let path = PathBuf::from(exporting.path.trim());
            out.push(Command::Export(Export::Write(path)));
        }
        if ui.button("Cancel").clicked() {
            out.push(Command::Dialog(None));
        }
    });
}
