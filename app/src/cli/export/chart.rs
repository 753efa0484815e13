//! Pictures of a report as inline SVG: a treemap of the bytes, and histograms.

use std::fmt::Write as _;

use cachescope_core::model::{Row, Snapshot, Time};
use cachescope_core::ops::stats::Bin;
use cachescope_core::ops::{Layout, Tile, TileArea, treemap};

use super::markup::escaped;
use crate::text as figures;

/// Size of the treemap, in the units of its view box.
const LAYOUT: Layout = Layout {
    width: 960.0,
    height: 420.0,
    heading: 18.0,
    min_area: 25.0,
};
/// Room that a letter of a heading takes.
const LETTER: f32 = 6.6;
/// Size of a histogram.
const WIDTH: f64 = 460.0;
const HEIGHT: f64 = 120.0;
/// Room for the words below the bars.
const WORDS: f64 = 18.0;

/// Every entry a rectangle: area is bytes, colour is the time since the last use.
pub(super) fn bytes(snapshot: &Snapshot, rows: &[Row], now: Time) -> String {
    let mut svg = format!(
        "<svg viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"Treemap: area is bytes, by group\">\n",
        LAYOUT.width, LAYOUT.height
    );
    for group in treemap(snapshot, rows.iter().copied(), &LAYOUT, &|_| true) {
        for TileArea { area, tile, .. } in &group.tiles {
            let (class, words) = match tile {
                Tile::Entry(row) => told(snapshot, *row, now),
                Tile::Rest(n) => (
                    "rest".to_owned(),
                    figures::counted(*n, "smaller entry", "smaller entries"),
                ),
            };
            // Writing to a String cannot fail.
            writeln!(
                svg,
                "<rect class=\"{class}\" x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\"><title>{}</title></rect>",
                area.x,
                area.y,
                area.width.max(0.0),
                area.height.max(0.0),
                escaped(&words)
            )
            .ok();
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a few hundred letters at most"
        )]
        let n_letters = ((group.area.width - 8.0) / LETTER).max(0.0) as usize;
        if n_letters < 6 || group.area.height <= 2.0 * LAYOUT.heading {
            continue;
        }
        let title = format!("{} · {}", group.group.label, figures::bytes(group.bytes));
        writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{:.1}\">{}</text>",
            group.area.x + 4.0,
            group.area.y + 13.0,
            escaped(&figures::shorten(&title, n_letters))
        )
        .ok();
    }
    svg.push_str("</svg>\n");
    svg
}

fn told(snapshot: &Snapshot, row: Row, now: Time) -> (String, String) {
    let Some(record) = snapshot.record(row) else {
        return ("rest".to_owned(), String::new());
    };
    let used = record.accessed;
    let class = used.map_or("rest".to_owned(), |t| {
        format!("age{}", step(t.age_secs(now)))
    });
    let ago = used.map_or_else(String::new, |t| {
        format!(" · last used {}", figures::ago(t, now))
    });
    let key = figures::shorten(&record.key_text(), 60);
    (
        class,
        format!("{key} · {}{ago}", figures::bytes(record.bytes)),
    )
}

/// Seven steps of equal ratio from a day to ninety.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "between 0 and 6"
)]
fn step(secs: f64) -> u8 {
    let days = (secs / 86_400.0).clamp(1.0, 90.0);
    (days.ln() / 90.0_f64.ln() * 6.0).round() as u8
}

/// Bars over bins; `word` names a bin's lower edge.
pub(super) fn histogram(name: &str, bins: &[Bin], word: fn(f64) -> String) -> String {
    let mut svg = format!(
        "<svg viewBox=\"0 0 {WIDTH} {}\" role=\"img\" aria-label=\"{}\">\n",
        HEIGHT + WORDS,
        escaped(name)
    );
    #[expect(clippy::cast_precision_loss, reason = "heights of bars")]
    let height = |n: u64, most: u64| n as f64 / most.max(1) as f64 * HEIGHT;
    #[expect(clippy::cast_precision_loss, reason = "a few dozen bins")]
    let pitch = WIDTH / bins.len().max(1) as f64;
    let most = bins.iter().map(|bin| bin.entries).max().unwrap_or(0);
    // A word every so many bars, that none lies over its neighbour.
    let every = bins.len().div_ceil(7).max(1);
    let mut left = 0.0;
    for (at, bin) in bins.iter().enumerate() {
        let tall = height(bin.entries, most);
        let words = format!(
            "from {}: {}, {}",
            word(bin.from),
            figures::counted(bin.entries, "entry", "entries"),
            figures::bytes(bin.bytes)
        );
        writeln!(
            svg,
            "<rect class=\"bar\" x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{tall:.1}\"><title>{}</title></rect>",
            left + 1.0,
            HEIGHT - tall,
            (pitch - 2.0).max(1.0),
            escaped(&words)
        )
        .ok();
        if at % every == 0 {
            let words = escaped(&word(bin.from));
            writeln!(
                svg,
                "<text x=\"{left:.1}\" y=\"{:.1}\">{words}</text>",
                HEIGHT + 14.0
            )
            .ok();
        }
        left += pitch;
    }
    svg.push_str("</svg>\n");
    svg
}
