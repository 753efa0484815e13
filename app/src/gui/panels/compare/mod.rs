//! Stores against each other: side by side, key by key, and what if the entries lay in another kind of store.

mod difference;
mod sides;
mod what_if;

use egui::{Frame, RichText, ScrollArea, Ui, vec2};

use crate::gui::command::{Command, CompareCommand};
use crate::gui::state::{ComparePage, State};
use crate::gui::theme::Theme;
use crate::gui::widgets::controls;

const PAGES: [(ComparePage, &str); 3] = [
    (ComparePage::Sides, "Side by side"),
    (ComparePage::Difference, "Difference"),
    (ComparePage::WhatIf, "What if"),
];

pub(super) fn compare_ui(ui: &mut Ui, state: &mut State, out: &mut Vec<Command>) {
    let Some(store) = state.shown() else {
        return;
    };
    let (page, is_busy) = (store.compare.page, store.compare.job);
    let failure = store.compare.failure.clone();
    Frame::new().inner_margin(12).show(ui, |ui| {
        ui.spacing_mut().item_spacing = vec2(8.0, 10.0);
        ui.horizontal_wrapped(|ui| {
            for (of, name) in PAGES {
                if controls::choice(ui, name, of == page).clicked() {
                    out.push(Command::Compare(CompareCommand::Page(of)));
                }
            }
            if let Some(job) = is_busy {
                ui.add_space(8.0);
                controls::quiet(ui, "At work; the line at the bottom shows how far it is");
                if ui.button("Stop").clicked() {
                    out.push(Command::Cancel(job));
                }
            }
        });
        if let Some(why) = failure {
            let theme = Theme::of(ui.ctx());
            ui.add(egui::Label::new(RichText::new(why).color(theme.danger)).wrap());
        }
        // The difference scrolls in itself: it may have a million lines.
        if page == ComparePage::Difference {
            return difference::difference_ui(ui, state, out);
        }
        ScrollArea::vertical()
            .auto_shrink(false)
            .show(ui, |ui| match page {
                ComparePage::WhatIf => what_if::what_if_ui(ui, state, out),
                _ => sides::sides_ui(ui, state, out),
            });
    });
}
