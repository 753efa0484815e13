//! Times, spans and periods as pandas prints them (`str` of Timestamp, Timedelta and Period, pandas 0.24 to 3.1).

use crate::formats::made::Made;
use crate::formats::numpy::{NOT_A_TIME, datetime_text, int_of};
use crate::model::value::{NodeId, Value};

/// A time zone as a pickle names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::formats) struct Zone {
    /// What pandas calls it in a type's name.
    pub(in crate::formats) name: String,
    rule: Rule,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Rule {
    /// A fixed offset, in seconds east of Greenwich.
    Fixed(i64),
    /// A name of the system's time zone database.
    Named(String),
}

/// Characters of a zone's name at most: of a few bytes that hold each other, a name without end could be printed.
const MAX_NAME: usize = 1000;

impl Zone {
    /// The zone at `node`; one of unknown make is shown in UTC under its class.
    pub(in crate::formats) fn of(value: &Value, node: NodeId) -> Option<Self> {
        if let Some(name) = value.str(node) {
            return Some(Self::named(&name));
        }
        let made = Made::of(value, node)?;
        let text = |at: usize| {
            value
                .str(*made.args.get(at)?)
                .map(std::borrow::Cow::into_owned)
        };
        let fixed = |name: String, seconds: i64| Self {
            name,
            rule: Rule::Fixed(seconds),
        };
        Some(match (&*made.module, &*made.qualname) {
            ("pytz", "_UTC") => fixed("UTC".to_owned(), 0),
            ("pytz", "_p") | ("zoneinfo", "ZoneInfo._unpickle" | "ZoneInfo") => {
                Self::named(&text(0)?)
            }
            ("pytz", "FixedOffset" | "_FixedOffset") => {
                let minutes = int_of(value, *made.args.first()?)?;
                let name = format!("pytz.FixedOffset({minutes})");
                fixed(name, minutes.checked_mul(60)?)
            }
            ("datetime", "timezone") => {
                let delta = Made::of(value, *made.args.first()?)?;
                let part = |at: usize| delta.args.get(at).and_then(|n| int_of(value, *n));
                let seconds = part(0).unwrap_or(0).checked_mul(86_400)?;
                let seconds = seconds.checked_add(part(1).unwrap_or(0))?;
                let name = match text(1) {
                    Some(name) => name,
                    None if seconds == 0 => "UTC".to_owned(),
                    None => format!("UTC{}", offset_text(seconds)),
                };
                fixed(name, seconds)
            }
            ("dateutil.tz.tz" | "dateutil.tz._tzfile", _) => {
                let shown = value.repr(node, MAX_NAME).text;
                Self::of_dateutil(value, &made, shown)
            }
            _ => fixed(made.type_name(), 0),
        })
    }

    /// `dateutil`'s own zones, under what they print: pandas has no other name for them.
    fn of_dateutil(value: &Value, made: &Made<'_>, name: String) -> Self {
        let file = || match &*made.qualname {
            "_unpickle" => value.str(*made.args.get(2)?),
            "tzfile" => value.str(made.attribute(value, "_filename")?),
            _ => None,
        };
        let offset = || {
            let delta = Made::of(value, made.attribute(value, "_offset")?)?;
            let part = |at: usize| delta.args.get(at).and_then(|n| int_of(value, *n));
            part(0)?.checked_mul(86_400)?.checked_add(part(1)?)
        };
        let rule = match file() {
            // `/usr/share/zoneinfo/Europe/Paris`, or the name itself.
            Some(file) => {
                let name = file
                    .rsplit_once("zoneinfo/")
                    .map_or(&*file, |(_, name)| name);
                Rule::Named(name.to_owned())
            }
            None => Rule::Fixed(offset().unwrap_or(0)),
        };
        Self { name, rule }
    }

    /// A zone of the system's time zone database.
    pub(super) fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            rule: Rule::Named(name.to_owned()),
        }
    }

    /// Seconds east of Greenwich at a moment, in seconds since 1970; 0 where nobody knows.
    fn offset(&self, seconds: i64) -> i64 {
        match &self.rule {
            Rule::Fixed(offset) => *offset,
            Rule::Named(name) => {
                let zone = jiff::tz::TimeZone::get(name).ok();
                let moment = jiff::Timestamp::from_second(seconds).ok();
                let offset = zone.zip(moment).map(|(zone, at)| zone.to_offset(at));
                offset.map_or(0, |offset| offset.seconds().into())
            }
        }
    }

    /// A moment in this zone, with its offset.
    pub(in crate::formats) fn timestamp(&self, count: i128, unit: &str) -> Option<String> {
        let ticks = ticks(unit)?;
        let seconds = i64::try_from(count.div_euclid(ticks)).ok()?;
        let offset = self.offset(seconds);
        let local = count.checked_add(i128::from(offset).checked_mul(ticks)?)?;
        Some(format!(
            "{}{}",
            timestamp(local, unit)?,
            offset_text(offset)
        ))
    }
}

