//! The bar on top: opening, the query, what it found, and the two actions on it.

use egui::containers::menu::{MenuButton, MenuConfig};
use egui::{Button, Id, PopupCloseBehavior, RichText, TextEdit, Ui};

use super::menus;
use crate::gui::actions::{self, Offer, TOPICS};
use crate::gui::command::{ClearCommand, Command, DialogKind, HeldCommand};
use crate::gui::state::{Rules, Scope, State};
use crate::gui::theme;
use crate::gui::widgets::controls;
use crate::text;

/// What a bar has room for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Room {
    /// The buttons by their shortest names: what they are about is told under the pointer.
    Short,
    /// What is to be cleared, beside its button.
    Scoped,
    /// Everything.
    Whole,
}

impl Room {
    /// By the width of the bar, in points.
    fn of(width: f32) -> Self {
        match width {
            ..820.0 => Self::Short,
            820.0..1000.0 => Self::Scoped,
            _ => Self::Whole,
        }
    }
}

pub(super) fn top_bar_ui(ui: &mut Ui, state: &State, out: &mut Vec<Command>) {
    ui.horizontal(|ui| {
        ui.set_min_height(28.0);
        let room = Room::of(ui.available_width());
        menu_ui(ui, state, out);
        if room == Room::Whole {
            ui.label(RichText::new("Cachescope").font(theme::title()));
            ui.add_space(4.0);
        }
        if ui.button("Open…").clicked() {
            out.push(actions::open(state));
        }
        recent_ui(ui, state, out);
        // From left to right, so that Tab goes as the eye does: the query has what the others leave,
        // and how much they take is known from the last time they were drawn.
        let id = Id::unique("top bar, behind the query");
        let behind = ui.data(|data| data.get_temp(id)).unwrap_or(BEHIND);
        let width = (ui.available_width() - behind).max(MIN_QUERY);
        if state.shown().is_some() {
            super::query::query_ui(ui, state, width, out);
        } else {
            ui.add_space(width);
        }
        let end = ui.min_rect().right();
        if state.shown().is_some() {
            if room == Room::Whole {
                found_ui(ui, state);
            }
            revalidate_ui(ui, state, room, out);
            clear_ui(ui, state, room, out);
        }
        if ui.button("Ctrl+K").on_hover_text("Every command").clicked() {
            out.push(Command::Dialog(Some(DialogKind::Palette)));
        }
        let taken = ui.min_rect().right() - end;
        if (taken - behind).abs() > 0.5 {
            ui.data_mut(|data| data.insert_temp(id, taken));
            ui.ctx()
                .request_discard("what stands behind the query has another width");
        }
    });
}

/// Room that is left behind the query before it was measured, and the least that the query has, in points.
const BEHIND: f32 = 420.0;
const MIN_QUERY: f32 = 120.0;

/// Every command by topic: what a menu bar would hold, in the room of one button.
fn menu_ui(ui: &mut Ui, state: &State, out: &mut Vec<Command>) {
    let menu = ui.menu_button("☰", |ui| {
        for (topic, actions) in TOPICS {
            ui.menu_button(*topic, |ui| {
                for action in *actions {
                    menus::action_ui(ui, &Offer::now(action, state), out);
                }
            });
        }
    });
    ui.ctx()
        .accesskit_node_builder(menu.response.id, |node| node.set_label("Menu"));
}

/// Paths to open again: the pinned ones, then the others, newest first.
fn recent_ui(ui: &mut Ui, state: &State, out: &mut Vec<Command>) {
    let is_enabled = state.saved.to_open().next().is_some();
    ui.add_enabled_ui(is_enabled, |ui| {
        ui.menu_button("Recent ▾", |ui| {
            for (is_pinned, path) in state.saved.to_open() {
                if ui.button(text::pinned_path(is_pinned, path, 72)).clicked() {
                    out.push(Command::Open(path.clone()));
                }
            }
        });
    });
}

