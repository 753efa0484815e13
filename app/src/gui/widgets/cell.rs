//! One line of text painted into a rectangle: elided on the right, or right-aligned and never elided.

use std::sync::Arc;

use egui::text::{LayoutJob, TextFormat, TextWrapping};
use egui::{Align2, Color32, FontId, Galley, Painter, Rect, Ui};

/// Characters that are laid out at most: no column shows more, and a key may be a megabyte.
const MAX_CHARS: usize = 400;

/// Lays `text` out on one line, elided with `…` where it is wider than `width`.
pub(crate) fn elided(ui: &Ui, text: &str, font: FontId, color: Color32, width: f32) -> Arc<Galley> {
    let end = text
        .char_indices()
        .nth(MAX_CHARS)
        .map_or(text.len(), |(at, _)| at);
    let head = text.get(..end).unwrap_or_default();
    let mut job = LayoutJob::single_section(head.to_owned(), TextFormat::simple(font, color));
    job.wrap = TextWrapping::truncate_at_width(width.max(0.0));
    ui.painter().layout_job(job)
}

/// Paints text from the left, elided where it does not fit; true if something was left out.
pub(crate) fn text(ui: &Ui, rect: Rect, text: &str, font: FontId, color: Color32) -> bool {
    let galley = elided(ui, text, font, color, rect.width());
    let at = Align2::LEFT_CENTER.align_size_within_rect(galley.size(), rect);
    let is_elided = galley.elided;
    ui.painter().galley(at.min, galley, color);
    is_elided
}

/// Paints a figure against the right side. Figures are never elided: the caller's column is wide enough.
pub(crate) fn figure(painter: &Painter, rect: Rect, text: &str, font: FontId, color: Color32) {
    painter.text(rect.right_center(), Align2::RIGHT_CENTER, text, font, color);
}
