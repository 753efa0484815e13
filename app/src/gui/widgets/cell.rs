//! One line of text painted into a rectangle: elided on the right, or right-aligned and never elided.

use std::sync::Arc;

use egui::text::{LayoutJob, TextFormat, TextWrapping};
use egui::{Align2, Color32, FontId, Galley, Painter, Rect, Ui};

use crate::gui::bidi;

/// Characters that are laid out at most: no column shows more, and a key may be a megabyte.
const MAX_CHARS: usize = 400;

/// Lays `text` out on one line, elided with `…` where it is wider than `width`.
pub(crate) fn elided(ui: &Ui, text: &str, font: FontId, color: Color32, width: f32) -> Arc<Galley> {
    let head = head(text, MAX_CHARS);
    let format = TextFormat::simple(font, color);
    if bidi::has_rtl(head) {
        return elided_in_order(ui, head, &format, width);
    }
    let mut job = LayoutJob::single_section(head.to_owned(), format);
    job.wrap = TextWrapping::truncate_at_width(width.max(0.0));
    ui.painter().layout_job(job)
}

/// The same for text with right-to-left runs, which is cut where it ends, not where it stands on the right.
fn elided_in_order(ui: &Ui, text: &str, format: &TextFormat, width: f32) -> Arc<Galley> {
    let lay = |text: &str| {
        let mut job = LayoutJob::default();
        bidi::append(&mut job, text, format);
        job.wrap.max_width = f32::INFINITY;
        ui.painter().layout_job(job)
    };
    let whole = lay(text);
    if whole.size().x <= width {
        return whole;
    }
    let (mut fits, mut too_wide) = (0, text.chars().count());
    while too_wide - fits > 1 {
        let middle = usize::midpoint(fits, too_wide);
        if lay(&format!("{}…", head(text, middle))).size().x <= width {
            fits = middle;
        } else {
            too_wide = middle;
        }
    }
    let mut cut = (*lay(&format!("{}…", head(text, fits)))).clone();
    cut.elided = true;
    Arc::new(cut)
}

/// The first characters of a text.
fn head(text: &str, n_chars: usize) -> &str {
    let end = text.char_indices().nth(n_chars);
    let end = end.map_or(text.len(), |(at, _)| at);
    text.get(..end).unwrap_or_default()
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
