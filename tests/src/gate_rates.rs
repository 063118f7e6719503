//! How often the gate is right: comparisons of runs that were recorded, or drawn, with a known change between the sides.

use std::fmt;

use analyze::gate::{Comparison, Gate, Input, Limits, Verdict};
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use report::Run;
use serde_json::json;

mod pool;

pub use pool::{Recorded, read, row};

/// Runs a side.
pub const RUNS: usize = 5;

/// The level of the intervals of the rates.
const Z: f64 = 1.96;

/// Where the values of a comparison's runs come from.
#[derive(Clone, Debug)]
pub enum Source {
    /// Normal logarithms with this standard deviation, around 100 ms: so many runs of the baseline, and of the candidate.
    Drawn(f64, [usize; 2]),
    /// Recorded values, of which each comparison takes others at random.
    Any(Vec<f64>),
    /// Recorded values in the order of time: first the baseline's runs, then the candidate's, all in a row.
    InARow(Vec<f64>),
    /// The same, in which the two sides take turns.
    InTurns(Vec<f64>),
    /// Runs of the baseline, and others of the candidate, which really are different.
    Two(Vec<f64>, Vec<f64>),
}

/// What came of many comparisons.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rates {
    /// Comparisons.
    pub all: u32,
    /// Of these, with exit code 99.
    pub regressions: u32,
    /// Of these, with exit code 3.
    pub inconclusive: u32,
}

impl Rates {
    /// Compares `count` times, with the candidate's values multiplied by `factor`.
    ///
    /// # Panics
    ///
    /// Where a source has too few values.
    pub fn measure(source: &Source, factor: f64, count: u32, seed: u64) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let mut rates = Self::default();
        for _ in 0..count {
            let (baseline, candidate) = source.sides(&mut random);
            let candidate: Vec<f64> = candidate.iter().map(|value| value * factor).collect();
            rates.all += 1;
            match compare(&baseline, &candidate).judgement.verdict {
                Verdict::Pass => {}
                Verdict::Regression => rates.regressions += 1,
                Verdict::Inconclusive => rates.inconclusive += 1,
            }
        }
        rates
    }

    /// Regressions, as a share of all.
    pub fn found(&self) -> f64 {
        f64::from(self.regressions) / f64::from(self.all)
    }

    /// Where that share lies, 95 times in 100 (Wilson's interval).
    pub fn interval(&self) -> [f64; 2] {
        let (n, p) = (f64::from(self.all), self.found());
        let centre = (p + Z * Z / (2.0 * n)) / (1.0 + Z * Z / n);
        let reach = Z / (1.0 + Z * Z / n) * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt();
        [(centre - reach).max(0.0), (centre + reach).min(1.0)]
    }
}

impl fmt::Display for Rates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [low, high] = self.interval().map(|share| share * 100.0);
        let inconclusive = 100.0 * f64::from(self.inconclusive) / f64::from(self.all);
        let Self { all, regressions, .. } = self;
        let found = self.found() * 100.0;
        write!(f, "{regressions} of {all}: {found:.2} % ({low:.2} … {high:.2}) | {inconclusive:.1} %")
    }
}

impl Source {
    /// The values of the two sides of one comparison.
    fn sides(&self, random: &mut StdRng) -> (Vec<f64>, Vec<f64>) {
        match self {
            Self::Drawn(spread, runs) => {
                let mut side = |count| (0..count).map(|_| 100.0 * (normal(random) * spread).exp()).collect();
                (side(runs[0]), side(runs[1]))
            }
            Self::Any(values) => {
                let taken = take(values, 2 * RUNS, random);
                (taken[..RUNS].to_vec(), taken[RUNS..].to_vec())
            }
            Self::InARow(values) => {
                let row = row_of(values, random);
                (row[..RUNS].to_vec(), row[RUNS..].to_vec())
            }
            Self::InTurns(values) => {
                let row = row_of(values, random);
                let every_other = |first: usize| row.iter().skip(first).step_by(2).copied().collect();
                (every_other(0), every_other(1))
            }
            Self::Two(baseline, candidate) => (take(baseline, RUNS, random), take(candidate, RUNS, random)),
        }
    }

    /// The standard deviation of the logarithms of its (baseline's) values.
    pub fn spread(&self) -> f64 {
        match self {
            Self::Drawn(spread, _) => *spread,
            Self::Any(values) | Self::InARow(values) | Self::InTurns(values) | Self::Two(values, _) => spread(values),
        }
    }
}

/// The standard deviation of logarithms.
fn spread(values: &[f64]) -> f64 {
    let logs: Vec<f64> = values.iter().map(|value| value.ln()).collect();
    let mean = logs.iter().sum::<f64>() / logs.len() as f64;
    (logs.iter().map(|log| (log - mean).powi(2)).sum::<f64>() / (logs.len() - 1) as f64).sqrt()
}

/// The same values, drawn together or apart until their standard deviation is `wanted`: the shape of what was recorded,
/// its outliers too, at another size.
pub fn with_spread(values: &[f64], wanted: f64) -> Vec<f64> {
    let mean = values.iter().map(|value| value.ln()).sum::<f64>() / values.len() as f64;
    let factor = wanted / spread(values);
    values.iter().map(|value| (mean + (value.ln() - mean) * factor).exp()).collect()
}

fn take(values: &[f64], count: usize, random: &mut StdRng) -> Vec<f64> {
    assert!(values.len() >= count, "{} runs are too few to take {count}", values.len());
    let mut all = values.to_vec();
    all.partial_shuffle(random, count).0.to_vec()
}

fn row_of<'a>(values: &'a [f64], random: &mut StdRng) -> &'a [f64] {
    let first = random.random_range(0..=values.len() - 2 * RUNS);
    &values[first..first + 2 * RUNS]
}

/// Box and Muller's.
fn normal(random: &mut StdRng) -> f64 {
    let (u, v): (f64, f64) = (1.0 - random.random::<f64>(), random.random());
    (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
}

/// What `framelag gate --metric p95` says of these values.
pub fn compare(baseline: &[f64], candidate: &[f64]) -> Comparison {
    let runs: Vec<Run> = baseline.iter().chain(candidate).enumerate().map(|(i, p95)| run(i, *p95)).collect();
    let inputs: Vec<Input<'_>> = runs.iter().map(|run| Input { name: run.started.clone(), run }).collect();
    let (baseline, candidate) = inputs.split_at(baseline.len());
    let metric = "p95".parse().expect("there is a p95");
    let gate = Gate { metric, limits: Limits::default(), allow_different: false };
    gate.compare(baseline, candidate, [&[], &[]]).expect("the runs differ in nothing but their figures")
}

fn run(number: usize, p95: f64) -> Run {
    let run = json!({
        "schema": report::run::SCHEMA,
        "started": format!("run {number}"),
        "url": "rtsp://127.0.0.1:8554/cam",
        "frames": { "expected": 900, "measured": 900 },
        "latency_ms": { "count": 900, "p95": p95 },
        "outcome": "ok",
    });
    serde_json::from_value(run).expect("a run may leave out what it does not know")
}
