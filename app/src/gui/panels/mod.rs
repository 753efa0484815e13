//! The panels and where they stand. Each draws what it is given and pushes commands.

mod entries;
mod entry;
mod jobs;
mod start;
mod stores;
mod top_bar;

use cachescope_core::model::Time;
use egui::{CentralPanel, Frame, Margin, Panel, Ui};

use super::command::Command;
use super::session::Session;
use super::theme::Theme;

/// The whole window.
pub(super) fn window_ui(ui: &mut Ui, session: &mut Session, now: Time, out: &mut Vec<Command>) {
    let theme = Theme::of(ui.ctx());
    let surface = |x, y| {
        Frame::new()
            .fill(theme.panel)
            .inner_margin(Margin::symmetric(x, y))
    };
    let state = &mut session.state;
    Panel::top("top bar")
        .frame(surface(12, 8))
        .resizable(false)
        .show(ui, |ui| top_bar::top_bar_ui(ui, state, out));
    Panel::bottom("jobs")
        .frame(surface(12, 6))
        .resizable(false)
        .show(ui, |ui| jobs::jobs_ui(ui, state, &session.jobs, out));
    if state.shown().is_none() {
        CentralPanel::no_frame()
            .frame(Frame::new().fill(theme.ground))
            .show(ui, |ui| start::start_ui(ui, state, out));
        return;
    }
    Panel::left("stores")
        .frame(surface(8, 12))
        .default_size(206.0)
        .size_range(160.0..=360.0)
        .show(ui, |ui| stores::stores_ui(ui, state, out));
    Panel::right("entry")
        .frame(surface(12, 12))
        .default_size(344.0)
        .size_range(260.0..=720.0)
        .show(ui, |ui| entry::entry_ui(ui, state, now, out));
    CentralPanel::no_frame()
        .frame(Frame::new().fill(theme.ground))
        .show(ui, |ui| {
            let saved = &mut state.saved;
            let shown = state.shown;
            if let Some(store) = state.stores.iter_mut().find(|s| Some(s.info.id) == shown) {
                entries::entries_ui(ui, store, saved, now, out);
            }
        });
}
