//! The command palette: every action by name, the closest one first.

use egui::accesskit::Role;
use egui::{Id, Key, Modifiers, ScrollArea, Sense, TextEdit, Ui, WidgetInfo, vec2};
use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};

use crate::gui::actions::{Action, actions};
use crate::gui::command::Command;
use crate::gui::state::{Palette, State};
use crate::gui::theme::{self, ROW, Theme};
use crate::gui::widgets::cell;

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
            for (n, (action, _)) in offered.iter().enumerate() {
                let response = line_ui(ui, action, n == palette.chosen);
                if response.clicked() {
                    run = Some(n);
                }
                if n == palette.chosen && (down || up) {
                    response.scroll_to_me(None);
                }
            }
        });
    if let Some((_, command)) = run.and_then(|n| offered.into_iter().nth(n)) {
        // First away with the palette: the command may want to show a dialog of its own.
        out.push(Command::Dialog(None));
        out.push(command);
    }
}

/// What makes sense now and matches, the best match first.
fn offered(text: &str, state: &State) -> Vec<(&'static Action, Command)> {
    let pattern = Pattern::parse(text, CaseMatching::Ignore, Normalization::Smart);
    let mut matcher = Matcher::new(Config::DEFAULT);
    let mut buffer = Vec::new();
    let mut scored: Vec<_> = actions()
        .filter_map(|action| {
            let name = Utf32Str::new(action.name, &mut buffer);
            let score = pattern.score(name, &mut matcher)?;
            Some((score, action, (action.command)(state)?))
        })
        .collect();
    scored.sort_by_key(|(score, ..)| std::cmp::Reverse(*score));
    let named = scored.into_iter();
    named
        .map(|(_, action, command)| (action, command))
        .collect()
}

fn line_ui(ui: &mut Ui, action: &Action, is_chosen: bool) -> egui::Response {
    let theme = Theme::of(ui.ctx());
    let size = vec2(ui.available_width(), ROW);
    let (rect, response) = ui.allocate_exact_size(size, Sense::CLICK);
    response
        .widget_info(|| WidgetInfo::selected(Role::ListBoxOption, true, is_chosen, action.name));
    if is_chosen || response.hovered() {
        let fill = if is_chosen {
            theme.selection
        } else {
            theme.raised
        };
        ui.painter().rect_filled(rect, 4.0, fill);
    }
    let inner = rect.shrink2(vec2(8.0, 0.0));
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
        let first = |text: &str| offered(text, &state).first().map(|(a, _)| a.name);
        assert_eq!(first("smpl"), Some("Open the sample stores"));
        assert_eq!(first("LIGHT"), Some("Light colours"));
        assert_eq!(first("zzzz"), None);
    }
}
