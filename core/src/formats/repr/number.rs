//! Numbers as Python prints them.

use crate::formats::longdouble::LongDouble;
use crate::model::value::Integer;

/// `repr(float)`: the shortest digits that read back as the same number (`Python/dtoa.c`, format `r`).
///
/// ```
/// use cachescope_core::formats::repr::float_repr;
///
/// assert_eq!(float_repr(1e16), "1e+16");
/// assert_eq!(float_repr(-0.0), "-0.0");
/// ```
pub fn float_repr(value: f64) -> String {
    printed(value, &Width::DOUBLE, Tail::PointZero)
}

/// A float as numpy prints its scalars; `width` is that of the stored number.
pub(super) fn scalar_repr(value: f64, width: &Width) -> String {
    printed(value, width, Tail::PointZero)
}

/// How many bytes a float has, and from where on it is written with an exponent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Width {
    bytes: u8,
    /// Powers of ten from here on have an exponent: 16 in Python, the type's sure digits in numpy 2.5.
    scientific_from: f64,
}

impl Width {
    pub(super) const HALF: Self = Self {
        bytes: 2,
        scientific_from: 1e3,
    };
    pub(super) const SINGLE: Self = Self {
        bytes: 4,
        scientific_from: 1e6,
    };
    pub(super) const DOUBLE: Self = Self {
        bytes: 8,
        scientific_from: 1e16,
    };
}

/// What stands behind a whole number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tail {
    PointZero,
    /// Parts of complex numbers have none.
    Nothing,
}

fn printed(value: f64, width: &Width, tail: Tail) -> String {
    if value.is_nan() {
        return "nan".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    let magnitude = value.abs();
    let (digits, exponent) = shortest_digits(magnitude, width);
    let is_plain = magnitude == 0.0 || (1e-4..width.scientific_from).contains(&magnitude);
    laid_out(
        value.is_sign_negative(),
        &digits,
        exponent,
        is_plain.then_some(tail),
    )
}

/// Digits with a point where `tail` says what stands behind a whole number, else with an exponent.
fn laid_out(is_negative: bool, digits: &str, exponent: i32, tail: Option<Tail>) -> String {
    let sign = if is_negative { "-" } else { "" };
    let text = match tail {
        Some(tail) => positional(digits, exponent, tail),
        None => scientific(digits, exponent),
    };
    format!("{sign}{text}")
}

/// A `longdouble` as numpy prints it: the fewest digits that read back as the same 80 bits.
pub(crate) fn long_double_repr(value: LongDouble) -> String {
    printed_long(value, Tail::PointZero)
}

fn printed_long(value: LongDouble, tail: Tail) -> String {
    if !value.is_finite() {
        return printed(value.to_f64(), &Width::DOUBLE, tail);
    }
    let (digits, exponent) = value.digits();
    // `numpy/_core/src/multiarray/scalartypes.c.src: longdoubletype_repr_either` of numpy 1.14 to 2.5.
    let is_plain = (-4..16).contains(&exponent);
    laid_out(
        value.is_sign_negative(),
        &digits,
        exponent,
        is_plain.then_some(tail),
    )
}

/// The fewest digits that read back as the same number of that width, and the exponent of the first.
fn shortest_digits(magnitude: f64, width: &Width) -> (String, i32) {
    let text = shortest_text(magnitude, width);
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    let trimmed = digits.trim_end_matches('0');
    let digits = if trimmed.is_empty() { "0" } else { trimmed };
    (digits.to_owned(), exponent.parse().unwrap_or(0))
}

/// Rust's exponent form has as few digits as Python's and numpy's, but of two that are as near it takes the upper one,
/// they the even one (`_Py_dg_dtoa` in mode 0, `dragon4.c`), as rounding to so many digits does.
fn shortest_text(magnitude: f64, width: &Width) -> String {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "it was widened from single precision"
    )]
    let single = magnitude as f32;
    let text = match width.bytes {
        4 => format!("{single:e}"),
        2 => return half_digits(magnitude),
        _ => format!("{magnitude:e}"),
    };
    let n_digits = text
        .bytes()
        .take_while(|b| *b != b'e')
        .filter(u8::is_ascii_digit)
        .count();
    let even = format!("{magnitude:.0$e}", n_digits.saturating_sub(1));
    let is_same = match width.bytes {
        4 => even.parse() == Ok(single),
        _ => even.parse() == Ok(magnitude),
    };
    if is_same { even } else { text }
}

