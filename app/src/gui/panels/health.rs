//! What is wrong: conditions as counts that lead to their entries, and the problems met while reading.

use cachescope_core::model::text::{path as path_text, shown};
use cachescope_core::model::{Condition, Severity, Time};
use cachescope_core::stores::Topic;
use egui::accesskit::Role;
use egui::{Label, RichText, ScrollArea, Sense, Ui, WidgetInfo, vec2};

use crate::gui::command::{Command, Need};
use crate::gui::state::{Neighbour, OpenStore, Phase, Tab};
use crate::gui::theme::{self, ROW, Theme};
use crate::gui::widgets::{cell, condition, controls};
use crate::text;

/// What each condition means, for those who meet it first.
fn meaning(found: Condition) -> &'static str {
    match found {
        Condition::CallsCode => "loading it in Python would run commands or code",
        Condition::Corrupt => "its bytes are not what their format promises",
        Condition::Incomplete => "a part of it is missing, or still being written",
        Condition::Orphan => "bytes that no entry owns",
        Condition::SourceGone => "the function that made it is no longer found",
        Condition::Stale => "the function that made it has changed since",
        Condition::Expired => "it is past its time",
        Condition::Unread => "it could not be read",
        Condition::Fresh => "it passed every check that was asked for",
    }
}

pub(super) fn health_ui(
    ui: &mut Ui,
    store: &OpenStore,
    neighbours: &[Neighbour],
    now: Time,
    out: &mut Vec<Command>,
) {
    out.extend(super::need_survey(store, None, neighbours, now));
    out.extend(need_advice(store));
    ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        egui::Frame::new().inner_margin(12).show(ui, |ui| {
            ui.spacing_mut().item_spacing.y = 4.0;
            conditions_ui(ui, store, out);
            ui.add_space(12.0);
            notes_ui(ui, store);
            ui.add_space(12.0);
            issues_ui(ui, store, out);
        });
    });
}

fn conditions_ui(ui: &mut Ui, store: &OpenStore, out: &mut Vec<Command>) {
    let theme = Theme::of(ui.ctx());
    controls::card(theme).show(ui, |ui| {
        ui.set_min_width(ui.available_width());
        ui.label(RichText::new("Conditions").font(theme::strong()));
        let Some(surveyed) = &store.overview.surveyed else {
            controls::quiet(ui, "Counting…");
            return;
        };
        let overview = &surveyed.overview;
        for found in Condition::ALL {
            let n = overview.of(found);
            if n > 0 && condition_ui(ui, found, n) {
                out.push(Command::Query(format!("condition:{}", found.name())));
                out.push(Command::Tab(Tab::Entries));
            }
        }
        if overview.unchecked > 0 {
            let n = text::counted(overview.unchecked, "entry", "entries");
            ui.horizontal(|ui| {
                controls::quiet(ui, format!("{n} not checked yet"));
                let is_idle = store.check.is_none();
                let button = egui::Button::new("Revalidate this store");
                let button = ui.add_enabled(is_idle, button);
                if button
                    .on_hover_text("Reads and checks; nothing changes")
                    .clicked()
                {
                    out.push(Command::Revalidate(None));
                }
            });
        }
    });
}

fn condition_ui(ui: &mut Ui, found: Condition, n: u64) -> bool {
    let theme = Theme::of(ui.ctx());
    let size = vec2(ui.available_width(), ROW);
    let (rect, response) = ui.allocate_exact_size(size, Sense::click());
    response.widget_info(|| {
        let name = format!("{} {}", text::count(n), condition::word(found));
        WidgetInfo::labeled(Role::Button, true, name)
    });
    if response.hovered() {
        ui.painter().rect_filled(rect, 4.0, theme.raised);
    }
    controls::focus_ring(ui, &response);
    let (sign, rest) = rect
        .shrink2(vec2(4.0, 0.0))
        .split_left_right_at_x(rect.left() + 24.0);
    let (count, rest) = rest.split_left_right_at_x(rest.left() + 64.0);
    let (word, why) = rest.split_left_right_at_x(rest.left() + 110.0);
    cell::text(
        ui,
        sign,
        condition::glyph(found),
        theme::body(),
        theme.condition(found),
    );
    cell::figure(
        ui.painter(),
        count.shrink2(vec2(12.0, 0.0)),
        &text::count(n),
        theme::strong(),
        theme.text,
    );
    cell::text(ui, word, condition::word(found), theme::body(), theme.text);
    cell::text(ui, why, meaning(found), theme::body(), theme.quiet);
    response.clicked()
}

