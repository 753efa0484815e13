//! Keys and what they do.

use egui::{Grid, KeyboardShortcut, RichText, ScrollArea, Ui};

use crate::gui::shortcuts::{PALETTE, actions};
use crate::gui::theme::{self, Theme};

/// Keys that belong to the table and the query field.
const OTHERS: [(&str, &str); 6] = [
    ("Filter", "Ctrl+F"),
    ("Move in the table", "↑ ↓ Home End"),
    ("Select a range", "Shift+↑ ↓"),
    ("Select one more", "Ctrl+click"),
    ("Fold or unfold a group", "← →"),
    ("Larger, smaller", "Ctrl+ + −"),
];

pub(super) fn shortcuts_ui(ui: &mut Ui) {
    let theme = Theme::of(ui.ctx());
    ui.label(RichText::new("Keys").font(theme::title()));
    ScrollArea::vertical().max_height(420.0).show(ui, |ui| {
        Grid::new("keys")
            .num_columns(2)
            .min_col_width(180.0)
            .show(ui, |ui| {
                let mut line = |name: &str, by: String| {
                    ui.label(name);
                    ui.label(RichText::new(by).color(theme.quiet));
                    ui.end_row();
                };
                line("Every command", keys(PALETTE));
                for action in actions() {
                    if let Some(shortcut) = &action.shortcut {
                        line(action.name, keys(*shortcut));
                    }
                }
                for (name, keys) in OTHERS {
                    line(name, keys.to_owned());
                }
            });
    });
}

fn keys(shortcut: KeyboardShortcut) -> String {
    shortcut.format(&egui::ModifierNames::NAMES, cfg!(target_os = "macos"))
}
