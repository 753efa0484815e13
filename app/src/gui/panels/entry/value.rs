//! The decoded value: a summary, array statistics, the head of a table, and a tree that opens branch by branch.

use cachescope_core::formats::numpy::ArraySummary;
use cachescope_core::formats::{Element, Preview};
use egui::accesskit::Role;
use egui::{Align2, Grid, Label, Rect, RichText, ScrollArea, Sense, Ui, WidgetInfo, pos2, vec2};

use super::element::{element_text, object_text};
use crate::gui::command::{Command, EntryCommand, Need};
use crate::gui::state::{Branch, LineState, Opens, Previewing, TreeLine};
use crate::gui::theme::{self, Theme};
use crate::gui::widgets::{cell, controls};
use crate::text;

/// Height of one line of the tree, in points.
const LINE: f32 = 20.0;
/// Indent of each level, in points; deeper than this many levels it stops growing.
const INDENT: f32 = 14.0;
const MAX_INDENT: usize = 12;

pub(super) fn value_ui(ui: &mut Ui, preview: &mut Previewing, out: &mut Vec<Command>) {
    let theme = Theme::of(ui.ctx());
    let Some(found) = &preview.found else {
        return super::waiting_ui(ui, preview);
    };
    if let Err(error) = &found.value {
        let words = RichText::new(error.to_string()).color(theme.danger);
        ui.add(Label::new(words).wrap());
        return;
    }
    if preview.inside.of.is_some() && !inside_ui(ui, preview, out) {
        return;
    }
    let Some(value) = preview.on_show() else {
        return;
    };
    ui.add(Label::new(RichText::new(&value.summary).font(theme::strong())).wrap());
    problems_ui(ui, value);
    if value.is_truncated && value.problems.is_empty() {
        controls::quiet(ui, "Only the beginning is shown");
    }
    if let Some(array) = preview.array.summary.as_ref().or(value.array.as_ref()) {
        array_ui(ui, array);
    }
    if preview.array.needs_summary() {
        out.push(Command::Need(Need::Summary));
    }
    if preview.array.plot.is_some() {
        ui.add_space(4.0);
        super::array::array_ui(ui, &mut preview.array, out);
        return;
    }
    if value.table.is_some() {
        table_ui(ui, value);
    }
    ui.add_space(4.0);
    let is_inside = preview.inside.of.is_some();
    let tree = if is_inside {
        &preview.inside.tree
    } else {
        &preview.tree
    };
    tree_ui(ui, "tree", tree.lines(), &mut |pressed| {
        out.push(Command::Entry(match pressed {
            Pressed::Branch(branch) if is_inside => EntryCommand::InsideBranch(branch),
            Pressed::Branch(branch) => EntryCommand::Branch(branch),
            Pressed::Opens(Opens::Body(node), _) => EntryCommand::Body(Some(node)),
            Pressed::Opens(Opens::Inside(node), path) => EntryCommand::Inside(Some((node, path))),
        }));
    });
}

/// What is wrong with a value.
pub(super) fn problems_ui(ui: &mut Ui, value: &Preview) {
    for problem in &value.problems {
        let color = if problem.is_damage() {
            Theme::of(ui.ctx()).danger
        } else {
            Theme::of(ui.ctx()).quiet
        };
        let words = RichText::new(problem.to_string()).color(color);
        ui.add(Label::new(words).wrap());
    }
}

/// The way back to the whole value, and where this part of it is; false while there is nothing to show of it.
fn inside_ui(ui: &mut Ui, preview: &Previewing, out: &mut Vec<Command>) -> bool {
    let theme = Theme::of(ui.ctx());
    let inside = &preview.inside;
    ui.horizontal(|ui| {
        if ui.button("‹ Whole value").clicked() {
            out.push(Command::Entry(EntryCommand::Inside(None)));
        }
        let steps = cachescope_core::model::text::shown(&inside.steps);
        let steps = RichText::new(text::shorten(&steps, 200));
        let label = Label::new(steps.font(theme::mono()).color(theme.quiet));
        let label = label.truncate().sense(Sense::click());
        let label = ui.add(label).on_hover_text("Click to copy the path");
        if label.clicked() {
            out.push(Command::Copy(inside.steps.clone()));
        }
    });
    if let Some(why) = &inside.failure {
        let words = RichText::new(why).color(theme.danger);
        ui.add(Label::new(words).wrap());
        return false;
    }
    if inside.preview.is_none() {
        controls::quiet(ui, "Reading…");
    }
    inside.preview.is_some()
}

/// What was pressed in a tree.
pub(super) enum Pressed {
    /// A branch, to be opened or closed.
    Branch(Branch),
    /// A line, for the view behind it.
    Opens(Opens, Vec<usize>),
}

fn array_ui(ui: &mut Ui, array: &ArraySummary) {
    let mut parts = Vec::new();
    for (name, element) in [("min", &array.min), ("max", &array.max)] {
        if *element != Element::Null {
            parts.push(format!("{name} {}", element_text(element)));
        }
    }
    if let Some(mean) = array.mean {
        parts.push(format!("mean {}", text::figure(mean)));
    }
    match array.nan_count {
        Some(0) => parts.push("no NaN".to_owned()),
        Some(n) => parts.push(format!("{} NaN", text::count(n))),
        None => {}
    }
    if !parts.is_empty() {
        controls::quiet(ui, parts.join(" · "));
    }
    if !array.first.is_empty() {
        let text_of = if array.dtype == "|O" {
            object_text
        } else {
            element_text
        };
        let first: Vec<_> = array.first.iter().map(text_of).collect();
        let words = format!("first {}", first.join(", "));
        let words = RichText::new(words).font(theme::mono());
        ui.add(Label::new(words).wrap().selectable(true));
    }
}

