//! Objects of other libraries that turn up in plain data, as they print themselves: time zones, pandas' moments, addresses.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::Piece;
use super::objects::text;
use super::scalar::dtype_repr;
use crate::formats::Element;
use crate::formats::frame::moment::{self, Zone};
use crate::formats::frame::object::element_of as moment_element;
use crate::formats::made::Made;
use crate::formats::numpy::{NOT_A_TIME, int_of};
use crate::model::Kind;
use crate::model::value::{NodeId, Value};

/// How the object prints; `None` for all that are not known here.
pub(super) fn pieces(value: &Value, node: NodeId, made: &Made<'_>) -> Option<Vec<Piece>> {
    let package = made.module.split('.').next().unwrap_or_default();
    match package {
        "ipaddress" => address(value, made),
        "collections" => wrapper(value, made),
        "pytz" => pytz(value, made),
        "dateutil" => dateutil(value, made),
        "pandas" => pandas(value, made),
        "numpy" if made.qualname == "MaskedConstant" => Some(vec![text("masked")]),
        "numpy" if made.qualname == "dtype" => Some(vec![text(dtype_repr(value, node)?)]),
        _ => None,
    }
}

/// A constant that is pickled by its name alone.
pub(super) fn constant(module: &str, qualname: &str) -> Option<&'static str> {
    let is_of = |package: &str| module == package || module.starts_with(&format!("{package}."));
    (is_of("pandas") && qualname == "NA").then_some("<NA>")
}

fn int(value: &Value, made: &Made<'_>, at: usize) -> Option<i64> {
    int_of(value, *made.args.get(at)?)
}

fn string(value: &Value, made: &Made<'_>, at: usize) -> Option<String> {
    value.str(*made.args.get(at)?).map(String::from)
}

/// `ipaddress`: addresses are pickled as numbers, networks and interfaces as text.
fn address(value: &Value, made: &Made<'_>) -> Option<Vec<Piece>> {
    let shown = match (string(value, made, 0), &*made.qualname) {
        (Some(shown), _) => with_ipv4(shown),
        (None, "IPv4Address") => {
            let bits = u32::try_from(int(value, made, 0)?).ok()?;
            Ipv4Addr::from_bits(bits).to_string()
        }
        (None, "IPv6Address") => {
            let bits = value.repr(*made.args.first()?, 64).text.parse().ok()?;
            Ipv6Addr::from_bits(bits).to_string()
        }
        _ => return None,
    };
    let name = made.qualname.to_string();
    Some(vec![text(name + "("), Piece::Str(shown), text(")")])
}

/// An IPv4 address inside an IPv6 one in its own form, which Python has only known since 3.13.
fn with_ipv4(shown: String) -> String {
    let end = shown.find(['/', '%']).unwrap_or(shown.len());
    let (address, rest) = shown.split_at_checked(end).unwrap_or((&shown, ""));
    match address.parse::<Ipv6Addr>() {
        Ok(address) if address.to_ipv4_mapped().is_some() => format!("{address}{rest}"),
        _ => shown,
    }
}

/// Containers in Python's own words around another one.
fn wrapper(value: &Value, made: &Made<'_>) -> Option<Vec<Piece>> {
    let attribute = |name| made.attribute(value, name);
    Some(match &*made.qualname {
        "ChainMap" => {
            let maps = attribute("maps")?;
            vec![text("ChainMap("), Piece::Items(maps), text(")")]
        }
        "UserDict" | "UserList" | "UserString" => vec![Piece::Node(attribute("data")?)],
        _ => return None,
    })
}

