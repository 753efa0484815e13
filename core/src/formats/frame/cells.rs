//! One array of a frame in any of pandas' forms: its type in pandas' words, and its elements as plain data.

use std::io;
use std::ops::Range;

use super::arrow::Arrow;
use super::make;
use super::moment::{self, Zone};
use super::object::element_for;
use crate::formats::numpy::{ArrayView, Dtype, Item, Look, Lying, Scalar};
use crate::formats::{Content, Element};
use crate::model::value::{NodeId, Value};

/// A decoded value with the bytes that its arrays lie in.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    pub(super) value: &'a Value,
    pub(super) content: &'a Content,
    pub(super) look: Look<'a>,
}

/// An array of one column, of an index, or of the columns of one block.
#[derive(Debug, Clone)]
pub(super) enum Cells {
    /// numpy's own; two axes in blocks: columns, then rows.
    Plain { view: ArrayView, reading: Reading },
    /// pandas' numbers that may be missing.
    Masked {
        data: Box<ArrayView>,
        mask: Box<ArrayView>,
    },
    /// Numbers of categories, -1 for missing.
    Categorical {
        codes: ArrayView,
        categories: Box<Cells>,
    },
    /// Pairs of bounds.
    Interval {
        left: Box<Cells>,
        right: Box<Cells>,
        closed: String,
        /// Types name the closed side since pandas 1.3.
        names_closed: bool,
    },
    /// Elements that differ from the fill value, by the places in order at which runs of them start.
    Sparse {
        len: u64,
        starts: Box<ArrayView>,
        /// Lengths of the runs; one each without.
        lens: Option<Box<ArrayView>>,
        values: Box<ArrayView>,
        fill: NodeId,
        type_name: String,
    },
    /// pyarrow's.
    Arrow { array: Arrow, dtype: String },
    /// Numbers in even steps.
    Steps { start: i64, step: i64, len: u64 },
    /// Tuples of labels.
    Multi {
        levels: Vec<Cells>,
        codes: Vec<ArrayView>,
    },
    /// Of a class that is not known here.
    Foreign { class: String },
}

/// What the numbers of a plain array stand for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reading {
    /// Themselves.
    Itself,
    /// Text, under pandas' name of the type.
    Text(&'static str),
    /// Moments in a zone.
    Zoned(Zone),
    /// Ordinals of periods of this frequency.
    Period(String),
}

impl Cells {
    /// The array at `node`; classes that are not known are told by name.
    pub(super) fn of(value: &Value, node: NodeId) -> Self {
        make::cells(value, node, make::MAX_DEPTH)
    }

    /// An array as numpy has it.
    pub(super) fn plain(view: ArrayView) -> Self {
        Self::Plain {
            view,
            reading: Reading::Itself,
        }
    }

    /// Number of elements, or of rows in a block; `None` if it is not known.
    pub(super) fn len(&self) -> Option<u64> {
        match self {
            Self::Plain { view, .. } => view.shape.last().copied(),
            Self::Masked { data, .. } => data.shape.last().copied(),
            Self::Categorical { codes, .. } => codes.len(),
            Self::Interval { left, .. } => left.len(),
            Self::Sparse { len, .. } | Self::Steps { len, .. } => Some(*len),
            Self::Arrow { array, .. } => Some(array.len()),
            Self::Multi { codes, .. } => codes.first()?.len(),
            Self::Foreign { .. } => None,
        }
    }

    /// Number of columns that it holds.
    pub(super) fn n_columns(&self) -> u64 {
        match self {
            Self::Plain { view, .. } => columns_of(view),
            Self::Masked { data, .. } => columns_of(data),
            _ => 1,
        }
    }

