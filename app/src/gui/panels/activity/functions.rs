//! Functions by what they earned: a sparkline of the last minutes, hits, misses, rate, seconds saved.

use cachescope_core::model::Time;
use cachescope_core::watch::Earned;
use egui::accesskit::Role;
use egui::{Rect, ScrollArea, Sense, Ui, WidgetInfo, pos2, vec2};

use super::heading_ui;
use crate::gui::state::{Bars, Function, OpenStore, SPARKS, bar_of};
use crate::gui::theme::{self, ROW, Theme};
use crate::gui::widgets::cell;
use crate::text;

pub(super) fn functions_ui(
    ui: &mut Ui,
    store: &OpenStore,
    lines: &[Function],
    height: f32,
    now: Time,
) {
    ui.set_min_width(ui.available_width());
    ui.horizontal(|ui| heading_ui(ui, "Functions", "observed, in this run and before"));
    let newest = store.activity.time_line.newest();
    let last = newest.map_or(bar_of(now), |newest| newest.max(bar_of(now)));
    ui.spacing_mut().item_spacing.y = 0.0;
    ScrollArea::vertical()
        .id_salt("functions")
        .max_height((height - 40.0).max(ROW * 2.0))
        .show_rows(ui, ROW, lines.len(), |ui, shown| {
            for line in lines.get(shown).unwrap_or_default() {
                line_ui(ui, line, store.activity.spark_of(&line.locator), last);
            }
        });
}

fn line_ui(ui: &mut Ui, line: &Function, bars: Option<&Bars>, last: i64) {
    let theme = Theme::of(ui.ctx());
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), ROW), Sense::hover());
    let Earned {
        hits,
        misses,
        saved_s,
        ..
    } = line.earned;
    let name = cachescope_core::model::text::shown(&line.label);
    let saved = text::duration(saved_s);
    response.widget_info(|| {
        let said = format!(
            "{name}, {}, {}, {saved} saved at most",
            text::counted(hits, "hit", "hits"),
            text::counted(misses, "miss", "misses")
        );
        WidgetInfo::labeled(Role::Row, true, said)
    });
    let mut right = rect.right();
    let mut take = |width: f32| {
        right -= width;
        Rect::from_min_max(
            pos2(right, rect.top()),
            pos2(right + width - 12.0, rect.bottom()),
        )
    };
    let figures = [
        (take(140.0), format!("{saved} saved")),
        (take(70.0), text::hit_rate(hits, misses).unwrap_or_default()),
        (take(110.0), text::counted(misses, "miss", "misses")),
        (take(110.0), text::counted(hits, "hit", "hits")),
    ];
    for (room, figure) in figures {
        cell::figure(ui.painter(), room, &figure, theme::body(), theme.text);
    }
    let sparks = take(170.0);
    if let Some(bars) = bars {
        spark(ui, sparks.shrink2(vec2(0.0, 4.0)), bars, last);
    }
    let words = Rect::from_min_max(rect.min, pos2(right - 8.0, rect.bottom()));
    cell::text(ui, words, &name, theme::mono(), theme.text);
}

/// Look-ups of the last minutes, one thin bar each.
#[expect(clippy::cast_precision_loss, reason = "heights and places of bars")]
fn spark(ui: &Ui, room: Rect, bars: &Bars, last: i64) {
    let theme = Theme::of(ui.ctx());
    let counts = (last - SPARKS + 1..=last).map(|n| bars.at(n));
    let counts: Vec<_> = counts.map(|bar| bar.hits + bar.misses).collect();
    let most = counts.iter().copied().max().unwrap_or(0).max(1);
    let pitch = room.width() / SPARKS as f32;
    for (at, count) in counts.into_iter().enumerate().filter(|(_, n)| *n > 0) {
        let left = room.left() + pitch * at as f32;
        let top = room.bottom() - (count as f32 / most as f32 * room.height()).max(1.0);
        let bar = Rect::from_min_max(pos2(left, top), pos2(left + pitch - 1.0, room.bottom()));
        ui.painter().rect_filled(bar, 0.0, theme.accent);
    }
    ui.painter()
        .line_segment([room.left_bottom(), room.right_bottom()], theme.hairline());
}
