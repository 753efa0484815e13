//! Picked elements of an array in the order in which they lie, read in as few and as short reads as that takes.

use std::io::{self, Read};

use super::array::{ArrayData, ArrayView};
use super::look::Look;
use super::pick::{GAP, Pick};
use super::stats::ObjectMask;
use super::{Dtype, Order, Scalar};
use crate::formats::{Content, Element};
use crate::model::value::{NodeId, Value};

/// Bytes read at a time; whether to go on is asked in between.
const CHUNK: u64 = 256 << 10;

/// Bytes of one element that is read whole: more than any text or record in a file that was met.
pub(super) const MAX_ELEMENT: u64 = 16 << 20;

/// Runs that one read serves at most.
const MAX_RUNS: usize = 64 << 10;

/// One element where it was found.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Item<'a> {
    /// Its bytes.
    Bytes(&'a [u8]),
    /// A Python object.
    Object(NodeId),
    /// Left out by the array's mask.
    Masked,
}

/// What becomes of each element: the number of its cell among the picked groups in index (C) order, and the element.
pub(super) type Sink<'s> = &'s mut dyn FnMut(usize, Item<'_>);

/// Neighbouring elements of one cell.
struct Run {
    /// Offset of the first one in the array, in bytes.
    offset: u64,
    n: u64,
    cell: usize,
}

impl ArrayView {
    /// Axes from the one whose elements lie side by side.
    pub(super) fn fast_first(&self) -> Vec<usize> {
        let axes = 0..self.shape.len();
        match (&self.axes, self.lies()) {
            (Some(axes), _) => axes.iter().rev().copied().collect(),
            (None, Order::C) => axes.rev().collect(),
            (None, Order::F) => axes.collect(),
        }
    }

    /// Objects are listed in index order whatever the array's.
    fn lies(&self) -> Order {
        match self.data {
            ArrayData::Objects(_) => Order::C,
            _ => self.order,
        }
    }

    /// Bytes of one element where it lies; a listed object counts as one.
    pub(crate) fn step_bytes(&self) -> u64 {
        match self.data {
            ArrayData::Objects(_) => 1,
            _ => self.dtype.item_size,
        }
    }

    /// Bytes from one element to the next along each axis; `None` if they do not fit 64 bits.
    pub(super) fn strides(&self) -> Option<Vec<u64>> {
        self.strides_of(self.step_bytes())
    }

    /// Steps along each axis where one element takes `step`.
    pub(super) fn strides_of(&self, step: u64) -> Option<Vec<u64>> {
        let mut strides = vec![0; self.shape.len()];
        let mut stride = step;
        for axis in self.fast_first() {
            *strides.get_mut(axis)? = stride;
            stride = stride.checked_mul((*self.shape.get(axis)?).max(1))?;
        }
        Some(strides)
    }

    /// Visits what `picks` (one an axis) name; false if `is_cancelled` said so in between.
    ///
    /// # Errors
    /// What the system or the compression said, and an early end of the data.
    pub(super) fn walk(
        &self,
        value: &Value,
        content: &Content,
        picks: &[Pick],
        is_cancelled: &dyn Fn() -> bool,
        sink: Sink<'_>,
    ) -> io::Result<bool> {
        let size = self.step_bytes();
        if size.max(self.mask_size()) > MAX_ELEMENT {
            return Err(too_large(size));
        }
        // Elements of no bytes say nothing.
        let Some(strides) = self.strides().filter(|_| size > 0) else {
            return Ok(true);
        };
        let forward = |data| Forward::new(data, content, is_cancelled);
        let mut batch = Batch {
            view: self,
            value,
            data: forward(&self.data),
            mask: self.mask.as_ref().map(forward),
            object_mask: ObjectMask::of(self, content),
            runs: Vec::new(),
            start: 0,
            end: 0,
            bytes: Vec::new(),
            masked: Vec::new(),
        };
        let fast_first = self.fast_first();
        let mut odometer = Odometer::new(picks, &strides, &fast_first);
        while let Some(run) = odometer.next() {
            if !batch.push(run, sink)? {
                return Ok(false);
            }
        }
        batch.flush(sink)
    }

    /// Bytes of the mask for one element: one for each number in it.
    pub(super) fn mask_size(&self) -> u64 {
        fn leaves(dtype: &Dtype) -> u64 {
            if let Some((base, shape)) = &dtype.sub_array {
                let n = shape.iter().fold(1_u64, |n, axis| n.saturating_mul(*axis));
                return n.saturating_mul(leaves(base));
            }
            if dtype.fields.is_empty() {
                return 1;
            }
            let fields = dtype.fields.iter().map(|field| leaves(&field.dtype));
            fields.fold(0, u64::saturating_add)
        }
        leaves(&self.dtype)
    }

    pub(super) fn element_of(&self, value: &Value, item: Item<'_>, look: &Look<'_>) -> Element {
        match item {
            Item::Bytes(bytes) => self.dtype.element_for(bytes, look),
            Item::Object(node) => super::object::record(&self.dtype, value, node, look),
            Item::Masked => Element::Null,
        }
    }

    /// The element as a number to draw: dates as their count, complex numbers by magnitude, not-a-number for anything
    /// that has none; `None` if masked.
    pub(super) fn number_of(&self, value: &Value, item: Item<'_>) -> Option<f64> {
        match item {
            Item::Bytes(bytes) => Some(self.dtype.number(bytes).unwrap_or(f64::NAN)),
            Item::Object(node) => Some(match super::object::element_of(value, node) {
                Element::Bool(is_true) => f64::from(u8::from(is_true)),
                Element::Float(float) => float,
                Element::LongDouble(long) => long.to_f64(),
                Element::Int(int) => rounded(int),
                _ => f64::NAN,
            }),
            Item::Masked => None,
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "what is drawn is a double")]
fn rounded(int: i128) -> f64 {
    int as f64
}

impl Dtype {
    /// True if elements can be drawn as numbers.
    pub fn is_number(&self) -> bool {
        let is_scalar = self.sub_array.is_none() && self.fields.is_empty();
        is_scalar
            && matches!(
                self.scalar,
                Scalar::Bool
                    | Scalar::Int
                    | Scalar::UInt
                    | Scalar::Float
                    | Scalar::Complex
                    | Scalar::DateTime(_)
                    | Scalar::TimeDelta(_)
            )
    }

    /// One element as a double; `None` for types without numbers and for "not a time".
    pub(crate) fn number(&self, bytes: &[u8]) -> Option<f64> {
        match &self.scalar {
            Scalar::Bool => Some(f64::from(u8::from(bytes.iter().any(|b| *b != 0)))),
            Scalar::Int => self.int(bytes).map(rounded),
            Scalar::UInt => self.uint(bytes).map(|n| rounded(n.into())),
            Scalar::Float => self.float(bytes),
            Scalar::Complex => self.complex(bytes).map(|(re, im)| re.hypot(im)),
            Scalar::DateTime(_) | Scalar::TimeDelta(_) => {
                let count = self.int(bytes)?;
                (count != super::NOT_A_TIME).then(|| rounded(count))
            }
            _ => None,
        }
    }
}

/// Goes through picked groups, the fastest axis innermost.
struct Odometer<'p> {
    picks: &'p [Pick],
    strides: &'p [u64],
    fast_first: &'p [usize],
    /// Group and place in it along each axis, as `fast_first` orders them; the fastest has groups only.
    at: Vec<(u64, u64)>,
    cell_strides: Vec<usize>,
    is_done: bool,
}

impl<'p> Odometer<'p> {
    fn new(picks: &'p [Pick], strides: &'p [u64], fast_first: &'p [usize]) -> Self {
        let mut cell_strides = vec![0; picks.len()];
        let mut stride = 1_usize;
        for (place, pick) in cell_strides.iter_mut().zip(picks).rev() {
            *place = stride;
            stride = stride.saturating_mul(usize::try_from(pick.n()).unwrap_or(usize::MAX));
        }
        Self {
            is_done: picks.len() != strides.len() || picks.iter().any(|pick| pick.n() == 0),
            picks,
            strides,
            fast_first,
            at: vec![(0, 0); picks.len()],
            cell_strides,
        }
    }

    fn next(&mut self) -> Option<Run> {
        if self.is_done {
            return None;
        }
        let mut run = Run {
            offset: 0,
            n: 1,
            cell: 0,
        };
        for (place, axis) in self.fast_first.iter().enumerate() {
            let (pick, (group, within)) = (self.picks.get(*axis)?, *self.at.get(place)?);
            let range = pick.group(group);
            if place == 0 {
                run.n = range.end - range.start;
            }
            let index = range.start.saturating_add(within);
            let step = index.saturating_mul(*self.strides.get(*axis)?);
            run.offset = run.offset.saturating_add(step);
            let group = usize::try_from(group).unwrap_or(usize::MAX);
            let cell = group.saturating_mul(*self.cell_strides.get(*axis)?);
            run.cell = run.cell.saturating_add(cell);
        }
        self.advance();
        Some(run)
    }

    fn advance(&mut self) {
        for (place, axis) in self.fast_first.iter().enumerate() {
            let (Some(pick), Some((group, within))) =
                (self.picks.get(*axis), self.at.get_mut(place))
            else {
                break;
            };
            let range = pick.group(*group);
            *within += 1;
            if place > 0 && *within < range.end - range.start {
                return;
            }
            *within = 0;
            *group += 1;
            if *group < pick.n() {
                return;
            }
            *group = 0;
        }
        self.is_done = true;
    }
}

/// Runs that one read will serve.
struct Batch<'a> {
    view: &'a ArrayView,
    value: &'a Value,
    data: Forward<'a>,
    mask: Option<Forward<'a>>,
    object_mask: ObjectMask<'a>,
    runs: Vec<Run>,
    /// Where the runs begin and end in the array, in bytes.
    start: u64,
    end: u64,
    bytes: Vec<u8>,
    masked: Vec<u8>,
}

