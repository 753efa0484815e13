//! One line of the table: a group with its sums, or an entry.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::ops::Range;
use std::sync::Arc;

use cachescope_core::jobs::{Arranged, GroupSums};
use cachescope_core::model::text::shown;
use cachescope_core::model::{Condition, EntryId, Group, Overlay, Record, Role, Time, Verdict};
use cachescope_core::ops::SortBy;
use cachescope_core::watch::Earned;
use cachescope_core::watch::Observed;
use egui::{Color32, Response};

use super::super::menus;
use super::Around;
use crate::gui::bidi::{self, isolated};
use crate::gui::command::{Command, TableCommand};
use crate::gui::state::{Activity, Line, Lines, Pick, Selection, group_term};
use crate::gui::theme::{self, Theme};
use crate::gui::widgets::table::LineUi;
use crate::gui::widgets::{cell, condition};
use crate::text;

/// Characters of all arguments together; no column is wider.
const ARGS_CHARS: usize = 300;

/// What lines are drawn from.
pub(super) struct Rows<'a> {
    pub(super) shown: &'a [SortBy],
    pub(super) arranged: &'a Arranged,
    pub(super) lines: &'a Lines,
    pub(super) folded: &'a HashSet<Box<[u8]>>,
    pub(super) selection: &'a Selection,
    pub(super) verdicts: &'a Overlay<Verdict>,
    pub(super) glances: &'a Overlay<Option<String>>,
    pub(super) activity: &'a Activity,
    pub(super) observed: &'a Observed,
    pub(super) kind: &'a str,
    pub(super) around: &'a Around<'a>,
}

