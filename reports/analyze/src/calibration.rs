//! What `framelag calibrate` found out about this machine's instrument. `docs/calibration.md` says the same to people,
//! `docs/calibration.schema.json` to programs; [`report::calibration`] says how reports quote it.

mod beside;
mod finding;
mod frames;
mod links;
mod load;
mod proof;
mod spread;

pub use beside::{Costs, MIN_READINGS, Optical, OpticalMs, TimerUs, Timers};
pub use finding::Finding;
pub use frames::{Asked, Frame, MIN_FRAMES, Row};
pub use links::{Link, LinkMs};
pub use load::Load;
pub use proof::{Calibration, GOAL_P50_MS, GOAL_P99_MS, Goal, LeftOut, Outcome, Session, Settings};
pub use spread::Spread;

#[cfg(test)]
mod tests;
