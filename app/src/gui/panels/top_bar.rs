//! The bar on top: opening, the query, what it found, and the two actions on it.

use std::ops::Range;

use egui::text::{LayoutJob, TextFormat};
use egui::{Align, Key, KeyboardShortcut, Layout, Modifiers, RichText, Stroke, TextEdit, Ui, vec2};

use crate::gui::command::{ClearCommand, Command, DialogKind};
use crate::gui::state::{QueryField, Rules, Scope, State};
use crate::gui::theme::{self, Theme};
use crate::gui::widgets::controls;
use crate::text;

/// Puts the keyboard into the query field.
const FOCUS: KeyboardShortcut = KeyboardShortcut::new(Modifiers::COMMAND, Key::F);

pub(super) fn top_bar_ui(ui: &mut Ui, state: &State, out: &mut Vec<Command>) {
    ui.horizontal(|ui| {
        ui.set_min_height(28.0);
        ui.label(RichText::new("Cachescope").font(theme::title()));
        ui.add_space(4.0);
        if ui.button("Open…").clicked() {
            out.push(Command::OpenDialog);
        }
        recent_ui(ui, state, out);
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            if ui.button("Ctrl+K").on_hover_text("Every command").clicked() {
                out.push(Command::Dialog(Some(DialogKind::Palette)));
            }
            if state.shown().is_some() {
                clear_ui(ui, state, out);
                revalidate_ui(ui, state, out);
                found_ui(ui, state);
                query_ui(ui, &state.query, out);
            }
        });
    });
}

fn recent_ui(ui: &mut Ui, state: &State, out: &mut Vec<Command>) {
    let is_enabled = !state.saved.recent.is_empty();
    ui.add_enabled_ui(is_enabled, |ui| {
        ui.menu_button("Recent ▾", |ui| {
            for path in &state.saved.recent {
                let shown = cachescope_core::model::text::path(path);
                if ui.button(text::shorten(&shown, 72)).clicked() {
                    out.push(Command::Open(path.clone()));
                }
            }
        });
    });
}

/// What the two actions are about, in words: what is selected, else what was found; nothing is never "all".
fn scope(state: &State) -> Option<(Scope, String)> {
    let entries = &state.shown()?.entries;
    let selected = entries.selection.len() as u64;
    if selected > 0 {
        return Some((
            Scope::Selected,
            format!("{} selected", text::count(selected)),
        ));
    }
    let found = entries.arranged.as_ref()?.rows.len() as u64;
    let is_filtered = !state.query.parsed().is_empty() && state.query.error().is_none();
    let words = format!("{} found", text::count(found));
    (is_filtered && found > 0).then_some((Scope::Found, words))
}

fn clear_ui(ui: &mut Ui, state: &State, out: &mut Vec<Command>) {
    match scope(state) {
        Some((scope, words)) => {
            if controls::danger(ui, &format!("Clear {words}…"), true).clicked() {
                out.push(Command::Clear(ClearCommand::Plan(scope)));
            }
        }
        None => {
            controls::danger(ui, "Clear…", false)
                .on_disabled_hover_text("Select entries, or type a query, to say what goes");
        }
    }
}

fn revalidate_ui(ui: &mut Ui, state: &State, out: &mut Vec<Command>) {
    ui.spacing_mut().item_spacing.x = 4.0;
    let rules = &state.saved.rules;
    let menu = ui.menu_button("▾", |ui| rules_ui(ui, rules, out));
    ui.ctx().accesskit_node_builder(menu.response.id, |node| {
        node.set_label("Rules of revalidating");
    });
    let (scope, label) = match scope(state) {
        Some((scope, words)) => (Some(scope), format!("Revalidate {words}")),
        None => (None, "Revalidate all".to_owned()),
    };
    let button = ui
        .button(label)
        .on_hover_text("Reads and checks; nothing changes");
    if button.clicked() {
        out.push(Command::Revalidate(scope));
    }
    ui.spacing_mut().item_spacing.x = 8.0;
}

