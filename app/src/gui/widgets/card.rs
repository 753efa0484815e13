//! A card with one figure and the words that say what it is.

use egui::accesskit::Role;
use egui::{Response, Sense, Stroke, StrokeKind, Ui, WidgetInfo, vec2};

use super::{cell, controls};
use crate::gui::theme::{self, Theme};

/// Draws it; what is cut off shows on hover.
pub(crate) fn card_ui(ui: &mut Ui, figure: &str, words: &str) -> Response {
    let theme = Theme::of(ui.ctx());
    let size = vec2(ui.available_width(), 66.0);
    let (rect, response) = ui.allocate_exact_size(size, Sense::click());
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, format!("{figure} {words}")));
    let edge = if response.hovered() {
        Stroke::new(1.0, theme.quiet)
    } else {
        theme.hairline()
    };
    ui.painter()
        .rect(rect, 6.0, theme.panel, edge, StrokeKind::Inside);
    controls::focus_ring(ui, &response);
    let inner = rect.shrink2(vec2(12.0, 8.0));
    let (upper, lower) = inner.split_top_bottom_at_y(inner.top() + 28.0);
    // A figure that is cut off reads as another one: in a narrow card it is smaller.
    let is_cut = |font| cell::elided(ui, figure, font, theme.text, upper.width()).elided;
    let fonts = [theme::large(), theme::title(), theme::strong()];
    let font = fonts.into_iter().find(|font| !is_cut(font.clone()));
    let font = font.unwrap_or_else(theme::strong);
    cell::text(ui, upper, figure, font, theme.text);
    let fitting = fitting(ui, words, lower.width());
    if cell::text(ui, lower, fitting, theme::body(), theme.quiet) || fitting != words {
        return response.on_hover_text(words);
    }
    response
}

/// As many of the parts between dots as have room: a figure that is cut off reads as another one.
fn fitting<'a>(ui: &Ui, words: &'a str, width: f32) -> &'a str {
    let color = Theme::of(ui.ctx()).quiet;
    let is_cut = |words: &str| cell::elided(ui, words, theme::body(), color, width).elided;
    let mut fitting = words;
    while let Some((head, _)) = fitting.rsplit_once(" · ").filter(|_| is_cut(fitting)) {
        fitting = head;
    }
    fitting
}
