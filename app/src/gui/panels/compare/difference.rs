//! Two stores key by key: which store has a key, whether the values are one, and both values beside each other.

use std::borrow::Cow;

use cachescope_core::model::Snapshot;
use cachescope_core::model::text::shown;
use cachescope_core::ops::compare::{Pair, Side};
use egui::text::{LayoutJob, TextFormat};
use egui::{Label, RichText, ScrollArea, Ui, vec2};

use crate::gui::command::{Command, CompareCommand};
use crate::gui::state::{Differing, State};
use crate::gui::theme::{self, Theme};
use crate::gui::widgets::controls;
use crate::gui::widgets::table::{Spec, Table};
use crate::text;

const WHERE: Spec = column("Where", 110.0, 0.0, false);
const GROUP: Spec = column("Group", 160.0, 0.3, false);
const KEY: Spec = column("Key", 260.0, 0.7, false);
const HERE: Spec = column("Here", 84.0, 0.0, true);
const THERE: Spec = column("There", 84.0, 0.0, true);

static IN_GROUPS: [Spec; 5] = [WHERE, GROUP, KEY, HERE, THERE];
/// Where no entry has a group.
static WITHOUT_GROUPS: [Spec; 4] = [WHERE, KEY, HERE, THERE];

const fn column(title: &'static str, width: f32, grows: f32, is_figure: bool) -> Spec {
    Spec {
        title: Cow::Borrowed(title),
        width,
        min_width: if is_figure { width } else { 80.0 },
        grows,
        is_figure,
    }
}

fn word(side: Side) -> &'static str {
    match side {
        Side::Left => "only here",
        Side::Right => "only there",
        Side::Same => "the same",
        Side::Different => "different",
    }
}

pub(super) fn difference_ui(ui: &mut Ui, state: &mut State, out: &mut Vec<Command>) {
    let Some(shown_id) = state.shown else {
        return;
    };
    let others: Vec<_> = state
        .stores
        .iter()
        .filter(|store| store.info.id != shown_id)
        .map(|store| (store.info.id, store.info.title(), store.info.kind))
        .collect();
    let Some(store) = state.shown_mut() else {
        return;
    };
    let is_ready = store.compare.job.is_none();
    ui.horizontal_wrapped(|ui| {
        if others.is_empty() {
            controls::quiet(ui, "Open a second store to compare this one with it");
        }
        for (id, title, kind) in others {
            let words = format!("Compare with {} ({kind})", text::shorten(&title, 24));
            if ui.add_enabled(is_ready, egui::Button::new(words)).clicked() {
                out.push(Command::Compare(CompareCommand::With(id)));
            }
        }
    });
    let Some(differing) = &mut store.compare.difference else {
        return;
    };
    sides_ui(ui, differing, out);
    let room = ui.available_height();
    let has_values = differing.chosen.is_some();
    let height = if has_values { room * 0.55 } else { room };
    ui.allocate_ui(vec2(ui.available_width(), height), |ui| {
        ui.set_min_height(height);
        list_ui(ui, differing, out);
    });
    if has_values {
        values_ui(ui, differing);
    }
}

fn sides_ui(ui: &mut Ui, differing: &Differing, out: &mut Vec<Command>) {
    ui.horizontal_wrapped(|ui| {
        let title = |snapshot: &Snapshot| text::shorten(&snapshot.store.title(), 24);
        let (here, there) = (title(&differing.left), title(&differing.right));
        controls::quiet(ui, format!("Here {here}, there {there}"));
        let mut choice = |ui: &mut Ui, name: String, side: Option<Side>| {
            if controls::choice(ui, &name, differing.side == side).clicked() {
                out.push(Command::Compare(CompareCommand::Side(side)));
            }
        };
        choice(ui, "all that differs".to_owned(), None);
        for side in Side::ALL {
            let n = text::count(differing.found.count(side) as u64);
            choice(ui, format!("{} {n}", word(side)), Some(side));
        }
    });
}

fn list_ui(ui: &mut Ui, differing: &mut Differing, out: &mut Vec<Command>) {
    let theme = Theme::of(ui.ctx());
    if differing.lines.is_empty() {
        let (what, why) = match differing.side {
            None => (
                "Nothing differs",
                "Every key is in both stores, with one value",
            ),
            Some(Side::Same) => ("Nothing is the same", "No key has one value in both stores"),
            Some(_) => ("Nothing of this sort", "The stores agree here"),
        };
        super::super::say_ui(ui, what, why);
        return;
    }
    let Differing {
        left,
        right,
        found,
        has_groups,
        lines,
        scroll,
        chosen,
        ..
    } = differing;
    let has_groups = *has_groups;
    let columns: &[Spec] = if has_groups {
        &IN_GROUPS
    } else {
        &WITHOUT_GROUPS
    };
    let table = Table {
        name: "Difference",
        columns,
        is_sortable: false,
        sorted: None,
        n_lines: lines.len(),
        scroll,
    };
    table.show(ui, |line| {
        let Some(at) = lines.get(line.index).copied() else {
            return;
        };
        let Some(pair) = found.pairs.get(at) else {
            return;
        };
        let Pair { side, .. } = *pair;
        let ours = pair.left.and_then(|row| left.record(row));
        let theirs = pair.right.and_then(|row| right.record(row));
        let Some(named) = ours.as_ref().or(theirs.as_ref()) else {
            return;
        };
        let key = named.key_text();
        let is_chosen = *chosen == Some(at);
        let response = line.interact(at as u64, is_chosen, || format!("{key}, {}", word(side)));
        if response.clicked() {
            out.push(Command::Compare(CompareCommand::Choose(at)));
        }
        if is_chosen {
            line.fill(theme.selection);
        } else if response.hovered() {
            line.fill(theme.raised);
        }
        line.text(0, word(side), theme::body(), theme.text);
        let at_key = 1 + usize::from(has_groups);
        if has_groups {
            line.text(1, &shown(&named.group.label), theme::body(), theme.quiet);
        }
        line.text(at_key, &shown(&key), theme::mono(), theme.text);
        for (column, record) in [(at_key + 1, &ours), (at_key + 2, &theirs)] {
            let size = record
                .as_ref()
                .map_or_else(String::new, |r| text::bytes(r.bytes));
            line.figure(column, &size, theme::body(), theme.text);
        }
    });
}