impl Batch<'_> {
    /// True if the run is read together with those before it.
    fn takes(&self, run: &Run) -> bool {
        let size = run.n.saturating_mul(self.view.step_bytes());
        self.runs.is_empty()
            || run.offset >= self.end
                && run.offset - self.end <= GAP
                && run.offset.saturating_add(size).saturating_sub(self.start) <= CHUNK
                && self.runs.len() < MAX_RUNS
    }

    /// Adds a run, serving those before it first where it lies too far off; a long one is served piecewise.
    fn push(&mut self, mut run: Run, sink: Sink<'_>) -> io::Result<bool> {
        let size = self.view.step_bytes();
        let most = (CHUNK / size).max(1);
        loop {
            if !self.takes(&run) && !self.flush(sink)? {
                return Ok(false);
            }
            let rest = run.n.saturating_sub(most);
            let next = Run {
                offset: run.offset.saturating_add(most.saturating_mul(size)),
                n: rest,
                cell: run.cell,
            };
            run.n -= rest;
            if self.runs.is_empty() {
                self.start = run.offset;
            }
            self.end = run.offset.saturating_add(run.n.saturating_mul(size));
            self.runs.push(run);
            if rest == 0 {
                return Ok(true);
            }
            run = next;
        }
    }

    /// Reads the runs and hands their elements out; false if it was cancelled.
    fn flush(&mut self, sink: Sink<'_>) -> io::Result<bool> {
        if self.runs.is_empty() {
            return Ok(true);
        }
        if let ArrayData::Objects(list) = self.view.data {
            for run in self.runs.drain(..) {
                for number in run.offset..run.offset.saturating_add(run.n) {
                    let index = usize::try_from(number).unwrap_or(usize::MAX);
                    let Some(node) = self.value.item(list, index) else {
                        break;
                    };
                    let is_masked = self.object_mask.hides(number)?;
                    let item = if is_masked {
                        Item::Masked
                    } else {
                        Item::Object(node)
                    };
                    sink(run.cell, item);
                }
            }
            return Ok(true);
        }
        let len = self.end - self.start;
        match self.data.read(self.start, len, &mut self.bytes)? {
            Some(n) if n < len => return Err(cut_short()),
            Some(_) => {}
            None => return Ok(false),
        }
        let size = self.view.step_bytes();
        let mask_size = self.view.mask_size();
        let mask_start = (self.start / size).saturating_mul(mask_size);
        if let Some(mask) = &mut self.mask {
            let len = (len / size).saturating_mul(mask_size);
            if mask.read(mask_start, len, &mut self.masked)?.is_none() {
                return Ok(false);
            }
        }
        for run in self.runs.drain(..) {
            let first = (run.offset - self.start) / size;
            for number in first..first.saturating_add(run.n) {
                let Some(bytes) = nth(&self.bytes, number, size) else {
                    continue;
                };
                let mask = self.mask.as_ref();
                let mask = mask.and_then(|_| nth(&self.masked, number, mask_size));
                let item = if mask.is_some_and(is_masked) {
                    Item::Masked
                } else {
                    Item::Bytes(bytes)
                };
                sink(run.cell, item);
            }
        }
        Ok(true)
    }
}

