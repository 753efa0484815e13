//! Single elements out of an array's bytes.

use super::datetime::{NOT_A_TIME, datetime_text, timedelta_text};
use super::{Dtype, Look, Scalar};
use crate::formats::repr::long_complex_repr;
use crate::formats::{Element, LongDouble};

/// Nested records and sub-arrays: elements shown of one element.
const MAX_INNER: u64 = 64;

impl Dtype {
    /// The element whose bytes these are, of long inner arrays the head; `Null` if there are too few.
    pub fn element(&self, bytes: &[u8]) -> Element {
        self.element_for(bytes, &Look::GLANCE)
    }

    /// The same, with inner arrays as long as they are wanted.
    pub(crate) fn element_for(&self, bytes: &[u8], look: &Look<'_>) -> Element {
        if let Some((base, shape)) = &self.sub_array {
            return sub_array(base, shape, bytes, look);
        }
        if !self.fields.is_empty() {
            let fields = self.fields.iter();
            return Element::List(fields.map(|f| f.element(bytes, look)).collect());
        }
        let size = usize::try_from(self.item_size).unwrap_or(usize::MAX);
        let Some(bytes) = bytes.get(..size) else {
            return Element::Null;
        };
        match &self.scalar {
            Scalar::Bool => Element::Bool(bytes.iter().any(|b| *b != 0)),
            Scalar::Int => self.int(bytes).map_or(Element::Null, Element::Int),
            Scalar::UInt => self
                .uint(bytes)
                .map_or(Element::Null, |n| Element::Int(n.into())),
            Scalar::Float if self.is_long() => self
                .long_double(bytes)
                .map_or(Element::Null, Element::LongDouble),
            Scalar::Float => self.float(bytes).map_or(Element::Null, Element::Float),
            Scalar::Complex if self.is_long() => self
                .long_complex_text(bytes)
                .map_or(Element::Null, Element::Repr),
            Scalar::Complex => match self.complex(bytes) {
                Some((re, im)) => Element::Complex(re, im),
                None => Element::Null,
            },
            Scalar::Bytes => Element::Text(escaped(trimmed(bytes))),
            Scalar::Str => Element::Text(self.utf32(bytes)),
            Scalar::Void => Element::Text(escaped(bytes)),
            Scalar::DateTime(unit) => match self.int(bytes) {
                Some(count) if count != NOT_A_TIME => {
                    datetime_text(count, unit).map_or(Element::Null, Element::Text)
                }
                _ => Element::Null,
            },
            Scalar::TimeDelta(unit) => match self.int(bytes) {
                Some(count) if count != NOT_A_TIME => Element::Text(timedelta_text(count, unit)),
                _ => Element::Null,
            },
            Scalar::Object | Scalar::VariableStr(_) => Element::Null,
        }
    }

    /// True if elements, or elements inside of them, take no bytes, so that any number of them does not either.
    pub(super) fn has_nothing(&self) -> bool {
        let inner = self.sub_array.as_ref();
        self.item_size == 0
            || inner.is_some_and(|(base, _)| base.has_nothing())
            || self.fields.iter().any(|field| field.dtype.has_nothing())
    }

    /// A signed integer of up to eight bytes in this type's byte order.
    pub(crate) fn int(&self, bytes: &[u8]) -> Option<i128> {
        let unsigned = self.uint(bytes)?;
        let shift = 64_u32.checked_sub(8 * u32::try_from(bytes.len()).ok()?)?;
        Some(i128::from((unsigned << shift).cast_signed() >> shift))
    }

    pub(crate) fn uint(&self, bytes: &[u8]) -> Option<u64> {
        if bytes.is_empty() || bytes.len() > 8 {
            return None;
        }
        let push = |n: u64, b: &u8| n << 8 | u64::from(*b);
        Some(if self.is_big_endian {
            bytes.iter().fold(0, push)
        } else {
            bytes.iter().rev().fold(0, push)
        })
    }

    /// A float of 2, 4, 8 bytes, or of the 80 bits that x86 keeps in 12 or 16.
    pub(crate) fn float(&self, bytes: &[u8]) -> Option<f64> {
        match bytes.len() {
            2 => Some(half(u16::try_from(self.uint(bytes)?).ok()?)),
            4 => {
                let bits = u32::try_from(self.uint(bytes)?).ok()?;
                Some(f64::from(f32::from_bits(bits)))
            }
            8 => Some(f64::from_bits(self.uint(bytes)?)),
            12 | 16 => self.long_double(bytes).map(LongDouble::to_f64),
            _ => None,
        }
    }

    /// True for floats, and complex numbers of floats, that have more bits than a double.
    pub(crate) fn is_long(&self) -> bool {
        match self.scalar {
            Scalar::Float => self.item_size > 8,
            Scalar::Complex => self.item_size > 16,
            _ => false,
        }
    }

    /// The float of 80 bits in 12 or 16 bytes; `None` if it is none of x86.
    pub(crate) fn long_double(&self, bytes: &[u8]) -> Option<LongDouble> {
        if !self.is_big_endian {
            return LongDouble::from_bytes(bytes);
        }
        // numpy turns all bytes of the other order round, the filling with them.
        let turned: Vec<u8> = bytes.iter().rev().copied().collect();
        LongDouble::from_bytes(&turned)
    }