/// `+01:00`.
fn offset_text(seconds: i64) -> String {
    let sign = if seconds < 0 { '-' } else { '+' };
    let size = seconds.unsigned_abs();
    let text = format!("{sign}{:02}:{:02}", size / 3600, size / 60 % 60);
    match size % 60 {
        0 => text,
        seconds => format!("{text}:{seconds:02}"),
    }
}

/// Ticks of a second.
fn ticks(unit: &str) -> Option<i128> {
    Some(match unit {
        "s" => 1,
        "ms" => 1_000,
        "us" => 1_000_000,
        "ns" => 1_000_000_000,
        _ => return None,
    })
}

/// `2024-01-01 05:00:00.123456`; `None` for "not a time".
pub(in crate::formats) fn timestamp(count: i128, unit: &str) -> Option<String> {
    if count == NOT_A_TIME {
        return None;
    }
    let text = datetime_text(count, unit)?;
    let (date, time) = text.split_once('T').unwrap_or((&text, "00:00:00"));
    let (clock, fraction) = time.split_once('.').unwrap_or((time, ""));
    Some(format!("{date} {clock}{}", fraction_text(fraction)))
}

/// Digits behind the second as pandas prints them: none, six or nine.
fn fraction_text(digits: &str) -> String {
    let padded = format!("{digits:0<9}");
    match padded.trim_end_matches('0').len() {
        0 => String::new(),
        1..=6 => format!(".{}", padded.get(..6).unwrap_or_default()),
        _ => format!(".{padded}"),
    }
}

/// A time of a day, as `str(datetime.time(…))`.
pub(super) fn clock(count: i128, unit: &str) -> Option<String> {
    let text = datetime_text(count, unit)?;
    let (_, time) = text.split_once('T')?;
    let (clock, fraction) = time.split_once('.').unwrap_or((time, ""));
    // Python's times end at the microsecond.
    let fraction = format!("{fraction:0<6}");
    match fraction.get(..6) {
        Some("000000") | None => Some(clock.to_owned()),
        Some(micros) => Some(format!("{clock}.{micros}")),
    }
}

/// `1 days 02:00:00`; `None` for "not a time".
pub(in crate::formats) fn timedelta(count: i128, unit: &str) -> Option<String> {
    if count == NOT_A_TIME {
        return None;
    }
    let ticks = ticks(unit)?;
    let day = ticks.checked_mul(86_400)?;
    let (days, rest) = (count.div_euclid(day), count.rem_euclid(day));
    let (seconds, fraction) = (rest / ticks, rest % ticks);
    let sign = if days < 0 { "+" } else { "" };
    let digits = match ticks {
        1 => String::new(),
        _ => format!("{fraction:0width$}", width = ticks.ilog10() as usize),
    };
    Some(format!(
        "{days} days {sign}{:02}:{:02}:{:02}{}",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60,
        fraction_text(&digits)
    ))
}

/// The frequency of a period, from pandas' offset object or its own words (`period[M]`).
pub(in crate::formats) fn frequency(value: &Value, node: NodeId) -> Option<String> {
    if let Some(text) = value.str(node) {
        let inner = text
            .strip_prefix("period[")
            .and_then(|t| t.strip_suffix(']'));
        return Some(inner.unwrap_or(&text).to_owned());
    }
    let made = Made::of(value, node)?;
    let argument = |at: usize, name: &str| {
        let state = || made.attribute(value, name);
        int_of(value, made.args.get(at).copied().or_else(state)?)
    };
    let month = |name| MONTHS.get(usize::try_from(argument(2, name)? - 1).ok()?);
    let code = match &*made.qualname {
        "Day" => "D".to_owned(),
        "BusinessDay" => "B".to_owned(),
        "Hour" => "H".to_owned(),
        "Minute" => "T".to_owned(),
        "Second" => "S".to_owned(),
        "Milli" => "L".to_owned(),
        "Micro" => "U".to_owned(),
        "Nano" => "N".to_owned(),
        "MonthEnd" => "M".to_owned(),
        "QuarterEnd" => format!("Q-{}", month("startingMonth")?),
        "YearEnd" => format!("A-{}", month("month")?),
        "Week" => {
            let day = usize::try_from(argument(2, "weekday")?).ok()?;
            format!("W-{}", WEEKDAYS.get(day)?)
        }
        _ => return None,
    };
    Some(match argument(0, "n").unwrap_or(1) {
        1 => code,
        n => format!("{n}{code}"),
    })
}

