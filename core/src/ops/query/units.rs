//! Sizes and lengths of time as people type them: `1.5MB`, `64Ki`, `30d`.

/// Bytes in each unit of size: powers of 1000, and of 1024 with an `i`.
const SIZES: [(&str, u64); 12] = [
    ("b", 1),
    ("k", 1000),
    ("m", 1_000_000),
    ("g", 1_000_000_000),
    ("t", 1_000_000_000_000),
    ("p", 1_000_000_000_000_000),
    ("ki", 1 << 10),
    ("mi", 1 << 20),
    ("gi", 1 << 30),
    ("ti", 1 << 40),
    ("pi", 1 << 50),
    ("", 1),
];

/// Seconds in each unit of time; a year is 365 days.
const SPANS: [(&str, f64); 7] = [
    ("ms", 0.001),
    ("s", 1.0),
    ("m", 60.0),
    ("h", 3600.0),
    ("d", 86_400.0),
    ("w", 604_800.0),
    ("y", 31_536_000.0),
];

/// Bytes in `text`: a number, and `B`, `k`, `M`, `G`, `T`, `P` (1000) or `Ki`, `Mi`, … (1024), with or without a final `B`.
///
/// # Errors
/// What is wrong with it, for a sentence.
pub fn size(text: &str) -> Result<u64, String> {
    let (number, unit) = split(text)?;
    let lower = unit.to_lowercase();
    let bare = match lower.strip_suffix('b') {
        Some("" | "b") | None => lower.as_str(),
        Some(rest) => rest,
    };
    let (_, factor) = SIZES
        .into_iter()
        .find(|(name, _)| *name == bare)
        .ok_or_else(|| format!("\"{unit}\" is no unit of size; write B, k, M, G, Ki, Mi or Gi"))?;
    scaled(number, factor).ok_or_else(|| format!("{text} is more bytes than there can be"))
}

/// Seconds in `text`: a number and `s`, `m`, `h`, `d`, `w`, `y` (or `ms`); only 0 goes without a unit.
///
/// # Errors
/// What is wrong with it, for a sentence.
pub fn span_secs(text: &str) -> Result<f64, String> {
    let (number, unit) = split(text)?;
    let value: f64 = number.parse().unwrap_or(0.0);
    if unit.is_empty() && value == 0.0 {
        return Ok(0.0);
    }
    let (_, factor) = SPANS
        .into_iter()
        .find(|(name, _)| *name == unit)
        .ok_or_else(|| match unit {
            "" => format!("{number} needs a unit: s, m, h, d, w or y"),
            _ => format!("\"{unit}\" is no unit of time; write s, m, h, d, w or y"),
        })?;
    Ok(value * factor)
}

/// A plain count.
///
/// # Errors
/// What is wrong with it, for a sentence.
pub fn count(text: &str) -> Result<u64, String> {
    text.parse()
        .map_err(|_not_a_number| format!("\"{text}\" is no whole number"))
}

/// The number in front (`12`, `1.5`) and what follows it.
fn split(text: &str) -> Result<(&str, &str), String> {
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(end).unwrap_or((text, ""));
    if number.parse::<f64>().is_err() {
        return Err(format!("\"{text}\" does not begin with a number"));
    }
    Ok((number, unit))
}

/// Exact for whole numbers, rounded for decimals.
fn scaled(number: &str, factor: u64) -> Option<u64> {
    if let Ok(whole) = number.parse::<u64>() {
        return whole.checked_mul(factor);
    }
    #[expect(clippy::cast_precision_loss, reason = "units are powers of ten or two")]
    let value = number.parse::<f64>().ok()? * factor as f64;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "checked to lie within u64"
    )]
    (value < 1.8e19).then_some(value.round() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_count_in_thousands_or_in_1024() {
        for (text, expected) in [
            ("0", 0),
            ("10k", 10_000),
            ("1MB", 1_000_000),
            ("1mb", 1_000_000),
            ("1.5M", 1_500_000),
            ("2Ki", 2048),
            ("2KiB", 2048),
            ("1GiB", 1 << 30),
            ("7B", 7),
            ("18446744073709551615", u64::MAX),
        ] {
            assert_eq!(size(text), Ok(expected), "{text}");
        }
        for text in [
            "",
            "k",
            "1X",
            "1 k",
            "-1k",
            "1.2.3k",
            "99999999999G",
            "1Bi",
            "1BB",
        ] {
            assert!(size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn spans_need_their_unit() {
        for (text, expected) in [
            ("30d", 2_592_000.0),
            ("1.5h", 5400.0),
            ("0", 0.0),
            ("2w", 1_209_600.0),
            ("250ms", 0.25),
            ("1y", 31_536_000.0),
        ] {
            assert_eq!(span_secs(text), Ok(expected), "{text}");
        }
        for text in ["30", "30 d", "d", "1D", "1mo", ""] {
            assert!(span_secs(text).is_err(), "{text}");
        }
    }
}
