//! The calibration file: what was injected, what was measured, and the outcome.

use measure::units::rounded;
use report::calibration::SCHEMA;
use report::run::Host;
use serde::Serialize;

use super::frames::{Frame, InjectedDelay, MIN_FRAMES, Row};
use super::hops::{self, Finding, Hop};
use super::instrument::{Costs, MIN_READINGS, Optical, Timers};
use super::load::Load;
use super::spread::Spread;

/// Goal for the median error of each row, ms.
pub const GOAL_P50_MS: f64 = 0.2;

/// Goal for the p99 error of each row, ms.
pub const GOAL_P99_MS: f64 = 1.0;

/// If the wall clock moves more than this against the monotonic one, µs, no time of the session can be trusted.
const MAX_MOVED_US: i64 = 100;

/// Accuracies are rounded_up in steps of this, ms.
const STEP_MS: f64 = 0.1;

/// The measurements of a calibration.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Session {
    /// The delays that the proxy was asked to add, one after the other.
    pub blocks: Vec<InjectedDelay>,
    /// The frames that count, by sequence number.
    pub frames: Vec<Frame>,
    /// Frames that do not count.
    pub left_out: LeftOut,
    /// How far the wall clock moved against the monotonic one, µs.
    pub clock_moved_us: i64,
    /// The load of the machine.
    pub load: Load,
}

/// A calibration, as in `calibration.json`.
#[derive(Clone, Debug, Serialize)]
pub struct Calibration {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// When it was begun: RFC 3339, UTC.
    pub made: String,
    /// The machine's id: [`report::host::machine`].
    pub machine: Option<String>,
    /// The machine's description: [`report::host::describe`].
    pub host: Host,
    /// How it was measured.
    pub settings: Settings,
    /// The largest median error of a row, rounded up to 0.1 ms; `None` where a row has too few frames.
    pub accuracy_ms: Option<f64>,
    /// The same for the p99.
    pub p99_accuracy_ms: Option<f64>,
    /// The goal.
    pub goal: Goal,
    /// Each injected delay.
    pub rows: Vec<Row>,
    /// From each time of a frame to the next.
    #[serde(rename = "links")]
    pub hops: Vec<Hop>,
    /// Frames that do not count.
    pub left_out: LeftOut,
    /// How far the wall clock moved against the monotonic one, µs.
    pub clock_moved_us: i64,
    /// The load of the machine.
    pub load: Load,
    /// Why the outcome is not `ok`.
    pub findings: Vec<Finding>,
    /// What stamping and reading cost here, µs for each picture.
    pub costs_us: Costs,
    /// Clock resolution.
    pub timers: Timers,
    /// Camera and screen, where they were measured.
    pub optical: Option<Optical>,
    /// The outcome.
    pub outcome: Outcome,
}

/// How it was measured.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Settings {
    /// Of the pictures.
    pub size: String,
    /// Pictures per second.
    pub fps: u32,
    /// Seconds measured per delay, over all its blocks.
    pub measured_s: f64,
    /// Seconds before the first block, which do not count.
    pub warmup_s: f64,
    /// Of the order of the blocks and of the jitter.
    pub seed: u64,
}

/// The goal of a calibration.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Goal {
    /// `GOAL_P50_MS`.
    pub p50_ms: f64,
    /// `GOAL_P99_MS`.
    pub p99_ms: f64,
    /// Whether every row is within; `None` where that is unknown.
    pub met: Option<bool>,
}

/// Frames that do not count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// They passed the proxy right after a change of the delay.
    pub transition: u64,
    /// A time is missing: lost, unreadable, without SEI.
    pub incomplete: u64,
}

/// The outcome of a calibration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Measured, and within the goal.
    Ok,
    /// Measured, but beyond the goal or with impossible times.
    GoalMissed,
    /// Too few frames, too busy a machine, or a clock that moved.
    Inconclusive,
}

