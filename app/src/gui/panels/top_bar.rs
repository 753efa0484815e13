//! The bar on top: opening, the query, what it found, and the two actions on it.

use egui::{RichText, TextEdit, Ui, vec2};

use crate::gui::command::Command;
use crate::gui::state::State;
use crate::gui::theme::{self, Theme};
use crate::text;

pub(super) fn top_bar_ui(ui: &mut Ui, state: &mut State, out: &mut Vec<Command>) {
    let theme = Theme::of(ui.ctx());
    ui.horizontal(|ui| {
        ui.label(RichText::new("Cachescope").font(theme::strong()).size(15.0));
        if ui.button("Open…").clicked() {
            out.push(Command::OpenDialog);
        }
        let mut query = state.query.clone();
        let label = ui.label(RichText::new("Query").color(theme.quiet));
        let found = state.shown().and_then(|s| s.entries.arranged.as_ref());
        let counts = found.map(|a| (a.found.entries, a.snapshot.totals.entries));
        let width = (ui.available_width() - 200.0).max(120.0);
        let edit = TextEdit::singleline(&mut query)
            .font(theme::mono())
            .desired_width(width);
        let field = ui.add_sized(vec2(width, 28.0), edit).labelled_by(label.id);
        if field.changed() {
            out.push(Command::Query(query));
        }
        if let Some((found, all)) = counts {
            let text = if found == all {
                text::counted(all, "entry", "entries")
            } else {
                format!(
                    "{} of {}",
                    text::count(found),
                    text::counted(all, "entry", "entries")
                )
            };
            ui.label(RichText::new(text).color(theme.quiet));
        }
    });
}
