//! The figures on top of the overview.

use cachescope_core::model::{Condition, Time};
use cachescope_core::ops::Overview;
use egui::Ui;

use crate::gui::command::Command;
use crate::gui::state::{OpenStore, Tab, observed};
use crate::gui::widgets::card::card_ui;
use crate::gui::widgets::condition;
use crate::text;

pub(super) fn cards_ui(ui: &mut Ui, store: &OpenStore, now: Time, out: &mut Vec<Command>) {
    let rate = store.rate(now);
    let overview = store.overview.surveyed.as_ref().map(|s| &s.overview);
    // A card for what is not known would only say so.
    if let Some(rate) = rate {
        ui.columns_const(|[a, b, c, d, e]| {
            size_ui(a, store, overview);
            if card_ui(b, &rate.percent(), &rate.source()).clicked() {
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
