//! The figures on top of the overview.

use cachescope_core::model::Condition;
use egui::accesskit::Role;
use egui::{Response, Sense, Stroke, StrokeKind, Ui, WidgetInfo, vec2};

use crate::gui::command::Command;
use crate::gui::state::OpenStore;
use crate::gui::theme::{self, Theme};
use crate::gui::widgets::{cell, condition, controls};
use crate::text;

pub(super) fn cards_ui(ui: &mut Ui, store: &OpenStore, out: &mut Vec<Command>) {
    let totals = store.snapshot.totals;
    let overview = store.overview.surveyed.as_ref().map(|s| &s.overview);
    let n_groups = overview.map_or(0, |o| o.groups.len()) as u64;
    let entries = text::counted(totals.entries, "entry", "entries");
    let functions = text::counted(n_groups, "function", "functions");
    ui.columns_const(|[a, b, c, d]| {
        card_ui(
            a,
            &text::bytes(totals.bytes),
            &format!("{entries}, {functions}"),
        );
        let seconds = overview.and_then(|o| o.all.duration_s);
        match seconds {
            Some(s) => card_ui(b, &text::duration(s), "to compute everything again"),
            None => card_ui(b, "–", "compute time not recorded"),
        };
        match overview.and_then(|o| o.idle) {
            Some(idle) => {
                let rebuild = idle.duration_s.map_or_else(String::new, |s| {
                    format!(" · {} to rebuild", text::duration(s))
                });
                let words = format!("not used for 30 days{rebuild}");
                if card_ui(c, &text::bytes(idle.bytes), &words).clicked() {
                    out.push(Command::Query("used>30d".to_owned()));
                }
            }
            None => {
                card_ui(c, "–", "last use not recorded");
            }
        }
        let worst = Condition::ALL.into_iter().find_map(|found| {
            let n = overview.map_or(0, |o| o.of(found));
            (n > 0 && found != Condition::Fresh).then_some((found, n))
        });
        match (worst, overview) {
            (Some((found, n)), _) => {
                let word = condition::word(found);
                if card_ui(d, &text::count(n), word).clicked() {
                    out.push(Command::Query(format!("condition:{}", found.name())));
                }
            }
            (None, Some(o)) if o.unchecked > 0 => {
                card_ui(d, "–", "not checked yet");
            }
            (None, _) => {
                card_ui(d, "0", "found wanting");
            }
        }
    });
}

fn card_ui(ui: &mut Ui, figure: &str, words: &str) -> Response {
    let theme = Theme::of(ui.ctx());
    let size = vec2(ui.available_width(), 66.0);
    let (rect, response) = ui.allocate_exact_size(size, Sense::click());
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, format!("{figure} {words}")));
    let edge = if response.hovered() {
        Stroke::new(1.0, theme.quiet)
    } else {
        theme.hairline()
    };
    ui.painter()
        .rect(rect, 6.0, theme.panel, edge, StrokeKind::Inside);
    controls::focus_ring(ui, &response);
    let inner = rect.shrink2(vec2(12.0, 8.0));
    let (upper, lower) = inner.split_top_bottom_at_y(inner.top() + 28.0);
    cell::text(ui, upper, figure, theme::large(), theme.text);
    if cell::text(ui, lower, words, theme::body(), theme.quiet) {
        return response.on_hover_text(words);
    }
    response
}
