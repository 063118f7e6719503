//! The file as it is made: what was injected, what was measured, and what came of it.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::SCHEMA;
use crate::run::{ms, rounded};

/// A phase with fewer frames says nothing about its p99.
pub const MIN_FRAMES: u64 = 100;

/// Fewer frames that a camera has read say nothing.
pub const MIN_READINGS: u64 = 30;

/// The p50 of each phase should be off by no more, ms.
pub const GOAL_P50_MS: f64 = 0.5;

/// The p99 of each phase should be off by no more, ms.
pub const GOAL_P99_MS: f64 = 2.0;

/// Accuracies are stated in steps of this, ms.
const STEP_MS: f64 = 0.1;

/// A calibration: everything in `calibration.json`. What does not exist is `None`.
#[derive(Clone, Debug, Serialize)]
pub struct Calibration {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// When it was begun: RFC 3339, UTC.
    pub made: String,
    /// Which machine this is: [`crate::host::machine`].
    pub machine: Option<String>,
    /// What machine this is: [`crate::host::describe`].
    pub host: Value,
    /// How it was measured.
    pub settings: Settings,
    /// ± ms: the largest error of any phase's p50, rounded up to 0.1 ms; none where a phase says nothing.
    pub accuracy_ms: Option<f64>,
    /// The same of the p99s.
    pub p99_accuracy_ms: Option<f64>,
    /// What was hoped for.
    pub goal: Goal,
    /// What all phases are compared with: those without delay, their frames together.
    pub undelayed: Undelayed,
    /// Each injected delay.
    pub phases: Vec<Phase>,
    /// What stamping and reading cost here, µs for each picture.
    pub costs_us: Costs,
    /// How fine the clocks are.
    pub timers: Timers,
    /// How much later than asked for sleeps of 1 ms ended, µs.
    pub sleep_overshoot_us: Option<Spread>,
    /// Camera and screen, where they were measured.
    pub optical: Option<Optical>,
    /// What came of it.
    pub outcome: Outcome,
}

/// How it was measured.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Settings {
    /// Of the pictures.
    pub size: String,
    /// Pictures per second.
    pub fps: u32,
    /// Seconds measured in each phase.
    pub measured_s: f64,
    /// Seconds before that, which count nowhere.
    pub warmup_s: f64,
    /// Of the jitter.
    pub seed: u64,
}

/// What was hoped for.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Goal {
    /// [`GOAL_P50_MS`].
    pub p50_ms: f64,
    /// [`GOAL_P99_MS`].
    pub p99_ms: f64,
    /// Whether every phase is within; none where that cannot be said.
    pub met: Option<bool>,
}

/// One injected delay as it was measured.
#[derive(Clone, Debug, PartialEq)]
pub struct Measured {
    /// What was asked of the proxy.
    pub asked: Asked,
    /// What the proxy did.
    pub injected: Vec<Duration>,
    /// What the receiver measured, of each frame.
    pub latencies_us: Vec<i64>,
}

/// The phases without delay, their frames together: where the machine drifts from the first to the last, the middle.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Undelayed {
    /// What the proxy did.
    pub injected_ms: Option<PhaseMs>,
    /// What the receiver measured.
    pub measured_ms: Option<PhaseMs>,
}

/// One injected delay.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Phase {
    /// What was asked of the proxy.
    pub asked: Asked,
    /// What the proxy did: of each piece that came at once, from being read to being written.
    pub injected_ms: Option<PhaseMs>,
    /// What the receiver measured.
    pub measured_ms: Option<PhaseMs>,
    /// That, less what was measured without delay.
    pub beyond_ms: Option<PhaseOf>,
    /// That, less what was injected beyond the phases without delay.
    pub error_ms: Option<PhaseOf>,
}

/// What was asked of the proxy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Asked {
    /// Every piece is delayed by so much.
    pub delay_ms: f64,
    /// And by up to so much more, uniformly.
    pub jitter_ms: f64,
}

/// A distribution of times, ms; quantiles by nearest rank.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct PhaseMs {
    /// Values.
    pub count: u64,
    /// The median.
    pub p50: f64,
    /// 99 % are not above it.
    pub p99: f64,
    /// The largest.
    pub max: f64,
}

/// A difference of two distributions, quantile by quantile.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct PhaseOf {
    /// Of the medians, ms.
    pub p50: f64,
    /// Of the 99th percentiles, ms.
    pub p99: f64,
}

