//! The additions to `run.json` for runs in a browser.

use std::collections::BTreeSet;

use measure::figures::browser::{ClaimMs, Claims, Viewing};
use measure::figures::{
    AgeMs, CaptureFigures, ClockFigures, Connection, Frames, Freezes, LatencyMs, OwnCostUs, Pictures, StampFigures,
    Startup,
};
use measure::stages::PerStage;
use serde::{Deserialize, Serialize};

use super::Run;
use super::outcome::Outcome;
use crate::warning::{Code, Warning};

/// Additional fields of `run.json`, beside the others.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct InBrowser {
    /// How the stream reached the browser: `ll-hls`, `hls`, `dash` or `mse`.
    pub via: String,
    /// The player: `hls.js`, `dash.js`, `native` or `own`.
    #[serde(default)]
    pub player: String,
    /// The browser.
    #[serde(default)]
    pub browser: Browser,
    /// Playback figures of all joins. Of claims, the median of the joins' medians.
    #[serde(flatten)]
    pub viewing: Viewing,
    /// The joins in order.
    #[serde(default)]
    pub joins: Vec<Join>,
    /// Median latencies of the joins.
    #[serde(default)]
    pub joins_p50_ms: Extremes,
}

/// A browser.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
pub struct Browser {
    /// Name as reported by the browser.
    pub name: Option<String>,
    /// Version as reported by the browser.
    pub version: Option<String>,
}

/// One join: an independent measurement in a page of its own.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Join {
    /// When the player was started (RFC 3339).
    pub started: String,
    /// Duration measured, in seconds.
    pub duration_s: Option<f64>,
    /// Number of the join, also in the column `join` of `frames.csv`.
    pub number: u32,
    /// Shift of the publisher's pictures, µs; `None` if they could not be shifted.
    #[serde(default)]
    pub phase_us: Option<u64>,
    /// Result of the join.
    pub outcome: Outcome,
    /// What happened to its frames.
    pub frames: Frames,
    /// Its latencies.
    pub latency_ms: LatencyMs,
    /// How old the picture on screen was.
    #[serde(default)]
    pub picture_age_ms: AgeMs,
    /// Pictures per second.
    #[serde(default)]
    pub fps: Option<f64>,
    /// Times from starting the player.
    pub startup: Startup,
    /// Times without a new picture.
    pub freezes: Freezes,
    /// The page's clock compared with the receiver's.
    #[serde(default)]
    pub clock: ClockFigures,
    /// Warnings that apply to its figures.
    #[serde(default)]
    pub warnings: Vec<Warning>,
    /// Playback figures.
    #[serde(flatten)]
    pub viewing: Viewing,
}

/// Distribution over joins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct Extremes {
    /// Minimum.
    pub min: Option<f64>,
    /// Median; for an even number of joins, the mean of the middle two.
    pub median: Option<f64>,
    /// Maximum.
    pub max: Option<f64>,
}

impl InBrowser {
    /// Returns what the player claimed over these joins: the medians of the joins' medians, as for the latency.
    pub(crate) fn claims_of(joins: &[Join]) -> Claims {
        let names: BTreeSet<&String> = joins.iter().flat_map(|join| join.viewing.claims.keys()).collect();
        let claim = |name: &String| {
            let all = || joins.iter().filter_map(|join| join.viewing.claims.get(name));
            let median = |of: fn(&ClaimMs) -> Option<f64>| Extremes::of(all().filter_map(of)).median;
            ClaimMs {
                count: all().fold(0, |sum, claim| sum.saturating_add(claim.count)),
                p50: median(|claim| claim.p50),
                difference_p50: median(|claim| claim.difference_p50),
            }
        };
        names.into_iter().map(|name| (name.clone(), claim(name))).collect()
    }
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
            picture_age_ms: run.picture_age_ms,
            fps: run.fps,
            startup: run.startup,
            freezes: run.freezes,
            clock: run.clock.clone(),
            warnings: run.warnings.clone(),
            viewing,
        }
    }
}

impl Run {
    /// Returns the playback figures of all joins; `None` for runs without a browser.
    pub(crate) fn viewing(&self) -> Option<&Viewing> {
        self.browser.as_ref().map(|browser| &browser.viewing)
    }

    /// Returns the joins as numbered runs without the fields known only for the whole run; empty for runs without a
    /// browser.
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
            picture_age_ms: join.picture_age_ms,
            freezes: join.freezes,
            stages_ms: PerStage::default(),
            startup: join.startup,
            fps: join.fps,
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

/// Fields common to all joins of a run.
fn is_of_all(warning: &Warning) -> bool {
    matches!(warning.code, Code::Failed | Code::ReportNotWritten | Code::Partial)
}

impl Extremes {
    /// Takes the values in any order.
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
