//! What else a calibration finds: what the instrument costs, how fine the clocks are, what a camera saw.

use measure::figures::CostUs;
use serde::Serialize;

use super::spread::{Sorted, Spread};

/// Fewer frames that a camera has read say nothing.
pub const MIN_READINGS: u64 = 30;

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
    /// What the receiver itself says that reading cost, `own_cost_us.read` of its `run.json`.
    pub receiver_read: Option<CostUs>,
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

impl Optical {
    /// Enough frames were read for its figures to mean something.
    pub fn is_enough(&self) -> bool {
        self.screen_and_camera_ms.is_some_and(|ms| ms.count >= MIN_READINGS)
    }
}

impl OpticalMs {
    /// The distribution of `values`; none where there are none.
    pub fn of(values: Vec<f64>) -> Option<Self> {
        let count = values.len() as u64;
        let values = Sorted::sorted(values);
        let quantile = |quantile: f64| values.quantile(quantile);
        Some(Self { count, min: quantile(0.0)?, p50: quantile(0.5)?, p99: quantile(0.99)? })
    }
}
