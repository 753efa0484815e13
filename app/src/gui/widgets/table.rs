//! A table of any length: only the lines on screen are drawn, at a cost that does not depend on their number.
//!
//! egui's own scroll areas and tables keep their offset in an f32, which above 2^24 points (700,000 rows)
//! can no longer tell neighbouring rows apart. Here the first line is an integer and only the part of a row
//! above the edge is a float, so the millionth row scrolls as smoothly as the first.

use std::borrow::Cow;

use egui::accesskit::Role;
use egui::{
    Color32, CursorIcon, FontId, Id, Pos2, Rect, Response, ScrollArea, Sense, Ui, Vec2, WidgetInfo,
    pos2, vec2,
};

use super::{cell, controls};
use crate::gui::theme::{self, ROW, Theme};

/// Height of the header, in points.
const HEADER: f32 = 28.0;
/// Space left and right of a cell's text, in points.
const PAD: f32 = 6.0;
/// Width of the scroll bar, in points.
const BAR: f32 = 10.0;
/// The handle stays large enough to be caught.
const HANDLE_MIN: f32 = 28.0;

/// Where a table is scrolled to, in points from its top.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Scroll {
    top: f64,
    /// A line that must be brought on screen when the table is drawn next.
    wanted: Option<usize>,
    /// Lines that fitted on screen when the table was drawn last.
    n_visible: usize,
}

impl Scroll {
    /// The first line on screen, perhaps only in part.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "never negative, and no table has 2^50 lines"
    )]
    pub(crate) fn first_line(&self) -> usize {
        (self.top / f64::from(ROW)) as usize
    }

    /// Brings a line on screen when the table is drawn next.
    pub(crate) fn show_line(&mut self, line: usize) {
        self.wanted = Some(line);
    }

    /// Keeps the picture still when what was line `old` is now line `new`.
    pub(crate) fn shift_lines(&mut self, new: usize, old: usize) {
        self.top += (points(new) - points(old)).max(-self.top);
    }

    /// True for a line that was drawn whole last.
    pub(crate) fn is_on_screen(&self, line: usize) -> bool {
        let first = self.first_line();
        (first..first + self.n_visible).contains(&line)
    }

    /// Lines of one page.
    pub(crate) fn page(&self) -> usize {
        self.n_visible.saturating_sub(1).max(1)
    }

    fn settle(&mut self, n_lines: usize, height: f32) {
        if let Some(line) = self.wanted.take() {
            let (start, end) = (points(line), points(line + 1));
            self.top = self.top.clamp(end - f64::from(height), start.max(0.0));
        }
        let last = (points(n_lines) - f64::from(height)).max(0.0);
        self.top = self.top.clamp(0.0, last);
    }
}

#[expect(clippy::cast_precision_loss, reason = "exact below 2^53 lines")]
fn points(line: usize) -> f64 {
    line as f64 * f64::from(ROW)
}

/// How a column looks.
#[derive(Debug, Clone)]
pub(crate) struct Spec {
    pub(crate) title: Cow<'static, str>,
    /// Wished width, in points.
    pub(crate) width: f32,
    /// Least width; for figures the widest figure.
    pub(crate) min_width: f32,
    /// Share of the room that is left over.
    pub(crate) grows: f32,
    /// Right-aligned, never elided.
    pub(crate) is_figure: bool,
}

/// A table to be drawn.
pub(crate) struct Table<'a> {
    /// Name for screen readers.
    pub(crate) name: &'a str,
    pub(crate) columns: &'a [Spec],
    /// True where a click on a header sorts.
    pub(crate) is_sortable: bool,
    /// The sorted column, and whether largest come first.
    pub(crate) sorted: Option<(usize, bool)>,
    pub(crate) n_lines: usize,
    pub(crate) scroll: &'a mut Scroll,
}

/// Width of a column for so many characters of one width.
#[expect(clippy::cast_precision_loss, reason = "characters of a line")]
pub(crate) fn width_of(n_chars: usize, char_width: f32) -> f32 {
    (n_chars as f32 * char_width + 2.0 * PAD).ceil()
}

/// Width of a table in which no column is squeezed.
pub(crate) fn width_with_bar(columns: &[Spec]) -> f32 {
    columns.iter().map(|c| c.min_width).sum::<f32>() + BAR
}

