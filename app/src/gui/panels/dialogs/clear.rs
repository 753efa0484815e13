//! The clear dialog: exactly what goes, what it costs to make again, what stays and why, and how to do it by hand.

use std::borrow::Cow;

use cachescope_core::clear::{Fresh, How, Plan, Refusal};
use cachescope_core::jobs::{Cleared, Planned};
use cachescope_core::model::text::shown;
use egui::{Align, Label, Layout, RadioButton, RichText, ScrollArea, Ui, vec2};

use crate::gui::command::{ClearCommand, Command};
use crate::gui::command_line;
use crate::gui::state::{AskedFor, Clearing, Stage};
use crate::gui::theme::{self, Theme};
use crate::gui::widgets::controls;
use crate::gui::widgets::table::{Spec, Table};
use crate::text;

const COLUMNS: [Spec; 4] = [
    words("Function", 180.0, 0.4),
    words("Key", 230.0, 0.6),
    figure("Size"),
    figure("Compute"),
];

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
            title(ui, "Clear");
            controls::quiet(ui, "Looking at each entry…");
            closing_ui(ui, "Cancel", out);
        }
        Stage::Failed(why) => {
            title(ui, "Nothing was cleared");
            ui.add(Label::new(why).wrap());
            closing_ui(ui, "Close", out);
        }
        Stage::Clearing(plan) => {
            title(ui, &format!("Clearing {}", entries(plan.totals().entries)));
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
            let planned: &Planned = planned;
            ready_ui(
                ui,
                planned,
                &clearing.asked,
                clearing.how,
                &mut clearing.scroll,
                out,
            );
        }
    }
}

fn ready_ui(
    ui: &mut Ui,
    planned: &Planned,
    asked: &AskedFor,
    how: How,
    scroll: &mut crate::gui::widgets::table::Scroll,
    out: &mut Vec<Command>,
) {
    let plan = &*planned.plan;
    let totals = plan.totals();
    title(ui, &format!("Clear {}?", entries(totals.entries)));
    let disk = text::bytes(totals.disk_bytes);
    let mut costs = format!("{} stored, {disk} on disk", text::bytes(totals.bytes));
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
    list_ui(ui, plan, scroll);
    refusals_ui(ui, plan, out);
    how_ui(ui, planned, how, out);
    command_ui(ui, plan, asked, how, out);
    ui.add_space(4.0);
    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
        let can = totals.entries > 0 && (how == How::Free || planned.cannot_keep.is_none());
        let verb = if how == How::Free { "Free" } else { "Clear" };
        let label = format!("{verb} {}", entries(totals.entries));
        if controls::danger(ui, &label, can).clicked() {
            out.push(Command::Clear(ClearCommand::Confirm));
        }
        if ui.button("Cancel").clicked() {
            out.push(Command::Dialog(None));
        }
    });
}

/// Every entry that goes, however many.
fn list_ui(ui: &mut Ui, plan: &Plan, scroll: &mut crate::gui::widgets::table::Scroll) {
    let theme = Theme::of(ui.ctx());
    if plan.removals.is_empty() {
        return;
    }
    #[expect(clippy::cast_precision_loss, reason = "a dozen lines at most")]
    let height = 30.0 + theme::ROW * plan.removals.len().min(8) as f32;
    ui.allocate_ui(vec2(ui.available_width(), height), |ui| {
        ui.set_min_height(height);
        let table = Table {
            name: "Entries to clear",
            columns: &COLUMNS,
            sorted: None,
            n_lines: plan.removals.len(),
            scroll,
        };
        table.show(ui, |line| {
            let Some(planned) = plan.removals.get(line.index) else {
                return;
            };
            let group = shown(&planned.group_label);
            line.text(0, &group, theme::body(), theme.text);
            line.text(1, &shown(&planned.key_label), theme::mono(), theme.text);
            line.figure(2, &text::bytes(planned.bytes), theme::body(), theme.text);
            let compute = planned.duration_s.map(text::duration_short);
            line.figure(3, &compute.unwrap_or_default(), theme::body(), theme.text);
        });
    });
}

/// What was chosen and stays, one line for each reason.
fn refusals_ui(ui: &mut Ui, plan: &Plan, out: &mut Vec<Command>) {
    let mut reasons: Vec<(&str, usize)> = Vec::new();
    for refusal in &plan.refusals {
        match reasons.iter_mut().find(|(r, _)| *r == refusal.reason) {
            Some((_, n)) => *n += 1,
            None => reasons.push((&refusal.reason, 1)),
        }
    }
    for (reason, n) in reasons {
        let words = format!("{} cannot be cleared: {}", entries(n), shown(reason));
        let theme = Theme::of(ui.ctx());
        ui.add(Label::new(RichText::new(words).color(theme.danger)).wrap());
    }
    let mut goes = plan.fresh == Fresh::Goes;
    let spared = plan.refusals.iter().any(Refusal::is_in_progress);
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
    if let Some(why) = &planned.cannot_keep {
        controls::quiet(ui, why.clone());
    }
    if let Some(free) = planned.free_bytes {
        controls::quiet(ui, format!("{} free on this disk", text::bytes(free)));
    }
}

fn command_ui(ui: &mut Ui, plan: &Plan, asked: &AskedFor, how: How, out: &mut Vec<Command>) {
    let Some(line) = command_line::clear(plan, asked, how) else {
        return;
    };
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
    title(ui, &format!("{} cleared", entries(applied.removed)));
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
        let n = entries(cleared.stayed.len());
        ui.label(RichText::new(format!("{n} stayed as they were")).font(theme::strong()));
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
    closing_ui(ui, "Close", out);
}

fn closing_ui(ui: &mut Ui, label: &str, out: &mut Vec<Command>) {
    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
        if ui.button(label).clicked() {
            out.push(Command::Dialog(None));
        }
    });
}

fn title(ui: &mut Ui, words: &str) {
    ui.label(RichText::new(words).font(theme::title()));
}

fn entries(n: usize) -> String {
    text::counted(n as u64, "entry", "entries")
}
