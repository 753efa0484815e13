//! What was just done, in the line at the bottom for a while, with a button to take it back.

use std::time::Duration;

use egui::{Context, Label, Ui};

use crate::gui::command::Command;
use crate::gui::state::{STAYS_S, Toast};
use crate::gui::theme::Theme;

/// Width that words keep beside their buttons, in points.
const LEAST_WORDS: f32 = 80.0;

/// Counts the time that it stays from the first frame on.
pub(super) fn keep_time(ctx: &Context, toast: &mut Toast, out: &mut Vec<Command>) {
    let now = ctx.input(|i| i.time);
    let since = *toast.since.get_or_insert(now);
    let left = since + STAYS_S - now;
    if left <= 0.0 {
        out.push(Command::DismissToast);
        return;
    }
    ctx.request_repaint_after(Duration::from_secs_f64(left));
}

/// In the `room` that the line has for it: words that do not fit are shown whole under the pointer.
pub(super) fn toast_ui(ui: &mut Ui, toast: &Toast, room: f32, out: &mut Vec<Command>) {
    let theme = Theme::of(ui.ctx());
    let width = |word: &str| {
        let font = egui::TextStyle::Button.resolve(ui.style());
        let galley = ui
            .painter()
            .layout_no_wrap(word.to_owned(), font, theme.text);
        galley.size().x + 2.0 * ui.spacing().button_padding.x + ui.spacing().item_spacing.x
    };
    let offer = toast.offer.as_ref().map_or(0.0, |(word, _)| width(word));
    let words = (room - offer - width("✕")).max(LEAST_WORDS);
    ui.scope(|ui| {
        ui.set_max_width(words);
        ui.add(Label::new(&toast.words).truncate());
    });
    if let Some((word, command)) = &toast.offer
        && ui.button(*word).clicked()
    {
        out.extend([command.clone(), Command::DismissToast]);
    }
    let close = ui.small_button("✕");
    let name = "Dismiss this message";
    ui.ctx()
        .accesskit_node_builder(close.id, |node| node.set_label(name));
    if close.clicked() {
        out.push(Command::DismissToast);
    }
}