/// `pytz/__init__.py: _p`, `pytz/tzinfo.py: DstTzInfo.__repr__`.
fn pytz(value: &Value, made: &Made<'_>) -> Option<Vec<Piece>> {
    match &*made.qualname {
        "_UTC" => return Some(vec![text("<UTC>")]),
        "_p" => {}
        _ => return None,
    }
    let zone = Piece::Str(string(value, made, 0)?);
    let (Some(offset), Some(dst), Some(name)) = (
        int(value, made, 1),
        int(value, made, 2),
        string(value, made, 3),
    ) else {
        return Some(vec![text("<StaticTzInfo "), zone, text(">")]);
    };
    let sign = if offset > 0 { "+" } else { "" };
    let season = if dst == 0 { "STD" } else { "DST" };
    let clock = delta_text(offset);
    let rest = format!(" {name}{sign}{clock} {season}>");
    Some(vec![text("<DstTzInfo "), zone, text(rest)])
}

/// `str(timedelta(seconds=…))`.
fn delta_text(seconds: i64) -> String {
    let (days, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let clock = format!("{}:{:02}:{:02}", rest / 3600, rest / 60 % 60, rest % 60);
    match days {
        0 => clock,
        1 | -1 => format!("{days} day, {clock}"),
        _ => format!("{days} days, {clock}"),
    }
}

/// `dateutil/tz/tz.py` and `relativedelta.py`, 2.8 and later.
fn dateutil(value: &Value, made: &Made<'_>) -> Option<Vec<Piece>> {
    let name = &*made.qualname;
    Some(match name {
        "tzutc" | "tzlocal" => vec![text(format!("{name}()"))],
        "tzoffset" => {
            // Up to 2.8 name and offset are attributes.
            let part = |at: usize, name| {
                let given = made.args.get(at).filter(|_| made.args.len() == 2);
                given.copied().or_else(|| made.attribute(value, name))
            };
            let zone = part(0, "_name")?;
            let seconds = offset_seconds(value, part(1, "_offset")?)?;
            let rest = format!(", {seconds})");
            vec![text("tzoffset("), Piece::Node(zone), text(rest)]
        }
        // `tzfile(None, filename)`; an opened file is known by what it was opened by.
        "tzfile" => {
            let file = made.args.get(1).filter(|node| **node != NodeId::NONE);
            let file = file.copied().or_else(|| made.attribute(value, "_filename"));
            vec![text("tzfile("), Piece::Node(file?), text(")")]
        }
        // A zone of its own module: class, key, file, and what the file holds.
        "_unpickle" => {
            let file = *made.args.get(2)?;
            vec![text("tzfile("), Piece::Node(file), text(")")]
        }
        "relativedelta" => relative(value, made)?,
        // Its own words, whatever the range.
        "tzrange" => vec![text("tzrange(...)")],
        "tzstr" => {
            let rule = made.attribute(value, "_s")?;
            vec![text("tzstr("), Piece::Node(rule), text(")")]
        }
        "weekday" => vec![text(weekday(value, made)?)],
        _ => return None,
    })
}

/// `MO`, `FR(+2)` (`dateutil/_common.py: weekday.__repr__`).
fn weekday(value: &Value, made: &Made<'_>) -> Option<String> {
    const NAMES: [&str; 7] = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"];
    let part = |name| made.attribute(value, name);
    let day = usize::try_from(int_of(value, part("weekday")?)?).ok()?;
    let name = NAMES.get(day)?;
    Some(match part("n").and_then(|n| int_of(value, n)) {
        Some(n) if n != 0 => format!("{name}({n:+})"),
        _ => (*name).to_owned(),
    })
}

/// A timedelta, or seconds as such.
fn offset_seconds(value: &Value, node: NodeId) -> Option<i64> {
    if let Some(seconds) = int_of(value, node) {
        return Some(seconds);
    }
    let delta = Made::of(value, node).filter(|delta| delta.qualname == "timedelta")?;
    let part = |at: usize| int(value, &delta, at).unwrap_or(0);
    part(0).checked_mul(86_400)?.checked_add(part(1))
}

fn relative(value: &Value, made: &Made<'_>) -> Option<Vec<Piece>> {
    const RELATIVE: [&str; 8] = [
        "years",
        "months",
        "days",
        "leapdays",
        "hours",
        "minutes",
        "seconds",
        "microseconds",
    ];
    const ABSOLUTE: [&str; 8] = [
        "year",
        "month",
        "day",
        "weekday",
        "hour",
        "minute",
        "second",
        "microsecond",
    ];
    let mut pieces = vec![text("relativedelta(")];
    let mut add = |piece: Vec<Piece>| {
        if pieces.len() > 1 {
            pieces.push(text(", "));
        }
        pieces.extend(piece);
    };
    for name in RELATIVE {
        let n = int_of(value, made.attribute(value, name)?)?;
        if n != 0 {
            add(vec![text(format!("{name}={n:+}"))]);
        }
    }
    for name in ABSOLUTE {
        match made.attribute(value, name) {
            Some(NodeId::NONE) | None => {}
            Some(node) => add(vec![Piece::Labelled(name, node)]),
        }
    }
    pieces.push(text(")"));
    Some(pieces)
}

/// pandas' scalars (`Timestamp.__repr__`, `Timedelta.__repr__`, … of 0.25 to 3.1).
fn pandas(value: &Value, made: &Made<'_>) -> Option<Vec<Piece>> {
    Some(match &*made.qualname {
        "_nat_unpickle" | "__nat_unpickle" | "NaTType" => vec![text("NaT")],
        "_unpickle_timestamp" | "Timestamp" => vec![text(timestamp(value, made)?)],
        "_timedelta_unpickle" | "Timedelta" => {
            let count = i128::from(int(value, made, 0)?);
            let span = moment::timedelta(count, unit(value, made, 1)?)?;
            vec![text(format!("Timedelta('{span}')"))]
        }
        "Interval" => {
            let [left, right, closed] = *made.args.as_slice() else {
                return None;
            };
            vec![
                text("Interval("),
                bound(value, left),
                text(", "),
                bound(value, right),
                text(", closed="),
                Piece::Node(closed),
                text(")"),
            ]
        }
        "Period" => {
            let frequency = moment::frequency(value, *made.args.get(1)?)?;
            let shown = moment::period(i128::from(int(value, made, 2)?), &frequency)?;
            let frequency = moment::newest_words(&frequency);
            vec![text(format!("Period('{shown}', '{frequency}')"))]
        }
        _ => return None,
    })
}

/// A bound of an interval: moments as `str` prints them since pandas 3.
fn bound(value: &Value, node: NodeId) -> Piece {
    match moment_element(value, node) {
        Element::Text(moment) if value.object(node).is_some() => text(moment),
        _ => Piece::Node(node),
    }
}

/// The unit that a moment counts in, by numpy's number for it; nanoseconds before pandas 2.
fn unit(value: &Value, made: &Made<'_>, at: usize) -> Option<&'static str> {
    Some(match int(value, made, at) {
        None | Some(10) => "ns",
        Some(9) => "us",
        Some(8) => "ms",
        Some(7) => "s",
        Some(_) => return None,
    })
}

fn timestamp(value: &Value, made: &Made<'_>) -> Option<String> {
    let count = i128::from(int(value, made, 0)?);
    if count == NOT_A_TIME {
        return Some("NaT".to_owned());
    }
    let unit = unit(value, made, 3)?;
    let zone = made.args.get(2).filter(|zone| **zone != NodeId::NONE);
    let Some(zone) = zone else {
        return Some(format!("Timestamp('{}')", moment::timestamp(count, unit)?));
    };
    // Only zones with a name are called by it; of others the class is shown, which is theirs to print.
    let zone = Zone::of(value, *zone).filter(|_| value.kind(*zone) != Kind::Global)?;
    let shown = zone.timestamp(count, unit)?;
    let (clock, offset) = shown.split_at_checked(shown.len().checked_sub(6)?)?;
    let offset = offset.replace(':', "");
    Some(format!("Timestamp('{clock}{offset}', tz='{}')", zone.name))
}
