//! The seconds of a run: what each one saw.
//!
//! Second 0 begins when the warm-up ends. A frame belongs to the second in which it was first read, or in which its
//! absence was noticed: the frames of a long gap are all in the second that ended it.

use std::collections::VecDeque;
use std::time::Duration;

use common::time::MonoTime;

use crate::age::Span;
use crate::latency::Distribution;
use crate::ledger::{Counts, Entry};
use crate::rate::Amounts;
use crate::sample::Sample;
use crate::stages::{Latencies, PerStage};

/// How long an interval is.
pub(crate) const LENGTH: Duration = Duration::from_secs(1);

/// What is known of one second.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Interval {
    /// Seconds since the end of the warm-up.
    pub second: u64,
    /// How long it was: shorter than `LENGTH` only at the end of a run.
    pub length: Duration,
    /// Its frames' buckets; they may change while any of them is not final.
    pub counts: Counts,
    /// Frames with a latency.
    pub latencies: u64,
    /// Their median, µs.
    pub p50_us: Option<i64>,
    /// 99 % are not above it, µs.
    pub p99_us: Option<i64>,
    /// The largest, µs.
    pub max_us: Option<i64>,
    /// Pictures shown, repetitions left out, and compressed video: those that reach across an end in part.
    pub amounts: Amounts,
    /// The age of the picture on screen.
    pub age: Span,
}

impl Interval {
    /// Pictures per second; `None` before the second one.
    pub fn fps(&self) -> Option<f64> {
        self.per_second(self.amounts.pictures?)
    }

    /// kbit/s of compressed video; `None` where there was none.
    pub fn kbps(&self) -> Option<f64> {
        self.per_second(self.amounts.kilobits).filter(|_| self.amounts.kilobits > 0.0)
    }

    fn per_second(&self, amount: f64) -> Option<f64> {
        (!self.length.is_zero()).then(|| amount / self.length.as_secs_f64())
    }
}

/// Latency in total and by stage, as a report keeps it.
pub type Histograms = Latencies<Distribution>;

impl Default for Histograms {
    fn default() -> Self {
        Self { total: Distribution::default(), stages: PerStage::default() }
    }
}

/// An interval's histograms, for the interval log.
#[derive(Clone, Debug)]
pub struct Closed {
    /// Since the start of the run.
    pub start: Duration,
    /// How long it was.
    pub length: Duration,
    /// What was measured in it.
    pub histograms: Histograms,
}

/// The seconds of a run, the last one open.
#[derive(Clone, Debug)]
pub struct Intervals {
    run_started: MonoTime,
    /// The end of the warm-up.
    start: MonoTime,
    current: Interval,
    histograms: Histograms,
    /// Closed, but with frames that may not be final yet.
    pending: VecDeque<Interval>,
    newest_kbps: Option<f64>,
}

impl Intervals {
    /// The first second begins at `start`.
    pub fn new(run_started: MonoTime, start: MonoTime) -> Self {
        Self {
            run_started,
            start,
            current: Interval::default(),
            histograms: Histograms::default(),
            pending: VecDeque::new(),
            newest_kbps: None,
        }
    }

    /// The second that is open.
    pub fn second(&self) -> u64 {
        self.current.second
    }

    /// When the open second ends.
    pub fn end(&self) -> MonoTime {
        self.begin() + LENGTH
    }

    /// A frame's latency.
    pub fn record(&mut self, sample: &Sample) {
        self.histograms.record(sample, Distribution::record);
    }

    /// A frame that is final.
    pub fn finalize(&mut self, entry: &Entry<'_>) {
        if entry.second == self.current.second {
            self.current.counts.add(entry);
        } else if let Some(interval) = self.pending.iter_mut().find(|interval| interval.second == entry.second) {
            interval.counts.add(entry);
        }
    }

    /// Ends the open second at `end`, and begins the next there.
    pub fn close(&mut self, end: MonoTime, age: Span, amounts: Amounts) -> Closed {
        let closed = Closed {
            start: self.begin().saturating_since(self.run_started),
            length: end.saturating_since(self.begin()),
            histograms: std::mem::take(&mut self.histograms),
        };
        let total = &closed.histograms.total;
        let interval = Interval {
            length: closed.length,
            latencies: total.count(),
            p50_us: total.quantile_us(0.5),
            p99_us: total.quantile_us(0.99),
            max_us: total.max_us(),
            age,
            amounts,
            ..self.current
        };
        self.newest_kbps = interval.kbps();
        self.pending.push_back(interval);
        self.current = Interval { second: self.current.second + 1, ..Interval::default() };
        closed
    }

    /// Takes the closed seconds before `second`, all of whose frames are final.
    pub fn take_final(&mut self, second: u64) -> Vec<Interval> {
        let finalized = self.pending.iter().take_while(|interval| interval.second < second).count();
        self.pending.drain(..finalized).collect()
    }

    /// The closed seconds that are left.
    pub fn pending(&self) -> impl Iterator<Item = &Interval> {
        self.pending.iter()
    }

    /// kbit/s of compressed video in the newest closed second; `None` where there was none.
    pub fn newest_kbps(&self) -> Option<f64> {
        self.newest_kbps
    }

    fn begin(&self) -> MonoTime {
        let seconds = u32::try_from(self.current.second).unwrap_or(u32::MAX);
        self.start + LENGTH * seconds
    }
}
