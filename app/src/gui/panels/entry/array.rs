//! An array in the entry panel: heat map, table, line or histogram, and which part of it shows.

use std::borrow::Cow;

use cachescope_core::formats::numpy::{ArraySlice, Dtype, Scalar};
use cachescope_core::formats::{Element, TableHandle};
use cachescope_core::jobs::{Seen, Sight, Target};
use egui::{ComboBox, Response, Slider, Ui, vec2};

use super::element::{element_text, object_text};
use crate::gui::command::{Command, EntryCommand, Need, PictureTo};
use crate::gui::state::{ArrayCommand, Arraying, PAGE_COLUMNS, Plot};
use crate::gui::theme::{self, Theme};
use crate::gui::widgets::plot::{self, Zoomed};
use crate::gui::widgets::table::{Spec, Table};
use crate::gui::widgets::{controls, picture};
use crate::text;

/// Room that is kept for a picture, in points.
const MIN_HEIGHT: f32 = 120.0;
const MAX_HEIGHT: f32 = 420.0;

pub(super) fn array_ui(ui: &mut Ui, array: &mut Arraying, out: &mut Vec<Command>) {
    let (Some(shown), Some(target)) = (array.plot, array.target.clone()) else {
        return;
    };
    let wanted = ways_ui(ui, array, shown, out);
    axes_ui(ui, array, out);
    if let Some(sight) = array.needs() {
        out.push(Command::Need(Need::Look(sight)));
    }
    if let Some(why) = &array.failure {
        let theme = Theme::of(ui.ctx());
        ui.add(egui::Label::new(egui::RichText::new(why).color(theme.danger)).wrap());
        return;
    }
    let seen = array.seen.take();
    let found = seen.as_deref().map(|looked| (&looked.sight, &looked.seen));
    if shown == Plot::Table {
        table_ui(ui, array, &target, found, out);
    } else if let Some(chart) = chart_ui(ui, array, shown, found, out) {
        controls::focus_ring(ui, &chart);
        let wanted = wanted.or_else(|| picture::context_ui(&chart));
        picture::ask(wanted, chart.rect, shown.name(), out);
    } else {
        controls::quiet(ui, "Reading…");
    }
    array.seen = seen;
}

/// The ways to draw it, where there are several; a picture of it that is asked for.
fn ways_ui(
    ui: &mut Ui,
    array: &Arraying,
    shown: Plot,
    out: &mut Vec<Command>,
) -> Option<PictureTo> {
    if array.plots.len() < 2 && shown == Plot::Table {
        return None;
    }
    let row = ui.horizontal_wrapped(|ui| {
        // The button of the picture stands beside all four also in a narrow panel.
        ui.spacing_mut().item_spacing.x = 3.0;
        ui.spacing_mut().button_padding.x = 2.0;
        for plot in array.plots.iter().filter(|_| array.plots.len() > 1) {
            if controls::choice(ui, plot.name(), *plot == shown).clicked() {
                push(out, ArrayCommand::Plot(*plot));
            }
        }
        (shown != Plot::Table)
            .then(|| picture::menu_ui(ui, shown.name()))
            .flatten()
    });
    row.inner
}

fn push(out: &mut Vec<Command>, command: ArrayCommand) {
    out.push(Command::Entry(EntryCommand::Array(command)));
}

fn table_ui(
    ui: &mut Ui,
    array: &mut Arraying,
    target: &Target,
    found: Found<'_>,
    out: &mut Vec<Command>,
) {
    columns_ui(ui, array, out);
    let lines = match target {
        Target::Table(table) => frame_lines(array, table, found),
        Target::Array(handle) => array_lines(array, &handle.view.dtype, found),
        Target::Sparse(_) => return,
    };
    lines.show(ui, array);
}

/// Draws what was read; where it stands, or `None` while that is nothing of this sort.
fn chart_ui(
    ui: &mut Ui,
    array: &mut Arraying,
    shown: Plot,
    found: Found<'_>,
    out: &mut Vec<Command>,
) -> Option<Response> {
    let room = ui.available_height() - 24.0;
    let size = vec2(ui.available_width(), room.clamp(MIN_HEIGHT, MAX_HEIGHT));
    let (chart, is_sampled) = match (shown, found?.1) {
        (Plot::Heat, Seen::Grid(grid)) => (array.heat.show(ui, grid, size), grid.is_sampled),
        (Plot::Line, Seen::Envelope(line)) => {
            let (chart, zoomed) = plot::line_ui(ui, "Line", line, size);
            match zoomed {
                Some(Zoomed::Into(range)) => push(out, ArrayCommand::Zoom(Some(range))),
                Some(Zoomed::Out) => push(out, ArrayCommand::Zoom(None)),
                None => {}
            }
            if array.zoom.is_some() && ui.button("Whole line").clicked() {
                push(out, ArrayCommand::Zoom(None));
            }
            (chart, line.is_sampled)
        }
        (Plot::Histogram, Seen::Histogram(histogram)) => {
            let chart = plot::bars_ui(ui, histogram, size);
            let others = [
                (histogram.n_nan, "NaN"),
                (histogram.n_infinite, "infinite"),
                (histogram.n_masked, "masked"),
            ];
            let others = others.iter().filter(|(n, _)| *n > 0);
            let words: Vec<_> = others
                .map(|(n, what)| format!("{} {what}", text::count(*n)))
                .collect();
            if !words.is_empty() {
                controls::quiet(ui, words.join(" · "));
            }
            (chart, histogram.is_sampled)
        }
        _ => return None,
    };
    if is_sampled {
        // A picture of a part never passes for the whole.
        controls::quiet(ui, "Drawn from a sample: not every element was read");
    }
    Some(chart)
}