/// A distribution in another unit, as its field says.
pub type Spread = PhaseMs;

/// What stamping and reading cost here at the calibration's size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Costs {
    /// Painting the corner code.
    pub paint: Option<Spread>,
    /// Painting code and text: the stage `stamp`.
    pub stamp: Option<Spread>,
    /// Reading a code where the last one was: the stage `read`.
    pub read: Option<Spread>,
    /// Drawing the receiver's text: part of the stage `present` with a window.
    pub overlay: Option<Spread>,
    /// What the receiver itself says that reading cost, in the first phase: `own_cost_us.read` of its `run.json`.
    pub receiver_read: Option<MeanAndMax>,
}

/// A cost as the receiver tells it, µs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct MeanAndMax {
    /// The arithmetic mean.
    pub mean: f64,
    /// The most.
    pub max: f64,
}

/// How fine the clocks are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Timers {
    /// What stamps are made of.
    pub wall: TimerUs,
    /// What durations are taken with.
    pub monotonic: TimerUs,
}

/// How fine a clock is, in µs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct TimerUs {
    /// By the system's word.
    pub resolution: f64,
    /// The smallest step that was seen.
    pub smallest_step: Option<f64>,
}

/// A camera that looked at the receiver's window.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Optical {
    /// Which camera.
    pub camera: String,
    /// Pictures that it took.
    pub pictures: u64,
    /// Of these, without a code that could be read.
    pub unreadable: u64,
    /// Of the others, the first of each frame: from when it was handed to the window to when the camera took it.
    pub screen_and_camera_ms: Option<OpticalMs>,
    /// The camera's pictures are dated by its driver, and not by their arrival.
    pub driver_time: bool,
}

/// How long screen and camera took.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct OpticalMs {
    /// Frames.
    pub count: u64,
    /// The least.
    pub min: f64,
    /// The median.
    pub p50: f64,
    /// 99 % are not above it.
    pub p99: f64,
}

/// What came of a calibration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Measured, and within the goal.
    Ok,
    /// Measured, and beyond the goal: the accuracy is what it is.
    GoalMissed,
    /// Too few frames.
    Inconclusive,
}

impl Calibration {
    /// Judges what was measured.
    pub fn new(made: String, settings: Settings, measured: &[Measured]) -> Self {
        let undelayed = Undelayed::of(measured);
        let phases: Vec<Phase> = measured.iter().map(|measured| Phase::new(measured, &undelayed)).collect();
        let errors: Option<Vec<PhaseOf>> = phases.iter().map(|phase| phase.error_ms).collect();
        // Without a delay there is nothing that could be wrong.
        let errors = errors.filter(|_| phases.iter().any(|phase| !phase.asked.is_nothing()));
        let largest = |of: fn(&PhaseOf) -> f64| {
            errors.as_ref().map(|errors| errors.iter().map(|error| of(error).abs()).fold(0.0, f64::max))
        };
        let (p50, p99) = (largest(|error| error.p50), largest(|error| error.p99));
        let met = p50.zip(p99).map(|(p50, p99)| p50 <= GOAL_P50_MS && p99 <= GOAL_P99_MS);
        Self {
            schema: SCHEMA,
            made,
            machine: crate::host::machine(),
            host: crate::host::describe(),
            settings,
            accuracy_ms: p50.map(stated),
            p99_accuracy_ms: p99.map(stated),
            goal: Goal { p50_ms: GOAL_P50_MS, p99_ms: GOAL_P99_MS, met },
            undelayed,
            phases,
            costs_us: Costs::default(),
            timers: Timers::default(),
            sleep_overshoot_us: None,
            optical: None,
            outcome: match met {
                Some(true) => Outcome::Ok,
                Some(false) => Outcome::GoalMissed,
                None => Outcome::Inconclusive,
            },
        }
    }

    /// Adds what a camera saw. Too few readings make the whole inconclusive; the accuracy stands, since it is no part of it.
    pub fn saw(&mut self, optical: Optical) {
        if !optical.is_enough() {
            self.outcome = Outcome::Inconclusive;
        }
        self.optical = Some(optical);
    }

    /// The file's text.
    pub fn to_json(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).expect("a calibration has string keys only");
        text.push('\n');
        text
    }
}