/// Both values of the chosen key.
fn values_ui(ui: &mut Ui, differing: &Differing) {
    let theme = Theme::of(ui.ctx());
    if let Some(why) = differing
        .chosen
        .and_then(|at| differing.found.reasons.get(&at))
    {
        controls::quiet(
            ui,
            format!("The bytes differ; the values were not compared: {why}"),
        );
    }
    let texts = differing.values.as_ref().map(|values| {
        values.each_ref().map(|value| match value {
            Some(Ok(value)) => shown_lines(value),
            _ => String::new(),
        })
    });
    let span = match &texts {
        Some([a, b]) if a != b && !a.is_empty() && !b.is_empty() => unlike(a, b),
        _ => (0, 0),
    };
    let titles = [differing.left.store.title(), differing.right.store.title()];
    let height = ui.available_height() - 8.0;
    ui.columns_const(|[a, b]| {
        for (at, ui) in [a, b].into_iter().enumerate() {
            controls::card(theme).show(ui, |ui| {
                ui.set_width(ui.available_width());
                ui.set_height((height - 28.0).max(60.0));
                let title = titles.get(at).map_or("", String::as_str);
                ui.label(RichText::new(text::shorten(title, 40)).font(theme::strong()));
                let id = ("value", at);
                ScrollArea::vertical()
                    .id_salt(id)
                    .auto_shrink(false)
                    .show(ui, |ui| {
                        let value = differing.values.as_ref().and_then(|v| v.get(at));
                        match value {
                            None => {
                                controls::quiet(ui, "Decoding…");
                            }
                            Some(None) => {
                                controls::quiet(ui, "This store has no such key");
                            }
                            Some(Some(Ok(_))) => {
                                let text = texts.as_ref().and_then(|texts| texts.get(at));
                                let text = text.map_or("", String::as_str);
                                let words = marked(text, span, theme);
                                ui.add(Label::new(words).wrap().selectable(true));
                            }
                            Some(Some(Err(why))) => {
                                let words = RichText::new(why).color(theme.danger);
                                ui.add(Label::new(words).wrap());
                            }
                        }
                    });
            });
        }
    });
}

/// How many bytes two texts have in common at their beginning and at their end.
fn unlike(a: &str, b: &str) -> (usize, usize) {
    let common = |pairs: &mut dyn Iterator<Item = (char, char)>| -> usize {
        pairs
            .take_while(|(a, b)| a == b)
            .map(|(a, _)| a.len_utf8())
            .sum()
    };
    let head = common(&mut a.chars().zip(b.chars()));
    let rest = |text: &str| text.get(head..).unwrap_or_default().chars().rev().collect();
    let (a, b): (String, String) = (rest(a), rest(b));
    (head, common(&mut a.chars().zip(b.chars())))
}

/// A text with what the other one has as well in a quiet colour.
fn marked(text: &str, (head, tail): (usize, usize), theme: &Theme) -> LayoutJob {
    let mut job = LayoutJob::default();
    let end = text.len().saturating_sub(tail);
    for (part, color) in [
        (text.get(..head), theme.quiet),
        (text.get(head..end), theme.text),
        (text.get(end..), theme.quiet),
    ] {
        let mut format = TextFormat::simple(theme::mono(), color);
        if color == theme.text && head + tail > 0 {
            format.background = theme.selection;
        }
        job.append(part.unwrap_or_default(), 0.0, format);
    }
    job
}

/// The text line by line, so that line feeds of ours stay and those of strangers are escaped.
fn shown_lines(value: &str) -> String {
    let lines: Vec<_> = value.lines().map(shown).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_two_texts_share_at_both_ends_is_found() {
        for (a, b, expected) in [
            ("{'a': 1, 'b': 2}", "{'a': 17, 'b': 2}", (7, 9)),
            ("aaa", "aaaa", (3, 0)),
            ("é1ü", "é2ü", (2, 2)),
            ("", "x", (0, 0)),
        ] {
            assert_eq!(unlike(a, b), expected, "{a:?} and {b:?}");
        }
    }
}
