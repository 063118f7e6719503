//! The intersection of everything that answers have said about another clock.
//!
//! A request leaves at our monotonic time t1 and comes to the other end at its wall time t2; the answer leaves it at t3 and
//! is here at t4. Nothing travels back in time: at t2 we were past t1, and at t3 not yet at t4. With φ = other clock −
//! ours, so t3 − t4 ≤ φ ≤ t2 − t1: an interval as wide as the round trip less the time at the other end, however the way
//! there and the way back shared it (Cristian 1989). Its middle is the usual estimate, half its width the bound.
//!
//! All intervals hold φ, so their intersection does (Marzullo 1984), once each was grown by [`GROWTH_PPM`] for the time
//! since. It is thus never wider than the smallest round trip plus the drift since, whichever that was.

use super::drift::{Drift, Fit, Point};
use super::fix::{Fix, GROWTH_PPM, MAX_FIT_PPM, micros};
use crate::time::{MonoTime, WallTime};

/// Clocks are read in whole µs, rounded down: a reading may be 1 µs short.
const RESOLUTION_US: f64 = 1.0;

/// One request and its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// t1: our monotonic time, read before the request went out.
    pub sent: MonoTime,
    /// t2: the other end's wall time, read when the request had come in.
    pub there_in: WallTime,
    /// t3: the other end's wall time, read before the answer went out.
    pub there_out: WallTime,
    /// t4: our monotonic time, read when the answer had come in.
    pub received: MonoTime,
    /// How far the other end says its clock may be from the one that is asked about, ± µs: an NTP server's distance to
    /// its source.
    pub distance_us: u32,
}

/// What became of a sample.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Verdict {
    /// It is part of the estimate.
    Taken,
    /// The answer claims to have taken longer than the round trip: no clock was like that.
    Impossible,
    /// It contradicts the estimate, and the doubted one before it, if any. The next ones tell which of them were wrong; there
    /// is no estimate until then.
    Doubted,
    /// It agrees with the estimate, and so all `.0` doubted ones since the last that did were wrong.
    Cleared(u64),
    /// It agrees with the doubted one before it: the other clock stepped by so many µs, and the estimate starts over.
    Restarted(f64),
}

/// Times that an estimate started over.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Restarts {
    /// How many.
    pub count: u64,
    /// When it last did, and by how many µs the other clock had jumped.
    pub last: Option<(MonoTime, f64)>,
}

/// Estimates another clock.
#[derive(Clone, Debug, Default)]
pub struct Estimator {
    state: Option<State>,
    /// The last that contradicted the estimate, and how many did in a row.
    doubted: Option<(Sample, u64)>,
    restarts: Restarts,
}

#[derive(Clone, Debug)]
struct State {
    fix: Fix,
    fit: Fit,
}

impl Estimator {
    /// Takes an answer.
    pub fn handle_sample(&mut self, sample: Sample) -> Verdict {
        let Some(state) = &mut self.state else { return self.begin(&[sample]) };
        let Some(point) = sample.interval(state.fix.base_us) else { return Verdict::Impossible };
        if state.narrow(point) {
            return match self.doubted.take() {
                Some((_, wrong)) => Verdict::Cleared(wrong),
                None => Verdict::Taken,
            };
        }
        let jump = (point.low + point.high - state.fix.low - state.fix.high) / 2.0;
        let Some((before, wrong)) = self.doubted.replace((sample, 1)) else { return Verdict::Doubted };
        let mut again = Self::default();
        if again.begin(&[before, sample]) != Verdict::Taken {
            // Neither the estimate nor the doubted one: the newest is doubted, too.
            self.doubted = Some((sample, wrong + 1));
            return Verdict::Doubted;
        }
        self.state = again.state;
        self.doubted = None;
        self.restarts.count += 1;
        self.restarts.last = Some((sample.received, jump));
        Verdict::Restarted(jump)
    }

    /// Forgets the other clock: another one answers.
    pub fn forget(&mut self) {
        self.state = None;
        self.doubted = None;
    }

    /// What is known; `None` before the first answer, and in doubt.
    pub fn fix(&self) -> Option<Fix> {
        self.state.as_ref().filter(|_| self.doubted.is_none()).map(|state| state.fix)
    }

    /// How fast the other clock runs away from ours, once that can be told.
    pub fn drift(&self) -> Option<Drift> {
        self.state.as_ref()?.fit.drift()
    }

    /// Times that it started over.
    pub fn restarts(&self) -> Restarts {
        self.restarts
    }

    /// Starts with samples that must agree with each other.
    fn begin(&mut self, samples: &[Sample]) -> Verdict {
        let [first, rest @ ..] = samples else { unreachable!("it begins with a sample") };
        let base_us = first.there_in.as_micros().saturating_sub(micros(first.sent) as i64);
        let Some(Point { at, low, high }) = first.interval(base_us) else { return Verdict::Impossible };
        let mut state = State { fix: Fix { at, base_us, low, high, rate_ppm: 0.0 }, fit: Fit::new() };
        state.fit.add(Point { at, low, high });
        for sample in rest {
            match sample.interval(base_us) {
                None => return Verdict::Impossible,
                Some(point) if !state.narrow(point) => return Verdict::Doubted,
                Some(_) => {}
            }
        }
        self.state = Some(state);
        Verdict::Taken
    }
}

impl State {
    /// Intersects; false, and as it was, where nothing would be left.
    fn narrow(&mut self, point: Point) -> bool {
        let fix = self.fix.at(point.at);
        let (low, high) = (fix.low.max(point.low), fix.high.min(point.high));
        if low > high {
            return false;
        }
        self.fit.add(point);
        let rate_ppm = self.fit.drift().map_or(0.0, |drift| drift.ppm.clamp(-MAX_FIT_PPM, MAX_FIT_PPM));
        self.fix = Fix { low, high, rate_ppm, ..fix };
        true
    }
}

impl Sample {
    /// Where the other clock was when the answer came, relative to `base_us`: `None` where it was nowhere.
    fn interval(&self, base_us: i64) -> Option<Point> {
        let relative =
            |there: WallTime, here: MonoTime| there.as_micros().saturating_sub(base_us) as f64 - micros(here);
        // Each end held at its own moment of the round trip, and is carried to the end of it.
        let drift = (micros(self.received) - micros(self.sent)) * GROWTH_PPM / 1e6;
        let slack = RESOLUTION_US + drift + f64::from(self.distance_us);
        let (low, high) = (relative(self.there_out, self.received), relative(self.there_in, self.sent));
        (low <= high + 2.0 * (RESOLUTION_US + drift)).then(|| {
            // An answer that rounding makes a little too fast has its two ends in either order.
            Point { at: self.received, low: low.min(high) - slack, high: high.max(low) + slack }
        })
    }
}

#[cfg(test)]
mod tests;