/// What happened to a table.
pub(crate) struct Happened {
    /// The body: has the keyboard when focused.
    pub(crate) body: Response,
    /// The headers, one for each column.
    pub(crate) headers: Vec<Response>,
    /// The header that was clicked.
    pub(crate) sorted: Option<usize>,
    /// The column whose edge was dragged, and its new width.
    pub(crate) resized: Option<(usize, f32)>,
    /// The column that was dragged, and the one in whose place it was dropped.
    pub(crate) moved: Option<(usize, usize)>,
}

impl Table<'_> {
    /// Draws header, the lines on screen and the scroll bar.
    pub(crate) fn show(self, ui: &mut Ui, line: impl FnMut(&mut LineUi<'_>)) -> Happened {
        let visible = ui.available_rect_before_wrap();
        let wished: f32 = self.columns.iter().map(|c| c.width).sum();
        let room = visible.width() - BAR;
        let width = room.max(width_with_bar(self.columns) - BAR);
        let is_wider = width + BAR > visible.width() + 0.5;
        let height = if is_wider {
            // The bar below takes its room from the rows, not from what stands under the table.
            visible.height() - ui.spacing().scroll.allocated_width()
        } else {
            visible.height()
        };
        let spans = place(self.columns, wished, width);
        ScrollArea::horizontal()
            .id_salt((self.name, "columns"))
            .auto_shrink(false)
            .show(ui, |ui| {
                let (rect, _) = ui.allocate_exact_size(vec2(width + BAR, height), Sense::hover());
                self.draw(ui, rect, &spans, line)
            })
            .inner
    }

    fn draw(
        mut self,
        ui: &mut Ui,
        rect: Rect,
        spans: &[(f32, f32)],
        mut line: impl FnMut(&mut LineUi<'_>),
    ) -> Happened {
        let header = self.header(ui, rect, spans);
        let body = Rect::from_min_max(pos2(rect.left(), rect.top() + HEADER), rect.max);
        let on_screen = body.intersect(ui.clip_rect());
        self.scroll.settle(self.n_lines, body.height());
        self.scroll_by_wheel(ui, on_screen);
        let bar = Rect::from_min_max(
            pos2(on_screen.right() - BAR, on_screen.top()),
            on_screen.max,
        );
        bar_ui(ui, bar, self.name, self.n_lines, self.scroll);
        self.scroll.settle(self.n_lines, body.height());

        let id = ui.scope_id().with((self.name, "body"));
        let response = ui.interact(on_screen, id, Sense::focusable_noninteractive());
        response.widget_info(|| WidgetInfo::labeled(Role::Table, true, self.name));
        let first = self.scroll.first_line();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a part of one row, and the rows of one screen"
        )]
        let (above, n_visible) = (
            (self.scroll.top - points(first)) as f32,
            (body.height() / ROW).ceil() as usize + 1,
        );
        self.scroll.n_visible = n_visible.saturating_sub(1);
        let mut lines_ui = ui.new_child(egui::UiBuilder::new().max_rect(body));
        lines_ui.shrink_clip_rect(Rect::from_min_max(
            on_screen.min,
            pos2(bar.left(), on_screen.bottom()),
        ));
        let last = self.n_lines.min(first + n_visible);
        let mut top = body.top() - above;
        for index in first..last {
            let rect =
                Rect::from_min_size(pos2(rect.left(), top), Vec2::new(rect.width() - BAR, ROW));
            line(&mut LineUi {
                index,
                rect,
                spans,
                ui: &mut lines_ui,
            });
            top += ROW;
        }
        Happened {
            body: response,
            headers: header.cells,
            sorted: header.sorted,
            resized: header.resized,
            moved: header.moved,
        }
    }

    fn header(&self, ui: &mut Ui, rect: Rect, spans: &[(f32, f32)]) -> Header {
        let theme = Theme::of(ui.ctx());
        let mut header = Header::default();
        let bottom = rect.top() + HEADER;
        for (at, (column, (left, width))) in self.columns.iter().zip(spans).enumerate() {
            let cell =
                Rect::from_min_size(pos2(rect.left() + left, rect.top()), vec2(*width, HEADER));
            let id = ui.scope_id().with((self.name, "header", &column.title));
            // A header that does nothing is no stop for the keyboard.
            let sense = if self.is_sortable {
                Sense::click_and_drag()
            } else {
                Sense::hover()
            };
            let response = ui.interact(cell, id, sense);
            response.widget_info(|| {
                let verb = if self.is_sortable { "Sort by " } else { "" };
                let name = format!("{verb}{}", column.title);
                WidgetInfo::labeled(Role::ColumnHeader, true, name)
            });
            if response.clicked() {
                header.sorted = Some(at);
            }
            if response.dragged() || response.drag_stopped() {
                header.drag(ui, at, rect, spans, &response);
            }
            header.cells.push(response.clone());
            controls::focus_ring(ui, &response);
            let is_active = response.hovered() || response.has_focus();
            let color = if is_active { theme.text } else { theme.quiet };
            let arrow = match self.sorted {
                Some((by, true)) if by == at => " ▼",
                Some((by, false)) if by == at => " ▲",
                _ => "",
            };
            let title = format!("{}{arrow}", column.title);
            let inner = cell.shrink2(vec2(PAD, 0.0));
            if column.is_figure {
                cell::figure(ui.painter(), inner, &title, theme::small(), color);
            } else {
                cell::text(ui, inner, &title, theme::small(), color);
            }
            let edge = Rect::from_center_size(cell.right_center(), vec2(8.0, HEADER));
            // No stop for the keyboard: the column menu has widths.
            let drag = ui.interact(edge, id.with("edge"), Sense::DRAG);
            if drag.hovered() || drag.dragged() {
                ui.ctx().set_cursor_icon(CursorIcon::ResizeHorizontal);
                let line = [edge.center_top(), edge.center_bottom()];
                ui.painter().line_segment(line, theme.hairline());
            }
            if drag.dragged() {
                let width = (width + drag.drag_delta().x).max(column.min_width);
                header.resized = Some((at, width));
            }
        }
        let line = [pos2(rect.left(), bottom), pos2(rect.right(), bottom)];
        ui.painter().line_segment(line, theme.hairline());
        header
    }

    fn scroll_by_wheel(&mut self, ui: &Ui, body: Rect) {
        if ui.rect_contains_pointer(body) {
            let moved = ui.input_mut(|i| std::mem::take(&mut i.smooth_scroll_delta.y));
            self.scroll.top -= f64::from(moved);
        }
    }
}

