//! Durations, bit rates and shares as users type them: `200ms`, `10s`, `2m`; `1000k`, `2M`; `1%`. And durations as they read
//! them.

use std::time::Duration;

/// The longest duration that is taken: a hundred days. Above it every caller's sums of times would have to be checked.
pub const MAX_DURATION: Duration = Duration::from_secs(100 * 24 * 3600);

/// The highest rate that is taken, in bits per second: 100 Gbit/s, above any link that live video crosses.
pub const MAX_RATE: u64 = 100_000_000_000;

/// A text that is not a duration or a rate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnitError {
    /// Not a number with a unit of time.
    #[error("{0:?} is not a duration: write a number and a unit (us, ms, s, m, h), as in 200ms, 10s or 2m")]
    NotADuration(String),
    /// More than [`MAX_DURATION`].
    #[error("{0:?} is too long: the longest duration is 2400h")]
    TooLong(String),
    /// Not a number with an optional unit of rate.
    #[error("{0:?} is not a bit rate: write bits per second with or without k, M or G, as in 1000k or 2M")]
    NotARate(String),
    /// Zero, or more than [`MAX_RATE`].
    #[error("{0:?} is out of range: a bit rate is at least 1 and at most 100G bits per second")]
    RateOutOfRange(String),
    /// Not a percentage from 0 to 100.
    #[error("{0:?} is not a share: write 0% to 100%, as in 1% or 0.5%")]
    NotAShare(String),
}

/// A duration such as `200ms`, `1.5s` or `2m`. The unit is required, except for `0`.
///
/// # Errors
/// [`UnitError::NotADuration`] and [`UnitError::TooLong`].
pub fn parse_duration(text: &str) -> Result<Duration, UnitError> {
    let not_one = || UnitError::NotADuration(text.to_owned());
    let (number, unit) = split_unit(text);
    let seconds_per_unit = match unit {
        "us" | "µs" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        "" if number == "0" => 1.0,
        _ => return Err(not_one()),
    };
    let seconds = parse_number(number).ok_or_else(not_one)? * seconds_per_unit;
    if seconds > MAX_DURATION.as_secs_f64() {
        return Err(UnitError::TooLong(text.to_owned()));
    }
    // Rounded to µs, the resolution of everything here, so that 1.1s is not 1.100000000000000089 s.
    Ok(Duration::from_micros((seconds * 1e6).round() as u64))
}

/// A duration for people: `12.0 s`, to a tenth of a second.
pub fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}

/// A bit rate in bits per second, such as `64000`, `1000k`, `1.5M` or `2G`; a trailing `bit/s` or `bps` is allowed.
///
/// # Errors
/// [`UnitError::NotARate`] and [`UnitError::RateOutOfRange`].
pub fn parse_rate(text: &str) -> Result<u64, UnitError> {
    let not_one = || UnitError::NotARate(text.to_owned());
    let bare = text.strip_suffix("bit/s").or_else(|| text.strip_suffix("bps")).unwrap_or(text);
    let (number, unit) = split_unit(bare);
    let factor = match unit {
        "" => 1.0,
        "k" | "K" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        _ => return Err(not_one()),
    };
    let rate = parse_number(number).ok_or_else(not_one)? * factor;
    if !(1.0..=MAX_RATE as f64).contains(&rate) {
        return Err(UnitError::RateOutOfRange(text.to_owned()));
    }
    Ok(rate.round() as u64)
}

/// A share such as `1%` or `0.5%`, as a fraction from 0 to 1. The sign is required: 1 could be read as all.
///
/// # Errors
/// [`UnitError::NotAShare`].
pub fn parse_share(text: &str) -> Result<f64, UnitError> {
    let (number, unit) = split_unit(text);
    let percent = parse_number(number).filter(|percent| unit == "%" && *percent <= 100.0);
    percent.map(|percent| percent / 100.0).ok_or_else(|| UnitError::NotAShare(text.to_owned()))
}

/// Splits where the digits end.
fn split_unit(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    text.split_at(end)
}

/// A plain decimal number: digits with at most one point. No sign, exponent, infinity or NaN.
fn parse_number(digits: &str) -> Option<f64> {
    let plain = digits.starts_with(|c: char| c.is_ascii_digit());
    plain.then(|| digits.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_with_each_unit() {
        for (text, micros) in [
            ("0", 0),
            ("250us", 250),
            ("200ms", 200_000),
            ("10s", 10_000_000),
            ("1.1s", 1_100_000),
            ("2m", 120_000_000),
            ("2min", 120_000_000),
            ("1h", 3_600_000_000),
        ] {
            assert_eq!(parse_duration(text), Ok(Duration::from_micros(micros)), "{text}");
        }
    }

    #[test]
    fn durations_are_told_in_seconds() {
        let micros = [0, 200_000, 12_000_137, 90_000_000];
        assert_eq!(micros.map(|n| seconds(Duration::from_micros(n))), ["0.0 s", "0.2 s", "12.0 s", "90.0 s"]);
    }

    #[test]
    fn what_is_not_a_duration_is_quoted_back() {
        for bad in ["", "10", "-1s", "s", "1e3s", "inf", "1..5s", "10 s", "10S", ".5s", "NaNs", "5d"] {
            let error = parse_duration(bad).expect_err(bad);
            assert!(error.to_string().contains(&format!("{bad:?} is not a duration")), "{error}");
        }
        assert_eq!(parse_duration("2401h"), Err(UnitError::TooLong("2401h".to_owned())));
        assert!(matches!(parse_duration(&format!("{}h", "9".repeat(400))), Err(UnitError::TooLong(_))));
    }

    #[test]
    fn shares_are_percentages() {
        assert_eq!(["0%", "1%", "0.5%", "100%"].map(parse_share), [0.0, 0.01, 0.005, 1.0].map(Ok));
        for bad in ["", "%", "1", "-1%", "101%", "1e1%", "1 %", "NaN%"] {
            assert_eq!(parse_share(bad), Err(UnitError::NotAShare(bad.to_owned())));
        }
    }

    #[test]
    fn rates_with_each_unit() {
        for (text, rate) in [
            ("64000", 64_000),
            ("1000k", 1_000_000),
            ("2M", 2_000_000),
            ("1.5M", 1_500_000),
            ("1G", 1_000_000_000),
            ("800kbit/s", 800_000),
            ("800kbps", 800_000),
        ] {
            assert_eq!(parse_rate(text), Ok(rate), "{text}");
        }
    }

    #[test]
    fn what_is_not_a_rate_is_quoted_back() {
        for bad in ["", "k", "-1M", "1m", "1 M", "1e6", "fast", "1MB"] {
            let error = parse_rate(bad).expect_err(bad);
            assert!(error.to_string().contains(&format!("{bad:?} is not a bit rate")), "{error}");
        }
        for bad in ["0", "0k", "101G", "0.2"] {
            assert!(matches!(parse_rate(bad), Err(UnitError::RateOutOfRange(_))), "{bad}");
        }
    }
}
