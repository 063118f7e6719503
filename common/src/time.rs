//! The three times of a live path, one type each.

use std::fmt;
use std::ops::{Add, Sub};
use std::time::Duration;

/// Wall time: microseconds since the Unix epoch (UTC), leap seconds smeared or repeated as the host does it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WallTime(i64);

/// From the epoch of NTP to that of Unix.
const SECONDS_1900_TO_1970: i64 = 2_208_988_800;

impl WallTime {
    /// `micros` µs since the Unix epoch.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// µs since the Unix epoch.
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// `self − earlier` in µs; negative where `self` is the earlier one. Saturates at the ends of `i64`.
    pub const fn micros_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// `self + micros`, where `micros` may be negative. Saturates at the ends of `i64`.
    pub const fn offset(self, micros: i64) -> Self {
        Self(self.0.saturating_add(micros))
    }

    /// The 64-bit NTP timestamp (32.32 fixed-point seconds since 1900-01-01, RFC 5905 section 6) of this time,
    /// as a sender report carries it (RFC 3550 section 6.4.1). Wraps with NTP era 1 in February 2036.
    pub const fn to_ntp(self) -> u64 {
        let seconds = self.0.div_euclid(1_000_000).wrapping_add(SECONDS_1900_TO_1970);
        let micros = self.0.rem_euclid(1_000_000) as u64;
        ((seconds as u32 as u64) << 32) | ((micros << 32) / 1_000_000)
    }

    /// The time of a 64-bit NTP timestamp, to the nearest µs. Its first bit tells its era (RFC 4330 section 3): set it is
    /// between 1968 and 2036, clear it is between 2036 and 2104.
    pub const fn from_ntp(timestamp: u64) -> Self {
        let era = if timestamp >> 63 == 1 { 0 } else { 1 << 32 };
        let seconds = (timestamp >> 32) as i64 + era - SECONDS_1900_TO_1970;
        let micros = ((timestamp & 0xffff_ffff) * 1_000_000 + (1 << 31)) >> 32;
        Self(seconds * 1_000_000 + micros as i64)
    }
}

impl Add<Duration> for WallTime {
    type Output = Self;
    fn add(self, rhs: Duration) -> Self {
        self.offset(i64::try_from(rhs.as_micros()).unwrap_or(i64::MAX))
    }
}

/// Monotonic time: how long the process's clock has run. Comparable only with times of the same [`Clock`].
///
/// [`Clock`]: crate::clock::Clock
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MonoTime(Duration);

impl MonoTime {
    /// The instant `since_origin` after the clock's origin.
    pub const fn from_origin(since_origin: Duration) -> Self {
        Self(since_origin)
    }

    /// Time since the clock's origin.
    pub const fn since_origin(self) -> Duration {
        self.0
    }

    /// `self − earlier`, zero where `self` is the earlier one.
    pub const fn saturating_since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

impl Add<Duration> for MonoTime {
    type Output = Self;
    fn add(self, rhs: Duration) -> Self {
        Self(self.0.saturating_add(rhs))
    }
}

impl Sub for MonoTime {
    type Output = Duration;
    /// Saturates at zero, like [`MonoTime::saturating_since`].
    fn sub(self, rhs: Self) -> Duration {
        self.saturating_since(rhs)
    }
}

/// One reading of both clocks, taken together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// Wall time of the reading.
    pub wall: WallTime,
    /// Monotonic time of the reading.
    pub mono: MonoTime,
}

impl Now {
    /// The wall time of monotonic instant `mono`, carried over from this reading, so that a wall-clock step
    /// between the two does not tear one frame's times apart.
    pub fn wall_at(&self, mono: MonoTime) -> WallTime {
        if mono >= self.mono {
            self.wall + (mono - self.mono)
        } else {
            let back = (self.mono - mono).as_micros();
            self.wall.offset(-i64::try_from(back).unwrap_or(i64::MAX))
        }
    }
}

/// Media time: 90 kHz ticks in an RTP header (RFC 6184 section 8.1), modulo 2³².
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct MediaTime(u32);

/// Ticks of [`MediaTime`] per second.
pub const MEDIA_CLOCK_HZ: u32 = 90_000;

impl MediaTime {
    /// The media time with these ticks.
    pub const fn from_ticks(ticks: u32) -> Self {
        Self(ticks)
    }

    /// Ticks modulo 2³².
    pub const fn ticks(self) -> u32 {
        self.0
    }

    /// Media time of `elapsed` after `self`, rounded to the nearest tick, modulo 2³².
    pub const fn advance(self, elapsed: Duration) -> Self {
        let ticks = (elapsed.as_nanos() * MEDIA_CLOCK_HZ as u128 + 500_000_000) / 1_000_000_000;
        Self(self.0.wrapping_add(ticks as u32))
    }

    /// Signed ticks from `earlier` to `self`, the shorter way round.
    pub const fn ticks_since(self, earlier: Self) -> i32 {
        self.0.wrapping_sub(earlier.0) as i32
    }
}

impl fmt::Display for WallTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:06} s", self.0.div_euclid(1_000_000), self.0.rem_euclid(1_000_000))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ntp_time_of_the_epoch_and_of_half_a_second() {
        assert_eq!(WallTime::from_micros(0).to_ntp() >> 32, 2_208_988_800);
        assert_eq!(WallTime::from_micros(500_000).to_ntp() & 0xffff_ffff, 1 << 31);
        assert_eq!(WallTime::from_micros(-500_000).to_ntp() >> 32, 2_208_988_799);
    }

    #[test]
    fn ntp_times_come_back_in_their_era() {
        for micros in [1_763_722_800_123_457, 0, 2_085_978_495_999_999, 2_085_978_496_000_000, 4_000_000_000_000_001] {
            let time = WallTime::from_micros(micros);
            assert_eq!(WallTime::from_ntp(time.to_ntp()), time);
        }
        assert_eq!(WallTime::from_ntp(1 << 63).as_micros(), -61_505_152_000_000, "the earliest: January 1968");
    }

    #[test]
    fn media_time_wraps_and_differs_the_shorter_way() {
        let near = MediaTime::from_ticks(u32::MAX - 10);
        let past = near.advance(Duration::from_secs(1));
        assert_eq!(past.ticks_since(near), 90_000);
        assert_eq!(near.ticks_since(past), -90_000);
    }

    #[test]
    fn media_time_rounds_to_the_nearest_tick() {
        let third = MediaTime::default().advance(Duration::from_nanos(33_333_333));
        assert_eq!(third.ticks(), 3_000);
    }

    #[test]
    fn wall_at_follows_monotonic_time_both_ways() {
        let now = Now { wall: WallTime::from_micros(1_000), mono: MonoTime::from_origin(Duration::from_micros(50)) };
        assert_eq!(now.wall_at(MonoTime::from_origin(Duration::from_micros(75))).as_micros(), 1_025);
        assert_eq!(now.wall_at(MonoTime::from_origin(Duration::from_micros(20))).as_micros(), 970);
    }
}
