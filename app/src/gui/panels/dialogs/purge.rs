//! Asks before what is held aside is freed for good.

use cachescope_core::clear::undo::Held;
use egui::{RichText, Ui};

use super::{buttons_ui, close_ui};
use crate::gui::command::{ClearCommand, Command};
use crate::gui::theme;
use crate::gui::widgets::controls;
use crate::text;

pub(super) fn purge_ui(ui: &mut Ui, held: &[Held], out: &mut Vec<Command>) {
    let entries: usize = held.iter().map(|h| h.entries).sum();
    let bytes = held
        .iter()
        .fold(0_u64, |sum, h| sum.saturating_add(h.bytes));
    let n = text::counted(entries as u64, "entry", "entries");
    let title = format!("Free {n}, {}?", text::bytes(bytes));
    ui.label(RichText::new(title).font(theme::title()));
    controls::quiet(ui, "They cannot be brought back then");
    for one in held {
        let when = one.time.map_or_else(|| one.id.clone(), text::moment);
        let n = text::counted(one.entries as u64, "entry", "entries");
        ui.label(format!("{when} · {n}, {}", text::bytes(one.bytes)));
    }
    buttons_ui(ui, out, |ui, out| {
        close_ui(ui, "Cancel", out);
        if controls::danger(ui, &format!("Free {n}"), entries > 0).clicked() {
            out.push(Command::Clear(ClearCommand::Purge));
        }
    });
}
