//! The state of a run as it goes: for an overlay, a line of progress, the report's writer.

use std::time::Duration;

use common::time::MonoTime;
use measure::interval::{Histograms, Interval};
use measure::ledger::{Counts, Ledger};
use measure::sample::{Bucket, Clocks, Correction};
use measure::units::{ms, rounded};

use super::Tally;

/// The figures of the moment, for an overlay or a line of progress.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Live {
    /// The warm-up is over.
    pub measuring: bool,
    /// Pictures per second, over the last one; `None` before the second picture.
    pub fps: Option<f64>,
    /// Latency of the newest frame read, ms.
    pub latency_ms: Option<f64>,
    /// The bound of every latency, ± ms, where two clocks are part of it and were compared.
    pub bound_ms: Option<f64>,
    /// When the newest frame was read and shown.
    pub read_at: Option<MonoTime>,
    /// The median latency of the run so far, ms.
    pub p50_ms: Option<f64>,
    /// 99 % of the run's latencies are not above it, ms.
    pub p99_ms: Option<f64>,
    /// The age of the picture on screen, ms.
    pub age_ms: Option<f64>,
    /// Where the frames ended so far.
    pub counts: Counts,
}

impl Live {
    /// Frames of the range that were not read.
    pub fn missing(&self) -> u64 {
        let of = |bucket| self.counts.of(bucket);
        of(Bucket::Lost) + of(Bucket::Unreadable) + of(Bucket::Undecodable)
    }
}

impl Tally {
    /// The figures of the moment.
    pub fn live(&self) -> Live {
        let newest = self.newest.as_ref();
        let latency = &self.histograms.total;
        Live {
            measuring: self.is_measuring(),
            fps: self.recent_fps(),
            latency_ms: newest.filter(|_| self.newest_is_comparable()).map(|sample| ms(sample.marks.latency_us())),
            bound_ms: self.bound_us().map(ms),
            read_at: newest.map(|sample| sample.presented),
            p50_ms: latency.quantile_us(0.5).map(ms),
            p99_ms: latency.quantile_us(0.99).map(ms),
            age_ms: self.screen.age_us(self.last).map(ms),
            counts: self.ledger.counts(),
        }
    }

    /// Stream id and run of the newest frame read, where its run is known.
    pub fn publisher(&self) -> Option<(u8, u32)> {
        self.newest.and_then(|sample| Some((sample.stream_id, sample.run?)))
    }

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

    /// For how long no picture has come, where a stream that goes on would have brought one: it is lost, or has
    /// [stopped](measure::age::Screen::has_stopped).
    pub fn overdue(&self, now: MonoTime) -> Option<Duration> {
        let gap = self.screen.unchanged_for(now)?;
        (self.connection.since.is_some() || self.screen.has_stopped(now)).then_some(gap)
    }

    /// The closed intervals that are left, with the buckets as they are so far.
    pub(crate) fn pending_intervals(&self) -> Vec<Interval> {
        let mut left: Vec<_> = self.intervals.iter().flat_map(|intervals| intervals.pending()).copied().collect();
        self.ledger.pending(&mut |entry| {
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

    /// Pictures per second in the second before the newest event; `None` before the second picture.
    pub fn recent_fps(&self) -> Option<f64> {
        self.rates.recent(self.last, self.screen.usual_interval()).map(rounded)
    }

    /// How long a picture is expected to stand: [`usual_interval`](measure::age::Screen::usual_interval).
    pub fn usual_interval(&self) -> Option<Duration> {
        self.screen.usual_interval()
    }

    /// Whether the warm-up is over.
    pub(crate) fn is_measuring(&self) -> bool {
        self.intervals.is_some()
    }
}
