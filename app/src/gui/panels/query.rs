//! The query field: coloured words, the place of a mistake marked, what can be typed next offered below.

use std::ops::Range;

use egui::text::{LayoutJob, TextFormat};
use egui::{
    Align, Align2, AreaState, CompletionPopup, FocusDirection, Id, Key, KeyboardShortcut, LayerId,
    Layout, Modifiers, PopupKind, RectAlign, RichText, Stroke, Suggestion, TextEdit, Ui, vec2,
};

use crate::gui::command::Command;
use crate::gui::state::{State, offers};
use crate::gui::theme::{self, Theme};

/// Puts the keyboard into the query field.
const FOCUS: KeyboardShortcut = KeyboardShortcut::new(Modifiers::COMMAND, Key::F);
/// Height of the field, in points.
const HEIGHT: f32 = 28.0;

pub(super) fn query_ui(ui: &mut Ui, state: &State, width: f32, out: &mut Vec<Command>) {
    let query = &state.query;
    let mut typed = query.text().to_owned();
    let span = query.error().map(|e| e.span.clone());
    let mut layouter = |ui: &Ui, text: &dyn egui::TextBuffer, _wrap: f32| {
        let job = coloured(text.as_str(), span.as_ref(), Theme::of(ui.ctx()));
        ui.painter().layout_job(job)
    };
    // An id of its own: the count beside it comes and goes, and the keyboard must stay here.
    let id = Id::unique("query");
    // Between words Enter ends the typing and Tab goes on to the next thing, until an arrow chose among what is offered;
    // within a word both take it.
    let is_between = typed.is_empty() || typed.ends_with(' ');
    let accept: &[Key] = if is_between && !is_choosing(ui, id, &typed) {
        if ui.memory(|m| m.has_focus(id))
            && ui.input_mut(|i| i.consume_key(Modifiers::NONE, Key::Tab))
        {
            ui.memory_mut(|m| m.move_focus(FocusDirection::Next));
        }
        &[]
    } else {
        &[Key::Tab, Key::Enter]
    };
    let edit = TextEdit::singleline(&mut typed)
        .font(theme::mono())
        .hint_text("Filter: size>1MB used>30d group:load* \"text\"")
        .desired_width(width)
        .min_size(vec2(width, HEIGHT))
        .align(Align2::LEFT_CENTER)
        .layouter(&mut layouter);
    let popup = CompletionPopup::new(id)
        .align(RectAlign::BOTTOM_START)
        .max_height(320.0)
        .accept_keys(accept);
    let snapshot = state.shown().map(|s| &*s.snapshot);
    let recent = &state.saved.recent_queries;
    let layout = Layout::left_to_right(Align::Center);
    let mut n_offers = 0;
    let shown = ui.allocate_ui_with_layout(vec2(width, HEIGHT), layout, |ui| {
        popup.show(ui, edit, |q| {
            let offers = offers(q.word, snapshot, recent);
            n_offers = offers.len();
            offers
                .into_iter()
                .map(|offer| {
                    let words = RichText::new(&offer.insert).font(theme::mono());
                    let next = Suggestion::new(&offer.insert).content(words);
                    next.description(offer.meaning)
                })
                .collect()
        })
    });
    fit_offers(ui.ctx(), id, n_offers);
    let (output, is_offering) = (shown.inner.text_edit, shown.inner.is_open);
    let field = output.response.response.clone();
    // The hint is no name: it goes away with the first letter typed.
    ui.ctx()
        .accesskit_node_builder(field.id, |node| node.set_label("Query"));
    if ui.input_mut(|i| i.consume_shortcut(&FOCUS)) {
        field.request_focus();
    }
    // The key takes the keyboard out of the field first.
    let is_escaped = field.lost_focus() && ui.input(|i| i.key_pressed(Key::Escape));
    if is_escaped && !is_offering && !typed.is_empty() {
        typed.clear();
    }
    if field.lost_focus() {
        out.push(Command::RememberQuery);
    }
    if typed != query.text() {
        out.push(Command::Query(typed));
    }
    if !is_offering {
        error_ui(ui, state, &field);
    }
}

/// True once an arrow moved through what is offered for this text.
fn is_choosing(ui: &Ui, field: Id, text: &str) -> bool {
    let has_moved = ui.memory(|m| m.has_focus(field))
        && ui.input(|i| i.key_pressed(Key::ArrowDown) || i.key_pressed(Key::ArrowUp));
    ui.data_mut(|data| {
        let chosen_for = data.get_temp_mut_or_default::<Option<String>>(field.with("chosen for"));
        if has_moved {
            *chosen_for = Some(text.to_owned());
        }
        chosen_for.as_deref() == Some(text)
    })
}

/// Lets the list of offers be as high as they need: egui keeps it as low as the shortest one before.
fn fit_offers(ctx: &egui::Context, field: Id, n_offers: usize) {
    let before = ctx.data_mut(|data| {
        let kept = data.get_temp_mut_or_default::<usize>(field.with("offers"));
        std::mem::replace(kept, n_offers)
    });
    // As `CompletionPopup::show` calls its area.
    let popup = field.with("completion_popup");
    if n_offers > before
        && let Some(mut area) = AreaState::load(ctx, popup)
    {
        area.size = None;
        let layer = LayerId::new(PopupKind::Popup.order(), popup);
        ctx.memory_mut(|memory| memory.areas_mut().set_state(layer, area));
        ctx.request_repaint();
    }
}

fn error_ui(ui: &Ui, state: &State, field: &egui::Response) {
    let Some(error) = state.query.error() else {
        return;
    };
    let theme = Theme::of(ui.ctx());
    let words = RichText::new(&error.message).color(theme.danger);
    egui::Tooltip::always_open(
        ui.ctx().clone(),
        ui.layer_id(),
        field.id.with("error"),
        egui::PopupAnchor::from(field),
    )
    .gap(4.0)
    .show(|ui| ui.label(words));
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
