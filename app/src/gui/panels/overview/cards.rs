//! The figures on top of the overview.

use cachescope_core::model::{Condition, Time};
use cachescope_core::ops::Overview;
use egui::accesskit::Role;
use egui::{Response, Sense, Stroke, StrokeKind, Ui, WidgetInfo, vec2};

use crate::gui::command::Command;
use crate::gui::panels::activity;
use crate::gui::state::{OpenStore, Tab, observed};
use crate::gui::theme::{self, Theme};
use crate::gui::widgets::{cell, condition, controls};
use crate::text;

pub(super) fn cards_ui(ui: &mut Ui, store: &OpenStore, now: Time, out: &mut Vec<Command>) {
    let rate = store.rate(now);
    let overview = store.overview.surveyed.as_ref().map(|s| &s.overview);
    // A card for what is not known would only say so.
    if let Some(rate) = rate {
        ui.columns_const(|[a, b, c, d, e]| {
            size_ui(a, store, overview);
            if card_ui(b, &activity::percent(&rate), &activity::source(&rate)).clicked() {
                out.push(Command::Tab(Tab::Activity));
            }
            time_ui(c, store, overview);
            idle_ui(d, overview, out);
            worst_ui(e, overview, out);
        });
    } else {
        ui.columns_const(|[a, b, c, d]| {
            size_ui(a, store, overview);
            time_ui(b, store, overview);
            idle_ui(c, overview, out);
            worst_ui(d, overview, out);
        });
    }
}

fn size_ui(ui: &mut Ui, store: &OpenStore, overview: Option<&Overview>) {
    let totals = store.snapshot.totals;
    let n_groups = overview.map_or(0, |o| o.groups.len()) as u64;
    let entries = text::counted(totals.entries, "entry", "entries");
    let has_groups = overview.is_some_and(|o| o.groups.iter().any(|(g, _)| !g.label.is_empty()));
    let word = cachescope_core::stores::group_word(store.info.kind);
    let groups = text::counted(n_groups, word.one, word.many);
    let words = if has_groups {
        format!("{entries}, {groups}")
    } else {
        entries
    };
    card_ui(ui, &text::bytes(totals.bytes), &words);
}

/// What was saved, where hits were seen; else what it would take to compute everything.
fn time_ui(ui: &mut Ui, store: &OpenStore, overview: Option<&Overview>) {
    let earned = observed(&store.activity, &store.observed);
    let seconds = overview.and_then(|o| o.all.duration_s);
    if earned.hits > earned.n_untimed {
        let words = "saved at most · of compute time";
        card_ui(ui, &text::duration(earned.saved_s), words);
    } else if let Some(s) = seconds {
        card_ui(ui, &text::duration(s), "to compute it all again");
    } else {
        card_ui(ui, "–", "compute time · not recorded");
    }
}

fn idle_ui(ui: &mut Ui, overview: Option<&Overview>, out: &mut Vec<Command>) {
    let Some(idle) = overview.and_then(|o| o.idle) else {
        card_ui(ui, "–", "last use not recorded");
        return;
    };
    let rebuild = idle.duration_s.map_or_else(String::new, |s| {
        format!(" · {} to rebuild", text::duration(s))
    });
    let words = format!("not used for 30 days{rebuild}");
    if card_ui(ui, &text::bytes(idle.bytes), &words).clicked() {
        out.push(Command::Query("used>30d".to_owned()));
    }
}

fn worst_ui(ui: &mut Ui, overview: Option<&Overview>, out: &mut Vec<Command>) {
    let wanting: Vec<(Condition, u64)> = Condition::ALL
        .into_iter()
        .filter(|found| *found != Condition::Fresh)
        .map(|found| (found, overview.map_or(0, |o| o.of(found))))
        .filter(|(_, n)| *n > 0)
        .collect();
    let n_all: u64 = wanting.iter().map(|(_, n)| n).sum();
    match (wanting.as_slice(), overview) {
        ([(worst, n), others @ ..], _) => {
            let word = condition::word(*worst);
            let words = if others.is_empty() {
                word.to_owned()
            } else {
                format!("not fresh · {} {word}", text::count(*n))
            };
            if card_ui(ui, &text::count(n_all), &words).clicked() {
                let names: Vec<_> = wanting.iter().map(|(found, _)| found.name()).collect();
                out.push(Command::Query(format!("condition:{}", names.join(","))));
            }
        }
        ([], Some(o)) if o.unchecked > 0 => {
            card_ui(ui, "–", "not checked yet");
        }
        ([], _) => {
            card_ui(ui, "0", "found wanting");
        }
    }
}

pub(in crate::gui::panels) fn card_ui(ui: &mut Ui, figure: &str, words: &str) -> Response {
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
    // A figure that is cut off reads as another one: in a narrow card it is smaller.
    let is_cut = |font| cell::elided(ui, figure, font, theme.text, upper.width()).elided;
    let fonts = [theme::large(), theme::title(), theme::strong()];
    let font = fonts.into_iter().find(|font| !is_cut(font.clone()));
    let font = font.unwrap_or_else(theme::strong);
    cell::text(ui, upper, figure, font, theme.text);
    let fitting = fitting(ui, words, lower.width());
    if cell::text(ui, lower, fitting, theme::body(), theme.quiet) || fitting != words {
        return response.on_hover_text(words);
    }
    response
}

/// As many of the parts between dots as have room: a figure that is cut off reads as another one.
fn fitting<'a>(ui: &Ui, words: &'a str, width: f32) -> &'a str {
    let color = Theme::of(ui.ctx()).quiet;
    let is_cut = |words: &str| cell::elided(ui, words, theme::body(), color, width).elided;
    let mut fitting = words;
    while let Some((head, _)) = fitting.rsplit_once(" · ").filter(|_| is_cut(fitting)) {
        fitting = head;
    }
    fitting
}
