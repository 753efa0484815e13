//! Every open store in a column: what it holds, what it costs on the disk, how fast a value is read.

use cachescope_core::jobs::SideFacts;
use cachescope_core::ops::stats::Bin;
use cachescope_core::stores::Counters;
use egui::{Button, Color32, Grid, RichText, ScrollArea, Ui};

use crate::gui::command::{Command, CompareCommand};
use crate::gui::state::{OpenStore, State};
use crate::gui::theme::{self, Theme};
use crate::gui::widgets::{bars, controls};
use crate::text;

/// Height of the distributions, in points.
const HEIGHT: f32 = 120.0;

pub(super) fn sides_ui(ui: &mut Ui, state: &State, out: &mut Vec<Command>) {
    let Some(store) = state.shown() else {
        return;
    };
    choice_ui(ui, state, store, out);
    let Some(sides) = &store.compare.sides else {
        return;
    };
    let sides: Vec<(&OpenStore, &SideFacts)> = sides
        .iter()
        .filter_map(|facts| Some((state.store(facts.store)?, facts)))
        .collect();
    // Many stores are wider than the window: their figures scroll, what stands below keeps its width.
    ScrollArea::horizontal()
        .id_salt("figures")
        .show(ui, |ui| figures_ui(ui, &sides));
    distributions_ui(ui, &sides, out);
}

/// Which stores are measured, and the button that does it.
fn choice_ui(ui: &mut Ui, state: &State, store: &OpenStore, out: &mut Vec<Command>) {
    let left_out = &store.compare.left_out;
    let is_in = |other: &&OpenStore| !left_out.contains(&other.info.id);
    let (n, n_open) = (
        state.stores.iter().filter(is_in).count(),
        state.stores.len(),
    );
    ui.horizontal_wrapped(|ui| {
        let open = text::counted(n_open as u64, "open store", "open stores");
        let name = if n == n_open {
            format!("Measure {open}")
        } else {
            format!("Measure {} of {open}", text::count(n as u64))
        };
        let is_ready = store.compare.job.is_none() && n >= 2;
        if ui.add_enabled(is_ready, Button::new(name)).clicked() {
            out.push(Command::Compare(CompareCommand::Measure));
        }
        let words = match (n_open, n) {
            (..2, _) => "Open a second store to see it beside this one",
            (_, ..2) => "Choose at least two stores",
            _ => "Reads 200 values of each at random places, warm, as read by Cachescope",
        };
        controls::quiet(ui, words);
    });
    if n_open < 2 {
        return;
    }
    ui.horizontal_wrapped(|ui| {
        for other in &state.stores {
            let mut is_chosen = is_in(&other);
            let title = text::shorten(&other.info.title(), 24);
            let name = format!("{title} ({})", other.info.kind);
            let path = cachescope_core::model::text::path(&other.info.path);
            if ui
                .checkbox(&mut is_chosen, name)
                .on_hover_text(path)
                .changed()
            {
                let command = CompareCommand::Include(other.info.id, is_chosen);
                out.push(Command::Compare(command));
            }
        }
    });
}

