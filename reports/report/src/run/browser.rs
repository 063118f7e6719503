//! A run in a browser: what `run.json` has more.

use measure::figures::browser::Viewing;
use measure::figures::{
    AgeMs, CaptureFigures, ClockFigures, Connection, Frames, Freezes, LatencyMs, OwnCostUs, Pictures, StampFigures,
    Startup,
};
use measure::stages::PerStage;
use serde::{Deserialize, Serialize};

use super::Run;
use super::outcome::Outcome;
use crate::warning::{Code, Warning};

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
    /// By how much the publisher's pictures were due later than planned, µs; `None` where they could not be shifted.
    #[serde(default)]
    pub phase_us: Option<u64>,
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
    /// What a reader of its figures must know.
    #[serde(default)]
    pub warnings: Vec<Warning>,
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
            phase_us: None,
            outcome: run.outcome,
            frames: run.frames,
            latency_ms: run.latency_ms,
            startup: run.startup,
            freezes: run.freezes,
            clock: run.clock.clone(),
            warnings: run.warnings.clone(),
            viewing,
        }
    }
}

impl Run {
    /// Its joins as runs of their own, with their numbers: what is not known of one by itself is not in it. Nothing where no
    /// browser played.
    pub fn joins(&self) -> Vec<(u32, Self)> {
        let Some(browser) = &self.browser else { return Vec::new() };
        let run = |join: &Join| Self {
            schema: self.schema.clone(),
            partial: self.partial,
            started: join.started.clone(),
            url: self.url.clone(),
            duration_s: join.duration_s,
            warmup_s: self.warmup_s,
            config: self.config.clone(),
            host: self.host.clone(),
            frames: join.frames,
            pictures: Pictures::default(),
            latency_ms: join.latency_ms,
            sections: Vec::new(),
            picture_age_ms: AgeMs::default(),
            freezes: join.freezes,
            stages_ms: PerStage::default(),
            startup: join.startup,
            fps: None,
            bitrate_kbps: None,
            connection: Connection::default(),
            own_cost_us: OwnCostUs::default(),
            clock: join.clock.clone(),
            calibration: self.calibration.clone(),
            stamps: StampFigures::default(),
            capture: CaptureFigures::default(),
            warnings: join
                .warnings
                .iter()
                .chain(self.warnings.iter().filter(|warning| is_of_all(warning)))
                .cloned()
                .collect(),
            assertions: Vec::new(),
            outcome: join.outcome,
            browser: Some(InBrowser {
                viewing: join.viewing.clone(),
                joins: Vec::new(),
                joins_p50_ms: Extremes::default(),
                ..browser.clone()
            }),
            merged: None,
        };
        browser.joins.iter().map(|join| (join.number, run(join))).collect()
    }
}

/// What is so of every join, because it is so of the run.
fn is_of_all(warning: &Warning) -> bool {
    matches!(warning.code, Code::Failed | Code::ReportNotWritten | Code::Partial)
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
