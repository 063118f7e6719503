//! Detects steps of the publisher's wall clock by its stamps.
//!
//! All that a receiver knows of that clock is the PUB of each frame. Two signs are taken for a step:
//!
//! * **PUB goes back** by more than `MIN_STEP_US` from one frame to a later one of the same run. A publisher stamps its
//!   frames in order, so nothing else does that: it was set back, by more than the time between the two frames.
//! * **PUB leaps forward**: from one frame to the very next, present − PUB falls by more than `MIN_LEAP_US` and stays
//!   there for `CONFIRM` frames, while pictures come at their usual pace, before it and after it. A network that recovers
//!   makes the latency fall step by step, or skips numbers, or comes after a pause; one frame alone is a corrupt one.
//!
//! What it cannot see: a step while the receiver's own clock is in doubt, one forward by less than a second, or with a
//! frame lost right then. What it takes for one: a publisher that pauses for exactly as long as the frames before the
//! pause lie in a queue. Where both ends read one clock it is not asked, as the receiver sees every step of that itself.

use std::time::Duration;

use common::time::{MonoTime, Now, WallTime};

use crate::sample::{SEQUENCE_MODULUS, Sample};
use crate::steps::{MIN_STEP_US, Verdict};

/// A fall of the latency by more than this from one frame to the next may be a step. Paths with queues of a second and
/// more exist, but none empties between two frames.
pub(crate) const MIN_LEAP_US: i64 = 1_000_000;

/// Frames at the new level that make it a step, and frames at a level that make it one.
pub(crate) const CONFIRM: u32 = 8;

/// A frame is at a level when it is this near: path jitter is below it.
const BAND_US: u64 = MIN_LEAP_US as u64 / 2;

/// Watches the publisher's clock.
#[derive(Clone, Debug, Default)]
pub struct PublisherClock {
    last: Option<Last>,
    /// Frames in a row at the level and at the pace.
    steady: u32,
    leap: Option<Leap>,
}

/// The newest frame.
#[derive(Clone, Copy, Debug)]
struct Last {
    stream_id: u8,
    run: Option<u32>,
    sequence: u32,
    stamp: WallTime,
    presented: MonoTime,
    /// Present − PUB, µs.
    level: i64,
}

/// What may be a step forward.
#[derive(Clone, Copy, Debug)]
struct Leap {
    at: Now,
    before: i64,
    after: i64,
    frames: u32,
}

impl PublisherClock {
    /// Takes a frame. Pictures of the stream come at most `pause` apart.
    pub fn observe(&mut self, sample: &Sample, pause: Duration) -> Verdict {
        let this = Last::of(sample);
        let Some(last) = self.last.filter(|last| last.stream_id == this.stream_id && last.run == this.run) else {
            return self.begin(this);
        };
        let ahead = (this.sequence + SEQUENCE_MODULUS - last.sequence % SEQUENCE_MODULUS) % SEQUENCE_MODULUS;
        if ahead == 0 || ahead >= SEQUENCE_MODULUS / 2 {
            return self.pending();
        }
        self.last = Some(this);
        if last.stamp.micros_since(this.stamp) > MIN_STEP_US as i64 {
            let leap = self.leap.take();
            self.steady = 1;
            if leap.is_some_and(|leap| this.level.abs_diff(leap.before) <= BAND_US) {
                return Verdict::Steady;
            }
            return Verdict::Stepped { at: sample.now(), by_us: last.level.saturating_sub(this.level) };
        }
        if this.presented.saturating_since(last.presented) >= pause {
            (self.leap, self.steady) = (None, 1);
            return Verdict::Steady;
        }
        match self.leap {
            Some(leap) => self.confirm(leap, this.level),
            None => self.compare(sample, ahead, last.level, this.level),
        }
    }

    /// Forgets what it saw: the receiver's own clock is in doubt.
    pub fn reset(&mut self) {
        *self = Self::default();
    }

    /// A step may be under way.
    fn pending(&self) -> Verdict {
        if self.leap.is_some() { Verdict::Unsure } else { Verdict::Steady }
    }

    fn begin(&mut self, first: Last) -> Verdict {
        *self = Self { last: Some(first), steady: 1, leap: None };
        Verdict::Steady
    }

    fn compare(&mut self, sample: &Sample, ahead: u32, before: i64, after: i64) -> Verdict {
        if self.steady >= CONFIRM && ahead == 1 && before.saturating_sub(after) > MIN_LEAP_US {
            self.leap = Some(Leap { at: sample.now(), before, after, frames: 1 });
            return Verdict::Unsure;
        }
        let near = before.abs_diff(after) <= BAND_US;
        self.steady = if near { self.steady.saturating_add(1) } else { 1 };
        Verdict::Steady
    }

