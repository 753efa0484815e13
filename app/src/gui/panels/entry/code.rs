//! The function's source as the cache keeps it, highlighted, and beside it what became of it since.

use cachescope_core::formats::python::Difference;
use cachescope_core::model::Condition;
use cachescope_core::stores::{CachedSource, FoundSource};
use egui::text::LayoutJob;
use egui::{Align, Label, Layout, RichText, ScrollArea, TextEdit, Ui};
use egui_extras::syntax_highlighting::highlight;

use crate::gui::command::{Command, EntryCommand, Need};
use crate::gui::state::{Coded, Previewing, Rules};
use crate::gui::theme::{self, Theme};
use crate::gui::widgets::beside::{Colours, Firsts, beside_ui};
use crate::gui::widgets::{condition, controls};

/// Characters that are highlighted; no function is longer.
const MAX_CHARS: usize = 100_000;

pub(super) fn code_ui(ui: &mut Ui, preview: &Previewing, rules: &Rules, out: &mut Vec<Command>) {
    let Some(found) = &preview.found else {
        return super::waiting_ui(ui, preview);
    };
    let details = match &found.details {
        Ok(details) => details,
        Err(error) => {
            controls::quiet(ui, error.to_string());
            return;
        }
    };
    let Some(source) = &details.source else {
        controls::quiet(ui, "No source is kept for this entry");
        return;
    };
    if preview.code.asked.is_none() {
        out.push(Command::Need(Need::Code));
    }
    folder_ui(ui, rules, out);
    let coded = match &preview.code.found {
        Some(Ok(coded)) => Some(coded),
        Some(Err(why)) => {
            let color = Theme::of(ui.ctx()).danger;
            ui.add(Label::new(RichText::new(why).color(color)).wrap());
            None
        }
        None => {
            controls::quiet(ui, "Comparing…");
            None
        }
    };
    if let Some(coded) = coded {
        verdict_ui(ui, coded);
    }
    ui.add_space(4.0);
    let today = coded.and_then(|coded| coded.today.found.as_ref());
    copies_ui(ui, source, today, out);
    match (coded, today) {
        (Some(coded), Some(today)) if today.difference != Difference::None => {
            let firsts = Firsts {
                then: source.first_line.unwrap_or(1),
                today: today.first_line,
            };
            let jobs = [&source.text, &today.text].map(|text| highlighted(ui, text));
            beside_ui(ui, &coded.rows, firsts, &jobs.each_ref().map(Colours::of));
        }
        _ => cached_ui(ui, source),
    }
}

/// Where today's sources are looked for: the folder that revalidating uses too.
fn folder_ui(ui: &mut Ui, rules: &Rules, out: &mut Vec<Command>) {
    let mut new = rules.clone();
    let mut is_asked = false;
    let label = ui.horizontal(|ui| {
        let label = controls::quiet(ui, "Today's sources lie in");
        is_asked = ui.button("Compare code").clicked();
        label
    });
    // A row of its own: a path is long, and the panel may be narrow.
    let edit = TextEdit::singleline(&mut new.source)
        .id(egui::Id::unique("source folder of the code"))
        .hint_text("/home/me/project/src")
        .desired_width(f32::INFINITY);
    let edit = ui.add(edit).labelled_by(label.inner.id);
    is_asked |= edit.lost_focus() && ui.input(|i| i.key_pressed(egui::Key::Enter));
    if new != *rules {
        out.push(Command::Rules(new));
    }
    if is_asked {
        out.push(Command::Entry(EntryCommand::CompareCode));
    }
}

/// What the comparison came to: a word, and the evidence.
fn verdict_ui(ui: &mut Ui, coded: &Coded) {
    let theme = Theme::of(ui.ctx());
    let said = coded
        .today
        .found
        .as_ref()
        .map(|found| match found.difference {
            Difference::None => (Condition::Fresh, "Unchanged"),
            Difference::Layout => (Condition::Stale, "Only comments or layout changed"),
            Difference::Code => (Condition::Stale, "The code changed"),
        });
    if let Some((found, words)) = said {
        ui.horizontal_wrapped(|ui| {
            ui.spacing_mut().item_spacing.x = 4.0;
            ui.label(RichText::new(condition::glyph(found)).color(theme.condition(found)));
            ui.label(RichText::new(words).font(theme::strong()));
        });
    }
    let says = cachescope_core::model::text::shown(&coded.today.says);
    let words = RichText::new(says).color(theme.quiet);
    // Where both texts stand below, one line says what changed: the pointer gets the rest.
    let is_short = said.is_some_and(|(found, _)| found == Condition::Stale);
    let label = Label::new(words);
    ui.add(if is_short {
        label.truncate()
    } else {
        label.wrap()
    });
}

/// Over each text whose it is, and a button that copies it.
fn copies_ui(
    ui: &mut Ui,
    source: &CachedSource,
    today: Option<&FoundSource>,
    out: &mut Vec<Command>,
) {
    let theme = Theme::of(ui.ctx());
    let line = source.first_line;
    let line = line.map(|n| format!("As cached, from line {n}"));
    // The words give way to the button: a row that is too long would push the panel's edge out.
    let mut half = |ui: &mut Ui, words: String, name: &str, text: &str| {
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let copy = ui.small_button("Copy");
            ui.ctx()
                .accesskit_node_builder(copy.id, |node| node.set_label(name));
            if copy.clicked() {
                out.push(Command::Copy(text.to_owned()));
            }
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                let words = RichText::new(words).color(theme.quiet);
                ui.add(Label::new(words).truncate());
            });
        });
    };
    let then = line.unwrap_or_else(|| "As cached".to_owned());
    match today.filter(|today| today.difference != Difference::None) {
        Some(today) => ui.columns_const(|[left, right]| {
            left.horizontal(|ui| half(ui, then, "Copy the cached code", &source.text));
            let words = format!("Today, from line {}", today.first_line);
            right.horizontal(|ui| half(ui, words, "Copy today's code", &today.text));
        }),
        None => {
            ui.horizontal(|ui| half(ui, then, "Copy the cached code", &source.text));
        }
    }
}

/// The beginning of a text in the colours of Python.
fn highlighted(ui: &Ui, text: &str) -> LayoutJob {
    let end = text.char_indices().nth(MAX_CHARS);
    let end = end.map_or(text.len(), |(at, _)| at);
    let text = text.get(..end).unwrap_or_default();
    let colours = Theme::of(ui.ctx()).code(ui.style());
    highlight(ui.ctx(), ui.style(), &colours, text, "py")
}

fn cached_ui(ui: &mut Ui, source: &CachedSource) {
    let job = highlighted(ui, &source.text);
    ScrollArea::both()
        .id_salt("code")
        .auto_shrink(false)
        .show(ui, |ui| {
            ui.add(Label::new(job).extend().selectable(true));
        });
}