fn table_ui(ui: &mut Ui, value: &Preview) {
    let theme = Theme::of(ui.ctx());
    let Some(table) = &value.table else { return };
    ScrollArea::horizontal().id_salt("frame").show(ui, |ui| {
        Grid::new("frame").striped(true).show(ui, |ui| {
            ui.label("");
            for (name, dtype) in table.columns.iter().zip(&table.dtypes) {
                let name = cachescope_core::model::text::shown(name).into_owned();
                ui.label(RichText::new(name).font(theme::strong()))
                    .on_hover_text(dtype);
            }
            ui.end_row();
            for (label, row) in table.index.iter().zip(&table.head) {
                ui.label(RichText::new(element_text(label)).color(theme.quiet));
                for element in row {
                    ui.label(RichText::new(element_text(element)).font(theme::mono()));
                }
                ui.end_row();
            }
        });
    });
    let rows = text::counted(table.rows, "row", "rows");
    controls::quiet(ui, format!("{rows} in all"));
}

/// The lines of a tree; `name` tells two of them apart.
pub(super) fn tree_ui(
    ui: &mut Ui,
    name: &str,
    lines: &[TreeLine],
    pressed: &mut dyn FnMut(Pressed),
) {
    ScrollArea::both()
        .id_salt(name)
        .auto_shrink(false)
        .show_rows(ui, LINE, lines.len(), |ui, range| {
            ui.spacing_mut().item_spacing.y = 0.0;
            for line in lines.get(range).unwrap_or_default() {
                line_ui(ui, line, pressed);
            }
        });
}

fn line_ui(ui: &mut Ui, line: &TreeLine, pressed: &mut dyn FnMut(Pressed)) {
    let theme = Theme::of(ui.ctx());
    #[expect(clippy::cast_precision_loss, reason = "a dozen levels")]
    let indent = INDENT * line.path.len().min(MAX_INDENT) as f32;
    let size = vec2(ui.available_width(), LINE);
    let (rect, response) = ui.allocate_exact_size(size, Sense::click());
    let shown = cachescope_core::model::text::shown(&line.label);
    response.widget_info(|| {
        let name = format!("{} {shown}", line.key);
        WidgetInfo::labeled(Role::TreeItem, true, name.trim())
    });
    let is_branch = line.state != LineState::Leaf || line.opens.is_some();
    if is_branch && response.hovered() {
        ui.painter().rect_filled(rect, 3.0, theme.raised);
    }
    controls::focus_ring(ui, &response);
    if response.clicked() {
        let path = line.path.clone();
        let branch = match line.state {
            LineState::More(_) => Some(Branch::More(path)),
            LineState::Open | LineState::Closed => Some(Branch::Toggle(path)),
            LineState::Leaf => None,
        };
        let opens = line
            .opens
            .map(|opens| Pressed::Opens(opens, line.path.clone()));
        if let Some(what) = branch.map(Pressed::Branch).or(opens) {
            pressed(what);
        }
    }
    let sign = match line.state {
        LineState::Open => "▾",
        LineState::Closed => "▸",
        LineState::More(_) => "…",
        LineState::Leaf => "",
    };
    let inner = rect.with_min_x(rect.left() + indent);
    let (at, words) = inner.split_left_right_at_x(inner.left() + 14.0);
    cell::text(ui, at, sign, theme::body(), theme.quiet);
    let key = cachescope_core::model::text::shown(&line.key);
    let mut value = shown.into_owned();
    if line.is_shared {
        value += "  (shared)";
    }
    // What opens says so: a sign alone is easily overlooked.
    let words = match (line.state, line.opens) {
        (LineState::Leaf, Some(_)) => opens_ui(ui, words, response.hovered()),
        _ => words,
    };
    let lay = |text: &str, color, width| cell::elided(ui, text, theme::mono(), color, width);
    // The name has what its value leaves, and more than half where both are long.
    let taken = lay(&value, theme.text, words.width()).size().x + 8.0;
    let room = (words.width() - taken).max(words.width() * 0.6);
    let galley = lay(&key, theme.quiet, room);
    let (width, is_key_cut) = match galley.size().x {
        _ if key.is_empty() => (0.0, false),
        width => (width + 8.0, galley.elided),
    };
    let at = Align2::LEFT_CENTER.align_size_within_rect(galley.size(), words);
    ui.painter().galley(at.min, galley, theme.quiet);
    let label = words.with_min_x(words.left() + width);
    let color = if matches!(line.state, LineState::More(_)) {
        theme.accent
    } else {
        theme.text
    };
    let is_cut = cell::text(ui, label, &value, theme::mono(), color);
    if is_key_cut {
        response.on_hover_text(text::shorten(&format!("{key} {value}"), 2000));
    } else if is_cut {
        response.on_hover_text(text::shorten(&value, 2000));
    }
}

/// The word at the end of a line that opens; returns what is left of its room.
fn opens_ui(ui: &Ui, room: Rect, is_hovered: bool) -> Rect {
    let theme = Theme::of(ui.ctx());
    let color = if is_hovered { theme.text } else { theme.accent };
    let font = theme::small();
    let galley = ui
        .painter()
        .layout_no_wrap("Open ›".to_owned(), font, color);
    // In sight also where the line is wider than the panel.
    let right = room.right().min(ui.clip_rect().right()) - 4.0;
    let at = pos2(
        right - galley.size().x,
        room.center().y - galley.size().y / 2.0,
    );
    let left = at.x - 8.0;
    ui.painter().galley(at, galley, color);
    room.with_max_x(left.max(room.left()))
}