/// `error_ms` rounded up to a step, and a step at least.
fn stated(error_ms: f64) -> f64 {
    // A hair less, so that 0.4 in floating point does not become 0.5.
    rounded((error_ms / STEP_MS - 1e-9).ceil().max(1.0) * STEP_MS)
}

impl Asked {
    /// Neither delay nor jitter.
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

impl Undelayed {
    /// Of one phase with too few frames nothing is said: the other's would not be the middle.
    fn of(measured: &[Measured]) -> Self {
        let undelayed: Vec<&Measured> = measured.iter().filter(|measured| measured.asked.is_nothing()).collect();
        if undelayed.iter().any(|measured| (measured.latencies_us.len() as u64) < MIN_FRAMES) {
            return Self::default();
        }
        let injected = undelayed.iter().flat_map(|measured| measured.injected.iter().copied());
        let latencies = undelayed.iter().flat_map(|measured| measured.latencies_us.iter().copied());
        Self { injected_ms: injected_ms(injected), measured_ms: latencies_ms(latencies) }
    }
}

impl Phase {
    /// What came of a phase. Of too few frames nothing is said but how many there were; and nothing about an error where
    /// nothing is known `undelayed`.
    pub fn new(measured: &Measured, undelayed: &Undelayed) -> Self {
        let injected_ms = injected_ms(measured.injected.iter().copied());
        let measured_ms = latencies_ms(measured.latencies_us.iter().copied());
        let enough = |ms: Option<PhaseMs>| ms.filter(|ms| ms.count >= MIN_FRAMES);
        let less = |here: Option<PhaseMs>, there: Option<PhaseMs>| Some(enough(here)?.less(enough(there)?));
        let beyond_ms = less(measured_ms, undelayed.measured_ms);
        let error_ms = beyond_ms
            .zip(less(injected_ms, undelayed.injected_ms))
            .map(|(a, b)| PhaseOf { p50: rounded(a.p50 - b.p50), p99: rounded(a.p99 - b.p99) });
        Self { asked: measured.asked, injected_ms, measured_ms, beyond_ms, error_ms }
    }
}

fn injected_ms(delays: impl Iterator<Item = Duration>) -> Option<PhaseMs> {
    PhaseMs::of(delays.map(|delay| delay.as_nanos() as f64 / 1e6).collect())
}

fn latencies_ms(latencies: impl Iterator<Item = i64>) -> Option<PhaseMs> {
    PhaseMs::of(latencies.map(ms).collect())
}

impl PhaseMs {
    /// The distribution of `values`; none where there are none.
    pub fn of(mut values: Vec<f64>) -> Option<Self> {
        values.sort_by(f64::total_cmp);
        let quantile = |quantile: f64| nearest_rank(&values, quantile);
        Some(Self { count: values.len() as u64, p50: quantile(0.5)?, p99: quantile(0.99)?, max: quantile(1.0)? })
    }

    fn less(self, other: Self) -> PhaseOf {
        PhaseOf { p50: rounded(self.p50 - other.p50), p99: rounded(self.p99 - other.p99) }
    }
}

impl Optical {
    /// Enough frames were read for its figures to mean something.
    pub fn is_enough(&self) -> bool {
        self.screen_and_camera_ms.is_some_and(|ms| ms.count >= MIN_READINGS)
    }
}

impl OpticalMs {
    /// The distribution of `values`; none where there are none.
    pub fn of(mut values: Vec<f64>) -> Option<Self> {
        values.sort_by(f64::total_cmp);
        let quantile = |quantile: f64| nearest_rank(&values, quantile);
        Some(Self { count: values.len() as u64, min: quantile(0.0)?, p50: quantile(0.5)?, p99: quantile(0.99)? })
    }
}

/// Of `sorted` values, the smallest that a fraction `quantile` of them is not above, to three decimals.
fn nearest_rank(sorted: &[f64], quantile: f64) -> Option<f64> {
    // A hair less: 0.29 × 100 is 29.000000000000004.
    let rank = ((quantile * sorted.len() as f64 - 1e-9).ceil() as usize).max(1);
    sorted.get(rank - 1).copied().map(rounded)
}

impl Outcome {
    /// The name in the file.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::GoalMissed => "goal-missed",
            Self::Inconclusive => "inconclusive",
        }
    }
}
