//! Times as the libraries write them into their values.

use super::text;
use crate::model::value::{Leaf, NodeId};
use crate::model::{Time, Value};

/// A time as text, as a number, or as a `datetime`; without a zone it is UTC.
pub(super) fn time_of(value: &Value, node: NodeId) -> Option<Time> {
    match value.leaf(node) {
        Some(Leaf::Float(secs)) => return Time::from_store(secs),
        Some(Leaf::Int(_)) => return Time::from_store_secs(value.int(node)?),
        Some(_) => return from_text(&text(value, node)?),
        None => {}
    }
    let repr = value.repr(node, 200).text;
    from_repr(&repr)
}

/// What Python's `repr` of a `datetime` says, without a zone in UTC; `None` in a zone that only a table of zones knows.
fn from_repr(repr: &str) -> Option<Time> {
    let numbers = repr.strip_prefix("datetime.datetime(")?;
    let ahead_secs = match numbers.split_once("tzinfo=") {
        Some((_, zone)) => ahead_of_utc(zone)?,
        None => 0,
    };
    let mut numbers = numbers
        .split([')', 't'])
        .next()?
        .split(',')
        .map_while(|n| n.trim().parse::<i64>().ok());
    let (year, month, day) = (numbers.next()?, numbers.next()?, numbers.next()?);
    let mut part = || numbers.next().unwrap_or(0);
    let (hour, minute, second, micros) = (part(), part(), part(), part());
    let there = Time::from_rfc3339(&format!(
        "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}Z"
    ))?;
    Some(Time::from_unix(
        there.secs().saturating_sub(ahead_secs),
        there.nanos(),
    ))
}

/// Seconds that the clocks of a zone are ahead, from its `repr`: requests-cache 0.6 keeps the zone that a program's
/// `expire_after` had.
fn ahead_of_utc(zone: &str) -> Option<i64> {
    if let Some(delta) = zone.strip_prefix("datetime.timezone(datetime.timedelta(") {
        let part = |name: &str| {
            let (_, after) = delta.split_once(name)?;
            after.split([',', ')']).next()?.parse::<i64>().ok()
        };
        let (days, secs) = (part("days="), part("seconds="));
        let secs = secs.or(days.map(|_| 0))?;
        return days.unwrap_or(0).checked_mul(86_400)?.checked_add(secs);
    }
    // Python's own, and those of pytz and dateutil.
    let utc = ["datetime.timezone.utc", "<UTC>", "tzutc()"];
    utc.iter().any(|name| zone.starts_with(name)).then_some(0)
}

/// ISO 8601, or the form of HTTP's headers, which hishel 0.x writes: `Thu, 26 Nov 2026 04:28:36 GMT`.
pub(super) fn from_text(text: &str) -> Option<Time> {
    from_iso(text).or_else(|| {
        let at = jiff::fmt::rfc2822::parse(text).ok()?;
        Time::from_store_secs(at.timestamp().as_second())
    })
}

/// ISO 8601 as Python's `isoformat` writes it.
pub(in crate::stores) fn from_iso(text: &str) -> Option<Time> {
    let text = text.replacen(' ', "T", 1);
    Time::from_rfc3339(&text).or_else(|| Time::from_rfc3339(&format!("{text}Z")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_in_other_zones_are_moved_to_utc() {
        // `repr(moment.astimezone(zone))`, CPython 3.13
        let at = |repr: &str| from_repr(repr).map(Time::rfc3339);
        let utc = Some("2031-01-01T21:34:05.000006Z".to_owned());
        for repr in [
            "datetime.datetime(2031, 1, 1, 21, 34, 5, 6)",
            "datetime.datetime(2031, 1, 1, 21, 34, 5, 6, tzinfo=datetime.timezone.utc)",
            "datetime.datetime(2031, 1, 1, 21, 34, 5, 6, tzinfo=<UTC>)",
            "datetime.datetime(2031, 1, 2, 3, 4, 5, 6, tzinfo=datetime.timezone(datetime.timedelta(seconds=19800)))",
            "datetime.datetime(2031, 1, 1, 16, 34, 5, 6, tzinfo=datetime.timezone(datetime.timedelta(days=-1, seconds=68400), 'EST'))",
        ] {
            assert_eq!(at(repr), utc, "{repr}");
        }
        let named =
            "datetime.datetime(2031, 1, 2, 3, 4, 5, tzinfo=zoneinfo.ZoneInfo(key='Asia/Kolkata'))";
        assert_eq!(at(named), None);
    }

    #[test]
    fn times_of_headers_and_of_python_are_read() {
        let at = Time::from_rfc3339("2026-11-26T04:28:36Z");
        for text in [
            "Thu, 26 Nov 2026 04:28:36 GMT",
            "2026-11-26T04:28:36",
            "2026-11-26 04:28:36+00:00",
        ] {
            assert_eq!(from_text(text), at, "{text}");
        }
        for never in [
            "yesterday",
            "Thu, 31 Dec 9998 23:59:59 GMT",
            "9999-12-31 00:00:00",
        ] {
            assert_eq!(from_text(never), None, "{never}");
        }
    }
}
