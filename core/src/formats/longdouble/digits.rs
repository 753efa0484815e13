//! The fewest decimal digits that read back as one binary number, found exactly, in whole numbers of any size.
//!
//! R. G. Burger and R. K. Dybvig, "Printing Floating-Point Numbers Quickly and Accurately" (1996), free-format
//! generation, with the rules for ties of numpy's own `dragon4.c` (1.14 to 2.5): numbers round to even, both when they
//! are read back and at the last digit.

use std::cmp::Ordering;
use std::f64::consts::LOG10_2;

/// Digits of `mantissa * 2^exponent`, and the power of ten of the first one. `is_power` says that the next number below
/// is only half as far away as the next one above.
pub(super) fn shortest(mantissa: u64, exponent: i32, is_power: bool) -> (String, i32) {
    if mantissa == 0 {
        return ("0".to_owned(), 0);
    }
    let is_even = mantissa.is_multiple_of(2);
    // The number is `value / unit`; half the way to its neighbours is `above / unit` and `below / unit`.
    let halves = 1 + u32::from(is_power);
    let (raised, lowered) = if exponent < 0 {
        (0, exponent.unsigned_abs())
    } else {
        (exponent.unsigned_abs(), 0)
    };
    let mut value = Big::new(mantissa, raised + halves);
    let mut unit = Big::new(1, lowered + halves);
    let mut above = Big::new(1, raised + u32::from(is_power));
    let mut below = Big::new(1, raised);

    // The number lies below 10^power and, if the estimate is right, not below 10^(power - 1).
    let mut power = estimate(mantissa, exponent);
    if power < 0 {
        for part in [&mut value, &mut above, &mut below] {
            part.raise(power.unsigned_abs());
        }
    } else {
        unit.raise(power.unsigned_abs());
    }
    let reaches = |value: &Big, above: &Big, unit: &Big| match value.plus(above).cmp(unit) {
        Ordering::Less => false,
        Ordering::Equal => is_even,
        Ordering::Greater => true,
    };
    if reaches(&value, &above, &unit) {
        power += 1;
        unit.times(10);
    }

    let mut digits = String::new();
    loop {
        for part in [&mut value, &mut above, &mut below] {
            part.times(10);
        }
        let mut digit = value.divide_by(&unit);
        let may_stay = match value.cmp(&below) {
            Ordering::Less => true,
            Ordering::Equal => is_even,
            Ordering::Greater => false,
        };
        let may_rise = reaches(&value, &above, &unit);
        if may_stay || may_rise {
            let rises = may_rise
                && (!may_stay
                    || match value.plus(&value).cmp(&unit) {
                        Ordering::Less => false,
                        Ordering::Equal => digit % 2 == 1,
                        Ordering::Greater => true,
                    });
            digit += u32::from(rises);
            digits.extend(char::from_digit(digit, 10));
            return (digits, power - 1);
        }
        digits.extend(char::from_digit(digit, 10));
    }
}

/// The power of ten at or below which the number lies, or the one before.
fn estimate(mantissa: u64, exponent: i32) -> i32 {
    let log2 = exponent + 63 - mantissa.leading_zeros().cast_signed();
    #[expect(
        clippy::cast_possible_truncation,
        reason = "exponents have fifteen bits"
    )]
    // Made a little too low, for what the product rounds up: one step too low is seen, one too high is not.
    let power = (f64::from(log2) * LOG10_2 - 1e-9).ceil() as i32;
    power
}

/// A whole number of any size: 32 bits a limb, lowest first, no zero limb at the end.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Big(Vec<u32>);

impl Big {
    /// `number * 2^shift`.
    fn new(number: u64, shift: u32) -> Self {
        let mut limbs = vec![0; (shift / 32) as usize];
        let mut wide = u128::from(number) << (shift % 32);
        while wide > 0 {
            limbs.push(low(wide));
            wide >>= 32;
        }
        Self(limbs)
    }

    fn times(&mut self, factor: u32) {
        let mut carry = 0;
        for limb in &mut self.0 {
            let wide = u64::from(*limb) * u64::from(factor) + carry;
            *limb = low(wide.into());
            carry = wide >> 32;
        }
        if carry > 0 {
            self.0.push(low(carry.into()));
        }
    }

    /// Multiplies with a power of ten.
    fn raise(&mut self, power: u32) {
        for _ in 0..power / 9 {
            self.times(1_000_000_000);
        }
        self.times(10_u32.pow(power % 9));
    }

    fn plus(&self, other: &Self) -> Self {
        let n = self.0.len().max(other.0.len());
        let mut carry = 0;
        let mut limbs = Vec::with_capacity(n + 1);
        for at in 0..n {
            let part = |limbs: &[u32]| u64::from(limbs.get(at).copied().unwrap_or(0));
            let wide = part(&self.0) + part(&other.0) + carry;
            limbs.push(low(wide.into()));
            carry = wide >> 32;
        }
        if carry > 0 {
            limbs.push(low(carry.into()));
        }
        Self(limbs)
    }

    /// Leaves the rest of the division by a number that goes into it at most nine times, and says how often it did.
    fn divide_by(&mut self, unit: &Self) -> u32 {
        let mut times = 0;
        while (*self).cmp(unit) != Ordering::Less {
            self.minus(unit);
            times += 1;
        }
        times
    }

    /// Takes a number off that is not larger.
    fn minus(&mut self, other: &Self) {
        let mut borrow = 0;
        for (at, limb) in self.0.iter_mut().enumerate() {
            let part = u64::from(other.0.get(at).copied().unwrap_or(0)) + borrow;
            let wide = (1 << 32 | u64::from(*limb)) - part;
            *limb = low(wide.into());
            borrow = u64::from(wide >> 32 == 0);
        }
        while self.0.last() == Some(&0) {
            self.0.pop();
        }
    }

    fn cmp(&self, other: &Self) -> Ordering {
        let by_size = self.0.len().cmp(&other.0.len());
        by_size.then_with(|| self.0.iter().rev().cmp(other.0.iter().rev()))
    }
}

/// The lowest 32 bits.
#[expect(clippy::cast_possible_truncation, reason = "the rest is carried on")]
fn low(wide: u128) -> u32 {
    wide as u32
}