fn rules_ui(ui: &mut Ui, rules: &Rules, out: &mut Vec<Command>) {
    let mut new = rules.clone();
    ui.set_min_width(280.0);
    let field = |ui: &mut Ui, name: &str, text: &mut String, hint: &str| {
        ui.horizontal(|ui| {
            let label = ui.label(name);
            let edit = TextEdit::singleline(text)
                .id(egui::Id::unique(("rule", name)))
                .hint_text(hint.to_owned())
                .desired_width(160.0);
            ui.add(edit).labelled_by(label.id);
        });
    };
    field(ui, "Expires after", &mut new.expires_after, "7d");
    field(ui, "Source folder", &mut new.source, "src");
    ui.checkbox(&mut new.is_deep, "Read every value to its end");
    if new != *rules {
        out.push(Command::Rules(new));
    }
}

fn found_ui(ui: &mut Ui, state: &State) {
    if state.query.error().is_some() {
        return;
    }
    let store = state.shown();
    let Some(arranged) = store.and_then(|s| s.entries.arranged.as_ref()) else {
        return;
    };
    let (found, all) = (arranged.found.entries, arranged.snapshot.totals.entries);
    let all_text = text::counted(all, "entry", "entries");
    let words = if state.query.parsed().is_empty() {
        all_text
    } else {
        format!("{} of {all_text}", text::count(found))
    };
    controls::quiet(ui, words);
}

fn query_ui(ui: &mut Ui, query: &QueryField, out: &mut Vec<Command>) {
    let theme = Theme::of(ui.ctx());
    let error = query.error();
    let mut typed = query.text().to_owned();
    let span = error.map(|e| e.span.clone());
    let mut layouter = |ui: &Ui, text: &dyn egui::TextBuffer, _wrap: f32| {
        let job = coloured(text.as_str(), span.as_ref(), Theme::of(ui.ctx()));
        ui.painter().layout_job(job)
    };
    let width = ui.available_width();
    // An id of its own: the count beside it comes and goes, and the keyboard must stay here.
    let edit = TextEdit::singleline(&mut typed)
        .id(egui::Id::unique("query"))
        .font(theme::mono())
        .hint_text("Filter: size>1MB used>30d group:load* \"text\"")
        .desired_width(width)
        .align(egui::Align2::LEFT_CENTER)
        .layouter(&mut layouter);
    let field = ui.add_sized(vec2(width, 28.0), edit);
    // The hint is no name: it goes away with the first letter typed.
    ui.ctx()
        .accesskit_node_builder(field.id, |node| node.set_label("Query"));
    if ui.input_mut(|i| i.consume_shortcut(&FOCUS)) {
        field.request_focus();
    }
    if field.has_focus() && ui.input(|i| i.key_pressed(Key::Escape)) && !typed.is_empty() {
        typed.clear();
        out.push(Command::Query(typed));
    } else if field.changed() {
        out.push(Command::Query(typed));
    }
    if let Some(error) = error {
        let words = RichText::new(&error.message).color(theme.danger);
        egui::Tooltip::always_open(
            ui.ctx().clone(),
            ui.layer_id(),
            field.id.with("error"),
            egui::PopupAnchor::from(&field),
        )
        .gap(4.0)
        .show(|ui| ui.label(words));
    }
}

/// Field names in the accent, the place of a mistake underlined.
fn coloured(text: &str, mistake: Option<&Range<usize>>, theme: &Theme) -> LayoutJob {
    let mut job = LayoutJob::default();
    let mut at = 0;
    for word in text.split_inclusive(' ') {
        let head = word.find([':', '<', '>', '=']).map_or(0, |end| end + 1);
        for (part, color) in [
            (word.get(..head), theme.accent),
            (word.get(head..), theme.text),
        ] {
            let part = part.unwrap_or_default();
            let mut format = TextFormat::simple(theme::mono(), color);
            let is_wrong = mistake.is_some_and(|span| {
                at < span.end.max(span.start + 1) && span.start < at + part.len()
            });
            if is_wrong {
                format.underline = Stroke::new(1.5, theme.danger);
            }
            job.append(part, 0.0, format);
            at += part.len();
        }
    }
    job
}
