//! Figures as people read them, the same words in the window and on the command line.
//!
//! Sizes count in thousands (kB, MB), as disks are sold and as `ls -h --si` prints.

pub mod condition;

use std::path::PathBuf;

use cachescope_core::model::Time;
use jiff::tz::TimeZone;

const KILO: f64 = 1000.0;
const MINUTE: f64 = 60.0;
const HOUR: f64 = 60.0 * MINUTE;
const DAY: f64 = 24.0 * HOUR;
/// Mean Gregorian year.
const YEAR: f64 = 365.2425 * DAY;

/// A size in two or three digits: `0 B`, `999 B`, `1.2 kB`, `48 MB`.
pub fn bytes(n: u64) -> String {
    const UNITS: [&str; 6] = ["kB", "MB", "GB", "TB", "PB", "EB"];
    if n < 1000 {
        return format!("{n} B");
    }
    #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
    let mut value = n as f64 / KILO;
    let mut units = UNITS.iter();
    let mut unit = units.next().unwrap_or(&"");
    // 999.5 kB would round to a fourth digit.
    while value >= 999.5 {
        match units.next() {
            Some(next) => unit = next,
            None => break,
        }
        value /= KILO;
    }
    format!("{} {unit}", two_digits(value))
}

/// A size to the byte: `1,234,567 B`.
pub fn bytes_exact(n: u64) -> String {
    format!("{} B", count(n))
}

/// A count with its thousands apart: `1,204`.
pub fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.char_indices() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A count with its word: `1 entry`, `1,204 entries`.
pub fn counted(n: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(n), if n == 1 { one } else { many })
}

/// How long ago, in the largest whole unit: `12 s`, `5 min`, `3 h`, `12 d`, `4 mo`, `2 y`; `in 3 h` for a time to come.
pub fn age(time: Time, now: Time) -> String {
    let secs = time.age_secs(now);
    if secs < -0.5 {
        format!("in {}", span(-secs))
    } else {
        span(secs)
    }
}

/// How long ago, for a column: `now`, `12 min ago`, `yesterday`, `12 d ago`; `in 3 h` for a time to come.
pub fn ago(time: Time, now: Time) -> String {
    let secs = time.age_secs(now);
    if secs < -0.5 {
        age(time, now)
    } else if secs < MINUTE {
        "now".to_owned()
    } else if (DAY..2.0 * DAY).contains(&secs) {
        "yesterday".to_owned()
    } else {
        format!("{} ago", span(secs))
    }
}

/// A point in time in the person's own zone: `20 Nov 2026, 14:03`.
pub fn moment(time: Time) -> String {
    zoned(time, "%-d %b %Y, %H:%M")
}

/// The same to the second, with the zone: `2026-11-20 14:03:07 +01:00`.
pub fn moment_exact(time: Time) -> String {
    zoned(time, "%Y-%m-%d %H:%M:%S %:z")
}

/// The time of day in the person's own zone: `14:03:07`.
pub fn clock(time: Time) -> String {
    zoned(time, "%H:%M:%S")
}

fn zoned(time: Time, format: &str) -> String {
    jiff::Timestamp::from_second(time.secs())
        .map(|at| at.to_zoned(TimeZone::system()).strftime(format).to_string())
        .unwrap_or_default()
}

/// Part of the look-ups that found a value, in whole percent; `None` before the first.
pub fn hit_rate(hits: u64, misses: u64) -> Option<String> {
    #[expect(clippy::cast_precision_loss, reason = "whole percent")]
    let (hits, misses) = (hits as f64, misses as f64);
    let all = hits + misses;
    (all > 0.0).then(|| format!("{:.0} %", 100.0 * hits / all))
}

/// A length of time in its largest whole unit.
pub fn span(secs: f64) -> String {
    let secs = secs.max(0.0);
    let (value, unit) = if secs < MINUTE {
        (secs, "s")
    } else if secs < HOUR {
        (secs / MINUTE, "min")
    } else if secs < 2.0 * DAY {
        (secs / HOUR, "h")
    } else if secs < 90.0 * DAY {
        (secs / DAY, "d")
    } else if secs < 2.0 * YEAR {
        (secs / (YEAR / 12.0), "mo")
    } else {
        (secs / YEAR, "y")
    };
    format!("{:.0} {unit}", value.floor())
}

