//! Histograms of few buckets, for programs that scrape: exact where an HdrHistogram rounds,
//! and small enough to be copied every second.

/// How many durations lie between some bounds. Bounds are inclusive.
#[derive(Clone, Debug)]
pub struct Buckets {
    bounds_us: &'static [i64],
    /// One more than bounds: the last is for what lies above all.
    counts: Vec<u64>,
    sum_us: i64,
    negative: bool,
}

impl Buckets {
    /// Empty ones with these upper bounds, which ascend.
    pub fn new(bounds_us: &'static [i64]) -> Self {
        Self { bounds_us, counts: vec![0; bounds_us.len() + 1], sum_us: 0, negative: false }
    }

    /// Adds a duration, µs.
    pub fn record(&mut self, micros: i64) {
        self.counts[self.bounds_us.partition_point(|bound| *bound < micros)] += 1;
        self.sum_us = self.sum_us.saturating_add(micros);
        self.negative |= micros < 0;
    }

    /// Durations recorded.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Their sum, µs; `None` as soon as one of them was negative, as between two clocks: the sum would not be a counter any
    /// more, and neither OpenMetrics nor OpenTelemetry has it then.
    pub fn sum_us(&self) -> Option<u64> {
        (!self.negative).then_some(self.sum_us.unsigned_abs())
    }

    /// Their sum with those that were negative, µs: it may decrease.
    pub(crate) fn signed_sum_us(&self) -> i64 {
        self.sum_us
    }

    /// Upper bounds, µs.
    pub fn bounds_us(&self) -> &'static [i64] {
        self.bounds_us
    }

    /// How many lie above the bound before and not above this one; the last, above all.
    pub fn counts(&self) -> &[u64] {
        &self.counts
    }

    /// Upper bounds in µs, with how many are not above each. The last one, for all, has no bound.
    pub fn cumulative(&self) -> impl Iterator<Item = (Option<i64>, u64)> {
        let bounds = self.bounds_us.iter().copied().map(Some).chain([None]);
        let mut sum = 0;
        bounds.zip(&self.counts).map(move |(bound, count)| {
            sum += count;
            (bound, sum)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_inclusive_and_nothing_is_left_out() {
        let mut buckets = Buckets::new(&[10, 20]);
        [0, 10, 11, 20, 21, 5_000].into_iter().for_each(|micros| buckets.record(micros));
        assert_eq!(buckets.counts(), [2, 2, 2]);
        assert_eq!(buckets.cumulative().collect::<Vec<_>>(), [(Some(10), 2), (Some(20), 4), (None, 6)]);
        assert_eq!((buckets.count(), buckets.sum_us()), (6, Some(5_062)));
    }

    #[test]
    fn there_is_no_sum_once_a_duration_was_negative() {
        let mut buckets = Buckets::new(&[10]);
        [-5, 7].into_iter().for_each(|micros| buckets.record(micros));
        assert_eq!((buckets.counts(), buckets.sum_us(), buckets.signed_sum_us()), (&[2, 0][..], None, 2));
    }
}