type Figure = (&'static str, fn(&SideFacts) -> String);

/// The rows of the table.
const FIGURES: [Figure; 10] = [
    ("Entries", |facts| text::count(facts.stats.entries)),
    ("Stored bytes", |facts| text::bytes(facts.stats.bytes)),
    ("On disk", |facts| text::bytes(facts.stats.disk_bytes)),
    ("Overhead", |facts| overhead(facts)),
    ("Dead space and left-overs", |facts| {
        text::bytes(facts.dead_bytes)
    }),
    ("Files of entries", |facts| {
        facts
            .files
            .map_or_else(|| "one for all".to_owned(), text::count)
    }),
    ("Groups", |facts| {
        text::count(facts.stats.groups.len() as u64)
    }),
    ("Hit rate", |facts| hit_rate(&facts.stats.counters)),
    ("Read, half below", |facts| {
        facts
            .latency
            .map_or_else(unknown, |l| text::duration(l.p50_us / 1e6))
    }),
    ("Read, 99 of 100 below", |facts| {
        facts
            .latency
            .map_or_else(unknown, |l| text::duration(l.p99_us / 1e6))
    }),
];

/// What the store takes beyond its values; values that are packed together take less than they hold.
fn overhead(facts: &SideFacts) -> String {
    if facts.stats.disk_bytes < facts.stats.bytes {
        "none, packed".to_owned()
    } else {
        text::bytes(facts.stats.overhead_bytes())
    }
}

fn unknown() -> String {
    "–".to_owned()
}

/// The rate with who counted; stores that count nothing say so.
fn hit_rate(counters: &[Counters]) -> String {
    let Some(counted) = counters.first() else {
        return "not counted".to_owned();
    };
    let Some(rate) = text::hit_rate(counted.hits, counted.misses) else {
        return format!("no look-ups ({})", counted.source);
    };
    // Those that were not seen may have been hits or misses: the rate of all may be higher or lower.
    let of = if counted.is_lower_bound {
        " of those seen"
    } else {
        ""
    };
    format!("{rate}{of} ({})", counted.source)
}

fn figures_ui(ui: &mut Ui, sides: &[(&OpenStore, &SideFacts)]) {
    let theme = Theme::of(ui.ctx());
    controls::card(theme).show(ui, |ui| {
        ui.set_min_width(ui.available_width());
        let grid = Grid::new("sides").num_columns(sides.len() + 2);
        grid.spacing([28.0, 6.0]).striped(false).show(ui, |ui| {
            ui.label("");
            for (at, (store, _)) in sides.iter().enumerate() {
                ui.horizontal(|ui| {
                    ui.label(RichText::new("■").color(theme.series(at)));
                    let name = RichText::new(text::shorten(&store.info.title(), 24));
                    ui.label(name.font(theme::strong()));
                    controls::quiet(ui, store.info.kind);
                });
            }
            // The last column takes what room is left.
            ui.label("");
            ui.end_row();
            for (name, figure) in FIGURES {
                controls::quiet(ui, name);
                for (_, facts) in sides {
                    let layout = egui::Layout::right_to_left(egui::Align::Center);
                    ui.with_layout(layout, |ui| ui.label(figure(facts)));
                }
                ui.label("");
                ui.end_row();
            }
        });
    });
}

fn distributions_ui(ui: &mut Ui, sides: &[(&OpenStore, &SideFacts)], out: &mut Vec<Command>) {
    let theme = Theme::of(ui.ctx());
    let mut titled = |ui: &mut Ui,
                      title: &'static str,
                      of: fn(&SideFacts) -> &[Bin],
                      label: fn(f64) -> String| {
        controls::chart(ui, title, out, |ui| {
            let bins = |facts: &SideFacts| of(facts).to_vec();
            let mut edges: Vec<f64> = sides
                .iter()
                .flat_map(|(_, f)| bins(f))
                .map(|b| b.from)
                .collect();
            edges.sort_by(f64::total_cmp);
            edges.dedup();
            if edges.is_empty() {
                ui.set_min_height(HEIGHT);
                controls::quiet(ui, "Not recorded");
                return;
            }
            let all: Vec<(Color32, Vec<f64>)> = sides
                .iter()
                .enumerate()
                .map(|(at, (_, facts))| (theme.series(at), shares(of(facts), &edges)))
                .collect();
            let labels: Vec<String> = edges
                .iter()
                .enumerate()
                .map(|(at, edge)| {
                    if at % 2 == 0 {
                        label(*edge)
                    } else {
                        String::new()
                    }
                })
                .collect();
            bars::series(ui, title, HEIGHT, &all, &labels);
        });
    };
    ui.columns_const(|[a, b]| {
        titled(
            a,
            "Entries by size, share of each store",
            |f| &f.stats.sizes,
            |edge| {
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "an edge of bytes"
                )]
                text::bytes(edge as u64)
            },
        );
        titled(
            b,
            "Entries by age, share of each store",
            |f| &f.stats.ages,
            |edge| {
                if edge > 0.0 {
                    text::duration_short(edge)
                } else {
                    "now".to_owned()
                }
            },
        );
    });
}

/// Each bin's part of a store's entries.
fn shares(bins: &[Bin], edges: &[f64]) -> Vec<f64> {
    #[expect(clippy::cast_precision_loss, reason = "a part of a bar's height")]
    let share = |n: u64, all: u64| n as f64 / all.max(1) as f64;
    let all = bins.iter().map(|bin| bin.entries).sum();
    edges
        .iter()
        .map(|edge| {
            let bin = bins.iter().find(|bin| bin.from.total_cmp(edge).is_eq());
            bin.map_or(0.0, |bin| share(bin.entries, all))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use cachescope_core::stores::Counted;

    #[test]
    fn a_rate_says_who_counted_and_whether_all_was_seen() {
        let rate = |hits, misses, is_lower_bound| {
            hit_rate(&[Counters {
                source: Counted::Observed,
                since: None,
                hits,
                misses,
                is_lower_bound,
            }])
        };
        assert_eq!(rate(5, 2, false), "71 % (observed)");
        assert_eq!(rate(5, 2, true), "71 % of those seen (observed)");
        assert_eq!(rate(0, 0, true), "no look-ups (observed)");
        assert_eq!(hit_rate(&[]), "not counted");
    }
}
