//! The table's keys: arrows, Home, End, pages, Ctrl+A, Enter, Escape, folding.

use egui::{Key, Modifiers, Ui};

use crate::gui::command::{Command, EntryCommand, TableCommand};
use crate::gui::state::{Entries, Pick};

pub(super) fn keys_ui(ui: &Ui, entries: &Entries, out: &mut Vec<Command>) {
    let page = isize::try_from(entries.scroll.page()).unwrap_or(isize::MAX);
    let select = |pick| Command::Table(TableCommand::Select(pick));
    ui.input_mut(|input| {
        if input.consume_key(Modifiers::COMMAND, Key::A) {
            out.push(select(Pick::All));
        }
        if input.consume_key(Modifiers::NONE, Key::Escape) && !entries.selection.is_empty() {
            out.push(select(Pick::None));
        }
        for (key, by) in [
            (Key::ArrowDown, 1),
            (Key::ArrowUp, -1),
            (Key::PageDown, page),
            (Key::PageUp, -page),
            (Key::Home, isize::MIN / 2),
            (Key::End, isize::MAX / 2),
        ] {
            if input.consume_key(Modifiers::SHIFT, key) {
                out.push(select(Pick::Step { by, extends: true }));
            } else if input.consume_key(Modifiers::NONE, key) {
                out.push(select(Pick::Step { by, extends: false }));
            }
        }
        // Enter goes into what is selected: from here on Tab and the arrows walk through the entry.
        if entries.selection.only().is_some() && input.consume_key(Modifiers::NONE, Key::Enter) {
            out.push(Command::Entry(EntryCommand::Focus));
        }
        for (key, is_fold) in [(Key::ArrowLeft, true), (Key::ArrowRight, false)] {
            if input.consume_key(Modifiers::NONE, key) {
                out.extend(fold(entries, is_fold));
            }
        }
    });
}

/// Folds or unfolds the group that the keyboard is in.
fn fold(entries: &Entries, is_fold: bool) -> Option<Command> {
    let arranged = entries.arranged.as_ref()?;
    let at = entries.lines.group_of(entries.selection.cursor()?)?;
    let group = arranged.groups.get(at)?.group.as_ref()?;
    let is_folded = entries.folded.contains(&group.locator);
    (is_folded != is_fold).then(|| Command::Table(TableCommand::Fold(group.clone())))
}
