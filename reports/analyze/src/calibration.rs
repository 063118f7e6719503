//! What `framelag calibrate` found out about this machine's instrument. `docs/calibration.md` says the same to people,
//! `docs/calibration.schema.json` to programs; [`report::calibration`] says how reports quote it.

mod beside;
mod frames;
mod links;
mod load;
mod proof;
mod spread;

pub use beside::{Costs, MIN_READINGS, Optical, OpticalMs, TimerUs, Timers};
pub use frames::{Frame, Row};
pub use links::{Link, LinkMs};
pub use load::Load;
pub use proof::{
    Asked, Calibration, Finding, GOAL_P50_MS, GOAL_P99_MS, Goal, LeftOut, MIN_FRAMES, Outcome, Session, Settings,
};
pub use spread::Spread;

#[cfg(test)]
mod tests;
