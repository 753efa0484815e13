//! The store at a glance: cards, a treemap of its bytes, distributions that can be brushed, the largest functions.

mod bins;
mod cards;
mod distributions;
mod treemap;

pub(super) use cards::card_ui;

use cachescope_core::model::Time;
use egui::{Frame, ScrollArea, Ui, vec2};

use crate::gui::command::Command;
use crate::gui::state::{OpenStore, QueryField, Saved};

pub(super) fn overview_ui(
    ui: &mut Ui,
    store: &mut OpenStore,
    saved: &Saved,
    query: &QueryField,
    now: Time,
    out: &mut Vec<Command>,
) {
    let room = ui.available_height();
    ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        Frame::new().inner_margin(12).show(ui, |ui| {
            ui.spacing_mut().item_spacing = vec2(10.0, 10.0);
            cards::cards_ui(ui, store, now, out);
            // What the cards and the histograms leave, and never less than can be read.
            let height = (room - 270.0).max(200.0);
            treemap::treemap_ui(ui, store, saved, query, height, now, out);
            distributions::distributions_ui(ui, store, saved, query, out);
        });
    });
}
