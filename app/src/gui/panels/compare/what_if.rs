//! What if: this store's entries in every kind of store, with bars, figures and one sentence.

use cachescope_core::write::bench::{Bench, Measured, Spread};
use cachescope_core::write::{TARGETS, can_convert};
use egui::{Button, Grid, RichText, Ui};

use crate::gui::command::{Command, CompareCommand};
use crate::gui::state::{OpenStore, State};
use crate::gui::theme::{self, Theme};
use crate::gui::widgets::bars::{self, Bar};
use crate::gui::widgets::controls;
use crate::text;

/// How many entries can be drawn.
const SAMPLES: [Option<usize>; 4] = [Some(1_000), Some(10_000), Some(100_000), None];

pub(super) fn what_if_ui(ui: &mut Ui, state: &State, out: &mut Vec<Command>) {
    let Some(store) = state.shown() else {
        return;
    };
    choices_ui(ui, store, out);
    let Some((bench, advice)) = &store.compare.what_if else {
        controls::quiet(
            ui,
            "The entries are written to every kind in a temporary folder beside the store, measured, and removed",
        );
        return;
    };
    let theme = Theme::of(ui.ctx());
    controls::card(theme).show(ui, |ui| {
        ui.set_min_width(ui.available_width());
        ui.add(egui::Label::new(RichText::new(advice).font(theme::strong())).wrap());
        let of = if bench.entries + bench.unreadable < bench.of_entries {
            format!(
                "{} of {} entries, drawn at random · times as read by Cachescope",
                text::count(bench.entries as u64),
                text::count(bench.of_entries as u64)
            )
        } else {
            let all = text::counted(bench.entries as u64, "entry", "entries");
            let whole = if bench.unreadable > 0 { "" } else { "all " };
            format!("{whole}{all} · times as read by Cachescope")
        };
        controls::quiet(ui, of);
        if bench.unreadable > 0 {
            let n = text::counted(bench.unreadable as u64, "entry", "entries");
            controls::quiet(ui, format!("{n} could not be read and were left out"));
        }
    });
    charts_ui(ui, bench, store.info.kind, out);
    table_ui(ui, bench, store, out);
}

fn choices_ui(ui: &mut Ui, store: &OpenStore, out: &mut Vec<Command>) {
    ui.horizontal_wrapped(|ui| {
        let is_ready = store.compare.job.is_none() && store.snapshot.totals.entries > 0;
        if ui
            .add_enabled(is_ready, Button::new("Measure every kind"))
            .clicked()
        {
            out.push(Command::Compare(CompareCommand::WhatIf));
        }
        ui.add_space(8.0);
        for sample in SAMPLES {
            let words = sample.map_or_else(
                || "all entries".to_owned(),
                |n| format!("{} entries", text::count(n as u64)),
            );
            if controls::choice(ui, &words, store.compare.sample == sample).clicked() {
                out.push(Command::Compare(CompareCommand::Sample(sample)));
            }
        }
    });
}

/// Kinds that could carry the entries.
fn measured(bench: &Bench) -> impl Iterator<Item = &Measured> {
    bench.measured.iter().filter(|m| m.refused.is_none())
}

fn charts_ui(ui: &mut Ui, bench: &Bench, kind: &str, out: &mut Vec<Command>) {
    let micros = |spread: Spread| spread.median / 1e6;
    // Kinds that were given different numbers of entries are compared by entry.
    let is_by_entry = measured(bench).any(|m| m.sampled_from.is_some());
    #[expect(clippy::cast_precision_loss, reason = "the length of a bar")]
    let part = |m: &Measured| {
        if is_by_entry {
            m.entries.max(1) as f64
        } else {
            1.0
        }
    };
    let (disk, writing) = if is_by_entry {
        ("On disk, by entry", "Writing, by entry")
    } else {
        ("On disk", "Writing all")
    };
    let mut chart = |ui: &mut Ui,
                     title: &'static str,
                     value: &dyn Fn(&Measured) -> Option<f64>,
                     figure: fn(f64) -> String| {
        controls::chart(ui, title, out, |ui| {
            let titles: Vec<String> = measured(bench).map(|m| m.target.title()).collect();
            let all: Vec<Bar<'_>> = measured(bench)
                .zip(&titles)
                .map(|(m, name)| Bar {
                    name,
                    value: value(m),
                    figure: value(m).map_or_else(|| "–".to_owned(), figure),
                    is_marked: m.target.kind == kind && m.target.codec.is_none(),
                })
                .collect();
            bars::bars(ui, title, &all);
        });
    };
    #[expect(clippy::cast_precision_loss, reason = "the length of a bar")]
    let on_disk = |m: &Measured| Some(m.disk_bytes as f64 / part(m));
    ui.columns_const(|[a, b, c]| {
        chart(a, disk, &on_disk, |bytes| {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "it was a count"
            )]
            text::bytes(bytes as u64)
        });
        chart(
            b,
            "Reading one value, median",
            &|m| m.read_p50_us.map(micros),
            text::duration,
        );
        chart(
            c,
            writing,
            &|m| m.write_s.map(|spread| spread.median / part(m)),
            text::duration,
        );
    });
}

