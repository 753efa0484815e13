//! Numbers of every size, printed by numpy itself.

use super::*;

/// `tests/fixtures/generate_longdoubles.py` writes these; `LONGDOUBLES` names a longer file of them.
const LINES: &str = include_str!("../../../../tests/fixtures/longdoubles.txt");
const KNOB: &str = "LONGDOUBLES";

fn number(hex: &str) -> LongDouble {
    let digits: Vec<u32> = hex.chars().map(|c| c.to_digit(16).unwrap()).collect();
    let bytes = digits.chunks(2).map(|pair| pair[0] * 16 + pair[1]);
    let bytes: Vec<u8> = bytes.map(|byte| byte.try_into().unwrap()).collect();
    LongDouble::from_bytes(&bytes).unwrap()
}

/// A number as Python's `float.hex` writes it.
fn double(hex: &str) -> f64 {
    let (sign, hex) = match hex.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, hex),
    };
    let magnitude = match hex.strip_prefix("0x") {
        Some(hex) => {
            let (mantissa, exponent) = hex.split_once('p').unwrap();
            let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
            let bits = u64::from_str_radix(&format!("{whole}{fraction:0<13}"), 16).unwrap();
            #[expect(clippy::cast_precision_loss, reason = "it has 53 bits")]
            let bits = bits as f64;
            // In two steps, for the numbers below 2^-1022.
            let exponent: i32 = exponent.parse().unwrap();
            bits * 2_f64.powi(-52) * 2_f64.powi(exponent / 2) * 2_f64.powi(exponent - exponent / 2)
        }
        None => hex.parse().unwrap(),
    };
    sign * magnitude
}

#[test]
fn every_number_prints_as_in_numpy_and_rounds_as_in_c() {
    let longer = std::env::var(KNOB).map(|path| std::fs::read_to_string(path).unwrap());
    let lines = longer.as_deref().unwrap_or(LINES);
    let mut n = 0;
    for line in lines.lines() {
        let [bits, text, nearest] = *line.split(' ').collect::<Vec<_>>() else {
            panic!("{line}");
        };
        let number = number(bits);
        assert_eq!(number.to_string(), text, "{bits}");
        let (ours, nearest) = (number.to_f64(), double(nearest));
        assert!(
            ours.to_bits() == nearest.to_bits() || ours.is_nan() && nearest.is_nan(),
            "{bits} {ours:e}"
        );
        n += 1;
    }
    assert!(n >= 400);
}

#[test]
fn a_number_is_its_double_and_the_rest() {
    // 1 + 2^-63, as np.longdouble(1) + np.longdouble(2)**-63.
    let number = number("0100000000000080ff3f");
    assert_eq!((number.to_f64(), number.rest()), (1.0, 2_f64.powi(-63)));
    // -(2^64 - 1), whose double is -2^64.
    let number = super::LongDouble::from_bytes(&[
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x3e, 0xc0,
    ]);
    let number = number.unwrap();
    assert_eq!((number.to_f64(), number.rest()), (-(2_f64.powi(64)), 1.0));
}

#[test]
fn bits_that_no_x86_computes_with_are_no_number() {
    // An exponent without the integer bit.
    assert_eq!(
        LongDouble::from_bytes(&[0, 0, 0, 0, 0, 0, 0, 0x40, 0xff, 0x3f]),
        None
    );
    assert_eq!(LongDouble::from_bytes(&[0; 9]), None);
}

#[test]
fn numbers_rank_by_size() {
    let rank = |hex| number(hex).rank();
    let rising = [
        rank("0000000000000080ffff"),
        rank("0000000000000080ffbf"),
        rank("01000000000000000080"),
        rank("00000000000000000000"),
        rank("01000000000000000000"),
        rank("0000000000000080ff3f"),
        rank("0000000000000080ff7f"),
    ];
    assert!(rising.is_sorted_by(|a, b| a < b));
    assert_eq!(rank("00000000000000000080"), rank("00000000000000000000"));
}
