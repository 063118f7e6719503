//! What can be asked while the run goes on.

use std::time::Duration;

use common::time::MonoTime;
use measure::account::Ledger;
use measure::interval::{Histograms, Interval};
use measure::sample::{Clocks, Correction, Sample};
use measure::units::rounded;

use super::Tally;

impl Tally {
    /// The bound of the newest latency, ± µs, where two clocks are part of it and were compared.
    pub fn bound_us(&self) -> Option<i64> {
        let corrected = self.newest.is_some_and(|newest| matches!(newest.correction, Correction::By(_)));
        self.compared.bound_us().filter(|_| corrected)
    }

    /// The newest latency does not contain an unknown difference of clocks, or all do.
    pub(crate) fn newest_is_comparable(&self) -> bool {
        let raw = self.newest.is_some_and(|newest| newest.correction == Correction::Missing);
        !raw || self.compared.bound_us().is_none()
    }

    /// Publisher and receiver are known to read two clocks.
    pub fn clocks_differ(&self) -> bool {
        self.about.clocks == Clocks::Different
    }

    /// For how long no picture has come, where a stream that goes on would have brought one.
    pub fn overdue(&self, now: MonoTime) -> Option<Duration> {
        let gap = self.screen.unchanged_for(now)?;
        (self.connection.since.is_some() || self.screen.has_stopped(now)).then_some(gap)
    }

    /// The closed intervals that are left, with the buckets as they are so far.
    pub(crate) fn unsettled_intervals(&self) -> Vec<Interval> {
        let mut left: Vec<_> = self.intervals.iter().flat_map(|intervals| intervals.unsettled()).copied().collect();
        self.ledger.unsettled(&mut |entry| {
            if let Some(interval) = left.iter_mut().find(|interval| interval.second == entry.second) {
                interval.counts.add(&entry);
            }
        });
        left
    }

    /// The accounts.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Latency in total and by stage.
    pub fn histograms(&self) -> &Histograms {
        &self.histograms
    }

    /// The newest frame read, of the warm-up too.
    pub fn newest(&self) -> Option<&Sample> {
        self.newest.as_ref()
    }

    /// The age of the picture on screen, µs.
    pub fn age_us(&self, now: MonoTime) -> Option<i64> {
        self.screen.age_us(now)
    }

    /// Pictures per second in the second before the newest event; `None` before the second picture.
    pub fn recent_fps(&self) -> Option<f64> {
        self.rates.recent(self.last, self.screen.usual_interval()).map(rounded)
    }

    /// Whether the warm-up is over.
    pub(crate) fn is_measuring(&self) -> bool {
        self.intervals.is_some()
    }
}
