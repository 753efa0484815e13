//! Windows over the window: clearing, keeping, compacting, freeing, the palette, keys, about.

mod about;
mod clear;
mod compact;
mod convert;
mod export;
mod held;
mod keep;
mod open;
mod palette;
mod picture;
mod policy;
mod purge;
mod save;
mod shortcuts;

use std::path::PathBuf;

use egui::{
    Align, Button, Context, Frame, Id, Key, Label, Layout, Margin, Modal, RichText, TextEdit, Ui,
    vec2,
};

use crate::gui::command::{Command, Export};
use crate::gui::state::{Dialog, Naming, State};
use crate::gui::theme::{self, Theme};
use crate::gui::widgets::controls;

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
        Dialog::Open(opening) => modal(ctx, "open", 560.0, |ui| {
            open::open_ui(ui, opening, state, out);
        }),
        Dialog::Palette(palette) => modal(ctx, "palette", 520.0, |ui| {
            palette::palette_ui(ui, palette, state, out);
        }),
        Dialog::Shortcuts => modal(ctx, "shortcuts", 420.0, |ui| {
            shortcuts::shortcuts_ui(ui, out);
        }),
        Dialog::About => modal(ctx, "about", 460.0, about::about_ui),
        Dialog::Save(saving) => modal(ctx, "save", 520.0, |ui| {
            save::save_ui(ui, saving, out);
        }),
        Dialog::Picture(picturing) => modal(ctx, "picture", 520.0, |ui| {
            picture::picture_ui(ui, picturing, out);
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

/// The name of a file as it is typed, with the system's own dialog beside it.
/// True where Enter ended the typing.
fn file_ui(ui: &mut Ui, id: &str, path: &mut String, out: &mut Vec<Command>) -> bool {
    let row = ui.horizontal(|ui| {
        let label = ui.label("File");
        let width = ui.available_width() - 90.0;
        let edit = TextEdit::singleline(path)
            .id(Id::unique(id))
            .font(theme::mono());
        let field = ui.add_sized(vec2(width, 28.0), edit);
        let field = field.labelled_by(label.id);
        if ui.button("Browse…").clicked() {
            let name = PathBuf::from(&*path);
            let name = name.file_name().unwrap_or_default();
            let name = name.to_string_lossy().into_owned();
            out.push(Command::Export(Export::Browse(name)));
        }
        field.lost_focus() && ui.input(|i| i.key_pressed(Key::Enter))
    });
    row.inner
}

/// The name of a new file, what stands in its way, and the buttons; the path once it is to be written.
fn name_ui(
    ui: &mut Ui,
    id: &str,
    naming: &mut Naming,
    word: &str,
    out: &mut Vec<Command>,
) -> Option<PathBuf> {
    let is_entered = file_ui(ui, id, &mut naming.path, out);
    let is_taken = naming.is_taken();
    let why = if is_taken {
        Some("A file of this name is there already. Replace it, or type another name")
    } else {
        naming.failure.as_deref()
    };
    if let Some(why) = why {
        let words = RichText::new(why).color(Theme::of(ui.ctx()).danger);
        ui.add(Label::new(words).wrap());
    }
    let mut is_wanted = false;
    buttons_ui(ui, out, |ui, out| {
        close_ui(ui, "Cancel", out);
        let has_name = !naming.path().as_os_str().is_empty();
        is_wanted = if is_taken {
            controls::danger(ui, "Replace", has_name).clicked()
        } else {
            ui.add_enabled(has_name, Button::new(word)).clicked() || is_entered && has_name
        };
    });
    is_wanted.then(|| naming.path().to_owned())
}

/// The line of buttons that ends a dialog, against its right side, the one that goes on last.
///
/// From left to right, so that Tab goes as the eye does: how wide they are is known from the last time they were drawn.
fn buttons_ui(ui: &mut Ui, out: &mut Vec<Command>, add: impl FnOnce(&mut Ui, &mut Vec<Command>)) {
    ui.add_space(4.0);
    // Of one line's height: a dialog whose stages differ in size gives the room back.
    let size = vec2(ui.available_width(), ui.spacing().interact_size.y);
    let layout = Layout::left_to_right(Align::Center);
    ui.allocate_ui_with_layout(size, layout, |ui| {
        let id = ui.scope_id().with("width of the buttons");
        let width: f32 = ui.data(|data| data.get_temp(id)).unwrap_or(0.0);
        ui.add_space((ui.available_width() - width).max(0.0));
        let start = ui.cursor().left();
        add(ui, out);
        let taken = ui.min_rect().right() - start;
        if (taken - width).abs() > 0.5 {
            ui.data_mut(|data| data.insert_temp(id, taken));
            ui.ctx().request_discard("the buttons have another width");
        }
    });
}

/// A button that takes the dialog away.
fn close_ui(ui: &mut Ui, label: &str, out: &mut Vec<Command>) {
    if ui.button(label).clicked() {
        out.push(Command::Dialog(None));
    }
}

/// The same with the keyboard on it, until that is elsewhere: Enter does no harm.
fn close_first_ui(ui: &mut Ui, label: &str, out: &mut Vec<Command>) {
    let button = ui.button(label);
    if ui.memory(|memory| memory.focused().is_none()) {
        button.request_focus();
    }
    if button.clicked() {
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