impl Rows<'_> {
    pub(super) fn line_ui(&self, line: &mut LineUi<'_>, out: &mut Vec<Command>) {
        match self.lines.at(line.index) {
            Some(Line::Group(at)) => {
                let sums = self.arranged.groups.get(at);
                if let Some((sums, group)) = sums.and_then(|s| Some((s, s.group.as_ref()?))) {
                    self.group_ui(line, sums, group, self.lines.rows_of(at), out);
                }
            }
            Some(Line::Entry(at)) => {
                let row = self.arranged.rows.get(at);
                if let Some(record) = row.and_then(|r| self.arranged.snapshot.record(*r)) {
                    self.entry_ui(line, &record, at, out);
                }
            }
            None => {}
        }
    }

    fn group_ui(
        &self,
        line: &mut LineUi<'_>,
        sums: &GroupSums,
        group: &Arc<Group>,
        rows: Range<usize>,
        out: &mut Vec<Command>,
    ) {
        let theme = Theme::of(line.ui.ctx());
        let label = cachescope_core::stores::group_title(self.kind, group);
        let label = match shown(&label) {
            label if label.is_empty() => {
                let word = cachescope_core::stores::group_word(self.kind).one;
                format!("(no {word})").into()
            }
            label => label,
        };
        let key = EntryId::of(&group.locator, b"", u32::MAX).short();
        let is_folded = self.folded.contains(&group.locator);
        // The keyboard stops at folded groups; it can unfold them there.
        let cursor = self.selection.cursor().filter(|_| is_folded);
        let is_current = cursor.is_some_and(|at| rows.contains(&at));
        let response = line.interact(key, is_current, || {
            let n = text::counted(sums.sums.entries, "entry", "entries");
            format!("{label}, {n}")
        });
        if response.clicked() {
            out.push(Command::Table(TableCommand::Fold(Arc::clone(group))));
        }
        group_menu(&response, sums, rows, self.around, out);
        line.fill(if is_current {
            theme.selection
        } else if response.hovered() {
            theme.hovered
        } else {
            theme.raised
        });
        let arrow = if is_folded { "▸" } else { "▾" };
        let figures = self.shown.iter().position(|by| *by == SortBy::Bytes);
        let title = line.cell(0, figures.map_or(0, |at| at.saturating_sub(1)));
        let count = text::counted(sums.sums.entries, "entry", "entries");
        let count = cell::elided(line.ui, &count, theme::body(), theme.quiet, f32::INFINITY);
        // The count stands behind the name, in one column over all groups where there is room.
        let label = format!("{arrow} {label}");
        let whole = cell::elided(line.ui, &label, theme::strong(), theme.text, f32::INFINITY);
        let wished = (title.width() * 0.46).max(whole.size().x + 16.0);
        let middle = title.left() + wished.min(title.width() - count.size().x - 8.0);
        let (mut name, rest) = title.split_left_right_at_x(middle.max(title.left()));
        name.max.x = (name.max.x - 8.0).max(name.left());
        cell::text(line.ui, name, &label, theme::strong(), theme.text);
        let at = egui::Align2::LEFT_CENTER.align_size_within_rect(count.size(), rest);
        line.ui.painter().galley(at.min, count, theme.quiet);
        for (column, by) in self.shown.iter().enumerate() {
            let figure = match by {
                SortBy::Bytes => Some(text::bytes(sums.sums.bytes)),
                SortBy::Duration => sums.sums.duration_s.map(text::duration_short),
                SortBy::Hits => sums.sums.hits.map(text::count).or_else(|| {
                    let hits = self.activity.of_group(self.observed, &group.locator).hits;
                    (hits > 0).then(|| text::count(hits))
                }),
                SortBy::Saved => {
                    let earned = self.activity.of_group(self.observed, &group.locator);
                    saved(&earned)
                }
                _ => None,
            };
            if let Some(figure) = figure {
                line.figure(column, &figure, theme::strong(), theme.text);
            }
        }
    }

    fn entry_ui(
        &self,
        line: &mut LineUi<'_>,
        record: &Record<'_>,
        at: usize,
        out: &mut Vec<Command>,
    ) {
        let theme = Theme::of(line.ui.ctx());
        let id = record.id();
        let key = shown(&record.key_text()).into_owned();
        let is_selected = self.selection.contains(id);
        let response = line.interact(id.short(), is_selected, || spoken(&key, record));
        if response.clicked() {
            let modifiers = line.ui.input(|i| i.modifiers);
            let pick = match (modifiers.shift, modifiers.command) {
                (true, keeps) => Pick::To { at, keeps },
                (false, true) => Pick::Toggle(at),
                (false, false) => Pick::Only(at),
            };
            out.push(Command::Table(TableCommand::Select(pick)));
        }
        entry_menu(&response, self.around, at, is_selected, out);
        if let Some(column) = line.hovered_column(&response)
            && let Some(exact) = self.shown.get(column).and_then(|by| exact(*by, record))
        {
            let exact = bidi::text(&exact, theme::body(), theme.text);
            response.clone().on_hover_text_at_pointer(exact);
        }
        if is_selected {
            line.fill(theme.selection);
        } else if response.hovered() {
            line.fill(theme.raised);
        } else if line.index % 2 == 1 {
            line.fill(theme.stripe);
        }
        for (column, by) in self.shown.iter().enumerate() {
            self.cell_ui(line, column, *by, record, &key);
        }
    }

    fn cell_ui(
        &self,
        line: &LineUi<'_>,
        column: usize,
        by: SortBy,
        record: &Record<'_>,
        key: &str,
    ) {
        let theme = Theme::of(line.ui.ctx());
        let words = |text: &str, color| line.text(column, text, theme::body(), color);
        let code = |text: &str| line.text(column, text, theme::mono(), theme.text);
        let figure = |text: &str| line.figure(column, text, theme::body(), theme.text);
        let time = |time: Option<Time>| {
            if let Some(time) = time {
                words(&text::ago(time, self.around.now), theme.text);
            }
        };
        match by {
            SortBy::Group => {
                let title = cachescope_core::stores::group_title(self.kind, record.group);
                let title = shown(&title);
                // Functions of one module differ in their last part.
                let width = line.cell(column, column).width();
                let galley = cell::elided(line.ui, &title, theme::body(), theme.text, width);
                let last = title.rsplit('.').next().filter(|_| galley.elided);
                words(last.unwrap_or(&title), theme.text);
            }
            SortBy::Key => code(key),
            SortBy::Args => code(&arguments(record)),
            SortBy::Arg(place) => code(&argument(record, place, &self.arranged.arg_names)),
            SortBy::ValueType => {
                let glance = self.glances.of(record).and_then(Option::as_deref);
                if let Some(value) = glance.or(record.value_type) {
                    words(&shown(value), theme.text);
                }
            }
            SortBy::Bytes => figure(&text::bytes(record.bytes)),
            SortBy::DiskBytes => figure(&text::bytes(record.disk_bytes)),
            SortBy::Duration => {
                figure(
                    &record
                        .duration_s
                        .map(text::duration_short)
                        .unwrap_or_default(),
                );
            }
            SortBy::Created => time(record.created.or(record.modified)),
            SortBy::Accessed => time(record.accessed),
            SortBy::Expires => time(record.expires),
            SortBy::Hits => {
                let observed = || Some(self.activity.earned.get(&record.id())?.hits);
                let hits = record.hits.or_else(observed);
                figure(&hits.map(text::count).unwrap_or_default());
            }
            SortBy::LastHit => {
                let earned = self.activity.earned.get(&record.id());
                time(earned.and_then(Earned::last_hit));
            }
            SortBy::Saved => {
                let earned = self.activity.earned.get(&record.id());
                figure(&earned.and_then(saved).unwrap_or_default());
            }
            SortBy::Condition => self.condition_ui(line, column, record, theme),
            _ => {}
        }
    }

    fn condition_ui(&self, line: &LineUi<'_>, column: usize, record: &Record<'_>, theme: &Theme) {
        let found = match (self.verdicts.of(record), record.role) {
            (Some(verdict), _) => verdict.condition,
            (None, Role::Orphan) => Condition::Orphan,
            (None, Role::Entry) => return,
        };
        let cell = line.cell(column, column);
        let (sign, word) = cell.split_left_right_at_x(cell.left() + 16.0);
        let paint =
            |rect, text, color: Color32| cell::text(line.ui, rect, text, theme::body(), color);
        paint(sign, condition::glyph(found), theme.condition(found));
        paint(word, condition::word(found), theme.text);
    }
}

