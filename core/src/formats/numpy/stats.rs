//! Statistics and samples of an array, read in one pass and never as a whole.

use std::io::{self, Read};
use std::ops::Range;

use super::array::{ArrayData, ArrayView};
use super::datetime::{NOT_A_TIME, datetime_text, timedelta_text};
use super::look::Look;
use super::walk::{Forward, Item, MAX_ELEMENT, is_masked, too_large};
use super::{ArraySummary, Dtype, Order, Scalar};
use crate::formats::{Content, Element, LongDouble};
use crate::model::value::Value;

/// Elements at the front that a summary shows.
const N_FIRST: u64 = 5;

/// Elements without bytes that are written: a file of a few bytes can claim any number.
const MAX_NOTHING: u64 = 1 << 20;

/// Bytes read at a time; the clock is looked at in between.
const CHUNK: usize = 256 << 10;

impl ArrayView {
    /// Type, shape, first elements and, unless `is_over` is `None` or says so first, statistics.
    ///
    /// # Errors
    /// What the system or the compression said.
    pub fn summary(
        &self,
        value: &Value,
        content: &Content,
        is_over: Option<&dyn Fn() -> bool>,
    ) -> io::Result<ArraySummary> {
        let mut summary = ArraySummary {
            dtype: self.dtype.str(),
            shape: self.shape.clone(),
            order: self.order,
            min: Element::Null,
            max: Element::Null,
            mean: None,
            nan_count: None,
            first: self.elements(value, content, 0..N_FIRST, &Look::GLANCE)?,
            is_complete: false,
        };
        if let Some(is_over) = is_over
            && let Some(statistics) = self.statistics(content, is_over)?
        {
            statistics.fill(&self.dtype, &mut summary);
        }
        Ok(summary)
    }

    /// Elements in index (C) order, as plain data; those that a damaged array does not hold are left out at a glance.
    ///
    /// # Errors
    /// What the system or the compression said, and elements that are too large; where they are wanted whole, what the
    /// array lacks.
    pub(crate) fn elements(
        &self,
        value: &Value,
        content: &Content,
        range: Range<u64>,
        look: &Look<'_>,
    ) -> io::Result<Vec<Element>> {
        let range = range.start..self.len().unwrap_or(0).min(range.end);
        self.promise(value, range.end.saturating_sub(range.start), look)?;
        if let ArrayData::Objects(list) = &self.data {
            let mut mask = ObjectMask::of(self, content);
            let mut out = Vec::new();
            for number in range {
                let index = usize::try_from(number).unwrap_or(usize::MAX);
                let Some(node) = value.item(*list, index) else {
                    break;
                };
                let item = if mask.hides(number)? {
                    Item::Masked
                } else {
                    Item::Object(node)
                };
                out.push(self.element_of(value, item, look));
            }
            return Ok(out);
        }
        let (size, mask_size) = (self.dtype.item_size, self.mask_size());
        if size.max(mask_size) > MAX_ELEMENT {
            return Err(too_large(size));
        }
        let mut data = Forward::new(&self.data, content, look.is_cancelled);
        let mask = self.mask.as_ref();
        let mut mask = mask.map(|mask| Forward::new(mask, content, look.is_cancelled));
        let (mut bytes, mut masked) = (Vec::new(), Vec::new());
        let mut out = Vec::new();
        for position in range.map_while(|number| self.position(number)) {
            let at = |size: u64| position.saturating_mul(size);
            if data.read(at(size), size, &mut bytes)? != Some(size) {
                break;
            }
            if let Some(mask) = &mut mask {
                mask.read(at(mask_size), mask_size, &mut masked)?;
            }
            let item = if is_masked(&masked) {
                Item::Masked
            } else {
                Item::Bytes(&bytes)
            };
            out.push(self.element_of(value, item, look));
        }
        Ok(out)
    }

