//! Arrow's arrays as pyarrow and polars pickle them: buffers in its columnar layout (version 1.4), read where they lie.

use std::io;
use std::ops::Range;

use super::arrow_type::{ArrowType, Layout};
use super::cells::Source;
use super::moment;
use crate::formats::Element;
use crate::formats::made::Made;
use crate::formats::numpy::{ArrayData, Dtype, Forward, cut_short, datetime_text, int_of};
use crate::model::value::{NodeId, Value};

/// Lists of lists: deeper than anybody stacks, shallow enough for the call stack.
const MAX_DEPTH: usize = 8;

/// Bytes of a run of elements that a glance reads at once.
const MAX_RUN: u64 = 16 << 20;

/// One array, or the chunks of one.
#[derive(Debug, Clone)]
pub(super) struct Arrow {
    pub(super) arrow_type: ArrowType,
    pub(super) chunks: Vec<Chunk>,
}

/// Buffers of one stretch of elements.
#[derive(Debug, Clone)]
pub(super) struct Chunk {
    pub(super) len: u64,
    /// Elements of the buffers before the first one.
    pub(super) offset: u64,
    /// Validity first; `None` where there is none.
    pub(super) buffers: Vec<Option<ArrayData>>,
    pub(super) children: Vec<Arrow>,
    /// Values of a dictionary array.
    pub(super) dictionary: Option<Box<Arrow>>,
}

impl Arrow {
    /// `_restore_array((type, length, nulls, offset, buffers, children, dictionary))`, or `chunked_array` of such.
    pub(super) fn of(value: &Value, node: NodeId) -> Option<Self> {
        let made = Made::of(value, node)?;
        match &*made.qualname {
            "chunked_array" => {
                let chunks = value.sequence(*made.args.first()?)?;
                let chunks = chunks.iter().map(|chunk| Self::of_one(value, *chunk));
                let chunks = chunks.collect::<Option<Vec<Self>>>()?;
                let arrow_type = match made.args.get(1) {
                    Some(node) => ArrowType::of(value, *node, MAX_DEPTH)?,
                    None => chunks.first()?.arrow_type.clone(),
                };
                Some(Self {
                    arrow_type,
                    chunks: chunks.into_iter().flat_map(|one| one.chunks).collect(),
                })
            }
            _ => Self::of_one(value, node),
        }
    }

    fn of_one(value: &Value, node: NodeId) -> Option<Self> {
        let made = Made::of(value, node).filter(|made| made.qualname == "_restore_array")?;
        Self::restored(value, *made.args.first()?, MAX_DEPTH)
    }

    fn restored(value: &Value, parts: NodeId, depth: usize) -> Option<Self> {
        let depth = depth.checked_sub(1)?;
        let parts = value.sequence(parts)?;
        let [arrow_type, len, _, offset, buffers, children, rest @ ..] = parts.as_slice() else {
            return None;
        };
        let number = |node| u64::try_from(int_of(value, node)?).ok();
        let buffers = value.sequence(*buffers)?;
        let children = value.sequence(*children)?;
        let dictionary = rest.first().filter(|node| **node != NodeId::NONE);
        let arrow_type = ArrowType::of(value, *arrow_type, MAX_DEPTH)?;
        let mut children = children
            .iter()
            .map(|child| Self::restored(value, *child, depth))
            .collect::<Option<Vec<_>>>()?;
        if let (Layout::Map, [pairs]) = (&arrow_type.layout, children.as_mut_slice()) {
            pairs.arrow_type.layout = Layout::Record { names: Vec::new() };
        }
        let chunk = Chunk {
            len: number(*len)?,
            offset: number(*offset)?,
            buffers: buffers.iter().map(|node| buffer(value, *node)).collect(),
            children,
            dictionary: match dictionary {
                Some(node) => Some(Box::new(Self::restored(value, *node, depth)?)),
                None => None,
            },
        };
        Some(Self {
            arrow_type,
            chunks: vec![chunk],
        })
    }

