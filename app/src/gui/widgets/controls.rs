//! Tabs, chips and captions.

use egui::accesskit::Role;
use egui::containers::menu::MenuButton;
use egui::text::{LayoutJob, TextFormat};
use egui::{
    Align, Align2, Button, Color32, CornerRadius, FontId, Frame, Key, Label, Layout, Margin,
    Modifiers, Response, RichText, Sense, Stroke, StrokeKind, TextWrapMode, Ui, WidgetInfo, pos2,
    vec2,
};

use super::picture;
use crate::gui::bidi;
use crate::gui::command::Command;
use crate::gui::theme::{self, GAP, Theme};

/// Height of a row of tabs, in points.
const TABS: f32 = 32.0;

/// A row of tabs; returns the one that was clicked. The keyboard goes to the one on show where it is wanted.
pub(crate) fn tabs<T: Copy + PartialEq>(
    ui: &mut Ui,
    all: &[(T, &str)],
    shown: T,
    is_wanted: bool,
) -> Option<T> {
    let theme = Theme::of(ui.ctx());
    let mut clicked = None;
    let row = ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 0.0;
        for (tab, name) in all {
            let is_shown = *tab == shown;
            let font = if is_shown {
                theme::strong()
            } else {
                theme::body()
            };
            let color = if is_shown { theme.text } else { theme.quiet };
            let galley = ui.painter().layout_no_wrap((*name).to_owned(), font, color);
            let size = vec2(galley.size().x + 8.0 * GAP, TABS);
            let (rect, response) = ui.allocate_exact_size(size, Sense::click());
            response.widget_info(|| WidgetInfo::selected(Role::Tab, true, is_shown, *name));
            if response.clicked() {
                clicked = Some(*tab);
            }
            if is_shown && is_wanted {
                response.request_focus();
            }
            if is_shown {
                let radius = CornerRadius {
                    nw: 5,
                    ne: 5,
                    ..CornerRadius::ZERO
                };
                ui.painter().rect(
                    rect,
                    radius,
                    theme.ground,
                    theme.hairline(),
                    StrokeKind::Inside,
                );
            }
            let at = Align2::CENTER_CENTER.align_size_within_rect(galley.size(), rect);
            let color = if response.hovered() {
                theme.text
            } else {
                color
            };
            ui.painter()
                .galley_with_override_text_color(at.min, galley, color);
            focus_ring(ui, &response);
        }
        ui.min_rect()
    });
    // The line under the tabs, open below the one on show.
    let (left, right) = (ui.max_rect().left(), ui.max_rect().right());
    let bottom = row.inner.bottom();
    ui.painter()
        .line_segment([pos2(left, bottom), pos2(right, bottom)], theme.hairline());
    clicked
}

/// Lets the keys scroll what has nothing in it that takes the keyboard; `page` is the height that shows, in points.
pub(crate) fn scroll_by_keys(ui: &Ui, page: f32) {
    if ui.memory(|memory| memory.focused().is_some()) {
        return;
    }
    let line = ui.spacing().interact_size.y;
    for (key, by) in [
        (Key::ArrowDown, line),
        (Key::ArrowUp, -line),
        (Key::PageDown, page),
        (Key::PageUp, -page),
        (Key::End, f32::MAX),
        (Key::Home, -f32::MAX),
    ] {
        if ui.input_mut(|input| input.consume_key(Modifiers::NONE, key)) {
            ui.scroll_with_delta(vec2(0.0, -by));
        }
    }
}

/// Shows where the keyboard is.
pub(crate) fn focus_ring(ui: &Ui, response: &Response) {
    if response.has_focus() {
        let theme = Theme::of(ui.ctx());
        let stroke = Stroke::new(1.5, theme.accent);
        ui.painter()
            .rect_stroke(response.rect, 5.0, stroke, StrokeKind::Inside);
    }
}

/// A small rounded label.
pub(crate) fn chip(ui: &mut Ui, text: &str) -> Response {
    let theme = Theme::of(ui.ctx());
    Frame::new()
        .fill(theme.raised)
        .stroke(theme.hairline())
        .corner_radius(9)
        .inner_margin(Margin::symmetric(7, 1))
        .show(ui, |ui| {
            ui.add(Label::new(RichText::new(text).font(theme::small())).extend())
        })
        .inner
}