    /// Where elements are wanted whole: that the array holds what it claims, and that `n` of them fit a batch.
    ///
    /// # Errors
    /// Damage, and more than fits.
    pub(super) fn promise(&self, value: &Value, n: u64, look: &Look<'_>) -> io::Result<()> {
        if !look.is_whole() {
            return Ok(());
        }
        let len = self.len();
        if let ArrayData::Objects(list) = self.data
            && len != Some(value.n_items(list) as u64)
        {
            return Err(io::Error::other(format!(
                "an array of the shape {} holds {} objects",
                super::shape_text(&self.shape),
                value.n_items(list)
            )));
        }
        if self.dtype.has_nothing() && len.is_none_or(|len| len > MAX_NOTHING) {
            return Err(io::Error::other(
                "an array of elements without bytes claims more than a million of them",
            ));
        }
        // An element, and those inside it, take more once they are read.
        let each = self.mask_size().saturating_mul(size_of::<Element>() as u64);
        look.take(n.saturating_mul(each.max(self.step_bytes())))
    }

    /// `None` if the type has none, or it was over first.
    fn statistics(
        &self,
        content: &Content,
        is_over: &dyn Fn() -> bool,
    ) -> io::Result<Option<Statistics>> {
        let size = self.dtype.item_size;
        let n = self.len().filter(|n| n.checked_mul(size).is_some());
        let Some(n) = n else {
            return Ok(None);
        };
        let has_elements = !matches!(self.data, ArrayData::Objects(_));
        if !self.dtype.is_number() || size == 0 || !has_elements {
            return Ok(None);
        }
        let mut statistics = Statistics::default();
        let mut data = Forward::new(&self.data, content, &|| false);
        let mask = self.mask.as_ref();
        let mut mask = mask.map(|mask| Forward::new(mask, content, &|| false));
        let (mut bytes, mut masked) = (Vec::new(), Vec::new());
        let step = (CHUNK as u64 / size).max(1);
        let mut at = 0;
        while at < n {
            if is_over() {
                return Ok(None);
            }
            let wanted = step.min(n - at);
            if data.read(at * size, wanted * size, &mut bytes)? != Some(wanted * size) {
                // Cut short: what is there is no whole array.
                return Ok(None);
            }
            if let Some(mask) = &mut mask {
                mask.read(at, wanted, &mut masked)?;
                unmasked(&mut bytes, &masked, size);
            }
            statistics.add(&self.dtype, &bytes);
            at += wanted;
        }
        Ok((!statistics.has_strangers).then_some(statistics))
    }
}

/// Leaves only elements that the mask leaves.
fn unmasked(bytes: &mut Vec<u8>, mask: &[u8], size: u64) {
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    let kept = bytes.chunks_exact(size).zip(mask);
    let kept = kept.filter(|(_, masked)| **masked == 0);
    *bytes = kept.flat_map(|(bytes, _)| bytes).copied().collect();
}

impl ArrayData {
    /// The array's bytes from `offset` on; `None` if they are not in this content.
    pub(crate) fn reader<'a>(
        &'a self,
        content: &'a Content,
        offset: u64,
    ) -> io::Result<Option<Box<dyn Read + Send + 'a>>> {
        Ok(match self {
            Self::Bytes(bytes) => {
                let at = usize::try_from(offset).unwrap_or(usize::MAX);
                Some(Box::new(bytes.get(at..).unwrap_or_default()))
            }
            Self::Stream { offset: start, len } => {
                let left = len.saturating_sub(offset);
                let reader = content.open(start.saturating_add(offset))?;
                Some(Box::new(reader.take(left)))
            }
            Self::Latin1 { offset: start, len } => {
                let text = content.open(*start)?.take(*len);
                let mut reader = Latin1Reader {
                    text: io::BufReader::with_capacity(CHUNK, text),
                };
                io::copy(&mut reader.by_ref().take(offset), &mut io::sink())?;
                Some(Box::new(reader))
            }
            Self::Objects(_) | Self::SideFile(_) | Self::Absent => None,
        })
    }
}

