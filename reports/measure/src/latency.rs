//! Distributions of durations. This file and `latency/codec.rs` are the only ones that know hdrhistogram.
//!
//! A [`Distribution`] holds whole microseconds. Count, minimum, maximum, mean and standard deviation are exact;
//! quantiles come from an HdrHistogram of 1 µs to 1 h with [`SIGNIFICANT_DIGITS`] significant digits: exact below
//! 2.048 ms, at most 0.1 % too high above. Values above an hour are counted, and rank above all others. Values below
//! zero (two clocks that disagree) have a histogram of their own and rank below all others, those below minus an hour first:
//! nothing is clamped.

use hdrhistogram::Histogram;

mod codec;

pub use codec::DecodeError;

/// Precision of quantiles.
pub const SIGNIFICANT_DIGITS: u8 = 3;

/// The largest value with a place in the histogram, in µs: an hour.
pub(crate) const MAX_US: u64 = 3_600_000_000;

/// Sub-buckets of a histogram with [`SIGNIFICANT_DIGITS`]: the power of two that holds 2 × 10³ values.
const SUB_BUCKETS: u64 = 2_048;

/// Steps of the percentile distribution for each halving of the distance to 100 %, as HdrHistogram's tools have it.
const TICKS_PER_HALF_DISTANCE: u32 = 5;

/// A distribution of durations in µs. Empty ones take no memory to speak of, others some 100 kB.
#[derive(Clone, Debug, Default)]
pub struct Distribution {
    above: Option<Histogram<u32>>,
    /// Of the magnitudes of negative values.
    below: Option<Histogram<u32>>,
    count: u64,
    /// Above [`MAX_US`], and below minus that.
    overflows: u64,
    underflows: u64,
    min: Option<i64>,
    max: Option<i64>,
    mean: f64,
    /// Sum of squared differences from the mean (Welford 1962).
    spread: f64,
}

/// One line of a percentile distribution.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Percentile {
    /// µs; this fraction of the values is not above it.
    pub value_us: u64,
    /// 0 to 1.
    pub fraction: f64,
    /// Values up to this one.
    pub total: u64,
}

/// What HdrHistogram's tools write below a percentile distribution. It is taken from the histogram's buckets, like
/// the lines above it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shape {
    /// µs.
    pub mean_us: f64,
    /// µs.
    pub stdev_us: f64,
    /// µs.
    pub max_us: u64,
    /// Values.
    pub count: u64,
    /// Buckets of the histogram.
    pub buckets: u64,
    /// Sub-buckets of each bucket.
    pub sub_buckets: u64,
}

impl Distribution {
    /// Adds a value, in µs.
    pub fn record(&mut self, micros: i64) {
        self.record_n(micros, 1);
    }

    /// Adds a value, in µs, `times` times.
    pub(crate) fn record_n(&mut self, micros: i64, times: u32) {
        if times == 0 {
            return;
        }
        self.count += u64::from(times);
        self.min = Some(self.min.map_or(micros, |min| min.min(micros)));
        self.max = Some(self.max.map_or(micros, |max| max.max(micros)));
        let value = micros as f64;
        let difference = value - self.mean;
        self.mean += difference * f64::from(times) / self.count as f64;
        self.spread += difference * (value - self.mean) * f64::from(times);
        let half = if micros < 0 { &mut self.below } else { &mut self.above };
        if micros.unsigned_abs() > MAX_US {
            let beyond = if micros < 0 { &mut self.underflows } else { &mut self.overflows };
            *beyond += u64::from(times);
        } else {
            half.get_or_insert_with(histogram).saturating_record_n(micros.unsigned_abs(), times);
        }
    }

    /// Adds the values of another distribution, each bucket of its histograms as the largest value in it. Values outside the
    /// histogram's range are those of its extremes.
    pub fn add(&mut self, other: &Self) {
        let halves = [(&other.above, 1), (&other.below, -1)];
        for (half, sign) in halves.into_iter().filter_map(|(half, sign)| Some((half.as_ref()?, sign))) {
            for bucket in half.iter_recorded() {
                let value = i64::try_from(bucket.value_iterated_to().min(MAX_US)).unwrap_or(i64::MAX);
                self.record_n(sign * value, bucket.count_at_value());
            }
        }
        let beyond = [(other.overflows, other.max), (other.underflows, other.min)];
        for (count, value) in beyond.into_iter().filter_map(|(count, value)| Some((count, value?))) {
            self.record_n(value, u32::try_from(count).unwrap_or(u32::MAX));
        }
    }

