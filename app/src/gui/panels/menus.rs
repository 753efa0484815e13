//! Menus of named actions: the menu bar, context menus and the entry panel list the same ones with the same keys.

use egui::{Button, Checkbox, Ui};

use crate::gui::actions::{Offer, Offered};
use crate::gui::command::Command;

/// One action; disabled where it makes no sense now.
pub(super) fn action_ui(ui: &mut Ui, offer: &Offer, out: &mut Vec<Command>) {
    let Offer {
        action,
        command,
        is_on,
        why_not,
    } = offer;
    let is_enabled = command.is_some();
    let response = if let Some(mut is_on) = *is_on {
        ui.add_enabled(is_enabled, Checkbox::new(&mut is_on, action.name))
    } else {
        let mut button = Button::new(action.name);
        if let Some(shortcut) = &action.shortcut {
            button = button.shortcut_text(ui.ctx().format_shortcut(shortcut));
        }
        ui.add_enabled(is_enabled, button)
    };
    let response = response.on_disabled_hover_text(*why_not);
    if response.clicked() {
        out.extend(command.clone());
    }
}

/// What is on offer, section by section.
pub(super) fn offered_ui(ui: &mut Ui, offered: &Offered, out: &mut Vec<Command>) {
    for (n, section) in offered.iter().enumerate() {
        if n > 0 {
            ui.separator();
        }
        for offer in section {
            action_ui(ui, offer, out);
        }
    }
}