/// What happened to the headers.
#[derive(Default)]
struct Header {
    cells: Vec<Response>,
    sorted: Option<usize>,
    resized: Option<(usize, f32)>,
    moved: Option<(usize, usize)>,
}

impl Header {
    /// A column under the pointer on its way to another place: where it would go is marked.
    fn drag(&mut self, ui: &Ui, at: usize, rect: Rect, spans: &[(f32, f32)], response: &Response) {
        let Some(pos) = response.interact_pointer_pos() else {
            return;
        };
        let x = pos.x - rect.left();
        let over = spans
            .iter()
            .position(|(left, width)| (*left..left + width).contains(&x));
        let Some((to, (left, width))) = over.and_then(|to| Some((to, *spans.get(to)?))) else {
            return;
        };
        if to == at {
            return;
        }
        ui.ctx().set_cursor_icon(CursorIcon::Grabbing);
        let side = rect.left() + if to < at { left } else { left + width };
        let mark = Rect::from_min_size(pos2(side - 1.0, rect.top()), vec2(2.0, HEADER));
        let theme = Theme::of(ui.ctx());
        ui.painter().rect_filled(mark, 0.0, theme.accent);
        if response.drag_stopped() {
            self.moved = Some((at, to));
        }
    }
}

/// Left side and width of each column: wished widths, grown or shrunk to fill `width`.
fn place(columns: &[Spec], wished: f32, width: f32) -> Vec<(f32, f32)> {
    let grows: f32 = columns.iter().map(|c| c.grows).sum();
    let spare = width - wished;
    let slack: f32 = columns.iter().map(|c| c.width - c.min_width).sum();
    let mut left = 0.0;
    columns
        .iter()
        .map(|c| {
            let more = if spare >= 0.0 {
                spare * c.grows / grows.max(1.0)
            } else {
                spare.max(-slack) * (c.width - c.min_width) / slack.max(1.0)
            };
            let span = (left, c.width + more);
            left += c.width + more;
            span
        })
        .collect()
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a part of the bar's length, in points"
)]
fn bar_ui(ui: &Ui, bar: Rect, name: &str, n_lines: usize, scroll: &mut Scroll) {
    let total = points(n_lines);
    let view = f64::from(bar.height());
    if total <= view || bar.height() <= HANDLE_MIN {
        return;
    }
    let theme = Theme::of(ui.ctx());
    let length = ((view * view / total) as f32).max(HANDLE_MIN);
    let run = f64::from(bar.height() - length);
    let at = bar.top() + (scroll.top / (total - view) * run) as f32;
    let handle = Rect::from_min_size(pos2(bar.left() + 2.0, at), vec2(BAR - 4.0, length));
    let id: Id = ui.scope_id().with((name, "bar"));
    let response = ui.interact(bar, id, Sense::DRAG);
    if response.dragged() {
        scroll.top += f64::from(response.drag_delta().y) / run * (total - view);
    } else if let Some(Pos2 { y, .. }) = response.interact_pointer_pos()
        && !handle.y_range().contains(y)
    {
        let part = f64::from(y - bar.top() - length / 2.0) / run;
        scroll.top = part * (total - view);
    }
    let color = if response.hovered() || response.dragged() {
        theme.quiet
    } else {
        theme.line
    };
    ui.painter().rect_filled(handle, 3.0, color);
}

