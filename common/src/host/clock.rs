//! The one place that reads the host's clocks.
//!
//! Tests that need two hosts have one: a process with [`TEST_VARIABLE`] in its environment warns that its clock is not
//! the host's, and takes itself for another host.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

#[cfg(target_os = "linux")]
use rustix::time::{ClockId, clock_gettime};

use crate::clock::Clock;
use crate::sei;
use crate::time::{MonoTime, Now, WallTime};

/// For tests only: `offset_us=N,drift_ppm=N,since_us=N,host=N`, any of them, moves the wall clock of a process by
/// `offset_us`, and by `drift_ppm` µs more for each second since the host's wall time `since_us`; `host` is its
/// [`sei::host_id`].
pub const TEST_VARIABLE: &str = "FRAMELAG_TEST_CLOCK";

/// Two clocks that were read within this time were read together.
const TIGHT: Duration = Duration::from_micros(10);
/// How often they are read at most, to get there.
const READINGS: usize = 4;

/// The host's clocks. Monotonic time counts from when this value was made.
#[derive(Clone, Debug)]
pub struct SystemClock {
    origin: Instant,
    /// How long the host had been suspended by then.
    slept: Duration,
    handed_in: HandedIn,
}

/// What a test has handed in by [`TEST_VARIABLE`]; the default changes nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct HandedIn {
    offset_us: i64,
    drift_ppm: f64,
    since_us: i64,
    host: Option<u32>,
}

/// A [`TEST_VARIABLE`] that says nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{TEST_VARIABLE}={0:?} is no clock: write offset_us=N,drift_ppm=N,since_us=N,host=N, any of them, or unset it")]
pub struct Malformed(String);

/// Whether a test has handed in a clock: figures of such a process are about no real one.
///
/// # Errors
/// Where it tried to.
pub fn is_handed_in() -> Result<bool, Malformed> {
    let Some(text) = std::env::var_os(TEST_VARIABLE) else { return Ok(false) };
    let text = text.to_string_lossy();
    HandedIn::parse(&text).map(|_| true).ok_or_else(|| Malformed(text.into_owned()))
}

/// [`sei::host_id`] of this host, or what a test has handed in for it.
pub fn host() -> u32 {
    let handed_in = HandedIn::from_environment().and_then(|handed_in| handed_in.host);
    handed_in.unwrap_or_else(|| sei::host_id(&std::fs::read_to_string(sei::BOOT_ID_FILE).unwrap_or_default()))
}

impl HandedIn {
    fn from_environment() -> Option<Self> {
        Self::parse(&std::env::var(TEST_VARIABLE).ok()?)
    }

    fn parse(text: &str) -> Option<Self> {
        let mut handed_in = Self::default();
        for part in text.split(',') {
            let (name, value) = part.split_once('=')?;
            match name {
                "offset_us" => handed_in.offset_us = value.parse().ok()?,
                "drift_ppm" => handed_in.drift_ppm = value.parse().ok()?,
                "since_us" => handed_in.since_us = value.parse().ok()?,
                "host" => handed_in.host = Some(value.parse().ok()?),
                _ => return None,
            }
        }
        Some(handed_in)
    }

    fn apply(&self, wall_us: i64) -> WallTime {
        let drift = wall_us.saturating_sub(self.since_us) as f64 * self.drift_ppm / 1e6;
        WallTime::from_micros(wall_us).offset(self.offset_us).offset(drift as i64)
    }
}

impl SystemClock {
    /// A clock whose monotonic origin is now.
    pub fn new() -> Self {
        let handed_in = HandedIn::from_environment().unwrap_or_default();
        // Each reading may fall short, and the most is nearest to the truth: with less, `slept` would always be too long.
        let slept = (0..READINGS).map(|_| suspended()).max().unwrap_or_default();
        Self { origin: Instant::now(), slept, handed_in }
    }

    /// Both clocks, and how long it took to read them.
    fn read(&self) -> (Duration, Now) {
        let before = self.origin.elapsed();
        let wall = match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => i64::try_from(since.as_micros()).unwrap_or(i64::MAX),
            Err(before) => i64::try_from(before.duration().as_micros()).map_or(i64::MIN, |us| -us),
        };
        let width = self.origin.elapsed().saturating_sub(before);
        (width, Now { wall: self.handed_in.apply(wall), mono: MonoTime::from_origin(before) })
    }

    /// Monotonic time of `instant`, for libraries that hand out [`Instant`]s.
    pub fn mono_of(&self, instant: Instant) -> MonoTime {
        MonoTime::from_origin(instant.saturating_duration_since(self.origin))
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Now {
        // A thread that is held up between the two readings would tear them apart, and every time carried over from them: the
        // monotonic clock is read on both sides of the wall clock, and again where the two are far from each other.
        let (mut width, mut now) = self.read();
        for _ in 1..READINGS {
            if width <= TIGHT {
                break;
            }
            let again = self.read();
            if again.0 < width {
                (width, now) = again;
            }
        }
        now
    }

    fn slept(&self) -> Duration {
        suspended().saturating_sub(self.slept)
    }
}

/// How long the host has been suspended since it booted. On Linux [`Instant`] is `CLOCK_MONOTONIC`, which leaves suspends
/// out; `CLOCK_BOOTTIME` counts them.
#[cfg(target_os = "linux")]
fn suspended() -> Duration {
    let read = |id| {
        let time = clock_gettime(id);
        let (seconds, nanos) = (u64::try_from(time.tv_sec), u32::try_from(time.tv_nsec));
        Duration::new(seconds.unwrap_or(0), nanos.unwrap_or(0))
    };
    // Boot time first: a thread that is held up between the two makes the difference too small, never too large.
    let boot = read(ClockId::Boottime);
    boot.saturating_sub(read(ClockId::Monotonic))
}

/// Elsewhere a suspend cannot be told from a step of the wall clock.
#[cfg(not(target_os = "linux"))]
fn suspended() -> Duration {
    Duration::ZERO
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn system_clock_moves_forward() {
        let clock = SystemClock::new();
        let first = clock.now();
        assert!(clock.now().mono >= first.mono);
        assert!(first.wall.as_micros() > 1_700_000_000_000_000, "the host's clock is before 2023");
    }

    /// Two readings of two clocks: a host that is not suspended in between has slept no longer, but for what its thread
    /// was held up.
    #[test]
    fn a_host_that_was_awake_has_not_slept() {
        let clock = SystemClock::new();
        let least = (0..1_000).map(|_| clock.slept()).min().expect("a thousand readings");
        assert!(least < Duration::from_millis(1), "{least:?}");
    }

    #[test]
    fn a_test_can_hand_in_another_clock() {
        let handed_in = HandedIn::parse("offset_us=-500,drift_ppm=40,since_us=1000000,host=7").expect("as documented");
        assert_eq!(handed_in.apply(3_000_000).as_micros(), 3_000_000 - 500 + 80);
        assert_eq!((handed_in.host, HandedIn::default().apply(5).as_micros()), (Some(7), 5));
        for wrong in ["", "offset_us", "offset_us=x", "offset=1", "host=7,"] {
            assert_eq!(HandedIn::parse(wrong), None, "{wrong}");
        }
    }
}
