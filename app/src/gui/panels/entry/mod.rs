//! The panel on the right: everything about the one selected entry, or sums of several.

mod array;
mod body;
mod bytes;
mod calls;
mod code;
mod element;
mod facts;
mod value;

use cachescope_core::jobs::Secrets;
use cachescope_core::model::{GroupWord, Record, Time};
use egui::accesskit::Role;
use egui::{
    Align, Frame, Layout, Panel, RichText, ScrollArea, Sense, Ui, UiBuilder, WidgetInfo, vec2,
};

use super::menus;
use crate::gui::actions::{self, Offered};
use crate::gui::bidi;
use crate::gui::command::{ClearCommand, Command, DialogKind, EntryCommand};
use crate::gui::state::{EntryTab, OpenStore, Previewing, Rules, Scope, Selection, State};
use crate::gui::theme::{self, Theme};
use crate::gui::widgets::controls;
use crate::text;

/// The sides of an entry in the order of their tabs.
const TABS: [(EntryTab, &str); 4] = [
    (EntryTab::Value, "Value"),
    (EntryTab::Code, "Code"),
    (EntryTab::Calls, "Calls"),
    (EntryTab::Bytes, "Bytes"),
];

/// Part of the panel's height that facts take at most; what the entry holds has the rest.
const FACTS: f32 = 0.42;

pub(super) fn entry_ui(ui: &mut Ui, state: &mut State, now: Time, out: &mut Vec<Command>) {
    let menu = actions::offered(state, actions::OF_ENTRY);
    let rules = state.rules();
    let Some(store) = state.shown_mut() else {
        return;
    };
    let row = store.entries.selection.only();
    let snapshot = store.on_screen().cloned();
    let record = row.zip(snapshot.as_ref());
    match record.and_then(|(row, snapshot)| snapshot.record(row)) {
        Some(record) => one_ui(ui, store, &record, (&menu, &rules, now), out),
        None if store.entries.selection.len() > 1 => several_ui(ui, &store.entries.selection),
        None => {
            controls::quiet(ui, "Select an entry to see what it holds");
        }
    }
}

/// Several entries have sums and nothing else: an action here could mean any of them.
fn several_ui(ui: &mut Ui, selection: &Selection) {
    let sums = &selection.sums;
    let title = text::counted(sums.entries, "entry", "entries");
    ui.label(RichText::new(format!("{title} selected")).font(theme::strong()));
    ui.add_space(8.0);
    facts::fact(ui, "Stored", &text::bytes(sums.bytes));
    let rebuild = match sums.duration_s {
        Some(seconds) => text::duration(seconds),
        None => "not recorded".to_owned(),
    };
    facts::fact(ui, "To rebuild", &rebuild);
    if let Some(hits) = sums.hits {
        facts::fact(ui, "Hits", &format!("{} recorded", text::count(hits)));
    }
    if selection.n_hidden > 0 {
        let n = text::count(selection.n_hidden);
        facts::fact(ui, "Not shown", &format!("{n} outside the query"));
    }
}

fn one_ui(
    ui: &mut Ui,
    store: &mut OpenStore,
    record: &Record<'_>,
    (menu, rules, now): (&Offered, &Rules, Time),
    out: &mut Vec<Command>,
) {
    Panel::bottom("entry actions")
        .frame(Frame::new())
        .resizable(false)
        .show_separator_line(false)
        .show(ui, |ui| actions_ui(ui, store, menu, out));
    if store.preview.is_late() {
        ui.disable();
    }
    let right = ui.max_rect().right();
    let room = ui.available_height() * FACTS;
    ScrollArea::vertical()
        .id_salt("facts")
        .max_height(room)
        .auto_shrink([false, true])
        .show(ui, |ui| {
            ui.spacing_mut().item_spacing.y = 3.0;
            title_ui(ui, store, record, out);
            facts::facts_ui(ui, store, record, now);
        });
    ui.add_space(8.0);
    let is_wanted = std::mem::take(&mut store.preview.is_wanted);
    // Only functions have code.
    let has_code = has_code(store);
    let tabs: Vec<_> = TABS
        .into_iter()
        .filter(|(tab, _)| *tab != EntryTab::Code || has_code)
        .collect();
    if let Some(tab) = controls::tabs(ui, &tabs, store.preview.tab, is_wanted) {
        out.push(Command::Entry(EntryCommand::Tab(tab)));
    }
    ui.add_space(4.0);
    if secrets_ui(ui, &store.preview, out) {
        return;
    }
    // In a low window what has no room left ends here, and not over the buttons below; in a narrow panel it has the
    // panel's width, whatever stands above it took.
    let mut rest = ui.available_rect_before_wrap();
    rest.max.x = right;
    let ui = &mut ui.new_child(UiBuilder::new().max_rect(rest));
    ui.shrink_clip_rect(rest.expand2(vec2(8.0, 0.0)));
    match store.preview.tab {
        EntryTab::Value if store.preview.body.of.is_some() => {
            body::body_ui(ui, &mut store.preview, out);
        }
        EntryTab::Value => value::value_ui(ui, &mut store.preview, out),
        EntryTab::Code => code::code_ui(ui, &store.preview, rules, out),
        EntryTab::Calls => calls::calls_ui(ui, &store.preview),
        EntryTab::Bytes => bytes::bytes_ui(ui, &mut store.preview, out),
    }
}

