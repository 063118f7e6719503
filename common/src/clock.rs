//! The one place that reads the host's clocks, and a clock for tests that is moved by hand.
//!
//! Tests that need two hosts have one: a process with [`TEST_VARIABLE`] in its environment says aloud that its clock is not
//! the host's, and takes itself for another host.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::sei;
use crate::time::{MonoTime, Now, WallTime};

/// For tests only: `offset_us=N,drift_ppm=N,since_us=N,host=N`, any of them, moves the wall clock of a process by
/// `offset_us`, and by `drift_ppm` µs more for each second since the host's wall time `since_us`; `host` is its
/// [`sei::host_id`].
pub const TEST_VARIABLE: &str = "FRAMELAG_TEST_CLOCK";

/// Reads wall and monotonic time together.
pub trait Clock: Send + Sync {
    /// Both clocks, now.
    fn now(&self) -> Now;
}

/// The host's clocks. Monotonic time counts from when this value was made.
#[derive(Clone, Debug)]
pub struct SystemClock {
    origin: Instant,
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

/// Whether a test has handed in a clock: figures of such a process are about no real one.
pub fn is_handed_in() -> bool {
    HandedIn::from_environment().is_some()
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
        Self { origin: Instant::now(), handed_in }
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
        let mono = MonoTime::from_origin(self.origin.elapsed());
        let wall = match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => i64::try_from(since.as_micros()).unwrap_or(i64::MAX),
            Err(before) => i64::try_from(before.duration().as_micros()).map_or(i64::MIN, |us| -us),
        };
        Now { wall: self.handed_in.apply(wall), mono }
    }
}

/// A clock that stands still until it is moved. Clones share the same time.
#[derive(Clone, Debug, Default)]
pub struct ManualClock {
    now: Arc<Mutex<Now>>,
}

impl ManualClock {
    /// A clock at monotonic zero and `wall`.
    pub fn new(wall: WallTime) -> Self {
        Self { now: Arc::new(Mutex::new(Now { wall, mono: MonoTime::default() })) }
    }

    /// Moves both times on.
    pub fn advance(&self, by: Duration) {
        let mut now = self.lock();
        now.wall = now.wall + by;
        now.mono = now.mono + by;
    }

    /// Steps the wall clock alone, as an operator or NTP would.
    pub fn step_wall(&self, micros: i64) {
        let mut now = self.lock();
        now.wall = now.wall.offset(micros);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Now> {
        self.now.lock().expect("no thread panics while it holds the manual clock")
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Now {
        *self.lock()
    }
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

    #[test]
    fn a_test_can_hand_in_another_clock() {
        let handed_in = HandedIn::parse("offset_us=-500,drift_ppm=40,since_us=1000000,host=7").expect("as documented");
        assert_eq!(handed_in.apply(3_000_000).as_micros(), 3_000_000 - 500 + 80);
        assert_eq!((handed_in.host, HandedIn::default().apply(5).as_micros()), (Some(7), 5));
        for wrong in ["", "offset_us", "offset_us=x", "offset=1"] {
            assert_eq!(HandedIn::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn manual_clock_steps_wall_time_alone() {
        let clock = ManualClock::new(WallTime::from_micros(10));
        clock.advance(Duration::from_micros(5));
        clock.step_wall(-100);
        assert_eq!(clock.now().wall.as_micros(), -85);
        assert_eq!(clock.now().mono.since_origin(), Duration::from_micros(5));
    }
}
