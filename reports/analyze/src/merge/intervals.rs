//! The seconds of many receivers as one: those that lie together in wall time, to the nearest second.

use std::collections::BTreeMap;

use measure::latency::Distribution;
use measure::sample::Bucket;
use measure::units::ms;
use report::saved::IntervalRow;

use super::part::Part;

/// A second of all receivers.
#[derive(Default)]
struct Second {
    receivers: usize,
    length_s: f64,
    expected: u64,
    buckets: [u64; Bucket::ALL.len()],
    count: u64,
    p50_ms: Option<f64>,
    p99_ms: Option<f64>,
    max_ms: Option<f64>,
    fps: Mean,
    kbps: Mean,
    age: Mean,
    age_max_ms: Option<f64>,
}

/// A mean over time.
#[derive(Default)]
struct Mean {
    sum: f64,
    weight: f64,
}

impl Mean {
    fn add(&mut self, value: Option<f64>, weight: f64) {
        if let Some(value) = value {
            self.sum += value * weight;
            self.weight += weight;
        }
    }

    fn get(&self) -> Option<f64> {
        (self.weight > 0.0).then(|| self.sum / self.weight)
    }
}

/// The seconds of all receivers.
pub(super) struct Joined(BTreeMap<u64, Second>);

impl Joined {
    /// Adds up the seconds of `parts`; second 0 begins at `zero_us`.
    pub fn of(parts: &[Part], zero_us: i64) -> Self {
        let mut seconds = BTreeMap::<u64, Second>::new();
        for part in parts {
            let (shift, pooled) = (part.shift(zero_us), part.is_pooled());
            for row in &part.intervals {
                seconds.entry(row.second.saturating_add(shift)).or_default().add(row, pooled);
            }
        }
        Self(seconds)
    }

    /// The latencies of a second, of all receivers: they give its quantiles where they are all of its latencies.
    pub fn latencies(&mut self, second: u64, of: &Distribution) {
        let Some(second) = self.0.get_mut(&second).filter(|second| second.count == of.count()) else { return };
        let quantile = |q| of.quantile_us(q).map(|us| ms(us).min(second.max_ms.unwrap_or(f64::INFINITY)));
        (second.p50_ms, second.p99_ms) = (quantile(0.5), quantile(0.99));
    }

    /// All, in order.
    pub fn rows(&self) -> impl Iterator<Item = IntervalRow> {
        self.0.iter().map(|(number, second)| IntervalRow {
            second: *number,
            length_s: second.length_s,
            expected: second.expected,
            buckets: second.buckets,
            count: second.count,
            p50_ms: second.p50_ms,
            p99_ms: second.p99_ms,
            max_ms: second.max_ms,
            fps: second.fps.get(),
            kbps: second.kbps.get().filter(|kbps| *kbps > 0.0),
            age_mean_ms: second.age.get(),
            age_max_ms: second.age_max_ms,
        })
    }
}

impl Second {
    fn add(&mut self, row: &IntervalRow, pooled: bool) {
        self.receivers += 1;
        self.length_s = self.length_s.max(row.length_s);
        self.expected = self.expected.saturating_add(row.expected);
        for (sum, count) in self.buckets.iter_mut().zip(row.buckets) {
            *sum = sum.saturating_add(count);
        }
        if pooled {
            self.count = self.count.saturating_add(row.count);
            self.max_ms = larger(self.max_ms, row.max_ms);
            // Until the histograms say better; those of two receivers cannot be had from theirs.
            let alone = self.receivers == 1;
            (self.p50_ms, self.p99_ms) = if alone { (row.p50_ms, row.p99_ms) } else { (None, None) };
        }
        self.fps.add(row.fps, row.length_s);
        // No bytes are no figure in a row, but a rate of zero beside that of others.
        self.kbps.add(row.kbps.or(row.fps.map(|_| 0.0)), row.length_s);
        self.age.add(row.age_mean_ms, row.length_s);
        self.age_max_ms = larger(self.age_max_ms, row.age_max_ms);
    }
}

/// The larger of what there is.
pub(super) fn larger(one: Option<f64>, other: Option<f64>) -> Option<f64> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.max(other)),
        (one, other) => one.or(other),
    }
}
