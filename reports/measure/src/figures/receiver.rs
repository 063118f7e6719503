//! What the receiver went through itself: starting up, interruptions, what measuring cost.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::cost::{Costs, OwnCost};
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
        let mut figures = Self::default();
        for (figure, cost) in figures.each_mut().into_iter().zip(of.each()) {
            *figure = cost.mean_and_max().map(|(mean, max)| CostUs { mean: micros(mean), max: micros(max) });
        }
        figures
    }

    /// Each with its name in `run.json`; those that never happened are left out.
    pub fn named(&self) -> impl Iterator<Item = (&'static str, CostUs)> {
        Self::NAMES.into_iter().zip(self.each()).filter_map(|(name, cost)| Some((name, (*cost)?)))
    }
}