    /// Empties it, keeping its memory.
    pub fn clear(&mut self) {
        let halves = [self.above.take(), self.below.take()].map(|half| {
            half.map(|mut half| {
                half.reset();
                half
            })
        });
        let [above, below] = halves;
        *self = Self { above, below, ..Self::default() };
    }

    /// Values recorded.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Values below zero.
    pub(crate) fn negatives(&self) -> u64 {
        self.underflows + self.below.as_ref().map_or(0, Histogram::len)
    }

    /// Values outside the histogram's range, whatever their sign.
    pub fn overflows(&self) -> u64 {
        self.overflows + self.underflows
    }

    /// The smallest value, in µs, exact.
    pub fn min_us(&self) -> Option<i64> {
        self.min
    }

    /// The largest value, in µs, exact.
    pub fn max_us(&self) -> Option<i64> {
        self.max
    }

    /// The arithmetic mean, in µs, exact.
    pub fn mean_us(&self) -> Option<f64> {
        (self.count > 0).then_some(self.mean)
    }

    /// The standard deviation of the population, in µs, exact.
    pub fn stdev_us(&self) -> Option<f64> {
        (self.count > 0).then(|| (self.spread.max(0.0) / self.count as f64).sqrt())
    }

    /// The smallest value, in µs, that a fraction `quantile` (0 to 1) of all values is not above, by nearest rank.
    pub fn quantile_us(&self, quantile: f64) -> Option<i64> {
        let (min, max) = (self.min?, self.max?);
        // The rank in floating point may come out a hair above a whole number: 0.29 × 100 is 29.000000000000004.
        let rank = ((quantile * self.count as f64 - 1e-9).ceil() as u64).clamp(1, self.count);
        let below = self.negatives();
        let value = if rank <= self.underflows {
            min
        } else if rank <= below {
            -value_at_rank(self.below.as_ref()?, below + 1 - rank)
        } else {
            match &self.above {
                Some(above) if rank - below <= above.len() => value_at_rank(above, rank - below),
                _ => max,
            }
        };
        Some(value.clamp(min, max))
    }

    /// The largest value that [`Distribution::encoded`] holds, in µs, rounded up as the histogram does.
    pub fn encoded_max_us(&self) -> u64 {
        self.above.as_ref().map_or(0, Histogram::max)
    }

    /// The lines of a percentile distribution of the values from zero up.
    pub fn percentiles(&self) -> Vec<Percentile> {
        let Some(above) = &self.above else { return Vec::new() };
        let mut total = 0;
        above
            .iter_quantiles(TICKS_PER_HALF_DISTANCE)
            .map(|step| {
                total += step.count_since_last_iteration();
                Percentile { value_us: step.value_iterated_to(), fraction: step.quantile_iterated_to(), total }
            })
            .collect()
    }

    /// The values within the histogram's range with how often each was recorded, rounded up as quantiles are.
    pub fn recorded(&self) -> impl Iterator<Item = (i64, u64)> {
        let of = |half: &'_ Option<Histogram<u32>>, sign: i64| -> Vec<(i64, u64)> {
            let values = half.iter().flat_map(Histogram::iter_recorded);
            let signed = |value: u64| sign * i64::try_from(value).unwrap_or(i64::MAX);
            values.map(|step| (signed(step.value_iterated_to()), step.count_since_last_iteration())).collect()
        };
        [of(&self.below, -1), of(&self.above, 1)].into_iter().flatten()
    }

    /// What stands below a percentile distribution.
    pub fn shape(&self) -> Shape {
        let empty = histogram();
        let above = self.above.as_ref().unwrap_or(&empty);
        Shape {
            mean_us: above.mean(),
            stdev_us: above.stdev(),
            max_us: above.max(),
            count: above.len(),
            buckets: u64::from(above.buckets()),
            sub_buckets: SUB_BUCKETS,
        }
    }
}

fn histogram() -> Histogram<u32> {
    Histogram::new_with_bounds(1, MAX_US, SIGNIFICANT_DIGITS).expect("the bounds and the precision are valid")
}

/// The value of 1-based `rank` from the smallest up, rounded up by at most 0.1 %.
fn value_at_rank(histogram: &Histogram<u32>, rank: u64) -> i64 {
    // The middle of the rank's share, so that no rounding moves it to a neighbour.
    let quantile = (rank as f64 - 0.5) / histogram.len() as f64;
    i64::try_from(histogram.value_at_quantile(quantile)).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
