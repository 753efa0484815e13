//! Two texts side by side, line beside line: what is gone on the left, what is new on the right, signs and colours for both.

use std::ops::Range;
use std::sync::Arc;

use egui::accesskit::Role;
use egui::text::{LayoutJob, TextFormat};
use egui::{Color32, FontId, Galley, Rect, ScrollArea, Sense, Ui, WidgetInfo, pos2, vec2};

use crate::difference::{Line, Row};
use crate::gui::theme::{GAP, Theme};

/// Rows that are drawn; a function's difference is shorter.
const MAX_ROWS: usize = 4_000;
/// Unchanged lines that are kept around a change.
const AROUND: usize = 3;
/// Room for a line's number and its sign, in points.
const GUTTER: f32 = 44.0;
/// Narrower, in points, two columns would break nearly every line: then what is gone stands above what is new.
const NARROW: f32 = 620.0;
/// Spaces that a tab is shown as.
const TAB: &str = "    ";

/// The numbers that the first lines of both texts have in their files.
#[derive(Clone, Copy)]
pub(crate) struct Firsts {
    pub(crate) then: u64,
    pub(crate) today: u64,
}

/// The colours of a text's words, by line.
pub(crate) struct Colours<'j> {
    job: &'j LayoutJob,
    /// Where each line begins, in bytes.
    starts: Vec<usize>,
}

impl<'j> Colours<'j> {
    /// Those of a text that was laid out whole.
    pub(crate) fn of(job: &'j LayoutJob) -> Self {
        let ends = job.text.match_indices('\n').map(|(at, _)| at + 1);
        Self {
            job,
            starts: std::iter::once(0).chain(ends).collect(),
        }
    }

    /// The pieces of a stretch of a line, each with its colour; without one behind the part that was laid out.
    fn pieces(&self, line: usize, range: Range<usize>) -> Vec<(Range<usize>, Option<Color32>)> {
        let Some(&start) = self.starts.get(line) else {
            return (!range.is_empty())
                .then_some((range, None))
                .into_iter()
                .collect();
        };
        let all = start.saturating_add(range.start)..start.saturating_add(range.end);
        let sections = &self.job.sections;
        let first = sections.partition_point(|section| section.byte_range.end.0 <= all.start);
        let mut pieces = Vec::new();
        let mut at = all.start;
        for section in sections.get(first..).unwrap_or_default() {
            let end = section.byte_range.end.0.min(all.end);
            if at >= all.end {
                break;
            }
            if end > at {
                pieces.push((at - start..end - start, Some(section.format.color)));
                at = end;
            }
        }
        if at < all.end {
            pieces.push((at - start..range.end, None));
        }
        pieces
    }
}

/// Draws the rows; long stretches without a change shrink to a line that says so.
pub(crate) fn beside_ui(ui: &mut Ui, rows: &[Row], firsts: Firsts, colours: &[Colours<'_>; 2]) {
    ScrollArea::vertical()
        .id_salt("beside")
        .auto_shrink(false)
        .show(ui, |ui| {
            ui.spacing_mut().item_spacing.y = 0.0;
            for stretch in stretches(rows) {
                match stretch {
                    Stretch::Shown(range) => {
                        let rows = rows.get(range).unwrap_or_default();
                        if ui.available_width() < NARROW {
                            stacked_ui(ui, rows, firsts, colours);
                        } else {
                            for row in rows {
                                row_ui(ui, row, firsts, colours);
                            }
                        }
                    }
                    Stretch::Same(n) => same_ui(ui, n),
                }
            }
        });
}

/// A piece of the rows.
#[derive(Debug, PartialEq, Eq)]
enum Stretch {
    Shown(Range<usize>),
    /// So many lines that are the same on both sides.
    Same(usize),
}

fn stretches(rows: &[Row]) -> Vec<Stretch> {
    let rows = rows.get(..MAX_ROWS).unwrap_or(rows);
    let mut shown = vec![false; rows.len()];
    let changed = rows.iter().enumerate().filter(|(_, row)| row.is_changed);
    for (at, _) in changed {
        let around = at.saturating_sub(AROUND)..rows.len().min(at + AROUND + 1);
        if let Some(around) = shown.get_mut(around) {
            around.fill(true);
        }
    }
    let mut stretches = Vec::new();
    let mut start = 0;
    for run in shown.chunk_by(|a, b| a == b) {
        let range = start..start + run.len();
        start = range.end;
        // A line in the place of one or two would hide something and spare nothing.
        stretches.push(if run.first() == Some(&true) || range.len() <= 2 {
            Stretch::Shown(range)
        } else {
            Stretch::Same(range.len())
        });
    }
    stretches
}

fn same_ui(ui: &mut Ui, n: usize) {
    let theme = Theme::of(ui.ctx());
    let words = crate::text::counted(n as u64, "line", "lines") + " without a change";
    let size = vec2(ui.available_width(), 22.0);
    let (rect, response) = ui.allocate_exact_size(size, Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, &words));
    ui.painter().rect_filled(rect, 0.0, theme.raised);
    ui.painter().text(
        rect.left_center() + vec2(GUTTER, 0.0),
        egui::Align2::LEFT_CENTER,
        words,
        crate::gui::theme::small(),
        theme.quiet,
    );
}

