//! Frame rates as fractions, so that 29.97 is 30000/1001 and a plan of frame times does not drift.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// Pictures per second as a fraction in lowest terms, from 1/60 to [`FrameRate::MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameRate {
    numerator: u32,
    denominator: u32,
}

/// A text or fraction that is not a frame rate, or out of range.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a frame rate: write pictures per second from 1/60 to 1000, as in 30, 29.97 or 30000/1001")]
pub struct RateError(String);

impl FrameRate {
    /// The highest rate, in pictures per second.
    pub const MAX: u32 = 1000;
    /// The longest time between two pictures, in seconds.
    const MAX_INTERVAL_S: u64 = 60;

    /// 25 pictures per second.
    pub const TWENTY_FIVE: Self = Self { numerator: 25, denominator: 1 };

    /// 30 pictures per second.
    pub const THIRTY: Self = Self { numerator: 30, denominator: 1 };

    /// `numerator / denominator` pictures per second.
    ///
    /// # Errors
    /// [`RateError`] for a zero or a rate out of range.
    pub fn new(numerator: u64, denominator: u64) -> Result<Self, RateError> {
        let error = || RateError(format!("{numerator}/{denominator}"));
        let divisor = gcd(numerator, denominator).max(1);
        let (n, d) = (numerator / divisor, denominator / divisor);
        let (Ok(numerator), Ok(denominator)) = (u32::try_from(n), u32::try_from(d)) else { return Err(error()) };
        let in_range = n > 0 && n <= d * u64::from(Self::MAX) && d <= n * Self::MAX_INTERVAL_S;
        in_range.then_some(Self { numerator, denominator }).ok_or_else(error)
    }

    /// Numerator of the fraction in lowest terms.
    pub const fn numerator(self) -> u32 {
        self.numerator
    }

    /// Denominator of the fraction in lowest terms.
    pub const fn denominator(self) -> u32 {
        self.denominator
    }

    /// Pictures per second, for display and for libraries that take nothing better.
    pub fn as_f64(self) -> f64 {
        f64::from(self.numerator) / f64::from(self.denominator)
    }

    /// Time from picture 0 to picture `n`, rounded down to nanoseconds; no error adds up from picture to picture.
    pub fn time_of(self, n: u64) -> Duration {
        let nanos = u128::from(n) * u128::from(self.denominator) * 1_000_000_000 / u128::from(self.numerator);
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// The number of whole picture intervals in `elapsed`.
    pub fn slots_in(self, elapsed: Duration) -> u64 {
        let slots = elapsed.as_nanos() * u128::from(self.numerator) / (u128::from(self.denominator) * 1_000_000_000);
        u64::try_from(slots).unwrap_or(u64::MAX)
    }
}

impl fmt::Display for FrameRate {
    /// `30` or `30000/1001`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.denominator {
            1 => write!(f, "{}", self.numerator),
            denominator => write!(f, "{}/{denominator}", self.numerator),
        }
    }
}

impl FromStr for FrameRate {
    type Err = RateError;

    fn from_str(text: &str) -> Result<Self, RateError> {
        let error = || RateError(text.to_owned());
        if let Some((n, d)) = text.split_once('/') {
            let whole = |part: &str| part.parse::<u64>().map_err(|_| error());
            return Self::new(whole(n)?, whole(d)?).map_err(|_| error());
        }
        let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
        let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
        if whole.is_empty() || decimals.len() > 6 || !digits(whole) || !digits(decimals) {
            return Err(error());
        }
        let scale = 10_u64.pow(decimals.len() as u32);
        let scaled = format!("{whole}{decimals}").parse::<u64>().map_err(|_| error())?;
        ntsc(scaled, scale).map_or_else(|| Self::new(scaled, scale), Ok).map_err(|_| error())
    }
}

/// The NTSC rate n·1000/1001 that `scaled / scale` abbreviates, as 23.976, 29.97 and 59.94 do.
fn ntsc(scaled: u64, scale: u64) -> Option<FrameRate> {
    const NOMINAL: [u64; 6] = [24, 30, 48, 60, 120, 240];
    if scale < 100 {
        return None;
    }
    // What the exact rate rounds to with as many decimals as were given.
    let rounded = |nominal: u64| (nominal * 1000 * scale * 2 + 1001) / (2 * 1001);
    let nominal = NOMINAL.into_iter().find(|&nominal| rounded(nominal) == scaled)?;
    FrameRate::new(nominal * 1000, 1001).ok()
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(text: &str) -> FrameRate {
        text.parse().expect("a rate")
    }

    #[test]
    fn whole_decimal_and_fractional_rates() {
        for (text, numerator, denominator) in [
            ("30", 30, 1),
            ("12.5", 25, 2),
            ("29.97", 30000, 1001),
            ("23.976", 24000, 1001),
            ("59.94", 60000, 1001),
            ("60000/1001", 60000, 1001),
            ("60/2", 30, 1),
            ("1/60", 1, 60),
            ("1000", 1000, 1),
            ("29.9", 299, 10),
        ] {
            let parsed = rate(text);
            assert_eq!((parsed.numerator(), parsed.denominator()), (numerator, denominator), "{text}");
        }
    }

    #[test]
    fn what_is_not_a_rate_is_quoted_back() {
        let huge = "9".repeat(30);
        for bad in ["0", "0/1", "1/0", "-30", "1001", "1/61", "", "30fps", "1e3", ".5", "NaN", &huge] {
            let error = bad.parse::<FrameRate>().expect_err(bad).to_string();
            assert!(error.contains(&format!("{bad:?} is not a frame rate")), "{error}");
        }
    }

    #[test]
    fn ten_hours_at_29_97_end_where_the_fraction_says() {
        let ntsc = rate("29.97");
        let frames = 30_000 * 36;
        assert_eq!(ntsc.time_of(frames), Duration::from_secs(1001 * 36));
        assert_eq!(ntsc.slots_in(ntsc.time_of(frames)), frames);
        assert_eq!(ntsc.slots_in(ntsc.time_of(frames) - Duration::from_nanos(1)), frames - 1);
    }
}
