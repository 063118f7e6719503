//! Which latencies are kept: around a step of a clock, some are differences between times that cannot be compared.

use std::time::Duration;

use common::time::MonoTime;
use measure::interval::Histograms;
use measure::latency::Distribution;
use measure::ledger::Reading;
use measure::sample::{Clocks, Correction, Sample};
use measure::steps::{self, Verdict};
use measure::timeline::Kind;

use super::Tally;
use crate::comparison::Admission;

/// A frame under way at a clock step is at most this old.
const MAX_UNDER_WAY: Duration = Duration::from_secs(60);

/// A latency beyond this is no path: a clock was never set. Machines without a battery start in 1970.
const IMPLAUSIBLE: Duration = Duration::from_secs(365 * 86_400);

impl Tally {
    /// Nothing was done to a sample's times: that is right where there is one clock, as far as is known so far.
    pub(super) fn with_clocks(&self, sample: &Sample) -> Sample {
        match sample.correction {
            Correction::None if !self.about.clocks.are_one() => Sample { correction: Correction::Missing, ..*sample },
            _ => *sample,
        }
    }

    /// Decides what becomes of a latency in doubt, now that the clocks were read again.
    pub(super) fn resolve(&mut self, step: Verdict, at: MonoTime) {
        match step {
            Verdict::Stepped { at: stepped, by_us } => {
                self.left_out += u64::from(self.parked.take().is_some());
                self.timeline.event(stepped, Kind::Step, by_us);
                self.distrust(at);
            }
            Verdict::Steady | Verdict::Unsure => self.unpark(),
        }
    }

    /// A clock stepped or the host slept: latencies of frames under way at `at` mean nothing.
    pub(super) fn distrust(&mut self, at: MonoTime) {
        let oldest = self.histograms.total.max_us().unwrap_or(0);
        let under_way = Duration::from_micros(u64::try_from(oldest).unwrap_or(0)).min(MAX_UNDER_WAY);
        self.clock.doubtful_until(at + steps::DOUBTFUL_FOR + under_way);
    }

    pub(super) fn unpark(&mut self) {
        let Some(sample) = self.parked.take() else { return };
        if self.clock.is_doubtful(sample.presented) {
            self.left_out += 1;
        } else {
            self.record(&sample, Verdict::Steady);
        }
    }

    /// Sees whether the publisher's clock stepped. Where there is one clock it is the receiver's own, which is watched.
    pub(super) fn watch_publisher(&mut self, sample: &Sample, reading: Reading, doubtful: bool) -> Verdict {
        if doubtful || self.about.clocks == Clocks::Same || self.compared.follows_publisher() {
            self.publisher.reset();
        } else if matches!(reading, Reading::First | Reading::WarmUp) {
            let verdict = self.publisher.observe(sample, self.screen.freeze_limit());
            if let Verdict::Stepped { at, by_us } = verdict {
                self.timeline.event(at, Kind::PublisherStep, by_us);
            }
            return verdict;
        }
        Verdict::Steady
    }

    /// The latency of a frame around a step of the wall clock, for the age of the picture: of a frame that was stamped
    /// before the step the difference of the clocks contains it. Which of the two is right is judged by the latency before.
    pub(super) fn likely_latency(&self, sample: &Sample) -> i64 {
        let measured = sample.marks.latency_us();
        let without = measured.saturating_sub(self.clock.doubt_us(sample.presented));
        let nearer = |usual: i64| without.abs_diff(usual) < measured.abs_diff(usual);
        if self.usual.is_some_and(nearer) { without } else { measured }
    }

    /// Whether a latency is to be kept. Earlier ones that cannot be compared with it are dropped.
    fn admits(&mut self, correction: Correction) -> bool {
        let verdict = self.compared.admit(correction);
        if verdict == Admission::Replace {
            self.histograms = Histograms::default();
            self.timeline.forget_latencies();
            self.implausible = None;
        }
        verdict != Admission::LeaveOut
    }

    pub(super) fn record(&mut self, sample: &Sample, publisher: Verdict) {
        if !self.admits(sample.correction) {
            return;
        }
        let latency = sample.marks.latency_us();
        self.usual = Some(latency);
        if u128::from(latency.unsigned_abs()) > IMPLAUSIBLE.as_micros() {
            self.implausible.get_or_insert((sample.marks.stamped(), sample.marks.presented()));
        }
        self.histograms.record(sample, Distribution::record);
        match publisher {
            Verdict::Unsure => self.timeline.hold(latency),
            Verdict::Steady | Verdict::Stepped { .. } => self.timeline.record(latency),
        }
        // What was written of a second, or scraped, cannot be taken back: there are no latencies of doubtful worth in it.
        if let Some(intervals) = self.intervals.as_mut().filter(|_| sample.correction != Correction::Missing) {
            intervals.record(sample);
            self.scraped.record(sample, |buckets, micros| buckets.record(micros));
        }
    }
}