/// What hits saved, at most; nothing where no compute time is recorded.
fn saved(earned: &Earned) -> Option<String> {
    (earned.hits > earned.n_untimed).then(|| text::duration_short(earned.saved_s))
}

/// A row for those who hear it.
fn spoken(key: &str, record: &Record<'_>) -> String {
    let mut words = text::shorten(key, 80);
    let args = arguments(record);
    if !args.is_empty() {
        // Writing to a String cannot fail.
        write!(words, ", {args}").ok();
    }
    write!(words, ", {}", text::bytes(record.bytes)).ok();
    words
}

/// `path='a.csv', model='base'`.
pub(in crate::gui::panels) fn arguments(record: &Record<'_>) -> String {
    let mut out = String::new();
    for (name, value) in record.args.iter() {
        let separator = if out.is_empty() { "" } else { ", " };
        let (name, value) = (shown(name), shown(value));
        write!(out, "{separator}{}={}", isolated(&name), isolated(&value)).ok();
        if out.len() > ARGS_CHARS {
            break;
        }
    }
    if record.args.is_cut() {
        out.push('…');
    }
    out
}

/// The argument at one place; with its name where that is not the column's.
fn argument(record: &Record<'_>, place: u8, names: &[String]) -> String {
    let Some((name, value)) = record.args.iter().nth(place.into()) else {
        let is_cut = record.args.is_cut();
        return if is_cut { "…" } else { "" }.to_owned();
    };
    let value = text::shorten(&shown(value), ARGS_CHARS);
    match names.get(usize::from(place)) {
        Some(column) if column == name => value,
        _ => format!("{}={value}", shown(name)),
    }
}

/// The whole of what a column shows in short.
fn exact(by: SortBy, record: &Record<'_>) -> Option<String> {
    match by {
        SortBy::Key => Some(text::shorten(&shown(&record.key_text()), 400)),
        SortBy::Args | SortBy::Arg(_) => Some(arguments(record)).filter(|args| !args.is_empty()),
        SortBy::Bytes => Some(text::bytes_exact(record.bytes)),
        SortBy::DiskBytes => Some(text::bytes_exact(record.disk_bytes)),
        SortBy::Duration => record.duration_s.map(|s| format!("{s} s")),
        SortBy::Created => record.created.or(record.modified).map(text::moment_exact),
        SortBy::Accessed => record.accessed.map(text::moment_exact),
        SortBy::Expires => record.expires.map(text::moment_exact),
        _ => None,
    }
}

fn group_menu(
    response: &Response,
    sums: &GroupSums,
    rows: Range<usize>,
    around: &Around<'_>,
    out: &mut Vec<Command>,
) {
    response.context_menu(|ui| {
        let term = sums.group.as_ref().and_then(|g| group_term(&g.label));
        if let Some(term) = term
            && ui.button("Show only its group").clicked()
        {
            out.push(Command::Query(around.query.with_field("group", &term)));
        }
        let n = text::counted(sums.sums.entries, "entry", "entries");
        let mut offer = |label: String, command: TableCommand| {
            if ui.button(label).clicked() {
                out.push(Command::Table(command));
            }
        };
        let these = TableCommand::Select(Pick::These(rows));
        offer(format!("Select these {n}"), these);
        offer("Fold all groups".to_owned(), TableCommand::FoldAll(true));
        offer("Unfold all groups".to_owned(), TableCommand::FoldAll(false));
        offer(
            "Show rows as one list".to_owned(),
            TableCommand::Group(false),
        );
    });
}

fn entry_menu(
    response: &Response,
    around: &Around<'_>,
    at: usize,
    is_selected: bool,
    out: &mut Vec<Command>,
) {
    if response.secondary_clicked() && !is_selected {
        out.push(Command::Table(TableCommand::Select(Pick::Only(at))));
    }
    response.context_menu(|ui| menus::offered_ui(ui, around.menu, out));
}