    /// Number of elements.
    pub(super) fn len(&self) -> u64 {
        let lens = self.chunks.iter().map(|chunk| chunk.len);
        lens.fold(0, u64::saturating_add)
    }

    /// True if elements take room in buffers.
    pub(super) fn has_bytes(&self) -> bool {
        !matches!(self.arrow_type.layout, Layout::Null | Layout::Other)
    }

    /// pyarrow's name of the type.
    pub(super) fn type_name(&self) -> &str {
        &self.arrow_type.name
    }

    /// Elements as plain data.
    pub(super) fn read(&self, source: &Source<'_>, rows: Range<u64>) -> io::Result<Vec<Element>> {
        let mut out = Vec::new();
        let mut start = 0_u64;
        for chunk in &self.chunks {
            let end = start.saturating_add(chunk.len);
            let wanted = rows.start.max(start)..rows.end.min(end);
            if wanted.start < wanted.end {
                let part = wanted.start - start..wanted.end - start;
                out.extend(chunk.read(source, &self.arrow_type.layout, part)?);
            }
            start = end;
        }
        Ok(out)
    }
}

impl Arrow {
    /// The elements of a list inside a list; at a glance the first of them.
    fn read_list(&self, source: &Source<'_>, range: Range<u64>) -> io::Result<Vec<Element>> {
        if !source.look.is_whole() {
            let end = range.end.min(range.start.saturating_add(MAX_LIST));
            return self.read(source, range.start..end);
        }
        let n = range.end.saturating_sub(range.start);
        source
            .look
            .take(n.saturating_mul(size_of::<Element>() as u64))?;
        let list = self.read(source, range)?;
        if list.len() as u64 == n {
            Ok(list)
        } else {
            Err(cut_short())
        }
    }
}

/// `py_buffer(bytes)`; `None` for an absent one.
fn buffer(value: &Value, node: NodeId) -> Option<ArrayData> {
    let made = Made::of(value, node).filter(|made| made.qualname == "py_buffer")?;
    let mut bytes = *made.args.first()?;
    if let Some(made) = Made::of(value, bytes).filter(|made| made.qualname == "bytearray") {
        bytes = *made.args.first()?;
    }
    ArrayData::at(value, bytes)
}

impl Chunk {
    fn read(
        &self,
        source: &Source<'_>,
        layout: &Layout,
        rows: Range<u64>,
    ) -> io::Result<Vec<Element>> {
        let rows = rows.start.saturating_add(self.offset)..rows.end.saturating_add(self.offset);
        let elements = self.values(source, layout, &rows)?;
        if source.look.is_whole() && elements.len() as u64 != rows.end - rows.start {
            return Err(cut_short());
        }
        let Some(Some(_)) = self.buffers.first() else {
            return Ok(elements);
        };
        let valid = self.bits(source, 0, &rows)?;
        let pairs = elements.into_iter().zip(valid);
        Ok(pairs
            .map(|(element, is_valid)| if is_valid { element } else { Element::Null })
            .collect())
    }