pub(super) fn too_large(size: u64) -> io::Error {
    io::Error::other(format!(
        "expected elements of at most {MAX_ELEMENT} bytes, found {size}"
    ))
}

pub(crate) fn cut_short() -> io::Error {
    io::Error::new(
        io::ErrorKind::UnexpectedEof,
        "expected more bytes of array data, found the end",
    )
}

/// A record is masked where all its fields are.
pub(super) fn is_masked(mask: &[u8]) -> bool {
    !mask.is_empty() && mask.iter().all(|b| *b != 0)
}

/// Element `number` of bytes that hold elements of `size` bytes.
fn nth(bytes: &[u8], number: u64, size: u64) -> Option<&[u8]> {
    let start = usize::try_from(number.checked_mul(size)?).ok()?;
    bytes.get(start..)?.get(..usize::try_from(size).ok()?)
}

/// Reads at rising offsets: anywhere in plain bytes, through what lies between in packed ones.
pub(crate) struct Forward<'a> {
    data: &'a ArrayData,
    content: &'a Content,
    is_cancelled: &'a dyn Fn() -> bool,
    stream: Option<(u64, Box<dyn Read + Send + 'a>)>,
}

impl<'a> Forward<'a> {
    pub(crate) fn new(
        data: &'a ArrayData,
        content: &'a Content,
        is_cancelled: &'a dyn Fn() -> bool,
    ) -> Self {
        Self {
            data,
            content,
            is_cancelled,
            stream: None,
        }
    }

