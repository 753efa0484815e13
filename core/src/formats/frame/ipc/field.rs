//! Fields of an Arrow schema (`format/Schema.fbs`, version 1.4): their types, and what polars calls them.

use super::flat::Flat;
use crate::formats::frame::arrow_type::{ArrowType, Layout};
use crate::formats::frame::moment::Zone;
use crate::formats::numpy::Dtype;

/// Types in types: deeper than anybody nests, shallow enough for the call stack.
const MAX_DEPTH: usize = 16;

/// One column, or a part of one.
#[derive(Debug, Clone)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) arrow_type: ArrowType,
    pub(super) children: Vec<Self>,
    /// The number of its dictionary, and the type of the numbers into it.
    pub(super) dictionary: Option<(i64, ArrowType)>,
}

impl Field {
    pub(super) fn of(field: Flat<'_>) -> Option<Self> {
        Self::read(field, MAX_DEPTH)
    }

    fn read(field: Flat<'_>, depth: usize) -> Option<Self> {
        let depth = depth.checked_sub(1)?;
        let children = field.tables(5)?;
        let children = children.into_iter().map(|child| Self::read(child, depth));
        let children = children.collect::<Option<Vec<Self>>>()?;
        let detail = field.table(3)?;
        let (mut name, layout) = type_of(field.int(2, 1)?, detail, &children)?;
        let dictionary = match field.table(4) {
            Some(dictionary) => {
                name = category_name(field);
                let index = dictionary.table(1);
                let width = index.and_then(|index| index.int(0, 4)).unwrap_or(32);
                let is_signed = index.and_then(|index| index.int(1, 1)) != Some(0);
                let dtype = number_type(width, is_signed)?;
                let index = ArrowType {
                    name: name.clone(),
                    layout: Layout::Dictionary(dtype),
                };
                Some((dictionary.int(0, 8).unwrap_or(0), index))
            }
            None => None,
        };
        Some(Self {
            name: field.text(0).unwrap_or_default().to_owned(),
            arrow_type: ArrowType { name, layout },
            children,
            dictionary,
        })
    }
}

/// What polars notes of a field tells a fixed set of words from an open one.
fn category_name(field: Flat<'_>) -> String {
    let notes = field.tables(6).unwrap_or_default();
    let mut names = notes.iter().filter_map(|note| note.text(0));
    if names.any(|name| name.starts_with("_PL_ENUM")) {
        "Enum".to_owned()
    } else {
        "Categorical".to_owned()
    }
}

fn number_type(width: i64, is_signed: bool) -> Option<Dtype> {
    let letter = if is_signed { 'i' } else { 'u' };
    Dtype::from_code(&format!("{letter}{}", width / 8))
}

/// polars' name of a type by its number in Arrow's list, and how its elements lie; types that polars does not have are
/// not read.
fn type_of(number: i64, detail: Flat<'_>, children: &[Field]) -> Option<(String, Layout)> {
    const UNITS: [&str; 4] = ["s", "ms", "us", "ns"];
    let unit = |n: usize, default: i64| {
        let unit = usize::try_from(detail.int(n, 2).unwrap_or(default)).ok()?;
        UNITS.get(unit).map(|unit| (*unit).to_owned())
    };
    let inner = || Some(children.first()?.arrow_type.name.clone());
    let simple = |name: &str, layout: Layout| Some((name.to_owned(), layout));
    match number {
        1 => simple("Null", Layout::Null),
        2 => {
            let (width, is_signed) = (detail.int(0, 4)?, detail.int(1, 1) == Some(1));
            let word = if is_signed { "Int" } else { "UInt" };
            let layout = number_type(width, is_signed).map_or(Layout::Other, Layout::Fixed);
            Some((format!("{word}{width}"), layout))
        }
        3 => match detail.int(0, 2).unwrap_or(0) {
            0 => simple("Float16", Layout::Fixed(Dtype::from_code("f2")?)),
            1 => simple("Float32", Layout::Fixed(Dtype::from_code("f4")?)),
            _ => simple("Float64", Layout::Fixed(Dtype::from_code("f8")?)),
        },
        4 => simple("Binary", Layout::Bytes { is_wide: false }),
        5 => simple("String", Layout::Text { is_wide: false }),
        6 => simple("Boolean", Layout::Bool),
        7 => {
            let (precision, scale) = (detail.int(0, 4)?, detail.int(1, 4).unwrap_or(0));
            let bits = detail.int(2, 4).unwrap_or(128);
            let width = u64::try_from(bits / 8).ok()?;
            let name = format!("Decimal(precision={precision}, scale={scale})");
            Some((name, Layout::Decimal { width, scale }))
        }
        8 if detail.int(0, 2) == Some(0) || detail.int(0, 2).is_none() => {
            simple("Date", Layout::days()?)
        }
        9 => {
            let dtype = number_type(detail.int(1, 4).unwrap_or(32), true)?;
            let unit = unit(0, 1)?;
            simple("Time", Layout::Clock { unit, dtype })
        }
        10 => {
            let unit = unit(0, 0)?;
            let zone = detail.text(1);
            let shown = zone.map_or_else(|| "None".to_owned(), |zone| format!("'{zone}'"));
            let name = format!("Datetime(time_unit='{unit}', time_zone={shown})");
            let zone = zone.map(Zone::named);
            Some((name, Layout::Moment { unit, zone }))
        }
        12 | 21 => {
            let is_wide = number == 21;
            Some((format!("List({})", inner()?), Layout::List { is_wide }))
        }
        13 => {
            let names = children.iter().map(|child| child.name.clone()).collect();
            let parts = children.iter().map(|child| {
                let name = crate::formats::repr::str_repr(&child.name);
                format!("{name}: {}", child.arrow_type.name)
            });
            let parts: Vec<String> = parts.collect();
            let name = format!("Struct({{{}}})", parts.join(", "));
            Some((name, Layout::Record { names }))
        }
        15 => {
            let width = u64::try_from(detail.int(0, 4)?).ok()?;
            simple("Binary", Layout::FixedBytes { width })
        }
        16 => {
            let n = u64::try_from(detail.int(0, 4)?).ok()?;
            let name = format!("Array({}, shape=({n},))", inner()?);
            Some((name, Layout::FixedList { n }))
        }
        18 => {
            let unit = unit(0, 1)?;
            let name = format!("Duration(time_unit='{unit}')");
            Some((name, Layout::Span { unit }))
        }
        19 => simple("Binary", Layout::Bytes { is_wide: true }),
        20 => simple("String", Layout::Text { is_wide: true }),
        23 => simple("Binary", Layout::View { is_text: false }),
        24 => simple("String", Layout::View { is_text: true }),
        _ => None,
    }
}