    /// Elements whatever the validity bits say of them.
    fn values(
        &self,
        source: &Source<'_>,
        layout: &Layout,
        rows: &Range<u64>,
    ) -> io::Result<Vec<Element>> {
        let text = |text: Option<String>| text.map_or(Element::Null, Element::Text);
        Ok(match layout {
            Layout::Null => (rows.start..rows.end).map(|_| Element::Null).collect(),
            Layout::Bool => {
                let bits = self.bits(source, 1, rows)?;
                bits.into_iter().map(Element::Bool).collect()
            }
            Layout::Fixed(dtype) => self.fixed(source, dtype, rows, Dtype::element)?,
            Layout::Moment { unit, zone } => self.fixed(source, &INT64, rows, |dtype, bytes| {
                let count = dtype.int(bytes).unwrap_or_default();
                text(match zone {
                    Some(zone) => zone.timestamp(count, unit),
                    None => moment::timestamp(count, unit),
                })
            })?,
            Layout::Span { unit } => self.fixed(source, &INT64, rows, |dtype, bytes| {
                text(moment::timedelta(
                    dtype.int(bytes).unwrap_or_default(),
                    unit,
                ))
            })?,
            Layout::Clock { unit, dtype } => self.fixed(source, dtype, rows, |dtype, bytes| {
                text(moment::clock(dtype.int(bytes).unwrap_or_default(), unit))
            })?,
            Layout::DateMillis => self.fixed(source, &INT64, rows, |dtype, bytes| {
                let millis = dtype.int(bytes).unwrap_or_default();
                text(datetime_text(millis.div_euclid(86_400_000), "D"))
            })?,
            Layout::Decimal { width, scale } => {
                let dtype = raw(*width);
                self.fixed(source, &dtype, rows, |_, bytes| {
                    Element::Text(decimal(bytes, *scale))
                })?
            }
            Layout::Text { is_wide } => self
                .variable(source, *is_wide, rows)?
                .into_iter()
                .map(|bytes| Element::Text(String::from_utf8_lossy(&bytes).into_owned()))
                .collect(),
            Layout::Bytes { is_wide } => self
                .variable(source, *is_wide, rows)?
                .into_iter()
                .map(|bytes| Element::Text(crate::model::text::from_bytes(&bytes).into_owned()))
                .collect(),
            Layout::View { is_text } => self.views(source, *is_text, rows)?,
            Layout::FixedBytes { width } => {
                self.fixed(source, &raw(*width), rows, |_, bytes| {
                    Element::Text(crate::model::text::from_bytes(bytes).into_owned())
                })?
            }
            Layout::List { is_wide } => self.lists(source, *is_wide, rows)?,
            Layout::FixedList { n } => self.even_lists(source, *n, rows)?,
            // A list of records that have a key and a value.
            Layout::Map => self.lists(source, false, rows)?,
            Layout::Record { names } => self.records(source, names, rows)?,
            Layout::Interval => self.fixed(source, &raw(16), rows, |_, bytes| {
                let part = |code, range| {
                    let dtype: Option<Dtype> = Dtype::from_code(code);
                    let int = dtype.and_then(|dtype| dtype.int(bytes.get::<Range<usize>>(range)?));
                    Element::Int(int.unwrap_or_default())
                };
                Element::List(vec![part("i4", 0..4), part("i4", 4..8), part("i8", 8..16)])
            })?,
            Layout::Dictionary(index) => {
                let codes = self.fixed(source, index, rows, |dtype, bytes| {
                    dtype.int(bytes).map_or(Element::Null, Element::Int)
                })?;
                self.looked_up(source, &codes)?
            }
            Layout::Other if source.look.is_whole() => {
                return Err(io::Error::other(
                    "a column is of an Arrow type not known here",
                ));
            }
            Layout::Other => (rows.start..rows.end)
                .map(|_| Element::Text("…".to_owned()))
                .collect(),
        })
    }

    /// `len` bytes of a buffer from `start`, fewer at its end.
    fn bytes(&self, source: &Source<'_>, number: usize, range: Range<u64>) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let len = range.end.saturating_sub(range.start);
        source.look.take(len)?;
        if !source.look.is_whole() && len > MAX_RUN {
            return Err(io::Error::other("an element of an Arrow array is too long"));
        }
        if let Some(Some(data)) = self.buffers.get(number) {
            let is_cancelled = source.look.is_cancelled;
            let mut data = Forward::new(data, source.content, is_cancelled);
            let n = data.read(range.start, len, &mut bytes)?;
            if source.look.is_whole() && n.is_none_or(|n| n < len) {
                return Err(cut_short());
            }
        }
        Ok(bytes)
    }