/// What something took, in two digits or two units: `350 µs`, `1.2 s`, `2 min 10 s`, `2 h 10 min`.
pub fn duration(secs: f64) -> String {
    let secs = if secs.is_finite() { secs.max(0.0) } else { 0.0 };
    if secs < 1e-3 {
        return format!("{:.0} µs", secs * 1e6);
    }
    if secs < 0.9995 {
        return format!("{} ms", two_digits(secs * 1e3));
    }
    if secs < 59.5 {
        return format!("{} s", two_digits(secs));
    }
    let (large, large_unit, small_unit, ratio) = if secs < HOUR - 0.5 {
        (MINUTE, "min", "s", 60.0)
    } else if secs < DAY - 30.0 {
        (HOUR, "h", "min", 60.0)
    } else {
        (DAY, "d", "h", 24.0)
    };
    // Rounded in the small unit first, so that 119.9 s is 2 min and not 1 min 60 s.
    let smalls = (secs / (large / ratio)).round();
    let (whole, rest) = ((smalls / ratio).floor(), smalls % ratio);
    if rest == 0.0 {
        format!("{whole:.0} {large_unit}")
    } else {
        format!("{whole:.0} {large_unit} {rest:.0} {small_unit}")
    }
}

/// What something took, as one figure for a column: `12 ms`, `1.7 s`, `48 s`, `13 min`, `41 h`.
pub fn duration_short(secs: f64) -> String {
    // Rounded to what is shown first, so that no figure jumps to the next unit by rounding.
    match secs {
        _ if secs < 59.5 => duration(secs),
        _ if secs < 119.5 => format!("{secs:.0} s"),
        _ if secs < 119.5 * MINUTE => format!("{:.0} min", secs / MINUTE),
        _ if secs < 99.5 * HOUR => format!("{:.0} h", secs / HOUR),
        _ => format!("{:.0} d", secs / DAY),
    }
}

