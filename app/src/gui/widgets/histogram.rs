//! Bars over bins that can be brushed into a query, by pointer and by keyboard; what the query leaves out is dimmed.

use std::ops::Range;

use cachescope_core::ops::Bin;
use egui::accesskit::Role;
use egui::{
    Align2, EventFilter, Id, Key, Modifiers, Pos2, Rect, Response, Sense, Ui, WidgetInfo, pos2,
    vec2,
};

use super::controls;
use crate::gui::theme::{self, Theme};
use crate::text;

/// Height of the labels below the bars, in points.
const LABELS: f32 = 16.0;

/// A histogram to be drawn.
pub(crate) struct Histogram<'a> {
    /// Name for screen readers.
    pub(crate) name: &'a str,
    pub(crate) bins: &'a [Bin],
    /// What stands below a bin's left edge; empty for nothing.
    pub(crate) label: &'a dyn Fn(usize) -> &'static str,
    /// The bin in words: `1 kB to 3 kB`.
    pub(crate) range: &'a dyn Fn(usize) -> String,
}

impl Histogram<'_> {
    /// Draws the bars; returns the bins that were brushed over when the pointer lets go.
    pub(crate) fn show(&self, ui: &mut Ui, height: f32) -> Option<Range<usize>> {
        let size = vec2(ui.available_width(), height);
        let (rect, response) = ui.allocate_exact_size(size, Sense::click_and_drag());
        let (keyed, is_entered) = self.keys(ui, &response);
        let told = |range: &Range<usize>| {
            let within = self.bins.get(range.clone()).unwrap_or_default();
            let n = within.iter().map(|bin| bin.all).sum();
            let first = (self.range)(range.start);
            let last = (self.range)(range.end.saturating_sub(1));
            let words = if range.len() > 1 {
                format!("{first} up to {last}")
            } else {
                first
            };
            format!("{words} · {}", text::counted(n, "entry", "entries"))
        };
        response.widget_info(|| {
            let full = self.bins.iter().enumerate().max_by_key(|(_, bin)| bin.all);
            let at = keyed.clone().or(full.map(|(at, _)| at..at + 1));
            let at = at.as_ref().map(told).unwrap_or_default();
            let word = if keyed.is_some() { "at" } else { "most in" };
            WidgetInfo::labeled(Role::Image, true, format!("{}: {word} {at}", self.name))
        });
        let bars = Rect::from_min_max(rect.min, pos2(rect.right(), rect.bottom() - LABELS));
        let at = |pos: Pos2| self.bin_at(bars, pos);
        let start = drag_start(ui, response.id, &response);
        let brushed = start.zip(response.interact_pointer_pos()).map(|(a, b)| {
            let (a, b) = (at(a), at(b));
            a.min(b)..a.max(b) + 1
        });
        let marked = brushed.clone().or(keyed.clone());
        self.paint(ui, bars, marked.as_ref());
        controls::focus_ring(ui, &response);
        if let Some(pos) = response.hover_pos() {
            let bin = at(pos);
            let range = brushed.clone().unwrap_or(bin..bin + 1);
            let hint = "\nDrag over bars to see only those";
            response
                .clone()
                .on_hover_text_at_pointer(format!("{}{hint}", told(&range)));
        }
        let is_done = response.drag_stopped() || response.clicked();
        brushed.filter(|_| is_done).or(keyed.filter(|_| is_entered))
    }

    /// The bins that the keyboard marks, and whether Enter asks for them: arrows move, with Shift they extend.
    fn keys(&self, ui: &Ui, response: &Response) -> (Option<Range<usize>>, bool) {
        if !response.has_focus() || self.bins.is_empty() {
            return (None, false);
        }
        let filter = EventFilter {
            horizontal_arrows: true,
            ..EventFilter::default()
        };
        ui.memory_mut(|m| m.set_focus_lock_filter(response.id, filter));
        let id = response.id.with("keys");
        let full = self.bins.iter().enumerate().max_by_key(|(_, bin)| bin.all);
        let first = full.map_or(0, |(at, _)| at);
        let (mut anchor, mut at) = ui
            .data(|data| data.get_temp::<(usize, usize)>(id))
            .unwrap_or((first, first));
        let last = self.bins.len() - 1;
        for (key, by) in [(Key::ArrowLeft, -1), (Key::ArrowRight, 1)] {
            let extends = ui.input_mut(|i| i.consume_key(Modifiers::SHIFT, key));
            if extends || ui.input_mut(|i| i.consume_key(Modifiers::NONE, key)) {
                at = at.saturating_add_signed(by).min(last);
                anchor = if extends { anchor } else { at };
            }
        }
        ui.data_mut(|data| data.insert_temp(id, (anchor, at)));
        let is_entered = ui.input_mut(|i| i.consume_key(Modifiers::NONE, Key::Enter));
        let (low, high) = (anchor.min(at).min(last), anchor.max(at).min(last));
        (Some(low..high + 1), is_entered)
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a few dozen bins"
    )]
    fn bin_at(&self, bars: Rect, pos: Pos2) -> usize {
        let part = ((pos.x - bars.left()) / bars.width()).clamp(0.0, 1.0);
        ((part * self.bins.len() as f32) as usize).min(self.bins.len().saturating_sub(1))
    }

    #[expect(clippy::cast_precision_loss, reason = "heights of bars")]
    fn paint(&self, ui: &Ui, bars: Rect, brushed: Option<&Range<usize>>) {
        let theme = Theme::of(ui.ctx());
        let most = self.bins.iter().map(|b| b.all).max().unwrap_or(0).max(1);
        let pitch = bars.width() / self.bins.len().max(1) as f32;
        for (n, bin) in self.bins.iter().enumerate() {
            let left = bars.left() + pitch * n as f32;
            let bar = |count: u64| {
                let height = (count as f32 / most as f32 * bars.height()).max(1.0);
                Rect::from_min_max(
                    pos2(left + 1.0, bars.bottom() - height),
                    pos2(left + pitch - 1.0, bars.bottom()),
                )
            };
            if bin.all > 0 {
                ui.painter().rect_filled(bar(bin.all), 1.0, theme.dimmed);
            }
            if bin.found > 0 {
                ui.painter().rect_filled(bar(bin.found), 1.0, theme.accent);
            }
            if brushed.is_some_and(|range| range.contains(&n)) {
                let column = Rect::from_x_y_ranges(left..=left + pitch, bars.y_range());
                let color = theme.accent.gamma_multiply(0.15);
                ui.painter().rect_filled(column, 0.0, color);
            }
            ui.painter().text(
                pos2(left, bars.bottom() + 2.0),
                Align2::LEFT_TOP,
                (self.label)(n),
                theme::small(),
                theme.quiet,
            );
        }
        let floor = [bars.left_bottom(), bars.right_bottom()];
        ui.painter().line_segment(floor, theme.hairline());
    }
}

/// Where the pointer went down: egui forgets it when the button is let go, one frame before it is needed.
fn drag_start(ui: &Ui, id: Id, response: &egui::Response) -> Option<Pos2> {
    if let Some(pos) = ui.input(|i| i.pointer.press_origin())
        && response.is_pointer_button_down_on()
    {
        ui.data_mut(|data| data.insert_temp(id, pos));
    }
    ui.data(|data| data.get_temp(id)).filter(|_| {
        response.is_pointer_button_down_on() || response.drag_stopped() || response.clicked()
    })
}
