//! The plan of a clear or of a new expiry: exactly what goes, what it costs, what stays and why, how to do it by hand.

use std::borrow::Cow;

use cachescope_core::clear::{Act, Fresh, How, Plan};
use cachescope_core::jobs::{Cleared, Planned};
use cachescope_core::model::text::shown;
use cachescope_core::model::{Snapshot, Time};
use egui::{Label, RadioButton, RichText, ScrollArea, Ui, vec2};

use super::{buttons_ui, close_first_ui, close_ui};
use crate::gui::command::{ClearCommand, Command};
use crate::gui::command_line;
use crate::gui::panels::entries::arguments;
use crate::gui::state::{AskedFor, Clearing, Stage};
use crate::gui::theme::{self, Theme};
use crate::gui::widgets::controls;
use crate::gui::widgets::table::{Scroll, Spec, Table};
use crate::text;

/// Columns of the list.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Column {
    Group,
    Key,
    Arguments,
    Size,
    Compute,
}

impl Column {
    /// Those that have something to say of these entries.
    fn of(planned: &Planned) -> Vec<Self> {
        let plan = &planned.plan;
        let has_groups = plan.removals.iter().any(|p| !p.group_label.is_empty());
        let has_times = plan.removals.iter().any(|p| p.duration_s.is_some());
        let all = [
            Self::Group,
            Self::Key,
            Self::Arguments,
            Self::Size,
            Self::Compute,
        ];
        let is_told = |column: &Self| match column {
            Self::Group => has_groups,
            Self::Key | Self::Size => true,
            Self::Arguments => !planned.rows.is_empty(),
            Self::Compute => has_times,
        };
        all.into_iter().filter(is_told).collect()
    }

    fn spec(self) -> Spec {
        match self {
            Self::Group => words("Group", 180.0, 0.4),
            Self::Key => words("Key", 150.0, 0.3),
            Self::Arguments => words("Arguments", 150.0, 0.5),
            Self::Size => figure("Size"),
            Self::Compute => figure("Compute"),
        }
    }
}

const fn words(title: &'static str, width: f32, grows: f32) -> Spec {
    Spec {
        title: Cow::Borrowed(title),
        width,
        min_width: 90.0,
        grows,
        is_figure: false,
    }
}

const fn figure(title: &'static str) -> Spec {
    Spec {
        title: Cow::Borrowed(title),
        width: 78.0,
        min_width: 78.0,
        grows: 0.0,
        is_figure: true,
    }
}

pub(super) fn clear_ui(ui: &mut Ui, clearing: &mut Clearing, out: &mut Vec<Command>) {
    match &clearing.stage {
        Stage::Planning => {
            let word = match clearing.request.expires {
                None => "Clear",
                Some(_) => "Keep",
            };
            title(ui, word);
            controls::quiet(ui, "Looking at each entry…");
            buttons_ui(ui, out, |ui, out| close_ui(ui, "Cancel", out));
        }
        Stage::Failed(why) => {
            title(ui, "Nothing was changed");
            ui.add(Label::new(why).wrap());
            buttons_ui(ui, out, |ui, out| close_ui(ui, "Close", out));
        }
        Stage::Clearing(plan) => {
            let verb = match plan.act {
                Act::Clear => "Clearing",
                Act::Expire(_) => "Keeping",
            };
            title(ui, &format!("{verb} {}", entries(plan.removals.len())));
            controls::quiet(ui, "The line at the bottom shows how far it is");
            let job = clearing.job;
            ui.horizontal(|ui| {
                if ui.button("Stop").clicked() {
                    out.extend(job.map(Command::Cancel));
                }
            });
        }
        Stage::Done(cleared) => done_ui(ui, cleared, out),
        Stage::Ready(planned) => {
            let ready = Ready {
                planned,
                snapshot: &clearing.request.snapshot,
                asked: &clearing.asked,
            };
            match planned.plan.act {
                Act::Clear => clear_what_ui(ui, ready, clearing.how, &mut clearing.scroll, out),
                Act::Expire(expires) => keep_ui(ui, ready, expires, &mut clearing.scroll, out),
            }
        }
    }
}

/// A plan that waits for a yes.
#[derive(Clone, Copy)]
struct Ready<'a> {
    planned: &'a Planned,
    /// What it was planned from.
    snapshot: &'a Snapshot,
    asked: &'a AskedFor,
}

