//! How old pictures were: latency, its stages, the age of the picture on screen.

use serde::{Deserialize, Serialize};

use crate::latency::Distribution;
use crate::units::{ms, ms_of};

/// Latency: exact but for the quantiles, which are at most 0.1 % too high.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct LatencyMs {
    /// Frames with a latency.
    pub count: u64,
    /// The smallest.
    pub min: Option<f64>,
    /// The arithmetic mean.
    pub mean: Option<f64>,
    /// The standard deviation of the population.
    pub stdev: Option<f64>,
    /// The median.
    pub p50: Option<f64>,
    /// 90 % are not above it.
    pub p90: Option<f64>,
    /// 95 % are not above it.
    pub p95: Option<f64>,
    /// 99 % are not above it.
    pub p99: Option<f64>,
    /// 99.9 % are not above it.
    pub p99_9: Option<f64>,
    /// The largest.
    pub max: Option<f64>,
    /// Frames below zero: two clocks that disagree. They are in every figure.
    pub negative: u64,
    /// Frames above the histogram's range of an hour. They are in every figure.
    pub overflow: u64,
    /// Frames left out because the wall clock stepped while they were under way.
    pub clock_step: u64,
    /// Frames left out because it was not known how far two clocks are apart, while it was known for others.
    pub uncompared: u64,
}

/// The age of the picture on screen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct AgeMs {
    /// The mean over time.
    pub mean: Option<f64>,
    /// Half the time it was not above this.
    pub p50: Option<f64>,
    /// 99 % of the time it was not above this.
    pub p99: Option<f64>,
    /// The largest.
    pub max: Option<f64>,
}

/// Freezes, as in [`crate::age`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct Freezes {
    /// How many; `None` where no picture was measured.
    pub count: Option<u64>,
    /// All together.
    pub total_ms: Option<f64>,
    /// The longest.
    pub longest_ms: Option<f64>,
}

/// One stage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct StageMs {
    /// Frames that know the stage.
    pub count: u64,
    /// The median.
    pub p50: Option<f64>,
    /// 99 % are not above it.
    pub p99: Option<f64>,
    /// The largest.
    pub max: Option<f64>,
}

impl LatencyMs {
    /// From a distribution. `clock_step` frames were left out of it.
    pub fn new(of: &Distribution, clock_step: u64) -> Self {
        let quantile = |q| of.quantile_us(q).map(ms);
        Self {
            count: of.count(),
            min: of.min_us().map(ms),
            mean: of.mean_us().map(ms_of),
            stdev: of.stdev_us().map(ms_of),
            p50: quantile(0.5),
            p90: quantile(0.9),
            p95: quantile(0.95),
            p99: quantile(0.99),
            p99_9: quantile(0.999),
            max: of.max_us().map(ms),
            negative: of.negatives(),
            overflow: of.overflows(),
            clock_step,
            uncompared: 0,
        }
    }
}

impl StageMs {
    /// From a distribution.
    pub fn new(of: &Distribution) -> Self {
        Self {
            count: of.count(),
            p50: of.quantile_us(0.5).map(ms),
            p99: of.quantile_us(0.99).map(ms),
            max: of.max_us().map(ms),
        }
    }
}
