//! Windows over the window: clearing, keeping, compacting, freeing, the palette, keys, about.

mod about;
mod clear;
mod compact;
mod convert;
mod export;
mod held;
mod keep;
mod palette;
mod policy;
mod purge;
mod save;
mod shortcuts;

use egui::{Context, Frame, Id, Margin, Modal, Ui};

use crate::gui::command::Command;
use crate::gui::state::{Dialog, State};
use crate::gui::theme::Theme;

/// Draws the dialog on show.
pub(super) fn dialog_ui(ctx: &Context, state: &mut State, out: &mut Vec<Command>) {
    let Some(mut dialog) = state.dialog.take() else {
        return;
    };
    let is_closed = match &mut dialog {
        Dialog::Clear(clearing) => modal(ctx, "clear", 640.0, |ui| {
            clear::clear_ui(ui, clearing, out);
        }),
        Dialog::Convert(converting) => modal(ctx, "convert", 560.0, |ui| {
            convert::convert_ui(ui, converting, out);
        }),
        Dialog::Purge(held) => modal(ctx, "purge", 460.0, |ui| purge::purge_ui(ui, held, out)),
        Dialog::Policy(form) => modal(ctx, "policy", 560.0, |ui| {
            policy::policy_ui(ui, form, state, out);
        }),
        Dialog::Keep(form) => modal(ctx, "keep", 460.0, |ui| keep::keep_ui(ui, form, out)),
        Dialog::Compact(compacting) => modal(ctx, "compact", 520.0, |ui| {
            compact::compact_ui(ui, compacting, out);
        }),
        Dialog::Held => modal(ctx, "held", 620.0, |ui| {
            held::held_ui(ui, &state.held_everywhere(), state.everywhere.is_known, out);
        }),
        Dialog::Palette(palette) => modal(ctx, "palette", 520.0, |ui| {
            palette::palette_ui(ui, palette, state, out);
        }),
        Dialog::Shortcuts => modal(ctx, "shortcuts", 420.0, |ui| {
            shortcuts::shortcuts_ui(ui);
        }),
        Dialog::About => modal(ctx, "about", 460.0, about::about_ui),
        Dialog::Save(saving) => modal(ctx, "save", 520.0, |ui| {
            save::save_ui(ui, saving, out);
        }),
        Dialog::Export(exporting) => modal(ctx, "export", 520.0, |ui| {
            export::export_ui(ui, exporting, out);
        }),
    };
    state.dialog = Some(dialog);
    if is_closed {
        out.push(Command::Dialog(None));
    }
}

/// A surface over everything; true if the person wants it gone.
fn modal(ctx: &Context, name: &str, width: f32, add: impl FnOnce(&mut Ui)) -> bool {
    let theme = Theme::of(ctx);
    let frame = Frame::new()
        .fill(theme.panel)
        .stroke(theme.hairline())
        .corner_radius(8)
        .inner_margin(Margin::same(16));
    let modal = Modal::new(Id::unique(("dialog", name))).frame(frame);
    let shown = modal.show(ctx, |ui| {
        ui.set_width(width.min(ctx.content_rect().width() - 48.0));
        ui.spacing_mut().item_spacing.y = 6.0;
        add(ui);
    });
    shown.should_close()
}
