//! The figures of a run, shaped as `run.json`. `docs/run.schema.json` says the same to programs.
//!
//! Read back, what an earlier version did not write yet is `None`, empty or 0: see [`crate::saved`].

use std::borrow::Cow;
use std::collections::BTreeMap;

use common::frame::Stage;
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use crate::account::Counts;
use crate::calibration::Quote;
use crate::cost::{Cost, Costs};
use crate::latency::Distribution;
use crate::merge::Merged;
use crate::sample::Bucket;
use crate::timeline::{Event, Section};
use crate::warning::Warning;

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
    pub config: Value,
    /// The receiver's machine.
    #[serde(default)]
    pub host: Value,
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
    #[serde(default)]
    pub stages_ms: StagesMs,
    /// From the start of connecting to each moment of starting up.
    #[serde(default)]
    pub startup: Startup,
    /// Pictures shown per second, repetitions left out.
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
    /// The runs that were joined into this one, where it is not the run of one receiver.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merged: Option<Merged>,
}

/// How many frames ended in each bucket. All `None` where no code was read after the warm-up: then nobody knows how
/// many were sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
pub struct Frames {
    /// Frames sent: from the first to the last sequence number read, over all starts of the publisher.
    pub expected: Option<u64>,
    /// Read once, in order.
    pub measured: Option<u64>,
    /// Never arrived.
    pub lost: Option<u64>,
    /// Read more than once.
    pub duplicate: Option<u64>,
    /// Read after a later one.
    pub late: Option<u64>,
    /// Shown, but not read.
    pub unreadable: Option<u64>,
    /// Arrived, but not decoded.
    pub undecodable: Option<u64>,
    /// Times the publisher started over.
    pub restarts: Option<u64>,
}

/// Pictures shown after the warm-up, whichever frame they were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
pub struct Pictures {
    /// Pictures shown, repetitions left out.
    pub shown: u64,
    /// Of these, with a code that could not be read.
    pub unreadable: u64,
    /// Access units that gave no picture.
    pub undecodable: u64,
    /// Pictures of a frame that was shown before.
    pub repeated: u64,
    /// Unreadable pictures and undecodable access units beyond the frames that are missing.
    pub unplaced: u64,
    /// Readings too late to count.
    pub stale: u64,
    /// IDR access units.
    pub idr: u64,
}

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

/// All stages, in the order of [`Stage::ALL`]; an object by name in `run.json`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct StagesMs(pub [StageMs; Stage::ALL.len()]);

/// Starting up, in ms since the receiver began to connect.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct Startup {
    /// The session plays.
    pub connected_ms: Option<f64>,
    /// The first packet of the stream.
    pub first_packet_ms: Option<f64>,
    /// The first picture on screen.
    pub first_frame_ms: Option<f64>,
    /// The first code read.
    pub first_reading_ms: Option<f64>,
}

/// Interruptions, those of the warm-up included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct Connection {
    /// Times the stream was lost.
    pub disconnects: u64,
    /// Time without a stream, all together.
    pub disconnected_ms: f64,
}

/// What the receiver itself cost, over the whole run, in µs for each picture or drawing; `None` where it never happened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct OwnCostUs {
    /// From the network's thread to the decoding one: part of the stage `decode`.
    pub wake: Option<CostUs>,
    /// Finding and reading the code: the stage `read`.
    pub read: Option<CostUs>,
    /// From the decoder's planes to pixels: part of the stage `present`.
    pub convert: Option<CostUs>,
    /// Scaling into the window and drawing the texts: part of the stage `present`.
    pub compose: Option<CostUs>,
    /// Handing the pixels to the display: part of the stage `present`.
    pub hand_over: Option<CostUs>,
}

/// What one thing cost.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
pub struct CostUs {
    /// The arithmetic mean, µs.
    pub mean: f64,
    /// The most, µs.
    pub max: f64,
}

/// What is known of the clocks that latency is the difference of.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct ClockFigures {
    /// Both ends read the same clock.
    pub same_host: bool,
    /// That is taken from the address: no publisher said so.
    pub assumed: bool,
    /// Receiver's clock − publisher's clock, µs; 0 on the same host.
    pub offset_us: Option<i64>,
    /// The bound of that, ± µs; 0 on the same host.
    pub uncertainty_us: Option<i64>,
    /// The largest bound that a latency in this report has, ± µs; 0 on the same host.
    pub max_uncertainty_us: Option<i64>,
    /// How fast the receiver's clock gains on the one that it asks, ppm.
    pub drift_ppm: Option<f64>,
    /// How the offset is known: `same-host`, `user`, `publisher`, `server` or `ntp`.
    pub source: Option<Cow<'static, str>>,
    /// What became of asking another clock; `None` where none was asked.
    pub probes: Option<ProbeFigures>,
    /// Times the estimate started over.
    pub restarts: u64,
    /// Times the receiver's wall clock stepped.
    pub steps: u64,
    /// The largest step, µs; positive where the clock was set forward.
    pub largest_step_us: Option<i64>,
    /// Times the receiver's host slept.
    pub suspends: u64,
    /// Times the publisher's wall clock stepped, as far as its stamps show it.
    pub publisher_steps: u64,
    /// All of these, dated: the first hundred.
    pub events: Vec<Event>,
}

