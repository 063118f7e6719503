//! Detects steps of the receiver's wall clock: the difference of wall and monotonic time jumps and stays at its new value.
//!
//! A suspend makes it jump too, because monotonic time stands still in it. The host says for how long it slept
//! ([`Clock::slept`](common::clock::Clock::slept)), and that is taken out of the difference: what is left is a step.
//!
//! NTP slews by at most 500 µs a second, so between two readings a fraction of a second apart the difference moves by
//! microseconds. A single reading that is off means that the thread was held up between reading the two clocks; only
//! a second one that agrees makes it a step.

use std::time::Duration;

use common::time::{MonoTime, Now};

use crate::units::micros;

/// A jump of the difference by more than this is a step.
pub(crate) const MIN_STEP_US: u64 = 1_000;

/// Frames presented this long after a step may have been stamped before it.
pub const DOUBTFUL_FOR: Duration = Duration::from_secs(1);

/// What one reading of a clock says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// As before.
    Steady,
    /// It may have stepped; one of the next readings tells.
    Unsure,
    /// It stepped.
    Stepped {
        /// When that was seen first: at an earlier reading.
        at: Now,
        /// By so many µs; positive where it was set forward.
        by_us: i64,
    },
}

/// Watches one host's clocks.
#[derive(Clone, Debug, Default)]
pub struct Watch {
    /// Wall − monotonic − slept, µs.
    reference: Option<i64>,
    /// Another such difference, and the reading that had it.
    candidate: Option<(i64, Now)>,
    slept: Duration,
    doubtful_until: Option<MonoTime>,
    steps: u64,
    last_us: i64,
    largest_us: i64,
}

impl Watch {
    /// Takes how long the host has slept so far. Says how much longer that is where it is a suspend.
    pub fn slept(&mut self, total: Duration) -> Option<Duration> {
        let more = total.saturating_sub(self.slept);
        if more <= Duration::from_micros(MIN_STEP_US) {
            return None;
        }
        self.slept = total;
        self.last_us = 0;
        Some(more)
    }

    /// Takes a reading of both clocks.
    pub fn observe(&mut self, now: Now) -> Verdict {
        let difference = now.wall.as_micros().saturating_sub(micros(now.mono.since_origin() + self.slept));
        let Some(reference) = self.reference else {
            self.reference = Some(difference);
            return Verdict::Steady;
        };
        if difference.abs_diff(reference) <= MIN_STEP_US {
            self.reference = Some(difference);
            self.candidate = None;
            return Verdict::Steady;
        }
        let Some((_, at)) = self.candidate.filter(|(before, _)| difference.abs_diff(*before) <= MIN_STEP_US) else {
            self.candidate = Some((difference, now));
            return Verdict::Unsure;
        };
        let by_us = difference.saturating_sub(reference);
        self.reference = Some(difference);
        self.candidate = None;
        self.steps += 1;
        self.last_us = by_us;
        if by_us.unsigned_abs() > self.largest_us.unsigned_abs() {
            self.largest_us = by_us;
        }
        Verdict::Stepped { at, by_us }
    }

    /// By how much a latency taken at `at` may be off, µs: the step under way or just made; 0 where there is none.
    pub fn doubt_us(&self, at: MonoTime) -> i64 {
        match self.reference.zip(self.candidate) {
            Some((reference, (candidate, _))) => candidate.saturating_sub(reference),
            None if self.is_doubtful(at) => self.last_us,
            None => 0,
        }
    }

    /// Says that frames presented up to `until` may have been stamped before the last step or suspend.
    pub fn doubtful_until(&mut self, until: MonoTime) {
        self.doubtful_until = Some(until);
    }

    /// Whether a frame presented at `at` may have been stamped before a step or suspend.
    pub fn is_doubtful(&self, at: MonoTime) -> bool {
        self.doubtful_until.is_some_and(|until| at < until)
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
            let at = clock.now();
            assert_eq!((watch.observe(at), watch.doubt_us(at.mono)), (Verdict::Unsure, step));
            clock.advance(Duration::from_millis(50));
            assert_eq!(watch.observe(clock.now()), Verdict::Stepped { at, by_us: step });
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

    /// After waking up the wall clock is right again: nothing stepped, however the two readings were interleaved.
    #[test]
    fn a_suspend_is_no_step() {
        let (clock, mut watch) = (clock(), Watch::default());
        watch.observe(clock.now());
        let before = clock.now();
        clock.suspend(Duration::from_secs(3_600));
        assert_eq!(watch.slept(clock.slept()), Some(Duration::from_secs(3_600)));
        assert_eq!(watch.observe(before), Verdict::Unsure, "read before, handed in after");
        for _ in 0..3 {
            clock.advance(Duration::from_millis(50));
            assert_eq!(watch.slept(clock.slept()), None);
            assert_eq!(watch.observe(clock.now()), Verdict::Steady);
        }
        assert_eq!(watch.steps(), 0);
    }

    /// The clock that kept the time in the suspend was off by some ms: both are told.
    #[test]
    fn a_step_in_a_suspend_is_what_the_suspend_does_not_explain() {
        let (clock, mut watch) = (clock(), Watch::default());
        watch.observe(clock.now());
        clock.suspend(Duration::from_secs(60));
        clock.step_wall(-12_000);
        assert_eq!(watch.slept(clock.slept()), Some(Duration::from_secs(60)));
        let at = clock.now();
        assert_eq!(watch.observe(at), Verdict::Unsure);
        clock.advance(Duration::from_millis(50));
        assert_eq!(watch.observe(clock.now()), Verdict::Stepped { at, by_us: -12_000 });
    }
}
