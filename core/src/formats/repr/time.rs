//! Dates and times as `datetime` pickles and prints them (CPython 3.13 `Modules/_datetimemodule.c`).

use crate::formats::bytes::{bytes_of, latin1};
use crate::formats::made::Made;
use crate::model::value::{Leaf, NodeId, Value};

/// A date and time, or only one of them, unpacked from its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fields {
    pub(super) year: u16,
    pub(super) month: u8,
    pub(super) day: u8,
    pub(super) hour: u8,
    pub(super) minute: u8,
    pub(super) second: u8,
    pub(super) microsecond: u32,
    pub(super) fold: bool,
}

impl Fields {
    /// The ten bytes of a `datetime`; `fold` is the top bit of the month.
    pub(super) fn of_datetime(bytes: &[u8]) -> Option<Self> {
        let [y1, y0, month, day, hour, minute, second, u2, u1, u0] = *bytes else {
            return None;
        };
        Some(Self {
            year: u16::from_be_bytes([y1, y0]),
            month: month & 0x7f,
            day,
            hour,
            minute,
            second,
            microsecond: u32::from_be_bytes([0, u2, u1, u0]),
            fold: month >= 0x80,
        })
        .filter(|f| f.is_date() && f.is_time())
    }

    /// The four bytes of a `date`.
    pub(super) fn of_date(bytes: &[u8]) -> Option<Self> {
        let [y1, y0, month, day] = *bytes else {
            return None;
        };
        Self::of_datetime(&[y1, y0, month, day, 0, 0, 0, 0, 0, 0]).filter(|f| !f.fold)
    }

    /// The six bytes of a `time`; `fold` is the top bit of the hour.
    pub(super) fn of_time(bytes: &[u8]) -> Option<Self> {
        let [hour, minute, second, u2, u1, u0] = *bytes else {
            return None;
        };
        let fields = Self::of_datetime(&[0, 1, 1, 1, hour & 0x7f, minute, second, u2, u1, u0])?;
        Some(Self {
            fold: hour >= 0x80,
            ..fields
        })
    }

    fn is_date(&self) -> bool {
        (1..=9999).contains(&self.year)
            && (1..=12).contains(&self.month)
            && (1..=31).contains(&self.day)
    }

    fn is_time(&self) -> bool {
        self.hour < 24 && self.minute < 60 && self.second < 60 && self.microsecond < 1_000_000
    }

    pub(super) fn date_args(&self) -> String {
        format!("{}, {}, {}", self.year, self.month, self.day)
    }

    /// `2024-02-29`.
    fn date_text(&self) -> String {
        format!("{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }

    /// `13:37:42.123456`, without a fraction of zero.
    fn time_text(&self) -> String {
        let clock = format!("{:02}:{:02}:{:02}", self.hour, self.minute, self.second);
        match self.microsecond {
            0 => clock,
            fraction => format!("{clock}.{fraction:06}"),
        }
    }

    /// Hour and minute, then seconds and microseconds unless zero, then the fold.
    pub(super) fn time_args(&self) -> String {
        let mut args = vec![self.hour.to_string(), self.minute.to_string()];
        if self.second != 0 || self.microsecond != 0 {
            args.push(self.second.to_string());
        }
        if self.microsecond != 0 {
            args.push(self.microsecond.to_string());
        }
        if self.fold {
            args.push("fold=1".to_owned());
        }
        args.join(", ")
    }
}

/// The packed bytes that make a `date`, `time` or `datetime`; read with Latin-1, Python 2's string became text.
pub(super) fn packed(value: &Value, made: &Made<'_>) -> Option<Vec<u8>> {
    let node = *made.args.first()?;
    match (bytes_of(value, node), value.leaf(node)) {
        (Some(blob), _) => Some(blob.bytes.into_owned()),
        (None, Some(Leaf::Str(blob))) => Some(latin1(&blob).bytes.into_owned()),
        _ => None,
    }
}

/// `str` of a date, or of a datetime without a zone.
pub(crate) fn plain_moment(value: &Value, made: &Made<'_>) -> Option<String> {
    let bytes = packed(value, made)?;
    if made.qualname == "date" {
        return Some(Fields::of_date(&bytes)?.date_text());
    }
    let fields = Fields::of_datetime(&bytes)?;
    let has_zone = made.args.get(1).is_some_and(|zone| *zone != NodeId::NONE);
    (!has_zone).then(|| format!("{} {}", fields.date_text(), fields.time_text()))
}

/// `repr(timedelta)` from its recorded days, seconds and microseconds, brought into range as the constructor does.
pub(super) fn timedelta_repr(days: i64, seconds: i64, micros: i64) -> Option<String> {
    let total =
        i128::from(days) * 86_400_000_000 + i128::from(seconds) * 1_000_000 + i128::from(micros);
    let days = total.div_euclid(86_400_000_000);
    let rest = total.rem_euclid(86_400_000_000);
    if days.abs() > 999_999_999 {
        return None;
    }
    let parts: Vec<String> = [
        ("days", days),
        ("seconds", rest / 1_000_000),
        ("microseconds", rest % 1_000_000),
    ]
    .into_iter()
    .filter(|(_, n)| *n != 0)
    .map(|(name, n)| format!("{name}={n}"))
    .collect();
    let inner = if parts.is_empty() {
        "0".to_owned()
    } else {
        parts.join(", ")
    };
    Some(format!("datetime.timedelta({inner})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recorded_bytes_become_fields() {
        // formats.md, checked with CPython: 2024-02-29 13:37:42.123456.
        let bytes = [0x07, 0xe8, 0x02, 0x1d, 0x0d, 0x25, 0x2a, 0x01, 0xe2, 0x40];
        let fields = Fields::of_datetime(&bytes).unwrap();
        assert_eq!(fields.date_args(), "2024, 2, 29");
        assert_eq!(fields.time_args(), "13, 37, 42, 123456");
        assert_eq!(Fields::of_datetime(&[0; 10]), None);
        assert!(Fields::of_time(&[0x81, 0, 0, 0, 0, 0]).unwrap().fold);
    }

    #[test]
    fn deltas_are_normalised() {
        assert_eq!(timedelta_repr(0, 0, 0).unwrap(), "datetime.timedelta(0)");
        assert_eq!(
            timedelta_repr(-1, 86399, 1).unwrap(),
            "datetime.timedelta(days=-1, seconds=86399, microseconds=1)"
        );
        assert_eq!(timedelta_repr(i64::MAX, 0, 0), None);
    }
}
