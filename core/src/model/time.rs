//! Points in time as file systems keep them, in eight bytes that sort.

use std::fmt;

/// A point in time with nanoseconds, from 1901-12-13 to 2446-05-10: the range of ext4's inodes.
///
/// Times outside are moved to the nearest end.
/// Kept in one `u64` (34 bits of seconds since −2³¹, 30 bits of nanoseconds), so that a column of
/// a million times is 8 MB and sorts as integers.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(u64);

const NANOS_BITS: u32 = 30;
const NANOS_MASK: u64 = (1 << NANOS_BITS) - 1;
const LAST_NANO: u32 = 999_999_999;
const FIRST_SECOND: i64 = -(1 << 31);
const SECONDS: i64 = 1 << 34;

impl Time {
    /// From seconds since 1970 (UTC) and the nanoseconds within that second.
    pub fn from_unix(secs: i64, nanos: u32) -> Self {
        let shifted = secs.saturating_sub(FIRST_SECOND);
        if shifted < 0 {
            return Self(0);
        }
        if shifted >= SECONDS {
            return Self(((SECONDS.unsigned_abs() - 1) << NANOS_BITS) | u64::from(LAST_NANO));
        }
        Self((shifted.unsigned_abs() << NANOS_BITS) | u64::from(nanos.min(LAST_NANO)))
    }

    /// From Python's `time.time()`; `None` for NaN and infinities.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "floor() of a finite number saturates, and the fraction is within 0..1e9"
    )]
    pub fn from_unix_f64(secs: f64) -> Option<Self> {
        if !secs.is_finite() {
            return None;
        }
        // Python's floats carry microseconds at today's magnitude; rounding to them undoes the float's noise.
        let micros = (secs - secs.floor()) * 1e6;
        let (whole, micros) = (secs.floor() as i64, micros.round() as u32);
        Some(if micros >= 1_000_000 {
            Self::from_unix(whole.saturating_add(1), 0)
        } else {
            Self::from_unix(whole, micros * 1000)
        })
    }

    /// As [`Self::from_unix_f64`]; `None` also for what lies outside of the range, as no clock says so.
    pub fn from_clock(secs: f64) -> Option<Self> {
        let range = FIRST_SECOND..FIRST_SECOND + SECONDS;
        #[expect(clippy::cast_possible_truncation, reason = "a float saturates")]
        let whole = secs.floor() as i64;
        Self::from_unix_f64(secs).filter(|_| range.contains(&whole))
    }

    /// A time that a store keeps of an entry; `None` also for what lies behind the range: who has no word for "never"
    /// writes the year 9999, or a number without end.
    pub fn from_store(secs: f64) -> Option<Self> {
        #[expect(clippy::cast_possible_truncation, reason = "a float saturates")]
        let whole = secs.floor() as i64;
        Self::from_unix_f64(secs).filter(|_| Self::is_before_the_end(whole))
    }

    /// As [`Self::from_store`], from whole seconds.
    pub fn from_store_secs(secs: i64) -> Option<Self> {
        Self::is_before_the_end(secs).then(|| Self::from_unix(secs, 0))
    }

    fn is_before_the_end(secs: i64) -> bool {
        secs < FIRST_SECOND + SECONDS
    }

    /// The computer's clock.
    pub fn now() -> Self {
        let now = jiff::Timestamp::now();
        Self::from_unix(now.as_second(), now.subsec_nanosecond().unsigned_abs())
    }

    /// Whole seconds since 1970, rounded down.
    pub fn secs(self) -> i64 {
        (self.0 >> NANOS_BITS).cast_signed() + FIRST_SECOND
    }

    /// Nanoseconds within the second.
    pub fn nanos(self) -> u32 {
        u32::try_from(self.0 & NANOS_MASK).unwrap_or(0)
    }

    /// Seconds since 1970 as Python's `time.time()` would give them.
    #[expect(
        clippy::cast_precision_loss,
        reason = "34 bits of seconds fit a double"
    )]
    pub fn unix_f64(self) -> f64 {
        self.secs() as f64 + f64::from(self.nanos()) / 1e9
    }

    /// Seconds from this time to `now`; negative for a time to come.
    pub fn age_secs(self, now: Self) -> f64 {
        now.unix_f64() - self.unix_f64()
    }

    /// The packed form: what [`Time::from_packed`] takes.
    pub fn packed(self) -> u64 {
        self.0
    }

    /// From RFC 3339, with an offset or `Z`; `None` for anything else, and for what lies behind the range.
    pub fn from_rfc3339(text: &str) -> Option<Self> {
        let at: jiff::Timestamp = text.parse().ok()?;
        // Jiff counts the nanoseconds before 1970 backwards from the whole second.
        let (secs, nanos) = (at.as_second(), at.subsec_nanosecond());
        Self::is_before_the_end(secs).then(|| match u32::try_from(nanos) {
            Ok(nanos) => Self::from_unix(secs, nanos),
            Err(_negative) => Self::from_unix(secs - 1, (1_000_000_000 + nanos).unsigned_abs()),
        })
    }

    /// From the packed form; `None` for values that no time packs to.
    pub fn from_packed(packed: u64) -> Option<Self> {
        (packed & NANOS_MASK < 1_000_000_000).then_some(Self(packed))
    }

    /// RFC 3339 in UTC, with as many digits of the second as are not zero.
    pub fn rfc3339(self) -> String {
        self.to_string()
    }
}

