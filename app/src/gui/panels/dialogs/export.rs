//! The export dialog: form and name of a report.

use egui::{RichText, Ui};

use super::name_ui;
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
            let old = exporting.form.ending();
            exporting.name.turn_to(old, form.ending());
            exporting.form = form;
        }
    }
    let word = "Write the report";
    if let Some(path) = name_ui(ui, "export path", &mut exporting.name, word, out) {
        out.push(Command::Export(Export::Write(path)));
    }
}
