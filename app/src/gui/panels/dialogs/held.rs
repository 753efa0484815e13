//! The quarantine: what was moved aside, of every store that is remembered; brought back or freed one by one.

use cachescope_core::clear::undo::{Held, HeldState};
use cachescope_core::model::text::{path as path_text, shown};
use egui::{Align, Label, Layout, RichText, ScrollArea, Ui};

use super::{buttons_ui, close_ui};
use crate::gui::command::{Command, HeldCommand};
use crate::gui::theme::{self, Theme};
use crate::gui::widgets::controls;
use crate::text;

pub(super) fn held_ui(ui: &mut Ui, held: &[Held], is_known: bool, out: &mut Vec<Command>) {
    ui.label(RichText::new("Moved aside").font(theme::title()));
    controls::quiet(
        ui,
        "What was cleared and can be brought back, still on the disk until it is freed; and the old expiry of entries \
         that were kept",
    );
    ui.add_space(4.0);
    if held.is_empty() {
        controls::quiet(
            ui,
            if is_known {
                "Nothing is held aside"
            } else {
                "Looking…"
            },
        );
    }
    ScrollArea::vertical().max_height(420.0).show(ui, |ui| {
        // Newest first: what was just cleared is what people look for.
        for one in held.iter().rev() {
            one_ui(ui, one, out);
        }
    });
    buttons_ui(ui, out, |ui, out| {
        let bytes = held
            .iter()
            .fold(0_u64, |sum, h| sum.saturating_add(h.bytes));
        let entries: usize = held.iter().map(|h| h.entries).sum();
        if entries > 0 {
            let n = text::counted(entries as u64, "entry", "entries");
            controls::quiet(
                ui,
                format!("{n}, {} moved aside in all", text::bytes(bytes)),
            );
        }
        close_ui(ui, "Close", out);
    });
}

fn one_ui(ui: &mut Ui, held: &Held, out: &mut Vec<Command>) {
    let theme = Theme::of(ui.ctx());
    let n = text::counted(held.entries as u64, "entry", "entries");
    let when = held.time.map_or_else(|| held.id.clone(), text::moment);
    ui.horizontal(|ui| {
        ui.label(RichText::new(when).font(theme::strong()));
        ui.label(if held.is_expiry {
            format!("{n} with a new expiry")
        } else {
            format!("{n}, {}", text::bytes(held.bytes))
        });
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let can = !matches!(held.state, HeldState::Unreadable(_));
            ui.add_enabled_ui(can, |ui| {
                let free = ui.button("Free…");
                let back = ui.button("Bring back");
                for (button, verb) in [(&free, "Free"), (&back, "Bring back")] {
                    let name = format!("{verb} {n} of {}", path_text(&held.store));
                    ui.ctx()
                        .accesskit_node_builder(button.id, |node| node.set_label(name));
                }
                if free.clicked() {
                    out.push(Command::Held(HeldCommand::Free(held.id.clone())));
                }
                if back.clicked() {
                    out.push(Command::Held(HeldCommand::BringBack(held.id.clone())));
                }
            });
        });
    });
    let path = RichText::new(path_text(&held.store)).font(theme::mono());
    ui.add(Label::new(path.color(theme.quiet)).truncate());
    let state = match &held.state {
        HeldState::Whole => None,
        HeldState::Interrupted => {
            Some("The clear was cut short: what it had moved is held".to_owned())
        }
        HeldState::Freeing => {
            Some("It was being freed when that was cut short: Free finishes it".to_owned())
        }
        HeldState::Unreadable(why) => Some(format!("It cannot be read: {}", shown(why))),
    };
    if let Some(state) = state {
        ui.add(Label::new(RichText::new(state).color(theme.danger)).wrap());
    }
    ui.separator();
}
