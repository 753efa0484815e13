//! A plane of numbers as one texture in viridis, with its colour scale.

use cachescope_core::formats::numpy::Grid;
use egui::accesskit::Role;
use egui::{
    Color32, ColorImage, Pos2, Rect, Response, Sense, TextureHandle, TextureOptions, Ui,
    WidgetInfo, pos2, vec2,
};

use super::cell;
use crate::gui::theme::{self, Theme};
use crate::text;

/// Height of the colour scale with its figures, in points.
const SCALE: f32 = 26.0;
/// Steps of the colour scale.
const STEPS: usize = 48;

/// The texture of a grid, made when it is first drawn. Another grid wants another one of these.
#[derive(Default)]
pub(crate) struct Heat {
    texture: Option<TextureHandle>,
}

impl Heat {
    /// Draws the grid; returns where it is, to be pointed at.
    pub(crate) fn show(&mut self, ui: &mut Ui, grid: &Grid, size: egui::Vec2) -> Response {
        let theme = Theme::of(ui.ctx());
        let (rect, response) = ui.allocate_exact_size(size, Sense::click());
        let words = || match grid.range {
            Some((low, high)) => format!(
                "Heat map from {} to {}",
                text::figure(low),
                text::figure(high)
            ),
            None => "Heat map without a number".to_owned(),
        };
        response.widget_info(|| WidgetInfo::labeled(Role::Image, true, words()));
        let plane = Rect::from_min_max(rect.min, pos2(rect.right(), rect.bottom() - SCALE));
        let texture = self.texture(ui, grid, theme.dimmed);
        let uv = Rect::from_min_max(Pos2::ZERO, pos2(1.0, 1.0));
        ui.painter().image(texture, plane, uv, Color32::WHITE);
        let scale = Rect::from_min_max(pos2(rect.left(), plane.bottom() + 6.0), rect.max);
        scale_ui(ui, scale, grid.range);
        if let Some(pos) = response.hover_pos().filter(|pos| plane.contains(*pos)) {
            let words = told(grid, plane, pos);
            return response.on_hover_text_at_pointer(words);
        }
        response
    }

    fn texture(&mut self, ui: &Ui, grid: &Grid, empty: Color32) -> egui::TextureId {
        if let Some(texture) = &self.texture {
            return texture.id();
        }
        let (low, high) = grid.range.unwrap_or((0.0, 1.0));
        let span = high - low;
        #[expect(clippy::cast_possible_truncation, reason = "a part of one")]
        let color = |cell: &f64| {
            if cell.is_nan() {
                empty
            } else if span > 0.0 {
                theme::viridis(((cell - low) / span) as f32)
            } else {
                theme::viridis(0.5)
            }
        };
        let pixels = grid.cells.iter().map(color).collect();
        let image = ColorImage::new([grid.n_columns, grid.n_rows], pixels);
        let texture = ui
            .ctx()
            .load_texture("heat map", image, TextureOptions::NEAREST);
        let id = texture.id();
        self.texture = Some(texture);
        id
    }
}

/// Index and number under the pointer.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a place among a few hundred cells"
)]
fn told(grid: &Grid, plane: Rect, pos: Pos2) -> String {
    let place =
        |part: f32, n: usize| ((part.clamp(0.0, 1.0) * n as f32) as usize).min(n.saturating_sub(1));
    let row = place((pos.y - plane.top()) / plane.height(), grid.n_rows);
    let column = place((pos.x - plane.left()) / plane.width(), grid.n_columns);
    let (height, width) = grid.cell_shape;
    let index = |at: usize, each: u64| {
        let first = at as u64 * each;
        match each {
            1 => text::count(first),
            _ => format!("{}–{}", text::count(first), text::count(first + each - 1)),
        }
    };
    let value = grid.cells.get(row * grid.n_columns + column).copied();
    let value = value
        .filter(|v| !v.is_nan())
        .map_or("no number".to_owned(), text::figure);
    let mean = if height * width > 1 { "mean " } else { "" };
    format!(
        "[{}, {}] {mean}{value}",
        index(row, height),
        index(column, width)
    )
}

/// The colours from low to high between their figures.
fn scale_ui(ui: &Ui, rect: Rect, range: Option<(f64, f64)>) {
    let theme = Theme::of(ui.ctx());
    let Some((low, high)) = range else {
        cell::text(ui, rect, "No finite number", theme::small(), theme.quiet);
        return;
    };
    let low = cell::elided(ui, &text::figure(low), theme::small(), theme.quiet, 120.0);
    let high = cell::elided(ui, &text::figure(high), theme::small(), theme.quiet, 120.0);
    let bar = Rect::from_min_max(
        pos2(rect.left() + low.size().x + 6.0, rect.center().y - 4.0),
        pos2(rect.right() - high.size().x - 6.0, rect.center().y + 4.0),
    );
    #[expect(clippy::cast_precision_loss, reason = "a few dozen steps")]
    for step in 0..STEPS {
        let part = |n: usize| bar.left() + bar.width() * n as f32 / STEPS as f32;
        let piece = Rect::from_min_max(
            pos2(part(step), bar.top()),
            pos2(part(step + 1), bar.bottom()),
        );
        let color = theme::viridis(step as f32 / (STEPS - 1) as f32);
        ui.painter().rect_filled(piece, 0.0, color);
    }
    let top = rect.center().y - low.size().y / 2.0;
    ui.painter()
        .galley(pos2(rect.left(), top), low, theme.quiet);
    let left = rect.right() - high.size().x;
    ui.painter()
        .galley(pos2(left, top) + vec2(0.0, 0.0), high, theme.quiet);
}
