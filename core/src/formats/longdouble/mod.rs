//! numpy's `longdouble` as x86 keeps it: a sign, 15 bits of exponent and all 64 bits of the mantissa, in 12 or 16 bytes.

mod digits;

use std::cmp::Ordering;
use std::fmt;

/// Exponent of infinities and of what is no number.
const TOP: u16 = 0x7fff;

/// What a stored exponent has to be lowered by where the mantissa is taken as an integer.
const BIAS: i32 = 16_383 + 63;

/// The mantissa's highest bit, which doubles leave out and this format stores.
const INTEGER_BIT: u64 = 1 << 63;

/// A float of the 80 bits that x87 computes in (Intel's manual, volume 1, section 4.2.2).
///
/// Other machines keep other things in the sixteen bytes of a `longdouble` (IEEE quadruple precision, two doubles), and
/// nothing in a file says which: what is no number here is one of theirs, or damage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LongDouble {
    mantissa: u64,
    /// The sign is the highest bit.
    sign_exponent: u16,
}

impl LongDouble {
    /// The number in the first ten bytes, least significant first; what fills them up to 12 or 16 has no meaning.
    /// `None` if there are fewer, or if these are bits that no x86 computes with.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mantissa = u64::from_le_bytes(*bytes.first_chunk()?);
        let sign_exponent = u16::from_le_bytes(*bytes.get(8..)?.first_chunk()?);
        let is_sound = sign_exponent & TOP == 0 || mantissa & INTEGER_BIT != 0;
        is_sound.then_some(Self {
            mantissa,
            sign_exponent,
        })
    }

    /// True for what is not a number.
    pub fn is_nan(self) -> bool {
        self.has_top_exponent() && self.mantissa != INTEGER_BIT
    }

    /// True for both zeros.
    pub fn is_zero(self) -> bool {
        self.rank() == 0
    }

    /// False for infinities and what is not a number.
    pub fn is_finite(self) -> bool {
        !self.has_top_exponent()
    }

    /// True if it is below zero, or the zero below.
    pub(crate) fn is_sign_negative(self) -> bool {
        self.sign_exponent & !TOP != 0
    }

    fn has_top_exponent(self) -> bool {
        self.sign_exponent & TOP == TOP
    }

    /// The power of two that the mantissa, taken as an integer, is multiplied with. Zero and the numbers below the
    /// smallest exponent share that one.
    fn exponent(self) -> i32 {
        i32::from((self.sign_exponent & TOP).max(1)) - BIAS
    }

    /// The nearest double; infinite beyond their range, zero below it.
    ///
    /// ```
    /// use cachescope_core::formats::{Element, numpy::Dtype};
    ///
    /// let mut stored = [0; 16];
    /// (stored[7], stored[8], stored[9]) = (0xc0, 0xff, 0x3f);
    /// let Element::LongDouble(number) = Dtype::from_code("<f16").unwrap().element(&stored) else {
    ///     panic!("no longdouble");
    /// };
    /// assert_eq!((number.to_f64(), number.to_string()), (1.5, "1.5".to_owned()));
    /// ```
    pub fn to_f64(self) -> f64 {
        let magnitude = if self.is_nan() {
            f64::NAN
        } else if self.has_top_exponent() {
            f64::INFINITY
        } else {
            self.magnitude()
        };
        if self.is_sign_negative() {
            -magnitude
        } else {
            magnitude
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "rounded to the nearest, once")]
    fn magnitude(self) -> f64 {
        let exponent = self.exponent();
        // Doubles below 2^-1022 are multiples of 2^-1074: rounded to those, or it would be rounded twice.
        let excess = -1074 - exponent;
        if self.mantissa == 0 || excess > 64 {
            return 0.0;
        }
        let top = exponent + 63 - self.mantissa.leading_zeros().cast_signed();
        if top >= -1022 {
            // Two steps, for a power below the smallest double; beyond the largest it is infinite, as in C.
            let half = exponent / 2;
            return self.mantissa as f64 * 2_f64.powi(half) * 2_f64.powi(exponent - half);
        }
        let wide = u128::from(self.mantissa);
        let unit = 1_u128 << excess.unsigned_abs();
        let (whole, rest) = (wide / unit, wide % unit);
        let rounds_up = match (2 * rest).cmp(&unit) {
            Ordering::Less => false,
            Ordering::Equal => whole % 2 == 1,
            Ordering::Greater => true,
        };
        (whole + u128::from(rounds_up)) as f64 * f64::from_bits(1)
    }

    /// What [`Self::to_f64`] leaves of a finite number of their range, as a double; it has room for all of it.
    pub(crate) fn rest(self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "it is what is looked for")]
        let rounded = self.mantissa as f64;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "an integer of at most 2^64"
        )]
        let rest = i128::from(self.mantissa) - (rounded as u128).cast_signed();
        #[expect(clippy::cast_precision_loss, reason = "at most half of 2^11")]
        let rest = rest as f64 * 2_f64.powi(self.exponent().max(-1074));
        if self.is_sign_negative() { -rest } else { rest }
    }

    /// Digits without sign, the fewest that read back as this finite number, and the power of ten of the first.
    pub(crate) fn digits(self) -> (String, i32) {
        // Below a power of two the next number is half as far away, but for the smallest exponent.
        let is_power = self.mantissa == INTEGER_BIT && self.sign_exponent & TOP > 1;
        digits::shortest(self.mantissa, self.exponent(), is_power)
    }

    /// Orders finite and infinite numbers; both zeros are one.
    pub(crate) fn rank(self) -> i128 {
        let magnitude = i128::from(self.sign_exponent & TOP) << 64 | i128::from(self.mantissa);
        if self.is_sign_negative() {
            -magnitude
        } else {
            magnitude
        }
    }
}

/// As numpy's `str` prints it.
impl fmt::Display for LongDouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&super::repr::long_double_repr(*self))
    }
}

#[cfg(test)]
mod tests;
