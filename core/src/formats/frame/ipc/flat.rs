//! Tables of a flatbuffer, as Arrow writes its messages (`flatbuffers/docs/internals.md`); nothing is trusted.

/// A table in a flatbuffer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Flat<'b> {
    bytes: &'b [u8],
    at: usize,
}

impl<'b> Flat<'b> {
    /// The outermost table.
    pub(super) fn root(bytes: &'b [u8]) -> Option<Self> {
        let at = usize::try_from(number(bytes, 0, 4)?).ok()?;
        Some(Self { bytes, at })
    }

    /// Where field `n` stands; `None` if it has its default.
    fn field(&self, n: usize) -> Option<usize> {
        // The offset to the table of fields goes backwards.
        let back = u32::try_from(number(self.bytes, self.at, 4)?).ok()?;
        let fields = i64::try_from(self.at).ok()? - i64::from(back.cast_signed());
        let fields = usize::try_from(fields).ok()?;
        let size = usize::try_from(number(self.bytes, fields, 2)?).ok()?;
        let place = n.checked_mul(2)?.checked_add(4)?;
        if place.checked_add(2)? > size {
            return None;
        }
        match number(self.bytes, fields.checked_add(place)?, 2)? {
            0 => None,
            offset => self.at.checked_add(usize::try_from(offset).ok()?),
        }
    }

    /// A number of one to eight bytes, sign extended; `None` if it has its default.
    pub(super) fn int(&self, n: usize, size: usize) -> Option<i64> {
        let wide = number(self.bytes, self.field(n)?, size)?;
        let shift = 64_u32.checked_sub(u32::try_from(size).ok()?.checked_mul(8)?)?;
        Some((wide << shift).cast_signed() >> shift)
    }

    fn target(&self, at: usize) -> Option<usize> {
        at.checked_add(usize::try_from(number(self.bytes, at, 4)?).ok()?)
    }

    /// A table.
    pub(super) fn table(&self, n: usize) -> Option<Self> {
        let at = self.target(self.field(n)?)?;
        Some(Self { at, ..*self })
    }

    /// Text.
    pub(super) fn text(&self, n: usize) -> Option<&'b str> {
        let (at, len) = self.vector(n)?;
        let bytes = self.bytes.get(at..at.checked_add(len)?)?;
        std::str::from_utf8(bytes).ok()
    }

    /// Where the elements of a vector begin, and how many there are.
    fn vector(&self, n: usize) -> Option<(usize, usize)> {
        let at = self.target(self.field(n)?)?;
        let len = usize::try_from(number(self.bytes, at, 4)?).ok()?;
        Some((at.checked_add(4)?, len))
    }

    /// Tables of a vector; none where it is absent, `None` where there are more than bytes for them.
    pub(super) fn tables(&self, n: usize) -> Option<Vec<Self>> {
        let Some((start, len)) = self.vector(n) else {
            return Some(Vec::new());
        };
        if len > self.bytes.len() {
            return None;
        }
        let table = |number: usize| {
            let at = self.target(start.checked_add(number.checked_mul(4)?)?)?;
            Some(Self { at, ..*self })
        };
        (0..len).map(table).collect()
    }

    /// Pairs of 64-bit numbers of a vector of such structs.
    pub(super) fn pairs(&self, n: usize) -> Option<Vec<(u64, u64)>> {
        let numbers = self.numbers_of(n, 2)?;
        let pairs = numbers.as_chunks().0.iter();
        Some(pairs.map(|[first, second]| (*first, *second)).collect())
    }

    /// 64-bit numbers of a vector.
    pub(super) fn numbers(&self, n: usize) -> Option<Vec<u64>> {
        self.numbers_of(n, 1)
    }

    fn numbers_of(&self, n: usize, each: usize) -> Option<Vec<u64>> {
        let Some((start, len)) = self.vector(n) else {
            return Some(Vec::new());
        };
        let size = len.checked_mul(each)?.checked_mul(8)?;
        let bytes = self.bytes.get(start..start.checked_add(size)?)?;
        let numbers = bytes.as_chunks().0.iter();
        Some(numbers.map(|bytes| u64::from_le_bytes(*bytes)).collect())
    }
}

/// A little-endian number of up to eight bytes.
fn number(bytes: &[u8], at: usize, size: usize) -> Option<u64> {
    let bytes = bytes.get(at..at.checked_add(size)?)?;
    Some(bytes.iter().rev().fold(0, |n, b| n << 8 | u64::from(*b)))
}
