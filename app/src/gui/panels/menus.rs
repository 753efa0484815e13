//! Menus of named actions: the menu bar, context menus and the entry panel list the same ones with the same keys.

use egui::{Button, Ui};

use crate::gui::actions::{Action, Offered};
use crate::gui::command::Command;

/// One action; disabled where it makes no sense now.
pub(super) fn action_ui(
    ui: &mut Ui,
    action: &Action,
    command: Option<&Command>,
    out: &mut Vec<Command>,
) {
    let mut button = Button::new(action.name);
    if let Some(shortcut) = &action.shortcut {
        button = button.shortcut_text(ui.ctx().format_shortcut(shortcut));
    }
    if ui.add_enabled(command.is_some(), button).clicked() {
        out.extend(command.cloned());
    }
}

/// What is on offer, section by section.
pub(super) fn offered_ui(ui: &mut Ui, offered: &Offered, out: &mut Vec<Command>) {
    for (n, section) in offered.iter().enumerate() {
        if n > 0 {
            ui.separator();
        }
        for (action, command) in section {
            action_ui(ui, action, command.as_ref(), out);
        }
    }
}
