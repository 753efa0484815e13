//! Python objects inside frames as plain data: what pandas prints of them.

use super::cells::interval;
use super::moment::{self, Zone};
use crate::formats::Element;
use crate::formats::bytes::bytes_of;
use crate::formats::made::Made;
use crate::formats::numpy::{self, Dtype, Look, int_of};
use crate::model::value::{NodeId, Value};

/// Units by their number (`NPY_DATETIMEUNIT`), as pandas 2 and later pickle them.
const UNITS: [(i64, &str); 4] = [(7, "s"), (8, "ms"), (9, "us"), (10, "ns")];

/// The head of the object at `node`; missing ones are null.
pub(in crate::formats) fn element_of(value: &Value, node: NodeId) -> Element {
    element_for(value, node, &Look::GLANCE)
}

/// The object at `node`, as whole as it is wanted.
pub(super) fn element_for(value: &Value, node: NodeId, look: &Look<'_>) -> Element {
    if let Some(name) = value.name(node)
        && matches!(&*name.qualname, "NA" | "NaT")
        && name.module.starts_with("pandas")
    {
        return Element::Null;
    }
    let made = Made::of(value, node);
    let known = made.and_then(|made| known(value, &made));
    match known.unwrap_or_else(|| look.object(value, node)) {
        Element::None => Element::Null,
        element => element,
    }
}

fn known(value: &Value, made: &Made<'_>) -> Option<Element> {
    let arg = |at: usize| made.args.get(at).copied();
    let int = |at: usize| int_of(value, arg(at)?).map(i128::from);
    let unit = |at: usize| match arg(at) {
        None => Some("ns"),
        Some(node) => {
            let number = int_of(value, node)?;
            let unit = UNITS.iter().find(|(known, _)| *known == number);
            unit.map(|(_, unit)| *unit)
        }
    };
    let text = |text: Option<String>| Some(text.map_or(Element::Null, Element::Text));
    match &*made.qualname {
        "_unpickle_timestamp" | "Timestamp" if made.module.starts_with("pandas") => {
            let (count, unit) = (int(0)?, unit(3)?);
            match arg(2).filter(|zone| *zone != NodeId::NONE) {
                Some(zone) => text(Zone::of(value, zone)?.timestamp(count, unit)),
                None => text(moment::timestamp(count, unit)),
            }
        }
        "_timedelta_unpickle" | "Timedelta" if made.module.starts_with("pandas") => {
            text(moment::timedelta(int(0)?, unit(1)?))
        }
        "_nat_unpickle" | "__nat_unpickle" => Some(Element::Null),
        "Period" if made.module.starts_with("pandas") => {
            let frequency = moment::frequency(value, arg(1)?)?;
            text(moment::period(int(2)?, &frequency))
        }
        "Interval" if made.module.starts_with("pandas") => {
            // Bounds are numbers or moments, never intervals again.
            let bound = |at: usize| {
                let made = Made::of(value, arg(at)?);
                match made.filter(|made| made.qualname != "Interval") {
                    Some(made) => known(value, &made),
                    None => Some(numpy::element_of(value, arg(at)?)),
                }
            };
            Some(interval(&bound(0)?, &bound(1)?, &value.str(arg(2)?)?))
        }
        "scalar" if made.module.ends_with("multiarray") => {
            let dtype = Dtype::from_value(value, arg(0)?).ok()?;
            let bytes = bytes_of(value, arg(1)?).filter(|bytes| !bytes.is_cut())?;
            Some(dtype.element(&bytes.bytes))
        }
        "Decimal" => Some(Element::Text(value.str(arg(0)?)?.into_owned())),
        "datetime" | "date" if made.module == "datetime" => {
            crate::formats::repr::plain_moment(value, made).map(Element::Text)
        }
        _ => None,
    }
}