/// A frequency in the words of pandas 2.2 and later, which renamed some.
pub(in crate::formats) fn newest_words(frequency: &str) -> String {
    let digits = frequency.trim_start_matches(|c: char| c.is_ascii_digit());
    let count = frequency.strip_suffix(digits).unwrap_or_default();
    let (base, anchor) = match digits.split_once('-') {
        Some((base, anchor)) => (base, format!("-{anchor}")),
        None => (digits, String::new()),
    };
    let base = match base {
        "A" => "Y",
        "H" => "h",
        "T" => "min",
        "S" => "s",
        "L" => "ms",
        "U" => "us",
        "N" => "ns",
        other => other,
    };
    format!("{count}{base}{anchor}")
}

const MONTHS: [&str; 12] = [
    "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
];
const WEEKDAYS: [&str; 7] = ["MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"];

/// A period by its ordinal (`pandas/_libs/tslibs/period.pyx`); `None` for "not a time" and unknown frequencies.
pub(in crate::formats) fn period(ordinal: i128, frequency: &str) -> Option<String> {
    if ordinal == NOT_A_TIME {
        return None;
    }
    let code = frequency.trim_start_matches(|c: char| c.is_ascii_digit());
    let (base, anchor) = code.split_once('-').unwrap_or((code, ""));
    let date = |days: i128| datetime_text(days, "D");
    let clock = |unit: &str| Some(datetime_text(ordinal, unit)?.replace('T', " "));
    match base {
        "A" | "Y" => Some((ordinal + 1970).to_string()),
        "Q" => Some(format!(
            "{}Q{}",
            ordinal.div_euclid(4) + 1970,
            ordinal.rem_euclid(4) + 1
        )),
        "M" => datetime_text(ordinal, "M"),
        "W" => {
            // Weeks are counted by the day that they end on, Sunday first.
            let day = WEEKDAYS.iter().position(|name| *name == anchor)? + 1;
            let end = ordinal * 7 + i128::try_from(day % 7).ok()? - 4;
            Some(format!("{}/{}", date(end - 6)?, date(end)?))
        }
        "B" => date((ordinal + 3).div_euclid(5) * 7 + (ordinal + 3).rem_euclid(5) - 3),
        "D" => date(ordinal),
        "H" | "h" => Some(format!("{}:00", clock("h")?)),
        "T" | "min" => clock("m"),
        "S" | "s" => clock("s"),
        "L" | "ms" => clock("ms"),
        "U" | "us" => clock("us"),
        "N" | "ns" => clock("ns"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::pickle;

    #[test]
    fn a_zone_that_prints_for_ever_has_a_name_all_the_same() {
        // dateutil.tz.tz.tzoffset(t), with t = None, and sixty times t = (t, t)
        let doubled = b"2\x86".repeat(60);
        let head = b"\x80\x02cdateutil.tz.tz\ntzoffset\nN";
        let value = pickle::decode_bytes(&[&head[..], &doubled, b"\x85R."].concat()).value;
        let zone = Zone::of(&value, value.root()).unwrap();
        assert!(
            zone.name.starts_with("dateutil.tz.tz.tzoffset(((("),
            "{}",
            zone.name
        );
        assert_eq!(zone.name.chars().count(), MAX_NAME);
    }

    #[test]
    fn moments_print_as_in_pandas() {
        // str(pd.Timestamp(…)) and str(pd.Timedelta(…)) by pandas 2.2.
        for (count, unit, expected) in [
            (1_704_067_200, "s", "2024-01-01 00:00:00"),
            (1_704_067_200_123, "ms", "2024-01-01 00:00:00.123000"),
            (
                1_704_067_200_000_000_001,
                "ns",
                "2024-01-01 00:00:00.000000001",
            ),
            (-1, "us", "1969-12-31 23:59:59.999999"),
        ] {
            assert_eq!(timestamp(count, unit).as_deref(), Some(expected));
        }
        for (count, unit, expected) in [
            (86_400, "s", "1 days 00:00:00"),
            (-7_200_000, "ms", "-1 days +22:00:00"),
            (1_500_000, "us", "0 days 00:00:01.500000"),
            (1, "ns", "0 days 00:00:00.000000001"),
        ] {
            assert_eq!(timedelta(count, unit).as_deref(), Some(expected));
        }
        assert_eq!(timestamp(NOT_A_TIME, "ns"), None);
    }

    #[test]
    fn periods_print_as_in_pandas() {
        // str(pd.Period(ordinal=n, freq=f)) by pandas 2.2.
        for (ordinal, frequency, expected) in [
            (54, "Y-DEC", "2024"),
            (217, "Q-DEC", "2024Q2"),
            (648, "M", "2024-01"),
            (19_723, "2D", "2024-01-01"),
            (2819, "W-SUN", "2024-01-01/2024-01-07"),
            (14_088, "B", "2024-01-02"),
            (473_353, "h", "2024-01-01 01:00"),
            (28_401_121, "min", "2024-01-01 00:01"),
            (1_704_067_200_500, "ms", "2024-01-01 00:00:00.500"),
        ] {
            assert_eq!(
                period(ordinal, frequency).as_deref(),
                Some(expected),
                "{frequency}"
            );
        }
    }
}
