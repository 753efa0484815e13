//! pyarrow's types from the calls that make them, under the names that pyarrow prints.

use super::moment::Zone;
use crate::formats::made::Made;
use crate::formats::numpy::{Dtype, int_of};
use crate::model::value::{NodeId, Value};

/// A type: its name, and how its elements lie in buffers.
#[derive(Debug, Clone)]
pub(super) struct ArrowType {
    pub(super) name: String,
    pub(super) layout: Layout,
}

/// How elements lie in buffers (Arrow columnar format 1.4).
#[derive(Debug, Clone)]
pub(super) enum Layout {
    Null,
    Bool,
    /// Numbers.
    Fixed(Dtype),
    Moment {
        unit: String,
        zone: Option<Zone>,
    },
    Span {
        unit: String,
    },
    /// Times of a day, counted in this unit.
    Clock {
        unit: String,
        dtype: Dtype,
    },
    /// Midnights, in milliseconds.
    DateMillis,
    Decimal {
        width: u64,
        scale: i64,
    },
    /// Offsets of four or eight bytes, then UTF-8.
    Text {
        is_wide: bool,
    },
    Bytes {
        is_wide: bool,
    },
    /// Sixteen bytes each: short ones within, long ones in buffers of their own.
    View {
        is_text: bool,
    },
    /// Bytes of one length.
    FixedBytes {
        width: u64,
    },
    List {
        is_wide: bool,
    },
    /// Lists of one length.
    FixedList {
        n: u64,
    },
    /// Lists of pairs.
    Map,
    /// Values of these names; none for the pairs of a map.
    Record {
        names: Vec<String>,
    },
    /// Months, days and nanoseconds.
    Interval,
    /// Numbers into a dictionary.
    Dictionary(Dtype),
    /// Not read.
    Other,
}

impl Layout {
    /// Days are counted in four bytes there, in eight in numpy.
    pub(super) fn days() -> Option<Self> {
        Some(Self::Fixed(Dtype {
            item_size: 4,
            ..Dtype::from_code("<M8[D]")?
        }))
    }
}

impl ArrowType {
    /// The type at `node`.
    pub(super) fn of(value: &Value, node: NodeId, depth: usize) -> Option<Self> {
        let depth = depth.checked_sub(1)?;
        let made = Made::of(value, node)?;
        let arg = |at: usize| made.args.get(at).copied();
        let text = |at: usize| value.str(arg(at)?).map(std::borrow::Cow::into_owned);
        let int = |at: usize| int_of(value, arg(at)?);
        let named = |name: String, layout: Layout| Some(Self { name, layout });
        match &*made.qualname {
            "type_for_alias" => Self::of_alias(&text(0)?),
            "timestamp" => {
                let unit = text(0)?;
                let zone = arg(1).and_then(|zone| value.str(zone));
                let name = match &zone {
                    Some(zone) => format!("timestamp[{unit}, tz={zone}]"),
                    None => format!("timestamp[{unit}]"),
                };
                let zone = arg(1).filter(|n| *n != NodeId::NONE);
                let zone = zone.and_then(|zone| Zone::of(value, zone));
                named(name, Layout::Moment { unit, zone })
            }
            "duration" => {
                let unit = text(0)?;
                named(format!("duration[{unit}]"), Layout::Span { unit })
            }
            "decimal128" | "decimal256" => {
                let (precision, scale) = (int(0)?, int(1).unwrap_or(0));
                let width = if made.qualname == "decimal128" {
                    16
                } else {
                    32
                };
                let name = format!("{}({precision}, {scale})", made.qualname);
                named(name, Layout::Decimal { width, scale })
            }
            "list_" if int(1).is_some_and(|n| n >= 0) => {
                let n = u64::try_from(int(1)?).ok()?;
                let field = field(value, arg(0)?, depth)?;
                named(
                    format!("fixed_size_list<{field}>[{n}]"),
                    Layout::FixedList { n },
                )
            }
            "list_" | "large_list" => {
                let word = if made.qualname == "list_" {
                    "list"
                } else {
                    "large_list"
                };
                let is_wide = word == "large_list";
                let name = format!("{word}<{}>", field(value, arg(0)?, depth)?);
                named(name, Layout::List { is_wide })
            }
            "struct" => {
                let fields = value.sequence(arg(0)?)?;
                let names = fields.iter().map(|node| {
                    let made = Made::of(value, *node)?;
                    Some(value.str(*made.args.first()?)?.into_owned())
                });
                let names = names.collect::<Option<_>>()?;
                let fields = fields.iter().map(|node| field(value, *node, depth));
                let fields = fields.collect::<Option<Vec<_>>>()?;
                let name = format!("struct<{}>", fields.join(", "));
                named(name, Layout::Record { names })
            }
            "map_" => {
                let part = |at: usize| {
                    let field = Made::of(value, arg(at)?).filter(|made| made.qualname == "field");
                    let node = field.and_then(|field| field.args.get(1).copied());
                    Some(Self::of(value, node.or_else(|| arg(at))?, depth)?.name)
                };
                named(format!("map<{}, {}>", part(0)?, part(1)?), Layout::Map)
            }
            "binary" if int(0).is_some_and(|n| n > 0) => {
                let width = u64::try_from(int(0)?).ok()?;
                let name = format!("fixed_size_binary[{width}]");
                named(name, Layout::FixedBytes { width })
            }
            "dictionary" => {
                let index = Self::of(value, arg(0)?, depth)?;
                let values = Self::of(value, arg(1)?, depth)?;
                let is_ordered = arg(2) == Some(NodeId::TRUE);
                let name = format!(
                    "dictionary<values={}, indices={}, ordered={}>",
                    values.name,
                    index.name,
                    u8::from(is_ordered)
                );
                let layout = match index.layout {
                    Layout::Fixed(dtype) => Layout::Dictionary(dtype),
                    _ => Layout::Other,
                };
                named(name, layout)
            }
            "time32" | "time64" => {
                let unit = text(0)?;
                let code = if made.qualname == "time32" {
                    "i4"
                } else {
                    "i8"
                };
                let dtype = Dtype::from_code(code)?;
                let name = format!("{}[{unit}]", made.qualname);
                named(name, Layout::Clock { unit, dtype })
            }
            other => Self::of_alias(other),
        }
    }

