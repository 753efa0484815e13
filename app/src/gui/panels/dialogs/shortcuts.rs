//! Keys and what they do.

use egui::{Grid, KeyboardShortcut, RichText, ScrollArea, Ui};

use super::{buttons_ui, close_ui};
use crate::gui::actions::actions;
use crate::gui::command::Command;
use crate::gui::shortcuts::PALETTE;
use crate::gui::theme::{self, Theme};
use crate::gui::widgets::controls;

/// Keys that belong to single parts of the window.
const OTHERS: [(&str, &str); 12] = [
    ("Filter", "Ctrl+F"),
    ("Next part of the window, the one before", "Tab, Shift+Tab"),
    ("Move in the table", "↑ ↓ Home End, page keys"),
    ("Select a range", "Shift with these"),
    ("Select one more", "Ctrl+click"),
    ("Open the entry: to its value, code, calls, bytes", "Enter"),
    ("Fold a group, unfold it where ↑ ↓ stop at it", "← →"),
    ("From tile to tile in the treemap", "← → ↑ ↓"),
    (
        "Into a function of the treemap, and out",
        "Enter, Backspace",
    ),
    (
        "Mark bars of a histogram, more of them",
        "← →, Shift with these",
    ),
    ("Make marked bars a query", "Enter"),
    ("Larger letters, smaller ones", "Ctrl+ + −"),
];

pub(super) fn shortcuts_ui(ui: &mut Ui, out: &mut Vec<Command>) {
    let theme = Theme::of(ui.ctx());
    ui.label(RichText::new("Keys").font(theme::title()));
    let height = ui.ctx().content_rect().height() * 0.7;
    let area = ScrollArea::vertical().max_height(height);
    area.min_scrolled_height(height).show(ui, |ui| {
        controls::scroll_by_keys(ui, height);
        Grid::new("keys")
            .num_columns(2)
            .min_col_width(180.0)
            .min_row_height(20.0)
            .spacing([16.0, 2.0])
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
    buttons_ui(ui, out, |ui, out| close_ui(ui, "Close", out));
}

fn keys(shortcut: KeyboardShortcut) -> String {
    shortcut.format(&egui::ModifierNames::NAMES, cfg!(target_os = "macos"))
}