    fn bits(&self, source: &Source<'_>, number: usize, rows: &Range<u64>) -> io::Result<Vec<bool>> {
        let first = rows.start / 8;
        let bytes = self.bytes(source, number, first..rows.end.div_ceil(8))?;
        let bit = |row: u64| {
            let byte = usize::try_from(row / 8 - first)
                .ok()
                .and_then(|at| bytes.get(at));
            byte.is_some_and(|byte| byte >> (row % 8) & 1 == 1)
        };
        Ok((rows.start..rows.end).map(bit).collect())
    }

    fn fixed(
        &self,
        source: &Source<'_>,
        dtype: &Dtype,
        rows: &Range<u64>,
        map: impl Fn(&Dtype, &[u8]) -> Element,
    ) -> io::Result<Vec<Element>> {
        let size = dtype.item_size;
        let range = rows.start.saturating_mul(size)..rows.end.saturating_mul(size);
        let bytes = self.bytes(source, 1, range)?;
        let size = usize::try_from(size).unwrap_or(usize::MAX).max(1);
        Ok(bytes
            .chunks_exact(size)
            .map(|item| map(dtype, item))
            .collect())
    }

    /// Where each element's part of the next buffer or child begins, and where the last one's ends.
    fn offsets(
        &self,
        source: &Source<'_>,
        is_wide: bool,
        rows: &Range<u64>,
    ) -> io::Result<Vec<u64>> {
        let size: u64 = if is_wide { 8 } else { 4 };
        let end = rows.end.saturating_add(1).saturating_mul(size);
        let bytes = self.bytes(source, 1, rows.start.saturating_mul(size)..end)?;
        let chunks = bytes.chunks_exact(if is_wide { 8 } else { 4 });
        let number = |bytes: &[u8]| bytes.iter().rev().fold(0, |n, b| n << 8 | u64::from(*b));
        Ok(chunks.map(number).collect())
    }

    fn variable(
        &self,
        source: &Source<'_>,
        is_wide: bool,
        rows: &Range<u64>,
    ) -> io::Result<Vec<Vec<u8>>> {
        let offsets = self.offsets(source, is_wide, rows)?;
        let (first, last) = (
            offsets.first().copied().unwrap_or(0),
            offsets.last().copied().unwrap_or(0),
        );
        let bytes = self.bytes(source, 2, first..last)?;
        let at = |offset: u64| usize::try_from(offset.saturating_sub(first)).unwrap_or(usize::MAX);
        let bounds = offsets.iter().zip(offsets.iter().skip(1));
        Ok(bounds
            .map(|(start, end)| {
                let part = bytes.get(at(*start)..at(*end)).unwrap_or_default();
                part.to_vec()
            })
            .collect())
    }

    /// Fields of each record under their names, as Python prints the dict; the key and value of a map as a pair.
    fn records(
        &self,
        source: &Source<'_>,
        names: &[String],
        rows: &Range<u64>,
    ) -> io::Result<Vec<Element>> {
        let parts = self.children.iter();
        let parts = parts.map(|child| child.read(source, rows.clone()));
        let parts = parts.collect::<io::Result<Vec<_>>>()?;
        let n = usize::try_from(rows.end - rows.start).unwrap_or(0);
        let record = |row: usize| {
            let fields = parts.iter().filter_map(|part| part.get(row));
            if names.is_empty() {
                return Element::List(fields.cloned().collect());
            }
            let named = names.iter().zip(fields);
            let named = named.map(|(name, field)| {
                let name = crate::formats::repr::str_repr(name);
                format!("{name}: {}", field.repr())
            });
            let named: Vec<String> = named.collect();
            Element::Text(format!("{{{}}}", named.join(", ")))
        };
        Ok((0..n).map(record).collect())
    }

