//! Distributions in `calibration.json`: quantiles by nearest rank, three decimals.

use measure::units::{ms, rounded};
use serde::Serialize;

/// A distribution, in the unit of its field.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Spread {
    /// Values.
    pub count: u64,
    /// The median.
    pub p50: f64,
    /// 99 % are not above it.
    pub p99: f64,
    /// The largest.
    pub max: f64,
}

impl Spread {
    /// The distribution of `values`; `None` of nothing.
    pub fn of(values: Vec<f64>) -> Option<Self> {
        let values = Sorted::new(values);
        let quantile = |quantile| values.quantile(quantile);
        Some(Self { count: values.0.len() as u64, p50: quantile(0.5)?, p99: quantile(0.99)?, max: quantile(1.0)? })
    }
}

/// Sorted values.
pub(super) struct Sorted(Vec<f64>);

impl Sorted {
    /// These times, in ms.
    pub fn of(micros: impl Iterator<Item = i64>) -> Self {
        Self::new(micros.map(ms).collect())
    }

    pub fn new(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        Self(values)
    }

    /// The smallest value that a fraction `quantile` of the values does not exceed, to three decimals; `None` of nothing.
    pub fn quantile(&self, quantile: f64) -> Option<f64> {
        // A hair less: 0.29 × 100 is 29.000000000000004.
        let rank = ((quantile * self.0.len() as f64 - 1e-9).ceil() as usize).max(1);
        self.0.get(rank - 1).copied().map(rounded)
    }

    /// The share of values below `limit`, 0 to 1.
    pub fn share_below(&self, limit: f64) -> f64 {
        let below = self.0.partition_point(|value| *value < limit);
        below as f64 / self.0.len().max(1) as f64
    }
}