    pub(crate) fn complex(&self, bytes: &[u8]) -> Option<(f64, f64)> {
        let (re, im) = halves(bytes)?;
        Some((self.float(re)?, self.float(im)?))
    }

    /// A complex number of two such floats as numpy prints it.
    pub(crate) fn long_complex_text(&self, bytes: &[u8]) -> Option<String> {
        let (re, im) = halves(bytes)?;
        let (re, im) = (self.long_double(re)?, self.long_double(im)?);
        Some(long_complex_repr(re, im))
    }

    /// Text of four bytes a character, without the NULs that fill it up.
    pub(crate) fn utf32(&self, bytes: &[u8]) -> String {
        let mut text: String = bytes
            .chunks_exact(4)
            .map(|c| {
                let code = self.uint(c).and_then(|n| u32::try_from(n).ok());
                code.and_then(char::from_u32)
                    .unwrap_or(char::REPLACEMENT_CHARACTER)
            })
            .collect();
        text.truncate(text.trim_end_matches('\0').len());
        text
    }
}

impl super::Field {
    fn element(&self, record: &[u8], look: &Look<'_>) -> Element {
        match usize::try_from(self.offset)
            .ok()
            .and_then(|at| record.get(at..))
        {
            Some(bytes) => self.dtype.element_for(bytes, look),
            None => Element::Null,
        }
    }
}

/// The real part's bytes and the imaginary part's.
fn halves(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    bytes.split_at_checked(bytes.len() / 2)
}

/// numpy drops the NULs at the end of byte strings.
pub(crate) fn trimmed(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().rposition(|b| *b != 0).map_or(0, |at| at + 1);
    bytes.get(..end).unwrap_or_default()
}

fn escaped(bytes: &[u8]) -> String {
    crate::model::text::from_bytes(bytes).into_owned()
}

/// An inner array as nested lists, at a glance cut after its first elements.
fn sub_array(base: &Dtype, shape: &[u64], bytes: &[u8], look: &Look<'_>) -> Element {
    let Some((&axis, inner)) = shape.split_first() else {
        return base.element_for(bytes, look);
    };
    let step = inner
        .iter()
        .try_fold(base.item_size, |n, axis| n.checked_mul(*axis))
        .and_then(|n| usize::try_from(n).ok())
        .unwrap_or(usize::MAX);
    // Shapes have at most 64 axes in numpy, and no more are followed here.
    if inner.len() > 64 {
        return Element::Null;
    }
    let most = if look.is_whole() { axis } else { MAX_INNER };
    let n = usize::try_from(axis.min(most)).unwrap_or(0);
    Element::List(
        (0..n)
            .map_while(|i| bytes.get(i.checked_mul(step)?..))
            .map(|rest| sub_array(base, inner, rest, look))
            .collect(),
    )
}

/// IEEE half precision.
fn half(bits: u16) -> f64 {
    let fraction = f64::from(bits & 0x3ff);
    let magnitude = match (bits >> 10) & 0x1f {
        0 => fraction * 2.0_f64.powi(-24),
        0x1f if fraction == 0.0 => f64::INFINITY,
        0x1f => f64::NAN,
        exponent => (1.0 + fraction / 1024.0) * 2.0_f64.powi(i32::from(exponent) - 15),
    };
    if bits & 0x8000 == 0 {
        magnitude
    } else {
        -magnitude
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(code: &str, bytes: &[u8], expected: &Element) {
        let dtype = Dtype::from_code(code).unwrap();
        assert_eq!(&dtype.element(bytes), expected, "{code}");
    }

    #[test]
    fn elements_read_as_numpy_reads_them() {
        check("<i2", &[0xfe, 0xff], &Element::Int(-2));
        check(">i4", &[0, 0, 1, 0], &Element::Int(256));
        check("<u8", &[0xff; 8], &Element::Int(u64::MAX.into()));
        check("<f2", &[0x66, 0x2e], &Element::Float(0.099_975_585_937_5));
        check(">f8", &[0x3f, 0xf8, 0, 0, 0, 0, 0, 0], &Element::Float(1.5));
        check("|S4", b"ab\0\0", &Element::Text("ab".into()));
        check(
            "<U2",
            &[0xe9, 0, 0, 0, 0, 0, 0, 0],
            &Element::Text("é".into()),
        );
        check("<M8[D]", &[0, 0, 0, 0, 0, 0, 0, 0x80], &Element::Null);
        check("<f8", &[0; 3], &Element::Null);
    }

    #[test]
    fn longdouble_is_read_from_its_80_bits() {
        let check = |code: &str, bytes: &[u8]| {
            let element = Dtype::from_code(code).unwrap().element(bytes);
            assert_eq!(element.text(), "1.5", "{code}");
        };
        // np.longdouble('1.5').tobytes() on x86-64 Linux.
        let bytes = [0, 0, 0, 0, 0, 0, 0, 0xc0, 0xff, 0x3f, 0, 0, 0, 0, 0, 0];
        check("<f16", &bytes);
        check("<f12", &bytes);
        // np.longdouble('1.5') as `>f16`.
        let turned: Vec<u8> = bytes.into_iter().rev().collect();
        check(">f16", &turned);
    }
}