/// Which axes run, and where the others stand.
fn axes_ui(ui: &mut Ui, array: &Arraying, out: &mut Vec<Command>) {
    let has_choice = array.n_axes() > 2 && array.plot != Some(Plot::Histogram);
    let (down, across) = array.axes;
    if has_choice {
        ui.horizontal_wrapped(|ui| {
            for (name, chosen, is_down) in [("Down", down, true), ("Across", across, false)] {
                controls::quiet(ui, name);
                let label = |axis: usize| format!("axis {axis}");
                let combo = ComboBox::from_id_salt(name)
                    .width(64.0)
                    .selected_text(label(chosen));
                let response = combo.show_ui(ui, |ui| {
                    for axis in 0..array.n_axes() {
                        let is_chosen = axis == chosen;
                        if ui.selectable_label(is_chosen, label(axis)).clicked() && !is_chosen {
                            // An axis runs one way: the other takes what becomes free.
                            let axes = match (is_down, axis == down || axis == across) {
                                (_, true) => (across, down),
                                (true, false) => (axis, across),
                                (false, false) => (down, axis),
                            };
                            push(out, ArrayCommand::Axes(axes.0, axes.1));
                        }
                    }
                });
                let said = format!("{name}: {}", label(chosen));
                ui.ctx()
                    .accesskit_node_builder(response.response.id, |node| node.set_label(said));
            }
        });
    }
    for axis in array.standing() {
        let last = array.len(axis).saturating_sub(1);
        let mut at = array.at.get(axis).copied().unwrap_or(0);
        if last == 0 {
            continue;
        }
        ui.horizontal(|ui| {
            let name = if array.n_axes() == 2 {
                "Row".to_owned()
            } else {
                format!("Axis {axis}")
            };
            let label = ui.label(name);
            ui.spacing_mut().slider_width = (ui.available_width() - 90.0).max(60.0);
            let slider = ui.add(Slider::new(&mut at, 0..=last)).labelled_by(label.id);
            if slider.changed() {
                push(out, ArrayCommand::At(axis, at));
            }
        });
    }
}

/// Which of many columns show.
fn columns_ui(ui: &mut Ui, array: &Arraying, out: &mut Vec<Command>) {
    let n_columns = if array.n_axes() == 1 {
        1
    } else {
        array.len(array.axes.1)
    };
    if n_columns <= PAGE_COLUMNS {
        return;
    }
    let mut column = array.first_column;
    ui.horizontal(|ui| {
        let label = ui.label("Columns from");
        ui.spacing_mut().slider_width = (ui.available_width() - 90.0).max(60.0);
        let slider = Slider::new(&mut column, 0..=n_columns - PAGE_COLUMNS);
        if ui.add(slider).labelled_by(label.id).changed() {
            push(out, ArrayCommand::Column(column));
        }
    });
}

/// The table as it is drawn: titles, and what stands in a row's cells.
struct Lines<'a> {
    n_rows: u64,
    titles: Vec<(String, String)>,
    cells: Box<CellsOf<'a>>,
}

/// Label and cells of a row; nothing while they are being read.
type Cells = Option<(String, Vec<String>)>;
/// Finds a row's cells in what was read.
type CellsOf<'a> = dyn Fn(&Arraying, u64) -> Cells + 'a;
/// What was seen last, and of what.
type Found<'a> = Option<(&'a Sight, &'a Seen)>;

/// Characters of a title.
const TITLE_CHARS: usize = 18;
/// Characters of a cell, and of one that holds a moment to the second.
const CELL_CHARS: usize = 12;
const MOMENT_CHARS: usize = 19;
/// Width of a monospace letter, and of what stands around a cell's letters, in points.
const LETTER: f32 = 7.2;
const MARGIN: f32 = 18.0;