/// One line being drawn.
pub(crate) struct LineUi<'a> {
    /// Its number.
    pub(crate) index: usize,
    pub(crate) rect: Rect,
    pub(crate) ui: &'a mut Ui,
    spans: &'a [(f32, f32)],
}

impl LineUi<'_> {
    /// Makes the line answer to the pointer; `key` keeps its identity over sorting.
    pub(crate) fn interact(
        &self,
        key: u64,
        is_selected: bool,
        name: impl Fn() -> String,
    ) -> Response {
        let id = self.ui.scope_id().with(("line", key));
        let on_screen = self.rect.intersect(self.ui.clip_rect());
        // Not focusable one by one: the arrow keys move through them once the table has the keyboard.
        let response = self.ui.interact(on_screen, id, Sense::CLICK);
        response.widget_info(|| WidgetInfo::selected(Role::Row, true, is_selected, name()));
        response
    }

    /// Fills the whole line.
    pub(crate) fn fill(&self, color: Color32) {
        self.ui.painter().rect_filled(self.rect, 0.0, color);
    }

    /// Room for text in a column, or from one column up to the end of another.
    pub(crate) fn cell(&self, from: usize, to: usize) -> Rect {
        let left = self.spans.get(from).map_or(0.0, |s| s.0);
        let right = self.spans.get(to).map_or(left, |s| s.0 + s.1);
        Rect::from_min_max(
            pos2(self.rect.left() + left + PAD, self.rect.top()),
            pos2(self.rect.left() + right - PAD, self.rect.bottom()),
        )
    }

    /// Text from the left, elided where it does not fit.
    pub(crate) fn text(&self, column: usize, text: &str, font: FontId, color: Color32) {
        cell::text(self.ui, self.cell(column, column), text, font, color);
    }

    /// A figure against the right side.
    pub(crate) fn figure(&self, column: usize, text: &str, font: FontId, color: Color32) {
        let cell = self.cell(column, column);
        cell::figure(self.ui.painter(), cell, text, font, color);
    }

    /// The column under the pointer.
    pub(crate) fn hovered_column(&self, response: &Response) -> Option<usize> {
        let x = response.hover_pos()?.x - self.rect.left();
        self.spans
            .iter()
            .position(|(left, width)| (*left..left + width).contains(&x))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_of_two_million_lines_scrolls_by_single_points() {
        let mut scroll = Scroll::default();
        scroll.show_line(2_000_000);
        scroll.settle(3_000_000, 240.0);
        assert_eq!(scroll.first_line(), 1_999_991);
        let before = scroll.top;
        scroll.top += 1.0;
        assert!((scroll.top - before - 1.0).abs() < 1e-9);
    }

    #[test]
    fn scrolling_stays_within_the_table() {
        let mut scroll = Scroll {
            top: 1e9,
            ..Scroll::default()
        };
        scroll.settle(10, 100.0);
        assert!((scroll.top - 140.0).abs() < 1e-9);
        scroll.settle(2, 100.0);
        assert!(scroll.top.abs() < 1e-9);
    }

    #[test]
    fn columns_fill_the_width_and_keep_their_least() {
        let spec = |width, min_width, grows| Spec {
            title: Cow::Borrowed(""),
            width,
            min_width,
            grows,
            is_figure: false,
        };
        let columns = [spec(100.0, 50.0, 1.0), spec(60.0, 60.0, 0.0)];
        assert_eq!(place(&columns, 160.0, 200.0), [(0.0, 140.0), (140.0, 60.0)]);
        assert_eq!(place(&columns, 160.0, 130.0), [(0.0, 70.0), (70.0, 60.0)]);
    }
}