    /// True if each element takes room in the file, so that there are no more than it has bytes.
    pub(super) fn has_bytes(&self) -> bool {
        match self {
            Self::Plain { view, .. } => view.step_bytes() > 0,
            Self::Masked { .. } | Self::Categorical { .. } | Self::Interval { .. } => true,
            Self::Arrow { array, .. } => array.has_bytes(),
            Self::Multi { codes, .. } => !codes.is_empty(),
            Self::Sparse { .. } | Self::Steps { .. } | Self::Foreign { .. } => false,
        }
    }

    /// pandas' name of the type.
    pub(super) fn dtype(&self) -> String {
        match self {
            Self::Plain { view, reading } => match (reading, &view.dtype.scalar) {
                (Reading::Text(name), _) => (*name).to_owned(),
                (Reading::Zoned(zone), Scalar::DateTime(unit)) => {
                    format!("datetime64[{unit}, {}]", zone.name)
                }
                (Reading::Period(frequency), _) => format!("period[{frequency}]"),
                _ => dtype_name(&view.dtype),
            },
            Self::Masked { data, .. } => {
                let name = data.dtype.name();
                match name.as_str() {
                    "bool" => "boolean".to_owned(),
                    _ if name.starts_with("uint") => name.replacen("ui", "UI", 1),
                    _ => {
                        let mut letters = name.chars();
                        let first = letters.next().map(|c| c.to_ascii_uppercase());
                        first.into_iter().chain(letters).collect()
                    }
                }
            }
            Self::Categorical { .. } => "category".to_owned(),
            Self::Interval {
                left,
                closed,
                names_closed,
                ..
            } => {
                let inner = left.dtype();
                if *names_closed {
                    format!("interval[{inner}, {closed}]")
                } else {
                    format!("interval[{inner}]")
                }
            }
            Self::Sparse {
                type_name: name, ..
            }
            | Self::Arrow { dtype: name, .. } => name.clone(),
            Self::Steps { .. } => "int64".to_owned(),
            Self::Multi { .. } => "object".to_owned(),
            Self::Foreign { class } => class.clone(),
        }
    }

    /// Elements `rows` of the columns `columns`, a list for each column.
    pub(super) fn read(
        &self,
        source: &Source<'_>,
        columns: Range<u64>,
        rows: Range<u64>,
    ) -> io::Result<Vec<Vec<Element>>> {
        let element = |view: &ArrayView, item: Item<'_>, reading: &Reading| match item {
            Item::Bytes(bytes) => number(&view.dtype, bytes, reading, &source.look),
            Item::Object(node) => element_for(source.value, node, &source.look),
            Item::Masked => Element::Null,
        };
        Ok(vec![match self {
            Self::Plain { view, reading } if view.shape.len() == 2 => {
                let n = usize::try_from(rows.end.saturating_sub(rows.start)).unwrap_or(0);
                let flat = flat(source, view, &[columns, rows], |item| {
                    element(view, item, reading)
                })?;
                return Ok(flat.chunks(n.max(1)).map(<[_]>::to_vec).collect());
            }
            Self::Plain { view, reading } => {
                flat(source, view, &[rows], |item| element(view, item, reading))?
            }
            Self::Masked { data, mask } => {
                let ranges: Vec<_> = match data.shape.len() {
                    2 => vec![columns, rows],
                    _ => vec![rows],
                };
                let values = flat(source, data, &ranges, |item| {
                    element(data, item, &Reading::Itself)
                })?;
                let missing = flat(
                    source,
                    mask,
                    &ranges,
                    |item| matches!(item, Item::Bytes(bytes) if bytes.iter().any(|b| *b != 0)),
                )?;
                let pairs = values.into_iter().zip(missing);
                pairs
                    .map(|(value, is_missing)| if is_missing { Element::Null } else { value })
                    .collect()
            }
            Self::Categorical { codes, categories } => coded(source, codes, categories, rows)?,
            Self::Interval {
                left,
                right,
                closed,
                ..
            } => {
                let bounds = |side: &Self| one(side.read(source, 0..1, rows.clone()));
                let pairs = bounds(left)?.into_iter().zip(bounds(right)?);
                pairs
                    .map(|(left, right)| interval(&left, &right, closed))
                    .collect()
            }
            Self::Sparse {
                starts,
                lens,
                values,
                fill,
                ..
            } => {
                let numbers = |view: &ArrayView| {
                    flat(source, view, &[], |item| match item {
                        Item::Bytes(bytes) => view.dtype.int(bytes).unwrap_or(0),
                        _ => 0,
                    })
                };
                let starts = numbers(starts)?;
                let lens = match lens {
                    Some(lens) => numbers(lens)?,
                    None => vec![1; starts.len()],
                };
                let places = starts.into_iter().zip(lens).map(|(start, len)| {
                    let start = u64::try_from(start).unwrap_or(u64::MAX);
                    start..start.saturating_add(u64::try_from(len).unwrap_or(0))
                });
                let values = Self::plain((**values).clone());
                let fill = element_for(source.value, *fill, &source.look);
                sparse(source, places, &values, &fill, rows)?
            }
            Self::Arrow { array, .. } => array.read(source, rows)?,
            Self::Steps { start, step, len } => (rows.start..rows.end.min(*len))
                .map(|number| {
                    let step = i128::from(*step).saturating_mul(i128::from(number));
                    Element::Int(step.saturating_add((*start).into()))
                })
                .collect(),
            Self::Multi { levels, codes } => {
                let parts = levels.iter().zip(codes);
                let parts: io::Result<Vec<_>> = parts
                    .map(|(level, codes)| coded(source, codes, level, rows.clone()))
                    .map(|part| part.map(with_gaps))
                    .collect();
                turned(&parts?)
            }
            Self::Foreign { class } if source.look.is_whole() => {
                let class = crate::model::text::brief(class);
                return Err(io::Error::other(format!("{class} is not known here")));
            }
            Self::Foreign { .. } => (rows.start..rows.end)
                .map(|_| Element::Text("…".to_owned()))
                .collect(),
        }])
    }
}

