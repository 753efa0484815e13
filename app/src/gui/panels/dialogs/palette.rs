//! The command palette: every action by name, the closest one first.

use std::cmp::Reverse;

use egui::accesskit::Role;
use egui::{Id, Key, Modifiers, ScrollArea, Sense, TextEdit, Ui, WidgetInfo, vec2};
use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};

use crate::gui::actions::{Offer, actions};
use crate::gui::command::Command;
use crate::gui::state::{Palette, State};
use crate::gui::theme::{self, ROW, Theme};
use crate::gui::widgets::{cell, controls};

pub(super) fn palette_ui(
    ui: &mut Ui,
    palette: &mut Palette,
    state: &State,
    out: &mut Vec<Command>,
) {
    let offered = offered(&palette.text, state);
    let last = offered.len().saturating_sub(1);
    let (down, up, enter) = ui.input_mut(|i| {
        (
            i.consume_key(Modifiers::NONE, Key::ArrowDown),
            i.consume_key(Modifiers::NONE, Key::ArrowUp),
            i.consume_key(Modifiers::NONE, Key::Enter),
        )
    });
    if down {
        palette.chosen += 1;
    }
    if up {
        palette.chosen = palette.chosen.saturating_sub(1);
    }
    palette.chosen = palette.chosen.min(last);

    let edit = TextEdit::singleline(&mut palette.text)
        .id(Id::unique("palette"))
        .hint_text("Type what you want to do")
        .desired_width(f32::INFINITY);
    let field = ui.add(edit);
    ui.ctx()
        .accesskit_node_builder(field.id, |node| node.set_label("Command"));
    if field.changed() {
        palette.chosen = 0;
    }
    field.request_focus();
    let mut run = enter.then_some(palette.chosen);
    ScrollArea::vertical()
        .min_scrolled_height(12.0 * ROW)
        .max_height(12.0 * ROW)
        .show(ui, |ui| {
            ui.spacing_mut().item_spacing.y = 0.0;
            if offered.is_empty() {
                controls::quiet(ui, "No command matches");
            }
            for (n, offer) in offered.iter().enumerate() {
                let response = line_ui(ui, offer, n == palette.chosen);
                if response.clicked() {
                    run = Some(n);
                }
                if n == palette.chosen && (down || up) {
                    response.scroll_to_me(None);
                }
            }
        });
    let offer = run.and_then(|n| offered.into_iter().nth(n));
    if let Some(command) = offer.and_then(|offer| offer.command) {
        // First away with the palette: the command may want to show a dialog of its own.
        out.push(Command::Dialog(None));
        out.push(command);
    }
}

/// What matches, the best match first; what makes no sense now comes last, and only where something was typed.
fn offered(text: &str, state: &State) -> Vec<Offer> {
    let pattern = Pattern::parse(text, CaseMatching::Ignore, Normalization::Smart);
    let mut matcher = Matcher::new(Config::DEFAULT);
    let mut buffer = Vec::new();
    let mut scored: Vec<_> = actions()
        .filter_map(|action| {
            let name = Utf32Str::new(action.name, &mut buffer);
            let score = pattern.score(name, &mut matcher)?;
            let offer = Offer::now(action, state);
            let is_shown = offer.command.is_some() || !text.trim().is_empty();
            is_shown.then_some((score, offer))
        })
        .collect();
    scored.sort_by_key(|(score, offer)| (offer.command.is_none(), Reverse(*score)));
    scored.into_iter().map(|(_, offer)| offer).collect()
}

fn line_ui(ui: &mut Ui, offer: &Offer, is_chosen: bool) -> egui::Response {
    let theme = Theme::of(ui.ctx());
    let size = vec2(ui.available_width(), ROW);
    let (rect, response) = ui.allocate_exact_size(size, Sense::CLICK);
    let Offer {
        action,
        command,
        why_not,
        ..
    } = offer;
    let can_run = command.is_some();
    response.widget_info(|| {
        let name = if can_run {
            action.name.to_owned()
        } else {
            format!("{}, not now: {why_not}", action.name)
        };
        WidgetInfo::selected(Role::ListBoxOption, can_run, is_chosen, name)
    });
    if is_chosen || response.hovered() {
        let fill = if is_chosen {
            theme.selection
        } else {
            theme.raised
        };
        ui.painter().rect_filled(rect, 4.0, fill);
    }
    let inner = rect.shrink2(vec2(8.0, 0.0));
    if !can_run {
        let words = format!("{} · {why_not}", action.name);
        cell::text(ui, inner, &words, theme::body(), theme.quiet);
        return response;
    }
    cell::text(ui, inner, action.name, theme::body(), theme.text);
    if let Some(shortcut) = &action.shortcut {
        let keys = ui.ctx().format_shortcut(shortcut);
        cell::figure(ui.painter(), inner, &keys, theme::small(), theme.quiet);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_in_order_find_an_action_and_nonsense_finds_none() {
        let state = State::default();
        let first = |text: &str| offered(text, &state).first().map(|o| o.action.name);
        assert_eq!(first("smpl"), Some("Open the sample stores"));
        assert_eq!(first("LIGHT"), Some("Light colours"));
        assert_eq!(first("zzzz"), None);
        // What makes no sense now is listed where it is asked for by name, and says why.
        let clear = offered("clear selected", &state)
            .into_iter()
            .next()
            .unwrap();
        assert_eq!(
            (clear.action.name, clear.command),
            ("Clear selected…", None)
        );
        assert_eq!(clear.why_not, "Open a store first");
        assert!(offered("", &state).iter().all(|o| o.command.is_some()));
    }
}
