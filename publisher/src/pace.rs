//! When each picture of a planned source is due.

use std::time::Duration;

use common::time::MonoTime;

use crate::rate::FrameRate;

/// The plan start + n / rate. It never drifts: lateness of one picture does not move the ones after it. Slots that pass
/// while nothing could be sent are counted and left out, so that a source that stood still is not played in a burst.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    rate: FrameRate,
    start: MonoTime,
    slot: u64,
    missed: u64,
    /// Delay of all pictures relative to the schedule.
    phase: Duration,
}

impl Plan {
    /// A plan whose first picture is due at `start`.
    pub(crate) fn new(rate: FrameRate, start: MonoTime) -> Self {
        Self { rate, start, slot: 0, missed: 0, phase: Duration::ZERO }
    }

    /// When the next picture is due.
    pub(crate) fn due(&self) -> MonoTime {
        self.start + self.phase + self.rate.time_of(self.slot)
    }

    /// A picture goes out `now`, at or after it was due: the plan moves on to the next slot that is not yet over.
    pub(crate) fn advance(&mut self, now: MonoTime) {
        let current = self.rate.slots_in(now.saturating_since(self.start + self.phase)).max(self.slot);
        self.missed += current - self.slot;
        self.slot = current + 1;
    }

    /// Delays all further pictures relative to the schedule, by less than the frame interval.
    pub(crate) fn shift(&mut self, phase: Duration) {
        self.phase = phase;
    }

    /// Slots that passed without a picture.
    pub(crate) fn missed(&self) -> u64 {
        self.missed
    }
}

/// How many pictures per second really went out, over the last second or so.
#[derive(Clone, Debug, Default)]
pub(crate) struct Meter {
    times: std::collections::VecDeque<MonoTime>,
}

impl Meter {
    const WINDOW: Duration = Duration::from_secs(1);
    const MAX_TIMES: usize = 1024;

    /// A picture went out `now`.
    pub(crate) fn tick(&mut self, now: MonoTime) {
        self.times.push_back(now);
        let stale = |first: &MonoTime| now.saturating_since(*first) > Self::WINDOW;
        while self.times.len() > Self::MAX_TIMES || (self.times.len() > 2 && self.times.front().is_some_and(stale)) {
            self.times.pop_front();
        }
    }

    /// Pictures per second up to `now`; `None` before the second one. It goes by the intervals between them, and falls while the next
    /// picture is overdue.
    pub(crate) fn per_second(&self, now: MonoTime) -> Option<f64> {
        let stale = |at: &MonoTime| now.saturating_since(*at) > Self::WINDOW;
        // Two are kept, however long ago they went out.
        let recent = self.times.iter().position(|at| !stale(at)).unwrap_or(self.times.len());
        let from = recent.min(self.times.len().checked_sub(2)?);
        let (first, last) = (*self.times.get(from)?, *self.times.back()?);
        let intervals = u32::try_from(self.times.len() - from - 1).ok()?;
        let span = last.saturating_since(first);
        let overdue = now.saturating_since(last).saturating_sub(span / intervals);
        let span = (span + overdue).as_secs_f64();
        (span > 0.0).then(|| f64::from(intervals) / span)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(micros: u64) -> MonoTime {
        MonoTime::from_origin(Duration::from_micros(micros))
    }

    #[test]
    fn late_pictures_do_not_move_the_plan() {
        let mut plan = Plan::new("30000/1001".parse().expect("a rate"), at(1_000_000));
        for n in 0..300_000_u64 {
            assert_eq!(plan.due(), at(1_000_000) + Duration::from_nanos(n * 1001 * 1_000_000 / 30));
            plan.advance(plan.due() + Duration::from_millis(n % 30));
        }
        assert_eq!(plan.missed(), 0);
    }

    #[test]
    fn slots_that_are_over_are_counted_and_left_out() {
        let mut plan = Plan::new(FrameRate::THIRTY, at(0));
        plan.advance(at(0));
        // Due at 33 ms, sent at 110 ms: the slots of 33 and 66 ms are over, that of 100 ms is taken.
        plan.advance(at(110_000));
        assert_eq!((plan.missed(), plan.due()), (2, at(133_333) + Duration::from_nanos(333)));
    }

    #[test]
    fn a_shift_moves_the_plan_to_a_phase_and_back() {
        let mut plan = Plan::new(FrameRate::TWENTY_FIVE, at(0));
        for phase in [0, 8_000, 32_000, 16_000, 0] {
            plan.shift(Duration::from_micros(phase));
            for _ in 0..3 {
                assert_eq!(plan.due().since_origin().as_micros() as u64 % 40_000, phase);
                plan.advance(plan.due());
            }
        }
        assert_eq!((plan.missed(), plan.due()), (0, at(15 * 40_000)), "no picture more or less");
    }

    #[test]
    fn the_meter_follows_the_last_second() {
        let mut meter = Meter::default();
        assert_eq!(meter.per_second(at(0)), None);
        meter.tick(at(0));
        assert_eq!(meter.per_second(at(5_000_000)), None, "one picture has no interval");
        let mut now = 0;
        for step in [100_000; 20].into_iter().chain([40_000; 30]) {
            now += step;
            meter.tick(at(now));
        }
        for (later, expected) in [(0, 25.0), (40_000, 25.0), (540_000, 12.0), (10_000_000, 0.1)] {
            let measured = meter.per_second(at(now + later)).expect("many pictures");
            assert!((measured - expected).abs() < 0.05 * expected, "{later}: {measured}");
        }
    }
}
