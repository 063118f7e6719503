//! A run in a browser: what `run.json` has more.

use measure::figures::browser::Viewing;
use measure::figures::{ClockFigures, Frames, Freezes, LatencyMs, Startup};
use serde::{Deserialize, Serialize};

use super::Run;
use super::outcome::Outcome;

/// What `run.json` has more where a browser played: the fields lie beside the others.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct InBrowser {
    /// How the stream came: `ll-hls`, `hls`, `dash` or `mse`.
    pub via: String,
    /// What played it: `hls.js`, `dash.js`, `native` or `own`.
    #[serde(default)]
    pub player: String,
    /// Where.
    #[serde(default)]
    pub browser: Browser,
    /// How all joins played.
    #[serde(flatten)]
    pub viewing: Viewing,
    /// Each time that it played, in order.
    #[serde(default)]
    pub joins: Vec<Join>,
    /// The medians of the joins' latencies.
    #[serde(default)]
    pub joins_p50_ms: Extremes,
}

/// A browser.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
pub struct Browser {
    /// Its name, as it says.
    pub name: Option<String>,
    /// Its version, as it says.
    pub version: Option<String>,
}

/// One time that it played, in a page of its own: a run by itself.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Join {
    /// When the player was started: RFC 3339.
    pub started: String,
    /// Seconds that were measured.
    pub duration_s: Option<f64>,
    /// Its rows in `frames.csv` have this number in the column `join`.
    pub number: u32,
    /// What came of it.
    pub outcome: Outcome,
    /// Where its frames ended.
    pub frames: Frames,
    /// Its latencies.
    pub latency_ms: LatencyMs,
    /// From starting the player.
    pub startup: Startup,
    /// Times without a new picture.
    pub freezes: Freezes,
    /// The page's clock against the receiver's.
    #[serde(default)]
    pub clock: ClockFigures,
    /// How it played.
    #[serde(flatten)]
    pub viewing: Viewing,
}

/// Values of several joins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct Extremes {
    /// The smallest.
    pub min: Option<f64>,
    /// The middle one; of an even number the mean of the two.
    pub median: Option<f64>,
    /// The largest.
    pub max: Option<f64>,
}

impl Join {
    pub(crate) fn new(number: u32, run: &Run, viewing: Viewing) -> Self {
        Self {
            started: run.started.clone(),
            duration_s: run.duration_s,
            number,
            outcome: run.outcome,
            frames: run.frames,
            latency_ms: run.latency_ms,
            startup: run.startup,
            freezes: run.freezes,
            clock: run.clock.clone(),
            viewing,
        }
    }
}

impl Extremes {
    /// Of values in any order.
    pub fn of(values: impl Iterator<Item = f64>) -> Self {
        let mut values: Vec<_> = values.filter(|value| value.is_finite()).collect();
        values.sort_by(f64::total_cmp);
        let middle = |at: usize| values.get(at).copied();
        let median = match values.len() {
            0 => None,
            count if count % 2 == 1 => middle(count / 2),
            count => middle(count / 2 - 1).zip(middle(count / 2)).map(|(one, other)| (one + other) / 2.0),
        };
        Self { min: values.first().copied(), median: median.map(measure::units::rounded), max: values.last().copied() }
    }
}