/// Asks what there is to say of the store, unless that is known of this listing.
fn need_advice(store: &OpenStore) -> Option<Command> {
    let is_due =
        store.phase != Phase::Loading && store.advice.asked != Some(store.snapshot.generation);
    is_due.then_some(Command::Need(Need::Advice))
}

fn topic_words(topic: Topic) -> &'static str {
    match topic {
        Topic::Trust => "Trust",
        Topic::Room => "Room",
        Topic::Figures => "Figures",
    }
}

/// What a person should know of the store as a whole, and what the listing noted.
fn notes_ui(ui: &mut Ui, store: &OpenStore) {
    let theme = Theme::of(ui.ctx());
    controls::card(theme).show(ui, |ui| {
        ui.set_min_width(ui.available_width());
        ui.label(RichText::new("Notes").font(theme::strong()));
        let Some(found) = &store.advice.found else {
            controls::quiet(ui, "Looking…");
            return;
        };
        let mut last = None;
        for advice in &found.advice {
            if last.replace(advice.topic) != Some(advice.topic) {
                ui.add_space(4.0);
                controls::quiet(ui, topic_words(advice.topic));
            }
            let words = RichText::new(shown(&advice.message));
            let words = match advice.topic {
                Topic::Trust => words.color(theme.danger),
                Topic::Room | Topic::Figures => words,
            };
            ui.add(Label::new(words).wrap().selectable(true))
                .on_hover_text(path_text(&advice.path));
        }
        let issues = store.snapshot.issues.iter();
        let noted: Vec<_> = issues.filter(|i| i.severity == Severity::Note).collect();
        for issue in &noted {
            ui.add(Label::new(shown(&issue.message)).wrap().selectable(true));
        }
        if found.advice.is_empty() && noted.is_empty() {
            controls::quiet(ui, "Nothing is odd");
        }
    });
}

fn issues_ui(ui: &mut Ui, store: &OpenStore, out: &mut Vec<Command>) {
    let theme = Theme::of(ui.ctx());
    let mut issues: Vec<_> = store.snapshot.issues.iter().collect();
    issues.retain(|i| i.severity > Severity::Note);
    controls::card(theme).show(ui, |ui| {
        ui.set_min_width(ui.available_width());
        ui.label(RichText::new("Problems met while reading").font(theme::strong()));
        if issues.is_empty() {
            controls::quiet(ui, "None");
            return;
        }
        // The list is cut, the count is not: ten thousand torn files have one cause.
        for issue in issues.iter().take(MAX_ISSUES) {
            let color = match issue.severity {
                Severity::Error => theme.danger,
                Severity::Warning | Severity::Note => theme.text,
            };
            let message = shown(&issue.message).into_owned();
            ui.add(
                Label::new(RichText::new(message).color(color))
                    .wrap()
                    .selectable(true),
            );
            let path = path_text(&issue.path);
            let path = RichText::new(text::shorten(&path, 140)).font(theme::mono());
            ui.add(Label::new(path.color(theme.quiet)).wrap().selectable(true));
            ui.add_space(4.0);
        }
        if let Some(more) = issues.len().checked_sub(MAX_ISSUES).filter(|n| *n > 0) {
            controls::quiet(ui, format!("and {} more", text::count(more as u64)));
        }
        if store.wants_copy() {
            super::copy_ui(ui, store, out);
        }
    });
}

/// Problems that are listed one by one.
const MAX_ISSUES: usize = 200;