fn table_ui(ui: &mut Ui, bench: &Bench, store: &OpenStore, out: &mut Vec<Command>) {
    let theme = Theme::of(ui.ctx());
    controls::card(theme).show(ui, |ui| {
        ui.set_min_width(ui.available_width());
        let heads = [
            "Kind",
            "Entries",
            "On disk",
            "Files",
            "Write",
            "List",
            "Read",
            "99 of 100",
            "Cold",
            "",
        ];
        Grid::new("what if")
            .num_columns(heads.len())
            .spacing([24.0, 6.0])
            .show(ui, |ui| {
                for (n, head) in heads.into_iter().enumerate() {
                    // Over figures, which stand on the right of their columns.
                    let layout = if n == 0 {
                        egui::Layout::left_to_right(egui::Align::Center)
                    } else {
                        egui::Layout::right_to_left(egui::Align::Center)
                    };
                    ui.with_layout(layout, |ui| controls::caption(ui, head));
                }
                ui.end_row();
                for measured in measured(bench) {
                    row_ui(ui, measured, store, out);
                    ui.end_row();
                }
            });
        if let Some(sampled) = measured(bench).find(|m| m.sampled_from.is_some()) {
            let n = text::counted(sampled.entries, "entry", "entries");
            let kind = sampled.target.kind;
            let words = format!("{kind} was given {n}, drawn at random: it makes a folder for each. Its figures are of these");
            controls::quiet(ui, words);
        }
        for measured in measured(bench) {
            if let Some(told) = measured.target.in_python {
                controls::quiet(ui, format!("{} in Python: {told}", measured.target.title()));
            }
        }
        for left_out in bench.measured.iter().filter(|m| m.refused.is_some()) {
            let why = left_out.refused.as_deref().unwrap_or_default();
            controls::quiet(
                ui,
                format!("{} was left out: {why}", left_out.target.title()),
            );
        }
    });
}

fn row_ui(ui: &mut Ui, measured: &Measured, store: &OpenStore, out: &mut Vec<Command>) {
    let title = measured.target.title();
    let name = RichText::new(&title);
    let is_own = measured.target.kind == store.info.kind && measured.target.codec.is_none();
    ui.label(if is_own {
        name.font(theme::strong())
    } else {
        name
    });
    let figure = |ui: &mut Ui, words: String, more: Option<String>| {
        let layout = egui::Layout::right_to_left(egui::Align::Center);
        ui.with_layout(layout, |ui| {
            let response = ui.label(words);
            if let Some(more) = more {
                response.on_hover_text(more);
            }
        });
    };
    let time = |ui: &mut Ui, spread: Option<Spread>, unit: f64| {
        let words = |value: f64| text::duration(value * unit);
        let range =
            spread.map(|s| format!("{} to {} over the rounds", words(s.low), words(s.high)));
        figure(
            ui,
            spread.map_or_else(|| "–".to_owned(), |s| words(s.median)),
            range,
        );
    };
    let of = measured.sampled_from;
    let of = of.map(|all| format!("Drawn at random from {}", text::count(all)));
    figure(ui, text::count(measured.entries), of);
    let exact = format!("{} bytes", text::count(measured.disk_bytes));
    figure(ui, text::bytes(measured.disk_bytes), Some(exact));
    figure(ui, text::count(measured.files), None);
    time(ui, measured.write_s, 1.0);
    time(ui, measured.list_s, 1.0);
    time(ui, measured.read_p50_us, 1e-6);
    time(ui, measured.read_p99_us, 1e-6);
    time(ui, measured.cold_read_us, 1e-6);
    let at = TARGETS
        .iter()
        .position(|target| std::ptr::eq(target, measured.target));
    let can = can_convert(store.info.kind, measured.target);
    let Some(at) = at.filter(|_| can) else {
        return;
    };
    let button = ui.small_button("Convert…");
    // A dozen buttons of one name would tell nobody which is which.
    let name = format!("Convert to {title}");
    ui.ctx()
        .accesskit_node_builder(button.id, |node| node.set_label(name));
    let button = button.on_hover_text(format!("Write a new {title} store"));
    if button.clicked() {
        out.push(Command::Compare(CompareCommand::AskConvert(at)));
    }
}
