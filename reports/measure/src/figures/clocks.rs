//! What is known of the clocks, and whether the times that come with a frame agree.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::timeline::Event;

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
    pub probes: Option<Probes>,
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
pub struct Probes {
    /// Requests sent.
    pub sent: u64,
    /// Answers believed.
    pub answered: u64,
    /// Answers not believed.
    pub refused: u64,
    /// Refused answers that contradicted those around them.
    #[serde(skip)]
    pub contradicted: u64,
    /// Times the estimate started over: the other clock stepped, or this host slept. In `run.json`
    /// [`ClockFigures::restarts`].
    #[serde(skip)]
    pub restarts: u64,
}
