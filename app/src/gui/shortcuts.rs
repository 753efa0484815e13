//! Keys of actions: which action has which, and what they do when they are pressed.

use egui::text_selection::LabelSelectionState;
use egui::{Key, KeyboardShortcut, Modifiers};

use super::actions::{Action, actions};
use super::command::{Command, DialogKind};
use super::state::State;

/// Opens the palette.
pub(crate) const PALETTE: KeyboardShortcut = KeyboardShortcut::new(Modifiers::COMMAND, Key::K);

/// Copies.
pub(crate) const COPY: KeyboardShortcut = KeyboardShortcut::new(Modifiers::COMMAND, Key::C);

/// Runs the actions whose keys were pressed. A key that text or the table takes is left to them.
pub(crate) fn run(ctx: &egui::Context, state: &State, out: &mut Vec<Command>) {
    if ctx.input_mut(|i| i.consume_shortcut(&PALETTE)) {
        out.push(Command::Dialog(Some(DialogKind::Palette)));
    }
    if state.dialog.is_some() {
        return;
    }
    let is_typing = ctx.text_edit_focused();
    // Ctrl+C comes as an event of its own. Text that is marked in a label goes before the entry.
    let is_marked = ctx.plugin::<LabelSelectionState>().lock().has_selection();
    let is_copy = ctx.input(|i| i.events.contains(&egui::Event::Copy));
    if is_copy && !is_typing && !is_marked {
        let copy = actions().find(|a| a.shortcut == Some(COPY));
        out.extend(copy.and_then(|action| (action.command)(state)));
    }
    for Action {
        shortcut, command, ..
    } in actions()
    {
        let Some(shortcut) = shortcut else { continue };
        // Ctrl+A, Ctrl+Z, Delete and Escape mean the text while one types; Ctrl+A and Escape the table otherwise.
        let is_texts = matches!(
            shortcut.logical_key,
            Key::A | Key::Z | Key::Delete | Key::Escape
        );
        let is_tables = matches!(shortcut.logical_key, Key::A | Key::Escape);
        if is_tables || is_typing && is_texts {
            continue;
        }
        if ctx.input_mut(|i| i.consume_shortcut(shortcut)) {
            out.extend(command(state));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_stands_for_two_actions() {
        let keys: Vec<_> = actions().filter_map(|a| a.shortcut).collect();
        for (n, key) in keys.iter().enumerate() {
            assert!(!keys[n + 1..].contains(key), "{key:?}");
            assert_ne!(*key, PALETTE);
        }
    }
}