/// Running figures; integers are summed exactly, floats with Neumaier's compensation.
#[derive(Debug, Clone, Copy, Default)]
struct Statistics {
    ints: Option<(i128, i128)>,
    int_sum: i128,
    floats: Option<(f64, f64)>,
    longs: Option<(LongDouble, LongDouble)>,
    float_sum: f64,
    compensation: f64,
    count: u64,
    nan_count: u64,
    /// Some number is beyond doubles, which the mean is one of.
    has_giants: bool,
    /// Some are no numbers of x86: nothing can be said of the array.
    has_strangers: bool,
}

impl Statistics {
    fn add(&mut self, dtype: &Dtype, bytes: &[u8]) {
        let size = usize::try_from(dtype.item_size).unwrap_or(1).max(1);
        // The common types get loops of their own: this is where a gigabyte goes through.
        match (&dtype.scalar, size, dtype.is_big_endian) {
            (Scalar::Float, 8, false) => {
                for bytes in bytes.as_chunks().0 {
                    self.float(f64::from_le_bytes(*bytes));
                }
            }
            (Scalar::Float, 4, false) => {
                for bytes in bytes.as_chunks().0 {
                    self.float(f32::from_le_bytes(*bytes).into());
                }
            }
            (Scalar::Int, 8, false) => {
                for bytes in bytes.as_chunks().0 {
                    self.int(i64::from_le_bytes(*bytes).into());
                }
            }
            (Scalar::UInt, 1, _) => bytes.iter().for_each(|b| self.int((*b).into())),
            _ => bytes.chunks_exact(size).for_each(|b| self.any(dtype, b)),
        }
    }

    fn any(&mut self, dtype: &Dtype, bytes: &[u8]) {
        match dtype.scalar {
            Scalar::Bool => self.int(i128::from(bytes.iter().any(|b| *b != 0))),
            Scalar::Int => self.int(dtype.int(bytes).unwrap_or(0)),
            Scalar::UInt => self.int(dtype.uint(bytes).unwrap_or(0).into()),
            Scalar::Float if dtype.is_long() => match dtype.long_double(bytes) {
                Some(value) => self.long(value),
                None => self.has_strangers = true,
            },
            Scalar::Float => self.float(dtype.float(bytes).unwrap_or(f64::NAN)),
            Scalar::Complex => match dtype.complex(bytes) {
                Some((re, im)) => self.nan_count += u64::from(re.is_nan() || im.is_nan()),
                None => self.has_strangers = true,
            },
            _ => match dtype.int(bytes) {
                Some(count) if count != NOT_A_TIME => self.int(count),
                _ => self.nan_count += 1,
            },
        }
    }

    fn int(&mut self, value: i128) {
        self.count += 1;
        self.int_sum += value;
        let (min, max) = self.ints.unwrap_or((value, value));
        self.ints = Some((min.min(value), max.max(value)));
    }

    fn float(&mut self, value: f64) {
        if value.is_nan() {
            self.nan_count += 1;
            return;
        }
        self.count += 1;
        let (min, max) = self.floats.unwrap_or((value, value));
        self.floats = Some((min.min(value), max.max(value)));
        self.sum(value);
    }

    /// Summed as two doubles, which together are the whole number.
    fn long(&mut self, value: LongDouble) {
        if value.is_nan() {
            self.nan_count += 1;
            return;
        }
        self.count += 1;
        let (min, max) = self.longs.unwrap_or((value, value));
        self.longs = Some((
            std::cmp::min_by_key(min, value, |x| x.rank()),
            std::cmp::max_by_key(value, max, |x| x.rank()),
        ));
        let rounded = value.to_f64();
        self.sum(rounded);
        if rounded.is_finite() {
            self.compensation += value.rest();
        } else {
            self.has_giants |= value.is_finite();
        }
    }

    fn sum(&mut self, value: f64) {
        let sum = self.float_sum + value;
        self.compensation += if self.float_sum.abs() >= value.abs() {
            (self.float_sum - sum) + value
        } else {
            (value - sum) + self.float_sum
        };
        self.float_sum = sum;
    }