/// Says that credentials are left out, with the way to see them; true where the bytes are, for that reason.
fn secrets_ui(ui: &mut Ui, preview: &Previewing, out: &mut Vec<Command>) -> bool {
    let is_of_bytes = preview.tab == EntryTab::Bytes;
    if !is_of_bytes && preview.tab != EntryTab::Value {
        return false;
    }
    let (words, link) = match preview.secrets() {
        Secrets::None => return false,
        Secrets::Hidden if is_of_bytes => ("Credentials stand among the bytes", "Show"),
        Secrets::Hidden => ("Credentials are left out", "Show"),
        Secrets::Shown => ("Credentials are shown", "Hide"),
    };
    let is_hidden = preview.secrets() == Secrets::Hidden;
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.x = 6.0;
        controls::quiet(ui, words);
        if ui.link(link).clicked() {
            out.push(Command::Entry(EntryCommand::Secrets(is_hidden)));
        }
    });
    is_hidden && is_of_bytes
}

/// True where the store keeps source code, or this entry does.
fn has_code(store: &OpenStore) -> bool {
    let word = cachescope_core::stores::group_word(store.info.kind);
    let details = store.preview.found.as_ref().map(|found| &found.details);
    let has_source = matches!(details, Some(Ok(details)) if details.source.is_some());
    has_source || word == GroupWord::FUNCTION || store.preview.tab == EntryTab::Code
}

fn title_ui(ui: &mut Ui, store: &OpenStore, record: &Record<'_>, out: &mut Vec<Command>) {
    let theme = Theme::of(ui.ctx());
    let group = cachescope_core::stores::group_title(store.info.kind, record.group);
    if !group.is_empty() {
        let title = cachescope_core::model::text::shown(&group);
        ui.label(bidi::text(&title, theme::strong(), theme.text));
    }
    let whole = record.key_text();
    let key = text::shorten(&cachescope_core::model::text::shown(&whole), 200);
    let label = egui::Label::new(bidi::text(&key, theme::mono(), theme.quiet))
        .wrap()
        .sense(Sense::click());
    let response = ui.add(label).on_hover_text("Click to copy the key");
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, &*key));
    if response.clicked() {
        out.push(Command::Copy(whole.into_owned()));
    }
}

/// Width that all buttons take side by side, in points.
const ONE_ROW: f32 = 400.0;

fn actions_ui(ui: &mut Ui, store: &OpenStore, menu: &Offered, out: &mut Vec<Command>) {
    ui.add_space(8.0);
    let is_one_row = ui.available_width() >= ONE_ROW;
    let clear_ui = |ui: &mut Ui, out: &mut Vec<Command>| {
        ui.with_layout(Layout::right_to_left(Align::Min), |ui| {
            if controls::danger(ui, "Clear this entry…", true).clicked() {
                out.push(Command::Clear(ClearCommand::Plan(Scope::Selected)));
            }
        });
    };
    ui.horizontal(|ui| {
        if ui.button("Revalidate").clicked() {
            out.push(Command::Revalidate(Some(Scope::Selected)));
        }
        let can_save = store.preview.current().is_some();
        if ui
            .add_enabled(can_save, egui::Button::new("Save…"))
            .clicked()
        {
            out.push(Command::Dialog(Some(DialogKind::Save)));
        }
        ui.menu_button("More ▾", |ui| menus::offered_ui(ui, menu, out));
        if is_one_row {
            clear_ui(ui, out);
        }
    });
    // A row of its own: beside the others it would lie over them in a narrow panel.
    if !is_one_row {
        clear_ui(ui, out);
    }
}

/// What shows while an entry is being read, or could not be.
fn waiting_ui(ui: &mut Ui, preview: &Previewing) {
    let theme = Theme::of(ui.ctx());
    match &preview.failure {
        Some(why) => {
            ui.add(egui::Label::new(RichText::new(why).color(theme.danger)).wrap());
        }
        None => {
            controls::quiet(ui, "Reading…");
        }
    }
}