/// One side of a row: where it goes and how it looks.
struct Side<'r> {
    line: Option<&'r Line>,
    number: u64,
    sign: &'static str,
    /// Behind the line, and behind its marked words.
    fill: [Color32; 2],
    colours: &'r Colours<'r>,
}

impl<'r> Side<'r> {
    /// What was, and what is.
    fn both(
        row: &'r Row,
        firsts: Firsts,
        [gone, new]: &'r [Colours<'r>; 2],
        theme: &Theme,
    ) -> [Self; 2] {
        let number = |line: Option<&Line>, first: u64| first + line.map_or(0, |l| l.number as u64);
        let (then, today) = (row.then.as_ref(), row.today.as_ref());
        [
            Self {
                line: then,
                number: number(then, firsts.then),
                sign: "−",
                fill: theme.gone_fill,
                colours: gone,
            },
            Self {
                line: today,
                number: number(today, firsts.today),
                sign: "+",
                fill: theme.new_fill,
                colours: new,
            },
        ]
    }
}

fn row_ui(ui: &mut Ui, row: &Row, firsts: Firsts, colours: &[Colours<'_>; 2]) {
    let theme = Theme::of(ui.ctx());
    let half = ((ui.available_width() - GAP) / 2.0).max(80.0);
    let sides = Side::both(row, firsts, colours, theme);
    line_ui(ui, row, half, &sides, &spoken(row));
}

/// Rows one below the other: of each change first what is gone, then what is new.
fn stacked_ui(ui: &mut Ui, rows: &[Row], firsts: Firsts, colours: &[Colours<'_>; 2]) {
    let theme = Theme::of(ui.ctx());
    for run in rows.chunk_by(|a, b| a.is_changed == b.is_changed) {
        for is_today in [false, true] {
            for row in run {
                let [then, today] = Side::both(row, firsts, colours, theme);
                let side = if is_today { today } else { then };
                let Some(line) = side.line.filter(|_| row.is_changed || !is_today) else {
                    continue;
                };
                let words = match (row.is_changed, is_today) {
                    (false, _) => line.text.clone(),
                    (true, false) => format!("was: {}", line.text),
                    (true, true) => format!("is: {}", line.text),
                };
                let width = ui.available_width();
                line_ui(ui, row, width, &[side], &words);
            }
        }
    }
}

/// One line of one side or of both, each so wide.
fn line_ui(ui: &mut Ui, row: &Row, each: f32, sides: &[Side<'_>], words: &str) {
    let theme = Theme::of(ui.ctx());
    let laid = sides
        .iter()
        .map(|side| laid_out(ui, side, theme, each - GUTTER));
    let laid: Vec<_> = laid.collect();
    let height = laid.iter().map(|g| g.size().y).fold(16.0_f32, f32::max);
    let size = vec2(ui.available_width(), height);
    let (rect, response) = ui.allocate_exact_size(size, Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Row, true, words));
    if !ui.is_rect_visible(rect) {
        return;
    }
    let mut left = rect.left();
    for (side, galley) in sides.iter().zip(laid) {
        let place = Rect::from_min_size(pos2(left, rect.top()), vec2(each, height));
        paint(ui, side, row.is_changed, place, galley);
        left += each + GAP;
    }
}

fn paint(ui: &Ui, side: &Side<'_>, is_changed: bool, place: Rect, galley: Arc<Galley>) {
    let theme = Theme::of(ui.ctx());
    let fill = match (is_changed, side.line) {
        (true, Some(_)) => side.fill[0],
        (true, None) => theme.raised,
        (false, _) => theme.ground,
    };
    ui.painter().rect_filled(place, 0.0, fill);
    if side.line.is_none() {
        return;
    }
    let sign = if is_changed { side.sign } else { " " };
    ui.painter().text(
        place.left_top() + vec2(GUTTER - 6.0, 1.0),
        egui::Align2::RIGHT_TOP,
        format!("{} {sign}", side.number),
        font(),
        theme.quiet,
    );
    let at = place.left_top() + vec2(GUTTER, 1.0);
    ui.painter().galley(at, galley, theme.text);
}

fn font() -> FontId {
    FontId::monospace(11.0)
}

/// The text of a side, broken between words where it is wider than its column.
fn laid_out(ui: &Ui, side: &Side<'_>, theme: &Theme, width: f32) -> Arc<Galley> {
    let mut job = LayoutJob::default();
    job.wrap.max_width = width.max(40.0);
    if let Some(line) = side.line {
        let mut add = |range: Range<usize>, fill: Color32| {
            for (range, color) in side.colours.pieces(line.number, range) {
                let text = line.text.get(range).unwrap_or_default();
                append(&mut job, text, color.unwrap_or(theme.text), fill);
            }
        };
        let mut at = 0;
        for marked in &line.marked {
            add(at..marked.start, Color32::TRANSPARENT);
            add(marked.clone(), side.fill[1]);
            at = marked.end;
        }
        add(at..line.text.len(), Color32::TRANSPARENT);
    }
    ui.painter().layout_job(job)
}

fn append(job: &mut LayoutJob, text: &str, color: Color32, fill: Color32) {
    let text = text.replace('\t', TAB);
    let text = cachescope_core::model::text::shown(&text);
    let mut format = TextFormat::simple(font(), color);
    format.background = fill;
    job.append(&text, 0.0, format);
}

/// A row in words.
fn spoken(row: &Row) -> String {
    match (&row.then, &row.today) {
        (Some(line), _) if !row.is_changed => line.text.clone(),
        (Some(then), Some(today)) => format!("was: {}, is: {}", then.text, today.text),
        (Some(then), None) => format!("gone: {}", then.text),
        (None, Some(today)) => format!("new: {}", today.text),
        (None, None) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::difference::rows;

    #[test]
    fn words_keep_their_colours_whatever_of_them_is_asked_for() {
        let mut job = LayoutJob::default();
        for (text, color) in [
            ("x = ", Color32::RED),
            ("'a\nb'", Color32::GREEN),
            ("\ny", Color32::BLUE),
        ] {
            job.append(text, 0.0, TextFormat::simple(font(), color));
        }
        let colours = Colours::of(&job);
        assert_eq!(
            colours.pieces(0, 2..6),
            [(2..4, Some(Color32::RED)), (4..6, Some(Color32::GREEN))]
        );
        assert_eq!(colours.pieces(1, 0..2), [(0..2, Some(Color32::GREEN))]);
        assert_eq!(colours.pieces(2, 0..1), [(0..1, Some(Color32::BLUE))]);
        // Behind the part that was laid out, and in an empty line.
        assert_eq!(
            colours.pieces(2, 0..3),
            [(0..1, Some(Color32::BLUE)), (1..3, None)]
        );
        assert_eq!(colours.pieces(9, 0..3), [(0..3, None)]);
        assert_eq!(colours.pieces(0, 1..1), []);
    }

    #[test]
    fn long_stretches_without_a_change_shrink() {
        let then: Vec<String> = (0..20).map(|n| format!("line {n}\n")).collect();
        let then = then.concat();
        let today = then.replace("line 10\n", "row 10\n");
        assert_eq!(
            stretches(&rows(&then, &today)),
            [Stretch::Same(7), Stretch::Shown(7..14), Stretch::Same(6)]
        );
        let today = then.replace("line 4\n", "");
        assert_eq!(
            stretches(&rows(&then, &today)),
            [
                Stretch::Shown(0..1),
                Stretch::Shown(1..8),
                Stretch::Same(12)
            ]
        );
        assert_eq!(stretches(&rows("a\n", "a\n")), [Stretch::Shown(0..1)]);
    }
}
