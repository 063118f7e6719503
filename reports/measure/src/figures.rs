//! The blocks of figures that `run.json` is made of.
//!
//! Read back, what an earlier version did not write yet is `None`, empty or 0.

pub mod browser;
mod clocks;
mod frames;
mod latency;
mod receiver;

pub use clocks::{CaptureFigures, ClockFigures, DifferenceUs, Probes, StampFigures};
pub use frames::{Frames, Pictures};
pub use latency::{AgeMs, Freezes, LatencyMs, StageMs};
pub use receiver::{Connection, CostUs, OwnCostUs, Startup};