/// Columns of a block's array; one where it has no axis for them.
fn columns_of(view: &ArrayView) -> u64 {
    match view.shape.as_slice() {
        [columns, _] => *columns,
        _ => 1,
    }
}

/// The only column.
fn one(columns: io::Result<Vec<Vec<Element>>>) -> io::Result<Vec<Element>> {
    columns.map(|mut columns| columns.pop().unwrap_or_default())
}

/// Integers with gaps between them are floats to pandas, and a gap in labels is not-a-number.
fn with_gaps(labels: Vec<Element>) -> Vec<Element> {
    if !labels.contains(&Element::Null) {
        return labels;
    }
    let label = |label: Element| match label {
        Element::Null => Element::Float(f64::NAN),
        #[expect(
            clippy::cast_precision_loss,
            reason = "pandas converts in the same way"
        )]
        Element::Int(int) => Element::Float(int as f64),
        other => other,
    };
    labels.into_iter().map(label).collect()
}

/// Lists of parts to tuples.
fn turned(parts: &[Vec<Element>]) -> Vec<Element> {
    let n = parts.iter().map(Vec::len).min().unwrap_or(0);
    (0..n)
        .map(|row| {
            let tuple = parts.iter().filter_map(|part| part.get(row).cloned());
            Element::List(tuple.collect())
        })
        .collect()
}