/// Half precision: the first number of digits that rounds back to the same sixteen bits.
fn half_digits(magnitude: f64) -> String {
    let mut text = String::new();
    for precision in 0..6 {
        text = format!("{magnitude:.precision$e}");
        let read: f64 = text.parse().unwrap_or(f64::NAN);
        // Neighbours lie an eleventh binary digit apart, and nearer below a power of two; below 2**-14 evenly.
        let exponent = magnitude.log2().floor().max(-14.0);
        let half_step = (exponent - 11.0).exp2();
        let n_steps = magnitude / (2.0 * half_step);
        let is_even = n_steps % 2.0 < 0.5;
        let is_power = n_steps < 1024.5 && exponent > -14.0;
        let is_below = read < magnitude;
        let reach = if is_power && is_below {
            half_step / 2.0
        } else {
            half_step
        };
        let distance = (read - magnitude).abs();
        if distance < reach || is_even && distance <= reach {
            break;
        }
    }
    text
}

fn zeros(n: i32) -> String {
    "0".repeat(usize::try_from(n).unwrap_or(0))
}

fn scientific(digits: &str, exponent: i32) -> String {
    let (first, rest) = digits.split_at_checked(1).unwrap_or((digits, ""));
    let point = if rest.is_empty() { "" } else { "." };
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{first}{point}{rest}e{sign}{:02}", exponent.unsigned_abs())
}

fn positional(digits: &str, exponent: i32, tail: Tail) -> String {
    let n = i32::try_from(digits.len()).unwrap_or(i32::MAX);
    if exponent < 0 {
        return format!("0.{}{digits}", zeros(-exponent - 1));
    }
    if n <= exponent + 1 {
        let tail = if tail == Tail::PointZero { ".0" } else { "" };
        return format!("{digits}{}{tail}", zeros(exponent + 1 - n));
    }
    let at = usize::try_from(exponent + 1).unwrap_or(0);
    let (whole, fraction) = digits.split_at_checked(at).unwrap_or((digits, "0"));
    format!("{whole}.{fraction}")
}

/// `repr(complex)`.
pub(crate) fn complex_repr(re: f64, im: f64) -> String {
    complex_scalar_repr(re, im, &Width::DOUBLE)
}

/// A complex number as numpy prints its scalars.
pub(super) fn complex_scalar_repr(re: f64, im: f64, width: &Width) -> String {
    let part = |x| printed(x, width, Tail::Nothing);
    complex_text(&part(re), &part(im))
}

/// A `clongdouble`, likewise.
pub(crate) fn long_complex_repr(re: LongDouble, im: LongDouble) -> String {
    let part = |x| printed_long(x, Tail::Nothing);
    complex_text(&part(re), &part(im))
}

/// A complex number inside a record, whose parts numpy prints as those of arrays: with at most eight digits behind the
/// point, which is there in any case (`numpy/_core/arrayprint.py: ComplexFloatingFormat`).
pub(super) fn record_complex(re: f64, im: f64, width: &Width) -> String {
    let im = record_part(im, width);
    let sign = if im.starts_with('-') { "" } else { "+" };
    format!("{}{sign}{im}j", record_part(re, width))
}

fn record_part(value: f64, width: &Width) -> String {
    const PRECISION: usize = 8;
    if !value.is_finite() {
        return printed(value, width, Tail::Nothing);
    }
    let magnitude = value.abs();
    let sign = if value.is_sign_negative() { "-" } else { "" };
    let (digits, exponent) = shortest_digits(magnitude, width);
    let is_plain = magnitude == 0.0 || (1e-4..1e8).contains(&magnitude);
    if is_plain {
        let text = positional(&digits, exponent, Tail::PointZero);
        let n_behind = text.split_once('.').map_or(0, |(_, behind)| behind.len());
        let text = if n_behind > PRECISION {
            format!("{magnitude:.PRECISION$}")
        } else {
            text
        };
        return format!("{sign}{}", text.trim_end_matches('0'));
    }
    let text = if digits.len() > PRECISION + 1 {
        format!("{magnitude:.PRECISION$e}")
    } else {
        shortest_text(magnitude, width)
    };
    let mantissa = text.split('e').next().unwrap_or_default();
    let (whole, behind) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let behind = behind.trim_end_matches('0');
    let shown = scientific("0", exponent);
    let power = shown.trim_start_matches('0');
    format!("{sign}{whole}.{behind}{power}")
}

