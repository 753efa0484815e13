//! The function's source as the cache keeps it, highlighted.

use egui::{Label, ScrollArea, Ui};
use egui_extras::syntax_highlighting::highlight;

use crate::gui::command::Command;
use crate::gui::state::Previewing;
use crate::gui::theme::Theme;
use crate::gui::widgets::controls;

/// Characters that are highlighted; no function is longer.
const MAX_CHARS: usize = 100_000;

pub(super) fn code_ui(ui: &mut Ui, preview: &Previewing, out: &mut Vec<Command>) {
    let Some(found) = &preview.found else {
        return super::waiting_ui(ui, preview);
    };
    let details = match &found.details {
        Ok(details) => details,
        Err(error) => {
            controls::quiet(ui, error.to_string());
            return;
        }
    };
    let Some(source) = &details.source else {
        controls::quiet(ui, "No source is kept for this entry");
        return;
    };
    ui.horizontal(|ui| {
        let line = source
            .first_line
            .map(|n| format!("as cached, from line {n}"));
        controls::quiet(ui, line.unwrap_or_else(|| "as cached".to_owned()));
        if ui.small_button("Copy").clicked() {
            out.push(Command::Copy(source.text.clone()));
        }
    });
    let end = source.text.char_indices().nth(MAX_CHARS);
    let end = end.map_or(source.text.len(), |(at, _)| at);
    let text = source.text.get(..end).unwrap_or_default();
    let colours = Theme::of(ui.ctx()).code(ui.style());
    let job = highlight(ui.ctx(), ui.style(), &colours, text, "py");
    ScrollArea::both()
        .id_salt("code")
        .auto_shrink(false)
        .show(ui, |ui| {
            ui.add(Label::new(job).extend().selectable(true));
        });
}