    fn fill(self, dtype: &Dtype, summary: &mut ArraySummary) {
        summary.is_complete = true;
        summary.nan_count = Some(self.nan_count);
        #[expect(clippy::cast_precision_loss, reason = "a mean is a double")]
        let count = self.count as f64;
        let as_element = |value: i128| match &dtype.scalar {
            Scalar::Bool => Element::Bool(value != 0),
            Scalar::DateTime(unit) => {
                datetime_text(value, unit).map_or(Element::Null, Element::Text)
            }
            Scalar::TimeDelta(unit) => Element::Text(timedelta_text(value, unit)),
            _ => Element::Int(value),
        };
        let is_number = matches!(dtype.scalar, Scalar::Bool | Scalar::Int | Scalar::UInt);
        if let Some((min, max)) = self.ints {
            summary.min = as_element(min);
            summary.max = as_element(max);
            if is_number {
                #[expect(clippy::cast_precision_loss, reason = "a mean is a double")]
                let sum = self.int_sum as f64;
                summary.mean = Some(sum / count);
            }
        }
        if let Some((min, max)) = self.floats {
            summary.min = Element::Float(min);
            summary.max = Element::Float(max);
        }
        if let Some((min, max)) = self.longs {
            summary.min = Element::LongDouble(min);
            summary.max = Element::LongDouble(max);
        }
        let has_floats = self.floats.is_some() || self.longs.is_some();
        if has_floats && !self.has_giants {
            // The compensation is not-a-number once infinities are summed.
            let sum = if self.float_sum.is_finite() {
                self.float_sum + self.compensation
            } else {
                self.float_sum
            };
            summary.mean = Some(sum / count);
        }
    }
}

/// The mask of an array of objects, which lies in the array's order while the objects are listed in index order.
pub(super) struct ObjectMask<'a> {
    view: &'a ArrayView,
    mask: Option<Forward<'a>>,
    byte: Vec<u8>,
}

impl<'a> ObjectMask<'a> {
    pub(super) fn of(view: &'a ArrayView, content: &'a Content) -> Self {
        let mask = view.mask.as_ref();
        Self {
            view,
            mask: mask.map(|mask| Forward::new(mask, content, &|| false)),
            byte: Vec::new(),
        }
    }

    /// True if the object with this number in index order is masked.
    pub(super) fn hides(&mut self, number: u64) -> io::Result<bool> {
        let Some(mask) = &mut self.mask else {
            return Ok(false);
        };
        let at = match self.view.order {
            Order::C => number,
            Order::F => column_major(&self.view.shape, number),
        };
        let size = self.view.mask_size();
        mask.read(at.saturating_mul(size), size, &mut self.byte)?;
        Ok(is_masked(&self.byte))
    }
}

/// The place of an element in Fortran order, by its number in index order.
fn column_major(shape: &[u64], number: u64) -> u64 {
    let mut rest = number;
    let indices = shape.iter().rev().map(|axis| {
        let index = rest.checked_rem(*axis).unwrap_or(0);
        rest = rest.checked_div(*axis).unwrap_or(0);
        index
    });
    // Horner's rule from the last axis on: the first one changes fastest.
    let indices: Vec<u64> = indices.collect();
    indices
        .into_iter()
        .zip(shape.iter().rev())
        .fold(0, |place, (index, axis)| {
            place.saturating_mul(*axis).saturating_add(index)
        })
}

/// Bytes written as text: each character up to U+00FF is one byte.
struct Latin1Reader<R> {
    text: R,
}

impl<R: Read> Read for Latin1Reader<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let mut n = 0;
        let mut byte = [0];
        for place in buf {
            if self.text.read(&mut byte)? == 0 {
                break;
            }
            let [first] = byte;
            *place = match first {
                0xc2 | 0xc3 => {
                    self.text.read_exact(&mut byte)?;
                    first << 6 | byte[0] & 0x3f
                }
                _ => first,
            };
            n += 1;
        }
        Ok(n)
    }
}

pub(super) fn read_full(reader: &mut dyn Read, mut buf: &mut [u8]) -> io::Result<usize> {
    let mut done = 0;
    while !buf.is_empty() {
        match reader.read(buf) {
            Ok(0) => break,
            Ok(n) => {
                done += n;
                buf = buf.get_mut(n..).unwrap_or_default();
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(done)
}
