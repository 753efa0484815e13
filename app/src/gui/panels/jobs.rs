//! The line at the bottom: what is at work, what could not be done, what was just done, what is selected.

use std::time::Duration;

use cachescope_core::jobs::{Jobs, Running};
use egui::{Align, Layout, ProgressBar, RichText, Ui};

use super::toast::toast_ui;
use crate::gui::command::{ClearCommand, Command, HeldCommand};
use crate::gui::state::State;
use crate::gui::theme::Theme;
use crate::gui::widgets::controls;
use crate::text;

/// Width of a message beside a job that takes the line, in points.
const LEAST_TOAST: f32 = 240.0;

/// What is over sooner is not worth reading.
const WORTH_SAYING: Duration = Duration::from_millis(250);

pub(super) fn jobs_ui(ui: &mut Ui, state: &State, jobs: &Jobs, out: &mut Vec<Command>) {
    notice_ui(ui, state, out);
    ui.horizontal(|ui| {
        ui.set_min_height(26.0);
        // The rest is for what is selected and what can be brought back.
        let has_selection = state
            .shown()
            .is_some_and(|s| !s.entries.selection.is_empty());
        let share = if has_selection { 0.5 } else { 0.62 };
        let end = ui.max_rect().left() + share * ui.max_rect().width();
        let is_long = |job: &Running| job.started.elapsed() > WORTH_SAYING;
        let long = || jobs.running().filter(|(_, job)| is_long(job));
        if let Some((id, job)) = long().find(|(_, job)| !job.is_waiting()) {
            running_ui(ui, job);
            let cancel = egui::Button::new("Cancel");
            let can = !job.is_stopping() && !job.progress.is_tidying();
            if ui.add_enabled(can, cancel).clicked() {
                out.push(Command::Cancel(id));
            }
            let n_more = long().count() - 1;
            if n_more > 0 {
                let n_more = text::count(n_more as u64);
                controls::quiet(ui, format!("and {n_more} more"));
            }
        }
        if let Some(toast) = &state.toast {
            let room = (end - ui.cursor().min.x).max(LEAST_TOAST);
            toast_ui(ui, toast, room, out);
        }
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            held_ui(ui, state, out);
            selection_ui(ui, state);
        });
    });
}

/// What could not be done, the newest first, in a line of its own: no work under way hides it.
fn notice_ui(ui: &mut Ui, state: &State, out: &mut Vec<Command>) {
    let Some(notice) = state.notices.last() else {
        return;
    };
    ui.horizontal(|ui| {
        ui.set_min_height(26.0);
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            if ui.button("Dismiss").clicked() {
                out.push(Command::DismissNotice);
            }
            let n_more = state.notices.len() - 1;
            if n_more > 0 {
                controls::quiet(ui, format!("and {n_more} more"));
            }
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                let words = RichText::new(notice).color(Theme::of(ui.ctx()).danger);
                ui.add(egui::Label::new(words).truncate());
            });
        });
    });
}

fn running_ui(ui: &mut Ui, job: &Running) {
    let theme = Theme::of(ui.ctx());
    let (done, total) = (job.progress.done(), job.progress.total());
    if job.progress.is_tidying() {
        let gone = text::counted(done, "name", "names");
        ui.label(format!("⟳ Tidying up · {gone} removed"));
        return;
    }
    if job.is_stopping() {
        ui.label(format!("⟳ Stopping · {}", job.title));
        return;
    }
    let words = match total {
        Some(total) => format!(
            "⟳ {} · {} of {}",
            job.title,
            text::count(done),
            text::count(total)
        ),
        None if done > 0 => format!("⟳ {} · {}", job.title, text::count(done)),
        None => format!("⟳ {}", job.title),
    };
    ui.label(words);
    if let Some(total) = total {
        #[expect(clippy::cast_precision_loss, reason = "a part of a bar's length")]
        let part = done as f32 / total as f32;
        let bar = ProgressBar::new(part)
            .desired_width(140.0)
            .desired_height(6.0)
            .fill(theme.accent);
        ui.add(bar);
    }
}

/// What can be brought back, and that it still takes room.
fn held_ui(ui: &mut Ui, state: &State, out: &mut Vec<Command>) {
    let (mut entries, mut bytes, mut n_expiries) = (0_u64, 0_u64, 0_u64);
    for held in state.held() {
        let n = held.entries as u64;
        if held.is_expiry {
            n_expiries += n;
            continue;
        }
        entries += n;
        bytes = bytes.saturating_add(held.bytes);
    }
    if entries + n_expiries == 0 {
        if !state.held.is_empty() && ui.button("Moved aside…").clicked() {
            out.push(Command::Held(HeldCommand::Show));
        }
        return;
    }
    if ui
        .button("Undo")
        .on_hover_text("Brings back what was cleared last")
        .clicked()
    {
        out.push(Command::Clear(ClearCommand::Undo));
    }
    if ui.button("Free…").clicked() {
        out.push(Command::Clear(ClearCommand::AskPurge));
    }
    let n = text::counted(entries, "entry", "entries");
    let words = match (entries, n_expiries) {
        (0, n) => text::counted(n, "old expiry kept", "old expiries kept"),
        (_, 0) => format!("{n} moved aside, {} held", text::bytes(bytes)),
        (_, more) => format!(
            "{n} moved aside, {} held · {}",
            text::bytes(bytes),
            text::counted(more, "old expiry kept", "old expiries kept")
        ),
    };
    if ui
        .link(words)
        .on_hover_text("Shows what can be brought back, of every store")
        .clicked()
    {
        out.push(Command::Held(HeldCommand::Show));
    }
    ui.add_space(12.0);
}

fn selection_ui(ui: &mut Ui, state: &State) {
    let Some(store) = state.shown() else { return };
    let selection = &store.entries.selection;
    if selection.is_empty() {
        return;
    }
    let count = text::counted(selection.sums.entries, "entry", "entries");
    let seconds = selection.sums.duration_s;
    let hidden = Some(selection.n_hidden).filter(|n| *n > 0);
    let words = [
        Some(format!("Selected {count}")),
        Some(text::bytes(selection.sums.bytes)),
        seconds.map(|s| format!("{} to rebuild", text::duration(s))),
        hidden.map(|n| format!("{} outside the query", text::count(n))),
    ];
    let words: Vec<_> = words.into_iter().flatten().collect();
    let words = RichText::new(words.join(" · ")).color(Theme::of(ui.ctx()).quiet);
    ui.add(egui::Label::new(words).truncate());
}