/// A float in five digits: enough to compare by eye. Whole numbers stay whole, and no other number becomes one.
pub fn figure(value: f64) -> String {
    /// Up to here every whole number is a float of its own.
    const WHOLE: f64 = 9_007_199_254_740_992.0;
    let size = value.abs();
    let is_whole = value.fract() == 0.0;
    if is_whole && size <= WHOLE {
        return format!("{value:.0}");
    }
    if !(1e-4..1e6).contains(&size) {
        return format!("{value:.4e}");
    }
    // 0.99999 is not 1: as many digits as tell it from the whole number beside it.
    let digits = (4..=17).find(|digits| {
        let shown = format!("{value:.digits$}");
        shown.parse().is_ok_and(|shown: f64| shown.fract() != 0.0)
    });
    let digits = digits.unwrap_or(17);
    let text = format!("{value:.digits$}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// The path that a person typed or pasted: `~` is the home folder, as in a shell; quotes around it and `file://` before
/// it are what file managers copy.
pub fn typed_path(typed: &str) -> PathBuf {
    let typed = typed.trim();
    let quoted = |quote| typed.strip_prefix(quote)?.strip_suffix(quote);
    let path = quoted('"').or_else(|| quoted('\'')).unwrap_or(typed);
    let path = path.strip_prefix("file://").unwrap_or(path);
    let below_home = match path.strip_prefix('~') {
        Some("") => Some(""),
        Some(rest) => rest.strip_prefix('/'),
        None => None,
    };
    match (below_home, std::env::home_dir()) {
        (Some(below), Some(home)) => home.join(below),
        _ => PathBuf::from(path),
    }
}

/// Text cut in its middle to at most `max_chars` characters, `…` included.
pub fn shorten(text: &str, max_chars: usize) -> String {
    let n_chars = text.chars().count();
    if n_chars <= max_chars {
        return text.to_owned();
    }
    let kept = max_chars.saturating_sub(1);
    let head = kept.div_ceil(2);
    let start: String = text.chars().take(head).collect();
    let end: String = text.chars().skip(n_chars - (kept - head)).collect();
    format!("{start}…{end}")
}

/// A path that can be opened again, with a star where it is pinned.
pub fn pinned_path(is_pinned: bool, path: &std::path::Path, max_chars: usize) -> String {
    let sign = if is_pinned { "★ " } else { "" };
    let path = cachescope_core::model::text::path(path);
    format!("{sign}{}", shorten(&path, max_chars))
}

/// One decimal below ten, none above: two or three digits in all.
fn two_digits(value: f64) -> String {
    if value < 9.95 {
        format!("{value:.1}")
    } else {
        format!("{value:.0}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_two_or_three_digits() {
        for (n, expected) in [
            (0, "0 B"),
            (1, "1 B"),
            (999, "999 B"),
            (1000, "1.0 kB"),
            (1049, "1.0 kB"),
            (1050, "1.1 kB"),
            (9_949, "9.9 kB"),
            (9_950, "10 kB"),
            (999_499, "999 kB"),
            (999_500, "1.0 MB"),
            (412_000_000, "412 MB"),
            (3_100_000_000, "3.1 GB"),
            (u64::MAX, "18 EB"),
        ] {
            assert_eq!(bytes(n), expected, "{n}");
        }
    }

    #[test]
    fn counts_have_their_thousands_apart() {
        for (n, expected) in [
            (0, "0"),
            (999, "999"),
            (1000, "1,000"),
            (1_234_567, "1,234,567"),
        ] {
            assert_eq!(count(n), expected);
        }
        assert_eq!(counted(1, "entry", "entries"), "1 entry");
        assert_eq!(counted(1204, "entry", "entries"), "1,204 entries");
        assert_eq!(bytes_exact(1_000), "1,000 B");
    }

    #[test]
    fn spans_show_the_largest_whole_unit() {
        for (secs, expected) in [
            (0.0, "0 s"),
            (59.9, "59 s"),
            (60.0, "1 min"),
            (3599.0, "59 min"),
            (3600.0, "1 h"),
            (47.9 * HOUR, "47 h"),
            (2.0 * DAY, "2 d"),
            (89.0 * DAY, "89 d"),
            (92.0 * DAY, "3 mo"),
            (3.1 * YEAR, "3 y"),
        ] {
            assert_eq!(span(secs), expected, "{secs}");
        }
    }

    #[test]
    fn a_time_to_come_says_so() {
        let now = Time::from_unix(1_000_000, 0);
        assert_eq!(age(Time::from_unix(1_000_000 + 7200, 0), now), "in 2 h");
        assert_eq!(age(Time::from_unix(1_000_000 - 7200, 0), now), "2 h");
    }

    #[test]
    fn a_column_shows_ages_as_one_figure() {
        let now = Time::from_unix(1_000_000, 0);
        for (secs, expected) in [
            (5, "now"),
            (720, "12 min ago"),
            (90_000, "yesterday"),
            (40 * 86_400, "40 d ago"),
            (-7200, "in 2 h"),
        ] {
            assert_eq!(ago(Time::from_unix(1_000_000 - secs, 0), now), expected);
        }
    }

    #[test]
    fn a_column_shows_durations_as_one_figure() {
        for (secs, expected) in [
            (0.012, "12 ms"),
            (1.7, "1.7 s"),
            (48.2, "48 s"),
            (59.0, "59 s"),
            (90.0, "90 s"),
            (800.0, "13 min"),
            (6770.0, "113 min"),
            (147_600.0, "41 h"),
            (1e6, "12 d"),
        ] {
            assert_eq!(duration_short(secs), expected);
        }
    }

    #[test]
    fn durations_round_up_into_the_next_unit() {
        for (secs, expected) in [
            (0.0, "0 µs"),
            (0.000_35, "350 µs"),
            (0.012, "12 ms"),
            (0.9996, "1.0 s"),
            (1.24, "1.2 s"),
            (12.4, "12 s"),
            (59.6, "1 min"),
            (119.9, "2 min"),
            (130.0, "2 min 10 s"),
            (7800.0, "2 h 10 min"),
            (3599.8, "1 h"),
            (86_399.0, "1 d"),
            (2.5 * DAY, "2 d 12 h"),
            (f64::NAN, "0 µs"),
        ] {
            assert_eq!(duration(secs), expected, "{secs}");
        }
    }

    #[test]
    fn long_text_is_cut_in_its_middle() {
        assert_eq!(shorten("0123456789", 10), "0123456789");
        assert_eq!(shorten("0123456789a", 10), "01234…789a");
        assert_eq!(shorten("ééééé", 3), "é…é");
    }

    #[test]
    fn floats_are_short_enough_to_compare() {
        for (value, expected) in [
            (0.0, "0"),
            (3.0, "3"),
            (-3.123_456, "-3.1235"),
            (0.000_01, "1.0000e-5"),
            (1e9, "1000000000"),
            (1e20, "1.0000e20"),
            (1_234_567.5, "1.2346e6"),
            (0.999_99, "0.99999"),
            (-2.000_004, "-2.000004"),
            (0.333_333, "0.3333"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(figure(value), expected);
        }
    }

    #[test]
    fn typed_paths_are_those_that_a_shell_and_a_file_manager_mean() {
        let home = std::env::home_dir().unwrap();
        for (typed, expected) in [
            ("~", home.clone()),
            ("~/a b", home.join("a b")),
            ("~other", PathBuf::from("~other")),
            (" \"/a b\" ", PathBuf::from("/a b")),
            ("file:///a", PathBuf::from("/a")),
            ("'", PathBuf::from("'")),
        ] {
            assert_eq!(typed_path(typed), expected, "{typed}");
        }
    }

    #[test]
    fn a_hit_rate_needs_a_look_up() {
        assert_eq!(hit_rate(0, 0), None);
        assert_eq!(hit_rate(5, 2).unwrap(), "71 %");
        assert_eq!(hit_rate(u64::MAX, u64::MAX).unwrap(), "50 %");
    }
}
