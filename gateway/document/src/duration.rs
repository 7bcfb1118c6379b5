//! Durations as people write them: a number and a unit.

use std::time::Duration;

/// The longest duration that is read: 3,650 days. Months of virtual time are plenty.
pub const MAX: Duration = Duration::from_hours(3_650 * 24);

/// The units, longest first, with their length in microseconds.
const UNITS: [(&str, u64); 6] = [
    ("d", 86_400_000_000),
    ("h", 3_600_000_000),
    ("m", 60_000_000),
    ("s", 1_000_000),
    ("ms", 1_000),
    ("us", 1),
];

/// The same as a regular expression, for JSON Schema.
pub(crate) const PATTERN: &str = r"^[0-9]+(\.[0-9]+)?(us|ms|s|m|h|d)$";

/// Why a duration was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It is not a number and a unit.
    #[error(
        "found `{found}`, expected a duration such as `5s` or `200ms` (units: us, ms, s, m, h, d)"
    )]
    Malformed {
        /// The text.
        found: String,
    },
    /// The unit is missing.
    #[error("found `{found}` without a unit, expected `{found}s` or `{found}ms`")]
    NoUnit {
        /// The text.
        found: String,
    },
    /// It has a fraction of a microsecond.
    #[error("`{found}` is finer than a microsecond")]
    TooFine {
        /// The text.
        found: String,
    },
    /// It is longer than [`MAX`].
    #[error("`{found}` is longer than {} days", MAX.as_secs() / 86_400)]
    TooLong {
        /// The text.
        found: String,
    },
}

/// Reads a duration: digits, perhaps a decimal fraction, and a unit (`us`, `ms`, `s`, `m`, `h` or `d`), without spaces.
///
/// Exact: nothing passes through a float, and what is finer than a microsecond is refused rather than rounded.
///
/// # Errors
///
/// [`Error`] with what was found, if it is anything else or longer than [`MAX`].
///
/// # Example
///
/// ```
/// use std::time::Duration;
/// use creel_document::duration;
///
/// assert_eq!(duration::parse("1.4s"), Ok(Duration::from_millis(1_400)));
/// assert_eq!(duration::parse("0.1ms"), Ok(Duration::from_micros(100)));
/// assert!(duration::parse("5").is_err());
/// ```
pub fn parse(text: &str) -> Result<Duration, Error> {
    let found = || crate::tree::shorten(text).into_owned();
    let malformed = || Error::Malformed { found: found() };
    let (number, unit) = text
        .split_at(text.find(|it: char| it != '.' && !it.is_ascii_digit()).unwrap_or(text.len()));
    let (whole, fraction) = match number.split_once('.') {
        None => (number, ""),
        Some((_, "")) => return Err(malformed()),
        Some(parts) => parts,
    };
    if whole.is_empty() || fraction.contains('.') {
        return Err(malformed());
    }
    if unit.is_empty() {
        return Err(Error::NoUnit { found: found() });
    }
    let (_, unit_us) = UNITS.into_iter().find(|(name, _)| *name == unit).ok_or_else(malformed)?;
    let too_long = || Error::TooLong { found: found() };
    let whole_us =
        whole.parse::<u64>().ok().and_then(|it| it.checked_mul(unit_us)).ok_or_else(too_long)?;
    let fraction_us =
        fraction_us(fraction, unit_us).ok_or_else(|| Error::TooFine { found: found() })?;
    let duration = Duration::from_micros(whole_us.checked_add(fraction_us).ok_or_else(too_long)?);
    if duration > MAX { Err(too_long()) } else { Ok(duration) }
}

/// `fraction` (the digits behind the point) of a unit, if it is a whole number of microseconds.
fn fraction_us(fraction: &str, unit_us: u64) -> Option<u64> {
    let digits = fraction.trim_end_matches('0');
    if digits.is_empty() {
        return Some(0);
    }
    // More digits than this cannot give whole microseconds in any unit, and would not fit.
    if digits.len() > 16 {
        return None;
    }
    let parts = u128::from(digits.parse::<u64>().ok()?) * u128::from(unit_us);
    let scale = 10_u128.pow(u32::try_from(digits.len()).ok()?);
    if parts % scale == 0 { u64::try_from(parts / scale).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::*;

    #[test]
    fn durations_are_exact_or_refused() {
        let mut log = String::new();
        let good = [
            "0s",
            "1.4s",
            "200ms",
            "5m",
            "1h",
            "2d",
            "0.1ms",
            "1.000000s",
            "250us",
            "0.0625h",
            "3650d",
        ];
        let bad = [
            "",
            "5",
            "1.5",
            "s",
            "5 s",
            "-1s",
            "1.s",
            ".5s",
            "1.2.3s",
            "5S",
            "1e3s",
            "0.5us",
            "3651d",
            "99999999999999999999s",
        ];
        for text in good.into_iter().chain(bad) {
            let read =
                parse(text).map_or_else(|it| it.to_string(), |it| format!("{} us", it.as_micros()));
            writeln!(log, "{text:9} {read}").unwrap();
        }
        insta::assert_snapshot!(log, @r"
        0s        0 us
        1.4s      1400000 us
        200ms     200000 us
        5m        300000000 us
        1h        3600000000 us
        2d        172800000000 us
        0.1ms     100 us
        1.000000s 1000000 us
        250us     250 us
        0.0625h   225000000 us
        3650d     315360000000000 us
                  found ``, expected a duration such as `5s` or `200ms` (units: us, ms, s, m, h, d)
        5         found `5` without a unit, expected `5s` or `5ms`
        1.5       found `1.5` without a unit, expected `1.5s` or `1.5ms`
        s         found `s`, expected a duration such as `5s` or `200ms` (units: us, ms, s, m, h, d)
        5 s       found `5 s`, expected a duration such as `5s` or `200ms` (units: us, ms, s, m, h, d)
        -1s       found `-1s`, expected a duration such as `5s` or `200ms` (units: us, ms, s, m, h, d)
        1.s       found `1.s`, expected a duration such as `5s` or `200ms` (units: us, ms, s, m, h, d)
        .5s       found `.5s`, expected a duration such as `5s` or `200ms` (units: us, ms, s, m, h, d)
        1.2.3s    found `1.2.3s`, expected a duration such as `5s` or `200ms` (units: us, ms, s, m, h, d)
        5S        found `5S`, expected a duration such as `5s` or `200ms` (units: us, ms, s, m, h, d)
        1e3s      found `1e3s`, expected a duration such as `5s` or `200ms` (units: us, ms, s, m, h, d)
        0.5us     `0.5us` is finer than a microsecond
        3651d     `3651d` is longer than 3650 days
        99999999999999999999s `99999999999999999999s` is longer than 3650 days
        ");
    }
}
