//! What a calibration measures besides accuracy: the instrument's own cost, clock resolution, screen and camera.

use measure::figures::CostUs;
use serde::Serialize;

use super::spread::{Sorted, Spread};

/// The fewest frames a camera has to read for its figures to count.
pub const MIN_READINGS: u64 = 30;

/// What stamping and reading cost on this machine at the calibration's size, µs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Costs {
    /// Painting the corner code.
    pub paint: Option<Spread>,
    /// Painting code and text: the stage `stamp`.
    pub stamp: Option<Spread>,
    /// Reading a code in the place of the last one: the stage `read`.
    pub read: Option<Spread>,
    /// Drawing the receiver's text: part of the stage `present` with a window.
    pub overlay: Option<Spread>,
    /// What the receiver itself says that reading cost, `own_cost_us.read` of its `run.json`.
    pub receiver_read: Option<CostUs>,
}

/// The resolution of the clocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Timers {
    /// The clock that stamps are taken from.
    pub wall: TimerUs,
    /// The clock that durations are taken from.
    pub monotonic: TimerUs,
}

/// The resolution of a clock, µs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct TimerUs {
    /// As the system states it.
    pub resolution: f64,
    /// The smallest step observed.
    pub smallest_step: Option<f64>,
}

/// A camera pointed at the receiver's window.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Optical {
    /// Which camera.
    pub camera: String,
    /// Pictures taken.
    pub pictures: u64,
    /// Of these, without a readable code.
    pub unreadable: u64,
    /// From handing a frame to the window to the camera's first picture of it.
    pub screen_and_camera_ms: Option<OpticalMs>,
    /// Pictures are dated by the camera's driver, not by their arrival.
    pub driver_time: bool,
}

/// The time that screen and camera take, ms.
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
    /// Whether enough frames were read for the figures to count.
    pub fn is_enough(&self) -> bool {
        self.screen_and_camera_ms.is_some_and(|ms| ms.count >= MIN_READINGS)
    }
}

impl OpticalMs {
    /// The distribution of `values`; none where there are none.
    pub fn of(values: Vec<f64>) -> Option<Self> {
        let count = values.len() as u64;
        let values = Sorted::new(values);
        let quantile = |quantile: f64| values.quantile(quantile);
        Some(Self { count, min: quantile(0.0)?, p50: quantile(0.5)?, p99: quantile(0.99)? })
    }
}