impl Lines<'_> {
    fn show(&self, ui: &mut Ui, array: &mut Arraying) {
        let column = |title: &str, width: f32| Spec {
            title: Cow::Owned(cachescope_core::model::text::shown(title).into_owned()),
            width,
            min_width: width,
            grows: 0.0,
            is_figure: true,
        };
        let mut columns = vec![column("Index", 72.0)];
        columns.extend(self.titles.iter().map(|(title, dtype)| {
            let title = text::shorten(title, TITLE_CHARS);
            // Wide enough for the title and for every cell: figures are never cut, they would lie over their neighbours.
            let n_chars = title.chars().count().max(cell_chars(dtype));
            #[expect(clippy::cast_precision_loss, reason = "a few letters")]
            let width = n_chars as f32 * LETTER + MARGIN;
            column(&title, width)
        }));
        let mut scroll = array.scroll;
        let table = Table {
            name: "Cells",
            columns: &columns,
            is_sortable: false,
            sorted: None,
            n_lines: usize::try_from(self.n_rows).unwrap_or(usize::MAX),
            scroll: &mut scroll,
        };
        let theme = Theme::of(ui.ctx());
        let happened = table.show(ui, |line| {
            let row = (self.cells)(array, line.index as u64);
            let Some((label, cells)) = row else {
                line.figure(0, "…", theme::mono(), theme.quiet);
                return;
            };
            line.figure(0, &text::shorten(&label, 10), theme::mono(), theme.quiet);
            for (at, cell) in cells.iter().enumerate() {
                let dtype = self.titles.get(at).map_or("", |(_, dtype)| dtype);
                let cell = text::shorten(cell, cell_chars(dtype));
                line.figure(at + 1, &cell, theme::mono(), theme.text);
            }
        });
        for (header, (_, dtype)) in happened.headers.iter().skip(1).zip(&self.titles) {
            if !dtype.is_empty() {
                header.clone().on_hover_text(dtype);
            }
        }
        array.scroll = scroll;
    }
}

/// Characters that a cell of this type shows.
fn cell_chars(dtype: &str) -> usize {
    if dtype.starts_with("datetime") {
        MOMENT_CHARS
    } else {
        CELL_CHARS
    }
}

/// A data frame: its own labels and types.
fn frame_lines<'a>(array: &Arraying, table: &'a TableHandle, found: Found<'a>) -> Lines<'a> {
    let first = usize::try_from(array.first_column).unwrap_or(0);
    let frame = &table.frame;
    let named = frame.columns.iter().zip(&frame.dtypes).skip(first);
    let page = usize::try_from(PAGE_COLUMNS).unwrap_or(usize::MAX);
    let titles = named
        .take(page)
        .map(|(name, dtype)| (name.clone(), dtype.clone()));
    let cells = move |array: &Arraying, row: u64| {
        let Some((Sight::Rows { rows, columns }, Seen::Rows(labels, cells))) = found else {
            return None;
        };
        if columns.start as u64 != array.first_column {
            return None;
        }
        let at = usize::try_from(row.checked_sub(rows.start)?).ok()?;
        let label = labels.get(at).map(element_text)?;
        Some((label, cells.get(at)?.iter().map(element_text).collect()))
    };
    Lines {
        n_rows: frame.n_rows,
        titles: titles.collect(),
        cells: Box::new(cells),
    }
}

/// An array; a structured one has a column for each field.
fn array_lines<'a>(array: &Arraying, dtype: &'a Dtype, found: Found<'a>) -> Lines<'a> {
    let is_line = array.n_axes() == 1;
    let first = array.first_column;
    let n_columns = if is_line { 1 } else { array.len(array.axes.1) };
    let names: Vec<String> = match (dtype.fields.as_slice(), is_line) {
        ([], true) => vec!["Value".to_owned()],
        (fields, true) => fields.iter().map(|f| f.name.clone()).collect(),
        (_, false) => (first..n_columns.min(first + PAGE_COLUMNS))
            .map(|n| n.to_string())
            .collect(),
    };
    let n_cells = names.len();
    let text_of = match dtype.scalar {
        Scalar::Object => object_text,
        _ => element_text,
    };
    let cells = move |array: &Arraying, row: u64| {
        let Some((Sight::Slice { ranges }, Seen::Slice(slice))) = found else {
            return None;
        };
        let element = |column| element_at(array, ranges, slice, row, column, is_line);
        let cells = match element(0)? {
            Element::List(fields) if is_line && !dtype.fields.is_empty() => {
                fields.iter().map(element_text).collect()
            }
            _ => (0..n_cells).filter_map(element).map(text_of).collect(),
        };
        Some((text::count(row), cells))
    };
    Lines {
        n_rows: array.len(if is_line { 0 } else { array.axes.0 }),
        titles: names
            .into_iter()
            .map(|name| (name, String::new()))
            .collect(),
        cells: Box::new(cells),
    }
}

/// The element of a row and a column on screen, if the slice at hand holds it.
fn element_at<'a>(
    array: &Arraying,
    ranges: &[std::ops::Range<u64>],
    slice: &'a ArraySlice,
    row: u64,
    column: usize,
    is_line: bool,
) -> Option<&'a Element> {
    let (down, across) = if is_line { (0, usize::MAX) } else { array.axes };
    let mut place = 0_u64;
    for (axis, (range, len)) in ranges.iter().zip(&slice.shape).enumerate() {
        let index = if axis == down {
            row.checked_sub(range.start)?
        } else if axis == across {
            (array.first_column + column as u64).checked_sub(range.start)?
        } else {
            // The slice must be of the place that is looked at now.
            (array.at.get(axis)? == &range.start).then_some(0)?
        };
        if index >= *len {
            return None;
        }
        place = place.checked_mul(*len)?.checked_add(index)?;
    }
    slice.elements.get(usize::try_from(place).ok()?)
}
