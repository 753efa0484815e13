//! One sentence on what was measured, and nothing beyond it.

use super::{Bench, Measured, Spread};
use crate::model::text;

/// A difference below this is not worth a word: repeated runs differ as much.
const WORTH: f64 = 1.5;

/// What the figures say to somebody who keeps the entries in a store of `kind` today.
pub fn advice(bench: &Bench, kind: &str) -> String {
    let kept: Vec<&Measured> = bench
        .measured
        .iter()
        .filter(|m| m.refused.is_none() && m.read_p50_us.is_some())
        .collect();
    sentence(bench, &kept, kind) + &sampled(&kept)
}

fn sentence(bench: &Bench, kept: &[&Measured], kind: &str) -> String {
    let read = |m: &Measured| m.read_p50_us;
    // What Python's own library would not read that fast is nobody's gain.
    let fair = |m: &&&Measured| m.target.in_python.is_none();
    let by_read = |a: &&&Measured, b: &&&Measured| median(read(a)).total_cmp(&median(read(b)));
    let (Some(fastest), Some(smallest)) = (
        kept.iter()
            .filter(fair)
            .min_by(by_read)
            .or(kept.iter().min_by(by_read)),
        kept.iter().min_by(|a, b| disk(a).total_cmp(&disk(b))),
    ) else {
        return "Nothing could be measured, so there is nothing to advise".to_owned();
    };
    let of = match (bench.entries, bench.unreadable) {
        (n, unreadable) if n + unreadable < bench.of_entries => {
            format!("{n} drawn from {} entries", bench.of_entries)
        }
        (1, 0) => "its one entry".to_owned(),
        (1, _) => "the one entry that can be read".to_owned(),
        (n, 0) => format!("all {n} entries"),
        (n, _) => format!("the {n} entries that can be read"),
    };
    if let [only] = kept {
        return format!(
            "Of one kind there is nothing to compare: with {of}, {} read in {} and took {}",
            only.target.title(),
            micros(read(only)),
            text::size(only.disk_bytes)
        );
    }
    let today = kept
        .iter()
        .find(|m| m.target.kind == kind && m.target.codec.is_none());
    let Some(today) = today else {
        return format!(
            "With {of}, {} read fastest ({}) and {} took the least disk ({})",
            fastest.target.title(),
            micros(read(fastest)),
            smallest.target.title(),
            text::size(smallest.disk_bytes)
        );
    };
    let gain = median(read(today)) / median(read(fastest));
    let is_apart = apart(read(fastest), read(today));
    let saving = disk(today) / disk(smallest);
    match (gain >= WORTH && is_apart, saving >= WORTH) {
        (false, false) => format!(
            "Stay with {kind}: with {of}, nothing read it {WORTH} times as fast or took less than two thirds of its disk{}",
            but(today)
        ),
        (true, false) => format!(
            "{} read {gain:.1} times as fast as {kind} with {of} ({} to {}), on {} of its disk",
            fastest.target.title(),
            micros(read(fastest)),
            micros(read(today)),
            percent(fastest, today)
        ),
        (false, true) => {
            format!(
                "{} took {} of the disk of {kind} with {of}, and {} to read where that took {}{}",
                smallest.target.title(),
                percent(smallest, today),
                micros(read(smallest)),
                micros(read(today)),
                if std::ptr::eq(smallest, today) {
                    String::new()
                } else {
                    but(smallest)
                }
            ) + &but(today)
        }
        (true, true) if fastest.target.title() == smallest.target.title() => format!(
            "{} read {gain:.1} times as fast as {kind} with {of} ({} to {}) and took {} of its disk",
            fastest.target.title(),
            micros(read(fastest)),
            micros(read(today)),
            percent(fastest, today)
        ),
        (true, true) => {
            format!(
                "{} read {gain:.1} times as fast as {kind} with {of} ({} to {}), on {} of its disk; {} took the least, {}",
                fastest.target.title(),
                micros(read(fastest)),
                micros(read(today)),
                percent(fastest, today),
                smallest.target.title(),
                percent(smallest, today)
            ) + &but(smallest)
        }
    }
}

/// What the figures do not hold of it.
fn but(measured: &Measured) -> String {
    let told = measured.target.in_python;
    let title = measured.target.title();
    told.map_or_else(String::new, |told| {
        format!("; but with {title} in Python, {told}")
    })
}

/// True if two medians differ by more than what their rounds did.
fn apart(faster: Option<Spread>, slower: Option<Spread>) -> bool {
    matches!((faster, slower), (Some(faster), Some(slower)) if faster.high < slower.low)
}

fn median(spread: Option<Spread>) -> f64 {
    spread.map_or(f64::INFINITY, |spread| spread.median)
}

fn micros(spread: Option<Spread>) -> String {
    match spread {
        Some(spread) if spread.median < 1000.0 => format!("{:.1} µs", spread.median),
        Some(spread) => format!("{:.1} ms", spread.median / 1000.0),
        None => "unknown".to_owned(),
    }
}

/// Bytes on the disk of each entry: not every kind was given as many.
#[expect(clippy::cast_precision_loss, reason = "a ratio of two or three digits")]
fn disk(measured: &Measured) -> f64 {
    measured.disk_bytes as f64 / measured.entries.max(1) as f64
}

fn percent(part: &Measured, whole: &Measured) -> String {
    format!("{:.0} %", 100.0 * disk(part) / disk(whole))
}

/// That some kinds were given a part of the entries only.
fn sampled(kept: &[&Measured]) -> String {
    let told = kept.iter().find_map(|m| Some((*m, m.sampled_from?)));
    told.map_or_else(String::new, |(m, all)| {
        let (kind, n) = (m.target.kind, m.entries);
        format!("; {kind} was given {n} of the {all}, so that the disk is compared by entry")
    })
}