impl Calibration {
    /// Judges what was measured.
    pub fn new(made: String, settings: Settings, session: &Session) -> Self {
        let rows = rows(session);
        let wake_ms = session.load.wake_us.map_or(0.0, |wake| wake.p99 / 1e3);
        let (hops, faults) = hops::judge(&session.frames, wake_ms);
        let still = session.clock_moved_us.abs() <= MAX_MOVED_US;
        let errors: Option<Vec<Spread>> = rows.iter().map(|row| row.error_ms).collect();
        // No rows are no measurement.
        let errors = errors.filter(|errors| !errors.is_empty() && still);
        let largest = |of: fn(&Spread) -> f64| errors.as_ref().map(|all| all.iter().map(of).fold(0.0, f64::max));
        let (p50, p99) = (largest(|error| error.p50), largest(|error| error.p99));
        let met = p50.zip(p99).map(|(p50, p99)| p50 <= GOAL_P50_MS && p99 <= GOAL_P99_MS);
        let mut found = Self {
            schema: SCHEMA,
            made,
            machine: report::host::machine(),
            host: report::host::describe(),
            settings,
            accuracy_ms: p50.map(rounded_up),
            p99_accuracy_ms: p99.map(rounded_up),
            goal: Goal { p50_ms: GOAL_P50_MS, p99_ms: GOAL_P99_MS, met },
            rows,
            hops,
            left_out: session.left_out,
            clock_moved_us: session.clock_moved_us,
            load: session.load,
            findings: Vec::new(),
            costs_us: Costs::default(),
            timers: Timers::default(),
            optical: None,
            outcome: Outcome::Ok,
        };
        found.judge(faults, still);
        found
    }

    /// An impossible time is a fault on any machine; a bad figure may be the machine's.
    fn judge(&mut self, faults: Vec<Finding>, still: bool) {
        let inconclusive = |code: &str, message: String| (Outcome::Inconclusive, vec![Finding::new(code, message)]);
        (self.outcome, self.findings) = match (self.goal.met, self.load.busy()) {
            _ if !still => {
                let micros = self.clock_moved_us;
                let message = format!("the wall clock moved by {micros} µs against the monotonic one: calibrate again");
                inconclusive("clock-moved", message)
            }
            _ if !faults.is_empty() => (Outcome::GoalMissed, faults),
            (None, _) => {
                let least = self.rows.iter().map(Row::frames).min().unwrap_or(0);
                let message = format!("a row has {least} frames, and a p99 takes {MIN_FRAMES}: see left_out");
                inconclusive("few-frames", message)
            }
            (Some(true), _) => (Outcome::Ok, Vec::new()),
            (Some(false), Some(why)) => inconclusive(
                "busy",
                format!("the machine was too busy to tell the instrument's errors from its own: {why}"),
            ),
            (Some(false), None) => (Outcome::GoalMissed, vec![self.missed()]),
        };
    }

    fn missed(&self) -> Finding {
        let Goal { p50_ms, p99_ms, .. } = self.goal;
        let beyond = |row: &&Row| row.error_ms.is_some_and(|error| error.p50 > p50_ms || error.p99 > p99_ms);
        let rows = self.rows.iter().filter(beyond).count();
        Finding::new("goal", format!("{rows} rows are beyond the goal, on a machine that was not busy"))
    }

    /// Adds a camera's measurement. Too few readings make the outcome inconclusive; the accuracy stands, since it does not depend on them.
    pub fn add_optical(&mut self, optical: Optical) {
        if !optical.is_enough() {
            self.outcome = Outcome::Inconclusive;
            let message = format!("the camera read fewer than {MIN_READINGS} frames");
            self.findings.push(Finding::new("few-readings", message));
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

/// A row for each delay, from the least to the greatest.
fn rows(session: &Session) -> Vec<Row> {
    let mut all = session.blocks.clone();
    all.sort_by(|a, b| (a.jitter_ms, a.delay_ms).partial_cmp(&(b.jitter_ms, b.delay_ms)).expect("delays are numbers"));
    let row = |same: &[InjectedDelay]| {
        let frames: Vec<&Frame> =
            session.frames.iter().filter(|frame| session.blocks.get(frame.block) == Some(&same[0])).collect();
        Row::new(same[0], same.len() as u64, &frames)
    };
    all.chunk_by(|a, b| a == b).map(row).collect()
}

/// `error_ms` rounded up to a step, at least one step.
fn rounded_up(error_ms: f64) -> f64 {
    // A hair less, so that 0.4 in floating point does not become 0.5.
    rounded((error_ms / STEP_MS - 1e-9).ceil().max(1.0) * STEP_MS)
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
