//! Sees the wall clock step: the difference of wall and monotonic time jumps, and stays where it jumped to.
//!
//! NTP slews by at most 500 µs a second, so between two readings a fraction of a second apart the difference moves by
//! microseconds. A single reading that is off means that the thread was held up between reading the two clocks; only
//! a second one that agrees makes it a step.

use std::time::Duration;

use common::time::{MonoTime, Now};

/// A jump of the difference by more than this is a step.
pub const MIN_STEP_US: u64 = 1_000;

/// Frames presented this long after a step may have been stamped before it.
pub const SETTLING: Duration = Duration::from_secs(1);

/// What one reading of the clocks says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// As before.
    Steady,
    /// Off; the next reading tells whether the clock stepped.
    Unsure,
    /// The wall clock stepped by this many µs, at the reading before.
    Stepped(i64),
}

/// Watches one host's clocks.
#[derive(Clone, Debug, Default)]
pub struct Watch {
    /// Wall − monotonic, µs.
    reference: Option<i64>,
    candidate: Option<i64>,
    unsettled_until: Option<MonoTime>,
    steps: u64,
    largest_us: i64,
}

impl Watch {
    /// Takes a reading of both clocks.
    pub fn observe(&mut self, now: Now) -> Verdict {
        let mono = i64::try_from(now.mono.since_origin().as_micros()).unwrap_or(i64::MAX);
        let difference = now.wall.as_micros().saturating_sub(mono);
        let Some(reference) = self.reference else {
            self.reference = Some(difference);
            return Verdict::Steady;
        };
        if difference.abs_diff(reference) <= MIN_STEP_US {
            self.reference = Some(difference);
            self.candidate = None;
            return Verdict::Steady;
        }
        if self.candidate.is_none_or(|candidate| difference.abs_diff(candidate) > MIN_STEP_US) {
            self.candidate = Some(difference);
            return Verdict::Unsure;
        }
        let step = difference.saturating_sub(reference);
        self.reference = Some(difference);
        self.candidate = None;
        self.steps += 1;
        if step.unsigned_abs() > self.largest_us.unsigned_abs() {
            self.largest_us = step;
        }
        Verdict::Stepped(step)
    }

    /// Says that frames presented up to `until` may have been stamped before the last step.
    pub fn unsettled_until(&mut self, until: MonoTime) {
        self.unsettled_until = Some(until);
    }

    /// Whether a frame presented at `at` may have been stamped before a step.
    pub fn is_unsettled(&self, at: MonoTime) -> bool {
        self.unsettled_until.is_some_and(|until| at < until)
    }

    /// Steps seen.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// The largest step, in µs; positive where the clock was set forward.
    pub fn largest_us(&self) -> i64 {
        self.largest_us
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use common::clock::{Clock, ManualClock};
    use common::time::WallTime;

    fn clock() -> ManualClock {
        ManualClock::new(WallTime::from_micros(1_700_000_000_000_000))
    }

    #[test]
    fn slewing_is_no_step() {
        let (clock, mut watch) = (clock(), Watch::default());
        for _ in 0..10_000 {
            clock.advance(Duration::from_millis(50));
            clock.step_wall(25);
            assert_eq!(watch.observe(clock.now()), Verdict::Steady);
        }
        assert_eq!(watch.steps(), 0);
    }

    #[test]
    fn steps_both_ways_are_counted_once_each() {
        let (clock, mut watch) = (clock(), Watch::default());
        watch.observe(clock.now());
        for step in [40_000, -90_000] {
            clock.step_wall(step);
            assert_eq!(watch.observe(clock.now()), Verdict::Unsure);
            clock.advance(Duration::from_millis(50));
            assert_eq!(watch.observe(clock.now()), Verdict::Stepped(step));
            clock.advance(Duration::from_millis(50));
            assert_eq!(watch.observe(clock.now()), Verdict::Steady);
        }
        assert_eq!((watch.steps(), watch.largest_us()), (2, -90_000));
    }

    #[test]
    fn one_torn_reading_is_no_step() {
        let (clock, mut watch) = (clock(), Watch::default());
        watch.observe(clock.now());
        let mut torn = clock.now();
        torn.wall = torn.wall.offset(7_000);
        assert_eq!(watch.observe(torn), Verdict::Unsure);
        assert_eq!(watch.observe(clock.now()), Verdict::Steady);
        assert_eq!(watch.steps(), 0);
    }
}
