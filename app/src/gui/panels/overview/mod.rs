//! The store at a glance: cards, a treemap of its bytes, distributions that can be brushed, the largest functions.

mod bins;
mod cards;
mod crumbs;
mod distributions;
mod functions;
mod steps;
mod treemap;

use cachescope_core::model::Time;
use egui::{Frame, ScrollArea, Ui, vec2};

use crate::gui::actions::Offered;
use crate::gui::command::Command;
use crate::gui::state::{Neighbour, OpenStore, QueryField, Saved};

/// What the overview is drawn with, besides the store on show.
pub(super) struct Around<'a> {
    pub(super) saved: &'a Saved,
    pub(super) query: &'a QueryField,
    /// Other stores in the treemap.
    pub(super) neighbours: &'a [Neighbour],
    pub(super) n_stores: usize,
    /// True while the treemap shows every open store.
    pub(super) is_across: bool,
    /// What an entry's context menu offers.
    pub(super) menu: &'a Offered,
    pub(super) now: Time,
}

pub(super) fn overview_ui(
    ui: &mut Ui,
    store: &mut OpenStore,
    around: &Around<'_>,
    out: &mut Vec<Command>,
) {
    let room = ui.available_height();
    ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        Frame::new().inner_margin(12).show(ui, |ui| {
            ui.spacing_mut().item_spacing = vec2(10.0, 10.0);
            cards::cards_ui(ui, store, around.now, out);
            // What the cards and the histograms leave, and never less than can be read.
            let below = distributions::height(room);
            let height = (room - 182.0 - below).max(200.0);
            treemap::treemap_ui(ui, store, around, height, out);
            distributions::distributions_ui(ui, store, around, below, out);
        });
    });
}
