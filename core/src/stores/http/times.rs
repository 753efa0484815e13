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
    let numbers = repr.strip_prefix("datetime.datetime(")?;
    let mut numbers = numbers
        .split([')', 't'])
        .next()?
        .split(',')
        .map_while(|n| n.trim().parse::<i64>().ok());
    let (year, month, day) = (numbers.next()?, numbers.next()?, numbers.next()?);
    let mut part = || numbers.next().unwrap_or(0);
    let (hour, minute, second, micros) = (part(), part(), part(), part());
    Time::from_rfc3339(&format!(
        "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}Z"
    ))
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