/// What the two actions are about, in words: what is selected, else what was found; nothing is never "all",
/// and while many are being selected it is not yet known what.
fn scope(state: &State) -> Option<(Scope, String)> {
    let entries = &state.shown()?.entries;
    if entries.selection.adding().is_some() {
        return None;
    }
    let selected = entries.selection.len() as u64;
    if selected > 0 {
        return Some((
            Scope::Selected,
            format!("{} selected", text::count(selected)),
        ));
    }
    let found = entries.arranged.as_ref()?.rows.len() as u64;
    let is_filtered = !state.query.parsed().is_empty() && state.query.error().is_none();
    // Between a letter and its answer the rows are still those of the query before.
    let is_answered = entries.answered == state.query.in_force();
    let words = format!("{} found", text::count(found));
    (is_filtered && is_answered && found > 0).then_some((Scope::Found, words))
}

fn clear_ui(ui: &mut Ui, state: &State, room: Room, out: &mut Vec<Command>) {
    clear_button_ui(ui, state, room, out);
    ui.spacing_mut().item_spacing.x = 4.0;
    let menu = ui.menu_button("▾", |ui| {
        if ui.button("Clear by a policy…").clicked() {
            out.push(Command::Clear(ClearCommand::ChoosePolicy));
        }
        let mut offer = |ui: &mut Ui, label: &str, command: Option<Command>| {
            let button = Button::new(label);
            if ui.add_enabled(command.is_some(), button).clicked() {
                out.extend(command);
            }
        };
        let keep = scope(state).and_then(|(scope, _)| actions::keep(state, scope));
        let words = match scope(state) {
            Some((_, words)) => format!("Keep {words} for…"),
            None => "Keep for…".to_owned(),
        };
        offer(ui, &words, keep);
        offer(ui, "Compact this store…", actions::compact(state));
        if ui.button("Show what was moved aside…").clicked() {
            out.push(Command::Held(HeldCommand::Show));
        }
    });
    ui.ctx().accesskit_node_builder(menu.response.id, |node| {
        node.set_label("More ways to clear");
    });
    ui.spacing_mut().item_spacing.x = 8.0;
}

fn clear_button_ui(ui: &mut Ui, state: &State, room: Room, out: &mut Vec<Command>) {
    match scope(state) {
        Some((scope, words)) => {
            let told = format!("Clear {words}…");
            let label = if room >= Room::Scoped {
                &told
            } else {
                "Clear…"
            };
            let button = controls::danger(ui, label, true);
            if button.on_hover_text(&told).clicked() {
                out.push(Command::Clear(ClearCommand::Plan(scope)));
            }
        }
        None => {
            controls::danger(ui, "Clear…", false)
                .on_disabled_hover_text("Select entries, or type a query, to say what goes");
        }
    }
}

fn revalidate_ui(ui: &mut Ui, state: &State, room: Room, out: &mut Vec<Command>) {
    let (scope, told) = match scope(state) {
        Some((scope, words)) => (Some(scope), format!("Revalidate {words}")),
        None => (None, "Revalidate all".to_owned()),
    };
    let label = if room == Room::Whole {
        &told
    } else {
        "Revalidate"
    };
    let button = ui.button(label);
    let button = button.on_hover_text(format!("{told}: reads and checks; nothing changes"));
    if button.clicked() {
        out.push(Command::Revalidate(scope));
    }
    ui.spacing_mut().item_spacing.x = 4.0;
    // It holds fields: a click into one of them is no choice that ends it.
    let stays = MenuConfig::new().close_behavior(PopupCloseBehavior::CloseOnClickOutside);
    let menu = MenuButton::new("▾").config(stays);
    let (menu, _) = menu.ui(ui, |ui| rules_ui(ui, &state.rules(), out));
    ui.ctx().accesskit_node_builder(menu.id, |node| {
        node.set_label("Rules of revalidating");
    });
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
