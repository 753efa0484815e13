//! The panel on the right: everything about the one selected entry, or sums of several.

use cachescope_core::model::Time;
use egui::{Grid, RichText, ScrollArea, Ui};

use crate::gui::command::Command;
use crate::gui::state::State;
use crate::gui::theme::{self, Theme};
use crate::text;

pub(super) fn entry_ui(ui: &mut Ui, state: &State, now: Time, _out: &mut Vec<Command>) {
    let theme = Theme::of(ui.ctx());
    let Some(store) = state.shown() else { return };
    let record = store
        .entries
        .selection
        .only()
        .and_then(|row| store.snapshot.record(row));
    let Some(record) = record else {
        ui.label(RichText::new("Select an entry to see what it holds").color(theme.quiet));
        return;
    };
    ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        ui.label(RichText::new(&*record.group.label).font(theme::strong()));
        ui.label(
            RichText::new(cachescope_core::model::text::shown(&record.key_text()))
                .font(theme::mono())
                .color(theme.quiet),
        );
        Grid::new("facts").num_columns(2).show(ui, |ui| {
            let mut fact = |name: &str, value: String| {
                ui.label(RichText::new(name).color(theme.quiet));
                ui.label(value);
                ui.end_row();
            };
            for (name, value) in record.args.iter() {
                fact(name, value.to_owned());
            }
            fact("Stored", text::bytes(record.bytes));
            if let Some(seconds) = record.duration_s {
                fact("Computed in", text::duration_short(seconds));
            }
            if let Some(created) = record.created {
                fact("Created", text::moment(created));
            }
            if let Some(accessed) = record.accessed {
                fact("Last used", text::ago(accessed, now));
            }
        });
        match &store.preview.found {
            Some(found) => match &found.value {
                Ok(value) => {
                    ui.label(&value.summary);
                }
                Err(error) => {
                    ui.label(RichText::new(error.to_string()).color(theme.danger));
                }
            },
            None => {
                ui.label(RichText::new("Reading…").color(theme.quiet));
            }
        }
    });
}
