//! A run and its report folder: written as the run goes, and read back.
//!
//! [`Recorder`] is the front door. A receiver feeds it with what it saw, ticks it at least 20 times a second, and
//! gets a [`Summary`] at the end:
//!
//! ```text
//! receiver ── Observation, tick … ──▶ Recorder ──▶ Tally (pure: takes `now`, reads no clock, opens no file)
//!                                        └────────▶ folder (a thread of its own writes the files)
//! ```

#[cfg(test)]
extern crate self as report;

pub mod calibration;
pub mod codec;
pub mod comparison;
pub mod dir;
pub mod folder;
pub mod host;
pub mod observation;
pub mod pool;
pub mod recorder;
pub mod regular_file;
pub mod run;
pub mod saved;
pub mod setup;
pub mod summary;
pub mod tally;
#[cfg(test)]
mod testing;
pub mod threshold;
pub mod warning;

pub use observation::Observation;
pub use recorder::{Error, Finished, Recorder};
pub use run::{Outcome, Run};
pub use setup::{Place, Setup};
pub use summary::Summary;
pub use tally::Live;
pub use threshold::Assertion;
pub use warning::Warning;
