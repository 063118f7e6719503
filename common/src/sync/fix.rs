//! What is known of another clock at a time, and how it loses its worth with age.

use std::time::Duration;

use crate::time::{MonoTime, Now, WallTime};

/// Two clocks are taken to drift apart by no more than this, µs per second: 500 that a kernel slews by (`adjtime`, and the
/// highest frequency correction of `adjtimex`), and 100 for two quartz oscillators, ±50 each.
pub const MAX_RATE_PPM: f64 = 600.0;

/// Of a drift that was fitted, no more than this is believed: what oscillators alone do.
pub const MAX_FIT_PPM: f64 = 100.0;

/// So fast a fix gets worse with age: whatever drift was fitted, every one up to [`MAX_RATE_PPM`] is covered.
pub const GROWTH_PPM: f64 = MAX_RATE_PPM + MAX_FIT_PPM;

/// A fix older than this is none: the other clock may have stepped since, and nobody asked it.
pub const MAX_AGE: Duration = Duration::from_secs(60);

/// Another clock, between two bounds. Good for times before and after it was made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fix {
    /// When the bounds held.
    pub(super) at: MonoTime,
    /// Other clock − our monotonic time, µs: `low` and `high` are relative to this.
    pub(super) base_us: i64,
    pub(super) low: f64,
    pub(super) high: f64,
    /// How fast the other clock runs away from ours, ppm: fitted, 0 where it is not known.
    pub(super) rate_ppm: f64,
}

/// Our clock against another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Estimate {
    /// Our wall clock − the other one, µs.
    pub offset_us: i64,
    /// The bound of that, ± µs.
    pub bound_us: i64,
}

impl Fix {
    /// The bounds at another time, relative to the same base.
    pub(super) fn at(&self, mono: MonoTime) -> Self {
        let later = micros(mono) - micros(self.at);
        let (shift, growth) = (later * self.rate_ppm / 1e6, later.abs() * GROWTH_PPM / 1e6);
        Self { at: mono, low: self.low + shift - growth, high: self.high + shift + growth, ..*self }
    }

    /// How the wall clock of `now` stands against the other one at `mono`, a time close to it; `None` where the fix is
    /// too old.
    pub fn estimate(&self, now: Now, mono: MonoTime) -> Option<Estimate> {
        let age = mono.saturating_since(self.at).max(self.at.saturating_since(mono));
        if age > MAX_AGE {
            return None;
        }
        let there = self.at(mono);
        let offset = now.wall_at(mono).micros_since(WallTime::from_micros(there.base_us)) as f64;
        let offset_us = (offset - micros(mono) - (there.low + there.high) / 2.0).round() as i64;
        // Half a µs for the rounding of the offset.
        Some(Estimate { offset_us, bound_us: ((there.high - there.low) / 2.0 + 0.5).ceil() as i64 })
    }
}

/// µs since the clock's origin.
pub(super) fn micros(mono: MonoTime) -> f64 {
    mono.since_origin().as_nanos() as f64 / 1e3
}