    /// Text or bytes of up to twelve bytes within their view; longer ones as a number of a buffer and a place in it.
    fn views(
        &self,
        source: &Source<'_>,
        is_text: bool,
        rows: &Range<u64>,
    ) -> io::Result<Vec<Element>> {
        let range = rows.start.saturating_mul(16)..rows.end.saturating_mul(16);
        let views = self.bytes(source, 1, range)?;
        let number = |bytes: &[u8]| bytes.iter().rev().fold(0, |n, b| n << 8 | u64::from(*b));
        let part = |view: &[u8]| -> io::Result<Vec<u8>> {
            let word = |at: usize| number(view.get(at..at + 4).unwrap_or_default());
            let len = word(0);
            if len <= 12 {
                let end = 4 + usize::try_from(len).unwrap_or(0);
                return Ok(view.get(4..end).unwrap_or_default().to_vec());
            }
            let buffer = usize::try_from(word(8)).unwrap_or(usize::MAX);
            let start = word(12);
            self.bytes(
                source,
                buffer.saturating_add(2),
                start..start.saturating_add(len),
            )
        };
        let element = |bytes: Vec<u8>| {
            Element::Text(if is_text {
                String::from_utf8_lossy(&bytes).into_owned()
            } else {
                crate::model::text::from_bytes(&bytes).into_owned()
            })
        };
        views
            .chunks_exact(16)
            .map(|view| part(view).map(element))
            .collect()
    }

    fn even_lists(
        &self,
        source: &Source<'_>,
        n: u64,
        rows: &Range<u64>,
    ) -> io::Result<Vec<Element>> {
        let Some(child) = self.children.first() else {
            return Ok(Vec::new());
        };
        let list = |row: u64| {
            let start = row.saturating_mul(n);
            child.read_list(source, start..start.saturating_add(n))
        };
        (rows.start..rows.end)
            .map(|row| list(row).map(Element::List))
            .collect()
    }

    fn lists(
        &self,
        source: &Source<'_>,
        is_wide: bool,
        rows: &Range<u64>,
    ) -> io::Result<Vec<Element>> {
        let offsets = self.offsets(source, is_wide, rows)?;
        let bounds = offsets.iter().zip(offsets.iter().skip(1));
        bounds
            .map(|(start, end)| {
                let Some(child) = self.children.first() else {
                    return Ok(Element::Null);
                };
                child.read_list(source, *start..*end).map(Element::List)
            })
            .collect()
    }

    fn looked_up(&self, source: &Source<'_>, codes: &[Element]) -> io::Result<Vec<Element>> {
        let code = |element: &Element| match element {
            Element::Int(code) => u64::try_from(*code).ok(),
            _ => None,
        };
        let Some(dictionary) = &self.dictionary else {
            return Ok(codes.to_vec());
        };
        let used = || codes.iter().filter_map(code);
        let (first, last) = (used().min().unwrap_or(0), used().max().unwrap_or(0));
        let names = dictionary.read(source, first..last.saturating_add(1))?;
        source.look.named(codes.iter().map(code), first, &names)
    }
}

/// Elements of a list inside a list that are shown.
const MAX_LIST: u64 = 64;

/// Moments and spans are counts of eight bytes.
const INT64: Dtype = Dtype::int64();

/// Bytes of a given width.
fn raw(width: u64) -> Dtype {
    Dtype {
        item_size: width,
        ..Dtype::int64()
    }
}

/// A decimal number from its little-endian two's complement of up to 16 bytes; wider ones as they are stored.
fn decimal(bytes: &[u8], scale: i64) -> String {
    let Some(&head) = bytes.first_chunk::<16>() else {
        return crate::model::text::from_bytes(bytes).into_owned();
    };
    let number = i128::from_le_bytes(head);
    let Ok(scale) = usize::try_from(scale) else {
        return number.to_string();
    };
    let sign = if number < 0 { "-" } else { "" };
    let width = scale.min(80) + 1;
    let digits = format!("{:0width$}", number.unsigned_abs());
    let (whole, fraction) = digits
        .split_at_checked(digits.len() - scale.min(80))
        .unwrap_or((&digits, ""));
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{sign}{whole}{point}{fraction}")
}