    /// A type without parameters (`pyarrow/types.pxi: _type_aliases`).
    fn of_alias(alias: &str) -> Option<Self> {
        let fixed = |code: &str| Dtype::from_code(code).map(Layout::Fixed);
        let (name, layout) = match alias {
            "null" => ("null", Layout::Null),
            "bool" | "boolean" => ("bool", Layout::Bool),
            "i1" | "int8" => ("int8", fixed("i1")?),
            "i2" | "int16" => ("int16", fixed("i2")?),
            "i4" | "int32" => ("int32", fixed("i4")?),
            "i8" | "int64" => ("int64", fixed("i8")?),
            "u1" | "uint8" => ("uint8", fixed("u1")?),
            "u2" | "uint16" => ("uint16", fixed("u2")?),
            "u4" | "uint32" => ("uint32", fixed("u4")?),
            "u8" | "uint64" => ("uint64", fixed("u8")?),
            "f2" | "halffloat" | "float16" => ("halffloat", fixed("f2")?),
            "f4" | "float" | "float32" => ("float", fixed("f4")?),
            "f8" | "double" | "float64" => ("double", fixed("f8")?),
            "string" | "str" | "utf8" => ("string", Layout::Text { is_wide: false }),
            "large_string" | "large_str" | "large_utf8" => {
                ("large_string", Layout::Text { is_wide: true })
            }
            "string_view" => ("string_view", Layout::View { is_text: true }),
            "binary_view" => ("binary_view", Layout::View { is_text: false }),
            "month_day_nano_interval" => ("month_day_nano_interval", Layout::Interval),
            "binary" => ("binary", Layout::Bytes { is_wide: false }),
            "large_binary" => ("large_binary", Layout::Bytes { is_wide: true }),
            "date32" | "date32[day]" => ("date32[day]", Layout::days()?),
            "date64" | "date64[ms]" => ("date64[ms]", Layout::DateMillis),
            _ => {
                return Some(Self {
                    name: alias.to_owned(),
                    layout: unit_layout(alias).unwrap_or(Layout::Other),
                });
            }
        };
        Some(Self {
            name: name.to_owned(),
            layout,
        })
    }
}

/// `timestamp[ns]`, `duration[ns]`, `time64[us]`.
fn unit_layout(alias: &str) -> Option<Layout> {
    let (word, rest) = alias.split_once('[')?;
    let unit = rest.strip_suffix(']')?.to_owned();
    match word {
        "timestamp" => Some(Layout::Moment { unit, zone: None }),
        "duration" => Some(Layout::Span { unit }),
        "time32" | "time64" => {
            let code = if word == "time32" { "i4" } else { "i8" };
            let dtype = Dtype::from_code(code)?;
            Some(Layout::Clock { unit, dtype })
        }
        _ => None,
    }
}

/// `item: int32`, from a field or a bare type.
fn field(value: &Value, node: NodeId, depth: usize) -> Option<String> {
    let made = Made::of(value, node)?;
    if made.qualname != "field" {
        return Some(format!("item: {}", ArrowType::of(value, node, depth)?.name));
    }
    let name = value.str(*made.args.first()?)?;
    let inner = ArrowType::of(value, *made.args.get(1)?, depth)?;
    Some(format!("{name}: {}", inner.name))
}