/// A small rounded button that is one of several choices.
pub(crate) fn choice(ui: &mut Ui, text: &str, is_chosen: bool) -> Response {
    let theme = Theme::of(ui.ctx());
    let edge = if is_chosen { theme.accent } else { theme.line };
    let button = Button::new(RichText::new(text).font(theme::small()).color(theme.text))
        .corner_radius(9)
        .stroke(Stroke::new(1.0, edge))
        .min_size(vec2(0.0, 20.0))
        .wrap_mode(TextWrapMode::Extend);
    // Set for this one alone, and in no frame of its own: that would stay in a line that is full.
    let usual = ui.spacing().clone();
    ui.spacing_mut().button_padding = vec2(8.0, 1.0);
    ui.spacing_mut().interact_size.y = 20.0;
    let response = ui.add(button);
    *ui.spacing_mut() = usual;
    response.widget_info(|| WidgetInfo::selected(Role::RadioButton, true, is_chosen, text));
    response
}

/// A small button with the choice that holds, and a menu of all of them; returns another one when it is picked.
pub(crate) fn one_of<T: Copy + PartialEq>(
    ui: &mut Ui,
    of: &str,
    all: &[(&str, T)],
    on: T,
) -> Option<T> {
    let mut picked = None;
    let chosen = all.iter().find(|(_, way)| *way == on);
    let name = chosen.map_or("", |(name, _)| *name);
    let words = RichText::new(format!("by {name} ▾")).font(theme::small());
    let button = Button::new(words)
        .corner_radius(9)
        .min_size(vec2(0.0, 20.0));
    let (menu, _) = ui
        .scope(|ui| {
            ui.spacing_mut().button_padding = vec2(8.0, 1.0);
            ui.spacing_mut().interact_size.y = 20.0;
            MenuButton::from_button(button).ui(ui, |ui| {
                for (name, way) in all {
                    if ui.radio(*way == on, *name).clicked() {
                        picked = Some(*way);
                    }
                }
            })
        })
        .inner;
    ui.ctx().accesskit_node_builder(menu.id, |node| {
        node.set_label(format!("{of}: by {name}"));
    });
    picked
}

/// A caption over a section: small capitals would be louder.
pub(crate) fn caption(ui: &mut Ui, text: &str) {
    let theme = Theme::of(ui.ctx());
    ui.label(RichText::new(text).font(theme::small()).color(theme.quiet));
}

/// Text that explains.
pub(crate) fn quiet(ui: &mut Ui, text: impl Into<String>) -> Response {
    let theme = Theme::of(ui.ctx());
    ui.label(RichText::new(text).color(theme.quiet))
}

/// A stranger's text that wraps and can be copied. With right-to-left runs a click copies all of it as it is stored:
/// marking a part of it would copy what stands beside each other on screen.
pub(crate) fn stranger(ui: &mut Ui, text: &str, font: FontId, color: Color32) -> Response {
    if !bidi::has_rtl(text) {
        let words = RichText::new(text).font(font).color(color);
        return ui.add(Label::new(words).wrap().selectable(true));
    }
    let format = TextFormat::simple(font, color);
    let laid = |text: &str| {
        let mut job = LayoutJob::default();
        bidi::append(&mut job, text, &format);
        job.wrap.max_width = f32::INFINITY;
        job
    };
    let width = |line: &str| ui.painter().layout_job(laid(line)).size().x;
    let lines = bidi::wrapped(text, ui.available_width(), width);
    let label = Label::new(laid(&lines)).extend().selectable(false);
    let response = ui.add(label.sense(Sense::click()));
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, text));
    if response.clicked() {
        ui.ctx().copy_text(text.to_owned());
    }
    response.on_hover_text("Click to copy")
}

/// A surface with an edge, for cards and sections.
pub(crate) fn card(theme: &Theme) -> Frame {
    Frame::new()
        .fill(theme.panel)
        .stroke(theme.hairline())
        .corner_radius(6)
        .inner_margin(Margin::same(12))
}

/// A card with a chart: its title, a button that makes a picture of it, and what it shows.
pub(crate) fn chart(
    ui: &mut Ui,
    title: &'static str,
    out: &mut Vec<Command>,
    add: impl FnOnce(&mut Ui),
) {
    let theme = Theme::of(ui.ctx());
    let mut wanted = None;
    let card = card(theme).show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.horizontal(|ui| {
            ui.set_min_height(20.0);
            ui.label(RichText::new(title).font(theme::strong()));
            let right = Layout::right_to_left(Align::Center);
            ui.with_layout(right, |ui| wanted = picture::menu_ui(ui, title));
        });
        add(ui);
    });
    picture::ask(wanted, card.response.rect, title, out);
}

/// The button of an action that takes something away; it says its scope.
pub(crate) fn danger(ui: &mut Ui, text: &str, is_enabled: bool) -> Response {
    let theme = Theme::of(ui.ctx());
    let label = RichText::new(text).color(theme.danger);
    ui.add_enabled(is_enabled, Button::new(label))
}
