//! The panel on the right: everything about the one selected entry, or sums of several.

mod array;
mod body;
mod bytes;
mod calls;
mod code;
mod facts;
mod value;

use cachescope_core::model::{Record, Time};
use egui::{Align, Frame, Layout, Panel, RichText, ScrollArea, Sense, Ui};

use crate::gui::command::{ClearCommand, Command, DialogKind, EntryCommand};
use crate::gui::snippet;
use crate::gui::state::{EntryTab, OpenStore, Scope, Selection, State};
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

pub(super) fn entry_ui(ui: &mut Ui, state: &mut State, now: Time, out: &mut Vec<Command>) {
    let Some(store) = state.shown_mut() else {
        return;
    };
    let row = store.entries.selection.only();
    let snapshot = store.snapshot.clone();
    match row.and_then(|row| snapshot.record(row)) {
        Some(record) => one_ui(ui, store, &record, now, out),
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
    now: Time,
    out: &mut Vec<Command>,
) {
    Panel::bottom("entry actions")
        .frame(Frame::new())
        .resizable(false)
        .show_separator_line(false)
        .show(ui, |ui| actions_ui(ui, store, record, out));
    let room = ui.available_height() * 0.5;
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
    if let Some(tab) = controls::tabs(ui, &TABS, store.preview.tab) {
        out.push(Command::Entry(EntryCommand::Tab(tab)));
    }
    ui.add_space(4.0);
    match store.preview.tab {
        EntryTab::Value if store.preview.body.of.is_some() => {
            body::body_ui(ui, &mut store.preview, out);
        }
        EntryTab::Value => value::value_ui(ui, &mut store.preview, out),
        EntryTab::Code => code::code_ui(ui, &store.preview, out),
        EntryTab::Calls => calls::calls_ui(ui, &store.preview),
        EntryTab::Bytes => bytes::bytes_ui(ui, &mut store.preview, out),
    }
}

fn title_ui(ui: &mut Ui, store: &OpenStore, record: &Record<'_>, out: &mut Vec<Command>) {
    let theme = Theme::of(ui.ctx());
    let group = cachescope_core::stores::group_title(store.info.kind, record.group);
    if !group.is_empty() {
        let title = cachescope_core::model::text::shown(&group);
        ui.label(RichText::new(title).font(theme::strong()));
    }
    let whole = record.key_text();
    let key = text::shorten(&cachescope_core::model::text::shown(&whole), 200);
    let label = egui::Label::new(RichText::new(key).font(theme::mono()).color(theme.quiet))
        .wrap()
        .sense(Sense::click());
    let response = ui.add(label).on_hover_text("Click to copy the key");
    if response.clicked() {
        out.push(Command::Copy(whole.into_owned()));
    }
}

fn actions_ui(ui: &mut Ui, store: &OpenStore, record: &Record<'_>, out: &mut Vec<Command>) {
    ui.add_space(8.0);
    ui.horizontal(|ui| {
        if ui.button("Revalidate").clicked() {
            out.push(Command::Revalidate(Some(Scope::Selected)));
        }
        let can_save = store.preview.found.is_some();
        if ui
            .add_enabled(can_save, egui::Button::new("Save…"))
            .clicked()
        {
            out.push(Command::Dialog(Some(DialogKind::Save)));
        }
        ui.menu_button("Copy ▾", |ui| {
            if ui.button("Key").clicked() {
                out.push(Command::Copy(record.key_text().into_owned()));
            }
            let has_value = store.preview.tree.value().is_some();
            let literal = ui.add_enabled(has_value, egui::Button::new("Value as Python writes it"));
            if literal.clicked() {
                out.push(Command::Entry(EntryCommand::CopyLiteral));
            }
            let details = store.preview.found.as_ref();
            let details = details.and_then(|f| f.details.as_ref().ok());
            let paths = details.map(|d| d.paths.as_slice()).unwrap_or_default();
            let is_enabled = !paths.is_empty();
            let files = ui.add_enabled(is_enabled, egui::Button::new("Paths of its files"));
            if files.clicked() {
                let lines: Vec<_> = paths.iter().map(|p| p.display().to_string()).collect();
                out.push(Command::Copy(lines.join("\n")));
            }
            let own_file = paths.first().filter(|_| record.files > 0);
            let value = store.preview.found.as_ref();
            let value = value.and_then(|f| f.value.as_ref().ok());
            let code = value.zip(own_file);
            let code = code.and_then(|(value, file)| snippet::python(value, file));
            let button = egui::Button::new("Python that loads it");
            if ui.add_enabled(code.is_some(), button).clicked() {
                out.extend(code.map(Command::Copy));
            }
            let folder = paths.first().and_then(|path| path.parent());
            let reveal = egui::Button::new("Open the folder of its files");
            if ui.add_enabled(folder.is_some(), reveal).clicked() {
                out.extend(folder.map(|folder| Command::Reveal(folder.to_owned())));
            }
        });
    });
    // A row of its own: beside the others it would lie over them in a narrow panel.
    ui.with_layout(Layout::right_to_left(Align::Min), |ui| {
        if controls::danger(ui, "Clear this entry…", true).clicked() {
            out.push(Command::Clear(ClearCommand::Plan(Scope::Selected)));
        }
    });
}

/// What shows while an entry is being read, or could not be.
fn waiting_ui(ui: &mut Ui, preview: &crate::gui::state::Previewing) {
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
