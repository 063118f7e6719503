//! The figures of a run, shaped as `run.json`. `docs/run.schema.json` says the same to programs.
//!
//! Read back, what an earlier version did not write yet is `None`, empty or 0: see [`crate::saved`].

use std::borrow::Cow;

use measure::figures::{
    AgeMs, CaptureFigures, ClockFigures, Connection, Frames, Freezes, LatencyMs, OwnCostUs, Pictures, StageMs,
    StampFigures, Startup,
};
use measure::stages::PerStage;
use measure::timeline::Section;
use serde::{Deserialize, Serialize, Serializer};

use crate::calibration::Quote;
use crate::warning::Warning;

mod browser;
mod described;
mod merged;
mod outcome;

pub use browser::{Browser, Extremes, InBrowser, Join};
pub use described::{Host, Settings};
pub use merged::{Merged, Receiver};
pub use outcome::{Outcome, Verdict};

/// The name and version of `run.json`'s shape.
pub const SCHEMA: &str = "framelag/run/1";

/// A run: everything in `run.json`. Times in ms with three decimals; what does not exist is `None`.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Run {
    /// [`SCHEMA`].
    pub schema: Cow<'static, str>,
    /// The run goes on, or was killed: these are the figures up to the last write.
    #[serde(default)]
    pub partial: bool,
    /// When the receiver began to connect: RFC 3339, UTC, with µs.
    pub started: String,
    /// What was played, without user info.
    #[serde(default)]
    pub url: String,
    /// Seconds measured: from the end of the warm-up to the end of the run.
    #[serde(default)]
    pub duration_s: Option<f64>,
    /// Seconds left out of every figure, from the first picture on.
    #[serde(default)]
    pub warmup_s: f64,
    /// The receiver's settings.
    #[serde(default)]
    pub config: Settings,
    /// The receiver's machine.
    #[serde(default)]
    pub host: Host,
    /// Where each frame ended.
    pub frames: Frames,
    /// The pictures that were shown.
    #[serde(default)]
    pub pictures: Pictures,
    /// Present − PUB of each frame whose code was read.
    pub latency_ms: LatencyMs,
    /// The latencies between two events of a clock; one section where there was none.
    #[serde(default)]
    pub sections: Vec<Section>,
    /// Now − PUB of the picture on screen, over time.
    #[serde(default)]
    pub picture_age_ms: AgeMs,
    /// Times without a new picture.
    #[serde(default)]
    pub freezes: Freezes,
    /// How long frames spent in each stage.
    #[serde(default, serialize_with = "stages")]
    pub stages_ms: PerStage<StageMs>,
    /// From the start of connecting to each moment of starting up.
    #[serde(default)]
    pub startup: Startup,
    /// Pictures shown per second, repetitions left out; see [`rate`](measure::rate).
    #[serde(default)]
    pub fps: Option<f64>,
    /// Bits of compressed video per ms.
    #[serde(default)]
    pub bitrate_kbps: Option<f64>,
    /// Interruptions of the stream.
    #[serde(default)]
    pub connection: Connection,
    /// What measuring and showing cost.
    #[serde(default)]
    pub own_cost_us: OwnCostUs,
    /// What is known of the clocks.
    #[serde(default)]
    pub clock: ClockFigures,
    /// How far off known delays came out on the receiver's machine, where it was calibrated.
    #[serde(default)]
    pub calibration: Option<Quote>,
    /// Whether the times that come with a frame agree.
    #[serde(default)]
    pub stamps: StampFigures,
    /// Where the stage `capture` is from.
    #[serde(default)]
    pub capture: CaptureFigures,
    /// What a reader of these figures must know.
    #[serde(default)]
    pub warnings: Vec<Warning>,
    /// The assertions asked for.
    #[serde(default)]
    pub assertions: Vec<Verdict>,
    /// What came of it all.
    pub outcome: Outcome,
    /// Additional fields of runs in a browser.
    #[serde(default, flatten, skip_serializing_if = "Option::is_none")]
    pub browser: Option<InBrowser>,
    /// The runs that were joined into this one, where it is not the run of one receiver.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merged: Option<Merged>,
}

impl Run {
    /// Nothing can be said of its figures, whatever was asserted: a warning says so, or it is inconclusive for a reason that
    /// this framelag does not know. Where an assertion is undecided, the outcome is that one's.
    pub fn is_inconclusive_by_itself(&self) -> bool {
        let undecided = self.assertions.iter().any(|verdict| verdict.ok.is_none());
        let unknown = self.outcome == Outcome::Inconclusive && !undecided;
        unknown || self.warnings.iter().any(|warning| warning.code.is_inconclusive())
    }
}

/// Omits browser-only stages without frames; runs without a browser have none of them.
fn stages<S: Serializer>(stages: &PerStage<StageMs>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(
        stages
            .iter()
            .filter(|(stage, ms)| ms.count > 0 || !stage.is_of_browser())
            .map(|(stage, ms)| (stage.name(), ms)),
    )
}
