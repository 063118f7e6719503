//! The accuracy of this machine's measurements, as `framelag calibrate` finds it. `docs/calibration.md` explains it,
//! `docs/calibration.schema.json` has the file's schema, and [`report::calibration`] how reports quote it.

mod frames;
mod hops;
mod instrument;
mod load;
mod proof;
mod spread;

pub use frames::{Frame, InjectedDelay, MIN_FRAMES, Row};
pub use hops::{Finding, Hop, HopMs};
pub use instrument::{Costs, Optical, OpticalMs, TimerUs, Timers};
pub use load::Load;
pub use proof::{Calibration, Goal, LeftOut, Outcome, Session, Settings};
pub use spread::Spread;

#[cfg(test)]
mod tests;