    /// Fills `buf` with `len` bytes from `offset`, fewer at the end of the data; `None` if it was cancelled.
    pub(crate) fn read(
        &mut self,
        offset: u64,
        len: u64,
        buf: &mut Vec<u8>,
    ) -> io::Result<Option<u64>> {
        if (self.is_cancelled)() {
            return Ok(None);
        }
        buf.resize(usize::try_from(len).unwrap_or(usize::MAX), 0);
        let n = match self.data {
            ArrayData::Stream {
                offset: start,
                len: all,
            } if self.content.is_plain() => {
                let left = usize::try_from(all.saturating_sub(offset)).unwrap_or(usize::MAX);
                let n = left.min(buf.len());
                let part = buf.get_mut(..n).unwrap_or_default();
                Some(self.content.read_at(start.saturating_add(offset), part)?)
            }
            _ => self.forward(offset, buf)?,
        };
        Ok(n.map(|n| {
            buf.truncate(n);
            n as u64
        }))
    }

    fn forward(&mut self, offset: u64, buf: &mut [u8]) -> io::Result<Option<usize>> {
        let (mut at, mut stream) = match self.stream.take() {
            Some((at, stream)) if at <= offset => (at, stream),
            _ => match self.data.reader(self.content, 0)? {
                Some(stream) => (0, stream),
                None => return Ok(Some(0)),
            },
        };
        while at < offset {
            if (self.is_cancelled)() {
                return Ok(None);
            }
            let part = (offset - at).min(CHUNK);
            match io::copy(&mut stream.by_ref().take(part), &mut io::sink())? {
                0 => return Ok(Some(0)),
                n => at += n,
            }
        }
        let n = super::stats::read_full(&mut stream, buf)?;
        self.stream = Some((offset.saturating_add(n as u64), stream));
        Ok(Some(n))
    }
}