/// Both parts in parentheses; a positive zero before the other is left out.
fn complex_text(re: &str, im: &str) -> String {
    if re == "0" {
        return format!("{im}j");
    }
    let sign = if im.starts_with('-') { "" } else { "+" };
    format!("({re}{sign}{im}j)")
}

/// Integers up to this many bytes are shown in decimal: Python itself refuses beyond 4,300 digits
/// (`sys.int_info.default_max_str_digits`), because the work grows with the square.
const MAX_DECIMAL_BYTES: usize = 1792;

/// True for what is printed by its size and head.
pub(super) fn is_summary(integer: &Integer<'_>) -> bool {
    matches!(integer, Integer::Binary(blob) if blob.is_cut() || blob.bytes.len() > MAX_DECIMAL_BYTES)
}

/// `repr(int)`; beyond what Python prints, the size in bits and the leading digits in hexadecimal.
pub(super) fn int_repr(integer: &Integer<'_>) -> String {
    match integer {
        Integer::Small(value) => value.to_string(),
        Integer::Decimal(text) => normal_decimal(text),
        Integer::Binary(blob) if !is_summary(integer) => decimal_of(&blob.bytes),
        Integer::Binary(blob) => {
            let head = blob.bytes.iter().rev().take(8);
            let head = head.fold(0_u64, |n, b| n << 8 | u64::from(*b));
            let width = 2 * blob.bytes.len().min(8);
            let head = if blob.is_cut() {
                String::new()
            } else {
                format!(", 0x{head:0width$x}…")
            };
            format!("<int of {} bits{head}>", blob.len.saturating_mul(8))
        }
    }
}

fn normal_decimal(text: &str) -> String {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    match digits.trim_start_matches('0') {
        "" => "0".to_owned(),
        digits => format!("{sign}{digits}"),
    }
}

/// Decimal digits of a little-endian two's complement number, by short division.
pub(crate) fn decimal_of(bytes: &[u8]) -> String {
    const CHUNK: u64 = 1_000_000_000_000_000_000;
    let is_negative = bytes.last().is_some_and(|b| *b >= 0x80);
    let mut magnitude: Vec<u8> = bytes.to_vec();
    if is_negative {
        negate(&mut magnitude);
    }
    let mut limbs: Vec<u32> = magnitude
        .chunks(4)
        .map(|c| c.iter().rev().fold(0, |n, b| n << 8 | u32::from(*b)))
        .collect();
    let mut chunks = Vec::new();
    while limbs.iter().any(|limb| *limb != 0) {
        let mut remainder = 0_u64;
        for limb in limbs.iter_mut().rev() {
            let wide = u128::from(remainder) << 32 | u128::from(*limb);
            *limb = u32::try_from(wide / u128::from(CHUNK)).unwrap_or(u32::MAX);
            remainder = u64::try_from(wide % u128::from(CHUNK)).unwrap_or(0);
        }
        chunks.push(remainder);
        while limbs.last() == Some(&0) {
            limbs.pop();
        }
    }
    let Some(first) = chunks.pop() else {
        return "0".to_owned();
    };
    let sign = if is_negative { "-" } else { "" };
    let rest = chunks.iter().rev().map(|chunk| format!("{chunk:018}"));
    std::iter::once(format!("{sign}{first}"))
        .chain(rest)
        .collect()
}

