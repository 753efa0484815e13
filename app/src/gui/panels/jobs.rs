//! The line at the bottom: what is at work, what is selected, what could not be done.

use cachescope_core::jobs::Jobs;
use egui::{Align, Layout, RichText, Ui};

use crate::gui::command::Command;
use crate::gui::state::State;
use crate::gui::theme::Theme;
use crate::text;

pub(super) fn jobs_ui(ui: &mut Ui, state: &State, jobs: &Jobs, out: &mut Vec<Command>) {
    let theme = Theme::of(ui.ctx());
    ui.horizontal(|ui| {
        ui.set_min_height(26.0);
        if let Some((id, job)) = jobs.running().next() {
            ui.label(&job.title);
            let done = text::count(job.progress.done());
            ui.label(RichText::new(done).color(theme.quiet));
            if ui.button("Cancel").clicked() {
                out.push(Command::Cancel(id));
            }
        } else if let Some(notice) = state.notices.last() {
            ui.label(RichText::new(notice).color(theme.danger));
            if ui.button("Dismiss").clicked() {
                out.push(Command::DismissNotice);
            }
        }
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            if let Some(store) = state.shown() {
                let selection = &store.entries.selection;
                if !selection.is_empty() {
                    let text = format!(
                        "Selected {} · {}",
                        text::counted(selection.sums.entries, "entry", "entries"),
                        text::bytes(selection.sums.bytes)
                    );
                    ui.label(RichText::new(text).color(theme.quiet));
                }
            }
        });
    });
}