/// A plan that takes entries away.
fn clear_what_ui(
    ui: &mut Ui,
    ready: Ready<'_>,
    how: How,
    scroll: &mut Scroll,
    out: &mut Vec<Command>,
) {
    let Ready { planned, asked, .. } = ready;
    let plan = &*planned.plan;
    let totals = plan.totals();
    title(ui, &format!("Clear {}?", entries(totals.entries)));
    let stored = text::bytes(totals.bytes);
    let mut costs = match totals.disk_bytes {
        // Rows and keys: their file gets no smaller by it.
        0 if totals.bytes > 0 => format!("{stored} stored, inside a file that keeps its size"),
        disk => format!("{stored} stored, {} on disk", text::bytes(disk)),
    };
    if totals.n_unknown_duration < totals.entries {
        costs += " · ";
        costs += &text::duration(totals.rebuild_s);
        costs += " to compute again";
    }
    ui.label(costs);
    if totals.n_unknown_duration > 0 && totals.entries > 0 {
        let n = entries(totals.n_unknown_duration);
        controls::quiet(ui, format!("The compute time of {n} was not recorded"));
    }
    for note in &plan.notes {
        ui.add(Label::new(shown(note)).wrap());
    }
    list_ui(ui, ready, scroll);
    refusals_ui(ui, plan, out);
    how_ui(ui, planned, how, out);
    command_ui(ui, plan, asked, how, out);
    buttons_ui(ui, out, |ui, out| {
        close_first_ui(ui, "Cancel", out);
        let can = totals.entries > 0 && (how == How::Free || planned.cannot_keep.is_none());
        let verb = if how == How::Free { "Free" } else { "Clear" };
        let label = format!("{verb} {}", entries(totals.entries));
        if controls::danger(ui, &label, can).clicked() {
            out.push(Command::Clear(ClearCommand::Confirm));
        }
    });
}

/// A plan that gives entries a new expiry.
fn keep_ui(
    ui: &mut Ui,
    ready: Ready<'_>,
    expires: Time,
    scroll: &mut Scroll,
    out: &mut Vec<Command>,
) {
    let Ready { planned, asked, .. } = ready;
    let plan = &*planned.plan;
    let n = entries(plan.removals.len());
    title(ui, &format!("Keep {n} until {}?", text::moment(expires)));
    for note in &plan.notes {
        ui.add(Label::new(shown(note)).wrap());
    }
    list_ui(ui, ready, scroll);
    refusals_ui(ui, plan, out);
    cannot_keep_ui(ui, planned);
    command_ui(ui, plan, asked, How::Keep, out);
    buttons_ui(ui, out, |ui, out| {
        close_ui(ui, "Cancel", out);
        let can = !plan.removals.is_empty() && planned.cannot_keep.is_none();
        let button = egui::Button::new(format!("Keep {n}"));
        if ui.add_enabled(can, button).clicked() {
            out.push(Command::Clear(ClearCommand::Confirm));
        }
    });
}

/// Every entry of the plan, however many.
fn list_ui(ui: &mut Ui, ready: Ready<'_>, scroll: &mut Scroll) {
    let Ready {
        planned, snapshot, ..
    } = ready;
    let theme = Theme::of(ui.ctx());
    let (plan, rows) = (&planned.plan, &planned.rows);
    if plan.removals.is_empty() {
        return;
    }
    #[expect(clippy::cast_precision_loss, reason = "a dozen lines at most")]
    let height = 30.0 + theme::ROW * plan.removals.len().min(8) as f32;
    let columns = Column::of(planned);
    let specs: Vec<Spec> = columns.iter().map(|c| c.spec()).collect();
    ui.allocate_ui(vec2(ui.available_width(), height), |ui| {
        ui.set_min_height(height);
        let table = Table {
            name: "Entries of the plan",
            columns: &specs,
            is_sortable: false,
            sorted: None,
            n_lines: plan.removals.len(),
            scroll,
        };
        table.show(ui, |line| {
            let Some(planned) = plan.removals.get(line.index) else {
                return;
            };
            let figure = |at, words: &str| line.figure(at, words, theme::body(), theme.text);
            for (at, column) in columns.iter().enumerate() {
                match column {
                    Column::Group => {
                        let group = shown(&planned.group_label);
                        line.text(at, &group, theme::body(), theme.text);
                    }
                    Column::Key => {
                        line.text(at, &shown(&planned.key_label), theme::mono(), theme.text);
                    }
                    Column::Arguments => {
                        let row = rows.get(line.index).copied().flatten();
                        let record = row.and_then(|row| snapshot.record(row));
                        let words = record.map(|record| arguments(&record));
                        line.text(at, &words.unwrap_or_default(), theme::mono(), theme.text);
                    }
                    Column::Size => figure(at, &text::bytes(planned.bytes)),
                    Column::Compute => {
                        let compute = planned.duration_s.map(text::duration_short);
                        figure(at, &compute.unwrap_or_default());
                    }
                }
            }
        });
    });
}

/// What was chosen and stays, one line for each reason.
fn refusals_ui(ui: &mut Ui, plan: &Plan, out: &mut Vec<Command>) {
    let mut reasons: Vec<(&str, usize)> = Vec::new();
    for refusal in &plan.refusals {
        let text = refusal.why.text();
        match reasons.iter_mut().find(|(why, _)| *why == text) {
            Some((_, n)) => *n += 1,
            None => reasons.push((text, 1)),
        }
    }
    for (reason, n) in reasons {
        let verb = if plan.act == Act::Clear {
            "cleared"
        } else {
            "kept"
        };
        let words = format!("{} cannot be {verb}: {}", entries(n), shown(reason));
        let theme = Theme::of(ui.ctx());
        ui.add(Label::new(RichText::new(words).color(theme.danger)).wrap());
    }
    let mut goes = plan.fresh == Fresh::Goes;
    let spared = plan
        .refusals
        .iter()
        .any(|refusal| refusal.why.is_in_progress());
    if (goes || spared)
        && ui
            .checkbox(&mut goes, "Clear what may be in progress too")
            .clicked()
    {
        let fresh = if goes { Fresh::Goes } else { Fresh::Stays };
        out.push(Command::Clear(ClearCommand::InProgress(fresh)));
    }
}

