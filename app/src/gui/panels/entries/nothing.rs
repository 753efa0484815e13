//! What shows in place of the table where it would be empty: why, and what to do about it.

use cachescope_core::model::{Condition, GroupWord};
use cachescope_core::ops::query::Query;
use cachescope_core::watch::View;
use egui::{Button, Frame, Id, Key, Margin, TextEdit, Ui, vec2};

use super::Around;
use crate::gui::command::Command;
use crate::gui::panels::{copy_ui, say_ui};
use crate::gui::state::{OpenStore, Phase, Rules};
use crate::gui::theme::{self, Theme};
use crate::gui::widgets::controls;

/// Width of the field for the source folder, in points.
const FIELD: f32 = 320.0;

/// Why there is nothing to show.
enum Why<'a> {
    Reading,
    Unreadable(&'a str),
    /// A condition is asked for that nobody looked for.
    Unchecked,
    /// Code is asked about that was compared with nothing.
    NoSource,
    Unmatched,
    /// Code was compared, and none has changed.
    Unchanged,
    Empty,
    /// It was here, and is no more.
    Away,
}

pub(super) fn nothing_ui(
    ui: &mut Ui,
    store: &OpenStore,
    around: &Around<'_>,
    out: &mut Vec<Command>,
) {
    let query = around.query.parsed();
    let source = around.saved.sources.of(&store.info.path);
    let why = why(store, query, source);
    let (what, more) = words(&why);
    say_ui(ui, what, more);
    ui.vertical_centered(|ui| {
        ui.spacing_mut().item_spacing.y = 8.0;
        ui.add_space(4.0);
        match why {
            Why::Reading => return,
            // The field stays while one types into it, and after that: another folder may be the right one.
            Why::NoSource | Why::Unchecked | Why::Unchanged if is_about_code(store, query) => {
                source_ui(ui, store, around, out);
                revalidate_ui(ui, out);
            }
            Why::NoSource | Why::Unchecked => revalidate_ui(ui, out),
            Why::Unreadable(_) if store.wants_copy() => copy_ui(ui, store, out),
            Why::Unreadable(_) | Why::Empty => {
                if ui.button("Read again").clicked() {
                    out.push(Command::Refresh(store.info.id));
                }
            }
            Why::Away => {
                if ui.button("Take it off the list").clicked() {
                    out.push(Command::Close(store.info.id));
                }
            }
            Why::Unmatched | Why::Unchanged => {}
        }
        if !query.is_empty() && ui.button("Show all entries").clicked() {
            out.push(Command::Query(String::new()));
        }
        controls::quiet(ui, cachescope_core::model::text::path(&store.info.path));
    });
}

fn why<'a>(store: &'a OpenStore, query: &Query, source: &str) -> Why<'a> {
    let is_away = store
        .coverage
        .as_ref()
        .is_some_and(|c| c.view == View::Away);
    match &store.phase {
        Phase::Loading => Why::Reading,
        Phase::Partial(why) => Why::Unreadable(why),
        // What nobody looked for is no empty answer.
        Phase::Whole
            if is_about_code(store, query)
                && (source.trim().is_empty() || store.verdicts.is_empty()) =>
        {
            Why::NoSource
        }
        Phase::Whole if query.needs().conditions && store.verdicts.is_empty() => Why::Unchecked,
        Phase::Whole if is_away && store.snapshot.totals.entries == 0 => Why::Away,
        Phase::Whole if is_about_code(store, query) => Why::Unchanged,
        Phase::Whole if !query.is_empty() => Why::Unmatched,
        Phase::Whole => Why::Empty,
    }
}

fn words<'a>(why: &Why<'a>) -> (&'static str, &'a str) {
    match why {
        Why::Reading => ("Reading…", ""),
        Why::Unreadable(why) => ("This store could not be read", why),
        Why::Unchecked => (
            "Nothing was checked yet",
            "What is stale, broken or expired is found by revalidating: it reads and changes nothing",
        ),
        Why::NoSource => (
            "Code was not compared yet",
            "A result is stale when the function that made it has changed since. Name the folder that today's functions lie in",
        ),
        Why::Unmatched => ("Nothing matches the query", ""),
        Why::Unchanged => (
            "No result of changed code matches the query",
            "Compared with the functions of today in this folder",
        ),
        Why::Empty => (
            "This store is empty",
            "It was recognised and holds no entry",
        ),
        Why::Away => (
            "This store is no longer there",
            "It was removed, or its disk was taken away. Should it come back, its entries show again",
        ),
    }
}

/// True where the query asks for changed functions, and the store has functions.
fn is_about_code(store: &OpenStore, query: &Query) -> bool {
    let has_functions = cachescope_core::stores::group_word(store.info.kind) == GroupWord::FUNCTION;
    let asks = [Condition::Stale, Condition::SourceGone];
    has_functions && asks.into_iter().any(|c| query.asks_for(c))
}

/// Above what a query for conditions found before anybody checked: orphans, and what a listing sees.
pub(super) fn unchecked_ui(ui: &mut Ui, out: &mut Vec<Command>) {
    let frame = Frame::new().fill(Theme::of(ui.ctx()).raised);
    frame.inner_margin(Margin::symmetric(12, 6)).show(ui, |ui| {
        ui.set_min_width(ui.available_width());
        ui.horizontal_wrapped(|ui| {
            ui.label("Nothing was checked yet: these show in the listing alone");
            revalidate_ui(ui, out);
        });
    });
}

fn revalidate_ui(ui: &mut Ui, out: &mut Vec<Command>) {
    if ui.add(Button::new("Revalidate this store")).clicked() {
        out.push(Command::Revalidate(None));
    }
}

/// The folder of today's sources, which is kept for this store.
fn source_ui(ui: &mut Ui, store: &OpenStore, around: &Around<'_>, out: &mut Vec<Command>) {
    let rules = around.saved.rules_of(&store.info.path);
    let mut source = rules.source.clone();
    let edit = TextEdit::singleline(&mut source)
        .id(Id::unique("today's source"))
        .font(theme::mono())
        .hint_text("/home/me/project/src");
    let field = ui.add_sized(vec2(FIELD.min(ui.available_width()), 28.0), edit);
    ui.ctx().accesskit_node_builder(field.id, |node| {
        node.set_label("Folder of today's functions");
    });
    if let Some(project) = crate::samples::project_of(&store.info.path)
        && ui
            .button("Compare with the project of the samples")
            .clicked()
    {
        source = project.to_string_lossy().into_owned();
        out.push(Command::Rules(Rules { source, ..rules }));
        out.push(Command::Revalidate(None));
        return;
    }
    if source != rules.source {
        out.push(Command::Rules(Rules { source, ..rules }));
    }
    if field.lost_focus() && ui.input(|i| i.key_pressed(Key::Enter)) {
        out.push(Command::Revalidate(None));
    }
}