/// Two's complement of a little-endian number in place.
fn negate(bytes: &mut [u8]) {
    let mut carry = true;
    for byte in bytes {
        let (sum, overflows) = (!*byte).overflowing_add(u8::from(carry));
        *byte = sum;
        carry = overflows;
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;
    use crate::model::value::Blob;

    #[test]
    fn floats_print_as_in_python() {
        // repr() by CPython 3.13.
        for (value, expected) in [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (1.0, "1.0"),
            (0.1, "0.1"),
            (1e15, "1000000000000000.0"),
            (1e16, "1e+16"),
            (123_456_789_012_345_680.0, "1.2345678901234568e+17"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (1.5e-7, "1.5e-07"),
            (5e-324, "5e-324"),
            (1.797_693_134_862_315_7e308, "1.7976931348623157e+308"),
            (123.456, "123.456"),
            (f64::NAN, "nan"),
            (f64::NEG_INFINITY, "-inf"),
            (2.0_f64.powi(53), "9007199254740992.0"),
            // Two texts of these lengths are as near: the even one.
            (2.111_488_342_285_156_3, "2.1114883422851562"),
            (684.985_900_878_906_3, "684.9859008789062"),
            (-0.925_941_467_285_156_3, "-0.9259414672851562"),
        ] {
            assert_eq!(float_repr(value), expected);
        }
    }

    #[test]
    fn narrow_floats_print_as_in_numpy() {
        // repr(np.float16(x)) and repr(np.float32(x)) by numpy 2.5.
        for (value, expected) in [
            (0.099_975_585_937_5, "0.1"),
            (999.0, "999.0"),
            (1024.0, "1.024e+03"),
            (65_504.0, "6.55e+04"),
            (5.960_464_477_539_063e-8, "6e-08"),
            (-2.0, "-2.0"),
            (0.333_251_953_125, "0.3333"),
            (32_768.0, "3.277e+04"),
        ] {
            assert_eq!(scalar_repr(value, &Width::HALF), expected);
        }
        for (value, expected) in [
            (0.1_f32, "0.1"),
            (100_000.0, "100000.0"),
            (1e6, "1e+06"),
            (16_777_216.0, "1.6777216e+07"),
            (0.0001, "1e-04"),
        ] {
            assert_eq!(scalar_repr(value.into(), &Width::SINGLE), expected);
        }
    }

    #[test]
    fn complex_numbers_print_as_in_python() {
        assert_eq!(complex_repr(1.0, 2.0), "(1+2j)");
        assert_eq!(complex_repr(-0.0, -2.0), "(-0-2j)");
        assert_eq!(complex_repr(0.0, f64::NAN), "nanj");
        assert_eq!(complex_repr(f64::INFINITY, -0.0), "(inf-0j)");
    }

    #[test]
    fn complex_numbers_in_records_print_as_in_numpy() {
        // repr() of records of c8 and c16 by numpy 2.5.
        for (re, im, expected) in [
            (0.1, 2.0, "0.1+2.j"),
            (1e10, -1.0, "1.e+10-1.j"),
            (1.0 / 3.0, -0.0, "0.33333333-0.j"),
            (1.234_567_890_123e-5, f64::NAN, "1.23456789e-05+nanj"),
            (f64::NEG_INFINITY, 100.0, "-inf+100.j"),
        ] {
            assert_eq!(record_complex(re, im, &Width::DOUBLE), expected);
        }
        assert_eq!(
            record_complex(0.1_f32.into(), 0.0, &Width::SINGLE),
            "0.1+0.j"
        );
    }

    #[test]
    fn big_integers_print_in_decimal() {
        let int = |bytes: &[u8]| {
            int_repr(&Integer::Binary(Blob {
                bytes: Cow::Owned(bytes.to_vec()),
                len: bytes.len() as u64,
                offset: None,
            }))
        };
        // 2**64, -(2**64), 2**63 by CPython.
        assert_eq!(int(&[0, 0, 0, 0, 0, 0, 0, 0, 1]), "18446744073709551616");
        assert_eq!(
            int(&[0, 0, 0, 0, 0, 0, 0, 0, 0xff]),
            "-18446744073709551616"
        );
        assert_eq!(int(&[0, 0, 0, 0, 0, 0, 0, 0x80, 0]), "9223372036854775808");
        assert_eq!(
            int(&[0, 0, 0x64, 0xa7, 0xb3, 0xb6, 0xe0, 0x0d, 0]),
            "1000000000000000000"
        );
        assert!(int(&[1; 5000]).starts_with("<int of 40000 bits, 0x0101"));
    }

    #[test]
    fn text_integers_lose_their_padding() {
        assert_eq!(int_repr(&Integer::Decimal("+00123".into())), "123");
        assert_eq!(int_repr(&Integer::Decimal("-000".into())), "0");
    }
}
