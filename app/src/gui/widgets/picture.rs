//! A button on a chart that copies or saves it as a picture.

use egui::containers::menu::MenuButton;
use egui::{Button, Rect, Response, RichText, Ui};

use crate::gui::command::{Command, PictureOf};
use crate::gui::theme::Theme;

/// Where a picture goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum To {
    /// Onto the clipboard.
    Clipboard,
    /// Into a file.
    File,
}

/// The button; returns what was chosen.
pub(crate) fn menu_ui(ui: &mut Ui, chart: &str) -> Option<To> {
    let mut chosen = None;
    let dots = RichText::new("⋯").color(Theme::of(ui.ctx()).quiet);
    let button = Button::new(dots).frame_when_inactive(false).small();
    let (menu, _) = MenuButton::from_button(button).ui(ui, |ui| chosen = items_ui(ui));
    ui.ctx().accesskit_node_builder(menu.id, |node| {
        node.set_label(format!("Picture of the {chart}"));
    });
    chosen
}

/// The same as the context menu of a chart that is one widget; returns what was chosen.
pub(crate) fn context_ui(chart: &Response) -> Option<To> {
    let mut chosen = None;
    chart.context_menu(|ui| chosen = items_ui(ui));
    chosen
}

fn items_ui(ui: &mut Ui) -> Option<To> {
    let ways = [
        ("Copy as a picture", To::Clipboard),
        ("Save as a picture…", To::File),
    ];
    let pressed = |(words, to): (&str, To)| ui.button(words).clicked().then_some(to);
    ways.map(pressed).into_iter().flatten().next()
}

/// Asks for a picture of what a chart covers, if one is wanted.
pub(crate) fn ask(wanted: Option<To>, rect: Rect, chart: &'static str, out: &mut Vec<Command>) {
    out.extend(wanted.map(|to| {
        Command::Picture(PictureOf {
            chart,
            rect: Some(rect),
            to,
        })
    }));
}