/// RFC 3339 in UTC, as [`Time::rfc3339`].
impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Every packed time lies within jiff's range, which ends in the year 9999.
        match jiff::Timestamp::new(self.secs(), i32::try_from(self.nanos()).unwrap_or(0)) {
            Ok(time) => write!(f, "{time}"),
            Err(_) => Ok(()),
        }
    }
}

impl serde::Serialize for Time {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.rfc3339())
    }
}

impl<'de> serde::Deserialize<'de> for Time {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::from_rfc3339(&text).ok_or_else(|| serde::de::Error::custom("not a time in RFC 3339"))
    }
}

impl fmt::Debug for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ext4_range_is_exact_and_the_rest_saturates() {
        for (secs, text) in [
            (-(1_i64 << 31), "1901-12-13T20:45:52Z"),
            (0, "1970-01-01T00:00:00Z"),
            (15_032_385_535, "2446-05-10T22:38:55Z"),
        ] {
            assert_eq!(Time::from_unix(secs, 0).rfc3339(), text);
            assert_eq!(Time::from_unix(secs, 5).secs(), secs);
        }
        assert_eq!(Time::from_unix(i64::MAX, 0).secs(), 15_032_385_535);
        assert_eq!(Time::from_unix(i64::MIN, 0).secs(), -(1 << 31));
    }

    #[test]
    fn pythons_float_time_keeps_its_microseconds() {
        let t = Time::from_unix_f64(1_700_000_000.370_001).unwrap();
        assert_eq!(t.rfc3339(), "2023-11-14T22:13:20.370001Z");
        assert_eq!(Time::from_unix_f64(f64::NAN), None);
        assert_eq!(Time::from_clock(1_700_000_000.370_001), Some(t));
        for secs in [f64::NAN, -1e18, 1e18, -2_147_483_649.0, 15_032_385_536.0] {
            assert_eq!(Time::from_clock(secs), None, "{secs}");
        }
    }

    #[test]
    fn what_a_store_keeps_behind_the_range_is_never() {
        let last = 15_032_385_535.0;
        assert_eq!(Time::from_store(last), Time::from_unix_f64(last));
        // 9999-01-01 and 9999-12-31T23:59:59
        for secs in [
            last + 1.0,
            253_370_764_800.0,
            253_402_300_799.0,
            f64::INFINITY,
        ] {
            assert_eq!(Time::from_store(secs), None, "{secs}");
            #[expect(clippy::cast_possible_truncation, reason = "infinity saturates")]
            let whole = secs as i64;
            assert_eq!(Time::from_store_secs(whole), None, "{secs}");
        }
        // Long ago is past all the same.
        assert_eq!(Time::from_store(-1e18), Some(Time::from_unix(i64::MIN, 0)));
    }

    #[test]
    fn written_times_read_back() {
        for (secs, nanos) in [
            (0, 0),
            (-1, 5),
            (1_763_924_000, 123_456_789),
            (15_032_385_535, 999_999_999),
        ] {
            let time = Time::from_unix(secs, nanos);
            assert_eq!(Time::from_rfc3339(&time.rfc3339()), Some(time));
        }
        for text in ["yesterday", "9999-01-01T00:00:00Z", "2446-05-10T22:38:56Z"] {
            assert_eq!(Time::from_rfc3339(text), None, "{text}");
        }
    }

    #[test]
    fn later_times_sort_after_earlier_ones() {
        let t = |s, n| Time::from_unix(s, n);
        assert!(t(-1, 999) < t(0, 0) && t(0, 0) < t(0, 1) && t(0, 1) < t(1, 0));
    }
}