/// The corner code's PUB against the SEI's and the sender reports', over the whole run: see [`crate::stamps`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
pub struct StampFigures {
    /// Pictures whose code and SEI agree.
    pub agreeing: u64,
    /// Pictures whose access unit has no SEI.
    pub missing_sei: u64,
    /// Pictures with the SEI of another frame, or with a PUB that is more than 1 ms off.
    pub contradicted: u64,
    /// SEI's PUB − code's of one frame: the one of greatest magnitude.
    pub largest_difference_us: Option<i64>,
    /// Sender reports that were compared, each with the frame after it.
    pub sender_reports: u64,
    /// Of these, more than 1 ms off.
    pub sender_reports_off: u64,
    /// When a frame was sampled by the sender report before it − its PUB.
    pub sender_report_difference_us: Option<DifferenceUs>,
}

/// A difference of two times, µs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct DifferenceUs {
    /// The median.
    pub median: i64,
    /// The one of greatest magnitude.
    pub largest: i64,
}

/// Capture times, over the whole run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
pub struct CaptureFigures {
    /// The driver's clock that they were read from: `monotonic`; `None` where there are none.
    pub clock: Option<Cow<'static, str>>,
    /// Pictures with a capture time that cannot be: it was dropped.
    pub implausible: u64,
}

/// Requests to another clock, and their answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
pub struct ProbeFigures {
    /// Requests sent.
    pub sent: u64,
    /// Answers believed.
    pub answered: u64,
    /// Answers not believed.
    pub refused: u64,
}

/// What came of an assertion.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Verdict {
    /// As it was typed.
    pub text: String,
    /// The value found, in the metric's unit; `None` where there is none.
    pub value: Option<f64>,
    /// The limit, in the metric's unit.
    pub limit: f64,
    /// `ms`, `%`, `kbps`, `s`, `us`, or empty for plain numbers.
    pub unit: Cow<'static, str>,
    /// Whether it held; `None` where that cannot be said.
    pub ok: Option<bool>,
    /// Why it cannot be said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// What came of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Measured, and every assertion held.
    Ok,
    /// An assertion was broken, or the run failed.
    Failed,
    /// Nothing can be said: no or too few samples, an unreadable code, clocks that nobody compared.
    Inconclusive,
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

impl Frames {
    /// From the accounts.
    pub fn new(counts: &Counts, segments: u32) -> Self {
        if segments == 0 {
            return Self::default();
        }
        let of = |bucket| Some(counts.of(bucket));
        Self {
            expected: Some(counts.expected()),
            measured: of(Bucket::Measured),
            lost: of(Bucket::Lost),
            duplicate: of(Bucket::Duplicate),
            late: of(Bucket::Late),
            unreadable: of(Bucket::Unreadable),
            undecodable: of(Bucket::Undecodable),
            restarts: Some(u64::from(segments) - 1),
        }
    }
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

impl OwnCostUs {
    /// From the costs.
    pub fn new(of: &Costs) -> Self {
        let micros = |time: std::time::Duration| rounded(time.as_nanos() as f64 / 1e3);
        let cost = |cost: &Cost| {
            let (mean, max) = cost.mean_and_max()?;
            Some(CostUs { mean: micros(mean), max: micros(max) })
        };
        let Costs { wake, read, convert, compose, hand_over } = of;
        Self {
            wake: cost(wake),
            read: cost(read),
            convert: cost(convert),
            compose: cost(compose),
            hand_over: cost(hand_over),
        }
    }

    /// Each with its name in `run.json`.
    pub const fn named(&self) -> [(&'static str, Option<CostUs>); 5] {
        let Self { wake, read, convert, compose, hand_over } = *self;
        [("wake", wake), ("read", read), ("convert", convert), ("compose", compose), ("hand_over", hand_over)]
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

impl StagesMs {
    /// The figures of a stage.
    pub fn of(&self, stage: Stage) -> &StageMs {
        &self.0[stage as usize]
    }
}

impl Serialize for StagesMs {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for stage in Stage::ALL {
            map.serialize_entry(stage.name(), self.of(stage))?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for StagesMs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let by_name = BTreeMap::<String, StageMs>::deserialize(deserializer)?;
        Ok(Self(Stage::ALL.map(|stage| by_name.get(stage.name()).copied().unwrap_or_default())))
    }
}

impl Outcome {
    /// The name in `run.json`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Failed => "failed",
            Self::Inconclusive => "inconclusive",
        }
    }
}

/// µs to ms.
pub fn ms(micros: i64) -> f64 {
    micros as f64 / 1_000.0
}

/// µs to ms, rounded to a whole µs.
pub fn ms_of(micros: f64) -> f64 {
    micros.round() / 1_000.0
}

/// `value` rounded to three decimals.
pub fn rounded(value: f64) -> f64 {
    (value * 1_000.0).round() / 1_000.0
}
