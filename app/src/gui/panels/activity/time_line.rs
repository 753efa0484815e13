//! Hits and misses as bars over the last ten minutes, and what was saved on each day.

use cachescope_core::model::Time;
use egui::accesskit::Role;
use egui::{Align2, Color32, Rect, Sense, Ui, WidgetInfo, pos2, vec2};

use super::heading_ui;
use crate::gui::state::{Activity, BAR_S, BARS, Bar, OpenStore, bar_of};
use crate::gui::theme::{self, Theme};
use crate::gui::widgets::{cell, controls};
use crate::text;

/// Height of the labels below the bars, in points.
const LABELS: f32 = 16.0;
/// Days that are drawn.
const DAYS: usize = 30;
/// Width of the days' bars, of all.
const DAYS_WIDTH: f32 = 0.28;

pub(super) fn time_line_ui(ui: &mut Ui, store: &OpenStore, now: Time, height: f32) {
    ui.set_min_width(ui.available_width());
    let theme = Theme::of(ui.ctx());
    let days = days(store, now);
    let left = if days.len() > 1 {
        ui.available_width() * (1.0 - DAYS_WIDTH)
    } else {
        ui.available_width()
    };
    ui.horizontal_top(|ui| {
        ui.allocate_ui(vec2(left, height), |ui| {
            ui.vertical(|ui| {
                ui.set_width(left - 12.0);
                ui.horizontal(|ui| {
                    controls::quiet(ui, "of the last ten minutes");
                    key_ui(ui, "hits", theme.accent);
                    key_ui(
                        ui,
                        "misses",
                        theme.condition(cachescope_core::model::Condition::Expired),
                    );
                });
                bars_ui(ui, &store.activity, now, height - 26.0);
            });
        });
        if days.len() > 1 {
            ui.vertical(|ui| {
                ui.horizontal(|ui| heading_ui(ui, "Saved", "day by day, all together"));
                growth_ui(ui, &days, height - 26.0);
            });
        }
    });
}

fn key_ui(ui: &mut Ui, word: &str, color: Color32) {
    let theme = Theme::of(ui.ctx());
    let (rect, _) = ui.allocate_exact_size(vec2(10.0, 10.0), Sense::hover());
    ui.painter().rect_filled(rect, 2.0, color);
    ui.label(egui::RichText::new(word).color(theme.quiet));
}

/// The last bar on show: that of now, unless events are from a clock ahead of ours.
fn last_bar(activity: &Activity, now: Time) -> i64 {
    activity
        .time_line
        .newest()
        .map_or(bar_of(now), |newest| newest.max(bar_of(now)))
}

#[expect(clippy::cast_precision_loss, reason = "heights and places of bars")]
fn bars_ui(ui: &mut Ui, activity: &Activity, now: Time, height: f32) {
    let theme = Theme::of(ui.ctx());
    let size = vec2(ui.available_width(), height);
    let (rect, response) = ui.allocate_exact_size(size, Sense::hover());
    let last = last_bar(activity, now);
    let first = last - BARS + 1;
    let bars: Vec<Bar> = (first..=last).map(|n| activity.time_line.at(n)).collect();
    let hits: u64 = bars.iter().map(|bar| bar.hits).sum();
    let misses: u64 = bars.iter().map(|bar| bar.misses).sum();
    response.widget_info(|| {
        let said = format!(
            "{} and {} in the last ten minutes",
            text::counted(hits, "hit", "hits"),
            text::counted(misses, "miss", "misses")
        );
        WidgetInfo::labeled(Role::Image, true, said)
    });
    let room = Rect::from_min_max(rect.min, pos2(rect.right(), rect.bottom() - LABELS));
    let most = bars
        .iter()
        .map(|bar| bar.hits + bar.misses)
        .max()
        .unwrap_or(0)
        .max(1);
    let pitch = room.width() / BARS as f32;
    let missed = theme.condition(cachescope_core::model::Condition::Expired);
    for (at, bar) in bars.iter().enumerate() {
        let left = room.left() + pitch * at as f32;
        let mut floor = room.bottom();
        for (count, color) in [(bar.hits, theme.accent), (bar.misses, missed)] {
            let height = count as f32 / most as f32 * room.height();
            if count > 0 {
                let top = floor - height.max(1.0);
                let part =
                    Rect::from_min_max(pos2(left + 0.5, top), pos2(left + pitch - 0.5, floor));
                ui.painter().rect_filled(part, 1.0, color);
                floor = top;
            }
        }
    }
    ui.painter()
        .line_segment([room.left_bottom(), room.right_bottom()], theme.hairline());
    let quarter = BARS / 4;
    for n in 0..=4 {
        let align = match n {
            0 => Align2::LEFT_TOP,
            4 => Align2::RIGHT_TOP,
            _ => Align2::CENTER_TOP,
        };
        let at = pos2(
            room.left() + room.width() * n as f32 / 4.0,
            room.bottom() + 2.0,
        );
        let time = Time::from_unix((first + n * quarter) * BAR_S, 0);
        ui.painter()
            .text(at, align, text::clock(time), theme::small(), theme.quiet);
    }
    if let Some(pos) = response.hover_pos() {
        let part = ((pos.x - room.left()) / pitch).clamp(0.0, BARS as f32 - 1.0);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a bar's place"
        )]
        let at = part as usize;
        if let Some(bar) = bars.get(at) {
            let time = Time::from_unix((first + at.cast_signed() as i64) * BAR_S, 0);
            let words = format!(
                "{} · {}, {}",
                text::clock(time),
                text::counted(bar.hits, "hit", "hits"),
                text::counted(bar.misses, "miss", "misses")
            );
            response.on_hover_text_at_pointer(words);
        }
    }
}

