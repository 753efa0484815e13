//! A line with its spread, and bars: two charts with figures on their axes, painted by hand.

use std::ops::Range;

use cachescope_core::formats::numpy::{Envelope, Histogram};
use egui::accesskit::Role;
use egui::epaint::Vertex;
use egui::{
    Align2, Mesh, Painter, Pos2, Rect, Response, Sense, Shape, Stroke, Ui, Vec2, WidgetInfo, pos2,
};

use crate::gui::theme::{self, Theme};
use crate::text;

/// Room for the figures below a chart, in points.
const BELOW: f32 = 18.0;
/// Least distance of a drag that means a part of the line, in points.
const MIN_DRAG: f32 = 4.0;

/// What a person did with a line.
pub(crate) enum Zoomed {
    /// Chose a part.
    Into(Range<u64>),
    /// Wants the whole again.
    Out,
}

/// Draws a line; `name` says of what. Returns where it is, and what was done with it.
pub(crate) fn line_ui(
    ui: &mut Ui,
    name: &str,
    line: &Envelope,
    size: Vec2,
) -> (Response, Option<Zoomed>) {
    let theme = Theme::of(ui.ctx());
    let (rect, response) = ui.allocate_exact_size(size, Sense::click_and_drag());
    let numbers = line
        .buckets
        .iter()
        .filter(|b| b.min.is_finite() && b.max.is_finite());
    let low = numbers.clone().map(|b| b.min).fold(f64::INFINITY, f64::min);
    let high = numbers.map(|b| b.max).fold(f64::NEG_INFINITY, f64::max);
    let words = || {
        format!(
            "{name} from {} to {}",
            text::figure(low),
            text::figure(high)
        )
    };
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, words()));
    let chart = Rect::from_min_max(rect.min, pos2(rect.right(), rect.bottom() - BELOW));
    let painter = ui.painter();
    painter.rect_filled(chart, 3.0, theme.ground);
    if low > high {
        no_number(painter, chart, theme);
        return (response, None);
    }
    let plot = Scale::new(chart.shrink(6.0), low, high, line.buckets.len());
    paint_line(&ui.painter_at(chart), line, &plot, theme);
    for (at, value, align) in [
        (chart.left_top(), high, Align2::LEFT_TOP),
        (chart.left_bottom(), low, Align2::LEFT_BOTTOM),
    ] {
        let at = at + egui::vec2(4.0, 0.0);
        painter.text(at, align, text::figure(value), theme::small(), theme.quiet);
    }
    // The last index, not the number of elements: the figure stands under an element.
    let end = line.buckets.last().map_or(0, |b| b.start + line.bucket_len);
    let last = end.saturating_sub(1);
    let start = line.buckets.first().map_or(0, |b| b.start);
    axis(painter, rect, &text::count(start), &text::count(last));
    let zoomed = pointed(ui, &response, line, &plot, chart);
    (response, zoomed)
}

/// Values up, buckets across.
struct Scale {
    rect: Rect,
    low: f64,
    span: f64,
    n: usize,
}

impl Scale {
    fn new(rect: Rect, low: f64, high: f64, n: usize) -> Self {
        let span = if high > low { high - low } else { 1.0 };
        let low = if high > low { low } else { low - 0.5 };
        Self { rect, low, span, n }
    }

    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        reason = "points on a screen"
    )]
    fn at(&self, bucket: usize, value: f64) -> Pos2 {
        let across = (bucket as f32 + 0.5) / self.n.max(1) as f32;
        let up = ((value - self.low) / self.span) as f32;
        pos2(
            self.rect.left() + self.rect.width() * across,
            self.rect.bottom() - self.rect.height() * up,
        )
    }

    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a place among a few hundred buckets"
    )]
    fn bucket(&self, x: f32) -> usize {
        let part = ((x - self.rect.left()) / self.rect.width()).clamp(0.0, 1.0);
        ((part * self.n as f32) as usize).min(self.n.saturating_sub(1))
    }
}

/// The mean as a line; where a bucket holds several numbers, what lies between the extremes as a band behind it.
fn paint_line(painter: &Painter, line: &Envelope, scale: &Scale, theme: &Theme) {
    let band = theme.accent.gamma_multiply(0.3);
    let stroke = Stroke::new(1.5, theme.accent);
    let mut points: Vec<Pos2> = Vec::new();
    let mut mesh = Mesh::default();
    let flush = |points: &mut Vec<Pos2>| {
        let run = std::mem::take(points);
        match run.as_slice() {
            [] => {}
            [one] => drop(painter.circle_filled(*one, 1.5, theme.accent)),
            _ => drop(painter.add(Shape::line(run, stroke))),
        }
    };
    for (n, bucket) in line.buckets.iter().enumerate() {
        if !bucket.mean.is_finite() {
            flush(&mut points);
            continue;
        }
        if line.bucket_len > 1 && bucket.min.is_finite() && bucket.max.is_finite() {
            let is_joined = !points.is_empty();
            for value in [bucket.min, bucket.max] {
                mesh.vertices
                    .push(Vertex::untextured(scale.at(n, value), band));
            }
            let last = u32::try_from(mesh.vertices.len()).unwrap_or(0);
            if is_joined && last >= 4 {
                mesh.add_triangle(last - 4, last - 3, last - 2);
                mesh.add_triangle(last - 3, last - 2, last - 1);
            }
        }
        points.push(scale.at(n, bucket.mean));
    }
    painter.add(mesh);
    flush(&mut points);
}

