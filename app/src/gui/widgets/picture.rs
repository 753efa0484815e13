//! A button on a chart that copies or saves it as a picture.

use egui::containers::menu::MenuButton;
use egui::{Button, Rect, Response, RichText, Ui};

use crate::gui::command::{Command, PictureOf, PictureTo};
use crate::gui::theme::Theme;

/// The button; returns what was chosen.
pub(crate) fn menu_ui(ui: &mut Ui, chart: &str) -> Option<PictureTo> {
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
pub(crate) fn context_ui(chart: &Response) -> Option<PictureTo> {
    let mut chosen = None;
    chart.context_menu(|ui| chosen = items_ui(ui));
    chosen
}

fn items_ui(ui: &mut Ui) -> Option<PictureTo> {
    let ways = [
        ("Copy as a picture", PictureTo::Clipboard),
        ("Save as a picture…", PictureTo::File),
    ];
    let pressed = |(words, to): (&str, PictureTo)| ui.button(words).clicked().then_some(to);
    ways.map(pressed).into_iter().flatten().next()
}

/// Asks for a picture of what a chart covers, if one is wanted.
pub(crate) fn ask(
    wanted: Option<PictureTo>,
    rect: Rect,
    chart: &'static str,
    out: &mut Vec<Command>,
) {
    out.extend(wanted.map(|to| {
        Command::Picture(PictureOf {
            chart,
            rect: Some(rect),
            to,
        })
    }));
}
