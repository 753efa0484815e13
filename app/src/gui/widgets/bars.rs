//! Horizontal bars with their names and figures, for a handful of things that are compared.

use egui::accesskit::Role;
use egui::{Color32, Rect, Sense, Ui, WidgetInfo, pos2, vec2};

use super::cell;
use crate::gui::theme::{self, ROW, Theme};

/// One bar.
pub(crate) struct Bar<'a> {
    pub(crate) name: &'a str,
    /// Its length, in the chart's unit; `None` for not measured.
    pub(crate) value: Option<f64>,
    /// The value in words.
    pub(crate) figure: String,
    pub(crate) is_marked: bool,
}

/// Width of the names, in points.
const NAMES: f32 = 104.0;
/// Width of the figures, in points.
const FIGURES: f32 = 72.0;

/// Draws the bars on one scale that begins at zero.
pub(crate) fn bars(ui: &mut Ui, chart: &str, bars: &[Bar<'_>]) {
    let theme = Theme::of(ui.ctx());
    let most = bars.iter().filter_map(|bar| bar.value).fold(0.0, f64::max);
    ui.spacing_mut().item_spacing.y = 0.0;
    for bar in bars {
        let size = vec2(ui.available_width(), ROW - 4.0);
        let (rect, response) = ui.allocate_exact_size(size, Sense::hover());
        response.widget_info(|| {
            WidgetInfo::labeled(
                Role::Image,
                true,
                format!("{chart}: {} {}", bar.name, bar.figure),
            )
        });
        let (name, rest) = rect.split_left_right_at_x(rect.left() + NAMES);
        let (room, figure) = rest.split_left_right_at_x(rest.right() - FIGURES);
        let font = if bar.is_marked {
            theme::strong()
        } else {
            theme::body()
        };
        cell::text(ui, name, bar.name, font, theme.text);
        cell::figure(ui.painter(), figure, &bar.figure, theme::body(), theme.text);
        if let Some(value) = bar.value {
            let color = if bar.is_marked {
                theme.accent
            } else {
                theme.quiet
            };
            ui.painter()
                .rect_filled(of_room(room, value, most), 2.0, color);
        }
    }
}

/// A bar that takes the value's part of the room.
fn of_room(room: Rect, value: f64, most: f64) -> Rect {
    #[expect(clippy::cast_possible_truncation, reason = "a part of a bar's length")]
    let part = if most > 0.0 {
        (value / most) as f32
    } else {
        0.0
    };
    let middle = room.center().y;
    Rect::from_min_max(
        pos2(room.left(), middle - 5.0),
        pos2(room.left() + (room.width() * part).max(1.0), middle + 5.0),
    )
}

/// Columns of several series over shared bins, side by side, each series on the scale of the largest bin of all.
pub(crate) fn series(
    ui: &mut Ui,
    chart: &str,
    height: f32,
    all: &[(Color32, Vec<f64>)],
    labels: &[String],
) {
    let theme = Theme::of(ui.ctx());
    let size = vec2(ui.available_width(), height);
    let (rect, response) = ui.allocate_exact_size(size, Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, chart));
    let bars = rect.with_max_y(rect.bottom() - 16.0);
    let most = all
        .iter()
        .flat_map(|(_, bins)| bins)
        .fold(0.0_f64, |a, b| a.max(*b));
    let n_bins = labels.len().max(1);
    #[expect(clippy::cast_precision_loss, reason = "a few dozen bins")]
    let (pitch, part) = (bars.width() / n_bins as f32, 1.0 / all.len().max(1) as f32);
    let mut left = bars.left();
    for (at, label) in labels.iter().enumerate() {
        let mut x = left + 1.0;
        let width = (pitch - 2.0) * part;
        for (color, bins) in all {
            let value = bins.get(at).copied().unwrap_or(0.0);
            #[expect(clippy::cast_possible_truncation, reason = "a part of a bar's height")]
            let tall = if most > 0.0 {
                (value / most) as f32 * bars.height()
            } else {
                0.0
            };
            if value > 0.0 {
                let bar = Rect::from_min_max(
                    pos2(x, bars.bottom() - tall.max(1.0)),
                    pos2(x + width.max(1.0), bars.bottom()),
                );
                ui.painter().rect_filled(bar, 1.0, *color);
            }
            x += width;
        }
        ui.painter().text(
            pos2(left, bars.bottom() + 2.0),
            egui::Align2::LEFT_TOP,
            label,
            theme::small(),
            theme.quiet,
        );
        left += pitch;
    }
    let floor = [bars.left_bottom(), bars.right_bottom()];
    ui.painter().line_segment(floor, theme.hairline());
}