/// Days with what was saved until their end, oldest first.
fn days(store: &OpenStore, now: Time) -> Vec<(String, f64)> {
    let seen = store.observed.total();
    let mut today =
        (seen.hits + seen.misses > 0).then(|| (cachescope_core::watch::day_of(now), seen.saved_s));
    let remembered = store.activity.remembered.as_ref();
    let before = remembered.map(|r| &r.history.days);
    // Of a cache watched for years the last days alone are copied out.
    let n_left_out = before.map_or(0, |days| days.len().saturating_sub(DAYS));
    let (mut sum, mut days) = (0.0, Vec::with_capacity(DAYS + 1));
    for (n, (day, earned)) in before.into_iter().flatten().enumerate() {
        sum += earned.saved_s;
        if let Some((_, saved_s)) = today.take_if(|(today, _)| today == day) {
            sum += saved_s;
        }
        if n >= n_left_out {
            days.push((day.clone(), sum));
        }
    }
    days.extend(today.map(|(day, saved_s)| (day, sum + saved_s)));
    days
}

/// What was saved until each day, as a line.
#[expect(clippy::cast_precision_loss, reason = "places of days")]
fn growth_ui(ui: &mut Ui, days: &[(String, f64)], height: f32) {
    let theme = Theme::of(ui.ctx());
    let size = vec2(ui.available_width(), height);
    let (rect, response) = ui.allocate_exact_size(size, Sense::hover());
    let (Some(first), Some(last)) = (days.first(), days.last()) else {
        return;
    };
    let all = text::duration(last.1);
    response.widget_info(|| {
        let said = format!("{all} saved at most until {}", last.0);
        WidgetInfo::labeled(Role::Image, true, said)
    });
    let room = Rect::from_min_max(rect.min, pos2(rect.right(), rect.bottom() - LABELS));
    let most = last.1.max(f64::MIN_POSITIVE);
    let pitch = room.width() / (days.len() - 1).max(1) as f32;
    let points: Vec<_> = days
        .iter()
        .enumerate()
        .map(|(at, (_, saved))| {
            #[expect(clippy::cast_possible_truncation, reason = "a part of 1")]
            let part = (saved / most) as f32;
            pos2(
                room.left() + pitch * at as f32,
                room.bottom() - part * (room.height() - 4.0),
            )
        })
        .collect();
    ui.painter()
        .line(points, egui::Stroke::new(2.0, theme.accent));
    ui.painter()
        .line_segment([room.left_bottom(), room.right_bottom()], theme.hairline());
    let below = Rect::from_min_max(pos2(rect.left(), room.bottom()), rect.max);
    cell::text(ui, below, &first.0, theme::small(), theme.quiet);
    let words = format!("{} · {all}", last.0);
    cell::figure(ui.painter(), below, &words, theme::small(), theme.quiet);
}
