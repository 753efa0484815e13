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
    List {
        is_wide: bool,
    },
    Record,
    /// Numbers into a dictionary.
    Dictionary(Dtype),
    /// Not read.
    Other,
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
                let fields = fields.iter().map(|node| field(value, *node, depth));
                let fields = fields.collect::<Option<Vec<_>>>()?;
                named(format!("struct<{}>", fields.join(", ")), Layout::Record)
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
            other => named(other.to_owned(), Layout::Other),
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
            "binary" => ("binary", Layout::Bytes { is_wide: false }),
            "large_binary" => ("large_binary", Layout::Bytes { is_wide: true }),
            "date32" | "date32[day]" => ("date32[day]", fixed("<M8[D]").map(of_days)?),
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

/// Days are counted in four bytes there, in eight in numpy.
fn of_days(layout: Layout) -> Layout {
    match layout {
        Layout::Fixed(dtype) => Layout::Fixed(Dtype {
            item_size: 4,
            ..dtype
        }),
        other => other,
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
