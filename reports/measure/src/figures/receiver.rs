//! What the receiver went through itself: starting up, interruptions, what measuring cost.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::cost::{Cost, Costs, OwnCost};
use crate::units::rounded;

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
pub type OwnCostUs = OwnCost<Option<CostUs>>;

/// What one thing cost.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
pub struct CostUs {
    /// The arithmetic mean, µs.
    pub mean: f64,
    /// The most, µs.
    pub max: f64,
}

impl OwnCostUs {
    /// From the costs.
    pub fn new(of: &Costs) -> Self {
        let micros = |time: Duration| rounded(time.as_nanos() as f64 / 1e3);
        let cost = |cost: &Cost| {
            let (mean, max) = cost.mean_and_max()?;
            Some(CostUs { mean: micros(mean), max: micros(max) })
        };
        Self {
            wake: cost(&of.wake),
            read: cost(&of.read),
            convert: cost(&of.convert),
            compose: cost(&of.compose),
            hand_over: cost(&of.hand_over),
        }
    }

    /// Each with its name in `run.json`.
    pub const fn named(&self) -> [(&'static str, Option<CostUs>); 5] {
        let Self { wake, read, convert, compose, hand_over } = *self;
        [("wake", wake), ("read", read), ("convert", convert), ("compose", compose), ("hand_over", hand_over)]
    }
}