/// Reads a rectangle of an array.
pub(super) fn flat<T: Clone + Default>(
    source: &Source<'_>,
    view: &ArrayView,
    ranges: &[Range<u64>],
    map: impl Fn(Item<'_>) -> T,
) -> io::Result<Vec<T>> {
    let lying = Lying {
        view,
        value: source.value,
        content: source.content,
    };
    let found = lying.rectangle(ranges, &source.look, T::default(), map)?;
    match found {
        Some((_, elements)) => Ok(elements),
        None => Err(io::Error::other("cancelled")),
    }
}

/// An element of bytes as pandas prints it where numpy has no plain form.
fn number(dtype: &Dtype, bytes: &[u8], reading: &Reading, look: &Look<'_>) -> Element {
    let text = |text: Option<String>| text.map_or(Element::Null, Element::Text);
    match (reading, &dtype.scalar) {
        (Reading::Period(frequency), _) => text(
            dtype
                .int(bytes)
                .and_then(|ordinal| moment::period(ordinal, frequency)),
        ),
        (Reading::Zoned(zone), Scalar::DateTime(unit)) => {
            let count = dtype.int(bytes);
            let count = count.filter(|count| moment::timestamp(*count, unit).is_some());
            text(count.and_then(|count| zone.timestamp(count, unit)))
        }
        (_, Scalar::DateTime(unit)) => text(
            dtype
                .int(bytes)
                .and_then(|count| moment::timestamp(count, unit)),
        ),
        (_, Scalar::TimeDelta(unit)) => text(
            dtype
                .int(bytes)
                .and_then(|count| moment::timedelta(count, unit)),
        ),
        _ => dtype.element_for(bytes, look),
    }
}

/// Elements that are named by their number in another array.
fn coded(
    source: &Source<'_>,
    codes: &ArrayView,
    names: &Cells,
    rows: Range<u64>,
) -> io::Result<Vec<Element>> {
    let codes = flat(source, codes, &[rows], |item| match item {
        Item::Bytes(bytes) => codes
            .dtype
            .int(bytes)
            .and_then(|code| u64::try_from(code).ok()),
        _ => None,
    })?;
    let used = || codes.iter().copied().flatten();
    let (Some(first), Some(last)) = (used().min(), used().max()) else {
        return Ok(vec![Element::Null; codes.len()]);
    };
    let names = one(names.read(source, 0..1, first..last.saturating_add(1)))?;
    source.look.named(codes.iter().copied(), first, &names)
}

fn sparse(
    source: &Source<'_>,
    places: impl Iterator<Item = Range<u64>>,
    values: &Cells,
    fill: &Element,
    rows: Range<u64>,
) -> io::Result<Vec<Element>> {
    let n = usize::try_from(rows.end.saturating_sub(rows.start)).unwrap_or(0);
    source
        .look
        .take(fill.size_bytes().saturating_mul(n as u64))?;
    let mut out = vec![fill.clone(); n];
    let mut n_before = 0_u64;
    for place in places {
        let (start, end) = (place.start.max(rows.start), place.end.min(rows.end));
        if start < end {
            let first = n_before.saturating_add(start - place.start);
            let stored = values.read(source, 0..1, first..first.saturating_add(end - start));
            let from = usize::try_from(start - rows.start).unwrap_or(usize::MAX);
            for (slot, element) in out.iter_mut().skip(from).zip(one(stored)?) {
                *slot = element;
            }
        }
        n_before = n_before.saturating_add(place.end - place.start);
    }
    Ok(out)
}

/// `(0, 1]` as pandas prints an Interval; missing where its bounds are.
pub(super) fn interval(left: &Element, right: &Element, closed: &str) -> Element {
    let is_missing = |bound: &Element| {
        matches!(bound, Element::Null) || matches!(bound, Element::Float(f) if f.is_nan())
    };
    if is_missing(left) || is_missing(right) {
        return Element::Null;
    }
    let open = if matches!(closed, "left" | "both") {
        '['
    } else {
        '('
    };
    let close = if matches!(closed, "right" | "both") {
        ']'
    } else {
        ')'
    };
    Element::Text(format!("{open}{}, {}{close}", left.text(), right.text()))
}

/// `str(numpy.dtype)`: a name where the machine's own byte order is meant, else the code.
pub(super) fn dtype_name(dtype: &Dtype) -> String {
    match dtype.scalar {
        Scalar::Bytes | Scalar::Str | Scalar::Void => dtype.str(),
        _ if dtype.is_big_endian => dtype.str(),
        _ => dtype.name(),
    }
}