fn how_ui(ui: &mut Ui, planned: &Planned, how: How, out: &mut Vec<Command>) {
    let mut offer = |ui: &mut Ui, way: How, label: &str, is_enabled: bool| {
        let button = RadioButton::new(how == way, label);
        if ui.add_enabled(is_enabled, button).clicked() {
            out.push(Command::Clear(ClearCommand::How(way)));
        }
    };
    let can_keep = planned.cannot_keep.is_none();
    offer(
        ui,
        How::Keep,
        "Keep for undo: moved aside, still on the disk",
        can_keep,
    );
    offer(ui, How::Free, "Free now: cannot be brought back", true);
    cannot_keep_ui(ui, planned);
    if let Some(free) = planned.free_bytes {
        controls::quiet(ui, format!("{} free on this disk", text::bytes(free)));
    }
}

/// Why nothing can be moved aside; what else can be done stands above it.
fn cannot_keep_ui(ui: &mut Ui, planned: &Planned) {
    if let Some(error) = &planned.cannot_keep {
        let path = error.path().map(cachescope_core::model::text::path);
        let path = path.map_or_else(String::new, |path| format!(". Folder: {path}"));
        let words = format!("{}{path}", error.message());
        let words = RichText::new(words).color(Theme::of(ui.ctx()).quiet);
        ui.add(Label::new(words).wrap());
    }
}

fn command_ui(ui: &mut Ui, plan: &Plan, asked: &AskedFor, how: How, out: &mut Vec<Command>) {
    line_ui(ui, command_line::of_plan(plan, asked, how), out);
}

/// The command line that does the same, where there is a short one.
pub(super) fn line_ui(ui: &mut Ui, line: Option<String>, out: &mut Vec<Command>) {
    let Some(line) = line else { return };
    let theme = Theme::of(ui.ctx());
    ui.horizontal(|ui| {
        if ui
            .button("Copy")
            .on_hover_text("The command line that does the same")
            .clicked()
        {
            out.push(Command::Copy(line.clone()));
        }
        let words = RichText::new(shown(&line))
            .font(theme::mono())
            .color(theme.quiet);
        ui.add(Label::new(words).truncate());
    });
}

fn done_ui(ui: &mut Ui, cleared: &Cleared, out: &mut Vec<Command>) {
    let theme = Theme::of(ui.ctx());
    let applied = &cleared.applied;
    let verb = match cleared.plan.act {
        Act::Clear => "cleared",
        Act::Expire(_) => "kept",
    };
    title(ui, &format!("{} {verb}", entries(applied.removed)));
    if applied.bytes_held > 0 {
        controls::quiet(
            ui,
            format!("{} moved aside", text::bytes(applied.bytes_held)),
        );
    }
    if applied.bytes_freed > 0 {
        controls::quiet(ui, format!("{} freed", text::bytes(applied.bytes_freed)));
    }
    if applied.bytes_inside > 0 {
        let inside = text::bytes(applied.bytes_inside);
        controls::quiet(
            ui,
            format!("{inside} free inside the file, which keeps its size"),
        );
    }
    if applied.not_tried > 0 {
        controls::quiet(ui, format!("{} not reached", entries(applied.not_tried)));
    }
    if let Some(error) = &applied.unfinished {
        ui.add(Label::new(RichText::new(error.to_string()).color(theme.danger)).wrap());
    }
    if !cleared.stayed.is_empty() {
        let n = text::counted(
            cleared.stayed.len() as u64,
            "entry stayed as it was",
            "entries stayed as they were",
        );
        ui.label(RichText::new(n).font(theme::strong()));
    }
    ScrollArea::vertical().max_height(240.0).show(ui, |ui| {
        // The first ones tell the reason; the list of a whole store would tell no more.
        for (key, reason) in cleared.stayed.iter().take(100) {
            let key = text::shorten(&shown(key), 60);
            ui.add(Label::new(RichText::new(key).font(theme::mono())).truncate());
            let words = RichText::new(shown(reason)).color(theme.quiet);
            ui.add(Label::new(words).wrap());
        }
    });
    buttons_ui(ui, out, |ui, out| close_ui(ui, "Close", out));
}

fn title(ui: &mut Ui, words: &str) {
    ui.label(RichText::new(words).font(theme::title()));
}

fn entries(n: usize) -> String {
    text::counted(n as u64, "entry", "entries")
}