/// The numbers under the pointer; dragging chooses a part, a double click the whole.
fn pointed(
    ui: &Ui,
    response: &Response,
    line: &Envelope,
    scale: &Scale,
    chart: Rect,
) -> Option<Zoomed> {
    let theme = Theme::of(ui.ctx());
    if response.double_clicked() {
        return Some(Zoomed::Out);
    }
    let start_id = response.id.with("from");
    if response.drag_started()
        && let Some(pos) = ui.input(|i| i.pointer.press_origin())
    {
        ui.data_mut(|data| data.insert_temp(start_id, pos.x));
    }
    let pos = response.interact_pointer_pos().or(response.hover_pos())?;
    let from: Option<f32> = ui.data(|data| data.get_temp(start_id));
    if let Some(from) = from.filter(|_| response.dragged() || response.drag_stopped()) {
        let part = Rect::from_x_y_ranges(from.min(pos.x)..=from.max(pos.x), chart.y_range());
        let fill = theme.accent.gamma_multiply(0.15);
        ui.painter().rect_filled(part.intersect(chart), 0.0, fill);
        if response.drag_stopped() && part.width() > MIN_DRAG {
            let (first, last) = (scale.bucket(part.left()), scale.bucket(part.right()));
            let first = line.buckets.get(first)?.start;
            let last = line.buckets.get(last)?.start + line.bucket_len;
            return Some(Zoomed::Into(first..last));
        }
        return None;
    }
    let n = scale.bucket(pos.x);
    let bucket = line.buckets.get(n)?;
    let mut words = format!(
        "[{}] {}",
        text::count(bucket.start),
        text::figure(bucket.mean)
    );
    if line.bucket_len > 1 {
        words = format!(
            "[{}–{}] mean {}, {} to {}",
            text::count(bucket.start),
            text::count(bucket.start + line.bucket_len - 1),
            text::figure(bucket.mean),
            text::figure(bucket.min),
            text::figure(bucket.max)
        );
    }
    if bucket.mean.is_finite() {
        let at = scale.at(n, bucket.mean);
        ui.painter().circle_filled(at, 3.0, theme.accent);
    } else {
        words = format!("[{}] no number", text::count(bucket.start));
    }
    response.clone().on_hover_text_at_pointer(words);
    None
}

/// What stands in a chart that has nothing to draw.
fn no_number(painter: &Painter, chart: Rect, theme: &Theme) {
    let (at, words) = (chart.center(), "No finite number");
    painter.text(at, Align2::CENTER_CENTER, words, theme::body(), theme.quiet);
}

/// Draws how often numbers occur; returns where.
pub(crate) fn bars_ui(ui: &mut Ui, histogram: &Histogram, size: Vec2) -> Response {
    let theme = Theme::of(ui.ctx());
    let (rect, response) = ui.allocate_exact_size(size, Sense::click());
    let (low, high) = (text::figure(histogram.low), text::figure(histogram.high));
    let words = || format!("Histogram from {low} to {high}");
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, words()));
    let chart = Rect::from_min_max(rect.min, pos2(rect.right(), rect.bottom() - BELOW));
    let painter = ui.painter();
    painter.rect_filled(chart, 3.0, theme.ground);
    let most = histogram.counts.iter().copied().max().unwrap_or(0);
    if most == 0 {
        no_number(painter, chart, theme);
        return response;
    }
    let n = histogram.counts.len();
    let inner = chart.shrink(4.0);
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        reason = "points on a screen"
    )]
    for (at, count) in histogram.counts.iter().enumerate() {
        let pitch = inner.width() / n as f32;
        let left = inner.left() + pitch * at as f32;
        let tall = (*count as f64 / most as f64) as f32 * inner.height();
        if *count > 0 {
            let bar = Rect::from_min_max(
                pos2(left, inner.bottom() - tall.max(1.0)),
                pos2(left + (pitch - 1.0).max(1.0), inner.bottom()),
            );
            painter.rect_filled(bar, 0.0, theme.accent);
        }
    }
    axis(painter, rect, &low, &high);
    if let Some(pos) = response.hover_pos() {
        let scale = Scale::new(inner, 0.0, 1.0, n);
        let bin = scale.bucket(pos.x);
        let words = bin_words(histogram, bin);
        return response.on_hover_text_at_pointer(words);
    }
    response
}

#[expect(clippy::cast_precision_loss, reason = "a few dozen bins")]
fn bin_words(histogram: &Histogram, bin: usize) -> String {
    let width = (histogram.high - histogram.low) / histogram.counts.len().max(1) as f64;
    let edge = |n: usize| text::figure(histogram.low + width * n as f64);
    let count = histogram.counts.get(bin).copied().unwrap_or(0);
    format!(
        "{} to {} · {}",
        edge(bin),
        edge(bin + 1),
        text::count(count)
    )
}

/// Figures at both ends below a chart.
fn axis(painter: &Painter, rect: Rect, left: &str, right: &str) {
    let theme = Theme::of(painter.ctx());
    for (at, align, words) in [
        (rect.left_bottom(), Align2::LEFT_BOTTOM, left),
        (rect.right_bottom(), Align2::RIGHT_BOTTOM, right),
    ] {
        painter.text(at, align, words, theme::small(), theme.quiet);
    }
}
