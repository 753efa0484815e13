//! Bins of the distributions in words: on the axis, under the pointer, in the query.

use std::ops::Range;

use cachescope_core::ops::{AGE_EDGES, IDLE_S, SIZE_EDGES};

use crate::text;

const DAY: f64 = 86_400.0;

/// A size as the query language reads it, in the largest unit that divides it.
fn size_word(edge: u64) -> String {
    let units = [(1_000_000_000, "G"), (1_000_000, "M"), (1_000, "k")];
    let unit = units.into_iter().find(|(n, _)| edge.is_multiple_of(*n));
    match unit {
        Some((n, name)) => format!("{}{name}", edge / n),
        None => edge.to_string(),
    }
}

pub(super) fn size_label(bin: usize) -> &'static str {
    match SIZE_EDGES.get(bin) {
        Some(1) => "1 B",
        Some(1_000) => "1 kB",
        Some(1_000_000) => "1 MB",
        Some(1_000_000_000) => "1 GB",
        _ => "",
    }
}

pub(super) fn size_range(bin: usize) -> String {
    let edge = |at: usize| SIZE_EDGES.get(at).map(|e| text::bytes(*e));
    match (edge(bin), edge(bin + 1)) {
        (Some(from), Some(to)) => format!("{from} to {to}"),
        (Some(from), None) => format!("{from} and more"),
        _ => String::new(),
    }
}

pub(super) fn size_terms(bins: &Range<usize>) -> String {
    let mut terms = Vec::new();
    if let Some(from) = SIZE_EDGES.get(bins.start).filter(|e| **e > 0) {
        terms.push(format!("size>={}", size_word(*from)));
    }
    if let Some(to) = SIZE_EDGES.get(bins.end) {
        terms.push(format!("size<{}", size_word(*to)));
    }
    terms.join(" ")
}

/// An age as the query language reads it: all edges are whole hours.
fn age_word(secs: f64) -> String {
    if secs % DAY == 0.0 {
        format!("{:.0}d", secs / DAY)
    } else {
        format!("{:.0}h", secs / 3600.0)
    }
}

pub(super) fn age_label(bin: usize) -> &'static str {
    match AGE_EDGES.get(bin) {
        Some(edge) if *edge == 0.0 => "now",
        Some(edge) if *edge == DAY => "1 d",
        Some(edge) if *edge == 7.0 * DAY => "7 d",
        Some(edge) if *edge == IDLE_S => "30 d",
        Some(edge) if *edge == 90.0 * DAY => "90 d",
        Some(edge) if *edge == 365.0 * DAY => "1 y",
        _ => "",
    }
}

pub(super) fn age_range(bin: usize) -> String {
    let edge = |at: usize| AGE_EDGES.get(at).map(|e| text::span(*e));
    match (edge(bin), edge(bin + 1)) {
        (Some(_), Some(to)) if bin == 0 => format!("under {to} ago"),
        (Some(from), Some(to)) => format!("{from} to {to} ago"),
        (Some(from), None) => format!("over {from} ago"),
        _ => String::new(),
    }
}

pub(super) fn age_terms(field: &str, bins: &Range<usize>) -> String {
    let mut terms = Vec::new();
    if let Some(from) = AGE_EDGES.get(bins.start).filter(|e| **e > 0.0) {
        terms.push(format!("{field}>{}", age_word(*from)));
    }
    if let Some(to) = AGE_EDGES.get(bins.end) {
        terms.push(format!("{field}<{}", age_word(*to)));
    }
    terms.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use cachescope_core::ops::query::units;

    #[test]
    fn the_query_reads_every_edge_as_it_was_meant() {
        for edge in SIZE_EDGES.into_iter().filter(|e| *e > 0) {
            assert_eq!(units::size(&size_word(edge)), Ok(edge));
        }
        for edge in AGE_EDGES.into_iter().filter(|e| *e > 0.0) {
            assert_eq!(units::span_secs(&age_word(edge)), Ok(edge));
        }
    }

    #[test]
    fn a_brushed_range_becomes_two_terms_at_most() {
        assert_eq!(size_terms(&(0..1)), "size<1");
        assert_eq!(size_terms(&(7..10)), "size>=1k size<30k");
        assert_eq!(size_terms(&(19..21)), "size>=1G");
        assert_eq!(age_terms("used", &(8..14)), "used>30d");
        assert_eq!(age_terms("used", &(0..2)), "used<6h");
    }
}
