//! The compact dialog: what it would gain, what it needs to be safe, how to do it by hand.

use cachescope_core::jobs::Prediction;
use cachescope_core::model::text::shown;
use egui::{Button, Label, RichText, Ui};

use super::{buttons_ui, close_ui};
use crate::gui::command::{Command, CompactCommand};
use crate::gui::command_line;
use crate::gui::state::{CompactStage, Compacting};
use crate::gui::theme::{self, Theme};
use crate::gui::widgets::controls;
use crate::text;

pub(super) fn compact_ui(ui: &mut Ui, compacting: &mut Compacting, out: &mut Vec<Command>) {
    let title = compacting.store.title();
    let title = format!("Compact {}", shown(&title));
    ui.label(RichText::new(title).font(theme::title()));
    match compacting.stage.clone() {
        CompactStage::Predicting => {
            controls::quiet(ui, "Looking for dead space…");
            buttons_ui(ui, out, |ui, out| close_ui(ui, "Cancel", out));
        }
        CompactStage::Failed(why) => {
            let theme = Theme::of(ui.ctx());
            ui.add(Label::new(RichText::new(shown(&why)).color(theme.danger)).wrap());
            buttons_ui(ui, out, |ui, out| close_ui(ui, "Close", out));
        }
        CompactStage::Working => {
            controls::quiet(ui, "Writing anew and comparing every key…");
            buttons_ui(ui, out, |ui, out| {
                if ui.button("Stop").clicked() {
                    out.extend(compacting.job.map(Command::Cancel));
                }
            });
        }
        CompactStage::Ready(prediction) => ready_ui(ui, compacting, prediction, out),
    }
}

fn ready_ui(
    ui: &mut Ui,
    compacting: &mut Compacting,
    prediction: Prediction,
    out: &mut Vec<Command>,
) {
    let gain = prediction.gain;
    let before = text::bytes(gain.bytes_before);
    if gain.bytes() == 0 {
        ui.label(format!("{before}, no dead space"));
        buttons_ui(ui, out, |ui, out| close_ui(ui, "Close", out));
        return;
    }
    ui.label(format!(
        "{before} now, about {} afterwards: about {} are given back",
        text::bytes(gain.bytes_after),
        text::bytes(gain.bytes())
    ));
    controls::quiet(
        ui,
        "Every key and value is compared before the smaller file takes the old one's place. \
         A store that cannot be compacted stays as it is",
    );
    if let Some(free) = prediction.free_bytes {
        controls::quiet(ui, format!("{} free on this disk", text::bytes(free)));
    }
    if prediction.needs_word {
        let why = "A program that has the store open would hand out wrong values afterwards, and nobody can see \
                   whether there is one";
        ui.add(Label::new(why).wrap());
        ui.checkbox(&mut compacting.is_unused, "No program uses it");
    }
    command_ui(ui, compacting, out);
    let can = !prediction.needs_word || compacting.is_unused;
    buttons_ui(ui, out, |ui, out| {
        close_ui(ui, "Cancel", out);
        if ui.add_enabled(can, Button::new("Compact")).clicked() {
            out.push(Command::Compact(CompactCommand::Confirm));
        }
    });
}

fn command_ui(ui: &mut Ui, compacting: &Compacting, out: &mut Vec<Command>) {
    let line = command_line::compact(&compacting.store.path, compacting.is_unused);
    super::clear::line_ui(ui, line, out);
}
