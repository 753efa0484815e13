//! numpy's dates and time spans as text (numpy 2.5 `numpy/_core/src/multiarray/datetime_strings.c`).

/// The smallest value stands for "not a time".
pub(crate) const NOT_A_TIME: i128 = i64::MIN as i128;

/// Units finer than a day: ticks in a second, digits behind the point.
const FINE: [(&str, i128, usize); 7] = [
    ("s", 1, 0),
    ("ms", 1_000, 3),
    ("us", 1_000_000, 6),
    ("ns", 1_000_000_000, 9),
    ("ps", 1_000_000_000_000, 12),
    ("fs", 1_000_000_000_000_000, 15),
    ("as", 1_000_000_000_000_000_000, 18),
];

/// Count and unit of `25s`, `ns`, `D`.
fn split_unit(unit: &str) -> (i128, &str) {
    let at = unit
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(unit.len());
    let (count, unit) = unit.split_at_checked(at).unwrap_or(("", unit));
    (count.parse().unwrap_or(1), unit)
}

/// ISO 8601 to the precision of the unit, as `str(numpy.datetime64(…))`; `None` for units without a date.
pub(crate) fn datetime_text(count: i128, unit: &str) -> Option<String> {
    let (each, unit) = split_unit(unit);
    let count = count.checked_mul(each)?;
    let day_seconds = |days: i128| date_text(days);
    if let Some((_, ticks, digits)) = FINE.iter().find(|(name, ..)| *name == unit) {
        let seconds = count.div_euclid(*ticks);
        let fraction = count.rem_euclid(*ticks);
        let (hour, minute, second) = clock(seconds.rem_euclid(86_400));
        let date = day_seconds(seconds.div_euclid(86_400));
        let point = if *digits == 0 {
            String::new()
        } else {
            format!(".{fraction:0digits$}")
        };
        return Some(format!("{date}T{hour:02}:{minute:02}:{second:02}{point}"));
    }
    Some(match unit {
        "Y" => year_text(1970 + count),
        "M" => {
            let year = 1970 + count.div_euclid(12);
            format!("{}-{:02}", year_text(year), count.rem_euclid(12) + 1)
        }
        "W" => date_text(count.checked_mul(7)?),
        "D" => date_text(count),
        "h" => format!(
            "{}T{:02}",
            date_text(count.div_euclid(24)),
            count.rem_euclid(24)
        ),
        "m" => {
            let minutes = count.rem_euclid(1440);
            let date = date_text(count.div_euclid(1440));
            format!("{date}T{:02}:{:02}", minutes / 60, minutes % 60)
        }
        _ => return None,
    })
}

/// `25 seconds`, as `str(numpy.timedelta64(25, 's'))`.
pub(crate) fn timedelta_text(count: i128, unit: &str) -> String {
    let (each, unit) = split_unit(unit);
    let word = match unit {
        "Y" => "years",
        "M" => "months",
        "W" => "weeks",
        "D" => "days",
        "h" => "hours",
        "m" => "minutes",
        "s" => "seconds",
        "ms" => "milliseconds",
        "us" => "microseconds",
        "ns" => "nanoseconds",
        "ps" => "picoseconds",
        "fs" => "femtoseconds",
        "as" => "attoseconds",
        _ => "generic time units",
    };
    format!("{} {word}", count.saturating_mul(each))
}

fn clock(seconds: i128) -> (i128, i128, i128) {
    (seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// Four characters at least, of which the sign is one (`make_iso_8601_datetime`).
fn year_text(year: i128) -> String {
    format!("{year:04}")
}

/// Days since 1970 in the proleptic Gregorian calendar, after Hinnant's `civil_from_days`.
fn date_text(days: i128) -> String {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_index = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_index + 2) / 5 + 1;
    let month = if month_index < 10 {
        month_index + 3
    } else {
        month_index - 9
    };
    let year = year_of_era + era * 400 + i128::from(month <= 2);
    format!("{}-{month:02}-{day:02}", year_text(year))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_print_to_the_precision_of_their_unit() {
        // str(numpy.datetime64(count, unit)) by numpy 2.5.
        for (count, unit, expected) in [
            (54, "Y", "2024"),
            (649, "M", "2024-02"),
            (2, "W", "1970-01-15"),
            (19_782, "D", "2024-02-29"),
            (-1, "D", "1969-12-31"),
            (1, "h", "1970-01-01T01"),
            (61, "m", "1970-01-01T01:01"),
            (1_700_000_000, "s", "2023-11-14T22:13:20"),
            (1_700_000_000_123, "ms", "2023-11-14T22:13:20.123"),
            (-1, "ns", "1969-12-31T23:59:59.999999999"),
            (2, "25s", "1970-01-01T00:00:50"),
        ] {
            assert_eq!(datetime_text(count, unit).as_deref(), Some(expected));
        }
        assert_eq!(timedelta_text(25, "s"), "25 seconds");
        assert_eq!(datetime_text(1, ""), None);
    }
}