    fn confirm(&mut self, leap: Leap, level: i64) -> Verdict {
        if level.abs_diff(leap.after) > BAND_US {
            (self.leap, self.steady) = (None, 1);
            return Verdict::Steady;
        }
        let leap = Leap { frames: leap.frames + 1, ..leap };
        if leap.frames < CONFIRM {
            self.leap = Some(leap);
            return Verdict::Unsure;
        }
        (self.leap, self.steady) = (None, leap.frames);
        Verdict::Stepped { at: leap.at, by_us: leap.before.saturating_sub(leap.after) }
    }
}

impl Last {
    fn of(sample: &Sample) -> Self {
        Self {
            stream_id: sample.stream_id,
            run: sample.run,
            sequence: sample.sequence % SEQUENCE_MODULUS,
            stamp: sample.marks.stamped(),
            presented: sample.presented,
            level: sample.now().wall.micros_since(sample.marks.stamped()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::sample;
    use common::marks::Mark;

    const PAUSE: Duration = Duration::from_millis(190);

    /// PublisherClock after the frames `(sequence, latency in ms)` of a 25 frames/s stream, each of them steady.
    fn after(frames: impl IntoIterator<Item = (u64, i64)>) -> PublisherClock {
        let mut stamps = PublisherClock::default();
        for (sequence, latency) in frames {
            assert_eq!(observe(&mut stamps, sequence, latency), Verdict::Steady, "frame {sequence}");
        }
        stamps
    }

    fn at(sequence: u64, latency: i64) -> Sample {
        let shown = 100_000 + sequence * 40;
        let mut sample = sample(sequence, shown, shown);
        sample.marks = sample.marks.with(Mark::Stamped, sample.marks.stamped().offset(-latency * 1_000));
        sample
    }

    fn observe(stamps: &mut PublisherClock, sequence: u64, latency: i64) -> Verdict {
        stamps.observe(&at(sequence, latency), PAUSE)
    }

    #[test]
    fn going_back_is_a_step_at_once() {
        let mut stamps = after((0..10).map(|n| (n, 50)));
        let at = at(10, 150).now();
        assert_eq!(observe(&mut stamps, 10, 150), Verdict::Stepped { at, by_us: -100_000 });
        assert_eq!(observe(&mut stamps, 11, 150), Verdict::Steady);
        assert_eq!(observe(&mut stamps, 5, 50), Verdict::Steady, "a late one was stamped before");
    }

    #[test]
    fn leaping_forward_is_a_step_after_eight_frames() {
        let mut stamps = after((0..10).map(|n| (n, 50)));
        for sequence in 10..17 {
            assert_eq!(observe(&mut stamps, sequence, -3_599_950), Verdict::Unsure, "{sequence}");
        }
        let at = at(10, 0).now();
        assert_eq!(observe(&mut stamps, 17, -3_599_940), Verdict::Stepped { at, by_us: 3_600_000_000 });
        assert_eq!(observe(&mut stamps, 18, -3_599_950), Verdict::Steady);
    }

    /// What networks do: none of it is a step.
    #[test]
    fn a_path_that_recovers_is_no_step() {
        // A queue of 3 s that empties at twice the frame rate.
        after((0..10).map(|n| (n, 3_000)).chain((10..85).map(|n| (n, 3_000 - (n as i64 - 9) * 40))));
        // A queue that is thrown away: numbers are missing.
        after((0..10).map(|n| (n, 3_000)).chain((84..100).map(|n| (n, 40))));
        // Fewer frames at the old level than make it one.
        after((0..7).map(|n| (n, 3_000)).chain((7..20).map(|n| (n, 40))));
        // A path that becomes slow at once.
        after(
            (0..10).map(|n| (n, 40)).chain((10..20).map(|n| (n, 3_000 + n as i64))).filter(|(n, _)| *n != 10).take(10),
        );
    }

    #[test]
    fn one_corrupt_stamp_is_no_step() {
        let mut stamps = after((0..10).map(|n| (n, 50)));
        assert_eq!(observe(&mut stamps, 10, -90_000), Verdict::Unsure);
        assert_eq!(observe(&mut stamps, 11, 50), Verdict::Steady);
        assert_eq!(observe(&mut stamps, 12, 50), Verdict::Steady);
    }

    #[test]
    fn a_pause_says_nothing() {
        let mut stamps = after((0..10).map(|n| (n, 3_000)));
        let late = |n: u64| {
            let shown = 105_000 + n * 40;
            sample(n, shown - 40, shown)
        };
        for sequence in 10..30 {
            assert_eq!(stamps.observe(&late(sequence), PAUSE), Verdict::Steady);
        }
    }

    #[test]
    fn another_run_begins_anew() {
        let mut stamps = after((0..10).map(|n| (n, 50)));
        let other = Sample { run: Some(2), ..at(10, 900_000) };
        assert_eq!(stamps.observe(&other, PAUSE), Verdict::Steady);
    }
}
