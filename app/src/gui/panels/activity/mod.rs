//! What happens in a store, as it happens: rates, a time line of hits and misses, functions, the live feed.

mod feed;
mod functions;
mod time_line;

use cachescope_core::model::Time;
use cachescope_core::watch::View;
use egui::{RichText, Ui};

use crate::gui::command::Command;
use crate::gui::state::{OpenStore, observed};
use crate::gui::theme::{self, Theme};
use crate::gui::widgets::card::card_ui;
use crate::gui::widgets::controls;
use crate::text;

/// Height of the time line, in points.
const TIME_LINE: f32 = 110.0;
/// Part of the room below that lists functions.
const FUNCTIONS: f32 = 0.36;

pub(super) fn activity_ui(ui: &mut Ui, store: &mut OpenStore, now: Time, out: &mut Vec<Command>) {
    egui::Frame::new().inner_margin(12).show(ui, |ui| {
        ui.spacing_mut().item_spacing.y = 10.0;
        cards_ui(ui, store, now);
        let theme = Theme::of(ui.ctx());
        controls::chart(ui, "Look-ups", out, |ui| {
            time_line::time_line_ui(ui, store, now, TIME_LINE);
        });
        let left = ui.available_height();
        let lines = store.activity.functions(&store.observed, store.info.kind);
        if !lines.is_empty() {
            controls::card(theme).show(ui, |ui| {
                functions::functions_ui(ui, store, &lines, left * FUNCTIONS, now);
            });
        }
        controls::card(theme).show(ui, |ui| feed::feed_ui(ui, store, out));
    });
}

fn cards_ui(ui: &mut Ui, store: &OpenStore, now: Time) {
    let rate = store.rate(now);
    let all = observed(&store.activity, &store.observed);
    ui.columns_const(|[a, b, c, d]| {
        if let Some(rate) = &rate {
            card_ui(a, &rate.percent(), &rate.source());
            let counters = &rate.counters;
            let bound = if counters.is_lower_bound { "≥ " } else { "" };
            let word = if counters.hits == 1 { "hit" } else { "hits" };
            let words = format!(
                "{word}, {}",
                text::counted(counters.misses, "miss", "misses")
            );
            card_ui(b, &format!("{bound}{}", text::count(counters.hits)), &words);
        } else {
            card_ui(a, "–", "hit rate · nothing looked up yet");
            card_ui(b, "–", "hits and misses");
        }
        let timed = all.hits.saturating_sub(all.n_untimed);
        if timed > 0 {
            let words = match all.n_untimed {
                0 => "saved at most · of compute time".to_owned(),
                n => format!(
                    "saved at most · of {} it is unknown",
                    text::counted(n, "hit", "hits")
                ),
            };
            card_ui(c, &text::duration(all.saved_s), &words);
        } else {
            card_ui(c, "–", "compute time saved");
        }
        let (word, why) = sight(store);
        card_ui(d, word, &why).on_hover_text(why);
    });
}

/// How the store is watched, and what that leaves out.
fn sight(store: &OpenStore) -> (&'static str, String) {
    let Some(coverage) = &store.coverage else {
        return ("–", "not watched yet".to_owned());
    };
    let word = match coverage.view {
        View::Starting => "Starting",
        View::Live => "Live",
        View::Partial => "Partly live",
        View::Polling => "Polled",
        View::Away => "Away",
        View::Ended => "Not watched",
    };
    let why = coverage
        .why
        .clone()
        .unwrap_or_else(|| match coverage.lookups_since {
            Some(since) => format!("look-ups since {}", text::clock(since)),
            None => "changes only · look-ups leave no trace here".to_owned(),
        });
    (word, why)
}

/// A heading with something quiet behind it.
fn heading_ui(ui: &mut Ui, title: &str, quiet: &str) {
    ui.label(RichText::new(title).font(theme::strong()));
    controls::quiet(ui, quiet);
}
