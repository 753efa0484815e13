//! Asks how long entries are to be kept; what becomes of each is shown before anything changes.

use egui::{Button, Id, Key, Label, RichText, TextEdit, Ui};

use super::{buttons_ui, close_ui};
use crate::gui::command::{Command, KeepCommand};
use crate::gui::state::KeepForm;
use crate::gui::theme::{self, Theme};
use crate::gui::widgets::controls;
use crate::text;

pub(super) fn keep_ui(ui: &mut Ui, form: &mut KeepForm, out: &mut Vec<Command>) {
    let theme = Theme::of(ui.ctx());
    let n = text::counted(form.n_entries, "entry", "entries");
    ui.label(RichText::new(format!("Keep {n} for…")).font(theme::title()));
    controls::quiet(
        ui,
        "Each gets a new expiry, counted from now. Undo gives the old one back",
    );
    ui.add_space(4.0);
    let mut is_entered = false;
    ui.horizontal(|ui| {
        let label = ui.label("Expires in");
        let edit = TextEdit::singleline(&mut form.span)
            .id(Id::unique("keep for"))
            .hint_text("12h, 30d, 1y")
            .desired_width(120.0);
        let field = ui.add(edit).labelled_by(label.id);
        if field.changed() {
            form.error = None;
        }
        if ui.memory(|memory| memory.focused().is_none()) {
            field.request_focus();
        }
        is_entered = field.lost_focus() && ui.input(|i| i.key_pressed(Key::Enter));
        for span in ["1d", "7d", "30d", "1y"] {
            if ui.button(span).clicked() {
                span.clone_into(&mut form.span);
                form.error = None;
            }
        }
    });
    if let Some(error) = &form.error {
        ui.add(Label::new(RichText::new(error).color(theme.danger)).wrap());
    }
    buttons_ui(ui, out, |ui, out| {
        close_ui(ui, "Cancel", out);
        let can = !form.span.trim().is_empty();
        let is_pressed = ui.add_enabled(can, Button::new("Show the plan…")).clicked();
        if is_pressed || can && is_entered {
            out.push(Command::Keep(KeepCommand::Plan));
        }
    });
}
